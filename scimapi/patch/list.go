package patch

import (
	"maps"
	"slices"

	"rollcall/directory/schema"
)

// appended is a multi-valued attribute with values added. Values that it has already are completed rather than repeated
// (RFC 7644 §3.5.2.1).
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

	// Each value is new, or completes one that is there.
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

// completed is old with what else x says. The spelling of value and type stays: x was found to repeat them.
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

// onePrimary ends primary for the other values when a touched one has it (RFC 7644 §3.5.2). list is ours, its values
// are not.
func onePrimary(a *schema.Attribute, list []any, touched []int) error {
	if a.Attribute("primary") == nil {
		return nil
	}
	chosen := -1
	for _, i := range touched {
		if !isPrimary(list[i]) || i == chosen {
			continue
		}
		if chosen >= 0 {
			return schema.Errorf(schema.InvalidValue, a.Path+".primary", "can be true for only one value")
		}
		chosen = i
	}
	if chosen < 0 {
		return nil
	}
	for i, x := range list {
		if i != chosen && isPrimary(x) {
			m := clone(x)
			m["primary"] = false
			list[i] = m
		}
	}
	return nil
}

func isPrimary(x any) bool {
	m, _ := x.(map[string]any)
	return m["primary"] == true
}
