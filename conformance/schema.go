package conformance

import (
	"slices"
	"strings"
)

// An attribute is one definition of a schema (RFC 7643 §7).
type attribute struct {
	name, typ                        string
	multi, required, exact           bool
	mutability, returned, uniqueness string
	canonical, refs                  []string
	subs                             []*attribute
	raw                              obj
}

type schema struct {
	id    string
	attrs []*attribute
	raw   obj
}

// A resourceType is an entry of /ResourceTypes with its schemas looked up.
type resourceType struct {
	name, endpoint string
	base           *schema
	exts           []extension
	raw            obj
	refusal        *stop            // why the suite cannot create one; nil if it can
	bare           bool             // only required attributes are set: the server refuses a full body
	avoid          []string         // attributes and extensions that the server lets these credentials not set
	unable         map[string]*stop // by method, or "filter": why that cannot be used on it
}

type extension struct {
	*schema
	required bool
}

func parseSchema(v obj) *schema {
	s := &schema{id: str(v["id"]), raw: v}
	for _, a := range list(v["attributes"]) {
		if o, ok := a.(obj); ok {
			s.attrs = append(s.attrs, parseAttribute(o))
		}
	}
	return s
}

func parseAttribute(v obj) *attribute {
	a := &attribute{
		name: str(v["name"]), typ: str(v["type"]),
		multi: isTrue(v["multiValued"]), required: isTrue(v["required"]), exact: isTrue(v["caseExact"]),
		mutability: str(v["mutability"]), returned: str(v["returned"]), uniqueness: str(v["uniqueness"]),
		raw: v,
	}
	if a.mutability == "" {
		a.mutability = "readWrite"
	}
	if a.returned == "" {
		a.returned = "default"
	}
	if a.typ == "" {
		a.typ = "string"
	}
	for _, c := range list(v["canonicalValues"]) {
		a.canonical = append(a.canonical, str(c))
	}
	for _, r := range list(v["referenceTypes"]) {
		a.refs = append(a.refs, str(r))
	}
	for _, s := range list(v["subAttributes"]) {
		if o, ok := s.(obj); ok {
			a.subs = append(a.subs, parseAttribute(o))
		}
	}
	return a
}

func (s *schema) attr(name string) *attribute {
	if s == nil {
		return nil
	}
	return find(s.attrs, name)
}

func (a *attribute) sub(name string) *attribute {
	if a == nil {
		return nil
	}
	return find(a.subs, name)
}

func find(attrs []*attribute, name string) *attribute {
	i := slices.IndexFunc(attrs, func(a *attribute) bool { return strings.EqualFold(a.name, name) })
	if i < 0 {
		return nil
	}
	return attrs[i]
}

// A field is an attribute and where it stands: its extension's URN (empty for
// the base schema) and its parent, if it is a sub-attribute.
type field struct {
	*attribute
	urn    string
	parent *attribute
}

// path is the field's name in filters and PATCH paths.
func (f field) path() string {
	p := f.name
	if f.parent != nil {
		p = f.parent.name + "." + p
	}
	if f.urn != "" {
		p = f.urn + ":" + p
	}
	return p
}

// in returns the field's value in a resource; of a multi-valued parent, that
// of its first element.
func (f field) in(v any) any {
	if f.urn != "" {
		v = at(v, f.urn)
	}
	if f.parent != nil {
		v = member(v, f.parent.name)
		if f.parent.multi {
			v = member(v, "0")
		}
	}
	return member(v, f.name)
}

// set puts a value into a body, making the containers on the way.
func (f field) set(body obj, v any) {
	if f.urn != "" {
		if _, ok := body[f.urn].(obj); !ok {
			body[f.urn] = obj{}
		}
		if !hasString(body["schemas"], f.urn) {
			body["schemas"] = append(slices.Clone(list(body["schemas"])), f.urn)
		}
		body = body[f.urn].(obj)
	}
	if f.parent != nil {
		if f.parent.multi {
			body[f.parent.name] = arr{obj{f.name: v}}
			return
		}
		if _, ok := body[f.parent.name].(obj); !ok {
			body[f.parent.name] = obj{}
		}
		body = body[f.parent.name].(obj)
	}
	body[f.name] = v
}

// externalID is the common attribute every type has (RFC 7643 §3.1).
var externalID = attribute{name: "externalId", typ: "string", exact: true, mutability: "readWrite",
	returned: "default", uniqueness: "none"}

// fields lists the type's attributes and sub-attributes, externalId last.
func (t *resourceType) fields() []field {
	var out []field
	add := func(urn string, attrs []*attribute) {
		for _, a := range attrs {
			out = append(out, field{a, urn, nil})
			for _, s := range a.subs {
				out = append(out, field{s, urn, a})
			}
		}
	}
	add("", t.base.attrs)
	for _, e := range t.exts {
		add(e.id, e.attrs)
	}
	if t.base.attr("externalId") == nil {
		ext := externalID
		out = append(out, field{&ext, "", nil})
	}
	return out
}

// find returns the first field that ok likes.
func (t *resourceType) find(ok func(field) bool) (field, bool) {
	for _, f := range t.fields() {
		if ok(f) {
			return f, true
		}
	}
	return field{}, false
}

// has reports whether the type defines the attribute at a path such as
// "emails.type" or "urn:…:User:manager".
func (t *resourceType) has(path string) bool {
	_, ok := t.field(path)
	return ok
}

func (t *resourceType) field(path string) (field, bool) {
	return t.find(func(f field) bool { return strings.EqualFold(f.path(), path) })
}

// preferred are attributes whose values are free text in any schema we know.
var preferred = []string{"title", "displayName", "description", "nickName", "label", "externalId"}

// text picks a single-valued readWrite string attribute that takes any text
// and is neither required nor unique; externalId if there is no better one.
func (t *resourceType) text() (field, bool) {
	free := func(f field) bool {
		return f.typ == "string" && !f.multi && !f.required && f.parent == nil && f.mutability == "readWrite" &&
			f.returned == "default" && (f.uniqueness == "" || f.uniqueness == "none") && len(f.canonical) == 0
	}
	for _, name := range preferred {
		if f, ok := t.field(name); ok && free(f) {
			return f, true
		}
	}
	return t.find(free)
}

// writable reports whether any attribute can be set by a client.
func (t *resourceType) writable() bool {
	return slices.ContainsFunc(t.base.attrs, func(a *attribute) bool { return a.mutability != "readOnly" })
}
