package conformance

import (
	"encoding/base64"
	"fmt"
	"slices"
	"strings"
	"time"
)

func cursorChecks() []check {
	one := func(name, list, needs string, run func(*probe)) check {
		return check{name: name, needs: strings.TrimSpace("cursor filter User " + needs), ids: ids(list), run: run}
	}
	return []check{
		one("first", "R9865-2-01 03 06 13", "", func(p *probe) {
			r, got := p.cursorPage("", "count", "2")
			bare := p.get(p.s.typ("User").endpoint + "?cursor&count=2&filter=" +
				strings.ReplaceAll(`userName%20sw%20"TAG"`, "TAG", p.seeded().tag))
			p.expect("R9865-2-01", r.status == 200 && bare.status == 200 && same(r.at("Resources"),
				bare.at("Resources")), bare, "?cursor is answered %d, ?cursor= %d, or with another page", bare.status,
				r.status)
			p.expect("R9865-2-03", r.at("previousCursor") == nil, r, "the first page has a previousCursor")
			p.expect("R9865-2-06", len(got) <= 2, r, "count=2 gives %d resources", len(got))
			n, ok := integer(r.at("itemsPerPage"))
			p.expect("R9865-2-13", ok && n == len(got), r, "itemsPerPage is %s with %d resources",
				text(r.at("itemsPerPage")), len(got))
		}),
		one("walk", "R9865-2-02 04 07 12 R9865-2-03", "", checkCursorWalk),
		one("other-query", "R9865-2-08", "Group", checkCursorOtherQuery),
		one("counts", "R9865-2-09 10 11 R9865-4-05", "", checkCursorCounts),
		one("bad", "R9865-2.1-01 R9865-5.2-05", "", checkCursorBad),
		one("bad-count", "R9865-2.1-03", "", func(p *probe) {
			r, _ := p.cursorPage("", "count", "abc")
			p.refused("R9865-2.1-03", r, "400/invalidCount!", "cursor with count=abc")
			first, _ := p.cursorPage("", "count", "1")
			next := str(first.at("nextCursor"))
			p.must(next != "", "the first page has no nextCursor")
			r, _ = p.cursorPage(next, "count", "2")
			p.refused("R9865-2.1-03", r, "400/invalidCount 200", "the second page with another count")
		}),
		{name: "timeout", needs: "cursor filter User", alone: true, ids: ids("R9865-2.1-02 R9865-4-06"),
			run: checkCursorTimeout},
		one("search-keywords", "R9865-2.1-04", "search", func(p *probe) {
			r := p.send("POST", p.s.typ("User").endpoint+"/.search", obj{"schemas": arr{messageURN + "SearchRequest"},
				"cursor": "garbage", "count": 2})
			p.refused("R9865-2.1-04", r, "400/invalidCursor!", ".search with the cursor \"garbage\"")
		}),
		one("sorted", "R9865-2.2-01", "sort", func(p *probe) {
			got, r := p.cursorWalk("sortBy", "userName", "sortOrder", "descending")
			p.expect("R9865-2.2-01", got == "dcba", r,
				"a walk sorted descending by userName gives %q, expected \"dcba\"", got)
		}),
		one("default-method", "R9865-2.3-01 R9865-2.4-01 02", "", checkCursorDefault),
		one("both", "R9865-2.4-03", "index", func(p *probe) {
			byIndex, _ := p.cursorPage("-", "startIndex", "1", "count", "1")
			byCursor, _ := p.cursorPage("", "count", "1")
			p.expect("R9865-2.4-03", byIndex.at("startIndex") != nil && byIndex.at("nextCursor") == nil, byIndex,
				"startIndex does not select index paging")
			p.expect("R9865-2.4-03", byCursor.at("nextCursor") != nil, byCursor, "cursor does not select cursor paging")
		}),
		one("search", "R9865-3-01 02", "search", checkCursorSearch),
		{name: "config", ids: ids("R9865-4-02 03 07"), needs: "cursor filter User", run: checkCursorConfig},
		{name: "max-page", needs: "cursor User", alone: true, ids: ids("R9865-4-04"), run: func(p *probe) {
			most, ok := integer(p.s.svc.spc.at("pagination", "maxPageSize"))
			p.need(ok, "pagination.maxPageSize is not published")
			r := p.get(p.s.typ("User").endpoint, "cursor", "", "count", fmt.Sprint(most+1))
			got := len(resources(r.json))
			p.expect("R9865-4-04", r.status == 200 && got <= most || r.status == 400, r,
				"count=%d is answered %d with %d resources", most+1, r.status, got)
		}},
		one("foreign", "R9865-5.2-01 03 06", "", checkCursorForeign),
		one("every-page", "R9865-5.2-04", "", func(p *probe) {
			first, _ := p.cursorPage("", "count", "1")
			next := str(first.at("nextCursor"))
			p.must(next != "", "the first page has no nextCursor")
			r := p.send("GET", p.s.typ("User").endpoint, nil, query("filter", p.tagFilter(), "count", "1", "cursor",
				next), as(Credentials{}))
			if anon := p.send("GET", p.s.typ("User").endpoint, nil, query("count", "1"), as(Credentials{})); anon.ok() {
				p.stop("the service needs no credentials")
			}
			p.expect("R9865-5.2-04", r.status == 401 || r.status == 403, r,
				"a page without credentials is answered %d", r.status)
		}),
		{name: "anonymous", needs: "cursor User", ids: ids("R9865-5.3-01"), run: func(p *probe) {
			r := p.send("GET", p.s.typ("User").endpoint, nil, query("cursor", ""), as(Credentials{}))
			p.note("R9865-5.3-01", r, "an anonymous query is answered %d", r.status)
		}},
		{name: "many", needs: "cursor filter User", alone: true, ids: ids("R9865-5.3-02"), run: func(p *probe) {
			var r *reply
			for range 50 {
				if r, _ = p.cursorPage("", "count", "1"); !r.ok() {
					break
				}
			}
			last, _ := p.cursorPage("", "count", "1")
			p.expect("R9865-5.3-02", (r.ok() || r.status == 429) && (last.ok() || last.status == 429), last,
				"after 50 first pages that nobody followed it is answered %d", last.status)
		}},
	}
}

