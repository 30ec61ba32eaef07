package directory

import (
	"iter"
	"slices"

	"rollcall/directory/internal/state"
	"rollcall/directory/schema"
)

// A protected Group keeps an active member. Its stamp is compared and put by every change that takes one away, so that two
// members cannot leave at once.

// leaveProtected refuses to take the User away from a protected group whose last active member it is.
func (tx *Tx) leaveProtected(user *state.Record) error {
	for g := range tx.snap.scope.ParentGroups(user) {
		if !protected(g.JSON) {
			continue
		}
		if err := tx.keepsActive(g, []ID{user.ID}); err != nil {
			return err
		}
	}
	return nil
}

// keepsActive checks that the protected group has an active User left without those who leave, if one of them is active.
func (tx *Tx) keepsActive(g *state.Record, leaving []ID) error {
	lost := false
	for m := range activeMembers(tx.snap.scope, g) {
		if lost = slices.Contains(leaving, m.ID) || tx.leaves(g.ID, m.ID); !lost {
			break
		}
	}
	if lost && !tx.brings(g, leaving) {
		return errLastActive(g)
	}
	tx.guardMembers(g)
	tx.stampGroup(g)
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
		"the group %q is protected: its last active member cannot be removed, deactivated or deleted", g.Text("displayName"))
}

// brings reports whether the change adds an active User to the group. Whoever deactivates that User does not know it for a
// member yet, so the User's record is compared.
func (tx *Tx) brings(g *state.Record, leaving []ID) bool {
	for edge, added := range tx.edges {
		if !added || edge[0] != g.ID || slices.Contains(leaving, edge[1]) {
			continue
		}
		if m := tx.record(schema.UserType, edge[1]); m != nil && Active(m.JSON) {
			tx.guardUnlessStaged(m)
			return true
		}
	}
	return false
}

// leaves reports whether the change removes the membership, or deactivates or deletes the member.
func (tx *Tx) leaves(group, member ID) bool {
	if added, ok := tx.edges[[2]ID{group, member}]; ok && !added {
		return true
	}
	r, ok := tx.staged[member]
	return ok && (r == nil || !Active(r.JSON))
}

// withdrawGrants refuses to take the last active member from a protected group together with what the connection granted.
func (tx *Tx) withdrawGrants(connection ID) error {
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
			tx.guardMembers(g)
			tx.stampGroup(g)
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
