package saml

import (
	"bytes"
	"compress/flate"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/beevik/etree"
	dsig "github.com/russellhaering/goxmldsig"
)

// Form is a message to be sent by the browser over the HTTP-POST binding.
type Form struct {
	Action      string // the URL to post to
	SAMLRequest string // base64
	RelayState  string
}

// RedirectURL is where to send the browser with an AuthnRequest over the
// HTTP-Redirect binding (SAML Bindings §3.4). With SignRequests the query is
// signed with RSA-SHA256. id is the request's ID and relayState our token for it,
// both from RequestKey.New.
func (c *Connection) RedirectURL(id, relayState string, now time.Time) (string, error) {
	doc, err := c.authnRequest(id, now)
	if err != nil {
		return "", err
	}
	xml, err := doc.WriteToBytes()
	if err != nil {
		return "", fmt.Errorf("write AuthnRequest: %w", err)
	}
	var deflated bytes.Buffer
	w, err := flate.NewWriter(&deflated, flate.DefaultCompression)
	if err != nil {
		return "", err
	}
	if _, err := w.Write(xml); err != nil {
		return "", err
	}
	if err := w.Close(); err != nil {
		return "", err
	}
	// What is signed is this very text, in this order (§3.4.4.1).
	query := "SAMLRequest=" + url.QueryEscape(base64.StdEncoding.EncodeToString(deflated.Bytes())) +
		"&RelayState=" + url.QueryEscape(relayState)
	if c.SignRequests {
		query += "&SigAlg=" + url.QueryEscape(dsig.RSASHA256SignatureMethod)
		sum := sha256.Sum256([]byte(query))
		signature, err := rsa.SignPKCS1v15(rand.Reader, c.Key, crypto.SHA256, sum[:])
		if err != nil {
			return "", fmt.Errorf("sign AuthnRequest: %w", err)
		}
		query += "&Signature=" + url.QueryEscape(base64.StdEncoding.EncodeToString(signature))
	}
	separator := "?"
	if strings.Contains(c.SSOURL, "?") {
		separator = "&"
	}
	return c.SSOURL + separator + query, nil
}

// PostForm is the same for the HTTP-POST binding (§3.5); with SignRequests the
// document carries an enveloped signature.
func (c *Connection) PostForm(id, relayState string, now time.Time) (Form, error) {
	doc, err := c.authnRequest(id, now)
	if err != nil {
		return Form{}, err
	}
	if c.SignRequests {
		if err := c.sign(doc.Root()); err != nil {
			return Form{}, fmt.Errorf("sign AuthnRequest: %w", err)
		}
	}
	xml, err := doc.WriteToBytes()
	if err != nil {
		return Form{}, fmt.Errorf("write AuthnRequest: %w", err)
	}
	return Form{Action: c.SSOURL, SAMLRequest: base64.StdEncoding.EncodeToString(xml), RelayState: relayState}, nil
}

// authnRequest builds the request (SAML Core §3.4.1). There is a NameIDPolicy only
// when the connection names a format: asking for one that the identity provider
// was not set up for makes it fail.
func (c *Connection) authnRequest(id string, now time.Time) (*etree.Document, error) {
	if err := CheckSSOURL(c.SSOURL); err != nil {
		return nil, err
	}
	if c.SignRequests && (c.Key == nil || c.Certificate == nil) {
		return nil, errors.New("the connection signs requests but has no key")
	}
	doc := etree.NewDocument()
	root := doc.CreateElement("samlp:AuthnRequest")
	root.CreateAttr("xmlns:samlp", nsProtocol)
	root.CreateAttr("xmlns:saml", nsAssertion)
	root.CreateAttr("ID", id)
	root.CreateAttr("Version", "2.0")
	root.CreateAttr("IssueInstant", now.UTC().Format("2006-01-02T15:04:05.000Z"))
	root.CreateAttr("Destination", c.SSOURL)
	root.CreateAttr("AssertionConsumerServiceURL", c.ACSURL)
	root.CreateAttr("ProtocolBinding", BindingPost)
	if c.ForceAuthn {
		root.CreateAttr("ForceAuthn", "true")
	}
	root.CreateElement("saml:Issuer").SetText(c.EntityID)
	if c.NameIDFormat != "" {
		policy := root.CreateElement("samlp:NameIDPolicy")
		policy.CreateAttr("Format", c.NameIDFormat)
		policy.CreateAttr("AllowCreate", "true")
	}
	if len(c.RequestedAuthnContext) > 0 {
		requested := root.CreateElement("samlp:RequestedAuthnContext")
		requested.CreateAttr("Comparison", "exact")
		for _, class := range c.RequestedAuthnContext {
			requested.CreateElement("saml:AuthnContextClassRef").SetText(class)
		}
	}
	return doc, nil
}

// sign puts an enveloped signature behind the Issuer, where the schema has it.
func (c *Connection) sign(root *etree.Element) error {
	context, err := dsig.NewSigningContext(c.Key, [][]byte{c.Certificate.Raw})
	if err != nil {
		return err
	}
	context.Canonicalizer = dsig.MakeC14N10ExclusiveCanonicalizerWithPrefixList("")
	if err := context.SetSignatureMethod(dsig.RSASHA256SignatureMethod); err != nil {
		return err
	}
	signature, err := context.ConstructSignature(root, true)
	if err != nil {
		return err
	}
	root.InsertChildAt(1, signature)
	return nil
}
