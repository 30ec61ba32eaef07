package samlhook

import (
	"maps"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"rollcall/directory"
	"rollcall/directory/schema"
)

// ask types an address into a login page and returns the page that comes and where the browser goes on to.
func (b *browser) ask(address, email string) (status int, body, to string) {
	b.t.Helper()
	r := b.step(address, url.Values{"email": {email}})
	_, to, _ = strings.Cut(r.Header.Get("Refresh"), "url=")
	return r.StatusCode, bodyOf(b.t, r), to
}

// Where somebody signs in follows from the domain alone: an exact one, one above it, the default connection, all.
func TestRoute(t *testing.T) {
	for _, c := range []struct {
		name, email string
		marked      bool
		to          string // which connection; "" for the chooser, "none" for an error beside the field
	}{
		{"an exact domain", "a@second.example", false, "second"},
		{"whatever stands before the @", "nobody@second.example", false, "second"},
		{"in another case and with blanks", " A@SECOND.example ", false, "second"},
		{"an internationalized domain", "a@m\u00fcnchen.example", false, "second"},
		{"below a domain that stands for those below it", "a@x.y.wide.example", false, "first"},
		{"below one that does not", "a@x.second.example", false, ""},
		{"an exact one goes before the one above", "a@inner.wide.example", false, "second"},
		{"a domain that is not verified", "a@pending.example", false, ""},
		{"a lost domain", "a@lost.example", false, ""},
		{"nobody's domain", "a@else.example", false, ""},
		{"nobody's domain, where there is a default", "a@else.example", true, "first"},
		{"no address", "second.example", true, "none"},
		{"nothing before the @", "@second.example", true, "none"},
		{"nothing", "", true, "none"},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := &world{site: newSite(t)}
			w.setDomains(
				map[string]any{"value": "second.example", "verified": true},
				map[string]any{"value": "xn--mnchen-3ya.example", "verified": true},
				map[string]any{"value": "wide.example", "verified": true, "includeSubdomains": true},
				map[string]any{"value": "inner.wide.example", "verified": true},
				map[string]any{"value": "pending.example"},
				map[string]any{"value": "lost.example", "state": domainLost})
			made := map[string]directory.ID{
				"first": w.own(schema.Document{"displayName": "First", "default": c.marked,
					"domains": []any{"wide.example", "pending.example", "lost.example"},
					"idp":     ssoAt("https://first.example.com/sso")}),
				"second": w.own(schema.Document{"displayName": "Second", "sendLoginHint": true,
					"domains": []any{"second.example", "xn--mnchen-3ya.example", "inner.wide.example"},
					"idp":     ssoAt("https://second.example.com/sso")}),
			}
			b := w.browser()
			status, body, to := b.ask(w.url+"/orgs/default/login", c.email)
			switch c.to {
			case "none":
				if status != http.StatusUnprocessableEntity || !strings.Contains(body, `role="alert"`) || to != "" {
					t.Errorf("%d %s", status, body)
				}
			case "":
				if status != http.StatusOK || to != "" || !strings.Contains(body, w.loginURL(made["first"])) ||
					!strings.Contains(body, w.loginURL(made["second"])) {
					t.Errorf("%d to %s: %s", status, to, body)
				}
			default:
				if status != http.StatusOK || !strings.HasPrefix(to, "https://"+c.to+".example.com/sso?SAMLRequest=") {
					t.Fatalf("%d to %s", status, to)
				}
				hint := "&login_hint=" + url.QueryEscape(strings.TrimSpace(c.email))
				if strings.Contains(to, "login_hint") != (c.to == "second") || c.to == "second" && !strings.HasSuffix(to, hint) {
					t.Errorf("hint: %s", to)
				}
				if len(b.client.Jar.Cookies(mustURL(t, w.url))) == 0 {
					t.Error("the browser keeps nothing for the end of the sign-in")
				}
			}
		})
	}
}

// ssoAt is an identity provider at an address.
func ssoAt(address string) map[string]any {
	idp := maps.Clone(configured)
	idp["ssoUrl"] = address
	return idp
}

func mustURL(t *testing.T, address string) *url.URL {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

// With one connection that counts nobody is asked; with several everybody is, and where the browser signed in last is
// offered.
func TestAsk(t *testing.T) {
	s := newSite(t)
	first := s.own(with(jitOn, "displayName", "First"))
	if _, err := s.configure(schema.Document{"displayName": "Empty"}); err != nil {
		t.Fatal(err)
	}
	b := s.browser()
	login := s.url + "/orgs/default/login"
	if r := b.step(login+"?target=/x", nil); r.StatusCode != http.StatusSeeOther ||
		r.Header.Get("Location") != s.loginURL(first)+"?target=%2Fx" {
		t.Fatalf("%d %s", r.StatusCode, r.Header.Get("Location"))
	}
	s.own(schema.Document{"displayName": "Second"})
	wantPage(t, b.get(login), http.StatusOK, "ask", `name="email"`)
	if body := b.get(login).Body; strings.Contains(body, "First") {
		t.Errorf("offers a connection: %s", body)
	}
	landed := s.post(b, first, "ann@example.com")
	wantStatus(t, b.step(landed.Header.Get("Location"), nil), http.StatusSeeOther)
	wantPage(t, b.get(login+"?target=/x"), http.StatusOK, "ask", s.loginURL(first)+"?target=%2Fx", "Continue with First",
		`name="target" value="/x"`)
	s.mustModify(schema.IdentityProviderType, first, changed("enabled", false))
	if r := b.step(login, nil); r.StatusCode != http.StatusSeeOther {
		t.Errorf("with one left: %d", r.StatusCode)
	}
	r := b.step(login, url.Values{"email": {"a@b.example"}, "target": {"https://elsewhere.example"}})
	wantStatus(t, r, http.StatusBadRequest)
}

// The login page of the service finds the organization by a verified domain.
func TestEverybodysLogin(t *testing.T) {
	w := &world{site: newSite(t)}
	w.setDomains(map[string]any{"value": "ours.example", "verified": true},
		map[string]any{"value": "pending.example"},
		map[string]any{"value": "wide.example", "verified": true, "includeSubdomains": true})
	w.own(nil)
	b := w.browser()
	wantPage(t, b.get(w.url+"/login"), http.StatusOK, "ask", `action="`+w.url+`/login"`)
	for email, known := range map[string]bool{"a@ours.example": true, "zz@OURS.example": true, "a@x.wide.example": true,
		"a@pending.example": false, "a@x.ours.example": false, "a@else.example": false} {
		status, body, to := b.ask(w.url+"/login", email)
		_, domain, _ := strings.Cut(email, "@")
		if known != strings.HasPrefix(to, "https://idp.example.com/sso?") || status != http.StatusOK ||
			!known && !strings.Contains(body, "We do not know where "+domain+" signs in") {
			t.Errorf("%s: %d to %s %s", email, status, to, body)
		}
	}
	if status, _, _ := b.ask(w.url+"/login", "x"); status != http.StatusUnprocessableEntity {
		t.Errorf("no address: %d", status)
	}

	// One whose organization is not active any more is unknown, once the node has looked again.
	w.mustModify(schema.OrganizationType, w.snapshot().Organization().ID, changed("active", false))
	w.later(routesFor + time.Second)
	if _, body, to := b.ask(w.url+"/login", "a@ours.example"); to != "" || !strings.Contains(body, "do not know") {
		t.Errorf("not active: to %s %s", to, body)
	}
}
