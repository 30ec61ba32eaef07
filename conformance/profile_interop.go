package conformance

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
)

// interopChecks judge by draft-zollner-scim-interop-profile, which restricts
// what the RFCs leave open and in places demands the opposite of them.
func interopChecks() []check {
	one := func(name, list, needs string, run func(*probe)) check {
		return check{name: name, needs: needs, ids: ids(list), run: run}
	}
	return []check{
		one("discovery", "INTEROP-4-01 INTEROP-5.1-01 02 INTEROP-5.4-01 INTEROP-6.4-02 INTEROP-7.2-01", "",
			interopDiscovery),
		one("case", "INTEROP-5.2-01", "filter User", interopCase),
		one("unknown", "INTEROP-5.3-01 02", "User", func(p *probe) {
			t := p.s.typ("User")
			body := p.s.generate(t, p.unique(), false)
			r := p.send("POST", t.endpoint, with(body, "scimconformUnknown", "x"))
			p.refused("INTEROP-5.3-01", r, "400/invalidSyntax!", "an attribute that no schema defines")
			body = p.s.generate(t, p.unique(), false)
			r = p.send("POST", t.endpoint, with(body, "schemas", append(t.urns(body),
				"urn:example:scimconform:no:such:schema")))
			p.refused("INTEROP-5.3-02", r, "400/invalidSyntax!", "a schema URI that is not defined")
		}),
		one("endpoints", "INTEROP-6.1-01", "User", func(p *probe) {
			seen := map[string]string{}
			for _, t := range p.s.svc.types {
				p.expect("INTEROP-6.1-01", seen[t.endpoint] == "", p.s.svc.rts, "%s and %s share the endpoint %s",
					t.name, seen[t.endpoint], t.endpoint)
				seen[t.endpoint] = t.name
			}
			u := p.user()
			r := p.get(u.typ.endpoint + "/" + url.PathEscape(str(u.body["userName"])))
			p.expect("INTEROP-6.1-01", r.status == 404, r, "GET by userName is answered %d", r.status)
		}),
		one("media", "INTEROP-6.2-01", "User", func(p *probe) {
			u := p.user()
			for _, r := range []*reply{u.made, p.get(u.path), p.get(u.typ.endpoint, "count", "1"),
				p.get(u.typ.endpoint + "/scimconform-no-such-id")} {
				p.expect("INTEROP-6.2-01", mediaOf(r) == mediaType, r, "%s is answered with Content-Type %q",
					r.req.Method, r.header.Get("Content-Type"))
			}
		}),
		one("filter", "INTEROP-6.3-01 02", "User", interopFilter),
		one("paging", "INTEROP-6.4-01", "User", func(p *probe) { p.walkAll("INTEROP-6.4-01", p.s.typ("User")) }),
		one("patch", "INTEROP-6.5-01", "User", func(p *probe) {
			p.expect("INTEROP-6.5-01", p.s.svc.features["patch"], p.s.svc.spc,
				"ServiceProviderConfig does not promise PATCH")
		}),
		one("patch-rules", "INTEROP-6.5.1.1-01 INTEROP-6.5.2.1-01 02 03 INTEROP-6.5.2.2-01 02",
			"patch User.title User.name.givenName User.emails.type", interopPatch),
		one("lifecycle", "INTEROP-6.6-01", "filter User", func(p *probe) { p.deletesForGood("INTEROP-6.6-01") }),
		one("conflicts", "INTEROP-6.9.1-01", "patch User", func(p *probe) {
			a, b := p.user(), p.user()
			r := p.send("POST", a.typ.endpoint, with(p.s.generate(a.typ, p.unique(), false), "userName",
				a.sent["userName"]))
			p.refused("INTEROP-6.9.1-01", r, "409/uniqueness!", "POST of a taken userName")
			r = p.patch(b, op("replace", "userName", a.sent["userName"]))
			p.refused("INTEROP-6.9.1-01", r, "409/uniqueness!", "PATCH to a taken userName")
		}),
		one("tls", "INTEROP-7.1-01", "", func(p *probe) {
			r := p.get(spcPath)
			p.need(r.tls != nil, "the connection does not use TLS")
			p.expect("INTEROP-7.1-01", r.tls.Version >= tls13, r, "TLS 1.3 is not negotiated")
		}),
	}
}

