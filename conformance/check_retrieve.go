package conformance

import (
	"net/url"
	"slices"
	"strings"
)

func retrieveChecks() []check {
	return []check{
		{name: "basics", each: true, ids: ids("R7644-3.4.1-01 02 R7644-3.12-05 R7644-3.4-01"), run: checkRetrieve},
		{name: "observed", each: true,
			ids: ids("R7643-3.1-04 06 12 13 15 R7643-3-05 R7643-3.3-01 R7643-7-01 R7644-4-11 R7643-6-06 " +
				"R7644-3.14-02 R7644-3.4.2.4-10 R7644-4-10 R9865-2-05"), run: func(p *probe) {
				// Judged by the observers, on this exchange as on every other.
				p.make(p.typ)
				x := p.create(p.typ, p.s.generate(p.typ, p.unique(), true))
				p.get(x.path)
				p.get(p.typ.endpoint, "count", "2")
				if p.s.svc.features["cursor"] {
					p.get(p.typ.endpoint, "cursor", "", "count", "1")
				}
				p.stop("nothing of this kind was in the answers")
			}},
		{name: "other-names", needs: "User", ids: ids("R7644-3.4.1-01"), run: func(p *probe) {
			ext := p.unique()
			u := p.user("externalId", ext)
			for _, name := range []string{str(u.body["userName"]), ext} {
				if name != u.id {
					r := p.get(u.typ.endpoint + "/" + url.PathEscape(name))
					p.expect("R7644-3.4.1-01", r.status == 404, r, "GET by userName or externalId is answered %d",
						r.status)
				}
			}
		}},
		{name: "id-case", each: true, ids: ids("R7643-3.1-17"), run: func(p *probe) {
			x := p.make(p.typ)
			turned := turn(x.id)
			p.need(turned != x.id, "ids have no letters")
			r := p.get(p.typ.endpoint + "/" + url.PathEscape(turned))
			p.expect("R7643-3.1-17", r.status == 404, r, "GET with the id in different case is answered %d", r.status)
			if p.s.svc.features["filter"] {
				found, l := p.search(p.typ, `id eq "`+turned+`"`)
				p.expect("R7643-3.1-17", len(found) == 0, l, "id eq with the id in different case finds %v", found)
			}
		}},
		{name: "representations", needs: "User", ids: ids("R7644-3.1-03 R7644-3.4.2-08"), run: checkRepresentations},
		{name: "extension", needs: "User", ids: ids("R7643-3.3-02 03"), run: checkExtensionPlace},
		{name: "groups", needs: "User.groups Group.members", ids: ids("R7643-4.1.2-03 04 R7643-4.2-02 R7643-2.3.7-01"),
			run: checkMembership},
		{name: "relative-ref", needs: "User Group.members", ids: ids("R7643-2.3.7-02 R7643-2.4-04"),
			run: checkRelativeRef},
		{name: "order", each: true, ids: ids("R7643-2.3.8-02"), run: func(p *probe) {
			body := p.s.generate(p.typ, p.unique(), true)
			forward := marshalOrdered(body, false)
			r := p.send("POST", p.typ.endpoint, []byte(forward))
			p.must(r.status == 201, "a full %s is answered %d: %s", p.typ.name, r.status, detail(r))
			path := p.typ.endpoint + "/" + url.PathEscape(str(r.at("id")))
			p.must(p.send("DELETE", path, nil).ok(), "it cannot be deleted")
			again := p.send("POST", p.typ.endpoint, []byte(marshalOrdered(body, true)))
			diff := p.typ.unlike(only(r.json, body), only(again.json, body), p.s)
			p.expect("R7643-2.3.8-02", again.status == 201 && diff == "", again,
				"the same body in another order is answered %d and differs in %q", again.status, diff)
		}},
	}
}

