package samlhook

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/json"
	"time"

	"rollcall/directory"
	"rollcall/samlhook/saml"
)

const sealedCode = "hand-over code"

// codeLifetime is how long the browser may take from acs to finish.
const codeLifetime = time.Minute

// handOver is what acs hands to finish through the browser. It travels sealed, so any node can open it, and nothing of
// it is stored until it is used.
type handOver struct {
	ID          string       `json:"i"` // used once
	User        directory.ID `json:"u"`
	Epoch       int64        `json:"s"` // of the User's sessions
	Expires     time.Time    `json:"e"`
	SessionEnd  time.Time    `json:"n"` // as the identity provider says; zero if it does not
	Binding     []byte       `json:"b"` // hash of the binding cookie
	Correlation string       `json:"c"`
	Request     string       `json:"r,omitempty"` // nonce of our request; empty for IdP-initiated sign-in
	Target      string       `json:"t,omitempty"` // of IdP-initiated sign-in
	Claimant    *claimant    `json:"k,omitempty"` // who claims a User; nil for a sign-in
}

// boundTo reports whether this is the value of the binding cookie that was set with the code.
func (o handOver) boundTo(cookie string) bool {
	return cookie != "" && subtle.ConstantTimeCompare(o.Binding, hashOf(cookie)) == 1
}

func hashOf(s string) []byte {
	sum := sha256.Sum256([]byte(s))
	return sum[:]
}

// sealCode makes the code for a connection.
func (k requestKey) sealCode(connection string, o handOver) (string, error) {
	body, err := json.Marshal(o)
	if err != nil {
		return "", err
	}
	return base64.RawURLEncoding.EncodeToString(k.seal(sealedCode, body, []byte(connection))), nil
}

// openCode reads a code. It refuses one that this key did not make for the connection (ReasonCodeInvalid), and one that
// has expired, whose contents it returns as well (ReasonCodeExpired).
func (k requestKey) openCode(connection, code string, now time.Time) (handOver, *saml.Refusal) {
	invalid := saml.Refuse(ReasonCodeInvalid)
	raw, err := base64.RawURLEncoding.Strict().DecodeString(code)
	if err != nil {
		return handOver{}, invalid
	}
	body, ok := k.open(sealedCode, raw, []byte(connection))
	if !ok {
		return handOver{}, invalid
	}
	var o handOver
	if err := json.Unmarshal(body, &o); err != nil {
		return handOver{}, invalid
	}
	if !now.Before(o.Expires) {
		return o, saml.Refuse(ReasonCodeExpired, saml.Say("code_expired", "limit", codeLifetime))
	}
	return o, nil
}

// randomToken is a name or a secret that nobody can guess: 128 random bits.
func randomToken() string {
	b := make([]byte, 16)
	rand.Read(b) // never fails since Go 1.24
	return base64.RawURLEncoding.EncodeToString(b)
}
