package saml

import (
	"bytes"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/beevik/etree"
	"golang.org/x/text/encoding/unicode"
	"golang.org/x/text/transform"
)

// MaxMetadataBytes caps the metadata of one identity provider. Real ones have
// 2–40 KB; a file of megabytes is that of a whole federation.
const MaxMetadataBytes = 1 << 20

// Metadata is what an identity provider says of itself (SAML Metadata §2.4.3), as
// far as we use it.
type Metadata struct {
	EntityID string
	// SSOURLs holds the single sign-on location by binding: BindingRedirect,
	// BindingPost, or both.
	SSOURLs map[string]string
	// Certificates are all that may sign, in order, each once. They may have expired:
	// an identity provider lists the old one beside the new.
	Certificates            []*x509.Certificate
	WantAuthnRequestsSigned bool
	// ValidUntil is zero when the metadata does not say.
	ValidUntil time.Time
	// Warnings are for the administrator: certificates that were left out or end soon.
	Warnings []string
}

// ParseMetadata reads the metadata of one identity provider: an EntityDescriptor,
// or an EntitiesDescriptor with a single identity provider in it. The error is a
// *Refusal (ReasonMetadata) that names what is wrong; metadata is refused when it
// cannot be used as it is: not XML, no or several identity providers, validUntil
// in the past, no usable signing key, no endpoint for redirect or POST.
func ParseMetadata(data []byte, now time.Time) (*Metadata, error) {
	m, err := parseMetadata(data, now)
	if err != nil {
		return nil, Refuse(ReasonMetadata, "The metadata cannot be used: "+err.Error()+".")
	}
	return m, nil
}

// ParseStoredMetadata reads metadata that was judged when it was stored: that its validUntil is over by now does not take
// the endpoints away. The error is as that of ParseMetadata.
func ParseStoredMetadata(data []byte) (*Metadata, error) { return ParseMetadata(data, time.Time{}) }

func parseMetadata(data []byte, now time.Time) (*Metadata, error) {
	root, err := readMetadataXML(data)
	if err != nil {
		return nil, err
	}
	entity, role, err := findIdP(root)
	if err != nil {
		return nil, err
	}
	m := &Metadata{EntityID: trim(attr(entity, "entityID")), SSOURLs: map[string]string{}}
	if m.EntityID == "" || len(m.EntityID) > 1024 {
		return nil, errors.New("the EntityDescriptor has no entityID, or one over 1024 characters")
	}
	for el := role; el != nil; el = el.Parent() {
		if err := m.readValidity(el, now); err != nil {
			return nil, err
		}
	}
	want := attr(role, "WantAuthnRequestsSigned")
	m.WantAuthnRequestsSigned = want == "true" || want == "1"
	if err := m.readEndpoints(role); err != nil {
		return nil, err
	}
	return m, m.readCertificates(role, now)
}

func readMetadataXML(data []byte) (*etree.Element, error) {
	if len(data) > MaxMetadataBytes {
		return nil, fmt.Errorf("it is larger than %d bytes; give the metadata of the one identity provider, not of a federation", MaxMetadataBytes)
	}
	data, err := MetadataText(data)
	if err != nil {
		return nil, err
	}
	if len(bytes.TrimSpace(data)) == 0 {
		return nil, errors.New("it is empty")
	}
	doc := etree.NewDocument()
	doc.ReadSettings.MaxDepth = 64
	if err := doc.ReadFromBytes(data); err != nil {
		return nil, fmt.Errorf("it is not well-formed XML (%s)", Clip(err.Error()))
	}
	for _, token := range doc.Child {
		if _, is := token.(*etree.Directive); is {
			return nil, errors.New("it holds a document type declaration")
		}
	}
	if doc.Root() == nil {
		return nil, errors.New("it holds no XML element")
	}
	return doc.Root(), nil
}

// MetadataText is metadata in UTF-8: AD FS saves it in UTF-16 now and then.
func MetadataText(data []byte) ([]byte, error) {
	data, _, err := transform.Bytes(unicode.BOMOverride(unicode.UTF8.NewDecoder()), data)
	if err != nil {
		return nil, errors.New("it is not UTF-8 or UTF-16")
	}
	return data, nil
}

// findIdP finds the one entity that is an identity provider for SAML 2.0.
func findIdP(root *etree.Element) (entity, role *etree.Element, err error) {
	if root.NamespaceURI() != nsMetadata || (root.Tag != "EntityDescriptor" && root.Tag != "EntitiesDescriptor") {
		if strings.EqualFold(root.Tag, "html") {
			return nil, nil, errors.New("it is a web page, not metadata; check the address")
		}
		return nil, nil, fmt.Errorf("its root is %s instead of md:EntityDescriptor", Clip(root.Tag))
	}
	entities := []*etree.Element{root}
	if root.Tag == "EntitiesDescriptor" {
		entities = nil
		for _, el := range root.FindElements(".//EntityDescriptor") {
			if el.NamespaceURI() == nsMetadata {
				entities = append(entities, el)
			}
		}
	}
	var names []string
	for _, el := range entities {
		for _, descriptor := range children(el, nsMetadata, "IDPSSODescriptor") {
			if !slices.Contains(strings.Fields(attr(descriptor, "protocolSupportEnumeration")), nsProtocol) {
				continue
			}
			names = append(names, Clip(attr(el, "entityID")))
			entity, role = el, descriptor
		}
	}
	switch len(names) {
	case 1:
		return entity, role, nil
	case 0:
		if len(entities) > 0 && len(children(entities[0], nsMetadata, "SPSSODescriptor")) > 0 {
			return nil, nil, fmt.Errorf("%s describes a service provider, no identity provider", Clip(attr(entities[0], "entityID")))
		}
		return nil, nil, errors.New("it describes no identity provider (IDPSSODescriptor) for SAML 2.0")
	}
	return nil, nil, fmt.Errorf("it describes %d identity providers (%s); give the metadata of one", len(names), Clip(strings.Join(names, ", ")))
}

