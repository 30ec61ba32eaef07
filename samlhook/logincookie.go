package samlhook

import (
	"crypto/hmac"
	"encoding/base64"
	"encoding/json"
	"strings"
	"time"

	"rollcall/samlhook/saml"
)

// Login is what a login cookie keeps in the browser between login and finish.
type Login struct {
	Request string    `json:"r"` // the request id
	Target  string    `json:"t"` // where to go afterwards
	Expires time.Time `json:"e"`
}

// SealLogin makes the value of a login cookie: readable by its holder, changed by
// nobody.
func (k RequestKey) SealLogin(l Login) string {
	body, err := json.Marshal(l)
	if err != nil {
		panic("samlhook: a Login always marshals: " + err.Error())
	}
	encoded := base64.RawURLEncoding.EncodeToString(body)
	return encoded + "." + base64.RawURLEncoding.EncodeToString(k.mac("login cookie", []byte(encoded)))
}

// OpenLogin reads a login cookie at the time now. The error is a *Refusal
// (ReasonLoginCookie).
func (k RequestKey) OpenLogin(value string, now time.Time) (Login, *saml.Refusal) {
	bad := saml.Refuse(ReasonLoginCookie, "The login cookie is missing, expired or not ours: the sign-in was not started in this browser.")
	encoded, mac, _ := strings.Cut(value, ".")
	given, err := base64.RawURLEncoding.Strict().DecodeString(mac)
	if err != nil || !hmac.Equal(given, k.mac("login cookie", []byte(encoded))) {
		return Login{}, bad
	}
	var l Login
	body, err := base64.RawURLEncoding.DecodeString(encoded)
	if err != nil || json.Unmarshal(body, &l) != nil || !now.Before(l.Expires) {
		return Login{}, bad
	}
	return l, nil
}
