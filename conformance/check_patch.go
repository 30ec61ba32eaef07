package conformance

import (
	"fmt"
	"strings"
)

// patchChecks are the message itself, then the operations (patch_ops.go).
func patchChecks() []check {
	out := []check{
		{name: "message", each: true, needs: "patch",
			ids: ids("R7644-3.5.2-01 02 03 R7644-3.5.2.1-01 03 R7644-3.5.2.2-01 R7644-3.5.2.3-09"),
			run: checkPatchMessage},
		{name: "case", each: true, needs: "patch", ids: ids("R7644-3.5.2-04 R7643-2.1-03"), run: checkPatchCase},
		{name: "paths", needs: "patch User.emails.type", ids: ids("R7644-3.5.2-05 06 R7644-3.12-08 09"),
			run: checkPatchPaths},
		{name: "names", needs: "patch User.name.familyName User.title", ids: ids("R7644-3.5.2-07"),
			run: checkPatchNames},
		{name: "success", each: true, needs: "patch", ids: ids("R7644-3.5.2-08 09 13 R7643-3.1-14"),
			run: checkPatchSuccess},
		{name: "failure", each: true, needs: "patch", ids: ids("R7644-3.5.2-10 11 R7644-3.12-10"),
			run: checkPatchFailure},
		{name: "order", needs: "patch User.emails.type", ids: ids("R7644-3.5.2-12"), run: func(p *probe) {
			u := p.user("emails", arr{obj{"value": p.unique() + "@example.com", "type": "work"}})
			mail := p.unique() + "@example.com"
			r := p.patch(u, op("add", "emails", arr{obj{"value": p.unique() + "@example.com", "type": "home"}}),
				op("replace", `emails[type eq "home"].value`, mail))
			e := element(p.read(u)["emails"], "type", "home")
			p.expect("R7644-3.5.2-12", r.ok() && str(e["value"]) == mail, r,
				"a second operation on the result of the first is answered %d; the e-mail is %s", r.status, text(e))
		}},
	}
	out = append(out, patchUserChecks()...)
	out = append(out, patchRuleChecks()...)
	return append(out, patchGroupChecks()...)
}

func checkPatchMessage(p *probe) {
	f, ok := p.typ.text()
	p.need(ok, "no selected type has a text attribute that can be set")
	x := p.make(p.typ)
	good := op("replace", f.path(), "scimconform message")
	send := func(id, want, what string, body any) {
		p.refused(id, p.send("PATCH", x.path, body), want, what)
	}
	const any400 = "400/invalidSyntax,invalidValue"
	send("R7644-3.5.2-01", any400, "PATCH without schemas", obj{"Operations": arr{good}})
	send("R7644-3.5.2-01", any400, "PATCH with other schemas", obj{"schemas": arr{p.typ.base.id},
		"Operations": arr{good}})
	for _, ops := range []any{nil, arr{}, good, "x"} {
		body := obj{"schemas": arr{messageURN + "PatchOp"}, "Operations": ops}
		if ops == nil {
			delete(body, "Operations")
		}
		send("R7644-3.5.2-02", any400, "PATCH with Operations "+text(ops), body)
	}
	for _, name := range []any{nil, "move", "copy", "test", 5} {
		o := with(good, "op", name)
		if name == nil {
			delete(o, "op")
		}
		send("R7644-3.5.2-03", any400, "op "+text(name), patchOp(o))
	}
	send("R7644-3.5.2.1-01", any400, "add without value", patchOp(op("add", f.path())))
	send("R7644-3.5.2.3-09", any400, "replace without value", patchOp(op("replace", f.path())))
	send("R7644-3.5.2.1-03", any400, "add without path and with a string", patchOp(op("add", nil, "x")))
	send("R7644-3.5.2.2-01", "400/noTarget!", "remove without path", patchOp(op("remove", nil)))
}

// plainPatch makes sure that an attribute can be patched in the plainest way.
func (p *probe) plainPatch(x *res, f field) {
	r := p.patch(x, op("replace", f.path(), "scimconform plain"))
	p.must(r.ok() && str(f.in(p.read(x))) == "scimconform plain", "the plainest PATCH of %s is answered %d", f.path(),
		r.status)
}

func checkPatchCase(p *probe) {
	f, ok := p.typ.text()
	p.need(ok, "no selected type has a text attribute that can be set")
	x := p.make(p.typ)
	p.plainPatch(x, f)
	for _, name := range []string{"Add", "REPLACE"} {
		v := "scimconform " + name
		r := p.patch(x, op(name, f.path(), v))
		p.expect("R7644-3.5.2-04", r.ok() && str(f.in(p.read(x))) == v, r, "op %q is answered %d", name, r.status)
	}
	r := p.send("PATCH", x.path, obj{"schemas": arr{messageURN + "PatchOp"}, "operations": arr{obj{"OP": "replace",
		"Path": f.path(), "VALUE": "scimconform names"}}})
	p.expect("R7643-2.1-03", r.ok() && str(f.in(p.read(x))) == "scimconform names", r,
		"member names in another case are answered %d", r.status)
}

