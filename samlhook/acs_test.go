package samlhook

import (
	"bytes"
	"compress/flate"
	"context"
	"encoding/base64"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gorilla/mux"
	clientv3 "go.etcd.io/etcd/client/v3"

	"rollcall/directory"
	"rollcall/directory/directorytest"
	"rollcall/directory/filter"
	"rollcall/directory/schema"
	"rollcall/samlhook/saml"
	"rollcall/samlhook/saml/samltest"
)

// The same response counts once: here, on another node, and after the sign-in ended.
func TestReplay(t *testing.T) {
	s := newSite(t)
	connection := s.connect(jitOn)
	second := s.another(directorytest.NewClient(t))
	b := s.browser()
	form := b.answer(s.loginURL(connection), "alice")
	first := b.step(s.acsURL(connection), form)
	wantStatus(t, first, http.StatusSeeOther)
	wantStatus(t, b.step(first.Header.Get("Location"), nil), http.StatusSeeOther)
	for name, node := range map[string]*site{"the same node": s, "another node": second} {
		again := b.step(node.url+"/orgs/default/saml/"+connection.String()+"/acs", form)
		wantStatus(t, again, http.StatusForbidden)
		number := again.Header.Get("X-Request-Id")
		if body := bodyOf(t, again); !strings.Contains(body, number) {
			t.Errorf("%s: the page does not show its number:\n%s", name, body)
		}
		if len(again.Cookies()) != 0 {
			t.Errorf("%s: a replay was given cookies", name)
		}
		node.hook.ring.flush()
		record := s.lastSignIn(OutcomeRefused, ReasonAssertionUsed)
		nameID := `"alice@example.com"`
		if node == s {
			nameID = "" // it knows the id, and read no further
		}
		if record.Text("correlationId") != number || record.Text("vouched") != "false" ||
			record.Text("nameId") != nameID {
			t.Errorf("%s: %s", name, record.JSON)
		}
	}
}

// Of a hundred simultaneous posts on three nodes exactly one wins, and there is one session in the end.
func TestSimultaneousPosts(t *testing.T) {
	s := newSite(t)
	connection := s.connect(jitOn)
	nodes := []*site{s, s.another(directorytest.NewClient(t)), s.another(directorytest.NewClient(t))}
	b := s.browser()
	form := b.answer(s.loginURL(connection), "alice")
	var won, lost atomic.Int64
	var end atomic.Pointer[http.Response]
	var all sync.WaitGroup
	start := make(chan struct{})
	for i := range 100 {
		all.Go(func() {
			<-start
			status := http.StatusServiceUnavailable
			var answered *http.Response
			// On a busy machine; what was not used up may be posted again.
			for end := time.Now().Add(time.Minute); status == http.StatusServiceUnavailable && time.Now().Before(end); {
				r, err := http.NewRequestWithContext(t.Context(), http.MethodPost,
					nodes[i%3].url+"/orgs/default/saml/"+connection.String()+"/acs", strings.NewReader(form.Encode()))
				if err != nil {
					t.Error(err)
					return
				}
				r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
				response, err := http.DefaultTransport.RoundTrip(r)
				if err != nil {
					t.Error(err)
					return
				}
				response.Body.Close()
				status, answered = response.StatusCode, response
			}
			switch status {
			case http.StatusSeeOther:
				won.Add(1)
				end.Store(answered)
			case http.StatusForbidden:
				lost.Add(1)
			default:
				t.Errorf("status %d", status)
			}
		})
	}
	close(start)
	all.Wait()
	if won.Load() != 1 || lost.Load() != 99 {
		t.Fatalf("%d won, %d lost", won.Load(), lost.Load())
	}
	if n := len(s.users("alice@example.com")); n != 1 {
		t.Errorf("%d Users", n)
	}
	location, err := end.Load().Location()
	if err != nil {
		t.Fatal(err)
	}
	b.client.Jar.SetCookies(location, end.Load().Cookies())
	for range 3 {
		b.step(location.String(), nil)
	}
	sessions := 0
	for range s.snapshot().All(schema.SessionType) {
		sessions++
	}
	if sessions != 1 {
		t.Errorf("%d Sessions", sessions)
	}
	for _, n := range nodes {
		n.hook.ring.flush()
	}
	vouched, replays := 0, 0
	for _, r := range s.signIns() {
		if r.Text("vouched") != "false" {
			vouched++
		} else if r.Text("reason") == string(ReasonAssertionUsed) {
			replays++
		}
	}
	if vouched != 1 || replays != directory.RingSlotsOfNetwork {
		t.Errorf("%d sign-in records, and %d of replays", vouched, replays)
	}
}

