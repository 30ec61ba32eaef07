package samlhook

import (
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/mux"

	"rollcall/directory"
	"rollcall/directory/schema"
	"rollcall/samlhook/saml"
)

// Two tabs of one browser sign in side by side, each to its own target.
func TestTwoTabs(t *testing.T) {
	s := newSite(t)
	connection := s.connect(jitOn)
	b := s.browser()
	forms := map[string]url.Values{}
	for _, target := range []string{"/a?x=1", "/b"} {
		forms[target] = b.answer(s.loginURL(connection)+"?target="+url.QueryEscape(target), "alice")
	}
	codes := map[string]string{}
	for target, form := range forms {
		landed := b.step(s.acsURL(connection), form)
		wantStatus(t, landed, http.StatusSeeOther)
		codes[target] = landed.Header.Get("Location")
	}
	for target, code := range codes {
		end := b.step(code, nil)
		wantStatus(t, end, http.StatusSeeOther)
		if got := end.Header.Get("Location"); got != s.url+target {
			t.Errorf("went to %s, want %s", got, target)
		}
	}
}

// vouched counts the SignIns that are not in a ring.
func (s *site) vouched() (n int) {
	s.t.Helper()
	for _, r := range s.signIns() {
		if r.Text("vouched") != "false" {
			n++
		}
	}
	return n
}

// A sign-in that another browser began, or whose answer another browser brought, is not finished here.
func TestOtherBrowser(t *testing.T) {
	s := newSite(t)
	connection := s.connect(jitOn)

	// Login CSRF: the attacker's answer is posted by the victim's browser.
	attacker, victim := s.browser(), s.browser()
	form := attacker.answer(s.loginURL(connection), "alice")
	landed := victim.step(s.acsURL(connection), form)
	wantStatus(t, landed, http.StatusSeeOther)
	page := victim.get(landed.Header.Get("Location"))
	wantPage(t, page, http.StatusForbidden, "otherBrowser")
	record := s.lastSignIn(OutcomeFailed, ReasonBrowserMismatch)
	before := s.signIns()[1]
	if record.Text("correlationId") != before.Text("correlationId") ||
		!strings.Contains(page.Body, record.Text("correlationId")) {
		t.Errorf("the records have the correlation ids %s and %s", record.Text("correlationId"),
			before.Text("correlationId"))
	}
	if victim.session(s) != "" {
		t.Fatal("the victim is signed in as the attacker")
	}

	// A stolen code: the thief has the code but not the browser.
	form = attacker.answer(s.loginURL(connection), "alice")
	landed = attacker.step(s.acsURL(connection), form)
	wantPage(t, victim.get(landed.Header.Get("Location")), http.StatusForbidden, "otherBrowser")
	s.lastSignIn(OutcomeFailed, ReasonBrowserMismatch)
	if victim.session(s) != "" {
		t.Fatal("a code alone signs in")
	}
	// The code is used up by that.
	wantPage(t, attacker.get(landed.Header.Get("Location")), http.StatusForbidden, "tooLate")
	n := s.vouched()
	for range 3 {
		victim.get(landed.Header.Get("Location"))
	}
	s.hook.ring.flush()
	if s.vouched() != n {
		t.Error("a used code writes records that displace others")
	}
}

