package samltest

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// Now is when the messages were made.
var Now = time.Date(2026, 3, 10, 12, 0, 0, 0, time.UTC)

// What the messages name.
const (
	IdP      = "https://idp.example.com/metadata" // the issuer
	EntityID = "https://rollcall.example.com/orgs/acme/saml/c1/metadata"
	ACS      = "https://rollcall.example.com/orgs/acme/saml/c1/acs"
	Request  = "_request1" // the request that is answered
	NameID   = "alice@example.com"
)

// At is the instant d after Now, as messages write it.
func At(d time.Duration) string { return Now.Add(d).Format("2006-01-02T15:04:05Z") }

// Message is a message in pieces, each of which a test may change.
type Message struct {
	ResponseOpen, ResponseIssuer, Status, Extra        string
	AssertionOpen, Issuer, Subject, Conditions         string
	AuthnStatement, Attributes, AssertionExtra, Epilog string
}

// NewMessage is a good message about Alice Archer, unsigned.
func NewMessage() *Message {
	return &Message{
		ResponseOpen: `<samlp:Response xmlns:samlp="urn:oasis:names:tc:SAML:2.0:protocol"` +
			` xmlns:saml="urn:oasis:names:tc:SAML:2.0:assertion" ID="_resp1" Version="2.0"` +
			` IssueInstant="` + At(-5*time.Second) + `" Destination="` + ACS + `" InResponseTo="` + Request + `">`,
		ResponseIssuer: `<saml:Issuer>` + IdP + `</saml:Issuer>`,
		Status: `<samlp:Status><samlp:StatusCode Value="urn:oasis:names:tc:SAML:2.0:status:Success"/>` +
			`</samlp:Status>`,
		AssertionOpen: `<saml:Assertion ID="_assert1" Version="2.0" IssueInstant="` + At(-5*time.Second) + `">`,
		Issuer:        `<saml:Issuer>` + IdP + `</saml:Issuer>`,
		Subject: `<saml:Subject><saml:NameID Format="urn:oasis:names:tc:SAML:2.0:nameid-format:persistent">` +
			NameID + `</saml:NameID><saml:SubjectConfirmation Method="urn:oasis:names:tc:SAML:2.0:cm:bearer">` +
			`<saml:SubjectConfirmationData InResponseTo="` + Request + `" Recipient="` + ACS +
			`" NotOnOrAfter="` + At(5*time.Minute) + `"/></saml:SubjectConfirmation></saml:Subject>`,
		Conditions: `<saml:Conditions NotBefore="` + At(-time.Minute) + `" NotOnOrAfter="` + At(10*time.Minute) +
			`"><saml:AudienceRestriction><saml:Audience>` + EntityID + `</saml:Audience></saml:AudienceRestriction>` +
			`</saml:Conditions>`,
		AuthnStatement: `<saml:AuthnStatement AuthnInstant="` + At(-time.Minute) + `" SessionIndex="_s1"` +
			` SessionNotOnOrAfter="` + At(8*time.Hour) + `"><saml:AuthnContext><saml:AuthnContextClassRef>` +
			`urn:oasis:names:tc:SAML:2.0:ac:classes:PasswordProtectedTransport</saml:AuthnContextClassRef>` +
			`</saml:AuthnContext></saml:AuthnStatement>`,
		Attributes: `<saml:AttributeStatement>` + Attribute("firstName", "Alice") + Attribute("lastName", "Archer") +
			Attribute("email", NameID) + `</saml:AttributeStatement>`,
	}
}

// Assertion is the assertion alone.
func (m *Message) Assertion() string {
	return m.AssertionOpen + m.Issuer + m.Subject + m.Conditions + m.AuthnStatement + m.Attributes + m.AssertionExtra +
		"</saml:Assertion>"
}

// Response is the whole message.
func (m *Message) Response() string {
	return m.ResponseOpen + m.ResponseIssuer + m.Extra + m.Status + m.Assertion() + m.Epilog + "</samlp:Response>"
}

// Attribute is one attribute with its values, typed as strings.
func Attribute(name string, values ...string) string {
	var b strings.Builder
	b.WriteString(`<saml:Attribute Name="` + name + `">`)
	for _, v := range values {
		b.WriteString(`<saml:AttributeValue xmlns:xs="http://www.w3.org/2001/XMLSchema"` +
			` xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:type="xs:string">` + v +
			`</saml:AttributeValue>`)
	}
	return b.String() + `</saml:Attribute>`
}

// Groups is an AttributeStatement with Alice's names and n groups.
func Groups(n int) string {
	values := make([]string, n)
	for i := range values {
		values[i] = fmt.Sprintf("Group number %d", i)
	}
	return `<saml:AttributeStatement>` + Attribute("firstName", "Alice") + Attribute("lastName", "Archer") +
		Attribute("groups", values...) + `</saml:AttributeStatement>`
}

// Replace replaces the first old in s. It fails the test if there is none: a fault that was not planted proves nothing.
func Replace(t testing.TB, s, old, with string) string {
	t.Helper()
	if !strings.Contains(s, old) {
		t.Fatalf("the fixture does not hold %q", old)
	}
	return strings.Replace(s, old, with, 1)
}
