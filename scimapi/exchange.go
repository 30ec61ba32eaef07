package scimapi

import (
	"net/http"
	"runtime/debug"
	"time"

	"rollcall/directory"
)

// exchange is one request and its reply.
type exchange struct {
	*Handler
	w *response
	r *http.Request

	id     string // of the request, for the log and the client
	start  time.Time
	route  string               // the template that matched
	org    string               // name of the organization; "" in the system scope
	base   string               // URL of the service root
	dir    *directory.Directory // for everybody; after authenticate for the actor alone
	actor  directory.Actor
	values []string // of headers
	cause  error    // of what failed within a reply that is none of an error

	resolved map[need]resolution // what hooks got for the request's changes
}

// serve runs one request: whatever handle returns as an error is written as the reply.
func (h *Handler) serve(route, org, base string, dir *directory.Directory, w http.ResponseWriter, r *http.Request,
	handle func(*exchange) error) {
	x := &exchange{Handler: h, w: &response{ResponseWriter: w}, r: r, id: newRequestID(), start: h.o.Now(),
		route: route, org: org, base: base, dir: dir}
	x.set("X-Request-Id", x.id)
	var cause error
	defer func() {
		if p := recover(); p != nil {
			if p == http.ErrAbortHandler {
				panic(p)
			}
			cause = &panicked{value: p, stack: debug.Stack()}
			x.replyError(cause)
		}
		x.log(cause)
	}()
	if cause = handle(x); cause != nil {
		x.replyError(cause)
		return
	}
	cause = x.cause
}

// set sets a header, whose name is in canonical form. The few that every reply has share one array.
func (x *exchange) set(name, value string) {
	if x.values == nil {
		x.values = make([]string, 0, 5)
	}
	x.values = append(x.values, value)
	n := len(x.values)
	x.w.Header()[name] = x.values[n-1 : n : n]
}

// response remembers the status that was written.
type response struct {
	http.ResponseWriter
	status int
}

func (w *response) WriteHeader(status int) {
	if w.status == 0 {
		w.status = status
	}
	w.ResponseWriter.WriteHeader(status)
}

func (w *response) Write(b []byte) (int, error) {
	if w.status == 0 {
		w.status = http.StatusOK
	}
	return w.ResponseWriter.Write(b)
}

// Unwrap lets http.ResponseController reach the connection.
func (w *response) Unwrap() http.ResponseWriter { return w.ResponseWriter }
