package saml

import (
	"slices"
	"strings"
)

// AttributeMapping names the attributes of an assertion to read, where the alias lists are not right for a connection.
// An empty field means the alias list; a name that is given is the only one looked for.
type AttributeMapping struct {
	UserName  string // empty or "NameID": the NameID
	FirstName string
	LastName  string
	Email     string // "NameID" reads the NameID
	Groups    string

	// There are no alias lists for these: unset, nothing is read.
	DisplayName string
	ExternalID  string
}

// fromNameID in a mapping stands for the NameID instead of an attribute.
const fromNameID = "NameID"

// The names under which identity providers send an attribute when left to themselves, in order of preference: plain
// ones (Okta, Google, OneLogin, JumpCloud, PingFederate, and Entra ID with an empty Namespace), the claim URIs of Entra
// ID and AD FS, the object identifiers of Keycloak, Shibboleth and pysaml2.
var (
	firstNameAliases = []string{"firstName", "User.FirstName", "givenName", "first_name", "first-name", "gn",
		xmlsoap + "givenname", "urn:oid:2.5.4.42", "urn:mace:dir:attribute-def:givenName"}
	lastNameAliases = []string{"lastName", "User.LastName", "familyName", "surname", "sn", "last_name", "last-name",
		xmlsoap + "surname", "urn:oid:2.5.4.4", "urn:mace:dir:attribute-def:sn"}
	emailAliases = []string{"email", "User.Email", "mail", "emailAddress", "e-mail", xmlsoap + "emailaddress",
		"urn:oid:0.9.2342.19200300.100.1.3", "urn:oid:1.2.840.113549.1.9.1", "urn:mace:dir:attribute-def:mail"}
	groupAliases = []string{"groups", "memberOf", "member", "group", "isMemberOf", microsoft + "groups",
		"http://schemas.xmlsoap.org/claims/Group", "urn:oid:1.3.6.1.4.1.5923.1.5.1.1"}
)

const (
	xmlsoap   = "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/"
	microsoft = "http://schemas.microsoft.com/ws/2008/06/identity/claims/"

	// groupsLink is what Entra ID sends in place of groups when there are over 150.
	groupsLink = "http://schemas.microsoft.com/claims/groups.link"
)

// finder looks attributes up by name; those of one Name are merged, in order.
type finder struct {
	attributes []Attribute
	matched    map[int]string // what each one that was used is used for
}

func newFinder(received []Attribute) *finder {
	f := &finder{matched: map[int]string{}}
	for _, a := range received {
		if i := slices.IndexFunc(f.attributes, func(b Attribute) bool { return b.Name == a.Name }); i >= 0 {
			f.attributes[i].Values = append(slices.Clip(f.attributes[i].Values), a.Values...)
			if f.attributes[i].FriendlyName == "" {
				f.attributes[i].FriendlyName = a.FriendlyName
			}
			continue
		}
		f.attributes = append(f.attributes, a)
	}
	return f
}

// find returns the first attribute that one of the names fits and that has a value, and notes what it is used for: by
// Name before by FriendlyName, in exact case before any case, and in any case only if a single attribute fits.
// NameFormat is ignored.
func (f *finder) find(use string, names []string) (Attribute, bool) {
	byName := func(a Attribute) string { return a.Name }
	byFriendly := func(a Attribute) string { return a.FriendlyName }
	exact := func(a, b string) bool { return a == b }
	for _, equal := range []func(a, b string) bool{exact, strings.EqualFold} {
		for _, key := range []func(Attribute) string{byName, byFriendly} {
			for _, name := range names {
				fit := f.fitting(func(a Attribute) bool { return equal(key(a), name) })
				if len(fit) == 1 {
					f.matched[fit[0]] = use
					return f.attributes[fit[0]], true
				}
			}
		}
	}
	return Attribute{}, false
}

// fitting are the indices of the attributes that fit and have a value.
func (f *finder) fitting(fits func(Attribute) bool) []int {
	var all []int
	for i, a := range f.attributes {
		if fits(a) && firstValue(a) != "" {
			all = append(all, i)
		}
	}
	return all
}

// firstValue is the first value that shows anything.
func firstValue(a Attribute) string {
	if i := slices.IndexFunc(a.Values, hasVisible); i >= 0 {
		return a.Values[i]
	}
	return ""
}

// received describes every attribute, in order.
func (f *finder) received() []ReceivedAttribute {
	var all []ReceivedAttribute
	for i, a := range f.attributes {
		all = append(all, ReceivedAttribute{Name: a.Name, FriendlyName: a.FriendlyName, MapsTo: f.matched[i],
			Value: firstValue(a), Values: len(a.Values)})
	}
	return all
}

// names lists what was received, by Name, in order: the attributes that were used and those that were not, and of
// these the ones without a value.
func (f *finder) names() (matched, unmatched, empty []string) {
	for i, a := range f.attributes {
		if f.matched[i] != "" {
			matched = append(matched, Clip(a.Name))
			continue
		}
		unmatched = append(unmatched, Clip(a.Name))
		if firstValue(a) == "" {
			empty = append(empty, Clip(a.Name))
		}
	}
	return matched, unmatched, empty
}

// missing describes an attribute that was not found under any of the names.
func (f *finder) missing(attribute string, names []string) MissingAttribute {
	m := MissingAttribute{Attribute: attribute}
	if empty := f.empty(names); empty != "" {
		m.Hint = Explanation{Say("missing_attribute.empty", "attribute", attribute, "received", Clip(empty))}
	} else if received := f.namespaced(names); received != "" {
		m.Hint = Explanation{Say("missing_attribute.namespace", "attribute", attribute, "received", Clip(received))}
	} else if fit := f.ambiguous(names); len(fit) > 1 {
		m.Hint = Explanation{Say("missing_attribute.several", "attribute", attribute, "fit",
			Clip(strings.Join(fit, ", ")))}
	}
	return m
}

// namespaced finds the attribute that would fit were it not for a path in front: what Entra ID makes of a claim whose
// Namespace is filled in.
func (f *finder) namespaced(names []string) string {
	for _, a := range f.attributes {
		i := strings.LastIndexByte(a.Name, '/')
		if i < 0 {
			continue
		}
		last := a.Name[i+1:]
		fits := func(name string) bool { return strings.EqualFold(name, last) }
		if last != "" && firstValue(a) != "" && slices.ContainsFunc(names, fits) {
			return a.Name
		}
	}
	return ""
}

// empty finds the attribute that would fit if it had a value that shows anything.
func (f *finder) empty(names []string) string {
	for _, a := range f.attributes {
		fits := func(name string) bool {
			return strings.EqualFold(a.Name, name) || strings.EqualFold(a.FriendlyName, name)
		}
		if slices.ContainsFunc(names, fits) && !slices.ContainsFunc(a.Values, hasVisible) {
			return a.Name
		}
	}
	return ""
}

// ambiguous lists the attributes among which find could not choose.
func (f *finder) ambiguous(names []string) []string {
	for _, name := range names {
		fit := f.fitting(func(a Attribute) bool {
			return strings.EqualFold(a.Name, name) || strings.EqualFold(a.FriendlyName, name)
		})
		if len(fit) > 1 {
			var all []string
			for _, i := range fit {
				all = append(all, f.attributes[i].Name)
			}
			return all
		}
	}
	return nil
}
