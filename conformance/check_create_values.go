package conformance

import (
	"fmt"
	"strings"
)

// createValueChecks are about the values of a User's attributes.
func createValueChecks() []check {
	return []check{
		{name: "defaults", needs: "User", ids: ids("R7644-3.3-07"), run: func(p *probe) {
			u := p.user()
			var added []string
			for k, v := range u.body {
				if u.sent[k] == nil && v != nil && k != "id" && k != "meta" && !unassigned(v) {
					added = append(added, k)
				}
			}
			p.note("R7644-3.3-07", u.made, "attributes the server added: %v", sortedStrings(added))
		}},
		{name: "unassigned", needs: "User.nickName User.roles", ids: ids("R7644-3.3-08 R7643-2.5-01"),
			run: checkUnassigned},
		{name: "password", needs: "User.password", ids: ids("R7643-4.1.1-03"), run: checkPassword},
		{name: "primary", needs: "User.emails.primary", ids: ids("R7643-2.4-01 02"), run: checkPrimary},
		{name: "pairs", needs: "User.emails.type", ids: ids("R7643-2.4-03"), run: func(p *probe) {
			mail := p.unique() + "@example.com"
			e := obj{"value": mail, "type": "work"}
			t := p.s.typ("User")
			r := p.send("POST", t.endpoint, with(p.s.generate(t, p.unique(), false), "emails", arr{e, e}))
			p.must(r.status == 201 || r.status == 400, "the same e-mail twice is answered %d", r.status)
			n := 0
			for _, x := range list(r.at("emails")) {
				if strings.EqualFold(str(at(x, "value")), mail) && str(at(x, "type")) == "work" {
					n++
				}
			}
			p.expect("R7643-2.4-03", n <= 1, r, "the same (type, value) pair is returned %d times", n)
		}},
		{name: "country", needs: "User.addresses.country", ids: ids("R7643-4.1.2-01"), run: func(p *probe) {
			t := p.s.typ("User")
			r := p.send("POST", t.endpoint, with(p.s.generate(t, p.unique(), false), "addresses",
				arr{obj{"country": "US", "type": "work"}}))
			p.expect("R7643-4.1.2-01", r.status == 201 && str(at(r.json, "addresses.0.country")) == "US", r,
				`country "US" is answered %d`, r.status)
			r = p.send("POST", t.endpoint, with(p.s.generate(t, p.unique(), false), "addresses",
				arr{obj{"country": "USA", "type": "work"}}))
			p.note("R7643-4.1.2-01", r, `country "USA" is answered %d`, r.status)
		}},
		{name: "canonical-mail", needs: "User.emails", ids: ids("R7643-4.1.2-02"), run: func(p *probe) {
			mail := p.unique() + "@EXAMPLE.com"
			u := p.user("emails", arr{obj{"value": mail, "type": "work"}})
			p.expect("R7643-4.1.2-02", strings.EqualFold(str(at(u.body, "emails.0.value")), mail), u.made,
				"the address %s is returned as %s", mail, text(at(u.body, "emails.0.value")))
			p.note("R7643-4.1.2-02", u.made, "a domain in capitals is returned in capitals: %v",
				strings.HasSuffix(str(at(u.body, "emails.0.value")), "@EXAMPLE.com"))
		}},
		{name: "case", each: true, ids: ids("R7643-7-09"), run: func(p *probe) {
			for _, f := range p.typ.fields() {
				if f.exact && f.typ == "string" && f.parent == nil && !f.multi && f.mutability == "readWrite" &&
					f.returned == "default" && len(f.canonical) == 0 && p.s.target.Samples[p.typ.name] == nil {
					body := p.s.generate(p.typ, p.unique(), false)
					v := "MiXeD-" + p.unique()
					f.set(body, v)
					r := p.send("POST", p.typ.endpoint, body)
					if r.status == 201 {
						p.expect("R7643-7-09", str(f.in(r.json)) == v, r, "%s is caseExact; %q is returned as %s",
							f.path(), v, text(f.in(r.json)))
					}
				}
			}
			p.stop("no caseExact attribute could be set")
		}},
		{name: "names", needs: "User.name.givenName", ids: ids("R7643-2.1-02"), run: func(p *probe) {
			t := p.s.typ("User")
			name := p.unique()
			body := obj{"SCHEMAS": t.urns(obj{}), "USERNAME": name, "Name": obj{"GIVENNAME": "Ada",
				"FAMILYNAME": "Lovelace"}}
			if t.has("emails.value") {
				body["EMAILS"] = arr{obj{"VALUE": name + "@example.com", "TYPE": "work"}}
			}
			r := p.send("POST", t.endpoint, body)
			p.expect("R7643-2.1-02", r.status == 201 && strings.EqualFold(str(r.at("userName")), name) &&
				str(r.at("name.givenName")) == "Ada",
				r, "names in capitals are answered %d with userName %s, name %s", r.status, text(r.at("userName")),
				text(r.at("name")))
		}},
		{name: "canonical-values", needs: "User.emails.type", ids: ids("R7643-7-10"), run: func(p *probe) {
			t := p.s.typ("User")
			r := p.send("POST", t.endpoint, with(p.s.generate(t, p.unique(), false), "emails",
				arr{obj{"value": p.unique() + "@example.com", "type": "custom"}}))
			if answers(r, "201 400/invalidValue") {
				p.note("R7643-7-10", r, `emails.type "custom" is answered %d`, r.status)
				return
			}
			p.expect("R7643-7-10", false, r,
				`emails.type "custom" is answered %d/%s; it may be taken, or refused 400/invalidValue`, r.status,
				text(r.at("scimType")))
		}},
	}
}

