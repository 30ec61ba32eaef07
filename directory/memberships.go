package directory

import (
	"iter"
	"maps"
	"slices"
	"strconv"
	"time"

	"rollcall/directory/internal/state"
	"rollcall/directory/internal/store"
	"rollcall/directory/schema"
)

// memberships are those that a change adds and removes.
type memberships struct {
	tx      *Tx
	edges   map[edge]bool // added (true) or removed
	nested  map[ID][]ID   // of those that are added, groups in groups: by the outer one
	nests   map[ID][]ID   // the same, by the inner one
	count   int           // how many were asked for
	visited int           // groups that were looked at to find circles and depth
	grantor state.Grantor // of those that are added
	quiet   bool          // the Groups get no Events of their own
	revoked []RevokedGrant
}

// edge is a membership.
type edge struct{ group, member ID }

func newMemberships(tx *Tx) memberships {
	return memberships{tx: tx, edges: map[edge]bool{}, nested: map[ID][]ID{}, nests: map[ID][]ID{}}
}

func (m *memberships) clone() memberships {
	c := *m
	c.edges, c.nested, c.nests = maps.Clone(m.edges), cloneLists(m.nested), cloneLists(m.nests)
	c.revoked = slices.Clone(m.revoked)
	return c
}

func cloneLists(lists map[ID][]ID) map[ID][]ID {
	c := make(map[ID][]ID, len(lists))
	for id, list := range lists {
		c[id] = slices.Clone(list)
	}
	return c
}

func tooManyMemberships(n int) error {
	return errorf(TooLarge, "members", "%d memberships would change; one request may change at most %d",
		n, MaxMemberships)
}

// begin checks that the actor may change n of the group's members and makes the change depend on the group's existence.
func (m *memberships) begin(group *Resource, n int) (*state.Record, error) {
	if err := m.tx.snap.MayWrite(schema.GroupType); err != nil {
		return nil, err
	}
	g := m.tx.record(schema.GroupType, group.ID)
	if g == nil {
		return nil, notFound(schema.GroupType, group.ID)
	}
	if n > 0 {
		if err := m.tx.touchesPrivileges(g.Type, deed{was: g, members: true}); err != nil {
			return nil, err
		}
	}
	if m.count += n; m.count > MaxMemberships {
		return nil, tooManyMemberships(m.count)
	}
	if _, staged := m.tx.staged[g.ID]; !staged {
		m.tx.guard(g, false)
	}
	return g, nil
}

func (m *memberships) key(group, member ID) string {
	return m.tx.keys().Grant(group, member, m.grantor)
}

// grant adds a membership, unless the grantor granted it before. It reports whether it is new.
func (m *memberships) grant(group, member *state.Record) (isNew bool, err error) {
	e := edge{group.ID, member.ID}
	if m.edges[e] || m.granted(group, member) {
		return false, nil
	}
	if member.Type == schema.GroupType {
		if err := m.nest(group, member); err != nil {
			return false, err
		}
	}
	m.tx.put(m.key(group.ID, member.ID), state.GrantTime(m.tx.at))
	m.tx.noteAccess(group, member)
	m.tellOf(group.ID)
	m.edges[e] = true
	if member.Type == schema.GroupType {
		m.nested[group.ID] = append(m.nested[group.ID], member.ID)
		m.nests[member.ID] = append(m.nests[member.ID], group.ID)
	}
	return !m.existed(group, member), nil
}

// tellOf has the change tell of the group's members.
func (m *memberships) tellOf(group ID) {
	if !m.quiet {
		m.tx.about("update", schema.GroupType, group).touch("members")
	}
}

// existed reports whether the membership existed before this change.
func (m *memberships) existed(group, member *state.Record) bool {
	return !group.Uncommitted() && !member.Uncommitted() && m.tx.snap.scope.IsMember(group, member)
}

// granted reports whether the change's own grantor granted the membership before and the change does not remove it.
func (m *memberships) granted(group, member *state.Record) bool {
	if group.Uncommitted() || member.Uncommitted() || m.tx.deletes(m.key(group.ID, member.ID)) {
		return false
	}
	for by := range m.tx.snap.scope.Grants(group, member) {
		if by == m.grantor {
			return true
		}
	}
	return false
}

// revoke removes a membership: by SCIM all its grants, by a connection its own. It reports whether one ends that
// existed before this change.
func (m *memberships) revoke(group *state.Record, id ID) (ended bool) {
	e := edge{group.ID, id}
	if m.edges[e] { // added earlier in this very change
		m.tx.unwrite(m.key(group.ID, id))
		delete(m.edges, e)
		m.nested[group.ID] = without(m.nested[group.ID], id)
		m.nests[id] = without(m.nests[id], group.ID)
	}
	member := m.tx.snap.scope.Get(id)
	if member == nil || group.Uncommitted() {
		return false
	}
	goesOn := false
	for by, counts := range m.tx.snap.scope.Grants(group, member) {
		if m.grantor.IsSCIM() || by == m.grantor {
			m.tx.delete(m.tx.keys().Grant(group.ID, id, by))
			m.tellOf(group.ID)
			if c := m.tx.snap.scope.Of(schema.IdentityProviderType, by.Connection); counts && m.grantor.IsSCIM() && c != nil {
				m.revoked = append(m.revoked, RevokedGrant{MembershipID{group.ID, id}, &c.Resource})
			}
		} else if counts {
			goesOn = true
		}
	}
	if goesOn {
		return false
	}
	m.edges[e] = false
	return m.existed(group, member)
}

func without(list []ID, id ID) []ID {
	return slices.DeleteFunc(list, func(e ID) bool { return e == id })
}

