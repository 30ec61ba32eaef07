package directory

import (
	"fmt"
	"slices"
	"strings"

	"rollcall/directory/internal/state"
	"rollcall/directory/schema"
	"rollcall/internal/fair"
)

// guardedAttempts is how often a replacement of members insists on the members being as it saw them.
const guardedAttempts = 4

// GrantBy makes memberships that this change adds granted by the connection, and lets it remove only what the
// connection granted. Without it they are SCIM's.
func (tx *Tx) GrantBy(connection ID) { tx.members.grantor = state.Grantor{Connection: connection} }

// GuardMembers makes the change depend on the group as it is, its members included: what If-Match asks for.
func (tx *Tx) GuardMembers(group *Resource) {
	if r := tx.record(schema.GroupType, group.ID); r != nil && !r.Uncommitted() {
		tx.guard(r, true)
		tx.members.guard(r)
	}
}

// AddMembers grants memberships. The cost does not depend on the group's size, and concurrent additions do not
// conflict. Members stay members; if none is new, nothing is written. Errors: Invalid naming the IDs that are no User
// or Group (UnknownMembers), or one that would close a cycle; Forbidden for a group with roles or protection; TooLarge;
// *fair.Exhausted.
func (tx *Tx) AddMembers(group *Resource, ids []ID) error {
	g, err := tx.members.begin(group, len(ids))
	if err != nil {
		return err
	}
	if len(ids) > 0 { // what noteAccess notes rests on it
		tx.GuardPrivileges(&g.Resource)
	}
	changed := false
	work := tx.dir.Work()
	defer work.End()
	for _, id := range ids {
		if err := tx.pay(work, 1+tx.members.visited/StepsPerUnit); err != nil {
			return err
		}
		tx.members.visited = 0
		m := tx.member(id)
		if m == nil {
			return tx.unknown(ids)
		}
		isNew, err := tx.members.grant(g, m)
		if err != nil {
			return err
		}
		changed = changed || isNew
	}
	if changed {
		tx.members.stamp(g)
	}
	return nil
}

// unknown is the error for those of the IDs that are no User or Group.
func (tx *Tx) unknown(ids []ID) error {
	var missing []string
	for _, id := range ids {
		if tx.member(id) == nil {
			missing = append(missing, id.String())
		}
	}
	return UnknownMembers(missing)
}

// UnknownMembers is the error for members that are no User or Group: it is Invalid and names the first ten.
func UnknownMembers(ids []string) error {
	const most = 10
	detail, more := "no User or Group has the id ", ""
	if len(ids) > 1 {
		detail = "no User or Group has one of the ids "
	}
	if len(ids) > most {
		ids, more = ids[:most], fmt.Sprintf(" and %d more", len(ids)-most)
	}
	return errorf(Invalid, "members.value", "%s", detail+strings.Join(ids, ", ")+more)
}

// RemoveMembers takes memberships away: by SCIM all their grants, by a connection its own. Who is not a member is
// passed over; if there is nothing to remove, nothing is written. Errors: Mutability for the last active member of a
// protected group; Forbidden; TooLarge.
func (tx *Tx) RemoveMembers(group *Resource, ids []ID) error {
	g, err := tx.members.begin(group, len(ids))
	if err != nil {
		return err
	}
	changed := false
	work := tx.dir.Work()
	defer work.End()
	for _, id := range ids {
		if err := tx.pay(work, 1); err != nil {
			return err
		}
		if tx.members.revoke(g, id) {
			changed = true
		}
	}
	switch {
	case !changed:
		return nil
	case protected(g.JSON):
		return keepsActive(tx, g, nil)
	}
	tx.members.stamp(g)
	return nil
}

// SetMembers makes ids the group's members: only the difference is written, and it depends on the members as they are.
// After some lost races the difference is applied all the same, unless GuardMembers was called. Errors: as AddMembers
// and RemoveMembers.
func (tx *Tx) SetMembers(group *Resource, ids []ID) error {
	gone, come, err := tx.difference(group, ids)
	if err != nil {
		return err
	}
	if n := len(gone) + len(come); n > MaxMemberships {
		return tooManyMemberships(n)
	}
	// Additions first, so that a protected group may change all its members at once.
	if err := tx.AddMembers(group, come); err != nil {
		return err
	}
	return tx.RemoveMembers(group, gone)
}

// difference returns the members of the group that are not among the ids, and the ids that are not members. The change
// depends on the members as they are, as SetMembers says.
func (tx *Tx) difference(group *Resource, ids []ID) (gone, come []ID, err error) {
	want := make(map[ID]bool, len(ids))
	for _, id := range ids {
		want[id] = true
	}
	if g := tx.record(schema.GroupType, group.ID); g != nil {
		work := tx.dir.Work()
		defer work.End()
		n := 0
		for id := range tx.members.of(g) {
			if n++; n%StepsPerUnit == 0 {
				if err := tx.pay(work, 2); err != nil {
					return nil, nil, err
				}
			}
			if want[id] {
				delete(want, id)
			} else {
				gone = append(gone, id)
			}
		}
		if !g.Uncommitted() && tx.attempt.number < guardedAttempts {
			tx.members.guard(g)
		}
	}
	return gone, slices.DeleteFunc(slices.Clone(ids), func(id ID) bool { return !want[id] }), nil
}

// pay pays for work that follows, as (*fair.Task).Pay. Of two tasks of one change, one has ended before the other
// begins: a task that waits for a turn while another one has it would wait for itself.
func (tx *Tx) pay(work *fair.Task, units int) error { return inWords(work.Pay(tx.ctx, units)) }

// member is the User or Group with the ID, as this change has it.
func (tx *Tx) member(id ID) *state.Record {
	if r := tx.record(schema.UserType, id); r != nil {
		return r
	}
	return tx.record(schema.GroupType, id)
}
