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

// Tries are counted by the key of the message: under one there are few, and those under others do not count.
func TestCBCTries(t *testing.T) {
	var c cbcTries
	now := time.Unix(600, 0)
	began := func(secret string, n int) (ok int) {
		for range n {
			if c.begin([]byte(secret), now) {
				ok++
			}
		}
		return ok
	}
	if n := began("caught", 100); n != mostTries {
		t.Errorf("%d tries", n)
	}
	for range 100 { // messages wait for their turns, so they do not come in order
		now = now.Add(-time.Millisecond)
		if n := began("caught", 1); n != 0 {
			t.Fatalf("%d at an earlier minute", n)
		}
		now = now.Add(time.Millisecond)
		if n := began("caught", 1); n != 0 {
			t.Fatalf("%d at the later minute again", n)
		}
	}
	for i := range 1000 {
		if began(fmt.Sprint(i), 1) != 1 {
			t.Fatal("another key is held, too")
		}
	}
	c.succeed([]byte("caught"))
	if n := began("caught", 5); n != 1 {
		t.Errorf("%d after a good one", n)
	}
	now = now.Add(time.Minute)
	if n := began("caught", 5); n != 0 {
		t.Errorf("%d at the turn of the minute", n)
	}
	c.succeed([]byte("caught")) // of the minute before
	if n := began("caught", 5); n != 1 {
		t.Errorf("%d after a good one of the minute before", n)
	}
	c.succeed([]byte("unknown"))
	now = now.Add(2 * time.Minute)
	if n := began("caught", 100); n != mostTries {
		t.Errorf("%d after two minutes", n)
	}

	// There is always room; what is remembered is bounded.
	for i := range 2*maxTried + 10 {
		if began(fmt.Sprint("many", i), 1) != 1 {
			t.Fatal("no room")
		}
	}
	if len(c.now) > maxTried || len(c.before) > maxTried {
		t.Errorf("%d and %d are remembered", len(c.now), len(c.before))
	}
}

// Anybody can encrypt for us. However much strangers send that can't be used, people come in, whichever network they are
// in and however their identity provider encrypts. Who tries changes of a message that he caught is stopped, and stops
// nobody else; a Response that the identity provider signs is never held.
func TestStrangersHoldNobodysDecryption(t *testing.T) {
	s := newSite(t)
	connection := s.own(with(jitOn, "wantEncrypted", true))
	s.later(time.Until(time.Now().Truncate(time.Minute).Add(time.Minute))) // the clock is at the beginning of a minute
	l, err := s.hook.load(s.snapshot(), "default", s.connection(connection))
	if err != nil {
		t.Fatal(err)
	}
	ours := samltest.Party{Key: l.DecryptionKeys[0]}
	b := s.browser()
	form := func(e samltest.Encryption, id string) url.Values {
		e.To = ours
		message := decoded(t, s.forged(connection, s.request(b, connection), "ann", id, nil))
		return url.Values{"SAMLResponse": {encode(samltest.Encrypt(t, message, e))}}
	}
	comesIn := func(when string) {
		t.Helper()
		for _, data := range []string{samltest.AES128CBC, samltest.AES128GCM} {
			id := "_" + directory.NewID().String()
			response := b.step(s.acsURL(connection), form(samltest.Encryption{Data: data}, id))
			if response.StatusCode != http.StatusSeeOther {
				t.Errorf("%s, %s: %d", when, data, response.StatusCode)
			}
		}
	}

	// What can't be read, and what can be read and nobody signed.
	flip := func(b []byte) []byte { b[len(b)-1] ^= 1; return b }
	unsigned := func(string) string { return `<saml:Assertion xmlns:saml="urn:oasis:names:tc:SAML:2.0:assertion"/>` }
	for i := range 4 * mostTries {
		for _, e := range []samltest.Encryption{{Data: samltest.AES128CBC, Cipher: flip},
			{Data: samltest.AES128CBC, Plain: unsigned}, {Cipher: flip}} {
			bad := b.step(s.acsURL(connection), form(e, fmt.Sprint("_s", i)))
			if bad.StatusCode != http.StatusBadRequest && bad.StatusCode != http.StatusTooManyRequests {
				t.Fatalf("%+v: %d", e, bad.StatusCode)
			}
		}
	}
	comesIn("after a flood")

	// Changes of a caught message, which has the key of the genuine one.
	caught := form(samltest.Encryption{Data: samltest.AES128CBC}, "_caught")
	message := decoded(t, caught)
	at := strings.LastIndex(message, "</xenc:CipherValue>") - 60
	changed := func(i int) url.Values {
		return url.Values{"SAMLResponse": {encode(message[:at] + string(rune('A'+i%26)) + message[at+1:])}}
	}
	held := 0
	for i := range 2 * mostTries {
		if b.step(s.acsURL(connection), changed(i)).StatusCode == http.StatusServiceUnavailable {
			held++
		}
	}
	if held < mostTries-2 || held > mostTries+2 { // one of the 26 letters is the one that was there
		t.Errorf("%d of %d tries were held", held, 2*mostTries)
	}
	comesIn("while somebody tries")
	late := b.step(s.acsURL(connection), changed(0))
	if late.StatusCode != http.StatusServiceUnavailable || late.Header.Get("Retry-After") == "" {
		t.Errorf("held: %d %v", late.StatusCode, late.Header)
	}
	outer := samltest.Sign(t, decoded(t, form(samltest.Encryption{Data: samltest.AES128CBC}, "_o")), "Response",
		samltest.Signing{})
	wantStatus(t, b.step(s.acsURL(connection), url.Values{"SAMLResponse": {encode(outer)}}), http.StatusSeeOther)
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
