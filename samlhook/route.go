package samlhook

import (
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"rollcall/directory"
	"rollcall/directory/schema"
	"rollcall/internal/web"
	"rollcall/samlhook/saml"
)

// Where a person signs in follows from the domain of the e-mail address, never from what stands before the @: nobody
// learns from it who is in the directory.

// maxAddressForm bounds the form with the e-mail address, in bytes.
const maxAddressForm = 8 << 10

// formValue is a field of the posted form; empty for a form that is too large or not one.
func (x *exchange) formValue(name string) string {
	if x.r.PostForm == nil {
		x.r.Body = http.MaxBytesReader(x.w, x.r.Body, maxAddressForm)
		if err := x.r.ParseForm(); err != nil {
			return ""
		}
	}
	return x.r.PostForm.Get(name)
}

// address reads the e-mail address that was typed, and its domain; empty if it is none.
func (x *exchange) address() (address, domain string) {
	address = strings.TrimSpace(x.formValue("email"))
	if local, _, found := strings.Cut(wideFold(address), "@"); !found || local == "" || len(address) > 320 {
		return "", ""
	}
	return address, domainOf(address)
}

// byDomain sends the person to the connection that has the domain; without one, to the marked default; else it shows
// all.
func (x *exchange) byDomain(s *directory.Snapshot, page askPage) error {
	address, domain := x.address()
	if domain == "" {
		page.Invalid = true
		x.show(http.StatusUnprocessableEntity, "ask", page, web.Policy{})
		return nil
	}
	a := readAuthority(s, directory.ID{})
	to := a.on("@" + domain)
	switch {
	case to.owner != nil && !to.by.IsZero():
		return x.goTo(s, to.by, address, page.Target)
	case a.marked || a.connections == 1:
		return x.goTo(s, a.fallback, address, page.Target)
	}
	page.Choices = x.choices(s, page.Target)
	x.show(http.StatusOK, "choose", page, web.Policy{})
	return nil
}

// goingPage is what going.html shows while the browser goes on.
type goingPage struct {
	web.Brand
	Organization, Name, URL string
}

// goTo sends the person to a connection. The reply is a page that goes on by itself, not a redirect: our policy lets no
// form end at another site.
func (x *exchange) goTo(s *directory.Snapshot, connection directory.ID, address, target string) error {
	x.connection = connection
	_, l, err := x.ready()
	if err != nil {
		return err
	}
	id, nonce, now := x.begin(l, start{target: target})
	if l.Binding == saml.BindingPost {
		return x.sendForm(l, id, nonce, now)
	}
	location, err := l.RedirectURL(id, nonce, now)
	if err != nil {
		return err
	}
	if l.LoginHint {
		location = withHint(location, address)
	}
	x.w.Header().Set("Refresh", "0; url="+location)
	x.show(http.StatusOK, "going", goingPage{Brand: x.brand(s), Organization: displayOrganization(s), Name: l.Name,
		URL: location}, web.Policy{})
	return nil
}

// withHint tells the identity provider who comes, outside of what is signed. Many read this parameter; others ignore
// it.
func withHint(location, address string) string {
	separator := "?"
	if strings.Contains(location, "?") {
		separator = "&"
	}
	return location + separator + "login_hint=" + url.QueryEscape(address)
}

// everybody is the login page of the whole service: the domain says which organization.
func (x *exchange) everybody() error {
	page := askPage{Action: x.public + "/login"}
	if x.r.Method != http.MethodPost {
		x.show(http.StatusOK, "ask", page, web.Policy{})
		return nil
	}
	_, domain := x.address()
	if domain == "" {
		page.Invalid = true
		x.show(http.StatusUnprocessableEntity, "ask", page, web.Policy{})
		return nil
	}
	system, err := x.store.System().Snapshot(x.r.Context())
	if err != nil {
		return err
	}
	if name := x.routes.organization(system, domain, x.now()); name != "" {
		x.org, x.dir = name, x.store.Organization(name)
		s, err := x.snapshot()
		if err != nil {
			return err
		}
		page.Brand = x.brand(s)
		page.Organization, page.Action = displayOrganization(s), x.organizationURL(name)+"/login"
		if len(x.choices(s, "")) > 0 {
			return x.byDomain(s, page)
		}
		return noConnection(page.Organization)
	}
	page.Unknown = saml.Clip(domain)
	x.show(http.StatusOK, "ask", page, web.Policy{})
	return nil
}

// routes remembers which organization has which verified domain, for a while: anybody may ask.
type routes struct {
	mu      sync.Mutex
	at      time.Time
	domains map[string]routed
}

type routed struct {
	organization string
	subdomains   bool
}

// routesFor is how long they are remembered.
const routesFor = 10 * time.Second

// organization is the name of the active organization that has the domain, or the nearest one above it that stands for
// those below; empty if none has.
func (r *routes) organization(s *directory.Snapshot, domain string, now time.Time) string {
	r.mu.Lock()
	if r.domains == nil || now.Sub(r.at) >= routesFor || now.Before(r.at) {
		r.domains, r.at = readRoutes(s), now
	}
	domains := r.domains
	r.mu.Unlock()
	for exact := true; ; exact = false {
		if to, ok := domains[domain]; ok && (exact || to.subdomains) {
			return to.organization
		}
		_, above, found := strings.Cut(domain, ".")
		if !found {
			return ""
		}
		domain = above
	}
}

func readRoutes(s *directory.Snapshot) map[string]routed {
	domains := map[string]routed{}
	for r := range s.All(schema.OrganizationType) {
		if !directory.Active(r.JSON) {
			continue
		}
		for _, d := range domainsOf(r) {
			if d.state == domainVerified || d.state == domainStale {
				domains[d.name] = routed{r.Text("name"), d.subdomains}
			}
		}
	}
	return domains
}

// viaLasts is how long a browser remembers where it signed in.
const viaLasts = 180 * 24 * time.Hour

// remember has the browser keep through which connection it signed in: the id, and nothing about the person.
func (x *exchange) remember() {
	x.setCookie(web.ViaCookie(x.secure, x.org), x.connection.String(), viaLasts)
}

// last is the choice through which this browser signed in last; nil if it is no choice any more.
func (x *exchange) last(choices []choice) *choice {
	id, ok := directory.ParseID(x.cookie(web.ViaCookie(x.secure, x.org)))
	if !ok {
		return nil
	}
	for i, c := range choices {
		if login := x.urls(x.org, id).Login; c.URL == login || strings.HasPrefix(c.URL, login+"?") {
			return &choices[i]
		}
	}
	return nil
}
