package scimapi

import (
	"net/http"
	"runtime/debug"
	"time"

	"rollcall/directory"
	"rollcall/internal/bodies"
	"rollcall/internal/fair"
)

// exchange is one request and its reply.
type exchange struct {
	*Handler
	w *response
	r *http.Request
	place

	id    string // of the request, for the log and the client
	start time.Time
	actor directory.Actor // once it is authenticated
	cause error           // of failures inside a reply that is not an error itself

	body    *bodies.Body // once it is opened
	streams bool         // a reply has begun and is not complete
	work    *fair.Task   // see task
	units   int          // of work before there is a task

	largeTurn *fair.Task // once a large body was read, see large

	headers  []string            // values of headers, see set
	resolved map[need]resolution // what hooks got for the request's changes
}

// place is where a request goes.
type place struct {
	route string               // the template that matched
	org   string               // name of the organization; "" in the system scope
	base  string               // URL of the service root
	dir   *directory.Directory // for everybody; after authenticate for the actor only
}

// serve runs one request. An error that handle returns is written as the reply.
func (h *Handler) serve(p place, w http.ResponseWriter, r *http.Request, handle func(*exchange) error) {
	x := &exchange{Handler: h, w: &response{ResponseWriter: w}, r: r, place: p, id: requestID(r), start: h.o.Now()}
	x.set("X-Request-Id", x.id)
	x.r = r.WithContext(directory.WithRequest(r.Context(), x.id))
	var cause error
	defer func() {
		if p := recover(); p != nil {
			if p == http.ErrAbortHandler {
				panic(p)
			}
			cause = &panicked{value: p, stack: debug.Stack()}
			x.replyError(cause)
		}
		x.release()
		x.pause()
		x.log(cause)
		if x.streams { // the client must not take the reply for complete
			panic(http.ErrAbortHandler)
		}
	}()
	if cause = handle(x); cause != nil {
		x.replyError(cause)
		return
	}
	cause = x.cause
}

// set sets a header, whose name is in canonical form. The few that every reply has share one array.
func (x *exchange) set(name, value string) {
	if x.headers == nil {
		x.headers = make([]string, 0, 5)
	}
	x.headers = append(x.headers, value)
	n := len(x.headers)
	x.w.Header()[name] = x.headers[n-1 : n : n]
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
