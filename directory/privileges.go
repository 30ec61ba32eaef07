package directory

import (
	"slices"

	"rollcall/directory/internal/state"
	"rollcall/directory/internal/store"
	"rollcall/directory/schema"
)

// A privilege is what membership of a Group, or a role, gives beyond being in the directory: roles that an
// administrator gave, and the protection of a Group. Whoever may not administer changes people and leaves privileges as
// they are: nobody gains any by that, and nobody loses any but by being deactivated or deleted.

// deed is what a change does to one User or Group.
type deed struct {
	was     *state.Record   // as it is; nil for a new one
	next    schema.Document // as it will be; nil where it is deleted or only its members change
	members bool            // its members change, and nothing else
	back    *state.Record   // the User that is restored: the deed is its return, or that to the Group
}

// touchesPrivileges refuses the deed to an actor who may not administer if it touches privileges. It is asked about
// every creation, replacement and deletion of a User or Group and every change of members. What it allows, it makes
// depend on the privileges being as they are. Error: Forbidden.
func (tx *Tx) touchesPrivileges(typ string, d deed) error {
	if typ != schema.UserType && typ != schema.GroupType || tx.dir.actor.Rights.Has(administer) {
		return nil
	}
	var before schema.Document
	if d.was != nil && d.next != nil { // else nobody asks what it was
		var err error
		if before, err = kindOf(typ).schema().Decode(d.was.JSON); err != nil {
			return err
		}
	}
	if typ == schema.UserType {
		return tx.touchesUser(d, before)
	}
	return tx.touchesGroup(d, before)
}

// touchesGroup refuses to give a Group roles or protection or to take them away, and every change of a Group of which
// membership means more.
func (tx *Tx) touchesGroup(d deed, before schema.Document) error {
	if d.next != nil && !schema.EqualValues(d.next[schema.GroupAccessURN], before[schema.GroupAccessURN]) {
		return errorf(Forbidden, schema.GroupAccessURN,
			"only a credential with the scope admin may change a group's roles and protection")
	}
	if d.was == nil || d.next != nil && d.next.Equal(before) {
		return nil
	}
	if tx.snap.grantsPrivileges(d.was) {
		attr := ""
		if d.members {
			attr = "members"
		}
		return errorf(Forbidden, attr, "only a credential with the scope admin may change a group that is protected "+
			"or has roles, or is in such a group")
	}
	if d.back != nil { // there may be very many Groups; one that is deleted meanwhile makes no difference
		tx.requireNest()
		return nil
	}
	tx.GuardPrivileges(&d.was.Resource)
	return nil
}

// touchesUser refuses to give a User roles that give rights, to take away what an administrator gave, to restore a User
// with roles that one gave, to say who somebody with privileges is, and to bring back one of those whom an administrator deactivated. An actor that may
// write only people without privileges is refused everything else about the others, and roles altogether.
func (tx *Tx) touchesUser(d deed, before schema.Document) error {
	writesPrivileged := tx.dir.actor.Rights.Has(writePrivileged)
	if d.next != nil {
		if err := keepsRoles(d.was, before, d.next, writesPrivileged); err != nil {
			return err
		}
	}
	if d.back != nil && hasGranted(d.back) {
		return errorf(Forbidden, "roles", "only a credential with the scope admin may restore a User to whom an "+
			"administrator gave roles")
	}
	if d.was == nil || d.next != nil && d.next.Equal(before) {
		return nil
	}

	// Of people with privileges.
	revives := d.next != nil && d.was.Suspended && isActive(d.next)
	if writesPrivileged && !revives {
		if d.next == nil {
			return nil
		}
		return tx.keepsIdentity(d.was, before, d.next)
	}
	if tx.snap.isPrivileged(d.was) {
		if revives {
			return errorf(Forbidden, "active", "an administrator deactivated this User, who has roles or is in a "+
				"protected group: only a credential with the scope admin may activate it")
		}
		return errorf(Forbidden, "", "only a credential with the scope admin or write may change a User who has roles "+
			"or is in a protected group")
	}
	tx.GuardUnprivileged(&d.was.Resource)
	return nil
}

// keepsRoles checks that next keeps the roles that an administrator gave the User and has no new ones that give rights;
// no new ones at all unless provision is set. Error: Forbidden.
func keepsRoles(was *state.Record, before, next schema.Document, provision bool) error {
	const text = "only a credential with the scope admin may "
	if !provision && !schema.EqualValues(next["roles"], before["roles"]) {
		return errorf(Forbidden, "roles", text+"change the roles of Users")
	}
	had, has := values(before["roles"]), values(next["roles"])
	for _, role := range had {
		if !slices.Contains(has, role) && isGranted(was, role) {
			return errorf(Forbidden, "roles", text+"take away the role %q, which an administrator gave", role)
		}
	}
	for _, role := range has {
		if !slices.Contains(had, role) && rightsOfRole(role) != 0 {
			return errorf(Forbidden, "roles", text+"give the role %q", role)
		}
	}
	return nil
}

