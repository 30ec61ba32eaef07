package conformance

import (
	"fmt"
	"net/http"
	"strings"
)

func bulkChecks() []check {
	one := func(name, list, needs string, run func(*probe)) check {
		return check{name: name, needs: strings.TrimSpace("bulk User " + needs), ids: ids(list), run: run}
	}
	return []check{
		one("basics", "R7644-3.7-01 07 08 10 11 12 13 14 R7644-3.7.3-01 02", "", checkBulk),
		one("operations", "R7644-3.7-02 03 04 06", "", checkBulkOperations),
		one("patch", "R7644-3.7-05 17", "patch User.displayName", checkBulkPatch),
		one("fail-on-errors", "R7644-3.7-09", "", func(p *probe) {
			t := p.s.typ("User")
			good := func(id string) obj {
				return obj{"method": "POST", "path": t.endpoint, "bulkId": id, "data": p.s.generate(t, p.unique(),
					false)}
			}
			last := good("c")
			body := bulkRequest(good("a"), obj{"method": "POST", "path": t.endpoint, "bulkId": "b",
				"data": obj{"schemas": arr{t.base.id}}}, last)
			body["failOnErrors"] = 1
			r := p.send("POST", "/Bulk", body)
			n := len(list(r.at("Operations")))
			p.expect("R7644-3.7-09", r.status == 200 && n == 2, r,
				"failOnErrors 1 with [good, bad, good] gives %d results", n)
			if p.s.svc.features["filter"] {
				found, l := p.search(t, fmt.Sprintf(`userName eq "%s"`, at(last, "data", "userName")))
				p.expect("R7644-3.7-09", len(found) == 0, l, "the operation after the error took effect")
			}
		}),
		one("version", "R7644-3.7-15", "etag User.displayName", checkBulkVersion),
		one("references", "R7644-3.7.2-01 02 R7644-3.7-16", "Group.members", checkBulkReferences),
		one("circular", "R7644-3.7.1-01", "Group.members", checkBulkCircular),
		one("dead-reference", "R7644-3.7.2-03", "Group.members", func(p *probe) {
			g := p.s.typ("Group")
			r := p.send("POST", "/Bulk", bulkRequest(obj{"method": "POST", "path": g.endpoint, "bulkId": "g",
				"data": with(p.s.generate(g, p.unique(), false), "members", arr{obj{"value": "bulkId:nobody"}})}))
			st := statusText(r.at("Operations.0.status"))
			p.expect("R7644-3.7.2-03", r.status == 400 || r.status == 409 || st == "400" || st == "409", r,
				"a bulkId that names no operation is answered %d, the operation %s", r.status, st)
		}),
		one("duplicate", "R7644-3.7.2-04", "", func(p *probe) {
			t := p.s.typ("User")
			o := func() obj {
				return obj{"method": "POST", "path": t.endpoint, "bulkId": "same", "data": p.s.generate(t, p.unique(),
					false)}
			}
			r := p.send("POST", "/Bulk", bulkRequest(o(), o()))
			p.expect("R7644-3.7.2-04", r.status == 400 || statusText(r.at("Operations.1.status")) == "400", r,
				"two operations with one bulkId are answered %d, the second with status %s", r.status,
				statusText(r.at("Operations.1.status")))
		}),
		one("path-reference", "R7644-3.7.2-05", "patch User.displayName", func(p *probe) {
			t := p.s.typ("User")
			r := p.send("POST", "/Bulk", bulkRequest(
				obj{"method": "POST", "path": t.endpoint, "bulkId": "u", "data": p.s.generate(t, p.unique(), false)},
				obj{"method": "PATCH", "path": t.endpoint + "/bulkId:u", "data": patchOp(op("replace", "displayName",
					"by path"))}))
			p.note("R7644-3.7.2-05", r, "a bulkId in a path is answered %s", statusText(r.at("Operations.1.status")))
		}),
		one("limits", "R7644-3.7.4-01 02 03", "", checkBulkLimits),
		one("malformed", "R7644-3.12-14", "", func(p *probe) {
			for what, body := range sorted(map[string]any{
				"other schemas": obj{"schemas": arr{userURN}, "Operations": arr{obj{"method": "DELETE",
					"path": "/Users/x"}}},
				"Operations that are no array": obj{"schemas": arr{messageURN + "BulkRequest"}, "Operations": obj{}},
				"no JSON":                      []byte("{"),
			}) {
				p.refused("R7644-3.12-14", p.send("POST", "/Bulk", body), "400/invalidSyntax",
					"a bulk message with "+what)
			}
		}),
	}
}

