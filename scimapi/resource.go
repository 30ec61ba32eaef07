package scimapi

import (
	"net/http"
	"strings"

	"github.com/tidwall/gjson"

	"rollcall/directory"
	"rollcall/directory/schema"
	"rollcall/scimapi/patch"
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
	if h := x.r.Header["If-Match"]; len(h) > 0 {
		if err := x.precondition(r.Version); err != nil {
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

// create makes a resource (RFC 7644 §3.3).
func (x *exchange) create(t *schema.ResourceType) error {
	q, in, err := x.input(t)
	if err != nil {
		return err
	}
	var made *directory.Resource
	var secret string
	s, err := x.dir.Update(x.r.Context(), func(tx *directory.Tx) error {
		x.skipped = nil
		doc, err := t.Parse(in.body, x.mode())
		if err != nil {
			return err
		}
		if err := x.prepare(tx, t, nil, doc); err != nil {
			return err
		}
		if made, err = tx.Create(t.Name, doc); err != nil {
			return err
		}
		secret = tx.Secret(made)
		return x.addMembers(tx, made, in.members)
	})
	if err != nil {
		return err
	}
	return x.reply(http.StatusCreated, s, t, current(s, made), q, once(secret))
}

// replace puts a whole document in the place of the stored one (RFC 7644 §3.5.1).
func (x *exchange) replace(t *schema.ResourceType, id directory.ID) error {
	q, in, err := x.input(t)
	if err != nil {
		return err
	}
	return x.change(t, id, q, func(tx *directory.Tx, old *directory.Resource) error {
		before, err := t.Decode(old.JSON)
		if err != nil {
			return err
		}
		doc, err := t.Parse(in.body, x.mode())
		if err != nil {
			return err
		}
		if err := t.Carry(before, doc); err != nil {
			return err
		}
		if err := x.prepare(tx, t, old, doc); err != nil {
			return err
		}
		if _, err := tx.Replace(old, doc); err != nil {
			return err
		}
		if t.Name != groupType {
			return nil
		}
		members, err := x.memberIDs(tx, in.members)
		if err != nil {
			return err
		}
		return tx.SetMembers(old, members) // none when left out, like every attribute
	})
}

// modify applies a PATCH (RFC 7644 §3.5.2).
func (x *exchange) modify(t *schema.ResourceType, id directory.ID) error {
	q, err := x.readParams()
	if err != nil {
		return err
	}
	req, err := x.patchRequest(t)
	if err != nil {
		return err
	}
	return x.change(t, id, q, func(tx *directory.Tx, old *directory.Resource) error {
		doc, err := t.Decode(old.JSON)
		if err != nil {
			return err
		}
		res, err := patch.Apply(t, doc, x.members(tx, old), req, patch.Options{Strict: x.actor.Strict, Derived: x.derived(tx, t, old)})
		if err != nil {
			return err
		}
		if res.Changed {
			if err := x.prepare(tx, t, old, res.Document); err != nil {
				return err
			}
			if _, err := tx.Replace(old, res.Document); err != nil {
				return err
			}
		}
		return x.changeMembers(tx, old, res.Members)
	})
}

// change runs a PUT or PATCH of one resource on its current state and answers with the outcome.
func (x *exchange) change(t *schema.ResourceType, id directory.ID, q *params, f func(tx *directory.Tx, old *directory.Resource) error) error {
	var done *directory.Resource
	s, err := x.dir.Update(x.r.Context(), func(tx *directory.Tx) error {
		x.skipped = nil
		old, err := x.expected(tx, t, id)
		if err != nil {
			return err
		}
		err = f(tx, old)
		done = tx.Touched(old)
		return err
	})
	if err != nil {
		return err
	}
	return x.reply(http.StatusOK, s, t, current(s, done), q, nil)
}

// current is the resource as it is after the commit. Somebody may have deleted it already: then it is as the commit left it.
func current(s *directory.Snapshot, done *directory.Resource) *directory.Resource {
	if r, err := s.Get(done.Type, done.ID); err == nil {
		return r
	}
	return done
}

// remove deletes a resource (RFC 7644 §3.6).
func (x *exchange) remove(t *schema.ResourceType, id directory.ID) error {
	_, err := x.dir.Update(x.r.Context(), func(tx *directory.Tx) error {
		r, err := x.expected(tx, t, id)
		if err != nil {
			return err
		}
		return tx.Delete(r)
	})
	if err != nil {
		return err
	}
	x.w.WriteHeader(http.StatusNoContent)
	return nil
}

// expected reads the resource that a change is about and checks that it is in the state the client expects.
func (x *exchange) expected(tx *directory.Tx, t *schema.ResourceType, id directory.ID) (*directory.Resource, error) {
	r, err := tx.Get(t.Name, id)
	if err != nil || !x.conditional() {
		return r, err
	}
	if t.Name == groupType {
		tx.GuardMembers(r)
	}
	return r, x.precondition(r.Version)
}

// prepare runs the type's hook on a document before it is stored.
func (x *exchange) prepare(tx *directory.Tx, t *schema.ResourceType, old *directory.Resource, doc schema.Document) error {
	if hook := x.o.Hooks[t.Name].Prepare; hook != nil {
		return hook(x.r.Context(), tx, old, doc)
	}
	return nil
}

// derived gives PATCH what the document does not hold, so that an echo of it can be told from a change.
func (x *exchange) derived(tx *directory.Tx, t *schema.ResourceType, r *directory.Resource) func(string) []byte {
	return func(name string) []byte {
		v, err := x.newRenderer(t, &params{attributes: []string{name}})
		if err != nil {
			return nil
		}
		body, err := v.appendTo(nil, tx.Snapshot(), r)
		if err != nil {
			return nil
		}
		value := gjson.GetBytes(body, gjson.Escape(name))
		if !value.Exists() {
			return nil
		}
		return []byte(value.Raw)
	}
}

// reply answers a change: with the resource, or without a body when the client does not want it or it would be very
// large (Appendix B-22).
func (x *exchange) reply(status int, s *directory.Snapshot, t *schema.ResourceType, r *directory.Resource, q *params, extra []byte) error {
	named := len(q.attributes) > 0 || len(q.excludedAttributes) > 0 // then RFC 7644 §3.5.2 wants a body
	minimal := prefersMinimal(x.r.Header["Prefer"])
	x.reportSkipped()
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
	v, err := x.newRenderer(t, q)
	if err != nil {
		return err
	}
	body, err := v.appendTo(make([]byte, 0, len(r.JSON)+derivedSize), s, r)
	if err != nil {
		return err
	}
	if extra != nil {
		body = append(append(body[:len(body)-1], extra...), '}')
	}
	x.identify(t, r)
	x.write(status, body)
	return nil
}

// identify sets the headers that say which resource, in which version, a reply is about.
func (x *exchange) identify(t *schema.ResourceType, r *directory.Resource) {
	x.set("Etag", etag(r.Version))
	x.set("Location", string(x.appendLocation(make([]byte, 0, 128), t.Endpoint, r.ID)))
}

// prefersMinimal reports whether the client asks for no body (RFC 7240 §4.2).
func prefersMinimal(header []string) bool {
	for _, list := range header {
		for p := range strings.SplitSeq(list, ",") {
			p, _, _ = strings.Cut(p, ";")
			if strings.EqualFold(strings.ReplaceAll(strings.TrimSpace(p), `"`, ""), "return=minimal") {
				return true
			}
		}
	}
	return false
}
