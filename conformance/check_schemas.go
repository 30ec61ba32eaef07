package conformance

import (
	"fmt"
	"strings"
)

func schemaChecks() []check {
	return []check{
		{name: "case", needs: "User.displayName", ids: ids("R7643-2.1-04"), run: func(p *probe) {
			const id = "R7643-2.1-04"
			u := p.user()
			judge := func(where string, ok bool, r *reply) {
				p.expect(id, ok, r, "a name in another case is not understood in %s (status %d)", where, r.status)
			}
			r := p.put(u, with(without(u.sent, "displayName"), "DISPLAYNAME", "upper"))
			judge("bodies", r.ok() && str(p.read(u)["displayName"]) == "upper", r)
			r = p.get(u.path, "attributes", "DISPLAYNAME")
			judge("attributes", r.at("displayName") != nil, r)
			if p.s.svc.features["filter"] {
				found, r := p.search(u.typ, fmt.Sprintf(`ID eq "%s" and DISPLAYNAME eq "upper"`, u.id))
				judge("filters", len(found) == 1, r)
			}
			if p.s.svc.features["patch"] {
				r = p.patch(u, op("replace", "DISPLAYNAME", "path"))
				judge("paths", r.ok() && str(p.read(u)["displayName"]) == "path", r)
			}
			if p.s.svc.features["sort"] {
				sd := p.seeded()
				got, r := p.letters(sd, `userName sw "`+sd.tag+`"`, "sortBy", "USERNAME", "sortOrder", "descending")
				judge("sortBy", got == "dcba", r)
			}
		}},
		{name: "qualified", needs: "User.displayName", ids: ids("R7644-3.10-04"), run: func(p *probe) {
			const id = "R7644-3.10-04"
			u := p.user("displayName", "urn")
			name := strings.ToUpper(userURN[:24]) + userURN[24:] + ":displayname"
			r := p.get(u.path, "attributes", name)
			p.expect(id, str(r.at("displayName")) == "urn", r, "attributes=%s is not understood", name)
			if p.s.svc.features["filter"] {
				found, r := p.search(u.typ, fmt.Sprintf(`id eq "%s" and %s eq "urn"`, u.id, name))
				p.expect(id, len(found) == 1, r, "%s is not understood in filters (status %d)", name, r.status)
			}
			if p.s.svc.features["patch"] {
				r = p.patch(u, op("replace", name, "patched"))
				p.expect(id, r.ok() && str(p.read(u)["displayName"]) == "patched", r,
					"%s is not understood in paths (status %d)", name, r.status)
			}
		}},
		{name: "top-level", needs: "User." + enterpriseURN + ":department", ids: ids("R7643-3.3-05"),
			run: func(p *probe) {
				t := p.s.typ("User")
				r := p.send("POST", t.endpoint, with(p.s.generate(t, p.unique(), false), "department", "D"))
				p.expect("R7643-3.3-05", r.status == 400 || r.status == 201 && r.at(enterpriseURN,
					"department") == nil, r,
					"department at the top level is answered %d and taken as the extension's", r.status)
			}},
		{name: "unlisted", needs: "User." + enterpriseURN + ":department", ids: ids("R7643-3-06"), run: func(p *probe) {
			t := p.s.typ("User")
			r := p.send("POST", t.endpoint, with(p.s.generate(t, p.unique(), false), enterpriseURN,
				obj{"department": "D"}, "schemas", arr{userURN}))
			ok := r.status == 400 || r.status == 201 && str(r.at(enterpriseURN, "department")) == "D" &&
				hasString(r.at("schemas"), enterpriseURN)
			p.expect("R7643-3-06", ok, r,
				"extension values without their URN in schemas are answered %d: values %s, schemas %s", r.status,
				text(r.at(enterpriseURN)), text(r.at("schemas")))
		}},
		{name: "enterprise", needs: "User." + enterpriseURN + ":department", ids: ids("R7643-4.3-01 02 03"),
			run: checkEnterprise},
		{name: "groups", needs: "User.groups Group.members", ids: ids("R7643-4.1.2-05"), run: func(p *probe) {
			const id = "R7643-4.1.2-05"
			g := p.group()
			own := arr{obj{"value": g.id}}
			t := p.s.typ("User")
			r := p.send("POST", t.endpoint, with(p.s.generate(t, p.unique(), false), "groups", own))
			p.expect(id, r.status == 201 && element(r.at("groups"), "value", g.id) == nil, r,
				"POST with groups is answered %d with groups %s", r.status, text(r.at("groups")))
			u := p.user()
			r = p.put(u, with(u.sent, "groups", own))
			p.expect(id, r.ok() && element(p.read(u)["groups"], "value", g.id) == nil, r,
				"PUT with groups is answered %d with groups %s", r.status, text(p.read(u)["groups"]))
			if p.s.svc.features["patch"] {
				r = p.patch(u, op("add", "groups", own))
				p.expect(id, r.status == 400 && element(p.read(u)["groups"], "value", g.id) == nil, r,
					"PATCH of groups is answered %d", r.status)
			}
		}},
		{name: "uris", needs: "User.profileUrl", ids: ids("R7643-4.1.2-06"), run: func(p *probe) {
			t := p.s.typ("User")
			r := p.send("POST", t.endpoint, with(p.s.generate(t, p.unique(), false), "profileUrl",
				"https://example.com/me"))
			p.expect("R7643-4.1.2-06", r.status == 201 && str(r.at("profileUrl")) == "https://example.com/me", r,
				"a URI as profileUrl is answered %d and returned as %s", r.status, text(r.at("profileUrl")))
			r = p.send("POST", t.endpoint, with(p.s.generate(t, p.unique(), false), "profileUrl", "not a uri"))
			p.note("R7643-4.1.2-06", r, `profileUrl "not a uri" is answered %d`, r.status)
		}},
		{name: "certificates", needs: "User.x509Certificates.value", ids: ids("R7643-4.1.2-07"), run: func(p *probe) {
			t := p.s.typ("User")
			r := p.send("POST", t.endpoint, with(p.s.generate(t, p.unique(), false), "x509Certificates",
				arr{obj{"value": certificate()}}))
			p.expect("R7643-4.1.2-07", r.status == 201 && str(at(r.json, "x509Certificates.0.value")) == certificate(),
				r, "a certificate is answered %d, or is returned changed", r.status)
			r = p.send("POST", t.endpoint, with(p.s.generate(t, p.unique(), false), "x509Certificates",
				arr{obj{"value": twoCertificates()}}))
			p.refused("R7643-4.1.2-07", r, "400/invalidValue,invalidSyntax", "two certificates in one value")
			r = p.send("POST", t.endpoint, with(p.s.generate(t, p.unique(), false), "x509Certificates",
				arr{obj{"value": paddedCertificate()}}))
			back := str(at(r.json, "x509Certificates.0.value"))
			p.expect("R7643-4.1.2-07", r.status == 201 && strings.TrimRight(back, "=") ==
				strings.TrimRight(paddedCertificate(), "="), r,
				"a certificate that ends in == is answered %d, or is returned changed", r.status)
		}},
		{name: "locale", needs: "User.locale User.timezone User.preferredLanguage", ids: ids("R7643-4.1.1-05"),
			run: func(p *probe) {
				t := p.s.typ("User")
				good := obj{"locale": "en-US", "timezone": "America/Los_Angeles",
					"preferredLanguage": "en-US, de;q=0.5"}
				body := p.s.generate(t, p.unique(), false)
				for k, v := range sorted(good) {
					body[k] = v
				}
				r := p.send("POST", t.endpoint, body)
				for k, v := range sorted(good) {
					p.expect("R7643-4.1.1-05", r.status == 201 && same(r.at(k), v), r,
						"%s %q is answered %d and returned as %s", k, v, r.status, text(r.at(k)))
				}
				for _, k := range []string{"locale", "timezone", "preferredLanguage"} {
					r = p.send("POST", t.endpoint, with(p.s.generate(t, p.unique(), false), k, "!!"))
					p.note("R7643-4.1.1-05", r, `%s "!!" is answered %d`, k, r.status)
				}
			}},
		{name: "endpoints", ids: ids("R7644-3.2-02"), run: func(p *probe) {
			for _, t := range p.s.svc.types {
				p.expect("R7644-3.2-02", t.endpoint == "/"+t.name+"s", p.s.svc.rts,
					"the endpoint of %s is %s; its name plus \"s\" is the custom", t.name, t.endpoint)
			}
		}},
	}
}

