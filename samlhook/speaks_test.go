package samlhook

import (
	"strings"
	"testing"

	"rollcall/directory/schema"
	"rollcall/samlhook/saml"
	"rollcall/samlhook/saml/samltest"
)

// Whom a connection may create is decided by the userName, whatever address comes with it; and what it may not speak
// for is left out of those whom it creates.
func TestWhatAConnectionSpeaksFor(t *testing.T) {
	for _, c := range []struct {
		name, userName, email, externalID string
		reason                            saml.Reason
		lacks                             string // the attribute that is left out
	}{
		{"all is in its domain", "ann@example.com", "ann@example.com", "ann@example.com", ReasonCreated, ""},
		{"the userName is another's, the address its own", "ceo@secure.example", "ann@example.com", "",
			ReasonDomainNotVerified, ""},
		{"the userName has no domain, the address is another's", "ann", "ceo@secure.example", "",
			ReasonDomainNotVerified, ""},
		{"the userName has no domain, the address is its own", "ann", "ann@example.com", "", ReasonCreated, ""},
		{"the address is another's", "ann@example.com", "ceo@secure.example", "7", ReasonCreated, "emails"},
		{"the externalId is another's", "ann@example.com", "ann@example.com", "ceo@secure.example", ReasonCreated,
			"externalId"},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := &world{site: newSite(t)}
			w.connection = w.second(with(jit(), "domains", []any{"example.com"}))
			w.connectionHolding("secure.example")
			w.setDomains(map[string]any{"value": "example.com", "verified": true},
				map[string]any{"value": "secure.example", "verified": true})
			s := w.snapshot()
			connection, err := s.Get(schema.IdentityProviderType, w.connection)
			if err != nil {
				t.Fatal(err)
			}
			d, err := Decide(s, ReadSettings(connection), saml.Identity{NameID: "n", UserName: c.userName,
				GivenName: "A", FamilyName: "B", Email: c.email, ExternalID: c.externalID}, samltest.Now)
			if err != nil || d.Reason != c.reason {
				t.Fatalf("%s, %v: %s", d.Reason, err, d.Explanation)
			}
			for _, attribute := range []string{"emails", "externalId"} {
				sent := attribute == "emails" || c.externalID != ""
				if has := d.Document[attribute] != nil; c.reason == ReasonCreated && has != (sent && attribute != c.lacks) {
					t.Errorf("%s: %v", attribute, d.Document[attribute])
				}
			}
			if c.lacks != "" && !strings.Contains(english(d.Explanation), "secure.example") {
				t.Errorf("the explanation does not say what was left out: %s", d.Explanation)
			}
		})
	}
}

// A User who is found by its userName and by its externalId is one.
func TestFoundTwiceIsOne(t *testing.T) {
	w := &world{site: newSite(t)}
	w.connection = w.own(schema.Document{"linkBy": []any{"userName", "externalId"}})
	id := w.user(schema.Document{"userName": "ann", "externalId": "ann"})
	s := w.snapshot()
	connection, err := s.Get(schema.IdentityProviderType, w.connection)
	if err != nil {
		t.Fatal(err)
	}
	d, err := Decide(s, ReadSettings(connection), saml.Identity{NameID: "ann", UserName: "ann"}, samltest.Now)
	if err != nil || d.Reason != ReasonLinked || d.User == nil || d.User.ID != id {
		t.Errorf("%s, %v: %s", d.Reason, err, d.Explanation)
	}
}

// Of the letters A to Z, all of them and nothing beside them, the case does not count.
func TestCaseOfLinking(t *testing.T) {
	for r := rune(' '); r < 0x7f; r++ {
		upper := 'A' <= r && r <= 'Z'
		if got := compare(string(r), string(r+32)) == same; got != upper {
			t.Errorf("%q and %q are the same: %v", r, r+32, got)
		}
	}
}

// A connection keeps its own domain when it is saved again.
func TestConnectionKeepsItsDomain(t *testing.T) {
	w := &world{site: newSite(t)}
	w.domains("example.com")
	id := w.own(schema.Document{"domains": []any{"example.com"}})
	w.mustModify(schema.IdentityProviderType, id, changed("displayName", "renamed"))
	if r, err := w.snapshot().Get(schema.IdentityProviderType, id); err != nil || r.Text("displayName") != "renamed" {
		t.Errorf("not saved: %v", err)
	}
}
