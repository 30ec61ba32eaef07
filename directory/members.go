package directory

import (
	"iter"
)

// MemberRef is one member of a Group.
type MemberRef struct {
	ID      ID
	Type    string // "User" or "Group"
	Display string // the member's displayName, of a User without one its userName
}

// GroupRef is one Group of a User.
type GroupRef struct {
	ID      ID
	Display string
	Direct  bool // false: only through another Group
}

// Members yields the group's direct members in the order of their creation. The group may be huge: callers stop when they
// have what they need.
func (s *Snapshot) Members(group ID) iter.Seq[MemberRef] {
	return func(yield func(MemberRef) bool) {
		g := s.scope.get(group)
		if g == nil || g.Type != groupType {
			return
		}
		for m := range s.scope.membersOf(g) {
			if !yield(MemberRef{m.ID, m.Type, m.Display()}) {
				return
			}
		}
	}
}

// MemberCount counts the group's direct members, up to limit, without looking at them: those that were deleted and are not
// swept yet are counted too.
func (s *Snapshot) MemberCount(group ID, limit int) int {
	g := s.scope.get(group)
	if g == nil || g.Type != groupType {
		return 0
	}
	n, last := 0, uint32(0)
	s.scope.members.Ascend(edge{from: g.ord}, func(e edge) bool {
		if e.from != g.ord {
			return false
		}
		if e.to != last && s.scope.grantCounts(e.grantor) {
			last = e.to
			n++
		}
		return n < limit
	})
	return n
}

// IsMember reports whether the resource is a direct member of the group.
func (s *Snapshot) IsMember(group, member ID) bool {
	g, m := s.scope.get(group), s.scope.get(member)
	return g != nil && m != nil && s.scope.counts(g.ord, m.ord)
}

// GroupsOf yields the Groups of a User or Group: the direct ones in order of creation, then those they are in.
func (s *Snapshot) GroupsOf(member ID) iter.Seq[GroupRef] {
	return func(yield func(GroupRef) bool) {
		r := s.scope.get(member)
		if r == nil {
			return
		}
		for g := range s.groupsOf(r) {
			if !yield(GroupRef{g.group.ID, g.group.Display(), g.direct}) {
				return
			}
		}
	}
}

type memberOf struct {
	group  *record
	direct bool
}

// countGrants moves the number of a member's grants.
func (s *scopeState) countGrants(member uint32, by int) {
	n, _ := s.grouped.Get(member)
	if left := int(n) + by; left > 0 {
		s.grouped.Set(member, uint32(left))
	} else {
		s.grouped.Delete(member)
	}
}

// Grouped is false for a resource of this snapshot that is surely in no Group: a quick answer for most. True says that it may be.
func (s *Snapshot) Grouped(r *Resource) bool {
	if r.ord == 0 {
		return true
	}
	_, ok := s.scope.grouped.Get(r.ord)
	return ok
}

// Groups yields the Groups of a resource of this snapshot, as GroupsOf does.
func (s *Snapshot) Groups(r *Resource) iter.Seq[GroupRef] {
	if r.ord == 0 {
		return s.GroupsOf(r.ID)
	}
	return func(yield func(GroupRef) bool) {
		for g := range s.groupsAbove(r.ord) {
			if !yield(GroupRef{g.group.ID, g.group.Display(), g.direct}) {
				return
			}
		}
	}
}

func (s *Snapshot) groupsOf(member *record) iter.Seq[memberOf] { return s.groupsAbove(member.ord) }

// groupsAbove yields the Groups that the resource with the ordinal is in. Most resources are in none, which costs one look.
func (s *Snapshot) groupsAbove(member uint32) iter.Seq[memberOf] {
	return func(yield func(memberOf) bool) {
		var seen map[uint32]bool
		var queue []*record
		for g := range s.scope.directGroups(member) {
			if seen == nil {
				seen = map[uint32]bool{}
			}
			seen[g.ord] = true
			queue = append(queue, g)
			if !yield(memberOf{g, true}) {
				return
			}
		}
		for len(queue) > 0 {
			next := queue[0]
			queue = queue[1:]
			for g := range s.scope.directGroups(next.ord) {
				if seen[g.ord] {
					continue
				}
				seen[g.ord] = true
				queue = append(queue, g)
				if !yield(memberOf{g, false}) {
					return
				}
			}
		}
	}
}

// membersOf yields the records of the group's members that count.
func (s *scopeState) membersOf(group *record) iter.Seq[*record] {
	return func(yield func(*record) bool) {
		last := uint32(0)
		s.members.Ascend(edge{from: group.ord}, func(e edge) bool {
			if e.from != group.ord {
				return false
			}
			if e.to == last || !s.grantCounts(e.grantor) {
				return true
			}
			last = e.to
			m := s.member(e.to)
			return m == nil || yield(m)
		})
	}
}

// directGroups yields the Groups that the resource is a member of.
func (s *scopeState) directGroups(member uint32) iter.Seq[*record] {
	return func(yield func(*record) bool) {
		last := uint32(0)
		s.groupsOf.Ascend(edge{from: member}, func(e edge) bool {
			if e.from != member {
				return false
			}
			if e.to == last || !s.grantCounts(e.grantor) {
				return true
			}
			last = e.to
			g := s.at(groupType, e.to)
			return g == nil || yield(g)
		})
	}
}

// counts reports whether the membership exists by any grant that counts.
func (s *scopeState) counts(group, member uint32) bool {
	for g := range s.grants(group, member) {
		if s.grantCounts(g) {
			return true
		}
	}
	return false
}

// grantedByOthers reports whether the membership would go on without what the grantor granted.
func (s *scopeState) grantedByOthers(group, member uint32, by grantor) bool {
	for g := range s.grants(group, member) {
		if s.grantors[g] != by && s.grantCounts(g) {
			return true
		}
	}
	return false
}

// grants yields the interned grantors of a membership.
func (s *scopeState) grants(group, member uint32) iter.Seq[uint32] {
	return func(yield func(uint32) bool) {
		s.members.Ascend(edge{from: group, to: member}, func(e edge) bool {
			return e.from == group && e.to == member && yield(e.grantor)
		})
	}
}
