package directory

import (
	"iter"
	"slices"

	"rollcall/directory/internal/state"
	"rollcall/directory/schema"
)

// A protected Group keeps an active member. Its stamp is compared and put by every change that takes one away, so that
// two members cannot leave at once.

// leaveProtected refuses to take the User away from a protected group whose last active member it is, or has become by
// this change.
func leaveProtected(tx *Tx, user *state.Record) error {
	groups := slices.Collect(tx.snap.scope.ParentGroups(user))
	for e, added := range tx.members.edges {
		if g := tx.record(schema.GroupType, e.group); added && e.member == user.ID && g != nil && !g.Uncommitted() {
			groups = append(groups, g)
		}
	}
	for _, g := range groups {
		if !protected(g.JSON) {
			continue
		}
		if err := keepsActive(tx, g, []ID{user.ID}); err != nil {
			return err
		}
	}
	return nil
}

// keepsActive checks that the protected group has an active User left without those who leave, if one of them is
// active.
func keepsActive(tx *Tx, g *state.Record, leaving []ID) error {
	lost := false
	for m := range activeMembers(tx.snap.scope, g) {
		if lost = slices.Contains(leaving, m.ID) || tx.members.loses(g.ID, m.ID); !lost {
			break
		}
	}
	if lost && !tx.members.brings(g, leaving) {
		return errLastActive(g)
	}
	tx.members.guard(g)
	tx.members.stamp(g)
	return nil
}

// activeMembers yields the active Users among the group's direct members.
func activeMembers(sc *state.Scope, g *state.Record) iter.Seq[*state.Record] {
	return func(yield func(*state.Record) bool) {
		for m := range sc.Members(g) {
			if m.Type == schema.UserType && Active(m.JSON) && !yield(m) {
				return
			}
		}
	}
}

func errLastActive(g *state.Record) error {
	return errorf(Mutability, "members",
		"the group %q is protected: its last active member cannot be removed, deactivated or deleted",
		g.Text("displayName"))
}

// brings reports whether the change adds an active User to the group. Whoever deactivates that User does not know it
// for a member yet, so the User's record is compared.
func (m *memberships) brings(group *state.Record, leaving []ID) bool {
	for e, added := range m.edges {
		if !added || e.group != group.ID || slices.Contains(leaving, e.member) {
			continue
		}
		if r := m.tx.record(schema.UserType, e.member); r != nil && Active(r.JSON) {
			m.tx.guardUnlessStaged(r)
			return true
		}
	}
	return false
}

// loses reports whether the change removes the membership, or deactivates or deletes the member.
func (m *memberships) loses(group, member ID) bool {
	if added, ok := m.edges[edge{group, member}]; ok && !added {
		return true
	}
	r, ok := m.tx.staged[member]
	return ok && (r == nil || !Active(r.JSON))
}

// withdrawGrants refuses to take the last active member from a protected group together with what the connection
// granted.
func withdrawGrants(tx *Tx, connection ID) error {
	sc := tx.snap.scope
	for g := range sc.All(schema.GroupType) {
		if !protected(g.JSON) {
			continue
		}
		kept, lost := false, false
		for m := range activeMembers(sc, g) {
			if grantedByOthers(sc, g, m, connection) {
				kept = true
			} else {
				lost = true
			}
		}
		switch {
		case lost && !kept:
			return errLastActive(g)
		case lost:
			tx.members.guard(g)
			tx.members.stamp(g)
		}
	}
	return nil
}

// grantedByOthers reports whether the membership goes on without what the connection granted.
func grantedByOthers(sc *state.Scope, g, m *state.Record, connection ID) bool {
	for by, counts := range sc.Grants(g, m) {
		if counts && by.Connection != connection {
			return true
		}
	}
	return false
}