func checkUnassigned(p *probe) {
	u := p.user("nickName", nil, "roles", arr{})
	g := p.read(u)
	p.expect("R7644-3.3-08", unassigned(g["nickName"]) && unassigned(g["roles"]), u.made,
		"nickName null is shown as %s, roles [] as %s", text(g["nickName"]), text(g["roles"]))
	plain := p.user()
	var before obj
	for _, body := range []obj{plain.sent, with(plain.sent, "nickName", nil), with(plain.sent, "roles", arr{}),
		plain.sent} {
		r := p.put(plain, body)
		if r.status != 200 && r.status != 204 {
			p.skip("R7643-2.5-01", fmt.Sprintf("PUT is answered %d", r.status))
			return
		}
		now := p.read(plain)
		if before == nil {
			before = now
		}
		p.expect("R7643-2.5-01", plain.typ.differs(before, now) == "", r,
			"PUT with null, [] or nothing makes a difference in %s", plain.typ.differs(before, now))
	}
	if !p.s.svc.features["filter"] {
		return
	}
	for _, x := range []*res{u, plain} {
		found, r := p.search(x.typ, fmt.Sprintf(`userName eq "%s" and (nickName pr or roles pr)`, x.sent["userName"]))
		if r.status == 200 {
			p.expect("R7643-2.5-01", len(found) == 0, r, "pr on null and [] finds %d", len(found))
		}
	}
}

func checkPassword(p *probe) {
	const id, secret = "R7643-4.1.1-03", "Correct-Horse-42!"
	t := p.s.typ("User")
	r := p.send("POST", t.endpoint, with(p.s.generate(t, p.unique(), false), "password", secret))
	p.must(r.status == 201, "a User with a password is answered %d: %s", r.status, detail(r))
	path := t.endpoint + "/" + str(r.at("id"))
	answers := []*reply{r, p.get(path), p.get(path, "attributes", "password"), p.get(path, "attributes",
		"userName,password"),
		p.send("PUT", path, with(r.json.(obj), "password", secret+"2"))}
	if p.s.svc.features["patch"] {
		answers = append(answers, p.send("PATCH", path, patchOp(op("replace", "password", secret+"3"))))
	}
	for _, a := range answers {
		p.expect(id, a.at("password") == nil && !strings.Contains(string(a.body), secret), a, "%s shows the password",
			a.req.Method)
	}
}

func checkPrimary(p *probe) {
	t := p.s.typ("User")
	two := arr{obj{"value": p.unique() + "@example.com", "type": "work", "primary": true}, obj{"value": p.unique() +
		"@example.com", "type": "home", "primary": true}}
	r := p.send("POST", t.endpoint, with(p.s.generate(t, p.unique(), false), "emails", two))
	if r.ok() {
		p.expect("R7643-2.4-01", primaries(r.at("emails")) == 1, r,
			"two primary e-mails are taken, and %d are returned", primaries(r.at("emails")))
	} else {
		p.refused("R7643-2.4-01", r, "400/invalidValue,invalidSyntax", "two primary e-mails")
	}
	u := p.user("emails", arr{obj{"value": p.unique() + "@example.com", "type": "work"}, obj{"value": p.unique() +
		"@example.com", "type": "home"}})
	p.expect("R7643-2.4-02", primaries(u.body["emails"]) == 0, u.made,
		"the client named no primary, the reply has one: %s", text(u.body["emails"]))
}

func primaries(v any) int {
	n := 0
	for _, e := range list(v) {
		if isTrue(at(e, "primary")) {
			n++
		}
	}
	return n
}
