package patch

import (
	"fmt"
	"strings"

	"rollcall/directory/filter"
	"rollcall/directory/schema"
)

// isMembers reports whether a is the attribute whose values are kept apart from the document: Group.members.
func isMembers(a *schema.Attribute) bool {
	return a.Parent == nil && a.Name == "members" && a.URN == schema.GroupURN
}

// changeMembers carries out an operation on members of a Group. Members come and go as wholes; what is said of one is
// immutable or readOnly (RFC 7643 §4.2).
func (e *engine) changeMembers(op Op, steps []step, v any) error {
	// Some of the members, or all.
	s, rest := steps[0], steps[1:]
	switch {
	case s.match != nil:
		return e.selectMembers(op, s, rest, v)
	case len(rest) > 0:
		return wholesOnly(rest[0].attr)
	case op == Remove && v == nil:
		e.members.replace()
		return nil
	}

	// Members that the value lists.
	elements, err := e.memberValues(s.attr, v)
	if err != nil {
		return err
	}
	if op == Replace {
		e.members.replace()
	}
	for _, m := range elements {
		id := m["value"].(string)
		switch key := s.attr.Attribute("value").Key(id); op {
		case Add:
			e.members.add(key, m)
		case Replace:
			e.members.put(key, entry{id: id, state: listed, element: m})
		case Remove:
			e.members.remove(key, id)
		}
	}
	return nil
}

func wholesOnly(sub *schema.Attribute) error {
	return schema.Errorf(schema.MutabilityError, sub.Path, "is %s; add and remove whole members", sub.Mutability)
}

// memberValues reads members as clients list them: an array or a single one, objects or (unless strict) bare ids. ""
// and null are no members: a list of them does not stand for an empty one.
func (e *engine) memberValues(a *schema.Attribute, v any) ([]map[string]any, error) {
	given := e.listOf(v)
	if v == "" {
		given = []any{v}
	}
	for i, x := range given {
		if id, ok := x.(string); ok && !e.strict {
			given[i] = map[string]any{"value": id}
			x = given[i]
		}
		if m, ok := x.(map[string]any); x == nil || ok && !hasValue(m) {
			return nil, valueRequired(a, i)
		}
	}
	parsed, err := e.t.ParseValue(a, given, e.mode())
	if err != nil {
		return nil, err
	}
	list, _ := parsed.([]any)
	out := make([]map[string]any, 0, len(list))
	for i, x := range list {
		m, _ := x.(map[string]any)
		if !hasValue(m) {
			return nil, valueRequired(a, i)
		}
		out = append(out, m)
	}
	return out, nil
}

func valueRequired(a *schema.Attribute, i int) error {
	return schema.Errorf(schema.InvalidValue, fmt.Sprintf("%s[%d].value", a.Path, i),
		"is required: it is the id of a User or Group")
}

func hasValue(m map[string]any) bool {
	for name, v := range m {
		if strings.EqualFold(name, "value") && v != nil && v != "" {
			return true
		}
	}
	return false
}

// selectMembers carries out an operation on the members that a filter selects.
func (e *engine) selectMembers(op Op, s step, rest []step, v any) error {
	if len(rest) > 0 {
		// A member's parts do not change: only value and type can be said again.
		if sub := rest[0].attr; op == Remove || sub.Name != "value" && sub.Name != "type" {
			return wholesOnly(sub)
		}
	} else if op == Replace && unassigned(v) {
		op = Remove
	}

	// The usual case, removal by id, asks for nothing.
	key := s.attr.Attribute("value").Key
	if ids, ok := valueEquals(s.expr); ok && op == Remove {
		for _, id := range ids {
			e.members.remove(key(id), id)
		}
		return nil
	}

	// All others look at the members.
	selected, err := e.selected(s, len(rest) > 0 && rest[0].attr.Name != "value")
	if err != nil {
		return err
	}
	if len(selected) == 0 && op != Remove {
		return e.createMember(op, s, rest, v)
	}
	for _, m := range selected {
		if id := m["value"].(string); op == Remove {
			e.members.remove(key(id), id)
		} else if _, err := e.element(Add, s.attr, rest, m, v); err != nil {
			return err // otherwise the value says nothing new
		}
	}
	return nil
}

// selected lists the members that a filter selects, described in full or at least by their ids.
func (e *engine) selected(s step, full bool) ([]map[string]any, error) {
	key := s.attr.Attribute("value").Key
	var out []map[string]any
	if ids, ok := valueEquals(s.expr); ok && !full {
		for _, id := range ids {
			if e.members.has(key(id), id) {
				out = append(out, map[string]any{"value": id})
			}
		}
		return out, nil
	}
	for _, m := range e.members.all(key) {
		if err := e.visit(1); err != nil {
			return nil, err
		}
		ok, err := e.selects(s, m)
		if err != nil {
			return nil, err
		}
		if ok {
			out = append(out, m)
		}
	}
	return out, nil
}

// createMember adds the member that a path stands for when the Group does not have it (B-13). A replace is refused:
// there is nothing to replace.
func (e *engine) createMember(op Op, s step, rest []step, v any) error {
	base := map[string]any{}
	if op == Replace || !conditions(s.expr, s.attr, base) || base["value"] == nil {
		return schema.Errorf(schema.NoTarget, s.attr.Path, "the filter matches no member")
	}
	x, err := e.created(op, s, rest, v)
	if err != nil || x == nil {
		return err
	}
	m := x.(map[string]any) // it has the value that the filter names
	e.members.add(s.attr.Attribute("value").Key(m["value"].(string)), m)
	return nil
}

// valueEquals lists the ids that a filter asks for, if it does nothing else: value eq "a", or several of these joined
// by or.
func valueEquals(x filter.Expr) ([]string, bool) {
	switch x := x.(type) {
	case *filter.Compare:
		if strings.EqualFold(x.Path.String(), "value") && x.Op == filter.Eq && x.Value.Kind == filter.String {
			return []string{x.Value.Text}, true
		}
	case *filter.Or:
		left, ok := valueEquals(x.Left)
		if !ok {
			return nil, false
		}
		right, ok := valueEquals(x.Right)
		return append(left, right...), ok
	}
	return nil, false
}
