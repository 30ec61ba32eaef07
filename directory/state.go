package directory

import (
	"maps"
	"time"

	"github.com/tidwall/btree"

	"rollcall/directory/schema"
)

// state is everything the replica holds. The applier changes it; frozen returns an immutable copy for readers.
// A tree may be copied only by the applier, because copying writes to the source.
type state struct {
	revision  int64
	cluster   uint64                     // from which it was loaded
	live      map[scope]*scopeState      // the applier's
	dirty     map[scope]bool             // changed since they were last frozen
	frozen    *btree.BTreeG[frozenScope] // what readers see, by scope
	strays    map[string]struct{}        // keys of grants whose ends do not exist: for the sweeper
	redefined map[scope]bool             // scopes whose definitions the revision being applied changes
	pins      []*pinned                  // of the revision being applied
	bytes     int64                      // applied since the start
	graves    map[scopedID]uint32        // ordinals of deleted Users and Groups whose grants were not swept yet
}

// scopedID names a resource among those of all scopes.
type scopedID struct {
	scope scope
	id    ID
}

type frozenScope struct {
	scope scope
	state *scopeState
}

func newState() *state {
	return &state{
		live: map[scope]*scopeState{}, dirty: map[scope]bool{}, strays: map[string]struct{}{}, redefined: map[scope]bool{}, graves: map[scopedID]uint32{},
		frozen: btree.NewBTreeGOptions(func(a, b frozenScope) bool {
			return string(a.scope.org[:]) < string(b.scope.org[:])
		}, btree.Options{NoLocks: true}),
	}
}

func (s *state) scope(k scope) *scopeState {
	sc := s.live[k]
	if sc == nil {
		sc = newScopeState()
		s.live[k] = sc
	}
	s.dirty[k] = true
	return sc
}

// freeze returns the state as readers may have it. It costs a few pointers for each scope that changed.
func (s *state) freeze() *frozenState {
	for k := range s.dirty {
		s.frozen.Set(frozenScope{k, s.live[k].freeze()})
	}
	clear(s.dirty)
	return &frozenState{revision: s.revision, scopes: s.frozen.Copy()}
}

// frozenState is a state that never changes.
type frozenState struct {
	revision int64
	scopes   *btree.BTreeG[frozenScope]
}

var emptyScope = newScopeState()

// scope returns the scope's state, an empty one if there is none.
func (f *frozenState) scope(k scope) *scopeState {
	if fs, ok := f.scopes.Get(frozenScope{scope: k}); ok {
		return fs.state
	}
	return emptyScope
}

// scopeState is one scope in memory.
type scopeState struct {
	control  control // the scope key
	nest     int64   // mod revision of the nest key
	ids      *btree.BTreeG[idEntry]
	tables   map[string]*table
	members  *btree.BTreeG[edge]        // by group
	groupsOf *btree.BTreeG[edge]        // by member: group and member change places
	grouped  *btree.Map[uint32, uint32] // how many grants a member has: most have none, which is known without a walk
	stamps   *btree.Map[uint32, stamp]
	links    *btree.Map[string, *link]
	notes    *btree.Map[string, note]
	secrets  *btree.Map[string, []byte]
	hashes   *btree.Map[string, uint32] // secrets of AccessTokens and Sessions
	sessions *btree.BTreeG[sessionEntry]
	grantors []grantor // interned; append-only
	catalog  *catalog  // the types in force
	pending  *catalog  // those of a change that is pending; nil for none
	lastOrd  uint32
}

type idEntry struct {
	id  ID
	rec *record
}

// edge is one grant of a membership in memory; ids are ordinals, the grantor its place in grantors.
type edge struct{ from, to, grantor uint32 }

func lessEdge(a, b edge) bool {
	if a.from != b.from {
		return a.from < b.from
	}
	if a.to != b.to {
		return a.to < b.to
	}
	return a.grantor < b.grantor
}

// stamp is the last change of a group's members.
type stamp struct {
	revision int64
	at       time.Time
}

// note is a value outside every version.
type note struct {
	value    []byte
	revision int64
}

type sessionEntry struct{ user, session ID }

func newScopeState() *scopeState {
	lockless := btree.Options{NoLocks: true}
	s := &scopeState{
		ids:      btree.NewBTreeGOptions(func(a, b idEntry) bool { return string(a.id[:]) < string(b.id[:]) }, lockless),
		tables:   map[string]*table{},
		members:  btree.NewBTreeGOptions(lessEdge, lockless),
		groupsOf: btree.NewBTreeGOptions(lessEdge, lockless),
		grouped:  &btree.Map[uint32, uint32]{},
		stamps:   &btree.Map[uint32, stamp]{},
		links:    &btree.Map[string, *link]{},
		notes:    &btree.Map[string, note]{},
		secrets:  &btree.Map[string, []byte]{},
		hashes:   &btree.Map[string, uint32]{},
		sessions: btree.NewBTreeGOptions(func(a, b sessionEntry) bool {
			if a.user != b.user {
				return string(a.user[:]) < string(b.user[:])
			}
			return string(a.session[:]) < string(b.session[:])
		}, lockless),
		grantors: []grantor{scimGrant},
		catalog:  builtinCatalog(),
	}
	return s
}

