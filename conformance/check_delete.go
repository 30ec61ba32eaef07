package conformance

func deleteChecks() []check {
	return []check{
		{name: "basics", each: true, ids: ids("R7644-3.6-01 02 03 R7644-3.12-13"), run: func(p *probe) {
			x := p.make(p.typ)
			r := p.delete(x)
			if !p.expect("R7644-3.6-01", r.status == 204 && len(r.body) == 0, r, "DELETE is answered %d with %d bytes",
				r.status, len(r.body)) && !r.ok() {
				return
			}
			p.refused("R7644-3.6-02", p.get(x.path), "404", "GET after DELETE")
			p.refused("R7644-3.6-02", p.put(x, x.sent), "404 405 501", "PUT after DELETE")
			if p.s.svc.features["patch"] {
				p.refused("R7644-3.6-02", p.patch(x, op("replace", "externalId", "x")), "404 405 501",
					"PATCH after DELETE")
			}
			p.refused("R7644-3.6-02", p.delete(x), "404", "DELETE after DELETE")
			p.refused("R7644-3.12-13", p.delete(&res{path: p.typ.endpoint + "/scimconform-no-such-id"}), "404",
				"DELETE of an unknown id")
			if p.s.svc.features["filter"] {
				found, l := p.search(p.typ, `id eq "`+x.id+`"`)
				p.expect("R7644-3.6-03", l.status == 200 && len(found) == 0, l, "a deleted resource is found by its id")
			}
			if p.s.svc.features["search"] {
				l := p.send("POST", p.typ.endpoint+"/.search", obj{"schemas": arr{messageURN + "SearchRequest"},
					"filter": `id eq "` + x.id + `"`})
				p.expect("R7644-3.6-03", len(resources(l.json)) == 0, l, "a deleted resource is found by .search")
			}
		}},
		{name: "conflicts", needs: "User", ids: ids("R7644-3.6-04"), run: func(p *probe) {
			u := p.user()
			p.must(p.delete(u).ok(), "a user cannot be deleted")
			r := p.send("POST", u.typ.endpoint, u.sent)
			p.expect("R7644-3.6-04", r.status == 201, r, "creating a deleted user again is answered %d", r.status)
		}},
		{name: "integrity", needs: "User Group.members", ids: ids("R7643-2.3.7-03 04 R7644-3.6-05"), run: func(p *probe) {
			u, other := p.user(), p.user()
			g := p.group("members", arr{obj{"value": u.id}, obj{"value": other.id}})
			p.must(p.delete(u).ok(), "a user cannot be deleted")
			now := p.get(g.path)
			p.expect("R7644-3.6-05", element(now.at("members"), "value", other.id) != nil, now,
				"after one member was deleted, the group has lost another one, too")
			e := element(p.read(g)["members"], "value", u.id)
			gone := p.get(u.path)
			p.expect("R7643-2.3.7-03", e == nil || gone.status == 404, gone,
				"a deleted user is a member still, and its $ref is answered %d", gone.status)
			t := p.s.typ("Group")
			r := p.send("POST", t.endpoint, with(p.s.generate(t, p.unique(), false), "members",
				arr{obj{"value": "scimconform-no-such-id"}}))
			if answers(r, "201 400/invalidValue") {
				p.note("R7643-2.3.7-04", r, "a member that names no resource is answered %d", r.status)
				return
			}
			p.expect("R7643-2.3.7-04", false, r,
				"a member that names no resource is answered %d/%s; it may be taken, or refused 400/invalidValue",
				r.status, text(r.at("scimType")))
		}},
		{name: "manager", needs: "User." + enterpriseURN + ":manager", ids: ids("R7643-2.3.7-04"), run: func(p *probe) {
			t := p.s.typ("User")
			r := p.send("POST", t.endpoint, with(p.s.generate(t, p.unique(), false), "schemas", arr{t.base.id,
				enterpriseURN}, enterpriseURN, obj{"manager": obj{"value": "scimconform-no-such-id"}}))
			p.note("R7643-2.3.7-04", r, "a manager that names no resource is answered %d", r.status)
		}},
	}
}
