package samlhook

import (
	"net/http"
	"strings"
	"testing"

	"rollcall/directory/schema"
)

// Adding a connection locks nobody out: until it is enabled and has an identity provider, everything is as it was, for
// who is linked, who is only in the directory, and who is new. What enabling it changes is said before.
func TestAnotherConnectionChangesNothing(t *testing.T) {
	w := &world{site: newSite(t)}
	w.setDomains(map[string]any{"value": "ours.example", "verified": true})
	w.connection = w.own(jitOn)
	wantStatus(t, w.post(w.browser(), w.connection, "linked@ours.example"), http.StatusSeeOther)
	w.createUser(schema.Document{"userName": "known@ours.example"})

	// It has a name only, then everything but the switch.
	second, err := w.configure(schema.Document{"displayName": "Second"})
	if err != nil {
		t.Fatal(err)
	}
	if w.site.connection(second).Text("enabled") != "false" {
		t.Errorf("without identity provider: %s", w.site.connection(second).JSON)
	}
	err = w.modify(schema.IdentityProviderType, second, changed("enabled", true))
	wantInvalid(t, err, "enabled", "metadataUrl")
	w.mustModify(schema.IdentityProviderType, second, func(doc schema.Document) {
		doc["idp"], doc["domains"], doc["default"] = configured, []any{"ours.example"}, true
	})
	if w.site.connection(second).Text("enabled") != "false" {
		t.Error("an identity provider alone enables the connection")
	}
	_, warnings := w.health(second)
	for _, want := range []string{"if it is enabled: people in ours.example", "1 links of other connections",
		"becomes the default one"} {
		if !strings.Contains(warnings, want) {
			t.Errorf("the warnings lack %q: %s", want, warnings)
		}
	}
	if _, warnings := w.health(w.connection); warnings != "" {
		t.Errorf("the first connection warns: %s", warnings)
	}
	r := w.browser().step(w.url+"/orgs/default/login", nil)
	if r.Header.Get("Location") != w.loginURL(w.connection) {
		t.Errorf("the login page leads to %s", r.Header.Get("Location"))
	}
	for _, who := range []struct {
		nameID string
		is     Outcome
	}{{"linked@ours.example", OutcomeSignedIn}, {"known@ours.example", OutcomeSignedIn},
		{"new@ours.example", OutcomeCreated}, {"new@else.example", OutcomeCreated}} {
		wantStatus(t, w.post(w.browser(), w.connection, who.nameID), http.StatusSeeOther)
		if got := w.signIns()[0].Text("outcome"); got != string(who.is) {
			t.Errorf("%s: %s", who.nameID, got)
		}
	}

	// Enabled, it does what was said.
	w.mustModify(schema.IdentityProviderType, second, changed("enabled", true))
	wantStatus(t, w.post(w.browser(), w.connection, "linked@ours.example"), http.StatusForbidden)
	w.lastSignIn(OutcomeRefused, ReasonLinkSuspended)
	wantStatus(t, w.post(w.browser(), w.connection, "another@else.example"), http.StatusForbidden)
	w.lastSignIn(OutcomeRefused, ReasonDomainNotVerified)
	wantStatus(t, w.post(w.browser(), w.connection, "new@else.example"), http.StatusSeeOther)

	// What has no identity provider any more cannot stay enabled.
	err = w.modify(schema.IdentityProviderType, second, func(doc schema.Document) { delete(doc, "idp") })
	wantInvalid(t, err, "enabled", "identity provider")
}
