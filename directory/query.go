package directory

import (
	"context"
	"iter"
	"slices"

	"rollcall/directory/filter"
	"rollcall/directory/internal/state"
	"rollcall/directory/schema"
	"rollcall/internal/fair"
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
	After      MembershipID           // of GroupMemberships without SortBy: to pass over, up to this one; then Total is 0
	Limit      int                    // how many to return at most; 0: none, only count
	Meta       func(*Resource) []byte // JSON of meta, for filters on it
	Effective  bool                   // members.value eq also holds for members of groups in the group
	AsOf       bool                   // Events and SignIns are read as they were at the snapshot's revision
}

// Page is an answer.
type Page struct {
	Total     int // matches in all
	Resources []*Resource
	Snapshot  *Snapshot // the state the answer is from
}

// Query answers from one snapshot; Events and SignIns are read from etcd. Errors: Forbidden by scope, NotFound for a
// type the scope does not have, *schema.Error (invalidFilter; invalidValue for SortBy; tooMany for more work than any
// credential's budget allows), *fair.Exhausted if this one's does not at the moment, that of the context, Unavailable.
func (d *Directory) Query(ctx context.Context, q Query) (Page, error) {
	s, err := d.Snapshot(ctx)
	if err != nil {
		return Page{}, err
	}
	work := d.Work()
	defer work.End()
	return (&search{ctx: ctx, snap: s, Query: q, work: work}).run()
}

// search is a query on a snapshot.
type search struct {
	ctx  context.Context
	snap *Snapshot
	Query
	work  *fair.Task
	view  memoView // of the record that is looked at
	steps int      // that are not paid yet
	err   error    // why the search was given up; what was found until then does not count
}

func (s *search) run() (Page, error) {
	if s.simple() {
		return s.runSimple()
	}
	found, err := s.matches()
	if err != nil {
		return Page{}, err
	}
	return s.page(found), nil
}

// simple queries are answered without gathering all matches.
func (s *search) simple() bool {
	return s.Types == nil && s.SortBy == "" && !s.snap.kind(s.Type).logged
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

// types are the types that the query asks for and the actor may read. Errors: Forbidden, NotFound.
func (s *search) types() ([]*schema.ResourceType, error) {
	if s.Types == nil {
		if err := s.snap.MayRead(s.Type); err != nil {
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
		if t := s.snap.Type(name); t != nil && s.snap.MayRead(name) == nil {
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
	switch {
	case s.snap.kind(s.Type).unstored != nil:
		return s.pageOfMemberships(compiled)
	case compiled == nil && !s.snap.hides(s.Type):
		return s.pageOfAll(), nil
	}
	page := Page{Snapshot: s.snap}
	for r := range s.matching(types[0], compiled) {
		if page.Total >= s.Offset && len(page.Resources) < s.Limit {
			page.Resources = append(page.Resources, s.snap.resource(r))
		}
		page.Total++
	}
	return page, s.err
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
func (s *search) matches() ([]*state.Record, error) {
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
		if !s.snap.kind(t.Name).logged {
			found = slices.AppendSeq(found, s.matching(t, compiled))
		} else if found, err = s.appendLogged(found, t, compiled); err != nil {
			return nil, err
		}
		if s.err != nil {
			return nil, s.err
		}
	}
	if s.SortBy == "" {
		return found, nil
	}
	return s.sort(found, types)
}

// matching yields the type's records that match, in order of creation, until s.err is set.
func (s *search) matching(t *schema.ResourceType, compiled *filter.Query) iter.Seq[*state.Record] {
	return func(yield func(*state.Record) bool) {
		hides := s.snap.hides(t.Name)
		records, n := s.candidates(t.Name, compiled)
		each := weight(compiled)
		if s.err == nil {
			s.err = reserve(s.work, n, each+s.sorting())
		}
		if s.err != nil {
			return
		}
		for r := range records {
			if !s.spend(each * (1 + len(r.JSON)/largeDocument)) {
				return
			}
			if (hides && s.snap.foreign(r.ID)) || !s.match(compiled, r) {
				continue
			}
			if !yield(r) {
				return
			}
		}
	}
}

// largeDocument is the size in bytes from which a comparison is more than one unit of work.
const largeDocument = 4 << 10

// match reports whether the record is a match of the compiled filter; nil stands for all.
func (s *search) match(compiled *filter.Query, r *state.Record) bool {
	if compiled == nil {
		return true
	}
	s.view.look(s, r)
	return compiled.Match(&s.view)
}

// weight is the work that a record costs: the comparisons of the filter, and the look at it.
func weight(compiled *filter.Query) int {
	if compiled == nil {
		return 1
	}
	return compiled.Comparisons() + 1
}

// sorting is the work of sorting a record among the others.
func (s *search) sorting() int {
	if s.SortBy == "" {
		return 0
	}
	return 2
}

// memoView is a View of one record after the other. What is derived of a record is made once, however many comparisons
// ask for it.
type memoView struct {
	View
	derived map[string]derivation
}

// derivation is a result of View.Derived.
type derivation struct {
	value []byte
	more  iter.Seq[[]byte]
}

// Contains is as View's, but that it counts effective members where the query asks for it.
func (v *memoView) Contains(name, value string) bool {
	if !v.of.Effective || name != "members" || v.rec.Type != schema.GroupType {
		return v.View.Contains(name, value)
	}
	id, _ := ParseID(value)
	member := v.snap.scope.Get(id)
	if member == nil {
		return false
	}
	for m := range v.snap.scope.Memberships(&member.Resource, v.step()) {
		if m.Group.ID == v.rec.ID {
			return true
		}
	}
	return false
}

func (v *memoView) look(s *search, r *state.Record) {
	v.View = View{s.snap, r, s.Meta, s}
	clear(v.derived)
}

// Derived is as View's.
func (v *memoView) Derived(name string) ([]byte, iter.Seq[[]byte]) {
	d, known := v.derived[name]
	if known {
		return d.value, d.more
	}
	d.value, d.more = v.View.Derived(name)
	if v.derived == nil {
		v.derived = map[string]derivation{}
	}
	v.derived[name] = d
	return d.value, d.more
}