func checkRetrieve(p *probe) {
	x := p.create(p.typ, p.s.generate(p.typ, p.unique(), true))
	r := p.get(x.path)
	p.expect("R7644-3.4.1-01", r.status == 200 && str(r.at("id")) == x.id, r, "GET is answered %d with id %s",
		r.status, text(r.at("id")))
	p.expect("R7644-3.4.1-02", r.header.Get("Location") != "" || r.header.Get("Content-Location") != "", r,
		"there is no Location header")
	u := p.get(p.typ.endpoint + "/scimconform-no-such-id")
	p.refused("R7644-3.12-05", u, "404", "an unknown id")
	p.expect("R7644-3.12-05", hasString(u.at("schemas"), messageURN+"Error"), u, "the 404 has no Error body")
	for _, f := range p.typ.fields() {
		if f.parent != nil {
			continue
		}
		switch v := f.in(r.json); {
		case f.returned == "request" || f.returned == "never":
			p.expect("R7644-3.4-01", v == nil, r, "%s has returned %q, and is returned unasked", f.path(), f.returned)
		case f.returned == "default" && f.mutability != "writeOnly" && !unassigned(f.in(x.sent)):
			p.expect("R7644-3.4-01", !unassigned(v), r, "%s was set and is not returned", f.path())
		}
	}
}

func checkExtensionPlace(p *probe) {
	t := p.s.typ("User")
	i := slices.IndexFunc(t.exts, func(e extension) bool { return strings.EqualFold(e.id, enterpriseURN) })
	p.need(i >= 0 && t.has(enterpriseURN+":department"), "User has no enterprise extension with department")
	u := p.user(enterpriseURN, obj{"department": "Mechanics"}, "schemas", arr{t.base.id, enterpriseURN})
	g := p.get(u.path)
	p.expect("R7643-3.3-02", str(g.at(enterpriseURN, "department")) == "Mechanics" && at(g.json.(obj),
		"department") == nil, g, "department is not inside of %s", enterpriseURN)
	p.expect("R7643-3.3-03", hasString(g.at("schemas"), enterpriseURN), g, "schemas is %s", text(g.at("schemas")))
}

// groupsAfterPatch looks at a User that did not show the Group that was created with it: one that shows a Group once it
// is added to it keeps groups from the others.
func (p *probe) groupsAfterPatch(u *res, g *res) {
	if !p.s.svc.features["patch"] {
		return
	}
	v := p.user()
	p.patch(g, op("add", "members", arr{obj{"value": v.id}}))
	r := p.get(v.path)
	p.expect("R7643-4.1.2-03", element(r.at("groups"), "value", g.id) == nil, r,
		"a user shows the group that it was added to, but %s does not show the one that was created with it", u.id)
}

func checkMembership(p *probe) {
	u := p.user()
	g := p.group("members", arr{obj{"value": u.id}})
	r := p.get(u.path)
	e := element(r.at("groups"), "value", g.id)
	if unassigned(r.at("groups")) {
		p.note("R7643-4.1.2-03", r, "users do not show the groups they are in")
		p.skip("R7643-4.1.2-04", "users do not show their groups")
		p.groupsAfterPatch(u, g)
	} else if p.expect("R7643-4.1.2-03", e != nil, r, "the user's groups are %s, they lack %s", text(r.at("groups")),
		g.id) {
		if ref := str(e["$ref"]); ref != "" {
			t := p.get(p.s.absolute(ref))
			p.expect("R7643-4.1.2-03", t.status == 200 && str(t.at("id")) == g.id, t, "groups.$ref %s is answered %d",
				ref, t.status)
		}
		if kind := e["type"]; kind != nil {
			p.expect("R7643-4.1.2-04", str(kind) == "direct", r, "groups.type of a direct group is %s", text(kind))
		}
		p.nested(u, g)
	}
	m := p.get(g.path)
	e = element(m.at("members"), "value", u.id)
	if !p.expect("R7643-4.2-02", e != nil, m, "the group's members are %s", text(m.at("members"))) {
		return
	}
	if kind := e["type"]; kind != nil {
		p.expect("R7643-4.2-02", str(kind) == "User", m, "members.type of a user is %s", text(kind))
	}
	refs := []string{str(e["$ref"]), str(m.at("meta", "location")), str(r.at("meta", "location"))}
	for i, ref := range refs {
		if ref == "" {
			continue
		}
		t := p.get(p.s.absolute(ref))
		p.expect("R7643-2.3.7-01", t.status == 200, t, "the reference %s is answered %d", ref, t.status)
		if i == 0 {
			p.expect("R7643-4.2-02", str(t.at("id")) == u.id, t, "members.$ref %s leads to %s", ref, text(t.at("id")))
		}
	}
}

