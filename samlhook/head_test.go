package samlhook

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/gorilla/mux"

	"rollcall/directory"
	"rollcall/samlhook/saml"
	"rollcall/samlhook/saml/samltest"
)

// large makes a message one of half a megabyte.
func large(message string) string {
	const end = "</saml:AttributeStatement>"
	values := make([]string, 3000)
	return strings.Replace(message, end, samltest.Attribute("other", values...)+end, 1)
}

// largeBy is a large answer that a key signed; nobody if it has none.
func (s *site) largeBy(connection directory.ID, request string, by samltest.Party) url.Values {
	s.t.Helper()
	form := s.forged(connection, request, "ann", "_"+directory.NewID().String(), large)
	message := unsignedOf(s.t, form.Get("SAMLResponse"))
	if by.Key != nil {
		message = samltest.Sign(s.t, message, "Assertion", samltest.Signing{By: by})
	}
	form.Set("SAMLResponse", encode(message))
	return form
}

// A large message that no key of the connection signed is refused by its beginning, with the record that it would have
// had; one that is signed is read to its end.
func TestLargeMessages(t *testing.T) {
	s := newSite(t)
	connection, keys := s.own(jitOn), samltest.Keys()
	b := s.browser()
	wantStatus(t, b.step(s.acsURL(connection), s.largeBy(connection, s.request(b, connection), keys.IdP)),
		http.StatusSeeOther)
	router := mux.NewRouter()
	s.hook.Register(router)
	for reason, by := range map[saml.Reason]samltest.Party{saml.ReasonUnsigned: {},
		saml.ReasonSignatureInvalid: keys.Second} {
		body := strings.NewReader(s.largeBy(connection, s.request(b, connection), by).Encode())
		size := body.Len()
		r := httptest.NewRequest("POST", "/orgs/default/saml/"+connection.String()+"/acs", body)
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		w := httptest.NewRecorder()
		router.ServeHTTP(w, r)
		s.hook.ring.flush()
		record := s.lastSignIn(OutcomeRefused, reason)
		if w.Code != http.StatusBadRequest || record.Text("correlationId") != w.Header().Get("X-Request-Id") {
			t.Errorf("%s: status %d, record %s", reason, w.Code, record.JSON)
		}
		if size-body.Len() > 160<<10 || body.Len() < 200<<10 {
			t.Errorf("%s: %d of %d bytes were read", reason, size-body.Len(), size)
		}
		if signed := by.Key != nil; strings.Contains(string(record.JSON), `"signature"`) != signed {
			t.Errorf("%s: %s", reason, record.JSON)
		}
	}
}

// A large message by a key that is not known yet is read to its end if the metadata may be refreshed for it.
func TestLargeMessageByNewKey(t *testing.T) {
	keys := samltest.Keys()
	server := newMetadataServer(t, keys.Second)
	s := newSite(t)
	id, err := s.configure(with(with(jitOn, "displayName", "x"), "metadataUrl", server.URL))
	if err != nil {
		t.Fatal(err)
	}
	server.have(keys.IdP)
	s.later(refreshSoonest)
	b := s.browser()
	wantStatus(t, b.step(s.acsURL(id), s.largeBy(id, s.request(b, id), keys.IdP)), http.StatusSeeOther)
}

// A large message by another key is read to its end if a change is pending whose test it may answer.
func TestLargeMessageByPendingKey(t *testing.T) {
	s := newSite(t)
	pending, b := s.own(jitOn), s.browser()
	if status, reply := s.patchSCIM(pending, "?pending=true", replace("idp", secondKey())); status != http.StatusOK {
		t.Fatalf("%d %s", status, reply.Raw)
	}
	begun := b.step(s.testLink(pending), nil)
	u, err := begun.Location()
	if err != nil {
		t.Fatal(err)
	}
	state := u.Query().Get("RelayState")
	form := s.largeBy(pending, strings.TrimPrefix(state, testState), samltest.Keys().Second)
	form.Set("RelayState", state)
	landed := b.step(s.acsURL(pending), form)
	if page := bodyOf(t, landed); landed.StatusCode != http.StatusOK || !strings.Contains(page, "in force now") {
		t.Errorf("status %d\n%s", landed.StatusCode, page)
	}
}
