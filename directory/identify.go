package directory

import (
	"slices"

	"github.com/tidwall/gjson"

	"rollcall/directory/internal/state"
	"rollcall/directory/schema"
)

// A connection with linkPrivileged ties whoever signs in to the User that it finds by linkBy, also to one with
// privileges. Whoever gives such a User a value that it is found by decides who takes its privileges over.

// keepsIdentity refuses to give a User with privileges another userName, which is the name that administrators know it
// by, and other new values that a connection with linkPrivileged finds it by. Error: Forbidden.
func (tx *Tx) keepsIdentity(was *state.Record, before, next schema.Document) error {
	attr := tx.newIdentity(before, next)
	if attr == "" {
		return nil
	}
	if tx.snap.isPrivileged(was) {
		return errorf(Forbidden, attr, "only a credential with the scope admin may give a User who has roles or is in a "+
			"protected group another %s: it may decide who signs in as that User", attr)
	}
	tx.GuardUnprivileged(&was.Resource)
	return nil
}

// newIdentity names the attribute of which next has a value that before lacks, and by which a User with privileges may
// be found; "" if there is none.
func (tx *Tx) newIdentity(before, next schema.Document) string {
	if next["userName"] != before["userName"] {
		return "userName"
	}
	if id, ok := next["externalId"]; ok && id != before["externalId"] && tx.linksPrivilegedBy("externalId") {
		return "externalId"
	}
	had := values(before["emails"])
	isNew := func(address string) bool { return !slices.Contains(had, address) }
	if slices.ContainsFunc(values(next["emails"]), isNew) && tx.linksPrivilegedBy("email") {
		return "emails"
	}
	return ""
}

// linksPrivilegedBy reports whether a connection links Users with privileges by what linkBy names.
func (tx *Tx) linksPrivilegedBy(what string) bool {
	for c := range tx.snap.All(schema.IdentityProviderType) {
		if !gjson.GetBytes(c.JSON, "linkPrivileged").Bool() {
			continue
		}
		for _, by := range gjson.GetBytes(c.JSON, "linkBy").Array() {
			if by.String() == what {
				return true
			}
		}
	}
	return false
}
