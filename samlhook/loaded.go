package samlhook

import (
	"fmt"
	"time"

	"github.com/tidwall/gjson"

	"rollcall/directory"
	"rollcall/samlhook/saml"
)

// maxClockSkew is the most that clockSkewSeconds may grant.
const maxClockSkew = 10 * time.Minute

// maxParsed bounds the connections that are kept parsed. Those that were deleted are
// not told apart; above the bound all are parsed anew.
const maxParsed = 4096

// loaded is an IdentityProvider ready for use.
type loaded struct {
	*saml.Connection
	Settings
	version  directory.Version
	requests RequestKey
}

// load makes a Connection of the IdentityProvider with its secrets. What is parsed
// is kept for as long as the resource has this version.
func (h *Hook) load(s *directory.Snapshot, organization string, r *directory.Resource) (*loaded, error) {
	if held, ok := h.parsed.Load(r.ID); ok && held.(*loaded).version == r.Version && held.(*loaded).requests != nil && held.(*loaded).Key != nil {
		return held.(*loaded), nil
	}
	held, err := heldSecrets(s, r.ID)
	if err != nil {
		return nil, err
	}
	l := &loaded{Settings: ReadSettings(r), version: r.Version, requests: held.requests}
	if l.Connection, _, err = readConnection(r, h.now()); err != nil {
		return nil, fmt.Errorf("stored IdentityProvider %s: %w", r.ID, err)
	}
	at := h.urls(organization, r.ID)
	l.EntityID, l.ACSURL = at.Metadata, at.ACS
	if held.requests != nil {
		l.CheckRequest = held.requests.Checker(l.Connection.ID)
	}
	if held.stored != nil {
		pair, err := parseKeyPair(held.stored)
		if err != nil {
			return nil, err
		}
		l.Key, l.Connection.Certificate = pair.key, pair.certificate
	}
	if _, held := h.parsed.Swap(r.ID, l); !held && h.parsedCount.Add(1) > maxParsed {
		h.parsed.Clear()
		h.parsedCount.Store(0)
	}
	return l, nil
}

// readConnection reads what an IdentityProvider says of the other side and of
// messages. Certificates that cannot be used are left out with a warning: one that
// was good when it was stored must not keep the others from being used.
func readConnection(r *directory.Resource, now time.Time) (*saml.Connection, []string, error) {
	v := gjson.GetManyBytes(r.JSON, "idp.entityId", "idp.ssoUrl", "idp.certificates.#.pem", "signRequests", "forceAuthn",
		"requestedAuthnContext", "nameIdFormat", "allowSha1", "allowIdpInitiated", "clockSkewSeconds", "attributes", "binding", "metadataXml")
	c := &saml.Connection{
		ID: r.ID.String(), IdPEntityID: v[0].String(), SSOURL: v[1].String(), Binding: saml.BindingRedirect,
		SignRequests: v[3].Type != gjson.False, ForceAuthn: v[4].Bool(), RequestedAuthnContext: texts(v[5]), NameIDFormat: v[6].String(),
		AllowSHA1: v[7].Bool(), AllowIdPInitiated: v[8].Bool(), ClockSkew: time.Duration(v[9].Int()) * time.Second,
		Attributes: saml.AttributeMapping{
			UserName: v[10].Get("userName").String(), FirstName: v[10].Get("firstName").String(), LastName: v[10].Get("lastName").String(),
			Email: v[10].Get("email").String(), Groups: v[10].Get("groups").String(),
			DisplayName: v[10].Get("displayName").String(), ExternalID: v[10].Get("externalId").String(),
		},
	}
	var warnings []string
	for _, pem := range texts(v[2]) {
		cert, err := saml.ParseCertificate(pem)
		if err != nil {
			warnings = append(warnings, err.Error())
			continue
		}
		c.Certificates = append(c.Certificates, cert)
		if warning := saml.ExpiryWarning(cert, now); warning != "" {
			warnings = append(warnings, warning)
		}
	}
	var offered map[string]string
	if xml := v[12].String(); xml != "" {
		if m, refusal := saml.ParseStoredMetadata([]byte(xml)); refusal != nil {
			// What was read once is in idp. Only the choice of the binding needs the metadata.
			warnings = append(warnings, refusal.Explanation)
		} else {
			offered = m.SSOURLs
		}
	}
	c.Binding = chooseBinding(v[11].String(), offered)
	return c, warnings, nil
}

// chooseBinding is the binding that the setting names ("redirect", "post"), or when
// it is unset the one that metadata offers, redirect first.
func chooseBinding(setting string, offered map[string]string) string {
	_, redirect := offered[saml.BindingRedirect]
	_, post := offered[saml.BindingPost]
	switch {
	case setting == "post", setting == "" && post && !redirect:
		return saml.BindingPost
	}
	return saml.BindingRedirect
}

// usable says whether people can be sent to the identity provider and answers be
// judged: nil, or a *Refusal.
func (l *loaded) usable() *saml.Refusal {
	switch {
	case !l.Enabled:
		return saml.Refuse(ReasonConnectionDisabled, "The connection is switched off (enabled: false).")
	case l.IdPEntityID == "" || l.SSOURL == "" || len(l.Certificates) == 0:
		return saml.Refuse(ReasonNotConfigured, "The connection has no identity provider yet; set metadataXml, metadataUrl, or idp.")
	}
	return nil
}
