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

// maxRivals is how many other connections the commit compares: a change may rest on
// 120 resources. What two changes of one moment assign beyond that counts for neither
// connection at sign-in (divideDomains), and so does what two new connections take.
const maxRivals = 64

// unassigned refuses a domain of another connection. The change rests on the others,
// so that none of them takes the domain meanwhile.
func (p *preparation) unassigned(i int, domain string) error {
	rivals := 0
	for other := range p.tx.Snapshot().All(schema.IdentityProviderType) {
		if p.old != nil && other.ID == p.old.ID {
			continue
		}
		if slices.Contains(foldDomains(textsAt(other, "domains")), domain) {
			return wrong(fmt.Sprintf("domains[%d]", i), "%q is assigned to the connection %s already", domain, other.ID)
		}
		if rivals++; rivals <= maxRivals {
			if _, err := p.tx.Get(schema.IdentityProviderType, other.ID); err != nil {
				return err
			}
		}
	}
	return nil
}

// verifiedHere says whether a value lies inside a domain that the organization has
// verified and assigned to this connection: what follows its last @. A value
// without one lies in no domain.
func (c Settings) verifiedHere(value string, verified []string) bool {
	domain := domainOf(value)
	return domain != "" && slices.Contains(c.Domains, domain) && slices.Contains(verified, domain)
}

// domainOf is what follows the last @ of the folded value; empty where there is none.
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

// verifiedDomains are the domains of an Organization whose control was shown.
func verifiedDomains(organization *directory.Resource) []string {
	var verified []string
	if organization == nil {
		return nil
	}
	for _, d := range gjson.GetBytes(organization.JSON, "domains").Array() {
		if d.Get("verified").Bool() {
			verified = append(verified, wideFold(d.Get("value").String()))
		}
	}
	return verified
}

// divideDomains divides the organization's verified domains as the connection sees
// them: those that it may hold, and those that another connection holds. Prepare
// assigns a domain once; if two changes of one moment have assigned it twice all the
// same, it counts for neither.
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

func severalConnections(s *directory.Snapshot) bool {
	n := 0
	for range s.All(schema.IdentityProviderType) {
		if n++; n > 1 {
			return true
		}
	}
	return false
}
