package conformance

import (
	"encoding/json"
	"strings"
)

// restFaults are about Bulk, versions, /Me, .search, errors, media types,
// credentials, schemas and HTTP.
func restFaults() []fault {
	bulk := on("POST", "/Bulk")
	ops := func(x *exchange) []obj {
		var out []obj
		for _, o := range list(at(x.out, "Operations")) {
			out = append(out, o.(obj))
		}
		return out
	}
	results := func(change func(o obj)) func(*exchange) {
		return func(x *exchange) {
			for _, o := range ops(x) {
				change(o)
			}
		}
	}
	put := on("PUT", anyRes)
	get := on("GET", anyRes)
	search := on("POST", `(/Users|/Groups)?/\.search`)
	listOf := and(on("GET", anyType), param("count", "^1$"))
	users := on("POST", "/Users")
	anonymous := asks("Authorization", "^$")
	noHeader := func(name string) func(*exchange) { return func(x *exchange) { x.r.Header.Del(name) } }
	one := func(x *exchange) {
		x.answer(200, obj{"schemas": arr{messageURN + "BulkResponse"}, "Operations": arr{}})
	}
	return []fault{
		after("R7644-3.7-01", bulk, set("schemas", arr{messageURN + "BulkRequest"})),
		before("R7644-3.7-02", and(bulk, func(x *exchange) bool { return at(x.in, "Operations") == nil }), one),
		after("R7644-3.7-03", and(bulk, func(x *exchange) bool {
			return str(at(x.in, "Operations.0.method")) == "POST" && at(x.in, "Operations.0.bulkId") == nil
		}), results(func(o obj) { o["status"] = "201" })),
		after("R7644-3.7-04", and(bulk, func(x *exchange) bool { return at(x.in, "Operations.0.data") == nil }),
			results(func(o obj) { o["status"] = "200" })),
		before("R7644-3.7-05", and(bulk, sends(`"new"`)), func(x *exchange) {
			x.run()
			set("Operations", arr{obj{"method": "PATCH", "status": "400"}, obj{"method": "PATCH", "status": "400"}})(x)
		}),
		after("R7644-3.7-06", and(bulk, sends(`"DELETE","path":"/Users"\}`)),
			results(func(o obj) { o["status"] = "204" })),
		after("R7644-3.7-07", and(bulk, status(200)), func(x *exchange) { x.st = 207 }),
		before("R7644-3.7-08", and(bulk, sends(`"bulkId":"bad"`)),
			func(x *exchange) { x.input()["failOnErrors"] = json.Number("1") }),
		before("R7644-3.7-09", and(bulk, sends("failOnErrors")), func(x *exchange) {
			delete(x.input(),
				"failOnErrors")
		}),
		after("R7644-3.7-10", bulk, results(func(o obj) { delete(o, "bulkId") })),
		after("R7644-3.7-11", bulk, results(func(o obj) { delete(o, "location") })),
		after("R7644-3.7-11", bulk, results(func(o obj) {
			if o["method"] == "PUT" {
				o["location"] = str(o["location"]) + "0"
			}
		})),
		after("R7644-3.7-11", bulk, func(x *exchange) {
			l := list(at(x.out, "Operations"))
			for _, o := range l {
				if str(at(o, "status")) == "400" && len(l) > 1 {
					mustObj(o)["location"] = at(l[1], "location")
				}
			}
		}),
		after("R7644-3.7-12", bulk, results(func(o obj) { delete(o, "response") })),
		after("R7644-3.7-13", bulk, results(func(o obj) {
			if o["response"] == nil {
				o["response"] = obj{"id": "x"}
			}
		})),
		after("R7644-3.7-14", bulk, results(func(o obj) { delete(o, "version") })),
		before("R7644-3.7-15", and(bulk, sends(`"version"`)), func(x *exchange) {
			for _, o := range list(x.input()["Operations"]) {
				delete(o.(obj), "version")
			}
		}),
		after("R7644-3.7.3-01", bulk, func(x *exchange) {
			if l := list(at(x.out, "Operations")); len(l) > 1 {
				set("Operations", l[:len(l)-1])(x)
			}
		}),
		after("R7644-3.7.3-02", bulk, results(func(o obj) { o["status"] = "done" })),
		before("R7644-3.7.2-01", and(bulk, sends(`bulkId:u"`)), func(x *exchange) {
			x.in, _ = decode([]byte(strings.ReplaceAll(string(x.raw), "bulkId:u", "bulkId:none")))
		}),
		before("R7644-3.7.2-02", and(bulk, sends(`bulkId:m"`)), func(x *exchange) {
			x.in,
				_ = decode([]byte(strings.ReplaceAll(string(x.raw), "bulkId:m", "boss")))
		}),
		before("R7644-3.7-16", and(bulk, func(x *exchange) bool {
			return str(at(x.in, "Operations.0.path")) == "/Groups" && str(at(x.in, "Operations.1.path")) == "/Users"
		}), refuse(409, "")),
		before("R7644-3.7.1-01", and(bulk, sends(`bulkId:b"`)), refuse(400, "invalidValue")),
		after("R7644-3.7.2-03", and(bulk, sends("bulkId:nobody")), results(func(o obj) { o["status"] = "201" })),
		before("R7644-3.7.2-04", and(bulk, sends(`"bulkId":"same"`)), func(x *exchange) {
			at(x.in, "Operations.1").(obj)["bulkId"] = "other"
		}),
		after("R7644-3.7.2-05", and(bulk, sends("bulkId:u.*by path|by path.*bulkId:u")), func(x *exchange) {
			at(x.out,
				"Operations.1").(obj)["status"] = "400"
		}),
		after("R7644-3.7.4-01", and(bulk, status(413),
			func(x *exchange) bool { return len(list(at(x.in, "Operations"))) > 20 }), refuse(400, "")),
		before("R7644-3.7.4-01", and(bulk, func(x *exchange) bool { return len(list(at(x.in, "Operations"))) == 20 }),
			refuse(413, "")),
		after("R7644-3.7.4-02", and(bulk, status(413), sends(`"bulkId":"big"`)), refuse(400, "")),
		after("R7644-3.7.4-03", and(bulk, status(413)), refuse(413, "")),
		before("R7644-3.7-17", and(bulk, sends(`"half"`)), func(x *exchange) {
			first := at(x.in, "Operations.0.data").(obj)
			first["Operations"] = list(first["Operations"])[:1]
		}),
		before("R7644-3.12-14", and(bulk, sends(`^\{$`)), refuse(404, "")),

		after("R7644-3.14-01", func(x *exchange) bool { return x.m == "PUT" }, dropHeader("ETag")),
		shown1("R7644-3.14-02", func(o obj) { delete(mustObj(o["meta"]), "version") }),
		after("R7643-3.1-15", get, func(x *exchange) { x.h.Set("ETag", strings.Trim(x.h.Get("ETag"), `W/"`)) }),
		staleETag(),
		before("R7644-3.14-04", and(get, asks("If-None-Match", `^W/"\d+"$`)), noHeader("If-None-Match")),
		before("R9110-13.1.2-01", and(get, asks("If-None-Match", `^\*$`)), noHeader("If-None-Match")),
		before("R9110-13.1.2-02", and(put, asks("If-None-Match", ".")), noHeader("If-None-Match")),
		after("R9110-15.4.5-01", status(304), dropHeader("ETag")),
		before("R7644-3.14-05", and(on("PUT|DELETE", anyRes), asks("If-Match", `^W/"`)), refuse(412, "")),
		before("R7644-3.14-06", and(on("PATCH", anyRes), asks("If-Match", ".")), noHeader("If-Match")),
		before("R9110-13.1.1-01", and(put, asks("If-Match", `^\*$`)), refuse(412, "")),
		before("R7644-3.14-07", and(put, sends("scimconform race")), noHeader("If-Match")),
		before("R7644-3.14-08", and(on("PUT", anyType+"/scimconform-no-such-id"), asks("If-Match", ".")),
			refuse(412, "")),
		after("R7644-3.14-09", listOf, setHeader("ETag", `W/"list"`)),

		{ids: ids("R7644-3.11-01 R7644-3.11-05"), config: "minimal", plant: before("", on("GET", "/Me"),
			func(x *exchange) { x.answer(400, obj{}) }).plant},
		{ids: ids("R7644-3.11-02"), config: "redirect", plant: after("", on("GET", "/Me"), setHeader("Location",
			refURL+"/Users/nobody")).plant},
		after("R7644-3.11-03", on("GET", "/Me"), setHeader("Location", refURL+"/Me")),
		before("R7644-3.11-04", on("PATCH", "/Me"), refuse(501, "")),
		before("R7644-3.11-05", and(on("GET", "/Me"), asks("Authorization", "reader")),
			func(x *exchange) { x.r.Header.Set("Authorization", "Bearer admin-token-0001") }),

		after("R7644-3.4.3-02", search, func(x *exchange) {
			if x.list() {
				x.st = 201
			}
		}).with(and(search, sends(`"filter":"userName sw \\"`+tagPattern+`\\""`))),
		before("R7644-3.4.3-03", and(search, func(x *exchange) bool { return x.input()["schemas"] == nil }),
			func(x *exchange) {
				x.input()["schemas"] = arr{messageURN + "SearchRequest"}
			}),
		before("R7644-3.4.3-04", and(search, sends(`"startIndex":2`)), func(x *exchange) {
			delete(x.input(),
				"startIndex")
		}),
		before("R7644-3.4.3-05", and(on("POST", `/Groups/\.search`), sends("id eq")), refuse(404, "")),
		before("R7644-3.4.3-06", and(search, sends(`"count":"ten"`)), refuse(500, "")),
		{ids: ids("R7644-3.4.3-07"), config: "minimal", plant: before("", search, refuse(400, "invalidSyntax")).plant},

		after("R7644-3.12-15", failing, drop("schemas")),
		after("R7644-3.12-16", failing, func(x *exchange) { set("status", x.st)(x) }),
		after("R7644-3.12-17", and(failing, status(404)), set("scimType", "notFound")),
		after("R7644-3.12-18", and(failing, status(404)), drop("detail")),
		after("R7644-3.12-19", and(failing, status(405)), func(x *exchange) { x.st = 418; set("status", "418")(x) }),
		after("R7644-3.2-01", and(status(404), on("GET", anyType+"/scimconform-no-such-id")),
			func(x *exchange) { x.st = 200 }),
		after("R7644-3.8-01", failing, setHeader("Content-Type", "text/html")),
		before("R7644-3.12-21", param("filter", `^\(\(\(`), refuse(500, "")),
		before("R7644-7.5.2-01", param("filter", `^password eq`), refuse(403, "mutability")),
		after("R7644-3.12-22", and(failing, status(404)), set("detail", "panic: no such resource")),

		after("R7644-3.8-02", listOf, setHeader("Content-Type", "application/json")),
		before("R7644-3.8-03", asks("Accept", "^application/json$"), refuse(406, "")),
		after("R7644-3.8-04", asks("Accept", `^\*/\*$`), setHeader("Content-Type", "application/json")),
		after("R7644-3.8-05", (*exchange).create, func(x *exchange) {
			x.each(func(o obj) {
				for k, v := range o {
					if s, ok := v.(string); ok && strings.ContainsRune(s, '🦊') {
						o[k] = strings.ReplaceAll(s, "🦊", "?")
					}
				}
			})
		}),
		before("R7644-3.8-06", and((*exchange).create, asks("Content-Type", "charset=UTF-8")), refuse(415, "")),
		before("R9110-15.5.16-01", and((*exchange).create, asks("Content-Type", "text/plain")),
			func(x *exchange) { x.answer(201, obj{"id": "x"}) }),
		before("R9110-15.5.7-01", asks("Accept", "image/png"), func(x *exchange) {
			x.answer(200,
				obj{})
			x.h.Set("Content-Type", "image/png")
		}),
		before("R7644-3.8-07", on("GET", `/Users\.scim`), func(x *exchange) { x.p = "/Users" }),
		shown1("R7643-2.3-01", func(o obj) {
			if b, ok := o["active"].(bool); ok {
				o["active"] = text(b)
			}
		}),
		before("R7644-3.8-08", sends("^\ufeff"), refuse(500, "")),

		after("R7644-2-01", status(401), dropHeader("WWW-Authenticate")),
		after("R7644-3.12-23", and(failing, anonymous), refuse(403, "")),
		after("R7644-3.12-24", and(users, status(403)), refuse(401, "")),
		before("R7644-2-02", and(on("GET", "/Users/.*"), asks("Authorization", "other")),
			func(x *exchange) { x.r.Header.Set("Authorization", "Bearer admin-token-0001") }),
		before("R7644-7.4-01", asks("Authorization", "expired"), func(x *exchange) {
			x.r.Header.Set("Authorization",
				"Bearer admin-token-0001")
		}),
		before("R7644-2.2-01", and(users, anonymous), refuse(403, "")),
		after("R6750-3.1-01", status(401), setHeader("WWW-Authenticate", "Bearer")),

		before("R7643-2.1-04", sends("DISPLAYNAME"), func(x *exchange) { delete(x.input(), "DISPLAYNAME") }),
		before("R7644-3.10-04", param("filter", `:displayname eq`), refuse(400, "invalidFilter")),
		before("R7643-3.3-05", and(users, sends(`,?"department":"D","emails"`)), func(x *exchange) {
			x.input()[enterpriseURN] = obj{"department": "D"}
			x.input()["schemas"] = arr{userURN, enterpriseURN}
		}),
		after("R7643-3-06", and(users, status(201), func(x *exchange) bool {
			return x.input()[enterpriseURN] != nil && !hasString(x.input()["schemas"], enterpriseURN)
		}), set("schemas", arr{userURN})),
		shown1("R7643-4.3-01", func(o obj) { delete(mustObj(o[enterpriseURN]), "division") }),
		shown1("R7643-4.3-02", func(o obj) {
			if m, ok := at(o, enterpriseURN, "manager").(obj); ok {
				m["$ref"] = refURL + "/Users/nobody"
			}
		}),
		shown1("R7643-4.3-03", func(o obj) {
			if m, ok := at(o, enterpriseURN, "manager").(obj); ok {
				m["displayName"] = "scimconform own"
			}
		}),
		after("R7643-4.1.2-05", and(on("POST|PUT", "/Users.*"), sends(`"groups":\[\{`)),
			func(x *exchange) { set("groups", x.input()["groups"])(x) }),
		before("R7643-4.1.2-06", and(users, sends("https://example.com/me")),
			func(x *exchange) { x.input()["profileUrl"] = "me" }),
		after("R7643-4.1.2-07", and(users, status(400), sends("x509Certificates")), accept),
		before("R7643-4.1.2-07", and(users, sends(`x509Certificates.*=="`)), refuse(400, "invalidValue")),
		before("R7643-4.1.1-05", and(users, sends(`"timezone":"America`)),
			func(x *exchange) { x.input()["timezone"] = "PST" }),
		docs("R7644-3.2-02", rtPath, func(o obj) { o["name"] = "My" + str(o["name"]) }),
		after("R7644-3.1-03", and((*exchange).create, status(201)), func(x *exchange) {
			for k, v := range x.input() {
				if s, ok := v.(string); ok && k != "externalId" && at(x.out, k) != nil {
					set(k, s+" echo")(x)
				}
			}
		}),
		shown1("R7644-4-11", func(o obj) { o["passwordHash"] = "x" }),

		before("R7644-3.13-01", on("GET", spcPath), refuse(500, "")),
		{ids: ids("R7644-3.13-02"), plant: func(x *exchange) {},
			outside: func(p string) bool { return strings.Contains(p, "/v9/") }},
		{ids: ids("R7644-3.13-03"), plant: func(x *exchange) {},
			outside: func(p string) bool { return p == "/scim/Users" }, outsideStatus: 500},
		after("R9110-15.5.6-01", status(405), dropHeader("Allow")),
		after("R9110-9.3.2-01", func(x *exchange) bool { return x.m == "HEAD" }, func(x *exchange) { x.st = 405 }),
		before("R7644-3.2-03", on("GET", "/users"), func(x *exchange) { x.p = "/Users" }),
		throttled(),
		{ids: ids("R7644-3.12-25"), config: "redirect", plant: after("", status(308),
			func(x *exchange) { x.h.Del("Location") }).plant},
	}
}

// with narrows a fault of after to a condition.
func (f fault) with(cond func(*exchange) bool) fault {
	plant := f.plant
	f.plant = func(x *exchange) {
		if cond(x) {
			plant(x)
		}
	}
	return f
}

// staleETag is a server whose ETag never changes.
func staleETag() fault {
	return fault{ids: ids("R7644-3.14-03"), plant: func(x *exchange) {
		x.run()
		if x.h.Get("ETag") != "" {
			x.h.Set("ETag", `W/"1"`)
		}
	}}
}

// throttled is a server that says 429 now and then, without Retry-After.
func throttled() fault {
	n := 0
	return fault{ids: ids("R6585-4-01"), plant: func(x *exchange) {
		if n++; n%7 == 0 {
			x.refuse(429, "")
		}
	}}
}
