package conformance

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"
)

// noAnswer is the requirement that every request gets an answer.
const noAnswer = "R7644-3.12-26"

// trialCheck declares what the trial judges.
var trialCheck = &check{name: "trial", area: "create", ids: ids(
	"R7644-3.3-01 09 R7644-3.4.1-01 R7644-3.4.2-10 R7644-3.4.2.2-01 R7644-3.5-01 R7644-3.5.2-08 " +
		"R7644-3.5.2.3-02 R7644-3.6-01 R7644-3.12-26")}

// maxLag is how long the trial waits for a list to show what was created.
const maxLag = 5 * time.Second

// trial makes one resource of each type, reads, finds, changes and deletes it
// in the plainest way. What fails here is the cause of what would fail in many
// checks: it is judged here, once, and what rests on it is not judged at all.
// What these credentials may not do, or what the suite cannot make, is left out.
func (s *suite) trial(ctx context.Context) {
	if s.target.ReadOnly {
		return
	}
	for _, t := range s.svc.types {
		if t.refusal != nil {
			continue
		}
		if s.target.Budget > 0 && t.base.id != userURN && t.base.id != groupURN {
			t.refusal = &stop{reason: "not in the sample"}
			continue
		}
		p := &probe{s: s, ctx: ctx, check: trialCheck, typ: t, touched: map[string]bool{}, mu: new(sync.Mutex),
			onTrial: true, names: newNames("trial " + t.name)}
		if e := guard(func() { p.try() }); e != nil && t.refusal == nil && e.cut {
			t.refusal = e
		}
	}
	if u := s.typ("User"); u != nil && u.unable["filter"] != nil {
		s.svc.lost["filter"] = u.unable["filter"]
	}
	s.adaptAll()
}

// guard runs f and returns the stop that ended it, if one did.
func guard(f func()) (e *stop) {
	defer func() {
		switch x := recover().(type) {
		case nil:
		case stop:
			e = &x
		default:
			panic(x)
		}
	}()
	f()
	return nil
}

// adaptAll makes the checks work with the quirks that were found.
func (s *suite) adaptAll() {
	if s.quirks.created != 0 || s.quirks.deleted != 0 {
		see := s.http.observe
		s.http.observe = func(r *reply) { see(r); s.adapt(r) }
	}
}

func (p *probe) try() {
	t := p.typ
	x := p.tryCreate(t)
	if x == nil {
		return
	}
	if !p.tryRead(x) {
		return
	}
	p.tryFull(t)
	if p.s.svc.features["filter"] {
		p.tryFilter(x)
	}
	p.tryPut(x)
	if p.s.svc.features["patch"] {
		p.tryPatch(x)
	}
	p.tryDelete(x)
}

// root is a reason to leave out what rests on a failed requirement.
func root(id, format string, args ...any) *stop {
	return &stop{reason: fmt.Sprintf(format, args...), cut: true, root: id}
}

func (p *probe) tryCreate(t *resourceType) *res {
	body := p.s.generate(t, p.unique(), false)
	r := p.send("POST", t.endpoint, body)
	id := str(r.at("id"))
	if id == "" && r.ok() {
		id = lastSegment(r.header.Get("Location"))
	}
	switch {
	case r.status == 403 || r.status == 405 || r.status == 501 || r.status == 401:
		t.refusal = &stop{reason: fmt.Sprintf("these credentials may not create %ss (%d)", t.name, r.status)}
	case r.status >= 500:
		t.refusal = root("R7644-3.12-21", "creating %ss is answered %d", t.name, r.status)
	case !r.ok() && (t.base.id == userURN || t.base.id == groupURN):
		p.expect("R7644-3.3-09", false, r, "a body with all that the schema requires is answered %d: %s", r.status,
			detail(r))
		t.refusal = root("R7644-3.3-09", "the suite cannot make %ss: %d, %s", t.name, r.status, detail(r))
	case !r.ok():
		t.refusal = &stop{reason: fmt.Sprintf("the suite cannot make %ss (%d, %s); give it a body with --body", t.name,
			r.status, detail(r))}
	case id == "":
		p.expect("R7644-3.3-01", r.status == 201, r, "a create is answered %d with neither id nor Location", r.status)
		t.refusal = &stop{reason: fmt.Sprintf("creating %ss is answered %d with neither id nor Location", t.name,
			r.status), cut: true}
	default:
		p.expect("R7644-3.3-09", true, r, "")
		if !p.expect("R7644-3.3-01", r.status == 201, r, "a create is answered %d", r.status) {
			p.s.quirks.created = r.status
		}
		return &res{typ: t, id: id, path: t.endpoint + "/" + url.PathEscape(id), sent: body, made: r}
	}
	return nil
}

