package saml

import (
	"crypto/x509"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	crewjam "github.com/crewjam/saml"
)

// Metadata is what an identity provider says of itself (SAML Metadata §2.4.3), as far as we use it.
type Metadata struct {
	EntityID string
	// SSOURLs holds the single sign-on location by binding: BindingRedirect, BindingPost, or both.
	SSOURLs map[string]string
	// Certificates are all that may sign, in order, each once. They may have expired: an identity provider lists the
	// old one beside the new.
	Certificates            []*x509.Certificate
	WantAuthnRequestsSigned bool
	// ValidUntil is zero when the metadata does not say.
	ValidUntil time.Time
	// Warnings are for the administrator: certificates that were left out or end soon.
	Warnings []string
}

// ParseMetadata reads the metadata of one identity provider: an EntityDescriptor, or an EntitiesDescriptor with a
// single identity provider in it. Metadata is refused (ReasonMetadata) if it cannot be used as it is: not XML, no or
// several identity providers, validUntil in the past, no usable signing key, no endpoint for redirect or POST.
func ParseMetadata(data []byte, now time.Time) (*Metadata, *Refusal) {
	m, err := parseMetadata(data, now)
	if err != nil {
		return nil, Refuse(ReasonMetadata, Say("metadata", "problem", err))
	}
	return m, nil
}

// ParseStoredMetadata is ParseMetadata for what was good when it was stored: that its validUntil has passed since does
// not take the endpoints away.
func ParseStoredMetadata(data []byte) (*Metadata, *Refusal) { return ParseMetadata(data, time.Time{}) }

func parseMetadata(data []byte, now time.Time) (*Metadata, error) {
	entities, err := readEntities(data)
	if err != nil {
		return nil, err
	}
	entity, role, err := findIdP(entities)
	if err != nil {
		return nil, err
	}
	m := &Metadata{EntityID: trim(entity.EntityID), SSOURLs: map[string]string{}}
	if m.EntityID == "" || len(m.EntityID) > MaxEntityID {
		return nil, fmt.Errorf("the EntityDescriptor has no entityID, or one of more than %d characters", MaxEntityID)
	}
	for _, until := range append(entity.within, &entity.ValidUntil, role.ValidUntil) {
		if err := m.limit(until, now); err != nil {
			return nil, err
		}
	}
	m.WantAuthnRequestsSigned = role.WantAuthnRequestsSigned != nil && *role.WantAuthnRequestsSigned
	if err := m.readEndpoints(role); err != nil {
		return nil, err
	}
	return m, m.readCertificates(role, now)
}

// MaxEntityID is the greatest length of an entity ID (SAML Core §8.3.6).
const MaxEntityID = 1024

// findIdP finds the one entity that is an identity provider for SAML 2.0.
func findIdP(entities []entity) (*entity, *crewjam.IDPSSODescriptor, error) {
	var names []string
	var found *entity
	var role *crewjam.IDPSSODescriptor
	for i, e := range entities {
		for j, r := range e.IDPSSODescriptors {
			if slices.Contains(strings.Fields(r.ProtocolSupportEnumeration), nsProtocol) {
				names = append(names, Clip(e.EntityID))
				found, role = &entities[i], &e.IDPSSODescriptors[j]
			}
		}
	}
	switch {
	case len(names) == 1:
		return found, role, nil
	case len(names) > 1:
		return nil, nil, fmt.Errorf("it describes %d identity providers (%s); give the metadata of one",
			len(names), Clip(strings.Join(names, ", ")))
	case len(entities) > 0 && len(entities[0].SPSSODescriptors) > 0:
		return nil, nil, fmt.Errorf("%s is a service provider, not an identity provider", Clip(entities[0].EntityID))
	}
	return nil, nil, errors.New("it describes no identity provider (IDPSSODescriptor) for SAML 2.0")
}

// limit takes a validUntil into account; nil and zero say nothing.
func (m *Metadata) limit(until *time.Time, now time.Time) error {
	switch {
	case until == nil || until.IsZero():
		return nil
	case !now.Before(*until):
		return fmt.Errorf("it was valid until %s; get it again from the identity provider", stamp(*until))
	case m.ValidUntil.IsZero() || until.Before(m.ValidUntil):
		m.ValidUntil = until.UTC()
	}
	return nil
}

// readEndpoints takes the first location of each binding that we speak.
func (m *Metadata) readEndpoints(role *crewjam.IDPSSODescriptor) error {
	var offered []string
	for _, service := range role.SingleSignOnServices {
		offered = append(offered, service.Binding)
		if (service.Binding != BindingRedirect && service.Binding != BindingPost) || m.SSOURLs[service.Binding] != "" {
			continue
		}
		if err := CheckSSOURL(service.Location); err != nil {
			return err
		}
		m.SSOURLs[service.Binding] = service.Location
	}
	switch {
	case len(m.SSOURLs) > 0:
		return nil
	case len(offered) == 0:
		return errors.New("it has no SingleSignOnService")
	}
	return fmt.Errorf("it has no SingleSignOnService for HTTP-Redirect or HTTP-POST (offered: %s)",
		Clip(strings.Join(offered, ", ")))
}

// CheckSSOURL reports why requests cannot be sent to a single sign-on address; nil if they can: it is an absolute http
// or https URL with a host, without user information or fragment.
func CheckSSOURL(location string) error {
	u, err := url.Parse(location)
	if err != nil || (u.Scheme != "https" && u.Scheme != "http") || u.Host == "" || u.User != nil || u.Fragment != "" ||
		len(location) > maxSSOURL {
		return fmt.Errorf("the single sign-on address %q is not a usable http or https URL", Clip(location))
	}
	return nil
}

const maxSSOURL = 2048

// readCertificates takes the certificates that may sign: of keys for signing, and for no use in particular.
func (m *Metadata) readCertificates(role *crewjam.IDPSSODescriptor, now time.Time) error {
	for _, key := range role.KeyDescriptors {
		if key.Use != "" && key.Use != "signing" {
			continue
		}
		for _, given := range key.KeyInfo.X509Data.X509Certificates {
			der, err := decodeBase64(given.Data)
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
	switch {
	case len(m.Certificates) > 0:
		return nil
	case len(m.Warnings) > 0:
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
