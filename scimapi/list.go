package scimapi

import (
	"cmp"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"rollcall/directory"
	"rollcall/directory/filter"
	"rollcall/directory/schema"
)

// listHead begins a ListResponse.
const listHead = `{"schemas":["urn:ietf:params:scim:api:messages:2.0:ListResponse"]`

// list answers a query of one type (RFC 7644 §3.4.2).
func (x *exchange) list(t *schema.ResourceType) error {
	q, err := x.readParams()
	if err != nil {
		return err
	}
	return x.query(q, t.Name)
}

// query answers a query of one type or, if typ is "", of all types that the credential may read, but GroupMemberships
// only if the filter asks for nothing else.
func (x *exchange) query(q *params, typ string) error {
	x.pause() // queries are tasks of their own
	s, err := x.dir.Snapshot(x.r.Context())
	if err != nil {
		return err
	}
	if name, ok := onlyType(q.filter); ok && typ == "" && isMembership(s.Type(name)) {
		typ = name
	}
	if err := q.forEvents(s, typ); err != nil {
		return err
	}
	switch {
	case q.after != nil:
		return x.followEvents(q, s, typ)
	case q.paged:
		return x.walk(q, s, typ)
	}
	l, err := x.newListing(q, s, typ)
	if err != nil {
		return err
	}
	if err := l.bounded(); err != nil {
		return err
	}
	page, err := x.dir.Query(x.r.Context(), l.ask)
	if err != nil {
		return err
	}
	return l.answer(page, func(body []byte) []byte {
		return strconv.AppendInt(append(body, `,"startIndex":`...), int64(q.startIndex), 10)
	})
}

// listing is a query and how its results are shown.
type listing struct {
	x    *exchange
	ask  directory.Query
	only *renderer            // of a query of one type
	each map[string]*renderer // of a query of several, by type
}

// newListing binds the query to the types of the snapshot.
func (x *exchange) newListing(q *params, s *directory.Snapshot, typ string) (*listing, error) {
	l := &listing{x: x, ask: directory.Query{
		Type: typ, Options: x.filterOptions(), SortBy: q.sortBy, Descending: q.descending, Offset: q.startIndex - 1,
		Limit: q.count, Effective: q.effective, AsOf: q.follow,
	}}
	l.ask.Meta = func(r *directory.Resource) []byte { return l.renderer(r).appendMeta(nil, r) }

	// How resources of its types are shown.
	types, err := l.types(q, s)
	if err != nil {
		return nil, err
	}
	for _, t := range types {
		v, err := x.newRenderer(t, q)
		if err != nil {
			return nil, err
		}
		if l.each == nil {
			l.only = v
		} else {
			l.each[t.Name] = v
			l.ask.Types = append(l.ask.Types, t.Name)
		}
	}

	// What the directory is asked.
	w := rewriter{x: x, s: s, types: types}
	if l.ask.Filter, err = w.expr(q.filter); err != nil {
		return nil, err
	}
	if err := w.sortable(q.sortBy); err != nil {
		return nil, err
	}
	return l, nil
}

// types returns the types that the query is about.
func (l *listing) types(q *params, s *directory.Snapshot) ([]*schema.ResourceType, error) {
	if l.ask.Type != "" {
		t := s.Type(l.ask.Type)
		if t == nil {
			return nil, &directory.Error{Kind: directory.NotFound, Detail: "there is no resource type " + l.ask.Type}
		}
		return []*schema.ResourceType{t}, nil
	}
	if !l.x.actor.Rights.Has(directory.ScopeRead) {
		return nil, &directory.Error{Kind: directory.Forbidden, Detail: "this credential cannot read resources"}
	}
	l.each, l.ask.Types = map[string]*renderer{}, []string{}
	types := slices.DeleteFunc(slices.Clone(s.Types()), isMembership) // there may be too many to gather
	if name, ok := onlyType(q.filter); ok {                           // the others cannot match
		types = nil
		if t := s.Type(name); t != nil && !isMembership(t) {
			types = []*schema.ResourceType{t}
		}
	}
	return types, nil
}

func (l *listing) renderer(r *directory.Resource) *renderer {
	if l.only != nil {
		return l.only
	}
	return l.each[r.Type]
}

// bounded refuses to sort more resources than the limit. Of Events and SignIns, few are kept.
func (l *listing) bounded() error {
	if l.ask.SortBy == "" || l.ask.Type == schema.EventType || l.ask.Type == schema.SignInType {
		return nil
	}
	most := l.x.o.Limits.Sort
	ctx := l.x.r.Context()

	// Usually there are few resources, so the filter is not evaluated twice.
	all := l.ask
	all.SortBy, all.Limit, all.Filter = "", 0, nil
	page, err := l.x.dir.Query(ctx, all)
	if err != nil || page.Total <= most {
		return err
	}
	all.Filter = l.ask.Filter
	if page, err = l.x.dir.Query(ctx, all); err != nil || page.Total <= most {
		return err
	}
	return fail(http.StatusBadRequest, schema.TooMany,
		"%d resources match, and at most %d can be sorted; narrow the filter or leave out sortBy", page.Total, most)
}

// uncounted is the Total of a page of which nobody knows how many there are in all.
const uncounted = -1

// answer writes a page as it is made; paging appends the members that depend on the method of paging.
func (l *listing) answer(page directory.Page, paging func([]byte) []byte) error {
	out := l.x.newStream(http.StatusOK, true)
	defer out.close()
	work, cut := 0, false
	grouped := make([]bool, len(page.Resources))
	for i, r := range page.Resources {
		work += renderingWork(len(r.JSON) + derivedSize)
		grouped[i] = grouping(page.Snapshot, r)
		if grouped[i] && !cut {
			if err := l.x.owe(1); err != nil {
				return err
			}
			cut = l.renderer(r).warnOfCut(out, page.Snapshot, r)
		}
	}
	if err := cmp.Or(out.err, l.x.reserve(work)); err != nil {
		return err
	}
	out.reserved = true
	out.body = append(out.body, listHead...)
	if page.Total != uncounted {
		out.body = strconv.AppendInt(append(out.body, `,"totalResults":`...), int64(page.Total), 10)
	}
	out.body = strconv.AppendInt(append(out.body, `,"itemsPerPage":`...), int64(len(page.Resources)), 10)
	out.body = append(paging(out.body), `,"Resources":[`...)
	for i, r := range page.Resources {
		if i > 0 {
			out.body = append(out.body, ',')
		}
		if err := l.renderer(r).write(out, page.Snapshot, r, grouped[i]); err != nil {
			return err
		}
	}
	out.body = append(out.body, "]}"...)
	return out.end()
}

// root answers a query of all types (RFC 7644 §3.4.2.1).
func (x *exchange) root() error {
	if _, err := x.begin(); err != nil {
		return err
	}
	if ok, err := x.allows([]string{http.MethodGet, http.MethodHead, http.MethodOptions}); !ok {
		return err
	}
	q, err := x.readParams()
	if err != nil {
		return err
	}
	return x.query(q, "")
}

// onlyType returns the only type whose resources can match, if the filter demands one by meta.resourceType eq "User".
func onlyType(e filter.Expr) (name string, ok bool) {
	switch e := e.(type) {
	case *filter.And:
		if name, ok = onlyType(e.Left); ok {
			return name, true
		}
		return onlyType(e.Right)
	case *filter.Compare:
		if e.Op == filter.Eq && e.Value.Kind == filter.String &&
			strings.EqualFold(e.Path.String(), "meta.resourceType") {
			return e.Value.Text, true
		}
	}
	return "", false
}