// nested looks at a group inside of a group, where that is supported.
func (p *probe) nested(u, inner *res) {
	t := p.s.typ("Group")
	body := with(p.s.generate(t, p.unique(), false), "members", arr{obj{"value": inner.id, "type": "Group"}})
	r := p.send("POST", t.endpoint, body)
	if r.status != 201 || element(r.at("members"), "value", inner.id) == nil {
		return
	}
	got := p.get(u.path)
	if e := element(got.at("groups"), "value", str(r.at("id"))); e != nil && e["type"] != nil {
		p.expect("R7643-4.1.2-04", str(e["type"]) == "indirect", got, "groups.type of a nested group is %s",
			text(e["type"]))
	}
}

func checkRelativeRef(p *probe) {
	u := p.user()
	g := p.group("members", arr{obj{"value": u.id, "$ref": strings.TrimPrefix(u.path, "/")}})
	r := p.get(g.path)
	e := element(r.at("members"), "value", u.id)
	p.must(e != nil, "a member with a relative $ref was not kept")
	ref := str(e["$ref"])
	p.need(ref != "", "members have no $ref")
	t := p.get(p.s.absolute(ref))
	p.expect("R7643-2.3.7-02", t.status == 200 && str(t.at("id")) == u.id, t,
		"members.$ref %q resolved against the service root is answered %d", ref, t.status)
	loc := str(u.body["meta"].(obj)["location"])
	h := p.group("members", arr{obj{"value": u.id, "$ref": loc}})
	members := list(p.get(h.path).at("members"))
	p.expect("R7643-2.4-04", len(members) == 1 && str(at(members[0], "value")) == u.id, h.made,
		"an absolute $ref gives members %s", text(members))
}

// turn changes the case of every ASCII letter.
func turn(s string) string {
	return strings.Map(func(c rune) rune {
		if c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' {
			return c ^ 0x20
		}
		return c
	}, s)
}

// checkRepresentations shows one rich resource in every way there is; the
// observer of states compares what comes. Here only User.groups is compared,
// which other resources may change and the observer therefore leaves out.
func checkRepresentations(p *probe) {
	t := p.s.typ("User")
	u := p.create(t, p.s.generate(t, p.unique(), true))
	var g *res
	if group := p.s.typ("Group"); group != nil && group.refusal == nil && group.has("members") && t.has("groups") {
		g = p.group("members", arr{obj{"value": u.id}})
	}
	item := p.get(u.path)
	lists := []*reply{}
	if f, ok := p.mine(t); ok && p.s.svc.features["filter"] {
		lists = append(lists, p.get(t.endpoint, "filter", f), p.get(t.endpoint, "filter", `id eq "`+u.id+`"`))
		if p.s.svc.features["search"] {
			lists = append(lists, p.send("POST", t.endpoint+"/.search",
				obj{"schemas": arr{messageURN + "SearchRequest"}, "filter": `id eq "` + u.id + `"`}))
		}
	}
	lists = append(lists, p.get(t.endpoint))
	for _, l := range lists {
		o := element(l.at("Resources"), "id", u.id)
		if o == nil {
			continue
		}
		p.expect("R7644-3.4.2-08", true, l, "")
		if g != nil && element(item.at("groups"), "value", g.id) != nil {
			p.expect("R7644-3.4.2-08", element(o["groups"], "value", g.id) != nil, l,
				"groups is %s in the list and %s in GET", text(o["groups"]), text(item.at("groups")))
		}
	}
	r := p.put(u, without(u.sent, "password"))
	p.expect("R7644-3.1-03", true, r, "")
	p.get(u.path)
	if f, ok := t.text(); ok && p.s.svc.features["patch"] {
		p.patch(u, op("replace", f.path(), "scimconform shown"))
		p.get(u.path)
	}
}

// only is what a representation shows of the attributes in a body.
func only(v any, body obj) obj {
	out := obj{}
	for k := range body {
		out[k] = member(v, k)
	}
	return out
}
