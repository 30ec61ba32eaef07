package conformance

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
)

func projectionChecks() []check {
	return []check{
		{name: "queries", each: true, ids: ids("R7644-3.4.2.5-01 02 R7644-3.9-02 03 08 R7643-7-13 14"),
			run: checkProjection},
		{name: "operations", needs: "User.displayName", ids: ids("R7644-3.9-01"), run: checkProjectionOperations},
		{name: "sub-attributes", needs: "User.name.givenName User.name.familyName User.emails.type", ids: ids("R7644-3.9-04"),
			run: func(p *probe) {
				u := p.user()
				r := p.get(u.path, "attributes", "name.givenName")
				n, _ := r.at("name").(obj)
				p.expect("R7644-3.9-04", n["givenName"] != nil && n["familyName"] == nil, r,
					"attributes=name.givenName gives name %s", text(n))
				r = p.get(u.path, "attributes", "name.givenName,name.familyName")
				p.expect("R7644-3.9-04", r.at("name", "givenName") != nil && r.at("name", "familyName") != nil, r,
					"attributes=name.givenName,name.familyName gives name %s", text(r.at("name")))
				r = p.get(u.path, "excludedAttributes", "emails.type")
				p.expect("R7644-3.9-04", at(r.json, "emails.0.value") != nil && at(r.json, "emails.0.type") == nil, r,
					"excludedAttributes=emails.type gives emails %s", text(r.at("emails")))
			}},
		{name: "lists", needs: "User.name", ids: ids("R7644-3.9-05 07"), run: func(p *probe) {
			u := p.user()
			r := p.get(u.path, "attributes", "userName,name,userName")
			p.expect("R7644-3.9-05", r.status == 200 && r.at("userName") != nil && r.at("name") != nil &&
				r.at("emails") == nil, r, "attributes=userName,name,userName is answered %d with %v", r.status,
				keys(r.json))
			r = p.get(u.path, "attributes", "scimconformNoSuch")
			ok := r.status == 400 || r.status == 200 && str(r.at("id")) == u.id && r.at("userName") == nil
			p.expect("R7644-3.9-07", ok, r, "attributes with an unknown name is answered %d with %v", r.status,
				keys(r.json))
		}},
		{name: "names", needs: "User", ids: ids("R7644-3.10-02"), run: checkProjectionNames},
		{name: "extension", needs: "User User." + enterpriseURN + ":department", ids: ids("R7644-3.10-03"),
			run: func(p *probe) {
				u := p.user(enterpriseURN, obj{"department": "D"}, "schemas", arr{userURN, enterpriseURN})
				r := p.get(u.path, "attributes", enterpriseURN)
				p.expect("R7644-3.10-03", str(r.at(enterpriseURN, "department")) == "D" && r.at("userName") == nil, r,
					"attributes=%s gives %v", enterpriseURN, keys(r.json))
			}},
		{name: "both", needs: "User.displayName", ids: ids("R7644-3.9-06"), run: func(p *probe) {
			u := p.user("displayName", "D")
			r := p.get(u.path, "attributes", "userName", "excludedAttributes", "displayName")
			p.refused("R7644-3.9-06", r, "400/invalidValue,invalidSyntax 200", "both parameters")
		}},
		{name: "never", ids: ids("R7643-7-12"), each: true, run: func(p *probe) {
			f, ok := p.typ.find(func(f field) bool {
				return f.returned == "never" && f.parent == nil && f.typ == "string" && f.mutability != "readOnly"
			})
			p.need(ok, "no selected type has an attribute that is returned never")
			body := p.s.generate(p.typ, p.unique(), false)
			f.set(body, "Correct-Horse-44!")
			x := p.create(p.typ, body)
			r := p.get(x.path, "attributes", f.path())
			p.expect("R7643-7-12", f.in(r.json) == nil, r, "%s is returned when attributes names it", f.path())
		}},
		{name: "search", needs: "search filter User", ids: ids("R7644-3.4.3-01"), run: func(p *probe) {
			u := p.user()
			q := func(k string, names ...any) *reply {
				return p.send("POST", u.typ.endpoint+"/.search", obj{"schemas": arr{messageURN + "SearchRequest"},
					"filter": `id eq "` + u.id + `"`, k: arr(names)})
			}
			r := q("attributes", "userName")
			p.expect("R7644-3.4.3-01", at(r.json, "Resources.0.userName") != nil &&
				at(r.json, "Resources.0.meta") == nil, r, "attributes [userName] in .search is answered %d with %v",
				r.status, keys(at(r.json, "Resources.0")))
			r = q("excludedAttributes", "userName")
			p.expect("R7644-3.4.3-01", at(r.json, "Resources.0.userName") == nil &&
				at(r.json, "Resources.0.meta") != nil, r,
				"excludedAttributes [userName] in .search is answered %d with %v", r.status,
				keys(at(r.json, "Resources.0")))
		}},
	}
}

func keys(v any) []string {
	var out []string
	o, _ := v.(obj)
	for k := range o {
		out = append(out, k)
	}
	return sortedStrings(out)
}

