package state

import (
	"iter"
	"slices"
	"time"

	"rollcall/directory/schema"
)

// edge is one grant of a membership in memory: from a group to its member, or from a member to its group. Both ends are
// ordinals, the grantor is its place in grantors, since is when it was granted in seconds; 0: nobody knows.
type edge struct{ from, to, grantor, since uint32 }

// lessEdge orders edges by what tells one from another.
func lessEdge(a, b edge) bool {
	if a.from != b.from {
		return a.from < b.from
	}
	if a.to != b.to {
		return a.to < b.to
	}
	return a.grantor < b.grantor
}

// grant puts one grant into both trees.
func (s *liveScope) grant(group, member, by, since uint32) {
	had := s.hasMember(group, member)
	if _, was := s.members.Set(edge{group, member, by, since}); !was {
		s.countGrants(member, 1)
	}
	s.groups.Set(edge{member, group, by, since})
	if !had && s.grantCounts(by) && s.existsMembership(group, member) {
		s.countMembers(group, 1)
	}
}

// revoke takes one grant out of both trees.
func (s *liveScope) revoke(group, member, by uint32) {
	had := s.hasMember(group, member)
	if _, was := s.members.Delete(edge{from: group, to: member, grantor: by}); was {
		s.countGrants(member, -1)
	}
	s.groups.Delete(edge{from: member, to: group, grantor: by})
	if had && !s.hasMember(group, member) && s.existsMembership(group, member) {
		s.countMembers(group, -1)
	}
}

// countGrants moves the number of a member's grants.
func (s *liveScope) countGrants(member uint32, by int) {
	n, _ := s.grants.Get(member)
	if left := int(n) + by; left > 0 {
		s.grants.Set(member, uint32(left))
	} else {
		s.grants.Delete(member)
	}
}

// intern returns the grantor's place in grantors.
func (s *liveScope) intern(g Grantor) uint32 {
	for i, known := range s.grantors {
		if known == g {
			return uint32(i)
		}
	}
	s.grantors = append(s.grantors, g)
	return uint32(len(s.grantors) - 1)
}

// grantCounts reports whether the grantor of an edge still exists.
func (s *Scope) grantCounts(by uint32) bool {
	return by == 0 || s.Of(schema.IdentityProviderType, s.grantors[by].Connection) != nil
}

// member returns the User or Group with the ordinal.
func (s *Scope) member(ord uint32) *Record {
	if r := s.at(schema.UserType, ord); r != nil {
		return r
	}
	return s.at(schema.GroupType, ord)
}

// Members yields the group's direct members, by any grant that counts, in order of their creation.
func (s *Scope) Members(group *Record) iter.Seq[*Record] { return s.MembersAfter(group, nil) }

// MembersAfter yields those of the group's direct members that were created after one of them; nil: all.
func (s *Scope) MembersAfter(group, after *Record) iter.Seq[*Record] {
	return func(yield func(*Record) bool) {
		s.ends(s.members.Ascend, group.ord, after.next(), func(to uint32) bool {
			m := s.member(to)
			return m == nil || yield(m)
		})
	}
}

// next is the first ordinal after that of the record; 0 after nil.
func (r *Record) next() uint32 {
	if r == nil {
		return 0
	}
	return r.ord + 1
}

// Subgroups yields the group's direct members that are groups.
func (s *Scope) Subgroups(group *Record) iter.Seq[*Record] {
	return func(yield func(*Record) bool) {
		s.ends(s.members.Ascend, group.ord, 0, func(to uint32) bool {
			m := s.at(schema.GroupType, to)
			return m == nil || yield(m)
		})
	}
}

// ParentGroups yields the groups that the resource is a direct member of, by any grant that counts, in order of their
// creation.
func (s *Scope) ParentGroups(member *Record) iter.Seq[*Record] { return s.parents(member.ord, 0) }

// ParentGroupsAfter yields those of them that were created after one of them; nil: all.
func (s *Scope) ParentGroupsAfter(member, after *Record) iter.Seq[*Record] {
	return s.parents(member.ord, after.next())
}

func (s *Scope) parents(member, first uint32) iter.Seq[*Record] {
	return func(yield func(*Record) bool) {
		s.ends(s.groups.Ascend, member, first, func(to uint32) bool {
			g := s.at(schema.GroupType, to)
			return g == nil || yield(g)
		})
	}
}

// AllMemberships yields the groups and members of every membership that counts: group by group, the members of each in
// order, both by their creation. With a group and a member, it begins behind their membership.
func (s *Scope) AllMemberships(group, member *Record) iter.Seq2[*Record, *Record] {
	return func(yield func(group, member *Record) bool) {
		first := edge{}
		if group != nil {
			first = edge{from: group.ord, to: member.next()}
		}
		var last edge
		var g *Record // of last
		s.members.Ascend(first, func(e edge) bool {
			if e.from == last.from && (g == nil || e.to == last.to) || !s.grantCounts(e.grantor) {
				return true
			}
			if e.from != last.from {
				g = s.at(schema.GroupType, e.from)
			}
			if last = e; g == nil {
				return true
			}
			m := s.member(e.to)
			return m == nil || yield(g, m)
		})
	}
}

