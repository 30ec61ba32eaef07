package samlhook

import (
	"net/http"
	"strings"
	"testing"

	"github.com/tidwall/gjson"

	"rollcall/directory"
	"rollcall/directory/schema"
	"rollcall/samlhook/saml/samltest"
)

// The domain of a value is what a resolver would look up, however it is written.
func TestDomainOf(t *testing.T) {
	for value, want := range map[string]string{
		"a@secure.example":                  "secure.example",
		"A@SECURE.Example":                  "secure.example",
		"a@secure.example.":                 "secure.example",
		"a@b@secure.example":                "secure.example",
		"a@secure.example@evil.example":     "evil.example",
		"\"a@evil.example\"@secure.example": "secure.example",
		"a\uff20secure.example":             "secure.example",
		"a\ufe6bsecure.example":             "secure.example",
		"a@secure\uff0eexample":             "secure.example",
		"a@secure\u3002example":             "secure.example",
		"a@secure\uff61example":             "secure.example",
		"a@\uff53ecure.example":             "secure.example",
		"a@\u017fecure.example":             "secure.example",
		"a@\u24d4xample.example":            "example.example",
		"a@se\u00adcure.example":            "secure.example", // soft hyphen
		"a@se\u200bcure.example":            "secure.example", // zero-width space
		"a@se\u2060cure.example":            "secure.example", // word joiner
		"a@se\ufe0fcure.example":            "secure.example", // variation selector
		"a@M\u00dcNCHEN.example":            "xn--mnchen-3ya.example",
		"a@mu\u0308nchen.example":           "xn--mnchen-3ya.example",
		"a@XN--MNCHEN-3YA.example":          "xn--mnchen-3ya.example",
		"a@stra\u00dfe.example":             "xn--strae-oqa.example",
		"a@s\u0435cure.example":             "xn--scure-zwe.example", // Cyrillic
		"no domain":                         "",
		"a@":                                "",
		"":                                  "",
	} {
		if got := domainOf(value); got != want {
			t.Errorf("%+q: %q, want %q", value, got, want)
		}
	}
}

// A connection counts while it is enabled and knows its identity provider wholly.
func TestWhichConnectionsCount(t *testing.T) {
	for doc, counts := range map[string]bool{
		`{"idp":{"entityId":"e","ssoUrl":"u","certificates":[{"pem":"p"}]}}`:                 true,
		`{"enabled":true,"idp":{"entityId":"e","ssoUrl":"u","certificates":[{"pem":"p"}]}}`:  true,
		`{"enabled":false,"idp":{"entityId":"e","ssoUrl":"u","certificates":[{"pem":"p"}]}}`: false,
		`{"idp":{"entityId":"e","ssoUrl":"u","certificates":[{"pem":"p"}]},"enabled":false}`: false,
		`{"idp":{"entityId":"","ssoUrl":"u","certificates":[{"pem":"p"}]}}`:                  false,
		`{"idp":{"ssoUrl":"u","certificates":[{"pem":"p"}]}}`:                                false,
		`{"idp":{"entityId":"e","certificates":[{"pem":"p"}]}}`:                              false,
		`{"idp":{"entityId":"e","ssoUrl":"u","certificates":[]}}`:                            false,
		`{"idp":{"entityId":"e","ssoUrl":"u"}}`:                                              false,
		`{}`:                                                                                 false,
	} {
		if got := readStanding(&directory.Resource{JSON: []byte(doc)}).counts; got != counts {
			t.Errorf("%s counts: %v", doc, got)
		}
	}
}

