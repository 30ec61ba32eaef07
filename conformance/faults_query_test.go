package conformance

import (
	"fmt"

	"regexp"
	"slices"
	"strings"
)

const tagPattern = `scimconform-[a-z0-9]+-\d+-`

// queryFaults are about lists, filters, order and pages.
func queryFaults() []fault {
	users := on("GET", "/Users")
	seeds := param("filter", `^userName sw "`+tagPattern+`"$`)
	page := and(users, seeds)
	first := func(n int) func(*exchange) {
		return func(x *exchange) {
			l := list(at(x.out, "Resources"))
			set("Resources", l[:min(n, len(l))])(x)
			set("itemsPerPage", min(n, len(l)))(x)
		}
	}
	empty := func(x *exchange) { x.emptyList() }
	noParam := func(name string) func(*exchange) { return func(x *exchange) { x.q.Del(name) } }
	cursor := param("cursor", "")
	later := param("cursor", ".")
	search := on("POST", `(/Users|/Groups)?/\.search`)
	out := []fault{
		after("R7644-3.4.2-01", (*exchange).list, set("schemas", arr{})),
		after("R7644-3.4.2-02", and((*exchange).list, param("count", "^1$")), set("totalResults", 1)),
		after("R7644-3.4.2-03", (*exchange).list, drop("Resources")),
		after("R7644-3.4.2-04", and((*exchange).list, param("filter", ` eq "scimconform-[a-z0-9]+-\d+"$`)),
			func(x *exchange) {
				if n, _ := integer(at(x.out, "totalResults")); n == 0 {
					x.refuse(404, "")
				}
			}),
		after("R7644-3.4.2-05", and((*exchange).list, param("count", "^1$")), drop("startIndex", "itemsPerPage")),
		before("R7644-3.4.2-06", param("scimconform", "."), refuse(400, "invalidValue")),
		before("R7644-3.4.2-07", and(on("GET", anyRes), param("attributes", "^id$")), noParam("attributes")),
		before("R7644-3.4.2.1-01", and(on("POST", `/\.search`), sends("id eq")),
			func(x *exchange) { x.p = "/Users/.search" }),
		before("R7644-3.4.2.1-02", and(on("POST", `/\.search`), sends("userName pr")), refuse(400, "invalidFilter")),
		before("R7644-3.4.2.1-03", and(on("GET", anyType), func(x *exchange) bool { return len(x.q) == 0 }),
			refuse(400, "")),
		before("R7643-5-14", and(on("GET", anyType), param("count", "^101$")), func(x *exchange) {
			x.run()
			u := at(x.out, "Resources.0")
			l := arr{}
			for range 101 {
				l = append(l, u)
			}
			set("Resources", l)(x)
			set("itemsPerPage", 101)(x)
		}),
		after("R7644-3.4.2-08", and((*exchange).list, func(x *exchange) bool { return !x.q.Has("attributes") }),
			func(x *exchange) {
				x.each(func(o obj) { delete(o, "displayName"); delete(o, "name"); delete(o, "label") })
			}),
		before("R7644-3.4.2-09", param("filter", `^id eq "[^"]+" or id eq`), empty),

		// Filters outside of the table of cases.
		before("R7644-3.4.2.2-10", param("filter", `^userName eq scim`), noParam("filter")),
		before("R7644-3.10-01", param("filter", `manager.value eq`), refuse(400, "invalidFilter")),
		before("R7644-3.4.2.2-19", param("filter", `^id eq "[^"]+" and active eq`), empty),
		before("R7644-3.4.2.2-22", param("filter", `\+plus`), func(x *exchange) {
			x.q.Set("filter",
				strings.ReplaceAll(x.q.Get("filter"), "+", " "))
		}),
		before("R7644-7.8-01", param("filter", "e\u0301"), empty),
		before("R7644-3.4.2.2-23", param("filter", `and password sw`), func(x *exchange) { x.onlyUser() }),
		before("R7643-4.1.1-04", param("filter", `and password eq`), refuse(400, "invalidValue")),
		before("R7644-3.4.2.2-41", param("filter", ` gt 9$`), empty),
		before("R7644-3.4.2.2-42", param("filter", `meta.created le .*\+02:00`), empty),
		before("R7644-3.4.2.2-60", param("filter", `meta.created gt "`), empty),
		before("R7644-3.4.2.2-62", param("filter", `meta.location eq`), empty),
		before("R7644-3.4.2.2-64", param("filter", `^members\[`), refuse(400, "invalidFilter")),
		before("R7644-3.4.2.2-65", param("filter", `^groups.value`), empty),
		after("R7644-3.4.2.2-05", and(failing, param("filter", "regex")), drop("detail")),

		after("R7644-3.4.2.3-07", and(param("sortBy", "^emails.value$"), param("count", "^5$")), func(x *exchange) {
			slices.Reverse(list(at(x.out, "Resources")))
		}),
		before("R7643-2.1-03", and(search, sends(`"Attributes"`)), func(x *exchange) {
			x.input()["excludedAttributes"] = x.input()["Attributes"]
			delete(x.input(), "Attributes")
		}),
		before("R7644-3.9-04", param("attributes", "^name.givenName,"), func(x *exchange) {
			x.q.Set("attributes", "name.familyName")
		}),
		before("R7644-3.4.2.3-08", param("sortBy", "^name$"), refuse(500, "")),
		before("R7644-3.4.2.3-10", param("sortOrder", "^up$"), noParam("sortOrder")),
		before("R7644-3.4.2.3-11", and(param("sortBy", "."), param("startIndex", "^3$")), noParam("sortBy")),

		before("R7644-3.4.2.4-01", and(page, param("startIndex", "^0$")), refuse(400, "invalidValue")),
		before("R7644-3.4.2.4-02", and(page, param("count", "^2$")), noParam("count")),
		before("R7644-3.4.2.4-03", and(page, param("count", "^-1$")), refuse(400, "invalidValue")),
		before("R7644-3.4.2.4-04", and(page, param("count", "^0$")), noParam("count")),
		after("R7644-3.4.2.4-05", and(page, param("count", "^3$")), first(0)),
		after("R7644-3.4.2.4-06", and(page, func(x *exchange) bool { return len(x.q) == 1 }), first(0)),
		after("R7644-3.4.2.4-07", and(page, param("startIndex", "^2$")), set("startIndex", 1)),
		before("R7644-3.4.2.4-08", and(page, param("startIndex", "^5$")), refuse(404, "")),
		before("R7644-3.4.2.4-09", and(page, param("startIndex", "^3$"), param("count", "^1$")),
			func(x *exchange) { x.q.Set("startIndex", "2") }),
		after("R7644-3.4.2.4-10", (*exchange).list, func(x *exchange) {
			set("totalResults",
				text(at(x.out, "totalResults")))(x)
		}),
		before("R7644-3.4.2.4-11", and(page, param("count", "^abc$")), refuse(500, "")),

		before("R9865-2-01", func(x *exchange) bool { return strings.Contains(x.r.URL.RawQuery, "cursor&") },
			refuse(400, "invalidCursor")),
		after("R9865-2-02", and(page, cursor, func(x *exchange) bool { return at(x.out, "nextCursor") == nil }),
			set("nextCursor", "more")),
		after("R9865-2-03", and(page, param("cursor", "^$")), set("previousCursor", "before")),
		after("R9865-2-04", and(page, cursor), func(x *exchange) {
			if c := at(x.out, "previousCursor"); c != nil && at(x.out, "nextCursor") != nil {
				set("previousCursor", at(x.out, "nextCursor"))(x)
			}
		}),
		after("R9865-2-05", (*exchange).list, func(x *exchange) {
			if c := str(at(x.out, "nextCursor")); c != "" {
				set("nextCursor", c+"+/=")(x)
			}
		}),
		before("R9865-2-06", and(page, cursor, param("count", "^2$")), noParam("count")),
		after("R9865-2-07", and(page, cursor, param("count", "^1$")), set("totalResults", 1)),
		before("R9865-2-08", and(later, param("filter", `^userName eq`)), func(x *exchange) { x.q.Del("cursor") }),
		before("R9865-2-09", and(cursor, param("count", "^-1$")), noParam("count")),
		before("R9865-2-10", and(page, cursor, param("count", "^0$")), refuse(400, "invalidCount")),
		before("R9865-2-11", and(page, cursor, func(x *exchange) bool { return !x.q.Has("count") }),
			func(x *exchange) { x.q.Set("count", "1") }),
		before("R9865-2-12", and(page, later, param("count", "^1$")), func(x *exchange) {
			x.run()
			if at(x.out, "nextCursor") == nil {
				set("Resources", arr{})(x)
				set("itemsPerPage", 0)(x)
			}
		}),
		after("R9865-2-13", and(page, cursor), drop("itemsPerPage")),
		before("R9865-2.1-01", param("cursor", "^garbage$"), refuse(400, "invalidValue")),
		after("R9865-2.1-02", and(later, failing), func(x *exchange) {
			if str(at(x.out, "scimType")) == "expiredCursor" {
				x.refuse(410, "")
			}
		}),
		before("R9865-2.1-03", and(cursor, param("count", "^abc$")), refuse(400, "invalidValue")),
		before("R9865-2.1-04", and(search, sends("garbage")), refuse(400, "invalidValue")),
		before("R9865-2.2-01", and(cursor, param("sortBy", ".")), noParam("sortBy")),
		{ids: ids("R9865-2.3-01"), config: "cursorOnly", plant: func(x *exchange) {
			x.run()
			if x.list() && !x.q.Has("cursor") {
				drop("nextCursor")(x)
			}
		}},
		doc("R9865-2.4-01", spcPath, func(o obj) { o["pagination"].(obj)["defaultPaginationMethod"] = "cursor" }),
		doc("R9865-2.4-02", spcPath, func(o obj) { o["pagination"].(obj)["defaultPaginationMethod"] = "cursor" }),
		before("R9865-2.4-03", and(page, param("startIndex", "^1$"), param("count", "^1$")),
			func(x *exchange) { x.q.Del("startIndex"); x.q.Set("cursor", "") }),
		before("R9865-3-01", and(search, sends(`"cursor":""`)), refuse(400, "invalidCursor")),
		after("R9865-3-02", and(search, sends(`"cursor"`)), drop("nextCursor")),
		doc("R9865-4-02", spcPath, func(o obj) { o["pagination"].(obj)["index"] = "true" }),
		doc("R9865-4-03", spcPath, func(o obj) { o["pagination"].(obj)["maxPageSize"] = 0 }),
		after("R9865-4-04", and(cursor, param("count", "^101$")), func(x *exchange) {
			l := arr{}
			for range 101 {
				l = append(l, at(x.out, "Resources.0"))
			}
			set("Resources", l)(x)
			set("itemsPerPage", 101)(x)
		}),
		after("R9865-4-05", and(cursor, func(x *exchange) bool { return len(x.q) == 1 }),
			func(x *exchange) { first(3)(x); set("nextCursor", "abc")(x) }),
		before("R9865-4-06", later, refuse(400, "expiredCursor")),
		after("R9865-4-07", and(page, cursor), drop("nextCursor")),
		before("R9865-5.2-01", and(later, asks("Authorization", "other")),
			func(x *exchange) { x.r.Header.Set("Authorization", "Bearer "+"admin-token-0001") }),
		after("R9865-5.2-03", and(later, failing, asks("Authorization", "other")), func(x *exchange) {
			set("detail",
				"no cursor for "+x.q.Get("filter"))(x)
		}),
		after("R9865-5.2-06", and(later, failing, asks("Authorization", "other")), func(x *exchange) {
			if x.q.Get("cursor") != "garbage" {
				set("detail", "this cursor is another tenant's")(x)
			}
		}),
		before("R9865-5.2-04", and(later, asks("Authorization", "^$")),
			func(x *exchange) { x.r.Header.Set("Authorization", "Bearer "+"admin-token-0001") }),
		before("R9865-5.2-05", later, func(x *exchange) {
			x.run()
			if x.st == 400 && x.q.Get("cursor") != "garbage" {
				x.onlyUser()
			}
		}),
		before("R9865-5.3-01", and(cursor, asks("Authorization", "^$")), refuse(400, "tooMany")),
		manyCursors(),
	}
	out = append(out, filterCaseFaults()...)
	out = append(out, sortFaults()...)
	return out
}

