package scimapi

import (
	"strings"

	"rollcall/directory"
	"rollcall/directory/filter"
	"rollcall/directory/schema"
)

// localizer judges the names in a query whose values only this package knows. A filter on a $ref that is derived (of members,
// groups and links) is rewritten into one on the ids in its URLs; what is looked up when a reply is written, such as
// manager.displayName, is refused, because the directory would find it nowhere.
type localizer struct {
	x      *exchange
	s      *directory.Snapshot
	types  []*schema.ResourceType // that the query is about
	within string                 // the attribute of members[…], where names are those of its sub-attributes
}

// reference says how a name stands in a query.
type reference uint8

const (
	stored   reference = iota
	address            // a $ref that is derived from the value beside it
	attached           // added to replies only
)

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
		p, found, err := l.path(e.Path)
		if err != nil || !found {
			return e, err
		}
		return &filter.Present{Path: p}, nil
	case *filter.Compare:
		p, found, err := l.path(e.Path)
		if err != nil || !found {
			return e, err
		}
		if e.Op != filter.Eq && e.Op != filter.Ne { // the order or the parts of a URL mean nothing here
			return nil, schema.Errorf(schema.InvalidFilter, e.Path.String(), "only eq, ne and pr are supported")
		}
		v := e.Value
		v.Text = l.id(v.Text)
		return &filter.Compare{Path: p, Op: e.Op, Value: v}, nil
	case *filter.ValuePath:
		l.within = e.Path.String()
		inner, err := l.expr(e.Filter)
		return &filter.ValuePath{Path: e.Path, Filter: inner}, err
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

// path returns the path of the value beside a derived $ref; found is false for all other paths.
func (l localizer) path(p filter.Path) (value filter.Path, found bool, err error) {
	kind, err := l.kind(p.String(), schema.InvalidFilter)
	if kind != address || err != nil {
		return p, false, err
	}
	if l.within != "" {
		return filter.Path{Name: "value"}, true, nil
	}
	return filter.Path{URN: p.URN, Name: p.Name, Sub: "value"}, true, nil
}

// sortable refuses to order by what has no order of its own.
func (l localizer) sortable(by string) error {
	if by == "" {
		return nil
	}
	kind, err := l.kind(by, schema.InvalidValue)
	if err == nil && kind == address {
		err = schema.Errorf(schema.InvalidValue, "sortBy", "%s cannot be sorted by: use the value beside it", by)
	}
	return err
}

// kind says how the name stands in the query; errType is what is wrong with a query that it cannot stand in.
func (l localizer) kind(name string, errType string) (kind reference, err error) {
	if l.within != "" {
		name = l.within + "." + name
	}
	known := false
	for _, t := range l.types {
		a := t.Lookup(name)
		if a == nil && !l.x.actor.Strict {
			a = t.LookupBare(name)
		}
		if a == nil {
			continue
		}
		k := l.kindOf(t, a)
		if known && k != kind {
			return stored, schema.Errorf(errType, name, "means different things in different types: name one by meta.resourceType")
		}
		kind, known = k, true
	}
	if kind == attached {
		return kind, schema.Errorf(errType, name, "is looked up for replies only: use the value beside it")
	}
	return kind, nil
}

func (l localizer) kindOf(t *schema.ResourceType, a *schema.Attribute) reference {
	p := a.Parent
	if p == nil {
		return stored
	}
	if a.Name == "$ref" && (t.Name == userType && p.Path == "groups" || t.Name == groupType && p.Path == "members") {
		return address
	}
	for _, k := range l.x.shape(t).links {
		switch {
		case k.attr != p:
		case a.Name == k.label:
			return attached
		case a.Name == "$ref" && k.ref:
			return address
		}
	}
	return stored
}

// id returns the id of the resource at the URL, or what equals no id. The URL may be relative to the service root
// (RFC 7643 §2.3.7).
func (l localizer) id(url string) string {
	endpoint, id, _ := strings.Cut(strings.TrimPrefix(strings.TrimPrefix(url, l.x.base), "/"), "/")
	if t := l.s.TypeAt("/" + endpoint); t != nil {
		if parsed, ok := directory.ParseID(id); ok {
			if _, err := l.s.Get(t.Name, parsed); err == nil {
				return id
			}
		}
	}
	return "none"
}
