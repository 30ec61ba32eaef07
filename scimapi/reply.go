package scimapi

import (
	"bytes"
	"cmp"
	"compress/gzip"
	"io"
	"net/http"
	"strconv"
	"strings"

	"github.com/tidwall/gjson"

	"rollcall/directory"
	"rollcall/directory/schema"
)

// reply answers a change: with the resource, or without a body if the client does not want one or it would be very
// large (Appendix B-22).
func (x *exchange) reply(status int, s *directory.Snapshot, t *schema.ResourceType, r *directory.Resource, q *params,
	extra []byte) error {
	named := len(q.attributes) > 0 || len(q.excludedAttributes) > 0 // then RFC 7644 §3.5.2 wants a body
	minimal := prefers(x.r.Header["Prefer"], "return=minimal")
	if named || extra != nil || (!minimal && !x.tooLargeToShow(s, r)) {
		if prefers(x.r.Header["Prefer"], "return=representation") {
			x.w.Header().Set("Preference-Applied", "return=representation")
		}
		return x.show(status, s, t, r, q, extra)
	}
	h := x.w.Header()
	if minimal {
		h.Set("Preference-Applied", "return=minimal")
	}
	x.identify(t, r)
	if status == http.StatusOK {
		status = http.StatusNoContent
	} else {
		h.Set("Content-Length", "0")
	}
	x.w.WriteHeader(status)
	return nil
}

// tooLargeToShow reports whether the request is a PATCH of a Group with so many members that its client hardly wants
// them all.
func (x *exchange) tooLargeToShow(s *directory.Snapshot, r *directory.Resource) bool {
	return x.r.Method == http.MethodPatch && x.hasManyMembers(s, r)
}

func (x *exchange) hasManyMembers(s *directory.Snapshot, r *directory.Resource) bool {
	most := x.o.Limits.GroupReply
	return r.Type == schema.GroupType && s.MemberCount(r.ID) > most
}

// show answers with the resource as the query wants it; extra are more members of the object.
func (x *exchange) show(status int, s *directory.Snapshot, t *schema.ResourceType, r *directory.Resource, q *params,
	extra []byte) error {
	out := x.newStream(status, false)
	defer out.close()
	v, err := x.newRenderer(t, q)
	if err != nil {
		return err
	}
	x.identify(t, r)
	grouped := grouping(s, r)
	if grouped {
		v.warnOfCut(out, s, r)
	}
	if out.err == nil {
		out.err = v.write(out, s, r, grouped)
	}
	if out.err != nil {
		if !out.begun {
			x.w.Header().Del("Etag")
			x.w.Header().Del("Location")
		}
		return out.err
	}
	if extra != nil {
		out.body = append(append(out.body[:len(out.body)-1], extra...), '}')
	}
	return out.end()
}

// represent returns the resource as the query wants it; extra are more members of the object.
func (x *exchange) represent(s *directory.Snapshot, t *schema.ResourceType, r *directory.Resource, q *params,
	extra []byte) ([]byte, error) {
	v, err := x.newRenderer(t, q)
	if err != nil {
		return nil, err
	}
	out := &stream{x: x, whole: true, body: make([]byte, 0, len(r.JSON)+derivedSize)}
	grouped := grouping(s, r)
	if grouped {
		v.warnOfCut(out, s, r)
	}
	if err := cmp.Or(out.err, v.write(out, s, r, grouped)); err != nil {
		return nil, err
	}
	if extra != nil {
		out.body = append(append(out.body[:len(out.body)-1], extra...), '}')
	}
	return out.body, nil
}

// identify sets the headers for the location and the version of the resource in a reply.
func (x *exchange) identify(t *schema.ResourceType, r *directory.Resource) {
	x.set("Etag", etag(r.Version))
	x.set("Location", string(x.appendURL(make([]byte, 0, 128), t, r)))
}

// send writes a reply.
func (x *exchange) send(status int, body []byte) {
	x.release()
	x.set("Content-Type", accepts(x.r.Header["Accept"]))
	x.set("Content-Length", strconv.Itoa(len(body)))
	x.w.WriteHeader(status)
	if x.r.Method != http.MethodHead {
		_, _ = x.w.Write(body) // an error means that the client is gone
	}
}

// compressible is the size from which a list is compressed: about one packet.
const compressible = 1400

// writeList sends a list, compressed if the client accepts that.
func (x *exchange) writeList(body []byte) {
	h := x.w.Header()
	h.Add("Vary", "Accept-Encoding")
	if len(body) >= compressible && acceptsGzip(x.r.Header["Accept-Encoding"]) {
		var b bytes.Buffer
		z := x.compressor(&b)
		_, _ = z.Write(body) // a Buffer never fails
		_ = z.Close()
		x.gzip.Put(z)
		h.Set("Content-Encoding", "gzip")
		body = b.Bytes()
	}
	x.send(http.StatusOK, body)
}

// compressor returns a gzip.Writer for w, which goes back to x.gzip.
func (x *exchange) compressor(w io.Writer) *gzip.Writer {
	z, _ := x.gzip.Get().(*gzip.Writer)
	if z == nil {
		z, _ = gzip.NewWriterLevel(nil, gzip.BestSpeed) // it fails only for unknown levels
	}
	z.Reset(w)
	return z
}

// prefers reports whether the header has the preference (RFC 7240 §2).
func prefers(header []string, preference string) bool {
	for _, list := range header {
		for p := range strings.SplitSeq(list, ",") {
			p, _, _ = strings.Cut(p, ";")
			if strings.EqualFold(strings.ReplaceAll(strings.TrimSpace(p), `"`, ""), preference) {
				return true
			}
		}
	}
	return false
}

// secretMember returns the secret of a new AccessToken as a member of its JSON; nil for other resources. No later reply
// has it: only its hash is stored.
func secretMember(secret string) []byte {
	if secret == "" {
		return nil
	}
	return gjson.AppendJSONString([]byte(`,"token":`), secret)
}
