package conformance

import (
	"fmt"
	"slices"
	"strings"
)

// entraChecks are the recorded dialogues of Microsoft Entra ID, judged as that
// client judges: by what the resource is afterwards.
func entraChecks() []check {
	return []check{
		{name: "first-contact", needs: "filter User", ids: ids("ENTRA-01 02 03 04 23 25"), run: entraFirst},
		{name: "patch-user", needs: "patch User.emails.type User.name", ids: ids("ENTRA-05 06 07 08 09 24 26"),
			run: entraPatchUser},
		{name: "enterprise", needs: "patch User." + enterpriseURN + ":department", ids: ids("ENTRA-10 11 12 22"),
			run: entraEnterprise},
		{name: "active", needs: "patch User.active Group.members", ids: ids("ENTRA-13 14"), run: entraActive},
		{name: "flag", needs: "patch User.name.givenName User.displayName", ids: ids("ENTRA-15"), run: func(p *probe) {
			u := p.user()
			v := obj{"displayName": "Flag", "name.givenName": "Kim", "name.familyName": "Urn"}
			if u.typ.has(enterpriseURN + ":employeeNumber") {
				v[enterpriseURN+":employeeNumber"] = "E7"
			}
			r := p.patch(u, op("replace", nil, v))
			o := p.read(u)
			ok := r.ok() && str(o["displayName"]) == "Flag" && str(at(o, "name.givenName")) == "Kim" &&
				str(at(o, "name.familyName")) == "Urn"
			if v[enterpriseURN+":employeeNumber"] != nil {
				ok = ok && str(at(o, enterpriseURN, "employeeNumber")) == "E7"
			}
			p.expect("ENTRA-15", ok, r,
				"a pathless replace with dotted and URN keys is answered %d; then name is %s, displayName %s",
				r.status, text(o["name"]), text(o["displayName"]))
		}},
		{name: "group", needs: "patch filter User Group.members", ids: ids("ENTRA-16 17 18 19 20 21 23"),
			run: entraGroup},
	}
}

func entraFirst(p *probe) {
	t := p.s.typ("User")
	r := p.get(t.endpoint, "filter", `userName eq "`+p.unique()+`"`)
	n, ok := integer(r.at("totalResults"))
	p.expect("ENTRA-01", r.status == 200 && ok && n == 0 && hasString(r.at("schemas"), messageURN+"ListResponse"), r,
		"Test Connection is answered %d", r.status)
	body := p.s.generate(t, p.unique(), false)
	name := str(body["userName"])
	for k, v := range sorted(obj{"externalId": p.unique(), "active": true, "meta": obj{"resourceType": "User"},
		"roles": arr{}, "addresses": nil, "department": nil, "manager": nil, "title": nil}) {
		body[k] = v
	}
	body["schemas"] = arr{userURN, enterpriseURN}
	r = p.send("POST", t.endpoint, body)
	if !p.expect("ENTRA-02", r.status == 201 && str(r.at("id")) != "", r,
		"POST with nulls and meta is answered %d: %s", r.status, detail(r)) {
		return
	}
	u := &res{typ: t, id: str(r.at("id")), path: t.endpoint + "/" + str(r.at("id")), sent: body}
	found, l := p.search(t, `userName eq "`+strings.ToUpper(name)+`"`)
	p.expect("ENTRA-03", slices.Equal(found, []string{u.id}), l, "userName in capitals finds %v", found)
	if t.has("emails.type") {
		found, l = p.search(t, `emails[type eq "work"].value eq "`+name+`@example.com"`)
		p.expect("ENTRA-04", slices.Equal(found, []string{u.id}), l,
			"emails[type eq \"work\"].value finds %v (status %d)", found, l.status)
	}
	r = p.send("POST", t.endpoint, body)
	p.expect("ENTRA-25", r.status == 409, r, "the same user again is answered %d", r.status)
	r = p.delete(u)
	g := p.get(u.path)
	p.expect("ENTRA-23", r.came() == 204 && g.status == 404 && hasString(g.at("schemas"), messageURN+"Error"), r,
		"DELETE is answered %d, GET then %d", r.status, g.status)
}

