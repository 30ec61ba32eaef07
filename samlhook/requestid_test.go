package samlhook

import (
	"errors"
	"regexp"
	"strings"
	"testing"
	"time"

	"rollcall/samlhook/saml"
	"rollcall/samlhook/saml/samltest"
)

// wantReason checks that an error is a refusal with this reason.
func wantReason(t *testing.T, err error, want saml.Reason) {
	t.Helper()
	if refusal, ok := errors.AsType[*saml.Refusal](err); !ok || refusal == nil || refusal.Reason != want {
		t.Errorf("error = %v, want a refusal with %s", err, want)
	}
}

func TestRequestKey(t *testing.T) {
	key, other := requestKey(strings.Repeat("a", 32)), requestKey(strings.Repeat("b", 32))
	expires := samltest.Now.Add(10 * time.Minute)
	id, made := key.issue(forSession, "c1", expires)
	if !regexp.MustCompile(`^_[A-Za-z0-9_-]{64}$`).MatchString(id) {
		t.Errorf("%q is no XML ID of the expected size", id)
	}
	if second, _ := key.issue(forSession, "c1", expires); second == id {
		t.Error("two requests have one id")
	}
	got, err := key.check("c1", id, samltest.Now)
	if err != nil || got != made || !got.Expires.Equal(expires) || len(got.Nonce) != 22 {
		t.Errorf("Check = %+v, %v; New said %+v", got, err, made)
	}
	flip := []byte(id)
	flip[40] ^= 1
	for _, c := range []struct {
		name, connection, id string
		key                  requestKey
		now                  time.Time
		want                 saml.Reason
	}{
		{"another connection's", "c2", id, key, samltest.Now, saml.ReasonRequestForeign},
		{"another organization's", "c1", id, other, samltest.Now, saml.ReasonRequestUnknown},
		{"expired to the second", "c1", id, key, expires, saml.ReasonRequestExpired},
		{"one bit changed", "c1", string(flip), key, samltest.Now, saml.ReasonRequestUnknown},
		{"cut", "c1", id[:40], key, samltest.Now, saml.ReasonRequestUnknown},
		{"empty", "c1", "", key, samltest.Now, saml.ReasonRequestUnknown},
		{"without underscore", "c1", id[1:], key, samltest.Now, saml.ReasonRequestUnknown},
		{"followed by something", "c1", id + "!", key, samltest.Now, saml.ReasonRequestUnknown},
		{"longer", "c1", id + "AAAA", key, samltest.Now, saml.ReasonRequestUnknown},
		{"without its end", "c1", id[:len(id)-4], key, samltest.Now, saml.ReasonRequestUnknown},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := c.key.check(c.connection, c.id, c.now)
			wantReason(t, err, c.want)
		})
	}
}

// What is sealed or signed for one purpose is not for another one, nor are the two parts taken for each other.
func TestPurposesStandApart(t *testing.T) {
	key := requestKey(strings.Repeat("a", 32))
	if string(key.mac("ab", []byte("c"))) == string(key.mac("a", []byte("bc"))) {
		t.Error("a purpose runs into what is signed")
	}
	seen := map[string]purpose{}
	for _, p := range purposes {
		id, made := key.issue(p, "c1", samltest.Now.Add(time.Minute))
		if got, err := key.check("c1", id, samltest.Now); err != nil || got != made || got.For != p {
			t.Errorf("%q: %+v, %v", p, got, err)
		}
		mac := string(key.requestMAC(p, []byte("same")))
		if other, ok := seen[mac]; ok {
			t.Errorf("%q and %q have one signature", p, other)
		}
		seen[mac] = p
	}
}