// forged is a response of an identity provider whose key the test has.
func (s *site) forged(connection directory.ID, request, nameID, assertionID string,
	edit func(string) string) url.Values {
	s.t.Helper()
	p, at := samltest.NewMessage(), s.hook.now()
	message := p.Response()
	for old, with := range map[string]string{
		samltest.ACS: s.acsURL(connection), samltest.EntityID: s.hook.urls("default", connection).Metadata,
		samltest.Request:                  request,
		"alice@example.com</saml:NameID>": nameID + "</saml:NameID>", "_assert1": assertionID,
	} {
		message = strings.ReplaceAll(message, old, with)
	}
	if request == "" {
		message = strings.ReplaceAll(message, ` InResponseTo=""`, "")
	}
	for _, d := range []time.Duration{-5 * time.Second, 5 * time.Minute, -time.Minute, 10 * time.Minute,
		8 * time.Hour} {
		message = strings.ReplaceAll(message, samltest.Now.Add(d).Format("2006-01-02T15:04:05Z"),
			at.Add(d).UTC().Format("2006-01-02T15:04:05Z"))
	}
	if edit != nil {
		message = edit(message)
	}
	return url.Values{"SAMLResponse": {encode(samltest.Sign(s.t, message, "Assertion", samltest.Signing{}))}}
}

// own makes a connection to the identity provider of the fixtures.
func (s *site) own(settings schema.Document) directory.ID {
	s.t.Helper()
	doc := schema.Document{"displayName": "Own",
		"idp": map[string]any{"entityId": samltest.IdP, "ssoUrl": "https://idp.example.com/sso",
			"certificates": []any{map[string]any{"pem": string(samltest.Keys().IdP.PEM())}}}}
	for name, value := range settings {
		doc[name] = value
	}
	id, err := s.configure(doc)
	if err != nil {
		s.t.Fatal(err)
	}
	return id
}

// request is the id of a request as login makes it, and its login cookie in the browser.
func (s *site) request(b *browser, connection directory.ID) string {
	s.t.Helper()
	asked := b.step(s.loginURL(connection), nil)
	wantStatus(s.t, asked, http.StatusSeeOther)
	return requestIn(s.t, asked.Header.Get("Location"))
}

// requestIn is the ID of the request that a redirect carries.
func requestIn(t testing.TB, location string) string {
	t.Helper()
	u, err := url.Parse(location)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := base64.StdEncoding.DecodeString(u.Query().Get("SAMLRequest"))
	if err != nil {
		t.Fatal(err)
	}
	message, err := io.ReadAll(flate.NewReader(bytes.NewReader(raw)))
	if err != nil {
		t.Fatal(err)
	}
	_, id, _ := strings.Cut(string(message), ` ID="`)
	id, _, _ = strings.Cut(id, `"`)
	return id
}

// A request is answered once, by whatever assertion.
func TestConsumedRequest(t *testing.T) {
	s := newSite(t)
	connection := s.own(jitOn)
	b := s.browser()
	request := s.request(b, connection)
	wantStatus(t, b.step(s.acsURL(connection), s.forged(connection, request, "ann", "_a1", nil)), http.StatusSeeOther)
	wantStatus(t, b.step(s.acsURL(connection), s.forged(connection, request, "ben", "_a2", nil)), http.StatusForbidden)
	s.hook.ring.flush()
	s.lastSignIn(OutcomeRefused, ReasonRequestUsed)
	if len(s.users("ben")) != 0 {
		t.Error("a second answer to one request created a User")
	}
}

