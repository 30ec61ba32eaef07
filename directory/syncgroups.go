package directory

import (
	"iter"

	"rollcall/directory/internal/state"
	"rollcall/directory/internal/store"
	"rollcall/directory/schema"
)

// A connection's group sync changes thousands of one User's memberships in one transaction, so what that depends on
// must not grow with their number. A Group that is deleted meanwhile makes no difference: a grant counts only while its
// Group exists.

// maxGroupEvents is how many Groups of one change have an Event of their own. That of the User, which every one has,
// stands for the rest: thousands would not fit into the transaction, and would push other people's out of the log.
const maxGroupEvents = 100

// maxPrivilegedGroupEvents is how many more Groups of one sync have one because their membership gives privileges.
const maxPrivilegedGroupEvents = 500

// GroupsGrantedBy yields the Groups of which the connection granted the User membership, in order of their creation.
func (s *Snapshot) GroupsGrantedBy(user, connection ID) iter.Seq[*Resource] {
	return func(yield func(*Resource) bool) {
		r := s.scope.Of(schema.UserType, user)
		if r == nil {
			return
		}
		for g, by := range s.scope.GrantedTo(r) {
			if by.Connection == connection && !yield(s.resource(g)) {
				return
			}
		}
	}
}

// GrantedCount counts the members that the connection granted to the Group, up to limit.
func (s *Snapshot) GrantedCount(group, connection ID, limit int) (n int) {
	g := s.scope.Of(schema.GroupType, group)
	if g == nil || limit <= 0 {
		return 0
	}
	for m := range s.scope.Members(g) {
		for by := range s.scope.Grants(g, m) {
			if by.Connection == connection {
				n++
			}
		}
		if n >= limit {
			break
		}
	}
	return n
}

// SyncGroups grants the User membership of the Groups in add, and takes back what was granted of those in remove, all
// on behalf of the connection that GrantBy named: what others granted stays. A Group that the caller found without
// privileges has none when the change is committed. It returns the protected Groups that would lose their last active
// member, of which nothing is taken back. Errors: Forbidden without the scope admin, NotFound, TooLarge.
func (tx *Tx) SyncGroups(user *Resource, add, remove []ID) (last []ID, err error) {
	m := tx.record(schema.UserType, user.ID)
	if m == nil {
		return nil, notFound(schema.UserType, user.ID)
	}
	if err := tx.MayAdminister(); err != nil {
		return nil, err
	}
	if tx.members.count += len(add) + len(remove); tx.members.count > MaxMemberships {
		return nil, tooManyMemberships(tx.members.count)
	}
	tx.requireNest()
	tx.about("update", schema.UserType, user.ID).touch("groups")

	quiet := tx.fewGroupEvents()

	// Additions first: they may let a protected Group lose others.
	for i, id := range add {
		g := tx.record(schema.GroupType, id)
		if g == nil {
			continue // deleted
		}
		tx.members.quiet = quiet(i, g)
		isNew, err := tx.members.grant(g, m)
		if err != nil {
			return nil, err
		}
		if isNew {
			tx.members.stamp(g)
		}
	}
	for i, id := range remove {
		g := tx.record(schema.GroupType, id)
		if g == nil {
			continue
		}
		tx.members.quiet = quiet(i+len(add), g)
		if protected(g.JSON) {
			if isLastActive(tx.snap.scope, g, m, tx.members.grantor.Connection) {
				last = append(last, id)
				continue
			}
			tx.members.guard(g)
		}
		if tx.members.revoke(g, user.ID) {
			tx.members.stamp(g)
		}
	}
	tx.members.quiet = false
	return last, nil
}

// fewGroupEvents returns what tells, of the Groups of one User that a change numbers from 0, which have no Event: those
// beyond the first ones, unless their membership gives privileges.
func (tx *Tx) fewGroupEvents() (quiet func(i int, g *state.Record) bool) {
	told := 0
	return func(i int, g *state.Record) bool {
		if i < maxGroupEvents {
			return false
		}
		if told < maxPrivilegedGroupEvents && tx.snap.grantsPrivileges(g) {
			told++
			return false
		}
		return true
	}
}

// KeepsMember reports whether the Group is protected and would have no active member without what the connection
// granted the User.
func (s *Snapshot) KeepsMember(group, user, connection ID) bool {
	g, m := s.scope.Of(schema.GroupType, group), s.scope.Of(schema.UserType, user)
	return g != nil && m != nil && protected(g.JSON) && isLastActive(s.scope, g, m, connection)
}

func isLastActive(sc *state.Scope, group, member *state.Record, connection ID) bool {
	for other := range activeMembers(sc, group) {
		if other.ID != member.ID || grantedByOthers(sc, group, member, connection) {
			return false
		}
	}
	return true
}

// Note returns a note's value as Snapshot.Note does, and makes the change depend on it.
func (tx *Tx) Note(kind string, id ID) []byte {
	n := tx.snap.scope.Note(kind, id)
	tx.require(store.Unchanged(tx.keys().Note(kind, id), n.Revision))
	return n.Value
}