func checkEnterprise(p *probe) {
	t := p.s.typ("User")
	ext := obj{}
	for _, k := range []string{"employeeNumber", "costCenter", "organization", "division", "department"} {
		if t.has(enterpriseURN + ":" + k) {
			ext[k] = "E " + k
		}
	}
	boss := p.user("displayName", "The Boss")
	if t.has(enterpriseURN + ":manager.value") {
		ext["manager"] = obj{"value": boss.id, "displayName": "scimconform own"}
	}
	u := p.user(enterpriseURN, ext, "schemas", arr{userURN, enterpriseURN})
	r := p.get(u.path)
	for k, v := range sorted(ext) {
		if k != "manager" {
			p.expect("R7643-4.3-01", same(r.at(enterpriseURN, k), v), r, "%s %q is returned as %s", k, v,
				text(r.at(enterpriseURN, k)))
		}
	}
	m, _ := r.at(enterpriseURN, "manager").(obj)
	p.need(ext["manager"] != nil, "the extension has no manager")
	p.expect("R7643-4.3-01", m != nil, r, "manager is returned as %s", text(r.at(enterpriseURN, "manager")))
	p.expect("R7643-4.3-02", str(m["value"]) == boss.id, r, "manager.value is %s, set was %s", text(m["value"]),
		boss.id)
	if ref := str(m["$ref"]); ref != "" {
		g := p.get(p.s.absolute(ref))
		p.expect("R7643-4.3-02", g.status == 200 && str(g.at("id")) == boss.id, g, "manager.$ref %s is answered %d",
			ref, g.status)
	}
	name := str(m["displayName"])
	p.expect("R7643-4.3-03", name != "scimconform own" && (name == "" || name == "The Boss"), r,
		"manager.displayName is %q; it is readOnly and the manager is called \"The Boss\"", name)
}
