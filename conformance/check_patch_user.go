package conformance

import (
	"slices"
	"strings"
)

// A patchCase is a User, operations on it and what is to be true then. "@" in
// an e-mail's value stands for a unique address.
type patchCase struct {
	id, name, needs string
	start           obj
	ops             arr
	want            string // of the answer; "" for success
	then            func(o obj) bool
	say             string // what then expects
}

func values(v any) []string {
	var out []string
	for _, e := range list(v) {
		out = append(out, str(at(e, "value")))
	}
	return sortedStrings(out)
}

// equals expects an attribute to have a value.
func equals(path string, want any) func(obj) bool {
	return func(o obj) bool {
		got := at(o, path)
		return same(got, want) || want == nil && unassigned(got)
	}
}

func hasValues(path string, want ...string) func(obj) bool {
	return func(o obj) bool { return slices.Equal(values(o[path]), sortedStrings(want)) }
}

func both(all ...func(obj) bool) func(obj) bool {
	return func(o obj) bool {
		return !slices.ContainsFunc(all, func(f func(obj) bool) bool { return !f(o) })
	}
}

func patchUserCases() []patchCase {
	mail := func(v, kind string) obj { return obj{"value": v + "@example.com", "type": kind} }
	work, home, more := mail("w", "work"), mail("h", "home"), mail("m", "other")
	two := obj{"emails": arr{work, home}}
	name := obj{"name": obj{"givenName": "Ada", "familyName": "Lovelace", "middleName": "King"}}
	title := obj{"title": "Old"}
	dept := enterpriseURN + ":department"
	ext := obj{enterpriseURN: obj{"department": "D"}, "schemas": arr{userURN, enterpriseURN}}
	extIs := func(want string) func(obj) bool {
		return func(o obj) bool {
			return str(at(o, enterpriseURN, "department")) == want && hasString(o["schemas"], enterpriseURN)
		}
	}
	const a, rm, re = "R7644-3.5.2.1-", "R7644-3.5.2.2-", "R7644-3.5.2.3-"
	const any400 = "400/invalidValue,invalidSyntax"
	return []patchCase{
		{a + "02", "add-no-path", "nickName emails.type", two,
			arr{op("add", nil, obj{"nickName": "B", "emails": arr{more}})}, "", both(equals("nickName", "B"),
				hasValues("emails", "w@example.com", "h@example.com", "m@example.com")),
			"nickName B and three e-mails"},
		{a + "04", "add-absent", "title", obj{}, arr{op("add", "title", "New")}, "", equals("title", "New"),
			"title New"},
		{a + "05", "add-present", "title", title, arr{op("add", "title", "New")}, "", equals("title", "New"),
			"title New"},
		{a + "06", "add-array", "emails.type", two, arr{op("add", "emails", arr{more})}, "", hasValues("emails",
			"w@example.com", "h@example.com", "m@example.com"), "three e-mails"},
		{a + "06", "add-object", "emails.type", two, arr{op("add", "emails", more)}, "", hasValues("emails",
			"w@example.com", "h@example.com", "m@example.com"), "three e-mails"},
		{a + "08", "add-again", "emails.display", obj{"emails": arr{with(work, "display", "W")}},
			arr{op("add", "emails", arr{with(work, "display", "W")})}, "", hasValues("emails", "w@example.com"),
			"the one e-mail"},
		{a + "07", "add-complex", "name.middleName", name, arr{op("add", "name", obj{"middleName": "J"})}, "",
			both(equals("name.middleName", "J"), equals("name.familyName", "Lovelace")),
			"middleName J and the old familyName"},
		{a + "07", "add-complex-string", "name", name, arr{op("add", "name", "x")}, any400, equals("name.familyName",
			"Lovelace"), "no change"},
		{a + "10", "add-sub", "name.givenName", name, arr{op("add", "name.givenName", "Bea")}, "",
			both(equals("name.givenName", "Bea"), equals("name.familyName", "Lovelace")), "givenName Bea"},
		{a + "11", "add-filter", "emails.display", two, arr{op("add", `emails[type eq "work"].display`, "W")}, "",
			func(o obj) bool {
				return str(element(o["emails"], "type", "work")["display"]) == "W" && element(o["emails"], "type",
					"home")["display"] == nil
			}, "display of the work e-mail only"},
		{a + "11", "add-filter-object", "emails.display", two, arr{op("add", `emails[type eq "work"]`,
			obj{"display": "W"})}, "", func(o obj) bool {
			e := element(o["emails"], "type", "work")
			return str(e["display"]) == "W" && str(e["value"]) == "w@example.com"
		}, "display merged into the work e-mail"},
		{a + "13", "add-extension", dept, obj{}, arr{op("add", dept, "D")}, "", extIs("D"),
			"department D and the URN in schemas"},
		{a + "14", "add-container", dept, obj{}, arr{op("add", nil, obj{enterpriseURN: obj{"department": "D"}})}, "",
			extIs("D"), "department D"},
		{a + "14", "add-urn-key", dept, obj{}, arr{op("add", nil, obj{dept: "D"})}, "", extIs("D"), "department D"},
		{rm + "02", "remove", "title", title, arr{op("remove", "title")}, "", equals("title", nil), "no title"},
		{rm + "03", "remove-all", "emails.type", two, arr{op("remove", "emails")}, "", equals("emails", nil),
			"no e-mails"},
		{rm + "04", "remove-filter", "emails.type", two,
			arr{op("remove", `emails[type eq "work" and value ew "example.com"]`)}, "", hasValues("emails",
				"h@example.com"), "the home e-mail only"},
		{rm + "05", "remove-last", "emails.type", obj{"emails": arr{work}},
			arr{op("remove", `emails[type eq "work"]`)}, "", equals("emails", nil), "no e-mails"},
		{rm + "06", "remove-filter-sub", "emails.display", obj{"emails": arr{with(work, "display", "W"),
			with(home, "display", "H")}}, arr{op("remove", `emails[type eq "work"].display`)}, "", func(o obj) bool {
			return element(o["emails"], "type", "work")["display"] == nil && str(element(o["emails"], "type",
				"home")["display"]) == "H" && len(list(o["emails"])) == 2
		}, "no display on the work e-mail"},
		{rm + "07", "remove-sub", "name.middleName", name, arr{op("remove", "name.middleName")}, "",
			both(equals("name.middleName", nil), equals("name.familyName", "Lovelace")), "no middleName"},
		{rm + "08", "remove-required", "", obj{}, arr{op("remove", "userName")}, "400/mutability!",
			func(o obj) bool { return o["userName"] != nil }, "userName still there"},
		{rm + "08", "remove-id", "", obj{}, arr{op("remove", "id")}, "400/mutability!",
			func(o obj) bool { return o["id"] != nil }, "id still there"},
		{rm + "10", "remove-unassigned", "title", obj{}, arr{op("remove", "title")}, "2xx 400/noTarget",
			equals("title", nil), "no title"},
		{re + "01", "replace-no-path", "active title", title, arr{op("replace", nil, obj{"active": false})}, "",
			both(equals("active", false), equals("title", "Old"), func(o obj) bool { return o["userName"] != nil }),
			"active false and the rest untouched"},
		{re + "02", "replace", "title", title, arr{op("replace", "title", "New")}, "", equals("title", "New"),
			"title New"},
		{re + "03", "replace-list", "emails.type", two, arr{op("replace", "emails", arr{more})}, "",
			hasValues("emails", "m@example.com"), "one e-mail"},
		{re + "04", "replace-absent", "nickName", obj{}, arr{op("replace", "nickName", "B")}, "", equals("nickName",
			"B"), "nickName B"},
		{re + "05", "replace-complex", "name.givenName", name, arr{op("replace", "name", obj{"givenName": "X"})}, "",
			both(equals("name.givenName", "X"), equals("name.familyName", "Lovelace")),
			"givenName X and the old familyName"},
		{re + "06", "replace-filter", "addresses.type addresses.locality",
			obj{"addresses": arr{obj{"type": "work", "locality": "Old"}, obj{"type": "home", "locality": "Home"}}},
			arr{op("replace", `addresses[type eq "work"]`, obj{"type": "work", "locality": "New"})}, "",
			func(o obj) bool {
				return str(element(o["addresses"], "type", "work")["locality"]) == "New" &&
					str(element(o["addresses"], "type", "home")["locality"]) == "Home"
			}, "the work address replaced, the other kept"},
		{re + "07", "replace-filter-sub", "addresses.type addresses.locality",
			obj{"addresses": arr{obj{"type": "work", "locality": "A"}, obj{"type": "work", "locality": "B"},
				obj{"type": "home", "locality": "H"}}},
			arr{op("replace", `addresses[type eq "work"].region`, "R")}, "", func(o obj) bool {
				n := 0
				for _, e := range list(o["addresses"]) {
					if str(at(e, "region")) == "R" && str(at(e, "type")) == "work" {
						n++
					}
				}
				return n == 2 && len(list(o["addresses"])) == 3
			}, "the region of both work addresses"},
		{re + "08", "replace-no-match", "emails.type", two, arr{op("replace", `emails[type eq "fax"].value`,
			"x@example.com")}, "400/noTarget!", hasValues("emails", "w@example.com", "h@example.com"), "no change"},
		{"R7643-2.5-02", "replace-null", "title", title, arr{op("replace", "title", nil)}, "", equals("title", nil),
			"no title"},
		{"R7643-2.5-02", "replace-empty", "emails.type", two, arr{op("replace", "emails", arr{})}, "", equals("emails",
			nil), "no e-mails"},
		{re + "10", "replace-list-no-path", "emails.type", two, arr{op("replace", nil, obj{"emails": arr{more}})}, "",
			hasValues("emails", "m@example.com"), "one e-mail"},
		{re + "07", "value-keeps-primary", "emails.type", obj{"emails": arr{with(work, "primary", true), home}},
			arr{op("replace", `emails[type eq "home"].value`, "x@example.com")}, "",
			both(onePrimary("work"), hasValues("emails", "w@example.com", "x@example.com")),
			"the value of home, work as the primary"},
		{re + "08", "replace-no-match-whole", "emails.type", two, arr{op("replace", `emails[type eq "other"]`,
			obj{"value": "x@example.com"})}, "400/noTarget!",
			hasValues("emails", "w@example.com", "h@example.com"), "no change"},
		{a + "06", "add-keeps-primary", "emails.primary", obj{"emails": arr{with(work, "primary", true)}},
			arr{op("add", "emails", arr{home})}, "",
			both(onePrimary("work"), hasValues("emails", "w@example.com", "h@example.com")),
			"both addresses, work as the only primary"},
		{"R7643-2.5-02", "replace-sub-null", "name.middleName", name, arr{op("replace", "name.middleName", nil)}, "",
			both(equals("name.middleName", nil), equals("name.familyName", "Lovelace")), "no middleName"},
		{"R7643-2.5-02", "replace-part-null", "name.middleName", name,
			arr{op("replace", "name", obj{"middleName": nil, "givenName": "X"})}, "",
			both(equals("name.middleName", nil), equals("name.givenName", "X")), "no middleName, and givenName X"},
		{"R7644-3.12-12", "type-extension", dept, obj{},
			arr{op("replace", nil, obj{enterpriseURN: obj{"department": obj{"a": 1}}})}, any400, nil, ""},
		{"R7644-3.12-12", "type-active", "active", obj{}, arr{op("replace", "active", "maybe")}, any400, nil, ""},
		{"R7644-3.12-12", "type-emails", "emails", obj{}, arr{op("replace", "emails", "x")}, any400, nil, ""},
		{"R7644-3.12-12", "type-element", "emails.type", two, arr{op("replace", `emails[type eq "work"]`, 5)}, any400,
			hasValues("emails", "w@example.com", "h@example.com"), "no change"},
		{"R7644-3.12-12", "type-sub", "name.givenName", name, arr{op("replace", "name.givenName", obj{"a": 1})},
			any400, equals("name.givenName", "Ada"), "no change"},
		{"R7644-3.5.2-24", "result-empty", "", obj{}, arr{op("replace", "userName", "")},
			"400/invalidValue,mutability 409", func(o obj) bool { return str(o["userName"]) != "" },
			"the old userName"},
		{"R7644-3.5.2-24", "result-null", "", obj{}, arr{op("replace", "userName", nil)},
			"400/invalidValue,mutability 409", func(o obj) bool { return str(o["userName"]) != "" },
			"the old userName"},
		{"R7644-3.5.2-25", "schemas", dept, obj{}, arr{op("add", "schemas", arr{enterpriseURN}), op("add", dept, "D")},
			"", extIs("D"), "department D"},
		{"R7644-3.5.2-23", "primary-add", "emails.primary", obj{"emails": arr{with(work, "primary", true)}},
			arr{op("add", "emails", arr{with(home, "primary", true)})}, "", onePrimary("home"),
			"home as the only primary"},
		{"R7644-3.5.2-23", "primary-filter", "emails.primary", obj{"emails": arr{with(work, "primary", true), home}},
			arr{op("replace", `emails[type eq "home"].primary`, true)}, "", onePrimary("home"),
			"home as the only primary"},
		{"R7644-3.5.2-23", "primary-first", "emails.primary", obj{"emails": arr{home, with(work, "primary", true)}},
			arr{op("replace", `emails[type eq "home"].primary`, true)}, "", onePrimary("home"),
			"home as the only primary"},
		{"R7644-3.5.2-23", "primary-element", "emails.primary", obj{"emails": arr{with(work, "primary", true), home}},
			arr{op("replace", `emails[type eq "home"]`, with(home, "primary", true))}, "", onePrimary("home"),
			"home as the only primary"},
		{"R7644-3.5.2-23", "primary-no-path", "emails.primary", obj{"emails": arr{with(work, "primary", true)}},
			arr{op("add", nil, obj{"emails": arr{with(home, "primary", true)}})}, "", onePrimary("home"),
			"home as the only primary"},
		{"R7643-4.3-03", "manager-name", enterpriseURN + ":manager.displayName", ext,
			arr{op("replace", enterpriseURN+":manager.displayName", "x")}, "400/mutability,noTarget", nil, ""},
	}
}

