package samlhook

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gorilla/mux"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/tidwall/gjson"
	clientv3 "go.etcd.io/etcd/client/v3"

	"rollcall/directory"
	"rollcall/directory/directorytest"
	"rollcall/directory/filter"
	"rollcall/directory/schema"
	"rollcall/internal/demoidp"
	"rollcall/samlhook/saml"
)

func TestMain(m *testing.M) { directorytest.Main(m) }

// demo is one identity provider for all tests; each registers its own connection.
var demo = sync.OnceValues(func() (*demoidp.IdP, error) {
	handlers := http.NewServeMux()
	server := httptest.NewServer(handlers)
	people := append(demoidp.People(), demoidp.NewPerson("dora", "", "Dorn"), demoidp.NewPerson("erik", "Erik", "Ek"))
	idp, err := demoidp.New(server.URL, people)
	if err == nil {
		handlers.Handle("/", idp.Handler())
	}
	return idp, err
})

// spKeyForTests spares each connection of a test the making of a key.
var spKeyForTests = sync.OnceValues(func() ([]byte, error) { return newKeyPair("tests", time.Now()) })

// site is a running server with one organization, "default".
type site struct {
	t      *testing.T
	store  *directory.Store
	hook   *Hook
	url    string
	root   string
	org    *directory.Directory
	offset *atomic.Int64 // of the clock, in nanoseconds

	metrics *prometheus.Registry
	posts   atomic.Int64 // answers made by post
}

func newSite(t *testing.T) *site {
	t.Helper()
	return newNode(t, directorytest.Client(t), directorytest.Root(), "", new(atomic.Int64))
}

// newNode is one of several servers on one root; public is the URL of the first.
func newNode(t *testing.T, c *clientv3.Client, root, public string, offset *atomic.Int64) *site {
	t.Helper()
	return newSiteOn(t, c, directory.Options{Root: root}, public, offset)
}

func newSiteOn(t *testing.T, c *clientv3.Client, o directory.Options, public string, offset *atomic.Int64) *site {
	t.Helper()
	now := func() time.Time { return time.Now().Add(time.Duration(offset.Load())) }
	s := &site{t: t, root: o.Root, offset: offset, metrics: prometheus.NewRegistry()}
	o.Now = now
	s.store = directorytest.Open(t, c, o)
	s.org = s.store.Organization("default")
	router := mux.NewRouter().SkipClean(true)
	server := httptest.NewServer(router)
	t.Cleanup(server.Close)
	s.url = server.URL
	if public == "" {
		public = server.URL
	}
	var err error
	if s.hook, err = New(s.store, Options{PublicURL: public, Now: now, AllowPrivateMetadata: true,
		Registry: s.metrics}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.hook.Close)
	s.hook.Register(router)
	return s
}

// another is a second node of the same site.
func (s *site) another(c *clientv3.Client) *site {
	s.t.Helper()
	return newNode(s.t, c, s.root, s.hook.public, s.offset)
}

func (s *site) later(d time.Duration) { s.offset.Add(int64(d)) }

func (s *site) update(change func(tx *directory.Tx) error) *directory.Snapshot {
	s.t.Helper()
	snapshot, err := s.org.Update(s.t.Context(), change)
	if err != nil {
		s.t.Fatal(err)
	}
	return snapshot
}

func (s *site) snapshot() *directory.Snapshot {
	s.t.Helper()
	snapshot, err := s.org.Snapshot(s.t.Context())
	if err != nil {
		s.t.Fatal(err)
	}
	return snapshot
}

// lacking is what a change breaks off with that needs something.
type lacking struct{ need any }

func (l *lacking) Error() string { return fmt.Sprintf("needs %v", l.need) }

// update runs a change as scimapi would: what Prepare needs is resolved outside of it, and the change runs again.
func (h *Hook) update(ctx context.Context, d *directory.Directory,
	change func(tx *directory.Tx, resolved func(any) (any, error)) error) error {
	type resolution struct {
		value any
		err   error
	}
	got := map[any]resolution{}
	for {
		_, err := d.Update(ctx, func(tx *directory.Tx) error {
			return change(tx, func(need any) (any, error) {
				if r, ok := got[need]; ok {
					return r.value, r.err
				}
				return nil, &lacking{need}
			})
		})
		l, ok := errors.AsType[*lacking](err)
		if !ok {
			return err
		}
		value, err := h.Resolve(ctx, l.need)
		got[l.need] = resolution{value, err}
	}
}

