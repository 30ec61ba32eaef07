package samlhook

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/tidwall/gjson"

	"rollcall/directory"
	"rollcall/directory/schema"
	"rollcall/samlhook/saml"
	"rollcall/samlhook/saml/samltest"
)

// dryRun posts a dry run as a credential with the scope admin.
func (s *site) dryRun(connection directory.ID, body any) (gjson.Result, error) {
	s.t.Helper()
	return s.dryRunAs(directory.ScopeAdmin, connection, body)
}

func (s *site) dryRunAs(rights directory.Rights, connection directory.ID, body any) (gjson.Result, error) {
	s.t.Helper()
	raw, is := body.(string)
	if !is {
		b, err := json.Marshal(body)
		if err != nil {
			s.t.Fatal(err)
		}
		raw = string(b)
	}
	r := httptest.NewRequest(http.MethodPost, "/", strings.NewReader(raw)).WithContext(s.t.Context())
	w := httptest.NewRecorder()
	d := s.org.As(directory.Actor{Type: "AccessToken", Rights: rights})
	err := s.hook.Actions()[".dryRun"](w, r, d, connection)
	return gjson.ParseBytes(w.Body.Bytes()), err
}

func (s *site) revision() int64 {
	s.t.Helper()
	return s.snapshot().Revision()
}

// A dry run says everything that would happen, and nothing happens.
func TestDryRun(t *testing.T) {
	s := newSite(t)
	group := s.createGroup("Everybody", nil)
	connection := s.own(schema.Document{"jit": map[string]any{"enabled": true,
		"defaultGroups": []any{map[string]any{"value": group.String()}}}})
	bob := s.createUser(schema.Document{"userName": "bob", "name": map[string]any{"givenName": "Bob"}})
	before, records := s.revision(), len(s.signIns())
	names := map[string]any{"firstName": []string{"Ann"}, "lastName": []string{"Archer"}}

	made, err := s.dryRun(connection, map[string]any{"nameId": "ann", "attributes": names})
	if err != nil || made.Get("outcome").String() != string(OutcomeCreated) ||
		made.Get("creates.userName").String() != "ann" || made.Get("creates.name.familyName").String() != "Archer" ||
		made.Get("groups.added.0").String() != group.String() || made.Get("user").Exists() ||
		made.Get("attributes.0.mapsTo").String() != "firstName" || made.Get("identity.givenName").String() != "Ann" {
		t.Errorf("a new person: %v %s", err, made.Raw)
	}
	linked, err := s.dryRun(connection, map[string]any{"nameId": "bob", "attributes": names})
	if err != nil || linked.Get("reason").String() != string(ReasonLinked) ||
		linked.Get("user.value").String() != bob.String() || linked.Get("links.nameId").String() != "bob" ||
		!strings.Contains(linked.Get("updates").Raw, `"familyName":"Archer"`) {
		t.Errorf("a person whom SCIM made: %v %s", err, linked.Raw)
	}
	if s.revision() != before || len(s.signIns()) != records {
		t.Error("a dry run wrote to the store")
	}
	s.mustModify(schema.IdentityProviderType, connection, changed("enabled", false))
	refused, err := s.dryRun(connection, map[string]any{"nameId": "ann"})
	s.mustModify(schema.IdentityProviderType, connection, changed("enabled", true))
	before = s.revision()
	var reasons []string
	for _, o := range refused.Get("obstacles").Array() {
		reasons = append(reasons, o.Get("reason").String())
	}
	if err != nil || strings.Join(reasons, " ") != "missing_attribute connection_disabled" {
		t.Errorf("all obstacles: %v %v", err, reasons)
	}

	// A value that the directory does not take is found, too: the whole change runs.
	unfit, err := s.dryRun(connection, map[string]any{"nameId": strings.Repeat("é", 200), "attributes": names})
	if err != nil || unfit.Get("reason").String() != string(saml.ReasonInvalidAttribute) {
		t.Errorf("a userName of 400 bytes: %v %s", err, unfit.Raw)
	}

	// A response, as XML and as it is posted, and one that is not signed.
	b := s.browser()
	form := s.forged(connection, s.request(b, connection), "ann", "_a1", nil)
	for name, response := range map[string]string{"base64": form.Get("SAMLResponse"),
		"XML": decodedXML(t, form.Get("SAMLResponse"))} {
		got, err := s.dryRun(connection, map[string]string{"response": response})
		if err != nil || got.Get("outcome").String() != string(OutcomeCreated) || len(got.Get("checks").Array()) < 10 {
			t.Errorf("%s: %v %s", name, err, got.Raw)
		}
	}
	unsigned, err := s.dryRun(connection, map[string]string{"response": samltest.NewMessage().Response()})
	if err != nil || unsigned.Get("reason").String() != string(saml.ReasonUnsigned) || unsigned.Get("identity").Exists() {
		t.Errorf("an unsigned response: %v %s", err, unsigned.Raw)
	}
	if s.revision() != before || len(s.signIns()) != records || len(s.users("ann")) != 0 {
		t.Error("a dry run wrote to the store")
	}
	// It uses nothing up.
	wantStatus(t, b.step(s.acsURL(connection), form), http.StatusSeeOther)
}

