package samltest

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"regexp"
	"strings"
	"testing"

	"github.com/beevik/etree"
	dsig "github.com/russellhaering/goxmldsig"
)

// Transforms and algorithms that tests name.
const (
	Enveloped = `<ds:Transform Algorithm="http://www.w3.org/2000/09/xmldsig#enveloped-signature"/>`
	Exclusive = `<ds:Transform Algorithm="http://www.w3.org/2001/10/xml-exc-c14n#"/>`

	AlgorithmHMAC = "http://www.w3.org/2001/04/xmldsig-more#hmac-sha256"
	DigestSHA1    = "http://www.w3.org/2000/09/xmldsig#sha1"

	digestSHA256 = "http://www.w3.org/2001/04/xmlenc#sha256"
	exclusiveC14 = "http://www.w3.org/2001/10/xml-exc-c14n#"
)

// Signing says how to sign; the zero value is what a good identity provider does.
type Signing struct {
	By         Party
	Algorithm  string
	Digest     string
	Transforms string
	URI        string
	C14N       string
	KeyInfo    *x509.Certificate
	EditInfo   func(string) string // of SignedInfo, before it is signed
	EditSig    func(string) string // of the Signature, afterwards
	PrefixList string
}

func (s Signing) withDefaults(id string) Signing {
	setDefault := func(field *string, value string) {
		if *field == "" {
			*field = value
		}
	}
	if s.By.Key == nil {
		s.By = Keys().IdP
	}
	setDefault(&s.Algorithm, dsig.RSASHA256SignatureMethod)
	setDefault(&s.Digest, digestSHA256)
	setDefault(&s.URI, "#"+id)
	setDefault(&s.C14N, exclusiveC14)
	if s.PrefixList != "" {
		setDefault(&s.Transforms, Enveloped+`<ds:Transform Algorithm="`+exclusiveC14+
			`"><ec:InclusiveNamespaces xmlns:ec="`+
			exclusiveC14+`" PrefixList="`+s.PrefixList+`"/></ds:Transform>`)
	}
	setDefault(&s.Transforms, Enveloped+Exclusive)
	return s
}

// Signed is a good message after edits, its assertion signed.
func Signed(t testing.TB, edit func(*Message)) string {
	t.Helper()
	m := NewMessage()
	if edit != nil {
		edit(m)
	}
	return Sign(t, m.Response(), "Assertion", Signing{})
}

// Sign signs the element with this local name inside a message and puts the Signature behind its Issuer. Every other
// byte stays as it is.
func Sign(t testing.TB, message, tag string, s Signing) string {
	t.Helper()
	el := find(t, message, tag)
	s = s.withDefaults(el.SelectAttrValue("ID", ""))
	canonical, err := dsig.MakeC14N10ExclusiveCanonicalizerWithPrefixList(s.PrefixList).Canonicalize(detached(el))
	if err != nil {
		t.Fatal(err)
	}

	info := `<ds:SignedInfo><ds:CanonicalizationMethod Algorithm="` + s.C14N + `"/>` +
		`<ds:SignatureMethod Algorithm="` + s.Algorithm + `"/>` +
		`<ds:Reference URI="` + s.URI + `"><ds:Transforms>` + s.Transforms + `</ds:Transforms>` +
		`<ds:DigestMethod Algorithm="` + s.Digest + `"/><ds:DigestValue>` +
		base64.StdEncoding.EncodeToString(sum(s.Digest, canonical)) + `</ds:DigestValue></ds:Reference></ds:SignedInfo>`
	if s.EditInfo != nil {
		info = s.EditInfo(info)
	}
	const empty = `<ds:SignatureValue></ds:SignatureValue>`
	sig := `<ds:Signature xmlns:ds="http://www.w3.org/2000/09/xmldsig#">` + info + empty
	if s.KeyInfo != nil {
		sig += `<ds:KeyInfo><ds:X509Data><ds:X509Certificate>` + base64.StdEncoding.EncodeToString(s.KeyInfo.Raw) +
			`</ds:X509Certificate></ds:X509Data></ds:KeyInfo>`
	}
	sig += `</ds:Signature>`

	// SignedInfo is signed as it stands in the message, with the namespaces in scope there.
	value := s.value(t, signedInfo(t, InsertSignature(t, message, tag, sig), tag, s.C14N))
	sig = strings.Replace(sig, empty,
		`<ds:SignatureValue>`+base64.StdEncoding.EncodeToString(value)+`</ds:SignatureValue>`, 1)
	if s.EditSig != nil {
		sig = s.EditSig(sig)
	}
	return InsertSignature(t, message, tag, sig)
}

