package samlhook

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/tidwall/gjson"
	clientv3 "go.etcd.io/etcd/client/v3"

	"rollcall/directory"
	"rollcall/directory/directorytest"
	"rollcall/directory/schema"
	"rollcall/samlhook/saml"
	"rollcall/samlhook/saml/samltest"
)

func (s *site) connection(id directory.ID) *directory.Resource {
	s.t.Helper()
	r, err := s.snapshot().Get(schema.IdentityProviderType, id)
	if err != nil {
		s.t.Fatal(err)
	}
	return r
}

// render is the body of a reply as scimapi would write it.
func (s *site) render(id directory.ID) string {
	s.t.Helper()
	snapshot := s.snapshot()
	r, err := snapshot.Get(schema.IdentityProviderType, id)
	if err != nil {
		s.t.Fatal(err)
	}
	var body map[string]any
	if err := json.Unmarshal(r.JSON, &body); err != nil {
		s.t.Fatal(err)
	}
	s.hook.Render(snapshot, r, body)
	b, err := json.Marshal(body)
	if err != nil {
		s.t.Fatal(err)
	}
	return string(b)
}

const testMetadata = `<EntityDescriptor xmlns="urn:oasis:names:tc:SAML:2.0:metadata"` +
	` entityID="https://idp.example.com/metadata">` +
	`<IDPSSODescriptor protocolSupportEnumeration="urn:oasis:names:tc:SAML:2.0:protocol">KEY` +
	`<SingleSignOnService Binding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect"` +
	` Location="https://idp.example.com/redirect"/>` +
	`<SingleSignOnService Binding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST"` +
	` Location="https://idp.example.com/post"/></IDPSSODescriptor></EntityDescriptor>`

func metadataWith(pem []byte) string {
	text := strings.NewReplacer("-----BEGIN CERTIFICATE-----", "", "-----END CERTIFICATE-----", "", "\n",
		"").Replace(string(pem))
	return strings.Replace(testMetadata, "KEY",
		`<KeyDescriptor use="signing"><KeyInfo xmlns="http://www.w3.org/2000/09/xmldsig#"><X509Data><X509Certificate>`+
			text+`</X509Certificate></X509Data></KeyInfo></KeyDescriptor>`, 1)
}

