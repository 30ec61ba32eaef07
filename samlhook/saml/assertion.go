package saml

import "time"

// Assertion is a verified assertion, as it was signed.
type Assertion struct {
	ID           string
	Version      string
	Issuer       string
	IssueInstant time.Time

	NameID       string // trimmed
	NameIDFormat string // empty if not given
	// NameQualifier and SPNameQualifier are empty if not given, and if they are what is meant without them (SAML Core
	// §8.3.7): the identity provider, and ourselves.
	NameQualifier, SPNameQualifier string

	// InResponseTo is the request that is answered, as the signed part says; empty for IdP-initiated sign-in.
	InResponseTo string
	// NotOnOrAfter is when the assertion ends: the earlier of the conditions' and the subject confirmation's.
	NotOnOrAfter time.Time

	SessionIndex        string
	SessionNotOnOrAfter time.Time // zero if not given
	AuthnInstant        time.Time
	AuthnContext        string

	// Attributes are in the order of the assertion; two with one Name stay two.
	Attributes []Attribute
}

// Attribute is one saml:Attribute with its values, trimmed, in order. A nil value is left out, an empty one is "".
type Attribute struct {
	Name         string
	FriendlyName string
	Values       []string
}

// decodeAttributes reads all AttributeStatements.
func decodeAttributes(assertion *element) []Attribute {
	var all []Attribute
	for _, statement := range children(assertion, nsAssertion, "AttributeStatement") {
		for _, el := range children(statement, nsAssertion, "Attribute") {
			a := Attribute{Name: trim(attr(el, "Name")), FriendlyName: trim(attr(el, "FriendlyName"))}
			for _, value := range children(el, nsAssertion, "AttributeValue") {
				if !isNil(value) {
					a.Values = append(a.Values, trim(deepText(value)))
				}
			}
			all = append(all, a)
		}
	}
	return all
}
