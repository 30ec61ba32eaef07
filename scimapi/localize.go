package scimapi

import (
	"strings"

	"rollcall/directory"
	"rollcall/directory/filter"
	"rollcall/directory/schema"
)

// localizer rewrites a filter on members.$ref and groups.$ref, which are URLs that only this package knows, into one on the
// ids in them.
type localizer struct {
	base   string // URL of the service root
	inside bool   // of members[…] or groups[…], where names are those of their sub-attributes
}

func (l localizer) expr(e filter.Expr) (filter.Expr, error) {
	switch e := e.(type) {
	case *filter.And:
		left, right, err := l.both(e.Left, e.Right)
		return &filter.And{Left: left, Right: right}, err
	case *filter.Or:
		left, right, err := l.both(e.Left, e.Right)
		return &filter.Or{Left: left, Right: right}, err
	case *filter.Not:
		inner, err := l.expr(e.Expr)
		return &filter.Not{Expr: inner}, err
	case *filter.Present:
		if p, ok := l.reference(e.Path); ok {
			return &filter.Present{Path: p}, nil
		}
	case *filter.Compare:
		p, ok := l.reference(e.Path)
		if !ok {
			return e, nil
		}
		if e.Op != filter.Eq && e.Op != filter.Ne { // the order or the parts of a URL mean nothing here
			return nil, schema.Errorf(schema.InvalidFilter, e.Path.String(), "only eq, ne and pr are supported")
		}
		v := e.Value
		v.Text = l.id(v.Text)
		return &filter.Compare{Path: p, Op: e.Op, Value: v}, nil
	case *filter.ValuePath:
		if derivedReferences(e.Path.Name) {
			inner, err := localizer{l.base, true}.expr(e.Filter)
			return &filter.ValuePath{Path: e.Path, Filter: inner}, err
		}
	}
	return e, nil
}

func (l localizer) both(a, b filter.Expr) (left, right filter.Expr, err error) {
	if left, err = l.expr(a); err != nil {
		return nil, nil, err
	}
	right, err = l.expr(b)
	return left, right, err
}

// reference returns the path of the value beside a derived $ref; ok is false for all other paths.
func (l localizer) reference(p filter.Path) (value filter.Path, ok bool) {
	if l.inside {
		return filter.Path{Name: "value"}, strings.EqualFold(p.Name, "$ref")
	}
	return filter.Path{URN: p.URN, Name: p.Name, Sub: "value"}, derivedReferences(p.Name) && strings.EqualFold(p.Sub, "$ref")
}

// derivedReferences reports whether the attribute's $ref is derived from its value.
func derivedReferences(name string) bool {
	return strings.EqualFold(name, "members") || strings.EqualFold(name, "groups")
}

// id returns the id in a resource's URL, or what equals no id. The URL may be relative to the service root
// (RFC 7643 §2.3.7).
func (l localizer) id(url string) string {
	rest := "/" + strings.TrimPrefix(strings.TrimPrefix(url, l.base), "/")
	for _, endpoint := range []string{"/Users/", "/Groups/"} {
		if id, ok := strings.CutPrefix(rest, endpoint); ok {
			if _, ok := directory.ParseID(id); ok {
				return id
			}
		}
	}
	return "none"
}