func TestCode(t *testing.T) {
	s := newSite(t)
	connection, other := s.connect(jitOn), s.own(nil)
	begin := func(b *browser) string {
		landed := b.step(s.acsURL(connection), b.answer(s.loginURL(connection), "alice"))
		wantStatus(t, landed, http.StatusSeeOther)
		return landed.Header.Get("Location")
	}
	b := s.browser()

	used := begin(b)
	wantStatus(t, b.step(used, nil), http.StatusSeeOther)
	wantPage(t, b.get(used), http.StatusForbidden, "tooLate")

	expired := begin(b)
	s.later(codeLifetime)
	wantPage(t, b.get(expired), http.StatusForbidden, "tooLate")

	fresh := begin(b)
	for name, address := range map[string]string{
		"changed":    fresh[:len(fresh)-4] + "AAAA",
		"none":       strings.SplitAfter(fresh, "code=")[0],
		"elsewhere":  strings.Replace(fresh, connection.String(), other.String(), 1),
		"not base64": strings.SplitAfter(fresh, "code=")[0] + "%25",
	} {
		if page := b.get(address); page.Status != http.StatusBadRequest {
			t.Errorf("%s: %d", name, page.Status)
		}
	}
	wantStatus(t, b.step(fresh, nil), http.StatusSeeOther)

	s.hook.ring.flush()
	reasons := map[string]bool{}
	for _, r := range s.signIns() {
		reasons[r.Text("reason")] = true
	}
	for _, want := range []saml.Reason{ReasonCodeUsed, ReasonCodeExpired, ReasonCodeInvalid} {
		if !reasons[string(want)] {
			t.Errorf("no record says %s", want)
		}
	}
}

// What changes between acs and finish counts.
func TestFinishChecksAgain(t *testing.T) {
	for name, c := range map[string]struct {
		reason saml.Reason
		change func(s *site, connection, user directory.ID)
	}{
		"deactivated": {ReasonUserInactive, func(s *site, _, user directory.ID) {
			s.mustModify(schema.UserType, user, changed("active", false))
		}},
		"deactivated and activated": {ReasonSessionsEnded, func(s *site, _, user directory.ID) {
			s.mustModify(schema.UserType, user, changed("active", false))
			s.mustModify(schema.UserType, user, changed("active", true))
		}},
		"deleted": {ReasonUserDeleted, func(s *site, _, user directory.ID) { s.remove(schema.UserType, user) }},
		"connection switched off": {ReasonConnectionDisabled, func(s *site, connection, _ directory.ID) {
			s.mustModify(schema.IdentityProviderType, connection, changed("enabled", false))
		}},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSite(t)
			connection := s.connect(jitOn)
			b := s.browser()
			landed := b.step(s.acsURL(connection), b.answer(s.loginURL(connection), "alice"))
			c.change(s, connection, s.users("alice@example.com")[0].ID)
			end := b.step(landed.Header.Get("Location"), nil)
			wantStatus(t, end, failureOf(c.reason).status)
			s.lastSignIn(OutcomeFailed, c.reason)
			if b.session(s) != "" {
				t.Error("a session was begun")
			}
		})
	}
}

func TestSessionEnds(t *testing.T) {
	for name, end := range map[string]func(s *site, connection directory.ID){
		"the connection is switched off": func(s *site, connection directory.ID) {
			s.mustModify(schema.IdentityProviderType, connection, changed("enabled", false))
		},
		"the connection is deleted": func(s *site,
			connection directory.ID) {
			s.remove(schema.IdentityProviderType, connection)
		},
		"its time is over": func(s *site, _ directory.ID) { s.later(30 * time.Minute) },
	} {
		t.Run(name, func(t *testing.T) {
			s := newSite(t)
			connection := s.connect(with(jitOn, "sessionMinutes", number(30)))
			b := s.browser()
			wantPage(t, b.signIn(s.loginURL(connection), "alice"), http.StatusOK, "me")
			secret := b.session(s)
			s.later(29 * time.Minute)
			if s.signedInAs(secret).IsZero() {
				t.Fatal("the session is over too early")
			}
			end(s, connection)
			if !s.signedInAs(secret).IsZero() {
				t.Error("the session goes on")
			}
		})
	}
}

