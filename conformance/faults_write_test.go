package conformance

import (
	"fmt"
	"net/url"
	"strings"
)

// ignored is a write that is answered as if it had worked.
func ignored(x *exchange) {
	x.m, x.raw, x.in, x.q = "GET", nil, nil, url.Values{}
	x.run()
}

func writeFaults() []fault {
	put := on("PUT", anyRes)
	patch := on("PATCH", anyRes)
	groupPatch := on("PATCH", "/Groups/.*")
	noAttrs := func(x *exchange) { x.q.Del("attributes"); x.q.Del("excludedAttributes") }
	search := on("POST", `(/Users|/Groups)?/\.search`)
	dropIn := func(path ...string) func(*exchange) {
		return func(x *exchange) {
			for _, p := range path {
				delete(x.input(), p)
			}
		}
	}
	extra := func(x *exchange) { x.each(func(o obj) { o["meta"] = obj{"resourceType": "User"} }) }
	out := []fault{
		before("R7644-3.4.2.5-01", and(on("GET", anyType), param("attributes", ".")), noAttrs),
		before("R7644-3.9-01", and(on("PUT", "/Users/.*"), param("attributes", ".")), noAttrs),
		after("R7644-3.9-02", and(on("GET", anyRes), param("attributes", ".")), extra),
		before("R7644-3.9-03", and(on("GET", anyRes), param("excludedAttributes", ".")), noAttrs),
		after("R7644-3.4.2.5-02", and(on("GET", anyRes), param("excludedAttributes", "id")), drop("id")),
		after("R7643-7-12", and(on("GET", "/Widgets/.*"), param("attributes", "pin")), set("pin", "x")),
		after("R7643-7-13", and(on("GET", "/Widgets/.*"), param("attributes", "^(notes|secretNote)$")),
			drop("notes", "secretNote")),
		before("R7643-7-14", and(on("GET", anyRes), param("attributes", "^id$")),
			func(x *exchange) { x.q.Set("attributes", "id,userName,displayName,label") }),
		before("R7644-3.9-04", param("attributes", "^name.givenName$"), func(x *exchange) {
			x.q.Set("attributes",
				"name")
		}),
		before("R7644-3.9-05", param("attributes", "^userName,name"), func(x *exchange) {
			x.q.Set("attributes",
				"userName")
		}),
		before("R7644-3.10-02", param("attributes", "^USERNAME$"), func(x *exchange) { x.q.Set("attributes", "id") }),
		before("R7644-3.10-03", param("attributes", enterpriseURN+"$"), func(x *exchange) {
			x.q.Set("attributes",
				"id")
		}),
		before("R7644-3.9-06", and(param("attributes", "."), param("excludedAttributes", ".")), refuse(500, "")),
		before("R7644-3.9-07", param("attributes", "scimconformNoSuch"), refuse(500, "")),
		projectionMoves(),
		before("R7644-3.4.3-01", and(search, sends(`"attributes"`)), dropIn("attributes")),

		before("R7644-3.5-01", put, refuse(501, "")),
		before("R7644-3.5.1-01", on("PUT", anyType+"/scimconform-no-such-id"), func(x *exchange) {
			x.answer(201,
				obj{"id": "new"})
		}),
		after("R7644-3.5.1-02", and(put, status(200)), func(x *exchange) { x.st, x.out, x.body = 204, nil, nil }),
		before("R7644-3.5.1-03", and(put, sends("scimconform put")), ignored),
		before("R7644-3.5.1-04", and(put, sends("scimconform-[a-z0-9]+-")), func(x *exchange) {
			if x.input() != nil && x.input()["title"] == nil && x.input()["description"] == nil {
				x.input()["title"] = "kept"
				x.input()["description"] = "kept"
			}
		}),
		before("R7644-3.5.1-05", and(put, sends(`:null`)), ignored),
		before("R7644-3.5.1-06", and(put, sends("scimconform-own-id")), refuse(400, "mutability")),
		immutableApplied(),
		after("R7644-3.5.1-08", and(put, status(400)), func(x *exchange) {
			if str(at(x.out, "scimType")) == "mutability" {
				ignored(x)
			}
		}),
		before("R7644-3.5.1-09", and(on("PUT", "/Widgets/.*"), sends(`"serialNumber":"[^"]*-2"`)),
			func(x *exchange) { delete(x.input(), "serialNumber") }),
		after("R7644-3.5.1-10", and(put, status(400)), func(x *exchange) {
			if strings.Contains(str(at(x.out, "detail")), "required") {
				ignored(x)
			}
		}),
		after("R7644-3.12-06", and(put, status(409)), refuse(400, "invalidValue")),
		before("R7644-3.12-07", and(put, sends(`^\{"schemas":$`)), ignored),
		before("R7644-3.5.1-11", and(on("PUT", "/Groups/.*"), sends(`"members":\[\{`)), ignored),
		before("R7644-3.5.1-12", and(put, sends("scimconform-retarget")),
			func(x *exchange) { x.p = x.p[:strings.LastIndex(x.p, "/")+1] + str(x.input()["id"]) }),
		before("R7643-2.4-05", and(on("PUT", "/Users/.*"), sends(`"primary":true.*"primary":true`)), refuse(500, "")),
		before("R7644-3.5.1-13", and(put, sends(`"lastModified"`)), refuse(400, "mutability")),
		after("R7643-3.1-14", func(x *exchange) bool { return x.m != "POST" }, func(x *exchange) {
			x.each(func(o obj) { mustObj(o["meta"])["lastModified"] = at(o, "meta", "created") })
		}),
		before("R7643-3.3-04", and(put, sends(enterpriseURN+`":\[\]`)), refuse(400, "invalidValue")),

		after("R7644-3.5.2-01", and(patch, status(400)), func(x *exchange) {
			if x.input() != nil && !hasString(x.input()["schemas"], messageURN+"PatchOp") {
				ignored(x)
			}
		}),
		before("R7644-3.5.2-02", and(patch, sends(`"Operations":\[\]`)), ignored),
		before("R7644-3.5.2-03", and(patch, sends(`"op":"move"`)), ignored),
		before("R7644-3.5.2-04", and(patch, sends(`"op":"REPLACE"`)), refuse(400, "invalidSyntax")),
		before("R7643-2.1-03", and(patch, sends(`"operations"`)), refuse(400, "invalidSyntax")),
		before("R7644-3.5.2-05", and(patch, sends(`"path":"name\.\.x"`)), ignored),
		before("R7644-3.5.2-06", and(patch, sends(`"path":"emails\[0\]`)), ignored),
		before("R7644-3.12-08", and(patch, sends(`type foo`)), ignored),
		before("R7644-3.12-09", and(patch, sends(`"path":"scimconformNoSuch"`)), ignored),
		before("R7644-3.5.2-07", and(patch, sends(`"path":"NAME.familyname"`)), refuse(400, "invalidPath")),
		after("R7644-3.5.2-08", and(patch, status(200)), func(x *exchange) { x.out = obj{} }),
		before("R7644-3.5.2-09", and(patch, param("attributes", ".")), noAttrs),
		after("R7644-3.5.2-10", and(patch, status(400), sends("scimconform-own")),
			func(x *exchange) { x.out = obj{"error": "no"} }),
		before("R7644-3.5.2-11", and(patch, sends("scimconform half")), func(x *exchange) {
			whole := x.in
			first := clone(whole).(obj)
			first["Operations"] = list(first["Operations"])[:1]
			x.in = first
			x.run()
			x.in, x.ran = whole, false
		}),
		before("R7644-3.5.2-12", and(patch, sends(`"add".*"emails".*"replace"`)), refuse(400, "noTarget")),
		before("R7644-3.12-10", on("PATCH", anyType+"/scimconform-no-such-id"), refuse(400, "noTarget")),
		after("R7644-3.5.2-13", patch, dropHeader("ETag")),
		before("R7644-3.5.2.1-01", and(patch, sends(`\{"op":"add","path":"[^"]+"\}`)), ignored),
		before("R7644-3.5.2.1-03", and(patch, sends(`\{"op":"add","value":"x"\}`)), ignored),
		before("R7644-3.5.2.2-01", and(patch, sends(`\{"op":"remove"\}`)), ignored),
		before("R7644-3.5.2.3-09", and(patch, sends(`\{"op":"replace","path":"[^"]+"\}`)), ignored),
		before("R7644-3.5.2.1-08", groupPatch, memberTwice()),
		before("R7644-3.5.2.1-09", groupPatch, touchOnRepeat()),
		before("R7644-3.5.2.1-12", and(on("PATCH", "/Users/.*"), sends(`"add".*emails\[type eq \\"work\\"\].value`)),
			ignored),
		before("R7644-3.5.2.2-09", and(groupPatch, sends(`"remove","path":"members\[`)), func(x *exchange) {
			probe := *x
			probe.m, probe.raw, probe.in = "GET", nil, nil
			probe.run()
			if !strings.Contains(text(probe.out), strings.Split(string(x.raw), `\"`)[1]) {
				x.refuse(400, "noTarget")
			}
		}),
		before("R7644-3.5.2.2-11", and(on("PATCH", "/Users/.*"), sends(`"remove","path":"urn:.*:department"`)),
			refuse(400, "noTarget")),
		before("R7644-3.5.2.2-12", and(on("PATCH", "/Widgets/.*"), sends(`"remove","path":"tags\[`)),
			refuse(400, "invalidPath")),
		before("R7644-3.5.2-20", and(patch, sends(`"add","path":"groups"`)), ignored),
		before("R7644-3.5.2-21", and(patch, sends(`"replace","path":"members\[value eq \\"[^"]+\\"\].value"`)),
			ignored),
		before("R7644-3.5.2-22", and(patch, sends("scimconform first")), refuse(400, "mutability")),
		after("R7644-3.12-11", and(patch, status(409)), refuse(400, "invalidValue")),
		before("R7643-4.2-03", and(groupPatch, sends(`"add","path":"members"`)), refuse(400, "mutability")),
		before("R7644-3.5.2.2-03", and(groupPatch, sends(`"remove","path":"members"\}`)), ignored),
		before("R7644-3.5.2.3-03", and(groupPatch, sends(`"replace","path":"members","value":\[\]`)), ignored),
		before("R7644-3.5.2.2-04", and(groupPatch, sends(`"remove","path":"members\[`)), func(x *exchange) {
			x.in = patchOp(op("remove", "members"))
		}),
		before("R7644-3.5.2.2-08", and(groupPatch, sends(`"remove","path":"displayName"`)), ignored),

		after("R7644-3.6-01", on("DELETE", anyRes), func(x *exchange) {
			if x.st == 204 {
				x.answer(200, obj{"deleted": true})
			}
		}),
		after("R7644-3.6-02", and(on("DELETE", anyRes), status(404)), func(x *exchange) { x.answer(204, nil) }),
		stillListed(),
		reservedNames(),
		before("R7644-3.12-13", on("DELETE", anyType+"/scimconform-no-such-id"), func(x *exchange) {
			x.answer(204,
				nil)
		}),
		deadMembers(), emptiedGroups(),
		before("R7643-2.3.7-04", and(on("POST", "/Groups"), sends("scimconform-no-such-id")), refuse(404, "")),
	}
	return append(out, patchCaseFaults()...)
}

