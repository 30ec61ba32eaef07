package state

import (
	"cmp"
	"iter"
	"slices"
	"strings"
	"time"

	"github.com/tidwall/btree"

	"rollcall/directory/schema"
)

// Scope is one scope in memory at one revision: an organization, or the system scope. It never changes; its methods
// only read. It may be used by any number of goroutines.
type Scope struct {
	control  Control // the scope key
	nest     int64   // mod revision of the nest key
	byID     *btree.BTreeG[idEntry]
	tables   map[string]*table
	members  *btree.BTreeG[edge]        // by group
	groups   *btree.BTreeG[edge]        // by member: group and member change places
	grants   *btree.Map[uint32, uint32] // how many grants a member has: most have none, which is known without a walk
	counts   *btree.Map[uint32, uint32] // how many direct members a group has, by grants that count
	enrolled int                        // their sum
	stamps   *btree.Map[uint32, stamp]
	links    *btree.Map[string, *Link]
	linksBy  *btree.BTreeG[linkEntry] // by User, and by NameID in lower case
	notes    *btree.Map[string, Note]
	secrets  *btree.Map[string, []byte]
	hashes   *btree.Map[string, *Record] // AccessTokens and Sessions by the hash of their secrets
	sessions *btree.BTreeG[sessionEntry]
	events   *btree.BTreeG[eventEntry] // the order of the Events; nil where it is not kept
	trimmed  [len(eventClasses)]TrimmedTo
	grantors []Grantor // interned; append-only
	bytes    int64     // of the records
	catalog  *Catalog  // the types in force
	problems []*DefinitionError
	proposed *Catalog // those of a change that is pending; nil for none
}

// stamp is the last change of a group's members.
type stamp struct {
	revision int64
	at       time.Time
}

type idEntry struct {
	id  ID
	rec *Record
}

type sessionEntry struct{ user, session ID }

func lessID(a, b ID) bool { return string(a[:]) < string(b[:]) }

func lessSession(a, b sessionEntry) bool {
	if a.user != b.user {
		return lessID(a.user, b.user)
	}
	return lessID(a.session, b.session)
}

func newScope(builtin *Catalog) Scope {
	return Scope{
		byID:     newTree(func(a, b idEntry) bool { return lessID(a.id, b.id) }),
		tables:   map[string]*table{},
		members:  newTree(lessEdge),
		groups:   newTree(lessEdge),
		grants:   &btree.Map[uint32, uint32]{},
		counts:   &btree.Map[uint32, uint32]{},
		stamps:   &btree.Map[uint32, stamp]{},
		links:    &btree.Map[string, *Link]{},
		linksBy:  newTree(lessLink),
		notes:    &btree.Map[string, Note]{},
		secrets:  &btree.Map[string, []byte]{},
		hashes:   &btree.Map[string, *Record]{},
		sessions: newTree(lessSession),
		grantors: []Grantor{SCIMGrantor},
		catalog:  builtin,
	}
}

// Control is the scope key.
func (s *Scope) Control() Control { return s.control }

// Exists reports whether there is a scope key. Without one the organization was deleted, or never was.
func (s *Scope) Exists() bool { return s.control.Revision != 0 }

// NestRevision is the revision at which a group became a member of a group last; 0 if none ever did.
func (s *Scope) NestRevision() int64 { return s.nest }

// Get returns the record with the ID, of whatever type; nil if there is none.
func (s *Scope) Get(id ID) *Record {
	e, _ := s.byID.Get(idEntry{id: id})
	return e.rec
}

// Of returns the record with the ID if it is of the type; else nil.
func (s *Scope) Of(typ string, id ID) *Record {
	if r := s.Get(id); r != nil && r.Type == typ {
		return r
	}
	return nil
}

// at returns the record of the table with the ordinal; nil if it is gone.
func (s *Scope) at(typ string, ord uint32) *Record {
	if t := s.tables[typ]; t != nil {
		r, _ := t.list.Get(ord)
		return r
	}
	return nil
}

// Count is how many resources of the type there are.
func (s *Scope) Count(typ string) int {
	if t := s.tables[typ]; t != nil {
		return t.list.Len()
	}
	return 0
}

// All yields the records of the type in order of creation.
func (s *Scope) All(typ string) iter.Seq[*Record] { return s.From(typ, 0) }

