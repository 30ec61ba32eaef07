package saml

import (
	"errors"
	"slices"
	"strconv"
	"strings"
	"testing"

	"rollcall/directory"
)

func values(name string, v ...string) Attribute { return Attribute{Name: name, Values: v} }

func friendly(name, friendlyName string, v ...string) Attribute {
	return Attribute{Name: name, FriendlyName: friendlyName, Values: v}
}

func TestMapIdentity(t *testing.T) {
	const claims = "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/"
	for _, c := range []struct {
		name       string
		attributes []Attribute
		mapping    AttributeMapping
		format     string
		want       Identity // names, e-mail, userName and groups
		unmatched  string
	}{
		{name: "Okta, by convention", attributes: []Attribute{values("firstName", "Ann"), values("lastName", "Lee"),
			values("email", "ann@x.org"), values("groups", "A", "B")},
			want: Identity{UserName: "nid", GivenName: "Ann", FamilyName: "Lee", Email: "ann@x.org",
				Groups: []string{"A", "B"}}},
		{name: "OneLogin", attributes: []Attribute{values("User.FirstName", "Ann"), values("User.LastName", "Lee"),
			values("User.email", "ann@x.org"), values("memberOf", "A")},
			want: Identity{UserName: "nid", GivenName: "Ann", FamilyName: "Lee", Email: "ann@x.org",
				Groups: []string{"A"}}},
		{name: "in another case", attributes: []Attribute{values("FIRSTNAME", "Ann"), values("Lastname", "Lee")},
			want: Identity{UserName: "nid", GivenName: "Ann", FamilyName: "Lee"}},
		{name: "Entra ID and AD FS", attributes: []Attribute{values(claims+"givenname", "Ann"),
			values(claims+"surname", "Lee"), values(claims+"emailaddress", "ann@x.org"),
			values(claims+"name", "ann@x.org"),
			values("http://schemas.microsoft.com/ws/2008/06/identity/claims/groups", "guid")},
			want: Identity{UserName: "nid", GivenName: "Ann", FamilyName: "Lee", Email: "ann@x.org",
				Groups: []string{"guid"}}, unmatched: claims + "name"},
		{name: "AD FS groups", attributes: []Attribute{values("http://schemas.xmlsoap.org/claims/Group",
			"Domain Users")}, want: Identity{UserName: "nid", Groups: []string{"Domain Users"}}},
		{name: "Keycloak, one Attribute per group",
			attributes: []Attribute{friendly("urn:oid:2.5.4.42", "givenName", "Ann"),
				friendly("urn:oid:2.5.4.4", "surname", "Lee"),
				friendly("urn:oid:1.2.840.113549.1.9.1", "email", "ann@x.org"),
				values("member", "/a"), values("Role", "x"), values("member", "/a/b")},
			want: Identity{UserName: "nid", GivenName: "Ann", FamilyName: "Lee", Email: "ann@x.org",
				Groups: []string{"/a", "/a/b"}}, unmatched: "Role"},
		{name: "Shibboleth by FriendlyName alone",
			attributes: []Attribute{friendly("urn:x:1", "givenName", "Ann"), friendly("urn:x:2", "sn", "Lee"),
				friendly("urn:x:3", "mail", "ann@x.org"), friendly("urn:x:4", "isMemberOf", "A")},
			want: Identity{UserName: "nid", GivenName: "Ann", FamilyName: "Lee", Email: "ann@x.org",
				Groups: []string{"A"}}},
		{name: "Name before FriendlyName", attributes: []Attribute{friendly("urn:x:1", "firstName", "Friend"),
			values("givenName", "Name")}, want: Identity{UserName: "nid", GivenName: "Name"}, unmatched: "urn:x:1"},
		{name: "exact case before any case", attributes: []Attribute{values("FirstName", "Other"),
			values("firstName", "Exact")}, want: Identity{UserName: "nid", GivenName: "Exact"}, unmatched: "FirstName"},
		{name: "two that fit in any case only",
			attributes: []Attribute{values("FIRSTNAME", "A"), values("FirstName", "B")},
			want:       Identity{UserName: "nid"}, unmatched: "FIRSTNAME FirstName"},
		{name: "empty values are passed over",
			attributes: []Attribute{values("firstName", "", "Ann"), values("lastName", ""), values("sn", "Lee")},
			want:       Identity{UserName: "nid", GivenName: "Ann", FamilyName: "Lee"}, unmatched: "lastName"},
		{name: "an empty groups attribute says that there are none", attributes: []Attribute{values("groups", "")},
			want: Identity{UserName: "nid", GroupsReceived: true}, unmatched: "groups"},
		{name: "a groups attribute without a value, too", attributes: []Attribute{values("memberOf")},
			want: Identity{UserName: "nid", GroupsReceived: true}, unmatched: "memberOf"},
		{name: "mapping wins", attributes: []Attribute{values("firstName", "Alias"), values("vorname", "Map"),
			values("uid", "ann")},
			mapping: AttributeMapping{FirstName: "vorname", UserName: "uid"},
			want:    Identity{UserName: "ann", GivenName: "Map"}, unmatched: "firstName"},
		{name: "a mapping is the only name looked for", attributes: []Attribute{values("firstName", "Alias")},
			mapping: AttributeMapping{FirstName: "vorname"}, want: Identity{UserName: "nid"}, unmatched: "firstName"},
		{name: "mapping by FriendlyName", attributes: []Attribute{friendly("urn:x", "vorname", "Ann")},
			mapping: AttributeMapping{FirstName: "vorname"}, want: Identity{UserName: "nid", GivenName: "Ann"}},
		{name: "NameID as mapping", mapping: AttributeMapping{UserName: "NameID", Email: "NameID"},
			want: Identity{UserName: "nid", Email: "nid"}},
		{name: "NameID of e-mail format is the e-mail", format: NameIDEmail,
			want: Identity{UserName: "nid", Email: "nid"}},
		{name: "an e-mail attribute before the NameID", format: NameIDEmail,
			attributes: []Attribute{values("mail", "a@x.org")}, want: Identity{UserName: "nid", Email: "a@x.org"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := MapIdentity(&Assertion{NameID: "nid", NameIDFormat: c.format, Attributes: c.attributes},
				c.mapping)
			if err != nil {
				t.Fatal(err)
			}
			if got.UserName != c.want.UserName || got.GivenName != c.want.GivenName ||
				got.FamilyName != c.want.FamilyName || got.Email != c.want.Email ||
				!slices.Equal(got.Groups, c.want.Groups) {
				t.Errorf("identity = %+v, want %+v", got, c.want)
			}
			if u := strings.Join(got.Unmatched, " "); u != c.unmatched {
				t.Errorf("unmatched = %q, want %q", u, c.unmatched)
			}
			if got.GroupsReceived != (c.want.GroupsReceived || len(c.want.Groups) > 0) {
				t.Errorf("GroupsReceived = %t", got.GroupsReceived)
			}
		})
	}
}

