package samlhook

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"slices"
	"strings"
	"time"

	"rollcall/samlhook/saml"
)

// requestKey makes request ids, login cookies and hand-over codes that any node of ours recognizes, so that a login
// leaves nothing on the server. It is a secret of the organization, of at least 32 bytes.
type requestKey []byte

// Lengths of the parts of a request id, in bytes.
const (
	nonceBytes      = 16
	connectionBytes = 8
	expiryBytes     = 8
	macBytes        = 16
	requestIDBytes  = nonceBytes + connectionBytes + expiryBytes + macBytes
)

// requestID is what a request id of ours says.
type requestID struct {
	Nonce   string // also the RelayState; the login cookie knows the request by it
	Expires time.Time
	For     purpose
}

// purpose is what the answer to a request is for. It is under the MAC.
type purpose string

// An answer that is not for a session signs nobody in.
const (
	forSession purpose = ""
	forTest    purpose = "test"  // shows what a sign-in would do (testsignin.go)
	forClaim   purpose = "claim" // says who claims a User (claim.go)
)

var purposes = []purpose{forSession, forTest, forClaim}

// issue makes the id of a request through a connection: an XML ID that holds a nonce, the connection and the expiry (in
// whole seconds) under a MAC.
func (k requestKey) issue(p purpose, connection string, expires time.Time) (id string, request requestID) {
	raw := make([]byte, nonceBytes, requestIDBytes)
	rand.Read(raw) // never fails since Go 1.24
	request = requestID{
		Nonce:   base64.RawURLEncoding.EncodeToString(raw),
		Expires: time.Unix(expires.Unix(), 0).UTC(),
		For:     p,
	}
	raw = append(raw, connectionTag(connection)...)
	raw = binary.BigEndian.AppendUint64(raw, uint64(expires.Unix()))
	raw = append(raw, k.requestMAC(p, raw)...)
	return "_" + base64.RawURLEncoding.EncodeToString(raw), request
}

// check judges an id at the time now. It refuses an id that this key did not make (saml.ReasonRequestUnknown), one of
// another connection (saml.ReasonRequestForeign) and one that has expired (saml.ReasonRequestExpired). It cannot know
// whether the request was answered before.
func (k requestKey) check(connection, id string, now time.Time) (requestID, *saml.Refusal) {
	encoded, ok := strings.CutPrefix(id, "_")
	raw, err := base64.RawURLEncoding.Strict().DecodeString(encoded)
	const signed = requestIDBytes - macBytes
	made := -1
	if ok && err == nil && len(raw) == requestIDBytes {
		made = slices.IndexFunc(purposes, func(p purpose) bool {
			return hmac.Equal(raw[signed:], k.requestMAC(p, raw[:signed]))
		})
	}
	if made < 0 {
		return requestID{}, saml.Refuse(saml.ReasonRequestUnknown)
	}
	request := requestID{
		Nonce:   base64.RawURLEncoding.EncodeToString(raw[:nonceBytes]),
		Expires: time.Unix(int64(binary.BigEndian.Uint64(raw[nonceBytes+connectionBytes:])), 0).UTC(),
		For:     purposes[made],
	}
	if !hmac.Equal(raw[nonceBytes:nonceBytes+connectionBytes], connectionTag(connection)) {
		return requestID{}, saml.Refuse(saml.ReasonRequestForeign)
	}
	if !now.Before(request.Expires) {
		return requestID{}, saml.Refuse(saml.ReasonRequestExpired,
			saml.Say("request_expired", "expired", request.Expires.Format(time.RFC3339)))
	}
	return request, nil
}

// checker is check for saml.Connection.CheckRequest.
func (k requestKey) checker(connection string) func(id string, now time.Time) (time.Time, *saml.Refusal) {
	return func(id string, now time.Time) (time.Time, *saml.Refusal) {
		request, refusal := k.check(connection, id, now)
		return request.Expires.Add(-loginLifetime), refusal
	}
}

// connectionTag names a connection inside an id.
func connectionTag(connection string) []byte { return hashOf(connection)[:connectionBytes] }

func (k requestKey) requestMAC(p purpose, raw []byte) []byte {
	name := "saml request"
	if p != forSession {
		name += " for a " + string(p)
	}
	return k.mac(name, raw)[:macBytes]
}

// mac is a MAC for one purpose.
func (k requestKey) mac(purpose string, data []byte) []byte {
	h := hmac.New(sha256.New, k)
	h.Write([]byte(purpose))
	h.Write([]byte{0})
	h.Write(data)
	return h.Sum(nil)
}
