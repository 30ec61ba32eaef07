package conformance

import (
	"bytes"
	"io"
	"net/http"
	"testing"
)

// Test runs the suite in a Go test: one subtest for each requirement, which
// fails if it is failed or warned of, and is skipped if it was, or if
// Target.Allow excuses it.
func Test(t *testing.T, target Target) Report {
	t.Helper()
	rep, err := Run(t.Context(), target)
	if err != nil {
		t.Fatalf("conformance: %v", err)
	}
	for _, r := range rep.Results {
		t.Run(r.ID, func(t *testing.T) {
			switch {
			case r.Status == Skipped:
				t.Skip(r.Reason)
			case r.Status != Failed && r.Status != Warned:
			case target.Allow[r.ID] != "":
				t.Skipf("%s, allowed: %s", r.Status, target.Allow[r.ID])
			default:
				for _, f := range r.Findings {
					t.Errorf("%s (%s, %s): %s\n%s", r.Status, r.Level, r.Where(), f.Message, f.Exchange)
				}
			}
		})
	}
	for _, l := range rep.Leftovers {
		t.Errorf("not deleted: %s", l)
	}
	return rep
}

// Handler returns a transport that calls a handler in this process, for
// Target.Transport.
func Handler(h http.Handler) http.RoundTripper { return handlerTransport{h} }

type handlerTransport struct{ h http.Handler }

func (t handlerTransport) RoundTrip(req *http.Request) (*http.Response, error) {
	if err := req.Context().Err(); err != nil {
		return nil, err
	}
	in := req.Clone(req.Context())
	in.RequestURI = req.URL.RequestURI()
	in.RemoteAddr = "127.0.0.1:1"
	if in.Host == "" {
		in.Host = req.URL.Host
	}
	if in.Body == nil {
		in.Body = http.NoBody
	}
	rec := &recorder{header: http.Header{}}
	t.h.ServeHTTP(rec, in)
	rec.WriteHeader(http.StatusOK)
	return &http.Response{
		Status: http.StatusText(rec.status), StatusCode: rec.status,
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: rec.sent, Body: io.NopCloser(&rec.body), ContentLength: int64(rec.body.Len()), Request: req,
	}, nil
}

// recorder is a ResponseWriter that keeps what is written.
type recorder struct {
	header, sent http.Header
	status       int
	body         bytes.Buffer
}

func (r *recorder) Header() http.Header { return r.header }

func (r *recorder) WriteHeader(status int) {
	if r.status == 0 {
		r.status, r.sent = status, r.header.Clone()
	}
}

func (r *recorder) Write(b []byte) (int, error) {
	r.WriteHeader(http.StatusOK)
	return r.body.Write(b)
}
