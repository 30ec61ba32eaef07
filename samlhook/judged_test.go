package samlhook

import (
	"net/http"
	"testing"
	"time"

	"rollcall/directory"
	"rollcall/directory/schema"
	"rollcall/samlhook/saml"
	"rollcall/samlhook/saml/samltest"
)

// What a genuine message may not do.

// A message that does not say who the person is signs nobody in and creates nobody.
func TestMessageWithoutUserName(t *testing.T) {
	s := newSite(t)
	connection := s.own(with(jitOn, "attributes", map[string]any{"userName": "login"}))
	wantStatus(t, s.post(s.browser(), connection, "ann@example.com", samltest.Attribute("firstName", "Ann"),
		samltest.Attribute("lastName", "Arbor")), http.StatusForbidden)
	s.lastSignIn(OutcomeRefused, saml.ReasonMissingAttribute)
	wantStatus(t, s.post(s.browser(), connection, "ann@example.com", samltest.Attribute("login", "a\u200bnn")),
		http.StatusForbidden)
	s.lastSignIn(OutcomeRefused, saml.ReasonInvalidAttribute)
	if s.people() != 0 || s.linked(connection, "ann@example.com") != nil {
		t.Error("somebody was created or linked")
	}
}

// A connection uses up no request of another one: the person's own answer is accepted afterwards.
func TestForeignRequestStays(t *testing.T) {
	s := newSite(t)
	mine, other := s.own(jitOn), s.own(with(jitOn, "displayName", "Other"))
	b := s.browser()
	request := s.request(b, mine)
	foreign := b.step(s.acsURL(other), s.forged(other, request, "mallory", "_foreign", nil))
	if foreign.StatusCode == http.StatusSeeOther {
		t.Fatal("a request of another connection was answered")
	}
	s.hook.ring.flush()
	s.lastSignIn(OutcomeRefused, saml.ReasonRequestForeign)
	wantStatus(t, b.step(s.acsURL(mine), s.forged(mine, request, "ann", "_own", nil)), http.StatusSeeOther)
	if len(s.users("mallory")) != 0 || len(s.users("ann")) != 1 {
		t.Error("the wrong person came in")
	}
}

// A second answer to a request leaves no record of its own: it could come again and again.
func TestSecondAnswerIsNotRecorded(t *testing.T) {
	s := newSite(t)
	connection := s.own(jitOn)
	b := s.browser()
	request := s.request(b, connection)
	wantStatus(t, b.step(s.acsURL(connection), s.forged(connection, request, "ann", "_a1", nil)), http.StatusSeeOther)
	before := s.vouched()
	for _, id := range []string{"_a2", "_a3"} {
		wantStatus(t, b.step(s.acsURL(connection), s.forged(connection, request, "ben", id, nil)), http.StatusForbidden)
	}
	if n := s.vouched() - before; n != 0 {
		t.Errorf("%d records of second answers", n)
	}
}

// The replay key is the assertion's, or that of a signed response; it lasts as long as the message could be accepted,
// and a minute for one that is refused for its age.
func TestReplayKey(t *testing.T) {
	at := samltest.Now
	assertion := func(id string, issued time.Time) *saml.Response {
		return &saml.Response{ID: "_r", Issuer: "response's", IssueInstant: at, ResponseSigned: true,
			Assertion: &saml.Assertion{ID: id, Issuer: "i", IssueInstant: issued}}
	}
	longest := maxIssueAge + 2*maxClockSkew
	refusal := saml.Refuse(saml.ReasonAudience)
	one, two := directory.NewID(), directory.NewID()
	for _, c := range []struct {
		name       string
		connection directory.ID
		response   *saml.Response
		refusal    *saml.Refusal
		id         string // with the issuer; "" where there is none
		until      time.Time
	}{
		{"an assertion", one, assertion("_a", at), nil, "i\x00_a", at.Add(longest)},
		{"of another connection", two, assertion("_a", at), nil, "i\x00_a", at.Add(longest)},
		{"without an id", one, assertion("", at), nil, "", time.Time{}},
		{"just in time", one, assertion("_a", at.Add(time.Second-longest)), nil, "i\x00_a", at.Add(time.Second)},
		{"too old", one, assertion("_a", at.Add(-longest)), nil, "", time.Time{}},
		{"too old and refused", one, assertion("_a", at.Add(-longest)), refusal, "i\x00_a", at.Add(time.Minute)},
		{"a signed response", one, &saml.Response{ID: "_r", Issuer: "i", IssueInstant: at, ResponseSigned: true}, refusal,
			"i\x00_r", at.Add(longest)},
		{"a response that nobody signed", one, &saml.Response{ID: "_r", Issuer: "i", IssueInstant: at}, refusal, "",
			time.Time{}},
	} {
		a := &attempt{exchange: &exchange{connection: c.connection}, at: at}
		a.response, a.refusal = c.response, c.refusal
		id, until, ok := a.replayKey()
		if ok != (c.id != "") || ok && (id != c.connection.String()+"\x00"+c.id || !until.Equal(c.until)) {
			t.Errorf("%s: %q until %v, %v", c.name, id, until, ok)
		}
	}
}