// configure creates an IdentityProvider as scimapi would, but for its key: making one takes long.
func (s *site) configure(doc schema.Document) (directory.ID, error) {
	s.t.Helper()
	key, err := spKeyForTests()
	if err != nil {
		s.t.Fatal(err)
	}
	id := directory.NewID()
	err = s.hook.update(s.t.Context(), s.org, func(tx *directory.Tx, resolved func(any) (any, error)) error {
		doc := doc.Clone()
		if err := s.hook.Prepare(tx, id, nil, doc, func(need any) (any, error) {
			if _, is := need.(keyFor); is {
				return key, nil
			}
			return resolved(need)
		}); err != nil {
			return err
		}
		_, err := tx.CreateAs(id, schema.IdentityProviderType, doc)
		return err
	})
	return id, err
}

// connect makes a connection to the demo identity provider, and both trust each other.
func (s *site) connect(settings schema.Document) directory.ID {
	s.t.Helper()
	idp, err := demo()
	if err != nil {
		s.t.Fatal(err)
	}
	metadata, err := idp.Metadata()
	if err != nil {
		s.t.Fatal(err)
	}
	doc := schema.Document{"displayName": "Demo", "metadataXml": string(metadata)}
	for name, value := range settings {
		doc[name] = value
	}
	id, err := s.configure(doc)
	if err != nil {
		s.t.Fatal(err)
	}
	ours := s.browser().get(s.url + "/orgs/default/saml/" + id.String() + "/metadata")
	if ours.Status != http.StatusOK {
		s.t.Fatalf("metadata: %d %s", ours.Status, ours.Body)
	}
	if err := idp.Trust([]byte(ours.Body)); err != nil {
		s.t.Fatal(err)
	}
	return id
}

var jitOn = schema.Document{"jit": map[string]any{"enabled": true}}

// modify changes a resource as scimapi would.
func (s *site) modify(typ string, id directory.ID, change func(doc schema.Document)) error {
	return s.hook.update(s.t.Context(), s.org, func(tx *directory.Tx, resolved func(any) (any, error)) error {
		old, err := tx.Get(typ, id)
		if err != nil {
			return err
		}
		doc, err := tx.Snapshot().Type(typ).Decode(old.JSON)
		if err != nil {
			return err
		}
		change(doc)
		if typ == schema.IdentityProviderType {
			if err := s.hook.Prepare(tx, id, old, doc, resolved); err != nil {
				return err
			}
		}
		_, err = tx.Replace(old, doc)
		return err
	})
}

func (s *site) mustModify(typ string, id directory.ID, change func(doc schema.Document)) {
	s.t.Helper()
	if err := s.modify(typ, id, change); err != nil {
		s.t.Fatal(err)
	}
}

// changed is a change of one attribute.
func changed(name string, value any) func(schema.Document) {
	return func(doc schema.Document) { doc[name] = value }
}

func (s *site) createUser(doc schema.Document) directory.ID {
	s.t.Helper()
	var id directory.ID
	s.update(func(tx *directory.Tx) error {
		made, err := tx.Create(schema.UserType, doc.Clone())
		if err == nil {
			id = made.ID
		}
		return err
	})
	return id
}

func (s *site) remove(typ string, id directory.ID) {
	s.t.Helper()
	s.update(func(tx *directory.Tx) error {
		r, err := tx.Get(typ, id)
		if err != nil {
			return err
		}
		return tx.Delete(r)
	})
}

// users are the Users with the userName.
func (s *site) users(userName string) []*directory.Resource {
	s.t.Helper()
	var found []*directory.Resource
	for r := range s.snapshot().Find(schema.UserType, "userName", userName) {
		found = append(found, r)
	}
	return found
}

// linked is the link of a NameID, in whatever format; nil if there is none.
func (s *site) linked(connection directory.ID, nameID string) *directory.Link {
	s.t.Helper()
	for l := range s.snapshot().LinksLike(connection, nameID) {
		if l.NameID == nameID {
			return l
		}
	}
	return nil
}

// signIns are the SignIns, the newest first, as the API shows them in English.
func (s *site) signIns() []*directory.Resource {
	s.t.Helper()
	return s.signInsBy(nil)
}

func (s *site) signInsBy(f filter.Expr) []*directory.Resource {
	s.t.Helper()
	page, err := s.org.Query(s.t.Context(), directory.Query{Type: "SignIn", Filter: f, Limit: 100})
	if err != nil {
		s.t.Fatal(err)
	}
	for _, r := range page.Resources {
		told := gjson.ParseBytes(r.JSON).Value().(map[string]any)
		tellAll("en", told)
		if r.JSON, err = json.Marshal(told); err != nil {
			s.t.Fatal(err)
		}
	}
	return page.Resources
}

// lastSignIn checks outcome and reason of the newest record.
func (s *site) lastSignIn(outcome Outcome, reason saml.Reason) *directory.Resource {
	s.t.Helper()
	all := s.signIns()
	if len(all) == 0 {
		s.t.Fatal("no sign-in record")
	}
	if all[0].Text("outcome") != string(outcome) || all[0].Text("reason") != string(reason) {
		s.t.Fatalf("the last sign-in is %s %s, want %s %s: %s", all[0].Text("outcome"), all[0].Text("reason"), outcome,
			reason, all[0].JSON)
	}
	return all[0]
}

