package samlhook

import (
	"fmt"
	"strings"
	"testing"

	"github.com/tidwall/gjson"

	"rollcall/directory"
	"rollcall/directory/schema"
	"rollcall/samlhook/saml"
	"rollcall/samlhook/saml/samltest"
)

// world is an organization for one case.
type world struct {
	*site
	connection directory.ID
}

func (w *world) user(doc schema.Document) directory.ID { return w.createUser(doc) }

// link signs nobody in: it writes what an earlier sign-in would have left.
func (w *world) link(user directory.ID, nameID string, wrote map[string]string, confirmed ...string) {
	w.linkThrough(w.connection, user, nameID, wrote, confirmed...)
}

func (w *world) linkThrough(connection, user directory.ID, nameID string, wrote map[string]string,
	confirmed ...string) {
	w.update(func(tx *directory.Tx) error {
		r, err := tx.Get(schema.UserType, user)
		if err != nil {
			return err
		}
		doc, err := schema.User().Decode(r.JSON)
		if err != nil {
			return err
		}
		link := directory.Link{Connection: connection, User: user, NameID: nameID, Wrote: wrote, Confirmed: confirmed}
		showLink(doc, link, shownLink(link, linkedBySignIn, samltest.Now))
		if _, err := tx.Replace(r, doc); err != nil {
			return err
		}
		tx.PutLink(link)
		return nil
	})
}

// domains gives the organization domains, the first of which is verified.
func (w *world) domains(values ...string) {
	var list []any
	for i, v := range values {
		list = append(list, map[string]any{"value": v, "verified": i == 0})
	}
	w.setDomains(list...)
}

// lost gives the organization a domain whose record is gone.
func (w *world) lost(domain string) {
	w.setDomains(map[string]any{"value": domain, "state": domainLost})
}

func (w *world) setDomains(list ...any) {
	w.mustModify(schema.OrganizationType, w.snapshot().Organization().ID, changed("domains", list))
}

// configured is an identity provider by hand.
var configured = map[string]any{"entityId": samltest.IdP, "ssoUrl": "https://idp.example.com/sso",
	"certificates": []any{map[string]any{"pem": string(samltest.Keys().IdP.PEM())}}}

// second adds a connection that counts, whoever else has its domains.
func (w *world) second(settings schema.Document) (id directory.ID) {
	w.update(func(tx *directory.Tx) error {
		doc := with(settings, "displayName", "Second")
		if doc["idp"] == nil {
			doc["idp"] = configured
		}
		made, err := tx.Create(schema.IdentityProviderType, doc)
		if err == nil {
			id = made.ID
		}
		return err
	})
	return id
}

// defaultElsewhere adds a second connection that is the default one.
func (w *world) defaultElsewhere() directory.ID { return w.second(schema.Document{"default": true}) }

// connectionHolding adds a connection with domains, whoever else has them.
func (w *world) connectionHolding(domains ...any) directory.ID {
	return w.second(schema.Document{"domains": domains})
}

func with(settings schema.Document, name string, value any) schema.Document {
	settings = settings.Clone()
	if settings == nil {
		settings = schema.Document{}
	}
	settings[name] = value
	return settings
}

func jit(pairs ...any) schema.Document {
	values := map[string]any{"enabled": true}
	for i := 0; i < len(pairs); i += 2 {
		values[pairs[i].(string)] = pairs[i+1]
	}
	return schema.Document{"jit": values}
}