// tryRead reads the resource, waiting for it if need be.
func (p *probe) tryRead(x *res) bool {
	r, lag := p.await(func() *reply { return p.get(x.path) }, func(r *reply) bool { return r.status == 200 })
	p.late(lag, r, "GET by id")
	if !p.expect("R7644-3.4.1-01", r.status == 200, r, "GET of what was just created is answered %d", r.status) {
		x.typ.refusal = root("R7644-3.4.1-01", "%ss that were created cannot be read: %d", x.typ.name, r.status)
		return false
	}
	x.body, _ = r.json.(obj)
	return true
}

// await repeats a request until ok likes the answer, for maxLag at most. It
// returns the last answer and how long it took.
func (p *probe) await(ask func() *reply, ok func(*reply) bool) (*reply, time.Duration) {
	const step = 100 * time.Millisecond
	r := ask()
	for waited := time.Duration(0); waited < maxLag && !ok(r) && (r.status == 200 || r.status == 404); waited += step {
		p.s.target.sleep(step)
		if r = ask(); ok(r) {
			return r, waited + step
		}
	}
	return r, 0
}

// late records that reads lag behind writes, and makes the run wait for them.
func (p *probe) late(lag time.Duration, r *reply, what string) {
	q := &p.s.quirks
	if lag > 0 {
		q.mu.Lock()
		q.lag = max(q.lag, 2*lag)
		q.mu.Unlock()
		p.s.svc.notes = append(p.s.svc.notes,
			fmt.Sprintf("the server is lagging: %s shows new %ss after %s; the run waits %s before it reads",
				what, p.typ.name, lag, 2*lag))
	}
	p.expect("R7644-3.4.2-10", lag == 0, r, "%s shows what was created only after %s", what, lag)
}

// tryFilter looks for the resource by its name and for one that does not exist.
func (p *probe) tryFilter(x *res) {
	f, ok := x.typ.find(func(f field) bool {
		return f.typ == "string" && !f.multi && f.parent == nil && f.required && f.returned != "never" &&
			len(f.canonical) == 0 && str(f.in(x.sent)) != ""
	})
	if !ok {
		return
	}
	find := func(v string) *reply { return p.get(x.typ.endpoint, "filter", f.path()+" eq "+text(v)) }
	shows := func(r *reply) bool { return r.status == 200 && element(r.at("Resources"), "id", x.id) != nil }
	r, lag := p.await(func() *reply { return find(str(f.in(x.sent))) }, shows)
	const id = "R7644-3.4.2.2-01"
	none := find(p.unique())
	switch {
	case r.status == 403 || r.status == 401:
		x.typ.unable["filter"] = &stop{reason: fmt.Sprintf("these credentials may not query %s (%d)", x.typ.endpoint,
			r.status)}
	case r.status != 200 || !shows(r):
		p.expect(id, false, r, "%s eq of a resource that exists is answered %d and does not find it", f.path(),
			r.status)
		x.typ.unable["filter"] = root(id, "a filter by %s does not find the %s it names", f.path(), x.typ.name)
	case none.status == 200 && len(resources(none.json)) > 0:
		p.expect(id, false, none, "%s eq of a name nobody has gives %d resources: the filter is ignored", f.path(),
			len(resources(none.json)))
		x.typ.unable["filter"] = root(id, "filters on %s are ignored", x.typ.endpoint)
	default:
		p.late(lag, r, "a list")
		p.expect(id, true, r, "")
	}
}

// tryFull makes a resource with everything its schema lets a client set. What a
// schema cannot tell, the suite cannot know: where the server refuses, the run
// goes on with what is required.
func (p *probe) tryFull(t *resourceType) {
	for range 10 {
		r := p.send("POST", t.endpoint, p.s.generate(t, p.unique(), true))
		if id := str(r.at("id")); r.ok() && id != "" {
			p.delete(&res{typ: t, path: t.endpoint + "/" + url.PathEscape(id)})
		}
		if r.status != 400 && r.status != 403 && r.status != 422 {
			return
		}
		name := t.blamed(detail(r))
		if name == "" {
			t.bare = true
			p.s.remark("%ss with every attribute of their schema are refused (%d, %s); the run sets what is required",
				t.name, r.status, detail(r))
			return
		}
		t.avoid = append(t.avoid, name)
		p.s.remark("the suite cannot set %s of %s (%d, %s); the run leaves it out", name, t.name, r.status, detail(r))
	}
	t.bare = true
}

