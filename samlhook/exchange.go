package samlhook

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"github.com/gorilla/mux"

	"rollcall/directory"
	"rollcall/directory/schema"
	"rollcall/samlhook/saml"
)

// exchange is one request and its reply.
type exchange struct {
	*Hook
	w http.ResponseWriter
	r *http.Request

	start  time.Time
	id     string // the correlation id
	route  string
	org    string // name of the organization
	dir    *directory.Directory
	status int // of the reply; zero until there is one

	connection directory.ID    // zero if the path has none
	recorded   bool            // a SignIn has the correlation id
	unvouched  schema.Document // what to record of it in the ring; nil: what is known of the failure
	outcome    Outcome         // for the log
	reason     saml.Reason
}

// serve runs one request. Whatever handle returns as an error becomes a page.
func (h *Hook) serve(route route, w http.ResponseWriter, r *http.Request) {
	vars := mux.Vars(r)
	x := &exchange{Hook: h, w: w, r: r, start: h.now(), id: newCorrelationID(), route: route.path, org: vars["org"],
		dir: h.store.Organization(vars["org"])}
	w.Header().Set("X-Request-Id", x.id)
	x.r = r.WithContext(directory.WithRequest(r.Context(), x.id))

	// Every request leaves its line in the log, panics included.
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
	if cause = x.enter(vars["id"], route.methods); cause == nil {
		cause = route.handle(x)
	}
	if cause != nil {
		x.fail(cause)
	}
}

// enter checks the method and reads the connection's id, which is empty where the path has none.
func (x *exchange) enter(id string, methods []string) error {
	if !slices.Contains(methods, x.r.Method) {
		x.w.Header().Set("Allow", strings.Join(methods, ", "))
		return errMethod
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

// snapshot is the organization's state. An organization that is not active is not found.
func (x *exchange) snapshot() (*directory.Snapshot, error) {
	s, err := x.dir.Snapshot(x.r.Context())
	if err == nil && !s.Active() {
		err = errNotFound
	}
	if err == nil {
		x.shown.Store(x.org, displayOrganization(s))
	}
	return s, err
}

// ready is the request's connection with its keys, and the snapshot on which it was read.
func (x *exchange) ready() (*directory.Snapshot, *loaded, error) {
	s, err := x.snapshot()
	if err != nil {
		return nil, nil, err
	}
	r, err := s.Get(schema.IdentityProviderType, x.connection)
	if err != nil {
		return nil, nil, err
	}
	l, err := x.load(s, x.org, r)
	if err == nil && (l.Key == nil || l.requests == nil) {
		err = errNotSetUp
	}
	return s, l, err
}

// logLine writes the one line of a request. It has no values of attributes and no names of people.
func (x *exchange) logLine(cause error) {
	level, attrs := slog.LevelInfo, []any{"organization", x.org, "route", x.route, "method", x.r.Method,
		"status", x.status, "correlationId", x.id, "duration", x.now().Sub(x.start)}
	if !x.connection.IsZero() {
		attrs = append(attrs, "connection", x.connection.String())
	}
	if x.outcome != "" {
		attrs = append(attrs, "outcome", string(x.outcome), "reason", string(x.reason))
	}
	if refusal, ok := errors.AsType[*saml.Refusal](cause); ok {
		attrs = append(attrs, "cause", string(refusal.Reason)) // the explanation names the person; the record has it
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
	var b [4]byte
	rand.Read(b[:]) // never fails since Go 1.24
	return hex.EncodeToString(b[:])
}
