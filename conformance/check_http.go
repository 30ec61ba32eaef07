package conformance

import (
	"fmt"
	"regexp"
	"strings"
)

func httpChecks() []check {
	return []check{
		{name: "version", ids: ids("R7644-3.13-01 02 03"), run: checkVersions},
		{name: "methods", needs: "writes", ids: ids("R9110-15.5.6-01"), run: func(p *probe) {
			t := p.s.svc.types[0]
			for what, r := range sorted(map[string]*reply{
				"PUT " + t.endpoint: p.send("PUT", t.endpoint, obj{}), "PATCH " + spcPath: p.send("PATCH", spcPath,
					patchOp(op("remove", "x"))),
				"DELETE " + rtPath: p.send("DELETE", rtPath, nil),
			}) {
				if r.status != 405 {
					p.skip("R9110-15.5.6-01", fmt.Sprintf("no method was answered 405; %s was answered %d", what,
						r.status))
					continue
				}
				p.expect("R9110-15.5.6-01", r.header.Values("Allow") != nil, r, "%s is answered 405 without Allow",
					what)
			}
		}},
		{name: "head", each: true, ids: ids("R9110-9.3.2-01"), run: func(p *probe) {
			x := p.make(p.typ)
			r := p.send("HEAD", x.path, nil)
			g := p.get(x.path)
			ok := r.status == 200 && len(r.body) == 0 && r.header.Get("ETag") == g.header.Get("ETag") &&
				r.header.Get("Content-Type") == g.header.Get("Content-Type")
			p.expect("R9110-9.3.2-01", ok, r, "HEAD is answered %d with %d bytes, ETag %q, Content-Type %q", r.status,
				len(r.body), r.header.Get("ETag"), r.header.Get("Content-Type"))
		}},
		{name: "paths", ids: ids("R7644-3.2-03"), run: func(p *probe) {
			t := p.s.svc.types[0]
			r := p.get(strings.ToLower(t.endpoint), "count", "1")
			p.expect("R7644-3.2-03", r.status == 404, r, "%s is answered %d", strings.ToLower(t.endpoint), r.status)
			r = p.get(t.endpoint+"/", "count", "1")
			p.expect("R7644-3.2-03", r.status == 404 || r.status == 200 && r.at("totalResults") != nil ||
				r.status == 307 || r.status == 308 || r.status == 301, r, "%s/ is answered %d", t.endpoint, r.status)
		}},
		{name: "throttling", ids: ids("R6585-4-01"), run: func(p *probe) {
			for range 20 {
				p.get(p.s.svc.types[0].endpoint, "count", "1")
			}
			p.stop("the server never throttled this run")
		}},
		{name: "redirects", ids: ids("R7644-3.12-25"), run: func(p *probe) {
			p.stop("the server redirected nothing")
		}},
	}
}

var versionSegment = regexp.MustCompile(`^v[0-9]+(\.[0-9]+)?$`)

func checkVersions(p *probe) {
	parts := strings.Split(p.s.target.URL, "/")
	last := parts[len(parts)-1]
	for i, part := range parts[:len(parts)-1] {
		if i > 2 && versionSegment.MatchString(part) && !versionSegment.MatchString(last) {
			p.expect("R7644-3.13-01", false, nil, "the version %s in %s does not stand directly before the endpoints",
				part, p.s.target.URL)
		}
	}
	p.expect("R7644-3.13-01", strings.HasPrefix(p.s.svc.types[0].endpoint, "/") && p.s.svc.spc.status == 200,
		p.s.svc.spc, "endpoints do not follow the base URL")
	path := p.s.svc.types[0].endpoint
	wrong := p.s.target.URL + "/v9" + path
	root := p.s.target.URL
	if versionSegment.MatchString(last) {
		root = strings.TrimSuffix(p.s.target.URL, "/"+last)
		wrong = root + "/v9" + path
	}
	r := p.send("GET", wrong, nil, query("count", "1"))
	p.refused("R7644-3.13-02", r, "400/invalidVers 404 401 403", "version v9")
	if root == p.s.target.URL {
		p.skip("R7644-3.13-03", "the base URL has no version")
		return
	}
	r = p.send("GET", root+path, nil, query("count", "1"))
	p.expect("R7644-3.13-03", r.status == 404 || r.status == 401 || r.status == 200 || r.status >= 307 &&
		r.status <= 308, r, "without a version it is answered %d", r.status)
	p.note("R7644-3.13-03", r, "without a version it is answered %d", r.status)
}
