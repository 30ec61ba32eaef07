package conformance

import (
	"net/url"
	"slices"
	"strings"
)

// choiceFaults choose otherwise where the RFCs leave it open.
func choiceFaults() []fault {
	users := on("POST", "/Users")
	patch := on("PATCH", anyRes)
	return []fault{
		after("B-01", and(on("GET", schPath), param("count", "^1$")), func(x *exchange) {
			set("Resources",
				list(at(x.out, "Resources"))[:1])(x)
		}),
		after("B-02", and(users, status(400), func(x *exchange) bool {
			return x.input() != nil &&
				x.input()["schemas"] == nil
		}), refuse(400, "invalidValue")),
		before("B-03", and(users, sends("scimconformUnknown")), refuse(400, "invalidSyntax")),
		after("B-04", and((*exchange).list, func(x *exchange) bool { return len(resources(x.out)) == 0 }),
			drop("Resources")),
		before("B-05", param("filter", `^userName eq scim`), refuse(400, "invalidFilter")),
		before("B-06", param("filter", `^scimconformNoSuch`), func(x *exchange) { x.emptyList() }),
		before("B-07", param("filter", `title ne "alpha"`), func(x *exchange) {
			x.q.Set("filter",
				x.q.Get("filter")+" and title pr")
		}),
		before("B-08", param("filter", `active eq "false"`), func(x *exchange) { x.emptyList() }),
		before("B-09", and(param("attributes", "."), param("excludedAttributes", ".")),
			func(x *exchange) { x.q.Del("excludedAttributes") }),
		after("B-10", and(on("PUT", "/Users/.*"), status(409)), refuse(400, "uniqueness")),
		emptyContainer(),
		after("B-12", and(patch, status(400), sends("scimconformNoSuch")), refuse(400, "noTarget")),
		before("B-13", and(patch, sends(`"add","path":"emails\[type eq \\"work\\"\].value"`)), refuse(400, "noTarget")),
		before("B-14", and(patch, sends(`"remove","path":"emails\[type eq \\"work\\"\]"`)), refuse(400, "noTarget")),
		before("B-15", and(patch, sends(`"replace","path":"emails\[type eq \\"work\\"\]","value":\{`)),
			func(x *exchange) {
				at(x.in, "Operations.0").(obj)["op"] = "add"
			}),
		before("B-16", and(patch, sends(`"value":\{"displayName":"echo","id"`)), refuse(400, "mutability")),
		before("B-17", and(on("PUT", "/Users/.*"), asks("If-Match", `^"scimconform"$`)), refuse(409, "")),
		before("B-18", and(param("sortBy", "^userName$"), func(x *exchange) bool { return !x.q.Has("sortOrder") }),
			func(x *exchange) { x.q.Set("sortBy", "externalId") }),
		after("B-19", and(on("GET", "/Users/.*"), param("attributes", "^userName$")), func(x *exchange) {
			set("meta",
				obj{"resourceType": "User"})(x)
		}),
		before("B-21", and(on("PUT", "/Users/.*"), func(x *exchange) bool { return x.input()["active"] == nil }),
			func(x *exchange) {
				if x.input() != nil {
					x.input()["active"] = true
				}
			}),
		before("B-22", and(patch, asks("Prefer", "minimal")), func(x *exchange) { x.r.Header.Del("Prefer") }),
		deadMembers().expecting("B-23"),
		before("B-24", func(x *exchange) bool { return len(x.raw) > 8<<20 }, refuse(400, "")),
		before("B-25", and(param("cursor", ""), param("count", "^-1$")), refuse(400, "invalidCount")),
		before("B-26", and(param("cursor", ""), param("count", "^100000$")), refuse(400, "invalidCount")),
		after("B-27", and((*exchange).list, param("startIndex", "^1$")), set("nextCursor", "abc")),
		before("B-28", and(param("cursor", ""), param("startIndex", "^2$")),
			func(x *exchange) { x.q.Del("startIndex") }),
		claims("B-29", func(c obj) {
			if p := mustObj(at(c, "events", eventURN+"prov:patch:full")); p["data"] != nil {
				p["data"] = obj{"id": "x"}
			}
		}),
		claims("B-30", func(c obj) {
			if p, ok := at(c, "events", eventURN+"prov:activate").(obj); ok {
				p["version"] = `W/"1"`
			}
		}),
		after("B-32", and(status(202), users), func(x *exchange) { x.h.Set("Location", refURL+"/Users") }),
		uniqueGroupNames(),
	}
}

