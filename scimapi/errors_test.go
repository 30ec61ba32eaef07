package scimapi

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"rollcall/directory"
	"rollcall/directory/schema"
)

func TestTranslate(t *testing.T) {
	kind := func(k directory.Kind) error { return &directory.Error{Kind: k, Attr: "a", Detail: "d"} }
	for _, c := range []struct {
		name     string
		err      error
		status   int
		scimType string
		detail   string // "": words of our own, with nothing of the error's text
	}{
		{"R7644-3.12-05", kind(directory.NotFound), 404, "", "a: d"},
		{"R7644-3.3-06", kind(directory.Exists), 409, "uniqueness", "a: d"},
		{"R7644-3.14-06", kind(directory.VersionMismatch), 412, "", "a: d"},
		{"R7644-3.5.2-20", kind(directory.Mutability), 400, "mutability", "a: d"},
		{"R7644-3.12-01", kind(directory.Invalid), 400, "invalidValue", "a: d"},
		{"B-24", kind(directory.TooLarge), 413, "", "a: d"},
		{"unavailable", kind(directory.Unavailable), 503, "", "a: d"},
		{"busy", kind(directory.Busy), 503, "", "a: d"},
		{"full", kind(directory.Full), 507, "", "a: d"},
		{"R7644-3.12-24", kind(directory.Forbidden), 403, "", "a: d"},
		{"R7644-3.12-23", kind(directory.Unauthenticated), 401, "", ""},
		{"wrapped", fmt.Errorf("more: %w", kind(directory.NotFound)), 404, "", "a: d"},
		{"without detail", &directory.Error{Kind: directory.Busy}, 503, "", "busy"},
		{"the cause stays in the log",
			&directory.Error{Kind: directory.Unavailable, Detail: "d", Cause: errors.New("10.0.0.1")}, 503, "", "d"},
		{"schema", schema.Errorf(schema.InvalidPath, "x", "d"), 400, "invalidPath", "x: d"},
		{"B-10", schema.Errorf(schema.UniquenessError, "x", "d"), 409, "uniqueness", "x: d"},
		{"own", fail(415, "", "d"), 415, "", "d"},
		{"body", &http.MaxBytesError{Limit: 7}, 413, "", ""},
		{"cancelled", fmt.Errorf("x: %w", context.Canceled), 503, "", ""},
		{"R7644-3.12-22 unknown", errors.New("password=secret"), 500, "", ""},
		{"a kind without a status", &directory.Error{Detail: "10.0.0.1"}, 500, "", ""},
	} {
		f := translate(c.err)
		if f.status != c.status || f.scimType != c.scimType {
			t.Errorf("%s: %+v", c.name, f)
		}
		if c.detail == "" && (f.detail == "" || strings.Contains(f.detail, c.err.Error())) || c.detail != "" &&
			f.detail != c.detail {
			t.Errorf("%s: detail %q", c.name, f.detail)
		}
	}
}

func TestQuote(t *testing.T) {
	if got := quote("a\r\nb\"" + strings.Repeat("é", 50)); strings.ContainsAny(got, "\r\n\"") || len(got) > 80 {
		t.Errorf("%q", got)
	}
}