func checkProjection(p *probe) {
	x := p.create(p.typ, p.s.generate(p.typ, p.unique(), true))
	full := p.get(x.path)
	f, ok := p.typ.find(func(f field) bool {
		return f.parent == nil && f.urn == "" && f.returned == "default" && f.mutability != "writeOnly" &&
			!unassigned(f.in(full.json)) && f.name != "id" && f.name != "meta"
	})
	p.need(ok, "no attribute of %s is returned by default", p.typ.name)
	allowed := []string{"schemas", "id", f.name}
	for _, a := range p.typ.base.attrs {
		if a.returned == "always" {
			allowed = append(allowed, a.name)
		}
	}
	r := p.get(x.path, "attributes", f.name)
	extra := ""
	for _, k := range keys(r.json) {
		if !slices.ContainsFunc(allowed, func(a string) bool { return strings.EqualFold(a, k) }) &&
			!unassigned(at(r.json.(obj), k)) {
			extra = k
		}
	}
	p.expect("R7644-3.9-02", r.status == 200 && f.in(r.json) != nil && r.at("id") != nil && extra == "", r,
		"attributes=%s is answered %d with %v", f.name, r.status, keys(r.json))
	p.expect("R7643-7-14", p.get(x.path, "attributes", "id").at(f.name) == nil, r, "attributes=id still gives %s",
		f.name)
	r = p.get(x.path, "excludedAttributes", f.name)
	p.expect("R7644-3.9-03", r.status == 200 && f.in(r.json) == nil && r.at("meta") != nil, r,
		"excludedAttributes=%s is answered %d with %v", f.name, r.status, keys(r.json))
	r = p.get(x.path, "excludedAttributes", "id,schemas")
	p.expect("R7644-3.4.2.5-02", str(r.at("id")) == x.id, r, "excludedAttributes=id,schemas gives %v", keys(r.json))
	for _, param := range []string{"attributes", "excludedAttributes"} {
		l := p.get(p.typ.endpoint, param, f.name, "count", "5")
		ok := l.status == 200 && len(resources(l.json)) > 0
		for _, o := range resources(l.json) {
			if f.required {
				ok = ok && (f.in(o) != nil) == (param == "attributes")
			}
			ok = ok && (o["meta"] != nil) == (param == "excludedAttributes")
		}
		p.expect("R7644-3.4.2.5-01", ok, l, "a list with %s=%s is answered %d, or not projected", param, f.name,
			l.status)
	}
	after := p.get(x.path)
	p.expect("R7644-3.9-08", p.typ.differs(full.json, after.json) == "" &&
		full.header.Get("ETag") == after.header.Get("ETag"), after, "reading a part changed the resource or its ETag")
	p.requestAttributes(x, full)
}

// requestAttributes looks at attributes that only come back when named.
func (p *probe) requestAttributes(x *res, full *reply) {
	for _, f := range p.typ.fields() {
		if f.returned == "request" && f.parent == nil && f.in(x.sent) != nil {
			r := p.get(x.path, "attributes", f.path())
			if p.s.svc.features["patch"] && f.typ == "string" && !f.multi && f.urn == "" &&
				f.mutability == "readWrite" {
				w := p.patch(x, op("replace", f.path(), "scimconform asked"))
				p.expect("R7643-7-13", w.status != 200 || f.in(w.json) != nil, w,
					"%s is not in the reply to a PATCH of it", f.path())
				w = p.patch(x, op("replace", nil, obj{f.name: "scimconform asked again"}))
				p.expect("R7643-7-13", w.status != 200 || f.in(w.json) != nil, w,
					"%s is not in the reply to a PATCH of it", f.path())
			}
			p.expect("R7643-7-13", f.in(full.json) == nil && f.in(r.json) != nil, r,
				"%s is returned unasked, or is not returned when attributes names it", f.path())
		}
	}
	if !p.touched["R7643-7-13"] {
		p.skip("R7643-7-13", "no selected type has an attribute that is returned on request")
	}
}

func checkProjectionOperations(p *probe) {
	const id = "R7644-3.9-01"
	u := p.user("displayName", "D")
	judge := func(r *reply, what string) {
		o := r.json
		if l := resources(r.json); l != nil {
			o = l[0]
		}
		p.expect(id, r.ok() && at(o, "userName") != nil && at(o, "displayName") == nil && at(o, "meta") == nil, r,
			"%s with attributes=userName is answered %d with %v", what, r.status, keys(o))
	}
	judge(p.get(u.path, "attributes", "userName"), "GET")
	made := p.send("POST", u.typ.endpoint, p.s.generate(u.typ, p.unique(), false), query("attributes", "userName"))
	judge(made, "POST")
	judge(p.send("PUT", u.path, u.sent, query("attributes", "userName")), "PUT")
	if p.s.svc.features["patch"] {
		judge(p.send("PATCH", u.path, patchOp(op("replace", "displayName", "E")), query("attributes", "userName")),
			"PATCH")
	}
	if p.s.svc.features["filter"] {
		judge(p.get(u.typ.endpoint, "filter", `id eq "`+u.id+`"`, "attributes", "userName"), "a list")
	}
}

func checkProjectionNames(p *probe) {
	const id = "R7644-3.10-02"
	u := p.user()
	for _, name := range []string{"USERNAME", userURN + ":userName", strings.ToLower(userURN) + ":username"} {
		r := p.send("GET", u.path+"?attributes="+url.QueryEscape(name), nil)
		p.expect(id, r.status == 200 && r.at("userName") != nil && r.at("meta") == nil, r,
			"attributes=%s is answered %d with %v", name, r.status, keys(r.json))
	}
	if u.typ.has(enterpriseURN + ":department") {
		x := p.user(enterpriseURN, obj{"department": "D", "costCenter": "C"}, "schemas", arr{userURN, enterpriseURN})
		r := p.get(x.path, "attributes", enterpriseURN+":department")
		p.expect(id, str(r.at(enterpriseURN, "department")) == "D" && r.at(enterpriseURN, "costCenter") == nil &&
			r.at("userName") == nil, r, "attributes=%s:department gives %s", enterpriseURN, fmt.Sprint(keys(r.json)))
	}
}
