package directory

import (
	"iter"
	"slices"
	"strconv"
	"time"

	"rollcall/directory/internal/state"
	"rollcall/directory/internal/store"
	"rollcall/directory/schema"
)

// guardedAttempts is how often a replacement of members insists on the members being as it saw them.
const guardedAttempts = 4

// GrantBy makes memberships that this change adds granted by the connection, and lets it remove only what the connection
// granted. Without it they are SCIM's.
func (tx *Tx) GrantBy(connection ID) { tx.grantor = state.Grantor{Connection: connection} }

// GuardMembers makes the change depend on the group as it is, its members included: what If-Match asks for.
func (tx *Tx) GuardMembers(group *Resource) {
	if r := tx.record(schema.GroupType, group.ID); r != nil && !r.Uncommitted() {
		tx.guard(r, true)
		tx.guardMembers(r)
	}
}

func (tx *Tx) guardMembers(group *state.Record) {
	tx.require(store.Unchanged(tx.keys().Stamp(group.ID), tx.snap.scope.StampRevision(group)))
}

// GuardPrivileges makes the change rest on what membership of the group means (Snapshot.PrivilegedGroup): the group and
// those that it is in are as they are, and no group gets into another one meanwhile.
func (tx *Tx) GuardPrivileges(group *Resource) {
	g := tx.record(schema.GroupType, group.ID)
	if g == nil || g.Uncommitted() {
		return
	}
	tx.guardUnlessStaged(g)
	for outer := range tx.snap.scope.Memberships(&g.Resource) {
		tx.guardUnlessStaged(outer.Group)
	}
	tx.require(store.Unchanged(tx.keys().Nest(), tx.snap.scope.NestRevision()))
}

// AddMembers grants memberships. The cost does not depend on the group's size, and concurrent additions do not conflict.
// Members stay members; if nobody is new, nothing is written. Errors: Invalid naming an ID that is no User or Group, or
// that would close a cycle; Forbidden for a group with roles or protection; TooLarge.
func (tx *Tx) AddMembers(group *Resource, ids []ID) error {
	g, err := tx.memberChange(group, len(ids))
	if err != nil {
		return err
	}
	changed := false
	for _, id := range ids {
		m := tx.member(id)
		if m == nil {
			return errorf(Invalid, "members.value", "no User or Group has the id %s", id)
		}
		if tx.edges[[2]ID{g.ID, id}] || tx.grantedAlready(g, m) {
			continue
		}
		if m.Type == schema.GroupType {
			if err := tx.nest(g, m); err != nil {
				return err
			}
		}
		tx.put(tx.keys().Grant(g.ID, id, tx.grantor), nil)
		tx.edges[[2]ID{g.ID, id}] = true
		changed = changed || !tx.wasMember(g, m)
	}
	if changed {
		tx.stampGroup(g)
	}
	return nil
}

// wasMember reports whether the membership existed before this change.
func (tx *Tx) wasMember(g, m *state.Record) bool {
	return !g.Uncommitted() && !m.Uncommitted() && tx.snap.scope.IsMember(g, m)
}

// grantedAlready reports whether the change's own grantor granted the membership before and the change does not remove it.
func (tx *Tx) grantedAlready(g, m *state.Record) bool {
	if g.Uncommitted() || m.Uncommitted() || tx.deletes(tx.keys().Grant(g.ID, m.ID, tx.grantor)) {
		return false
	}
	for by := range tx.snap.scope.Grants(g, m) {
		if by == tx.grantor {
			return true
		}
	}
	return false
}

// RemoveMembers takes memberships away: by SCIM all their grants, by a connection its own. Who is not a member is passed
// over; if nobody is left to remove, nothing is written. Errors: Mutability for the last active member of a protected
// group; Forbidden; TooLarge.
func (tx *Tx) RemoveMembers(group *Resource, ids []ID) error {
	g, err := tx.memberChange(group, len(ids))
	if err != nil {
		return err
	}
	changed := false
	for _, id := range ids {
		edge := [2]ID{g.ID, id}
		if tx.edges[edge] { // added earlier in this very change
			tx.unwrite(tx.keys().Grant(g.ID, id, tx.grantor))
			delete(tx.edges, edge)
		}
		m := tx.snap.scope.Get(id)
		if m == nil || g.Uncommitted() {
			continue
		}
		if kept := tx.revoke(g, m); !kept {
			tx.edges[edge] = false
			changed = changed || tx.wasMember(g, m)
		}
	}
	switch {
	case !changed:
		return nil
	case protected(g.JSON):
		return tx.keepsActive(g, nil)
	}
	tx.stampGroup(g)
	return nil
}

// revoke deletes the grants that the change may delete, and reports whether the membership goes on without them.
func (tx *Tx) revoke(g, m *state.Record) (kept bool) {
	for by, counts := range tx.snap.scope.Grants(g, m) {
		if tx.grantor.IsSCIM() || by == tx.grantor {
			tx.delete(tx.keys().Grant(g.ID, m.ID, by))
		} else if counts {
			kept = true
		}
	}
	return kept
}

