package conformance

import (
	"net/http"
	"strings"
)

func mediaChecks() []check {
	return []check{
		{name: "accept", ids: ids("R7644-3.8-02 03 04 07 R9110-15.5.7-01"), run: checkAccept},
		{name: "utf-8", each: true, ids: ids("R7644-3.8-05"), run: func(p *probe) {
			f, ok := p.typ.text()
			p.need(ok, "no selected type has a text attribute that can be set")
			texts := []string{"Zoë Ångström", "日本語", "🦊👩‍👩‍👧", "שלום", "tab\tquote\"back\\slash"}
			for _, v := range texts {
				body := p.s.generate(p.typ, p.unique(), false)
				f.set(body, v)
				r := p.send("POST", p.typ.endpoint, body)
				p.expect("R7644-3.8-05", r.status == 201 && str(f.in(r.json)) == v, r,
					"%s %+q is answered %d and returned as %s", f.path(), v, r.status, text(f.in(r.json)))
			}
		}},
		{name: "content-type", each: true, ids: ids("R7644-3.8-06 R9110-15.5.16-01"), run: func(p *probe) {
			for _, ct := range []string{mediaType, "application/json", mediaType + "; charset=utf-8",
				"application/json; charset=UTF-8"} {
				r := p.send("POST", p.typ.endpoint, p.s.generate(p.typ, p.unique(), false), header("Content-Type", ct))
				p.expect("R7644-3.8-06", r.status == 201, r, "Content-Type %s is answered %d", ct, r.status)
			}
			r := p.send("POST", p.typ.endpoint, p.s.generate(p.typ, p.unique(), false), header("Content-Type",
				"text/plain"))
			p.refused("R9110-15.5.16-01", r, "415 400", "Content-Type text/plain")
		}},
		{name: "json-types", each: true, ids: ids("R7643-2.3-01"), run: func(p *probe) {
			r := p.get(p.create(p.typ, p.s.generate(p.typ, p.unique(), true)).path)
			o, _ := r.json.(obj)
			wrong := p.typ.mistyped(o)
			p.expect("R7643-2.3-01", wrong == "" && o != nil, r, "%s", wrong)
		}},
		{name: "odd-json", each: true, ids: ids("R7644-3.8-08"), run: func(p *probe) {
			good := text(p.s.generate(p.typ, p.unique(), false))
			bodies := map[string]string{
				"duplicate keys":    strings.Replace(good, "{", `{"externalId":"a","externalId":"b",`, 1),
				"a byte order mark": "\ufeff" + good,
				"deep nesting": strings.Replace(good, "{", `{"deep":`+strings.Repeat("[",
					2000)+strings.Repeat("]", 2000)+",", 1),
			}
			for what, body := range sorted(bodies) {
				r := p.send("POST", p.typ.endpoint, []byte(body))
				p.expect("R7644-3.8-08", r.status < 500, r, "%s in the body is answered %d", what, r.status)
			}
		}},
	}
}

func checkAccept(p *probe) {
	path := p.s.svc.types[0].endpoint
	get := func(accept string) *reply {
		return p.send("GET", path, nil, query("count", "1"), header("Accept", accept))
	}
	for _, accept := range []string{mediaType, mediaType + ";q=0.9"} {
		r := get(accept)
		p.expect("R7644-3.8-02", r.status == 200 && mediaOf(r) == mediaType, r, "Accept %s is answered %d with %q",
			accept, r.status, r.header.Get("Content-Type"))
	}
	r := get("application/json")
	p.expect("R7644-3.8-03", r.status == 200 && (mediaOf(r) == "application/json" || mediaOf(r) == mediaType), r,
		"Accept application/json is answered %d with %q", r.status, r.header.Get("Content-Type"))
	for _, accept := range []string{"", "*/*"} {
		r = get(accept)
		p.expect("R7644-3.8-04", r.status == 200 && mediaOf(r) == mediaType, r, "Accept %q is answered %d with %q",
			accept, r.status, r.header.Get("Content-Type"))
	}
	r = get("image/png")
	if r.status == http.StatusNotAcceptable || r.ok() && strings.HasSuffix(mediaOf(r), "json") {
		p.note("R9110-15.5.7-01", r, "Accept image/png is answered %d with %q", r.status, r.header.Get("Content-Type"))
	} else {
		p.expect("R9110-15.5.7-01", false, r, "Accept image/png is answered %d with %q; 406 or the default would do",
			r.status, r.header.Get("Content-Type"))
	}
	r = p.get(path+".scim", "count", "1")
	p.note("R7644-3.8-07", r, "the suffix .scim is answered %d", r.status)
}