// TestDecide has a case for every row of the decision table, and for what leads to it.
func TestDecide(t *testing.T) {
	linkBy := func(ways ...any) schema.Document { return schema.Document{"linkBy": ways} }
	ann := saml.Identity{NameID: "ann@example.com", UserName: "ann@example.com", GivenName: "Ann", FamilyName: "Arbor",
		Email: "ann@example.com"}
	nameless := ann
	nameless.FamilyName, nameless.Missing, nameless.Matched = "", []saml.MissingAttribute{{Attribute: "lastName"}},
		[]string{"firstName"}
	opaque := ann
	opaque.NameID, opaque.UserName = "x1", "x1"
	userAnn := schema.Document{"userName": "ANN@example.com"}

	for _, c := range []struct {
		name     string
		settings schema.Document
		identity saml.Identity
		prepare  func(w *world) directory.ID // who is meant; zero for nobody
		outcome  Outcome
		reason   saml.Reason
		names    string // what the explanation names
	}{
		{"nobody, JIT off", nil, ann, nil, OutcomeRefused, ReasonJITDisabled, "jit.enabled"},
		{"nobody, JIT on", jit(), ann, nil, OutcomeCreated, ReasonCreated, ""},
		{"nobody, JIT on, a name is missing", jit(), nameless, nil, OutcomeRefused, saml.ReasonMissingAttribute,
			"lastName"},
		{"nobody, a name is missing and not required", jit("requireNames", false), nameless, nil, OutcomeCreated,
			ReasonCreated, ""},
		{"a name is missing of somebody who exists", nil, nameless,
			func(w *world) directory.ID { return w.user(userAnn) }, OutcomeSignedIn, ReasonLinked, ""},
		{"found by userName in another case", nil, ann, func(w *world) directory.ID { return w.user(userAnn) },
			OutcomeSignedIn, ReasonLinked, "userName"},
		{"linked, although the userName is another", nil, ann, func(w *world) directory.ID {
			id := w.user(schema.Document{"userName": "annie"})
			w.link(id, ann.NameID, nil)
			return id
		}, OutcomeSignedIn, ReasonSignedIn, ""},
		{"the link goes before the userName", nil, ann, func(w *world) directory.ID {
			id := w.user(schema.Document{"userName": "annie"})
			w.link(id, ann.NameID, nil)
			w.user(userAnn)
			return id
		}, OutcomeSignedIn, ReasonSignedIn, ""},
		{"by externalId only where linkBy says so", nil, opaque, func(w *world) directory.ID {
			w.user(schema.Document{"userName": "ann", "externalId": "x1"})
			return directory.ID{}
		}, OutcomeRefused, ReasonJITDisabled, ""},
		{"by externalId", linkBy("externalId"), opaque, func(w *world) directory.ID {
			return w.user(schema.Document{"userName": "ann", "externalId": "x1"})
		}, OutcomeSignedIn, ReasonLinked, "externalId"},
		{"by e-mail", linkBy("userName", "email"), opaque, func(w *world) directory.ID {
			return w.user(schema.Document{"userName": "ann",
				"emails": []any{map[string]any{"value": "Ann@Example.com"}}})
		}, OutcomeSignedIn, ReasonLinked, ""},
		{"the userName goes before the e-mail", linkBy("userName", "email"), ann, func(w *world) directory.ID {
			w.user(schema.Document{"userName": "else", "emails": []any{map[string]any{"value": "ann@example.com"}}})
			return w.user(userAnn)
		}, OutcomeSignedIn, ReasonLinked, ""},
		{"two of one e-mail", linkBy("email"), ann, func(w *world) directory.ID {
			for _, n := range []string{"a", "b"} {
				w.user(schema.Document{"userName": n, "emails": []any{map[string]any{"value": "ann@example.com"}}})
			}
			return directory.ID{}
		}, OutcomeRefused, ReasonAmbiguous, ""},
		{"one by userName, another by externalId", linkBy("userName", "externalId"), ann, func(w *world) directory.ID {
			w.user(userAnn)
			w.user(schema.Document{"userName": "else", "externalId": "ann@example.com"})
			return directory.ID{}
		}, OutcomeRefused, ReasonAmbiguous, ""},
		{"no e-mail links nobody", linkBy("email"), saml.Identity{NameID: "x", UserName: "x"},
			func(w *world) directory.ID {
				w.user(schema.Document{"userName": "a"})
				return directory.ID{}
			}, OutcomeRefused, ReasonJITDisabled, ""},
		{"linked under another NameID", nil, ann, func(w *world) directory.ID {
			id := w.user(userAnn)
			w.link(id, "other", nil)
			return id
		}, OutcomeRefused, ReasonLinkedElsewhere, "other"},
		{"the other link was deleted", nil, ann, func(w *world) directory.ID {
			id := w.user(userAnn)
			w.link(id, "other", nil)
			w.update(func(tx *directory.Tx) error { tx.DeleteLink(w.connection, "other"); return nil })
			return id
		}, OutcomeSignedIn, ReasonLinked, ""},
		{"has roles", nil, ann, func(w *world) directory.ID {
			return w.user(with(userAnn, "roles", []any{map[string]any{"value": "administrator"}}))
		}, OutcomeRefused, ReasonPrivilegedUser, "/.link"},
		{"has roles, linkPrivileged", schema.Document{"linkPrivileged": true}, ann, func(w *world) directory.ID {
			return w.user(with(userAnn, "roles", []any{map[string]any{"value": "administrator"}}))
		}, OutcomeSignedIn, ReasonLinked, ""},
		{"has roles and was linked before", nil, ann, func(w *world) directory.ID {
			id := w.user(with(userAnn, "roles", []any{map[string]any{"value": "administrator"}}))
			w.link(id, ann.NameID, nil)
			return id
		}, OutcomeSignedIn, ReasonSignedIn, ""},
		{"in a protected group", nil, ann, func(w *world) directory.ID {
			id := w.user(userAnn)
			w.update(func(tx *directory.Tx) error {
				g, err := tx.Create(schema.GroupType,
					schema.Document{"displayName": "Admins", schema.GroupAccessURN: map[string]any{"protected": true}})
				if err != nil {
					return err
				}
				return tx.AddMembers(g, []directory.ID{id})
			})
			return id
		}, OutcomeRefused, ReasonPrivilegedUser, ""},
		{"not active", jit(), ann, func(w *world) directory.ID { return w.user(with(userAnn, "active", false)) },
			OutcomeRefused, ReasonUserInactive, "active"},
		{"not active, linked", jit(), ann, func(w *world) directory.ID {
			id := w.user(with(userAnn, "active", false))
			w.link(id, ann.NameID, nil)
			return id
		}, OutcomeRefused, ReasonUserInactive, ""},
		{"deleted, by userName", jit(), ann, func(w *world) directory.ID {
			id := w.user(userAnn)
			w.remove(schema.UserType, id)
			return id
		}, OutcomeRefused, ReasonUserDeleted, "reviveDeleted"},
		{"deleted, by link", jit(), ann, func(w *world) directory.ID {
			id := w.user(schema.Document{"userName": "annie"})
			w.link(id, ann.NameID, nil)
			w.remove(schema.UserType, id)
			return id
		}, OutcomeRefused, ReasonUserDeleted, ""},
		{"deleted, by link, and created anew under its userName", nil, ann, func(w *world) directory.ID {
			id := w.user(userAnn)
			w.link(id, ann.NameID, nil)
			w.remove(schema.UserType, id)
			return w.user(userAnn)
		}, OutcomeSignedIn, ReasonLinked, ""},
		{"deleted, JIT off", nil, ann, func(w *world) directory.ID {
			id := w.user(userAnn)
			w.remove(schema.UserType, id)
			return id
		}, OutcomeRefused, ReasonUserDeleted, ""},
		{"deleted, reviveDeleted", jit("reviveDeleted", true), ann, func(w *world) directory.ID {
			w.remove(schema.UserType, w.user(userAnn))
			return directory.ID{}
		}, OutcomeCreated, ReasonRevived, ""},
		{"deleted, reviveDeleted, JIT off", schema.Document{"jit": map[string]any{"reviveDeleted": true}}, ann,
			func(w *world) directory.ID {
				w.remove(schema.UserType, w.user(userAnn))
				return directory.ID{}
			}, OutcomeRefused, ReasonJITDisabled, ""},
		{"deleted, and the DeletedUser deleted too", jit(), ann, func(w *world) directory.ID {
			id := w.user(userAnn)
			w.link(id, ann.NameID, nil)
			w.remove(schema.UserType, id)
			w.remove("DeletedUser", id)
			return directory.ID{}
		}, OutcomeCreated, ReasonCreated, ""},
		{"the userName is taken by somebody not to be linked", with(jit(), "linkBy", []any{"externalId"}), ann,
			func(w *world) directory.ID {
				return w.user(userAnn)
			}, OutcomeRefused, ReasonUserNameTaken, "linkBy"},
		{"outside the connection's domains", with(jit(), "domains", []any{"example.org"}), ann,
			func(w *world) directory.ID {
				w.domains("example.org")
				return directory.ID{}
			}, OutcomeRefused, ReasonDomainNotVerified, "example.org"},
		{"inside a domain that is not verified", with(jit(), "domains", []any{"example.com"}), ann,
			func(w *world) directory.ID {
				w.domains("example.org", "example.com")
				return directory.ID{}
			}, OutcomeRefused, ReasonDomainNotVerified, ""},
		{"inside a verified domain", with(jit(), "domains", []any{"example.com"}), ann, func(w *world) directory.ID {
			w.domains("Example.COM")
			return directory.ID{}
		}, OutcomeCreated, ReasonCreated, ""},
		{"what follows the last @ counts", with(jit(), "domains", []any{"example.com"}),
			saml.Identity{NameID: "a@example.com@evil.example", UserName: "a@example.com@evil.example", GivenName: "A",
				FamilyName: "B"},
			func(w *world) directory.ID { w.domains("example.com"); return directory.ID{} }, OutcomeRefused,
			ReasonDomainNotVerified, ""},
		{"several connections, no domain: nobody is found", nil, ann, func(w *world) directory.ID {
			w.defaultElsewhere()
			w.user(userAnn)
			return directory.ID{}
		}, OutcomeRefused, ReasonJITDisabled, ""},
		{"several connections, no domain, JIT on", jit(), ann, func(w *world) directory.ID {
			w.defaultElsewhere()
			w.user(userAnn)
			return directory.ID{}
		}, OutcomeRefused, ReasonDomainNotVerified, "(.link of the User)"},
		{"several connections, explicit linkBy changes nothing", linkBy("userName", "email"), ann,
			func(w *world) directory.ID {
				w.defaultElsewhere()
				w.user(userAnn)
				return directory.ID{}
			}, OutcomeRefused, ReasonJITDisabled, ""},
		{"several connections, in a verified domain of this one", schema.Document{"domains": []any{"example.com"}}, ann,
			func(w *world) directory.ID {
				w.defaultElsewhere()
				w.domains("example.com")
				return w.user(userAnn)
			}, OutcomeSignedIn, ReasonLinked, ""},
		{"several connections, in a domain that both hold", with(jit(), "domains", []any{"example.com"}), ann,
			func(w *world) directory.ID {
				w.connectionHolding("example.com")
				w.domains("example.com")
				w.user(userAnn)
				return directory.ID{}
			}, OutcomeRefused, ReasonDomainNotVerified, ""},
		{"nobody, in a domain of another connection", jit(), ann, func(w *world) directory.ID {
			w.connectionHolding("Example.com")
			w.domains("example.com")
			return directory.ID{}
		}, OutcomeRefused, ReasonDomainNotVerified, "example.com"},
		{"nobody, the address is in a domain of another connection", jit(), opaque, func(w *world) directory.ID {
			w.connectionHolding("example.com")
			w.domains("example.com")
			return directory.ID{}
		}, OutcomeRefused, ReasonDomainNotVerified, ""},
		{"nobody, in a domain of another connection that is not verified", jit(), ann, func(w *world) directory.ID {
			w.connectionHolding("example.com")
			w.domains("example.org", "example.com")
			return directory.ID{}
		}, OutcomeCreated, ReasonCreated, ""},
		{"several connections, linked before", nil, ann, func(w *world) directory.ID {
			w.defaultElsewhere()
			id := w.user(userAnn)
			w.link(id, ann.NameID, nil)
			return id
		}, OutcomeSignedIn, ReasonSignedIn, ""},
		{"several connections, this is the oldest, so the default", nil, ann, func(w *world) directory.ID {
			w.second(nil)
			return w.user(userAnn)
		}, OutcomeSignedIn, ReasonLinked, ""},
		{"several connections, the default one, JIT on", jit(), ann, func(w *world) directory.ID {
			w.second(schema.Document{"domains": []any{"example.org"}})
			w.domains("example.org")
			return directory.ID{}
		}, OutcomeCreated, ReasonCreated, ""},
		{"several connections, not the default one, JIT on", jit(), ann, func(w *world) directory.ID {
			w.defaultElsewhere()
			return directory.ID{}
		}, OutcomeRefused, ReasonDomainNotVerified, "Second"},
		{"a connection that is disabled counts for nothing", jit(), ann, func(w *world) directory.ID {
			w.second(schema.Document{"domains": []any{"example.com"}, "default": true, "enabled": false})
			w.domains("example.com")
			return w.user(userAnn)
		}, OutcomeSignedIn, ReasonLinked, ""},
		{"nor does one without an identity provider", jit(), ann, func(w *world) directory.ID {
			w.second(schema.Document{"domains": []any{"example.com"}, "default": true, "idp": map[string]any{}})
			w.domains("example.com")
			return w.user(userAnn)
		}, OutcomeSignedIn, ReasonLinked, ""},
		{"a verified domain that no connection has is the default one's", nil, ann, func(w *world) directory.ID {
			w.second(nil)
			w.domains("example.com")
			return w.user(userAnn)
		}, OutcomeSignedIn, ReasonLinked, ""},
		{"a lost domain links nobody", schema.Document{"domains": []any{"example.com"}}, ann,
			func(w *world) directory.ID {
				w.lost("example.com")
				w.user(userAnn)
				return directory.ID{}
			}, OutcomeRefused, ReasonJITDisabled, ""},
		{"a lost domain creates nobody", with(jit(), "domains", []any{"example.com"}), ann,
			func(w *world) directory.ID {
				w.lost("example.com")
				return directory.ID{}
			}, OutcomeRefused, ReasonDomainNotVerified, "DNS"},
		{"a lost domain keeps its links", schema.Document{"domains": []any{"example.com"}}, ann,
			func(w *world) directory.ID {
				w.lost("example.com")
				id := w.user(userAnn)
				w.link(id, ann.NameID, nil)
				return id
			}, OutcomeSignedIn, ReasonSignedIn, ""},
		{"another connection's link holds the User", schema.Document{"domains": []any{"example.com"}}, ann,
			func(w *world) directory.ID {
				other := w.second(nil)
				w.domains("example.com")
				id := w.user(userAnn)
				w.linkThrough(other, id, "mallory", nil)
				return id
			}, OutcomeRefused, ReasonLinkedElsewhere, "Second"},
		{"the link of a connection that was deleted holds nobody", schema.Document{"domains": []any{"example.com"}}, ann,
			func(w *world) directory.ID {
				other := w.second(nil)
				w.domains("example.com")
				id := w.user(userAnn)
				w.linkThrough(other, id, "mallory", nil)
				w.remove(schema.IdentityProviderType, other)
				return id
			}, OutcomeSignedIn, ReasonLinked, ""},
		{"the User has an address in another connection's domain", linkBy("userName"), ann,
			func(w *world) directory.ID {
				w.connectionHolding("secure.example")
				w.domains("secure.example")
				return w.user(with(userAnn, "emails", []any{map[string]any{"value": "ann@secure.example"}}))
			}, OutcomeRefused, ReasonLinkedElsewhere, "secure.example"},
		{"a link is suspended once another connection has the domain", nil, ann, func(w *world) directory.ID {
			id := w.user(schema.Document{"userName": "ceo@Secure.example"})
			w.link(id, ann.NameID, nil)
			w.connectionHolding("secure.example")
			w.domains("secure.example")
			return id
		}, OutcomeRefused, ReasonLinkSuspended, "/.link"},
		{"suspended by an e-mail address", nil, ann, func(w *world) directory.ID {
			id := w.user(schema.Document{"userName": "annie", "emails": []any{
				map[string]any{"value": "other@example.net"}, map[string]any{"value": "ceo＠secure．example"}}})
			w.link(id, ann.NameID, nil)
			w.connectionHolding("secure.example")
			w.domains("secure.example")
			return id
		}, OutcomeRefused, ReasonLinkSuspended, "secure.example"},
		{"suspended while the domain is lost, too", nil, ann, func(w *world) directory.ID {
			id := w.user(schema.Document{"userName": "ceo@secure.example"})
			w.link(id, ann.NameID, nil)
			w.connectionHolding("secure.example")
			w.lost("secure.example")
			return id
		}, OutcomeRefused, ReasonLinkSuspended, ""},
		{"confirmed for that domain", nil, ann, func(w *world) directory.ID {
			id := w.user(schema.Document{"userName": "ceo@secure.example"})
			w.link(id, ann.NameID, nil, "secure.example")
			w.connectionHolding("secure.example")
			w.domains("secure.example")
			return id
		}, OutcomeSignedIn, ReasonSignedIn, ""},
		{"confirmed for another domain", nil, ann, func(w *world) directory.ID {
			id := w.user(schema.Document{"userName": "ceo@secure.example"})
			w.link(id, ann.NameID, nil, "example.net")
			w.connectionHolding("secure.example")
			w.domains("secure.example")
			return id
		}, OutcomeRefused, ReasonLinkSuspended, ""},
		{"a domain below one that stands for those below it", jit(), saml.Identity{NameID: "a@sub.example.com",
			UserName: "a@sub.example.com", GivenName: "A", FamilyName: "B"}, func(w *world) directory.ID {
			w.connectionHolding("example.com")
			w.setDomains(map[string]any{"value": "example.com", "verified": true, "includeSubdomains": true})
			return directory.ID{}
		}, OutcomeRefused, ReasonDomainNotVerified, "Second"},
		{"a domain below one that stands for itself", jit(), saml.Identity{NameID: "a@sub.example.com",
			UserName: "a@sub.example.com", GivenName: "A", FamilyName: "B"}, func(w *world) directory.ID {
			w.connectionHolding("example.com")
			w.domains("example.com")
			return directory.ID{}
		}, OutcomeCreated, ReasonCreated, ""},
		{"an internationalized domain in letters", jit(), saml.Identity{NameID: "a@M\u00fcnchen.example",
			UserName: "a@M\u00fcnchen.example", GivenName: "A", FamilyName: "B"}, func(w *world) directory.ID {
			w.connectionHolding("xn--mnchen-3ya.example")
			w.domains("xn--mnchen-3ya.example")
			return directory.ID{}
		}, OutcomeRefused, ReasonDomainNotVerified, "Second"},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := &world{site: newSite(t)}
			w.update(func(tx *directory.Tx) error {
				r, err := tx.Create(schema.IdentityProviderType, with(with(c.settings, "displayName", "First"),
					"idp", configured))
				if err == nil {
					w.connection = r.ID
				}
				return err
			})
			var meant directory.ID
			if c.prepare != nil {
				meant = c.prepare(w)
			}
			snapshot := w.snapshot()
			r, err := snapshot.Get(schema.IdentityProviderType, w.connection)
			if err != nil {
				t.Fatal(err)
			}
			d, err := Decide(snapshot, ReadSettings(r), c.identity, samltest.Now)
			if err != nil {
				t.Fatal(err)
			}
			if d.Outcome != c.outcome || d.Reason != c.reason {
				t.Fatalf("%s %s (%s), want %s %s", d.Outcome, d.Reason, d.Explanation, c.outcome, c.reason)
			}
			if said := english(d.Explanation); !strings.Contains(said, c.names) || said == "" {
				t.Errorf("explanation %q does not name %q", said, c.names)
			}
			if got := (directory.ID{}); d.User != nil {
				got = d.User.ID
				if got != meant {
					t.Errorf("decided on %s, want %s", got, meant)
				}
			} else if !meant.IsZero() {
				t.Errorf("decided on nobody, want %s", meant)
			}
			if (d.Outcome == OutcomeCreated) != (d.Document != nil && d.User == nil && d.Link != nil) {
				t.Errorf("document %v, link %v", d.Document, d.Link)
			}
		})
	}
}