// SetMembers makes ids the group's members: only the difference is written, and it depends on the members as they are.
// After some lost races the difference is applied all the same, unless GuardMembers was called. Errors: as AddMembers and
// RemoveMembers.
func (tx *Tx) SetMembers(group *Resource, ids []ID) error {
	want := make(map[ID]bool, len(ids))
	for _, id := range ids {
		want[id] = true
	}
	var gone []ID
	if g := tx.record(schema.GroupType, group.ID); g != nil {
		for id := range tx.memberIDs(g) {
			if want[id] {
				delete(want, id)
			} else {
				gone = append(gone, id)
			}
		}
		if !g.Uncommitted() && tx.attempt < guardedAttempts {
			tx.guardMembers(g)
		}
	}
	come := slices.DeleteFunc(slices.Clone(ids), func(id ID) bool { return !want[id] })
	if n := len(gone) + len(come); n > MaxMemberships {
		return tooManyMemberships(n)
	}
	// Additions first, so that a protected group may change all its members at once.
	if err := tx.AddMembers(group, come); err != nil {
		return err
	}
	return tx.RemoveMembers(group, gone)
}

// memberIDs yields the group's members as this change has them so far.
func (tx *Tx) memberIDs(g *state.Record) iter.Seq[ID] {
	return func(yield func(ID) bool) {
		if !g.Uncommitted() {
			for m := range tx.snap.scope.Members(g) {
				if _, touched := tx.edges[[2]ID{g.ID, m.ID}]; !touched && !yield(m.ID) {
					return
				}
			}
		}
		for edge, added := range tx.edges {
			if added && edge[0] == g.ID && !yield(edge[1]) {
				return
			}
		}
	}
}

func tooManyMemberships(n int) error {
	return errorf(TooLarge, "members", "%d memberships would change; one request may change at most %d", n, MaxMemberships)
}

// memberChange checks that the actor may change n of the group's members and makes the change depend on the group's
// existence.
func (tx *Tx) memberChange(group *Resource, n int) (*state.Record, error) {
	if err := tx.dir.actor.mayWrite(schema.GroupType); err != nil {
		return nil, err
	}
	g := tx.record(schema.GroupType, group.ID)
	if g == nil {
		return nil, notFound(schema.GroupType, group.ID)
	}
	if n > 0 && tx.dir.actor.Scope < ScopeAdmin && tx.snap.grantsPrivileges(g) {
		return nil, errorf(Forbidden, "members", "only a credential with the scope admin may change the members of a group "+
			"that is protected or has roles, or is in such a group")
	}
	if tx.changed += n; tx.changed > MaxMemberships {
		return nil, tooManyMemberships(tx.changed)
	}
	if _, staged := tx.staged[g.ID]; !staged {
		tx.guard(g, false)
	}
	return g, nil
}

// member is the User or Group with the ID, as this change has it.
func (tx *Tx) member(id ID) *state.Record {
	if r := tx.record(schema.UserType, id); r != nil {
		return r
	}
	return tx.record(schema.GroupType, id)
}

// stampGroup moves the group's version because its members change.
func (tx *Tx) stampGroup(g *state.Record) {
	_, at := tx.snap.scope.Modified(g)
	if g.Uncommitted() {
		at = tx.at.Add(-1)
	}
	at = tx.later(at)
	tx.putStamp(g, at)
	if r := tx.staged[g.ID]; r != nil {
		r.LastModified = at
		tx.put(tx.keys().Resource(r.Type, r.ID), r.Encode())
	} else if tx.touched[g.ID] == nil {
		now := *g // what callers see of it; its own record stays as it is
		now.LastModified = at
		tx.touched[g.ID] = &now
		tx.results = append(tx.results, &now)
	}
	tx.Mention("update", schema.GroupType, g.ID)
	tx.event.touch(g.ID, "members")
}

func (tx *Tx) putStamp(g *state.Record, at time.Time) {
	tx.put(tx.keys().Stamp(g.ID), strconv.AppendInt(nil, at.UnixMilli(), 10))
}

// nest adds a group to a group: refused where that closes a cycle. All such changes of an organization compare and put one
// key, so that no two can close a cycle together. Error: Invalid.
func (tx *Tx) nest(g, m *state.Record) error {
	key := tx.keys().Nest()
	tx.require(store.Unchanged(key, tx.snap.scope.NestRevision()))
	tx.put(key, []byte(g.ID.Raw()))
	if m.ID == g.ID {
		return errorf(Invalid, "members.value", "%s is the group itself; a group cannot contain itself", m.ID)
	}
	if tx.contains(m.ID, g.ID, map[ID]bool{}) {
		return errorf(Invalid, "members.value", "the group %s contains this group already; a group cannot contain itself", m.ID)
	}
	return nil
}

// contains reports whether the outer group is, or contains, the inner one, as this change has them so far.
func (tx *Tx) contains(outer, inner ID, seen map[ID]bool) bool {
	if outer == inner {
		return true
	}
	if seen[outer] {
		return false
	}
	seen[outer] = true
	for edge, added := range tx.edges {
		if added && edge[0] == outer && tx.contains(edge[1], inner, seen) {
			return true
		}
	}
	r := tx.snap.record(schema.GroupType, outer)
	if r == nil {
		return false
	}
	for c := range tx.snap.scope.Members(r) {
		if c.Type == schema.GroupType && tx.contains(c.ID, inner, seen) {
			return true
		}
	}
	return false
}

// leaveGroups removes the grants of a resource that is being deleted and moves the versions of its groups, as far as they
// fit into one transaction.
func (tx *Tx) leaveGroups(r *state.Record) {
	n := 0
	var last *state.Record
	for g, by := range tx.snap.scope.GrantedTo(r) {
		if n++; n > MaxMemberships {
			return
		}
		tx.delete(tx.keys().Grant(g.ID, r.ID, by))
		if staged, ok := tx.staged[g.ID]; g != last && (!ok || staged != nil) {
			_, at := tx.snap.scope.Modified(g)
			tx.putStamp(g, tx.later(at))
		}
		last = g
	}
}
