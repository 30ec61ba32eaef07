package conformance

import (
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

const anyRes = `/(Users|Groups|Widgets)/[^./]+`
const anyType = `/(Users|Groups|Widgets)`

// accept makes the server take what it ought to refuse: the answer looks like
// a success.
func accept(x *exchange) {
	p := x.p
	x.m, x.p, x.q, x.in, x.raw = "GET", "/Users", url.Values{"count": {"1"}}, nil, nil
	x.run()
	o := resources(x.out)[0]
	x.p = p
	if strings.Count(p, "/") > 1 {
		x.answer(200, o)
		return
	}
	x.answer(201, o)
}

func accept200(x *exchange) { accept(x); x.st = 200 }

func coreFaults() []fault {
	schema := func(id string) func(obj) bool { return func(o obj) bool { return str(o["id"]) == id } }
	isUser := schema(userURN)
	attrOf := func(o obj, name string) obj {
		for _, a := range list(o["attributes"]) {
			if str(at(a, "name")) == name {
				return a.(obj)
			}
		}
		return obj{}
	}
	onAttr := func(list, name string, change func(a obj)) fault {
		return docs(list, schPath, func(o obj) {
			if isUser(o) {
				change(attrOf(o, name))
			}
		})
	}
	return []fault{
		doc("R7644-4-01", spcPath, func(o obj) { o["schemas"] = arr{userURN} }),
		before("R7644-4-02", on("GET", spcPath), func(x *exchange) { x.refuse(404, "") }),
		doc("R7643-5-01", spcPath, func(o obj) { o["patch"] = obj{"supported": "true"} }),
		doc("R7643-5-02", spcPath, func(o obj) { delete(o["bulk"].(obj), "maxOperations") }),
		doc("R7643-5-03", spcPath, func(o obj) { o["filter"] = obj{"supported": true, "maxResults": "100"} }),
		doc("R7643-5-04", spcPath, func(o obj) { delete(o, "changePassword") }),
		doc("R7643-5-05", spcPath, func(o obj) { o["sort"] = true }),
		doc("R7643-5-06", spcPath, func(o obj) { delete(o, "etag") }),
		doc("R7643-5-07", spcPath, func(o obj) { delete(at(o, "authenticationSchemes", "0").(obj), "description") }),
		doc("R7643-5-08", spcPath, func(o obj) { at(o, "authenticationSchemes", "0").(obj)["type"] = "bearer" }),
		before("R7643-5-09", and(on("GET", spcPath), asks("Authorization", "^$")), refuse(401, "")),
		doc("R7643-5-10", spcPath, func(o obj) { o["documentationUri"] = "see the manual" }),
		before("R7643-5-11", on("PUT|PATCH", spcPath), func(x *exchange) { x.answer(200, obj{}) }),
		doc("R7643-3.1-16", spcPath, func(o obj) { o["meta"].(obj)["resourceType"] = "ServiceProviderConfiguration" }),
		{ids: ids("R7644-3.12-20"), config: "minimal", plant: func(x *exchange) {
			if x.m == "PATCH" {
				x.refuse(405, "")
			}
		}},
		doc("R9865-4-01", spcPath, func(o obj) { delete(o, "pagination") }),
		doc("R9967-4-01", spcPath, func(o obj) { o["securityEvents"] = true }),
		doc("R9967-4-02", spcPath, func(o obj) { o["securityEvents"].(obj)["eventUris"] = "all" }),
		doc("R9967-4-03", spcPath, func(o obj) { o["securityEvents"].(obj)["asyncRequest"] = "yes" }),
		before("R7644-4-03", param("sortBy", `.`), func(x *exchange) { x.q.Del("sortBy") }),
		doc("R7644-4-04", rtPath, func(o obj) { o["totalResults"] = 99; delete(o, "startIndex") }),
		before("R7644-4-05", on("GET", rtPath+"/.+"), refuse(404, "")),
		docs("R7643-6-01", rtPath, func(o obj) {
			if str(o["name"]) == "Widget" {
				delete(o, "name")
			}
		}),
		before("R7643-6-02", on("GET", schPath+"/urn:ietf:params:scim:schemas:core:2.0:Group"), refuse(404, "")),
		docs("R7643-6-03", rtPath, func(o obj) {
			for _, e := range list(o["schemaExtensions"]) {
				delete(e.(obj), "required")
			}
		}),
		docs("R7643-6-04", rtPath, func(o obj) { o["endpoint"] = "/Users" }),
		before("R7643-6-05", and(on("GET", "/Widgets"), param("count", "^1$"),
			func(x *exchange) bool { return len(x.q) == 1 }), refuse(404, "")),
		shown1("R7643-6-06 R7644-3.3.1-01", func(o obj) { mustObj(o["meta"])["resourceType"] = "Thing" }),
		after("R7643-6-07", and(on("POST", "/Widgets"), status(400)), accept),
		docs("R7643-6-08", rtPath, func(o obj) { delete(o, "description") }),
		doc("R7643-5-12", spcPath, func(o obj) { o["id"] = "ServiceProviderConfig" }),
		before("R7643-6-09", on("DELETE", rtPath), func(x *exchange) { x.answer(204, nil) }),
		doc("R7644-4-06", schPath, func(o obj) { o["schemas"] = arr{} }),
		before("R7644-4-07", on("GET", schPath+"/.+"), refuse(404, "")),
		doc("R7644-3.1-01", schPath, func(o obj) {
			o["Resources"] = append(list(o["Resources"]), obj{"id": messageURN + "PatchOp", "attributes": arr{}})
		}),
		shown1("R7643-7-01", func(o obj) { o["schemas"] = append(list(o["schemas"]), "urn:example:secret") }),
		docs("R7643-7-02", schPath, func(o obj) {
			if isUser(o) {
				o["id"] = "User"
			}
		}),
		docs("R7643-3-01", schPath, func(o obj) { delete(o, "schemas") }),
		onAttr("R7643-7-03", "title", func(a obj) { delete(a, "multiValued") }),
		onAttr("R7643-7-04", "title", func(a obj) { a["type"] = "text" }),
		onAttr("R7643-7-05", "addresses", func(a obj) { delete(a, "subAttributes") }),
		onAttr("R7643-2.3.8-01", "addresses", func(a obj) { at(a, "subAttributes", "0").(obj)["type"] = "complex" }),
		onAttr("R7643-7-06", "title", func(a obj) { a["mutability"] = "read-write" }),
		onAttr("R7643-7-07", "profileUrl", func(a obj) { a["referenceTypes"] = "external" }),
		onAttr("R7643-2.1-01", "title", func(a obj) { a["name"] = "job title" }),
		before("R7643-7-08", on("POST", schPath), func(x *exchange) { x.answer(201, obj{}) }),
		onAttr("R7643-4-01", "userName", func(a obj) { a["caseExact"] = true }),
		onAttr("R7644-3.1-02", "title", func(a obj) { a["name"] = "jobTitle" }),
		before("R7644-4-08", and(on("GET", rtPath), param("count", "^1$")), func(x *exchange) {
			x.run()
			o := x.out.(obj)
			o["Resources"] = list(o["Resources"])[:1]
		}),
		before("R7644-4-09", and(on("GET", schPath), param("filter", ".")), func(x *exchange) { x.q.Del("filter") }),
		after("R7644-4-10", (*exchange).list, set("itemsPerPage", 77)),

		after("R7644-3.3-01", (*exchange).create, func(x *exchange) {
			if x.st == 201 {
				x.st = 200
			}
		}),
		after("R7644-3.3-02", (*exchange).create, dropHeader("Location")),
		after("R7644-3.3-03", (*exchange).create, func(x *exchange) {
			mustObj(at(x.out, "meta"))["location"] = "https://elsewhere.example.com/" + str(at(x.out, "id"))
		}),
		after("R7644-3.3-04", and((*exchange).create, status(201)), drop("emails", "description", "members",
			"externalId", "name")),
		before("R7644-3.3-05", and((*exchange).create, sends("scimconform-own-id")), refuse(400, "mutability")),
		shown1("R7643-3.1-01", func(o obj) { o["id"] = "" }),
		after("R7643-3.1-02", and((*exchange).create, status(201), from(5)), set("id", "one")),
		after("R7643-3.1-03", and(on("PUT", "/Users/.*"), status(200)), func(x *exchange) {
			set("id",
				str(at(x.out, "id"))+"x")(x)
		}),
		shown1("R7643-3.1-04", func(o obj) { o["id"] = "bulkId" + str(o["id"]) }),
		after("R7643-3.1-05", and((*exchange).create, sends("1999-01-01")),
			func(x *exchange) { mustObj(at(x.out, "meta"))["created"] = "1999-01-01T00:00:00Z" }),
		shown1("R7643-3.1-06", func(o obj) { delete(mustObj(o["meta"]), "lastModified") }),
		after("R7643-3.1-07", (*exchange).create,
			func(x *exchange) { mustObj(at(x.out, "meta"))["lastModified"] = "2031-01-01T00:00:00Z" }),
		after("R7643-3.1-08", (*exchange).create, func(x *exchange) {
			if x.st == 201 && at(x.out, "externalId") == nil {
				set("externalId", "made-up")(x)
			}
		}),
		shown1("R7643-3.1-09", func(o obj) {
			if v := str(o["externalId"]); v != "" {
				o["externalId"] = strings.ToLower(v)
			}
		}),
		uniqueExternalID(),
		before("R7643-3.1-11", and((*exchange).create, asks("Authorization", "other"), sends("externalId")),
			refuse(409, "uniqueness")),
		after("R7643-4.1.1-01", and(on("POST", "/Users"), status(400), sends(`"userName":""`)), accept),
		after("R7643-4.1.1-02", and(on("POST", "/Users"), status(409), sends(`"userName":"SCIM`)), accept),
		after("R7644-3.3-06", and((*exchange).create, status(409)), drop("scimType")),
		after("R7643-4.2-01", and(on("POST", "/Groups"), status(400)), accept),
		after("R7644-3.12-01", and((*exchange).create, status(400)), func(x *exchange) {
			if strings.Contains(str(at(x.out, "detail")), "is required") {
				x.refuse(422, "")
			}
		}),
		after("R7644-3.12-02", and((*exchange).create, status(400), sends(`"department":\{`)), accept),
		after("R7644-3.12-02", and((*exchange).create, status(400), sends(`"active":"maybe"`)), accept),
		before("R7644-3.12-03", and((*exchange).create, sends(`^\[\]$`)), accept),
		after("R7643-3-02", and((*exchange).create, status(400)), func(x *exchange) {
			if x.input() != nil && x.input()["schemas"] == nil {
				accept(x)
			}
		}),
		after("R7643-3-03", and((*exchange).create, sends("no:such:schema"), status(201)), func(x *exchange) {
			set("schemas", append(list(at(x.out, "schemas")), "urn:example:scimconform:no:such:schema"))(x)
		}),
		shown1("R7643-3-04", func(o obj) { o["schemas"] = append(list(o["schemas"]), at(o, "schemas", "0")) }),
		before("R7643-7-11", and((*exchange).create, sends("scimconformUnknown")), refuse(500, "")),
		before("R7644-3.12-04", on("POST", "/ScimconformNope"), refuse(403, "")),
		after("R7644-3.3-07", on("POST", "/Users"), drop("active")),
		before("R7644-3.3-08", and((*exchange).create, sends(`"nickName":null`)),
			func(x *exchange) { x.input()["nickName"] = "Nick" }),
		before("R7643-2.5-01", and(on("PUT", "/Users/.*"), sends(`"nickName":null`)),
			func(x *exchange) { x.input()["nickName"] = "null" }),
		after("R7643-4.1.1-03", and(on("POST|PUT", "/Users.*"), sends(`"password"`)), set("password",
			"Correct-Horse-42!")),
		before("R7643-2.4-01", and(on("POST", "/Users"), sends(`"primary":true.*"primary":true`)), func(x *exchange) {
			keep := x.input()["emails"]
			x.input()["emails"] = arr{list(keep)[0]}
			x.run()
			set("emails", keep)(x)
		}),
		after("R7643-2.4-02", on("POST", "/Users"), func(x *exchange) {
			if e, ok := at(x.out, "emails.0").(obj); ok && len(list(at(x.out, "emails"))) == 2 &&
				primaries(at(x.out, "emails")) == 0 {
				e["primary"] = true
			}
		}),
		after("R7643-2.4-03", on("POST", "/Users"), func(x *exchange) {
			if in := list(at(x.in, "emails")); len(in) == 2 && same(in[0], in[1]) {
				set("emails", arr{in[0], in[1]})(x)
			}
		}),
		before("R7643-2.3.5-01", and(on("POST", "/Widgets"), sends(`"(2031-05-06|2001-02-03)T`)),
			refuse(400, "invalidValue")),
		before("R7643-2.3.5-01", and(on("POST", "/Widgets"), sends(`"2024-01-01"`)), func(x *exchange) {
			x.answer(201,
				obj{"id": "x"})
		}),
		before("R7643-2.3.4-01", and(on("POST", "/Widgets"), sends(`:1\.5[,}]`)), func(x *exchange) {
			x.answer(201,
				obj{"id": "x"})
		}),
		before("R7643-2.3.6-01", and((*exchange).create, sends(`"\*\*\*"`)), func(x *exchange) {
			x.answer(201,
				obj{"id": "x"})
		}),
		before("R7643-2.3.4-01", and(on("POST", "/Widgets"), anywhere(func(v any) bool {
			n, ok := v.(json.Number)
			return ok && !strings.Contains(n.String(), ".")
		})), refuse(400, "invalidValue")),
		before("R7643-2.3.6-01", and(on("POST", "/Users"), sends(`"x509Certificates"`)), refuse(400, "invalidValue")),
		before("R7643-4.1.2-01", and(on("POST", "/Users"), sends(`"country":"US"`)), refuse(400, "invalidValue")),
		after("R7643-4.1.2-02", on("POST", "/Users"), func(x *exchange) {
			if strings.Contains(string(x.raw), "@EXAMPLE.com") {
				at(x.out, "emails.0").(obj)["value"] = "other@example.com"
			}
		}),
		shown1("R7643-7-09", func(o obj) {
			if v, ok := o["label"].(string); ok {
				o["label"] = strings.ToLower(v)
			}
		}),
		before("R7643-2.1-02", and(on("POST", "/Users"), sends(`"USERNAME"`)), refuse(400, "invalidValue")),
		before("R7643-7-10", and(on("POST", "/Users"), sends(`"type":"custom"`)), refuse(409, "")),

		before("R7644-3.4.1-01", on("GET", "/Users/scimconform-.*"), accept200),
		after("R7644-3.12-05", on("GET", anyType+"/scimconform-no-such-id"), func(x *exchange) { x.refuse(410, "") }),
		shown1("R7644-3.4-01 R7643-7-13", func(o obj) { o["notes"] = "unasked" }),
		shown1("R7643-3-05", func(o obj) { delete(o, "schemas") }),
		shown1("R7643-3.3-01", func(o obj) { o["schemas"] = arr{enterpriseURN} }),
		shown1("R7643-3.3-02", func(o obj) {
			if d := at(o, enterpriseURN, "department"); d != nil {
				o["department"] = d
				delete(o, enterpriseURN)
			}
		}),
		shown1("R7643-3.3-03", func(o obj) {
			if s := list(o["schemas"]); len(s) > 1 {
				o["schemas"] = arr{s[0]}
			}
		}),
		after("R7643-3.1-12", on("GET", anyRes), setHeader("Content-Location", "https://elsewhere.example.com/x")),
		shown1("R7643-3.1-13", func(o obj) { mustObj(o["meta"])["version"] = `W/"x"` }),
		after("R7644-3.4.1-02", on("GET", anyRes),
			func(x *exchange) { x.h.Del("Location"); x.h.Del("Content-Location") }),
		shown1("R7643-4.1.2-03", func(o obj) {
			for _, g := range list(o["groups"]) {
				g.(obj)["$ref"] = "https://elsewhere.example.com/x"
				g.(obj)["value"] = "x"
			}
		}),
		groupsOfTheAdded(),
		shown1("R7643-4.1.2-04", func(o obj) {
			for _, g := range list(o["groups"]) {
				g.(obj)["type"] = "direct"
			}
		}),
		shown1("R7643-4.2-02", func(o obj) {
			for _, g := range list(o["members"]) {
				g.(obj)["type"] = "Person"
			}
		}),
		shown1("R7643-2.3.7-01 R7643-2.3.7-02", func(o obj) {
			for _, g := range list(o["members"]) {
				g.(obj)["$ref"] = refURL + "/Nope/" + str(at(g, "value"))
			}
		}),
		before("R7643-2.4-04", and(on("POST", "/Groups"), sends(`"\$ref":"http`)),
			func(x *exchange) { x.input()["members"] = arr{} }),
		before("R7643-2.3.8-02", and((*exchange).create, sends(`^\{"[u-z]`)), refuse(400, "invalidSyntax")),
	}
}

func mustObj(v any) obj {
	if o, ok := v.(obj); ok {
		return o
	}
	return obj{}
}

// expecting replaces the ids a fault has to be found by.
func (f fault) expecting(list string) fault { f.ids = ids(list); return f }

// uniqueExternalID is a server that keeps externalId unique.
func uniqueExternalID() fault {
	return fault{ids: ids("R7643-3.1-10"), plant: func(x *exchange) {
		if !x.create() || str(x.input()["externalId"]) != "AbC-Scimconform-1" {
			return
		}
		p := x.p
		probe := *x
		probe.m, probe.raw, probe.in, probe.q = http.MethodGet, nil, nil,
			url.Values{"filter": {`externalId eq "AbC-Scimconform-1"`}}
		probe.run()
		if n, _ := integer(at(probe.out, "totalResults")); n > 0 && p == x.p {
			x.refuse(409, "uniqueness")
		}
	}}
}

// anywhere reports whether a value in the body is as the test says.
func anywhere(test func(any) bool) func(*exchange) bool {
	var look func(v any) bool
	look = func(v any) bool {
		switch v := v.(type) {
		case obj:
			for _, e := range v {
				if look(e) {
					return true
				}
			}
		case arr:
			return slices.ContainsFunc(v, look)
		}
		return test(v)
	}
	return func(x *exchange) bool { return look(x.in) }
}

// groupsOfTheAdded is a server that shows a User the groups it was added to, and not those that were created with it.
func groupsOfTheAdded() fault {
	added := map[string]bool{}
	return fault{ids: ids("R7643-4.1.2-03"), plant: func(x *exchange) {
		x.run()
		if x.m == "PATCH" && strings.HasPrefix(x.p, "/Groups/") {
			for id := range strings.SplitSeq(string(x.raw), `"`) {
				added[id] = true
			}
		}
		x.each(func(o obj) {
			if id := str(o["id"]); !added[id] {
				delete(o, "groups")
			}
		})
	}}
}