func TestPrepareRefuses(t *testing.T) {
	good := metadataWith(samltest.Keys().IdP.PEM())
	idp := func(pairs ...any) map[string]any {
		values := map[string]any{"entityId": samltest.IdP, "ssoUrl": "https://idp.example.com/sso",
			"certificates": []any{map[string]any{"pem": string(samltest.Keys().IdP.PEM())}}}
		for i := 0; i < len(pairs); i += 2 {
			if pairs[i+1] == nil {
				delete(values, pairs[i].(string))
			} else {
				values[pairs[i].(string)] = pairs[i+1]
			}
		}
		return values
	}
	for _, c := range []struct {
		name     string
		doc      schema.Document
		attr     string // "": accepted
		names    string // what the error names
		binding  string // of the connection afterwards
		location string
	}{
		{name: "nothing yet", doc: schema.Document{}},
		{name: "metadata", doc: schema.Document{"metadataXml": good}, binding: saml.BindingRedirect,
			location: "https://idp.example.com/redirect"},
		{name: "metadata, POST wanted", doc: schema.Document{"metadataXml": good, "binding": "post"},
			binding: saml.BindingPost, location: "https://idp.example.com/post"},
		{name: "metadata that offers POST only",
			doc:     schema.Document{"metadataXml": strings.Replace(good, "HTTP-Redirect", "SOAP", 1)},
			binding: saml.BindingPost, location: "https://idp.example.com/post"},
		{name: "redirect wanted, POST offered",
			doc: schema.Document{"binding": "redirect",
				"metadataXml": strings.Replace(good, "HTTP-Redirect", "SOAP", 1)}, attr: "binding", names: "redirect"},
		{name: "by hand", doc: schema.Document{"idp": idp()}, binding: saml.BindingRedirect,
			location: "https://idp.example.com/sso"},
		{name: "metadata says otherwise than idp", doc: schema.Document{"metadataXml": good,
			"idp": idp("ssoUrl", "https://other.example.com/")}, attr: "idp.certificates",
			names: "metadataXml"},
		{name: "not XML", doc: schema.Document{"metadataXml": "hello"}, attr: "metadataXml"},
		{name: "no certificate", doc: schema.Document{"metadataXml": strings.Replace(testMetadata, "KEY", "", 1)},
			attr: "metadataXml", names: "X509Certificate"},
		{name: "a weak key", doc: schema.Document{"metadataXml": metadataWith(samltest.Keys().Weak.PEM())},
			attr: "metadataXml", names: "1024"},
		{name: "of a service provider", doc: schema.Document{"metadataXml": strings.ReplaceAll(good, "IDPSSODescriptor",
			"SPSSODescriptor")}, attr: "metadataXml"},
		{name: "metadata over", doc: schema.Document{"metadataXml": strings.Replace(good, "<EntityDescriptor ",
			`<EntityDescriptor validUntil="2020-01-01T00:00:00Z" `, 1)}, attr: "metadataXml", names: "2020-01-01"},
		{name: "idp without entityId", doc: schema.Document{"idp": idp("entityId", nil)}, attr: "idp.entityId"},
		{name: "idp with a bad address", doc: schema.Document{"idp": idp("ssoUrl", "javascript:alert(1)")},
			attr: "idp.ssoUrl", names: "javascript:alert(1)"},
		{name: "idp without certificates", doc: schema.Document{"idp": idp("certificates", nil)},
			attr: "idp.certificates"},
		{name: "idp with a bad certificate", doc: schema.Document{"idp": idp("certificates",
			[]any{map[string]any{"pem": "x"}})}, attr: "idp.certificates[0].pem"},
		{name: "idp with an expired certificate",
			doc: schema.Document{"idp": idp("certificates",
				[]any{map[string]any{"pem": string(samltest.Keys().Expired.PEM())}})}, attr: "idp.certificates[0].pem",
			names: "2026-03-10"},
		{name: "URL and XML", doc: schema.Document{"metadataUrl": "https://idp.example.com/m", "metadataXml": good},
			attr: "metadataXml", names: "metadataUrl"},
		{name: "unreachable URL", doc: schema.Document{"metadataUrl": "http://127.0.0.1:1/m"}, attr: "metadataUrl",
			names: "127.0.0.1:1"},
		{name: "no URL", doc: schema.Document{"metadataUrl": "idp"}, attr: "metadataUrl"},
		{name: "a domain of nobody", doc: schema.Document{"domains": []any{"example.com"}}, attr: "domains[0]",
			names: "example.com"},
		{name: "a default group that is none",
			doc: schema.Document{"jit": map[string]any{
				"defaultGroups": []any{map[string]any{"value": directory.NewID().String()}}}},
			attr: "jit.defaultGroups[0].value"},
		{name: "transient", doc: schema.Document{"nameIdFormat": saml.NameIDTransient}, attr: "nameIdFormat",
			names: "persistent"},
		{name: "skew", doc: schema.Document{"clockSkewSeconds": number(601)}, attr: "clockSkewSeconds", names: "600"},
		{name: "no skew", doc: schema.Document{"clockSkewSeconds": number(0)}, attr: "clockSkewSeconds"},
		{name: "age of a response", doc: schema.Document{"maxIssueAgeSeconds": number(3601)},
			attr: "maxIssueAgeSeconds", names: "3600"},
		{name: "no age of a response", doc: schema.Document{"maxIssueAgeSeconds": number(0)},
			attr: "maxIssueAgeSeconds"},
		{name: "lifetime", doc: schema.Document{"maxLifetimeMinutes": number(1441)}, attr: "maxLifetimeMinutes",
			names: "1440"},
		{name: "a session without end", doc: schema.Document{"sessionMinutes": number(100000)}, attr: "sessionMinutes"},
		{name: "linkBy anything", doc: schema.Document{"linkBy": []any{"displayName"}}, attr: "linkBy[0]"},
		{name: "another step of a roll-over", doc: schema.Document{"keyRollover": "now"}, attr: "keyRollover",
			names: "publish"},
		{name: "a key that nobody knows yet", doc: schema.Document{"keyRollover": "use"}, attr: "keyRollover",
			names: "publish"},
		{name: "group sync", doc: schema.Document{"groupSync": map[string]any{"mode": "full"}}},
		{name: "another group sync", doc: schema.Document{"groupSync": map[string]any{"mode": "some"}},
			attr: "groupSync.mode", names: "full"},
		{name: "a blank group", doc: schema.Document{"groupSync": map[string]any{"allow": []any{"a", " "}}},
			attr: "groupSync.allow[1]"},
		{name: "no group sync", doc: schema.Document{"groupSync": map[string]any{"mode": "none"}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newSite(t)
			id, err := s.configure(with(c.doc, "displayName", "x"))
			if c.attr == "" {
				if err != nil {
					t.Fatal(err)
				}
				l, err := s.hook.load(s.snapshot(), "default", s.connection(id))
				if err != nil || (c.binding != "" && (l.Binding != c.binding || l.SSOURL != c.location ||
					l.IdPEntityID != samltest.IdP || len(l.Certificates) != 1)) {
					t.Errorf("loaded %+v, %v", l, err)
				}
				return
			}
			wantInvalid(t, err, c.attr, c.names)
		})
	}
}