// A refused sign-in of a genuine message consumes its ids too.
func TestRefusedConsumes(t *testing.T) {
	s := newSite(t)
	connection := s.own(nil)
	b := s.browser()
	form := s.forged(connection, s.request(b, connection), "ann", "_a1", nil)
	refused := b.step(s.acsURL(connection), form)
	wantStatus(t, refused, http.StatusForbidden)
	record := s.lastSignIn(OutcomeRefused, ReasonJITDisabled)
	if body := bodyOf(t, refused); !strings.Contains(body, record.Text("correlationId")) ||
		record.Text("vouched") == "false" {
		t.Errorf("the number of %s is not on the page:\n%s", record.JSON, body)
	}
	s.mustModify(schema.IdentityProviderType, connection, changed("jit", map[string]any{"enabled": true}))
	wantStatus(t, b.step(s.acsURL(connection), form), http.StatusForbidden)
	s.hook.ring.flush()
	s.lastSignIn(OutcomeRefused, ReasonAssertionUsed)
}

// Neither a change of the clock skew nor another of two confirmations lets an assertion be used again.
func TestReplayKeyStaysPut(t *testing.T) {
	s := newSite(t)
	connection := s.own(schema.Document{"jit": map[string]any{"enabled": true}, "allowIdpInitiated": true})
	b := s.browser()
	two := func(message string) string {
		first := message[strings.Index(message, "<saml:SubjectConfirmation "):strings.Index(message, "</saml:Subject>")]
		soon := s.hook.now().Add(5 * time.Minute).UTC().Format("2006-01-02T15:04:05Z")
		late := s.hook.now().Add(9 * time.Minute).UTC().Format("2006-01-02T15:04:05Z")
		return samltest.Replace(t, message, first, first+samltest.Replace(t, first, soon, late))
	}
	form := s.forged(connection, "", "ann", "_a1", two)
	wantStatus(t, b.step(s.acsURL(connection), form), http.StatusSeeOther)
	s.mustModify(schema.IdentityProviderType, connection, changed("clockSkewSeconds", number(600)))
	s.later(7 * time.Minute)
	wantStatus(t, b.step(s.acsURL(connection), form), http.StatusForbidden)
	s.hook.ring.flush()
	s.lastSignIn(OutcomeRefused, ReasonAssertionUsed)
}

// A genuine message that is refused for what it says is recorded, with its checks, but not each time it is sent.
func TestGenuineButRefused(t *testing.T) {
	s := newSite(t)
	connection := s.own(jitOn)
	b := s.browser()
	form := s.forged(connection, s.request(b, connection), "ann", "_a1", func(m string) string {
		return samltest.Replace(t, m, "<saml:Audience>", "<saml:Audience>https://other.example.com/")
	})
	wantStatus(t, b.step(s.acsURL(connection), form), http.StatusBadRequest)
	record := s.lastSignIn(OutcomeRefused, saml.ReasonAudience)
	text := string(record.JSON)
	for _, want := range []string{`"name":"audience","passed":false`, "https://other.example.com/",
		saml.Fingerprint(samltest.Keys().IdP.Cert), `"nameId":"ann"`, "clockSkewSeconds"} {
		if !strings.Contains(text, want) {
			t.Errorf("the record lacks %s:\n%s", want, text)
		}
	}
	if strings.Contains(text, "<saml:") || strings.Contains(text, "SignatureValue") {
		t.Error("the record holds XML")
	}
	wantStatus(t, b.step(s.acsURL(connection), form), http.StatusForbidden)
	s.hook.ring.flush()
	if replay := s.lastSignIn(OutcomeRefused, ReasonAssertionUsed); replay.Text("vouched") != "false" {
		t.Errorf("a replay has a record of its own: %s", replay.JSON)
	}
}

