package conformance

import (
	"fmt"
	"strings"
)

func errorChecks() []check {
	return []check{
		// Most of section 3.12 is seen by observers; these checks provoke the errors.
		{name: "provoked", ids: ids("R7644-3.12-15 16 17 18 19 21 22 R7644-3.2-01 R7644-3.8-01"), run: checkErrors},
		{name: "bodies", each: true, ids: ids("R7644-3.12-21"), run: checkHostileBodies},
		{name: "sensitive", needs: "filter User.password", ids: ids("R7644-7.5.2-01"), run: func(p *probe) {
			r := p.get(p.s.typ("User").endpoint, "filter", `password eq "x"`)
			if r.status == 403 {
				p.expect("R7644-7.5.2-01", str(r.at("scimType")) == "sensitive", r,
					"a refused filter on sensitive data has scimType %s", text(r.at("scimType")))
				return
			}
			p.stop("the server does not refuse filters as sensitive (it answers %d)", r.status)
		}},
	}
}

// checkErrors asks for errors of several kinds; what they look like is for the
// observers, here only that they are errors.
func checkErrors(p *probe) {
	t := p.s.svc.types[0]
	provoked := map[string]*reply{
		"an unknown path": p.get("/ScimconformNope"), "an unknown id": p.get(t.endpoint + "/scimconform-no-such-id"),
		"no credentials": p.send("GET", t.endpoint, nil, as(Credentials{}), query("count", "1")),
	}
	if !p.s.target.ReadOnly {
		provoked["a method that is not allowed"] = p.send("PUT", t.endpoint, obj{})
	}
	for what, r := range sorted(provoked) {
		if r.ok() {
			continue
		}
		p.expect("R7644-3.12-15", hasString(r.at("schemas"), messageURN+"Error"), r,
			"%s is answered %d without an Error body", what, r.status)
		p.expect("R7644-3.12-16", r.at("status") == fmt.Sprint(r.status), r,
			"%s: status in the body is %s, the answer's is %d", what, text(r.at("status")), r.status)
		p.expect("R7644-3.8-01", mediaOf(r) == mediaType, r, "%s: Content-Type is %q", what,
			r.header.Get("Content-Type"))
		p.expect("R7644-3.12-18", str(r.at("detail")) != "", r, "%s: detail is %s", what, text(r.at("detail")))
		p.expect("R7644-3.12-22", !traces.MatchString(string(r.body)), r, "%s: the error shows the program's insides",
			what)
	}
	p.expect("R7644-3.2-01", p.get(t.endpoint+"/scimconform-no-such-id").status == 404, nil,
		"an unknown id is answered otherwise than 404")
	for _, f := range []string{strings.Repeat("(", 200) + "id pr", strings.Repeat("not (", 60) + "id pr" +
		strings.Repeat(")", 60), `id eq "` + strings.Repeat("x", 3000) + `"`, "\x00", `id eq "\ud800"`, "%"} {
		r := p.get(t.endpoint, "filter", f, "count", "1")
		p.expect("R7644-3.12-21", r.status < 500 || r.status == 501, r, "the filter %s is answered %d",
			excerpt(text(f), 60), r.status)
	}
	for _, q := range []string{"sortBy=%5B", "startIndex=99999999999999999999", "count=99999999999999999999",
		"attributes=%00", "attributes=" + strings.Repeat("a,", 500)} {
		r := p.get(t.endpoint + "?" + q)
		p.expect("R7644-3.12-21", r.status < 500 || r.status == 501, r, "?%s is answered %d", excerpt(q, 60), r.status)
	}
}

func checkHostileBodies(p *probe) {
	const id = "R7644-3.12-21"
	good := p.s.generate(p.typ, p.unique(), false)
	for what, body := range sorted(map[string]any{
		"null": []byte("null"), "a number": []byte("1"), "invalid UTF-8": []byte("{\"schemas\":[\"" + p.typ.base.id +
			"\"],\"externalId\":\"\xff\"}"),
		"schemas with numbers": with(good, "schemas", arr{1, nil}), "schemas as an object": with(good, "schemas",
			obj{}), "meta as a string": with(good, "meta", "x"),
	}) {
		r := p.send("POST", p.typ.endpoint, body)
		p.expect(id, r.status < 500 || r.status == 501, r, "a body with %s is answered %d", what, r.status)
	}
	if !p.s.svc.features["patch"] {
		return
	}
	x := p.make(p.typ)
	for what, body := range sorted(map[string]any{
		"null operations": patchOp(nil), "a number for a path": patchOp(op("replace", 5, "x")),
		"a long path": patchOp(op("replace", strings.Repeat("a.", 500), "x")),
		"null":        []byte("null"), "open brackets": patchOp(op("remove", strings.Repeat("a[", 100))),
	}) {
		r := p.send("PATCH", x.path, body)
		p.expect(id, r.status < 500 || r.status == 501, r, "a PATCH with %s is answered %d", what, r.status)
	}
}