func onePrimary(kind string) func(obj) bool {
	return func(o obj) bool {
		return primaries(o["emails"]) == 1 && isTrue(element(o["emails"], "type", kind)["primary"])
	}
}

// patchUserChecks makes a check of each case.
func patchUserChecks() []check {
	var out []check
	for _, c := range patchUserCases() {
		needs := "patch User"
		for path := range strings.FieldsSeq(c.needs) {
			needs += " User." + path
		}
		out = append(out, check{name: c.name, needs: needs, ids: []string{c.id}, run: c.run})
	}
	return out
}

func (c patchCase) run(p *probe) {
	var pairs []any
	for k, v := range c.start {
		pairs = append(pairs, k, v)
	}
	u := p.user(pairs...)
	r := p.patch(u, c.ops...)
	o := p.read(u)
	switch {
	case c.want == "" && !r.ok():
		p.expect(c.id, false, r, "%s is answered %d: %s", text(c.ops), r.status, detail(r))
	case c.want == "", strings.HasPrefix(c.want, "2xx") && r.ok():
		p.expect(c.id, c.then(o), r, "after %s expected %s", text(c.ops), c.say)
	default:
		if p.refused(c.id, r, strings.TrimPrefix(c.want, "2xx "), text(c.ops)) && c.then != nil {
			p.expect(c.id, c.then(o), r, "after the refused %s expected %s", text(c.ops), c.say)
		}
	}
}