// An expired message is recorded once a minute, however often it is sent.
func TestExpiredMessage(t *testing.T) {
	s := newSite(t)
	connection := s.own(schema.Document{"jit": map[string]any{"enabled": true}, "allowIdpInitiated": true})
	b := s.browser()
	form := s.forged(connection, "", "ann", "_a1", nil)
	s.later(24 * time.Hour)
	for range 5 {
		wantStatus(t, b.step(s.acsURL(connection), form), http.StatusForbidden)
	}
	s.hook.ring.flush()
	if vouched := s.vouched(); vouched < 1 || vouched > 2 { // two where the minute ended meanwhile
		t.Errorf("%d records of one expired message", vouched)
	}
}

func (s *site) events() int {
	s.t.Helper()
	page, err := s.org.Query(s.t.Context(), directory.Query{Type: "Event", Limit: 1000})
	if err != nil {
		s.t.Fatal(err)
	}
	return len(page.Resources)
}

// Every number on a page is found at once, on any node, and leaves no Event; what nobody vouches for is marked.
func TestUnsigned(t *testing.T) {
	s := newSite(t)
	connection := s.own(jitOn)
	second := s.another(directorytest.NewClient(t))
	b := s.browser()
	p := samltest.NewMessage()
	garbage := map[saml.Reason]url.Values{
		saml.ReasonUnsigned:  {"SAMLResponse": {encode(p.Response())}},
		saml.ReasonNotBase64: {"SAMLResponse": {"%%%"}},
		saml.ReasonUnknownCertificate: {"SAMLResponse": {encode(samltest.Sign(t, p.Response(), "Assertion",
			samltest.Signing{By: samltest.Keys().Attacker, KeyInfo: samltest.Keys().Attacker.Cert}))}},
	}
	before := s.events()
	for range 4 {
		for reason, form := range garbage {
			response := b.step(s.acsURL(connection), form)
			wantStatus(t, response, http.StatusBadRequest)
			number := response.Header.Get("X-Request-Id")
			if body := bodyOf(t, response); !strings.Contains(body, number) {
				t.Fatalf("%s: the page does not show its number:\n%s", reason, body)
			}
			s.hook.ring.flush()
			for name, node := range map[string]*site{"this node": s, "another node": second} {
				found := node.numbered(number)
				if len(found) != 1 || found[0].Text("reason") != string(reason) ||
					found[0].Text("vouched") != "false" || found[0].Text("connection.display") != "Own" ||
					found[0].Text("explanation") == "" {
					t.Fatalf("%s on %s: %v", reason, name, found)
				}
			}
		}
	}
	if n := s.events() - before; n != 0 {
		t.Errorf("%d Events of messages without a valid signature", n)
	}
	if len(s.users("alice@example.com")) != 0 {
		t.Error("an unsigned message created a User")
	}
}

// numbered are the SignIns with the number of a page.
func (s *site) numbered(correlation string) []*directory.Resource {
	s.t.Helper()
	f, err := filter.Parse(`correlationId eq "`+correlation+`"`, filter.Options{})
	if err != nil {
		s.t.Fatal(err)
	}
	return s.signInsBy(f)
}

// Nobody has to flush: what is written is there within two seconds.
func TestRingWritesByItself(t *testing.T) {
	s := newSite(t)
	connection := s.own(jitOn)
	for range 3 { // the first at once, the others with the next batch
		number := s.browser().step(s.acsURL(connection), url.Values{"SAMLResponse": {"x"}}).Header.Get("X-Request-Id")
		for end := time.Now().Add(2 * time.Minute); len(s.numbered(number)) == 0; {
			if time.Now().After(end) {
				t.Fatal("the number is not found")
			}
		}
	}
}

