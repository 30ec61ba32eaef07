package directory

import (
	"iter"

	"rollcall/directory/schema"
)

// MemberRef is one member of a Group.
type MemberRef struct {
	ID      ID
	Type    string // "User" or "Group"
	Display string // the member's displayName; of a User without one, its userName
}

// GroupRef is one Group of a User or Group.
type GroupRef struct {
	ID      ID
	Display string
	Direct  bool // false: only through another Group
}

// Members yields the group's direct members in the order of their creation. The group may be huge: callers stop when
// they have what they need.
func (s *Snapshot) Members(group ID) iter.Seq[MemberRef] {
	return func(yield func(MemberRef) bool) {
		g := s.scope.Of(schema.GroupType, group)
		if g == nil {
			return
		}
		for m := range s.members(g) {
			if !yield(MemberRef{m.ID, m.Type, m.Display()}) {
				return
			}
		}
	}
}

// MemberCount is how many direct members the group has.
func (s *Snapshot) MemberCount(group ID) int {
	if g := s.scope.Of(schema.GroupType, group); g != nil {
		return s.scope.CountMembers(g)
	}
	return 0
}

// ExternallyManaged reports whether replies leave the members of the Group to /GroupMemberships, unless they are asked
// for: it has more than the organization's membersInline.
func (s *Snapshot) ExternallyManaged(group ID) bool {
	most := s.scope.Control().MembersInline
	return most > 0 && s.MemberCount(group) > most
}

// derivedExternallyManaged says so of a Group. Of others it says nothing, which means the same as false, so that
// clients that know only the standard schemas see nothing new.
func derivedExternallyManaged(v View) []byte {
	if v.snap.ExternallyManaged(v.rec.ID) {
		return []byte(`{"externallyManaged":true}`)
	}
	return nil
}

// IsMember reports whether the resource is a direct member of the group.
func (s *Snapshot) IsMember(group, member ID) bool {
	g, m := s.scope.Get(group), s.scope.Get(member)
	return g != nil && m != nil && s.scope.IsMember(g, m)
}

// MayHaveGroups is false for a resource of this snapshot that is surely in no Group: a quick answer for most of them.
func (s *Snapshot) MayHaveGroups(r *Resource) bool {
	return r.Uncommitted() || s.scope.MayHaveGroups(r)
}

// HasMoreGroups reports whether the User or Group is in more Groups than as many, direct or not.
func (s *Snapshot) HasMoreGroups(r *Resource, than int) bool {
	for range s.GroupsOf(r) {
		if than--; than < 0 {
			return true
		}
	}
	return false
}

// GroupsOf yields the Groups of a User or Group: the direct ones in order of creation, then those they are in.
func (s *Snapshot) GroupsOf(r *Resource) iter.Seq[GroupRef] {
	return func(yield func(GroupRef) bool) {
		if r.Uncommitted() { // a copy, such as of a change: its own record is in the trees
			known := s.scope.Get(r.ID)
			if known == nil {
				return
			}
			r = &known.Resource
		}
		for m := range s.memberships(r) {
			if !yield(GroupRef{m.Group.ID, m.Group.Display(), m.Direct}) {
				return
			}
		}
	}
}
