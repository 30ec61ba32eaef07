package conformance

import (
	"fmt"
	"slices"
)

// pagingChecks page through the seeds, which nobody changes.
func pagingChecks() []check {
	const sec = "R7644-3.4.2.4-"
	page := func(p *probe, pairs ...string) (*reply, []string) {
		sd := p.seeded()
		r := p.get(p.s.typ("User").endpoint, append([]string{"filter", `userName sw "` + sd.tag + `"`}, pairs...)...)
		var got []string
		for _, o := range resources(r.json) {
			got = append(got, str(o["id"]))
		}
		return r, got
	}
	one := func(name, id string, run func(p *probe, id string)) check {
		return check{name: name, needs: "index filter User", ids: []string{sec + id}, run: func(p *probe) {
			run(p,
				sec+id)
		}}
	}
	total := func(r *reply) int { n, _ := integer(r.at("totalResults")); return n }
	return []check{
		one("start-below-one", "01", func(p *probe, id string) {
			_, want := page(p, "startIndex", "1", "count", "2")
			for _, start := range []string{"0", "-5"} {
				r, got := page(p, "startIndex", start, "count", "2")
				p.expect(id, r.status == 200 && slices.Equal(got, want), r,
					"startIndex=%s is answered %d and gives another page than 1", start, r.status)
			}
		}),
		one("count", "02", func(p *probe, id string) {
			r, got := page(p, "count", "2")
			p.expect(id, r.status == 200 && len(got) <= 2, r, "count=2 gives %d resources", len(got))
		}),
		one("negative-count", "03", func(p *probe, id string) {
			r, got := page(p, "count", "-1")
			p.expect(id, r.status == 200 && len(got) == 0 && total(r) == 4, r,
				"count=-1 is answered %d with %d resources, totalResults %s", r.status, len(got),
				text(r.at("totalResults")))
		}),
		one("count-zero", "04", func(p *probe, id string) {
			r, got := page(p, "count", "0")
			p.expect(id, r.status == 200 && len(got) == 0 && total(r) == 4, r,
				"count=0 is answered %d with %d resources, totalResults %s", r.status, len(got),
				text(r.at("totalResults")))
		}),
		one("fewer", "05", func(p *probe, id string) {
			r, got := page(p, "count", "3")
			if r.status != 200 || len(got) == 0 {
				p.expect(id, false, r, "count=3 over 4 is answered %d with %d resources", r.status, len(got))
				return
			}
			p.expect(id, true, r, "")
		}),
		one("default-count", "06", func(p *probe, id string) {
			r, got := page(p)
			most := p.s.svc.maxResults
			p.expect(id, len(got) > 0 && (most <= 0 || len(got) <= most), r,
				"without count %d resources come, filter.maxResults is %d", len(got), most)
		}),
		one("echo", "07", func(p *probe, id string) {
			r, got := page(p, "startIndex", "2", "count", "2")
			start, _ := integer(r.at("startIndex"))
			n, _ := integer(r.at("itemsPerPage"))
			p.expect(id, start == 2 && n == len(got) && n > 0, r,
				"startIndex=2 is answered with startIndex %s and itemsPerPage %s for %d resources",
				text(r.at("startIndex")), text(r.at("itemsPerPage")), len(got))
		}),
		one("beyond", "08", func(p *probe, id string) {
			for _, start := range []string{"5", "1000000"} {
				r, got := page(p, "startIndex", start)
				p.expect(id, r.status == 200 && len(got) == 0 && total(r) == 4, r,
					"startIndex beyond the end is answered %d with %d resources, totalResults %s", r.status, len(got),
					text(r.at("totalResults")))
			}
		}),
		one("walk", "09", func(p *probe, id string) {
			sd := p.seeded()
			seen := map[string]int{}
			for start := 1; start <= 8; {
				_, got := page(p, "startIndex", fmt.Sprint(start), "count", "1")
				if len(got) == 0 {
					break
				}
				for _, x := range got {
					seen[x]++
				}
				start += len(got)
			}
			for x, letter := range sorted(sd.name) {
				p.expect(id, seen[x] == 1, nil, "a walk in pages of one shows seed %s %d times", letter, seen[x])
			}
		}),
		one("not-a-number", "11", func(p *probe, id string) {
			for _, name := range []string{"count", "startIndex"} {
				r, _ := page(p, name, "abc")
				p.refused(id, r, "400/invalidValue 200", name+"=abc")
			}
		}),
	}
}