// Every page that shows a number says what it is, whatever failed; one that shows none leaves nothing.
func TestEveryNumberIsFound(t *testing.T) {
	s, f := newFaultySite(t)
	connection := s.own(jitOn)
	b := s.browser()
	disabled := s.own(schema.Document{"enabled": false})
	crossSite, err := http.NewRequest(http.MethodPost, s.url+"/orgs/default/sign-out", nil)
	if err != nil {
		t.Fatal(err)
	}
	crossSite.Header.Set("Sec-Fetch-Site", "cross-site")
	down := func(send func() *http.Response) *http.Response {
		f.down.Store(true)
		defer f.down.Store(false)
		return send()
	}
	for reason, response := range map[saml.Reason]*http.Response{
		ReasonTarget:             b.step(s.url+"/orgs/default/login?target="+url.QueryEscape("https://evil.example"), nil),
		"target_not_allowed ":    b.step(s.loginURL(connection)+"?target=//evil.example", nil),
		ReasonConnectionDisabled: b.step(s.loginURL(disabled), nil),
		ReasonCrossOrigin:        b.send(crossSite),
		ReasonUnavailable:        down(func() *http.Response { return b.step(s.loginURL(connection), nil) }),
		ReasonCodeInvalid:        b.step(s.hook.urls("default", connection).Finish+"?code=x", nil),
	} {
		number := response.Header.Get("X-Request-Id")
		if body := bodyOf(t, response); !strings.Contains(body, number) {
			t.Errorf("%s: the page shows no number:\n%s", reason, body)
		}
		s.hook.ring.flush()
		found := s.numbered(number)
		if len(found) != 1 || found[0].Text("reason") != strings.TrimSpace(string(reason)) ||
			found[0].Text("explanation") == "" {
			t.Errorf("%s: %v", reason, found)
		}
	}
	for _, address := range []string{"/orgs/nobody/login", "/orgs/default/saml/x/login"} {
		response := b.step(s.url+address, nil)
		if number := response.Header.Get("X-Request-Id"); strings.Contains(bodyOf(t, response), number) {
			t.Errorf("%s shows a number that leads nowhere", address)
		}
	}
}

// A network that fails too often is told to wait and shown no number; who signs in from it is not held up.
func TestFailuresAreLimited(t *testing.T) {
	s := newSite(t)
	connection := s.connect(jitOn)
	b := s.browser()
	form := b.answer(s.loginURL(connection), "alice")
	wait := false
	for range failuresAtOnce + 400 { // at 5 a second
		response := b.step(s.acsURL(connection), url.Values{"SAMLResponse": {"x"}})
		if response.StatusCode == http.StatusTooManyRequests {
			wait = true
			body := bodyOf(t, response)
			if response.Header.Get("Retry-After") == "" || !strings.Contains(body, `id="tooOften"`) ||
				strings.Contains(body, response.Header.Get("X-Request-Id")) {
				t.Errorf("%v\n%s", response.Header, body)
			}
			break
		}
		response.Body.Close()
	}
	if !wait {
		t.Fatal("nobody was told to wait")
	}
	wantStatus(t, b.step(s.acsURL(connection), form), http.StatusSeeOther)
}

// A form that is too large is told so, with the limit.
func TestTooLarge(t *testing.T) {
	s := newSite(t)
	connection := s.own(jitOn)
	router := mux.NewRouter()
	s.hook.Register(router)
	for name, form := range map[string]string{
		"bytes":  "SAMLResponse=" + strings.Repeat("A", saml.DefaultBodyBytes),
		"fields": strings.Repeat("a=b&", saml.MaxParameters+1),
	} {
		r := httptest.NewRequest(http.MethodPost, "/orgs/default/saml/"+connection.String()+"/acs",
			strings.NewReader(form))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		w := httptest.NewRecorder()
		router.ServeHTTP(w, r)
		if w.Code != http.StatusRequestEntityTooLarge || !strings.Contains(w.Body.String(), `id="tooLarge"`) ||
			!strings.Contains(w.Body.String(), "2 MiB") || !strings.Contains(w.Body.String(), " 16 ") {
			t.Errorf("%s: %d\n%s", name, w.Code, w.Body)
		}
	}
	s.hook.ring.flush()
	s.lastSignIn(OutcomeRefused, saml.ReasonTooLarge)
}

