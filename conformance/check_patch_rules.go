package conformance

import (
	"fmt"
	"strings"
)

func patchRuleChecks() []check {
	return []check{
		{name: "readonly", needs: "patch User", ids: ids("R7644-3.5.2-20"), run: func(p *probe) {
			const id = "R7644-3.5.2-20"
			u := p.user()
			ops := arr{op("replace", "id", "x"), op("add", "id", "x"), op("remove", "meta.created"),
				op("replace", "meta.created", "1999-01-01T00:00:00Z")}
			if u.typ.has("groups") {
				ops = append(ops, op("add", "groups", arr{obj{"value": "x"}}), op("replace", "groups", arr{}),
					op("remove", "groups"))
			}
			for _, o := range ops {
				p.refused(id, p.patch(u, o), "400/mutability", text(o))
			}
			p.expect(id, str(p.read(u)["id"]) == u.id, nil, "the id changed")
		}},
		{name: "immutable", each: true, needs: "patch", ids: ids("R7644-3.5.2-21 22"), run: checkPatchImmutable},
		{name: "unique", needs: "patch User", ids: ids("R7644-3.12-11"), run: func(p *probe) {
			a, b := p.user(), p.user()
			r := p.patch(b, op("replace", "userName", a.sent["userName"]))
			p.refused("R7644-3.12-11", r, "409/uniqueness 400/uniqueness!", "PATCH to another user's userName")
		}},
		{name: "add-no-match", needs: "patch User.emails.type", ids: ids("R7644-3.5.2.1-12"), run: func(p *probe) {
			u := p.user("emails", arr{obj{"value": p.unique() + "@example.com", "type": "home"}})
			r := p.patch(u, op("add", `emails[type eq "work"].value`, p.unique()+"@example.com"))
			made := element(p.read(u)["emails"], "type", "work") != nil
			if r.ok() && made || answers(r, "400/noTarget") {
				p.note("R7644-3.5.2.1-12", r,
					"add with a value path that matches nothing is answered %d, an element was made: %v", r.status,
					made)
				return
			}
			p.expect("R7644-3.5.2.1-12", false, r,
				"add with a value path that matches nothing is answered %d and nothing was made; "+
					"it may be made, or refused 400/noTarget", r.status)
		}},
		{name: "replace-no-match-type", needs: "patch User.emails.type", ids: ids("R7644-3.5.2.3-08"),
			run: func(p *probe) {
				u := p.user("emails", arr{obj{"value": p.unique() + "@example.com", "type": "home"}})
				r := p.patch(u, op("replace", `emails[type eq "work"].value`, p.unique()+"@example.com"))
				if r.ok() && element(p.read(u)["emails"], "type", "work") != nil {
					p.expect("R7644-3.5.2.3-08", false, r, "%s", replaceMakes)
					return
				}
				p.refused("R7644-3.5.2.3-08", r, "400/noTarget!",
					`replace at emails[type eq "work"].value where there is none`)
			}},
		{name: "remove-extension", needs: "patch User User." + enterpriseURN + ":department",
			ids: ids("R7644-3.5.2.2-11"), run: func(p *probe) {
				u := p.user(enterpriseURN, obj{"department": "D"}, "schemas", arr{userURN, enterpriseURN})
				r := p.patch(u, op("remove", enterpriseURN+":department"))
				o := p.read(u)
				part, there := o[enterpriseURN]
				p.expect("R7644-3.5.2.2-11", r.ok() && (there == hasString(o["schemas"], enterpriseURN)) &&
					at(part, "department") == nil, r,
					"after removing its last attribute the extension is %s, schemas %s",
					text(part), text(o["schemas"]))
			}},
		{name: "simple-values", each: true, needs: "patch", ids: ids("R7644-3.5.2.2-12"), run: func(p *probe) {
			f, ok := p.typ.find(func(f field) bool {
				return f.multi && f.typ == "string" && f.parent == nil && f.urn == "" && f.mutability == "readWrite" &&
					len(f.canonical) == 0 && !strings.EqualFold(f.name, "schemas")
			})
			p.need(ok, "no selected type has a simple multi-valued attribute")
			body := p.s.generate(p.typ, p.unique(), false)
			f.set(body, arr{"one", "two"})
			x := p.create(p.typ, body)
			r := p.patch(x, op("remove", f.name+`[value eq "one"]`))
			p.note("R7644-3.5.2.2-12", r, "remove of one simple value by filter is answered %d, left are %s", r.status,
				text(f.in(p.read(x))))
		}},
	}
}

