package samlhook

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/tidwall/gjson"

	"rollcall/directory"
	"rollcall/directory/schema"
	"rollcall/samlhook/saml"
	"rollcall/samlhook/saml/samltest"
)

// testLink makes a test link of a connection.
func (s *site) testLink(connection directory.ID) string {
	s.t.Helper()
	w := httptest.NewRecorder()
	r := httptest.NewRequest(http.MethodPost, "/", nil).WithContext(s.t.Context())
	if err := s.hook.Actions()[".testLink"](w, r, s.org, connection); err != nil {
		s.t.Fatal(err)
	}
	return gjson.Get(w.Body.String(), "url").String()
}

// A test sign-in goes to the identity provider and back, shows every check, and leaves a record and nothing else.
func TestTestSignIn(t *testing.T) {
	s := newSite(t)
	connection := s.connect(jitOn)
	b := s.browser()
	form := b.answer(s.testLink(connection), "alice")
	landed := b.step(s.acsURL(connection), form)
	wantStatus(t, landed, http.StatusOK)
	body := bodyOf(t, landed)
	for _, want := range []string{`<main id="test">`, "Audience", "firstName", "Alice", "alice@example.com",
		landed.Header.Get("X-Request-Id")} {
		if !strings.Contains(body, want) {
			t.Errorf("the page lacks %q:\n%s", want, body)
		}
	}
	if len(landed.Cookies()) != 0 || len(s.users("alice@example.com")) != 0 {
		t.Error("a test signed somebody in")
	}
	record := s.lastSignIn(OutcomeTested, ReasonCreated)
	if record.Text("user.value") != "" || record.Text("correlationId") != landed.Header.Get("X-Request-Id") {
		t.Errorf("the record: %s", record.JSON)
	}

	// Its ids are used up, whatever RelayState says the second time.
	for _, state := range []string{form.Get("RelayState"), "", "another"} {
		form.Set("RelayState", state)
		again := b.step(s.acsURL(connection), form)
		wantStatus(t, again, http.StatusForbidden)
	}
	if len(s.users("alice@example.com")) != 0 || b.session(s) != "" {
		t.Error("a used test signed somebody in")
	}

	// What it would refuse it says, all of it.
	s.mustModify(schema.IdentityProviderType, connection, changed("jit", map[string]any{"enabled": false}))
	form = b.answer(s.testLink(connection), "carol")
	failed := b.step(s.acsURL(connection), form)
	wantStatus(t, failed, http.StatusOK)
	if body := bodyOf(t, failed); !strings.Contains(body, "jit.enabled") || !strings.Contains(body, "lastName") {
		t.Errorf("the page lacks an obstacle:\n%s", body)
	}
	s.lastSignIn(OutcomeTested, ReasonJITDisabled)
}

// The answer to a test request signs nobody in, even if RelayState is lost or changed on the way.
func TestTestStandsInTheRequest(t *testing.T) {
	s := newSite(t)
	connection := s.connect(jitOn)
	b := s.browser()
	for _, state := range []string{"", "another"} {
		form := b.answer(s.testLink(connection), "alice")
		form.Set("RelayState", state)
		landed := b.step(s.acsURL(connection), form)
		wantStatus(t, landed, http.StatusOK)
		if !strings.Contains(bodyOf(t, landed), `<main id="test">`) || len(landed.Cookies()) != 0 {
			t.Errorf("RelayState %q: cookies %v", state, landed.Cookies())
		}
	}
	// And that to another request is no test, whatever RelayState says.
	test := b.answer(s.testLink(connection), "alice")
	genuine := b.answer(s.loginURL(connection), "alice")
	genuine.Set("RelayState", test.Get("RelayState"))
	wantStatus(t, b.step(s.acsURL(connection), genuine), http.StatusSeeOther)
	if len(s.users("alice@example.com")) != 1 {
		t.Error("a real sign-in was taken for a test")
	}
}

