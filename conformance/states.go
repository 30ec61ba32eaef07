package conformance

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
)

// states remembers how each of the run's own resources was last shown, and
// which requests may have changed it since, so that two representations of one
// state can be compared wherever they come from.
type states struct {
	mu     *sync.Mutex
	clock  int            // counts the beginnings and ends of writes
	all    int            // when a write last touched any resource there is
	last   map[string]int // when a write last touched the resource at a path
	busy   map[string]int // writes under way on a path; "" for all
	shown  map[string]snapshot
	frames map[string]frame
}

// A snapshot is a whole representation and when it was taken.
type snapshot struct {
	obj
	at   int
	from string // such as "GET", "the list" or "the reply to PUT"
	id   string // the requirement that is broken where GET shows something else

	// Only what one check saw is compared, for what else is shown meanwhile
	// depends on which checks run at the same time, and verdicts must not.
	check string
}

// A frame is a write whose effect has not been seen yet: what was shown before
// it and has to be there after it.
type frame struct {
	before obj
	sent   obj                    // the body of a PUT
	spared func(name string) bool // attributes that a PATCH does not name
	check  *reply
}

func newStates() states {
	return states{mu: new(sync.Mutex), last: map[string]int{}, busy: map[string]int{}, shown: map[string]snapshot{},
		frames: map[string]frame{}}
}

// A ticket is one request on its way.
type ticket struct {
	rq    request
	path  string // of the one resource a write changes; "" if it may be any
	write bool
	began int  // the clock when it was sent
	prev  int  // the last write before it to the same resource
	alone bool // no other write to the same resource was under way meanwhile
	ended bool
	done  int // the clock when it was answered
}

// begin notes that a request is on its way.
func (t *states) begin(rq request, base string) *ticket {
	t.mu.Lock()
	defer t.mu.Unlock()
	k := &ticket{rq: rq, path: strings.TrimPrefix(rq.path, base), write: !rq.safe()}
	switch {
	case rq.method == http.MethodPost && !strings.HasSuffix(rq.path, "/Bulk"):
		k.write = false // a create changes no other resource, but for attributes that are not compared
	case rq.method == http.MethodDelete || strings.Count(k.path, "/") != 2:
		k.path = ""
	}
	k.prev = max(t.last[k.path], t.all)
	if k.write {
		t.touch(k.path, 1)
	}
	k.began = t.clock
	return k
}

// end notes that the request was answered, or not.
func (t *states) end(k *ticket) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if k.ended {
		return
	}
	k.ended = true
	k.alone = !k.write || max(t.last[k.path], t.all) == k.began && t.busy[k.path] == 1 && (k.path == "" ||
		t.busy[""] == 0)
	if k.write {
		t.touch(k.path, -1)
	}
	k.done = t.clock
}

func (t *states) touch(path string, n int) {
	t.clock++
	t.busy[path] += n
	if path == "" {
		t.all = t.clock
	} else {
		t.last[path] = t.clock
	}
}

// current reports whether what was seen at a time is still so.
func (t *states) current(path string, at int) bool {
	return t.busy[path] == 0 && t.busy[""] == 0 && t.last[path] <= at && t.all <= at
}

// A showing is a representation in an answer.
type showing struct {
	obj
	typ  *resourceType
	path string
	from string
	id   string // the requirement that is broken where it differs
}

// showings are the whole representations of the run's own resources in an answer.
func (x *sight) showings() []showing {
	if x.s.svc == nil || !x.ok() || x.status == http.StatusAccepted || x.partial() {
		return nil
	}
	from, id := "GET", "R7644-3.1-03"
	var in []shown
	switch {
	case x.path == "/Bulk":
		from, id = "the reply to Bulk", "R7644-3.7-18"
		in = x.bulkShown()
	case strings.HasSuffix(x.path, "/.search"):
		from, id, in = "the answer to .search", "R7644-3.4.3-08", x.seen()
	case x.isList():
		from, id, in = "the list", "R7644-3.4.2-08", x.seen()
	case x.req.Method != http.MethodGet:
		from, in = "the reply to "+x.req.Method, x.seen()
	default:
		in = x.seen()
	}
	var out []showing
	for _, o := range in {
		if one := str(o.obj["id"]); one != "" && x.s.owns(one) {
			out = append(out, showing{o.obj, o.typ, o.typ.endpoint + "/" + one, from, id})
		}
	}
	return out
}

