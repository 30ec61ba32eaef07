package conformance

import (
	"slices"
	"strings"
)

func sortChecks() []check {
	type c struct{ id, by, order, needs, want string }
	cases := []c{
		{"01", "userName", "ascending", "", "abcd"},
		{"02", "userName", "", "", "abcd"},
		{"03", "userName", "descending", "", "dcba"},
		{"04", "userName", "ascending", "", "abcd"}, {"04", "title", "ascending", "title", "abdc"},
		{"04", "externalId", "ascending", "", "cadb|cdba|cdab"},
		{"05", "meta.created", "ascending", "", "abcd"}, {"05", "meta.created", "descending", "", "dcba"},
		{"06", "title", "ascending", "title", "abdc"}, {"06", "title", "descending", "title", "cdba"},
		{"07", "emails.value", "ascending", "emails.value", "bcda"},
		{"08", "name.givenName", "ascending", "name.givenName", "abcd"}, {"08", "name.familyName", "descending",
			"name.familyName", "abdc|adbc"},
		{"09", "urn:ietf:params:scim:schemas:core:2.0:User:USERNAME", "descending", "", "dcba"}, {"09", "USERNAME",
			"descending", "", "dcba"},
	}
	out := []check{
		{name: "primary", needs: "sort filter User.emails.value User.emails.primary", ids: ids("R7644-3.4.2.3-07"),
			run: checkSortByPrimary},
		{name: "complex", needs: "sort filter User.name", ids: ids("R7644-3.4.2.3-08"), run: func(p *probe) {
			sd := p.seeded()
			for _, by := range []string{"name", "scimconformNope", enterpriseURN, "active"} {
				r := p.get(p.s.typ("User").endpoint, "sortBy", by, "filter", `userName sw "`+sd.tag+`"`, "count", "4")
				p.refused("R7644-3.4.2.3-08", r, "400/invalidValue,invalidPath 200", "sortBy="+by)
			}
		}},
		{name: "order", needs: "sort User", ids: ids("R7644-3.4.2.3-10"), run: func(p *probe) {
			r := p.get(p.s.typ("User").endpoint, "sortBy", "userName", "sortOrder", "up", "count", "1")
			p.refused("R7644-3.4.2.3-10", r, "400/invalidValue", "sortOrder=up")
		}},
		{name: "pages", needs: "sort filter index User", ids: ids("R7644-3.4.2.3-11"), run: func(p *probe) {
			sd := p.seeded()
			var got []string
			for _, start := range []string{"1", "3"} {
				r := p.get(p.s.typ("User").endpoint, "filter", `userName sw "`+sd.tag+`"`, "sortBy", "userName",
					"sortOrder", "descending", "count", "2", "startIndex", start)
				for _, o := range resources(r.json) {
					got = append(got, sd.name[str(o["id"])])
				}
			}
			p.expect("R7644-3.4.2.3-11", strings.Join(got, "") == "dcba", nil,
				"pages of two, sorted descending by userName, give %q, expected \"dcba\"", strings.Join(got, ""))
		}},
	}
	for _, k := range cases {
		id := "R7644-3.4.2.3-" + k.id
		name := strings.Trim(k.id+"-"+strings.ReplaceAll(k.by, ":", "-")+"-"+k.order, "-")
		out = append(out, check{name: name, needs: "sort filter User", ids: []string{id}, run: func(p *probe) {
			t := p.s.typ("User")
			lack := t.lacks(k.needs)
			p.need(lack == "", "the schema of User has no %s", lack)
			sd := p.seeded()
			pairs := []string{"sortBy", k.by}
			if k.order != "" {
				pairs = append(pairs, "sortOrder", k.order)
			}
			got, r := p.letters(sd, `userName sw "`+sd.tag+`"`, pairs...)
			p.expect(id, slices.Contains(strings.Split(k.want, "|"), got), r,
				"sortBy=%s sortOrder=%s gives %q, expected %s", k.by, k.order, got, k.want)
		}})
	}
	return out
}

// checkSortByPrimary: of several values the primary one counts, wherever it stands.
func checkSortByPrimary(p *probe) {
	tag := p.unique()
	mail := func(local string) obj {
		return obj{"value": tag + local + "@example.com", "type": "work", "primary": local == "-b"}
	}
	other := with(mail("-z"), "type", "other")
	p.user("userName", tag+"-front", "emails", arr{mail("-b"), other})
	p.user("userName", tag+"-back", "emails", arr{other, mail("-b")})
	between := p.user("userName", tag+"-between", "emails", arr{mail("-m")})
	r := p.get(p.s.typ("User").endpoint, "filter", `userName sw "`+tag+`"`, "sortBy", "emails.value", "count", "5")
	l := resources(r.json)
	var names []string
	for _, o := range l {
		names = append(names, strings.TrimPrefix(str(o["userName"]), tag+"-"))
	}
	p.expect("R7644-3.4.2.3-07", len(l) == 3 && str(l[2]["id"]) == between.id, r,
		"sortBy=emails.value gives %v, but the primary values of front and back come before that of between", names)
}
