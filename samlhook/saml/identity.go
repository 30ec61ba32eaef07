package saml

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Lengths in characters.
const (
	maxNameID   = 1024
	maxUserName = 256
	maxName     = 256
	maxEmail    = 320
	maxGroup    = 1024
)

// maxListed bounds the names of attributes that one sentence lists.
const maxListed = 200

// Identity is what an assertion says about a person, under our names.
type Identity struct {
	NameID       string
	NameIDFormat string
	// NameQualifier and SPNameQualifier are as in the Assertion.
	NameQualifier, SPNameQualifier string

	// UserName is the subject by which a User is found and created: the NameID, or the attribute that the mapping
	// names.
	UserName   string
	GivenName  string // empty if not received
	FamilyName string
	Email      string

	// DisplayName and ExternalID are empty unless mapped and received.
	DisplayName string
	ExternalID  string

	// Groups are the values as received. GroupsReceived says that the attribute was there, be it without a value;
	// GroupsLinked that Entra ID sent a link instead because there are too many, so that their absence means nothing.
	Groups         []string
	GroupsReceived bool
	GroupsLinked   bool

	// Missing are the names that the assertion lacks, for a person who would have to be created (RequireNames).
	Missing []MissingAttribute

	// Attributes are all that were received, those of one Name once.
	Attributes []ReceivedAttribute

	// Matched and Unmatched are the Names of the received attributes; Empty are those of Unmatched that have no value.
	Matched, Unmatched, Empty []string
}

// ReceivedAttribute is an attribute as it came and what it is used for.
type ReceivedAttribute struct {
	Name, FriendlyName string
	MapsTo             string // firstName, lastName, email …; empty if it is not used
	Value              string // the first value that shows anything
	Values             int    // how many there are
}

// MissingAttribute is an attribute that was looked for and not received. Hint, if not empty, is what was received in
// its place and what to do about it.
type MissingAttribute struct {
	Attribute string // firstName, lastName or userName
	Hint      Explanation
}

// MapIdentity reads an identity out of a verified assertion. Values are trimmed. It refuses a value that holds control
// characters or is too long, a userName with invisible characters (ReasonInvalidAttribute), and a mapped userName that
// was not received (ReasonMissingAttribute). Missing names are not refused here.
func MapIdentity(a *Assertion, m AttributeMapping) (Identity, *Refusal) {
	f := newFinder(a.Attributes)
	id := Identity{NameID: a.NameID, NameIDFormat: a.NameIDFormat, NameQualifier: a.NameQualifier,
		SPNameQualifier: a.SPNameQualifier, UserName: a.NameID}
	refusal := id.fill(f, m)
	id.Matched, id.Unmatched, id.Empty = f.names()
	id.Attributes = f.received()
	if refusal == nil && id.UserName == "" {
		refusal = id.missingAttributes()
	}
	return id, refusal
}

// fill reads the attributes that the mapping or the alias lists name.
func (id *Identity) fill(f *finder, m AttributeMapping) *Refusal {
	for _, want := range []struct {
		into      *string
		attribute string
		mapped    string
		aliases   []string
		limit     int
		required  bool
	}{
		{&id.GivenName, "firstName", m.FirstName, firstNameAliases, maxName, true},
		{&id.FamilyName, "lastName", m.LastName, lastNameAliases, maxName, true},
		{&id.Email, "email", m.Email, emailAliases, maxEmail, false},
		{&id.DisplayName, "displayName", m.DisplayName, nil, maxName, false},
		{&id.ExternalID, "externalId", m.ExternalID, nil, maxName, false},
		{&id.UserName, "userName", cmp.Or(m.UserName, fromNameID), nil, maxUserName, true},
	} {
		// The mapping's name alone, or the aliases; or the NameID itself.
		names := want.aliases
		if want.mapped != "" {
			names = []string{want.mapped}
		}
		value, from := id.NameID, fromNameID
		if want.mapped != fromNameID {
			found, _ := f.find(want.attribute, names)
			value, from = firstValue(found), found.Name
		}
		if want.required && !hasVisible(value) {
			id.Missing = append(id.Missing, f.missing(want.attribute, names))
			value = ""
		}
		if !validValue(value, want.limit) {
			return invalid(from, want.limit)
		}
		*want.into = value
	}

	if strings.ContainsFunc(id.UserName, isInvisible) {
		return Refuse(ReasonInvalidAttribute, Say("invalid_attribute.invisible",
			"userName", Clip(strconv.QuoteToASCII(id.UserName))))
	}
	if id.Email == "" && m.Email == "" && id.NameIDFormat == NameIDEmail {
		id.Email = id.NameID
	}
	return id.fillGroups(f, m)
}