// Who speaks for a value: the connection of its domain; nobody where the domain is lost or has several; else the
// default connection, of two that are marked the older one.
func TestWhoSpeaks(t *testing.T) {
	w := &world{site: newSite(t)}
	w.setDomains(map[string]any{"value": "own.example", "verified": true},
		map[string]any{"value": "shared.example", "verified": true},
		map[string]any{"value": "free.example", "verified": true},
		map[string]any{"value": "gone.example", "state": domainLost},
		map[string]any{"value": "held.example", "state": domainLost},
		map[string]any{"value": "claimed.example"})
	plain := w.connectionHolding("own.example", "shared.example", "held.example", "claimed.example")

	// Two become the default at one moment.
	marked := func() directory.ID { return w.second(schema.Document{"default": true}) }
	var first, second directory.ID
	runs := 0
	w.update(func(tx *directory.Tx) error {
		if runs++; runs == 1 {
			defer func() { second = marked() }()
		}
		made, err := tx.Create(schema.IdentityProviderType, schema.Document{"displayName": "First", "default": true,
			"idp": configured, "domains": []any{"shared.example"}})
		if err == nil {
			first = made.ID
		}
		return err
	})
	older := second // it was committed while the other one was being made
	if runs > 1 {
		older = first
	}
	a := readAuthority(w.snapshot(), plain)
	for value, want := range map[string]directory.ID{"a@own.example": plain, "a@shared.example": {}, "a@gone.example": {},
		"a@held.example": {}, "a@free.example": older, "a@claimed.example": older, "a@else.example": older, "a": older} {
		if got := a.on(value).by; got != want {
			t.Errorf("%s: %s speaks, want %s (of %s, %s, %s)", value, got, want, plain, first, second)
		}
	}

	// A domain of another connection is named once, however many values are in it.
	user := w.user(schema.Document{"userName": "a@own.example", "emails": []any{map[string]any{"value": "b@OWN.example"},
		map[string]any{"value": "c@own.example"}, map[string]any{"value": "d@free.example"}}})
	r, err := w.snapshot().Get(schema.UserType, user)
	if err != nil {
		t.Fatal(err)
	}
	if got := a.foreign(r, second); len(got) != 1 || got[0] != "own.example" {
		t.Errorf("foreign domains %q", got)
	}
	if got := a.foreign(r, plain); len(got) != 0 {
		t.Errorf("foreign domains %q of the connection that has it", got)
	}
}

// What belongs to another connection's domain is neither created nor written: nobody there is found by it.
func TestWithheld(t *testing.T) {
	w := &world{site: newSite(t)}
	w.setDomains(map[string]any{"value": "secure.example", "verified": true},
		map[string]any{"value": "own.example", "verified": true})
	w.connection = w.own(schema.Document{"domains": []any{"secure.example"}, "linkBy": []any{"externalId", "email"}})
	second := w.own(with(with(jitOn, "domains", []any{"own.example"}), "attributes", map[string]any{"externalId": "id"}))
	claiming := []string{samltest.Attribute("firstName", "M"), samltest.Attribute("lastName", "M"),
		samltest.Attribute("email", "ceo@secure\uff0eexample"), samltest.Attribute("id", "ceo@secure.example")}
	held := func(id directory.ID) (email, externalID string) {
		r, err := w.snapshot().Get(schema.UserType, id)
		if err != nil {
			t.Fatal(err)
		}
		return gjson.GetBytes(r.JSON, "emails.0.value").String(), r.Text("externalId")
	}
	for i, outcome := range []Outcome{OutcomeCreated, OutcomeSignedIn} {
		wantStatus(t, w.post(w.browser(), second, "mallory@own.example", claiming...), http.StatusSeeOther)
		record := w.signIns()[0]
		if record.Text("outcome") != string(outcome) || !strings.Contains(record.Text("explanation"), "was not written") {
			t.Errorf("sign-in %d: %s", i, record.JSON)
		}
		if email, id := held(w.users("mallory@own.example")[0].ID); email != "" || id != "" {
			t.Fatalf("sign-in %d wrote %q %q", i, email, id)
		}
	}

	// The connection that has the domain writes there, and one without such a rival writes anything.
	wantStatus(t, w.post(w.browser(), second, "other@own.example", samltest.Attribute("firstName", "O"),
		samltest.Attribute("lastName", "O"), samltest.Attribute("email", "o@else.example")), http.StatusSeeOther)
	if email, _ := held(w.users("other@own.example")[0].ID); email != "o@else.example" {
		t.Errorf("wrote %q", email)
	}
	w.mustModify(schema.IdentityProviderType, w.connection, changed("enabled", false))
	wantStatus(t, w.post(w.browser(), second, "mallory@own.example", claiming...), http.StatusSeeOther)
	if email, id := held(w.users("mallory@own.example")[0].ID); email == "" || id == "" {
		t.Errorf("wrote %q %q", email, id)
	}
}