func (m *Metadata) readValidity(el *etree.Element, now time.Time) error {
	raw := attr(el, "validUntil")
	if raw == "" {
		return nil
	}
	until, err := parseInstant(raw)
	switch {
	case err != nil:
		return fmt.Errorf("validUntil of %s is not a time: %s", el.Tag, Clip(raw))
	case !now.Before(until):
		return fmt.Errorf("it was valid until %s; fetch it anew from the identity provider", stamp(until))
	}
	if m.ValidUntil.IsZero() || until.Before(m.ValidUntil) {
		m.ValidUntil = until
	}
	return nil
}

func (m *Metadata) readEndpoints(role *etree.Element) error {
	var offered []string
	for _, el := range children(role, nsMetadata, "SingleSignOnService") {
		binding, location := trim(attr(el, "Binding")), trim(attr(el, "Location"))
		offered = append(offered, binding)
		if (binding != BindingRedirect && binding != BindingPost) || m.SSOURLs[binding] != "" {
			continue
		}
		if err := CheckSSOURL(location); err != nil {
			return err
		}
		m.SSOURLs[binding] = location
	}
	switch {
	case len(m.SSOURLs) > 0:
		return nil
	case len(offered) == 0:
		return errors.New("it has no SingleSignOnService")
	}
	return fmt.Errorf("its SingleSignOnService is for neither HTTP-Redirect nor HTTP-POST (offered: %s)", Clip(strings.Join(offered, ", ")))
}

// CheckSSOURL says whether requests can be sent to a single sign-on address: an
// absolute http or https URL with a host, without user information or fragment.
func CheckSSOURL(location string) error {
	u, err := url.Parse(location)
	if err != nil || (u.Scheme != "https" && u.Scheme != "http") || u.Host == "" || u.User != nil || u.Fragment != "" || len(location) > 2048 {
		return fmt.Errorf("the single sign-on address %q is not a usable http or https URL", Clip(location))
	}
	return nil
}

// expiryWarning is how long before its end a certificate gets a warning.
const expiryWarning = 30 * 24 * time.Hour

func (m *Metadata) readCertificates(role *etree.Element, now time.Time) error {
	for _, key := range children(role, nsMetadata, "KeyDescriptor") {
		if use := attr(key, "use"); use != "" && use != "signing" {
			continue
		}
		for _, el := range key.FindElements(".//X509Certificate") {
			if el.NamespaceURI() != nsDsig {
				continue
			}
			der, err := decodeBase64(text(el))
			if err != nil {
				return errors.New("a signing certificate is not base64")
			}
			cert, err := x509.ParseCertificate(der)
			if err != nil {
				return fmt.Errorf("a signing certificate cannot be read (%s)", Clip(err.Error()))
			}
			m.addCertificate(cert, now)
		}
	}
	if len(m.Certificates) > 0 {
		return nil
	}
	if len(m.Warnings) > 0 {
		return fmt.Errorf("it has no usable signing certificate (%s)", Clip(strings.Join(m.Warnings, "; ")))
	}
	return errors.New("it has no signing certificate (KeyDescriptor with X509Certificate)")
}

func (m *Metadata) addCertificate(cert *x509.Certificate, now time.Time) {
	if slices.ContainsFunc(m.Certificates, cert.Equal) {
		return
	}
	if err := UsableKey(cert); err != nil {
		m.Warnings = append(m.Warnings, err.Error())
		return
	}
	m.Certificates = append(m.Certificates, cert)
	if warning := ExpiryWarning(cert, now); warning != "" {
		m.Warnings = append(m.Warnings, warning)
	}
}

// ExpiryWarning is a sentence when a certificate has ended or ends within 30 days,
// else empty.
func ExpiryWarning(cert *x509.Certificate, now time.Time) string {
	switch {
	case now.After(cert.NotAfter):
		return fmt.Sprintf("the certificate %s expired on %s", Fingerprint(cert), stamp(cert.NotAfter))
	case cert.NotAfter.Sub(now) < expiryWarning:
		return fmt.Sprintf("the certificate %s expires on %s", Fingerprint(cert), stamp(cert.NotAfter))
	}
	return ""
}

// ParseCertificate reads one certificate in PEM, or in bare base64 as it stands in
// metadata, and checks that its key may sign (UsableKey).
func ParseCertificate(s string) (*x509.Certificate, error) {
	var der []byte
	if block, rest := pem.Decode([]byte(s)); block != nil {
		if block.Type != "CERTIFICATE" || len(bytes.TrimSpace(rest)) > 0 {
			return nil, fmt.Errorf("expected one PEM block CERTIFICATE, got %s and %d bytes after it", Clip(block.Type), len(bytes.TrimSpace(rest)))
		}
		der = block.Bytes
	} else {
		var err error
		if der, err = decodeBase64(s); err != nil || len(der) == 0 {
			return nil, errors.New("the certificate is neither PEM nor base64")
		}
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, fmt.Errorf("the certificate cannot be read: %s", Clip(err.Error()))
	}
	return cert, UsableKey(cert)
}
