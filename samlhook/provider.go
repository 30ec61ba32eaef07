package samlhook

import (
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"rollcall/directory"
	"rollcall/directory/schema"
	"rollcall/samlhook/saml"
)

// Prepare checks an IdentityProvider before it is stored and fills in what follows
// from its metadata; old is nil for a new one, which gets its key here. It is the hook
// of the type: it runs inside the change, possibly more than once, and is pure. What it
// needs from outside it asks of resolved, which returns what Resolve returned for it.
// Errors: *schema.Error (invalidValue) naming the attribute; Forbidden without the
// scope admin; that of resolved for what was not resolved yet.
func (h *Hook) Prepare(tx *directory.Tx, id directory.ID, old *directory.Resource, doc schema.Document,
	resolved func(need any) (any, error)) error {
	if err := tx.MayPut(old, doc); err != nil {
		return err
	}
	var before schema.Document
	if old != nil {
		var err error
		if before, err = schema.IdentityProvider().Decode(old.JSON); err != nil {
			return err
		}
	}
	delete(doc, "sp") // derived, never stored
	delete(doc, "health")
	p := preparation{tx: tx, id: id, old: old, before: before, doc: doc, resolved: resolved}
	for _, step := range []func() error{p.fetch, p.identityProvider, p.domains, p.defaultGroups, p.ranges, p.unsupported, p.secrets} {
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
	old      *directory.Resource
	before   schema.Document // nil for a new one
	doc      schema.Document
	resolved func(need any) (any, error)
}

func wrong(attribute, format string, args ...any) error {
	return schema.Errorf(schema.InvalidValue, attribute, format, args...)
}

func stringOf(doc schema.Document, name string) string {
	s, _ := doc[name].(string)
	return s
}

// fetch gets metadata by URL. metadataXml then holds the copy that is in use; it is
// fetched anew when the URL changes or the copy is removed.
func (p *preparation) fetch() error {
	address := stringOf(p.doc, "metadataUrl")
	if address == "" {
		return nil
	}
	held, given := stringOf(p.before, "metadataXml"), stringOf(p.doc, "metadataXml")
	unchanged := stringOf(p.before, "metadataUrl") == address && held != ""
	switch {
	case given != "" && given != held:
		return wrong("metadataXml", "comes from metadataUrl; remove metadataUrl to give the metadata itself")
	case unchanged && given == held:
		return nil
	}
	fetched, err := p.resolved(metadataAt(address))
	if refusal, ok := errors.AsType[*saml.Refusal](err); ok {
		return wrong("metadataUrl", "%s", refusal.Explanation)
	}
	if err != nil {
		return err
	}
	body, err := saml.MetadataText(fetched.([]byte))
	if err != nil {
		return wrong("metadataUrl", "the metadata cannot be used: %s", err)
	}
	p.doc["metadataXml"] = string(body)
	if p.old != nil {
		p.tx.PutNote(noteFetched, p.old.ID, []byte(schema.FormatTime(p.tx.Now())))
	}
	return nil
}

// identityProvider checks their side and fills it in where there is metadata.
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
	if refusal != nil && given == stringOf(p.before, "metadataXml") { // good when it was stored, over by now: the rest may still change
		m, refusal = saml.ParseStoredMetadata([]byte(given))
	}
	if refusal != nil {
		return wrong(source, "%s", refusal.Explanation)
	}
	binding := chooseBinding(stringOf(p.doc, "binding"), m.SSOURLs)
	location := m.SSOURLs[binding]
	if location == "" {
		return wrong("binding", "the metadata does not offer %s", stringOf(p.doc, "binding"))
	}
	p.doc["idp"] = map[string]any{"entityId": m.EntityID, "ssoUrl": location, "certificates": certificateList(m.Certificates)}
	return nil
}

