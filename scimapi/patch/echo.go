package patch

import (
	"slices"

	"rollcall/directory/schema"
)

// repeated refuses an action on a readOnly attribute whose value is not the current one. In an object only what is
// named is compared: a client need not repeat everything.
func (e *engine) repeated(a action) error {
	top := a.steps[0].attr
	current, ok := e.container(top.URN)[top.Name]
	if !ok {
		current = a.derived
	}
	for _, s := range a.steps[1:] {
		m, ok := current.(map[string]any)
		if !ok {
			current = nil
			break
		}
		current = m[s.attr.Name]
	}
	if same(a.steps[len(a.steps)-1].attr, a.value, current) {
		return nil
	}
	at := a.steps[a.readOnly-1].attr.Path
	return schema.Errorf(schema.MutabilityError, at, "is readOnly, and the value differs from the current one")
}

// same reports whether a given JSON value says nothing but what the current one says.
func same(a *schema.Attribute, given, current any) bool {
	if unassigned(given) || unassigned(current) {
		return unassigned(given) && unassigned(current)
	}
	switch g := given.(type) {
	case map[string]any:
		c, ok := current.(map[string]any)
		return ok && sameMembers(a, g, c)
	case []any:
		c, ok := current.([]any)
		return ok && sameElements(a, g, c)
	case string:
		c, ok := current.(string)
		return ok && (g == c || a.Kind != schema.Binary && a.Key(g) == a.Key(c))
	}
	return schema.EqualValues(given, current)
}

func sameMembers(a *schema.Attribute, given, current map[string]any) bool {
	for key, v := range given {
		sub := a.Attribute(key)
		if sub == nil || !same(sub, v, current[sub.Name]) {
			return false
		}
	}
	return true
}

// sameElements compares lists in whatever order.
func sameElements(a *schema.Attribute, given, current []any) bool {
	if len(given) != len(current) {
		return false
	}
	left := slices.Clone(current)
	for _, v := range given {
		i := slices.IndexFunc(left, func(c any) bool { return same(a, v, c) })
		if i < 0 {
			return false
		}
		left = slices.Delete(left, i, i+1)
	}
	return true
}
