package samlhook

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"math/big"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/beevik/etree"
	dsig "github.com/russellhaering/goxmldsig"
)

// testNow is the time of all fixtures.
var testNow = time.Date(2026, 3, 10, 12, 0, 0, 0, time.UTC)

const (
	testIdP      = "https://idp.example.com/metadata"
	testEntityID = "https://rollcall.example.com/orgs/acme/saml/c1/metadata"
	testACS      = "https://rollcall.example.com/orgs/acme/saml/c1/acs"
	testRequest  = "_request1"
)

type identity struct {
	key  crypto.Signer
	cert *x509.Certificate
}

func (i identity) pem() []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: i.cert.Raw})
}

func newIdentity(name string, key crypto.Signer, notAfter time.Time) identity {
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name},
		NotBefore: time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC), NotAfter: notAfter,
		BasicConstraintsValid: true, IsCA: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		panic(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		panic(err)
	}
	return identity{key, cert}
}

func rsaKey(bits int) *rsa.PrivateKey {
	key, err := rsa.GenerateKey(rand.Reader, bits)
	if err != nil {
		panic(err)
	}
	return key
}

// keys are made once for all tests.
var keys = sync.OnceValue(func() (k struct{ idp, second, attacker, ec, weak, expired, sp identity }) {
	later := time.Date(2040, 1, 1, 0, 0, 0, 0, time.UTC)
	k.idp = newIdentity("idp", rsaKey(2048), later)
	k.second = newIdentity("second", rsaKey(2048), later)
	k.attacker = newIdentity("attacker", rsaKey(2048), later)
	k.weak = newIdentity("weak", rsaKey(1024), later)
	k.expired = newIdentity("expired", k.second.key, testNow.Add(-time.Hour))
	k.sp = newIdentity("sp", k.attacker.key, later)
	ec, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic(err)
	}
	k.ec = newIdentity("ec", ec, later)
	return k
})

func testConnection() *Connection {
	return &Connection{
		ID: "c1", EntityID: testEntityID, ACSURL: testACS, IdPEntityID: testIdP,
		Certificates: []*x509.Certificate{keys().idp.cert},
		CheckRequest: func(id string, _ time.Time) error {
			if id == testRequest {
				return nil
			}
			return refuse(ReasonRequestUnknown, "not ours")
		},
	}
}

// parts are the pieces of a message, each of which a case may change.
type parts struct {
	responseOpen, responseIssuer, status, extra        string
	assertionOpen, issuer, subject, conditions         string
	authnStatement, attributes, assertionExtra, epilog string
}

func at(d time.Duration) string { return testNow.Add(d).Format("2006-01-02T15:04:05Z") }

func newParts() *parts {
	return &parts{
		responseOpen: `<samlp:Response xmlns:samlp="urn:oasis:names:tc:SAML:2.0:protocol" xmlns:saml="urn:oasis:names:tc:SAML:2.0:assertion" ID="_resp1" Version="2.0" IssueInstant="` + at(-5*time.Second) +
			`" Destination="` + testACS + `" InResponseTo="` + testRequest + `">`,
		responseIssuer: `<saml:Issuer>` + testIdP + `</saml:Issuer>`,
		status:         `<samlp:Status><samlp:StatusCode Value="urn:oasis:names:tc:SAML:2.0:status:Success"/></samlp:Status>`,
		assertionOpen:  `<saml:Assertion ID="_assert1" Version="2.0" IssueInstant="` + at(-5*time.Second) + `">`,
		issuer:         `<saml:Issuer>` + testIdP + `</saml:Issuer>`,
		subject: `<saml:Subject><saml:NameID Format="urn:oasis:names:tc:SAML:2.0:nameid-format:persistent">alice@example.com</saml:NameID>` +
			`<saml:SubjectConfirmation Method="urn:oasis:names:tc:SAML:2.0:cm:bearer"><saml:SubjectConfirmationData InResponseTo="` + testRequest + `" Recipient="` + testACS + `" NotOnOrAfter="` + at(5*time.Minute) + `"/></saml:SubjectConfirmation></saml:Subject>`,
		conditions: `<saml:Conditions NotBefore="` + at(-time.Minute) + `" NotOnOrAfter="` + at(10*time.Minute) + `"><saml:AudienceRestriction><saml:Audience>` + testEntityID + `</saml:Audience></saml:AudienceRestriction></saml:Conditions>`,
		authnStatement: `<saml:AuthnStatement AuthnInstant="` + at(-time.Minute) + `" SessionIndex="_s1" SessionNotOnOrAfter="` + at(8*time.Hour) +
			`"><saml:AuthnContext><saml:AuthnContextClassRef>urn:oasis:names:tc:SAML:2.0:ac:classes:PasswordProtectedTransport</saml:AuthnContextClassRef></saml:AuthnContext></saml:AuthnStatement>`,
		attributes: `<saml:AttributeStatement>` + attributeXML("firstName", "Alice") + attributeXML("lastName", "Archer") + attributeXML("email", "alice@example.com") + `</saml:AttributeStatement>`,
	}
}