// immutableApplied takes a PUT that changes an immutable value.
func immutableApplied() fault {
	stored := map[string]any{}
	return fault{ids: ids("R7644-3.5.1-07"), plant: func(x *exchange) {
		x.run()
		if v := at(x.in, "serialNumber"); x.m == "PUT" && x.st == 400 && v != nil {
			stored[x.p] = v
		}
		if v := stored[x.p]; x.m == "GET" && v != nil {
			set("serialNumber", v)(x)
		}
	}}
}

// patchCaseFaults do nothing where a PATCH has to do something, and take what
// has to be refused.
func patchCaseFaults() []fault {
	var out []fault
	for _, c := range patchUserCases() {
		ops := text(arr(c.ops))
		during := ""
		if c.id == "R7644-3.5.2.3-08" { // what Entra ID needs tells whether it is a failure
			during = "ENTRA-26"
		}
		out = append(out, fault{name: "patch " + c.name, ids: []string{c.id}, during: during, plant: func(x *exchange) {
			if x.m != "PATCH" || !strings.HasPrefix(x.p, "/Users/") || text(at(x.in, "Operations")) != ops {
				return
			}
			if strings.HasPrefix(c.want, "2xx") || c.name == "add-again" { // ignoring them is right
				x.refuse(409, "")
				return
			}
			ignored(x)
		}})
	}
	return out
}

