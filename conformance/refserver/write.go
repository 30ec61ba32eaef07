package refserver

import (
	"encoding/json"
	"net/http"
	"reflect"
	"slices"
	"strings"
)

// post creates a resource.
func (c *call) post(t *typ) (*answer, error) {
	body, err := c.body(maxBodyBytes)
	if err != nil {
		return nil, err
	}
	r, err := c.create(t, body)
	if err != nil {
		return nil, err
	}
	return c.show(201, r, body)
}

func (c *call) create(t *typ, body obj) (*rec, error) {
	data, err := c.normalize(t, body)
	if err != nil {
		return nil, err
	}
	if err := c.check(t, data, ""); err != nil {
		return nil, err
	}
	if t.name == "User" && data["active"] == nil {
		if v, given := get(body, "active"); !given || v == nil {
			data["active"] = true
		}
	}
	c.s.serial++
	r := &rec{id: newID(c.s.serial), typ: t, data: data, created: c.s.now, modified: c.s.now, version: 1}
	c.t.recs = append(c.t.recs, r)
	c.t.gen++
	c.emit(r, "create", body)
	return r, nil
}

func newID(n int) string {
	const digits = "0123456789abcdefghijkmnpqrstuvwxyz"
	id := []byte("id000000")
	for i := len(id) - 1; n > 0; i-- {
		id[i] = digits[n%len(digits)]
		n /= len(digits)
	}
	return string(id)
}

// show answers with one resource, projected as the query asks.
func (c *call) show(status int, r *rec, written obj) (*answer, error) {
	q := c.r.URL.Query()
	p, err := projectionOf(q.Get("attributes"), q.Get("excludedAttributes"))
	if err != nil {
		return nil, err
	}
	p.written = written
	h := http.Header{"Location": {c.location(r)}, "Content-Location": {c.location(r)}}
	if !c.s.opts.Minimal {
		h.Set("ETag", r.etag())
	}
	if c.r.Header.Get("Prefer") == "return=minimal" && c.r.Method == http.MethodPatch && !q.Has("attributes") {
		return &answer{status: 204, header: h}, nil
	}
	return &answer{status: status, header: h, body: p.show(r.typ, c.render(r))}, nil
}

// one serves a single resource.
func (c *call) one(t *typ, id string) (*answer, error) {
	r := c.t.find(id)
	switch c.r.Method {
	case http.MethodGet, http.MethodHead, http.MethodPut, http.MethodPatch, http.MethodDelete:
	default:
		return allow("GET, HEAD, PUT, PATCH, DELETE")
	}
	if c.r.Method == http.MethodPatch && c.s.opts.Minimal {
		return nil, fail(501, "", "PATCH is not supported")
	}
	if r == nil || r.typ != t {
		return nil, fail(404, "", "%s %q does not exist", t.name, id)
	}
	if a, err := c.precondition(r); a != nil || err != nil {
		return a, err
	}
	switch c.r.Method {
	case http.MethodDelete:
		c.remove(r)
		return &answer{status: 204, header: http.Header{}}, nil
	case http.MethodGet, http.MethodHead:
		return c.show(200, r, nil)
	}
	if q := c.r.URL.Query(); q.Has("attributes") && q.Has("excludedAttributes") {
		return nil, fail(400, "invalidValue", "attributes and excludedAttributes exclude each other")
	}
	body, err := c.body(maxBodyBytes)
	if err != nil {
		return nil, err
	}
	if c.r.Method == http.MethodPut {
		err = c.replace(r, body)
	} else {
		err = c.modify(r, body)
	}
	if err != nil {
		return nil, err
	}
	if c.r.Method == http.MethodPatch {
		body = patched(body)
	}
	return c.show(200, r, body)
}