// The identity provider's own limit counts where it is earlier.
func TestSessionNotOnOrAfter(t *testing.T) {
	s := newSite(t)
	connection := s.own(with(jitOn, "sessionMinutes", number(24*60))) // the fixture says eight hours
	b := s.browser()
	landed := b.step(s.acsURL(connection), s.forged(connection, s.request(b, connection), "ann", "_a1", nil))
	wantStatus(t, b.step(landed.Header.Get("Location"), nil), http.StatusSeeOther)
	secret := b.session(s)
	s.later(8*time.Hour - time.Minute)
	if s.signedInAs(secret).IsZero() {
		t.Error("over too early")
	}
	s.later(2 * time.Minute)
	if !s.signedInAs(secret).IsZero() {
		t.Error("outlives SessionNotOnOrAfter")
	}
}

// The identity provider shortens a session, and never makes it longer than the connection allows.
func TestSessionMinutes(t *testing.T) {
	s := newSite(t)
	connection := s.own(with(jitOn, "sessionMinutes", number(30))) // the fixture says eight hours
	b := s.browser()
	landed := b.step(s.acsURL(connection), s.forged(connection, s.request(b, connection), "ann", "_a1", nil))
	wantStatus(t, b.step(landed.Header.Get("Location"), nil), http.StatusSeeOther)
	secret := b.session(s)
	s.later(29 * time.Minute)
	if s.signedInAs(secret).IsZero() {
		t.Error("over too early")
	}
	s.later(2 * time.Minute)
	if !s.signedInAs(secret).IsZero() {
		t.Error("lasts longer than the connection allows")
	}
}

