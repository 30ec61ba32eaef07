package conformance

func searchChecks() []check {
	body := func(pairs ...any) obj {
		return with(obj{"schemas": arr{messageURN + "SearchRequest"}}, pairs...)
	}
	return []check{
		{name: "query", needs: "search filter User", ids: ids("R7644-3.4.3-02 04"), run: func(p *probe) {
			sd := p.seeded()
			t := p.s.typ("User")
			f := `userName sw "` + sd.tag + `"`
			r := p.send("POST", t.endpoint+"/.search", body("filter", f))
			found, _ := p.search(t, f)
			p.expect("R7644-3.4.3-02", r.status == 200 && hasString(r.at("schemas"), messageURN+"ListResponse") &&
				len(resources(r.json)) == 4 && len(found) == 4, r,
				"POST .search is answered %d with %d resources; afterwards there are %d", r.status,
				len(resources(r.json)), len(found))
			q, pairs := body("filter", f, "count", 2, "attributes", arr{"userName"}), []string{"filter", f, "count",
				"2", "attributes", "userName"}
			if p.s.svc.features["index"] {
				q["startIndex"], pairs = 2, append(pairs, "startIndex", "2")
			}
			if p.s.svc.features["sort"] {
				q["sortBy"], q["sortOrder"] = "userName", "descending"
				pairs = append(pairs, "sortBy", "userName", "sortOrder", "descending")
			}
			a, b := p.send("POST", t.endpoint+"/.search", q), p.get(t.endpoint, pairs...)
			p.expect("R7644-3.4.3-04", a.status == 200 && same(a.at("Resources"), b.at("Resources")) &&
				len(resources(a.json)) == 2, a,
				"the same query by .search and in the URL gives %d and %d resources, or others",
				len(resources(a.json)), len(resources(b.json)))
		}},
		{name: "names", needs: "search User filter", ids: ids("R7643-2.1-03"), run: func(p *probe) {
			u := p.user()
			r := p.send("POST", u.typ.endpoint+"/.search", body("filter", `id eq "`+u.id+`"`, "Attributes", arr{"userName"}))
			o := element(r.at("Resources"), "id", u.id)
			p.expect("R7643-2.1-03", r.status == 400 || str(o["userName"]) != "", r,
				"Attributes, in this case, hides userName, which it names (status %d)", r.status)
		}},
		{name: "schemas", needs: "search", ids: ids("R7644-3.4.3-03"), run: func(p *probe) {
			t := p.s.svc.types[0]
			for _, b := range []obj{{"count": 1}, {"schemas": arr{userURN}, "count": 1}} {
				p.refused("R7644-3.4.3-03", p.send("POST", t.endpoint+"/.search", b), "400/invalidSyntax,invalidValue",
					".search with schemas "+text(b["schemas"]))
			}
		}},
		{name: "places", needs: "search User Group filter", ids: ids("R7644-3.4.3-05"), run: func(p *probe) {
			u, g := p.user(), p.group()
			for _, x := range []*res{u, g} {
				r := p.send("POST", x.typ.endpoint+"/.search", body("filter", `id eq "`+x.id+`"`))
				p.expect("R7644-3.4.3-05", len(resources(r.json)) == 1, r, "%s/.search is answered %d", x.typ.endpoint,
					r.status)
			}
			if p.s.svc.features["root"] {
				r := p.send("POST", "/.search", body("filter", `id eq "`+u.id+`" or id eq "`+g.id+`"`))
				p.expect("R7644-3.4.3-05", len(resources(r.json)) == 2, r, "/.search for a User and a Group finds %d",
					len(resources(r.json)))
			}
		}},
		{name: "shown", needs: "search User filter", ids: ids("R7644-3.4.3-08"), run: func(p *probe) {
			t := p.s.typ("User")
			u := p.create(t, p.s.generate(t, p.unique(), true))
			item := p.get(u.path)
			r := p.send("POST", t.endpoint+"/.search", body("filter", `id eq "`+u.id+`"`))
			o := element(r.at("Resources"), "id", u.id)
			p.need(o != nil && item.status == 200, ".search does not find a User by its id")
			shown, _ := item.json.(obj)
			diff := t.unlike(shown, o, p.s)
			p.expect("R7644-3.4.3-08", diff == "", r, "%s is %s in GET and %s in the answer to .search", diff,
				excerpt(text(value(shown, diff)), 120), excerpt(text(value(o, diff)), 120))
		}},
		{name: "bad", needs: "search filter", ids: ids("R7644-3.4.3-06"), run: func(p *probe) {
			t := p.s.svc.types[0]
			p.refused("R7644-3.4.3-06", p.send("POST", t.endpoint+"/.search", body("filter", "x regex y z")),
				"400/invalidFilter", ".search with a bad filter")
			p.refused("R7644-3.4.3-06", p.send("POST", t.endpoint+"/.search", body("count", "ten")),
				"400/invalidValue,invalidSyntax", `.search with count "ten"`)
		}},
		{name: "unsupported", needs: "!search", ids: ids("R7644-3.4.3-07"), run: func(p *probe) {
			r := p.send("POST", p.s.svc.types[0].endpoint+"/.search", body("count", 1))
			p.refused("R7644-3.4.3-07", r, "404 405 501", "an unsupported .search")
			p.expect("R7644-3.4.3-07", hasString(r.at("schemas"), messageURN+"Error"), r,
				"the answer to an unsupported .search has no Error body")
		}},
	}
}