// patched are the names a PATCH sets.
func patched(body obj) obj {
	out := obj{}
	ops, _ := get(body, "Operations")
	for _, o := range asList(ops) {
		m, _ := o.(obj)
		if p, ok := get(m, "path"); ok {
			s, _ := p.(string)
			out[s] = true
		} else if v, ok := get(m, "value"); ok {
			vo, _ := v.(obj)
			for k := range vo {
				out[k] = true
			}
		}
	}
	return out
}

func tagIn(header, tag string) bool {
	if strings.TrimSpace(header) == "*" {
		return true
	}
	opaque := strings.TrimPrefix(tag, "W/")
	for h := range strings.SplitSeq(header, ",") {
		if strings.TrimPrefix(strings.TrimSpace(h), "W/") == opaque {
			return true
		}
	}
	return false
}

func (c *call) precondition(r *rec) (*answer, error) {
	if c.s.opts.Minimal {
		return nil, nil
	}
	if h := c.r.Header.Get("If-Match"); h != "" && !tagIn(h, r.etag()) {
		return nil, fail(412, "", "the resource has version %s", r.etag())
	}
	if h := c.r.Header.Get("If-None-Match"); h != "" && tagIn(h, r.etag()) {
		if c.r.Method == http.MethodGet || c.r.Method == http.MethodHead {
			return &answer{status: 304, header: http.Header{"Etag": {r.etag()}}}, nil
		}
		return nil, fail(412, "", "the resource has version %s", r.etag())
	}
	return nil, nil
}

// replace is PUT: what the body leaves out is cleared, but for passwords and
// immutable values.
func (c *call) replace(r *rec, body obj) error {
	data, err := c.normalize(r.typ, body)
	if err != nil {
		return err
	}
	for _, a := range r.typ.attrs {
		old, had := r.data[a.name]
		if !had {
			continue
		}
		_, given := get(body, a.name)
		switch {
		case a.mutability == "writeOnly" && !given:
			data[a.name] = old
		case a.mutability == "immutable" && none(data[a.name]):
			data[a.name] = old
		case a.mutability == "immutable" && !reflect.DeepEqual(data[a.name], old):
			return fail(400, "mutability", "%s: is immutable", a.name)
		}
	}
	if err := c.check(r.typ, data, r.id); err != nil {
		return err
	}
	c.commit(r, data, "put", body)
	return nil
}

// commit stores new data if it differs.
func (c *call) commit(r *rec, data obj, kind string, body obj) {
	a, _ := json.Marshal(r.data)
	b, _ := json.Marshal(data)
	if string(a) == string(b) {
		return
	}
	was := r.data["active"]
	r.data, r.modified = data, c.s.now
	r.version++
	c.t.gen++
	c.emit(r, kind, body)
	if now := data["active"]; was != now {
		if now == true {
			c.emit(r, "activate", body)
		} else {
			c.emit(r, "deactivate", body)
		}
	}
}

// remove deletes a resource and its memberships.
func (c *call) remove(r *rec) {
	c.t.gen++
	c.t.recs = slices.DeleteFunc(slices.Clone(c.t.recs), func(x *rec) bool { return x == r })
	for _, g := range c.t.recs {
		members := asList(g.data["members"])
		left := slices.DeleteFunc(slices.Clone(members), func(m any) bool {
			o, ok := m.(obj)
			return ok &&
				o["value"] == r.id
		})
		if g.typ.name == "Group" && len(left) != len(members) {
			data := copyOf(g.data).(obj)
			if data["members"] = left; len(left) == 0 {
				delete(data, "members")
			}
			c.commit(g, data, "patch", nil)
		}
	}
	c.emit(r, "delete", nil)
}

// me is the user behind the credentials.
func (c *call) me() (*answer, error) {
	owner := c.t.recs
	if c.s.opts.Minimal || c.t.name != "first" || c.reader || len(owner) == 0 {
		return nil, fail(501, "", "/Me is not supported for these credentials")
	}
	if c.s.opts.Redirect {
		return &answer{status: 308, header: http.Header{"Location": {c.location(owner[0])}}}, nil
	}
	return c.one(c.s.types[0], owner[0].id)
}
