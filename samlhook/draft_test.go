package samlhook

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/gorilla/mux"
	"github.com/tidwall/gjson"
	clientv3 "go.etcd.io/etcd/client/v3"

	"rollcall/directory"
	"rollcall/directory/directorytest"
	"rollcall/directory/schema"
	"rollcall/samlhook/saml"
	"rollcall/samlhook/saml/samltest"
	"rollcall/scimapi"
)

// patchSCIM changes a connection over SCIM, as an administrator would, and returns the status and the reply.
func (s *site) patchSCIM(connection directory.ID, query string, operations ...any) (int, gjson.Result) {
	s.t.Helper()
	body, err := json.Marshal(map[string]any{"schemas": []string{"urn:ietf:params:scim:api:messages:2.0:PatchOp"},
		"Operations": operations})
	if err != nil {
		s.t.Fatal(err)
	}
	return s.scim(http.MethodPatch, "/IdentityProviders/"+connection.String()+query, string(body))
}

// scim sends a request to SCIM with the operator's token.
func (s *site) scim(method, path, body string) (int, gjson.Result) {
	s.t.Helper()
	actions := map[string]scimapi.Action{}
	for name, act := range s.hook.Actions() {
		actions[name] = act
	}
	api, err := scimapi.New(s.store, scimapi.Options{PublicURL: s.hook.public, Hooks: map[string]scimapi.Hook{
		schema.IdentityProviderType: {Prepare: s.hook.Prepare, Resolve: s.hook.Resolve, Render: s.hook.Render,
			Pend: s.hook.Pend, Base: s.hook.Base, Actions: actions}}})
	if err != nil {
		s.t.Fatal(err)
	}
	router := mux.NewRouter()
	api.Register(router)
	r := httptest.NewRequest(method, "/orgs/default/scim/v2"+path, strings.NewReader(body)).WithContext(s.t.Context())
	r.Header.Set("Authorization", "Bearer "+directorytest.OperatorToken)
	r.Header.Set("Content-Type", "application/scim+json")
	w := httptest.NewRecorder()
	router.ServeHTTP(w, r)
	return w.Code, gjson.ParseBytes(w.Body.Bytes())
}

func replace(path string, value any) map[string]any {
	return map[string]any{"op": "replace", "path": path, "value": value}
}

// secondKey is the identity provider of the fixtures with another key.
func secondKey() any {
	return map[string]any{"entityId": samltest.IdP, "ssoUrl": "https://idp.example.com/sso",
		"certificates": []any{map[string]any{"pem": string(samltest.Keys().Second.PEM())}}}
}

// tryOn posts an answer of the identity provider to a test request.
func (s *site) tryOn(connection directory.ID, signing samltest.Signing) string {
	s.t.Helper()
	b := s.browser()
	begun := b.step(s.testLink(connection), nil)
	wantStatus(s.t, begun, http.StatusSeeOther)
	u, err := begun.Location()
	if err != nil {
		s.t.Fatal(err)
	}
	id := strings.TrimPrefix(u.Query().Get("RelayState"), testState)
	form := s.forged(connection, id, "tess", "_"+directory.NewID().String(), nil)
	form.Set("SAMLResponse", encode(samltest.Sign(s.t, unsignedOf(s.t, form.Get("SAMLResponse")), "Assertion", signing)))
	form.Set("RelayState", u.Query().Get("RelayState"))
	landed := b.step(s.acsURL(connection), form)
	wantStatus(s.t, landed, http.StatusOK)
	return bodyOf(s.t, landed)
}

// unsignedOf takes the signature out of a message.
func unsignedOf(t *testing.T, message string) string {
	t.Helper()
	xml := decodedXML(t, message)
	from, to := strings.Index(xml, "<ds:Signature"), strings.Index(xml, "</ds:Signature>")
	return xml[:from] + xml[to+len("</ds:Signature>"):]
}

