package state

import (
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"rollcall/directory/schema"
)

// A User that was deleted while etcd accepted no put left the key of its userName, and nothing else that names it. Such
// a bare tombstone is a DeletedUser with that userName and no other attribute; it has no version, because it has no
// record. It becomes a proper one when it is written.

// epoch is the time of a bare tombstone, of which no time is known.
var epoch = time.Unix(0, 0).UTC()

// userNames is what the keys of userNames begin with, below the scope and the kind.
var userNames = schema.UserType + "/userName/"

// UserNames is the prefix of the keys of userNames.
func (k ScopeKeys) UserNames() string { return k.prefix + "u/" + userNames }

// Complete is the key that exists while no tombstone is bare.
func (k Keyspace) Complete() string { return k.root + "complete" }

// Bare reports whether the DeletedUser is one that only its userName's key is left of.
func (r *Record) Bare() bool { return r.Type == schema.DeletedUserType && r.Version == 0 }

// applyUserName takes in the key of a userName: one that is put may name a User without a record, and one that goes may
// be what was left of a User.
func (s *State) applyUserName(c change) error {
	key, ok := strings.CutPrefix(c.rest, userNames)
	if !ok {
		return nil
	}
	sc := s.live[c.scope]
	if c.Deleted {
		if sc == nil {
			return nil
		}
		a := schema.DeletedUser().Lookup("userName")
		for _, r := range slices.Collect(sc.WithKey(schema.DeletedUserType, a, unescaped(key))) {
			if r.Bare() {
				s.dirty[c.scope] = true
				sc.remove(r)
			}
		}
		return nil
	}
	if id, ok := RawID(string(c.Value)); ok {
		return s.leaveBare(c.scope, id, unescaped(key))
	}
	return nil
}

// leaveBare adds a bare tombstone, unless a record has the ID or the scope is gone.
func (s *State) leaveBare(scope ScopeID, id ID, userName string) error {
	sc := s.live[scope]
	if sc == nil || !sc.Exists() && scope != System || sc.Get(id) != nil {
		return nil
	}
	doc, err := schema.DeletedUser().Encode(schema.Document{"id": id.String(), "userName": userName})
	if err != nil {
		return err
	}
	r := NewRecord(schema.DeletedUserType, id, epoch)
	r.JSON, r.memo = doc, new(atomic.Value)
	s.dirty[scope] = true
	sc.put(r)
	return nil
}

// unescaped is the value that a key of a unique value spells; a hash stays one.
func unescaped(key string) string {
	if strings.HasPrefix(key, "##") {
		return key[1:]
	}
	return key
}

// BareTombstones yields the DeletedUsers of which only the keys of their userNames are left.
func (s *Scope) BareTombstones() []*Record {
	var bare []*Record
	for r := range s.All(schema.DeletedUserType) {
		if r.Bare() {
			bare = append(bare, r)
		}
	}
	return bare
}
