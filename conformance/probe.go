package conformance

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// A probe is one run of a check: what it sends with and reports to.
type probe struct {
	s       *suite
	ctx     context.Context
	check   *check
	typ     *resourceType // of a check that runs for each type
	touched map[string]bool
	base    string // base URL and credentials of another tenant, if set
	auth    *Credentials
	polled  *reply // the last poll that brought events
}

// stop ends a check early; its remaining requirements are skipped.
type stop struct{ reason string }

func (p *probe) stop(format string, args ...any) {
	panic(stop{fmt.Sprintf(format, args...)})
}

// need ends the check if ok is false.
func (p *probe) need(ok bool, format string, args ...any) {
	if !ok {
		p.stop(format, args...)
	}
}

// touch makes sure a check only judges what it declares.
func (p *probe) touch(id string) {
	if !slices.Contains(p.check.ids, id) {
		panic("check " + p.check.name + " does not declare " + id)
	}
	p.touched[id] = true
}

// expect records that a requirement holds, or the finding that it does not.
func (p *probe) expect(id string, ok bool, r *reply, format string, args ...any) bool {
	p.touch(id)
	if ok {
		p.s.record(id, func(v *verdict) { v.passes++ })
		return true
	}
	p.s.find(id, func() Finding {
		msg := fmt.Sprintf(format, args...)
		if p.typ != nil {
			msg = p.typ.name + ": " + msg
		}
		return p.s.finding(p.check.name, msg, r)
	})
	return false
}

// note records what a server chose where it may choose.
func (p *probe) note(id string, r *reply, format string, args ...any) {
	p.touch(id)
	f := p.s.finding(p.check.name, fmt.Sprintf(format, args...), r)
	p.s.record(id, func(v *verdict) { v.note(f) })
}

func (p *probe) skip(id, reason string) {
	p.touch(id)
	p.s.record(id, func(v *verdict) { v.skip(reason) })
}

// refused expects one of the answers in want, such as
// "400/invalidValue,invalidSyntax 409/uniqueness 404": a status and the
// scimTypes it may carry, any if none is named.
func (p *probe) refused(id string, r *reply, want, what string) bool {
	got := fmt.Sprint(r.status)
	if st := str(r.at("scimType")); st != "" {
		got += "/" + st
	}
	return p.expect(id, answers(r, want), r, "%s: expected %s, got %s", what, strings.ReplaceAll(want, " ", " or "), got)
}

func answers(r *reply, want string) bool {
	for alt := range strings.FieldsSeq(want) {
		code, types, typed := strings.Cut(alt, "/")
		if code == fmt.Sprint(r.status) && (!typed || slices.Contains(strings.Split(types, ","), str(r.at("scimType")))) {
			return true
		}
	}
	return false
}

// option changes a request before it is sent.
type option func(*request)

func header(k, v string) option {
	return func(rq *request) {
		if rq.header == nil {
			rq.header = http.Header{}
		}
		if v == "" {
			rq.header[k] = nil
			return
		}
		rq.header[http.CanonicalHeaderKey(k)] = []string{v}
	}
}

// query adds parameters given as name, value pairs.
func query(pairs ...string) option {
	return func(rq *request) {
		if rq.query == nil {
			rq.query = url.Values{}
		}
		for i := 0; i < len(pairs); i += 2 {
			rq.query.Add(pairs[i], pairs[i+1])
		}
	}
}

func as(c Credentials) option { return func(rq *request) { rq.auth = &c } }

// send sends a request; without an answer the check ends.
func (p *probe) send(method, path string, body any, opts ...option) *reply {
	rq := request{method: method, path: path, body: body, auth: p.auth}
	if p.base != "" && strings.HasPrefix(path, "/") {
		rq.path = p.base + path
	}
	for _, o := range opts {
		o(&rq)
	}
	r, err := p.s.http.do(p.ctx, rq)
	if err != nil {
		if errors.Is(err, errReadOnly) {
			p.stop("%v", err)
		}
		if !errors.Is(err, context.Canceled) {
			p.s.strike(err)
		}
		p.stop("no answer: %v", err)
	}
	return r
}