func TestGroupsLink(t *testing.T) {
	id, err := MapIdentity(&Assertion{NameID: "n", Attributes: []Attribute{values(groupsLink, "https://graph")}},
		AttributeMapping{})
	if err != nil || !id.GroupsLinked || id.GroupsReceived {
		t.Errorf("identity = %+v, %v", id, err)
	}
}

func TestRequireNames(t *testing.T) {
	both := []Attribute{values("firstName", "Ann"), values("lastName", "Lee")}
	for _, c := range []struct {
		name       string
		attributes []Attribute
		want       []string // parts of the explanation; none when accepted
	}{
		{"both", both, nil},
		{"no lastName", both[:1], []string{`missing="lastName"`, `received="firstName"`}},
		{"no firstName", both[1:], []string{`missing="firstName"`, `received="lastName"`}},
		{"nothing at all", nil, []string{`missing_attribute.nothing missing="firstName, lastName"`}},
		{"blank lastName", []Attribute{both[0], values("lastName", "")},
			[]string{`missing="lastName"`, `received="firstName, lastName=\"\""`}},
		{"Namespace filled in", []Attribute{values("acme/firstName", "Ann"), both[1]},
			[]string{`missing_attribute.namespace attribute="firstName" received="acme/firstName"`}},
		{"Namespace is a URL", []Attribute{both[0], values("http://x/y/LastName", "Lee")},
			[]string{`missing_attribute.namespace attribute="lastName" received="http://x/y/LastName"`}},
		{"two fit in another case", []Attribute{values("FIRSTNAME", "A"), values("Firstname", "B"), both[1]},
			[]string{`missing_attribute.several attribute="firstName" fit="FIRSTNAME, Firstname"`}},
	} {
		t.Run(c.name, func(t *testing.T) {
			id, err := MapIdentity(&Assertion{NameID: "n", Attributes: c.attributes}, AttributeMapping{})
			if err != nil {
				t.Fatalf("missing names must not refuse a person who exists: %v", err)
			}
			err = id.RequireNames()
			if len(c.want) == 0 {
				if err != nil {
					t.Error(err)
				}
				return
			}
			wantReason(t, err, ReasonMissingAttribute)
			for _, part := range c.want {
				if !strings.Contains(err.Error(), part) {
					t.Errorf("%q does not say %q", err, part)
				}
			}
		})
	}
}

