package saml

import (
	"crypto/rsa"
	"crypto/x509"
	"time"
)

// Connection is all that verification and requests need to know of one identity
// provider and of ourselves towards it. It is a value: the caller builds it from
// the IdentityProvider resource, and nothing here changes it.
type Connection struct {
	// ID of the IdentityProvider resource. Request ids are bound to it.
	ID string

	// EntityID is ours, what audiences must name; ACSURL is where responses are
	// posted, what Destination and Recipient must equal.
	EntityID string
	ACSURL   string

	// IdPEntityID is what Issuer must equal. SSOURL and Binding (BindingRedirect
	// or BindingPost) say where requests go.
	IdPEntityID string
	SSOURL      string
	Binding     string

	// Certificates hold the keys that may sign. Nothing else of a certificate but
	// key and validity is used: trust comes from being listed here.
	Certificates []*x509.Certificate

	// Key and Certificate are ours: they sign requests when SignRequests is set.
	Key          *rsa.PrivateKey
	Certificate  *x509.Certificate
	SignRequests bool

	ForceAuthn            bool
	RequestedAuthnContext []string
	// NameIDFormat is asked for in requests; empty sends no NameIDPolicy.
	NameIDFormat string

	AllowSHA1         bool
	AllowIdPInitiated bool

	// ClockSkew is granted on every comparison with a time of the identity
	// provider; zero means DefaultClockSkew.
	ClockSkew time.Duration
	Limits    Limits

	// Attributes overrides the alias list.
	Attributes AttributeMapping

	// CheckRequest judges an InResponseTo: nil, or a *Refusal with one of the
	// request reasons. RequestKey.Checker makes one. Whether the request was
	// answered before is not its business: that is decided by the transaction.
	// A nil CheckRequest knows no requests.
	CheckRequest func(id string, now time.Time) error
}

// DefaultClockSkew is granted when a Connection names none.
const DefaultClockSkew = 60 * time.Second

func (c *Connection) skew() time.Duration {
	if c.ClockSkew > 0 {
		return c.ClockSkew
	}
	return DefaultClockSkew
}
