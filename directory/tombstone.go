package directory

import (
	"unicode/utf8"

	"rollcall/directory/internal/state"
	"rollcall/directory/internal/store"
	"rollcall/directory/schema"
)

// A DeletedUser is the tombstone of a User. It keeps the User's ID, the key of its userName and its links, until a User
// of the same userName takes the key over, or the tombstone is deleted. What restores the User (restore.go) is kept
// apart: every node holds tombstones in memory, and a deletion must be possible with next to no room.

// Tombstone returns the DeletedUser that still holds the userName; nil if there is none.
func (s *Snapshot) Tombstone(userName string) *Resource {
	if r := s.holder(schema.User().Lookup("userName").Key(userName)); r != nil {
		return &r.Resource
	}
	return nil
}

// TombstoneOf returns the DeletedUser with the ID of a User that was deleted; nil if there is none.
func (s *Snapshot) TombstoneOf(user ID) *Resource {
	if r := s.scope.Of(schema.DeletedUserType, user); r != nil {
		return &r.Resource
	}
	return nil
}

// holder is the tombstone that still holds the key of a userName; nil if none does.
func (s *Snapshot) holder(userNameKey string) *state.Record {
	a := schema.DeletedUser().Lookup("userName")
	for r := range s.scope.WithKey(schema.DeletedUserType, a, userNameKey) {
		if !r.Released {
			return r
		}
	}
	return nil
}

// maxTombstoneName is how much of a displayName stays with the tombstone, in bytes: a deletion must put little.
const maxTombstoneName = 256

// clipped is the beginning of a text, at most n bytes of it.
func clipped(text string, n int) string {
	if len(text) <= n {
		return text
	}
	for n--; n > 0 && !utf8.RuneStart(text[n]); n-- {
	}
	return text[:n]
}

// leaveTombstone puts the DeletedUser of a User that is being deleted.
func leaveTombstone(tx *Tx, user *state.Record) error {
	doc := schema.Document{
		"id":        user.ID.String(),
		"userName":  user.Text("userName"),
		"deletedAt": schema.FormatTime(tx.at),
		"deletedBy": tx.actor(),
	}
	if name := user.Display(); name != "" {
		doc["displayName"] = clipped(name, maxTombstoneName)
	}
	before, err := schema.User().Decode(user.JSON)
	if err != nil {
		return err
	}
	if origin, ok := before[schema.OriginURN].(map[string]any); ok && origin["links"] != nil {
		doc["links"] = origin["links"]
	}
	tombstone := state.NewRecord(schema.DeletedUserType, user.ID, tx.at)
	tombstone.Kept = tx.keep(user)
	if err := tx.encode(schema.DeletedUser(), tombstone, doc); err != nil {
		return err
	}
	a := schema.User().Lookup("userName")
	key, name := tx.keys().Resource(schema.DeletedUserType, user.ID), a.Key(user.Text("userName"))
	tx.trace(key, tombstone.Encode(), store.Absent(key),
		store.Holds(tx.keys().Unique(schema.UserType, a.Path, name), user.ID.Raw()))
	return nil
}

// releaseTombstone marks the tombstone as one whose userName another User takes over.
func releaseTombstone(tx *Tx, tombstone *state.Record) {
	released := *tombstone
	released.Released = true
	if tombstone.Bare() { // of which no time is known
		released.Created, released.LastModified = tx.at, tx.at
	}
	tx.guard(tombstone, true)
	tx.put(tx.keys().Resource(schema.DeletedUserType, tombstone.ID), released.Encode())
	tx.about("release", schema.DeletedUserType, tombstone.ID)
}

// deleteTombstone frees what the tombstone still holds: the userName, links that still name it, and what is kept of the
// User.
func deleteTombstone(tx *Tx, r *state.Record) error {
	if r.Kept > 0 {
		tx.delete(tx.keys().Kept(r.ID))
	}
	if !r.Released {
		a := schema.User().Lookup("userName")
		key := tx.keys().Unique(schema.UserType, a.Path, a.Key(r.Text("userName")))
		tx.require(store.Holds(key, r.ID.Raw()))
		tx.delete(key)
	}
	for l := range tx.snap.scope.LinksOf(r.ID) {
		tx.require(store.Unchanged(tx.keys().Link(l.Connection, l.Named()), l.Revision()))
		tx.DeleteLink(l.Connection, l.Named())
	}
	return nil
}