// A response that does not pass is shown with what is wrong, and recorded as what nobody vouches for.
func TestTestOfUnsigned(t *testing.T) {
	s := newSite(t)
	connection := s.own(jitOn)
	b := s.browser()
	request := b.step(s.testLink(connection), nil)
	wantStatus(t, request, http.StatusSeeOther)
	u, err := url.Parse(request.Header.Get("Location"))
	if err != nil {
		t.Fatal(err)
	}
	landed := b.step(s.acsURL(connection), url.Values{"RelayState": {u.Query().Get("RelayState")},
		"SAMLResponse": {encode(samltest.NewMessage().Response())}})
	wantStatus(t, landed, http.StatusOK)
	if body := bodyOf(t, landed); !strings.Contains(body, `<main id="test">`) || !strings.Contains(body, "signed") {
		t.Errorf("the page:\n%s", body)
	}
	s.hook.ring.flush()
	if found := s.numbered(landed.Header.Get("X-Request-Id")); len(found) != 1 ||
		found[0].Text("outcome") != string(OutcomeTested) || found[0].Text("vouched") != "false" ||
		found[0].Text("reason") != string(saml.ReasonUnsigned) {
		t.Errorf("recorded: %v", found)
	}
}

// Who may test: an administrator by session, and whoever has a link, for 15 minutes and for its connection.
func TestWhoMayTest(t *testing.T) {
	s := newSite(t)
	connection, other := s.connect(jitOn), s.own(with(jitOn, "displayName", "Other"))
	address := s.loginURL(connection) + "?test=1"
	page := s.browser().get(address)
	wantPage(t, page, http.StatusForbidden, "noTest")

	b := s.browser()
	wantPage(t, b.signIn(s.loginURL(connection), "alice"), http.StatusOK, "me")
	wantPage(t, b.get(address), http.StatusForbidden, "noTest")
	alice := s.users("alice@example.com")[0].ID
	for role, status := range map[string]int{"auditor": http.StatusForbidden, "manager": http.StatusForbidden,
		"administrator": http.StatusSeeOther} {
		s.mustModify(schema.UserType, alice, changed("roles", []any{map[string]any{"value": role}}))
		if got := b.step(address, nil); got.StatusCode != status {
			t.Errorf("%s: %d, want %d", role, got.StatusCode, status)
		}
	}

	s.mustModify(schema.UserType, alice, changed("roles", []any{map[string]any{"value": "administrator"}}))
	for from, status := range map[string]int{"cross-site": http.StatusForbidden, "same-origin": http.StatusSeeOther,
		"none": http.StatusSeeOther} {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address, nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Sec-Fetch-Site", from)
		if got := b.send(r); got.StatusCode != status {
			t.Errorf("a link from %s: %d, want %d", from, got.StatusCode, status)
		}
	}

	link := s.testLink(connection)
	token := link[strings.Index(link, "test=")+len("test="):]
	for name, c := range map[string]struct {
		address string
		status  int
	}{
		"the link":           {link, http.StatusSeeOther},
		"another connection": {s.loginURL(other) + "?test=" + token, http.StatusForbidden},
		"changed": {s.loginURL(connection) + "?test=" + token[:12] + flipped(token[12:13]) + token[13:],
			http.StatusForbidden},
		"cut":    {s.loginURL(connection) + "?test=" + token[:8], http.StatusForbidden},
		"a word": {s.loginURL(connection) + "?test=yes", http.StatusForbidden},
	} {
		if got := s.browser().step(c.address, nil); got.StatusCode != c.status {
			t.Errorf("%s: %d, want %d", name, got.StatusCode, c.status)
		}
	}
	s.later(testLinkLifetime + time.Second)
	wantStatus(t, s.browser().step(link, nil), http.StatusForbidden)
}

// flipped is another character of base64.
func flipped(c string) string {
	if c == "A" {
		return "B"
	}
	return "A"
}

// A connection is tested before it is enabled.
func TestTestOfDisabled(t *testing.T) {
	s := newSite(t)
	connection := s.connect(with(jitOn, "enabled", false))
	b := s.browser()
	landed := b.step(s.acsURL(connection), b.answer(s.testLink(connection), "alice"))
	wantStatus(t, landed, http.StatusOK)
	s.lastSignIn(OutcomeTested, ReasonCreated)
	if got := s.browser().get(s.loginURL(connection)); got.Status != http.StatusForbidden {
		t.Errorf("a real sign-in through a disabled connection: %d", got.Status)
	}
}