// Another connection of the same organization does not take the answer.
func TestForeignConnection(t *testing.T) {
	s := newSite(t)
	mine, other := s.own(jitOn), s.own(with(jitOn, "displayName", "Other"))
	b := s.browser()
	form := s.forged(mine, s.request(b, mine), "ann", "_a1", nil)
	wantStatus(t, b.step(s.acsURL(other), form), http.StatusBadRequest)
	for _, address := range []string{"/orgs/default/saml/" + directory.NewID().String(), "/orgs/default/saml/x",
		"/orgs/nobody/saml/" + mine.String()} {
		wantStatus(t, b.step(s.url+address+"/acs", form), http.StatusNotFound)
	}
	wantStatus(t, b.step(s.acsURL(mine), nil), http.StatusMethodNotAllowed)
	wantStatus(t, b.step(s.acsURL(mine), form), http.StatusSeeOther)
}

// faulty stands between a store and its etcd.
type faulty struct {
	clientv3.KV
	down   atomic.Bool
	before atomic.Pointer[func(op clientv3.Op) error] // runs once, before the next transaction
}

func (f *faulty) Do(ctx context.Context, op clientv3.Op) (clientv3.OpResponse, error) {
	if f.down.Load() {
		return clientv3.OpResponse{}, errors.New("etcdserver: request timed out")
	}
	if hook := f.before.Swap(nil); hook != nil {
		if err := (*hook)(op); err != nil {
			return clientv3.OpResponse{}, err
		}
	}
	return f.KV.Do(ctx, op)
}

func (f *faulty) Get(ctx context.Context, key string, opts ...clientv3.OpOption) (*clientv3.GetResponse, error) {
	if f.down.Load() {
		return nil, errors.New("etcdserver: request timed out")
	}
	return f.KV.Get(ctx, key, opts...)
}

func newFaultySite(t *testing.T) (*site, *faulty) {
	c := directorytest.NewClient(t)
	f := &faulty{KV: c.KV}
	c.KV = f
	return newNode(t, c, directorytest.Root(), "", new(atomic.Int64)), f
}

// While the store does not answer nothing is consumed, and the same response can be posted again.
func TestStoreDown(t *testing.T) {
	s, f := newFaultySite(t)
	connection := s.connect(jitOn)
	s.mustModify(schema.OrganizationType, s.snapshot().Organization().ID, changed("displayName", "Acme Works"))
	b := s.browser()
	form := b.answer(s.loginURL(connection), "alice")
	f.down.Store(true)
	for _, r := range []*http.Response{b.step(s.acsURL(connection), form), b.step(s.loginURL(connection), nil),
		b.step(s.url+"/orgs/default/me", nil)} {
		wantStatus(t, r, http.StatusServiceUnavailable)
		if r.Header.Get("Retry-After") == "" || len(r.Cookies()) != 0 {
			t.Errorf("%s: headers %v", r.Request.URL.Path, r.Header)
		}
		if body := bodyOf(t, r); !strings.Contains(body, "Acme Works") {
			t.Errorf("%s: the page does not name the organization:\n%s", r.Request.URL.Path, body)
		}
	}
	f.down.Store(false)
	landed := b.step(s.acsURL(connection), form)
	wantStatus(t, landed, http.StatusSeeOther)
	code := landed.Header.Get("Location")
	f.down.Store(true)
	wantStatus(t, b.step(code, nil), http.StatusServiceUnavailable)
	f.down.Store(false)
	wantStatus(t, b.step(code, nil), http.StatusSeeOther)
	if s.signedInAs(b.session(s)) != s.users("alice@example.com")[0].ID {
		t.Error("not signed in")
	}
}

