package samlhook

import (
	"encoding/xml"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	crewjam "github.com/crewjam/saml"
	"github.com/gorilla/mux"

	"rollcall/directory"
	"rollcall/directory/directorytest"
	"rollcall/directory/schema"
	"rollcall/samlhook/saml"
	"rollcall/samlhook/saml/samltest"
)

// BenchmarkDecision is what a message costs from its bytes to the decision about the person, and what crewjam's parser
// alone costs with the same message in the same run.
func BenchmarkDecision(b *testing.B) {
	store := directorytest.New(b)
	org := store.Organization("default")
	var connection *directory.Resource
	var snapshot *directory.Snapshot
	_, err := org.Update(b.Context(), func(tx *directory.Tx) (err error) {
		connection, err = tx.Create(schema.IdentityProviderType, schema.Document{"displayName": "x",
			"jit": map[string]any{"enabled": true}, "groupSync": map[string]any{"mode": "full"},
			"idp": map[string]any{"entityId": samltest.IdP, "ssoUrl": "https://idp.example.com/sso",
				"certificates": []any{map[string]any{"pem": string(samltest.Keys().IdP.PEM())}}}})
		return err
	})
	for i := range 150 {
		if err == nil {
			_, err = org.Update(b.Context(), func(tx *directory.Tx) error {
				_, err := tx.Create(schema.GroupType, schema.Document{"displayName": fmt.Sprintf("Group number %d", i)})
				return err
			})
		}
	}
	if err == nil {
		snapshot, err = org.Snapshot(b.Context())
	}
	if err != nil {
		b.Fatal(err)
	}
	settings := ReadSettings(connection)
	for _, groups := range []int{5, 150} {
		m := samltest.NewMessage()
		m.Attributes = samltest.Groups(groups)
		message := []byte(samltest.Sign(b, m.Response(), "Assertion",
			samltest.Signing{KeyInfo: samltest.Keys().IdP.Cert}))
		own := &saml.Connection{ID: "c1", EntityID: samltest.EntityID, ACSURL: samltest.ACS, IdPEntityID: samltest.IdP,
			CheckRequest: func(string, time.Time) (time.Time, *saml.Refusal) { return samltest.Now, nil }}
		own.Certificates = append(own.Certificates, samltest.Keys().IdP.Cert)
		b.Run(fmt.Sprintf("ours/%d", groups), func(b *testing.B) {
			b.ReportAllocs()
			defer samltest.ReportCPU(b, samltest.CPU())
			for b.Loop() {
				r, refusal := own.Verify(message, samltest.Now)
				if refusal != nil {
					b.Fatal(refusal)
				}
				id, refusal := saml.MapIdentity(r.Assertion, own.Attributes)
				if refusal != nil {
					b.Fatal(refusal)
				}
				if d, err := Decide(snapshot, settings, id, samltest.Now); err != nil || len(d.Sync.Added) != groups {
					b.Fatal(d.Explanation, err)
				}
			}
		})
		b.Run(fmt.Sprintf("crewjam/%d", groups), func(b *testing.B) {
			b.ReportAllocs()
			clock := crewjam.TimeNow
			crewjam.TimeNow = func() time.Time { return samltest.Now }
			defer func() { crewjam.TimeNow = clock }()
			acs, err := url.Parse(samltest.ACS)
			if err != nil {
				b.Fatal(err)
			}
			var metadata crewjam.EntityDescriptor
			if err := xml.Unmarshal([]byte(metadataWith(samltest.Keys().IdP.PEM())), &metadata); err != nil {
				b.Fatal(err)
			}
			sp := &crewjam.ServiceProvider{EntityID: samltest.EntityID, AcsURL: *acs, IDPMetadata: &metadata}
			defer samltest.ReportCPU(b, samltest.CPU())
			for b.Loop() {
				if _, err := sp.ParseXMLResponse(message, []string{samltest.Request}, *acs); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkSignIn is the processor time of this process for a whole sign-in: login, ACS and finish, the embedded etcd
// included. The message is made outside of the measurement.
func BenchmarkSignIn(b *testing.B) {
	s := newBenchSite(b)
	var spent time.Duration
	n := 0
	for b.Loop() {
		n++
		b.StopTimer()
		// The request is made where it counts; what the identity provider does is not counted.
		jar := map[string]string{}
		begin := samltest.CPU()
		login := s.do("GET", "/orgs/default/saml/"+s.id.String()+"/login", "", jar)
		spent += samltest.CPU() - begin
		request := requestIn(b, login.Header().Get("Location"))
		form := s.message(request, fmt.Sprint("_b", n))
		b.StartTimer()
		begin = samltest.CPU()
		acs := s.do("POST", "/orgs/default/saml/"+s.id.String()+"/acs", form, jar)
		u, err := url.Parse(acs.Header().Get("Location"))
		if err != nil || acs.Code != http.StatusSeeOther {
			b.Fatal(acs.Code, err)
		}
		if end := s.do("GET", u.RequestURI(), "", jar); end.Code != http.StatusSeeOther {
			b.Fatal(end.Code)
		}
		spent += samltest.CPU() - begin
	}
	b.ReportMetric(float64(spent.Microseconds())/float64(n)/1000, "cpu-ms/sign-in")
}

// benchSite serves one organization without a network.
type benchSite struct {
	router *mux.Router
	hook   *Hook
	id     directory.ID
	b      *testing.B
}

func newBenchSite(b *testing.B) *benchSite {
	b.Helper()
	store := directorytest.New(b)
	hook, err := New(store, Options{PublicURL: "http://rollcall.example.com"})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(hook.Close)
	s := &benchSite{router: mux.NewRouter(), hook: hook, id: directory.NewID(), b: b}
	hook.Register(s.router)
	err = hook.update(b.Context(), store.Organization("default"),
		func(tx *directory.Tx, resolved func(any) (any, error)) error {
			doc := schema.Document{"displayName": "x", "jit": map[string]any{"enabled": true},
				"idp": map[string]any{"entityId": samltest.IdP, "ssoUrl": "https://idp.example.com/sso",
					"certificates": []any{map[string]any{"pem": string(samltest.Keys().IdP.PEM())}}}}
			if err := hook.Prepare(tx, s.id, nil, doc, resolved); err != nil {
				return err
			}
			_, err := tx.CreateAs(s.id, schema.IdentityProviderType, doc)
			return err
		})
	if err != nil {
		b.Fatal(err)
	}
	return s
}

// do sends one request with the cookies of a browser.
func (s *benchSite) do(method, target, body string, jar map[string]string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, target, strings.NewReader(body))
	if body != "" {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	for name, value := range jar {
		r.AddCookie(&http.Cookie{Name: name, Value: value})
	}
	w := httptest.NewRecorder()
	s.router.ServeHTTP(w, r)
	for _, c := range w.Result().Cookies() {
		if jar[c.Name] = c.Value; c.MaxAge < 0 {
			delete(jar, c.Name)
		}
	}
	return w
}

// message is the form of a good answer with five groups.
func (s *benchSite) message(request, assertion string) string {
	p, now := samltest.NewMessage(), time.Now().UTC()
	p.Attributes = samltest.Groups(5)
	m := p.Response()
	at := s.hook.urls("default", s.id)
	for old, with := range map[string]string{samltest.ACS: at.ACS, samltest.EntityID: at.Metadata,
		samltest.Request: request, "_assert1": assertion} {
		m = strings.ReplaceAll(m, old, with)
	}
	for _, d := range []time.Duration{-5 * time.Second, 5 * time.Minute, -time.Minute, 10 * time.Minute,
		8 * time.Hour} {
		m = strings.ReplaceAll(m, samltest.Now.Add(d).Format("2006-01-02T15:04:05Z"),
			now.Add(d).Format("2006-01-02T15:04:05Z"))
	}
	return url.Values{"SAMLResponse": {encode(samltest.Sign(s.b, m, "Assertion", samltest.Signing{}))}}.Encode()
}