func entraPatchUser(p *probe) {
	mail := func() string { return p.unique() + "@example.com" }
	u := p.user("emails", arr{obj{"value": mail(), "type": "work", "primary": true}})
	v := mail()
	r := p.patch(u, op("Replace", `emails[type eq "work"].value`, v), op("Replace", "name.familyName", "Neu"))
	o := p.read(u)
	p.expect("ENTRA-05", r.ok() && strings.EqualFold(str(element(o["emails"], "type", "work")["value"]), v) &&
		str(at(o, "name.familyName")) == "Neu", r, "Replace is answered %d: %s", r.status, detail(r))
	for id, ops := range sorted(map[string]arr{
		"ENTRA-06": {op("Add", `emails[type eq "work"].value`, mail())},
		"ENTRA-26": {op("Replace", `emails[type eq "work"].value`, mail())},
		"ENTRA-07": {op("Add", `emails[type eq "work"].primary`, "true"), op("Add", `emails[type eq "work"].type`,
			"work"), op("Add", `emails[type eq "work"].value`, mail())},
	}) {
		x := p.user("emails", arr{obj{"value": mail(), "type": "home"}})
		r = p.patch(x, ops...)
		n := 0
		for _, e := range list(p.read(x)["emails"]) {
			if str(at(e, "type")) == "work" && str(at(e, "value")) != "" {
				n++
			}
		}
		p.expect(id, r.ok() && n == 1, r, "%s is answered %d and makes %d work addresses: %s", text(ops), r.status, n,
			detail(r))
	}
	if u.typ.has("phoneNumbers.type") {
		x := p.user("phoneNumbers", arr{obj{"value": "+1 201 555 0123", "type": "mobile"}})
		r = p.patch(x, op("Replace", `phoneNumbers[type eq "mobile"].value`, "+1 201 555 0199"))
		p.expect("ENTRA-08", r.ok() && str(element(p.read(x)["phoneNumbers"], "type",
			"mobile")["value"]) == "+1 201 555 0199", r,
			"replacing the mobile number is answered %d; then phoneNumbers is %s", r.status,
			text(p.read(x)["phoneNumbers"]))
		r = p.patch(x, op("replace", "phoneNumbers", arr{}))
		p.expect("ENTRA-24", r.ok() && unassigned(p.read(x)["phoneNumbers"]), r,
			"replacing phoneNumbers by [] is answered %d", r.status)
	}
	v = mail()
	x := p.user("emails", arr{obj{"value": mail(), "type": "other"}})
	r = p.patch(x, op("Replace", `emails[type eq "other"].Value`, v))
	p.expect("ENTRA-09", r.ok() && strings.EqualFold(str(element(p.read(x)["emails"], "type", "other")["value"]), v),
		r, "the sub-attribute Value is answered %d: %s", r.status, detail(r))
}

func entraEnterprise(p *probe) {
	u, boss := p.user(), p.user()
	r := p.patch(u, op("Add", enterpriseURN+":department", "D"))
	p.expect("ENTRA-10", r.ok() && str(at(p.read(u), enterpriseURN, "department")) == "D", r,
		"adding the department is answered %d", r.status)
	p.need(u.typ.has(enterpriseURN+":manager"), "the extension has no manager")
	manager := func() string { return str(at(p.read(u), enterpriseURN, "manager", "value")) }
	r = p.patch(u, op("Add", enterpriseURN+":manager", boss.id))
	p.expect("ENTRA-11", r.ok() && manager() == boss.id, r, "manager as a string is answered %d", r.status)
	other := p.user()
	r = p.patch(u, op("Replace", enterpriseURN+":manager", arr{obj{"value": other.id}}))
	p.expect("ENTRA-12", r.ok() && manager() == other.id, r, "manager as an array of one is answered %d", r.status)
	if p.s.svc.features["filter"] {
		found, l := p.search(u.typ, fmt.Sprintf(`id eq "%s" and %s:manager eq "%s"`, u.id, enterpriseURN, other.id))
		p.expect("ENTRA-22", slices.Equal(found, []string{u.id}), l, "id and manager find %v (status %d)", found,
			l.status)
	}
}

