package directory

import (
	"iter"
	"slices"
	"strconv"
)

// GrantBy makes memberships that this change adds granted by the connection, and lets it remove only what the connection
// granted. Without it they are SCIM's.
func (tx *Tx) GrantBy(connection ID) { tx.grantor = grantor{connection} }

// GuardMembers makes the change rest on the group as it is, its members included: what If-Match asks for.
func (tx *Tx) GuardMembers(group *Resource) {
	if r := tx.record(groupType, group.ID); r != nil && r.ord != 0 {
		tx.guard(r, true)
		tx.guardMembers(r)
	}
}

func (tx *Tx) guardMembers(group *record) {
	st, _ := tx.snap.scope.stamps.Get(group.ord)
	tx.require(unchanged(tx.keys().stamp(group.ID), st.revision))
}

// AddMembers grants memberships. It costs the same at any size of the group and conflicts with nobody else's additions.
// Who is a member already stays one; nothing new writes nothing. Errors: Invalid naming an id that is no User or Group, or
// that would close a cycle; Forbidden for a group with roles or protection; TooLarge.
func (tx *Tx) AddMembers(group *Resource, ids []ID) error {
	g, err := tx.memberChange(group, len(ids))
	if err != nil {
		return err
	}
	sc, changed := tx.snap.scope, false
	for _, id := range ids {
		m := tx.member(id)
		if m == nil {
			return errorf(Invalid, "members.value", "no User or Group has the id %s", id)
		}
		if added := tx.edges[[2]ID{g.ID, id}]; added {
			continue
		}
		if g.ord != 0 && m.ord != 0 && tx.stillGranted(g, m) {
			continue
		}
		if m.Type == groupType {
			if err := tx.nest(g, m); err != nil {
				return err
			}
		}
		tx.put(tx.keys().grant(g.ID, id, tx.grantor), nil)
		tx.edges[[2]ID{g.ID, id}] = true
		if g.ord == 0 || m.ord == 0 || !sc.counts(g.ord, m.ord) {
			changed = true
		}
	}
	if changed {
		tx.stampGroup(g)
	}
	return nil
}

// stillGranted reports whether the change's own grantor granted the membership already and the change does not remove it.
func (tx *Tx) stillGranted(g, m *record) bool {
	if w, ok := tx.writes[tx.keys().grant(g.ID, m.ID, tx.grantor)]; ok && w.deleted {
		return false
	}
	for by := range tx.snap.scope.grants(g.ord, m.ord) {
		if tx.snap.scope.grantors[by] == tx.grantor {
			return true
		}
	}
	return false
}

// RemoveMembers takes memberships away: by SCIM all their grants, by a connection its own. Who is no member is passed over;
// nothing to remove writes nothing. Errors: Mutability for the last active member of a protected group; Forbidden; TooLarge.
func (tx *Tx) RemoveMembers(group *Resource, ids []ID) error {
	g, err := tx.memberChange(group, len(ids))
	if err != nil {
		return err
	}
	sc, changed := tx.snap.scope, false
	for _, id := range ids {
		edge := [2]ID{g.ID, id}
		m := sc.get(id)
		if m == nil || g.ord == 0 {
			if tx.edges[edge] { // added earlier in this very change
				tx.unwrite(tx.keys().grant(g.ID, id, tx.grantor))
				delete(tx.edges, edge)
			}
			continue
		}
		counted, left := sc.counts(g.ord, m.ord), false
		if tx.edges[edge] {
			tx.unwrite(tx.keys().grant(g.ID, id, tx.grantor))
		}
		for by := range sc.grants(g.ord, m.ord) {
			if who := sc.grantors[by]; tx.grantor.scim() || who == tx.grantor {
				tx.delete(tx.keys().grant(g.ID, id, who))
			} else if sc.grantCounts(by) {
				left = true
			}
		}
		if left {
			delete(tx.edges, edge)
			continue
		}
		tx.edges[edge] = false
		changed = changed || counted
	}
	if changed && groupAccess(g.JSON, "protected").Bool() {
		return tx.keepsActive(g, nil)
	}
	if changed {
		tx.stampGroup(g)
	}
	return nil
}