// A dry run of what an unknown key signed does not refresh the metadata.
func TestDryRunFetchesNothing(t *testing.T) {
	keys := samltest.Keys()
	server := newMetadataServer(t, keys.Second)
	s := newSite(t)
	id, err := s.configure(with(with(jitOn, "displayName", "x"), "metadataUrl", server.URL))
	if err != nil {
		t.Fatal(err)
	}
	server.have(keys.IdP) // forged signs with it
	s.later(refreshEvery)
	form := s.forged(id, s.request(s.browser(), id), "ann", "_a1", nil)
	before := s.revision()
	got, err := s.dryRun(id, map[string]string{"response": form.Get("SAMLResponse")})
	if err != nil || got.Get("reason").String() != string(saml.ReasonSignatureInvalid) {
		t.Errorf("%v %s", err, got.Raw)
	}
	if asked, _ := server.counts(); asked != 1 || s.revision() != before {
		t.Errorf("a dry run had the metadata fetched (%d requests) or wrote to the store", asked)
	}
}

// What a User arrived with last can be judged again, under the settings of today.
func TestDryRunOfUser(t *testing.T) {
	s := newSite(t)
	connection := s.own(jitOn)
	b := s.browser()
	wantStatus(t, b.step(s.acsURL(connection), s.forged(connection, s.request(b, connection), "ann", "_a1", nil)),
		http.StatusSeeOther)
	ann := s.users("ann")[0].ID
	never := s.createUser(schema.Document{"userName": "never"})
	if got, err := s.dryRun(connection, map[string]string{"user": ann.String()}); err != nil ||
		got.Get("outcome").String() != string(OutcomeSignedIn) || got.Get("identity.familyName").String() != "Archer" {
		t.Errorf("ann: %v %s", err, got.Raw)
	}
	s.mustModify(schema.UserType, ann, changed("active", false))
	if got, err := s.dryRun(connection, map[string]string{"user": ann.String()}); err != nil ||
		got.Get("reason").String() != string(ReasonUserInactive) {
		t.Errorf("ann, inactive: %v %s", err, got.Raw)
	}
	for name, c := range map[string]struct {
		user string
		says string
	}{"never here": {never.String(), "never arrived"}, "no id": {"x", "must be the id"},
		"unknown": {directory.NewID().String(), "not found"}} {
		if _, err := s.dryRun(connection, map[string]string{"user": c.user}); err == nil ||
			!strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v", name, err)
		}
	}
	// Through another connection, the person never arrived.
	other := s.own(with(jitOn, "displayName", "Other"))
	if _, err := s.dryRun(other, map[string]string{"user": ann.String()}); err == nil {
		t.Error("another connection knows what ann arrived with")
	}
}

// sessionOf is what the session of a User with the role may do.
func (s *site) sessionOf(role string, connection directory.ID) *directory.Directory {
	s.t.Helper()
	user := s.createUser(schema.Document{"userName": role, "roles": []any{map[string]any{"value": role}}})
	secret := ""
	s.update(func(tx *directory.Tx) (err error) {
		secret, err = tx.CreateSession(user, connection, s.hook.now().Add(time.Hour))
		return err
	})
	d, err := s.org.Authenticate(s.t.Context(), directory.Credential{Session: secret})
	if err != nil {
		s.t.Fatal(err)
	}
	return d
}

