package samlhook

import (
	"crypto/hmac"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"time"

	"rollcall/directory"
	"rollcall/directory/schema"
	"rollcall/internal/remote"
	"rollcall/internal/web"
	"rollcall/samlhook/saml"
)

// A test sign-in goes the whole way to the identity provider and back, creates nothing and signs nobody in. That it is
// a test stands in the id of its request, under our MAC, so the identity provider's answer can't be anything else.

// testLinkLifetime is how long a test link may be used.
const testLinkLifetime = 15 * time.Minute

// testState is what the RelayState of a test begins with; the id of the request follows. It is needed only for an
// answer that no signature covers.
const testState = "test"

// testLink serves POST /IdentityProviders/{id}/.testLink: a link for whoever is to test the connection without a
// session of an administrator. It needs the scope admin.
func (h *Hook) testLink(w http.ResponseWriter, r *http.Request, d *directory.Directory, id directory.ID) error {
	if err := administers(d); err != nil {
		return err
	}
	s, err := d.Snapshot(r.Context())
	if err != nil {
		return err
	}
	connection, err := s.Get(schema.IdentityProviderType, id)
	if err != nil {
		return err
	}
	l, err := h.load(s, d.Name(), connection)
	if err != nil {
		return err
	}
	if l.requests == nil {
		return &directory.Error{Kind: directory.Invalid, Detail: "the connection has no key yet; change any of its " +
			"attributes to have one made"}
	}
	expires := h.now().Add(testLinkLifetime)
	link := h.urls(d.Name(), id).Login + "?test=" + l.requests.sealTestLink(id.String(), expires)
	return writeAction(w, http.StatusOK, schema.Document{"url": link, "expiresAt": schema.FormatTime(expires)})
}

// sealTestLink makes the token of a test link.
func (k requestKey) sealTestLink(connection string, expires time.Time) string {
	body := binary.BigEndian.AppendUint64(nil, uint64(expires.Unix()))
	return base64.RawURLEncoding.EncodeToString(append(body, k.testLinkMAC(connection, body)...))
}

// opensTest reports whether the token of a test link is ours, of this connection, and not over.
func (k requestKey) opensTest(connection, token string, now time.Time) bool {
	raw, err := base64.RawURLEncoding.Strict().DecodeString(token)
	if err != nil || len(raw) != expiryBytes+macBytes ||
		!hmac.Equal(raw[expiryBytes:], k.testLinkMAC(connection, raw[:expiryBytes])) {
		return false
	}
	return now.Unix() < int64(binary.BigEndian.Uint64(raw))
}

func (k requestKey) testLinkMAC(connection string, body []byte) []byte {
	return k.mac("test link", append([]byte(connection+"\x00"), body...))[:macBytes]
}