// blamed is the attribute or extension that the detail of a refusal names.
func (t *resourceType) blamed(detail string) string {
	at, found := len(detail), ""
	look := func(name string) {
		if i := strings.Index(detail, name); i >= 0 && i < at && !slices.Contains(t.avoid, name) {
			at, found = i, name
		}
	}
	for _, e := range t.exts {
		look(e.id)
	}
	for _, f := range t.fields() {
		if f.parent == nil && f.urn == "" && !f.required {
			look(f.name)
		}
	}
	return found
}

// remark adds a note to the report.
func (s *suite) remark(format string, args ...any) {
	s.svc.notes = append(s.svc.notes, s.plain(fmt.Sprintf(format, args...)))
}

// tryPut sends the resource back with another text.
func (p *probe) tryPut(x *res) {
	body := clone(x.sent).(obj)
	r := p.send("PUT", x.path, body)
	p.expectMethod("R7644-3.5-01", r, x.typ)
}

// expectMethod judges the plainest use of a method on a resource.
func (p *probe) expectMethod(id string, r *reply, t *resourceType) bool {
	m := r.req.Method
	switch {
	case r.status == 403 || r.status == 401:
		t.unable[m] = &stop{reason: fmt.Sprintf("these credentials may not %s %ss (%d)", m, t.name, r.status)}
	case r.status == 405 || r.status == 501 || r.status == 404 || r.status >= 500:
		t.unable[m] = root(id, "%s of %ss is answered %d", m, t.name, r.status)
		if m == http.MethodDelete {
			t.unable[m].root = "" // no sentence makes DELETE mandatory
			return false
		}
		p.expect(id, false, r, "the plainest %s is answered %d", m, r.status)
	case r.ok():
		p.expect(id, true, r, "")
		return true
	}
	return false
}

// tryPatch replaces a text and reads it back.
func (p *probe) tryPatch(x *res) {
	f, ok := x.typ.find(func(f field) bool {
		return f.typ == "string" && !f.multi && f.parent == nil && f.urn == "" && f.mutability == "readWrite" &&
			f.returned == "default" &&
			(f.uniqueness == "" || f.uniqueness == "none") && len(f.canonical) == 0 && slices.Contains(preferred,
			f.name)
	})
	if !ok {
		return
	}
	r := p.patch(x, op("replace", f.path(), "scimconform trial"))
	if !p.expectMethod("R7644-3.5.2-08", r, x.typ) {
		return
	}
	g, _ := p.await(func() *reply { return p.get(x.path) },
		func(g *reply) bool { return str(f.in(g.json)) == "scimconform trial" })
	if !p.expect("R7644-3.5.2.3-02", str(f.in(g.json)) == "scimconform trial", r,
		"PATCH is answered %d and has no effect: %s is then %s", r.status, f.path(), text(f.in(g.json))) {
		x.typ.unable["PATCH"] = root("R7644-3.5.2.3-02", "PATCH of %ss has no effect", x.typ.name)
	}
}

func (p *probe) tryDelete(x *res) {
	r := p.delete(x)
	if !p.expectMethod("R7644-3.6-01", r, x.typ) {
		return
	}
	if r.ok() && r.status != http.StatusNoContent && r.status != http.StatusAccepted {
		p.expect("R7644-3.6-01", false, r, "DELETE is answered %d", r.status)
		p.s.quirks.deleted = r.status
	}
}

// confirm runs the checks that have findings again. What is not found again
// is called unstable, but for crashes: one is enough.
func (s *suite) confirm(ctx context.Context) {
	if s.target.Confirm < 0 || s.target.Budget > 0 || ctx.Err() != nil {
		return
	}
	first := s.verdicts
	var again []*check
	for _, c := range allChecks() {
		for _, v := range first {
			if slices.ContainsFunc(v.findings, func(f Finding) bool {
				return f.Check == c.name ||
					f.During == c.name
			}) {
				again = append(again, c)
				break
			}
		}
	}
	held := map[string]int{}
	for range s.target.Confirm {
		s.round++
		s.mu.Lock()
		s.verdicts = map[string]*verdict{}
		s.mu.Unlock()
		for _, c := range again {
			for _, j := range s.jobs(c) {
				s.runJob(ctx, j)
			}
		}
		for id, v := range first {
			if w := s.verdicts[id]; len(v.findings) > 0 && w != nil && len(w.findings) == 0 && len(w.cuts) == 0 &&
				w.passes > 0 {
				held[id]++
			}
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.verdicts = first
	for id, n := range held {
		if id != noAnswer && id != "R7644-3.12-21" {
			first[id].held, first[id].rounds = n, s.target.Confirm+1
		}
	}
}
