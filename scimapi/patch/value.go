package patch

import (
	"maps"
	"slices"

	"rollcall/directory/schema"
)

// modify carries out an operation on what steps name, below c, which is ours to write to.
func (e *engine) modify(op Op, c map[string]any, steps []step, v any) error {
	s, rest := steps[0], steps[1:]
	a, before := s.attr, c[s.attr.Name]
	after, err := e.modified(op, s, rest, before, v)
	if err != nil {
		return err
	}

	// What the operation must not do.
	whole := len(rest) == 0 && s.match == nil
	if op == Remove && a.Required && unassigned(after) && (whole || !unassigned(before)) {
		return schema.Errorf(schema.MutabilityError, a.Path, "is required")
	}
	if err := fixed(a, before, after); err != nil {
		return err
	}

	// The new value. A new id takes the old one's address away.
	if unassigned(after) {
		delete(c, a.Name)
	} else {
		c[a.Name] = after
	}
	if a.Parent != nil && a.Name == "value" && !schema.EqualValues(before, after) {
		delete(c, "$ref")
	}
	return nil
}

// modified is the value that an operation makes of the value before it.
func (e *engine) modified(op Op, s step, rest []step, before, v any) (any, error) {
	switch {
	case s.match != nil || s.attr.MultiValued && len(rest) > 0:
		return e.elements(op, s, rest, before, v)
	case len(rest) > 0:
		child := clone(before)
		return child, e.modify(op, child, rest, v)
	case op == Remove:
		return e.removed(s.attr, before, v)
	}
	return e.value(op, s.attr, before, v)
}

// value is what add or replace make of a whole attribute.
func (e *engine) value(op Op, a *schema.Attribute, before, v any) (any, error) {
	switch {
	case a.MultiValued && op == Add:
		return e.appended(a, before, v)
	case a.MultiValued:
		after, err := e.t.ParseValue(a, v, e.mode())
		if err == nil && sameSet(a, before, after) {
			return before, nil
		}
		return after, err
	case a.Kind == schema.Complex && v == nil:
		return nil, nil
	case a.Kind == schema.Complex:
		return e.merged(op, a, before, v)
	}
	after, err := e.t.ParseValue(a, v, e.mode())
	if err == nil && a.Mutability == schema.WriteOnly {
		return before, nil // checked and not kept
	}
	return after, err
}

// removed is what remove leaves of a whole attribute: nothing, or if values are listed for a multi-valued attribute,
// the others.
func (e *engine) removed(a *schema.Attribute, before, v any) (any, error) {
	if !a.MultiValued || v == nil {
		return nil, nil
	}
	given := e.listOf(v)
	for i, x := range given {
		if s, ok := x.(string); ok && a.Attribute("value") != nil {
			given[i] = map[string]any{"value": s}
		}
	}
	parsed, err := e.t.ParseValue(a, given, e.mode())
	if err != nil {
		return nil, err
	}
	unwanted, _ := parsed.([]any)
	list, _ := before.([]any)
	if err := e.visit(len(list) * len(unwanted)); err != nil {
		return nil, err
	}
	return slices.DeleteFunc(slices.Clone(list), func(x any) bool {
		return slices.ContainsFunc(unwanted, func(u any) bool { return means(a, u, x) })
	}), nil
}

// merged is a complex value with the sub-attributes of v set and the others kept (RFC 7644 §3.5.2.1, §3.5.2.3).
func (e *engine) merged(op Op, a *schema.Attribute, before, v any) (any, error) {
	m, err := e.complexValue(a, v)
	if err != nil || m == nil && op == Replace {
		return nil, err
	}
	given, err := e.subAttributes(a, m)
	if err != nil {
		return nil, err
	}
	out := clone(before)
	if e.interop && op == Replace {
		out = map[string]any{} // what only the server writes comes back by Carry
	}
	for _, sub := range valueFirst(a) {
		v, ok := given[sub]
		if !ok {
			continue
		}
		if err := e.modify(op, out, []step{{attr: sub}}, v); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// subAttributes are the values in m by the sub-attributes of a that a client may write.
func (e *engine) subAttributes(a *schema.Attribute, m map[string]any) (map[*schema.Attribute]any, error) {
	given := map[*schema.Attribute]any{}
	for _, key := range slices.Sorted(maps.Keys(m)) {
		sub := a.Attribute(key)
		switch _, twice := given[sub]; {
		case sub == nil && (e.strict || e.known):
			return nil, schema.Errorf(schema.InvalidSyntax, a.Path+"."+key, "is unknown")
		case sub == nil || sub.Mutability == schema.ReadOnly:
			continue
		case twice:
			return nil, schema.Errorf(schema.InvalidSyntax, sub.Path, "is given twice")
		}
		given[sub] = m[key]
	}
	return given, nil
}

// valueFirst lists the sub-attributes with "value" before the others: a new value takes the old $ref away, and the same
// operation may bring a new one.
func valueFirst(a *schema.Attribute) []*schema.Attribute {
	i := slices.IndexFunc(a.Sub, func(s *schema.Attribute) bool { return s.Name == "value" })
	if i <= 0 {
		return a.Sub
	}
	return slices.Concat(a.Sub[i:i+1], a.Sub[:i], a.Sub[i+1:])
}

// complexValue is the object given for one complex value; nil stands for unassigned. Entra ID sends a manager as a
// string or in an array.
func (e *engine) complexValue(a *schema.Attribute, v any) (map[string]any, error) {
	if !e.strict && a.Attribute("value") != nil {
		if list, ok := v.([]any); ok && len(list) == 0 {
			v = nil
		} else if ok && len(list) == 1 {
			v = list[0]
		}
		if s, ok := v.(string); ok && s == "" {
			v = nil
		} else if ok && !a.MultiValued {
			v = map[string]any{"value": s}
		}
	}
	if v == nil {
		return nil, nil
	}
	if m, ok := v.(map[string]any); ok {
		return m, nil
	}
	return nil, schema.Errorf(schema.InvalidValue, a.Path, "must be an object")
}

// listOf is v as a list of its own: one value stands for a list of it and, unless strict, "" for none.
func (e *engine) listOf(v any) []any {
	if list, ok := v.([]any); ok {
		return slices.Clone(list)
	}
	if v == nil || v == "" && !e.strict {
		return nil
	}
	return []any{v}
}
