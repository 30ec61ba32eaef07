package refserver

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// normalize turns a client's body into stored data: canonical names, known
// attributes only, readOnly ones dropped, values of the right types.
func (c *call) normalize(t *typ, body obj) (obj, error) {
	if v, ok := get(body, "schemas"); !ok || !slices.ContainsFunc(asList(v), func(u any) bool {
		s,
			_ := u.(string)
		return strings.EqualFold(s, t.urn)
	}) {
		return nil, fail(400, "invalidSyntax", "schemas: must contain %s", t.urn)
	}
	out, err := fillFrom(body, append([]*attr{commonAttrs[1]}, t.attrs...), "")
	if err != nil {
		return nil, err
	}
	for _, e := range t.exts {
		v, ok := get(body, e.urn)
		if !ok || none(v) {
			continue
		}
		part, ok := v.(obj)
		if !ok {
			return nil, fail(400, "invalidValue", "%s: must be an object", e.urn)
		}
		data, err := fillFrom(part, e.attrs, e.urn+":")
		if err != nil {
			return nil, err
		}
		if len(data) > 0 {
			out[e.urn] = data
		}
	}
	return out, nil
}

func fillFrom(body obj, attrs []*attr, prefix string) (obj, error) {
	out := obj{}
	for _, a := range attrs {
		v, ok := get(body, a.name)
		if !ok || a.mutability == "readOnly" {
			continue
		}
		x, err := a.coerce(v, prefix+a.name)
		if err != nil {
			return nil, err
		}
		if !none(x) {
			out[a.name] = x
		}
	}
	return out, nil
}

// check tells whether data may be stored: required values, references, unique
// values. self is the id of the resource, empty on creation.
func (c *call) check(t *typ, data obj, self string) error {
	for _, a := range t.attrs {
		if a.required && (none(data[a.name]) || data[a.name] == "") {
			return fail(400, "invalidValue", "%s: is required", a.name)
		}
		if err := c.unique(t, a, data, self); err != nil {
			return err
		}
	}
	for _, e := range t.exts {
		part, _ := data[e.urn].(obj)
		for _, a := range e.attrs {
			if a.required && (e.required || part != nil) && none(part[a.name]) {
				return fail(400, "invalidValue", "%s:%s: is required", e.urn, a.name)
			}
		}
	}
	for _, m := range asList(data["members"]) {
		if t.name != "Group" {
			break
		}
		id, _ := m.(obj)["value"].(string)
		target := c.t.find(id)
		if target == nil || target.typ.name == "Widget" {
			return fail(400, "invalidValue", "members.value: %q names no User or Group", id)
		}
		if target.typ.name == "Group" && (id == self || c.inside(self, target, nil)) {
			return fail(400, "invalidValue", "members.value: %q would close a cycle", id)
		}
	}
	return nil
}

// inside reports whether the group with an id is reachable from g.
func (c *call) inside(id string, g *rec, seen []*rec) bool {
	if id == "" || slices.Contains(seen, g) {
		return false
	}
	for _, m := range asList(g.data["members"]) {
		x := c.t.find(m.(obj)["value"].(string))
		if x != nil && x.typ.name == "Group" && (x.id == id || c.inside(id, x, append(seen, g))) {
			return true
		}
	}
	return false
}

func (c *call) unique(t *typ, a *attr, data obj, self string) error {
	if a.uniqueness != "server" && a.uniqueness != "global" || none(data[a.name]) {
		return nil
	}
	want := c.key(a, data[a.name])
	for _, r := range c.t.recs {
		if r.typ == t && r.id != self && c.key(a, r.data[a.name]) == want {
			return fail(409, "uniqueness", "%s: the value is taken", a.name)
		}
	}
	return nil
}

func (c *call) key(a *attr, v any) string {
	s := fmt.Sprint(v)
	if a.exact {
		return s
	}
	return fold(s)
}

func (t *tenant) find(id string) *rec {
	for _, r := range t.recs {
		if r.id == id {
			return r
		}
	}
	return nil
}

func stamp(t time.Time) string { return t.Format("2006-01-02T15:04:05.000Z") }

func (r *rec) etag() string { return fmt.Sprintf(`W/"%d"`, r.version) }

func (c *call) location(r *rec) string { return c.base() + r.typ.endpoint + "/" + r.id }

// render is the whole resource (not to be changed by the caller), with everything computed; projection comes
// after.
func (c *call) render(r *rec) obj {
	if r.whole == nil || r.gen != c.t.gen {
		r.whole, r.gen = c.renderAnew(r), c.t.gen
	}
	return r.whole
}

func (c *call) renderAnew(r *rec) obj {
	out := copyOf(r.data).(obj)
	out["id"] = r.id
	schemas := arr{r.typ.urn}
	for _, e := range r.typ.exts {
		if _, ok := out[e.urn]; ok {
			schemas = append(schemas, e.urn)
		}
	}
	out["schemas"] = schemas
	meta := obj{"resourceType": r.typ.name, "created": stamp(r.created), "lastModified": stamp(r.modified),
		"location": c.location(r)}
	if !c.s.opts.Minimal {
		meta["version"] = r.etag()
	}
	out["meta"] = meta
	switch r.typ.name {
	case "Group":
		for _, m := range asList(out["members"]) {
			o := m.(obj)
			if x := c.t.find(o["value"].(string)); x != nil {
				o["type"], o["$ref"], o["display"] = x.typ.name, c.location(x), display(x)
			}
		}
	case "User":
		if g := c.groupsOf(r); len(g) > 0 {
			out["groups"] = g
		}
		for _, e := range r.typ.exts {
			part, _ := out[e.urn].(obj)
			if m, ok := part["manager"].(obj); ok {
				if x := c.t.find(fmt.Sprint(m["value"])); x != nil {
					m["$ref"], m["displayName"] = c.location(x), display(x)
				}
			}
		}
	case "Widget":
		out["code"] = "W-" + r.id
	}
	return out
}

func display(r *rec) string {
	for _, k := range []string{"displayName", "userName"} {
		if s, ok := r.data[k].(string); ok {
			return s
		}
	}
	return r.id
}

// groupsOf lists the groups a user is in, indirect ones after direct ones.
func (c *call) groupsOf(user *rec) arr {
	var out arr
	var seen []*rec
	level := []*rec{user}
	kind := "direct"
	for len(level) > 0 {
		var next []*rec
		for _, g := range c.t.recs {
			if g.typ.name != "Group" || slices.Contains(seen, g) {
				continue
			}
			for _, m := range asList(g.data["members"]) {
				if slices.ContainsFunc(level, func(x *rec) bool { return x.id == m.(obj)["value"] }) {
					seen = append(seen, g)
					next = append(next, g)
					out = append(out, obj{"value": g.id, "$ref": c.location(g), "display": display(g), "type": kind})
					break
				}
			}
		}
		level, kind = next, "indirect"
	}
	return out
}