// values are the values of the elements of a list.
func values(list any) (all []string) {
	elements, _ := list.([]any)
	for _, e := range elements {
		if v := valueOf(e); v != "" {
			all = append(all, v)
		}
	}
	return all
}

// valueOf is the value of an element of a list.
func valueOf(element any) string {
	m, _ := element.(map[string]any)
	v, _ := m["value"].(string)
	return v
}

// isActive reports whether a User's document says that the account may be used.
func isActive(user schema.Document) bool {
	active, ok := user["active"].(bool)
	return active || !ok
}

// giveRoles records which of the roles in the list an administrator gave: those that one gave before, and where one
// writes, the new ones.
func giveRoles(tx *Tx, was, r *state.Record, list any) {
	roles := values(list)
	if r.Granted = nil; len(roles) == 0 {
		return
	}
	had := map[string]bool{}
	if was != nil {
		for v := range rolesOf(was) {
			had[v] = isGranted(was, v)
		}
	}
	granted := []string{}
	for _, role := range roles {
		if before, known := had[role]; known && before || !known && tx.dir.actor.Rights.Has(administer) {
			granted = append(granted, role)
		}
	}
	r.Granted = &granted
}

// CarryPrivileges completes the document of a PUT (RFC 7644 §3.5.1) with what the actor cannot take away: a client that
// leaves out roles that an administrator gave, or a Group's roles and protection, means what it knows of.
func (tx *Tx) CarryPrivileges(old *Resource, next schema.Document) error {
	was := tx.record(old.Type, old.ID)
	if was == nil || tx.dir.actor.Rights.Has(administer) {
		return nil
	}
	switch old.Type {
	case schema.GroupType:
		before, err := schema.Group().Decode(was.JSON)
		if access, ok := before[schema.GroupAccessURN]; ok && next[schema.GroupAccessURN] == nil {
			next[schema.GroupAccessURN] = access
		}
		return err
	case schema.UserType:
		return tx.carryRoles(was, next)
	}
	return nil
}

func (tx *Tx) carryRoles(was *state.Record, next schema.Document) error {
	before, err := schema.User().Decode(was.JSON)
	if err != nil {
		return err
	}
	stored, _ := before["roles"].([]any)
	sent, _ := next["roles"].([]any)
	all, has := !tx.dir.actor.Rights.Has(writePrivileged), values(sent)
	var kept []any
	for _, e := range stored {
		role := valueOf(e)
		if !slices.Contains(has, role) && (isGranted(was, role) || all && len(sent) == 0) {
			kept = append(kept, schema.CloneValue(e))
		}
	}
	if kept != nil {
		next["roles"] = append(kept, sent...)
	}
	return nil
}

// accessNote moves when a User that exists gets into a Group of which membership means more. Only its revision counts.
const accessNote = "access"

// GuardPrivileges makes the change depend on what membership of the group means (Snapshot.PrivilegedGroup): a group
// that was not privileged is not so when the change is committed. The nest key moves whenever a group may become so.
func (tx *Tx) GuardPrivileges(group *Resource) {
	g := tx.record(schema.GroupType, group.ID)
	if g == nil || g.Uncommitted() {
		return
	}
	if _, staged := tx.staged[g.ID]; !staged {
		tx.guard(g, false)
	}
	tx.requireNest()
}

func (tx *Tx) requireNest() {
	tx.require(store.Unchanged(tx.keys().Nest(), tx.snap.scope.NestRevision()))
}

// GuardUnprivileged makes the change depend on a User that has no privileges (Snapshot.Privileged) having none still
// when it is committed: the User is as it is, its Groups mean no more, and it got into no other one that does.
func (tx *Tx) GuardUnprivileged(user *Resource) {
	r := tx.record(schema.UserType, user.ID)
	if r == nil || r.Uncommitted() {
		return
	}
	tx.guardUnlessStaged(r)
	tx.requireNest()
	tx.require(store.Unchanged(tx.keys().Note(accessNote, r.ID), tx.snap.scope.Note(accessNote, r.ID).Revision))
}

// noteAccess moves what GuardUnprivileged rests on, if the member is a User that exists and the group gives more than
// membership.
func (tx *Tx) noteAccess(group, member *state.Record) {
	if member.Type == schema.UserType && !member.Uncommitted() && tx.snap.grantsPrivileges(group) {
		tx.put(tx.keys().Note(accessNote, member.ID), nil)
	}
}
