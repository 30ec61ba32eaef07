package scimapi

import (
	"bytes"
	"cmp"
	"encoding/json"
	"slices"

	"github.com/tidwall/gjson"

	"rollcall/directory"
	"rollcall/directory/schema"
)

// derivedSize is how many bytes are set aside for derived attributes: meta and a few references.
const derivedSize = 512

// renderer writes resources of one type as one request wants them: the stored bytes with derived attributes spliced in.
type renderer struct {
	x       *exchange
	t       *schema.ResourceType
	p       *projection // nil: all that is returned by default
	hook    func(*directory.Snapshot, *directory.Resource, map[string]any)
	derived []string // top-level attributes that are not stored and are shown, except meta
	urns    []string // extensions with such attributes
	links   []link
	meta    bool
	members bool   // of a Group, which are not among derived: they may be very many
	element []byte // one of them, where only parts of it are shown
}

// newRenderer returns a renderer for what the query's attributes and excludedAttributes ask for.
func (x *exchange) newRenderer(t *schema.ResourceType, q *params) (*renderer, error) {
	sh := x.shape(t)
	p, err := newProjection(t, sh.plain && !specifiesAny(sh.onRequest, q.specified), q.attributes,
		q.excludedAttributes)
	if err != nil {
		return nil, err
	}
	v := &renderer{x: x, t: t, p: p, hook: x.rendering(t), meta: true, derived: sh.derived,
		urns: sh.byDefault, links: sh.links}
	if p != nil {
		p.specified, p.hiding = q.specified, sh.onRequest
		v.meta = p.shows("meta")
		v.derived, v.urns = p.onlyShown(sh.derived), p.onlyShown(sh.urns)
	}
	if t.Name == schema.GroupType {
		rest := slices.DeleteFunc(slices.Clone(v.derived), func(name string) bool { return name == "members" })
		v.derived, v.members = rest, len(rest) < len(v.derived)
	}
	return v, nil
}

// rendering is what the hook of a type adds to a body; nil if it adds nothing. Texts are in one language for the whole
// reply, whose headers say so.
func (x *exchange) rendering(t *schema.ResourceType) func(*directory.Snapshot, *directory.Resource, map[string]any) {
	hook := x.o.Hooks[t.Kind()]
	if hook.Explain == nil {
		return hook.Render
	}
	language, h := hook.Language(x.r), x.w.Header()
	h.Set("Content-Language", language)
	if !slices.Contains(h.Values("Vary"), acceptLanguage) {
		h.Add("Vary", acceptLanguage)
	}
	return func(s *directory.Snapshot, r *directory.Resource, body map[string]any) {
		if hook.Render != nil {
			hook.Render(s, r, body)
		}
		hook.Explain(language, body)
	}
}

const acceptLanguage = "Accept-Language"

// write appends the resource's representation to the stream, large ones in pieces. grouped is what grouping says of it.
func (v *renderer) write(out *stream, s *directory.Snapshot, r *directory.Resource, grouped bool) error {
	if grouped { // walks of few steps do not tell of them
		s = out.pace(s)
		if err := out.next(2); err != nil {
			return err
		}
	}
	if err := out.document(len(r.JSON) + derivedSize); err != nil {
		return err
	}
	var err error
	if out.body, err = v.appendTo(out.body, s, r, grouped); err != nil {
		return err
	}
	if v.members {
		err = v.writeMembers(out, s, r.ID)
	}
	return cmp.Or(out.err, err)
}

// appendTo appends the resource's representation, without the members of a Group.
func (v *renderer) appendTo(dst []byte, s *directory.Snapshot, r *directory.Resource, grouped bool) ([]byte, error) {
	if v.p == nil && v.hook == nil {
		return v.appendWhole(dst, s, r, grouped), nil
	}
	b := v.appendWhole(nil, s, r, grouped)
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

// marshal writes JSON without escapes for HTML: replies contain XML and messages that people read.
func marshal(v any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	err := e.Encode(v)
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), err
}

// appendWhole appends the stored document with its derived attributes.
func (v *renderer) appendWhole(dst []byte, s *directory.Snapshot, r *directory.Resource, grouped bool) []byte {
	// What is stored, without the closing brace.
	start := len(dst)
	if v.t.Kind() == schema.GroupMembershipType {
		return v.appendMembership(dst, s, r)
	}
	known := v.memo(r)
	if doc := r.JSON[:len(r.JSON)-1]; v.p == nil {
		dst = appendWithout(dst, doc, known.cuts)
	} else {
		dst = append(dst, doc...)
	}
	if known.links {
		dst = v.appendLinks(dst, start, s)
	}

	// The derived attributes of its own schema.
	for _, name := range v.derived {
		switch {
		case r.Type == schema.UserType && name == "groups":
			if grouped {
				dst = v.appendGroups(dst, s, r)
			}
		default:
			if value, _ := s.View(r, nil).Derived(name); value != nil {
				dst = appendMember(dst, name, value)
			}
		}
	}

	// Those of extensions, which become part of "schemas".
	for _, urn := range v.urns {
		before := len(dst)
		if r.Type == schema.UserType && urn == schema.AccessURN {
			if grouped || known.roles { // else it has none
				dst = appendRoles(dst, s.Roles(r.ID))
			}
		} else if value, _ := s.View(r, nil).Derived(urn); value != nil {
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

// rolesMember is part of every document that has roles.
var rolesMember = []byte(`"roles":[`)

// contains reports whether canonical JSON contains a member, given as its name and the bracket that begins its value.
// It is much faster than parsing, and than bytes.Contains, because brackets are rare and quotes are not. It cannot be
// fooled by a text: quotes in a text are escaped.
func contains(doc, member []byte) bool {
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

// listURN adds an extension to "schemas", with which canonical JSON begins.
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

// unlist removes an entry from "schemas", with which canonical JSON begins.
func unlist(dst []byte, start int, listed []byte) []byte {
	end := start + bytes.IndexByte(dst[start:], ']')
	at := bytes.Index(dst[start:end], listed)
	if at < 0 {
		return dst
	}
	return slices.Delete(dst, start+at, start+at+len(listed))
}

func appendMember(dst []byte, name string, value []byte) []byte {
	dst = append(dst, `,"`...)
	dst = append(dst, name...)
	dst = append(dst, `":`...)
	return append(dst, value...)
}
