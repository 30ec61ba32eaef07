package conformance

import (
	"encoding/base64"
	"net/http"
	"regexp"
	"strings"
)

const eventURN = "urn:ietf:params:scim:event:"

var jwtForm = regexp.MustCompile(`[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*`)

// A securityEvent is a decoded SET; its signature is not verified, for the
// receiver's keys are no business of the suite.
type securityEvent struct {
	alg    string
	claims obj
}

// decodeSETs finds the tokens in the body of an answer.
func decodeSETs(r *reply) []securityEvent {
	var out []securityEvent
	for _, token := range jwtForm.FindAllString(string(r.body), -1) {
		parts := strings.Split(token, ".")
		head, err1 := base64.RawURLEncoding.DecodeString(parts[0])
		body, err2 := base64.RawURLEncoding.DecodeString(parts[1])
		if err1 != nil || err2 != nil {
			continue
		}
		h, _ := decode(head)
		c, _ := decode(body)
		if claims, ok := c.(obj); ok && at(h, "alg") != nil {
			out = append(out, securityEvent{str(at(h, "alg")), claims})
		}
	}
	return out
}

func (e securityEvent) events() obj { o, _ := e.claims["events"].(obj); return o }

func (e securityEvent) payload(name string) obj { o, _ := e.events()[eventURN+name].(obj); return o }

func (e securityEvent) has(name string) bool { _, ok := e.events()[eventURN+name]; return ok }

func (e securityEvent) uri() string { return str(at(e.claims, "sub_id", "uri")) }

func (e securityEvent) txn() string { return str(e.claims["txn"]) }

var async = header("Prefer", "respond-async")

func eventChecks() []check {
	return append([]check{
		{name: "async", needs: "async User",
			ids: ids("R9967-2.5.1.1-01 02 04 05 06 07 R9967-3-01 02 R9967-2.5.1.3-01 R9967-4-05 R9967-2.1-01 02 03 04"),
			run: checkAsync},
		{name: "async-wait", needs: "async User", ids: ids("R9967-2.5.1.1-03"), run: func(p *probe) {
			t := p.s.typ("User")
			r := p.send("POST", t.endpoint, p.s.generate(t, p.unique(), false), header("Prefer",
				"respond-async, wait=10"))
			p.expect("R9967-2.5.1.1-03", r.status == 201, r, "a quick POST with respond-async, wait=10 is answered %d",
				r.status)
		}},
		{name: "async-failure", needs: "async User", ids: ids("R9967-2.5.1.3-02 03"), run: func(p *probe) {
			u := p.user()
			r := p.send("PUT", u.path, with(u.sent, "userName", ""), async)
			p.must(r.status == 202 && r.header.Get("Location") != "", "PUT with respond-async is answered %d", r.status)
			sets := decodeSETs(p.get(p.s.absolute(r.header.Get("Location"))))
			p.must(len(sets) == 1, "the completion event cannot be had at %s", r.header.Get("Location"))
			o := sets[0].payload("misc:asyncresp")
			st := statusText(o["status"])
			p.expect("R9967-2.5.1.3-02", hasString(at(o, "response", "schemas"), messageURN+"Error") &&
				!strings.HasPrefix(st, "2"), r, "a failed request completes with status %s, response %s", st,
				text(o["response"]))
			p.expect("R9967-2.5.1.3-03", str(at(o, "response", "status")) == st, r,
				"status is %s, that of the response %s", st, text(at(o, "response", "status")))
		}},
		{name: "async-access", needs: "async User", ids: ids("R9967-5-01"), run: func(p *probe) {
			u := p.user()
			r := p.send("DELETE", u.path, nil, async)
			loc := p.s.absolute(r.header.Get("Location"))
			p.must(r.status == 202 && loc != "", "DELETE with respond-async is answered %d", r.status)
			a := p.send("GET", loc, nil, as(Credentials{}))
			p.refused("R9967-5-01", a, "401", "a completion event without credentials")
			if p.s.target.Other != nil {
				b := p.send("GET", loc, nil, as(p.s.target.Other.Auth))
				p.refused("R9967-5-01", b, "403 404", "a completion event with another tenant's credentials")
			}
		}},
		{name: "async-off", needs: "!async User", ids: ids("R9967-4-04"), run: func(p *probe) {
			t := p.s.typ("User")
			r := p.send("POST", t.endpoint, p.s.generate(t, p.unique(), false), async)
			p.expect("R9967-4-04", r.status == 201 && r.header.Get("Set-Txn") == "", r,
				"respond-async, which is not announced, is answered %d with Set-Txn %q", r.status,
				r.header.Get("Set-Txn"))
		}},
		{name: "async-bulk", needs: "async bulk User Group.members", ids: ids("R9967-2.5.1.2-01 02 03 04 R9967-2.1-04"),
			run: checkAsyncBulk},
	}, streamChecks()...)
}

