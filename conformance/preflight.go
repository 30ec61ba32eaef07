package conformance

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
)

// preflight reads the discovery documents. Its error is one sentence on why
// nothing can be judged: no answer, no SCIM, no access, nothing but 429 or 5xx.
func (s *suite) preflight(ctx context.Context) error {
	s.http.patience = 1
	defer func() { s.http.patience = 5 }()
	var got []*reply
	for _, e := range []struct {
		to   **reply
		path string
	}{{&s.svc.spc, spcPath}, {&s.svc.rts, rtPath}, {&s.svc.schs, schPath}} {
		r, err := s.http.do(ctx, request{method: "GET", path: e.path, check: "preflight"})
		if err != nil {
			return fmt.Errorf("GET %s got no answer: %w", s.http.url(e.path, nil), s.bare(err))
		}
		*e.to = r
		got = append(got, r)
	}
	return s.hopeless(got, "the discovery endpoints")
}

// knock asks for one resource of each type, with the credentials.
func (s *suite) knock(ctx context.Context) error {
	s.http.patience = 1
	defer func() { s.http.patience = 5 }()
	var got []*reply
	for _, t := range s.svc.types {
		r, err := s.http.do(ctx, request{method: "GET", path: t.endpoint, query: url.Values{"count": {"1"}},
			check: "preflight"})
		if err == nil {
			got = append(got, r)
		}
	}
	if len(got) == 0 {
		return nil // that lists get no answer is for the checks to say
	}
	return s.hopeless(got, "the resource types")
}

// hopeless says what all the answers have in common that leaves nothing to
// judge; nil if one of them is usable, or if they have nothing in common.
func (s *suite) hopeless(got []*reply, what string) error {
	every := func(ok func(*reply) bool) bool {
		for _, r := range got {
			if !ok(r) {
				return false
			}
		}
		return true
	}
	first := got[0]
	where := fmt.Sprintf("GET %s is answered %d", s.redact(first.req.URL.String()), first.status)
	denied := func(r *reply) bool { return r.status == http.StatusUnauthorized || r.status == http.StatusForbidden }
	switch {
	case every(denied) && s.target.Auth.empty():
		return fmt.Errorf("%s: the server asks for credentials, and none were given", where)
	case every(denied):
		return fmt.Errorf("%s: the credentials are not accepted for %s", where, what)
	case every(func(r *reply) bool { return r.status == http.StatusTooManyRequests }):
		return fmt.Errorf("%s, and so is every other request: the server is throttling; try later or with --rate",
			where)
	case every(func(r *reply) bool { return r.status >= 500 }):
		return fmt.Errorf("%s, and so is every other request: the server is out of order", where)
	case every(isHTML):
		return fmt.Errorf("%s with an HTML page: no SCIM service at this URL; is the base URL complete?", where)
	case every(func(r *reply) bool { return !r.ok() }) && what == "the discovery endpoints":
		return fmt.Errorf("%s: no SCIM service at this URL", where)
	case every(func(r *reply) bool { _, ok := r.json.(obj); return !ok }) && what == "the discovery endpoints":
		return fmt.Errorf("%s with no JSON object: no SCIM service at this URL", where)
	}
	return nil
}

func isHTML(r *reply) bool {
	return mediaOf(r) == "text/html" || strings.HasPrefix(strings.ToLower(strings.TrimSpace(string(r.body))),
		"<!doctype html") ||
		strings.HasPrefix(strings.ToLower(strings.TrimSpace(string(r.body))), "<html")
}

// bare takes the method and URL off an error of package http, which the
// sentence around it names already.
func (s *suite) bare(err error) error {
	var u *url.Error
	if errors.As(err, &u) {
		if u.Timeout() {
			return fmt.Errorf("timed out after %s", s.target.Timeout)
		}
		return u.Err
	}
	return err
}