// decodedXML is a message as XML.
func decodedXML(t *testing.T, message string) string {
	t.Helper()
	raw, err := base64.StdEncoding.DecodeString(message)
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

// Only whoever administers may ask, and only for one thing.
func TestDryRunRefuses(t *testing.T) {
	s := newSite(t)
	connection := s.own(jitOn)
	person := map[string]any{"nameId": "ann"}
	for name, rights := range map[string]directory.Rights{"write": directory.ScopeWrite, "read": directory.ScopeRead,
		"self": directory.ScopeSelf} {
		for action := range s.hook.Actions() {
			r := httptest.NewRequest(http.MethodPost, "/", strings.NewReader(`{"nameId":"ann"}`))
			d := s.org.As(directory.Actor{Type: "AccessToken", Rights: rights})
			if err := s.hook.Actions()[action](httptest.NewRecorder(), r, d, connection); directory.KindOf(
				err) != directory.Forbidden {
				t.Errorf("%s with %s: %v", action, name, err)
			}
		}
	}
	if _, err := s.dryRun(connection, person); err != nil {
		t.Errorf("admin: %v", err)
	}

	// Of the roles, those that read everything; and it stays a dry run.
	for role, may := range map[string]bool{"administrator": true, "auditor": true, "manager": false} {
		d := s.sessionOf(role, connection)
		before := s.revision()
		r := httptest.NewRequest(http.MethodPost, "/", strings.NewReader(
			`{"nameId":"ann","attributes":{"firstName":["A"],"lastName":["B"]}}`)).WithContext(t.Context())
		w := httptest.NewRecorder()
		err := s.hook.dryRun(w, r, d, connection)
		if may && (err != nil || gjson.Get(w.Body.String(), "outcome").String() != "created") {
			t.Errorf("%s: %v %s", role, err, w.Body)
		}
		if !may && directory.KindOf(err) != directory.Forbidden {
			t.Errorf("%s: %v", role, err)
		}
		if s.revision() != before {
			t.Errorf("%s wrote something", role)
		}
	}
	for name, body := range map[string]string{
		"nothing": `{}`, "two things": `{"nameId":"ann","user":"x"}`, "unknown": `{"who":"ann"}`, "not JSON": `{`,
		"a list": `[]`, "attributes alone": `{"attributes":{"a":["b"]}}`, "not base64": `{"response":"%%%"}`,
		"more": `{"nameId":"ann"}{}`, "too large": `{"response":"` + strings.Repeat("A", maxDryRun) + `"}`,
	} {
		_, err := s.dryRun(connection, body)
		_, refused := errors.AsType[*schema.Error](err)
		if _, large := errors.AsType[*http.MaxBytesError](err); !refused && !large {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// What was received of a person is kept apart: administrators and auditors see it with the single SignIn.
func TestIdentityIsKept(t *testing.T) {
	s := newSite(t)
	connection := s.own(jitOn)
	b := s.browser()
	long := strings.Repeat("x", 100)
	form := s.forged(connection, s.request(b, connection), "ann", "_a1", func(m string) string {
		return samltest.Replace(t, m, "alice@example.com</saml:AttributeValue>", long+"@example.com</saml:AttributeValue>")
	})
	wantStatus(t, b.step(s.acsURL(connection), form), http.StatusSeeOther)
	listed := s.lastSignIn(OutcomeCreated, ReasonCreated)
	if strings.Contains(string(listed.JSON), long[:40]) {
		t.Errorf("a list shows it: %s", listed.JSON)
	}
	for role, sees := range map[string]bool{"administrator": true, "auditor": true, "manager": false} {
		r, _, err := s.sessionOf(role, connection).Get(t.Context(), "SignIn", listed.ID)
		if err != nil {
			t.Fatalf("%s: %v", role, err)
		}
		if got := r.Text("identity.userName") == "ann"; got != sees {
			t.Errorf("%s: %s", role, r.JSON)
		}
		if got := r.Text(`attributes.#(mapsTo=="email").value`); sees && got != long[:64] {
			t.Errorf("the value is %q", got)
		}
	}
	page, err := s.org.Query(t.Context(), directory.Query{Type: "Event", Limit: 1000})
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range page.Resources {
		if strings.Contains(string(e.JSON), `"identity"`) {
			t.Errorf("an Event has it: %s", e.JSON)
		}
	}

	// It goes before the SignIn does, where the organization says so.
	s.mustModify(schema.OrganizationType, s.snapshot().Organization().ID,
		changed("retention", map[string]any{"identityDays": number(1)}))
	s.later(25 * time.Hour)
	if err := s.store.Sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
	if r, _, err := s.org.Get(t.Context(), "SignIn", listed.ID); err != nil || r.Text("identity.userName") != "" {
		t.Errorf("after its time: %v", err)
	}
}