// byHand checks their side where there is no metadata: all of it, or nothing yet
// (many identity providers want to know our addresses first).
func (p *preparation) byHand() error {
	idp, _ := p.doc["idp"].(map[string]any)
	if len(idp) == 0 {
		return nil
	}
	entityID, _ := idp["entityId"].(string)
	if entityID = strings.TrimSpace(entityID); entityID == "" || len(entityID) > 1024 {
		return wrong("idp.entityId", "is required without metadata, and has at most 1024 characters")
	}
	location, _ := idp["ssoUrl"].(string)
	if err := saml.CheckSSOURL(location); err != nil {
		return wrong("idp.ssoUrl", "%s", err)
	}
	list, _ := idp["certificates"].([]any)
	var certificates []*x509.Certificate
	for i, e := range list {
		element, _ := e.(map[string]any)
		given, _ := element["pem"].(string)
		cert, err := saml.ParseCertificate(given)
		if err != nil {
			return wrong(fmt.Sprintf("idp.certificates[%d].pem", i), "%s", err)
		}
		if p.tx.Now().After(cert.NotAfter) && len(list) == 1 {
			return wrong(fmt.Sprintf("idp.certificates[%d].pem", i), "%s", saml.ExpiryWarning(cert, p.tx.Now()))
		}
		if !slices.ContainsFunc(certificates, cert.Equal) {
			certificates = append(certificates, cert)
		}
	}
	if len(certificates) == 0 {
		return wrong("idp.certificates", "at least one certificate is required without metadata")
	}
	p.doc["idp"] = map[string]any{"entityId": entityID, "ssoUrl": location, "certificates": certificateList(certificates)}
	return nil
}

func certificateList(certificates []*x509.Certificate) []any {
	var list []any
	for _, c := range certificates {
		list = append(list, map[string]any{"pem": string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.Raw})),
			"fingerprint": saml.Fingerprint(c), "notAfter": schema.FormatTime(c.NotAfter)})
	}
	return list
}

// domains checks that the connection's are the organization's, and no other connection's.
func (p *preparation) domains() error {
	s := p.tx.Snapshot()
	var known []string
	if org := s.Organization(); org != nil {
		known = foldDomains(textsAt(org, "domains.#.value"))
	}
	list, _ := p.doc["domains"].([]any)
	for i, e := range list {
		domain, _ := e.(string)
		domain = wideFold(strings.TrimSpace(domain))
		list[i] = domain
		if p.listed("domains", domain) {
			continue // it was there before; that the organization has lost it since is judged at sign-in
		}
		if !slices.Contains(known, domain) {
			return wrong(fmt.Sprintf("domains[%d]", i), "%q is no domain of the organization; add it to the Organization's domains first", saml.Clip(domain))
		}
		if err := p.unassigned(i, domain); err != nil {
			return err
		}
	}
	return nil
}

// privileged checks the Groups that sign-in may touch although they are privileged,
// and returns their ids. Here and in defaultGroups, one that was named before is not
// judged again, so that the rest may change: what has become of it is judged at
// sign-in.
func (p *preparation) privileged() ([]directory.ID, error) {
	sync, _ := p.doc["groupSync"].(map[string]any)
	was, _ := p.before["groupSync"].(map[string]any)
	held, _ := was["allowPrivileged"].([]any)
	list, _ := sync["allowPrivileged"].([]any)
	var allowed []directory.ID
	for i, e := range list {
		value, _ := e.(string)
		id, _ := directory.ParseID(value)
		if !slices.Contains(held, e) {
			if err := p.group(value); err != nil {
				return nil, wrong(fmt.Sprintf("groupSync.allowPrivileged[%d]", i), "%s", err)
			}
		}
		allowed = append(allowed, id)
	}
	return allowed, nil
}