// wantInvalid checks that the error names the attribute; without one, that there is none.
func wantInvalid(t *testing.T, err error, attr, names string) {
	t.Helper()
	var invalid *schema.Error
	switch {
	case attr == "" && err == nil:
	case attr == "" || !errors.As(err, &invalid) || invalid.Attr != attr || !strings.Contains(invalid.Detail, names):
		t.Errorf("error %v, want %s: … %s", err, attr, names)
	}
}

// Metadata by URL: fetched once a request, kept, fetched anew when the URL changes.
func TestMetadataURL(t *testing.T) {
	var fetched atomic.Int64
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fetched.Add(1)
		w.Write([]byte(strings.Replace(metadataWith(samltest.Keys().IdP.PEM()), "/metadata\"", r.URL.Path+"\"", 1)))
	}))
	t.Cleanup(server.Close)
	s := newSite(t)
	id, err := s.configure(schema.Document{"displayName": "x", "metadataUrl": server.URL + "/one"})
	if err != nil {
		t.Fatal(err)
	}
	if got := s.connection(id).Text("idp.entityId"); got != "https://idp.example.com/one" || fetched.Load() != 1 {
		t.Fatalf("entityId %s after %d fetches", got, fetched.Load())
	}
	s.mustModify(schema.IdentityProviderType, id, changed("jit", jitOn["jit"]))
	if fetched.Load() != 1 {
		t.Error("another change fetched the metadata")
	}
	s.mustModify(schema.IdentityProviderType, id, changed("metadataUrl", server.URL+"/two"))
	if got := s.connection(id).Text("idp.entityId"); got != "https://idp.example.com/two" || fetched.Load() != 2 {
		t.Errorf("entityId %s after %d fetches", got, fetched.Load())
	}
	s.later(time.Hour)
	s.mustModify(schema.IdentityProviderType, id, func(doc schema.Document) { delete(doc, "metadataXml") })
	if body := s.render(id); !strings.Contains(body, `"lastRefresh":"`+s.refreshed(id)) || fetched.Load() != 3 {
		t.Errorf("%d fetches, body %s", fetched.Load(), body)
	}
	if err := s.modify(schema.IdentityProviderType, id, changed("metadataXml", "<x/>")); err == nil {
		t.Error("metadataXml was changed under metadataUrl")
	}

	// Private addresses are the operator's choice.
	closed, err := New(s.store, Options{PublicURL: s.url})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(closed.Close)
	prepare := func(tx *directory.Tx, resolved func(any) (any, error)) error {
		doc := schema.Document{"displayName": "x", "metadataUrl": server.URL}
		return closed.Prepare(tx, directory.NewID(), nil, doc, resolved)
	}
	var invalid *schema.Error
	if err := closed.update(t.Context(), s.org, prepare); !errors.As(err, &invalid) ||
		invalid.Attr != "metadataUrl" || fetched.Load() != 3 {
		t.Errorf("fetched from a private address: %v", err)
	}
	// Who may not change connections makes the server fetch nothing.
	weak := s.org.As(directory.Actor{Type: "AccessToken", Rights: directory.ScopeWrite})
	if err := s.hook.update(t.Context(), weak, prepare); directory.KindOf(err) != directory.Forbidden ||
		fetched.Load() != 3 {
		t.Errorf("fetched for a credential without admin: %v", err)
	}
}

