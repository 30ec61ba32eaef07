package scimapi

import (
	"bytes"
	"io"
	"mime"
	"net/http"
	"strings"

	"rollcall/directory/schema"
	"rollcall/scimapi/patch"
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

// input is the body of a POST or PUT. The members of a Group are taken out of it, since they may be very many.
type input struct {
	body    []byte
	members []string // ids as sent
}

// input reads the body of a POST or PUT.
func (x *exchange) input(t *schema.ResourceType) (*input, error) {
	r, err := x.open(x.bodyLimit(t))
	if err != nil {
		return nil, err
	}
	return x.readInput(t, r, x.r.ContentLength)
}

// readInput reads a document; length is that of r, -1 if nobody knows.
func (x *exchange) readInput(t *schema.ResourceType, r io.Reader, length int64) (in *input, err error) {
	in = &input{}
	if t.Name == groupType {
		in.body, in.members, err = readGroup(r, x.o.Limits.Body)
	} else {
		in.body, err = readAll(r, length)
	}
	return in, err
}

// bodyLimit is how many bytes a body about a resource of the type may have. The lists of members in a Group's may be large.
func (x *exchange) bodyLimit(t *schema.ResourceType) int64 {
	if t.Name == groupType {
		return x.o.Limits.GroupBody
	}
	return x.o.Limits.Body
}

// patchRequest reads the body of a PATCH.
func (x *exchange) patchRequest(t *schema.ResourceType) (patch.Request, error) {
	r, err := x.open(x.bodyLimit(t))
	if err != nil {
		return patch.Request{}, err
	}
	return x.readPatch(t, r, x.r.ContentLength)
}

// readPatch reads a PatchOp message; length is that of r, -1 if nobody knows.
func (x *exchange) readPatch(t *schema.ResourceType, r io.Reader, length int64) (patch.Request, error) {
	if t.Name == groupType {
		r = &meter{r: r, limit: x.o.Limits.Body, from: 3} // {"Operations":[{"value":[
	}
	body, err := readAll(r, length)
	if err != nil {
		return patch.Request{}, err
	}
	return patch.Parse(body, patch.Options{Strict: x.actor.Strict})
}
