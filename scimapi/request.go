package scimapi

import (
	"bytes"
	"io"
	"mime"
	"net/http"
	"strings"

	"rollcall/directory/schema"
)

// mode is how strictly this request's bodies are read.
func (x *exchange) mode() schema.Mode { return schema.Mode{Strict: x.actor.Strict} }

// readAll reads a body; length is what its header says, -1 if nothing.
func readAll(r io.Reader, length int64) ([]byte, error) {
	var b bytes.Buffer
	if length > 0 {
		b.Grow(int(length) + bytes.MinRead)
	}
	if _, err := b.ReadFrom(r); err != nil {
		return nil, readError(err)
	}
	body := bytes.TrimPrefix(b.Bytes(), []byte("\ufeff"))
	if len(bytes.TrimSpace(body)) == 0 {
		return nil, fail(http.StatusBadRequest, "invalidSyntax", "the body is empty")
	}
	return body, nil
}

// open checks the headers that describe a body and returns the body, which fails beyond limit bytes.
func (x *exchange) open(limit int64) (io.Reader, error) {
	if err := checkMediaType(x.r.Header.Get("Content-Type")); err != nil {
		return nil, err
	}
	if e := x.r.Header.Get("Content-Encoding"); e != "" && !strings.EqualFold(e, "identity") {
		return nil, fail(http.StatusUnsupportedMediaType, "", "Content-Encoding %q is not supported", e)
	}
	if x.r.ContentLength > limit {
		return nil, &http.MaxBytesError{Limit: limit}
	}
	return http.MaxBytesReader(x.w.ResponseWriter, x.r.Body, limit), nil
}

// checkMediaType accepts SCIM's media type, plain JSON and no media type at all (RFC 7644 §3.8).
func checkMediaType(contentType string) error {
	if contentType == "" {
		return nil
	}
	typ, params, err := mime.ParseMediaType(contentType)
	if err != nil || (typ != "application/scim+json" && typ != "application/json") {
		return fail(http.StatusUnsupportedMediaType, "", "Content-Type %q is not supported; send application/scim+json", contentType)
	}
	if c, ok := params["charset"]; ok && !strings.EqualFold(c, "utf-8") {
		return fail(http.StatusUnsupportedMediaType, "", "charset %q is not supported; send UTF-8", c)
	}
	return nil
}

// readError is a body that could not be read: over the limit, or cut off by the client.
func readError(err error) error {
	if f := translate(err); f.status != http.StatusInternalServerError {
		return err
	}
	return fail(http.StatusBadRequest, "invalidSyntax", "the body could not be read: it ended early")
}

// accepts returns the media type of the reply: SCIM's own unless the client prefers plain JSON (RFC 7644 §3.8).
func accepts(header []string) string {
	const own = "application/scim+json"
	if len(header) == 0 {
		return own
	}
	best, bestQ := own, 0.0
	for part := range strings.SplitSeq(strings.Join(header, ","), ",") {
		typ, q := weighted(part)
		switch strings.ToLower(typ) {
		case own, "*/*", "application/*":
			if q > 0 && q >= bestQ {
				best, bestQ = own, q
			}
		case "application/json":
			if q > bestQ {
				best, bestQ = "application/json", q
			}
		}
	}
	return best
}
