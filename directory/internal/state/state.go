package state

import (
	"iter"

	"github.com/tidwall/btree"

	"rollcall/directory/schema"
)

// State is everything that is held in memory, at one revision. Whoever applies revisions changes it, and no one else
// has it; readers get what Freeze returns.
type State struct {
	keys     Keyspace
	builtin  *Catalog
	empty    *Scope // what readers see of a scope that does not exist
	revision int64
	live     map[ScopeID]*liveScope
	dirty    map[ScopeID]bool            // changed since they were last frozen
	frozen   *btree.BTreeG[frozenScope]  // what readers see
	orphans  map[string]uint32           // by key, grants whose ends do not exist, and since when: for the sweeper
	deleted  map[ScopeID]*deletedMembers // Users and Groups that were deleted and whose grants are yet to be swept
	defined  map[ScopeID]bool            // scopes whose definitions the revision being applied changes
	pins     []PinChange                 // of the revision being applied
	bytes    int64                       // applied since the start
	touched  map[ScopeID]bool            // scopes of which any key changed: for the sweeper
	told     map[ScopeID]bool            // scopes that got Events

	forgotten map[ScopeID]map[ID]bool // Events that the revision being applied removes
	cluster   uint64                  // ID of the etcd cluster that the state is from
}

type frozenScope struct {
	id    ScopeID
	scope *Scope
}

// New returns an empty state. builtin holds the types that every organization has.
func New(k Keyspace, builtin *Catalog) *State {
	empty := newScope(builtin)
	return &State{
		keys: k, builtin: builtin, empty: &empty, live: map[ScopeID]*liveScope{}, dirty: map[ScopeID]bool{},
		orphans: map[string]uint32{}, deleted: map[ScopeID]*deletedMembers{}, defined: map[ScopeID]bool{},
		touched: map[ScopeID]bool{}, told: map[ScopeID]bool{}, forgotten: map[ScopeID]map[ID]bool{},
		frozen: newTree(func(a, b frozenScope) bool { return lessID(a.id.Organization, b.id.Organization) }),
	}
}

// Revision is the revision of which this is the state.
func (s *State) Revision() int64 { return s.revision }

// Skip brings the state to a later revision that changed nothing.
func (s *State) Skip(revision int64) { s.revision = revision }

// Bytes is how much has been applied since the start, by the size of its entries.
func (s *State) Bytes() int64 { return s.bytes }

// TakeTouched returns the scopes of which any key changed since the last call, also such keys as are not held in
// memory.
func (s *State) TakeTouched() map[ScopeID]bool {
	touched := s.touched
	s.touched = map[ScopeID]bool{}
	return touched
}

// scope returns a scope to change it.
func (s *State) scope(id ScopeID) *liveScope {
	sc := s.live[id]
	if sc == nil {
		sc = &liveScope{Scope: newScope(s.builtin)}
		s.live[id] = sc
	}
	s.dirty[id] = true
	return sc
}

// Freeze returns the state as readers may have it. It costs a few pointers for each scope that changed.
func (s *State) Freeze() *Frozen {
	for id := range s.dirty {
		s.frozen.Set(frozenScope{id, s.live[id].freeze()})
	}
	clear(s.dirty)
	return &Frozen{revision: s.revision, cluster: s.cluster, scopes: s.frozen.Copy(), empty: s.empty}
}

// Frozen is a state that never changes.
type Frozen struct {
	revision int64
	cluster  uint64
	scopes   *btree.BTreeG[frozenScope]
	empty    *Scope
}

// Revision is the revision of which this is the state.
func (f *Frozen) Revision() int64 { return f.revision }

// Cluster is the ID of the etcd cluster that the state is from: a restored one has another.
func (f *Frozen) Cluster() uint64 { return f.cluster }

// Scope returns a scope; an empty one if there is none.
func (f *Frozen) Scope(id ScopeID) *Scope {
	if fs, ok := f.scopes.Get(frozenScope{id: id}); ok {
		return fs.scope
	}
	return f.empty
}

// Scopes yields every scope, those that were deleted included; the system scope comes first.
func (f *Frozen) Scopes() iter.Seq2[ScopeID, *Scope] {
	return func(yield func(ScopeID, *Scope) bool) {
		f.scopes.Scan(func(fs frozenScope) bool { return yield(fs.id, fs.scope) })
	}
}

// OrganizationNamed finds an organization by its name.
func (f *Frozen) OrganizationNamed(name string) (ScopeID, bool) {
	a := schema.Organization().Lookup("name")
	for r := range f.Scope(System).WithKey(schema.OrganizationType, a, a.Key(name)) {
		return ScopeID{r.ID}, true
	}
	return ScopeID{}, false
}
