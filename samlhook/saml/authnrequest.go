package saml

import (
	"bytes"
	"compress/flate"
	"encoding/base64"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/beevik/etree"
	crewjam "github.com/crewjam/saml"
	dsig "github.com/russellhaering/goxmldsig"
)

// Form is a message to be sent by the browser over the HTTP-POST binding.
type Form struct {
	Action      string // the URL to post to
	SAMLRequest string // base64
	RelayState  string
}

// RedirectURL is where to send the browser with an AuthnRequest over the HTTP-Redirect binding (SAML Bindings §3.4).
// With SignRequests the query is signed with RSA-SHA256. id is the request's ID and relayState our token for it. It
// returns an error if the connection has no usable SSOURL, or is to sign and has no key.
func (c *Connection) RedirectURL(id, relayState string, now time.Time) (string, error) {
	request, err := c.authnRequest(id, now)
	if err != nil {
		return "", err
	}
	xml, err := write(c.element(request))
	if err != nil {
		return "", err
	}
	deflated, err := deflate(xml)
	if err != nil {
		return "", err
	}

	// What is signed is this very text, in this order, without parameters that the address has already (§3.4.4.1). The
	// library's own Redirect signs those too, and does not escape RelayState.
	query := "SAMLRequest=" + url.QueryEscape(base64.StdEncoding.EncodeToString(deflated)) +
		"&RelayState=" + url.QueryEscape(relayState)
	if c.SignRequests {
		signer, err := c.signer()
		if err != nil {
			return "", err
		}
		query += "&SigAlg=" + url.QueryEscape(signer.GetSignatureMethodIdentifier())
		signature, err := signer.SignString(query)
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

// PostForm is RedirectURL for the HTTP-POST binding (§3.5). With SignRequests the document carries an enveloped
// signature.
func (c *Connection) PostForm(id, relayState string, now time.Time) (Form, error) {
	request, err := c.authnRequest(id, now)
	if err != nil {
		return Form{}, err
	}
	if c.SignRequests {
		signer, err := c.signer()
		if err != nil {
			return Form{}, err
		}
		if request.Signature, err = signer.ConstructSignature(c.element(request), true); err != nil {
			return Form{}, fmt.Errorf("sign AuthnRequest: %w", err)
		}
	}
	xml, err := write(c.element(request))
	if err != nil {
		return Form{}, err
	}
	return Form{Action: c.SSOURL, SAMLRequest: base64.StdEncoding.EncodeToString(xml), RelayState: relayState}, nil
}

// authnRequest makes the request (SAML Core §3.4.1). There is a NameIDPolicy only when the connection names a format:
// an identity provider that was not set up for the format asked for fails.
func (c *Connection) authnRequest(id string, now time.Time) (*crewjam.AuthnRequest, error) {
	if err := CheckSSOURL(c.SSOURL); err != nil {
		return nil, err
	}
	request := &crewjam.AuthnRequest{
		ID: id, Version: "2.0", IssueInstant: now.UTC(), Destination: c.SSOURL,
		AssertionConsumerServiceURL: c.ACSURL, ProtocolBinding: BindingPost,
		Issuer: &crewjam.Issuer{Value: c.EntityID},
	}
	if c.ForceAuthn {
		request.ForceAuthn = &c.ForceAuthn
	}
	if c.NameIDFormat != "" {
		create := true
		request.NameIDPolicy = &crewjam.NameIDPolicy{Format: &c.NameIDFormat, AllowCreate: &create}
	}
	if len(c.RequestedAuthnContext) > 0 {
		request.RequestedAuthnContext = &crewjam.RequestedAuthnContext{
			Comparison: "exact", AuthnContextClassRef: c.RequestedAuthnContext[0]}
	}
	return request, nil
}

// element is the request as XML, with all contexts that the connection asks for: the library's type has room for one.
func (c *Connection) element(request *crewjam.AuthnRequest) *etree.Element {
	el := request.Element()
	if len(c.RequestedAuthnContext) > 1 {
		requested := el.SelectElement("RequestedAuthnContext")
		for _, class := range c.RequestedAuthnContext[1:] {
			requested.CreateElement("saml:AuthnContextClassRef").SetText(class)
		}
	}
	return el
}

// signer signs with our key and RSA-SHA256.
func (c *Connection) signer() (*dsig.SigningContext, error) {
	if c.Key == nil || c.Certificate == nil {
		return nil, errors.New("the connection signs requests but has no key")
	}
	return crewjam.GetSigningContext(&crewjam.ServiceProvider{
		Key: c.Key, Certificate: c.Certificate, SignatureMethod: dsig.RSASHA256SignatureMethod})
}

func write(root *etree.Element) ([]byte, error) {
	doc := etree.NewDocument()
	doc.SetRoot(root)
	xml, err := doc.WriteToBytes()
	if err != nil {
		return nil, fmt.Errorf("write AuthnRequest: %w", err)
	}
	return xml, nil
}

// deflaters are used again: each takes two thirds of a megabyte.
var deflaters = sync.Pool{New: func() any {
	w, err := flate.NewWriter(nil, flate.DefaultCompression)
	if err != nil {
		panic("saml: the default level is one: " + err.Error())
	}
	return w
}}

// deflate compresses a message for a URL (Bindings §3.4.4.1).
func deflate(xml []byte) ([]byte, error) {
	var out bytes.Buffer
	w := deflaters.Get().(*flate.Writer)
	defer deflaters.Put(w)
	w.Reset(&out)
	if _, err := w.Write(xml); err != nil {
		return nil, err
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}
