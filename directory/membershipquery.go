package directory

import (
	"iter"

	"rollcall/directory/filter"
	"rollcall/directory/internal/state"
	"rollcall/directory/schema"
)

// Queries of GroupMemberships. Of a large organization there are more memberships than resources, so no page gathers
// them: a walk finds them one by one, in the order of their groups and then of their members, and what a filter on the
// two ends selects is a range of the tree of grants, which is counted without a walk.

// membershipRange is where the memberships are that a filter can match.
type membershipRange struct {
	group, member *state.Record // nil: any
	typ           string        // of the member; "": any
	none          bool          // nothing can match
	exact         bool          // everything in the range matches
}

// membershipRange is the range of a filter; nil stands for all.
func (s *search) membershipRange(compiled *filter.Query) membershipRange {
	if compiled == nil {
		return membershipRange{exact: true}
	}
	var r membershipRange
	used := 0
	for _, l := range compiled.Lookups() {
		if l.Op == filter.Eq && s.narrow(&r, l.Attribute.Path, l.Key) {
			used++
		}
	}
	r.exact = used == compiled.Comparisons()
	return r
}

// narrow takes a comparison that every match satisfies into the range; false for one that says nothing about it.
func (s *search) narrow(r *membershipRange, path, key string) bool {
	and := func(end **state.Record, found *state.Record) {
		r.none = r.none || found == nil || *end != nil && *end != found
		*end = found
	}
	id, _ := ParseID(key)
	switch path {
	case "id":
		both, _ := ParseMembershipID(key)
		and(&r.group, s.snap.scope.Of(schema.GroupType, both.Group))
		and(&r.member, s.snap.member(both.Member))
	case "group.value":
		and(&r.group, s.snap.scope.Of(schema.GroupType, id))
	case "member.value":
		and(&r.member, s.snap.member(id))
	case "member.type":
		typ := map[string]string{schema.Fold(schema.UserType): schema.UserType,
			schema.Fold(schema.GroupType): schema.GroupType}[key]
		r.none = r.none || typ == "" || r.typ != "" && r.typ != typ
		r.typ = typ
	default:
		return false
	}
	return true
}

// pageOfMemberships answers a query of GroupMemberships in their own order.
func (s *search) pageOfMemberships(compiled *filter.Query) (Page, error) {
	page := Page{Snapshot: s.snap}
	r := s.membershipRange(compiled)
	goOn := !s.After.IsZero()
	n, counted := s.count(r)
	if counted = counted && r.exact; counted && !goOn {
		page.Total = n
	}
	if s.Limit == 0 && (counted || goOn) {
		return page, nil
	}
	seen, each := 0, weight(compiled)
	for group, member := range s.membershipsIn(r) {
		if r.exact && seen < s.Offset { // which needs no record
			seen++
			continue
		}
		if !r.exact && (!s.step(StepsPerUnit*each) || !s.match(compiled, s.snap.membershipOf(group, member))) {
			continue
		}
		if seen++; seen > s.Offset && len(page.Resources) < s.Limit {
			page.Resources = append(page.Resources, &s.snap.membershipOf(group, member).Resource)
		}
		if len(page.Resources) == s.Limit && (counted || goOn) {
			break
		}
	}
	if !counted && !goOn {
		page.Total = seen
	}
	return page, s.err
}

// count is how many memberships the range has, if that is known without a walk.
func (s *search) count(r membershipRange) (n int, known bool) {
	switch {
	case r.none:
		return 0, true
	case r.group != nil && r.member != nil:
		if (r.typ == "" || r.member.Type == r.typ) && s.snap.scope.IsMember(r.group, r.member) {
			n = 1
		}
		return n, true
	case r.member != nil || r.typ != "":
		return 0, false
	case r.group != nil:
		return s.snap.scope.CountMembers(r.group), true
	}
	return s.snap.scope.CountMemberships(), true
}

// atMost is how many memberships a walk through the range looks at, at most.
func (s *search) atMost(r membershipRange) int {
	if n, known := s.count(r); known {
		return n
	}
	if r.member != nil {
		return min(s.snap.scope.CountGrants(r.member), s.snap.scope.CountMemberships())
	}
	r.typ = ""
	n, _ := s.count(r)
	return n
}

// membershipsIn yields the groups and members of the range, behind After, until s.err is set. Its steps are paid as
// they come.
func (s *search) membershipsIn(r membershipRange) iter.Seq2[*state.Record, *state.Record] {
	return func(yield func(group, member *state.Record) bool) {
		var afterGroup, afterMember *state.Record
		if !s.After.IsZero() {
			afterGroup, afterMember = s.snap.scope.Of(schema.GroupType, s.After.Group), s.snap.member(s.After.Member)
			if afterGroup == nil || afterMember == nil {
				s.err = noMembership(s.After)
				return
			}
		}
		in := func(group, member *state.Record) bool {
			return s.step(1) && (r.typ != "" && member.Type != r.typ || yield(group, member))
		}
		switch {
		case r.none:
		case r.group != nil && r.member != nil:
			if afterGroup == nil && s.snap.scope.IsMember(r.group, r.member) {
				in(r.group, r.member)
			}
		case r.member != nil:
			for g := range s.snap.scope.ParentGroupsAfter(r.member, afterGroup) {
				if !in(g, r.member) {
					return
				}
			}
		case r.group != nil:
			for m := range s.snap.scope.MembersAfter(r.group, afterMember) {
				if !in(r.group, m) {
					return
				}
			}
		default:
			for g, m := range s.snap.scope.AllMemberships(afterGroup, afterMember) {
				if !in(g, m) {
					return
				}
			}
		}
	}
}

// membershipRecords yields the memberships of the range as records.
func (s *search) membershipRecords(r membershipRange) iter.Seq[*state.Record] {
	return func(yield func(*state.Record) bool) {
		for g, m := range s.membershipsIn(r) {
			if !yield(s.snap.membershipOf(g, m)) {
				return
			}
		}
	}
}