// ends calls f for the other end of every membership of an ordinal that counts, each once, from an ordinal on, while f
// returns true.
func (s *Scope) ends(ascend func(edge, func(edge) bool), from, first uint32, f func(to uint32) bool) {
	last := uint32(0)
	ascend(edge{from: from, to: first}, func(e edge) bool {
		if e.from != from {
			return false
		}
		if e.to == last || !s.grantCounts(e.grantor) {
			return true
		}
		last = e.to
		return f(e.to)
	})
}

// IsMember reports whether the membership exists, by any grant that counts.
func (s *Scope) IsMember(group, member *Record) bool {
	for _, counts := range s.Grants(group, member) {
		if counts {
			return true
		}
	}
	return false
}

// Grants yields the grantors of a membership, and whether what they granted counts.
func (s *Scope) Grants(group, member *Record) iter.Seq2[Grantor, bool] {
	return func(yield func(Grantor, bool) bool) {
		s.grantsOf(group.ord, member.ord, func(e edge) bool {
			return yield(s.grantors[e.grantor], s.grantCounts(e.grantor))
		})
	}
}

// GrantTimes yields the grantors of a membership whose grants count, and since when; the zero time where nobody knows.
func (s *Scope) GrantTimes(group, member *Record) iter.Seq2[Grantor, time.Time] {
	return func(yield func(Grantor, time.Time) bool) {
		s.grantsOf(group.ord, member.ord, func(e edge) bool {
			var since time.Time
			if e.since != 0 {
				since = time.Unix(int64(e.since), 0).UTC()
			}
			return !s.grantCounts(e.grantor) || yield(s.grantors[e.grantor], since)
		})
	}
}

// grantsOf calls f for every grant of a membership, while f returns true.
func (s *Scope) grantsOf(group, member uint32, f func(edge) bool) {
	s.members.Ascend(edge{from: group, to: member}, func(e edge) bool {
		return e.from == group && e.to == member && f(e)
	})
}

// GrantedTo yields every grant to the member, whether it counts or not, whose group exists: group by group, in order of
// their creation.
func (s *Scope) GrantedTo(member *Record) iter.Seq2[*Record, Grantor] {
	return func(yield func(*Record, Grantor) bool) {
		s.groups.Ascend(edge{from: member.ord}, func(e edge) bool {
			if e.from != member.ord {
				return false
			}
			g := s.at(schema.GroupType, e.to)
			return g == nil || yield(g, s.grantors[e.grantor])
		})
	}
}

// GrantedBy yields the groups and members of every membership that the connection granted, whether it counts or not.
func (s *Scope) GrantedBy(connection ID) iter.Seq2[*Record, *Record] {
	return func(yield func(group, member *Record) bool) {
		s.members.Scan(func(e edge) bool {
			if s.grantors[e.grantor].Connection != connection {
				return true
			}
			g, m := s.at(schema.GroupType, e.from), s.member(e.to)
			return g == nil || m == nil || yield(g, m)
		})
	}
}

// MayHaveGroups is false for a resource of the scope that is surely in no group: a quick answer for most of them.
func (s *Scope) MayHaveGroups(r *Resource) bool {
	_, ok := s.grants.Get(r.ord)
	return ok
}

// Membership is a group that a resource is in.
type Membership struct {
	Group  *Record
	Direct bool // false: only through another group
}

// Step is told of the steps of a walk before they are made; false ends the walk. nil is told of none.
type Step func(n int) bool

// walked is how many steps a walk makes before it tells.
const walked = 64

// fewGroups is how many groups are found faster in a list than in a map.
const fewGroups = 16

// Memberships yields the groups that the resource is in: the direct ones in order of creation, then those they are in.
// Most resources are in none, which costs one look. Many groups that are in the same ones make many steps, which step
// is told of.
func (s *Scope) Memberships(r *Resource, step Step) iter.Seq[Membership] {
	return func(yield func(Membership) bool) {
		var seen map[uint32]bool // once there are many
		var all []*Record        // the groups that were reached
		steps := 0
		reached := func(g *Record) bool {
			if seen != nil {
				return seen[g.ord]
			}
			return slices.Contains(all, g)
		}
		visit := func(g *Record, direct bool) bool {
			if steps++; step != nil && steps%walked == 0 && !step(walked) {
				return false
			}
			if reached(g) {
				return true
			}
			all = append(all, g)
			if len(all) == fewGroups {
				seen = make(map[uint32]bool, 4*fewGroups)
				for _, g := range all {
					seen[g.ord] = true
				}
			} else if seen != nil {
				seen[g.ord] = true
			}
			return yield(Membership{g, direct})
		}

		// The direct ones, then those above them, breadth first.
		for g := range s.parents(r.ord, 0) {
			if !visit(g, true) {
				return
			}
		}
		for i := 0; i < len(all); i++ {
			for g := range s.parents(all[i].ord, 0) {
				if !visit(g, false) {
					return
				}
			}
		}
	}
}

// StampRevision is the revision at which the group's members changed last; 0 if they never did.
func (s *Scope) StampRevision(group *Record) int64 {
	st, _ := s.stamps.Get(group.ord)
	return st.revision
}
