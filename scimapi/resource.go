package scimapi

import (
	"net/http"
	"strings"

	"rollcall/directory"
	"rollcall/directory/schema"
)

// Names of the types that have more than a document.
const (
	accessURN = "urn:rollcall:params:scim:schemas:extension:1.0:Access" // of a User
	groupURN  = "urn:ietf:params:scim:schemas:core:2.0:Group"
	userType  = "User"
	groupType = "Group"
)

// get answers with one resource (RFC 7644 §3.4.1).
func (x *exchange) get(t *schema.ResourceType, id directory.ID) error {
	r, s, err := x.dir.Get(x.r.Context(), t.Name, id)
	if err != nil {
		return err
	}
	if c := (conditions{match: x.r.Header["If-Match"]}); c.any() {
		if err := c.check(r.Version); err != nil {
			return err
		}
	}
	if x.notModified(r.Version) {
		x.w.Header().Set("ETag", etag(r.Version))
		x.w.WriteHeader(http.StatusNotModified)
		return nil
	}
	q, err := x.readParams()
	if err != nil {
		return err
	}
	return x.show(http.StatusOK, s, t, r, q, nil)
}

// submit carries out a POST, PUT or PATCH of one resource and answers with the outcome.
func (x *exchange) submit(c *change, q *params) error {
	s, err := x.update(x.r.Context(), x.dir, c.run)
	if err != nil {
		return err
	}
	x.reportSkipped(c.skipped)
	status := http.StatusOK
	if c.method == http.MethodPost {
		status = http.StatusCreated
	}
	return x.reply(status, s, c.t, current(s, c.done), q, once(c.secret))
}

// create makes a resource (RFC 7644 §3.3).
func (x *exchange) create(t *schema.ResourceType) error { return x.put(t, directory.NewID()) }

// put reads a whole document: of a new resource, or one that replaces what is stored (RFC 7644 §3.5.1).
func (x *exchange) put(t *schema.ResourceType, id directory.ID) error {
	q, err := x.readParams()
	if err != nil {
		return err
	}
	c := x.newChange(t, id)
	if c.in, err = x.input(t); err != nil {
		return err
	}
	return x.submit(c, q)
}

// modify applies a PATCH (RFC 7644 §3.5.2).
func (x *exchange) modify(t *schema.ResourceType, id directory.ID) error {
	q, err := x.readParams()
	if err != nil {
		return err
	}
	c := x.newChange(t, id)
	if c.patch, err = x.patchRequest(t); err != nil {
		return err
	}
	return x.submit(c, q)
}

// remove deletes a resource (RFC 7644 §3.6).
func (x *exchange) remove(t *schema.ResourceType, id directory.ID) error {
	if _, err := x.dir.Update(x.r.Context(), x.newChange(t, id).run); err != nil {
		return err
	}
	x.w.WriteHeader(http.StatusNoContent)
	return nil
}

// current is the resource as it is after the commit. Somebody may have deleted it already: then it is as the commit left it.
func current(s *directory.Snapshot, done *directory.Resource) *directory.Resource {
	if r, err := s.Get(done.Type, done.ID); err == nil {
		return r
	}
	return done
}

// reply answers a change: with the resource, or without a body when the client does not want it or it would be very
// large (Appendix B-22).
func (x *exchange) reply(status int, s *directory.Snapshot, t *schema.ResourceType, r *directory.Resource, q *params, extra []byte) error {
	named := len(q.attributes) > 0 || len(q.excludedAttributes) > 0 // then RFC 7644 §3.5.2 wants a body
	minimal := prefers(x.r.Header["Prefer"], "return=minimal")
	if named || extra != nil || (!minimal && !x.tooLargeToShow(s, r)) {
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

// tooLargeToShow reports whether a PATCH was about a Group with so many members that its client hardly wants them all.
func (x *exchange) tooLargeToShow(s *directory.Snapshot, r *directory.Resource) bool {
	most := x.o.Limits.GroupReply
	return r.Type == groupType && x.r.Method == http.MethodPatch && s.MemberCount(r.ID, most+1) > most
}

// show answers with the resource as the query wants it; extra are further members of its object.
func (x *exchange) show(status int, s *directory.Snapshot, t *schema.ResourceType, r *directory.Resource, q *params, extra []byte) error {
	body, err := x.represent(s, t, r, q, extra)
	if err != nil {
		return err
	}
	x.identify(t, r)
	x.write(status, body)
	return nil
}

// represent is the resource as the query wants it; extra are further members of its object.
func (x *exchange) represent(s *directory.Snapshot, t *schema.ResourceType, r *directory.Resource, q *params, extra []byte) ([]byte, error) {
	v, err := x.newRenderer(t, q)
	if err != nil {
		return nil, err
	}
	body, err := v.appendTo(make([]byte, 0, len(r.JSON)+derivedSize), s, r)
	if err == nil && extra != nil {
		body = append(append(body[:len(body)-1], extra...), '}')
	}
	return body, err
}

// identify sets the headers that say which resource, in which version, a reply is about.
func (x *exchange) identify(t *schema.ResourceType, r *directory.Resource) {
	x.set("Etag", etag(r.Version))
	x.set("Location", string(x.appendLocation(make([]byte, 0, 128), t.Endpoint, r.ID)))
}

// prefers reports whether the client states the preference (RFC 7240 §2).
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
