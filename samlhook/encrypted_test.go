package samlhook

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"rollcall/directory"
	"rollcall/directory/schema"
	"rollcall/samlhook/saml"
	"rollcall/samlhook/saml/samltest"
)

// encrypted is forged, with the assertion encrypted for one of our keys, the first being 0.
func (s *site) encrypted(connection directory.ID, request, nameID, assertionID string, key int) url.Values {
	s.t.Helper()
	form := s.forged(connection, request, nameID, assertionID, nil)
	return s.encryptForm(connection, form, key)
}

func (s *site) encryptForm(connection directory.ID, form url.Values, key int) url.Values {
	s.t.Helper()
	l, err := s.hook.load(s.snapshot(), "default", s.connection(connection))
	if err != nil {
		s.t.Fatal(err)
	}
	to := samltest.Party{Key: l.DecryptionKeys[key]}
	return url.Values{"SAMLResponse": {encode(samltest.Encrypt(s.t, decoded(s.t, form), samltest.Encryption{To: to}))}}
}

// decoded is the message of a form.
func decoded(t *testing.T, form url.Values) string {
	t.Helper()
	r, err := http.NewRequest(http.MethodPost, "/", strings.NewReader(form.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	post, err := saml.ReadPost(r, 0, nil)
	if err != nil {
		t.Fatal(err)
	}
	return string(post.Message)
}

// Keys are rolled over without a sign-in that fails: at each step both keys decrypt that an identity provider may have,
// our metadata has both certificates, and the key that signs is the one that the step says.
func TestKeyRollover(t *testing.T) {
	s := newSite(t)
	connection := s.own(with(jitOn, "wantEncrypted", true))
	load := func() *loaded {
		l, err := s.hook.load(s.snapshot(), "default", s.connection(connection))
		if err != nil {
			t.Fatal(err)
		}
		return l
	}
	n := 0
	signIn := func(key int, want int) {
		t.Helper()
		b := s.browser()
		n++
		form := s.encrypted(connection, s.request(b, connection), "ann", fmt.Sprint("_a", n), key)
		wantStatus(t, b.step(s.acsURL(connection), form), want)
	}
	first := load().Key
	signIn(0, http.StatusSeeOther)
	step := func(value any) {
		t.Helper()
		s.mustModify(schema.IdentityProviderType, connection, func(doc schema.Document) {
			if doc["keyRollover"] = value; value == nil {
				delete(doc, "keyRollover")
			}
		})
	}

	step("publish")
	if l := load(); len(l.DecryptionKeys) != 2 || !l.Key.Equal(first) {
		t.Fatal("after publish the first key does not sign, or there is no second")
	}
	second := load().DecryptionKeys[1]
	metadata := s.browser().get(s.url + "/orgs/default/saml/" + connection.String() + "/metadata").Body
	if strings.Count(metadata, `use="encryption"`) != 2 || strings.Count(metadata, `use="signing"`) != 2 {
		t.Errorf("metadata %s", metadata)
	}
	signIn(0, http.StatusSeeOther)
	signIn(1, http.StatusSeeOther)
	if warned := s.warned(connection); !strings.Contains(warned, "keyRollover") {
		t.Errorf("health %s", warned)
	}
	step("use")
	if l := load(); !l.Key.Equal(second) || len(l.DecryptionKeys) != 2 {
		t.Fatal("after use the second key does not sign, or the first is gone")
	}
	signIn(0, http.StatusSeeOther)
	signIn(1, http.StatusSeeOther)
	old := s.encrypted(connection, "_r", "ann", "_old", 1)
	step(nil)
	if l := load(); !l.Key.Equal(second) || len(l.DecryptionKeys) != 1 {
		t.Fatal("in the end the second key is not the only one")
	}
	signIn(0, http.StatusSeeOther)
	wantStatus(t, s.browser().step(s.acsURL(connection), old), http.StatusBadRequest)
	s.hook.ring.flush()
	s.lastSignIn(OutcomeRefused, saml.ReasonDecryption)

	// Given up before the second key signs, the first one stays.
	step("publish")
	step(nil)
	if l := load(); !l.Key.Equal(second) || len(l.DecryptionKeys) != 1 {
		t.Error("a roll-over that was given up changed the key")
	}
}

// Too many messages that cannot be decrypted hold decryption for the rest of the minute: from one network its own, from
// many all. What the identity provider signs outside is never held.
func TestDecryptionFailures(t *testing.T) {
	var f failures
	id, now := directory.NewID(), time.Unix(600, 0)
	began := func(network string, n int) (ok int) {
		for range n {
			if f.begin(id, network, now) {
				ok++
			}
		}
		return ok
	}
	if n := began("a", 100); n != mostNetworkFailures {
		t.Errorf("%d from one network", n)
	}
	if n := began("b", 100) + began("c", 100) + began("d", 100); n != mostFailures-mostNetworkFailures {
		t.Errorf("%d from three more", n)
	}
	if !f.begin(directory.NewID(), "a", now) {
		t.Error("another connection is held, too")
	}
	f.succeed(id, "b", now)
	if n := began("e", 2); n != 1 {
		t.Errorf("%d after one that was decrypted", n)
	}
	now = now.Add(time.Minute)
	if n := began("a", 1); n != 1 {
		t.Error("held after a minute")
	}
	f.succeed(id, "a", now.Add(-time.Minute)) // of the minute before
	if n := began("a", 100); n != mostNetworkFailures-1 {
		t.Errorf("%d in the next minute", n)
	}

	// Through the door, where good messages of people are no failures.
	s := newSite(t)
	connection := s.own(with(jitOn, "wantEncrypted", true))
	s.later(time.Until(time.Now().Truncate(time.Minute).Add(time.Minute))) // the clock is at the beginning of a minute
	b := s.browser()
	for i := range 3 {
		wantStatus(t, b.step(s.acsURL(connection), s.encrypted(connection, s.request(b, connection), "ann",
			fmt.Sprint("_g", i), 0)), http.StatusSeeOther)
	}
	bad := s.encrypted(connection, "_r", "ann", "_b", 0)
	message := decoded(t, bad)
	at := strings.LastIndex(message, "</xenc:CipherValue>") - 20
	flipped := "A"
	if message[at] == 'A' {
		flipped = "B"
	}
	bad.Set("SAMLResponse", encode(message[:at]+flipped+message[at+1:]))
	for range mostNetworkFailures {
		wantStatus(t, b.step(s.acsURL(connection), bad), http.StatusBadRequest)
	}
	good := s.encrypted(connection, s.request(b, connection), "ann", "_h", 0)
	held := b.step(s.acsURL(connection), good)
	wantStatus(t, held, http.StatusServiceUnavailable)
	if held.Header.Get("Retry-After") == "" {
		t.Error("no Retry-After")
	}
	outer := samltest.Sign(t, decoded(t, s.encrypted(connection, s.request(b, connection), "ann", "_o", 0)), "Response",
		samltest.Signing{})
	wantStatus(t, b.step(s.acsURL(connection), url.Values{"SAMLResponse": {encode(outer)}}), http.StatusSeeOther)
	s.later(time.Minute)
	wantStatus(t, b.step(s.acsURL(connection), good), http.StatusSeeOther)
}

// Whoever sends what anybody can encrypt learns nothing from the answer: every failure of an encrypted message that
// nobody signed looks like the others, whatever was found inside.
func TestDecryptionAnswers(t *testing.T) {
	want := failureOf(saml.ReasonDecryption)
	for _, reason := range []saml.Reason{saml.ReasonUnsigned, saml.ReasonSignatureInvalid,
		saml.ReasonUnknownCertificate, saml.ReasonContentChanged, saml.ReasonMalformed, saml.ReasonSignatureShape, saml.ReasonSignatureEmpty,
		saml.ReasonReference, saml.ReasonTransforms, saml.ReasonAlgorithm, saml.ReasonWeakAlgorithm,
		saml.ReasonCertificateExpired, saml.ReasonMisplaced} {
		if got := failureOf(reason); got != want {
			t.Errorf("%s looks like %v, decryption_failed like %v", reason, got, want)
		}
	}
}

// What was used up is known before it is judged again, on this node and, after one more post, on another.
func TestUsedIsKnown(t *testing.T) {
	var u usedIDs
	now, id := time.Now(), directory.NewID()
	for i := range maxUsedIDs + 10 {
		u.add(id, fmt.Sprint(i), now.Add(time.Minute), now)
	}
	if len(u.until) > maxUsedIDs || !u.has(id, fmt.Sprint(maxUsedIDs+9), now) {
		t.Errorf("%d are remembered", len(u.until))
	}
	if u.has(directory.NewID(), fmt.Sprint(maxUsedIDs+9), now) ||
		u.has(id, fmt.Sprint(maxUsedIDs+9), now.Add(time.Minute)) {
		t.Error("of another connection, or one that is over, is known")
	}

	s := newSite(t)
	connection := s.own(jitOn)
	b := s.browser()
	form := s.forged(connection, s.request(b, connection), "ann", "_a1", nil)
	if s.hook.used.has(connection, "_a1", s.hook.now()) {
		t.Fatal("known before it came")
	}
	wantStatus(t, b.step(s.acsURL(connection), form), http.StatusSeeOther)
	if !s.hook.used.has(connection, "_a1", s.hook.now()) {
		t.Error("what was used up is not known")
	}
	wantStatus(t, b.step(s.acsURL(connection), form), http.StatusForbidden)
	s.hook.ring.flush()
	s.lastSignIn(OutcomeRefused, ReasonAssertionUsed)
	s.hook.used = usedIDs{} // as on another node
	wantStatus(t, b.step(s.acsURL(connection), form), http.StatusForbidden)
	if !s.hook.used.has(connection, "_a1", s.hook.now()) {
		t.Error("after a post that the store refused it is not known")
	}
}