// A transaction without an answer is settled, not guessed.
func TestTransactionUnheard(t *testing.T) {
	s, f := newFaultySite(t)
	connection := s.connect(jitOn)
	for name, applied := range map[string]bool{"applied": true, "not applied": false} {
		t.Run(name, func(t *testing.T) {
			b := s.browser()
			person := map[bool]string{true: "alice", false: "bob"}[applied]
			form := b.answer(s.loginURL(connection), person)
			hook := func(op clientv3.Op) error {
				if applied {
					if _, err := f.KV.Do(context.Background(), op); err != nil {
						return err
					}
				}
				return errors.New("etcdserver: request timed out")
			}
			f.before.Store(&hook)
			wantStatus(t, b.step(s.acsURL(connection), form), http.StatusSeeOther)
			if n := len(s.users(person + "@example.com")); n != 1 {
				t.Errorf("%d Users", n)
			}
		})
	}
}

// Somebody else creates the User between decision and commit: the sign-in finds and links that User instead of making a
// second one.
func TestLostRace(t *testing.T) {
	s, f := newFaultySite(t)
	connection := s.connect(jitOn)
	other := s.another(directorytest.NewClient(t))
	b := s.browser()
	form := b.answer(s.loginURL(connection), "alice")
	var made directory.ID
	hook := func(clientv3.Op) error {
		made = other.createUser(schema.Document{"userName": "Alice@example.com", "title": "by SCIM"})
		return nil
	}
	f.before.Store(&hook)
	landed := b.step(s.acsURL(connection), form)
	wantStatus(t, landed, http.StatusSeeOther)
	s.lastSignIn(OutcomeSignedIn, ReasonLinked)
	if got := s.verifications(); got != 1 {
		t.Errorf("the message was verified %d times", got)
	}
	users := s.users("alice@example.com")
	if len(users) != 1 || users[0].ID != made || users[0].Text("title") != "by SCIM" ||
		users[0].Text("name.familyName") != "Archer" {
		t.Fatalf("Users %v, made %s", users, made)
	}

	// And the other way round: SCIM deactivates the User in that moment.
	form = b.answer(s.loginURL(connection), "alice")
	hook = func(clientv3.Op) error {
		other.mustModify(schema.UserType, made, changed("active", false))
		return nil
	}
	f.before.Store(&hook)
	wantStatus(t, b.step(s.acsURL(connection), form), http.StatusForbidden)
	s.lastSignIn(OutcomeRefused, ReasonUserInactive)
}

// An administrator links the NameID to another User between decision and commit: the sign-in is that User's.
func TestLostRaceOnLink(t *testing.T) {
	s, f := newFaultySite(t)
	connection := s.connect(jitOn)
	other := s.another(directorytest.NewClient(t))
	b := s.browser()
	wantPage(t, b.signIn(s.loginURL(connection), "alice"), http.StatusOK, "me")
	annie := s.createUser(schema.Document{"userName": "annie"})
	form := b.answer(s.loginURL(connection), "alice")
	hook := func(clientv3.Op) error {
		other.update(func(tx *directory.Tx) error {
			l := *other.linked(connection, "alice@example.com")
			l.User = annie
			tx.PutLink(l)
			return nil
		})
		return nil
	}
	f.before.Store(&hook)
	landed := b.step(s.acsURL(connection), form)
	wantStatus(t, landed, http.StatusSeeOther)
	wantStatus(t, b.step(landed.Header.Get("Location"), nil), http.StatusSeeOther)
	if got := s.signedInAs(b.session(s)); got != annie {
		t.Errorf("signed in as %s, want %s", got, annie)
	}
}

// verifications counts how often the node verified a message.
func (s *site) verifications() int {
	s.t.Helper()
	families, err := s.metrics.Gather()
	if err != nil {
		s.t.Fatal(err)
	}
	for _, f := range families {
		if f.GetName() == "rollcall_saml_verification_seconds" {
			return int(f.Metric[0].GetHistogram().GetSampleCount())
		}
	}
	s.t.Fatal("verifications are not measured")
	return 0
}