func entraActive(p *probe) {
	u := p.user("active", true)
	g := p.group("members", arr{obj{"value": u.id}})
	r := p.patch(u, op("Replace", "active", "False"))
	v, isBool := p.read(u)["active"].(bool)
	p.expect("ENTRA-13", r.ok() && isBool && !v, r, `active "False" is answered %d; then active is %s`, r.status,
		text(p.read(u)["active"]))
	r = p.patch(u, op("Replace", "active", "True"))
	p.expect("ENTRA-14", r.ok() && isTrue(p.read(u)["active"]) && element(p.read(g)["members"], "value", u.id) != nil,
		r, `active "True" is answered %d; the group's members are %s`, r.status, text(p.read(g)["members"]))
}

func entraGroup(p *probe) {
	t := p.s.typ("Group")
	body := p.s.generate(t, p.unique(), false)
	name := str(body["displayName"])
	body["schemas"] = arr{groupURN, "http://schemas.microsoft.com/2006/11/ResourceManagement/ADSCIM/2.0/Group"}
	body["externalId"], body["meta"] = p.unique(), obj{"resourceType": "Group"}
	r := p.send("POST", t.endpoint, body)
	if !p.expect("ENTRA-16", r.status == 201, r, "a group with Microsoft's URN is answered %d: %s", r.status,
		detail(r)) {
		return
	}
	g := &res{typ: t, id: str(r.at("id")), path: t.endpoint + "/" + str(r.at("id")), sent: body}
	a, b, c := p.user(), p.user(), p.user()
	for _, u := range []*res{a, b, c} {
		r = p.patch(g, op("Add", "members", arr{obj{"$ref": nil, "value": u.id}}))
		p.expect("ENTRA-18", r.ok() && element(p.read(g)["members"], "value", u.id) != nil, r,
			"adding a member with $ref null is answered %d", r.status)
	}
	l := p.get(t.endpoint, "excludedAttributes", "members", "filter", `displayName eq "`+name+`"`)
	found := resources(l.json)
	p.expect("ENTRA-17", len(found) == 1 && str(found[0]["id"]) == g.id && found[0]["members"] == nil, l,
		"displayName eq with members excluded is answered %d with %d groups", l.status, len(found))
	has := func(want ...string) bool {
		return slices.Equal(values(p.read(g)["members"]), sortedStrings(want))
	}
	r = p.patch(g, op("Remove", "members", arr{obj{"$ref": nil, "value": a.id}}))
	p.expect("ENTRA-19", r.ok() && has(b.id, c.id), r, "Remove with a value list is answered %d and leaves %v of two",
		r.status, len(list(p.read(g)["members"])))
	r = p.patch(g, op("remove", `members[value eq "`+b.id+`"]`))
	left := values(p.read(g)["members"])
	p.expect("ENTRA-20", r.ok() && !slices.Contains(left, b.id) && slices.Contains(left, c.id), r,
		"removal by filter is answered %d and leaves %v", r.status, left)
	ids, l := p.search(t, fmt.Sprintf(`id eq "%s" and members eq "%s"`, g.id, c.id), "excludedAttributes", "members")
	p.expect("ENTRA-21", slices.Equal(ids, []string{g.id}), l, "id and members find %v (status %d)", ids, l.status)
	r = p.delete(g)
	p.expect("ENTRA-23", r.came() == 204 && p.get(g.path).status == 404, r, "DELETE of the group is answered %d",
		r.status)
}
