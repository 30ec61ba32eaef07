package patch

import (
	"encoding/json"
	"maps"
	"slices"

	"rollcall/directory/schema"
)

// appended is a multi-valued attribute with values added; those that it has
// already are completed rather than repeated (RFC 7644 §3.5.2.1).
func (e *engine) appended(a *schema.Attribute, before, v any) (any, error) {
	parsed, err := e.t.ParseValue(a, e.listOf(v), e.mode())
	if err != nil {
		return nil, err
	}
	values, _ := parsed.([]any)
	if len(values) == 0 {
		return before, nil
	}
	list, _ := before.([]any)
	if err := e.visit(len(list) + len(values)); err != nil {
		return nil, err
	}
	out := slices.Clone(list)
	find := finder(a, list, len(values))
	touched := make([]int, 0, len(values))
	for _, x := range values {
		i := find(x)
		if i < 0 {
			touched, out = append(touched, len(out)), append(out, x)
			continue
		}
		old := out[i]
		out[i] = completed(old, x)
		if err := fixedParts(a, old, out[i]); err != nil {
			return nil, err
		}
		touched = append(touched, i)
	}
	return out, onePrimary(a, out, touched)
}

// finder gives a function that finds a value in list. Many values are found by
// an index, a few without making one.
func finder(a *schema.Attribute, list []any, many int) func(x any) int {
	if many < 8 {
		return func(x any) int {
			return slices.IndexFunc(list, func(y any) bool { return repeats(a, x, y) })
		}
	}
	index := make(map[string]int, len(list))
	for i, x := range list {
		if x != nil {
			index[identity(a, x)] = i
		}
	}
	return func(x any) int {
		if i, ok := index[identity(a, x)]; ok {
			return i
		}
		return -1
	}
}

// repeats reports whether x and y are the same value of a: the same pair of type
// and value (RFC 7643 §2.4), or without a value the same in all parts.
func repeats(a *schema.Attribute, x, y any) bool {
	m, ok := x.(map[string]any)
	n, ok2 := y.(map[string]any)
	if !ok || !ok2 {
		return equalParts(a, x, y)
	}
	if m["value"] == nil || n["value"] == nil {
		return schema.EqualValues(writable(a, x), writable(a, y))
	}
	return equalParts(a.Attribute("value"), m["value"], n["value"]) && equalParts(a.Attribute("type"), m["type"], n["type"])
}

// identity is a key that repeated values share.
func identity(a *schema.Attribute, x any) string {
	m, ok := x.(map[string]any)
	switch {
	case !ok:
		return "v" + key(a, x)
	case m["value"] == nil:
		return "o" + encode(writable(a, x))
	}
	return "p" + key(a.Attribute("type"), m["type"]) + "\x00" + key(a.Attribute("value"), m["value"])
}

func key(a *schema.Attribute, v any) string {
	if s, ok := v.(string); ok && a != nil {
		return "s" + a.Key(s)
	}
	if v == nil {
		return ""
	}
	return encode(v)
}

// encode is the JSON of a value, members in order of their names.
func encode(v any) string {
	b, err := json.Marshal(v)
	if err != nil { // only what JSON can hold comes here
		panic(err)
	}
	return string(b)
}

// equalParts compares two simple values as their attribute says; a may be nil.
func equalParts(a *schema.Attribute, x, y any) bool {
	s, ok := x.(string)
	t, ok2 := y.(string)
	if ok && ok2 {
		return s == t || a != nil && a.Key(s) == a.Key(t)
	}
	return schema.EqualValues(x, y)
}

// means reports whether a value that a client lists for removal is x. What it
// says beside value and type (display, $ref, primary) does not tell values apart.
func means(a *schema.Attribute, listed, x any) bool {
	m, ok := listed.(map[string]any)
	n, ok2 := x.(map[string]any)
	if !ok || !ok2 {
		return equalParts(a, listed, x)
	}
	told := false
	for name, v := range m {
		if m["value"] != nil && name != "value" && name != "type" || name == "primary" && v == false {
			continue
		}
		if !equalParts(a.Attribute(name), v, n[name]) {
			return false
		}
		told = true
	}
	return told
}

// completed is old with what x says more. The spelling of value and type stays:
// x was found to repeat them.
func completed(old, x any) any {
	n, ok := x.(map[string]any)
	if !ok {
		return old
	}
	out := clone(old)
	value, typ := out["value"], out["type"]
	maps.Copy(out, n)
	if value != nil {
		out["value"] = value
	}
	if typ != nil {
		out["type"] = typ
	}
	return out
}

// onePrimary ends primary for the other values when a touched one has it
// (RFC 7644 §3.5.2). list is ours, its values are not.
func onePrimary(a *schema.Attribute, list []any, touched []int) error {
	if a.Attribute("primary") == nil {
		return nil
	}
	chosen := -1
	for _, i := range touched {
		if m, _ := list[i].(map[string]any); m["primary"] != true || i == chosen {
			continue
		}
		if chosen >= 0 {
			return schema.Errorf(schema.InvalidValue, a.Path+".primary", "may be true for one value only")
		}
		chosen = i
	}
	if chosen < 0 {
		return nil
	}
	for i, x := range list {
		if m, _ := x.(map[string]any); i != chosen && m["primary"] == true {
			m = maps.Clone(m)
			m["primary"] = false
			list[i] = m
		}
	}
	return nil
}

// sameSet reports whether two lists hold the same values in whatever order: the
// values of an attribute have none (RFC 7643 §2.4).
func sameSet(a *schema.Attribute, x, y any) bool {
	s, ok := x.([]any)
	t, ok2 := y.([]any)
	if !ok || !ok2 || len(s) != len(t) {
		return unassigned(x) && unassigned(y)
	}
	count := make(map[string]int, len(s))
	for _, v := range s {
		count[encode(writable(a, v))]++
	}
	for _, v := range t {
		k := encode(v)
		if count[k]--; count[k] < 0 {
			return false
		}
	}
	return true
}

// writable is a value without what only the server says of it.
func writable(a *schema.Attribute, x any) any {
	m, ok := x.(map[string]any)
	if !ok {
		return x
	}
	for _, sub := range a.Sub {
		if _, has := m[sub.Name]; has && sub.Mutability == schema.ReadOnly {
			m = maps.Clone(m)
			maps.DeleteFunc(m, func(name string, _ any) bool { return a.Attribute(name).Mutability == schema.ReadOnly })
			break
		}
	}
	return m
}
