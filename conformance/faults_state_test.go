package conformance

import (
	"net/url"
	"strings"
)

// stateFaults are mistakes that show when two representations of one state of
// a resource are compared, when what a write left in place is, or that are
// crashes.
func stateFaults() []fault {
	users := `/Users`
	user := `/Users/[^./]+`
	items := func(change func(o obj)) func(*exchange) {
		return func(x *exchange) {
			for _, o := range resources(x.out) {
				change(o)
			}
		}
	}
	lists := and(on("GET", users), status(200))
	loses := func(name string) func(*exchange) {
		lost := map[string]bool{}
		return func(x *exchange) {
			id := strings.TrimPrefix(x.p, "/Users/")
			if x.m == "PATCH" && x.st < 300 && id != x.p {
				lost[id] = true
			}
			x.each(func(o obj) {
				if lost[str(o["id"])] {
					delete(o, name)
				}
			})
		}
	}
	any := func(*exchange) bool { return true }
	late := func() fault {
		asked := map[string]int{}
		return after("R7644-3.4.2-10", and(on("GET", users), param("filter", "userName eq")), func(x *exchange) {
			f := x.q.Get("filter")
			if asked[f]++; asked[f] < 4 && at(x.out, "totalResults") != nil {
				x.emptyList()
			}
		})
	}
	during := func(checks string, f fault) fault { f.during = checks; return f }
	return []fault{
		before("R7644-4-12", and(on("GET", spcPath), param("count", ".")), func(x *exchange) { x.emptyList() }),
		before("R7643-3.1-17", on("", `/Users/ID.*`), func(x *exchange) { x.p = "/Users/" + strings.ToLower(x.p[7:]) }),
		before("R7643-3.1-17", param("filter", `^id eq "ID`),
			func(x *exchange) { x.q = url.Values{"filter": {strings.ToLower(x.q.Get("filter"))}} }),
		before("R7644-3.3-09", (*exchange).create, refuse(400, "invalidValue")),
		late(),
		during("patch", after("R7644-3.5.2-26", any, loses("externalId"))),
		during("patch retrieve", after("R7644-3.5.2-26", any, loses(enterpriseURN))),
		during("bulk", after("R7644-3.7-18", on("POST", "/Bulk"), func(x *exchange) {
			for _, o := range list(at(x.out, "Operations")) {
				if loc := str(at(o, "location")); strings.Contains(loc, "/Users/") && str(at(o, "status")) == "201" {
					o.(obj)["response"] = obj{"schemas": arr{userURN}, "id": lastSegment(loc), "userName": "only"}
				}
			}
		})),
		during("search retrieve", after("R7644-3.4.3-08", and(on("POST", users+"/.search"), status(200)),
			items(func(o obj) { delete(o, "externalId") }))),
		after("R7644-3.4.2-08", lists, items(func(o obj) { delete(o, "groups") })),
		after("R7644-3.4.2-08", lists, items(func(o obj) { delete(o, enterpriseURN) })),
		after("R7644-3.4.2-08", lists, items(func(o obj) { delete(o, "externalId") })),
		after("R7644-3.4.2-08", lists, items(func(o obj) {
			if m, ok := o["meta"].(obj); ok {
				m["location"] = "Users/" + str(o["id"])
			}
		})),
		after("R7644-3.1-03", and(on("PATCH", user), status(200)), func(x *exchange) {
			if o, ok := x.out.(obj); ok && o["externalId"] != nil {
				o["externalId"] = "echoed"
			}
		}),
		during("put", before("R7644-3.12-26", and(on("PUT", user), sends(`"emails":\[\]`)), cut)),
		during("filter", before("R7644-3.12-26", and(on("GET", users), param("filter", "x509Certificates")), cut)),
		during("bulk put", before("R7644-3.12-26", and(on("POST", "/Groups"), sends("bulkId|members")), cut)),
		during("patch", before("R7644-3.12-21", and(on("PATCH", user), sends(`"path":"name"`)), refuse(500, ""))),
		during("create", after("R7644-3.12-27", and((*exchange).create, status(400)), refuse(400, "tooMany"))),
		after("R7644-3.14-06", and(on("PATCH", user), status(412)),
			func(x *exchange) { x.r.Header.Del("If-Match"); x.run() }),
		after("R7644-3.14-06", and(on("DELETE", user), status(412)), func(x *exchange) { x.answer(204, nil) }),
		before("R7644-3.4.2.2-33", param("filter", ` sw "ph"`), func(x *exchange) {
			x.q.Set("filter",
				strings.Replace(x.q.Get("filter"), ` sw "ph"`, ` co "ph"`, 1))
		}),
		before("R7644-3.4.2.2-33", param("filter", ` ew "et"`), func(x *exchange) {
			x.q.Set("filter",
				strings.Replace(x.q.Get("filter"), ` ew "et"`, ` co "et"`, 1))
		}),
	}
}