func TestInvalidValues(t *testing.T) {
	for _, c := range []struct {
		name      string
		attribute Attribute
		mapping   AttributeMapping
		want      Reason // empty: accepted
	}{
		{"line break", values("firstName", "A\nnn"), AttributeMapping{}, ReasonInvalidAttribute},
		{"NUL", values("lastName", "L\x00"), AttributeMapping{}, ReasonInvalidAttribute},
		{"override of writing direction", values("lastName", "L\u202eee"), AttributeMapping{}, ReasonInvalidAttribute},
		{"too long", values("firstName", strings.Repeat("ä", 257)), AttributeMapping{}, ReasonInvalidAttribute},
		{"as long as allowed", values("firstName", strings.Repeat("ä", 256)), AttributeMapping{}, ""},
		{"group with a tab", values("groups", "A", "B\tC"), AttributeMapping{}, ReasonInvalidAttribute},
		{"userName too long", values("uid", strings.Repeat("u", 257)), AttributeMapping{UserName: "uid"},
			ReasonInvalidAttribute},
		{"mapped userName not received", values("firstName", "A"), AttributeMapping{UserName: "uid"},
			ReasonMissingAttribute},
		{"mapped userName under a Namespace", values("acme/uid", "u"), AttributeMapping{UserName: "uid"},
			ReasonMissingAttribute},
		{"an unused attribute may hold anything", values("photo", "\x00\n"), AttributeMapping{}, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := MapIdentity(&Assertion{NameID: "n", Attributes: []Attribute{c.attribute}}, c.mapping)
			if c.want == "" {
				if err != nil {
					t.Error(err)
				}
				return
			}
			wantReason(t, err, c.want)
		})
	}
	if _, err := MapIdentity(&Assertion{NameID: strings.Repeat("n", 300)}, AttributeMapping{}); err == nil {
		t.Error("a NameID of 300 characters became a userName")
	}
}

// However many attributes arrive, a refusal for a missing one can be recorded.
func TestMissingAmongMany(t *testing.T) {
	a := &Assertion{NameID: "n"}
	for i := range 12_000 {
		a.Attributes = append(a.Attributes, values(strconv.Itoa(i)+strings.Repeat("x", 300), "v"))
	}
	id, err := MapIdentity(a, AttributeMapping{})
	if err != nil {
		t.Fatal(err)
	}
	if n := len(id.RequireNames().Error()); n > directory.MaxDocument/8 {
		t.Errorf("the explanation has %d bytes", n)
	}
}

// Nobody is taken for another because a character of the userName does not show. In other values such characters have
// their use (names in Persian).
func TestInvisibleUserName(t *testing.T) {
	for _, hidden := range []string{"ann\u200b", "a\u00adnn", "\ufeffann", "an\u2060n", "\u200eann", "ann\ufe0f",
		"an\u034fn", "an\u3164n", "an\U000e0101n"} {
		for name, a := range map[string]*Assertion{"NameID": {NameID: hidden},
			"mapped": {NameID: "n", Attributes: []Attribute{values("uid", hidden)}}} {
			m := AttributeMapping{}
			if name == "mapped" {
				m.UserName = "uid"
			}
			_, err := MapIdentity(a, m)
			if r, ok := errors.AsType[*Refusal](err); !ok || r.Reason != ReasonInvalidAttribute ||
				strings.Contains(r.Error(), hidden) {
				t.Errorf("%s %+q: %v", name, hidden, err)
			}
		}
	}
	id, err := MapIdentity(&Assertion{NameID: "n", Attributes: []Attribute{values("firstName", "Mah\u200cdi")}},
		AttributeMapping{})
	if err != nil || id.GivenName != "Mah\u200cdi" {
		t.Errorf("%+v, %v", id, err)
	}
}