// projectionMoves is a server whose ETag depends on what was asked for.
func projectionMoves() fault {
	n := 0
	return fault{ids: ids("R7644-3.9-08"), plant: func(x *exchange) {
		x.run()
		if x.m == "GET" && x.one() && x.q.Has("attributes") {
			n++
		}
		if x.m == "GET" && x.one() && x.h.Get("ETag") != "" {
			tag := fmt.Sprintf(`W/"%d"`, n)
			x.h.Set("ETag", tag)
		}
	}}
}

// memberTwice makes two entries of a member that is added again.
func memberTwice() func(*exchange) {
	return func(x *exchange) {
		v := at(x.in, "Operations.0.value.0.value")
		if str(at(x.in, "Operations.0.op")) != "add" || v == nil {
			return
		}
		probe := *x
		probe.m, probe.raw, probe.in = "GET", nil, nil
		probe.run()
		if element(at(probe.out, "members"), "value", v) != nil {
			x.refuse(409, "uniqueness")
		}
	}
}

// touchOnRepeat moves the version although a member was there already.
func touchOnRepeat() func(*exchange) {
	n := 0
	return func(x *exchange) {
		v := at(x.in, "Operations.0.value.0.value")
		if str(at(x.in, "Operations.0.op")) != "add" || v == nil {
			return
		}
		probe := *x
		probe.m, probe.raw, probe.in = "GET", nil, nil
		probe.run()
		if element(at(probe.out, "members"), "value", v) != nil {
			n++
			x.in = patchOp(op("replace", "externalId", fmt.Sprintf("touched %d", n)))
		}
	}
}

