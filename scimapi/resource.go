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
	return x.answer(s, t, r)
}

// answer answers a GET with the resource.
func (x *exchange) answer(s *directory.Snapshot, t *schema.ResourceType, r *directory.Resource) error {
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

// write creates, replaces or modifies a resource (RFC 7644 §3.3, §3.5.1, §3.5.2) and answers with it.
func (x *exchange) write(t *schema.ResourceType, id directory.ID) error {
	q, err := x.readParams()
	if err != nil {
		return err
	}
	if err := x.readDryRun(); err != nil {
		return err
	}
	c := x.newChange(t, id)
	if err := c.readRequest(); err != nil {
		return err
	}
	s, err := x.update(x.r.Context(), x.dir, c.run)
	if err != nil {
		return err
	}
	x.reportSkipped(c.skipped)
	x.warnOfGrants(s, c.revoked)
	q.specified = c.specifies
	status := http.StatusOK
	if c.method == http.MethodPost {
		status = http.StatusCreated
	}
	if x.dir.IsDryRun() { // a secret that opens nothing helps nobody
		c.secret = ""
	}
	return x.reply(status, s, t, current(s, c.done), q, secretMember(c.secret))
}

// remove deletes a resource (RFC 7644 §3.6).
func (x *exchange) remove(t *schema.ResourceType, id directory.ID) error {
	return x.removeBy(x.newChange(t, id))
}

// removeBy carries out a deletion.
func (x *exchange) removeBy(c *change) error {
	if err := x.readDryRun(); err != nil {
		return err
	}
	s, err := x.dir.Update(x.r.Context(), c.run)
	if err != nil {
		return err
	}
	x.warnOfGrants(s, c.revoked)
	x.w.WriteHeader(http.StatusNoContent)
	return nil
}

// current returns the resource as it is now, or as the commit left it if it has been deleted since.
func current(s *directory.Snapshot, done *directory.Resource) *directory.Resource {
	if done.ID.IsZero() { // a GroupMembership
		id, _ := directory.ParseMembershipID(membershipID(done))
		if r, err := s.Membership(id); err == nil {
			return r
		}
		return done
	}
	if r, err := s.Get(done.Type, done.ID); err == nil {
		return r
	}
	return done
}
