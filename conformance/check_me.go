package conformance

func meChecks() []check {
	return []check{
		{name: "unsupported", needs: "!me !meRedirect", ids: ids("R7644-3.11-01 05"), run: func(p *probe) {
			r := p.get("/Me")
			p.refused("R7644-3.11-01", r, "501 404", "GET /Me, unsupported")
			p.expect("R7644-3.11-05", r.failed() && hasString(r.at("schemas"), messageURN+"Error"), r,
				"GET /Me with credentials of no resource is answered %d", r.status)
		}},
		{name: "redirect", needs: "meRedirect", ids: ids("R7644-3.11-02"), run: func(p *probe) {
			r := p.get("/Me")
			loc := r.header.Get("Location")
			p.need(loc != "", "the redirect has no Location")
			t := p.get(p.s.absolute(loc))
			p.expect("R7644-3.11-02", r.status == 308 && t.status == 200, r,
				"GET /Me is redirected by %d; its target is answered %d", r.status, t.status)
		}},
		{name: "direct", needs: "me", ids: ids("R7644-3.11-03 04"), run: func(p *probe) {
			r := p.get("/Me")
			loc, meta := r.header.Get("Location"), str(r.at("meta", "location"))
			t := p.get(p.s.absolute(meta))
			ok := loc != "" && p.s.absolute(loc) == p.s.absolute(meta) && t.status == 200 && same(t.at("id"),
				r.at("id")) && p.s.absolute(loc) != p.s.http.url("/Me", nil)
			p.expect("R7644-3.11-03", ok, r, "GET /Me has Location %q and meta.location %q", loc, meta)
			h := p.send("HEAD", "/Me", nil)
			p.expect("R7644-3.11-04", h.status == 200, h, "HEAD /Me is answered %d", h.status)
			if p.s.target.ReadOnly {
				return
			}
			// An invalid body shows that the method reaches the resource without changing it.
			for _, m := range []string{"PUT", "PATCH"} {
				if m == "PATCH" && !p.s.svc.features["patch"] {
					continue
				}
				r := p.send(m, "/Me", []byte("{"), header("Content-Type", mediaType))
				p.refused("R7644-3.11-04", r, "400/invalidSyntax 403", m+" /Me with a malformed body")
			}
		}},
		{name: "nobody", needs: "me", ids: ids("R7644-3.11-05"), run: func(p *probe) {
			p.need(p.s.target.Reader != nil, "no credentials of no resource were given")
			mine := p.get("/Me")
			r := p.send("GET", "/Me", nil, as(*p.s.target.Reader))
			p.expect("R7644-3.11-05", r.failed() && hasString(r.at("schemas"), messageURN+"Error") || r.ok() &&
				!same(r.at("id"), mine.at("id")), r, "GET /Me with other credentials is answered %d with id %s",
				r.status, text(r.at("id")))
		}},
	}
}