var issuerEnd = regexp.MustCompile(`</(\w+:)?Issuer>`)

// InsertSignature puts a Signature behind the Issuer of the element with this local name.
func InsertSignature(t testing.TB, message, tag, sig string) string {
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

// find parses a message and returns its root or the child of its root with this local name.
func find(t testing.TB, message, tag string) *etree.Element {
	t.Helper()
	doc := etree.NewDocument()
	if err := doc.ReadFromString(message); err != nil {
		t.Fatal(err)
	}
	if doc.Root().Tag == tag {
		return doc.Root()
	}
	for _, child := range doc.Root().ChildElements() {
		if child.Tag == tag {
			return child
		}
	}
	t.Fatalf("no %s in the message", tag)
	return nil
}

// detached is a copy of an element that declares the namespaces it had from its ancestors.
func detached(el *etree.Element) *etree.Element {
	copied := el.Copy()
	for parent := el.Parent(); parent != nil; parent = parent.Parent() {
		for _, a := range parent.Attr {
			declares := a.Space == "xmlns" || (a.Space == "" && a.Key == "xmlns")
			if declares && copied.SelectAttr(a.FullKey()) == nil {
				copied.CreateAttr(a.FullKey(), a.Value)
			}
		}
	}
	return copied
}

// signedInfo is the canonical SignedInfo as it stands in the message.
func signedInfo(t testing.TB, message, tag, algorithm string) []byte {
	t.Helper()
	canonicalizer := dsig.MakeC14N11Canonicalizer()
	if strings.HasPrefix(algorithm, exclusiveC14) {
		canonicalizer = dsig.MakeC14N10ExclusiveCanonicalizerWithPrefixList("")
	}
	sig := find(t, message, tag).ChildElements()[1]
	canonical, err := canonicalizer.Canonicalize(detached(sig.ChildElements()[0]))
	if err != nil {
		t.Fatal(err)
	}
	return canonical
}

func sum(algorithm string, data []byte) []byte {
	if algorithm == DigestSHA1 {
		d := sha1.Sum(data)
		return d[:]
	}
	d := sha256.Sum256(data)
	return d[:]
}

// value is the SignatureValue of a canonical SignedInfo.
func (s Signing) value(t testing.TB, info []byte) []byte {
	t.Helper()
	hash, digest := crypto.SHA256, sum("", info)
	switch {
	case s.Algorithm == AlgorithmHMAC:
		// The attack that this is for takes the public key for a secret.
		der, err := x509.MarshalPKIXPublicKey(s.By.Cert.PublicKey)
		if err != nil {
			t.Fatal(err)
		}
		mac := hmac.New(sha256.New, pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))
		mac.Write(info)
		return mac.Sum(nil)
	case strings.HasSuffix(s.Algorithm, "-sha1"):
		hash, digest = crypto.SHA1, sum(DigestSHA1, info)
	}
	if key, ok := s.By.Key.(*ecdsa.PrivateKey); ok {
		r, ss, err := ecdsa.Sign(rand.Reader, key, digest)
		if err != nil {
			t.Fatal(err)
		}
		return append(r.FillBytes(make([]byte, 32)), ss.FillBytes(make([]byte, 32))...)
	}
	value, err := s.By.Key.Sign(rand.Reader, digest, hash)
	if err != nil {
		t.Fatal(err)
	}
	return value
}
