package saml

import (
	"cmp"
	"crypto/rsa"
	"crypto/x509"
	"time"
)

// Connection is everything that verification and requests need to know of one identity provider and of ourselves
// towards it. It is a value: the caller makes it from the IdentityProvider resource, and nothing here changes it.
type Connection struct {
	// ID is that of the IdentityProvider resource.
	ID string

	// EntityID is ours, which audiences must name. ACSURL is where responses are posted, which Destination and
	// Recipient must equal.
	EntityID string
	ACSURL   string

	// IdPEntityID is what Issuer must equal. SSOURL and Binding (BindingRedirect or BindingPost) say where requests go.
	IdPEntityID string
	SSOURL      string
	Binding     string

	// Certificates hold the keys that may sign. Nothing else of a certificate but its key and validity is used: it is
	// trusted because it is listed here.
	Certificates []*x509.Certificate

	// Key and Certificate are ours. They sign requests when SignRequests is set. NextCertificate, if not nil, is of
	// another key of ours, which our metadata publishes as well.
	Key             *rsa.PrivateKey
	Certificate     *x509.Certificate
	NextCertificate *x509.Certificate
	SignRequests    bool

	ForceAuthn            bool
	RequestedAuthnContext []string
	// AcceptedAuthnContext and AcceptedAuthnMethods say what proves that the person authenticated as asked: a context
	// class, or a value of Entra ID's claim authnmethodsreferences. If both are empty, a requested context does.
	AcceptedAuthnContext []string
	AcceptedAuthnMethods []string
	// NameIDFormat is asked for in requests; empty sends no NameIDPolicy.
	NameIDFormat string

	// WantEncrypted accepts encrypted assertions, and no others. DecryptionKeys are ours that may decrypt them; each is
	// tried. TryCBC is asked before an assertion in a Response without a signature is decrypted with CBC under a key,
	// whose bytes it gets: false refuses it. Nil lets all be tried.
	WantEncrypted  bool
	DecryptionKeys []*rsa.PrivateKey
	TryCBC         func(secret []byte) bool

	AllowSHA1         bool
	AllowIdPInitiated bool

	// ClockSkew is granted on every comparison with a time of the identity provider; zero means DefaultClockSkew.
	ClockSkew time.Duration
	Limits    Limits

	// Attributes overrides the alias lists.
	Attributes AttributeMapping

	// CheckRequest judges an InResponseTo: it says when the request was made, or refuses it with one of the request
	// reasons. It cannot know whether the request was answered before: that is for the transaction of the sign-in. Nil
	// means that no request is known.
	CheckRequest func(id string, now time.Time) (made time.Time, refusal *Refusal)

	// Used refuses the ID of a signed Response or assertion that is known to be used up: nil, or a refusal. It is asked
	// once the signature is known to be genuine, before what is signed is read. Nil means that none is known.
	Used func(id string) *Refusal
}

// DefaultClockSkew is granted if a Connection does not say.
const DefaultClockSkew = 60 * time.Second

func (c *Connection) skew() time.Duration { return cmp.Or(c.ClockSkew, DefaultClockSkew) }
