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