func interopDiscovery(p *probe) {
	spc := p.s.svc.spc
	p.expect("INTEROP-4-01", isTrue(spc.at("interopProfileConformant")), spc, "interopProfileConformant is %s",
		text(spc.at("interopProfileConformant")))
	for _, r := range []*reply{spc, p.s.svc.rts, p.s.svc.schs} {
		p.expect("INTEROP-5.1-01", r.status == 200, r, "%s is answered %d", r.req.URL.Path, r.status)
	}
	for _, raw := range resources(p.s.svc.rts.json) {
		urns := []any{raw["schema"]}
		for _, e := range list(raw["schemaExtensions"]) {
			urns = append(urns, at(e, "schema"))
		}
		for _, u := range urns {
			p.expect("INTEROP-5.1-01", p.s.svc.schemas[strings.ToLower(str(u))] != nil, p.s.svc.schs,
				"%s refers to %s, which /Schemas does not list", str(raw["name"]), str(u))
		}
		p.expect("INTEROP-5.1-02", raw["id"] != nil && raw["id"] == raw["name"], p.s.svc.rts,
			"the type %s has the id %s", text(raw["name"]), text(raw["id"]))
	}
	for _, t := range p.s.svc.types {
		for _, f := range t.fields() {
			if f.parent != nil && f.parent.multi && strings.EqualFold(f.name, "type") {
				p.expect("INTEROP-5.4-01", len(f.canonical) > 0, p.s.svc.schs, "%s of %s has no canonicalValues",
					f.path(), t.name)
			}
		}
	}
	most := p.s.svc.maxResults
	if n, ok := integer(spc.at("pagination", "maxPageSize")); ok {
		most = n
	}
	p.expect("INTEROP-6.4-02", most >= 100, spc, "a page has %d resources at most", most)
	schemes := list(spc.at("authenticationSchemes"))
	basic := len(schemes) > 0 && !slices.ContainsFunc(schemes,
		func(s any) bool { return str(at(s, "type")) != "httpbasic" })
	p.expect("INTEROP-7.2-01", !basic, spc, "httpbasic is the only authentication scheme")
}

func interopCase(p *probe) {
	const id = "INTEROP-5.2-01"
	ext := p.unique() + "-Ext"
	u := p.user("externalId", ext)
	name := strings.ToUpper(str(u.sent["userName"]))
	found, r := p.search(u.typ, `userName eq "`+name+`"`)
	p.expect(id, slices.Equal(found, []string{u.id}), r, "userName eq in capitals finds %v", found)
	r = p.send("POST", u.typ.endpoint, with(p.s.generate(u.typ, p.unique(), false), "userName", name))
	p.expect(id, r.status == 409, r, "POST of the same userName in capitals is answered %d", r.status)
	found, r = p.search(u.typ, `externalId eq "`+strings.ToUpper(ext)+`"`)
	p.expect(id, len(found) == 0, r, "externalId eq in capitals finds %v", found)
	if turned := turn(u.id); turned != u.id {
		r = p.get(u.typ.endpoint + "/" + url.PathEscape(turned))
		p.expect(id, r.status == 404, r, "GET with the id in different case is answered %d", r.status)
	}
}

func interopFilter(p *probe) {
	u := p.user()
	found, r := p.search(u.typ, fmt.Sprintf(`userName eq "%s" and externalId eq "%s"`, u.sent["userName"],
		u.sent["externalId"]))
	p.expect("INTEROP-6.3-01", slices.Equal(found, []string{u.id}), r,
		"userName eq and externalId eq is answered %d and finds %v", r.status, found)
	r = p.get(u.typ.endpoint, "filter", `scimconformNoSuch eq "x"`)
	p.refused("INTEROP-6.3-02", r, "400/invalidFilter!", "a filter on an attribute that User does not have")
}

