package samlhook

import (
	"slices"

	"rollcall/directory"
	"rollcall/directory/schema"
)

// Ways to find a User to link (IdentityProvider.linkBy).
const (
	linkByUserName   = "userName"
	linkByExternalID = "externalId"
	linkByEmail      = "email"
)

// Attributes by which Users are found.
const (
	attributeUserName   = "userName"
	attributeExternalID = "externalId"
	attributeEmail      = "emails.value"
)

// find looks for Users to link: by the subject first, then by e-mail address if that found no User, not even one whom
// the subject looks like.
func (d *decider) find() []*directory.Resource {
	subject := d.identity.UserName
	found := d.linkable(linkByUserName, attributeUserName, subject)
	for _, user := range d.linkable(linkByExternalID, attributeExternalID, subject) {
		if !slices.ContainsFunc(found, func(f *directory.Resource) bool { return f.ID == user.ID }) {
			found = append(found, user)
		}
	}
	if len(found) == 0 && d.resembled() == nil {
		found = d.linkable(linkByEmail, attributeEmail, d.identity.Email)
	}
	return found
}

// linkable are the Users that have the value, if the connection links by it.
func (d *decider) linkable(by, attribute, value string) []*directory.Resource {
	if value == "" || !slices.Contains(d.settings.LinkBy, by) || !d.mayLink(value) {
		return nil
	}
	if attribute == attributeExternalID { // its case counts (RFC 7643 §3.1), so what is found is the same
		return slices.Collect(d.snapshot.Find(schema.UserType, attribute, value))
	}
	having, _ := holders(d.snapshot, attribute, value)
	return having
}

// mayLink reports whether a value links through this connection at all: with several, one could claim the people of
// another.
func (d *decider) mayLink(value string) bool { return d.authority.on(value).by == d.settings.ID }

// heldBy is a link of the User that keeps anybody else from being linked to it by value: one of this connection under
// another NameID, or one of another connection; nil if there is none.
func (d *decider) heldBy(user *directory.Resource) (here, elsewhere *directory.Link) {
	for l := range d.snapshot.LinksOf(user.ID) {
		if l.Connection == d.settings.ID {
			here = l
		} else {
			elsewhere = l
		}
	}
	return here, elsewhere
}