// result finds the result of an operation by its bulkId.
func result(r *reply, bulkID string) obj { return element(r.at("Operations"), "bulkId", bulkID) }

func checkBulk(p *probe) {
	t := p.s.typ("User")
	u, gone := p.user(), p.user()
	bad := obj{"method": "POST", "path": t.endpoint, "bulkId": "bad", "data": obj{"schemas": arr{t.base.id}}}
	good := obj{"method": "POST", "path": t.endpoint, "bulkId": "good", "data": p.s.generate(t, p.unique(), false)}
	r := p.send("POST", "/Bulk", bulkRequest(bad, good,
		obj{"method": "PUT", "path": u.path, "data": with(u.sent, "externalId", "bulk-put")},
		obj{"method": "DELETE", "path": gone.path},
		obj{"method": "DELETE", "path": t.endpoint + "/scimconform-no-such-id"}))
	p.expect("R7644-3.7-07", r.status == 200, r, "a request with failed operations is answered %d", r.status)
	if !p.expect("R7644-3.7-01", r.status == 200 && hasString(r.at("schemas"), messageURN+"BulkResponse"), r,
		"status %d, schemas %s", r.status, text(r.at("schemas"))) {
		return
	}
	ops := list(r.at("Operations"))
	p.expect("R7644-3.7.3-01", len(ops) == 5, r, "5 operations give %d results", len(ops))
	made := result(r, "good")
	p.expect("R7644-3.7-10", made != nil && result(r, "bad") != nil, r,
		"the results do not carry the bulkIds of their operations")
	loc := str(made["location"])
	g := p.get(p.s.absolute(loc))
	p.expect("R7644-3.7-08", statusText(made["status"]) == "201" && g.status == 200, r,
		"after a failed operation the next one has status %s", statusText(made["status"]))
	p.judgeBulkLocations(r, u, gone)
	want := map[string]int{"201": 1, "400": 1, "200": 1, "204": 1, "404": 1}
	for _, o := range ops {
		st := statusText(at(o, "status"))
		p.expect("R7644-3.7.3-02", want[st] == 1, r, "status of a %s is %s", text(at(o, "method")),
			text(at(o, "status")))
		want[st]--
		failedPost := str(at(o, "method")) == "POST" && st != "201"
		p.expect("R7644-3.7-11", failedPost || str(at(o, "location")) != "", r,
			"the result of a %s with status %s has no location", text(at(o, "method")), st)
		if strings.HasPrefix(st, "4") {
			p.expect("R7644-3.7-12", hasString(at(o, "response", "schemas"), messageURN+"Error") &&
				str(at(o, "response", "status")) == st, r, "response of a failed operation is %s",
				text(at(o, "response")))
		}
	}
	p.note("R7644-3.7-13", r, "results of successes carry a response: %v", made["response"] != nil)
	if p.s.svc.features["etag"] {
		p.expect("R7644-3.7-14", str(made["version"]) != "" && str(made["version"]) == g.header.Get("ETag"), r,
			"version of a result is %s, the resource's ETag %s", text(made["version"]), g.header.Get("ETag"))
	} else {
		p.skip("R7644-3.7-14", "etag is not promised")
	}
}

// judgeBulkLocations: each result names what its operation was about, and a failed POST nothing that is there.
func (p *probe) judgeBulkLocations(r *reply, changed, gone *res) {
	for _, o := range list(r.at("Operations")) {
		loc, st := str(at(o, "location")), statusText(at(o, "status"))
		var about *res
		switch {
		case str(at(o, "method")) == http.MethodPut && st == "200":
			about = changed
		case str(at(o, "method")) == http.MethodDelete && st == "204":
			about = gone
		case str(at(o, "method")) == http.MethodPost && strings.HasPrefix(st, "4") && loc != "":
			g := p.get(p.s.absolute(loc))
			p.expect("R7644-3.7-11", g.status != 200 || str(g.at("id")) == "", r,
				"a POST with status %s has the location of a resource, %s", st, loc)
		}
		if about != nil {
			p.expect("R7644-3.7-11", strings.HasSuffix(loc, about.path), r, "the location of a %s of %s is %s",
				text(at(o, "method")), about.path, loc)
		}
	}
}

