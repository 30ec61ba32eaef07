package state

import "rollcall/directory/schema"

// The numbers of memberships, kept so that nobody walks through a large group to count its members. A membership counts
// while both of its ends and a grantor exist, so the numbers move when grants do, and when an end or a connection goes.

// CountMembers is how many direct members the group has, by grants that count.
func (s *Scope) CountMembers(group *Record) int {
	n, _ := s.counts.Get(group.ord)
	return int(n)
}

// CountMemberships is how many memberships there are in all groups.
func (s *Scope) CountMemberships() int { return s.enrolled }

// CountGrants is how many grants the member has, those that do not count and are not swept yet among them.
func (s *Scope) CountGrants(member *Record) int {
	n, _ := s.grants.Get(member.ord)
	return int(n)
}

// hasMember reports whether a grant of the membership counts, if its ends exist.
func (s *Scope) hasMember(group, member uint32) (has bool) {
	s.grantsOf(group, member, func(e edge) bool {
		has = s.grantCounts(e.grantor)
		return !has
	})
	return has
}

// existsMembership reports whether both ends of the membership exist.
func (s *Scope) existsMembership(group, member uint32) bool {
	return s.at(schema.GroupType, group) != nil && s.member(member) != nil
}

func (s *liveScope) countMembers(group uint32, by int) {
	s.enrolled += by
	n, _ := s.counts.Get(group)
	if left := int(n) + by; left > 0 {
		s.counts.Set(group, uint32(left))
	} else {
		s.counts.Delete(group)
	}
}

// leave is called before a record is taken out. What it returns is called afterwards, and counts what is left of the
// memberships that the record was part of.
func (s *liveScope) leave(r *Record) (recount func()) {
	var lost []edge // memberships that may end
	switch r.Type {
	case schema.UserType, schema.GroupType:
		s.ends(s.groups.Ascend, r.ord, 0, func(group uint32) bool {
			if group != r.ord && s.at(schema.GroupType, group) != nil {
				lost = append(lost, edge{from: group, to: r.ord})
			}
			return true
		})
	case schema.IdentityProviderType:
		s.members.Scan(func(e edge) bool { // connections are seldom deleted
			if s.grantors[e.grantor].Connection == r.ID && s.existsMembership(e.from, e.to) {
				lost = append(lost, e)
			}
			return true
		})
	}
	return func() {
		if r.Type == schema.GroupType {
			s.enrolled -= s.CountMembers(r)
			s.counts.Delete(r.ord)
		}
		for _, e := range lost {
			if !s.existsMembership(e.from, e.to) || !s.hasMember(e.from, e.to) {
				s.countMembers(e.from, -1)
			}
		}
	}
}