func (s *site) loginURL(id directory.ID) string { return s.hook.urls("default", id).Login }
func (s *site) acsURL(id directory.ID) string   { return s.hook.urls("default", id).ACS }

// browser keeps cookies and follows no redirect by itself.
type browser struct {
	t      *testing.T
	client *http.Client
	demo   *demoidp.Browser
}

func (s *site) browser() *browser {
	jar, err := cookiejar.New(nil)
	if err != nil {
		s.t.Fatal(err)
	}
	b := &browser{t: s.t, client: &http.Client{Jar: jar}}
	b.demo = &demoidp.Browser{Client: b.client}
	return b
}

// signIn does all of a sign-in and returns the last page.
func (b *browser) signIn(address, user string) *demoidp.Page {
	b.t.Helper()
	page, err := b.demo.SignIn(b.t.Context(), address, user)
	if err != nil {
		b.t.Fatal(err)
	}
	return page
}

func (b *browser) get(address string) *demoidp.Page {
	b.t.Helper()
	page, err := b.demo.Get(b.t.Context(), address)
	if err != nil {
		b.t.Fatal(err)
	}
	return page
}

// step sends one request and follows nothing; a nil form is a GET.
func (b *browser) step(address string, form url.Values) *http.Response {
	b.t.Helper()
	method, body := http.MethodGet, ""
	if form != nil {
		method, body = http.MethodPost, form.Encode()
	}
	r, err := http.NewRequestWithContext(b.t.Context(), method, address, strings.NewReader(body))
	if err != nil {
		b.t.Fatal(err)
	}
	if form != nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	return b.send(r)
}

func (b *browser) send(r *http.Request) *http.Response {
	b.t.Helper()
	stay := *b.client
	stay.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	response, err := stay.Do(r)
	if err != nil {
		b.t.Fatal(err)
	}
	b.t.Cleanup(func() { response.Body.Close() })
	return response
}

// answer begins a sign-in and returns the form that the identity provider would have the browser post to the acs.
func (b *browser) answer(address, user string) url.Values {
	b.t.Helper()
	page := b.get(address)
	for range 3 {
		action, form, found := page.Form()
		if !found {
			b.t.Fatalf("no form at %s: %d %s", page.URL, page.Status, page.Body)
		}
		if form.Has("SAMLResponse") {
			return form
		}
		if form.Has("user") {
			form.Set("user", user)
		}
		var err error
		if page, err = b.demo.Post(b.t.Context(), action, form); err != nil {
			b.t.Fatal(err)
		}
	}
	b.t.Fatal("the identity provider does not answer")
	return nil
}

// session is the secret that the browser holds; empty when it holds none.
func (b *browser) session(s *site) string {
	u, err := url.Parse(s.hook.public + "/orgs/default/scim/v2/Me")
	if err != nil {
		b.t.Fatal(err)
	}
	for _, c := range b.client.Jar.Cookies(u) {
		if c.Name == "rollcall-default" {
			return c.Value
		}
	}
	return ""
}

// signedInAs says whom a session belongs to; zero when it is not valid.
func (s *site) signedInAs(secret string) directory.ID {
	s.t.Helper()
	d, err := s.org.Authenticate(s.t.Context(), directory.Credential{Session: secret})
	if directory.KindOf(err) == directory.Unauthenticated {
		return directory.ID{}
	}
	if err != nil {
		s.t.Fatal(err)
	}
	return d.Actor().User
}

func wantStatus(t *testing.T, r *http.Response, status int) {
	t.Helper()
	if r.StatusCode != status {
		t.Fatalf("%s %s: %d, want %d (%s)", r.Request.Method, r.Request.URL.Path, r.StatusCode, status,
			r.Header.Get("Location"))
	}
}

// bodyOf is the body of an answer.
func bodyOf(t *testing.T, r *http.Response) string {
	t.Helper()
	body, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}

// wantPage checks the status of a page, which page it is, and that it holds these texts.
func wantPage(t *testing.T, p *demoidp.Page, status int, id string, texts ...string) {
	t.Helper()
	for _, want := range append([]string{`<main id="` + id + `">`}, texts...) {
		if p.Status != status || !strings.Contains(p.Body, want) {
			t.Fatalf("%s: %d, want %d with %q:\n%s", p.URL, p.Status, status, want, p.Body)
		}
	}
}

func encode(message string) string { return base64.StdEncoding.EncodeToString([]byte(message)) }

func number(n int) json.Number { return json.Number(strconv.Itoa(n)) }
