package samlhook

import (
	"slices"
	"strings"

	"github.com/tidwall/gjson"

	"rollcall/directory"
	"rollcall/directory/schema"
)

// authority says which connection may speak for which values: link people by them, create Users with them, and write
// them. Only connections that are enabled and have an identity provider count, so that preparing another one changes
// nothing for anybody. A value in a verified domain is up to the connection that has the domain, every other value up
// to the default connection.
type authority struct {
	domains     map[string]*domainOwner
	fallback    directory.ID // the default connection; zero if none counts
	marked      bool         // it is marked as the default
	connections int
}

// domainOwner is who has a domain that the organization has, or had, verified.
type domainOwner struct {
	connections []directory.ID // to which it is assigned; two, after a race, have it neither
	lost        bool           // its record is gone for days: nobody is linked or created by it
	subdomains  bool           // it stands for those below it, too
}

// verdictOn is what an authority says about a value.
type verdictOn struct {
	domain string       // of the value; empty if it has none
	by     directory.ID // who may speak for it; zero for nobody
	owner  *domainOwner // nil if the domain is not verified, or assigned to no connection that counts
}

// readAuthority reads it out of the organization's connections and domains. The connection counts as if it were
// enabled.
func readAuthority(s *directory.Snapshot, connection directory.ID) *authority {
	a := &authority{domains: map[string]*domainOwner{}}
	organization := s.Organization()
	if organization == nil {
		return a
	}
	for _, d := range gjson.GetBytes(organization.JSON, "domains").Array() {
		lost := d.Get("state").String() == domainLost
		if lost || d.Get("verified").Bool() {
			a.domains[domainName(d.Get("value").String())] = &domainOwner{lost: lost,
				subdomains: d.Get("includeSubdomains").Bool()}
		}
	}
	for _, c := range standings(s) {
		if !c.counts && c.id != connection {
			continue
		}
		if a.connections++; a.fallback.IsZero() || c.marked && !a.marked {
			a.fallback, a.marked = c.id, c.marked
		}
		for _, domain := range c.domains {
			if o := a.domains[domain]; o != nil {
				o.connections = append(o.connections, c.id)
			}
		}
	}
	return a
}

// allStandings is the key of standings among what a snapshot remembers.
type allStandings struct{}

// standings are those of all connections of the organization, the oldest first. They are read once for each snapshot: a
// list of connections asks for them for each of its connections.
func standings(s *directory.Snapshot) []standing {
	return s.Once(allStandings{}, func() any {
		var all []standing
		for r := range s.All(schema.IdentityProviderType) {
			all = append(all, readStanding(r))
		}
		return all
	}).([]standing)
}

// standing is what a connection is among others.
type standing struct {
	id      directory.ID
	counts  bool // it is enabled and has an identity provider
	marked  bool // as the default
	domains []string
}

func readStanding(r *directory.Resource) standing {
	c, configured := standing{id: r.ID, counts: true}, false
	gjson.ParseBytes(r.JSON).ForEach(func(name, value gjson.Result) bool {
		switch name.String() {
		case "enabled":
			c.counts = value.Type != gjson.False
		case "default":
			c.marked = value.Bool()
		case "domains":
			c.domains = domainNames(texts(value))
		case "idp":
			configured = value.Get("entityId").String() != "" && value.Get("ssoUrl").String() != "" &&
				value.Get("certificates.#").Int() > 0
		}
		return true
	})
	c.counts = c.counts && configured
	return c
}

// on says who may speak for a value.
func (a *authority) on(value string) verdictOn {
	v := verdictOn{domain: domainOf(value), by: a.fallback}
	o := a.owner(v.domain)
	switch {
	case o == nil || len(o.connections) == 0 && !o.lost:
		return v
	case o.lost || len(o.connections) > 1:
		v.by = directory.ID{}
	default:
		v.by = o.connections[0]
	}
	v.owner = o
	return v
}

// owner is who has the domain: itself, or the nearest one above it that stands for those below; nil if nobody has.
func (a *authority) owner(domain string) *domainOwner {
	if o := a.domains[domain]; o != nil {
		return o
	}
	for {
		_, above, found := strings.Cut(domain, ".")
		if !found {
			return nil
		}
		if o := a.domains[above]; o != nil && o.subdomains {
			return o
		}
		domain = above
	}
}

// foreign are the domains of the User's userName and e-mail addresses that another connection has, and this one has
// not. A lost domain is still its connection's.
func (a *authority) foreign(user *directory.Resource, connection directory.ID) []string {
	var domains []string
	for _, value := range append(textsAt(user, "emails.#.value"), user.Text("userName")) {
		domain := domainOf(value)
		o := a.owner(domain)
		if o != nil && len(o.connections) > 0 && !slices.Contains(o.connections, connection) &&
			!slices.Contains(domains, domain) {
			domains = append(domains, domain)
		}
	}
	return domains
}

// suspended are the domains for which an administrator has to confirm the link to the User before it counts.
func (a *authority) suspended(user *directory.Resource, link *directory.Link) []string {
	return slices.DeleteFunc(a.foreign(user, link.Connection),
		func(domain string) bool { return slices.Contains(link.Confirmed, domain) })
}
