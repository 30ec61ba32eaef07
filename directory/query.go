package directory

import (
	"context"
	"iter"
	"slices"

	"rollcall/directory/filter"
	"rollcall/directory/internal/state"
	"rollcall/directory/schema"
)

// Query asks for the resources of one type, or of several at once. Without SortBy they come in order of creation, type
// by type; Events and SignIns the newest first.
type Query struct {
	Type       string
	Types      []string    // instead of Type: several types; an attribute that a type lacks has no value
	Filter     filter.Expr // nil: all
	Options    filter.Options
	SortBy     string                 // an attribute, by its primary or first value, missing ones last; "" for none
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

// Query answers from one snapshot; Events and SignIns are read from etcd. Errors: Forbidden by scope, NotFound for a
// type the scope does not have, *schema.Error (invalidFilter; invalidValue for SortBy), Unavailable.
func (d *Directory) Query(ctx context.Context, q Query) (Page, error) {
	s, err := d.Snapshot(ctx)
	if err != nil {
		return Page{}, err
	}
	return (&search{s, q}).run(ctx)
}

// search is a query on a snapshot.
type search struct {
	snap *Snapshot
	Query
}

func (s *search) run(ctx context.Context) (Page, error) {
	if s.simple() {
		return s.runSimple()
	}
	found, err := s.matches(ctx)
	if err != nil {
		return Page{}, err
	}
	return s.page(found), nil
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
func (s *search) types() ([]*schema.ResourceType, error) {
	if s.Types == nil {
		if err := s.snap.actor.MayRead(s.Type); err != nil {
			return nil, err
		}
		t := s.snap.Type(s.Type)
		if t == nil {
			return nil, errorf(NotFound, "", "no resource type %s", s.Type)
		}
		return []*schema.ResourceType{t}, nil
	}
	var types []*schema.ResourceType
	for _, name := range s.Types {
		if t := s.snap.Type(name); t != nil && s.snap.actor.MayRead(name) == nil {
			types = append(types, t)
		}
	}
	return types, nil
}

// page cuts the page out of all matches.
func (s *search) page(found []*state.Record) Page {
	page := Page{Total: len(found), Snapshot: s.snap}
	if from := min(s.Offset, len(found)); s.Limit > 0 {
		for _, r := range found[from:min(from+s.Limit, len(found))] {
			page.Resources = append(page.Resources, s.snap.resource(r))
		}
	}
	return page
}

// runSimple pages through one type in order of creation.
func (s *search) runSimple() (Page, error) {
	types, err := s.types()
	if err != nil {
		return Page{}, err
	}
	compiled, err := s.compile(types[0])
	if err != nil {
		return Page{}, err
	}
	if compiled == nil && !s.snap.hides(s.Type) {
		return s.pageOfAll(), nil
	}
	page := Page{Snapshot: s.snap}
	for r := range s.matching(types[0], compiled) {
		if page.Total >= s.Offset && len(page.Resources) < s.Limit {
			page.Resources = append(page.Resources, s.snap.resource(r))
		}
		page.Total++
	}
	return page, nil
}

// pageOfAll is a page of all resources of the type.
func (s *search) pageOfAll() Page {
	sc := s.snap.home(s.Type)
	page := Page{Snapshot: s.snap, Total: sc.Count(s.Type)}
	n := min(s.Limit, page.Total-s.Offset)
	if n <= 0 {
		return page
	}
	page.Resources = make([]*Resource, 0, n)
	for r := range sc.From(s.Type, s.Offset) {
		if page.Resources = append(page.Resources, s.snap.resource(r)); len(page.Resources) == n {
			break
		}
	}
	return page
}

// matches gathers everything that matches, in the order asked for.
func (s *search) matches(ctx context.Context) ([]*state.Record, error) {
	types, err := s.types()
	if err != nil {
		return nil, err
	}
	var found []*state.Record
	for _, t := range types {
		compiled, err := s.compile(t)
		if err != nil {
			return nil, err
		}
		if !kindOf(t.Name).logged {
			found = slices.AppendSeq(found, s.matching(t, compiled))
			continue
		}
		if found, err = s.appendLogged(ctx, found, t, compiled); err != nil {
			return nil, err
		}
	}
	if s.SortBy == "" {
		return found, nil
	}
	return s.sort(found, types)
}

// matching yields the type's records that match, in order of creation.
func (s *search) matching(t *schema.ResourceType, compiled *filter.Query) iter.Seq[*state.Record] {
	return func(yield func(*state.Record) bool) {
		hides := s.snap.hides(t.Name)
		for r := range s.candidates(t.Name, compiled) {
			if hides && s.snap.foreign(r.ID) || compiled != nil && !compiled.Match(View{s.snap, r, s.Meta}) {
				continue
			}
			if !yield(r) {
				return
			}
		}
	}
}
