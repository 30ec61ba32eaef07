package directory

import (
	"iter"
	"sync"

	"rollcall/directory/internal/state"
	"rollcall/directory/schema"
)

// Snapshot is one scope's state at one revision, as one actor may see it. It never changes and may be used by any
// number of goroutines.
type Snapshot struct {
	store  *Store
	frozen *state.Frozen
	id     state.ScopeID
	scope  *state.Scope
	sys    *state.Scope
	actor  Actor
	pinned bool       // the logs, too, are read as they were
	step   state.Step // see Pacing
	memos  *memos     // see Once
}

// memos is what a snapshot remembers.
type memos struct {
	mu sync.Mutex
	of map[any]any
}

// Pacing returns the snapshot with walks through members and groups that tell step of their steps before they make
// them, and end where it returns false. What they found until then is incomplete, so it is for replies and filters that
// are given up then; nothing is decided on it.
func (s *Snapshot) Pacing(step func(n int) bool) *Snapshot {
	paced := *s
	paced.step = step
	return &paced
}

// StepsPerUnit is how many steps of a walk, or comparisons of keys, are as much work as one comparison of a filter.
const StepsPerUnit = 16

// memberships are those of the resource, at the snapshot's pace.
func (s *Snapshot) memberships(r *Resource) iter.Seq[state.Membership] {
	return s.scope.Memberships(r, s.step)
}

// members are those of the group, at the snapshot's pace.
func (s *Snapshot) members(group *state.Record) iter.Seq[*state.Record] {
	return paced(s.scope.Members(group), s.step)
}

// paced tells step of the steps of a walk; nil is told of none.
func paced(walk iter.Seq[*state.Record], step state.Step) iter.Seq[*state.Record] {
	if step == nil {
		return walk
	}
	return func(yield func(*state.Record) bool) {
		const every = 64
		n := 0
		for r := range walk {
			if n++; n%every == 0 && !step(every) || !yield(r) {
				return
			}
		}
	}
}

// snapshot binds a scope of a state to an actor.
func (s *Store) snapshot(f *state.Frozen, id state.ScopeID, a Actor) *Snapshot {
	both := &struct { // as one allocation
		seen  Snapshot
		memos memos
	}{seen: Snapshot{store: s, frozen: f, id: id, scope: f.Scope(id), sys: f.Scope(state.System), actor: a}}
	both.seen.memos = &both.memos
	return &both.seen
}

// Once returns what f returns, which it calls once for each key, however often the snapshot is asked. f must depend on
// nothing but the snapshot, and not call Once.
func (s *Snapshot) Once(key any, f func() any) any {
	s.memos.mu.Lock()
	defer s.memos.mu.Unlock()
	v, known := s.memos.of[key]
	if !known {
		if v = f(); s.memos.of == nil {
			s.memos.of = map[any]any{}
		}
		s.memos.of[key] = v
	}
	return v
}

// Inside is the organization at the same state, of a snapshot of the system scope.
func (s *Snapshot) Inside(organization ID) *Snapshot {
	return s.store.snapshot(s.frozen, state.ScopeID{Organization: organization}, s.actor)
}

// Revision tells snapshots of one store apart; a later one has a greater revision.
func (s *Snapshot) Revision() int64 { return s.frozen.Revision() }

// Active reports whether the organization may be used; the system scope always may.
func (s *Snapshot) Active() bool {
	if s.id.IsSystem() {
		return true
	}
	org := s.sys.Get(s.id.Organization)
	return s.scope.Control().Active && (org == nil || Active(s.store.held.document(state.System, org)))
}

func (s *Snapshot) keys() state.ScopeKeys { return s.store.keys.Scope(s.id) }

// Types lists the resource types that the scope offers.
func (s *Snapshot) Types() []*schema.ResourceType {
	if s.id.IsSystem() {
		return systemTypes()
	}
	return s.scope.Catalog().Types()
}