func attributeXML(name string, values ...string) string {
	var b strings.Builder
	b.WriteString(`<saml:Attribute Name="` + name + `">`)
	for _, v := range values {
		b.WriteString(`<saml:AttributeValue xmlns:xs="http://www.w3.org/2001/XMLSchema" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:type="xs:string">` + v + `</saml:AttributeValue>`)
	}
	return b.String() + `</saml:Attribute>`
}

func (p *parts) assertion() string {
	return p.assertionOpen + p.issuer + p.subject + p.conditions + p.authnStatement + p.attributes + p.assertionExtra + "</saml:Assertion>"
}

func (p *parts) response() string {
	return p.responseOpen + p.responseIssuer + p.extra + p.status + p.assertion() + p.epilog + "</samlp:Response>"
}

// replace fails the test when there is nothing to replace, so that no case passes
// because its fault was not planted.
func replace(t testing.TB, s, old, with string) string {
	t.Helper()
	if !strings.Contains(s, old) {
		t.Fatalf("the fixture does not hold %q", old)
	}
	return strings.Replace(s, old, with, 1)
}

const (
	enveloped = `<ds:Transform Algorithm="http://www.w3.org/2000/09/xmldsig#enveloped-signature"/>`
	exclusive = `<ds:Transform Algorithm="http://www.w3.org/2001/10/xml-exc-c14n#"/>`
	algHMAC   = "http://www.w3.org/2001/04/xmldsig-more#hmac-sha256"
)

// signing says how to sign; the zero value is what a good identity provider does.
type signing struct {
	by         identity
	algorithm  string
	digest     string
	transforms string
	uri        string
	c14n       string
	keyInfo    *x509.Certificate
	editInfo   func(string) string // of SignedInfo, before it is signed
	editSig    func(string) string // of the Signature, afterwards
	prefixList string
}

// sign signs the element with this local name inside a message and puts the
// Signature behind its Issuer, leaving every other byte alone. It is written apart
// from goxmldsig's signer, so that it can also do what no signer should.
func sign(t testing.TB, message, tag string, s signing) string {
	t.Helper()
	doc := etree.NewDocument()
	if err := doc.ReadFromString(message); err != nil {
		t.Fatal(err)
	}
	el := doc.Root()
	if el.Tag != tag {
		for _, child := range doc.Root().ChildElements() {
			if child.Tag == tag {
				el = child
				break
			}
		}
	}
	if s.by.key == nil {
		s.by = keys().idp
	}
	if s.algorithm == "" {
		s.algorithm = dsig.RSASHA256SignatureMethod
	}
	if s.digest == "" {
		s.digest = "http://www.w3.org/2001/04/xmlenc#sha256"
	}
	if s.transforms == "" {
		s.transforms = enveloped + exclusive
		if s.prefixList != "" {
			s.transforms = enveloped + `<ds:Transform Algorithm="http://www.w3.org/2001/10/xml-exc-c14n#"><ec:InclusiveNamespaces xmlns:ec="http://www.w3.org/2001/10/xml-exc-c14n#" PrefixList="` + s.prefixList + `"/></ds:Transform>`
		}
	}
	if s.uri == "" {
		s.uri = "#" + attr(el, "ID")
	}
	if s.c14n == "" {
		s.c14n = "http://www.w3.org/2001/10/xml-exc-c14n#"
	}
	copied := el.Copy()
	inherit(copied, el.Parent())
	canonical, err := dsig.MakeC14N10ExclusiveCanonicalizerWithPrefixList(s.prefixList).Canonicalize(copied)
	if err != nil {
		t.Fatal(err)
	}
	info := `<ds:SignedInfo><ds:CanonicalizationMethod Algorithm="` + s.c14n + `"/><ds:SignatureMethod Algorithm="` + s.algorithm + `"/>` +
		`<ds:Reference URI="` + s.uri + `"><ds:Transforms>` + s.transforms + `</ds:Transforms><ds:DigestMethod Algorithm="` + s.digest + `"/><ds:DigestValue>` +
		base64.StdEncoding.EncodeToString(sum(s.digest, canonical)) + `</ds:DigestValue></ds:Reference></ds:SignedInfo>`
	if s.editInfo != nil {
		info = s.editInfo(info)
	}
	sig := `<ds:Signature xmlns:ds="http://www.w3.org/2000/09/xmldsig#">` + info + `<ds:SignatureValue></ds:SignatureValue>`
	if s.keyInfo != nil {
		sig += `<ds:KeyInfo><ds:X509Data><ds:X509Certificate>` + base64.StdEncoding.EncodeToString(s.keyInfo.Raw) + `</ds:X509Certificate></ds:X509Data></ds:KeyInfo>`
	}
	sig += `</ds:Signature>`
	unsigned := insertSignature(t, message, tag, sig)
	value := signValue(t, s, signedInfoOf(t, unsigned, tag))
	sig = strings.Replace(sig, "<ds:SignatureValue></ds:SignatureValue>", "<ds:SignatureValue>"+base64.StdEncoding.EncodeToString(value)+"</ds:SignatureValue>", 1)
	if s.editSig != nil {
		sig = s.editSig(sig)
	}
	return insertSignature(t, message, tag, sig)
}

