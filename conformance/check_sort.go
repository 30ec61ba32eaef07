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
		{name: "complex", needs: "sort filter User.name", ids: ids("R7644-3.4.2.3-08"), run: func(p *probe) {
			sd := p.seeded()
			for _, by := range []string{"name", "scimconformNope", enterpriseURN} {
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
