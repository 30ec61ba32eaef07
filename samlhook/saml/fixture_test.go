package saml

import (
	"bytes"
	"crypto/x509"
	"errors"
	"testing"
	"time"

	"rollcall/samlhook/saml/samltest"
)

// The fixtures under short names: the tables are long enough.
type (
	parts   = samltest.Message
	signing = samltest.Signing
	party   = samltest.Party
)

var (
	keys     = samltest.Keys
	newParts = samltest.NewMessage
	sign     = samltest.Sign
	signed   = samltest.Signed
	replace  = samltest.Replace
	at       = samltest.At
	testNow  = samltest.Now
)

func testConnection() *Connection {
	return &Connection{
		ID: "c1", EntityID: samltest.EntityID, ACSURL: samltest.ACS, IdPEntityID: samltest.IdP,
		Certificates: []*x509.Certificate{keys().IdP.Cert},
		CheckRequest: func(id string, _ time.Time) (time.Time, *Refusal) {
			if id == samltest.Request {
				return testNow.Add(-2 * time.Minute), nil
			}
			return time.Time{}, Refuse(ReasonRequestUnknown)
		},
	}
}
func wrapLines(s string, every int) string {
	var b bytes.Buffer
	for len(s) > every {
		b.WriteString(s[:every] + "\r\n")
		s = s[every:]
	}
	return b.String() + s
}

func wantReason(t *testing.T, err error, want Reason) {
	t.Helper()
	if refusal, ok := errors.AsType[*Refusal](err); !ok || refusal == nil || refusal.Reason != want {
		t.Errorf("error = %v, want a refusal with %s", err, want)
	}
}
