package samlhook

import (
	"fmt"
	"slices"
	"strings"

	"github.com/tidwall/gjson"

	"rollcall/directory"
	"rollcall/directory/schema"
	"rollcall/samlhook/saml"
)

// domains checks that the connection's domains are the organization's, and no other connection's.
func (p *preparation) domains() error {
	var known []string
	if org := p.tx.Snapshot().Organization(); org != nil {
		known = foldDomains(textsAt(org, "domains.#.value"))
	}
	before, _ := p.before["domains"].([]any)
	list, _ := p.doc["domains"].([]any)
	for i, e := range list {
		domain, _ := e.(string)
		domain = wideFold(strings.TrimSpace(domain))
		list[i] = domain
		if slices.Contains(before, any(domain)) {
			continue // if the organization has lost it since, sign-in judges that
		}
		if !slices.Contains(known, domain) {
			return wrong(fmt.Sprintf("domains[%d]", i),
				"%q is not a domain of the organization; add it to the Organization's domains first", saml.Clip(domain))
		}
		if err := p.unassigned(i, domain); err != nil {
			return err
		}
	}
	return nil
}

// maxRivals is how many other connections the commit compares: a change may rest on 120 resources. A domain that two
// changes of one moment assign beyond that counts for neither connection at sign-in (divideDomains), and so does one
// that two new connections take.
const maxRivals = 64

// unassigned refuses a domain of another connection. The change rests on the others, so that none of them takes the
// domain meanwhile.
func (p *preparation) unassigned(i int, domain string) error {
	rivals := 0
	for other := range p.tx.Snapshot().All(schema.IdentityProviderType) {
		if other.ID == p.id {
			continue
		}
		if slices.Contains(foldDomains(textsAt(other, "domains")), domain) {
			return wrong(fmt.Sprintf("domains[%d]", i), "%q is already assigned to the connection %s", domain, other.ID)
		}
		if rivals++; rivals <= maxRivals {
			if _, err := p.tx.Get(schema.IdentityProviderType, other.ID); err != nil {
				return err
			}
		}
	}
	return nil
}

// verifiedHere reports whether a value is in a domain that the organization has verified and assigned to this
// connection: what follows its last @. A value without one is in no domain.
func (c Settings) verifiedHere(value string, verified []string) bool {
	domain := domainOf(value)
	return domain != "" && slices.Contains(c.Domains, domain) && slices.Contains(verified, domain)
}

// domainOf is what follows the last @ of the folded value; empty if there is none.
func domainOf(value string) string {
	value = wideFold(value)
	at := strings.LastIndexByte(value, '@')
	if at < 0 {
		return ""
	}
	return value[at+1:]
}

// foldDomains are domains as domainOf spells them.
func foldDomains(values []string) []string {
	for i, v := range values {
		values[i] = wideFold(v)
	}
	return values
}

// verifiedDomains are the domains that an Organization has shown to control.
func verifiedDomains(organization *directory.Resource) []string {
	if organization == nil {
		return nil
	}
	var verified []string
	for _, d := range gjson.GetBytes(organization.JSON, "domains").Array() {
		if d.Get("verified").Bool() {
			verified = append(verified, wideFold(d.Get("value").String()))
		}
	}
	return verified
}

// divideDomains divides the organization's verified domains as the connection sees them: those that no other connection
// has, and those that another one has. Prepare assigns a domain once; if two changes of one moment have assigned it
// twice all the same, it counts for neither.
func divideDomains(s *directory.Snapshot, connection directory.ID) (free, taken []string) {
	var others []string
	for r := range s.All(schema.IdentityProviderType) {
		if r.ID != connection {
			others = append(others, foldDomains(textsAt(r, "domains"))...)
		}
	}
	for _, domain := range verifiedDomains(s.Organization()) {
		if slices.Contains(others, domain) {
			taken = append(taken, domain)
		} else {
			free = append(free, domain)
		}
	}
	return free, taken
}

// severalConnections reports whether the organization has more than one connection.
func severalConnections(s *directory.Snapshot) bool {
	n := 0
	for range s.All(schema.IdentityProviderType) {
		if n++; n > 1 {
			return true
		}
	}
	return false
}