// bulkShown are the representations in the results of a bulk request, of
// resources that only one of its operations is about.
func (x *sight) bulkShown() []shown {
	var out []shown
	count := map[string]int{}
	for _, op := range list(x.at("Operations")) {
		count[str(at(op, "location"))]++
	}
	for _, op := range list(x.at("Operations")) {
		o, ok := at(op, "response").(obj)
		if !ok || !strings.HasPrefix(statusText(at(op, "status")), "2") || count[str(at(op, "location"))] != 1 {
			continue
		}
		for _, t := range x.s.svc.types {
			if hasString(o["schemas"], t.base.id) {
				out = append(out, shown{o, t})
			}
		}
	}
	return out
}

// partial reports whether the request asked for a part of the resources.
func (x *sight) partial() bool {
	if strings.HasSuffix(x.path, "/.search") {
		body, _ := decode(x.reqBody)
		return at(body, "attributes") != nil || at(body, "excludedAttributes") != nil
	}
	return x.projected()
}

// sameState is the observer that compares every representation of one state of
// a resource with the one before it.
func sameState(x *sight) {
	t := &x.s.states
	for _, o := range x.showings() {
		t.mu.Lock()
		old, known := t.shown[o.path]
		fr, framed := t.frames[o.path]
		fresh := t.current(o.path, x.ticket.began)
		if x.ticket.write {
			fresh = x.ticket.alone && t.current(o.path, x.ticket.done)
		}
		comparable := known && t.current(o.path, old.at) && old.check == x.check
		if fresh {
			t.shown[o.path] = snapshot{o.obj, t.clock, o.from, o.id, x.check}
			delete(t.frames, o.path)
		} else {
			delete(t.shown, o.path)
		}
		t.mu.Unlock()
		if !fresh {
			continue
		}
		if framed {
			x.judgeFrame(o, fr)
		}
		if !comparable {
			continue
		}
		id := o.id
		if o.from == "GET" {
			id = old.id // the item is what the others are measured by
		}
		diff := o.typ.unlike(old.obj, o.obj, x.s)
		x.expect(id, diff == "", "%s is %s in %s and %s in %s, of one state of a %s", diff,
			excerpt(text(value(old.obj, diff)), 120), old.from,
			excerpt(text(value(o.obj, diff)), 120), o.from, o.typ.name)
	}
}

func value(o obj, path string) any {
	if strings.HasPrefix(path, "meta.") {
		return at(o, path)
	}
	if i := strings.LastIndex(path, ":"); i > 0 {
		return at(o, path[:i], path[i+1:])
	}
	return member(o, path)
}

// unlike names an attribute in which two representations of one state differ.
// readOnly attributes are left out, for other resources may change them.
func (t *resourceType) unlike(a, b obj, s *suite) string {
	for _, f := range t.fields() {
		if f.parent != nil || f.returned == "request" || f.returned == "never" || f.mutability == "readOnly" ||
			f.mutability == "writeOnly" {
			continue
		}
		x, y := f.settled(f.in(a), s), f.settled(f.in(b), s)
		if !same(x, y) && !(unassigned(x) && unassigned(y)) {
			return f.path()
		}
	}
	for _, k := range []string{"created", "lastModified", "location", "version", "resourceType"} {
		if !same(at(a, "meta", k), at(b, "meta", k)) {
			return "meta." + k
		}
	}
	if fmt.Sprint(t.listed(a["schemas"])) != fmt.Sprint(t.listed(b["schemas"])) {
		return "schemas"
	}
	return ""
}

// listed are the URNs in "schemas", in lower case and in order, without
// extensions of which everything is returned on request: the reply to a change
// that sets one has it, and others have not (RFC 7643 section 7).
func (t *resourceType) listed(schemas any) []string {
	return slices.DeleteFunc(lowered(schemas), func(urn string) bool {
		return slices.ContainsFunc(t.exts, func(e extension) bool {
			return strings.EqualFold(e.id, urn) &&
				!slices.ContainsFunc(e.attrs, func(a *attribute) bool { return a.returned != "request" })
		})
	})
}