var issuerEnd = regexp.MustCompile(`</(\w+:)?Issuer>`)

func insertSignature(t testing.TB, message, tag, sig string) string {
	t.Helper()
	from := regexp.MustCompile(`<(\w+:)?` + tag + `[ >]`).FindStringIndex(message)
	if from == nil {
		t.Fatalf("no %s in the message", tag)
	}
	end := issuerEnd.FindStringIndex(message[from[0]:])
	if end == nil {
		t.Fatalf("no Issuer in the %s", tag)
	}
	i := from[0] + end[1]
	return message[:i] + sig + message[i:]
}

// signedInfoOf is the canonical SignedInfo as it stands in the message.
func signedInfoOf(t testing.TB, message, tag string) []byte {
	t.Helper()
	doc := etree.NewDocument()
	if err := doc.ReadFromString(message); err != nil {
		t.Fatal(err)
	}
	el := doc.Root()
	if el.Tag != tag {
		el = doc.FindElement("/Response/" + tag)
	}
	sig := el.ChildElements()[1]
	canonical, err := canonicalSignedInfo(sig, sig.ChildElements()[0])
	if err != nil {
		t.Fatal(err)
	}
	return canonical
}

func sum(algorithm string, data []byte) []byte {
	if algorithm == digestSHA1 {
		d := sha1.Sum(data)
		return d[:]
	}
	d := sha256.Sum256(data)
	return d[:]
}

func signValue(t testing.TB, s signing, info []byte) []byte {
	t.Helper()
	hash := crypto.SHA256
	digest := sum("", info)
	switch {
	case s.algorithm == algHMAC:
		der, err := x509.MarshalPKIXPublicKey(s.by.cert.PublicKey)
		if err != nil {
			t.Fatal(err)
		}
		mac := hmac.New(sha256.New, pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))
		mac.Write(info)
		return mac.Sum(nil)
	case strings.HasSuffix(s.algorithm, "-sha1"):
		hash, digest = crypto.SHA1, sum(digestSHA1, info)
	}
	if key, ok := s.by.key.(*ecdsa.PrivateKey); ok {
		r, ss, err := ecdsa.Sign(rand.Reader, key, digest)
		if err != nil {
			t.Fatal(err)
		}
		return append(r.FillBytes(make([]byte, 32)), ss.FillBytes(make([]byte, 32))...)
	}
	value, err := s.by.key.Sign(rand.Reader, digest, hash)
	if err != nil {
		t.Fatal(err)
	}
	return value
}

// signed is a good message, its assertion signed, after edits.
func signed(t testing.TB, edit func(*parts)) string {
	t.Helper()
	p := newParts()
	if edit != nil {
		edit(p)
	}
	return sign(t, p.response(), "Assertion", signing{})
}

// groupsXML is an attribute with n groups.
func groupsXML(n int) string {
	values := make([]string, n)
	for i := range values {
		values[i] = fmt.Sprintf("Group number %d", i)
	}
	return `<saml:AttributeStatement>` + attributeXML("firstName", "Alice") + attributeXML("lastName", "Archer") + attributeXML("groups", values...) + `</saml:AttributeStatement>`
}

func wrapLines(s string, every int) string {
	var b bytes.Buffer
	for len(s) > every {
		b.WriteString(s[:every] + "\r\n")
		s = s[every:]
	}
	return b.String() + s
}