// mayTest reports whether the request may begin a test: its session is an administrator's, or it has a test link.
func (x *exchange) mayTest(l *loaded, asked string) (bool, error) {
	if asked != "1" {
		return l.requests.opensTest(l.Connection.ID, asked, x.now()), nil
	}
	// A test that passes puts a pending change in force, and a link on another site must not do that.
	if x.r.Header.Get("Sec-Fetch-Site") == "cross-site" {
		return false, nil
	}
	d, err := x.signedIn()
	if directory.KindOf(err) == directory.Unauthenticated {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	return administers(d) == nil, nil
}

// beginTest sends the browser to the identity provider for a test. A connection may be tested before it is enabled.
func (x *exchange) beginTest(l *loaded, asked string) error {
	may, err := x.mayTest(l, asked)
	if err != nil {
		return err
	}
	if !may {
		return errNoTest
	}
	if l, err = x.tested(l); err != nil {
		return err
	}
	if refusal := l.usable(); refusal != nil && refusal.Reason != ReasonConnectionDisabled {
		return refusal
	}
	now := x.now()
	id, _ := l.requests.issue(forTest, l.Connection.ID, now.Add(loginLifetime))
	return x.send(l, id, testState+id, now)
}

// testRequest reports whether a RelayState says that the answer is one to a test request of ours.
func (l *loaded) testRequest(relayState string, now time.Time) bool {
	id, ok := strings.CutPrefix(relayState, testState)
	if !ok || l.requests == nil {
		return false
	}
	request, refusal := l.requests.check(l.Connection.ID, id, now)
	return refusal == nil && request.For == forTest
}

// endTest judges the answer to a test request and shows what it would have come to. It reports false for an answer that
// is none: what is signed says which request is answered.
func (x *exchange) endTest(s *directory.Snapshot, connection *directory.Resource, post saml.Post) (bool, error) {
	a := &attempt{exchange: x, post: post, at: x.now(), trial: &trial{test: true}}
	if err := a.try(s, connection); err != nil {
		return true, err
	}
	if a.refusal != nil && a.refusal.Reason == ReasonAssertionUsed {
		return true, x.unverified(a.loaded.Name, a.refusal, nil)
	}
	if a.response.Verified && !a.answersTest() {
		return false, nil
	}
	doc := a.trial.doc
	doc["outcome"] = string(OutcomeTested)
	if err := a.recordTest(doc); err != nil {
		return true, err
	}
	reason, _ := doc["reason"].(string)
	x.count(OutcomeTested, saml.Reason(reason))
	x.show(http.StatusOK, "test", a.testPage(s, x.Language(x.r)), web.Policy{})
	return true, nil
}

// answersTest reports whether the signed part answers a test request. One that answers nothing came with the RelayState
// of a test, and one that answers an unknown request signs nobody in anyway.
func (a *attempt) answersTest() bool {
	if a.response.Assertion == nil || a.response.Assertion.InResponseTo == "" {
		return true
	}
	request, refusal := a.loaded.requests.check(a.loaded.Connection.ID, a.response.Assertion.InResponseTo, a.at)
	return refusal != nil || request.For == forTest
}

// recordTest records the test and uses up its ids. What nobody vouches for goes into the ring.
func (a *attempt) recordTest(doc schema.Document) error {
	if !a.response.Verified {
		a.ring.add(directory.Unvouched{Organization: a.org, Connection: a.connection,
			Network: remote.Network(a.r.RemoteAddr), At: a.at, Document: unvouchedOf(doc)})
		return nil
	}
	as := a.dir.As(directory.Connection(a.connection))
	trial := a.trial
	_, err := as.Update(a.r.Context(), func(tx *directory.Tx) error {
		a.refusal = nil
		connection, err := tx.Get(schema.IdentityProviderType, a.connection)
		if err != nil {
			return err
		}
		if err := a.consume(tx); err != nil && !errors.Is(err, errIsTest) {
			return err
		}
		trial.taken = false
		if trial.draft != "" && trial.passed {
			if trial.taken, err = tx.TakeDraft(connection, trial.draft); err != nil {
				return err
			}
		}
		_, err = tx.RecordSignIn(trial.doc)
		return err
	})
	if errors.Is(err, errNotRecorded) {
		refusal := a.refusal
		if refusal == nil {
			refusal = saml.Refuse(ReasonAssertionUsed, saml.Say("assertion_used.old"))
		}
		return a.unverified(a.loaded.Name, refusal, nil)
	}
	if err == nil {
		a.remember()
	}
	return err
}

// testPage is what test.html shows.
type testPage struct {
	web.Brand
	Organization, Connection string
	Passed, Disabled         bool
	Draft, Taken             bool // a pending change was tested, and is in force now
	Explanation              string
	Checks                   []toldCheck
	Obstacles                []obstacle
	Attributes               []saml.ReceivedAttribute
	NameID, NameIDUse        string
	Correlation              string
	Again                    string
}

// toldCheck is a check with its name in the reader's language; obstacle is a refusal in it.
type (
	toldCheck struct {
		saml.Check
		Name string
	}
	obstacle struct {
		Reason      saml.Reason
		Explanation string
	}
)

func (a *attempt) testPage(s *directory.Snapshot, language string) testPage {
	p := testPage{Brand: a.brand(s), Organization: displayOrganization(s),
		Connection: a.loaded.Name, Passed: len(a.obstacles) == 0,
		Disabled: !a.loaded.Enabled, Explanation: tell(language, a.decision.Explanation),
		Attributes: a.identity.Attributes, Correlation: a.id, Draft: a.trial.draft != "",
		Taken: a.trial.taken}
	for _, c := range a.response.Checks {
		p.Checks = append(p.Checks, toldCheck{c, checkName(language, c.Name)})
	}
	for _, o := range a.obstacles {
		p.Obstacles = append(p.Obstacles, obstacle{o.Reason, tell(language, o.Explanation)})
	}
	if a.response.Assertion != nil {
		p.NameID = saml.Clip(a.response.Assertion.NameID)
	}
	if p.NameID != "" && a.identity.UserName == a.identity.NameID {
		p.NameIDUse = attributeUserName
	}
	for i, r := range p.Attributes {
		p.Attributes[i].Value = firstCharacters(saml.Clip(r.Value), keptCharacters)
	}
	p.Again = a.urls(a.org, a.connection).Login + "?" + url.Values{"test": {"1"}}.Encode()
	return p
}
