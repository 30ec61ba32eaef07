package samlhook

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/tidwall/gjson"

	"rollcall/directory"
	"rollcall/directory/directorytest"
	"rollcall/directory/schema"
	"rollcall/samlhook/saml"
	"rollcall/samlhook/saml/samltest"
)

// metadataServer serves the metadata of an identity provider with the keys that a test sets.
type metadataServer struct {
	*httptest.Server
	mu     sync.Mutex
	body   string
	status int
	asked  int // requests
	sent   int // that were answered with a body
}

func newMetadataServer(t *testing.T, parties ...samltest.Party) *metadataServer {
	m := &metadataServer{status: http.StatusOK}
	m.Server = httptest.NewServer(m)
	t.Cleanup(m.Close)
	m.have(parties...)
	return m
}

func (m *metadataServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.asked++
	tag := fmt.Sprintf(`"%x"`, hashOf(m.body))
	w.Header().Set("ETag", tag)
	if m.status == http.StatusOK && r.Header.Get("If-None-Match") == tag {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	m.sent++
	w.WriteHeader(m.status)
	fmt.Fprint(w, m.body)
}

// keyDescriptor is the first one of metadata.
func keyDescriptor(metadata string) string {
	const end = "</KeyDescriptor>"
	return metadata[strings.Index(metadata, "<KeyDescriptor") : strings.Index(metadata, end)+len(end)]
}

// have serves metadata with these keys.
func (m *metadataServer) have(parties ...samltest.Party) {
	var all strings.Builder
	for _, p := range parties {
		one := metadataWith(p.PEM())
		all.WriteString(keyDescriptor(one))
	}
	m.serve(strings.Replace(testMetadata, "KEY", all.String(), 1), http.StatusOK)
}

func (m *metadataServer) serve(body string, status int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.body, m.status = body, status
}

func (m *metadataServer) counts() (asked, sent int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.asked, m.sent
}

// warned are the warnings of a connection's health.
func (s *site) warned(id directory.ID) string {
	s.t.Helper()
	return gjson.Get(s.render(id), "health.warnings").String()
}

func (s *site) refreshNow() {
	s.t.Helper()
	if err := s.hook.refreshDue(s.t.Context()); err != nil {
		s.t.Fatal(err)
	}
}

func (s *site) trusts(id directory.ID, p samltest.Party) bool {
	s.t.Helper()
	l, err := s.hook.load(s.snapshot(), "default", s.connection(id))
	if err != nil {
		s.t.Fatal(err)
	}
	for _, c := range l.Certificates {
		if c.Equal(p.Cert) {
			return true
		}
	}
	return false
}

// Metadata with a URL is fetched hourly, with validators: a new key is added with an Event, the old one is kept for
// seven days, a refresh that fails changes nothing but health.
func TestRefresh(t *testing.T) {
	keys := samltest.Keys()
	server := newMetadataServer(t, keys.IdP)
	s := newSite(t)
	id, err := s.configure(schema.Document{"displayName": "x", "metadataUrl": server.URL})
	if err != nil {
		t.Fatal(err)
	}
	s.refreshNow()
	if asked, _ := server.counts(); asked != 1 {
		t.Fatalf("%d requests although nothing is due", asked)
	}
	s.later(refreshEvery)
	s.refreshNow()
	s.later(refreshEvery)
	before := s.connection(id).Version
	s.refreshNow()
	if asked, sent := server.counts(); asked != 3 || sent != 2 { // the first refresh had no validators yet
		t.Fatalf("%d requests, %d with a body", asked, sent)
	}
	if s.connection(id).Version != before {
		t.Error("metadata that is the same changed the connection")
	}

	// A new key beside the old one, then alone.
	server.have(keys.Second, keys.EC)
	s.later(refreshEvery)
	s.refreshNow()
	if !s.trusts(id, keys.Second) || !s.trusts(id, keys.EC) || !s.trusts(id, keys.IdP) {
		t.Fatal("after a change of keys not all three are trusted")
	}
	page, err := s.org.Query(t.Context(), directory.Query{Type: "Event", Limit: 10})
	if err != nil || !strings.Contains(string(page.Resources[0].JSON), "idp") ||
		page.Resources[0].Text("actor.type") != directory.Program.Type {
		t.Errorf("the newest Event is %s, %v", page.Resources[0].JSON, err)
	}
	s.later(keepLeaving - time.Hour)
	s.refreshNow()
	if !s.trusts(id, keys.IdP) {
		t.Error("the old key is gone before seven days")
	}
	s.later(time.Hour)
	if s.trusts(id, keys.IdP) || !s.trusts(id, keys.Second) {
		t.Error("after seven days the old key is still trusted")
	}
	s.mustModify(schema.IdentityProviderType, id, changed("displayName", "y"))
	if n := len(gjson.GetBytes(s.connection(id).JSON, "idp.certificates").Array()); n != 2 {
		t.Errorf("%d certificates are stored", n)
	}
}

// A key that leaves and comes back is trusted without an end; text replaces all keys at once.
func TestLeavingKeys(t *testing.T) {
	keys := samltest.Keys()
	server := newMetadataServer(t, keys.IdP)
	s := newSite(t)
	id, err := s.configure(schema.Document{"displayName": "x", "metadataUrl": server.URL})
	if err != nil {
		t.Fatal(err)
	}
	for _, has := range []samltest.Party{keys.Second, keys.IdP} {
		server.have(has)
		s.later(refreshEvery)
		s.refreshNow()
	}
	s.later(keepLeaving)
	if !s.trusts(id, keys.IdP) || s.trusts(id, keys.Second) {
		t.Error("the key that came back is not trusted, or the other one still is")
	}
	server.have(keys.Second)
	s.later(refreshEvery)
	s.refreshNow()
	s.mustModify(schema.IdentityProviderType, id, func(doc schema.Document) {
		delete(doc, "metadataUrl")
		doc["metadataXml"] = metadataWith(keys.EC.PEM())
	})
	if s.trusts(id, keys.IdP) || s.trusts(id, keys.Second) || !s.trusts(id, keys.EC) {
		t.Error("text does not replace the keys at once")
	}
}

// What a refresh must not do: lose the copy, follow another entity, or say that all is well.
func TestRefreshFails(t *testing.T) {
	keys := samltest.Keys()
	second := metadataWith(keys.Second.PEM())
	for name, c := range map[string]struct {
		body   string
		status int
		want   string // in the warning
	}{
		"server error":    {"", http.StatusInternalServerError, "500"},
		"a web page":      {"<!DOCTYPE html><html><head><meta charset=utf-8><br></html>", 200, "web page"},
		"another entity":  {strings.ReplaceAll(second, samltest.IdP, "https://evil.example"), 200, "evil.example"},
		"no key":          {strings.Replace(testMetadata, "KEY", "", 1), 200, "X509Certificate"},
		"too large":       {strings.Repeat(" ", saml.MaxMetadataBytes) + second, 200, "larger"},
		"no text":         {"\xff\xfe\x00\xd8<", 200, ""},
		"another binding": {strings.Replace(second, "HTTP-Redirect", "HTTP-POST", 1), 200, "binding"},
	} {
		t.Run(name, func(t *testing.T) {
			server := newMetadataServer(t, keys.IdP)
			s := newSite(t)
			id, err := s.configure(schema.Document{"displayName": "x", "metadataUrl": server.URL,
				"binding": "redirect"})
			if err != nil {
				t.Fatal(err)
			}
			before := string(s.connection(id).JSON)
			server.serve(c.body, c.status)
			s.later(refreshEvery)
			s.refreshNow()
			if after := string(s.connection(id).JSON); after != before {
				t.Errorf("the connection changed to %s", after)
			}
			warned := s.warned(id)
			if !strings.Contains(warned, "could not be refreshed") || !strings.Contains(warned, c.want) {
				t.Errorf("warnings %s", warned)
			}
			server.have(keys.IdP)
			s.later(refreshEvery)
			s.refreshNow()
			if warned := s.warned(id); strings.Contains(warned, "refreshed") {
				t.Errorf("after a refresh that succeeded: %s", warned)
			}
			s.later(refreshStale + time.Second)
			if warned := s.warned(id); !strings.Contains(warned, "last refreshed") {
				t.Errorf("after a day without one: %s", warned)
			}
		})
	}
}

// Of several nodes one refreshes; one that lost the race asks nobody.
func TestOneNodeRefreshes(t *testing.T) {
	server := newMetadataServer(t, samltest.Keys().IdP)
	s := newSite(t)
	id, err := s.configure(schema.Document{"displayName": "x", "metadataUrl": server.URL})
	if err != nil {
		t.Fatal(err)
	}
	s.later(refreshEvery)
	stale, connection := s.snapshot(), s.connection(id)
	s.refreshNow()
	asked, _ := server.counts()
	if s.hook.refresh(t.Context(), "default", stale, connection, false) {
		t.Error("a node refreshed on a note that another had replaced")
	}
	if now, _ := server.counts(); now != asked {
		t.Error("it asked the server")
	}

	// Elected, they do it by themselves.
	other := s.another(directorytest.NewClient(t))
	ctx, cancel := context.WithCancel(t.Context())
	var running sync.WaitGroup
	for _, node := range []*site{s, other} {
		running.Go(func() { node.hook.Run(ctx) })
	}
	defer running.Wait()
	defer cancel()
	s.later(refreshEvery)
	// The elected node looks every minute of the real clock; a second one that begins looks at once.
	for end := time.Now().Add(2 * time.Minute); ; {
		if now, _ := server.counts(); now > asked {
			break
		}
		if time.Now().After(end) {
			t.Fatal("no node refreshed")
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// A key that nobody knows makes the connection read its metadata, and the sign-in goes on. Once in five minutes:
// whatever strangers send.
func TestUnknownKeyRefreshes(t *testing.T) {
	keys := samltest.Keys()
	server := newMetadataServer(t, keys.Second)
	s := newSite(t)
	id, err := s.configure(with(with(jitOn, "displayName", "x"), "metadataUrl", server.URL))
	if err != nil {
		t.Fatal(err)
	}
	server.have(keys.IdP) // forged signs with it
	b := s.browser()
	post := func(assertion string, want int) {
		t.Helper()
		form := s.forged(id, s.request(b, id), "ann", assertion, nil)
		wantStatus(t, b.step(s.acsURL(id), form), want)
	}
	post("_a1", http.StatusBadRequest) // it was fetched just now
	if asked, _ := server.counts(); asked != 1 {
		t.Fatalf("%d requests", asked)
	}
	s.later(refreshSoonest)
	post("_a2", http.StatusSeeOther)
	asked, _ := server.counts()
	stranger := func() {
		t.Helper()
		form := s.forged(id, s.request(b, id), "ann", "_a3", nil)
		message := samltest.Replace(t, decoded(t, form), "<ds:SignatureValue>", "<ds:SignatureValue>AAAA")
		form.Set("SAMLResponse", encode(message))
		wantStatus(t, b.step(s.acsURL(id), form), http.StatusBadRequest)
	}
	for range 5 {
		stranger()
	}
	s.later(refreshSoonest)
	for range 5 {
		stranger()
	}
	if now, _ := server.counts(); asked != 2 || now != 3 {
		t.Errorf("%d requests, then %d", asked, now)
	}
}

// A client that hangs up does not keep the refresh from its end, and what it sent does not put off the hourly one.
func TestHungUpRefreshes(t *testing.T) {
	keys := samltest.Keys()
	server := newMetadataServer(t, keys.Second)
	s := newSite(t)
	id, err := s.configure(with(with(jitOn, "displayName", "x"), "metadataUrl", server.URL))
	if err != nil {
		t.Fatal(err)
	}
	var hangUp context.CancelFunc
	server.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if hangUp != nil {
			hangUp()
			select { // a fetch that depends on the client ends now
			case <-r.Context().Done():
			case <-time.After(200 * time.Millisecond):
			}
		}
		server.ServeHTTP(w, r)
	})
	server.have(keys.IdP)
	s.later(refreshEvery - time.Minute)
	ctx, cancel := context.WithCancel(t.Context())
	hangUp = cancel
	a := &attempt{at: s.hook.now(), verification: verification{refused: &saml.Refusal{
		Reason: saml.ReasonUnknownCertificate}}}
	a.exchange = &exchange{Hook: s.hook, r: httptest.NewRequestWithContext(ctx, "POST", "/", nil), org: "default",
		dir: s.org, connection: id}
	if !a.refreshed(s.connection(id)) || ctx.Err() == nil || !s.trusts(id, keys.IdP) {
		t.Errorf("the metadata was not refreshed: %s", s.warned(id))
	}
	hangUp = nil
	before, _ := server.counts()
	s.later(time.Minute)
	s.refreshNow()
	if now, _ := server.counts(); now != before+1 {
		t.Error("the message put off the hourly refresh")
	}
}

// The first large skew is a warning, until it is small again or a day old.
func TestSkewIsSeen(t *testing.T) {
	s := newSite(t)
	id := s.own(jitOn)
	b := s.browser()
	var n atomic.Int64
	signIn := func(ahead time.Duration) {
		t.Helper()
		form := s.forged(id, s.request(b, id), "ann", fmt.Sprint("_a", n.Add(1)), func(m string) string {
			at := s.hook.now()
			return strings.ReplaceAll(m, at.Add(-5*time.Second).UTC().Format("2006-01-02T15:04:05Z"),
				at.Add(ahead).UTC().Format("2006-01-02T15:04:05Z"))
		})
		wantStatus(t, b.step(s.acsURL(id), form), http.StatusSeeOther)
	}
	signIn(-5 * time.Second)
	if warned := s.warned(id); strings.Contains(warned, "clock") {
		t.Errorf("a message that takes five seconds: %s", warned)
	}
	signIn(40 * time.Second)
	if warned := s.warned(id); !strings.Contains(warned, "seconds ahead") {
		t.Errorf("40 seconds ahead: %s", warned)
	}
	signIn(-5 * time.Second)
	if warned := s.warned(id); strings.Contains(warned, "clock") {
		t.Errorf("after a small one: %s", warned)
	}
	signIn(-45 * time.Second)
	if warned := s.warned(id); !strings.Contains(warned, "seconds behind") {
		t.Errorf("45 seconds behind: %s", warned)
	}
	s.later(skewShown + time.Minute)
	if warned := s.warned(id); strings.Contains(warned, "clock") {
		t.Errorf("a day later: %s", warned)
	}
}

// Requests over http, metadata that has ended and weak keys beside good ones are warnings.
func TestEndpointWarnings(t *testing.T) {
	s := newSite(t)
	keys := samltest.Keys()
	text := metadataWith(keys.IdP.PEM())
	weak := metadataWith(keys.Weak.PEM())
	text = strings.Replace(text, "<KeyDescriptor", keyDescriptor(weak)+"<KeyDescriptor", 1)
	text = strings.ReplaceAll(text, `Location="https:`, `Location="http:`)
	text = strings.Replace(text, "<EntityDescriptor ", `<EntityDescriptor validUntil="`+
		time.Now().Add(time.Hour).UTC().Format(time.RFC3339)+`" `, 1)
	id, err := s.configure(schema.Document{"displayName": "x", "metadataXml": text})
	if err != nil {
		t.Fatal(err)
	}
	s.later(2 * time.Hour)
	warned := s.warned(id)
	for _, want := range []string{"over http", "1024 bits", "was valid until"} {
		if !strings.Contains(warned, want) {
			t.Errorf("no warning has %q: %s", want, warned)
		}
	}
}

// The limits of a connection's numbers are said where they are published.
func TestSettingRanges(t *testing.T) {
	type1 := schema.IdentityProvider()
	for _, r := range settingRanges {
		a := type1.Lookup(r.name)
		if a == nil || !strings.Contains(a.Description, fmt.Sprintf("from %d to %d", r.from, r.to)) {
			t.Errorf("the description of %s does not name %d and %d: %+v", r.name, r.from, r.to, a)
		}
		s := newSite(t)
		for value, ok := range map[int64]bool{r.from - 1: false, r.from: true, r.to: true, r.to + 1: false} {
			doc := schema.Document{"displayName": "x", r.name: number(int(value))}
			if whole, part, ok := strings.Cut(r.name, "."); ok {
				doc = schema.Document{"displayName": "x", whole: map[string]any{part: number(int(value))}}
			}
			_, err := s.configure(doc)
			if (err == nil) != ok {
				t.Errorf("%s = %d: %v", r.name, value, err)
			}
			if err != nil && !strings.Contains(err.Error(), fmt.Sprintf("from %d to %d", r.from, r.to)) {
				t.Errorf("%s = %d: %v", r.name, value, err)
			}
		}
	}
}
