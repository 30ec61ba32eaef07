package conformance

import (
	"fmt"
	"slices"
)

func listChecks() []check {
	return []check{
		{name: "basics", each: true, ids: ids("R7644-3.4.2-01 02 03 08"), run: checkList},
		{name: "empty", needs: "filter", each: true, ids: ids("R7644-3.4.2-04"), run: func(p *probe) {
			f, ok := p.typ.find(func(f field) bool {
				return f.typ == "string" && !f.multi && f.parent == nil &&
					f.required
			})
			p.need(ok, "no selected type has a required string attribute")
			r := p.get(p.typ.endpoint, "filter", f.path()+` eq "`+p.unique()+`"`)
			n, isNumber := integer(r.at("totalResults"))
			p.expect("R7644-3.4.2-04", r.status == 200 && isNumber && n == 0, r,
				"no match is answered %d with totalResults %s", r.status, text(r.at("totalResults")))
		}},
		{name: "partial", each: true, needs: "index", alone: true, ids: ids("R7644-3.4.2-05"), run: func(p *probe) {
			p.make(p.typ)
			p.make(p.typ)
			r := p.get(p.typ.endpoint, "count", "1", "startIndex", "1")
			p.expect("R7644-3.4.2-05", isInt(r.at("startIndex")) && isInt(r.at("itemsPerPage")), r,
				"a partial result has startIndex %s, itemsPerPage %s", text(r.at("startIndex")),
				text(r.at("itemsPerPage")))
		}},
		{name: "unknown-parameters", each: true, alone: true, ids: ids("R7644-3.4.2-06"), run: func(p *probe) {
			p.make(p.typ)
			a, b := p.get(p.typ.endpoint, "count", "3"), p.get(p.typ.endpoint, "count", "3", "scimconform", "bar")
			p.expect("R7644-3.4.2-06", b.status == 200 && same(a.at("Resources"), b.at("Resources")), b,
				"with an unknown parameter it is answered %d, or otherwise than without", b.status)
		}},
		{name: "single", each: true, ids: ids("R7644-3.4.2-07"), run: func(p *probe) {
			x := p.make(p.typ)
			r := p.get(x.path, "attributes", "id")
			p.expect("R7644-3.4.2-07", r.status == 200 && r.at("meta") == nil && str(r.at("id")) == x.id, r,
				"attributes=id on one resource is answered %d with meta %s", r.status, text(r.at("meta")))
		}},
		{name: "root", needs: "root filter User Group", ids: ids("R7644-3.4.2.1-01 02"), run: checkRoot},
		{name: "too-many", ids: ids("R7644-3.4.2.1-03"), run: func(p *probe) {
			r := p.get(p.s.svc.types[0].endpoint)
			if r.status == 200 {
				p.expect("R7644-3.4.2.1-03", true, r, "")
				return
			}
			p.refused("R7644-3.4.2.1-03", r, "400/tooMany! 403", "a list of everything")
		}},
		{name: "gone-and-disabled", needs: "filter User.active", ids: ids("R7644-3.4.2-09"), run: func(p *probe) {
			gone, off := p.user(), p.user("active", false)
			p.must(p.delete(gone).ok(), "a user cannot be deleted")
			found, r := p.search(gone.typ, fmt.Sprintf(`id eq "%s" or id eq "%s"`, gone.id, off.id))
			p.expect("R7644-3.4.2-09", slices.Equal(found, []string{off.id}), r,
				"of a deleted and a disabled user, %v are listed", found)
		}},
		{name: "max", needs: "index", ids: ids("R7643-5-14"), run: func(p *probe) {
			most := p.s.svc.maxResults
			p.need(most > 0, "filter.maxResults is not published")
			r := p.get(p.s.svc.types[0].endpoint, "count", fmt.Sprint(most+1))
			p.expect("R7643-5-14", r.status == 400 || len(resources(r.json)) <= most, r,
				"count=%d gives %d resources, filter.maxResults is %d", most+1, len(resources(r.json)), most)
		}},
	}
}

func checkList(p *probe) {
	x := p.make(p.typ)
	p.make(p.typ)
	var r *reply
	if f, ok := p.mine(p.typ); ok && p.s.svc.features["filter"] {
		r = p.get(p.typ.endpoint, "filter", f, "count", "1")
		want, _ := p.search(p.typ, f)
		n, isNumber := integer(r.at("totalResults"))
		p.expect("R7644-3.4.2-02", isNumber && n >= 2 && (n >= len(want) || len(want) >= 2), r,
			"totalResults is %s with count=1 and at least 2 matches", text(r.at("totalResults")))
		r = p.get(p.typ.endpoint, "filter", `id eq "`+x.id+`"`)
		one, _ := integer(r.at("totalResults"))
		p.expect("R7644-3.4.2-02", one == 1, r, "totalResults is %s for one match", text(r.at("totalResults")))
	} else {
		r = p.get(p.typ.endpoint)
		n, isNumber := integer(r.at("totalResults"))
		p.expect("R7644-3.4.2-02", isNumber && n >= 2, r, "totalResults is %s of at least 2",
			text(r.at("totalResults")))
	}
	p.expect("R7644-3.4.2-01", r.status == 200 && hasString(r.at("schemas"), messageURN+"ListResponse"), r,
		"a list is answered %d with schemas %s", r.status, text(r.at("schemas")))
	items := resources(r.json)
	if !p.expect("R7644-3.4.2-03", len(items) > 0, r, "the list has no Resources") {
		return
	}
	for _, o := range items {
		if str(o["id"]) != x.id {
			continue
		}
		g := p.get(x.path)
		diff := p.typ.differs(o, g.json)
		p.expect("R7644-3.4.2-08", diff == "" && at(o, "meta") != nil, r, "%s in the list is %s, in GET %s", diff,
			text(at(o, diff)), text(g.at(diff)))
		return
	}
	p.skip("R7644-3.4.2-08", "the resource is not on the first page")
}

func checkRoot(p *probe) {
	u, g := p.user(), p.group()
	q := obj{"schemas": arr{messageURN + "SearchRequest"}, "filter": fmt.Sprintf(`id eq "%s" or id eq "%s"`, u.id,
		g.id)}
	r := p.send("POST", "/.search", q)
	found := map[string]bool{}
	for _, o := range resources(r.json) {
		found[str(o["id"])] = true
	}
	p.expect("R7644-3.4.2.1-01", r.status == 200 && found[u.id] && found[g.id] && len(found) == 2, r,
		"a query at the root for a User and a Group finds %d", len(found))
	q["filter"] = fmt.Sprintf(`userName pr and (id eq "%s" or id eq "%s")`, u.id, g.id)
	r = p.send("POST", "/.search", q)
	items := resources(r.json)
	p.expect("R7644-3.4.2.1-02", r.status == 200 && len(items) == 1 && str(items[0]["id"]) == u.id, r,
		"userName pr at the root is answered %d with %d resources, expected the User", r.status, len(items))
	q["filter"] = fmt.Sprintf(`userName eq "%s" and (id eq "%s" or id eq "%s")`, str(u.sent["userName"]), u.id, g.id)
	r = p.send("POST", "/.search", q)
	items = resources(r.json)
	p.expect("R7644-3.4.2.1-02", r.status == 200 && len(items) == 1 && str(items[0]["id"]) == u.id, r,
		"userName eq at the root is answered %d with %d resources, expected the User", r.status, len(items))
}