// emptyContainer leaves an empty extension behind.
func emptyContainer() fault {
	had := map[string]bool{}
	return fault{ids: ids("B-11"), plant: func(x *exchange) {
		x.run()
		x.each(func(o obj) {
			id := str(o["id"])
			if at(o, enterpriseURN) != nil {
				had[id] = true
			} else if had[id] && len(x.q) == 0 && x.m == "GET" {
				o[enterpriseURN] = obj{}
				o["schemas"] = append(list(o["schemas"]), enterpriseURN)
			}
		})
	}}
}

// uniqueGroupNames refuses a second Group of one displayName.
func uniqueGroupNames() fault {
	var names []string
	return fault{ids: ids("B-33"), plant: func(x *exchange) {
		if x.create() && x.p == "/Groups" {
			name := str(x.input()["displayName"])
			if slices.Contains(names, name) {
				x.refuse(409, "uniqueness")
				return
			}
			names = append(names, name)
		}
	}}
}

// profileFaults are what Entra ID and Okta stumble over.
func profileFaults() []fault {
	users, groups := on("POST", "/Users"), on("POST", "/Groups")
	userPatch, groupPatch := on("PATCH", "/Users/.*"), on("PATCH", "/Groups/.*")
	filter := func(pattern string) func(*exchange) bool {
		return and(on("GET", "/(Users|Groups)"), param("filter", pattern))
	}
	empty := func(x *exchange) { x.emptyList() }
	unknown := `^userName eq "scimconform-[a-z0-9]+-\d+"$`
	nobody := func(x *exchange) {
		x.run()
		if len(resources(x.out)) == 0 {
			x.refuse(404, "")
		}
	}
	capitals := filter(`^userName eq "SCIM`)
	bad := func(list string, cond func(*exchange) bool) fault {
		return before(list, cond, refuse(400, "invalidPath"))
	}
	return []fault{
		before("ENTRA-01", and(filter(unknown), func(x *exchange) bool { return !x.q.Has("count") }), nobody),
		before("ENTRA-02", and(users, sends(`"addresses":null`)), refuse(400, "invalidValue")),
		before("ENTRA-03", capitals, empty),
		before("ENTRA-04", filter(`^emails\[type eq "work"\].value eq`), refuse(400, "invalidFilter")),
		bad("ENTRA-05", and(userPatch, sends(`"op":"Replace","path":"emails\[type eq \\"work`))),
		before("ENTRA-06", and(userPatch, sends(`\[\{"op":"Add","path":"emails\[type eq \\"work\\"\].value"`)),
			refuse(400, "noTarget")),
		{ids: ids("R7644-3.5.2.3-08"), during: "ENTRA-26", plant: before("", and(userPatch,
			sends(`"op":"replace","path":"emails\[type eq \\"work\\"\].value"`)), ignored).plant},
		before("ENTRA-26", and(userPatch,
			sends(`\[\{"op":"Replace","path":"emails\[type eq \\"work\\"\].value","value":"[^"]*"\}\]`)),
			refuse(400, "noTarget")),
		before("ENTRA-07", and(userPatch, sends(`"value":"true"`)), refuse(400, "invalidValue")),
		bad("ENTRA-08", and(userPatch, sends(`phoneNumbers\[type eq \\"mobile`))),
		bad("ENTRA-09", and(userPatch, sends(`\].Value"`))),
		bad("ENTRA-10", and(userPatch, sends(`"Add","path":"urn:[^"]*:department"`))),
		before("ENTRA-11", and(userPatch, sends(`"Add","path":"urn:[^"]*:manager","value":"`)),
			refuse(400, "invalidValue")),
		before("ENTRA-12", and(userPatch, sends(`:manager","value":\[`)), refuse(400, "invalidValue")),
		before("ENTRA-13", and(userPatch, sends(`"value":"False"`)), refuse(400, "invalidValue")),
		before("ENTRA-14", and(userPatch, sends(`"value":"True"`)), refuse(400, "invalidValue")),
		before("ENTRA-15", and(userPatch, sends(`"name.givenName":"Kim"`)), ignored),
		before("ENTRA-16", and(groups, sends("schemas.microsoft.com")), refuse(400, "invalidValue")),
		before("ENTRA-17", param("excludedAttributes", "^members$"),
			func(x *exchange) { x.q.Del("excludedAttributes") }),
		before("ENTRA-18", and(groupPatch, sends(`"\$ref":null`), sends("Add")), refuse(400, "invalidValue")),
		before("ENTRA-19", and(groupPatch, sends(`"Remove","path":"members","value"`)),
			func(x *exchange) { x.in = patchOp(op("remove", "members")) }),
		bad("ENTRA-20", and(groupPatch, sends(`"remove","path":"members\[value eq`))),
		before("ENTRA-21", filter(`and members eq "`), empty),
		before("ENTRA-22", filter(`:manager eq "`), refuse(400, "invalidFilter")),
		after("ENTRA-23", on("DELETE", "/(Users|Groups)/.*"), func(x *exchange) {
			if x.st == 204 {
				x.st = 200
			}
		}),
		before("ENTRA-24", and(userPatch, sends(`"phoneNumbers","value":\[\]`)), ignored),
		after("ENTRA-25", and(users, status(409)), refuse(400, "uniqueness")),

		after("OKTA-01", and((*exchange).list, param("count", "^1$"), param("startIndex", "^1$")),
			func(x *exchange) { set("totalResults", "1")(x) }),
		shown1("OKTA-02", func(o obj) { delete(o, "active") }),
		before("OKTA-03", and(filter(unknown), param("count", "^100$")), nobody),
		after("OKTA-04", and(status(404), on("GET", "/Users/.*")), drop("detail")),
		before("OKTA-05", and(users, sends(`"password":"Okta`)), func(x *exchange) {
			x.run()
			if x.st == 201 {
				x.out, x.body = nil, []byte{}
			}
		}),
		after("OKTA-06", and(users, status(409)), func(x *exchange) { x.answer(200, obj{}) }),
		before("OKTA-07", capitals, empty),
		before("OKTA-08", and(on("PUT", "/Users/.*"), sends(`"Changed"`)), refuse(400, "mutability")),
		before("OKTA-09", and(userPatch, sends(`\{"op":"replace","value":\{"active":false\}\}`)), ignored),
		hiddenWhenOff(),
		before("OKTA-11", and(groups, sends(`"members":\[\]`)), refuse(400, "invalidValue")),
		before("OKTA-12", and(filter(`^displayName eq`), param("startIndex", "1")), empty),
		before("OKTA-13", and(groupPatch, sends(`"value":\{"displayName":"[^"]*","id"`)), refuse(400, "mutability")),
		before("OKTA-14", and(groupPatch, sends(`remove.*add.*b@example.com`)), ignored),
		before("OKTA-15", groupPatch, absentMemberFails()),
		before("OKTA-16", and(groupPatch, sends(`"replace","path":"members","value":\[\{`)), ignored),
		before("OKTA-17", and(groupPatch, sends(`"replace","path":"members","value":\[\]`)), ignored),
		before("OKTA-18", and(groupPatch, sends(`"value":\{"members"`)), ignored),
		before("OKTA-19", and(on("PUT", "/Groups/.*"), sends(`"members":\[\]`)), ignored),
		after("OKTA-20", and(status(401), asks("Authorization", "Bearer x$")),
			func(x *exchange) { x.out = nil; x.body = []byte("Unauthorized") }),
		before("OKTA-21", and(on("GET", "/Groups"), func(x *exchange) bool { return len(x.q) == 0 }), refuse(503, "")),
		before("OKTA-22", and(on("GET", "/Users"), param("count", "^7$"), param("startIndex", "^8$"),
			func(x *exchange) bool { return len(x.q) == 2 }), func(x *exchange) { x.q.Set("startIndex", "2") }),
		after("OKTA-23", and(on("DELETE", "/Groups/.*"), status(204)), func(x *exchange) { x.st = 200 }),
		before("OKTA-24", and(users, asks("Content-Type", "charset=utf-8")), refuse(415, "")),
		lostUpdates(),
	}
}

