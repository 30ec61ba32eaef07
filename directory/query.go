package directory

import (
	"context"
	"iter"
	"slices"

	"rollcall/directory/filter"
	"rollcall/directory/internal/state"
	"rollcall/directory/schema"
)

// Query asks for the resources of one type, or of several at once. Without SortBy they come in order of creation, type by
// type; Events and SignIns the newest first.
type Query struct {
	Type       string
	Types      []string    // instead of Type: a query over several types, in which an attribute that a type lacks has no value
	Filter     filter.Expr // nil: all
	Options    filter.Options
	SortBy     string                 // name of an attribute, "" for none: by its primary or first value, missing ones last
	Descending bool                   // missing ones first
	Offset     int                    // how many matches to pass over
	Limit      int                    // how many to return at most; 0: none, only count
	Meta       func(*Resource) []byte // JSON of meta, for filters on it
}

// Page is an answer.
type Page struct {
	Total     int // matches in all
	Resources []*Resource
	Snapshot  *Snapshot // the state the answer is from
}

// Query answers from one snapshot; Events and SignIns are read from etcd. Errors: Forbidden by scope, NotFound for a type
// the scope does not have, *schema.Error (invalidFilter; invalidValue for SortBy), Unavailable.
func (d *Directory) Query(ctx context.Context, q Query) (Page, error) {
	s, err := d.Snapshot(ctx)
	if err != nil {
		return Page{}, err
	}
	if q.simple() {
		return s.querySimple(q)
	}
	found, err := s.matches(ctx, q)
	if err != nil {
		return Page{}, err
	}
	return s.page(found, q), nil
}

// simple queries are answered without gathering all matches.
func (q Query) simple() bool { return q.Types == nil && q.SortBy == "" && !kindOf(q.Type).logged }

// compile binds the filter to the type; nil stands for all.
func (q Query) compile(t *schema.ResourceType) (*filter.Query, error) {
	switch {
	case q.Filter == nil:
		return nil, nil
	case q.Types != nil:
		return filter.CompileAny(q.Filter, t, q.Options)
	}
	return filter.Compile(q.Filter, t, q.Options)
}

// types are the types that the query asks for and the actor may read. Errors: Forbidden, NotFound.
func (s *Snapshot) types(q Query) ([]*schema.ResourceType, error) {
	if q.Types == nil {
		if err := s.actor.mayRead(q.Type); err != nil {
			return nil, err
		}
		t := s.Type(q.Type)
		if t == nil {
			return nil, errorf(NotFound, "", "no resource type %s", q.Type)
		}
		return []*schema.ResourceType{t}, nil
	}
	var types []*schema.ResourceType
	for _, name := range q.Types {
		if t := s.Type(name); t != nil && s.actor.mayRead(name) == nil {
			types = append(types, t)
		}
	}
	return types, nil
}

// page cuts the page out of all matches.
func (s *Snapshot) page(found []*state.Record, q Query) Page {
	page := Page{Total: len(found), Snapshot: s}
	if from := min(q.Offset, len(found)); q.Limit > 0 {
		for _, r := range found[from:min(from+q.Limit, len(found))] {
			page.Resources = append(page.Resources, s.resource(r))
		}
	}
	return page
}

// querySimple pages through one type in order of creation.
func (s *Snapshot) querySimple(q Query) (Page, error) {
	types, err := s.types(q)
	if err != nil {
		return Page{}, err
	}
	compiled, err := q.compile(types[0])
	if err != nil {
		return Page{}, err
	}
	if compiled == nil && (s.id.IsSystem() || !kindOf(q.Type).central) {
		return s.pageOfAll(q), nil
	}
	page := Page{Snapshot: s}
	for r := range s.matching(q, types[0], compiled) {
		if page.Total >= q.Offset && len(page.Resources) < q.Limit {
			page.Resources = append(page.Resources, s.resource(r))
		}
		page.Total++
	}
	return page, nil
}

// pageOfAll is a page of all resources of the type.
func (s *Snapshot) pageOfAll(q Query) Page {
	sc := s.home(q.Type)
	page := Page{Snapshot: s, Total: sc.Count(q.Type)}
	n := min(q.Limit, page.Total-q.Offset)
	if n <= 0 {
		return page
	}
	page.Resources = make([]*Resource, 0, n)
	for r := range sc.From(q.Type, q.Offset) {
		if page.Resources = append(page.Resources, s.resource(r)); len(page.Resources) == n {
			break
		}
	}
	return page
}

// matches gathers everything that matches, in the order asked for.
func (s *Snapshot) matches(ctx context.Context, q Query) ([]*state.Record, error) {
	types, err := s.types(q)
	if err != nil {
		return nil, err
	}
	var found []*state.Record
	for _, t := range types {
		compiled, err := q.compile(t)
		if err != nil {
			return nil, err
		}
		if !kindOf(t.Name).logged {
			found = slices.AppendSeq(found, s.matching(q, t, compiled))
			continue
		}
		if found, err = s.appendLogged(ctx, found, q, t, compiled); err != nil {
			return nil, err
		}
	}
	if q.SortBy == "" {
		return found, nil
	}
	return s.sort(found, types, q)
}

// matching yields the type's records that match, in order of creation.
func (s *Snapshot) matching(q Query, t *schema.ResourceType, compiled *filter.Query) iter.Seq[*state.Record] {
	return func(yield func(*state.Record) bool) {
		for r := range s.candidates(t.Name, compiled) {
			if s.foreign(r.Type, r.ID) || compiled != nil && !compiled.Match(View{s, r, q.Meta}) {
				continue
			}
			if !yield(r) {
				return
			}
		}
	}
}
