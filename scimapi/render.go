package scimapi

import (
	"bytes"
	"encoding/json"

	"github.com/tidwall/gjson"

	"rollcall/directory"
	"rollcall/directory/schema"
)

// derivedSize is how many bytes are set aside for what is derived of a resource: its meta and a few references.
const derivedSize = 512

// renderer writes resources of one type as one request wants them: the stored bytes, with what is derived spliced in.
type renderer struct {
	x       *exchange
	t       *schema.ResourceType
	p       *projection // nil: as stored
	hook    func(*directory.Snapshot, *directory.Resource, map[string]any)
	derived []string // top-level attributes that are not stored and are shown, but for meta
	urns    []string // extensions of which the same holds
	links   []link
	meta    bool
}

// newRenderer reads what the reply shows from the query's attributes and excludedAttributes.
func (x *exchange) newRenderer(t *schema.ResourceType, q *params) (*renderer, error) {
	p, err := newProjection(t, x.shape(t).plain, q.attributes, q.excludedAttributes)
	if err != nil {
		return nil, err
	}
	v := &renderer{x: x, t: t, p: p, hook: x.o.Hooks[t.Name].Render, meta: true, derived: x.shape(t).derived,
		urns: x.shape(t).urns, links: x.shape(t).links}
	if p != nil {
		v.meta = p.shows("meta")
		v.derived, v.urns = p.onlyShown(v.derived), p.onlyShown(v.urns)
	}
	return v, nil
}

// appendTo appends the resource's representation.
func (v *renderer) appendTo(dst []byte, s *directory.Snapshot, r *directory.Resource) ([]byte, error) {
	if v.p == nil && v.hook == nil {
		return v.appendWhole(dst, s, r), nil
	}
	b := v.appendWhole(nil, s, r)
	if v.hook != nil {
		var body map[string]any
		d := json.NewDecoder(bytes.NewReader(b))
		d.UseNumber()
		if err := d.Decode(&body); err != nil {
			return nil, err
		}
		v.hook(s, r, body)
		var err error
		if b, err = marshal(body); err != nil {
			return nil, err
		}
	}
	if v.p == nil {
		return append(dst, b...), nil
	}
	return v.p.appendTo(dst, b), nil
}

// marshal writes JSON without escaping what only HTML has to: replies hold XML and error texts that people read.
func marshal(v any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	err := e.Encode(v)
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), err
}

// appendWhole appends the stored document with what is derived.
func (v *renderer) appendWhole(dst []byte, s *directory.Snapshot, r *directory.Resource) []byte {
	start := len(dst)
	dst = append(dst, r.JSON[:len(r.JSON)-1]...) // without the closing brace
	known := v.memo(r)
	if known.links {
		dst = v.appendLinks(dst, start, s)
	}
	roleless := false // in no Group: then only the document can hold roles
	for _, name := range v.derived {
		switch {
		case r.Type == schema.UserType && name == "groups":
			before := len(dst)
			dst = v.appendGroups(dst, s, r)
			roleless = len(dst) == before
		case r.Type == schema.GroupType && name == "members":
			dst = v.appendMembers(dst, s, r.ID)
		default:
			if value := s.View(r, nil).Derived(name); value != nil {
				dst = appendMember(dst, name, value)
			}
		}
	}
	for _, urn := range v.urns {
		before := len(dst)
		if r.Type == schema.UserType && urn == schema.AccessURN {
			if !roleless || known.roles {
				dst = appendRoles(dst, s.Roles(r.ID))
			}
		} else if value := s.View(r, nil).Derived(urn); value != nil {
			dst = appendMember(dst, urn, value)
		}
		if len(dst) > before {
			dst = listURN(dst, start, urn)
		}
	}
	if v.meta {
		dst = append(dst, known.meta...)
	}
	return append(dst, '}')
}

// rolesMember is in every document that has roles.
var rolesMember = []byte(`"roles":[`)

// holds reports whether canonical JSON has such a member: its name and the bracket that begins its value. That is much
// quicker than parsing, and than bytes.Contains, because brackets are rare and quotes are not. The same bytes within a
// text have their quotes escaped.
func holds(doc, member []byte) bool {
	name, bracket := member[:len(member)-1], member[len(member)-1]
	for at := 0; ; at++ {
		i := bytes.IndexByte(doc[at:], bracket)
		if i < 0 {
			return false
		}
		if at += i; bytes.HasSuffix(doc[:at], name) {
			return true
		}
	}
}

// listURN adds an extension to "schemas", which canonical JSON begins with.
func listURN(dst []byte, start int, urn string) []byte {
	end := start + bytes.IndexByte(dst[start:], ']')
	n := len(urn) + len(`,""`)
	dst = append(dst, make([]byte, n)...)
	copy(dst[end+n:], dst[end:])
	copy(dst[end:], `,"`)
	copy(dst[end+2:], urn)
	dst[end+n-1] = '"'
	return dst
}

// appendRoles appends the User's extension Access.
func appendRoles(dst []byte, roles []string) []byte {
	if len(roles) == 0 {
		return dst
	}
	dst = append(dst, `,"`+schema.AccessURN+`":{"effectiveRoles":[`...)
	for i, role := range roles {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = gjson.AppendJSONString(dst, role)
	}
	return append(dst, "]}"...)
}

func appendMember(dst []byte, name string, value []byte) []byte {
	dst = append(dst, `,"`...)
	dst = append(dst, name...)
	dst = append(dst, `":`...)
	return append(dst, value...)
}
