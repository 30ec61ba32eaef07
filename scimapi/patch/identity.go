package patch

import (
	"encoding/json"
	"maps"
	"slices"

	"rollcall/directory/schema"
)

// finder returns a function that finds a value in list, or -1. It makes an index if many values are to be found.
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

// repeats reports whether x and y are the same value of a: the same pair of type and value (RFC 7643 §2.4), or without
// a value the same in all parts.
func repeats(a *schema.Attribute, x, y any) bool {
	m, ok := x.(map[string]any)
	n, ok2 := y.(map[string]any)
	if !ok || !ok2 {
		return equalParts(a, x, y)
	}
	if m["value"] == nil || n["value"] == nil {
		return schema.EqualValues(writable(a, x), writable(a, y))
	}
	return equalParts(a.Attribute("value"), m["value"], n["value"]) &&
		equalParts(a.Attribute("type"), m["type"], n["type"])
}

// identity is a key that two values share if one repeats the other.
func identity(a *schema.Attribute, x any) string {
	m, ok := x.(map[string]any)
	switch {
	case !ok:
		return "v" + partKey(a, x)
	case m["value"] == nil:
		return "o" + encode(writable(a, x))
	}
	return "p" + partKey(a.Attribute("type"), m["type"]) + "\x00" + partKey(a.Attribute("value"), m["value"])
}

// partKey is a key that two simple values share if equalParts says that they are the same; a may be nil.
func partKey(a *schema.Attribute, v any) string {
	if s, ok := v.(string); ok && a != nil {
		return "s" + a.Key(s)
	}
	if v == nil {
		return ""
	}
	return encode(v)
}

// encode is the JSON of a value, members in the order of their names.
func encode(v any) string {
	b, err := json.Marshal(v)
	if err != nil { // values come from JSON
		panic(err)
	}
	return string(b)
}

// equalParts compares two simple values by the rules of their attribute; a may be nil.
func equalParts(a *schema.Attribute, x, y any) bool {
	s, ok := x.(string)
	t, ok2 := y.(string)
	if ok && ok2 {
		return s == t || a != nil && a.Key(s) == a.Key(t)
	}
	return schema.EqualValues(x, y)
}

// means reports whether a value that a client lists for removal is x. What it says beside value and type (display,
// $ref, primary) does not tell values apart.
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

// sameSet reports whether two lists hold the same values in whatever order: the values of an attribute have no order
// (RFC 7643 §2.4).
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