// A change of a connection that loses a race runs again, and fetches nothing again.
func TestMetadataIsFetchedOnce(t *testing.T) {
	var fetched atomic.Int64
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		fetched.Add(1)
		w.Write([]byte(metadataWith(samltest.Keys().IdP.PEM())))
	}))
	t.Cleanup(server.Close)
	s, f := newFaultySite(t)
	id := s.own(nil)
	other := s.another(directorytest.NewClient(t))
	hook := func(clientv3.Op) error {
		other.mustModify(schema.IdentityProviderType, id, changed("displayName", "renamed"))
		return nil
	}
	f.before.Store(&hook)
	runs := 0
	s.mustModify(schema.IdentityProviderType, id, func(doc schema.Document) {
		runs++
		doc["metadataUrl"] = server.URL
	})
	if r := s.connection(id); r.Text("displayName") != "renamed" || r.Text("metadataUrl") != server.URL {
		t.Errorf("stored %s", r.JSON)
	}
	if runs != 3 || fetched.Load() != 1 { // without the metadata, with it, and after the lost race
		t.Errorf("the change ran %d times and fetched %d times", runs, fetched.Load())
	}
}

// A connection gets its key when it is created. Whoever looks at it then writes nothing.
func TestKeysComeWithTheConnection(t *testing.T) {
	s := newSite(t)
	id := directory.NewID()
	if err := s.hook.update(t.Context(), s.org, func(tx *directory.Tx, resolved func(any) (any, error)) error {
		doc := schema.Document{"displayName": "x"}
		if err := s.hook.Prepare(tx, id, nil, doc, resolved); err != nil {
			return err
		}
		_, err := tx.CreateAs(id, schema.IdentityProviderType, doc)
		return err
	}); err != nil {
		t.Fatal(err)
	}
	before, b := s.written(), s.browser()
	own := gjson.Get(s.render(id), "sp.certificates.0.fingerprint").String()
	metadata := b.get(s.hook.urls("default", id).Metadata)
	if metadata.Status != http.StatusOK || !strings.Contains(metadata.Body, "X509Certificate") || own == "" {
		t.Errorf("%d %s, fingerprint %q", metadata.Status, metadata.Body, own)
	}
	if s.written() != before {
		t.Error("looking at a connection wrote to the store")
	}
	wantPage(t, b.get(s.loginURL(id)), http.StatusForbidden, "notSetUp") // no identity provider yet
	s.mustModify(schema.IdentityProviderType, id, changed("displayName", "y"))
	if now := gjson.Get(s.render(id), "sp.certificates.0.fingerprint").String(); now != own {
		t.Errorf("a change made another key: %s, it was %s", now, own)
	}
}

// A dry run of a new connection fetches its metadata and makes no key.
func TestDryRunMakesNoKey(t *testing.T) {
	s := newSite(t)
	before, asked := s.written(), map[string]int{}
	id := directory.NewID()
	imagined, err := s.org.DryRun().Update(t.Context(), func(tx *directory.Tx) error {
		doc := schema.Document{"displayName": "x"}
		if err := s.hook.Prepare(tx, id, nil, doc, func(need any) (any, error) {
			asked[fmt.Sprintf("%T", need)]++
			return nil, fmt.Errorf("asked for %T", need)
		}); err != nil {
			return err
		}
		_, err := tx.CreateAs(id, schema.IdentityProviderType, doc)
		return err
	})
	if err != nil || len(asked) > 0 || s.written() != before {
		t.Errorf("%v; asked for %v; %v", err, asked, s.written() != before)
	}
	if _, err := imagined.Get(schema.IdentityProviderType, id); err != nil {
		t.Errorf("the answer has no connection: %v", err)
	}
}

// A connection without a key says so, and any change gives it one.
func TestConnectionWithoutKey(t *testing.T) {
	s := newSite(t)
	var id directory.ID
	s.update(func(tx *directory.Tx) error {
		r, err := tx.Create(schema.IdentityProviderType, schema.Document{"displayName": "x"})
		if err == nil {
			id = r.ID
		}
		return err
	})
	b := s.browser()
	for _, address := range []string{s.hook.urls("default", id).Metadata, s.loginURL(id)} {
		wantPage(t, b.get(address), http.StatusForbidden, "notSetUp")
	}
	s.mustModify(schema.IdentityProviderType, id, func(doc schema.Document) {
		doc["idp"] = map[string]any{"entityId": samltest.IdP, "ssoUrl": "https://idp.example.com/sso",
			"certificates": []any{map[string]any{"pem": string(samltest.Keys().IdP.PEM())}}}
	})
	wantStatus(t, b.step(s.loginURL(id), nil), http.StatusSeeOther)
	if health := gjson.Get(s.render(id), "health.status").String(); health != "ok" {
		t.Errorf("health %s", health)
	}
}

