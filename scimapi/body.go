package scimapi

import (
	"bytes"
	"cmp"
	"io"
	"mime"
	"net/http"
	"slices"
	"strings"

	"rollcall/directory"
	"rollcall/directory/schema"
	"rollcall/scimapi/patch"
)

// mode says how strictly the request's bodies are read.
func (x *exchange) mode() schema.Mode {
	return schema.Mode{Strict: x.actor.Profile.Strict(), Spend: x.pay}
}

// warn adds a Warning to the reply (RFC 7234 §5.5.7), once.
func (x *exchange) warn(text string) {
	h, value := x.w.Header(), `299 rollcall "`+text+`"`
	if !slices.Contains(h["Warning"], value) {
		h.Add("Warning", value)
	}
}

// maxWarnings is how many Warnings of one kind a reply has at most.
const maxWarnings = 10

// warnOf adds the first warnings to the reply: ASCII alone, without quotation marks (RFC 7234 §5.5).
func (x *exchange) warnOf(warnings []string) {
	for _, w := range warnings[:min(len(warnings), maxWarnings)] {
		x.warn(strings.Map(func(r rune) rune {
			if r < ' ' || r > '~' || r == '"' || r == '\\' {
				return '?'
			}
			return r
		}, w))
	}
}

// open checks the headers that describe a body and returns the body. Reading it fails beyond limit bytes, and if the
// node holds too much of other bodies. What was read counts until release.
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
	x.body = x.o.Bodies.Within(x.w, x.r, x.credentialName())
	return &paidReader{x: x, r: http.MaxBytesReader(x.w.ResponseWriter, x.body, limit)}, nil
}

// release is called when the body is not needed any more, at the latest when the reply begins: a client may read
// slowly.
func (x *exchange) release() {
	if x.body != nil {
		x.body.Release()
	}
	if x.largeTurn != nil {
		x.largeTurn.End()
	}
}

// checkMediaType accepts SCIM's media type, plain JSON and no media type at all (RFC 7644 §3.8).
func checkMediaType(contentType string) error {
	if contentType == "" {
		return nil
	}
	typ, params, err := mime.ParseMediaType(contentType)
	if err != nil || (typ != "application/scim+json" && typ != "application/json") {
		return fail(http.StatusUnsupportedMediaType, "",
			"Content-Type %q is not supported; send application/scim+json", contentType)
	}
	if c, ok := params["charset"]; ok && !strings.EqualFold(c, "utf-8") {
		return fail(http.StatusUnsupportedMediaType, "", "charset %q is not supported; send UTF-8", c)
	}
	return nil
}

// firstBuffer is how many bytes are set aside for a body before any has come: memory grows with what was received.
const firstBuffer = 8 << 10

// readAll reads a body; length is its Content-Length, -1 if unknown.
func readAll(r io.Reader, length int64) ([]byte, error) {
	var b bytes.Buffer
	if length > 0 {
		b.Grow(int(min(length, firstBuffer)) + bytes.MinRead)
	}
	if _, err := b.ReadFrom(r); err != nil {
		return nil, readError(err)
	}
	body := bytes.TrimPrefix(b.Bytes(), []byte("\ufeff"))
	if len(bytes.TrimSpace(body)) == 0 {
		return nil, fail(http.StatusBadRequest, schema.InvalidSyntax, "the body is empty")
	}
	return body, nil
}

// readError is the error for a body that could not be read: it is over the limit, or the client cut it off.
func readError(err error) error {
	if f := translate(err); f.status != http.StatusInternalServerError {
		return err
	}
	return fail(http.StatusBadRequest, schema.InvalidSyntax, "the body could not be read: it ended early")
}

// bodyLimit returns how many bytes a body about a resource of the type may have. Bodies of Groups may be large, because
// they list members.
func (x *exchange) bodyLimit(t *schema.ResourceType) int64 {
	if t.Name == schema.GroupType {
		return x.o.Limits.GroupBody
	}
	return x.o.Limits.Body
}

// readRequest reads the body of the request.
func (c *change) readRequest() error {
	s, err := c.x.dir.Snapshot(c.x.r.Context())
	if err != nil {
		return err
	}
	r, err := c.x.open(c.x.bodyLimit(c.t))
	if err != nil {
		return err
	}
	defer c.x.pause()
	return c.read(s, r, c.x.r.ContentLength)
}

// read reads the body of the change; s is the state on which the request was judged, and length that of r, -1 if
// unknown.
func (c *change) read(s *directory.Snapshot, r io.Reader, length int64) (err error) {
	c.administrative = s.IsAdministrative(c.t.Name)
	if c.method == http.MethodPatch {
		return c.readPatch(s, r, length)
	}
	var body []byte
	if c.t.Name == schema.GroupType {
		body, c.members, err = readGroup(r, c.x.o.Limits.Body)
	} else {
		body, err = readAll(r, length)
	}
	if err == nil {
		err = c.x.large(len(body))
	}
	if err != nil {
		return err
	}
	mode := c.x.mode()
	mode.Named, mode.Warn = c.method == http.MethodPut, c.x.warn
	mode.Known = c.administrative
	if c.administrative {
		mode.KeepReadOnly = true
		c.sent, c.docErr = c.t.Parse(body, mode)
		mode.KeepReadOnly = false
	}
	if c.docErr == nil {
		c.doc, c.docErr = c.t.Parse(body, mode)
	}
	if c.docErr == nil {
		c.x.dropLinks(c.t, c.doc)
	}
	return nil
}

func (c *change) readPatch(s *directory.Snapshot, r io.Reader, length int64) error {
	if c.t.Name == schema.GroupType {
		r = &meter{r: r, limit: c.x.o.Limits.Body, from: 3} // {"Operations":[{"value":[
	}
	body, err := readAll(r, length)
	if err != nil {
		return err
	}
	if err := c.x.large(len(body)); err != nil {
		return err
	}
	profile := c.x.actor.Profile
	o := patch.Options{Strict: profile.Strict(), Known: c.administrative,
		Interop: profile == directory.ProfileInterop, Derived: c.derived(s), Spend: c.x.pay}
	request, err := patch.Parse(body, o)
	if err == nil {
		c.patch, err = patch.Compile(c.t, request, o)
	}
	if err != nil { // who may not change the type learns no more than that
		return cmp.Or(s.MayWrite(c.t.Name), err)
	}
	return nil
}