func (p *probe) tagFilter() string { return `userName sw "` + p.seeded().tag + `"` }

// cursorPage asks a page of the seeds; the cursor "-" stands for none.
func (p *probe) cursorPage(cursor string, pairs ...string) (*reply, []string) {
	q := append([]string{"filter", p.tagFilter()}, pairs...)
	if cursor != "-" {
		q = append(q, "cursor", cursor)
	}
	r := p.get(p.s.typ("User").endpoint, q...)
	var got []string
	for _, o := range resources(r.json) {
		got = append(got, str(o["id"]))
	}
	return r, got
}

// cursorWalk follows nextCursor through pages of one, and gives the letters it
// met.
func (p *probe) cursorWalk(pairs ...string) (string, *reply) {
	sd := p.seeded()
	var out strings.Builder
	cursor := ""
	for range 10 {
		r, got := p.cursorPage(cursor, append([]string{"count", "1"}, pairs...)...)
		for _, id := range got {
			out.WriteString(sd.name[id])
		}
		next, more := r.at("nextCursor").(string)
		if !more {
			return out.String(), r
		}
		cursor = next
	}
	return out.String() + "…", nil
}

func checkCursorWalk(p *probe) {
	sd := p.seeded()
	var pages [][]string
	seen := map[string]int{}
	cursor, total := "", any(nil)
	var last *reply
	for range 10 {
		r, got := p.cursorPage(cursor, "count", "1")
		last = r
		if len(pages) > 0 && !p.expect("R9865-2-02", r.status == 200, r, "the page nextCursor leads to is answered %d",
			r.status) {
			return
		}
		p.must(r.status == 200, "the first page is answered %d", r.status)
		if total == nil {
			total = r.at("totalResults")
		}
		if prev := r.at("previousCursor"); prev != nil && len(pages) > 0 {
			back, ids := p.cursorPage(str(prev), "count", "1")
			p.expect("R9865-2-04", slices.Equal(ids, pages[len(pages)-1]), back,
				"previousCursor leads to %v, the page before was %v", ids, pages[len(pages)-1])
			if len(pages) == 1 {
				p.expect("R9865-2-03", back.at("previousCursor") == nil, back,
					"the first page, reached again, has a previousCursor")
			}
		}
		pages = append(pages, got)
		for _, id := range got {
			seen[id]++
		}
		next, more := r.at("nextCursor").(string)
		if !more {
			break
		}
		cursor = next
	}
	p.expect("R9865-2-02", len(seen) == len(sd.name) && last.at("nextCursor") == nil, last,
		"the walk met %d of %d resources, and nextCursor at its end is %s", len(seen), len(sd.name),
		text(last.at("nextCursor")))
	for id, letter := range sorted(sd.name) {
		p.expect("R9865-2-12", seen[id] == 1, last, "a walk in pages of one shows seed %s %d times", letter, seen[id])
	}
	if total != nil {
		n, _ := integer(total)
		p.expect("R9865-2-07", n == len(sd.name), last, "totalResults is %s of %d", text(total), len(sd.name))
	}
	if !p.touched["R9865-2-04"] {
		p.note("R9865-2-04", last, "pages have no previousCursor")
	}
}