func (s *site) refreshed(id directory.ID) string {
	return schema.FormatTime(readRefreshed(s.snapshot(), id).Fetched)
}

// health is the status of a connection and its warnings, as text.
func (s *site) health(id directory.ID) (status, warnings string) {
	health := gjson.Get(s.render(id), "health")
	return health.Get("status").String(), health.Get("warnings").Raw
}

func TestRender(t *testing.T) {
	s := newSite(t)
	first := s.own(nil)
	at := s.hook.urls("default", first)
	body := s.render(first)
	for path, want := range map[string]string{
		"sp.entityId": at.Metadata, "sp.metadataUrl": at.Metadata, "sp.acsUrl": at.ACS,
		"sp.loginUrl": at.Login, "health.status": "ok", "health.warnings": ""} {
		if got := gjson.Get(body, path).String(); got != want {
			t.Errorf("%s is %q, want %q", path, got, want)
		}
	}
	if !strings.Contains(body, "BEGIN CERTIFICATE") || strings.Contains(body, "PRIVATE") {
		t.Fatal("the body lacks our certificate, or has our key")
	}

	b := s.browser()
	s.mustModify(schema.IdentityProviderType, first, changed("jit", jitOn["jit"]))
	landed := b.step(s.acsURL(first), s.forged(first, s.request(b, first), "ann", "_a1", nil))
	wantStatus(t, b.step(landed.Header.Get("Location"), nil), http.StatusSeeOther)
	version := s.connection(first).Version
	if !strings.Contains(s.render(first), `"lastSignIn":"`) {
		t.Error("lastSignIn is not shown")
	}
	if s.connection(first).Version != version {
		t.Error("a sign-in changed the version of the connection")
	}
}

// What an administrator should look at is in health, with the status that it deserves.
func TestHealth(t *testing.T) {
	s := newSite(t)
	first := s.own(nil)
	second, err := s.configure(schema.Document{"displayName": "empty"})
	if err != nil {
		t.Fatal(err)
	}
	if status, warnings := s.health(first); status != healthOK || warnings != "" {
		t.Errorf("beside a connection that does not count: %s %s", status, warnings)
	}
	if status, warnings := s.health(second); status != healthFailing || !strings.Contains(warnings, "metadataUrl") {
		t.Errorf("without identity provider: %s %s", status, warnings)
	}
	third := s.own(nil)
	for id, want := range map[directory.ID]string{first: "the default one", third: "not the default one"} {
		status, warnings := s.health(id)
		if status != healthWarning || gjson.Get(warnings, "#").Int() != 1 || !strings.Contains(warnings, want) {
			t.Errorf("beside another connection: %s %s, want %q", status, warnings, want)
		}
	}
	for _, id := range []directory.ID{second, third} {
		s.remove(schema.IdentityProviderType, id)
	}
	if status, warnings := s.health(first); status != healthOK || warnings != "" {
		t.Errorf("alone: %s %s", status, warnings)
	}

	group := s.createGroup("Staff", map[string]any{"roles": []any{map[string]any{"value": "editor"}}})
	s.mustModify(schema.IdentityProviderType, first, func(doc schema.Document) {
		doc["allowSha1"] = true
		doc["jit"] = map[string]any{"defaultGroups": []any{map[string]any{"value": group.String()}}}
		doc["groupSync"] = map[string]any{"allowPrivileged": []any{group.String()}}
		doc["idp"].(map[string]any)["certificates"] = []any{
			map[string]any{"pem": string(samltest.Keys().IdP.PEM())},
			map[string]any{"pem": string(samltest.Keys().Expired.PEM())}}
	})
	status, warnings := s.health(first)
	for _, want := range []string{"allowSha1", "Staff", saml.Fingerprint(samltest.Keys().Expired.Cert)} {
		if status != healthWarning || !strings.Contains(warnings, want) {
			t.Errorf("the health does not name %s: %s %s", want, status, warnings)
		}
	}
	s.remove(schema.GroupType, group)
	if _, warnings := s.health(first); !strings.Contains(warnings, group.String()) {
		t.Errorf("the health does not name the group that is gone: %s", warnings)
	}
	s.later(20 * 365 * 24 * time.Hour)
	if status, _ := s.health(first); status != healthFailing {
		t.Errorf("without a certificate that is valid: %s", status)
	}
}

