package directory

import (
	"iter"
	"slices"
	"strings"

	"github.com/tidwall/gjson"

	"rollcall/directory/internal/state"
	"rollcall/directory/schema"
)

// Active reports whether a User's document says that the account may be used: absent counts as active.
func Active(doc []byte) bool { return gjson.GetBytes(doc, "active").Type != gjson.False }

// Enabled reports whether a connection may be used: absent counts as enabled.
func Enabled(doc []byte) bool { return gjson.GetBytes(doc, "enabled").Type != gjson.False }

// Roles are the User's effective roles: its own and those of every Group it is in, directly or not; sorted. Those that
// name rights and give none, because no administrator gave them, are left out.
func (s *Snapshot) Roles(user ID) []string {
	r := s.scope.Of(schema.UserType, user)
	if r == nil {
		return nil
	}
	roles := effectiveRoles(r)
	for m := range s.memberships(&r.Resource) {
		roles = append(roles, effectiveRoles(m.Group)...)
	}
	slices.Sort(roles)
	return slices.Compact(roles)
}

func effectiveRoles(r *state.Record) []string {
	var values []string
	for v := range rolesOf(r) {
		if rightsOfRole(v) == 0 || isGranted(r, v) {
			values = append(values, v)
		}
	}
	return values
}

// rolesOf yields the roles that a User has, or that a Group gives, by its own document.
func rolesOf(r *state.Record) iter.Seq[string] {
	return func(yield func(string) bool) {
		list := gjson.GetBytes(r.JSON, "roles")
		if r.Type == schema.GroupType {
			list = groupAccess(r.JSON, "roles")
		}
		for _, e := range list.Array() {
			if v := e.Get("value").String(); v != "" && !yield(v) {
				return
			}
		}
	}
}

// newRoles are the roles that give rights since records tell who gave a role. In older records they meant something
// else.
var newRoles = []string{"manager", "auditor"}

// isGranted reports whether an administrator gave the record's role.
func isGranted(r *state.Record, role string) bool {
	if r.Granted == nil {
		return !slices.Contains(newRoles, role)
	}
	return slices.Contains(*r.Granted, role)
}

// hasGranted reports whether an administrator gave the record any role.
func hasGranted(r *state.Record) bool {
	for v := range rolesOf(r) {
		if isGranted(r, v) {
			return true
		}
	}
	return false
}

// groupAccess reads an attribute of the Group's extension that grants roles and protects.
func groupAccess(doc []byte, name string) gjson.Result {
	return gjson.GetBytes(doc, escapedGroupAccess+"."+name)
}

var escapedGroupAccess = strings.ReplaceAll(schema.GroupAccessURN, ".", `\.`)

// protected reports whether the Group keeps an active member.
func protected(group []byte) bool { return groupAccess(group, "protected").Bool() }

// grantsAccess reports whether membership of the Group, by its own document, means more than membership: the Group has
// roles or is protected.
func grantsAccess(group []byte) bool {
	access := gjson.GetBytes(group, escapedGroupAccess)
	return access.Get("protected").Bool() || len(access.Get("roles").Array()) > 0
}

// inGroupWithAccess reports whether the resource is in a Group that grants access, directly or not.
func (s *Snapshot) inGroupWithAccess(r *state.Record) bool {
	for m := range s.scope.Memberships(&r.Resource, nil) {
		if grantsAccess(m.Group.JSON) {
			return true
		}
	}
	return false
}

// grantsPrivileges reports whether membership of the Group gives more than membership: it, or a Group that it is in,
// grants access.
func (s *Snapshot) grantsPrivileges(g *state.Record) bool {
	return grantsAccess(g.JSON) || s.inGroupWithAccess(g)
}

// PrivilegedGroup reports whether the Group, or one that it is in, has roles or is protected: whoever adds a User to it
// may give more than membership.
func (s *Snapshot) PrivilegedGroup(group ID) bool {
	g := s.scope.Of(schema.GroupType, group)
	return g != nil && s.grantsPrivileges(g)
}

// Privileged reports whether the User has roles that an administrator gave, or is in a Group that has roles or is
// protected: whoever links it to a sign-in takes them over.
func (s *Snapshot) Privileged(user ID) bool {
	r := s.scope.Of(schema.UserType, user)
	return r != nil && s.isPrivileged(r)
}

func (s *Snapshot) isPrivileged(user *state.Record) bool {
	return hasGranted(user) || s.inGroupWithAccess(user)
}

// sessionRights are the rights that the User's roles give, and the Groups that they come through.
func (s *Snapshot) sessionRights(user ID) (rights Rights, through []*state.Record) {
	rights = ScopeSelf
	for _, r := range roleRights {
		if rights.Has(r.rights) {
			continue
		}
		if groups, ok := s.roleGroups(user, r.role); ok {
			rights |= r.rights
			through = append(through, groups...)
		}
	}
	return rights, through
}

// roleGroups are the Groups through which the User was given the role, from the one it is in to the one that gives the
// role; none where the User has the role itself. ok is false where it does not have it.
func (s *Snapshot) roleGroups(user ID, role string) (through []*state.Record, ok bool) {
	r := s.scope.Of(schema.UserType, user)
	if r == nil {
		return nil, false
	}
	own := *r
	own.JSON = s.store.held.document(s.id, r)
	if gives(&own, role) {
		return nil, true
	}

	// Walk upwards, breadth first, and remember the way.
	reachedFrom := map[*state.Record]*state.Record{} // by Group: the member through which it was reached
	for queue := []*state.Record{r}; len(queue) > 0; queue = queue[1:] {
		for g := range s.scope.ParentGroups(queue[0]) {
			if reachedFrom[g] != nil {
				continue
			}
			reachedFrom[g] = queue[0]
			if !gives(g, role) {
				queue = append(queue, g)
				continue
			}
			for ; g != r; g = reachedFrom[g] {
				through = append(through, g)
			}
			slices.Reverse(through)
			return through, true
		}
	}
	return nil, false
}

// gives reports whether the record has the role and an administrator gave it.
func gives(r *state.Record, role string) bool {
	for v := range rolesOf(r) {
		if v == role {
			return isGranted(r, v)
		}
	}
	return false
}