// of yields the group's members as this change has them so far.
func (m *memberships) of(group *state.Record) iter.Seq[ID] {
	return func(yield func(ID) bool) {
		if !group.Uncommitted() {
			for r := range m.tx.snap.scope.Members(group) {
				if _, touched := m.edges[edge{group.ID, r.ID}]; !touched && !yield(r.ID) {
					return
				}
			}
		}
		for e, added := range m.edges {
			if added && e.group == group.ID && !yield(e.member) {
				return
			}
		}
	}
}

// guard makes the change depend on the group's members as they are.
func (m *memberships) guard(group *state.Record) {
	m.tx.require(store.Unchanged(m.tx.keys().Stamp(group.ID), m.tx.snap.scope.StampRevision(group)))
}

// stamp moves the group's version because its members change.
func (m *memberships) stamp(group *state.Record) {
	tx := m.tx
	_, at := tx.snap.scope.Modified(group)
	if group.Uncommitted() {
		at = tx.at.Add(-1)
	}
	at = tx.later(at)
	m.putStamp(group, at)
	if r := tx.staged[group.ID]; r != nil {
		r.LastModified = at
		tx.putRecord(r)
	} else if tx.touched[group.ID] == nil {
		now := *group // what callers see of it; its own record stays as it is
		now.LastModified = at
		tx.touched[group.ID] = &now
		tx.results = append(tx.results, &now)
	}
}

func (m *memberships) putStamp(group *state.Record, at time.Time) {
	key, value := m.tx.keys().Stamp(group.ID), strconv.AppendInt(nil, at.UnixMilli(), 10)
	if group.Uncommitted() {
		m.tx.put(key, value)
		return
	}
	record := m.tx.keys().Resource(schema.GroupType, group.ID)
	m.tx.trace(key, value, store.Unchanged(key, m.tx.snap.scope.StampRevision(group)),
		store.CreatedAt(record, group.CreateRevision))
}

// MaxNesting is how many groups deep a membership may be: a group in a group is two deep.
const MaxNesting = 16

// nest adds a group to a group: refused where that closes a cycle, or nests groups deeper than MaxNesting. All such
// changes of an organization compare and put one key, so that no two can close a cycle together. Error: Invalid.
func (m *memberships) nest(outer, inner *state.Record) error {
	key := m.tx.keys().Nest()
	m.tx.require(store.Unchanged(key, m.tx.snap.scope.NestRevision()))
	m.tx.put(key, []byte(outer.ID.Raw()))
	if inner.ID == outer.ID {
		return errorf(Invalid, "members.value", "%s is the group itself; a group cannot contain itself", inner.ID)
	}
	if m.contains(inner.ID, outer.ID, map[ID]bool{}) {
		return errorf(Invalid, "members.value",
			"the group %s contains the group %s already; a group cannot contain itself", inner.ID, outer.ID)
	}
	depth := m.depth(outer.ID, m.above, map[ID]int{}) + m.depth(inner.ID, m.below, map[ID]int{})
	if depth > MaxNesting {
		return errorf(Invalid, "members.value",
			"with %s in it, groups would be nested %d deep; the limit is %d", inner.ID, depth, MaxNesting)
	}
	return nil
}

// depth is the number of groups on the longest way from the group by next, itself included, as this change has them so
// far. known holds what was found out. Groups have no cycles.
func (m *memberships) depth(group ID, next func(ID) iter.Seq[ID], known map[ID]int) int {
	if d, ok := known[group]; ok {
		return d
	}
	most := 0
	m.visited++
	for id := range next(group) {
		most = max(most, m.depth(id, next, known))
	}
	known[group] = most + 1
	return most + 1
}

// below yields the groups that are direct members of the group, as this change has them so far; above, those of which
// it is a direct member. Memberships that the change ends still count: they limit nothing that can be done by two
// changes.
func (m *memberships) below(group ID) iter.Seq[ID] {
	return func(yield func(ID) bool) {
		if r := m.tx.snap.record(schema.GroupType, group); r != nil {
			for c := range m.tx.snap.scope.Subgroups(r) {
				if !yield(c.ID) {
					return
				}
			}
		}
		for _, id := range m.nested[group] {
			if !yield(id) {
				return
			}
		}
	}
}

func (m *memberships) above(group ID) iter.Seq[ID] {
	return func(yield func(ID) bool) {
		if r := m.tx.snap.record(schema.GroupType, group); r != nil {
			for g := range m.tx.snap.scope.ParentGroups(r) {
				if !yield(g.ID) {
					return
				}
			}
		}
		for _, id := range m.nests[group] {
			if !yield(id) {
				return
			}
		}
	}
}

// contains reports whether the outer group is, or contains, the inner one, as this change has them so far.
func (m *memberships) contains(outer, inner ID, seen map[ID]bool) bool {
	if outer == inner {
		return true
	}
	if seen[outer] {
		return false
	}
	seen[outer] = true
	m.visited++
	for id := range m.below(outer) {
		if m.contains(id, inner, seen) {
			return true
		}
	}
	return false
}

// leaveAll removes the grants of a resource that is being deleted and moves the versions of its groups, as far as they
// fit into one transaction.
func (m *memberships) leaveAll(member *state.Record) {
	n := 0
	var last *state.Record
	for g, by := range m.tx.snap.scope.GrantedTo(member) {
		if n++; n > MaxMemberships {
			return
		}
		m.tx.delete(m.tx.keys().Grant(g.ID, member.ID, by))
		if staged, ok := m.tx.staged[g.ID]; g != last && (!ok || staged != nil) {
			_, at := m.tx.snap.scope.Modified(g)
			m.putStamp(g, m.tx.later(at))
		}
		last = g
	}
}