func checkBulkOperations(p *probe) {
	t := p.s.typ("User")
	data := func() obj { return p.s.generate(t, p.unique(), false) }
	try := func(id, what string, o obj, codes string) {
		r := p.send("POST", "/Bulk", bulkRequest(o))
		st := statusText(r.at("Operations.0.status"))
		p.expect(id, answers(r, codes) || r.status == 200 && strings.HasPrefix(st, "4"), r,
			"%s is answered %d, the operation %s", what, r.status, st)
	}
	try("R7644-3.7-02", "an operation without method", obj{"path": t.endpoint, "bulkId": "a", "data": data()},
		"400/invalidSyntax,invalidValue")
	try("R7644-3.7-02", "an operation without path", obj{"method": "POST", "bulkId": "a", "data": data()},
		"400/invalidSyntax,invalidValue")
	r := p.send("POST", "/Bulk", obj{"schemas": arr{messageURN + "BulkRequest"}})
	p.refused("R7644-3.7-02", r, "400/invalidSyntax", "a request without Operations")
	try("R7644-3.7-03", "a POST without bulkId", obj{"method": "POST", "path": t.endpoint, "data": data()}, "400")
	try("R7644-3.7-04", "a POST without data", obj{"method": "POST", "path": t.endpoint, "bulkId": "a"}, "400")
	u := p.user()
	try("R7644-3.7-04", "a PUT without data", obj{"method": "PUT", "path": u.path}, "400")
	try("R7644-3.7-06", "a POST to a resource", obj{"method": "POST", "path": u.path, "bulkId": "a", "data": data()},
		"400")
	try("R7644-3.7-06", "a Bulk request inside a Bulk request", obj{"method": "POST", "path": "/Bulk", "bulkId": "a",
		"data": bulkRequest(obj{"method": "POST", "path": t.endpoint, "bulkId": "b", "data": data()})}, "400")
	try("R7644-3.7-06", "a DELETE of an endpoint", obj{"method": "DELETE", "path": t.endpoint}, "400")
}

func checkBulkPatch(p *probe) {
	a, b := p.user("displayName", "old"), p.user("displayName", "old")
	r := p.send("POST", "/Bulk", bulkRequest(
		obj{"method": "PATCH", "path": a.path, "data": patchOp(op("replace", "displayName", "half"),
			op("replace", "id", "x"))},
		obj{"method": "PATCH", "path": b.path, "data": patchOp(op("replace", "displayName", "new"))}))
	p.expect("R7644-3.7-05", statusText(r.at("Operations.1.status")) == "200" &&
		str(p.read(b)["displayName"]) == "new" || statusText(r.at("Operations.1.status")) == "204", r,
		"a PATCH with a PatchOp message has status %s", statusText(r.at("Operations.1.status")))
	p.expect("R7644-3.7-17", str(p.read(a)["displayName"]) == "old" && str(p.read(b)["displayName"]) == "new", r,
		"one failed PATCH: displayNames are %s and %s, expected old and new", text(p.read(a)["displayName"]),
		text(p.read(b)["displayName"]))
}

func checkBulkVersion(p *probe) {
	u := p.user("displayName", "old")
	stale := u.made.header.Get("ETag")
	p.need(stale != "", "there is no ETag")
	p.put(u, with(u.sent, "displayName", "new"))
	r := p.send("POST", "/Bulk", bulkRequest(
		obj{"method": "PUT", "path": u.path, "version": stale, "data": with(u.sent, "displayName", "stale")},
		obj{"method": "DELETE", "path": u.path, "version": stale}))
	for i, m := range []string{"PUT", "DELETE"} {
		st := statusText(at(r.json, "Operations", fmt.Sprint(i), "status"))
		p.expect("R7644-3.7-15", st == "412", r, "a %s with a stale version has status %s", m, st)
	}
	p.expect("R7644-3.7-15", str(p.read(u)["displayName"]) == "new", r, "a stale version took effect")
}

func checkBulkReferences(p *probe) {
	t, g := p.s.typ("User"), p.s.typ("Group")
	user := func(id string, pairs ...any) obj {
		return obj{"method": "POST", "path": t.endpoint, "bulkId": id, "data": with(p.s.generate(t, p.unique(), false),
			pairs...)}
	}
	group := func(id, member string) obj {
		return obj{"method": "POST", "path": g.endpoint, "bulkId": id, "data": with(p.s.generate(g, p.unique(), false),
			"members", arr{obj{"value": "bulkId:" + member}})}
	}
	judge := func(id string, r *reply, what string) {
		u := p.get(p.s.absolute(str(result(r, "u")["location"])))
		x := p.get(p.s.absolute(str(result(r, "g")["location"])))
		p.expect(id, u.status == 200 && element(x.at("members"), "value", u.at("id")) != nil, r,
			"%s: the group's members are %s, the user's id is %s", what, text(x.at("members")), text(u.at("id")))
	}
	judge("R7644-3.7.2-01", p.send("POST", "/Bulk", bulkRequest(user("u"), group("g", "u"))), "user before group")
	judge("R7644-3.7-16", p.send("POST", "/Bulk", bulkRequest(group("g", "u"), user("u"))), "group before user")
	if !t.has(enterpriseURN + ":manager") {
		p.skip("R7644-3.7.2-02", "User has no manager")
		return
	}
	r := p.send("POST", "/Bulk", bulkRequest(user("m"), user("e", enterpriseURN,
		obj{"manager": obj{"value": "bulkId:m"}}, "schemas", arr{userURN, enterpriseURN})))
	m, e := p.get(p.s.absolute(str(result(r, "m")["location"]))), p.get(p.s.absolute(str(result(r, "e")["location"])))
	p.expect("R7644-3.7.2-02", m.status == 200 && same(e.at(enterpriseURN, "manager", "value"), m.at("id")), r,
		"manager.value is %s, the manager's id %s", text(e.at(enterpriseURN, "manager", "value")), text(m.at("id")))
}