// lowered are the strings of a list in lower case and in order.
func lowered(v any) []string {
	var out []string
	for _, x := range list(v) {
		out = append(out, strings.ToLower(str(x)))
	}
	return sortedStrings(out)
}

// settled is a value without what may differ between representations: the
// order of a multi-valued attribute, and readOnly sub-attributes.
func (f field) settled(v any, s *suite) any {
	clean := func(e any) any {
		o, ok := e.(obj)
		if !ok {
			return e
		}
		out := obj{}
		for k, x := range o {
			if a := f.sub(k); a != nil && a.mutability != "readOnly" && a.returned == "default" && !unassigned(x) {
				if strings.EqualFold(k, "$ref") {
					x = s.absolute(str(x))
				}
				out[k] = x
			}
		}
		return out
	}
	l, ok := v.(arr)
	if !ok {
		return clean(v)
	}
	out := make(arr, 0, len(l))
	for _, e := range l {
		out = append(out, clean(e))
	}
	slices.SortFunc(out, func(a, b any) int { return strings.Compare(text(a), text(b)) })
	return out
}

// expectFrame remembers what a write has to leave in place.
func (s *suite) expectFrame(r *reply) {
	t, path := &s.states, s.below(r)
	typ := s.typeOf(path)
	if typ == nil || !r.ok() || r.status == http.StatusAccepted || strings.Count(path, "/") != 2 {
		return
	}
	body, _ := decode(r.reqBody)
	fr := frame{check: r}
	switch r.req.Method {
	case http.MethodPut:
		fr.sent, _ = body.(obj)
	case http.MethodPatch:
		fr.spared = spared(body, typ)
	default:
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if old, ok := t.shown[path]; ok && old.at >= r.ticket.prev && r.ticket.alone {
		fr.before = old.obj
		t.frames[path] = fr
	} else {
		delete(t.frames, path)
	}
}

// spared tells which attributes no operation of a PATCH names.
func spared(body any, t *resourceType) func(string) bool {
	named := map[string]bool{}
	add := func(path string) {
		path = strings.ToLower(path)
		urns := []string{t.base.id}
		for _, e := range t.exts {
			urns = append(urns, e.id)
		}
		for _, u := range urns {
			u = strings.ToLower(u)
			if rest, ok := strings.CutPrefix(path, u+":"); ok {
				path = rest
			} else if path == u {
				for _, e := range t.exts {
					for _, a := range e.attrs {
						named[strings.ToLower(a.name)] = true
					}
				}
			}
		}
		if i := strings.IndexAny(path, ".["); i >= 0 {
			path = path[:i]
		}
		named[path] = true
	}
	for _, o := range list(at(body, "Operations")) {
		if p := str(at(o, "path")); p != "" {
			add(p)
			continue
		}
		v, _ := at(o, "value").(obj)
		for k := range v {
			add(k)
		}
	}
	return func(name string) bool { return !named[strings.ToLower(name)] }
}

// judgeFrame expects what a write did not name, or sent itself, to be there.
func (x *sight) judgeFrame(o showing, fr frame) {
	for _, f := range o.typ.fields() {
		if f.parent != nil || f.returned != "default" && f.returned != "always" || f.mutability == "readOnly" ||
			f.mutability == "writeOnly" {
			continue
		}
		was, is := f.in(fr.before), f.in(o.obj)
		if unassigned(was) {
			continue
		}
		switch {
		case fr.spared != nil && fr.spared(f.name):
			x.s.judge(x.o, "R7644-3.5.2-26", !unassigned(is), fr.check,
				"a PATCH that does not name %s took it away: it was %s", f.path(), excerpt(text(was), 120))
		case fr.sent != nil && !unassigned(f.in(fr.sent)):
			x.s.judge(x.o, "R7644-3.5.1-03", !unassigned(is), fr.check, "PUT with %s %s leaves it without value",
				f.path(), excerpt(text(f.in(fr.sent)), 120))
		}
	}
}