// stillListed finds deleted resources by .search.
func stillListed() fault {
	return fault{ids: ids("R7644-3.6-03"), plant: func(x *exchange) {
		if x.m == "POST" && strings.HasSuffix(x.p, "/.search") && strings.Contains(string(x.raw), "id eq") {
			x.run()
			if len(resources(x.out)) == 0 {
				x.p, x.q = "/Users", url.Values{"count": {"1"}}
				x.m, x.raw, x.in = "GET", nil, nil
				x.run()
			}
		}
	}}
}

// reservedNames keeps the userNames of deleted users.
func reservedNames() fault {
	gone := map[string]bool{}
	names := map[string]string{}
	return fault{ids: ids("R7644-3.6-04"), plant: func(x *exchange) {
		name := str(at(x.in, "userName"))
		if x.create() && gone[name] && name != "" {
			x.refuse(409, "uniqueness")
			return
		}
		x.run()
		if x.create() && x.st == 201 {
			names["/Users/"+str(at(x.out, "id"))] = name
		}
		if x.m == "DELETE" && x.st == 204 {
			gone[names[x.p]] = true
		}
	}}
}

// emptiedGroups makes a group lose all its members when one of them is deleted.
func emptiedGroups() fault {
	emptied := map[string]bool{}
	members := map[string]string{}
	return fault{ids: ids("R7644-3.6-05"), plant: func(x *exchange) {
		x.run()
		switch {
		case x.create() && x.st == 201 && x.p == "/Groups":
			for _, m := range list(at(x.in, "members")) {
				members[str(at(m, "value"))] = "/Groups/" + str(at(x.out, "id"))
			}
		case x.m == "DELETE" && x.st == 204:
			emptied[members[strings.TrimPrefix(x.p, "/Users/")]] = true
		case x.m == "GET" && emptied[x.p] && x.st == 200:
			delete(mustObj(x.out), "members")
		}
	}}
}

// deadMembers keeps deleted users as members, and answers for them.
func deadMembers() fault {
	gone := map[string]any{}
	last := map[string]any{}
	return fault{ids: ids("R7643-2.3.7-03"), plant: func(x *exchange) {
		x.run()
		switch {
		case x.m == "DELETE" && x.st == 204 && strings.HasPrefix(x.p, "/Users/"):
			gone[strings.TrimPrefix(x.p, "/Users/")] = true
		case x.create() && x.st == 201 && x.p == "/Groups" && at(x.in, "members") != nil:
			last["/Groups/"+str(at(x.out, "id"))] = at(x.out, "members")
		case x.m == "GET" && len(list(last[x.p])) > len(list(at(x.out, "members"))):
			set("members", last[x.p])(x)
		case x.m == "GET" && x.st == 404 && gone[strings.TrimPrefix(x.p, "/Users/")] != nil:
			x.answer(200, obj{"id": strings.TrimPrefix(x.p, "/Users/"), "schemas": arr{userURN}})
		}
	}}
}
