package saml

import (
	"encoding/base64"
	"encoding/xml"

	crewjam "github.com/crewjam/saml"
)

// entityDescriptor is ours. The library's own cannot be written without a validUntil: unset, it is the year 1.
type entityDescriptor struct {
	XMLName  xml.Name `xml:"urn:oasis:names:tc:SAML:2.0:metadata EntityDescriptor"`
	EntityID string   `xml:"entityID,attr"`
	Role     crewjam.SPSSODescriptor
}

// SPMetadata is our own metadata towards this connection (SAML Metadata §2.4.4): one ACS for HTTP-POST, the certificate
// that signs requests, and that assertions are wanted signed. It has no validUntil: it holds until it is changed, and a
// copy that an identity provider keeps does not expire.
func (c *Connection) SPMetadata() ([]byte, error) {
	yes := true
	role := crewjam.SPSSODescriptor{
		AuthnRequestsSigned: &c.SignRequests, WantAssertionsSigned: &yes,
		AssertionConsumerServices: []crewjam.IndexedEndpoint{
			{Binding: BindingPost, Location: c.ACSURL, IsDefault: &yes}},
	}
	role.ProtocolSupportEnumeration = nsProtocol
	if c.Certificate != nil {
		data := base64.StdEncoding.EncodeToString(c.Certificate.Raw)
		role.KeyDescriptors = []crewjam.KeyDescriptor{{Use: "signing", KeyInfo: crewjam.KeyInfo{
			X509Data: crewjam.X509Data{X509Certificates: []crewjam.X509Certificate{{Data: data}}}}}}
	}
	if c.NameIDFormat != "" {
		role.NameIDFormats = []crewjam.NameIDFormat{crewjam.NameIDFormat(c.NameIDFormat)}
	}
	out, err := xml.MarshalIndent(entityDescriptor{EntityID: c.EntityID, Role: role}, "", "  ")
	return append([]byte(xml.Header), out...), err
}