func checkCursorOtherQuery(p *probe) {
	const id = "R9865-2-08"
	sd := p.seeded()
	first, _ := p.cursorPage("", "count", "1")
	next := str(first.at("nextCursor"))
	p.must(next != "", "the first page has no nextCursor")
	r := p.get(p.s.typ("User").endpoint, "filter", `userName eq "`+sd.tag+`anna"`, "cursor", next, "count", "1")
	ok := r.status == 400
	if r.status == 200 {
		got := resources(r.json)
		ok = len(got) == 0 || str(got[0]["id"]) == sd.by["a"].id || str(got[0]["id"]) == sd.by["b"].id
		for _, o := range got {
			ok = ok && sd.name[str(o["id"])] != "" && sd.name[str(o["id"])] != "a"
		}
	}
	p.expect(id, ok, r, "a cursor with another filter is answered %d and mixes two queries", r.status)
	p.group()
	p.group()
	first = p.get(p.s.typ("User").endpoint, "cursor", "", "count", "1")
	for _, next := range []string{next, str(first.at("nextCursor"))} {
		r = p.get(p.s.typ("Group").endpoint, "cursor", next, "count", "1")
		ok = r.status == 400
		if r.status == 200 {
			ok = true
			for _, o := range resources(r.json) {
				ok = ok && str(at(o, "meta", "resourceType")) != "Group"
			}
		}
		p.expect(id, ok, r, "a cursor of Users at Groups is answered %d", r.status)
	}
}

func checkCursorCounts(p *probe) {
	for id, n := range sorted(map[string]string{"R9865-2-09": "-1", "R9865-2-10": "0"}) {
		r, got := p.cursorPage("", "count", n)
		p.expect(id, len(got) == 0 && (r.status == 200 || n == "-1" && str(r.at("scimType")) == "invalidCount"), r,
			"count=%s is answered %d with %d resources", n, r.status, len(got))
		if total, ok := integer(r.at("totalResults")); ok {
			p.expect(id, total == len(p.seeded().name), r, "totalResults is %d", total)
		}
	}
	r, got := p.cursorPage("")
	p.note("R9865-2-11", r, "without count a page has %d resources of 4", len(got))
	size, ok := integer(p.s.svc.spc.at("pagination", "defaultPageSize"))
	if !ok {
		p.skip("R9865-4-05", "pagination.defaultPageSize is not published")
		return
	}
	all := p.get(p.s.typ("User").endpoint, "cursor", "")
	n := len(resources(all.json))
	_, more := all.at("nextCursor").(string)
	if more {
		p.expect("R9865-4-05", n == size, all, "a page has %d resources, defaultPageSize is %d", n, size)
	} else {
		p.expect("R9865-4-05", n <= size && r.status == 200 && len(got) == min(4, size), all,
			"a page has %d resources, defaultPageSize is %d", n, size)
	}
}

