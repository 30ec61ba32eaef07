package saml

import (
	"encoding/base64"

	"github.com/beevik/etree"
)

// SPMetadata writes our own metadata towards this connection (SAML Metadata
// §2.4.4): one ACS for HTTP-POST, the certificates that sign requests, and that
// assertions are wanted signed. It has no validUntil: it holds until it is changed,
// and a copy kept by an identity provider does not go stale by itself.
func (c *Connection) SPMetadata() ([]byte, error) {
	doc := etree.NewDocument()
	doc.CreateProcInst("xml", `version="1.0" encoding="UTF-8"`)
	root := doc.CreateElement("md:EntityDescriptor")
	root.CreateAttr("xmlns:md", nsMetadata)
	root.CreateAttr("xmlns:ds", nsDsig)
	root.CreateAttr("entityID", c.EntityID)
	role := root.CreateElement("md:SPSSODescriptor")
	role.CreateAttr("AuthnRequestsSigned", boolean(c.SignRequests))
	role.CreateAttr("WantAssertionsSigned", "true")
	role.CreateAttr("protocolSupportEnumeration", nsProtocol)
	if c.Certificate != nil {
		key := role.CreateElement("md:KeyDescriptor")
		key.CreateAttr("use", "signing")
		key.CreateElement("ds:KeyInfo").CreateElement("ds:X509Data").CreateElement("ds:X509Certificate").
			SetText(base64.StdEncoding.EncodeToString(c.Certificate.Raw))
	}
	if c.NameIDFormat != "" {
		role.CreateElement("md:NameIDFormat").SetText(c.NameIDFormat)
	}
	acs := role.CreateElement("md:AssertionConsumerService")
	acs.CreateAttr("Binding", BindingPost)
	acs.CreateAttr("Location", c.ACSURL)
	acs.CreateAttr("index", "0")
	acs.CreateAttr("isDefault", "true")
	doc.Indent(2)
	return doc.WriteToBytes()
}

func boolean(b bool) string {
	if b {
		return "true"
	}
	return "false"
}
