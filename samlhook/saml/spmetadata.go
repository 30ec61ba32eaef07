package saml

import (
	"crypto/x509"
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

// offeredEncryption are the algorithms that our metadata names, the best first.
var offeredEncryption = []string{nsEnc11 + "aes256-gcm", nsEnc11 + "aes128-gcm", nsEnc + "aes256-cbc",
	nsEnc + "aes128-cbc", nsEnc + "rsa-oaep-mgf1p"}

func keyDescriptor(use string, certificate *x509.Certificate) crewjam.KeyDescriptor {
	data := base64.StdEncoding.EncodeToString(certificate.Raw)
	return crewjam.KeyDescriptor{Use: use, KeyInfo: crewjam.KeyInfo{
		X509Data: crewjam.X509Data{X509Certificates: []crewjam.X509Certificate{{Data: data}}}}}
}

// SPMetadata is our own metadata towards this connection (SAML Metadata §2.4.4): one ACS for HTTP-POST, the
// certificates that sign requests and, if encryption is wanted, those to encrypt for, and that assertions are wanted
// signed. It has no validUntil: it holds until it is changed, and a copy that an identity provider keeps does not
// expire.
func (c *Connection) SPMetadata() ([]byte, error) {
	yes := true
	role := crewjam.SPSSODescriptor{
		AuthnRequestsSigned: &c.SignRequests, WantAssertionsSigned: &yes,
		AssertionConsumerServices: []crewjam.IndexedEndpoint{
			{Binding: BindingPost, Location: c.ACSURL, IsDefault: &yes}},
	}
	role.ProtocolSupportEnumeration = nsProtocol
	for _, certificate := range []*x509.Certificate{c.Certificate, c.NextCertificate} {
		if certificate == nil {
			continue
		}
		role.KeyDescriptors = append(role.KeyDescriptors, keyDescriptor("signing", certificate))
		if c.WantEncrypted { // an identity provider that sees a key for encryption may begin to encrypt
			key := keyDescriptor("encryption", certificate)
			for _, algorithm := range offeredEncryption {
				key.EncryptionMethods = append(key.EncryptionMethods, crewjam.EncryptionMethod{Algorithm: algorithm})
			}
			role.KeyDescriptors = append(role.KeyDescriptors, key)
		}
	}
	if c.NameIDFormat != "" {
		role.NameIDFormats = []crewjam.NameIDFormat{crewjam.NameIDFormat(c.NameIDFormat)}
	}
	out, err := xml.MarshalIndent(entityDescriptor{EntityID: c.EntityID, Role: role}, "", "  ")
	return append([]byte(xml.Header), out...), err
}