func TestSignOut(t *testing.T) {
	s := newSite(t)
	connection := s.connect(jitOn)
	b := s.browser()
	landing := b.signIn(s.loginURL(connection), "alice")
	wantPage(t, landing, http.StatusOK, "me")
	if got := landing.Header.Get("Cache-Control"); got != "no-store" {
		t.Errorf("the landing page may be kept: Cache-Control %s", got)
	}
	secret, address := b.session(s), s.url+"/orgs/default/sign-out"

	wantStatus(t, b.step(address, nil), http.StatusMethodNotAllowed)
	for name, header := range map[string][2]string{"by Sec-Fetch-Site": {"Sec-Fetch-Site", "cross-site"},
		"by Origin": {"Origin", "https://evil.example"}} {
		r, err := http.NewRequest(http.MethodPost, address, nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set(header[0], header[1])
		wantStatus(t, b.send(r), http.StatusForbidden)
		if s.signedInAs(secret).IsZero() {
			t.Fatalf("another site signed the person out (%s)", name)
		}
	}
	page, err := b.demo.Post(t.Context(), address, nil)
	if err != nil {
		t.Fatal(err)
	}
	wantPage(t, page, http.StatusOK, "signedOut")
	if !strings.Contains(page.Body, `/orgs/default/login">`) {
		t.Errorf("no way back in:\n%s", page.Body)
	}
	if got := page.Header.Get("Clear-Site-Data"); got != `"cache"` {
		t.Errorf("the back button may show the page before: Clear-Site-Data %s", got)
	}
	if !s.signedInAs(secret).IsZero() || b.session(s) != "" {
		t.Error("the session is still there")
	}
	for range s.snapshot().All(schema.SessionType) {
		t.Error("a Session is left")
	}
	wantPage(t, b.get(s.url+"/orgs/default/me"), http.StatusForbidden, "notSignedIn")
	wantStatus(t, b.step(address, url.Values{}), http.StatusOK)
}

// IdP-initiated sign-in asks the person before it goes on.
func TestIdPInitiated(t *testing.T) {
	s := newSite(t)
	connection := s.own(jitOn)
	b := s.browser()
	wantStatus(t, b.step(s.acsURL(connection), s.forged(connection, "", "ann", "_a1", nil)), http.StatusForbidden)
	s.lastSignIn(OutcomeRefused, saml.ReasonIdPInitiated)

	s.mustModify(schema.IdentityProviderType, connection, changed("allowIdpInitiated", true))
	for asked, want := range map[string]string{"/reports": "/reports", "https://evil.example/": "/orgs/default/me"} {
		form := s.forged(connection, "", "ann", "_a2"+asked[1:2], nil)
		form.Set("RelayState", asked)
		landed := b.step(s.acsURL(connection), form)
		wantStatus(t, landed, http.StatusSeeOther)
		location := landed.Header.Get("Location")

		wantPage(t, s.browser().get(location), http.StatusForbidden,
			"otherBrowser") // another browser, and the code is gone
		form = s.forged(connection, "", "ann", "_a3"+asked[1:2], nil)
		form.Set("RelayState", asked)
		location = b.step(s.acsURL(connection), form).Header.Get("Location")

		page := b.get(location)
		wantPage(t, page, http.StatusOK, "confirm")
		if !strings.Contains(page.Body, "Alice Archer") || b.session(s) != "" {
			t.Fatalf("before the person agreed:\n%s", page.Body)
		}
		action, fields, _ := page.Form()
		r, err := http.NewRequest(http.MethodPost, action, strings.NewReader(fields.Encode()))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set("Origin", "https://evil.example")
		wantStatus(t, b.send(r), http.StatusForbidden)
		end := b.step(action, fields)
		wantStatus(t, end, http.StatusSeeOther)
		if got := end.Header.Get("Location"); got != s.url+want {
			t.Errorf("RelayState %s: went to %s", asked, got)
		}
		if s.signedInAs(b.session(s)).IsZero() {
			t.Error("not signed in")
		}
		wantStatus(t, b.step(action, fields), http.StatusForbidden)
		_, err = b.demo.Post(t.Context(), s.url+"/orgs/default/sign-out", nil)
		if err != nil {
			t.Fatal(err)
		}
	}
}

func TestTarget(t *testing.T) {
	s := newSite(t)
	connection := s.connect(jitOn)
	s.mustModify(schema.OrganizationType, s.snapshot().Organization().ID, func(doc schema.Document) {
		doc["redirectTargets"] = []any{"https://app.example.com/start"}
	})
	good := map[string]string{
		"": s.url + "/orgs/default/me", "/": s.url + "/", "/x/y?a=b#c": s.url + "/x/y?a=b#c",
		"/.//evil.example":              s.url + "/.//evil.example",
		"https://app.example.com/start": "https://app.example.com/start",
	}
	for asked, want := range good {
		if got, ok := s.hook.target(asked, s.snapshot().Organization()); !ok || got != want {
			t.Errorf("%q: %q, %v", asked, got, ok)
		}
	}
	for _, bad := range []string{
		"https://evil.example/", "//evil.example", `/\evil.example`, `\\evil.example`, "/\t/evil.example",
		"/\n/evil.example", "\t//evil.example", " /x",
		"https:evil.example", "javascript:alert(1)", "data:text/html,x", "x", "?x", "https://app.example.com/start/",
		"https://app.example.com/start?x",
		"https://app.example.com.evil.example/start", "HTTPS://app.example.com/start",
		"https://app.example.com@evil.example/", "/" + strings.Repeat("x", maxTarget),
		s.url + "/", "/%zz", "///evil.example", "/\u2028x",
	} {
		if got, ok := s.hook.target(bad, s.snapshot().Organization()); ok {
			t.Errorf("%q leads to %q", bad, got)
		}
		for _, address := range []string{s.loginURL(connection), s.url + "/orgs/default/login"} {
			wantStatus(t, s.browser().step(address+"?target="+url.QueryEscape(bad), nil), http.StatusBadRequest)
		}
	}

	// An entry that the organization took away while the person signed in.
	b := s.browser()
	form := b.answer(s.loginURL(connection)+"?target="+url.QueryEscape("https://app.example.com/start"), "alice")
	s.mustModify(schema.OrganizationType, s.snapshot().Organization().ID,
		func(doc schema.Document) { delete(doc, "redirectTargets") })
	landed := b.step(s.acsURL(connection), form)
	end := b.step(landed.Header.Get("Location"), nil)
	if got := end.Header.Get("Location"); got != s.url+"/orgs/default/me" {
		t.Errorf("went to %s", got)
	}
}

// A sign-in takes the place of the session that the browser had, whoever's it was: its cookie is overwritten, so nobody
// could sign out of it. One that fails does not.
func TestEarlierSessionEnds(t *testing.T) {
	s := newSite(t)
	connection := s.own(with(jitOn, "allowIdpInitiated", true))
	b := s.browser()
	signIn := func(b *browser, person, assertion string) string {
		landed := b.step(s.acsURL(connection), s.forged(connection, s.request(b, connection), person, assertion, nil))
		wantStatus(t, b.step(landed.Header.Get("Location"), nil), http.StatusSeeOther)
		return b.session(s)
	}
	elsewhere := signIn(s.browser(), "ann", "_a1")
	first := signIn(b, "ann", "_a2")
	second := signIn(b, "ben", "_a3")
	if !s.signedInAs(first).IsZero() {
		t.Error("the earlier session goes on beside the new one")
	}
	if s.signedInAs(second).IsZero() || s.signedInAs(elsewhere).IsZero() {
		t.Error("a session of another browser, or the new one, was ended")
	}

	form := s.forged(connection, "", "ann", "_a4", nil)
	wantPage(t, b.get(b.step(s.acsURL(connection), form).Header.Get("Location")), http.StatusOK, "confirm")
	form = s.forged(connection, s.request(s.browser(), connection), "ann", "_a5", nil)
	wantStatus(t, b.step(b.step(s.acsURL(connection), form).Header.Get("Location"), nil), http.StatusForbidden)
	if s.signedInAs(second).IsZero() {
		t.Error("a sign-in that was not finished ended the session")
	}
	s.later(9 * time.Hour) // the cookie of a session that is over is no hindrance
	if signIn(b, "ben", "_a6") == second {
		t.Error("no new session")
	}
}

// counter counts what is read of it, and never ends.
type counter struct {
	head io.Reader
	read int
}

func (c *counter) Read(p []byte) (int, error) {
	if n, err := c.head.Read(p); n > 0 || err != io.EOF {
		c.read += n
		return n, nil
	}
	if c.read > 8<<20 {
		return 0, io.ErrUnexpectedEOF
	}
	c.read += len(p)
	return len(p), nil
}

// Anybody may send finish any body: little of it is read, nothing goes into files.
func TestFinishReadsLittle(t *testing.T) {
	s := newSite(t)
	connection := s.own(jitOn)
	router := mux.NewRouter()
	s.hook.Register(router)
	for _, method := range []string{http.MethodGet, http.MethodPost} {
		for kind, head := range map[string]string{
			"multipart/form-data; boundary=x": "--x\r\n" +
				"Content-Disposition: form-data; name=\"f\"; filename=\"f\"\r\n\r\n",
			"application/x-www-form-urlencoded": "code=",
		} {
			body := &counter{head: strings.NewReader(head)}
			r := httptest.NewRequest(method, "/orgs/default/saml/"+connection.String()+"/finish", body)
			r.Header.Set("Content-Type", kind)
			w := httptest.NewRecorder()
			router.ServeHTTP(w, r)
			if w.Code != http.StatusBadRequest || body.read > 64<<10 || r.MultipartForm != nil {
				t.Errorf("%s %s: %d, %d bytes were read", method, kind, w.Code, body.read)
			}
		}
	}
}

// The number on the page, in the records and in the header is one.
func TestFinishCorrelation(t *testing.T) {
	s := newSite(t)
	connection := s.own(jitOn)
	b := s.browser()
	landed := b.step(s.acsURL(connection), s.forged(connection, s.request(b, connection), "ann", "_a1", nil))
	end := s.browser().step(landed.Header.Get("Location"), nil)
	if got, want := end.Header.Get("X-Request-Id"), landed.Header.Get("X-Request-Id"); got != want ||
		s.signIns()[0].Text("correlationId") != want {
		t.Errorf("X-Request-Id %s, want %s", got, want)
	}
}
