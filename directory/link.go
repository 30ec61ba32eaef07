package directory

import (
	"encoding/json"
	"iter"
	"maps"
	"slices"

	"rollcall/directory/internal/state"
	"rollcall/directory/internal/store"
	"rollcall/directory/schema"
)

// A link has a name, which is its NameID unless the caller gave it another one (Link.Name).

// Link returns the link of that name on the connection; nil if there is none. A link to a User that was deleted counts
// only while its DeletedUser still holds the userName (the person may have been created again since).
func (s *Snapshot) Link(connection ID, name string) *Link {
	if l := s.scope.Link(connection, name); s.counts(l) {
		return l
	}
	return nil
}

// LinksOf yields the links to a User, or to one that was deleted, of connections that exist.
func (s *Snapshot) LinksOf(user ID) iter.Seq[*Link] { return s.counting(s.scope.LinksOf(user)) }

// LinksLike yields the links of the connection whose NameIDs equal this one but for the case of A to Z.
func (s *Snapshot) LinksLike(connection ID, nameID string) iter.Seq[*Link] {
	return s.counting(s.scope.LinksLike(connection, nameID))
}

// Links yields the links of all connections that exist; there may be very many.
func (s *Snapshot) Links() iter.Seq[*Link] { return s.counting(s.scope.Links()) }

func (s *Snapshot) counting(all iter.Seq[*Link]) iter.Seq[*Link] {
	return func(yield func(*Link) bool) {
		for l := range all {
			if s.counts(l) && s.scope.Of(schema.IdentityProviderType, l.Connection) != nil && !yield(l) {
				return
			}
		}
	}
}

// counts reports whether there is still somebody whom the link means.
func (s *Snapshot) counts(l *state.Link) bool {
	if l == nil {
		return false
	}
	r := s.scope.Get(l.User)
	return r != nil && (r.Type != schema.DeletedUserType || !r.Released)
}

// Link returns the link as Snapshot.Link does, and makes the change depend on it.
func (tx *Tx) Link(connection ID, name string) *Link {
	revision := tx.snap.scope.Link(connection, name).Revision()
	tx.require(store.Unchanged(tx.keys().Link(connection, name), revision))
	return tx.snap.Link(connection, name)
}

// MayLink checks that the actor may say who somebody is: link, unlink and claim by hand. Error: Forbidden.
func (tx *Tx) MayLink() error {
	if tx.dir.actor.Rights.Has(administer) {
		return nil
	}
	return errorf(Forbidden, "", "only a credential with the scope admin may change who signs in as a User")
}

// PutLink ties the NameID to the User, or changes what sign-in wrote last.
func (tx *Tx) PutLink(l Link) {
	l.Wrote, l.Confirmed = maps.Clone(l.Wrote), slices.Clone(l.Confirmed)
	value, err := json.Marshal(l)
	if err != nil {
		panic(err) // strings only
	}
	tx.put(tx.keys().Link(l.Connection, l.Named()), value)
}

// DeleteLink unties the link of that name.
func (tx *Tx) DeleteLink(connection ID, name string) {
	tx.delete(tx.keys().Link(connection, name))
}
