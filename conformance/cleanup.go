package conformance

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

// track remembers what a request made, so that it is deleted at the end; it
// sees every exchange, so that no check can forget.
func (s *suite) track(r *reply) {
	switch {
	case r.req.Method == http.MethodPost && r.ok():
		if made := list(r.at("Operations")); made != nil {
			for _, op := range made {
				if strings.EqualFold(str(at(op, "method")), "POST") && strings.HasPrefix(statusText(at(op, "status")),
					"2") {
					s.keep(str(at(op, "location")), r.auth)
				}
			}
			return
		}
		if r.status == http.StatusAccepted || strings.HasSuffix(r.req.URL.Path, "/.search") ||
			strings.HasSuffix(r.req.URL.Path, "/Bulk") {
			return
		}
		path, base := strings.TrimSuffix(r.req.URL.String(), "?"+r.req.URL.RawQuery), s.target.URL
		if id := str(r.at("id")); id != "" && strings.HasPrefix(path, base) {
			s.keep(strings.TrimRight(path, "/")+"/"+url.PathEscape(id), r.auth)
		} else {
			s.keep(r.header.Get("Location"), r.auth)
		}
	case r.req.Method == http.MethodDelete && r.ok():
		s.drop(r.req.URL.String())
	}
}

// A creation is a resource to delete, and the credentials it was made with.
type creation struct {
	url  string
	auth *Credentials
}

// owns reports whether the run made the resource with an id.
func (s *suite) owns(id string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.own[id]
}

func (s *suite) keep(u string, auth *Credentials) {
	if strings.HasPrefix(u, "/") {
		if b, err := url.Parse(s.target.URL); err == nil {
			u = b.Scheme + "://" + b.Host + u
		}
	}
	if u == "" {
		return
	}
	if auth != nil && auth.empty() {
		auth = nil // made without credentials; deleting may need them
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if id := lastSegment(u); id != "" {
		s.own[id] = true
	}
	if !slices.ContainsFunc(s.made, func(m creation) bool { return m.url == u }) {
		s.made = append(s.made, creation{u, auth})
	}
}

func (s *suite) drop(u string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.made = slices.DeleteFunc(s.made, func(m creation) bool { return m.url == u })
}

// cleanup deletes what the run made, newest first, then whatever else carries
// its names.
func (s *suite) cleanup(ctx context.Context) {
	if s.target.ReadOnly {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, 2*time.Minute+2*time.Duration(len(s.made))*s.latency)
	defer cancel()
	s.http.observe = func(*reply) {} // judged already
	made := slices.Clone(s.made)
	slices.Reverse(made)
	for _, m := range s.removeTogether(ctx, made) {
		s.remove(ctx, m.url, m.auth)
	}
	for _, t := range s.svc.types {
		if t.refusal == nil {
			s.sweep(ctx, t, s.target.Prefix+"-"+s.id)
		}
	}
}

// together is how many resources one Bulk request deletes.
const together = 25

// removeTogether deletes resources by Bulk, where that is promised and the
// run's own credentials made them. It returns those that are still to be deleted.
func (s *suite) removeTogether(ctx context.Context, made []creation) []creation {
	n := min(together, s.svc.bulkOps)
	if !s.svc.features["bulk"] || n < 2 {
		return made
	}
	own := slices.Clone(made)
	var rest []creation
	own = slices.DeleteFunc(own, func(m creation) bool {
		other := m.auth != nil || !strings.HasPrefix(m.url, s.target.URL)
		if other {
			rest = append(rest, m)
		}
		return other
	})
	for some := range slices.Chunk(own, n) {
		rest = append(rest, s.removeByBulk(ctx, some)...)
	}
	return rest
}

// removeByBulk deletes resources by one request and returns those that it did not delete.
func (s *suite) removeByBulk(ctx context.Context, made []creation) []creation {
	var ops []any
	for _, m := range made {
		ops = append(ops, obj{"method": http.MethodDelete, "path": strings.TrimPrefix(m.url, s.target.URL)})
	}
	r, err := s.http.do(ctx, request{method: http.MethodPost, path: "/Bulk", body: bulkRequest(ops...)})
	if err != nil || r.status != http.StatusOK {
		return made
	}
	gone := map[string]bool{}
	for _, o := range list(r.at("Operations")) {
		if st := statusText(at(o, "status")); st == "204" || st == "404" {
			gone[s.absolute(str(at(o, "location")))] = true
		}
	}
	return slices.DeleteFunc(slices.Clone(made), func(m creation) bool { return gone[m.url] })
}

func (s *suite) remove(ctx context.Context, u string, auth *Credentials) {
	r, err := s.http.do(ctx, request{method: http.MethodDelete, path: u, auth: auth})
	if err != nil {
		s.left = append(s.left, u+": "+err.Error())
	} else if !r.ok() && r.status != http.StatusNotFound {
		s.left = append(s.left, u+": "+http.StatusText(r.status))
	}
}

// sweep deletes resources of a type whose name starts with a prefix.
func (s *suite) sweep(ctx context.Context, t *resourceType, prefix string) int {
	f, ok := t.find(func(f field) bool {
		return f.typ == "string" && !f.multi && f.parent == nil && f.required && f.returned != "never"
	})
	if !ok || !s.svc.features["filter"] {
		return 0
	}
	n := 0
	for range 20 {
		q := url.Values{"filter": {f.path() + ` sw "` + prefix + `"`}, "count": {"100"}}
		r, err := s.http.do(ctx, request{method: http.MethodGet, path: t.endpoint, query: q})
		if err != nil || !r.ok() {
			return n
		}
		before := n
		for _, o := range resources(r.json) {
			// A server that ignores filters must not make the suite delete
			// other people's resources.
			if id := str(o["id"]); id != "" && strings.HasPrefix(strings.ToLower(str(f.in(o))), prefix) {
				s.remove(ctx, t.endpoint+"/"+url.PathEscape(id), nil)
				n++
			}
		}
		if n == before {
			return n
		}
	}
	return n
}

// Clean deletes what earlier runs with this target's Prefix left behind, such
// as those that were killed. It returns how many resources it deleted.
func Clean(ctx context.Context, t Target) (int, error) {
	t, err := t.withDefaults()
	if err != nil {
		return 0, err
	}
	s := newSuite(t)
	s.http.observe = func(*reply) {}
	if err := s.discover(ctx); err != nil {
		return 0, err
	}
	n := 0
	for _, rt := range s.svc.types {
		n += s.sweep(ctx, rt, t.Prefix+"-")
	}
	return n, ctx.Err()
}

// lastSegment is the last part of a URL's path, unescaped: a resource's id.
func lastSegment(u string) string {
	id, err := url.PathUnescape(u[strings.LastIndexByte(u, '/')+1:])
	if err != nil {
		return ""
	}
	return id
}