func checkPatchImmutable(p *probe) {
	f, ok := p.typ.find(func(f field) bool {
		return f.mutability == "immutable" && f.parent == nil && f.typ == "string" && !f.multi && f.returned != "never"
	})
	p.need(ok, "no selected type has an immutable string attribute")
	body := p.s.generate(p.typ, p.unique(), false)
	if f.in(body) == nil {
		f.set(body, p.unique())
	}
	x := p.create(p.typ, body)
	r := p.patch(x, op("replace", f.path(), p.unique()))
	p.refused("R7644-3.5.2-21", r, "400/mutability", "replace of the immutable "+f.path())
	p.expect("R7644-3.5.2-21", same(f.in(p.read(x)), f.in(body)), r, "the immutable %s was changed", f.path())
	if f.required {
		p.skip("R7644-3.5.2-22", "the immutable attribute is required and always has a value")
		return
	}
	y := p.create(p.typ, without(p.s.generate(p.typ, p.unique(), false), f.name))
	r = p.patch(y, op("add", f.path(), "scimconform first"))
	p.note("R7644-3.5.2-22", r, "add to an immutable attribute without a value is answered %d, it is then %s",
		r.status, text(f.in(p.read(y))))
}

func patchGroupChecks() []check {
	return []check{
		{name: "members", needs: "patch User Group.members",
			ids: ids("R7643-4.2-03 R7644-3.5.2-21 R7644-3.5.2.1-08 09 R7644-3.5.2.2-03 04 09 R7644-3.5.2.3-03"),
			run: checkPatchMembers},
		{name: "group-name", needs: "patch Group", ids: ids("R7644-3.5.2.2-08"), run: func(p *probe) {
			g := p.group()
			p.refused("R7644-3.5.2.2-08", p.patch(g, op("remove", "displayName")), "400/mutability!",
				"removing the displayName of a Group")
		}},
	}
}

func checkPatchMembers(p *probe) {
	a, b := p.user(), p.user()
	g := p.group("members", arr{obj{"value": a.id}})
	has := func(want ...string) bool {
		return fmt.Sprint(values(p.read(g)["members"])) == fmt.Sprint(sortedStrings(want))
	}
	// reset gives the group these members, whatever an earlier step left.
	reset := func(ids ...string) {
		members := arr{}
		for _, id := range ids {
			members = append(members, obj{"value": id})
		}
		r := p.put(g, with(g.sent, "members", members))
		p.must(r.ok() && has(ids...), "PUT of a group's members is answered %d, or does not set them", r.status)
	}
	r := p.patch(g, op("add", "members", arr{obj{"value": b.id}}))
	p.expect("R7643-4.2-03", r.ok() && has(a.id, b.id), r,
		"adding a member is answered %d, or the members are not those two", r.status)
	reset(a.id, b.id)
	before := p.get(g.path)
	p.s.target.sleep(pause)
	r = p.patch(g, op("add", "members", arr{obj{"value": b.id}}))
	p.expect("R7644-3.5.2.1-08", r.ok() && has(a.id, b.id), r,
		"adding a member again is answered %d, or makes two entries", r.status)
	p.expect("R7644-3.5.2.1-09", same(before.at("meta"), p.get(g.path).at("meta")), r,
		"adding a member again moved lastModified or the version")
	reset(a.id, b.id)
	r = p.patch(g, op("replace", `members[value eq "`+a.id+`"].value`, b.id))
	p.refused("R7644-3.5.2-21", r, "400/mutability", "replacing a member's value, which is immutable")
	reset(a.id, b.id)
	r = p.patch(g, op("remove", `members[value eq "`+a.id+`"]`))
	p.expect("R7644-3.5.2.2-04", r.ok() && has(b.id), r, "removing one member is answered %d, or another is left",
		r.status)
	reset(b.id)
	r = p.patch(g, op("remove", `members[value eq "`+a.id+`"]`))
	p.expect("R7644-3.5.2.2-09", r.ok() && has(b.id), r, "removing a member that is not there is answered %d", r.status)
	reset(a.id, b.id)
	r = p.patch(g, op("remove", "members"))
	p.expect("R7644-3.5.2.2-03", r.ok() && has(), r, "removing all members is answered %d, or leaves some", r.status)
	reset(a.id)
	r = p.patch(g, op("replace", "members", arr{}))
	p.expect("R7644-3.5.2.3-03", r.ok() && has(), r, "replacing the members by [] is answered %d, or leaves some",
		r.status)
}