// A connection whose stored metadata cannot be read any more goes on, with a warning.
func TestStoredMetadataIsUnreadable(t *testing.T) {
	s := newSite(t)
	connection := s.own(jitOn)
	s.update(func(tx *directory.Tx) error {
		r, err := tx.Get(schema.IdentityProviderType, connection)
		if err != nil {
			return err
		}
		doc, err := schema.IdentityProvider().Decode(r.JSON)
		if err != nil {
			return err
		}
		doc["metadataXml"] = "<x/>"
		_, err = tx.Replace(r, doc)
		return err
	})
	if status, warnings := s.health(connection); status != healthWarning || gjson.Get(warnings, "#").Int() != 1 {
		t.Errorf("%s %s", status, warnings)
	}
	b := s.browser()
	answer := s.forged(connection, s.request(b, connection), "ann", "_a1", nil)
	wantStatus(t, b.step(s.acsURL(connection), answer), http.StatusSeeOther)
}

// A domain belongs to one connection.
func TestDomainsAreAssignedOnce(t *testing.T) {
	s := newSite(t)
	s.mustModify(schema.OrganizationType, s.snapshot().Organization().ID, func(doc schema.Document) {
		doc["domains"] = []any{map[string]any{"value": "Example.com", "verified": true}}
	})
	first := s.own(schema.Document{"domains": []any{"EXAMPLE.com"}})
	if got := s.connection(first).Text("domains.0"); got != "example.com" {
		t.Errorf("stored %q", got)
	}
	_, err := s.configure(schema.Document{"displayName": "second", "domains": []any{"example.com"}})
	if err == nil || !strings.Contains(err.Error(), first.String()) {
		t.Errorf("assigned twice: %v", err)
	}
	// The organization gives the domain up: the connection can still be changed.
	s.mustModify(schema.OrganizationType, s.snapshot().Organization().ID, func(doc schema.Document) {
		delete(doc, "domains")
	})
	s.mustModify(schema.IdentityProviderType, first, changed("displayName", "renamed"))
}

// Two connections that take one domain at the same moment: one of them does.
func TestDomainRace(t *testing.T) {
	s, f := newFaultySite(t)
	s.mustModify(schema.OrganizationType, s.snapshot().Organization().ID, func(doc schema.Document) {
		doc["domains"] = []any{map[string]any{"value": "example.com", "verified": true}}
	})
	take := changed("domains", []any{"example.com"})
	other := s.another(directorytest.NewClient(t))
	first := other.own(nil)
	second := s.own(nil)
	for name, change := range map[string]func() error{
		"a change": func() error { return s.modify(schema.IdentityProviderType, second, take) },
		"a new connection": func() error {
			_, err := s.configure(schema.Document{"displayName": "x", "domains": []any{"example.com"}})
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			s.mustModify(schema.IdentityProviderType, first, func(doc schema.Document) { delete(doc, "domains") })
			hook := func(clientv3.Op) error {
				other.mustModify(schema.IdentityProviderType, first, take)
				return nil
			}
			f.before.Store(&hook)
			if err := change(); err == nil || !strings.Contains(err.Error(), first.String()) {
				t.Errorf("assigned twice: %v", err)
			}
		})
	}
}

// What is kept of connections is bounded, however many come and go.
func TestConnectionsKept(t *testing.T) {
	s := newSite(t)
	connection := s.own(nil)
	s.hook.parsedCount.Store(maxParsed)
	s.hook.parsed.Store(directory.NewID(), &loaded{})
	if _, err := s.hook.load(s.snapshot(), "default", s.connection(connection)); err != nil {
		t.Fatal(err)
	}
	kept := 0
	s.hook.parsed.Range(func(any, any) bool { kept++; return true })
	if kept > 1 {
		t.Errorf("%d connections are kept over the bound", kept)
	}

	var n notes
	now := time.Now()
	for range 3 {
		if id := directory.NewID(); !n.due(id, now) || n.due(id, now.Add(59*time.Second)) {
			t.Error("not once a minute")
		}
		if now = now.Add(time.Minute); len(n.last) != 1 {
			t.Errorf("%d connections are remembered", len(n.last))
		}
	}
}
