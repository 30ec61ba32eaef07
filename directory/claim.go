package directory

import (
	"rollcall/directory/internal/store"
	"rollcall/directory/schema"
)

// A claim lets one person, whoever signs in with it, become a User that no sign-in may be linked to by value. It is a
// note of the User: a later claim takes the place of an earlier one.

// claimNote holds the name of the claim that counts.
const claimNote = "claim"

// PutClaim makes this the only claim of the User. Errors: Forbidden without the scope admin; NotFound.
func (tx *Tx) PutClaim(user ID, name string) error {
	if err := tx.MayLink(); err != nil {
		return err
	}
	if _, err := tx.Get(schema.UserType, user); err != nil {
		return err
	}
	tx.about("claim", schema.UserType, user)
	tx.put(tx.keys().Note(claimNote, user), []byte(name))
	return nil
}

// TakeClaim uses the claim up; false if it does not count any more. Of several changes one gets it.
func (tx *Tx) TakeClaim(user ID, name string) bool {
	note := tx.snap.scope.Note(claimNote, user)
	if name == "" || string(note.Value) != name {
		return false
	}
	key := tx.keys().Note(claimNote, user)
	tx.require(store.Unchanged(key, note.Revision))
	tx.delete(key)
	return true
}

// Claims reports whether this is the claim of the User that counts.
func (s *Snapshot) Claims(user ID, name string) bool {
	return name != "" && string(s.Note(claimNote, user)) == name
}