func checkAsync(p *probe) {
	t := p.s.typ("User")
	u, v := p.user(), p.user()
	sends := []struct {
		method, path string
		body         any
	}{{"POST", t.endpoint, p.s.generate(t, p.unique(), false)}, {"PUT", u.path, with(u.sent, "externalId", "async")},
		{"PATCH", u.path, patchOp(op("replace", "externalId", "async2"))}, {"DELETE", v.path, nil}}
	txns := map[string]bool{}
	accepted := 0
	for _, s := range sends {
		if s.method == "PATCH" && !p.s.svc.features["patch"] {
			continue
		}
		r := p.send(s.method, s.path, s.body, async)
		if !p.expect("R9967-2.5.1.1-01", r.status == 202 || r.ok(), r, "%s with respond-async is answered %d",
			s.method, r.status) || r.status != 202 {
			continue
		}
		accepted++
		txn, loc := r.header.Get("Set-Txn"), r.header.Get("Location")
		p.expect("R9967-2.5.1.1-02", len(r.body) == 0, r, "the 202 has a body of %d bytes", len(r.body))
		p.expect("R9967-2.5.1.1-05", strings.Contains(r.header.Get("Preference-Applied"), "respond-async"), r,
			"Preference-Applied is %q", r.header.Get("Preference-Applied"))
		p.expect("R9967-3-01", txn != "", r, "the 202 has no Set-Txn")
		p.expect("R9967-3-02", txn == "" || !txns[txn], r, "Set-Txn %q came twice", txn)
		txns[txn] = true
		if !p.expect("R9967-2.5.1.1-04", loc != "", r, "the 202 has no Location") {
			continue
		}
		g := p.get(p.s.absolute(loc))
		sets := decodeSETs(g)
		p.expect("R9967-2.5.1.1-04", g.status == 200 || s.method == "DELETE" && g.status == 404, g,
			"GET of the 202's Location is answered %d", g.status)
		if len(sets) == 1 {
			p.judgeCompletion(s.method, s.path, txn, g, sets[0])
		} else if g.status == 200 {
			p.expect("R9967-2.5.1.1-04", str(g.at("id")) != "", g,
				"the 202's Location has neither a completion event nor the resource")
		}
	}
	p.note("R9967-4-05", nil, "of %d requests with respond-async %d were answered 202", len(sends), accepted)
	r := p.send("POST", t.endpoint, p.s.generate(t, p.unique(), false), async, header("Accept", "text/html"))
	p.expect("R9967-2.5.1.1-06", r.status == 202 || r.status == 201, r,
		"Accept: text/html with respond-async is answered %d", r.status)
}