// The connection changes between verification and commit: the message is verified again, once for each change, and the
// sign-in is judged by what the connection says then.
func TestLostRaceOnConnection(t *testing.T) {
	for _, c := range []struct {
		name    string
		changes []func(schema.Document) // each before another commit
		status  int
		outcome Outcome
		reason  saml.Reason
	}{
		{"renamed", []func(schema.Document){changed("displayName", "Renamed")}, http.StatusSeeOther, OutcomeCreated,
			ReasonCreated},
		{"renamed twice", []func(schema.Document){changed("displayName", "First"), changed("displayName", "Renamed")},
			http.StatusSeeOther, OutcomeCreated, ReasonCreated},
		{"JIT off", []func(schema.Document){changed("jit", map[string]any{"enabled": false})},
			http.StatusForbidden, OutcomeRefused, ReasonJITDisabled},
		{"switched off", []func(schema.Document){changed("enabled", false)},
			http.StatusForbidden, OutcomeRefused, ReasonConnectionDisabled},
		{"another key", []func(schema.Document){changed("metadataXml", metadataWith(samltest.Keys().Second.PEM()))},
			http.StatusBadRequest, OutcomeRefused, saml.ReasonSignatureInvalid},
	} {
		t.Run(c.name, func(t *testing.T) {
			s, f := newFaultySite(t)
			connection := s.own(jitOn)
			other := s.another(directorytest.NewClient(t))
			b := s.browser()
			form := s.forged(connection, s.request(b, connection), "ann", "_a1", nil)
			next := c.changes
			var hook func(clientv3.Op) error
			hook = func(clientv3.Op) error {
				other.mustModify(schema.IdentityProviderType, connection, next[0])
				if next = next[1:]; len(next) > 0 {
					f.before.Store(&hook)
				}
				return nil
			}
			f.before.Store(&hook)
			wantStatus(t, b.step(s.acsURL(connection), form), c.status)
			if got, want := s.verifications(), 1+len(c.changes); got != want {
				t.Errorf("verified %d times, want %d", got, want)
			}
			s.hook.ring.flush()
			record := s.lastSignIn(c.outcome, c.reason)
			if c.outcome == OutcomeCreated && record.Text("connection.display") != "Renamed" {
				t.Errorf("judged by an earlier version: %s", record.JSON)
			}
			if made := len(s.users("ann")); (made == 1) != (c.outcome == OutcomeCreated) {
				t.Errorf("%d Users", made)
			}
		})
	}
}

// A connection that changes all the time is unavailable in the end, and nobody signed in.
func TestConnectionChangesForever(t *testing.T) {
	s, f := newFaultySite(t)
	connection := s.own(jitOn)
	other := s.another(directorytest.NewClient(t))
	b := s.browser()
	form := s.forged(connection, s.request(b, connection), "ann", "_a1", nil)
	var over atomic.Bool // what is recorded of the refusal is written later, at any time
	var hook func(clientv3.Op) error
	hook = func(clientv3.Op) error {
		if over.Load() {
			return nil
		}
		other.mustModify(schema.IdentityProviderType, connection, changed("displayName", directory.NewID().String()))
		f.before.Store(&hook)
		return nil
	}
	f.before.Store(&hook)
	response := b.step(s.acsURL(connection), form)
	s.hook.ring.flush() // the number of the page is a transaction, too
	over.Store(true)
	wantStatus(t, response, http.StatusServiceUnavailable)
	if got := s.verifications(); got != maxVerifications || len(s.users("ann")) != 0 {
		t.Errorf("verified %d times, %d Users", got, len(s.users("ann")))
	}
	wantStatus(t, b.step(s.acsURL(connection), form), http.StatusSeeOther) // nothing was used up
}
