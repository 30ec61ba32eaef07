package samlhook

import (
	"bytes"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/mux"
	"github.com/prometheus/client_golang/prometheus"
	clientv3 "go.etcd.io/etcd/client/v3"

	"rollcall/directory"
	"rollcall/directory/directorytest"
	"rollcall/directory/schema"
)

// written are the keys of the store with their revisions: what changes with every write. What nodes tell each other
// under a lease is left out, because they do so whenever they get to it.
func (s *site) written() string {
	s.t.Helper()
	resp, err := directorytest.Client(s.t).Get(s.t.Context(), s.root+"/", clientv3.WithPrefix(), clientv3.WithKeysOnly())
	if err != nil {
		s.t.Fatal(err)
	}
	var b strings.Builder
	for _, kv := range resp.Kvs {
		if kv.Lease == 0 {
			fmt.Fprintf(&b, "%s at %d\n", kv.Key, kv.ModRevision)
		}
	}
	if b.Len() == 0 {
		s.t.Fatalf("no keys below %s", s.root)
	}
	return b.String()
}

func TestLoginWritesNothing(t *testing.T) {
	s := newSite(t)
	connection := s.connect(jitOn)
	before := s.written()
	b := s.browser()
	for range 5 {
		wantStatus(t, b.step(s.loginURL(connection), nil), http.StatusSeeOther)
		b.get(s.url + "/orgs/default/me")
	}
	if now := s.written(); now != before {
		t.Errorf("a login wrote to the store: %s\nbefore: %s", now, before)
	}
}

func TestLoginSetsCookie(t *testing.T) {
	for scheme, name := range map[string]string{"http": "rollcall-login-default",
		"https": "__Host-rollcall-login-default"} {
		secure := scheme == "https"
		s := newSite(t)
		connection := s.connect(jitOn)
		hook, err := New(s.store, Options{PublicURL: scheme + "://rollcall.example.com/"})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(hook.Close)
		router := mux.NewRouter()
		hook.Register(router)
		w := httptest.NewRecorder()
		router.ServeHTTP(w, httptest.NewRequest(http.MethodGet,
			"http://evil.example/orgs/default/saml/"+connection.String()+"/login", nil))
		cookies := w.Result().Cookies()
		if len(cookies) != 1 {
			t.Fatalf("cookies %v", cookies)
		}
		c := cookies[0]
		if !c.HttpOnly || c.Secure != secure || c.SameSite != http.SameSiteLaxMode ||
			c.Path != "/" || c.Name != name ||
			c.MaxAge != int(loginLifetime/time.Second) || c.Domain != "" {
			t.Errorf("%s: %s", scheme, c.Raw)
		}
		location := w.Header().Get("Location")
		if strings.Contains(location, "evil") || !strings.Contains(location, "SigAlg=") {
			t.Errorf("sent to %s", location)
		}
	}
}

// The organization's login page goes on to the only connection; of several, it shows those that count.
func TestChoose(t *testing.T) {
	s := newSite(t)
	address := s.url + "/orgs/default/login"
	b := s.browser()
	wantPage(t, b.get(address), http.StatusNotFound, "noConnection")
	first := s.own(schema.Document{"displayName": "First & only"})
	if got := b.step(address+"?target=/x", nil).Header.Get("Location"); got != s.loginURL(first)+"?target=%2Fx" {
		t.Errorf("sent to %s", got)
	}
	second := s.own(schema.Document{"displayName": "<Second>"})
	wantPage(t, b.get(address), http.StatusOK, "ask")
	r := b.step(address, url.Values{"email": {"a@else.example"}, "target": {"/x"}})
	wantStatus(t, r, http.StatusOK)
	body := bodyOf(t, r)
	for _, want := range []string{"First &amp; only", "&lt;Second&gt;", s.loginURL(first) + "?target=%2Fx",
		s.loginURL(second) + "?target=%2Fx"} {
		if !strings.Contains(body, want) {
			t.Errorf("lacks %q:\n%s", want, body)
		}
	}
	s.mustModify(schema.IdentityProviderType, second, changed("enabled", false))
	if got := b.step(address, nil).Header.Get("Location"); got != s.loginURL(first) {
		t.Errorf("a connection that is off: sent to %s", got)
	}
	wantStatus(t, b.step(s.loginURL(second), nil), http.StatusForbidden)
}

func TestPostBinding(t *testing.T) {
	s := newSite(t)
	connection := s.connect(with(jitOn, "binding", "post"))
	b := s.browser()
	page := b.get(s.loginURL(connection))
	policy := page.Header.Get("Content-Security-Policy")
	if !strings.Contains(page.Body, `name="SAMLRequest"`) || !strings.Contains(policy, "script-src 'self'") ||
		strings.Contains(policy, "form-action") {
		t.Fatalf("policy %q:\n%s", policy, page.Body)
	}
	wantPage(t, b.signIn(s.loginURL(connection), "alice"), http.StatusOK, "me")
}