// A pending change leaves what is in force alone, until a test with exactly it has passed.
func TestPendingChange(t *testing.T) {
	s := newSite(t)
	connection := s.own(jitOn)
	status, reply := s.patchSCIM(connection, "?pending=true", replace("idp", secondKey()))
	if status != http.StatusOK || reply.Get("pending.attributes.0").String() != "idp" ||
		strings.Contains(reply.Get("idp").Raw, saml.Fingerprint(samltest.Keys().Second.Cert)) {
		t.Fatalf("%d %s", status, reply.Raw)
	}
	signIn := func(signing samltest.Signing) int {
		b := s.browser()
		form := s.forged(connection, s.request(b, connection), "ann", "_"+directory.NewID().String(), nil)
		form.Set("SAMLResponse", encode(samltest.Sign(t, unsignedOf(t, form.Get("SAMLResponse")), "Assertion", signing)))
		return b.step(s.acsURL(connection), form).StatusCode
	}
	second := samltest.Signing{By: samltest.Keys().Second}
	if first, other := signIn(samltest.Signing{}), signIn(second); first != http.StatusSeeOther ||
		other != http.StatusBadRequest {
		t.Errorf("before the test: %d with the key in force, %d with the pending one", first, other)
	}

	// A test that does not pass changes nothing; one that passes swaps it, at once.
	if page := s.tryOn(connection, samltest.Signing{}); !strings.Contains(page, "pending change") {
		t.Errorf("a test with the old key:\n%s", page)
	}
	if _, reply := s.scim(http.MethodGet, "/IdentityProviders/"+connection.String(), ""); !reply.Get("pending").Exists() {
		t.Error("a test that failed put the change in force")
	}
	if page := s.tryOn(connection, second); !strings.Contains(page, "in force now") {
		t.Errorf("a test with the new key:\n%s", page)
	}
	_, reply = s.scim(http.MethodGet, "/IdentityProviders/"+connection.String()+"?attributes=pending,idp.certificates", "")
	if reply.Get("pending").Exists() ||
		!strings.Contains(reply.Get("idp").Raw, saml.Fingerprint(samltest.Keys().Second.Cert)) {
		t.Errorf("after the test: %s", reply.Raw)
	}
	if first, other := signIn(samltest.Signing{}), signIn(second); first != http.StatusBadRequest ||
		other != http.StatusSeeOther {
		t.Errorf("after the test: %d with the old key, %d with the new one", first, other)
	}
	if len(s.users("tess")) != 0 {
		t.Error("a test created a User")
	}
}

// What may be pending, and what becomes of it when the connection changes.
func TestPendingLimits(t *testing.T) {
	s := newSite(t)
	connection := s.own(jitOn)
	for _, path := range []string{"displayName", "linkBy", "domains"} {
		var value any = "x"
		if path != "displayName" {
			value = []string{"email"}
		}
		status, reply := s.patchSCIM(connection, "?pending=true", replace(path, value))
		if status != http.StatusBadRequest {
			t.Errorf("%s: %d %s", path, status, reply.Raw)
		}
	}
	if status, _ := s.scim(http.MethodPut, "/IdentityProviders/"+connection.String()+"?pending=true",
		`{"schemas":["urn:rollcall:params:scim:schemas:core:1.0:IdentityProvider"],"displayName":"x"}`); status != 400 {
		t.Errorf("PUT: %d", status)
	}

	// Changes add up; another change makes them stale, and they are discarded.
	for _, path := range []string{"forceAuthn", "signRequests"} {
		if status, reply := s.patchSCIM(connection, "?pending=true", replace(path, path == "forceAuthn")); status != 200 {
			t.Fatalf("%s: %d %s", path, status, reply.Raw)
		}
	}
	_, reply := s.scim(http.MethodGet, "/IdentityProviders/"+connection.String(), "")
	if got := reply.Get("pending.attributes").Raw; got != `["forceAuthn","signRequests"]` {
		t.Errorf("pending: %s", got)
	}
	s.mustModify(schema.IdentityProviderType, connection, changed("displayName", "Renamed"))
	_, reply = s.scim(http.MethodGet, "/IdentityProviders/"+connection.String(), "")
	if !reply.Get("pending.stale").Bool() {
		t.Errorf("not stale: %s", reply.Get("pending"))
	}
	s.tryOn(connection, samltest.Signing{})
	if r := s.connection(connection); r.Text("forceAuthn") != "" {
		t.Error("a stale change was put in force")
	}
	for _, want := range []int{http.StatusNoContent, http.StatusNotFound} {
		status, _ := s.scim(http.MethodPost, "/IdentityProviders/"+connection.String()+"/.discardPending", "")
		if status != want {
			t.Errorf("discard: %d, want %d", status, want)
		}
	}

	// A connection through which nobody can sign in is changed at once.
	empty, err := s.configure(schema.Document{"displayName": "New"})
	if err != nil {
		t.Fatal(err)
	}
	if status, reply := s.patchSCIM(empty, "?pending=true", replace("idp", secondKey())); status != 200 ||
		reply.Get("pending").Exists() || reply.Get("idp.entityId").String() != samltest.IdP {
		t.Errorf("a failing connection: %d %s", status, reply.Raw)
	}
}

// The pending change is replaced while a test of the earlier one ends: what was not tested stays pending.
func TestPendingRace(t *testing.T) {
	s, f := newFaultySite(t)
	connection := s.own(jitOn)
	other := s.another(directorytest.NewClient(t))
	if status, reply := s.patchSCIM(connection, "?pending=true", replace("sessionMinutes", 60)); status != 200 {
		t.Fatalf("%d %s", status, reply.Raw)
	}
	hook := func(clientv3.Op) error {
		if status, reply := other.patchSCIM(connection, "?pending=true", replace("sessionMinutes", 90)); status != 200 {
			t.Errorf("%d %s", status, reply.Raw)
		}
		return nil
	}
	f.before.Store(&hook)
	s.tryOn(connection, samltest.Signing{})
	_, reply := s.scim(http.MethodGet, "/IdentityProviders/"+connection.String(), "")
	if reply.Get("sessionMinutes").Exists() || !reply.Get("pending.version").Exists() {
		t.Errorf("a change that was not tested is in force: %s", reply.Raw)
	}
}
