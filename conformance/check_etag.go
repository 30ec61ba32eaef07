package conformance

import (
	"net/http"
	"sync"
)

func etagChecks() []check {
	one := func(name, list, needs string, run func(*probe)) check {
		return check{name: name, each: true, needs: "etag" + needs, ids: ids(list), run: run}
	}
	return []check{
		one("changes", "R7644-3.14-01 03", "", checkETagChanges),
		one("if-none-match", "R7644-3.14-04 R9110-13.1.2-01 R9110-15.4.5-01", "", checkIfNoneMatch),
		one("if-none-match-put", "R9110-13.1.2-02", "", checkIfNoneMatchPut),
		one("if-match", "R7644-3.14-05 06 R9110-13.1.1-01 R7644-3.14-08", "", checkIfMatch),
		one("race", "R7644-3.14-07", "", checkIfMatchRace),
		one("lists", "R7644-3.14-09", "", func(p *probe) {
			p.make(p.typ)
			r := p.get(p.typ.endpoint, "count", "1")
			p.note("R7644-3.14-09", r, "a list has ETag %q, its elements meta.version %s", r.header.Get("ETag"),
				text(at(r.json, "Resources.0.meta.version") != nil))
		}),
	}
}

// versioned is a resource, its ETag and a field to change.
func (p *probe) versioned() (*res, string, field) {
	f, ok := p.typ.text()
	p.need(ok, "no selected type has a text attribute that can be set")
	x := p.make(p.typ)
	tag := p.get(x.path).header.Get("ETag")
	p.need(tag != "", "GET has no ETag")
	return x, tag, f
}

// changed is the body of a resource with a field set.
func (x *res) changed(f field, v any) obj {
	body := clone(x.sent).(obj)
	f.set(body, v)
	return body
}

func checkETagChanges(p *probe) {
	x, tag, f := p.versioned()
	p.expect("R7644-3.14-01", x.made.header.Get("ETag") != "", x.made, "POST is answered without ETag")
	again := p.get(x.path)
	p.expect("R7644-3.14-03", again.header.Get("ETag") == tag, again, "two GETs have the ETags %s and %s", tag,
		again.header.Get("ETag"))
	r := p.put(x, x.changed(f, "scimconform version"))
	next := p.get(x.path).header.Get("ETag")
	p.expect("R7644-3.14-03", r.ok() && next != tag, r, "PUT with a change does not change the ETag, %s", next)
	if p.s.svc.features["patch"] {
		r = p.patch(x, op("replace", f.path(), "scimconform version 2"))
		p.expect("R7644-3.14-01", !r.ok() || r.header.Get("ETag") != "", r, "PATCH is answered %d without ETag",
			r.status)
		changed := p.get(x.path).header.Get("ETag")
		p.expect("R7644-3.14-03", changed != next, r, "PATCH with a change does not change the ETag, %s", next)
		r = p.patch(x, op("add", f.path(), "scimconform version 2"))
		same := p.get(x.path).header.Get("ETag")
		p.expect("R7644-3.14-03", same == changed, r, "PATCH without a change changes the ETag from %s to %s", changed,
			same)
	}
}

func checkIfNoneMatch(p *probe) {
	x, tag, _ := p.versioned()
	get := func(v string, opts ...option) *reply {
		return p.send("GET", x.path, nil, append(opts, header("If-None-Match", v))...)
	}
	r := get(tag)
	p.expect("R7644-3.14-04", r.status == 304 && len(r.body) == 0, r,
		"If-None-Match with the current ETag is answered %d with %d bytes", r.status, len(r.body))
	if r.status == 304 {
		p.expect("R9110-15.4.5-01", r.header.Get("ETag") == tag, r, "the 304 has ETag %q, the 200 %q",
			r.header.Get("ETag"), tag)
	}
	r = get(tag, query("attributes", "id"))
	p.expect("R7644-3.14-04", r.status == 304, r, "If-None-Match with attributes=id is answered %d", r.status)
	for v, want := range sorted(map[string]int{`W/"scimconform-other"`: 200, `"scimconform-other", ` + tag: 304,
		"*": 304}) {
		r = get(v)
		p.expect("R9110-13.1.2-01", r.status == want, r, "If-None-Match %s is answered %d, expected %d", v, r.status,
			want)
	}
}

