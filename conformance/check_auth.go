package conformance

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
)

func authChecks() []check {
	return []check{
		{name: "missing", ids: ids("R7644-2-01 R7644-3.12-23 R7644-2.2-01 R6750-3.1-01"), run: checkMissingCredentials},
		{name: "rights", needs: "User", ids: ids("R7644-3.12-24"), run: func(p *probe) {
			p.need(p.s.target.Reader != nil, "no read-only credentials were given")
			t := p.s.typ("User")
			r := p.send("POST", t.endpoint, p.s.generate(t, p.unique(), false), as(*p.s.target.Reader))
			p.refused("R7644-3.12-24", r, "403", "POST with read-only credentials")
			p.expect("R7644-3.12-24", hasString(r.at("schemas"), messageURN+"Error"), r,
				"the refusal has no Error body")
		}},
		{name: "tenants", needs: "User", ids: ids("R7644-2-02 R7644-6-01"), run: checkTenants},
		{name: "tls", ids: ids("R7644-7.2-01"), run: func(p *probe) {
			u, err := url.Parse(p.s.target.URL)
			p.need(err == nil && p.s.target.Transport == nil,
				"the transport is given by the program that runs the suite")
			r := p.get(spcPath)
			if u.Scheme == "https" {
				// Go's client negotiates TLS 1.2 or later, so the exchange itself is the proof.
				p.expect("R7644-7.2-01", r.status > 0, r, "")
				return
			}
			host := u.Hostname()
			p.need(host != "localhost" && !strings.HasPrefix(host, "127.") && host != "::1",
				"the service is on the loopback interface, where no TLS is needed")
			p.expect("R7644-7.2-01", r.status >= 300 && r.status < 400, r, "the service answers over plain http")
		}},
		{name: "lifetime", ids: ids("R7644-7.4-01"), run: func(p *probe) {
			p.need(p.s.target.Expired != nil, "no expired credentials were given")
			r := p.send("GET", p.s.svc.types[0].endpoint, nil, query("count", "1"), as(*p.s.target.Expired))
			p.refused("R7644-7.4-01", r, "401", "expired credentials")
		}},
	}
}

func checkMissingCredentials(p *probe) {
	path := p.s.svc.types[0].endpoint
	r := p.send("GET", path, nil, query("count", "1"), as(Credentials{}))
	if p.s.target.Auth.empty() {
		p.stop("the run has no credentials to leave out")
	}
	if r.ok() {
		p.note("R7644-2.2-01", r, "%s can be read without credentials", path)
		p.stop("the server answers without credentials, which RFC 7644 section 2.2 allows")
	}
	p.refused("R7644-3.12-23", r, "401", "no credentials")
	p.expect("R7644-2-01", r.header.Get("WWW-Authenticate") != "", r,
		"a request without credentials is answered %d without WWW-Authenticate", r.status)
	for what, c := range sorted(map[string]Credentials{"garbage as bearer token": {Bearer: "x"},
		"another scheme": {Header: http.Header{"Authorization": {"Scimconform abc"}}}}) {
		r = p.send("GET", path, nil, query("count", "1"), as(c))
		p.refused("R7644-3.12-23", r, "401", what)
		p.expect("R7644-3.12-23", hasString(r.at("schemas"), messageURN+"Error"), r, "%s: the 401 has no Error body",
			what)
		if c.Bearer != "" && p.s.target.Auth.Username == "" {
			p.expect("R6750-3.1-01", strings.Contains(r.header.Get("WWW-Authenticate"), `error="invalid_token"`), r,
				"WWW-Authenticate is %q", r.header.Get("WWW-Authenticate"))
		}
	}
	if t := p.s.typ("User"); t != nil && !p.s.target.ReadOnly {
		r = p.send("POST", t.endpoint, p.s.generate(t, p.unique(), false), as(Credentials{}))
		p.note("R7644-2.2-01", r, "an anonymous create is answered %d", r.status)
	}
}

func checkTenants(p *probe) {
	const id = "R7644-2-02"
	p.need(p.s.target.Other != nil, "no credentials of another tenant were given")
	u := p.user("displayName", "before")
	o := p.other()
	for what, r := range sorted(map[string]*reply{
		"GET": o.get(u.path), "PUT": o.put(u, with(u.sent, "displayName", "after")), "DELETE": o.delete(u),
	}) {
		p.refused(id, r, "404 403", what+" of another tenant's user")
	}
	g := p.get(u.path)
	p.expect(id, g.status == 200 && str(g.at("displayName")) == "before", g, "another tenant changed a user")
	if p.s.svc.features["filter"] {
		found, r := o.search(u.typ, fmt.Sprintf(`userName eq "%s"`, u.sent["userName"]))
		p.expect(id, len(found) == 0, r, "another tenant finds a user by userName")
	}
	p.note("R7644-6-01", nil, "the other tenant is at %q with credentials of its own", o.base)
	twin := o.create(u.typ, u.sent)
	p.expect(id, twin.id != u.id, twin.made, "two tenants' users have one id")
}
