package conformance

import (
	"fmt"
	"net/http"
	"strings"
	"time"
)

// An observer looks at every exchange of a run and judges what it applies to.
type observer struct {
	name string
	ids  []string
	see  func(*sight)
}

// sight is one exchange as an observer sees it.
type sight struct {
	*reply
	s    *suite
	o    *observer
	path string // below the base URL, without query
}

// observers lists all of them.
func observers() []observer {
	var out []observer
	out = append(out, replyObservers()...)
	out = append(out, resourceObservers()...)
	out = append(out, observer{"states",
		ids("R7644-3.1-03 R7644-3.4.2-08 R7644-3.4.3-08 R7644-3.7-18 R7644-3.5.2-26 R7644-3.5.1-03"), sameState})
	return append(out, messageObservers()...)
}

// expect is probe.expect for observers.
func (x *sight) expect(id string, ok bool, format string, args ...any) {
	x.s.judge(x.o, id, ok, x.reply, format, args...)
}

func (s *suite) judge(o *observer, id string, ok bool, r *reply, format string, args ...any) {
	if ok {
		s.record(id, func(v *verdict) { v.passes++ })
		return
	}
	s.find(id, func() Finding {
		f := s.finding("observer/"+o.name, fmt.Sprintf(format, args...), r)
		f.During = r.check
		return f
	})
}

// observe is called by the client for each answer.
func (s *suite) observe(r *reply) {
	s.mu.Lock()
	s.strikes = 0
	s.answered++
	s.latency += (r.took - s.latency) / time.Duration(s.answered)
	sp := s.spent[r.check]
	sp.requests++
	s.spent[r.check] = sp
	s.mu.Unlock()
	s.record(noAnswer, func(v *verdict) { v.passes++ })
	s.track(r)
	if s.clientOnly() {
		return // those clients look at other things
	}
	path := s.below(r)
	if strings.Contains(path, "://") {
		return // not the service: a redirect's target, a token URL
	}
	s.expectFrame(r)
	for _, o := range s.watch {
		x := &sight{reply: r, s: s, o: &o, path: path}
		o.see(x)
	}
}

// failed reports whether the answer is an error.
func (r *reply) failed() bool { return r.status >= 400 }

// isList reports whether the answer is, or ought to be, a ListResponse.
func (x *sight) isList() bool {
	o, ok := x.json.(obj)
	return ok && x.status == 200 && (o["Resources"] != nil || o["totalResults"] != nil)
}

// projected reports whether the request asked for a part of the resources.
func (x *sight) projected() bool {
	q := x.req.URL.Query()
	return q.Has("attributes") || q.Has("excludedAttributes") || strings.HasSuffix(x.path, "/.search")
}

// typeOf finds the resource type whose endpoint the path is under.
func (s *suite) typeOf(path string) *resourceType {
	if s.svc == nil {
		return nil
	}
	for _, t := range s.svc.types {
		if path == t.endpoint || strings.HasPrefix(path, t.endpoint+"/") {
			return t
		}
	}
	return nil
}

// seen are the resources an answer shows, each with its type; those of another
// schema version or of unknown types are left out.
func (x *sight) seen() []shown {
	var out []shown
	if !x.ok() || x.path == "/Bulk" {
		return nil
	}
	add := func(v any, t *resourceType) {
		o, ok := v.(obj)
		if !ok {
			return
		}
		if t == nil {
			for _, c := range x.s.svc.types {
				if hasString(o["schemas"], c.base.id) {
					t = c
				}
			}
		}
		if t != nil {
			out = append(out, shown{o, t})
		}
	}
	t := x.s.typeOf(x.path)
	if x.s.svc == nil || t == nil && x.path != "" && x.path != "/" && x.path != "/.search" && x.path != "/Me" {
		return nil
	}
	if x.isList() {
		for _, v := range resources(x.json) {
			add(v, t)
		}
		return out
	}
	if o, ok := x.json.(obj); ok && x.req.Method != http.MethodDelete && x.status != http.StatusAccepted &&
		o["Operations"] == nil {
		add(o, t)
	}
	return out
}

type shown struct {
	obj
	typ *resourceType
}

// single reports whether the answer is one whole resource of a type.
func (x *sight) single() bool {
	return x.ok() && !x.isList() && x.s.typeOf(x.path) != nil && !strings.HasSuffix(x.path, "/.search")
}