// manyCursors is a server that runs out after 40 first pages in a row.
func manyCursors() fault {
	n := 0
	return fault{ids: ids("R9865-5.3-02"), plant: func(x *exchange) {
		if !x.q.Has("cursor") || x.q.Get("cursor") != "" {
			n = 0
		} else if n++; n > 40 {
			x.refuse(503, "")
		}
	}}
}

// filterCaseFaults answer one filter of each requirement otherwise: what finds
// something finds nothing, what finds nothing or is refused finds a user.
func filterCaseFaults() []fault {
	var out []fault
	for i, c := range filterCases() {
		pattern := regexp.QuoteMeta(c.filter)
		pattern = strings.NewReplacer("TAG", tagPattern, "ID-a", `[a-z0-9]+`, "CERT", `[A-Za-z0-9+/=]+`, "TREC",
			`[A-Za-z0-9+/=]+`).Replace(pattern)
		if !c.raw {
			pattern = narrow(tagPattern, pattern)
			pattern = strings.NewReplacer("and (", `and \(`).Replace(pattern)
			if strings.Contains(strings.ToLower(c.filter), " or ") {
				pattern = strings.TrimSuffix(pattern, ")") + `\)`
			}
		}
		pattern = "^" + pattern + "$"
		re := regexp.MustCompile(pattern)
		f := before(c.id, func(x *exchange) bool {
			return x.m == "GET" && x.q.Has("filter") &&
				re.MatchString(x.q.Get("filter"))
		}, func(x *exchange) {
			x.run()
			if len(resources(x.out)) > 0 {
				x.emptyList()
				return
			}
			x.onlyUser()
		})
		f.name = fmt.Sprintf("filter-case-%d %s", i, c.filter)
		out = append(out, f)
	}
	return out
}

// sortFaults turn the order round.
func sortFaults() []fault {
	var out []fault
	for _, c := range sortChecks() {
		parts := strings.SplitN(c.name, "-", 2)
		if len(parts[0]) != 2 || len(c.ids) != 1 {
			continue
		}
		desc, by := strings.HasSuffix(c.name, "-descending"), parts[1]
		asc := strings.HasSuffix(c.name, "-ascending")
		out = append(out, fault{name: "sort " + c.name, ids: c.ids, plant: func(x *exchange) {
			x.run()
			given := strings.ReplaceAll(x.q.Get("sortBy"), ":", "-")
			order := x.q.Get("sortOrder")
			if x.list() && given != "" && strings.HasPrefix(by, given) && (order == "descending") == desc &&
				(order == "ascending") == asc {
				l := slices.Clone(list(at(x.out, "Resources")))
				slices.Reverse(l)
				set("Resources", l)(x)
			}
		}})
	}
	return out
}
