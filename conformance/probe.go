package conformance

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
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
	mu      *sync.Mutex
	trail   []*reply // the last requests of this check
	onTrial bool     // before it is known what works
	names   *names   // for what it makes
}

// names are the names that one job gives what it makes.
type names struct {
	tag    string
	serial atomic.Int64
}

func newNames(of string) *names {
	h := fnv.New32a()
	h.Write([]byte(of))
	return &names{tag: strconv.FormatUint(uint64(h.Sum32()), 36)}
}

// unique returns a name that no other resource has.
func (p *probe) unique() string {
	return fmt.Sprintf("%s-%s%s-%d", p.s.target.Prefix, p.s.id, p.names.tag, p.names.serial.Add(1))
}

// stop ends a check early; requirements it has not judged are skipped.
type stop struct {
	reason string
	cut    bool   // parts were left out that should have run: what was judged is not the whole
	root   string // the requirement whose failure is the cause, if it is known
}

func (p *probe) stop(format string, args ...any) {
	panic(stop{reason: fmt.Sprintf(format, args...)})
}

// need ends the check if ok is false, because there is nothing to judge here:
// a schema without the attribute, credentials that were not given.
func (p *probe) need(ok bool, format string, args ...any) {
	if !ok {
		p.stop(format, args...)
	}
}

// must ends the check if ok is false, because the server did not do what the
// rest of the check builds on. Requirements of the check do not count as
// passed then, for some of their parts did not run.
func (p *probe) must(ok bool, format string, args ...any) {
	if !ok {
		panic(stop{reason: fmt.Sprintf(format, args...), cut: true})
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
// "400/invalidValue,invalidSyntax 409/uniqueness! 404": a status and the
// scimTypes that fit. scimType is optional (RFC 7644 section 3.12), so a
// missing one is no deviation, and one that does not fit is a deviation of its
// own, unless "!" says that the RFC demands it here.
func (p *probe) refused(id string, r *reply, want, what string) bool {
	p.s.judgeType(p.check.name, r, want)
	return p.expect(id, answers(r, want), r, "%s: expected %s, got %s", what,
		strings.ReplaceAll(strings.ReplaceAll(want, "!", ""), " ", " or "), got(r))
}

// got is a status with the scimType, if there is one.
func got(r *reply) string {
	return strings.Trim(fmt.Sprintf("%d/%s", r.status, str(r.at("scimType"))), "/")
}

// An answer is one of the refusals that a requirement allows.
type answer struct {
	code   string
	types  []string // the scimTypes that fit; nil for any
	demand bool     // one of them has to be there
}

func parseAnswers(want string) []answer {
	var out []answer
	for alt := range strings.FieldsSeq(want) {
		code, types, typed := strings.Cut(alt, "/")
		a := answer{code: code}
		types, a.demand = strings.CutSuffix(types, "!")
		if typed {
			a.types = strings.Split(types, ",")
		}
		out = append(out, a)
	}
	return out
}

func answers(r *reply, want string) bool {
	for _, a := range parseAnswers(want) {
		if a.code == fmt.Sprint(r.status) && (!a.demand || slices.Contains(a.types, str(r.at("scimType")))) {
			return true
		}
	}
	return false
}

// judgeType records a scimType that is there and does not say what is wrong.
func (s *suite) judgeType(check string, r *reply, want string) {
	kind := str(r.at("scimType"))
	for _, a := range parseAnswers(want) {
		if a.code != fmt.Sprint(r.status) || kind == "" || a.demand || a.types == nil {
			continue
		}
		if slices.Contains(a.types, kind) {
			s.record("R7644-3.12-27", func(v *verdict) { v.passes++ })
			return
		}
		s.find("R7644-3.12-27", func() Finding {
			return s.finding(check, fmt.Sprintf("scimType is %s; %s would say what is wrong", kind,
				strings.Join(a.types, " or ")), r)
		})
		return
	}
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

// send sends a request. Where no answer comes, that is a failure of its own
// and the check ends.
func (p *probe) send(method, path string, body any, opts ...option) *reply {
	rq := request{method: method, path: path, body: body, auth: p.auth, check: p.check.name}
	if p.base != "" && strings.HasPrefix(path, "/") {
		rq.path = p.base + path
	}
	for _, o := range opts {
		o(&rq)
	}
	if rq.auth == nil && !p.onTrial {
		p.s.unable(rq)
	}
	r, err := p.s.http.do(p.ctx, rq)
	p.keep(r)
	switch {
	case err == nil:
		return r
	case errors.Is(err, errReadOnly):
		p.stop("%v", err)
	case p.ctx.Err() != nil:
		panic(stop{reason: context.Cause(p.ctx).Error(), cut: true})
	}
	p.s.unanswered(p, rq, err)
	panic(stop{reason: fmt.Sprintf("%s %s got no answer: %v", method, path, p.s.plain(err)), cut: true, root: noAnswer})
}

// keep adds an exchange to the trail of the check.
func (p *probe) keep(r *reply) {
	if r == nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	r.trail = slices.Clone(p.trail)
	p.trail = append(p.trail, r)
	if len(p.trail) > maxTrail {
		p.trail = p.trail[len(p.trail)-maxTrail:]
	}
}

// maxTrail is how many requests before the last one a finding can show.
const maxTrail = 8

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
	return p.create(t, with(p.s.generate(t, p.unique(), false), pairs...))
}

func (p *probe) create(t *resourceType, body obj) *res {
	r := p.send(http.MethodPost, t.endpoint, body)
	o, _ := r.json.(obj)
	id := str(at(o, "id"))
	p.must(r.status == 201 && id != "", "a %s could not be created: status %d, %s", t.name, r.status, detail(r))
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
	p.must(r.status == 200 && ok, "GET %s after its creation: status %d", x.path, r.status)
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
	return fmt.Sprintf(`%s sw "%s-%s"`, f.path(), p.s.target.Prefix, p.s.id), true
}
