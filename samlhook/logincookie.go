package samlhook

import (
	"crypto/hmac"
	"encoding/base64"
	"encoding/json"
	"strings"
	"time"

	"rollcall/samlhook/saml"
)

// loginState is what a login cookie keeps in the browser between login and finish.
type loginState struct {
	Request string    `json:"r"` // the request id
	Target  string    `json:"t"` // where to go afterwards
	Expires time.Time `json:"e"`
}

// sealLogin makes the value of a login cookie. Whoever has it can read it; nobody can change it.
func (k requestKey) sealLogin(l loginState) string {
	body, err := json.Marshal(l)
	if err != nil {
		panic("samlhook: a loginState always marshals: " + err.Error())
	}
	encoded := base64.RawURLEncoding.EncodeToString(body)
	return encoded + "." + base64.RawURLEncoding.EncodeToString(k.mac("login cookie", []byte(encoded)))
}

// openLogin reads a login cookie at the time now. It refuses one that is empty, expired or not ours
// (ReasonLoginCookie).
func (k requestKey) openLogin(value string, now time.Time) (loginState, *saml.Refusal) {
	bad := saml.Refuse(ReasonLoginCookie,
		"The login cookie is missing, expired or not ours: the sign-in was not started in this browser.")
	encoded, mac, _ := strings.Cut(value, ".")
	given, err := base64.RawURLEncoding.Strict().DecodeString(mac)
	if err != nil || !hmac.Equal(given, k.mac("login cookie", []byte(encoded))) {
		return loginState{}, bad
	}
	var l loginState
	body, err := base64.RawURLEncoding.DecodeString(encoded)
	if err != nil || json.Unmarshal(body, &l) != nil || !now.Before(l.Expires) {
		return loginState{}, bad
	}
	return l, nil
}