func interopPatch(p *probe) {
	mail := func(kind string) obj { return obj{"type": kind, "value": p.unique() + "@example.com"} }
	u := p.user("title", "Old", "name", obj{"givenName": "Ada", "familyName": "Lovelace"}, "emails", arr{mail("work")})
	for _, name := range []string{"add", "replace"} {
		r := p.patch(u, op(name, nil, obj{"title": "Pathless"}))
		p.refused("INTEROP-6.5.1.1-01", r, "400/invalidSyntax!", name+" without path")
	}
	for _, name := range []string{"add", "replace"} {
		r := p.patch(u, op(name, "title", "By "+name))
		p.expect("INTEROP-6.5.2.1-01", r.ok() && str(p.read(u)["title"]) == "By "+name, r,
			"%s of title is answered %d, title is then %s", name, r.status, text(p.read(u)["title"]))
	}
	r := p.patch(u, op("add", "name", obj{"givenName": "Grace"}))
	o := p.read(u)
	p.expect("INTEROP-6.5.2.1-03", r.ok() && str(at(o, "name.givenName")) == "Grace" &&
		str(at(o, "name.familyName")) == "Lovelace", r,
		"add of name is answered %d, name is then %s", r.status, text(o["name"]))
	r = p.patch(u, op("replace", "name", obj{"givenName": "Rear"}))
	o = p.read(u)
	p.expect("INTEROP-6.5.2.1-02", r.ok() && str(at(o, "name.givenName")) == "Rear" && at(o, "name.familyName") == nil,
		r,
		"replace of name is answered %d, name is then %s", r.status, text(o["name"]))
	r = p.patch(u, op("add", "emails", arr{mail("home")}))
	p.expect("INTEROP-6.5.2.2-01", r.ok() && len(list(p.read(u)["emails"])) == 2, r,
		"add of an address is answered %d, emails is then %s", r.status, text(p.read(u)["emails"]))
	r = p.patch(u, op("replace", "emails", arr{mail("other")}))
	p.expect("INTEROP-6.5.2.2-01", r.ok() && len(list(p.read(u)["emails"])) == 1, r,
		"replace of emails is answered %d, emails is then %s", r.status, text(p.read(u)["emails"]))
	r = p.patch(u, op("replace", `emails[type eq "other"]`, mail("other")))
	p.note("INTEROP-6.5.2.2-02", r, "a path that ends in a value filter is answered %s", got(r))
}

// deletesForGood deletes a user and creates it again.
func (p *probe) deletesForGood(id string) {
	u := p.user()
	r := p.delete(u)
	p.expect(id, r.ok(), r, "DELETE is answered %d", r.status)
	r = p.get(u.path)
	p.expect(id, r.status == 404, r, "GET after DELETE is answered %d", r.status)
	if p.s.svc.features["filter"] {
		found, l := p.search(u.typ, fmt.Sprintf(`userName eq "%s"`, u.sent["userName"]))
		p.expect(id, len(found) == 0, l, "a deleted User is found by its userName")
	}
	r = p.send("POST", u.typ.endpoint, u.sent)
	p.expect(id, r.status == 201, r, "the userName of a deleted User is answered %d", r.status)
}

// walkAll reads all resources of a type in pages of two, by whichever method
// there is, and looks for two of its own.
func (p *probe) walkAll(id string, t *resourceType) {
	mine := []string{p.make(t).id, p.make(t).id}
	seen := map[string]int{}
	var r *reply
	cursor, start := "", 1
	for range 2000 {
		if p.s.svc.features["index"] {
			r = p.get(t.endpoint, "startIndex", fmt.Sprint(start), "count", "50")
		} else {
			r = p.get(t.endpoint, "cursor", cursor, "count", "50")
		}
		page := resources(r.json)
		for _, o := range page {
			seen[str(o["id"])]++
		}
		start += len(page)
		total, _ := integer(r.at("totalResults"))
		cursor = str(r.at("nextCursor"))
		if len(page) == 0 || p.s.svc.features["index"] && start > total || !p.s.svc.features["index"] && cursor == "" {
			break
		}
	}
	for _, m := range mine {
		p.expect(id, seen[m] >= 1, r, "a walk through %s does not show every resource", t.endpoint)
	}
}
