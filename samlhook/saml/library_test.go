package saml

import (
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/xml"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/beevik/etree"
	crewjam "github.com/crewjam/saml"
	"github.com/crewjam/saml/xmlenc"
	dsig "github.com/russellhaering/goxmldsig"

	"rollcall/samlhook/saml/samltest"
)

// These tests show what github.com/crewjam/saml v0.5.1 does where we don't use it (docs/decisions.md). When one fails
// after an upgrade, the library may do by then what our own code does.

// panics runs f and returns what it panicked with; nil if it did not.
func panics(f func()) (p any) {
	defer func() { p = recover() }()
	f()
	return nil
}

func TestLibraryAuthnRequestHasOneContext(t *testing.T) {
	requested := crewjam.RequestedAuthnContext{Comparison: "exact", AuthnContextClassRef: "urn:one"}
	if n := len(requested.Element().ChildElements()); n != 1 {
		t.Errorf("%d contexts", n)
	}
}

// Its Redirect signs the parameters that the address has already, which Bindings §3.4.4.1 leaves out, and
// puts RelayState into the URL as it is.
func TestLibraryRedirect(t *testing.T) {
	key := samltest.Keys().SP
	sp := &crewjam.ServiceProvider{Key: key.Key, Certificate: key.Cert, SignatureMethod: dsig.RSASHA256SignatureMethod}
	request := &crewjam.AuthnRequest{ID: "_r1", Destination: "https://idp.example.com/sso?tenant=a"}
	u, err := request.Redirect("token", sp)
	if err != nil {
		t.Fatal(err)
	}
	verifies := func(text string) bool {
		signature, err := base64.StdEncoding.DecodeString(u.Query().Get("Signature"))
		if err != nil {
			t.Fatal(err)
		}
		sum := sha256.Sum256([]byte(text))
		return rsa.VerifyPKCS1v15(key.Cert.PublicKey.(*rsa.PublicKey), crypto.SHA256, sum[:], signature) == nil
	}
	whole, _, _ := strings.Cut(u.RawQuery, "&Signature=")
	_, ours, _ := strings.Cut(whole, "tenant=a&")
	if verifies(ours) || !verifies(whole) {
		t.Errorf("it signs what the binding says: %s", ours)
	}
	if u, err = request.Redirect("a&SigAlg=none", sp); err != nil || u.Query().Get("RelayState") != "a" {
		t.Errorf("it escapes RelayState: %v, %v", u, err)
	}
}

// Metadata without a validUntil expired in the year 1.
func TestLibraryMetadataExpires(t *testing.T) {
	out, err := xml.Marshal(crewjam.EntityDescriptor{EntityID: "x"})
	if err != nil || !strings.Contains(string(out), `validUntil="0001-01-01T00:00:00Z"`) {
		t.Errorf("%s, %v", out, err)
	}
}

// Its response pipeline panics on a message of 1,500 groups that anybody may sign.
func TestLibraryResponsePanics(t *testing.T) {
	clock := crewjam.TimeNow
	crewjam.TimeNow = func() time.Time { return testNow }
	defer func() { crewjam.TimeNow = clock }()
	acs, err := url.Parse(samltest.ACS)
	if err != nil {
		t.Fatal(err)
	}
	var metadata crewjam.EntityDescriptor
	if err := xml.Unmarshal([]byte(goodMetadata()), &metadata); err != nil {
		t.Fatal(err)
	}
	sp := &crewjam.ServiceProvider{EntityID: samltest.EntityID, AcsURL: *acs, IDPMetadata: &metadata}
	m := newParts()
	m.Attributes = samltest.Groups(1500)
	message := sign(t, m.Response(), "Assertion", signing{By: keys().Attacker})
	if p := panics(func() { sp.ParseXMLResponse([]byte(message), []string{samltest.Request}, *acs) }); p == nil {
		t.Error("it does not panic")
	}
	if _, err := testConnection().Verify([]byte(message), testNow); err == nil {
		t.Error("our own accepts the message")
	}
}

// Its decryption panics on lengths that anybody can choose.
func TestLibraryDecryptionPanics(t *testing.T) {
	for name, c := range map[string]struct{ algorithm, text string }{
		"CBC, no whole blocks": {"http://www.w3.org/2001/04/xmlenc#aes128-cbc", strings.Repeat("A", 28)},
		"GCM, without a nonce": {"http://www.w3.org/2009/xmlenc11#aes128-gcm", "AAAA"},
	} {
		doc := etree.NewDocument()
		if err := doc.ReadFromString(`<EncryptedData><EncryptionMethod Algorithm="` + c.algorithm +
			`"/><CipherData><CipherValue>` +
			c.text + `</CipherValue></CipherData></EncryptedData>`); err != nil {
			t.Fatal(err)
		}
		if p := panics(func() { xmlenc.Decrypt(make([]byte, 16), doc.Root()) }); p == nil {
			t.Errorf("%s: it does not panic", name)
		}
	}
}

// goxmldsig brings three things into a form that differs from what xmlsec1 signs (TestCanonicalByPeer).
func TestLibraryCanonicalForm(t *testing.T) {
	for _, c := range []struct{ name, element, wrong, right string }{
		{"attributes of two namespaces", `<x xmlns:a="urn:b" xmlns:b="urn:a" a:a="" b:z=""/>`,
			`<x xmlns:a="urn:b" xmlns:b="urn:a" a:a="" b:z=""></x>`, `<x xmlns:a="urn:b" xmlns:b="urn:a" b:z="" a:a=""></x>`},
		{"xml attributes", `<x xmlns:a="urn:a" a:a="" xml:lang=""/>`,
			`<x xmlns:a="urn:a" a:a="" xml:lang=""></x>`, `<x xmlns:a="urn:a" xml:lang="" a:a=""></x>`},
		{"no default namespace", `<x><y xmlns=""/></x>`, `<x><y xmlns=""></y></x>`, `<x><y></y></x>`},
	} {
		doc := etree.NewDocument()
		if err := doc.ReadFromString(c.element); err != nil {
			t.Fatal(err)
		}
		theirs, err := dsig.MakeC14N10ExclusiveCanonicalizerWithPrefixList("").Canonicalize(doc.Root())
		if err != nil || string(theirs) != c.wrong {
			t.Errorf("%s: it writes %s, %v", c.name, theirs, err)
		}
		if ours, refusal := canonicalize(c.element, 0, nil, canonicalForm{}); refusal != nil || string(ours) != c.right {
			t.Errorf("%s: we write %s, %v", c.name, ours, refusal)
		}
	}
}