// What acs decided on is looked at again in the transaction that begins the session, whatever was seen before it.
func TestRecheckInTheTransaction(t *testing.T) {
	for name, c := range map[string]struct {
		change func(s *site, connection, user directory.ID)
		reason saml.Reason
	}{
		"nothing": {func(*site, directory.ID, directory.ID) {}, ""},
		"connection disabled": {func(s *site, connection, _ directory.ID) {
			s.mustModify(schema.IdentityProviderType, connection, changed("enabled", false))
		}, ReasonConnectionDisabled},
		"deleted": {func(s *site, _, user directory.ID) { s.remove(schema.UserType, user) }, ReasonUserDeleted},
		"deactivated": {func(s *site, _, user directory.ID) {
			s.mustModify(schema.UserType, user, changed("active", false))
		}, ReasonUserInactive},
		"sessions ended": {func(s *site, _, user directory.ID) {
			s.update(func(tx *directory.Tx) error { return tx.EndSessions(user) })
		}, ReasonSessionsEnded},
		"session over": {func(s *site, _, _ directory.ID) { s.later(time.Hour + time.Second) }, saml.ReasonSessionExpired},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSite(t)
			connection, user := s.own(nil), s.createUser(schema.Document{"userName": "ann"})
			at := s.hook.now()
			f := &finishing{exchange: &exchange{Hook: s.hook, connection: connection}, at: at,
				loaded:   &loaded{Settings: Settings{Session: 8 * time.Hour}},
				handOver: handOver{User: user, SessionEnd: at.Add(time.Hour)}}
			c.change(s, connection, user)
			s.update(func(tx *directory.Tx) error {
				f.refusal, f.secret = nil, ""
				return f.begin(tx)
			})
			if c.reason == "" && (f.refusal != nil || s.signedInAs(f.secret) != user) {
				t.Errorf("refused: %v", f.refusal)
			}
			if c.reason != "" && (f.refusal == nil || f.refusal.Reason != c.reason || f.secret != "") {
				t.Errorf("refusal %v, want %s", f.refusal, c.reason)
			}
		})
	}
}

// Full sync takes nobody out of a group that the allow-list has no more, whoever put them in.
func TestSyncKeepsWhatIsNotAllowed(t *testing.T) {
	s := newSite(t)
	for _, name := range []string{"A", "B"} {
		s.createGroup(name, nil)
	}
	connection := s.own(syncingWith("full"))
	s.syncAs(connection, "ann", []string{"A", "B"})
	s.mustModify(schema.IdentityProviderType, connection, func(doc schema.Document) {
		doc["groupSync"] = syncingWith("full", "allow", []any{"B"})["groupSync"]
	})
	record := s.syncAs(connection, "ann", []string{})
	s.wantIn("ann", "A")
	if len(listed(record, "kept")) != 1 || len(listed(record, "removed")) != 1 {
		t.Errorf("record %s", record.JSON)
	}
}
