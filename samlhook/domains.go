package samlhook

import (
	"fmt"
	"slices"
	"strings"

	"golang.org/x/net/idna"

	"rollcall/directory/schema"
	"rollcall/samlhook/saml"
)

// domains checks that the connection's domains are the organization's, and no other connection's.
func (p *preparation) domains() error {
	var known []string
	if org := p.tx.Snapshot().Organization(); org != nil {
		known = domainNames(textsAt(org, "domains.#.value"))
	}
	before, _ := p.before["domains"].([]any)
	list, _ := p.doc["domains"].([]any)
	for i, e := range list {
		domain, _ := e.(string)
		domain = domainName(strings.TrimSpace(domain))
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
// changes of one moment assign beyond that counts for neither connection at sign-in (authority.go), and so does one
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
		if slices.Contains(domainNames(textsAt(other, "domains")), domain) {
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

// lookup maps names as resolvers do (UTS 46, nontransitional), without judging which are registered.
var lookup = idna.New(idna.MapForLookup(), idna.Transitional(false), idna.StrictDomainName(false))

// domainName is the one spelling of a domain: A-labels in lower case, without the last dot. A name that IDNA does not
// take stays as it folds; no verified domain is spelt like that.
func domainName(name string) string {
	name = strings.TrimSuffix(wideFold(name), ".")
	if ascii, err := lookup.ToASCII(name); err == nil && ascii != "" {
		return ascii
	}
	return name
}

func domainNames(names []string) []string {
	for i, name := range names {
		names[i] = domainName(name)
	}
	return names
}

// domainOf is the domain of a value: what follows the last @ of its folded form; empty if there is none.
func domainOf(value string) string {
	value = wideFold(value)
	at := strings.LastIndexByte(value, '@')
	if at < 0 {
		return ""
	}
	return domainName(value[at+1:])
}
