package conformance

import (
	"net/http"
	"strings"
	"sync"
	"time"
)

// quirks are deviations that the trial found and judged, and that the checks
// then work with instead of finding each of them again.
type quirks struct {
	created int // the status of a create, if it is a success other than 201
	deleted int // the status of a delete, if it is a success other than 204

	mu    sync.Mutex
	lag   time.Duration // how long lists may lag behind writes
	wrote time.Time     // the last write
}

// adapt gives an answer with a quirk the status that the checks expect. What
// came is kept in real, for reports.
func (s *suite) adapt(r *reply) {
	t := s.typeOf(s.below(r))
	if t == nil || r.real != 0 {
		return
	}
	switch {
	case r.req.Method == http.MethodPost && s.below(r) == t.endpoint && r.status == s.quirks.created:
		r.status, r.real = http.StatusCreated, r.status
	case r.req.Method == http.MethodDelete && r.status == s.quirks.deleted:
		r.status, r.real = http.StatusNoContent, r.status
		r.body, r.json = nil, nil
	}
}

// settle is called before each request. Where lists lag behind writes, it
// waits before a list; where it is a write, it takes note of it.
func (s *suite) settle(rq request) {
	q := &s.quirks
	q.mu.Lock()
	now, due := s.target.now(), q.wrote.Add(q.lag)
	if !rq.safe() {
		q.wrote = now
	}
	lag := q.lag
	q.mu.Unlock()
	if wait := due.Sub(now); lag > 0 && rq.safe() && wait > 0 {
		s.target.sleep(min(wait, lag))
	}
}

// below is the path of an answer's request below the base URL, without query;
// the whole URL if it is not the service's.
func (s *suite) below(r *reply) string {
	u := strings.TrimSuffix(r.req.URL.String(), "?"+r.req.URL.RawQuery)
	if path, ok := strings.CutPrefix(u, s.target.URL); ok {
		return path
	}
	return u
}

// unable ends a check before it uses what the trial found not to work on a type.
func (s *suite) unable(rq request) {
	if s.svc == nil {
		return
	}
	t := s.typeOf(strings.TrimSuffix(rq.path, "/.search"))
	if t == nil {
		return
	}
	body, _ := rq.body.(obj)
	if e := t.unable["filter"]; e != nil && (rq.query.Get("filter") != "" || strings.HasSuffix(rq.path, "/.search") &&
		body["filter"] != nil) {
		panic(*e)
	}
	if e := t.unable[rq.method]; e != nil && rq.path != t.endpoint {
		panic(*e)
	}
}
