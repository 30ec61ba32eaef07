package patch

import (
	"maps"
	"slices"

	"rollcall/directory/filter"
	"rollcall/directory/schema"
)

// elements carries out an operation on some values of a multi-valued attribute: those that a filter selects, or all if
// only a sub-attribute is named.
func (e *engine) elements(op Op, s step, rest []step, before, v any) (any, error) {
	list, _ := before.([]any)
	if err := e.visit(len(list)); err != nil {
		return nil, err
	}

	// The values that are there.
	out := slices.Clone(list)
	var touched []int
	for i, x := range list {
		if ok, err := e.selects(s, x); err != nil {
			return nil, err
		} else if !ok {
			continue
		}
		touched = append(touched, i)
		err := e.visit(costOfChange)
		if err != nil {
			return nil, err
		}
		if out[i], err = e.element(op, s.attr, rest, x, v); err != nil {
			return nil, err
		}
	}

	// If there are none, perhaps a new one.
	if len(touched) == 0 {
		if op == Remove {
			return before, nil // B-14
		}
		x, err := e.created(op, s, rest, v)
		if err != nil || x == nil {
			return before, err
		}
		touched, out = append(touched, len(out)), append(out, x)
	}
	if err := onePrimary(s.attr, out, touched); err != nil {
		return nil, err
	}
	return joined(s.attr, out, touched), nil
}

// selects reports whether the step is about the value. Error: that of spend.
func (e *engine) selects(s step, x any) (bool, error) {
	if s.match == nil {
		return true, nil
	}
	if err := e.work(s.match.Comparisons()); err != nil {
		return false, err
	}
	return s.match.Match(x), nil
}

// joined is list without touched values of which nothing is left. Touched values that became the same as another are
// joined with it (RFC 7643 §2.4). list is ours.
func joined(a *schema.Attribute, list []any, touched []int) []any {
	changed := make([]any, len(touched))
	for k, i := range touched {
		changed[k], list[i] = list[i], nil
	}
	find := finder(a, list, len(touched))
	for k, x := range changed {
		if unassigned(x) {
			continue
		}
		if i := find(x); i >= 0 {
			list[i] = completed(list[i], x)
		} else {
			list[touched[k]] = x
		}
	}
	return slices.DeleteFunc(list, unassigned)
}

// element carries out an operation on one value, or on what rest names of it. nil means that nothing is left.
func (e *engine) element(op Op, a *schema.Attribute, rest []step, x, v any) (any, error) {
	switch {
	case len(rest) > 0:
		c := clone(x)
		if err := e.modify(op, c, rest, v); err != nil || len(c) == 0 {
			return nil, err
		}
		return c, nil
	case op == Remove:
		return nil, nil
	case op == Add && a.Kind == schema.Complex:
		return e.merged(op, a, x, v)
	}
	after, err := e.parseOne(a, v) // the whole value is replaced (B-15)
	if err != nil {
		return nil, err
	}
	return after, fixedParts(a, x, after)
}

// parseOne reads one value of a multi-valued attribute; nil is unassigned.
func (e *engine) parseOne(a *schema.Attribute, v any) (any, error) {
	if list, ok := v.([]any); ok && len(list) == 1 && !e.strict {
		v = list[0]
	}
	if v == nil {
		return nil, nil
	}
	parsed, err := e.t.ParseValue(a, []any{v}, e.mode())
	if err != nil {
		return nil, err
	}
	if list, _ := parsed.([]any); len(list) == 1 {
		return list[0], nil
	}
	return nil, nil
}

// created is the value that a path stands for when it selects none (B-13), nil if there is nothing to set. Without a
// filter that is the absent attribute's first value (RFC 7644 §3.5.2.3: replace is treated as add).
func (e *engine) created(op Op, s step, rest []step, v any) (any, error) {
	base, err := e.filtered(op, s, rest)
	if err != nil || unassigned(v) || v == "" {
		return nil, err
	}
	given, err := e.complexValue(s.attr, e.nest(rest, v))
	if err != nil {
		return nil, err
	}
	for name := range given {
		if sub := s.attr.Attribute(name); sub != nil {
			delete(base, sub.Name)
		}
	}
	maps.Copy(base, given)
	x, err := e.parseOne(s.attr, base)
	if err != nil || x == nil {
		return nil, err
	}
	if s.match != nil && !s.match.Match(x) {
		return nil, schema.Errorf(schema.NoTarget, s.attr.Path,
			"the filter matches no value, and not the one given either")
	}
	return x, nil
}

// filtered is what a filter says of the value that it selects. The error is for a filter of which no value can be made,
// and for replace (RFC 7644 §3.5.2.3), but for one part of the value of a canonical type, which Entra ID sets so.
func (e *engine) filtered(op Op, s step, rest []step) (map[string]any, error) {
	base := map[string]any{}
	switch {
	case s.match == nil:
		return base, nil
	case e.strict || s.attr.Kind != schema.Complex || !conditions(s.expr, s.attr, base),
		op == Replace && (len(rest) == 0 || !canonicalType(s.attr, base)):
		return nil, schema.Errorf(schema.NoTarget, s.attr.Path, "the filter matches no value")
	}
	return base, nil
}

// nest is the object in which rest leads to v.
func (e *engine) nest(rest []step, v any) any {
	for _, s := range slices.Backward(rest) {
		if s.attr.MultiValued {
			v = e.listOf(v)
		}
		v = map[string]any{s.attr.Name: v}
	}
	return v
}

// conditions puts what a conjunction of eq demands of a value into base; false if the filter is anything else.
func conditions(x filter.Expr, a *schema.Attribute, base map[string]any) bool {
	switch x := x.(type) {
	case *filter.And:
		return conditions(x.Left, a, base) && conditions(x.Right, a, base)
	case *filter.Compare:
		sub := a.Attribute(x.Path.Name)
		if x.Op != filter.Eq || sub == nil || x.Path.Sub != "" {
			return false
		}
		if _, twice := base[sub.Name]; twice {
			return false
		}
		switch x.Value.Kind {
		case filter.String:
			base[sub.Name] = x.Value.Text
		case filter.Bool:
			base[sub.Name] = x.Value.Bool
		default: // neither a number nor null tells one mail, phone or address from another
			return false
		}
		return true
	}
	return false
}

// canonicalType reports whether the only condition is one of the types that the schema lists: then a replace is an
// Entra ID client's way to set that one value.
func canonicalType(a *schema.Attribute, base map[string]any) bool {
	typ := a.Attribute("type")
	v, ok := base["type"].(string)
	return ok && typ != nil && len(base) == 1 && slices.ContainsFunc(typ.CanonicalValues,
		func(c string) bool { return typ.Key(c) == typ.Key(v) })
}
