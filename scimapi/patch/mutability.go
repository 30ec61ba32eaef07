package patch

import (
	"slices"
	"strings"

	"rollcall/directory/schema"
)

// fixed refuses the change of an immutable attribute that has a value, a itself
// or a part of it (RFC 7643 §7). The values of a multi-valued attribute are not
// looked into: they come and go as wholes.
func fixed(a *schema.Attribute, before, after any) error {
	if unassigned(before) {
		return nil
	}
	if a.Mutability == schema.Immutable && !schema.EqualValues(before, after) {
		return schema.Errorf(schema.MutabilityError, a.Path, "is immutable and has a value")
	}
	if a.MultiValued {
		return nil
	}
	return fixedParts(a, before, after)
}

// fixedParts is fixed for the sub-attributes of one value.
func fixedParts(a *schema.Attribute, before, after any) error {
	b, _ := before.(map[string]any)
	n, _ := after.(map[string]any)
	for _, sub := range a.Sub {
		if err := fixed(sub, b[sub.Name], n[sub.Name]); err != nil {
			return err
		}
	}
	return nil
}

// unassigned reports whether a value in Document form stands for none (RFC 7643 §2.5).
func unassigned(v any) bool {
	switch v := v.(type) {
	case nil:
		return true
	case map[string]any:
		return len(v) == 0
	case []any:
		return len(v) == 0
	}
	return false
}

// echoes reports whether v, given for the attribute at the end of at and rest,
// is what the resource has; at ends with the readOnly one. In an object only
// what is named is compared: a client need not repeat everything.
func (e *engine) echoes(at, rest []step, v any) bool {
	if v == nil && !e.options.Strict {
		return true // says nothing about it
	}
	steps := slices.Concat(at, rest)
	var stored any = e.stored(steps[0].attr)
	for _, s := range steps[1:] {
		m, ok := stored.(map[string]any)
		if !ok {
			return unassigned(v)
		}
		stored = m[s.attr.Name]
	}
	return same(steps[len(steps)-1].attr, v, stored)
}

// stored is the value of a top-level attribute, derived ones included.
func (e *engine) stored(a *schema.Attribute) any {
	if v, ok := e.container(a.URN)[a.Name]; ok || e.options.Derived == nil {
		return v
	}
	name := a.Name
	ext := e.t.Extension(a.URN)
	if ext != nil {
		name = ext.ID
	}
	v, err := schema.Unmarshal(e.options.Derived(name))
	if err != nil { // nil: unassigned
		return nil
	}
	if ext != nil {
		m, _ := v.(map[string]any)
		return m[a.Name]
	}
	return v
}

// same reports whether a given JSON value says nothing else than the stored one.
func same(a *schema.Attribute, given, stored any) bool {
	if unassigned(given) || unassigned(stored) {
		return unassigned(given) && unassigned(stored)
	}
	switch g := given.(type) {
	case map[string]any:
		s, ok := stored.(map[string]any)
		if !ok {
			return false
		}
		for key, v := range g {
			sub := a.Attribute(key)
			if sub == nil || !same(sub, v, s[sub.Name]) {
				return false
			}
		}
		return true
	case []any:
		s, ok := stored.([]any)
		if !ok || len(g) != len(s) {
			return false
		}
		left := slices.Clone(s)
		for _, v := range g {
			i := slices.IndexFunc(left, func(o any) bool { return same(a, v, o) })
			if i < 0 {
				return false
			}
			left = slices.Delete(left, i, i+1)
		}
		return true
	case string:
		s, ok := stored.(string)
		return ok && (g == s || a.Kind != schema.Binary && a.Key(g) == a.Key(s))
	}
	return schema.EqualValues(given, stored)
}

func isSchemas(a *schema.Attribute) bool {
	return a.URN == "" && a.Parent == nil && strings.EqualFold(a.Name, "schemas")
}
