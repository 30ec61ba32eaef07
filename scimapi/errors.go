package scimapi

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"

	scim "github.com/elimity-com/scim/errors"

	"rollcall/directory"
	"rollcall/directory/schema"
	"rollcall/internal/bodies"
	"rollcall/internal/fair"
)

// failure is an error of this package, for a request that never reached the directory.
type failure struct {
	status   int
	scimType string // of RFC 7644 §3.12 or RFC 9865 §5.2, or ""
	detail   string // safe to show
}

func (f *failure) Error() string { return f.detail }

// Values of scimType that RFC 9865 §5.2 adds.
const (
	invalidCursor = "invalidCursor"
	expiredCursor = "expiredCursor"
	invalidCount  = "invalidCount"
)

func fail(status int, scimType, format string, args ...any) error {
	return &failure{status, scimType, fmt.Sprintf(format, args...)}
}

func noSuch(t *schema.ResourceType, id string) error {
	return fail(http.StatusNotFound, "", "no %s has the id %q", t.Name, id)
}

// panicked is a panic of a handler.
type panicked struct {
	value any
	stack []byte
}

func (p *panicked) Error() string { return fmt.Sprintf("panic: %v\n%s", p.value, p.stack) }

// retryAfter is how many seconds a client is told to wait if the store cannot answer at the moment.
const retryAfter = 1

// statusOf maps the kinds of directory errors. A kind that is absent is a fault of the server.
var statusOf = map[directory.Kind]struct {
	status   int
	scimType string
}{

	directory.NotFound:        {http.StatusNotFound, ""},
	directory.Exists:          {http.StatusConflict, schema.UniquenessError},
	directory.VersionMismatch: {http.StatusPreconditionFailed, ""},
	directory.Mutability:      {http.StatusBadRequest, schema.MutabilityError},
	directory.Invalid:         {http.StatusBadRequest, schema.InvalidValue},
	directory.TooLarge:        {http.StatusRequestEntityTooLarge, ""},
	directory.Unavailable:     {http.StatusServiceUnavailable, ""},
	directory.Busy:            {http.StatusServiceUnavailable, ""},
	directory.Full:            {http.StatusInsufficientStorage, ""},
	directory.Forbidden:       {http.StatusForbidden, ""},
	directory.Unauthenticated: {http.StatusUnauthorized, ""},
}

// translate returns the error as the client sees it (RFC 7644 §3.12). An unknown error is a bare 500: its text is for
// the log only.
func translate(err error) *failure {
	// Our own errors.
	if f, ok := errors.AsType[*failure](err); ok {
		return f
	}
	if e, ok := errors.AsType[*directory.Error](err); ok {
		if s, ok := statusOf[e.Kind]; ok {
			if s.status == http.StatusUnauthorized { // all causes look the same
				return &failure{s.status, "", "the credential is invalid"}
			}
			return &failure{s.status, s.scimType, describe(e.Attr, e.Detail, e.Kind.String())}
		}
	}
	if e, ok := errors.AsType[*schema.Error](err); ok {
		status := http.StatusBadRequest
		if e.Type == schema.UniquenessError { // Appendix B-10
			status = http.StatusConflict
		}
		return &failure{status, e.Type, describe(e.Attr, e.Detail, e.Type)}
	}

	if e, ok := errors.AsType[*fair.Exhausted](err); ok {
		return &failure{http.StatusTooManyRequests, "",
			"this credential has used up its budget of work, which counts " +
				"records and comparisons; use filters with eq on indexed attributes, or try again in " +
				seconds(e.Wait) + " seconds"}
	}

	// Errors of libraries.
	if e, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return &failure{http.StatusRequestEntityTooLarge, "",
			fmt.Sprintf("the body is larger than the limit of %d bytes", e.Limit)}
	}
	switch {
	case errors.Is(err, bodies.ErrFull):
		return &failure{http.StatusServiceUnavailable, "", bodies.ErrFull.Error()}
	case errors.Is(err, bodies.ErrSlow):
		return &failure{http.StatusRequestTimeout, "", bodies.ErrSlow.Error()}
	}
	if errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) {
		return &failure{http.StatusServiceUnavailable, "", "the request was canceled or timed out"}
	}
	return &failure{http.StatusInternalServerError, "", "internal error"}
}

// describe joins what is wrong with where; otherwise stands in for a missing detail.
func describe(attr, detail, otherwise string) string {
	if detail == "" {
		detail = otherwise
	}
	if attr != "" {
		return attr + ": " + detail
	}
	return detail
}

// replyError writes err as the reply.
func (x *exchange) replyError(err error) {
	if x.w.status != 0 {
		return // the reply has begun; the log has the error
	}
	f := translate(err)
	h := x.w.Header()
	if t, ok := errors.AsType[*tooMany](err); ok {
		h.Set("Retry-After", seconds(t.wait))
	}
	if e, ok := errors.AsType[*fair.Exhausted](err); ok {
		h.Set("Retry-After", seconds(e.Wait))
	}
	switch f.status {
	case http.StatusUnauthorized:
		h.Set("WWW-Authenticate", x.challenge())
	case http.StatusServiceUnavailable:
		h.Set("Retry-After", strconv.Itoa(retryAfter))
	}
	h.Del("ETag")
	h.Del("Location")
	h.Del("Content-Language")
	x.send(f.status, x.errorBody(f))
}

// errorBody is the Error message of a failure (RFC 7644 §3.12).
func (x *exchange) errorBody(f *failure) []byte {
	detail := f.detail
	if f.status >= http.StatusInternalServerError {
		detail += " (request " + x.id + ")"
	}
	body, err := json.Marshal(scim.ScimError{Status: f.status, ScimType: scim.ScimType(f.scimType), Detail: detail})
	if err != nil { // it is made of strings, so this cannot happen
		body = []byte(`{"schemas":["urn:ietf:params:scim:api:messages:2.0:Error"],"status":"500"}`)
	}
	return body
}

// quote shows a client's text in a message: on one line, and shortened.
func quote(s string) string {
	if len(s) > 64 {
		s = strings.ToValidUTF8(s[:64], "") + "…"
	}
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || r == '"' {
			return '?'
		}
		return r
	}, "'"+s+"'")
}