func (s *scopeState) freeze() *scopeState {
	f := *s
	f.ids, f.members, f.groupsOf = s.ids.Copy(), s.members.Copy(), s.groupsOf.Copy()
	f.grouped = s.grouped.Copy()
	f.stamps, f.links, f.notes = s.stamps.Copy(), s.links.Copy(), s.notes.Copy()
	f.secrets, f.hashes, f.sessions = s.secrets.Copy(), s.hashes.Copy(), s.sessions.Copy()
	f.tables = maps.Clone(s.tables)
	for name, t := range f.tables {
		f.tables[name] = t.freeze()
	}
	return &f
}

// get returns the record with the id, of whatever type; nil if there is none.
func (s *scopeState) get(id ID) *record {
	e, _ := s.ids.Get(idEntry{id: id})
	return e.rec
}

// at returns the record of the table with the ordinal; nil if it is gone.
func (s *scopeState) at(typ string, ord uint32) *record {
	if t := s.tables[typ]; t != nil {
		r, _ := t.list.Get(ord)
		return r
	}
	return nil
}

// member returns the User or Group with the ordinal.
func (s *scopeState) member(ord uint32) *record {
	if r := s.at(userType, ord); r != nil {
		return r
	}
	return s.at(groupType, ord)
}

func (s *scopeState) table(typ string) *table {
	t := s.tables[typ]
	if t == nil {
		var indexed []*schema.Attribute
		if rt := s.catalog.byName[typ]; rt != nil {
			indexed = indexedIn(rt)
		}
		t = newTable(indexed)
		s.tables[typ] = t
	}
	return t
}

func (s *scopeState) intern(g grantor) uint32 {
	for i, known := range s.grantors {
		if known == g {
			return uint32(i)
		}
	}
	s.grantors = append(s.grantors, g)
	return uint32(len(s.grantors) - 1)
}

// modified is when the resource changed last: for a Group also when its members did.
func (s *scopeState) modified(r *record) (Version, time.Time) {
	if r.Type == groupType {
		if st, ok := s.stamps.Get(r.ord); ok && st.revision > int64(r.Version) {
			return Version(st.revision), st.at
		}
	}
	return r.Version, r.LastModified
}

// put adds or replaces a record.
func (s *scopeState) put(r *record) {
	t := s.table(r.Type)
	if old := s.get(r.ID); old != nil {
		if old.Type == r.Type {
			r.ord = old.ord
			t.list.Set(r.ord, r)
			s.reindex(t, old, r)
			s.ids.Set(idEntry{r.ID, r})
			s.rehash(old, r)
			return
		}
		s.remove(old)
	}
	if r.ord == 0 { // the loader gives ordinals itself
		s.lastOrd++
		r.ord = s.lastOrd
	}
	t.list.Set(r.ord, r)
	s.reindex(t, nil, r)
	s.ids.Set(idEntry{r.ID, r})
	s.rehash(nil, r)
}

// remove takes a record out. Its memberships stay in the trees, invisible, until they are swept.
func (s *scopeState) remove(r *record) {
	t := s.table(r.Type)
	s.reindex(t, r, nil)
	t.list.Delete(r.ord)
	if cur := s.get(r.ID); cur != nil && cur.ord == r.ord {
		s.ids.Delete(idEntry{id: r.ID})
	}
	s.rehash(r, nil)
}

// reindex moves the record's entries from old to new; either may be nil.
func (s *scopeState) reindex(t *table, old, new *record) {
	for i := range t.indexes {
		x := &t.indexes[i]
		var was, is []string
		if old != nil {
			was = s.indexKeys(x, old)
		}
		if new != nil {
			is = s.indexKeys(x, new)
		}
		x.move(was, is, cmpOrd(old, new))
	}
}

func cmpOrd(a, b *record) uint32 {
	if b != nil {
		return b.ord
	}
	return a.ord
}

// indexKeys are the keys under which the index lists the record.
func (s *scopeState) indexKeys(x *index, r *record) []string {
	if x.attr == nil { // meta.lastModified
		_, at := s.modified(r)
		return []string{schema.TimeKey(at)}
	}
	return attributeKeys(x.attr, r.JSON)
}

// restamp records a change of a group's members.
func (s *scopeState) restamp(group uint32, st stamp) {
	t := s.table(groupType)
	r := s.at(groupType, group)
	x := t.modifiedIndex()
	_, before := s.modified(r)
	s.stamps.Set(group, st)
	_, after := s.modified(r)
	x.move([]string{schema.TimeKey(before)}, []string{schema.TimeKey(after)}, group)
}

func (s *scopeState) rehash(old, new *record) {
	if old != nil && old.hash != "" {
		s.hashes.Delete(old.hash)
	}
	if new != nil && new.hash != "" {
		s.hashes.Set(new.hash, new.ord)
	}
	if old != nil && old.Type == sessionType {
		s.sessions.Delete(sessionEntry{sessionUser(old), old.ID})
	}
	if new != nil && new.Type == sessionType {
		s.sessions.Set(sessionEntry{sessionUser(new), new.ID})
	}
}

// grantCounts reports whether the grantor of an edge still exists.
func (s *scopeState) grantCounts(g uint32) bool {
	if g == 0 {
		return true
	}
	r := s.get(s.grantors[g].connection)
	return r != nil && r.Type == identityProviderType
}

// Names of the built-in types that the directory itself deals with.
const (
	userType             = "User"
	groupType            = "Group"
	organizationType     = "Organization"
	identityProviderType = "IdentityProvider"
	accessTokenType      = "AccessToken"
	deletedUserType      = "DeletedUser"
	sessionType          = "Session"
	signInType           = "SignIn"
	eventType            = "Event"
)
