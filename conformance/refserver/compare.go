package refserver

import (
	"encoding/json"
	"math/big"
	"slices"
	"strings"
)

// compare makes the test for "attribute operator operand".
func (p *parser) compare(r ref, op string, operand any) (matcher, error) {
	if r.attr == nil {
		return nil, badFilter("an extension cannot be compared")
	}
	leaf := r.leaf()
	if leaf.typ == "complex" {
		// Clients compare the bare name of a complex attribute with its value.
		s := findAttr(leaf.subs, "value")
		if s == nil || r.sub != nil {
			return nil, badFilter("%s is complex: name a sub-attribute", leaf.name)
		}
		r.sub, leaf = s, s
	}
	test, err := leaf.test(op, operand)
	if err != nil {
		return nil, err
	}
	if op != "eq" {
		p.only = false
	} else if p.elem != nil {
		if p.eqs == nil {
			p.eqs = obj{}
		}
		p.eqs[leaf.name] = operand
	}
	return func(v obj) bool {
		vals := values(v, r)
		if op == "ne" && len(vals) == 0 {
			return operand != nil
		}
		if operand == nil {
			any := slices.ContainsFunc(vals, present)
			return any == (op == "ne")
		}
		return slices.ContainsFunc(vals, test)
	}, nil
}

// test compares one value with the operand.
func (a *attr) test(op string, operand any) (func(any) bool, error) {
	if operand == nil {
		if op != "eq" && op != "ne" {
			return nil, badFilter("null can only be compared by eq and ne")
		}
		return nil, nil
	}
	ordered := strings.Contains("gt ge lt le", op)
	partial := strings.Contains("co sw ew", op)
	switch a.typ {
	case "boolean":
		if s, ok := operand.(string); ok && (strings.EqualFold(s, "true") || strings.EqualFold(s, "false")) {
			operand = strings.EqualFold(s, "true")
		}
		want, ok := operand.(bool)
		if ordered || partial || !ok {
			return nil, badFilter("%s is boolean and takes eq and ne with true or false", a.name)
		}
		return func(v any) bool {
			b, ok := v.(bool)
			return (ok && b == want) == (op == "eq")
		}, nil
	case "integer", "decimal":
		n, ok := operand.(json.Number)
		if partial || !ok {
			return nil, badFilter("%s is a number", a.name)
		}
		want, _ := new(big.Float).SetString(n.String())
		return func(v any) bool {
			m, ok := v.(json.Number)
			if !ok {
				return op == "ne"
			}
			got, _ := new(big.Float).SetString(m.String())
			return holds(op, got.Cmp(want))
		}, nil
	case "dateTime":
		s, _ := operand.(string)
		want, ok := parseTime(s)
		if partial || !ok {
			return nil, badFilter("%s is a dateTime", a.name)
		}
		return func(v any) bool {
			got, ok := parseTime(str(v))
			if !ok {
				return op == "ne"
			}
			return holds(op, got.Compare(want))
		}, nil
	case "binary":
		if ordered {
			return nil, badFilter("%s is binary and has no order", a.name)
		}
	}
	want, ok := operand.(string)
	if !ok {
		return nil, badFilter("%s is a string", a.name)
	}
	if !a.exact {
		want = fold(want)
	}
	return func(v any) bool {
		got, ok := v.(string)
		if !ok {
			return op == "ne"
		}
		if !a.exact {
			got = fold(got)
		}
		switch op {
		case "co":
			return strings.Contains(got, want)
		case "sw":
			return strings.HasPrefix(got, want)
		case "ew":
			return strings.HasSuffix(got, want)
		}
		return holds(op, strings.Compare(got, want))
	}, nil
}

func str(v any) string { s, _ := v.(string); return s }

func holds(op string, cmp int) bool {
	switch op {
	case "eq":
		return cmp == 0
	case "ne":
		return cmp != 0
	case "gt":
		return cmp > 0
	case "ge":
		return cmp >= 0
	case "lt":
		return cmp < 0
	}
	return cmp <= 0
}