func checkCursorBad(p *probe) {
	first, _ := p.cursorPage("", "count", "1")
	next := str(first.at("nextCursor"))
	p.must(len(next) > 1, "the first page has no nextCursor")
	for _, bad := range []string{"garbage", next[:len(next)/2]} {
		r, _ := p.cursorPage(bad, "count", "1")
		p.refused("R9865-2.1-01", r, "400/invalidCursor!", "the cursor "+bad)
	}
	step := max(1, len(next)/12)
	for i := 0; i < len(next); i += step {
		forged := []byte(next)
		forged[i] = map[bool]byte{true: 'A', false: 'B'}[forged[i] != 'A']
		r, _ := p.cursorPage(string(forged), "count", "1")
		if !p.refused("R9865-5.2-05", r, "400/invalidCursor!", fmt.Sprintf("a cursor whose character %d was changed",
			i+1)) {
			break
		}
	}
	if raw, err := base64.RawURLEncoding.DecodeString(strings.TrimRight(next, "=")); err == nil {
		sd := p.seeded()
		clear := strings.Contains(string(raw), sd.tag) || strings.Contains(string(raw), sd.by["a"].id) ||
			strings.Contains(string(raw), sd.by["b"].id)
		p.expect("R9865-5.2-05", !clear, first, "the cursor, decoded, shows the query or an id: %q",
			excerpt(string(raw), 80))
	}
}

func checkCursorTimeout(p *probe) {
	secs, ok := integer(p.s.svc.spc.at("pagination", "cursorTimeout"))
	p.need(ok, "pagination.cursorTimeout is not published")
	life := time.Duration(secs) * time.Second
	p.need(life <= p.s.target.MaxWait, "cursorTimeout is %s, and the run waits at most %s", life, p.s.target.MaxWait)
	first, _ := p.cursorPage("", "count", "1")
	next := str(first.at("nextCursor"))
	p.must(next != "", "the first page has no nextCursor")
	p.s.target.sleep(life * 8 / 10)
	r, _ := p.cursorPage(next, "count", "1")
	p.expect("R9865-4-06", r.status == 200, r, "after %s, below cursorTimeout, the next page is answered %d",
		life*8/10, r.status)
	p.s.target.sleep(life*2 + 2*time.Second)
	r, _ = p.cursorPage(next, "count", "1")
	p.refused("R9865-2.1-02", r, "400/expiredCursor,invalidCursor! 200", "a cursor well past cursorTimeout")
}

func checkCursorDefault(p *probe) {
	method := p.s.svc.spc.at("pagination", "defaultPaginationMethod")
	if method == nil {
		p.skip("R9865-2.4-02", "defaultPaginationMethod is not published")
	} else {
		p.expect("R9865-2.4-02", str(method) == "index" || !p.s.svc.features["index"], p.s.svc.spc,
			"the default is %s although index paging is there; clients that know nothing else lose it", text(method))
	}
	r, _ := p.cursorPage("-", "count", "1")
	if !p.s.svc.features["index"] {
		p.note("R9865-2.3-01", r, "a cursor-only server answers a request without cursor with nextCursor: %v",
			r.at("nextCursor") != nil)
		p.skip("R9865-2.4-01", "there is only one method")
		return
	}
	p.skip("R9865-2.3-01", "the server pages by index, too")
	index, cursor := r.at("startIndex") != nil, r.at("nextCursor") != nil
	p.expect("R9865-2.4-01", index || cursor, r,
		"a page of a request that names no method has neither startIndex nor nextCursor")
	if method != nil {
		p.expect("R9865-2.4-01", index == (str(method) == "index"), r,
			"defaultPaginationMethod is %s, the page has startIndex %s and nextCursor %s", text(method),
			text(r.at("startIndex")), text(r.at("nextCursor")))
	}
}

