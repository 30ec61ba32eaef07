package conformance

import (
	"strings"
)

func putChecks() []check {
	return []check{
		{name: "basics", each: true, ids: ids("R7644-3.5-01 R7644-3.5.1-02 03 13 R7643-3.1-14"), run: checkPut},
		{name: "no-create", each: true, ids: ids("R7644-3.5.1-01"), run: func(p *probe) {
			r := p.send("PUT", p.typ.endpoint+"/scimconform-no-such-id", p.s.generate(p.typ, p.unique(), false))
			p.refused("R7644-3.5.1-01", r, "404 405 501", "PUT to an unknown id")
		}},
		{name: "clear", each: true, ids: ids("R7644-3.5.1-04 05"), run: checkPutClear},
		{name: "clear-lists", needs: "User.emails", ids: ids("R7644-3.5.1-05"), run: func(p *probe) {
			u := p.user()
			r := p.put(u, with(u.sent, "emails", arr{}))
			p.expect("R7644-3.5.1-05", r.ok() && unassigned(p.read(u)["emails"]), r,
				"PUT with emails [] is answered %d, emails are then %s", r.status, text(p.read(u)["emails"]))
		}},
		{name: "readonly", each: true, ids: ids("R7644-3.5.1-06"), run: func(p *probe) {
			x := p.make(p.typ)
			before := p.read(x)
			body := with(x.sent, "id", "scimconform-own-id", "meta", obj{"created": "1999-01-01T00:00:00Z",
				"resourceType": "Nonsense"})
			if p.typ.has("groups") {
				body["groups"] = arr{obj{"value": "scimconform-own"}}
			}
			r := p.put(x, body)
			after := p.read(x)
			ok := (r.status == 200 || r.status == 204) && str(after["id"]) == x.id &&
				same(at(after, "meta", "created"), at(before, "meta", "created")) && same(after["groups"],
				before["groups"])
			p.expect("R7644-3.5.1-06", ok, r, "PUT with other readOnly values is answered %d: %s", r.status, detail(r))
		}},
		{name: "immutable", each: true, ids: ids("R7644-3.5.1-07 08 09"), run: checkPutImmutable},
		{name: "required", each: true, ids: ids("R7644-3.5.1-10"), run: func(p *probe) {
			f, ok := p.typ.find(func(f field) bool {
				return f.required && f.parent == nil && f.urn == "" && f.mutability == "readWrite" &&
					f.name != "schemas"
			})
			p.need(ok, "no selected type has a required readWrite attribute")
			x := p.make(p.typ)
			r := p.put(x, without(x.sent, f.name))
			p.refused("R7644-3.5.1-10", r, "400/invalidValue,invalidSyntax", "PUT without "+f.path())
		}},
		{name: "unique", needs: "User", ids: ids("R7644-3.12-06"), run: func(p *probe) {
			a, b := p.user(), p.user()
			r := p.put(b, with(b.sent, "userName", a.sent["userName"]))
			p.refused("R7644-3.12-06", r, "409/uniqueness 400/uniqueness!", "PUT of another user's userName")
		}},
		{name: "invalid", each: true, ids: ids("R7644-3.12-07"), run: func(p *probe) {
			x := p.make(p.typ)
			before := p.read(x)
			for _, body := range []any{[]byte(`{"schemas":`), with(x.sent, "schemas", "x"), []byte(`[]`)} {
				r := p.put(x, nil, func(rq *request) { rq.body = body })
				p.refused("R7644-3.12-07", r, "400/invalidSyntax,invalidValue", "PUT of "+excerpt(shownBody(body), 60))
			}
			p.expect("R7644-3.12-07", p.typ.differs(before, p.read(x)) == "", nil, "a refused PUT changed the resource")
		}},
		{name: "members", needs: "User Group.members", ids: ids("R7644-3.5.1-11"), run: func(p *probe) {
			a, b := p.user(), p.user()
			g := p.group("members", arr{obj{"value": a.id}})
			r := p.put(g, with(g.sent, "members", arr{obj{"value": b.id}}))
			m := list(p.read(g)["members"])
			p.expect("R7644-3.5.1-11", r.ok() && len(m) == 1 && element(m, "value", b.id) != nil, r,
				"PUT with one member is answered %d, the members are then %s", r.status, text(m))
		}},
		{name: "body-id", each: true, ids: ids("R7644-3.5.1-12"), run: func(p *probe) {
			f, ok := p.typ.text()
			p.need(ok, "no selected type has a text attribute that can be set")
			a, b := p.make(p.typ), p.make(p.typ)
			body := with(a.sent, "id", b.id)
			f.set(body, "scimconform-retarget")
			r := p.put(a, body)
			p.expect("R7644-3.5.1-12", str(f.in(p.read(b))) != "scimconform-retarget" && (r.status == 400 ||
				str(f.in(p.read(a))) == "scimconform-retarget"),
				r, "PUT with another resource's id in the body is answered %d and changes that one", r.status)
		}},
		{name: "primary", needs: "User.emails.primary", ids: ids("R7643-2.4-05"), run: func(p *probe) {
			u := p.user()
			r := p.put(u, with(u.sent, "emails", arr{obj{"value": p.unique() + "@example.com", "type": "work",
				"primary": true}, obj{"value": p.unique() + "@example.com", "type": "home", "primary": true}}))
			p.expect("R7643-2.4-05", answers(r, "400/invalidValue,invalidSyntax") || r.ok() &&
				primaries(p.read(u)["emails"]) == 1, r, "PUT with two primaries is answered %d with %d primaries",
				r.status, primaries(r.at("emails")))
		}},
		{name: "extension", needs: "User User." + enterpriseURN + ":department", ids: ids("R7643-3.3-04"),
			run: func(p *probe) {
				ext := obj{"department": "D"}
				for _, gone := range []any{"absent", nil, arr{}} {
					u := p.user(enterpriseURN, ext, "schemas", arr{userURN, enterpriseURN})
					body := with(u.sent, enterpriseURN, gone)
					if gone == "absent" {
						body = with(without(u.sent, enterpriseURN), "schemas", arr{userURN})
					}
					r := p.put(u, body)
					g := p.read(u)
					p.expect("R7643-3.3-04", r.ok() && unassigned(at(g, enterpriseURN)) == !hasString(g["schemas"],
						enterpriseURN), r,
						"PUT with the extension %s is answered %d, then its values are %s and schemas %s", text(gone),
						r.status, text(at(g, enterpriseURN)), text(g["schemas"]))
				}
			}},
	}
}