// checkIfNoneMatchPut: what must not be there is there, so the request must not be carried out.
func checkIfNoneMatchPut(p *probe) {
	const id = "R9110-13.1.2-02"
	x, tag, f := p.versioned()
	for _, v := range []string{"*", tag} {
		r := p.put(x, x.changed(f, "scimconform none"), header("If-None-Match", v))
		p.expect(id, r.status == 412, r,
			"PUT with If-None-Match %s of a resource that is there is answered %d, expected 412", v, r.status)
		g := p.get(x.path)
		p.expect(id, str(f.in(g.json)) != "scimconform none", g, "PUT with If-None-Match %s took effect", v)
	}
}

func checkIfMatch(p *probe) {
	x, tag, f := p.versioned()
	r := p.put(x, x.changed(f, "scimconform one"), header("If-Match", tag))
	p.expect("R7644-3.14-05", r.ok(), r, "PUT with the current ETag is answered %d", r.status)
	stale := []struct {
		method string
		body   any
	}{{http.MethodPut, x.changed(f, "scimconform stale")}, {http.MethodDelete, nil}}
	if p.s.svc.features["patch"] {
		r = p.send("PATCH", x.path, patchOp(op("replace", f.path(), "scimconform two")), header("If-Match",
			p.get(x.path).header.Get("ETag")))
		p.expect("R7644-3.14-05", r.ok(), r, "PATCH with the current ETag is answered %d", r.status)
		stale = append(stale, struct {
			method string
			body   any
		}{http.MethodPatch, patchOp(op("replace", f.path(), "scimconform stale"))})
	}
	for _, s := range stale {
		r = p.send(s.method, x.path, s.body, header("If-Match", tag))
		p.refused("R7644-3.14-06", r, "412", s.method+" with a stale ETag")
	}
	g := p.get(x.path)
	p.expect("R7644-3.14-06", g.status == 200 && str(f.in(g.json)) != "scimconform stale", g,
		"a request with a stale ETag took effect")
	if g.status != 200 {
		return
	}
	for _, v := range []string{"*", `"scimconform-other", `} {
		if v != "*" {
			v += g.header.Get("ETag")
		}
		r = p.put(x, x.changed(f, "scimconform "+v), header("If-Match", v))
		p.expect("R9110-13.1.1-01", r.ok(), r, "PUT with If-Match %s is answered %d", v, r.status)
		g = p.get(x.path)
	}
	r = p.send("PUT", p.typ.endpoint+"/scimconform-no-such-id", x.sent, header("If-Match", tag))
	p.refused("R7644-3.14-08", r, "404", "If-Match on an unknown id")
	r = p.delete(x, header("If-Match", g.header.Get("ETag")))
	p.expect("R7644-3.14-05", r.ok(), r, "DELETE with the current ETag is answered %d", r.status)
}

func checkIfMatchRace(p *probe) {
	p.need(!p.s.target.plain, "the run sends nothing at the same time")
	x, tag, f := p.versioned()
	var wg sync.WaitGroup
	answers := make([]*reply, 2)
	for i := range answers {
		wg.Go(func() {
			defer func() {
				if e := recover(); e != nil {
					if _, ok := e.(stop); !ok {
						panic(e)
					}
				}
			}()
			answers[i] = p.put(x, x.changed(f, "scimconform race "+string(rune('a'+i))), header("If-Match", tag))
		})
	}
	wg.Wait()
	p.must(answers[0] != nil && answers[1] != nil, "a request had no answer")
	a, b := answers[0].status, answers[1].status
	p.expect("R7644-3.14-07", a/100 == 2 && b == 412 || a == 412 && b/100 == 2, answers[1],
		"two PUTs at once with one ETag are answered %d and %d", a, b)
}