// defaultGroups checks that they exist, and give no more than membership unless they
// are listed.
func (p *preparation) defaultGroups() error {
	allowed, err := p.privileged()
	if err != nil {
		return err
	}
	jit, _ := p.doc["jit"].(map[string]any)
	was, _ := p.before["jit"].(map[string]any)
	held, _ := was["defaultGroups"].([]any)
	list, _ := jit["defaultGroups"].([]any)
	for i, e := range list {
		group, _ := e.(map[string]any)
		delete(group, "display")
		value, _ := group["value"].(string)
		if slices.ContainsFunc(held, func(h any) bool { return h.(map[string]any)["value"] == value }) {
			continue
		}
		err := p.group(value)
		if id, _ := directory.ParseID(value); err == nil && !slices.Contains(allowed, id) && p.tx.Snapshot().PrivilegedGroup(id) {
			err = fmt.Errorf("the Group %s has roles or is protected, itself or through a Group it is in, and sign-in would add everybody "+
				"it creates; to allow that, list it in groupSync.allowPrivileged", id)
		}
		if err != nil {
			return wrong(fmt.Sprintf("jit.defaultGroups[%d].value", i), "%s", err)
		}
	}
	return nil
}

// group checks that there is a Group with the id; the change rests on that.
func (p *preparation) group(value string) error {
	if id, ok := directory.ParseID(value); ok {
		if _, err := p.tx.Get(typeGroup, id); err == nil {
			return nil
		}
	}
	return fmt.Errorf("no Group has the id %s", saml.Clip(value))
}

// maxRivals is how many other connections the commit compares: a change may rest on
// 120 resources. What two changes of one moment assign beyond that counts for neither
// connection at sign-in (divideDomains), and so does what two new connections take.
const maxRivals = 64

// unassigned refuses a domain of another connection. The change rests on the others,
// so that none of them takes the domain meanwhile.
func (p *preparation) unassigned(i int, domain string) error {
	rivals := 0
	for other := range p.tx.Snapshot().All(typeConnection) {
		if p.old != nil && other.ID == p.old.ID {
			continue
		}
		if slices.Contains(foldDomains(textsAt(other, "domains")), domain) {
			return wrong(fmt.Sprintf("domains[%d]", i), "%q is assigned to the connection %s already", domain, other.ID)
		}
		if rivals++; rivals <= maxRivals {
			if _, err := p.tx.Get(typeConnection, other.ID); err != nil {
				return err
			}
		}
	}
	return nil
}

func (p *preparation) listed(attribute, value string) bool {
	list, _ := p.before[attribute].([]any)
	return slices.Contains(list, any(value))
}

// ranges checks numbers and names that the schema leaves open.
func (p *preparation) ranges() error {
	for _, r := range []struct {
		name     string
		from, to int64
	}{
		{"clockSkewSeconds", 1, int64(maxClockSkew / time.Second)},
		{"sessionMinutes", 1, 30 * 24 * 60},
	} {
		n, ok := p.doc[r.name].(interface{ Int64() (int64, error) })
		if !ok {
			continue
		}
		if v, err := n.Int64(); err != nil || v < r.from || v > r.to {
			return wrong(r.name, "must be from %d to %d", r.from, r.to)
		}
	}
	if stringOf(p.doc, "nameIdFormat") == saml.NameIDTransient {
		return wrong("nameIdFormat", "a transient NameID changes with every sign-in and names nobody; ask for persistent or emailAddress")
	}
	return nil
}

// unsupported refuses settings that would be accepted and then not heeded.
func (p *preparation) unsupported() error {
	if encrypted, _ := p.doc["wantEncrypted"].(bool); encrypted {
		return wrong("wantEncrypted", "encrypted assertions are not supported yet")
	}
	sync, _ := p.doc["groupSync"].(map[string]any)
	if mode, _ := sync["mode"].(string); mode != "" && mode != "none" {
		return wrong("groupSync.mode", "%s is not supported yet", mode)
	}
	return nil
}

// secrets makes the connection's key and the organization's, where they are not there
// yet. It is the last step: nobody makes a key for a document that is refused.
func (p *preparation) secrets() error {
	held, err := heldSecrets(p.tx.Snapshot(), p.id)
	if err != nil {
		return err
	}
	if held.requests == nil {
		createMAC(p.tx)
	}
	if held.stored != nil {
		return nil
	}
	made, err := p.resolved(keyFor{p.tx.Snapshot().Organization().Text("name"), p.id})
	if err != nil {
		return err
	}
	p.tx.CreateSecret(p.id, secretSPKey, made.([]byte))
	return nil
}