// judgeCompletion judges the event that tells how a request ended.
func (p *probe) judgeCompletion(method, path, txn string, r *reply, e securityEvent) {
	p.expect("R9967-2.5.1.1-07", e.txn() == txn, r, "txn of the event is %q, Set-Txn was %q", e.txn(), txn)
	o := e.payload("misc:asyncresp")
	st := str(o["status"])
	ok := o != nil && str(o["method"]) == method && len(st) == 3 && strings.HasPrefix(st, "2")
	p.expect("R9967-2.5.1.3-01", ok, r, "the completion of a %s is %s", method, text(e.events()))
	p.judgeSubject(r, e)
	if method != http.MethodPost {
		p.expect("R9967-2.1-04", e.uri() == path, r, "sub_id.uri of the completion of %s %s is %q", method, path,
			e.uri())
	} else if made := path + "/"; p.expect("R9967-2.1-04", strings.HasPrefix(e.uri(), made) && e.uri() != made, r,
		"sub_id.uri of the completion of a POST to %s is %q", path, e.uri()) {
		path = e.uri()
		x := p.get(path)
		p.expect("R9967-2.1-04", x.status == 200, x, "GET of sub_id.uri, which a POST made, is answered %d", x.status)
	}
	if v, given := o["version"]; given {
		tag := ""
		if method != http.MethodDelete {
			tag = p.get(path).header.Get("ETag")
		}
		p.expect("R9967-2.5.1.3-01", str(v) != "" && (tag == "" || str(v) == tag), r,
			"version of the completion of a %s is %s, the ETag of the resource %s", method, text(v), text(tag))
	}
}

// judgeSubject judges how an event names what it is about.
func (p *probe) judgeSubject(r *reply, e securityEvent) {
	inside := false
	for _, payload := range e.events() {
		_, is := at(payload, "sub_id").(obj)
		inside = inside || is
	}
	p.expect("R9967-2.1-01", !inside && e.claims["sub_id"] != nil, r, "sub_id stands inside of the event, or nowhere")
	p.expect("R9967-2.1-02", e.claims["sub"] == nil, r, "sub is %s", text(e.claims["sub"]))
	p.expect("R9967-2.1-03", str(at(e.claims, "sub_id", "format")) == "scim", r, "sub_id.format is %s",
		text(at(e.claims, "sub_id", "format")))
}

func checkAsyncBulk(p *probe) {
	t, g := p.s.typ("User"), p.s.typ("Group")
	gone := p.user()
	r := p.send("POST", "/Bulk", bulkRequest(
		obj{"method": "POST", "path": g.endpoint, "bulkId": "g", "data": with(p.s.generate(g, p.unique(), false),
			"members", arr{obj{"value": "bulkId:u"}})},
		obj{"method": "POST", "path": t.endpoint, "bulkId": "u", "data": p.s.generate(t, p.unique(), false)},
		obj{"method": "DELETE", "path": gone.path}), async)
	p.must(r.status == 202 && r.header.Get("Location") != "", "a request with respond-async is answered %d", r.status)
	l := p.get(p.s.absolute(r.header.Get("Location")))
	sets := decodeSETs(l)
	txn := r.header.Get("Set-Txn")
	p.expect("R9967-2.5.1.2-01", len(sets) == 3, l, "3 operations gave %d completion events", len(sets))
	want := map[string]string{"0": "g", "1": "u", "2": ""}
	seen := map[string]bool{}
	for _, e := range sets {
		index, ok := strings.CutPrefix(e.txn(), txn+":")
		o := e.payload("misc:asyncresp")
		id, known := want[index]
		p.expect("R9967-2.5.1.2-02", ok && known && !seen[index], l,
			"txn %q is not Set-Txn %q with the index of an operation", e.txn(), txn)
		seen[index] = true
		p.expect("R9967-2.5.1.2-04", known && str(o["bulkId"]) == id, l,
			"txn %q belongs to bulkId %s, by the order of the request it is %q", e.txn(), text(o["bulkId"]), id)
		p.expect("R9967-2.5.1.2-03", !strings.HasSuffix(e.txn(), ":g") && !strings.HasSuffix(e.txn(), ":u"), l,
			"txn %q uses the bulkId", e.txn())
		if str(o["method"]) == http.MethodDelete {
			p.expect("R9967-2.1-04", e.uri() == gone.path, l, "sub_id.uri of the completion of DELETE %s is %q", gone.path,
				e.uri())
		}
		if loc := str(o["location"]); strings.EqualFold(str(o["method"]), "POST") {
			p.s.keep(p.s.absolute(loc), nil)
		}
	}
}
