package samlhook

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"strings"
	"time"

	"rollcall/samlhook/saml"
)

// RequestKey signs request ids and login cookies, so that a login leaves nothing
// on the server: any node of ours recognizes what another one issued. It is a
// secret of the organization, of at least 32 bytes.
type RequestKey []byte

const (
	nonceBytes      = 16
	connectionBytes = 8
	expiryBytes     = 8
	macBytes        = 16
	requestIDBytes  = nonceBytes + connectionBytes + expiryBytes + macBytes

	// LoginCookiePrefix starts the name of the cookie of each running login.
	LoginCookiePrefix = "rollcall-login-"
)

// RequestID is what a request id that we issued says.
type RequestID struct {
	Nonce   string // also the RelayState, and part of the login cookie's name
	Expires time.Time
}

// CookieName is the name of this request's login cookie: one for each request, so
// that two tabs do not overwrite each other.
func (r RequestID) CookieName() string { return LoginCookiePrefix + r.Nonce }

// New makes the id of a request through a connection: an XML ID that holds a
// nonce, the connection and the expiry (whole seconds) under a MAC.
func (k RequestKey) New(connection string, expires time.Time) (id string, request RequestID) {
	raw := make([]byte, nonceBytes, requestIDBytes)
	rand.Read(raw) // never fails since Go 1.24
	request = RequestID{Nonce: base64.RawURLEncoding.EncodeToString(raw), Expires: time.Unix(expires.Unix(), 0).UTC()}
	raw = append(raw, connectionTag(connection)...)
	raw = binary.BigEndian.AppendUint64(raw, uint64(expires.Unix()))
	raw = append(raw, k.mac("saml request", raw)[:macBytes]...)
	return "_" + base64.RawURLEncoding.EncodeToString(raw), request
}

// Check judges an id at the time now. The error is a *Refusal: saml.ReasonRequestUnknown
// for what this key did not make, saml.ReasonRequestForeign for another connection's,
// saml.ReasonRequestExpired. Whether it was answered before it cannot know.
func (k RequestKey) Check(connection, id string, now time.Time) (RequestID, *saml.Refusal) {
	encoded, ok := strings.CutPrefix(id, "_")
	raw, err := base64.RawURLEncoding.Strict().DecodeString(encoded)
	if !ok || err != nil || len(raw) != requestIDBytes || !hmac.Equal(raw[requestIDBytes-macBytes:], k.mac("saml request", raw[:requestIDBytes-macBytes])[:macBytes]) {
		return RequestID{}, saml.Refuse(saml.ReasonRequestUnknown, "The response answers a request that this organization did not make; start at our login URL again.")
	}
	request := RequestID{
		Nonce:   base64.RawURLEncoding.EncodeToString(raw[:nonceBytes]),
		Expires: time.Unix(int64(binary.BigEndian.Uint64(raw[nonceBytes+connectionBytes:])), 0).UTC(),
	}
	if !hmac.Equal(raw[nonceBytes:nonceBytes+connectionBytes], connectionTag(connection)) {
		return RequestID{}, saml.Refuse(saml.ReasonRequestForeign, "The response answers a request that was made through another connection of this organization.")
	}
	if !now.Before(request.Expires) {
		return RequestID{}, saml.Refuse(saml.ReasonRequestExpired, "The sign-in took too long: its request ended at "+request.Expires.Format(time.RFC3339)+"; start again.")
	}
	return request, nil
}

// Checker is Check for Connection.CheckRequest.
func (k RequestKey) Checker(connection string) func(id string, now time.Time) *saml.Refusal {
	return func(id string, now time.Time) *saml.Refusal {
		_, refusal := k.Check(connection, id, now)
		return refusal
	}
}

// connectionTag names a connection inside an id.
func connectionTag(connection string) []byte {
	sum := sha256.Sum256([]byte(connection))
	return sum[:connectionBytes]
}

func (k RequestKey) mac(purpose string, data []byte) []byte {
	h := hmac.New(sha256.New, k)
	h.Write([]byte(purpose))
	h.Write([]byte{0})
	h.Write(data)
	return h.Sum(nil)
}