// From yields the records of the type in order of creation, without the first ones: as many as offset says.
func (s *Scope) From(typ string, offset int) iter.Seq[*Record] {
	return func(yield func(*Record) bool) {
		t := s.tables[typ]
		if t == nil {
			return
		}
		if first, _, ok := t.list.GetAt(offset); ok {
			t.list.Ascend(first, func(_ uint32, r *Record) bool { return yield(r) })
		}
	}
}

// Indexed reports whether the attribute has an index in memory.
func (s *Scope) Indexed(typ string, a *schema.Attribute) bool {
	t := s.tables[typ]
	return t == nil || t.index(a) != nil
}

// WithKey yields the records of the type with that key in the attribute's index, in order of creation.
func (s *Scope) WithKey(typ string, a *schema.Attribute, key string) iter.Seq[*Record] {
	return func(yield func(*Record) bool) {
		t := s.tables[typ]
		if t == nil {
			return
		}
		x := t.index(a)
		if x == nil {
			return
		}
		x.tree.Ascend(indexEntry{key: key}, func(e indexEntry) bool {
			if e.key != key {
				return false
			}
			r, ok := t.list.Get(e.ord)
			return !ok || yield(r)
		})
	}
}

// Where says where a key of an index is, seen from a range of keys.
type Where uint8

// Outside is before or beside the range, Inside in it, Past behind all of it.
const (
	Outside Where = iota
	Inside
	Past
)

// Range returns the records of the type whose keys in the attribute's index are inside, in the order of their keys from
// the key on; ok is false where the attribute has no index. A record with several such keys may be there several times.
func (s *Scope) Range(typ string, a *schema.Attribute, from string, where func(key string) Where) (
	found []*Record, ok bool) {
	t := s.tables[typ]
	if t == nil {
		return nil, true
	}
	x := t.index(a)
	if x == nil {
		return nil, false
	}
	last := uint32(0)
	x.tree.Ascend(indexEntry{key: from}, func(e indexEntry) bool {
		w := where(e.key)
		if w == Inside && e.ord != last {
			if r, ok := t.list.Get(e.ord); ok {
				found, last = append(found, r), e.ord
			}
		}
		return w != Past
	})
	return found, true
}

// InOrder puts records of a scope in order of creation, each once. step is told of the comparisons; where it ends the
// sort, the result is worth nothing.
func InOrder(records []*Record, step Step) []*Record {
	compared, ended := 0, false
	slices.SortFunc(records, func(a, b *Record) int {
		if compared++; step != nil && compared%walked == 0 {
			ended = ended || !step(walked)
		}
		if ended { // all are equal, so it ends soon
			return 0
		}
		return cmp.Compare(a.ord, b.ord)
	})
	return slices.CompactFunc(records, func(a, b *Record) bool { return a.ord == b.ord })
}

// Modified is when the resource changed last: for a Group also when its members did.
func (s *Scope) Modified(r *Record) (Version, time.Time) {
	if r.Type == schema.GroupType {
		if st, ok := s.stamps.Get(r.ord); ok && st.revision > int64(r.Version) {
			return Version(st.revision), st.at
		}
	}
	return r.Version, r.LastModified
}

// WithHash returns the AccessToken or Session whose secret has the hash; nil if there is none.
func (s *Scope) WithHash(typ, hash string) *Record {
	if r, _ := s.hashes.Get(hash); r != nil && r.Type == typ {
		return r
	}
	return nil
}

// SessionsOf yields the IDs of the User's sessions.
func (s *Scope) SessionsOf(user ID) iter.Seq[ID] {
	return func(yield func(ID) bool) {
		s.sessions.Ascend(sessionEntry{user: user}, func(e sessionEntry) bool {
			return e.user == user && yield(e.session)
		})
	}
}

// Note is a value outside every version.
type Note struct {
	Value    []byte
	Revision int64 // at which it was put last; 0 if there is none
}

// Note returns the note of the kind about the ID; the zero Note if there is none.
func (s *Scope) Note(kind string, id ID) Note {
	n, _ := s.notes.Get(noteName(kind, id))
	return n
}

// Secret returns a secret, still sealed.
func (s *Scope) Secret(kid string) (sealed []byte, ok bool) { return s.secrets.Get(kid) }

// Secrets yields the names that begin with the prefix, with the secrets, still sealed.
func (s *Scope) Secrets(prefix string) iter.Seq2[string, []byte] {
	return func(yield func(string, []byte) bool) {
		s.secrets.Ascend(prefix, func(kid string, sealed []byte) bool {
			return strings.HasPrefix(kid, prefix) && yield(kid, sealed)
		})
	}
}
