package scimapi

import (
	"strings"

	"rollcall/directory"
	"rollcall/directory/filter"
	"rollcall/directory/schema"
)

// rewriter turns a query about attributes that only replies have into one that the directory can answer. A filter on a
// derived $ref (of members, groups and links) becomes a filter on the ids in its URLs. What is looked up when a reply
// is written, such as manager.displayName, is refused, because the directory would never find it.
type rewriter struct {
	x      *exchange
	s      *directory.Snapshot
	types  []*schema.ResourceType // that the query is about
	within string                 // the attribute of members[…], where names are those of its sub-attributes
}

// origin says where the value of an attribute comes from.
type origin uint8

const (
	fromDirectory origin = iota
	fromID               // a $ref that is derived from the value beside it
	fromRendering        // looked up when a reply is written
)

// expr rewrites a filter.
func (w rewriter) expr(e filter.Expr) (filter.Expr, error) {
	switch e := e.(type) {
	case *filter.And:
		left, right, err := w.both(e.Left, e.Right)
		return &filter.And{Left: left, Right: right}, err
	case *filter.Or:
		left, right, err := w.both(e.Left, e.Right)
		return &filter.Or{Left: left, Right: right}, err
	case *filter.Not:
		inner, err := w.expr(e.Expr)
		return &filter.Not{Expr: inner}, err
	case *filter.Present:
		p, found, err := w.valuePath(e.Path)
		if err != nil || !found {
			return e, err
		}
		return &filter.Present{Path: p}, nil
	case *filter.Compare:
		return w.compare(e)
	case *filter.ValuePath:
		w.within = e.Path.String()
		inner, err := w.expr(e.Filter)
		return &filter.ValuePath{Path: e.Path, Filter: inner}, err
	}
	return e, nil
}

func (w rewriter) both(a, b filter.Expr) (left, right filter.Expr, err error) {
	if left, err = w.expr(a); err != nil {
		return nil, nil, err
	}
	right, err = w.expr(b)
	return left, right, err
}

func (w rewriter) compare(e *filter.Compare) (filter.Expr, error) {
	p, found, err := w.valuePath(e.Path)
	if err != nil || !found {
		return e, err
	}
	if e.Op != filter.Eq && e.Op != filter.Ne { // the order or the parts of a URL mean nothing here
		return nil, schema.Errorf(schema.InvalidFilter, e.Path.String(), "supports only eq, ne and pr")
	}
	v := e.Value
	v.Text = w.id(v.Text)
	return &filter.Compare{Path: p, Op: e.Op, Value: v}, nil
}

// valuePath returns the path of the value beside a derived $ref; found is false for all other paths.
func (w rewriter) valuePath(p filter.Path) (value filter.Path, found bool, err error) {
	from, err := w.origin(p.String(), schema.InvalidFilter)
	if from != fromID || err != nil {
		return p, false, err
	}
	if w.within != "" {
		return filter.Path{Name: "value"}, true, nil
	}
	return filter.Path{URN: p.URN, Name: p.Name, Sub: "value"}, true, nil
}

// sortable refuses a sortBy that the directory cannot sort by.
func (w rewriter) sortable(by string) error {
	if by == "" {
		return nil
	}
	from, err := w.origin(by, schema.InvalidValue)
	if err == nil && from == fromID {
		err = schema.Errorf(schema.InvalidValue, "sortBy", "cannot sort by %s; use the value beside it", by)
	}
	return err
}

// origin returns where the values of a name in the query come from. It returns an error of the type errType for a name
// that no query can use.
func (w rewriter) origin(name string, errType string) (from origin, err error) {
	if w.within != "" {
		name = w.within + "." + name
	}
	known := false
	for _, t := range w.types {
		if ext := t.Extension(name); ext != nil && !w.x.actor.MayReadSchema(ext.ID) {
			return from, schema.Errorf(errType, name, "is not for this credential to see")
		}
		a := t.Lookup(name)
		if a == nil && !w.x.actor.Profile.Strict() {
			a = t.LookupBare(name)
		}
		if a == nil {
			continue
		}
		if !w.x.actor.MayReadSchema(a.URN) {
			return from, schema.Errorf(errType, name, "is not for this credential to see")
		}
		o := w.originIn(t, a)
		if known && o != from {
			return from, schema.Errorf(errType, name,
				"differs between resource types; select one by meta.resourceType")
		}
		from, known = o, true
	}
	if from == fromRendering {
		return from, schema.Errorf(errType, name, "exists only in replies; use the value beside it")
	}
	return from, nil
}

func (w rewriter) originIn(t *schema.ResourceType, a *schema.Attribute) origin {
	p := a.Parent
	if p == nil {
		return fromDirectory
	}
	if a.Name == "$ref" && (t.Name == schema.UserType && p.Path == "groups" || t.Name == schema.GroupType &&
		p.Path == "members" || t.Kind() == schema.GroupMembershipType) {
		return fromID
	}
	for _, k := range w.x.shape(t).links {
		switch {
		case k.attr != p:
		case a.Name == k.label:
			return fromRendering
		case a.Name == "$ref" && k.ref:
			return fromID
		}
	}
	return fromDirectory
}

// id returns the id of the resource at the URL, or a text that is not an id. The URL may be relative to the service
// root (RFC 7643 §2.3.7).
func (w rewriter) id(url string) string {
	endpoint, id, _ := strings.Cut(strings.TrimPrefix(strings.TrimPrefix(url, w.x.base), "/"), "/")
	if t := w.s.TypeAt("/" + endpoint); t != nil {
		if parsed, ok := directory.ParseID(id); ok {
			if _, err := w.s.Get(t.Name, parsed); err == nil {
				return id
			}
		}
	}
	return "none"
}