func TestHeaders(t *testing.T) {
	s := newSite(t)
	connection := s.connect(nil)
	b := s.browser()
	for _, address := range []string{"/orgs/default/login", "/orgs/default/me",
		"/orgs/default/saml/" + connection.String() + "/finish?code=x", "/orgs/none/me"} {
		r := b.step(s.url+address, nil)
		h := r.Header
		if h.Get("Cache-Control") != "no-store" || h.Get("X-Content-Type-Options") != "nosniff" ||
			h.Get("Referrer-Policy") != "same-origin" || h.Get("X-Request-Id") == "" {
			t.Errorf("%s: %v", address, h)
		}
		if r.StatusCode == http.StatusSeeOther {
			continue
		}
		policy := h.Get("Content-Security-Policy")
		if !strings.Contains(policy, "default-src 'none'") || !strings.Contains(policy, "frame-ancestors 'none'") ||
			strings.Contains(policy, "script-src") {
			t.Errorf("%s: policy %q", address, policy)
		}
	}
}

// An organization that is switched off looks like one that never was.
func TestOrganizationInactive(t *testing.T) {
	s := newSite(t)
	connection := s.connect(jitOn)
	b := s.browser()
	form := b.answer(s.loginURL(connection), "alice")
	system := s.store.System()
	if _, err := system.Update(t.Context(), func(tx *directory.Tx) error {
		org, err := tx.Get(schema.OrganizationType, s.snapshot().Organization().ID)
		if err != nil {
			return err
		}
		doc, err := schema.Organization().Decode(org.JSON)
		if err != nil {
			return err
		}
		doc["active"] = false
		_, err = tx.Replace(org, doc)
		return err
	}); err != nil {
		t.Fatal(err)
	}
	for _, r := range []*http.Response{b.step(s.acsURL(connection), form), b.step(s.loginURL(connection), nil),
		b.step(s.url+"/orgs/default/login", nil), b.step(s.url+"/orgs/default/me", nil)} {
		wantStatus(t, r, http.StatusNotFound)
	}
}

// A request leaves one line in the log, without names; metrics count outcomes.
func TestLogAndMetrics(t *testing.T) {
	s := newSite(t)
	connection := s.connect(jitOn)
	var log bytes.Buffer
	registry := prometheus.NewRegistry()
	hook, err := New(s.store, Options{PublicURL: s.hook.public, Log: slog.New(slog.NewTextHandler(&log, nil)),
		Registry: registry})
	if err != nil {
		t.Fatal(err)
	}
	router := mux.NewRouter()
	hook.Register(router)
	form := s.browser().answer(s.loginURL(connection), "alice")
	r := httptest.NewRequest(http.MethodPost, "/orgs/default/saml/"+connection.String()+"/acs",
		strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	w := httptest.NewRecorder()
	router.ServeHTTP(w, r)
	line := log.String()
	for _, want := range []string{"outcome=created", "reason=created", "status=303", "organization=default",
		"connection=" + connection.String(), "correlationId=" + w.Header().Get("X-Request-Id")} {
		if !strings.Contains(line, want) {
			t.Errorf("the log lacks %s: %s", want, line)
		}
	}
	if strings.Count(line, "\n") != 1 || strings.Contains(line, "alice") || strings.Contains(line, "SAMLResponse") {
		t.Errorf("log: %s", line)
	}
	counted := map[string]float64{}
	families, err := registry.Gather()
	for _, f := range families {
		counted[f.GetName()] = f.Metric[0].GetCounter().GetValue() +
			float64(f.Metric[0].GetHistogram().GetSampleCount())
	}
	if err != nil || len(counted) != 2 || counted["rollcall_sign_ins_total"] != 1 ||
		counted["rollcall_saml_verification_seconds"] != 1 {
		t.Errorf("metrics %v, %v", counted, err)
	}
	hook.Close()
}

// The reason of a refusal names the person: the log has its code, the record the rest.
func TestLogOfRefusal(t *testing.T) {
	s := newSite(t)
	connection := s.own(nil)
	var log bytes.Buffer
	hook, err := New(s.store, Options{PublicURL: s.hook.public, Log: slog.New(slog.NewTextHandler(&log, nil))})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(hook.Close)
	router := mux.NewRouter()
	hook.Register(router)
	form := s.forged(connection, s.request(s.browser(), connection), "ann@example.com", "_a1", nil)
	r := httptest.NewRequest(http.MethodPost, "/orgs/default/saml/"+connection.String()+"/acs",
		strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	router.ServeHTTP(httptest.NewRecorder(), r)
	if line := log.String(); !strings.Contains(line, "reason=jit_disabled") ||
		!strings.Contains(line, "cause=jit_disabled") || strings.Contains(line, "ann@example.com") {
		t.Errorf("log: %s", line)
	}
	if record := s.lastSignIn(OutcomeRefused, ReasonJITDisabled); !strings.Contains(record.Text("explanation"),
		"ann@example.com") {
		t.Errorf("record: %s", record.JSON)
	}
}

func TestPublicURL(t *testing.T) {
	for _, bad := range []string{"", "rollcall.example.com", "ftp://x", "https://", "https://u@x", "https://x?y",
		"https://x#y", "https://x/y"} {
		if _, err := New(nil, Options{PublicURL: bad}); err == nil {
			t.Errorf("%q is taken", bad)
		}
	}
}

// A refusal because of settings leads to the organization's login page: another connection may let the person in.
func TestRefusedBySettings(t *testing.T) {
	s := newSite(t)
	connection := s.own(schema.Document{"enabled": false})
	page := s.browser().get(s.loginURL(connection))
	wantPage(t, page, http.StatusForbidden, "refused")
	for _, want := range []string{`href="` + s.url + `/orgs/default/login">`} {
		if !strings.Contains(page.Body, want) {
			t.Errorf("the page lacks %s:\n%s", want, page.Body)
		}
	}
}
