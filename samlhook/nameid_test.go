package samlhook

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"rollcall/directory"
	"rollcall/directory/schema"
	"rollcall/samlhook/saml"
	"rollcall/samlhook/saml/samltest"
)

// What the key of a link is: the value, the qualifiers, and the persistent format; an e-mail address in another case.
func TestFindLink(t *testing.T) {
	const unspecified, persistent, mail = "urn:oasis:names:tc:SAML:1.1:nameid-format:unspecified",
		saml.NameIDPersistent, saml.NameIDEmail
	id := func(value, format string, qualifiers ...string) saml.Identity {
		i := saml.Identity{NameID: value, NameIDFormat: format}
		if len(qualifiers) > 0 {
			i.NameQualifier = qualifiers[0]
		}
		if len(qualifiers) > 1 {
			i.SPNameQualifier = qualifiers[1]
		}
		return i
	}
	for _, c := range []struct {
		name     string
		linked   []saml.Identity
		asserted saml.Identity
		want     int // which of linked; -1 for none
	}{
		{"the same", []saml.Identity{id("a", unspecified)}, id("a", unspecified), 0},
		{"another format", []saml.Identity{id("a@x", unspecified)}, id("a@x", mail), 0},
		{"no format", []saml.Identity{id("a", unspecified)}, id("a", ""), 0},
		{"another value", []saml.Identity{id("a", "")}, id("b", ""), -1},
		{"another case", []saml.Identity{id("a", "")}, id("A", ""), -1},
		{"an address that is not said to be one, in another case", []saml.Identity{id("a@x", unspecified)},
			id("A@x", unspecified), -1},
		{"persistent, the same", []saml.Identity{id("a", persistent)}, id("a", persistent), 0},
		{"persistent, linked without a format", []saml.Identity{id("a", "")}, id("a", persistent), 0},
		{"persistent, linked in another format", []saml.Identity{id("a", unspecified)}, id("a", persistent), -1},
		{"linked as persistent, another format", []saml.Identity{id("a", persistent)}, id("a", unspecified), -1},
		{"linked as persistent, no format", []saml.Identity{id("a", persistent)}, id("a", ""), -1},
		{"both are linked: persistent", []saml.Identity{id("a", ""), id("a", persistent)}, id("a", persistent), 1},
		{"both are linked: the other", []saml.Identity{id("a", persistent), id("a", "")}, id("a", mail), 1},
		{"the same qualifier", []saml.Identity{id("a", persistent, "q")}, id("a", persistent, "q"), 0},
		{"another qualifier", []saml.Identity{id("a", persistent, "q")}, id("a", persistent, "p"), -1},
		{"no qualifier any more", []saml.Identity{id("a", persistent, "q")}, id("a", persistent), -1},
		{"a qualifier since", []saml.Identity{id("a", "")}, id("a", persistent, "q"), -1},
		{"a service's qualifier since", []saml.Identity{id("a", "")}, id("a", persistent, "", "sp"), -1},
		{"no qualifier any more, not persistent", []saml.Identity{id("a", "", "q")}, id("a", ""), -1},
		{"a qualifier, and persistent", []saml.Identity{id("a", "", "q")}, id("a", persistent, "q"), -1},
		{"another service's", []saml.Identity{id("a", "", "", "sp")}, id("a", "", "", "other"), -1},
		{"qualifiers are not run together", []saml.Identity{id("a", "", "q", "")}, id("a", "", "", "q"), -1},
		{"an address in another case", []saml.Identity{id("Ann@X.example", mail)}, id("ann@x.EXAMPLE", mail), 0},
		{"an address in another case, linked without a format", []saml.Identity{id("Ann@x", "")}, id("ann@x", mail), 0},
		{"an address in another case, of two", []saml.Identity{id("Ann@x", mail), id("ANN@x", mail)},
			id("ann@x", mail), -1},
		{"exactly one of two", []saml.Identity{id("Ann@x", mail), id("ann@x", mail)}, id("ann@x", mail), 1},
		{"an address in another case beside a persistent one", []saml.Identity{id("Ann@x", persistent), id("aNN@x", mail)},
			id("ann@x", mail), 1},
		{"a letter that is not A to Z", []saml.Identity{id("\u00c4nn@x", mail)}, id("\u00e4nn@x", mail), -1},
		{"the Kelvin sign", []saml.Identity{id("kim@x", mail)}, id("\u212aim@x", mail), -1},
		{"a full-width letter", []saml.Identity{id("ceo@x", mail)}, id("\uff43eo@x", mail), -1},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newSite(t)
			connection, other := s.own(nil), s.own(nil)
			user := s.createUser(schema.Document{"userName": "u"})
			s.update(func(tx *directory.Tx) error {
				for _, l := range c.linked {
					link := newLink(connection, l)
					link.User = user
					tx.PutLink(link)
				}
				return nil
			})
			snapshot := s.snapshot()
			found := findLink(snapshot, snapshot.LinksLike, connection, c.asserted)
			switch {
			case c.want < 0 && found != nil:
				t.Errorf("found %+v", found)
			case c.want >= 0 && (found == nil || found.NameID != c.linked[c.want].NameID ||
				found.Format != c.linked[c.want].NameIDFormat):
				t.Errorf("found %+v", found)
			}
			if findLink(snapshot, snapshot.LinksLike, other, c.asserted) != nil {
				t.Error("found through another connection")
			}
		})
	}
}

// A qualifier that says what is meant without one is none.
func TestQualifiers(t *testing.T) {
	s := newSite(t)
	connection := s.own(jitOn)
	entityID := s.hook.urls("default", connection).Metadata
	for i, c := range []struct{ attributes, name string }{
		{`NameQualifier="` + samltest.IdP + `" SPNameQualifier="` + entityID + `"`, "u\x00\x00\x00persistent"},
		{`NameQualifier="q" SPNameQualifier="sp"`, "u\x00q\x00sp\x00persistent"},
	} {
		edit := func(message string) string {
			return strings.Replace(message, "<saml:NameID Format=\"", "<saml:NameID "+c.attributes+" Format=\"", 1)
		}
		b := s.browser()
		r := b.step(s.acsURL(connection), s.forged(connection, s.request(b, connection), "u", fmt.Sprint("_q", i), edit))
		link := s.snapshot().Link(connection, c.name)
		if i == 0 && (r.StatusCode != http.StatusSeeOther || link == nil || link.NameQualifier != "") {
			t.Errorf("%s: %d %+v", c.attributes, r.StatusCode, link)
		}
		if i == 1 { // another person of that userName, who is refused
			wantStatus(t, r, http.StatusForbidden)
			s.lastSignIn(OutcomeRefused, ReasonLinkedElsewhere)
		}
	}
}
