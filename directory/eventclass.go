package directory

import (
	"slices"

	"github.com/tidwall/gjson"

	"rollcall/directory/internal/state"
	"rollcall/directory/schema"
)

// An Event concerns access if it is about rights, credentials, connections or definitions. Such Events are kept apart,
// so that no number of other changes pushes them out; and among them those that administrators left, so that whoever
// may less, such as a client that deactivates and activates an administrator, pushes out none of these.

// classOf is the class of the Event.
func (tx *Tx) classOf(d *eventDraft) state.EventClass {
	switch {
	case !tx.concernsAccess(d):
		return state.OrdinaryEvents
	case tx.dir.actor.administers():
		return state.AdministrationEvents
	}
	return state.AccessEvents
}

// administers reports whether the actor is an administrator. A sign-in acts with all rights, but anybody signs in.
func (a Actor) administers() bool {
	return a.Rights.Has(administer) && a.Type != schema.IdentityProviderType
}

func (tx *Tx) concernsAccess(d *eventDraft) bool {
	before, after := tx.snap.record(d.typ, d.id), tx.record(d.typ, d.id)
	switch d.typ {
	case schema.UserType:
		return tx.concernsUser(d, before, after)
	case schema.GroupType:
		return tx.concernsGroup(d, before, after)
	case schema.SessionType: // anybody signs out
		return tx.dir.actor.administers()
	}
	return tx.snap.kind(d.typ).access
}

// concernsUser reports whether a change of a User gives or takes roles that count, deactivates, activates or deletes
// somebody with privileges, has to do with who signs in as such a User, or ends sessions by name.
func (tx *Tx) concernsUser(d *eventDraft, before, after *state.Record) bool {
	switch {
	case d.action == "endSessions" || !slices.Equal(grantedTo(before), grantedTo(after)):
		return true
	case before == nil || !tx.snap.isPrivileged(before) && !tx.joinsPrivileged(d.id):
		return false
	}
	return after == nil || Active(before.JSON) != Active(after.JSON) || d.identifies()
}

// identifies reports whether the change of a User has to do with who signs in as that User.
func (d *eventDraft) identifies() bool {
	return d.action == "claim" || slices.ContainsFunc(identityPaths, func(p string) bool { return d.paths[p] })
}

var identityPaths = []string{schema.OriginURN + ":links", "userName", "externalId", "emails"}

// joinsPrivileged reports whether the change adds the User to a Group of which membership means more.
func (tx *Tx) joinsPrivileged(user ID) bool {
	for e, added := range tx.members.edges {
		if added && e.member == user && tx.means(e.group, map[ID]bool{}) {
			return true
		}
	}
	return false
}

// concernsGroup reports whether a change of a Group changes what its membership means, or whose membership means more.
func (tx *Tx) concernsGroup(d *eventDraft, before, after *state.Record) bool {
	if accessOf(before) != accessOf(after) {
		return true
	}
	return (after == nil || d.paths["members"]) && tx.means(d.id, map[ID]bool{})
}

// accessOf is what the Group's own document gives beyond membership; "" for no Group.
func accessOf(g *state.Record) string {
	if g == nil {
		return ""
	}
	return gjson.GetBytes(g.JSON, escapedGroupAccess).Raw
}

// means reports whether membership of the Group means more than membership, before or after this change: it grants
// access, or a Group that it is in does.
func (tx *Tx) means(group ID, seen map[ID]bool) bool {
	if seen[group] {
		return false
	}
	seen[group] = true
	for _, g := range []*state.Record{tx.snap.record(schema.GroupType, group), tx.record(schema.GroupType, group)} {
		if g != nil && grantsAccess(g.JSON) {
			return true
		}
	}
	for outer := range tx.members.above(group) {
		if tx.means(outer, seen) {
			return true
		}
	}
	return false
}

// grantedTo are the record's roles that an administrator gave, sorted.
func grantedTo(r *state.Record) (granted []string) {
	if r == nil {
		return nil
	}
	for v := range rolesOf(r) {
		if isGranted(r, v) {
			granted = append(granted, v)
		}
	}
	slices.Sort(granted)
	return granted
}
