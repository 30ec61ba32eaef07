package saml

// XML namespaces and identifiers of SAML 2.0, XML Signature and XML Encryption.
const (
	nsAssertion = "urn:oasis:names:tc:SAML:2.0:assertion"
	nsProtocol  = "urn:oasis:names:tc:SAML:2.0:protocol"
	nsMetadata  = "urn:oasis:names:tc:SAML:2.0:metadata"
	nsDsig      = "http://www.w3.org/2000/09/xmldsig#"
	nsEnc       = "http://www.w3.org/2001/04/xmlenc#"
	nsEnc11     = "http://www.w3.org/2009/xmlenc11#"
	nsXSI       = "http://www.w3.org/2001/XMLSchema-instance"

	statusSuccess = "urn:oasis:names:tc:SAML:2.0:status:Success"
	methodBearer  = "urn:oasis:names:tc:SAML:2.0:cm:bearer"
)

// The bindings that we speak (SAML Bindings §3.4, §3.5).
const (
	BindingRedirect = "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect"
	BindingPost     = "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST"
)

// Formats of NameIDs that are special to us (SAML Core §8.3).
const (
	// NameIDTransient is refused: a NameID that changes with every sign-in identifies nobody.
	NameIDTransient = "urn:oasis:names:tc:SAML:2.0:nameid-format:transient"
	// NameIDPersistent is told apart from other formats: one value may be two people.
	NameIDPersistent = "urn:oasis:names:tc:SAML:2.0:nameid-format:persistent"
	// NameIDEmail is taken for the e-mail address when no attribute has one.
	NameIDEmail = "urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress"
)
