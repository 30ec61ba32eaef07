package samlhook

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"runtime/debug"
	"strings"
	"time"

	"github.com/gorilla/mux"

	"rollcall/directory"
	"rollcall/directory/schema"
	"rollcall/samlhook/saml"
)

// exchange is one request and its answer.
type exchange struct {
	*Hook
	w http.ResponseWriter
	r *http.Request

	start  time.Time
	id     string // the correlation id
	route  string
	org    string
	dir    *directory.Directory
	status int

	connection directory.ID // zero where the path has none
	recorded   bool         // a SignIn has the correlation id
	outcome    Outcome      // for the log
	reason     saml.Reason
}

// serve runs one request: whatever handle returns as an error becomes the page.
func (h *Hook) serve(route string, methods []string, handle func(*exchange) error, w http.ResponseWriter, r *http.Request) {
	vars := mux.Vars(r)
	x := &exchange{Hook: h, w: w, r: r, start: h.now(), id: newCorrelationID(), route: route, org: vars["org"],
		dir: h.store.Organization(vars["org"])}
	w.Header().Set("X-Request-Id", x.id)
	var cause error
	defer func() {
		if p := recover(); p != nil {
			if p == http.ErrAbortHandler {
				panic(p)
			}
			cause = &panicked{value: p, stack: debug.Stack()}
			x.fail(cause)
		}
		x.logLine(cause)
	}()
	if cause = x.enter(vars["id"], methods); cause == nil {
		cause = handle(x)
	}
	if cause != nil {
		x.fail(cause)
	}
}

func (x *exchange) enter(id string, methods []string) error {
	if err := x.method(methods); err != nil {
		return err
	}
	if id == "" {
		return nil
	}
	connection, ok := directory.ParseID(id)
	if !ok {
		return errNotFound
	}
	x.connection = connection
	return nil
}

func (x *exchange) method(methods []string) error {
	for _, m := range methods {
		if m == x.r.Method {
			return nil
		}
	}
	x.w.Header().Set("Allow", strings.Join(methods, ", "))
	return errMethod
}

// snapshot is the organization's state; an organization that is switched off has none.
func (x *exchange) snapshot() (*directory.Snapshot, error) {
	s, err := x.dir.Snapshot(x.r.Context())
	if err == nil && !s.Active() {
		err = errNotFound
	}
	if err == nil {
		x.shown.Store(x.org, displayOf(s.Organization(), "name"))
	}
	return s, err
}

// load is the request's connection as it is on the snapshot.
func (x *exchange) load(s *directory.Snapshot) (*loaded, error) {
	r, err := s.Get(schema.IdentityProviderType, x.connection)
	if err != nil {
		return nil, err
	}
	return x.Hook.load(s, x.org, r)
}

// ready is the request's connection with its keys, and the snapshot on which it was read.
func (x *exchange) ready() (*directory.Snapshot, *loaded, error) {
	s, err := x.snapshot()
	if err != nil {
		return nil, nil, err
	}
	l, err := x.load(s)
	if err == nil && (l.Key == nil || l.requests == nil) {
		err = errNotSetUp
	}
	return s, l, err
}

// logLine writes the one line of a request: no values of attributes, no names.
func (x *exchange) logLine(cause error) {
	level, attrs := slog.LevelInfo, []any{"organization", x.org, "route", x.route, "method", x.r.Method, "status", x.status,
		"correlationId", x.id, "duration", x.now().Sub(x.start)}
	if !x.connection.IsZero() {
		attrs = append(attrs, "connection", x.connection.String())
	}
	if x.outcome != "" {
		attrs = append(attrs, "outcome", string(x.outcome), "reason", string(x.reason))
	}
	if refusal, ok := errors.AsType[*saml.Refusal](cause); ok {
		attrs = append(attrs, "cause", string(refusal.Reason)) // the explanation names the person; it is in the record
	} else if cause != nil {
		attrs = append(attrs, "cause", cause.Error())
	}
	if x.status >= http.StatusInternalServerError {
		level = slog.LevelError
	}
	x.log.Log(x.r.Context(), level, "sign-in request", attrs...)
}

// panicked is a panic of a handler.
type panicked struct {
	value any
	stack []byte
}

func (p *panicked) Error() string { return fmt.Sprintf("panic: %v\n%s", p.value, p.stack) }

// newCorrelationID is short enough to be read out over the telephone.
func newCorrelationID() string {
	var b [8]byte
	rand.Read(b[:])
	return hex.EncodeToString(b[:])
}
