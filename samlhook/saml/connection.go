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

// DefaultLifetime is how long an assertion may be valid, and how old an IssueInstant may be, when Limits say nothing.
const DefaultLifetime = time.Hour

// Limits bound what a message may cost; a zero field means its default.
type Limits struct {
	Bytes    int           // of a message, decoded; default 2 MiB
	Elements int           // default 12,000: 5,000 groups, each an Attribute of its own
	Depth    int           // default 32
	Lifetime time.Duration // of an assertion, and the greatest age of an IssueInstant; default DefaultLifetime
}

func (l Limits) withDefaults() Limits {
	if l.Bytes <= 0 {
		l.Bytes = 2 << 20
	}
	if l.Elements <= 0 {
		l.Elements = 12_000
	}
	if l.Depth <= 0 {
		l.Depth = 32
	}
	if l.Lifetime <= 0 {
		l.Lifetime = DefaultLifetime
	}
	return l
}

// XML namespaces and identifiers of SAML 2.0 and XML Signature.
const (
	nsAssertion = "urn:oasis:names:tc:SAML:2.0:assertion"
	nsProtocol  = "urn:oasis:names:tc:SAML:2.0:protocol"
	nsMetadata  = "urn:oasis:names:tc:SAML:2.0:metadata"
	nsDsig      = "http://www.w3.org/2000/09/xmldsig#"
	nsXSI       = "http://www.w3.org/2001/XMLSchema-instance"

	// BindingRedirect and BindingPost are the bindings we speak.
	BindingRedirect = "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect"
	BindingPost     = "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST"

	// NameIDTransient is refused: a name that changes with every sign-in names nobody.
	NameIDTransient = "urn:oasis:names:tc:SAML:2.0:nameid-format:transient"
	NameIDEmail     = "urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress"

	statusSuccess = "urn:oasis:names:tc:SAML:2.0:status:Success"
	methodBearer  = "urn:oasis:names:tc:SAML:2.0:cm:bearer"
)
