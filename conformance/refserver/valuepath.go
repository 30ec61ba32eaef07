package refserver

import (
	"reflect"
	"slices"
	"strings"
)

// filtered applies the operation at attr[filter] or attr[filter].sub.
func (p *patch) filtered(into obj, a *attr, filter, sub string, value any, path string) error {
	if !a.multi {
		return badPath(path)
	}
	in := &parser{rest: filter, elem: a, types: []*typ{p.r.typ}, only: true}
	match, err := in.or()
	if err == nil && strings.TrimSpace(in.rest) != "" {
		err = badFilter("unexpected %q", in.rest)
	}
	if err != nil {
		return err
	}
	var s *attr
	if sub != "" {
		if s = findAttr(a.subs, sub); s == nil {
			return fail(400, "invalidPath", "path %q: %s has no sub-attribute %s", path, a.name, sub)
		}
		if s.mutability == "readOnly" {
			return fail(400, "mutability", "%s: is readOnly", path)
		}
	}
	l := copyOf(asList(into[a.name])).(arr)
	test := func(e any) bool {
		if o, ok := e.(obj); ok {
			return match(o)
		}
		return match(obj{a.name: e})
	}
	found := slices.ContainsFunc(l, test)
	if !found {
		if p.op == "remove" {
			return nil
		}
		made := p.missing(in, a, s)
		if made == nil {
			return fail(400, "noTarget", "path %q selects nothing", path)
		}
		l = append(l, made)
		test = func(e any) bool { return reflect.DeepEqual(e, any(made)) }
	}
	l, err = p.elements(l, a, s, test, value, path)
	if err != nil {
		return err
	}
	if into[a.name] = l; len(l) == 0 {
		delete(into, a.name)
	}
	return nil
}

// missing makes the element that a value path without match describes, where
// clients expect that: for add from any conjunction of eq, for replace of a
// canonical type.
func (p *patch) missing(in *parser, a, s *attr) obj {
	if !in.only || len(in.eqs) == 0 {
		return nil
	}
	if p.op == "replace" {
		if p.c.s.opts.Letter {
			return nil
		}
		t := findAttr(a.subs, "type")
		if s == nil || t == nil || len(in.eqs) != 1 || !slices.Contains(t.canon, str(in.eqs["type"])) {
			return nil
		}
	}
	return copyOf(in.eqs).(obj)
}

func (p *patch) elements(l arr, a, s *attr, test func(any) bool, value any, path string) (arr, error) {
	var out arr
	changed := -1
	for _, e := range l {
		if !test(e) {
			out = append(out, e)
			continue
		}
		if s != nil {
			o := e.(obj)
			if err := p.set(o, s, value, path); err != nil {
				return nil, err
			}
			if len(o) == 0 {
				continue
			}
			out = append(out, o)
			changed = len(out) - 1
			continue
		}
		if p.op == "remove" {
			continue
		}
		v, err := a.single(value, path)
		if err != nil {
			return nil, err
		}
		if o, ok := v.(obj); ok {
			for _, sub := range a.subs {
				if err := immutable(sub, e.(obj)[sub.name], o[sub.name], path); err != nil && !none(o[sub.name]) {
					return nil, err
				}
			}
			if p.op == "add" {
				merged := copyOf(e).(obj)
				for k, x := range o {
					merged[k] = x
				}
				v = merged
			}
		}
		out = append(out, v)
		changed = len(out) - 1
	}
	if changed >= 0 {
		if o, ok := out[changed].(obj); ok && o["primary"] == true {
			rest := demote(append(slices.Clone(out[:changed]), out[changed+1:]...))
			out = slices.Concat(rest[:changed], arr{o}, rest[changed:])
		}
	}
	return out, nil
}
