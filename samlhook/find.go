package samlhook

import (
	"slices"

	"github.com/tidwall/gjson"

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

// mayLink reports whether a value may link at all. With several connections, one could claim the people of another:
// then a value links only in a domain that was verified and assigned to this one.
func (d *decider) mayLink(value string) bool {
	return !d.several || d.settings.verifiedHere(value, d.verified)
}

// linkedElsewhere is the NameID by which this connection knows the User already; empty if there is none.
func (d *decider) linkedElsewhere(user *directory.Resource) string {
	for _, l := range gjson.GetBytes(user.JSON, gjson.Escape(schema.OriginURN)+".links").Array() {
		nameID := l.Get("nameId").String()
		if l.Get("connection").String() != d.settings.ID.String() || nameID == d.identity.NameID {
			continue
		}
		if link := d.snapshot.Link(d.settings.ID, nameID); link != nil && link.User == user.ID {
			return nameID
		}
	}
	return ""
}
