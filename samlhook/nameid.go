package samlhook

import (
	"iter"
	"strings"

	"rollcall/directory"
	"rollcall/samlhook/saml"
)

// linkName is what tells the link of a NameID from others of its connection (directory.Link.Name): its value alone, or
// with it what makes the same value another person, qualifiers and the persistent format (SAML Core §2.2.2, §8.3.7).
func linkName(nameID, format, qualifier, spQualifier string) string {
	persistent := format == saml.NameIDPersistent
	if qualifier == "" && spQualifier == "" && !persistent {
		return nameID
	}
	parts := []string{nameID, qualifier, spQualifier, ""}
	if persistent {
		parts[3] = "persistent"
	}
	return strings.Join(parts, "\x00") // which no NameID contains
}

// newLink is the link of the NameID to a User.
func newLink(connection directory.ID, id saml.Identity) directory.Link {
	l := directory.Link{Connection: connection, NameID: id.NameID, Format: id.NameIDFormat,
		NameQualifier: id.NameQualifier, SPNameQualifier: id.SPNameQualifier}
	if name := linkName(l.NameID, l.Format, l.NameQualifier, l.SPNameQualifier); name != l.NameID {
		l.Name = name
	}
	return l
}

// linkSource finds links: a snapshot, or a change, which then depends on what it found.
type linkSource interface {
	Link(connection directory.ID, name string) *directory.Link
}

// findLink finds the link of an asserted NameID; nil if there is none. A link without a format, which somebody made by
// hand, is meant for every format. An e-mail address is the same in another case, unless two are linked that differ in
// nothing else.
func findLink(in linkSource, like func(directory.ID, string) iter.Seq[*directory.Link], connection directory.ID,
	id saml.Identity) *directory.Link {
	asserted := newLink(connection, id)
	if l := in.Link(connection, asserted.Named()); l != nil {
		return l
	}
	plain := id.NameQualifier == "" && id.SPNameQualifier == ""
	if asserted.Name != "" && plain {
		if l := in.Link(connection, id.NameID); l != nil && l.Format == "" {
			return l
		}
	}
	if id.NameIDFormat != saml.NameIDEmail || !plain {
		return nil
	}
	var found *directory.Link
	for l := range like(connection, id.NameID) {
		if l.Name != "" {
			continue
		}
		if found != nil {
			return nil
		}
		found = l
	}
	if found == nil {
		return nil
	}
	return in.Link(connection, found.Named())
}