func checkCursorSearch(p *probe) {
	sd := p.seeded()
	q := obj{"schemas": arr{messageURN + "SearchRequest"}, "filter": p.tagFilter(), "cursor": "", "count": 1}
	seen := map[string]int{}
	for range 10 {
		r := p.send("POST", p.s.typ("User").endpoint+"/.search", q)
		items := resources(r.json)
		if !p.expect("R9865-3-01", r.status == 200 && len(items) <= 1, r,
			"a page of .search is answered %d with %d resources", r.status, len(items)) {
			return
		}
		for _, o := range items {
			seen[str(o["id"])]++
		}
		next, more := r.at("nextCursor").(string)
		if !more {
			break
		}
		q["cursor"] = next
	}
	for id, letter := range sorted(sd.name) {
		p.expect("R9865-3-02", seen[id] == 1, nil, "a walk by .search shows seed %s %d times", letter, seen[id])
	}
}

func checkCursorConfig(p *probe) {
	spc := p.s.svc.spc
	v, ok := spc.at("pagination").(obj)
	p.need(ok, "pagination is not published")
	for _, k := range []string{"cursor", "index"} {
		_, ok := v[k].(bool)
		p.expect("R9865-4-02", ok, spc, "pagination.%s is %s", k, text(v[k]))
	}
	if m := v["defaultPaginationMethod"]; m != nil {
		p.expect("R9865-4-03", str(m) == "cursor" || str(m) == "index", spc, "defaultPaginationMethod is %s", text(m))
	}
	for _, k := range []string{"defaultPageSize", "maxPageSize", "cursorTimeout"} {
		if v[k] != nil {
			n, ok := integer(v[k])
			p.expect("R9865-4-03", ok && n > 0, spc, "%s is %s", k, text(v[k]))
		}
	}
	r, got := p.cursorPage("", "count", "1")
	p.expect("R9865-4-07", r.status == 200 && len(got) == 1 && r.at("nextCursor") != nil, r,
		"cursor paging is promised, but the first page is answered %d with nextCursor %s", r.status,
		text(r.at("nextCursor")))
	if isTrue(v["index"]) {
		r, got = p.cursorPage("-", "startIndex", "2", "count", "1")
		p.expect("R9865-4-07", r.status == 200 && len(got) == 1 && r.at("startIndex") != nil, r,
			"index paging is promised, but startIndex=2 is answered %d", r.status)
	}
}

func checkCursorForeign(p *probe) {
	p.need(p.s.target.Other != nil, "no credentials of another tenant were given")
	sd := p.seeded()
	first, _ := p.cursorPage("", "count", "1")
	next := str(first.at("nextCursor"))
	p.must(next != "", "the first page has no nextCursor")
	o := p.other()
	r, got := o.cursorPage(next, "count", "1")
	p.expect("R9865-5.2-01", !slices.ContainsFunc(got, func(id string) bool { return sd.name[id] != "" }), r,
		"another tenant's credentials read resources by a foreign cursor")
	garbage, _ := o.cursorPage("garbage", "count", "1")
	leak := strings.Contains(string(r.body), sd.by["a"].id) || strings.Contains(string(r.body), sd.tag)
	p.expect("R9865-5.2-03", !leak, r, "the answer to a foreign cursor shows data")
	p.expect("R9865-5.2-06", r.status == garbage.status && string(r.body) == string(garbage.body), r,
		"a foreign cursor is answered otherwise than a garbage one, which tells that it exists")
}