func checkPatchPaths(p *probe) {
	u := p.user()
	for _, path := range []string{"emails[", "emails[type eq].value", "emails[type eq \"work\" x].value", "name..x",
		"", "a b",
		"emails[type eq \"work\"]value"} {
		r := p.patch(u, op("replace", path, "x"))
		p.refused("R7644-3.5.2-05", r, "400/invalidPath,invalidFilter", fmt.Sprintf("the path %q", path))
	}
	for _, path := range []string{"emails[0].value", "emails/0"} {
		r := p.patch(u, op("replace", path, "x"))
		p.refused("R7644-3.5.2-06", r, "400/invalidPath,invalidFilter", fmt.Sprintf("the path %q", path))
	}
	r := p.patch(u, op("replace", `emails[type foo "x"].value`, "x"))
	p.refused("R7644-3.12-08", r, "400/invalidFilter,invalidPath", "an unknown operator in a path")
	r = p.patch(u, op("replace", "scimconformNoSuch", "x"))
	p.refused("R7644-3.12-09", r, "400/invalidPath,noTarget", "a path that names no attribute")
}

func checkPatchNames(p *probe) {
	const id = "R7644-3.5.2-07"
	u := p.user()
	r := p.patch(u, op("replace", "NAME.familyname", "Case"))
	p.expect(id, r.ok() && str(at(p.read(u), "name.familyName")) == "Case", r,
		"the path NAME.familyname is answered %d", r.status)
	r = p.patch(u, op("replace", userURN+":title", "Urn"))
	p.expect(id, r.ok() && str(p.read(u)["title"]) == "Urn", r, "the path %s:title is answered %d", userURN, r.status)
	r = p.patch(u, op("replace", nil, obj{"TITLE": "Key"}))
	p.expect(id, r.ok() && str(p.read(u)["title"]) == "Key", r, "the value key TITLE is answered %d", r.status)
	if u.typ.has(enterpriseURN + ":manager") {
		m := p.user()
		r = p.patch(u, op("add", strings.ToUpper(enterpriseURN[:20])+enterpriseURN[20:]+":manager.value", m.id))
		p.expect(id, r.ok() && str(at(p.read(u), enterpriseURN, "manager", "value")) == m.id, r,
			"the path %s:manager.value is answered %d", enterpriseURN, r.status)
	}
}

func checkPatchSuccess(p *probe) {
	f, ok := p.typ.text()
	p.need(ok, "no selected type has a text attribute that can be set")
	x := p.make(p.typ)
	before := p.get(x.path)
	p.s.target.sleep(pause)
	r := p.patch(x, op("replace", f.path(), "scimconform one"))
	if !r.ok() {
		p.expect("R7644-3.5.2-08", false, r, "replacing %s is answered %d", f.path(), r.status)
		p.must(false, "PATCH of %s is answered %d", f.path(), r.status)
	}
	after := p.get(x.path)
	p.expect("R7644-3.5.2-08", r.status == 200 && str(r.at("id")) == x.id && str(f.in(r.json)) == "scimconform one" ||
		r.status == 204 && len(r.body) == 0,
		r, "a successful PATCH is answered %d with %v", r.status, keys(r.json))
	was, ok1 := parseTime(before.at("meta", "lastModified"))
	now, ok2 := parseTime(after.at("meta", "lastModified"))
	if ok1 && ok2 && was.Nanosecond() == 0 && was.Equal(now) {
		p.s.target.sleep(1100 * pause / 20)
		p.patch(x, op("replace", f.path(), "scimconform two"))
		after = p.get(x.path)
		now, _ = parseTime(after.at("meta", "lastModified"))
	}
	p.expect("R7643-3.1-14", ok1 && ok2 && now.After(was) && same(before.at("meta", "created"), after.at("meta",
		"created")), after, "PATCH moves lastModified from %s to %s", text(before.at("meta", "lastModified")),
		text(after.at("meta", "lastModified")))
	moved := now.After(was)
	if p.s.svc.features["etag"] {
		tag := r.header.Get("ETag")
		moved = moved && tag != "" && tag != before.header.Get("ETag")
	}
	p.expect("R7644-3.5.2-13", moved, r, "after PATCH the ETag is %s (before %s), lastModified %s",
		r.header.Get("ETag"), before.header.Get("ETag"), text(after.at("meta", "lastModified")))
	r = p.send("PATCH", x.path, patchOp(op("replace", f.path(), "scimconform three")), query("attributes", f.path()))
	p.expect("R7644-3.5.2-09", r.status == 200 && str(f.in(r.json)) == "scimconform three" && r.at("meta") == nil, r,
		"PATCH with attributes=%s is answered %d with %v", f.path(), r.status, keys(r.json))
}

func checkPatchFailure(p *probe) {
	f, ok := p.typ.text()
	p.need(ok, "no selected type has a text attribute that can be set")
	x := p.make(p.typ)
	before := p.get(x.path)
	r := p.patch(x, op("replace", f.path(), "scimconform half"), op("replace", "id", "scimconform-own"))
	p.expect("R7644-3.5.2-10", r.failed() && hasString(r.at("schemas"), messageURN+"Error"), r,
		"a PATCH that has to fail is answered %d", r.status)
	after := p.get(x.path)
	p.expect("R7644-3.5.2-11", p.typ.differs(before.json, after.json) == "" && same(before.at("meta"),
		after.at("meta")), after, "a PATCH that failed at its second operation changed the resource (%s is %s)",
		f.path(), text(f.in(after.json)))
	r = p.send("PATCH", p.typ.endpoint+"/scimconform-no-such-id", patchOp(op("replace", f.path(), "x")))
	p.refused("R7644-3.12-10", r, "404", "PATCH of an unknown id")
}
