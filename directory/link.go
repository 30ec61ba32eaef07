package directory

import (
	"encoding/json"
	"maps"

	"rollcall/directory/internal/store"
	"rollcall/directory/schema"
)

// Link returns the link of the NameID on the connection; nil if there is none. A link to a User that was deleted counts
// only while its DeletedUser still holds the userName (the person may have been created again since).
func (s *Snapshot) Link(connection ID, nameID string) *Link {
	l := s.scope.Link(connection, nameID)
	if l == nil {
		return nil
	}
	r := s.scope.Get(l.User)
	if r == nil || r.Type == schema.DeletedUserType && r.Released {
		return nil
	}
	return l
}

// Link returns the link as Snapshot.Link does, and makes the change depend on it.
func (tx *Tx) Link(connection ID, nameID string) *Link {
	revision := tx.snap.scope.Link(connection, nameID).Revision()
	tx.require(store.Unchanged(tx.keys().Link(connection, nameID), revision))
	return tx.snap.Link(connection, nameID)
}

// PutLink ties the NameID to the User, or changes what sign-in wrote last.
func (tx *Tx) PutLink(l Link) {
	l.Wrote = maps.Clone(l.Wrote)
	value, err := json.Marshal(l)
	if err != nil {
		panic(err) // strings only
	}
	tx.put(tx.keys().Link(l.Connection, l.NameID), value)
}

// DeleteLink unties the NameID.
func (tx *Tx) DeleteLink(connection ID, nameID string) {
	tx.delete(tx.keys().Link(connection, nameID))
}
