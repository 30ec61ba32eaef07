package saml

import (
	"bytes"
	"compress/flate"
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/xml"
	"io"
	"net/url"
	"strings"
	"testing"

	"github.com/beevik/etree"
	"github.com/crewjam/saml"
	dsig "github.com/russellhaering/goxmldsig"

	"rollcall/samlhook/saml/samltest"
)

func requestConnection() *Connection {
	c := testConnection()
	c.SSOURL, c.Binding = "https://idp.example.com/sso", BindingRedirect
	c.Key, c.Certificate, c.SignRequests = keys().SP.Key.(*rsa.PrivateKey), keys().SP.Cert, true
	return c
}

// inflate reads the request out of a redirect.
func inflate(t *testing.T, location string) (*url.URL, []byte) {
	t.Helper()
	u, err := url.Parse(location)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := base64.StdEncoding.DecodeString(u.Query().Get("SAMLRequest"))
	if err != nil {
		t.Fatal(err)
	}
	message, err := io.ReadAll(flate.NewReader(bytes.NewReader(raw)))
	if err != nil {
		t.Fatal(err)
	}
	return u, message
}

func TestRedirectURL(t *testing.T) {
	c := requestConnection()
	c.SSOURL += "?tenant=a%20b"
	location, err := c.RedirectURL("_r1", "to&ken", testNow)
	if err != nil {
		t.Fatal(err)
	}
	u, message := inflate(t, location)
	if u.Query().Get("tenant") != "a b" || u.Query().Get("RelayState") != "to&ken" {
		t.Errorf("query = %v", u.Query())
	}
	var request saml.AuthnRequest
	if err := xml.Unmarshal(message, &request); err != nil {
		t.Fatal(err)
	}
	if request.ID != "_r1" || request.Version != "2.0" || request.Destination != c.SSOURL ||
		request.AssertionConsumerServiceURL != samltest.ACS ||
		request.ProtocolBinding != BindingPost || request.Issuer.Value != samltest.EntityID ||
		!request.IssueInstant.Equal(testNow) {
		t.Errorf("request = %s", message)
	}
	if request.NameIDPolicy != nil || request.ForceAuthn != nil || request.RequestedAuthnContext != nil ||
		request.Signature != nil {
		t.Errorf("the request asks for more than the connection says: %s", message)
	}
	signedText, _, _ := strings.Cut(u.RawQuery, "&Signature=")
	_, signedText, _ = strings.Cut(signedText, "&") // without our tenant
	signature, err := base64.StdEncoding.DecodeString(u.Query().Get("Signature"))
	if err != nil {
		t.Fatal(err)
	}
	digest := sha256.Sum256([]byte(signedText))
	if err := rsa.VerifyPKCS1v15(&c.Key.PublicKey, crypto.SHA256, digest[:], signature); err != nil {
		t.Errorf("signature of %q: %v", signedText, err)
	}
}

func TestAuthnRequestOptions(t *testing.T) {
	c := requestConnection()
	c.SignRequests, c.Key, c.Certificate = false, nil, nil
	c.NameIDFormat, c.ForceAuthn = NameIDEmail, true
	c.RequestedAuthnContext = []string{"urn:one", "urn:two"}
	location, err := c.RedirectURL("_r1", "token", testNow)
	if err != nil {
		t.Fatal(err)
	}
	u, message := inflate(t, location)
	if u.Query().Has("Signature") || u.Query().Has("SigAlg") {
		t.Error("signed although the connection does not sign")
	}
	doc := etree.NewDocument()
	if err := doc.ReadFromBytes(message); err != nil {
		t.Fatal(err)
	}
	root := doc.Root()
	if root.SelectAttrValue("ForceAuthn", "") != "true" ||
		root.FindElement("NameIDPolicy").SelectAttrValue("Format", "") != NameIDEmail {
		t.Errorf("request = %s", message)
	}
	var classes []string
	for _, el := range root.FindElements("RequestedAuthnContext/AuthnContextClassRef") {
		classes = append(classes, el.Text())
	}
	if strings.Join(classes, " ") != "urn:one urn:two" {
		t.Errorf("contexts = %q", classes)
	}
	for _, bad := range []string{"", "ftp://x/", "/sso", "https://u:p@x/", "javascript:alert(1)"} {
		c.SSOURL = bad
		if _, err := c.RedirectURL("_r1", "token", testNow); err == nil {
			t.Errorf("a request to %q was made", bad)
		}
	}
	c.SSOURL, c.SignRequests = "https://idp.example.com", true
	if _, err := c.PostForm("_r1", "token", testNow); err == nil {
		t.Error("signed without a key")
	}
}

func TestPostForm(t *testing.T) {
	c := requestConnection()
	form, err := c.PostForm("_r1", "token", testNow)
	if err != nil {
		t.Fatal(err)
	}
	if form.Action != c.SSOURL || form.RelayState != "token" {
		t.Errorf("form = %+v", form)
	}
	message, err := base64.StdEncoding.DecodeString(form.SAMLRequest)
	if err != nil {
		t.Fatal(err)
	}
	doc := etree.NewDocument()
	if err := doc.ReadFromBytes(message); err != nil {
		t.Fatal(err)
	}
	if order := doc.Root().ChildElements(); order[0].Tag != "Issuer" || order[1].Tag != "Signature" {
		t.Errorf("the Signature does not follow the Issuer: %s", message)
	}
	verifier := dsig.NewDefaultValidationContext(
		&dsig.MemoryX509CertificateStore{Roots: []*x509.Certificate{keys().SP.Cert}})
	verifier.Clock = dsig.NewFakeClockAt(testNow)
	if _, err := verifier.Validate(doc.Root()); err != nil {
		t.Errorf("our own request does not verify: %v", err)
	}
}
