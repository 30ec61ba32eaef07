package conformance

import (
	"strings"
)

// eventFaults are about asynchronous requests and the event stream.
func eventFaults() []fault {
	accepted := status(202)
	payload := func(c obj, name string) obj { return mustObj(at(c, "events", eventURN+name)) }
	events := func(c obj) obj { return mustObj(c["events"]) }
	async := asks("Prefer", "respond-async")
	n := 0
	bulkTxn := func(change func(txn string) string) func(obj) {
		return func(c obj) {
			if t := str(c["txn"]); strings.Contains(t, ":") && payload(c, "misc:asyncresp")["method"] != nil {
				c["txn"] = change(t)
			}
		}
	}
	renamed := func(from, to string) func(obj) {
		return func(c obj) {
			if v, ok := events(c)[eventURN+from]; ok {
				delete(events(c), eventURN+from)
				events(c)[eventURN+to] = v
			}
		}
	}
	each := func(prefix string, change func(p obj)) func(obj) {
		return func(c obj) {
			for k, v := range events(c) {
				if strings.HasPrefix(k, eventURN+prefix) {
					change(mustObj(v))
				}
			}
		}
	}
	return []fault{
		before("R9967-2.5.1.1-01", and(async, on("DELETE", "/Users/.*")), refuse(400, "")),
		after("R9967-2.5.1.1-02", accepted, func(x *exchange) { x.out = obj{"accepted": true} }),
		before("R9967-2.5.1.1-03", asks("Prefer", "wait=10"), func(x *exchange) {
			x.r.Header.Set("Prefer",
				"respond-async")
		}),
		after("R9967-2.5.1.1-04", accepted, dropHeader("Location")),
		after("R9967-2.5.1.1-05", accepted, dropHeader("Preference-Applied")),
		before("R9967-2.5.1.1-06", and(async, asks("Accept", "text/html")), refuse(406, "")),
		claims("R9967-2.5.1.1-07", func(c obj) {
			if payload(c, "misc:asyncresp")["method"] != nil {
				c["txn"] = "other"
			}
		}),
		after("R9967-3-01", accepted, dropHeader("Set-Txn")),
		after("R9967-3-02", accepted, setHeader("Set-Txn", "same")),
		{ids: ids("R9967-4-04"), config: "minimal", plant: after("", func(x *exchange) bool {
			return async(x) &&
				x.create()
		}, func(x *exchange) { x.answer(202, obj{}) }).plant},
		before("R9967-4-05", async, func(x *exchange) { x.r.Header.Del("Prefer") }),
		claims("R9967-2.5.1.3-01", func(c obj) { delete(payload(c, "misc:asyncresp"), "method") }),
		claims("R9967-2.5.1.3-02", func(c obj) { delete(payload(c, "misc:asyncresp"), "response") }),
		claims("R9967-2.5.1.3-03", func(c obj) {
			if p := payload(c, "misc:asyncresp"); p["response"] != nil {
				p["status"] = "409"
			}
		}),
		before("R9967-5-01", on("GET", `/\.completions/.*`), func(x *exchange) {
			x.r.Header.Set("Authorization",
				"Bearer admin-token-0001")
		}),
		after("R9967-2.5.1.2-01", and(on("GET", `/\.completions/.*`), func(x *exchange) bool {
			return at(x.out,
				"sets") != nil
		}), func(x *exchange) {
			for k := range mustObj(at(x.out, "sets")) {
				delete(mustObj(at(x.out, "sets")), k)
				break
			}
		}),
		claims("R9967-2.5.1.2-02", bulkTxn(func(t string) string { return strings.Replace(t, ":", "-", 1) })),
		claims("R9967-2.5.1.2-03", func(c obj) {
			if id := str(payload(c, "misc:asyncresp")["bulkId"]); id != "" {
				c["txn"] = strings.SplitN(str(c["txn"]), ":", 2)[0] + ":" + id
			}
		}),
		claims("R9967-2.5.1.2-04", bulkTxn(func(t string) string {
			n++
			return strings.SplitN(t, ":", 2)[0] + ":" + itoa((n-1)%3)
		})),
		claims("R9967-2-01", func(c obj) { c["events"] = arr{} }),
		claims("R9967-2.1-01", func(c obj) {
			for _, v := range events(c) {
				mustObj(v)["sub_id"] = c["sub_id"]
			}
		}),
		claims("R9967-2.1-02", func(c obj) { c["sub"] = at(c, "sub_id", "uri") }),
		claims("R9967-2.1-03", func(c obj) { mustObj(c["sub_id"])["format"] = "opaque" }),
		claims("R9967-2.1-04", func(c obj) {
			mustObj(c["sub_id"])["uri"] = "https://example.com" +
				str(at(c, "sub_id", "uri"))
		}),
		claims("R9967-2.1-01 R9967-2.1-04", func(c obj) {
			if payload(c, "misc:asyncresp")["method"] != nil {
				delete(c, "sub_id")
			}
		}),
		claims("R9967-2.1-04", func(c obj) {
			if p := payload(c, "misc:asyncresp"); p["method"] == "POST" {
				mustObj(c["sub_id"])["uri"] = "/Users"
			}
		}),
		claims("R9967-2.5.1.3-01", func(c obj) {
			if p := payload(c, "misc:asyncresp"); p["method"] == "PATCH" {
				p["version"] = "7"
			}
		}),
		claims("R9967-2.1-05", func(c obj) { mustObj(c["sub_id"])["externalId"] = "other" }),
		claims("R9967-2.1-06", func(c obj) {
			if _, ok := events(c)[eventURN+"prov:create:full"]; ok {
				events(c)[eventURN+"prov:put:full"] = obj{"data": obj{"id": "another"}}
			}
		}),
		claims("R9967-2.2-01", func(c obj) { delete(c, "txn") }),
		claims("R9967-2.2-02", func(c obj) { c["jti"] = "one" }),
		claims("R9967-2.2-03", each("prov:put:notice", func(p obj) { p["attributes"] = arr{"/displayName"} })),
		claims("R9967-2.2-04", each("prov:", func(p obj) {
			if p["version"] != nil {
				p["version"] = "7"
			}
		})),
		claims("R9967-2.3.1-01", each("feed:add", func(p obj) { p["data"] = obj{} })),
		claims("R9967-2.3.2-01", each("feed:remove", func(p obj) { p["data"] = obj{} })),
		claims("R9967-2.4-01", renamed("prov:create:full", "prov:create:notice")),
		claims("R9967-2.4-02", each("prov:create:full", func(p obj) { p["attributes"] = arr{"userName"} })),
		claims("R9967-2.4-03", each("prov:create:full", func(p obj) { mustObj(p["data"])["password"] = eventSecret })),
		claims("R9967-2.4.1-01", each("prov:create:full", func(p obj) { delete(mustObj(p["data"]), "id") })),
		claims("R9967-2.4.2-01", each("prov:patch:full", func(p obj) { delete(p, "data") })),
		claims("R9967-2.4.3-01", each("prov:put:full", func(p obj) { delete(p, "data") })),
		claims("R9967-2.4.4-01", each("prov:delete", func(p obj) { p["id"] = "x" })),
		claims("R9967-2.4.4-02", func(c obj) {
			if _, ok := events(c)[eventURN+"prov:delete"]; ok {
				events(c)[eventURN+"feed:remove"] = obj{}
			}
		}),
		claims("R9967-2.4.5-01", renamed("prov:activate", "feed:add")),
		claims("R9967-2.4.6-01", renamed("prov:deactivate", "feed:remove")),
		doc("R9967-4-06", spcPath, func(o obj) {
			mustObj(o["securityEvents"])["eventUris"] = arr{eventURN +
				"prov:delete"}
		}),
		claims("R9967-7.4-01", func(c obj) {
			if _, ok := events(c)[eventURN+"prov:create:full"]; ok {
				events(c)[eventURN+"prov:made"] = obj{}
			}
		}),
		before("R9967-5-03", and(on("POST", `/\.poll`), asks("Authorization", "^$|other")),
			func(x *exchange) { x.r.Header.Set("Authorization", "Bearer admin-token-0001") }),
		claims("R9967-5-04", func(c obj) { c["~alg"] = "none" }),
	}
}
