package refserver

import (
	"slices"
	"strings"
)

// projection says which attributes an answer shows (RFC 7644 §3.9).
type projection struct {
	only, except []string // nil for not given
	written      obj      // of a write: what the client set, for returned "request"
}

func projectionOf(only, except string) (projection, error) {
	p := projection{only: names(only), except: names(except)}
	if p.only != nil && p.except != nil {
		return p, fail(400, "invalidValue", "attributes and excludedAttributes exclude each other")
	}
	return p, nil
}

func names(s string) []string {
	var out []string
	for n := range strings.SplitSeq(s, ",") {
		if n = strings.TrimSpace(n); n != "" && !slices.Contains(out, n) {
			out = append(out, n)
		}
	}
	return out
}

// show applies the projection to a whole resource.
func (p projection) show(t *typ, whole obj) obj {
	out := obj{}
	put := func(urn string, attrs []*attr, from obj, into obj) {
		for _, a := range attrs {
			v, ok := from[a.name]
			if !ok {
				continue
			}
			if v = p.value(t, urn, a, v); v != nil {
				into[a.name] = v
			}
		}
	}
	put("", append(commonAttrs[:len(commonAttrs):len(commonAttrs)], t.attrs...), whole, out)
	for _, e := range t.exts {
		part, _ := whole[e.urn].(obj)
		into := obj{}
		put(e.urn, e.attrs, part, into)
		if len(into) > 0 {
			out[e.urn] = into
		}
	}
	return out
}

func (p projection) value(t *typ, urn string, a *attr, v any) any {
	if a.returned == "never" {
		return nil
	}
	if a.returned == "always" {
		return v
	}
	whole, subs := p.named(t, p.only, urn, a)
	excluded, exSubs := p.named(t, p.except, urn, a)
	switch {
	case p.only != nil && whole:
		return v
	case p.only != nil && subs != nil:
		return cut(v, func(name string) bool { return subs[name] })
	case p.only != nil:
		return nil
	case a.returned == "request":
		if _, ok := get(p.written, a.name); ok {
			return v
		}
		return nil
	case excluded:
		return nil
	case exSubs != nil:
		return cut(v, func(name string) bool { return !exSubs[name] })
	}
	return v
}

// named reports whether a list of names has an attribute, whole or some of its
// sub-attributes.
func (p projection) named(t *typ, list []string, urn string, a *attr) (bool, map[string]bool) {
	var subs map[string]bool
	for _, n := range list {
		r, ok := t.resolve(n)
		if !ok || r.urn != urn || r.attr != nil && r.attr.name != a.name {
			continue
		}
		if r.sub == nil {
			return true, nil
		}
		if subs == nil {
			subs = map[string]bool{}
		}
		subs[r.sub.name] = true
	}
	return false, subs
}

func cut(v any, keep func(string) bool) any {
	switch v := v.(type) {
	case arr:
		out := arr{}
		for _, e := range v {
			if x := cut(e, keep); !none(x) {
				out = append(out, x)
			}
		}
		return out
	case obj:
		out := obj{}
		for k, x := range v {
			if keep(k) {
				out[k] = x
			}
		}
		return out
	}
	return v
}