// SetMembers makes ids the group's members: only the difference is written, and it rests on the members as they are. After
// some lost races the difference is applied all the same, unless GuardMembers was called. Errors: as AddMembers and
// RemoveMembers.
func (tx *Tx) SetMembers(group *Resource, ids []ID) error {
	want := make(map[ID]bool, len(ids))
	for _, id := range ids {
		want[id] = true
	}
	var gone []ID
	if g := tx.record(groupType, group.ID); g != nil {
		for id := range tx.memberIDs(g) {
			if want[id] {
				delete(want, id)
			} else {
				gone = append(gone, id)
			}
		}
		if g.ord != 0 && tx.attempt < guardedAttempts {
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
func (tx *Tx) memberIDs(g *record) iter.Seq[ID] {
	return func(yield func(ID) bool) {
		if g.ord != 0 {
			for m := range tx.snap.scope.membersOf(g) {
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

// guardedAttempts is how often a replacement of members insists on the members being as it saw them.
const guardedAttempts = 4

func tooManyMemberships(n int) error {
	return errorf(TooLarge, "members", "%d memberships would change; at most %d may in one request", n, MaxMemberships)
}

// memberChange checks that the actor may change the group's members and makes the change rest on the group's existence.
func (tx *Tx) memberChange(group *Resource, n int) (*record, error) {
	if err := tx.dir.actor.mayWrite(groupType); err != nil {
		return nil, err
	}
	g := tx.record(groupType, group.ID)
	if g == nil {
		return nil, errorf(NotFound, "", "Group %s not found", group.ID)
	}
	if n > 0 && tx.dir.actor.Scope < ScopeAdmin && tx.snap.privileges(g) {
		return nil, errorf(Forbidden, "members", "only a credential with the scope admin may change the members of a group that is protected or has roles, or is in such a group")
	}
	if tx.changed += n; tx.changed > MaxMemberships {
		return nil, tooManyMemberships(tx.changed)
	}
	if _, staged := tx.staged[g.ID]; !staged {
		tx.guard(g, false)
	}
	return g, nil
}

// member is the User or Group with the id, as this change has it.
func (tx *Tx) member(id ID) *record {
	if r := tx.record(userType, id); r != nil {
		return r
	}
	return tx.record(groupType, id)
}

// stampGroup moves the group's version because its members change.
func (tx *Tx) stampGroup(g *record) {
	now := *g
	_, at := tx.snap.scope.modified(g)
	if g.ord == 0 {
		at = tx.at.Add(-1)
	}
	now.LastModified = tx.later(at)
	tx.put(tx.keys().stamp(g.ID), strconv.AppendInt(nil, now.LastModified.UnixMilli(), 10))
	if r := tx.staged[g.ID]; r != nil {
		r.LastModified = now.LastModified
		tx.put(tx.keysOf(r.Type).resource(r.Type, r.ID), r.encode())
	} else if tx.touched[g.ID] == nil {
		tx.touched[g.ID] = &now // what callers see of it; its own record stays as it is
		tx.results = append(tx.results, &now)
	}
	tx.mention("update", groupType, g.ID)
	tx.touch(g.ID, "members")
}

// nest adds a group to a group: refused where that closes a cycle. All such changes of an organization compare and put one
// key, so that no two can close one together.
func (tx *Tx) nest(g, m *record) error {
	key := tx.keys().nest()
	tx.require(unchanged(key, tx.snap.scope.nest))
	tx.put(key, []byte(g.ID.raw()))
	seen := map[ID]bool{}
	var reaches func(ID) bool
	reaches = func(id ID) bool {
		if id == g.ID {
			return true
		}
		if seen[id] {
			return false
		}
		seen[id] = true
		for edge, added := range tx.edges {
			if added && edge[0] == id && reaches(edge[1]) {
				return true
			}
		}
		r := tx.snap.record(groupType, id)
		if r == nil {
			return false
		}
		for c := range tx.snap.scope.membersOf(r) {
			if c.Type == groupType && reaches(c.ID) {
				return true
			}
		}
		return false
	}
	if m.ID == g.ID {
		return errorf(Invalid, "members.value", "%s is the group itself; a group cannot contain itself", m.ID)
	}
	if reaches(m.ID) {
		return errorf(Invalid, "members.value", "the group %s contains this group already; a group cannot contain itself", m.ID)
	}
	return nil
}

// leaveGroups removes the grants of a resource that is being deleted and moves the versions of its groups, as far as they
// fit into one transaction.
func (tx *Tx) leaveGroups(r *record) {
	sc, n := tx.snap.scope, 0
	last := uint32(0)
	sc.groupsOf.Ascend(edge{from: r.ord}, func(e edge) bool {
		if n++; e.from != r.ord || n > MaxMemberships {
			return false
		}
		g := sc.at(groupType, e.to)
		if g == nil {
			return true
		}
		tx.delete(tx.keys().grant(g.ID, r.ID, sc.grantors[e.grantor]))
		if staged, ok := tx.staged[g.ID]; e.to != last && (!ok || staged != nil) {
			_, at := sc.modified(g)
			tx.put(tx.keys().stamp(g.ID), strconv.AppendInt(nil, tx.later(at).UnixMilli(), 10))
		}
		last = e.to
		return true
	})
}

// unwrite takes back a write of this change.
func (tx *Tx) unwrite(key string) {
	delete(tx.writes, key)
	tx.order = slices.DeleteFunc(tx.order, func(k string) bool { return k == key })
}
