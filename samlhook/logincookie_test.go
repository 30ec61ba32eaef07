package samlhook

import (
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/mux"

	"rollcall/samlhook/saml/samltest"
)

func TestLogins(t *testing.T) {
	now := samltest.Now
	var l logins
	for i := range 60 {
		l = l.add(loginState{Request: string(rune('a' + i)), Target: "/" + strings.Repeat("x", maxTarget-1),
			Expires: now.Add(time.Minute).Unix()}, now)
	}
	if len(l) != maxLogins || l[0].Request != string(rune('a'+59)) {
		t.Fatalf("%d sign-ins are kept, the newest is %q", len(l), l[0].Request)
	}
	if _, ok := l.find(string(rune('a'+52)), now); !ok {
		t.Error("one of the eight newest is gone")
	}
	if _, ok := l.find(string(rune('a'+51)), now); ok {
		t.Error("an older one is still there")
	}
	if _, ok := l.find(l[0].Request, now.Add(time.Minute)); ok {
		t.Error("one that has expired is found")
	}
	if left := l.without(l[0].Request); len(left) != maxLogins-1 {
		t.Errorf("%d are left", len(left))
	}
	if kept := l.add(loginState{Request: "new"}, now.Add(time.Minute)); len(kept) != 1 {
		t.Errorf("%d that have expired are kept", len(kept)-1)
	}

	// The cookie: sealed, and small enough for browsers.
	key, other := requestKey(strings.Repeat("a", 32)), requestKey(strings.Repeat("b", 32))
	value := key.sealLogins(l)
	if got := key.openLogins(value); len(got) != maxLogins || got[3] != l[3] {
		t.Errorf("opened %+v", got)
	}
	if len(value) > 4000 || regexp.MustCompile(`[^A-Za-z0-9._-]`).MatchString(value) || strings.Contains(value, "xxxx") {
		t.Errorf("%d bytes: %s", len(value), value)
	}
	flipped := []byte(value)
	flipped[20] ^= 1
	code, err := key.sealCode("c", handOver{})
	if err != nil {
		t.Fatal(err)
	}
	for name, bad := range map[string]string{"empty": "", "short": "AAAA", "changed": string(flipped), "cut": value[:100],
		"another organization's": other.sealLogins(l), "a code": code, "garbage": "%%%"} {
		if got := key.openLogins(bad); got != nil {
			t.Errorf("%s: opened %+v", name, got)
		}
	}
}

// Whatever the targets are made of, the cookie stays small enough for browsers, and the newest sign-ins stay in it.
func TestLoginCookieSize(t *testing.T) {
	key := requestKey(strings.Repeat("a", 32))
	for name, c := range map[string]struct {
		target string
		least  int
	}{
		"ampersands": {"/" + strings.Repeat("&", 199), maxLogins},
		"quotes":     {"/" + strings.Repeat(`"`, maxTarget-1), 1},
		"separators": {"/" + strings.Repeat("\u2028", (maxTarget-1)/3), 1},
	} {
		var l logins
		for i := range maxLogins {
			l = append(l, loginState{Request: strings.Repeat(string(rune('a'+i)), 32), Target: c.target, Expires: 2e9})
		}
		value := key.sealLogins(l)
		got := key.openLogins(value)
		if len(value) > maxSealedLogins || len(got) < c.least || got[0] != l[0] {
			t.Errorf("%s: %d bytes with %d sign-ins", name, len(value), len(got))
		}
	}
}

// Sixty tabs of one browser, with the longest targets: the newest sign in, each to its own target, and no request grows
// beyond what servers accept.
func TestManyTabs(t *testing.T) {
	s := newSite(t)
	connection := s.connect(jitOn)
	b := s.browser()
	target := func(i int) string {
		return "/" + strings.Repeat("x", maxTarget-3) + string(rune('a'+i/26)) + string(rune('a'+i%26))
	}
	forms := map[int]url.Values{}
	for i := range 60 {
		address := s.loginURL(connection) + "?target=" + target(i)
		if i < 55 {
			wantStatus(t, b.step(address, nil), http.StatusSeeOther)
			continue
		}
		forms[i] = b.answer(address, "alice")
	}
	if sent := cookieBytes(t, b, s.url); sent > 4096 {
		t.Fatalf("the browser sends %d bytes of cookies", sent)
	}
	for i, form := range forms {
		landed := b.step(s.acsURL(connection), form)
		wantStatus(t, landed, http.StatusSeeOther)
		end := b.step(landed.Header.Get("Location"), nil)
		wantStatus(t, end, http.StatusSeeOther)
		if got := end.Header.Get("Location"); got != s.url+target(i) {
			t.Errorf("went to %s, want %s", got, target(i))
		}
	}
	// A target that does not fit is refused at once.
	wantStatus(t, b.step(s.loginURL(connection)+"?target="+target(0)+"x", nil), http.StatusBadRequest)
}

func cookieBytes(t *testing.T, b *browser, address string) (n int) {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range b.client.Jar.Cookies(u) {
		n += len(c.Name) + len(c.Value) + 3
	}
	return n
}

// On https every cookie is one that only this host can set.
func TestHostCookies(t *testing.T) {
	s := newSite(t)
	connection := s.own(jitOn)
	server := httptest.NewTLSServer(nil)
	t.Cleanup(server.Close)
	hook, err := New(s.store, Options{PublicURL: server.URL})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(hook.Close)
	router := mux.NewRouter()
	hook.Register(router)
	server.Config.Handler = router
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	client := server.Client()
	client.Jar = jar
	s.hook = hook
	b := &browser{t: t, client: client}
	request := s.request(b, connection)
	landed := b.step(s.acsURL(connection), s.forged(connection, request, "ann", "_a1", nil))
	wantStatus(t, landed, http.StatusSeeOther)
	end := b.step(landed.Header.Get("Location"), nil)
	wantStatus(t, end, http.StatusSeeOther)
	names := map[string]bool{}
	for _, c := range append(landed.Cookies(), end.Cookies()...) {
		if !strings.HasPrefix(c.Name, "__Host-rollcall-") || c.Path != "/" || c.Domain != "" || !c.Secure || !c.HttpOnly {
			t.Errorf("cookie %s", c.Raw)
		}
		names[c.Name] = true
	}
	if !names["__Host-rollcall-default"] || !names["__Host-rollcall-login-default"] ||
		!names["__Host-rollcall-via.default"] || len(names) != 4 {
		t.Errorf("cookies %v", names)
	}
}