func checkPut(p *probe) {
	f, ok := p.typ.text()
	p.need(ok, "no selected type has a text attribute that can be set")
	x := p.make(p.typ)
	p.s.target.sleep(pause)
	before := p.read(x)
	body := clone(x.sent).(obj)
	f.set(body, "scimconform put")
	r := p.put(x, body)
	if !p.expect("R7644-3.5-01", r.ok(), r, "PUT is answered %d: %s", r.status, detail(r)) {
		return
	}
	p.expect("R7644-3.5.1-02", r.status == 200 && str(r.at("id")) == x.id && r.at("meta") != nil, r,
		"PUT is answered %d with %v", r.status, keys(r.json))
	after := p.read(x)
	p.expect("R7644-3.5.1-03", str(f.in(after)) == "scimconform put", r, "%s is then %s", f.path(), text(f.in(after)))
	was, ok1 := parseTime(at(before, "meta", "lastModified"))
	now, ok2 := parseTime(at(after, "meta", "lastModified"))
	if ok1 && ok2 && was.Equal(now) && was.Nanosecond() == 0 {
		p.s.target.sleep(1100 * pause / 20) // a clock of whole seconds
		f.set(body, "scimconform put again")
		p.put(x, body)
		after = p.read(x)
		now, ok2 = parseTime(at(after, "meta", "lastModified"))
	}
	p.expect("R7643-3.1-14", ok1 && ok2 && now.After(was) && same(at(before, "meta", "created"), at(after, "meta",
		"created")), r,
		"lastModified goes from %s to %s, created from %s to %s", text(at(before, "meta", "lastModified")),
		text(at(after, "meta", "lastModified")), text(at(before, "meta", "created")),
		text(at(after, "meta", "created")))
	r = p.put(x, after)
	again := p.read(x)
	diff := p.typ.differs(after, again)
	p.expect("R7644-3.5.1-13", (r.status == 200 || r.status == 204) && diff == "", r,
		"PUT of what GET returned is answered %d and changes %q: %s", r.status, diff, detail(r))
}

func checkPutClear(p *probe) {
	f, ok := p.typ.text()
	p.need(ok, "no selected type has a text attribute that can be set")
	body := p.s.generate(p.typ, p.unique(), false)
	f.set(body, "scimconform clear")
	x := p.create(p.typ, body)
	r := p.put(x, without(body, f.name))
	p.note("R7644-3.5.1-04", r, "%s, left out in PUT, is then %s", f.path(), text(f.in(p.read(x))))
	f.set(body, "scimconform clear")
	p.put(x, body)
	f.set(body, nil)
	r = p.put(x, body)
	p.expect("R7644-3.5.1-05", r.ok() && unassigned(f.in(p.read(x))), r,
		"PUT with %s null is answered %d, it is then %s", f.path(), r.status, text(f.in(p.read(x))))
}

func checkPutImmutable(p *probe) {
	f, ok := p.typ.find(func(f field) bool {
		return f.mutability == "immutable" && f.parent == nil && f.typ == "string" && !f.multi && f.returned != "never"
	})
	p.need(ok, "no selected type has an immutable string attribute")
	v := p.unique()
	body := p.s.generate(p.typ, p.unique(), false)
	if f.in(body) == nil {
		f.set(body, v)
	}
	v = str(f.in(body))
	x := p.create(p.typ, body)
	changed := clone(body).(obj)
	f.set(changed, p.unique())
	r := p.put(x, changed)
	p.expect("R7644-3.5.1-07", str(f.in(p.read(x))) == v, r, "the immutable %s was changed by PUT", f.path())
	p.refused("R7644-3.5.1-08", r, "400/mutability!", "PUT of another value for the immutable "+f.path())
	if f.required {
		p.skip("R7644-3.5.1-09", "the immutable attribute is required and always has a value")
		return
	}
	bare := without(p.s.generate(p.typ, p.unique(), false), f.name)
	y := p.create(p.typ, bare)
	f.set(bare, v+"-2")
	r = p.put(y, bare)
	if answers(r, "400/mutability") {
		p.skip("R7644-3.5.1-09",
			"RFC 7643 section 7 lets a server refuse to update an immutable attribute, also one without a value")
		return
	}
	p.expect("R7644-3.5.1-09", r.ok() && strings.EqualFold(str(f.in(p.read(y))), v+"-2"), r,
		"PUT of a value for the immutable %s, which has none, is answered %d and not applied", f.path(), r.status)
}

// shownBody is a request body for a message.
func shownBody(body any) string {
	if b, ok := body.([]byte); ok {
		return string(b)
	}
	return text(body)
}
