package directory

import (
	"context"
	"iter"
	"slices"

	"rollcall/directory/filter"
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
	found, err := d.matches(ctx, s, q)
	if err != nil {
		return Page{}, err
	}
	return s.page(found, q), nil
}

// simple queries are answered without gathering all matches.
func (q Query) simple() bool { return q.Types == nil && q.SortBy == "" && !logged(q.Type) }

// logged types are not held in memory.
func logged(typ string) bool { return typ == eventType || typ == signInType }

func (s *Snapshot) page(found []*record, q Query) Page {
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
	page := Page{Snapshot: s}
	_, sc := s.home(q.Type)
	t := sc.tables[q.Type]
	if t == nil {
		return page, nil
	}
	if compiled == nil && (q.Type != organizationType || s.key.system()) {
		page.Total = t.list.Len()
		if first, _, ok := t.list.GetAt(q.Offset); ok && q.Limit > 0 {
			page.Resources = make([]*Resource, 0, min(q.Limit, page.Total-q.Offset))
			t.list.Ascend(first, func(_ uint32, r *record) bool {
				page.Resources = append(page.Resources, s.resource(r))
				return len(page.Resources) < q.Limit
			})
		}
		return page, nil
	}
	for r := range s.matching(sc, t, q, types[0], compiled) {
		if page.Total >= q.Offset && len(page.Resources) < q.Limit {
			page.Resources = append(page.Resources, s.resource(r))
		}
		page.Total++
	}
	return page, nil
}

// matches gathers everything that matches, in the order asked for.
func (d *Directory) matches(ctx context.Context, s *Snapshot, q Query) ([]*record, error) {
	types, err := s.types(q)
	if err != nil {
		return nil, err
	}
	var found []*record
	for _, t := range types {
		compiled, err := q.compile(t)
		if err != nil {
			return nil, err
		}
		if logged(t.Name) {
			if found, err = d.readLog(ctx, s, t, q, compiled, found); err != nil {
				return nil, err
			}
			continue
		}
		_, sc := s.home(t.Name)
		if table := sc.tables[t.Name]; table != nil {
			found = slices.AppendSeq(found, s.matching(sc, table, q, t, compiled))
		}
	}
	if q.SortBy == "" {
		return found, nil
	}
	return s.sort(found, types, q)
}

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

// matching yields the type's records that match, in order of creation.
func (s *Snapshot) matching(sc *scopeState, table *table, q Query, t *schema.ResourceType, compiled *filter.Query) iter.Seq[*record] {
	return func(yield func(*record) bool) {
		for r := range s.candidates(sc, table, t.Name, compiled) {
			if r.Type == organizationType && s.record(r.Type, r.ID) == nil { // another one
				continue
			}
			if compiled != nil && !compiled.Match(View{s, r, q.Meta}) {
				continue
			}
			if !yield(r) {
				return
			}
		}
	}
}
