package samlhook

import (
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"rollcall/directory"
	"rollcall/directory/schema"
	"rollcall/samlhook/saml"
)

// Prepare checks an IdentityProvider before it is stored and fills in what follows from its metadata; old is nil for a
// new one, which gets its key here. It is the hook of the type: it runs inside the change, possibly more than once, and
// is pure. It asks resolved for what it needs from outside, and returns the error of what was not resolved yet. Other
// errors: *schema.Error (invalidValue) naming the attribute; Forbidden without the scope admin.
func (h *Hook) Prepare(tx *directory.Tx, id directory.ID, old *directory.Resource, doc schema.Document,
	resolved func(need any) (any, error)) error {
	if err := tx.MayPut(old, doc); err != nil {
		return err
	}
	p := preparation{tx: tx, id: id, doc: doc, resolved: resolved}
	if old != nil {
		var err error
		if p.before, err = schema.IdentityProvider().Decode(old.JSON); err != nil {
			return err
		}
	}
	for _, derived := range []string{"sp", "health", "pending", "held"} { // never stored
		delete(doc, derived)
	}
	for _, step := range []func() error{
		p.metadata, p.identityProvider, p.switchedOn, p.domains, p.defaultGroups, p.ranges, p.groupSync, p.secrets,
	} {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}

// preparation is one document while it is checked.
type preparation struct {
	tx       *directory.Tx
	id       directory.ID
	before   schema.Document // nil for a new one
	doc      schema.Document
	resolved func(need any) (any, error)
}

// wrong is the error for an attribute that cannot be stored.
func wrong(attribute, format string, args ...any) error {
	return schema.Errorf(schema.InvalidValue, attribute, format, args...)
}

func stringOf(doc schema.Document, name string) string {
	s, _ := doc[name].(string)
	return s
}

// metadata gets metadata by URL. metadataXml then holds the copy that is in use; it is fetched again when the URL
// changes or the copy is removed.
func (p *preparation) metadata() error {
	address := stringOf(p.doc, "metadataUrl")
	if address == "" {
		return nil
	}
	held, given := stringOf(p.before, "metadataXml"), stringOf(p.doc, "metadataXml")
	unchanged := stringOf(p.before, "metadataUrl") == address && held != ""
	switch {
	case given != "" && given != held:
		return wrong("metadataXml", "comes from metadataUrl; remove metadataUrl to set the metadata itself")
	case unchanged && given == held:
		return nil
	}
	fetched, err := p.resolved(metadataAt(address))
	if refusal, ok := errors.AsType[*saml.Refusal](err); ok {
		return wrong("metadataUrl", "%s", english(refusal.Explanation))
	}
	if err != nil {
		return err
	}

	// The copy is text, whatever encoding it came in.
	text, err := saml.MetadataText(fetched.([]byte))
	if err != nil {
		return wrong("metadataUrl", "the metadata cannot be used: %s", err)
	}
	p.doc["metadataXml"] = string(text)
	now := p.tx.Now()
	p.tx.PutNote(noteRefresh, p.id, refreshed{Tried: now, Fetched: now}.encode())
	return nil
}

// identityProvider checks the other side, and fills it in if there is metadata.
func (p *preparation) identityProvider() error {
	given := stringOf(p.doc, "metadataXml")
	if given == "" {
		return p.byHand()
	}
	source := "metadataXml"
	if p.doc["metadataUrl"] != nil {
		source = "metadataUrl"
	}
	m, refusal := saml.ParseMetadata([]byte(given), p.tx.Now())
	if refusal != nil && given == stringOf(p.before, "metadataXml") {
		// It was good; that it has ended must not keep anything else from changing.
		m, refusal = saml.ParseStoredMetadata([]byte(given))
	}
	if refusal != nil {
		return wrong(source, "%s", english(refusal.Explanation))
	}
	binding := chooseBinding(stringOf(p.doc, "binding"), m.SSOURLs)
	location := m.SSOURLs[binding]
	if location == "" {
		return wrong("binding", "the metadata does not offer %s", stringOf(p.doc, "binding"))
	}
	idp := map[string]any{"entityId": m.EntityID, "ssoUrl": location,
		"certificates": append(certificateList(m.Certificates), p.leaving(m)...)}
	sent, _ := p.doc["idp"].(map[string]any)
	was, _ := p.before["idp"].(map[string]any)
	for _, name := range slices.Sorted(maps.Keys(sent)) {
		if v := sent[name]; !schema.EqualValues(v, was[name]) && !schema.EqualValues(v, idp[name]) {
			return wrong("idp."+name, "comes from %s; remove that to set it by hand", source)
		}
	}
	p.doc["idp"] = idp
	return nil
}

// keepLeaving is for how long a certificate is accepted that the metadata does not list any more: an identity provider
// changes its metadata and its key at different times.
const keepLeaving = 7 * 24 * time.Hour

// leaving are the certificates that metadata of the same entity listed before at the same address, and that are still
// accepted for a while. What an administrator gave as text replaces them at once.
func (p *preparation) leaving(m *saml.Metadata) (list []any) {
	before, _ := p.before["idp"].(map[string]any)
	address := stringOf(p.doc, "metadataUrl")
	if address == "" || stringOf(p.before, "metadataUrl") != address || before["entityId"] != m.EntityID {
		return nil
	}
	listed := func(fingerprint any) bool {
		return slices.ContainsFunc(m.Certificates,
			func(c *x509.Certificate) bool { return saml.Fingerprint(c) == fingerprint })
	}
	certificates, _ := before["certificates"].([]any)
	for _, e := range certificates {
		held, _ := e.(map[string]any)
		until, err := time.Parse(time.RFC3339, fmt.Sprint(held["until"]))
		if held["until"] == nil {
			until, err = p.tx.Now().Add(keepLeaving), nil
		}
		if held == nil || err != nil || listed(held["fingerprint"]) || !until.After(p.tx.Now()) {
			continue
		}
		held = maps.Clone(held)
		held["until"] = schema.FormatTime(until)
		list = append(list, held)
	}
	return list
}

// switchedOn keeps a connection without an identity provider disabled: it would be a way to sign in that leads nowhere.
func (p *preparation) switchedOn() error {
	if idp, _ := p.doc["idp"].(map[string]any); len(idp) > 0 {
		return nil
	}
	if enabled, _ := p.doc["enabled"].(bool); enabled {
		return wrong("enabled", "needs an identity provider; set metadataUrl, metadataXml or idp first, or take enabled "+
			"back to false")
	}
	p.doc["enabled"] = false
	return nil
}

// byHand checks the other side if there is no metadata: all of it, or nothing yet (many identity providers want to know
// our addresses first).
func (p *preparation) byHand() error {
	idp, _ := p.doc["idp"].(map[string]any)
	if len(idp) == 0 {
		return nil
	}
	entityID, _ := idp["entityId"].(string)
	if entityID = strings.TrimSpace(entityID); entityID == "" || len(entityID) > saml.MaxEntityID {
		return wrong("idp.entityId", "is required without metadata, and has at most %d characters", saml.MaxEntityID)
	}
	location, _ := idp["ssoUrl"].(string)
	if err := saml.CheckSSOURL(location); err != nil {
		return wrong("idp.ssoUrl", "%s", err)
	}
	list, _ := idp["certificates"].([]any)
	certificates, err := p.certificates(list)
	if err != nil {
		return err
	}
	p.doc["idp"] = map[string]any{"entityId": entityID, "ssoUrl": location,
		"certificates": certificateList(certificates)}
	return nil
}

// certificates reads certificates that were given by hand, each once.
func (p *preparation) certificates(list []any) ([]*x509.Certificate, error) {
	var certificates []*x509.Certificate
	for i, e := range list {
		attribute := fmt.Sprintf("idp.certificates[%d].pem", i)
		element, _ := e.(map[string]any)
		given, _ := element["pem"].(string)
		cert, err := saml.ParseCertificate(given)
		if err != nil {
			return nil, wrong(attribute, "%s", err)
		}
		if p.tx.Now().After(cert.NotAfter) && len(list) == 1 {
			return nil, wrong(attribute, "%s", saml.ExpiryWarning(cert, p.tx.Now()))
		}
		if !slices.ContainsFunc(certificates, cert.Equal) {
			certificates = append(certificates, cert)
		}
	}
	if len(certificates) == 0 {
		return nil, wrong("idp.certificates", "at least one certificate is required without metadata")
	}
	return certificates, nil
}

// certificateList shows certificates as an IdentityProvider has them.
func certificateList(certificates []*x509.Certificate) []any {
	var list []any
	for _, c := range certificates {
		block := &pem.Block{Type: "CERTIFICATE", Bytes: c.Raw}
		list = append(list, map[string]any{"pem": string(pem.EncodeToMemory(block)), "fingerprint": saml.Fingerprint(c),
			"notAfter": schema.FormatTime(c.NotAfter)})
	}
	return list
}

// settingRanges are the limits of the numbers of a connection. The descriptions in the schema name them, too.
var settingRanges = []struct {
	name     string
	from, to int64
}{
	{"clockSkewSeconds", 1, int64(maxClockSkew / time.Second)},
	{"groupSync.guardMinutes", 1, 24 * 60},
	{"groupSync.maxRemovalPercent", 1, 100},
	{"groupSync.maxRemovals", 1, 100_000},
	{"maxIssueAgeSeconds", 1, int64(maxIssueAge / time.Second)},
	{"maxLifetimeMinutes", 1, 24 * 60},
	{"sessionMinutes", 1, 30 * 24 * 60},
}

// ranges checks numbers and names that the schema leaves open.
func (p *preparation) ranges() error {
	for _, r := range settingRanges {
		in, name := map[string]any(p.doc), r.name
		if whole, part, ok := strings.Cut(r.name, "."); ok {
			in, _ = p.doc[whole].(map[string]any)
			name = part
		}
		n, ok := in[name].(interface{ Int64() (int64, error) })
		if !ok {
			continue
		}
		if v, err := n.Int64(); err != nil || v < r.from || v > r.to {
			return wrong(r.name, "must be from %d to %d", r.from, r.to)
		}
	}
	if stringOf(p.doc, "nameIdFormat") == saml.NameIDTransient {
		return wrong("nameIdFormat", "a transient NameID is another one at every sign-in and finds no User again; ask "+
			"for persistent or emailAddress")
	}
	return nil
}