func (p *probe) get(path string, pairs ...string) *reply {
	return p.send(http.MethodGet, path, nil, query(pairs...))
}

// res is a resource a check made.
type res struct {
	typ  *resourceType
	id   string
	path string
	body obj // as the server answered
	sent obj
	made *reply
}

// make creates a resource of a type by the generator; pairs are attributes to
// set besides. Where the server refuses, the check ends.
func (p *probe) make(t *resourceType, pairs ...any) *res {
	return p.create(t, with(p.s.generate(t, p.s.unique(), false), pairs...))
}

func (p *probe) create(t *resourceType, body obj) *res {
	r := p.send(http.MethodPost, t.endpoint, body)
	o, _ := r.json.(obj)
	id := str(at(o, "id"))
	if r.status != 201 || id == "" {
		p.stop("a %s could not be created: status %d, %s", t.name, r.status, detail(r))
	}
	return &res{typ: t, id: id, path: t.endpoint + "/" + url.PathEscape(id), body: o, sent: body, made: r}
}

func detail(r *reply) string {
	if d := str(r.at("detail")); d != "" {
		return d
	}
	return excerpt(string(r.body), 120)
}

func (p *probe) user(pairs ...any) *res  { return p.make(p.s.typ("User"), pairs...) }
func (p *probe) group(pairs ...any) *res { return p.make(p.s.typ("Group"), pairs...) }

// read gets a resource back; the check ends if it cannot.
func (p *probe) read(x *res) obj {
	r := p.get(x.path)
	o, ok := r.json.(obj)
	p.need(r.status == 200 && ok, "GET %s after its creation: status %d", x.path, r.status)
	return o
}

func (p *probe) put(x *res, body obj, opts ...option) *reply {
	return p.send(http.MethodPut, x.path, body, opts...)
}

func (p *probe) patch(x *res, ops ...any) *reply {
	return p.send(http.MethodPatch, x.path, patchOp(ops...))
}

func (p *probe) delete(x *res, opts ...option) *reply {
	return p.send(http.MethodDelete, x.path, nil, opts...)
}

func patchOp(ops ...any) obj {
	return obj{"schemas": arr{messageURN + "PatchOp"}, "Operations": arr(ops)}
}

// op is a PATCH operation; a nil path is left out, and so is a missing value.
func op(name string, path any, value ...any) obj {
	o := obj{"op": name}
	if path != nil {
		o["path"] = path
	}
	if len(value) > 0 {
		o["value"] = value[0]
	}
	return o
}

// search returns the ids a filter finds on a type, page by page.
func (p *probe) search(t *resourceType, filter string, pairs ...string) ([]string, *reply) {
	var out []string
	for start := 1; ; {
		q := append([]string{"filter", filter, "startIndex", fmt.Sprint(start), "count", "100"}, pairs...)
		r := p.get(t.endpoint, q...)
		if r.status != 200 {
			return nil, r
		}
		page := resources(r.json)
		for _, o := range page {
			out = append(out, str(o["id"]))
		}
		total, _ := integer(r.at("totalResults"))
		start += len(page)
		if len(page) == 0 || start > total || start > 5000 {
			return out, r
		}
	}
}

// mine is the filter for what this run made of a type, by a string attribute
// every resource of it has.
func (p *probe) mine(t *resourceType) (string, bool) {
	f, ok := t.find(func(f field) bool {
		return f.typ == "string" && !f.multi && f.parent == nil && f.required && f.returned != "never"
	})
	if !ok {
		return "", false
	}
	return fmt.Sprintf(`%s sw "%s-%s-"`, f.path(), p.s.target.Prefix, p.s.id), true
}
