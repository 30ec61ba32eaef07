package scimapi

import (
	"net/http"

	"rollcall/directory"
	"rollcall/directory/schema"
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
	s, err := x.dir.Update(x.r.Context(), c.run)
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
