package samlhook

import (
	"crypto/x509"

	"github.com/tidwall/gjson"

	"rollcall/directory"
	"rollcall/directory/schema"
	"rollcall/samlhook/saml"
)

// Health of a connection (IdentityProvider.health.status).
const (
	healthOK      = "ok"
	healthWarning = "warning"
	healthFailing = "failing"
)

// Render adds what is derived of an IdentityProvider to the body of a reply: sp, our
// side, and health.
func (h *Hook) Render(s *directory.Snapshot, r *directory.Resource, body map[string]any) {
	organization := s.Organization()
	if organization == nil {
		return
	}
	name := organization.Text("name")
	at := h.urls(name, r.ID)
	sp := map[string]any{"entityId": at.Metadata, "acsUrl": at.ACS, "metadataUrl": at.Metadata, "loginUrl": at.Login}
	body["sp"] = sp
	own := h.certificate(s, r.ID)
	if own != nil {
		sp["certificates"] = certificateList([]*x509.Certificate{own})
	}
	warnings, status := h.warnings(s, r, own), healthOK
	if len(warnings) > 0 {
		status = healthWarning
	}
	if failing := h.failing(r, own); failing != "" {
		warnings, status = append([]string{failing}, warnings...), healthFailing
	}
	health := map[string]any{"status": status}
	putTexts(health, "warnings", warnings)
	putText(health, "lastSignIn", string(s.Note(noteSignedIn, r.ID)))
	if r.Text("metadataUrl") != "" {
		fetched := string(s.Note(noteFetched, r.ID))
		if fetched == "" {
			fetched = schema.FormatTime(r.Created)
		}
		health["lastRefresh"] = fetched
	}
	body["health"] = health
}

// certificate is ours towards the connection; nil if it has none.
func (h *Hook) certificate(s *directory.Snapshot, connection directory.ID) *x509.Certificate {
	held, err := heldSecrets(s, connection)
	if err == nil && held.stored == nil {
		return nil
	}
	var pair keyPair
	if err == nil {
		pair, err = parseKeyPair(held.stored)
	}
	if err != nil {
		h.log.Error("a connection's key cannot be read", "connection", connection.String(), "error", err)
	}
	return pair.certificate
}

// failing says why nobody can sign in through the connection at all.
func (h *Hook) failing(r *directory.Resource, own *x509.Certificate) string {
	c, _, err := readConnection(r, h.now())
	switch {
	case err != nil:
		return "the stored connection cannot be read: " + err.Error()
	case c.IdPEntityID == "" || c.SSOURL == "":
		return "there is no identity provider yet: set metadataXml, metadataUrl, or idp"
	case own == nil:
		return "the connection has no key of ours: change anything of it, and it gets one"
	}
	for _, cert := range c.Certificates {
		if !h.now().After(cert.NotAfter) {
			return ""
		}
	}
	return "no certificate of the identity provider is valid"
}

// warnings are what an administrator should look at.
func (h *Hook) warnings(s *directory.Snapshot, r *directory.Resource, own *x509.Certificate) []string {
	var list []string
	add := func(warning string) {
		if warning != "" {
			list = append(list, warning)
		}
	}
	if _, theirs, err := readConnection(r, h.now()); err == nil {
		for _, w := range theirs {
			add(w)
		}
	}
	if own != nil {
		if w := saml.ExpiryWarning(own, h.now()); w != "" {
			add("our own: " + w)
		}
	}
	c := ReadSettings(r)
	if !c.Enabled {
		add("the connection is switched off")
	}
	if gjson.GetBytes(r.JSON, "allowSha1").Bool() {
		add("signatures with SHA-1 are accepted (allowSha1)")
	}
	if severalConnections(s) {
		verified, _ := divideDomains(s, r.ID)
		linking := false
		for _, d := range c.Domains {
			linking = linking || c.verifiedHere("@"+d, verified)
		}
		if linking {
			add("the organization has several connections: existing Users are found only in verified domains of this one")
		} else {
			add("the organization has several connections and this one has no verified domain: existing Users are found only by earlier sign-ins")
		}
	}
	for _, id := range c.DefaultGroups {
		group, err := s.Get(schema.GroupType, id)
		switch {
		case err != nil:
			add("the default group " + id.String() + " does not exist any more")
		case !c.mayTouch(s, id):
			add("nobody is added to the default group " + saml.Clip(displayOf(group, "id")) +
				": it has roles or is protected, itself or through a group it is in, and is not listed in groupSync.allowPrivileged")
		case s.PrivilegedGroup(id):
			add("the default group " + saml.Clip(displayOf(group, "id")) + " gives roles, or membership of a protected group, to everybody who signs in for the first time")
		}
	}
	return list
}