// Sign-in changes an attribute only while it holds what sign-in last wrote, or nothing.
func TestUpdate(t *testing.T) {
	received := saml.Identity{NameID: "n", GivenName: "Ann", FamilyName: "New", Email: "new@example.com",
		DisplayName: "Ann N.", ExternalID: "e2"}
	allOld := map[string]string{pathFamilyName: "Old", pathFormatted: "Ann Old", pathDisplayName: "Ann O.",
		pathEmail: "old@example.com", pathExternalID: "e1"}
	held := schema.Document{"userName": "u", "name": map[string]any{"givenName": "Ann", "familyName": "Old",
		"formatted": "Ann Old"},
		"displayName": "Ann O.", "externalId": "e1",
		"emails": []any{map[string]any{"value": "home@example.com", "type": "home"},
			map[string]any{"value": "old@example.com", "type": "work", "primary": true}}}
	for _, c := range []struct {
		name   string
		doc    schema.Document
		wrote  map[string]string
		update map[string]any // jit.update
		want   map[string]string
		same   bool // no new document

		unnamed bool // no displayName is asserted
	}{
		{name: "what sign-in wrote is updated", doc: held, wrote: allOld,
			want: map[string]string{"name.familyName": "New", "name.formatted": "Ann New", "displayName": "Ann N.",
				"externalId":     "e2",
				"emails.0.value": "home@example.com", "emails.1.value": "new@example.com", "emails.1.primary": "true",
				"emails.1.type": "work"}},
		{name: "what somebody else set stays", doc: held, wrote: nil, same: true,
			want: map[string]string{"name.familyName": "Old", "displayName": "Ann O.", "externalId": "e1",
				"emails.1.value": "old@example.com"}},
		{name: "only some is sign-in's", doc: held,
			wrote: map[string]string{pathDisplayName: "Ann O.", pathFamilyName: "Older"},
			want:  map[string]string{"name.familyName": "Old", "displayName": "Ann N."}},
		{name: "empty is filled", doc: schema.Document{"userName": "u"},
			want: map[string]string{"name.givenName": "Ann", "name.familyName": "New", "name.formatted": "Ann New",
				"displayName": "Ann N.", "emails.0.value": "new@example.com", "externalId": "e2"}},
		{name: "another givenName gets no derived names",
			doc:     schema.Document{"userName": "u", "name": map[string]any{"givenName": "Anna", "familyName": "New"}},
			unnamed: true,
			want: map[string]string{"name.givenName": "Anna", "name.formatted": "", "displayName": "",
				"externalId": "e2"}},
		{name: "another familyName gets no derived names",
			doc: schema.Document{"userName": "u", "name": map[string]any{"familyName": "Newt"}}, unnamed: true,
			want: map[string]string{"name.givenName": "Ann", "name.familyName": "Newt", "name.formatted": "",
				"displayName": ""}},
		{name: "what was derived stays beside a name that somebody changed", unnamed: true,
			doc: schema.Document{"userName": "u", "displayName": "Ann Old", "externalId": "e2",
				"name":   map[string]any{"givenName": "Ann", "familyName": "Newt", "formatted": "Ann Old"},
				"emails": []any{map[string]any{"value": "new@example.com"}}},
			wrote: map[string]string{pathFamilyName: "Old", pathFormatted: "Ann Old", pathDisplayName: "Ann Old"},
			same:  true,
			want:  map[string]string{"name.formatted": "Ann Old", "displayName": "Ann Old"}},
		{name: "the same names get derived ones",
			doc:     schema.Document{"userName": "u", "name": map[string]any{"givenName": "Ann", "familyName": "New"}},
			unnamed: true,
			want:    map[string]string{"name.formatted": "Ann New", "displayName": "Ann New"}},
		{name: "a displayName that was asserted needs no names",
			doc:  schema.Document{"userName": "u", "name": map[string]any{"givenName": "Anna"}},
			want: map[string]string{"name.formatted": "", "displayName": "Ann N."}},
		{name: "update never", doc: held, wrote: allOld, update: map[string]any{"default": "never"}, same: true,
			want: map[string]string{"name.familyName": "Old"}},
		{name: "never one attribute, and one with its parts", doc: held, wrote: allOld,
			update: map[string]any{"never": []any{"DisplayName", "name"}},
			want: map[string]string{"displayName": "Ann O.", "name.familyName": "Old", "name.formatted": "Ann Old",
				"externalId": "e2"}},
		{name: "an address that is there already",
			doc: schema.Document{"userName": "u",
				"name":        map[string]any{"givenName": "Ann", "familyName": "New", "formatted": "Ann New"},
				"displayName": "Ann N.", "externalId": "e2",
				"emails": []any{map[string]any{"value": "new@example.com"}}}, same: true,
			want: map[string]string{"emails.0.value": "new@example.com", "emails.#": "1"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			b, err := schema.User().Encode(c.doc)
			if err != nil {
				t.Fatal(err)
			}
			config, err := schema.IdentityProvider().Encode(schema.Document{"displayName": "d",
				"jit": map[string]any{"update": c.update}})
			if err != nil {
				t.Fatal(err)
			}
			w := &writer{settings: ReadSettings(&directory.Resource{JSON: config}), identity: received,
				now: samltest.Now}
			if c.unnamed {
				w.identity.DisplayName = ""
			}
			doc, link, err := w.update(&directory.Resource{Type: schema.UserType, JSON: b},
				&directory.Link{NameID: "n", Wrote: c.wrote})
			if err != nil {
				t.Fatal(err)
			}
			if c.same != (doc == nil) || c.same != (link == nil) {
				t.Fatalf("document %v, link %v", doc, link)
			}
			if doc != nil {
				if b, err = schema.User().Encode(doc); err != nil {
					t.Fatal(err)
				}
			}
			for path, want := range c.want {
				if got := gjson.GetBytes(b, path).String(); got != want {
					t.Errorf("%s = %q, want %q", path, got, want)
				}
			}
			if link == nil {
				return
			}
			for path, value := range link.Wrote {
				if was := c.wrote[path]; value != was && !strings.Contains(string(b), fmt.Sprintf("%q", value)) {
					t.Errorf("the link says that %s is %q", path, value)
				}
			}
		})
	}
}
