package patch

import (
	"maps"
	"slices"
	"strings"

	"rollcall/directory/schema"
)

// object carries out an operation without a path: each key of the value names
// an attribute (RFC 7644 §3.5.2.1, §3.5.2.3). Keys are taken in their order of
// code points, so that the result does not depend on a map's.
func (e *engine) object(op Op, v any) error {
	m, ok := v.(map[string]any)
	if !ok || op == Remove {
		return schema.Errorf(schema.InvalidValue, "", "without a path the value must be an object of attributes")
	}
	seen := map[string]string{}
	for _, key := range slices.Sorted(maps.Keys(m)) {
		tg, err := e.resolveKey(key)
		if err != nil {
			return err
		}
		if tg == nil {
			if e.options.Strict {
				return schema.Errorf(schema.InvalidSyntax, "", "%q is no attribute of %s", key, e.t.Name)
			}
			continue // B-03
		}
		if err := once(seen, tg, key); err != nil {
			return err
		}
		if err := e.member(op, *tg, m[key]); err != nil {
			return err
		}
	}
	return nil
}

// resolveKey finds what a key of a pathless value names, nil if nothing. Names
// of attributes and URNs are the RFC's; that a key may be any path
// ("name.givenName") is Entra's habit.
func (e *engine) resolveKey(key string) (*target, error) {
	if ext := e.t.Extension(key); ext != nil {
		return &target{extension: ext}, nil
	}
	if strings.EqualFold(key, e.t.Schema.ID) {
		return &target{}, nil
	}
	if a := e.t.Lookup(key); a != nil && (a.Parent == nil || !e.options.Strict) {
		return &target{steps: chain(a)}, nil
	}
	if e.options.Strict {
		return nil, nil
	}
	tg, err := e.resolve(key)
	if se, ok := err.(*schema.Error); ok && se.Type == schema.InvalidPath {
		return nil, nil
	}
	return &tg, err
}

// once refuses two keys that name the same, in different spellings: which one
// counts would be chance.
func once(seen map[string]string, tg *target, key string) error {
	name := ""
	switch {
	case tg.extension != nil:
		name = tg.extension.ID
	case len(tg.steps) > 0:
		last := tg.steps[len(tg.steps)-1]
		for _, s := range tg.steps {
			if s.match != nil {
				return nil // a value path: what it selects is not known yet
			}
		}
		name = last.attr.Path
	}
	if other, twice := seen[name]; twice {
		return schema.Errorf(schema.InvalidSyntax, "", "%q and %q name the same attribute", other, key)
	}
	seen[name] = key
	return nil
}

// member carries out the part of a pathless operation that one key asks for.
// What is readOnly may be echoed, not changed (B-16).
func (e *engine) member(op Op, tg target, v any) error {
	for i, s := range tg.steps {
		if s.attr.Mutability == schema.ReadOnly {
			if e.echoes(tg.steps[:i+1], tg.steps[i+1:], v) {
				return nil
			}
			return schema.Errorf(schema.MutabilityError, s.attr.Path, "is readOnly and the value differs from the stored one")
		}
	}
	if len(tg.steps) == 1 && isSchemas(tg.steps[0].attr) {
		return e.echoSchemas(op, v)
	}
	return e.target(op, tg, v)
}

// extension carries out an operation on an extension as a whole.
func (e *engine) extension(op Op, ext *schema.Schema, v any) error {
	if list, ok := v.([]any); v == nil || ok && len(list) == 0 {
		if op == Add {
			return nil
		}
		op = Remove
	}
	if op == Remove {
		return e.removeExtension(ext)
	}
	m, ok := v.(map[string]any)
	if !ok {
		return schema.Errorf(schema.InvalidValue, ext.ID, "must be an object of attributes")
	}
	qualified := make(map[string]any, len(m))
	for key, v := range m {
		qualified[ext.ID+":"+key] = v
	}
	return e.object(op, qualified)
}

func (e *engine) removeExtension(ext *schema.Schema) error {
	for _, x := range e.t.Extensions {
		if x.Required && x.Schema == ext {
			return schema.Errorf(schema.MutabilityError, ext.ID, "is a required extension")
		}
	}
	stored := e.container(ext.ID)
	writable := false
	for _, a := range ext.Attributes {
		_, assigned := stored[a.Name]
		switch {
		case a.Mutability == schema.ReadOnly && assigned:
			return schema.Errorf(schema.MutabilityError, a.Path, "is readOnly")
		case a.Mutability != schema.ReadOnly:
			writable = true
			if err := fixed(a, stored[a.Name], nil); err != nil {
				return err
			}
		}
	}
	if !writable {
		return schema.Errorf(schema.MutabilityError, ext.ID, "is readOnly")
	}
	return e.within(ext.ID, func(c map[string]any) error { clear(c); return nil })
}