// hiddenWhenOff hides disabled users.
func hiddenWhenOff() fault {
	return fault{ids: ids("OKTA-10"), plant: func(x *exchange) {
		x.run()
		if x.m == "GET" && strings.HasPrefix(x.p, "/Users/") && at(x.out, "active") == false {
			x.refuse(404, "")
		}
	}}
}

// absentMemberFails refuses to remove a member that is not there.
func absentMemberFails() func(*exchange) {
	return func(x *exchange) {
		path := str(at(x.in, "Operations.0.path"))
		if len(list(at(x.in, "Operations"))) != 1 || str(at(x.in, "Operations.0.op")) != "remove" ||
			!strings.HasPrefix(path, "members[") {
			return
		}
		probe := *x
		probe.m, probe.raw, probe.in, probe.q = "GET", nil, nil, url.Values{}
		probe.run()
		if element(at(probe.out, "members"), "value", strings.Split(path, `"`)[1]) == nil {
			x.refuse(400, "noTarget")
		}
	}
}

// lostUpdates forgets every fifth addition of a member.
func lostUpdates() fault {
	n := 0
	return fault{ids: ids("OKTA-25"), plant: func(x *exchange) {
		if x.m == "PATCH" && strings.HasPrefix(x.p, "/Groups/") && strings.Contains(string(x.raw),
			`"add","path":"members"`) {
			if n++; n%5 == 0 {
				ignored(x)
			}
		}
	}}
}