func checkBulkCircular(p *probe) {
	g := p.s.typ("Group")
	group := func(id, member string) obj {
		return obj{"method": "POST", "path": g.endpoint, "bulkId": id, "data": with(p.s.generate(g, p.unique(), false),
			"members", arr{obj{"value": "bulkId:" + member, "type": "Group"}})}
	}
	r := p.send("POST", "/Bulk", bulkRequest(group("a", "b"), group("b", "a")))
	a, b := result(r, "a"), result(r, "b")
	sa, sb := statusText(a["status"]), statusText(b["status"])
	ok := r.status == 409 || sa == "409" || sb == "409"
	if sa == "201" && sb == "201" {
		x, y := p.get(p.s.absolute(str(a["location"]))), p.get(p.s.absolute(str(b["location"])))
		ok = element(x.at("members"), "value", y.at("id")) != nil && element(y.at("members"), "value",
			x.at("id")) != nil
	}
	p.expect("R7644-3.7.1-01", ok, r, "two groups that are members of each other have status %s and %s", sa, sb)
}

// fullJob sends as many operations as are allowed.
func (p *probe) fullJob(n int) {
	t := p.s.typ("User")
	ops := arr{obj{"method": "POST", "path": t.endpoint, "bulkId": "full", "data": p.s.generate(t, p.unique(), false)}}
	for range n - 1 {
		ops = append(ops, obj{"method": "DELETE", "path": t.endpoint + "/scimconform-no-such-id"})
	}
	r := p.send("POST", "/Bulk", bulkRequest(ops...))
	p.expect("R7644-3.7.4-01", r.status == 200 && statusText(result(r, "full")["status"]) == "201", r,
		"a request of exactly maxOperations operations (%d) is answered %d", n, r.status)
}

func checkBulkLimits(p *probe) {
	t := p.s.typ("User")
	first := obj{"method": "POST", "path": t.endpoint, "bulkId": "first", "data": p.s.generate(t, p.unique(), false)}
	limit := func(id string, r *reply, names ...string) {
		p.refused(id, r, "413", "a request over the limit")
		d := strings.ToLower(str(r.at("detail")))
		named := false
		for _, n := range names {
			named = named || strings.Contains(d, strings.ToLower(n))
		}
		p.expect("R7644-3.7.4-03", r.status == 413 && named && str(r.at("status")) == "413", r,
			"the 413 says %q, which does not name the limit", d)
	}
	if n := p.s.svc.bulkOps; n > 0 && n <= 5000 {
		ops := arr{first}
		for range n {
			ops = append(ops, obj{"method": "DELETE", "path": t.endpoint + "/scimconform-no-such-id"})
		}
		r := p.send("POST", "/Bulk", bulkRequest(ops...))
		limit("R7644-3.7.4-01", r, "maxOperations", fmt.Sprint(n), "operations")
		p.fullJob(n)
		if p.s.svc.features["filter"] {
			found, l := p.search(t, fmt.Sprintf(`userName eq "%s"`, at(first, "data", "userName")))
			p.expect("R7644-3.7.4-01", len(found) == 0, l, "a request over the limit took effect")
		}
	} else {
		p.skip("R7644-3.7.4-01", fmt.Sprintf("maxOperations is %d", n))
	}
	if n := p.s.svc.bulkBytes; n > 0 && n <= 32<<20 {
		big := obj{"method": "POST", "path": t.endpoint, "bulkId": "big", "data": with(p.s.generate(t, p.unique(),
			false), "externalId", strings.Repeat("x", n))}
		limit("R7644-3.7.4-02", p.send("POST", "/Bulk", bulkRequest(big)), "maxPayloadSize", fmt.Sprint(n), "payload",
			"bytes", "size")
	} else {
		p.skip("R7644-3.7.4-02", fmt.Sprintf("maxPayloadSize is %d", n))
	}
}