// Type returns the scope's type of that name; nil if it has none.
func (s *Snapshot) Type(name string) *schema.ResourceType {
	for _, t := range s.Types() {
		if t.Name == name {
			return t
		}
	}
	return nil
}

// TypeAt returns the type that is served at the endpoint ("/Users", compared exactly); nil if there is none.
func (s *Snapshot) TypeAt(endpoint string) *schema.ResourceType {
	for _, t := range s.Types() {
		if t.Endpoint == endpoint {
			return t
		}
	}
	return nil
}

// homeID is the scope in which resources of the type live, as seen from this snapshot.
func (s *Snapshot) homeID(typ string) state.ScopeID {
	if s.kind(typ).central {
		return state.System
	}
	return s.id
}

// home is the state of that scope.
func (s *Snapshot) home(typ string) *state.Scope {
	if s.kind(typ).central {
		return s.sys
	}
	return s.scope
}

// hides reports whether some resources of the type, which live in the system scope, are not this organization's to see.
func (s *Snapshot) hides(typ string) bool { return !s.id.IsSystem() && s.kind(typ).central }

// foreign reports whether the resource of such a type belongs to another organization.
func (s *Snapshot) foreign(id ID) bool { return id != s.id.Organization }

// Get returns the resource. Errors: NotFound, also for the ID of another type, scope or, in an organization, of another
// Organization; Forbidden where the actor may not read the type; its own User every actor may read.
func (s *Snapshot) Get(typ string, id ID) (*Resource, error) {
	if err := s.MayRead(typ); err != nil && !s.actor.isUser(typ, id) {
		return nil, err
	}
	r := s.record(typ, id)
	if r == nil {
		return nil, notFound(typ, id)
	}
	return s.resource(r), nil
}

func (s *Snapshot) record(typ string, id ID) *state.Record {
	if s.hides(typ) && s.foreign(id) {
		return nil
	}
	if of := s.kind(typ).builtIn; of != nil {
		for _, r := range of() {
			if r.ID == id {
				return r
			}
		}
	}
	return s.home(typ).Of(typ, id)
}

// withBuiltIn yields the resources of a type of which some are built in: these, and then the organization's own.
func (s *Snapshot) withBuiltIn(typ string) iter.Seq[*state.Record] {
	return func(yield func(*state.Record) bool) {
		for _, r := range s.kind(typ).builtIn() {
			if !yield(r) {
				return
			}
		}
		s.home(typ).All(typ)(yield)
	}
}

// resource is the record as others see it: a Group's version moves with its members.
func (s *Snapshot) resource(r *state.Record) *Resource {
	if r.Type != schema.GroupType {
		return &r.Resource
	}
	version, at := s.scope.Modified(r)
	if version == r.Version {
		return &r.Resource
	}
	moved := r.Resource
	moved.Version, moved.LastModified = version, at
	return &moved
}

// Organization is the scope's own Organization; nil in the system scope.
func (s *Snapshot) Organization() *Resource {
	if s.id.IsSystem() {
		return nil
	}
	if r := s.sys.Get(s.id.Organization); r != nil {
		return &r.Resource
	}
	return nil
}

// Find yields the resources of the type whose indexed attribute (userName, externalId, emails.value, displayName)
// equals the value by the attribute's case rule, in order of creation.
func (s *Snapshot) Find(typ, attribute, value string) iter.Seq[*Resource] {
	return func(yield func(*Resource) bool) {
		t := s.Type(typ)
		if t == nil {
			return
		}
		a := t.Lookup(attribute)
		if a == nil {
			return
		}
		for r := range s.home(typ).WithKey(typ, a, a.Key(value)) {
			if !yield(s.resource(r)) {
				return
			}
		}
	}
}

// All yields every resource of the type in order of creation.
func (s *Snapshot) All(typ string) iter.Seq[*Resource] {
	return func(yield func(*Resource) bool) {
		hides := s.hides(typ)
		for r := range s.home(typ).All(typ) {
			if !(hides && s.foreign(r.ID)) && !yield(s.resource(r)) {
				return
			}
		}
	}
}