func (id *Identity) fillGroups(f *finder, m AttributeMapping) *Refusal {
	names := groupAliases
	if m.Groups != "" {
		names = []string{m.Groups}
	}
	found, ok := f.find("groups", names)
	id.GroupsReceived = ok || f.empty(names) != ""
	for _, group := range found.Values {
		if group == "" {
			continue
		}
		if !validValue(group, maxGroup) {
			return invalid(found.Name, maxGroup)
		}
		id.Groups = append(id.Groups, group)
	}
	_, id.GroupsLinked = f.find("groups", []string{groupsLink})
	return nil
}

// RequireNames is the rule for creating a person just in time: both names must be there. It returns nil, or a refusal
// (ReasonMissingAttribute) that names what is missing, lists what arrived and gives the hint.
func (id *Identity) RequireNames() *Refusal {
	if len(id.Missing) == 0 {
		return nil
	}
	return id.missingAttributes()
}

func (id *Identity) missingAttributes() *Refusal {
	var missing []string
	var hints Explanation
	for _, m := range id.Missing {
		missing, hints = append(missing, m.Attribute), append(hints, m.Hint...)
	}
	lacks := Say("missing_attribute.nothing", "missing", strings.Join(missing, ", "))
	if all := slices.Concat(id.Matched, id.Unmatched); len(all) > 0 {
		all = all[:min(len(all), maxListed)]
		for i, name := range all {
			if slices.Contains(id.Empty, name) {
				all[i] += `=""`
			}
		}
		lacks = Say("missing_attribute", "missing", strings.Join(missing, ", "), "received", strings.Join(all, ", "))
	}
	return Refuse(ReasonMissingAttribute, append(Explanation{lacks}, hints...)...)
}

func invalid(name string, limit int) *Refusal {
	return Refuse(ReasonInvalidAttribute, Say("invalid_attribute", "attribute", Clip(name), "limit", limit))
}

// validValue reports whether a trimmed value may be stored: at most limit characters, none of which breaks a line or
// turns the direction of text.
func validValue(s string, limit int) bool {
	if !utf8.ValidString(s) || utf8.RuneCountInString(s) > limit {
		return false
	}
	return !strings.ContainsFunc(s, func(r rune) bool {
		return unicode.IsControl(r) || r == '\u2028' || r == '\u2029' ||
			(r >= '\u202a' && r <= '\u202e') || (r >= '\u2066' && r <= '\u2069')
	})
}

// hasVisible reports whether a value shows anything: a letter, a digit, punctuation or a symbol.
func hasVisible(s string) bool {
	const brailleBlank = '\u2800' // a symbol by its category
	return strings.ContainsFunc(s, func(r rune) bool {
		return unicode.In(r, unicode.L, unicode.N, unicode.P, unicode.S) && !isInvisible(r) && r != brailleBlank
	})
}

// isInvisible is for userNames: one that looks like another person's would be given that person's rights.
func isInvisible(r rune) bool {
	return unicode.In(r, unicode.Cf, unicode.Variation_Selector, unicode.Other_Default_Ignorable_Code_Point)
}
