package scimapi

import (
	"path"
	"slices"

	"github.com/tidwall/gjson"

	"rollcall/directory"
	"rollcall/directory/schema"
)

// link is an attribute that refers to a resource by its id; its $ref and display name are derived: the manager of a
// User (RFC 7643 §4.3), the User of an AccessToken.
type link struct {
	attr   *schema.Attribute
	needle []byte   // every document that has the attribute contains it
	types  []string // of the resources that it may refer to
	ref    bool     // it has a $ref
	label  string   // the readOnly sub-attribute for the display name
}

// linked returns the types that one of our own attributes refers to, if its schema has no $ref that says so.
func linked(t *schema.ResourceType, a *schema.Attribute) []string {
	switch t.Kind() + "." + a.Name {
	case "AccessToken.user", "Session.user":
		return []string{schema.UserType}
	case "Session.connection":
		return []string{schema.IdentityProviderType}
	}
	return nil
}

// linksOf returns the links among the type's attributes, custom ones too: single complex values whose schema declares a
// readOnly display name. The ends of a GroupMembership, whose names are in its document, are written by
// groupmemberships.go.
func linksOf(t *schema.ResourceType) []link {
	var links []link
	if t.Kind() == schema.GroupMembershipType {
		return nil
	}
	for a := range t.Attributes() {
		if a.Kind != schema.Complex || a.MultiValued || a.Derived || a.Attribute("value") == nil {
			continue
		}
		l := link{attr: a, types: linked(t, a), needle: []byte(`"` + a.Name + `":{`)}
		if ref := a.Attribute("$ref"); ref != nil {
			l.ref, l.types = true, ref.ReferenceTypes
		}
		for _, name := range []string{"display", "displayName"} {
			if sub := a.Attribute(name); sub != nil && sub.Mutability == schema.ReadOnly {
				l.label = name
			}
		}
		if l.label != "" && len(l.types) > 0 {
			links = append(links, l)
		}
	}
	return links
}

// appendLinks completes the links in the document that begins at start of dst and is not closed yet. A document without
// links costs a search for a few bytes.
func (v *renderer) appendLinks(dst []byte, start int, s *directory.Snapshot) []byte {
	for _, l := range v.links {
		if !contains(dst[start:], l.needle) {
			continue
		}
		object := gjson.GetBytes(dst[start:], l.attr.JSONPath)
		id, ok := directory.ParseID(object.Get("value").String())
		if !ok || !object.IsObject() || object.Index == 0 {
			continue
		}
		to, endpoint := find(s, l.types, id)
		if to == nil {
			continue
		}
		var more []byte
		if l.ref && !object.Get("$ref").Exists() {
			more = append(v.x.appendLocation(append(more, `,"$ref":"`...), endpoint, id), '"')
		}
		if name := to.Display(); name != "" && !object.Get(l.label).Exists() {
			more = gjson.AppendJSONString(append(append(append(more, `,"`...), l.label...), `":`...), name)
		}
		dst = slices.Insert(dst, start+object.Index+len(object.Raw)-1, more...)
	}
	return dst
}

// find returns the resource of one of the types and its endpoint, if the snapshot's reader may see it.
func find(s *directory.Snapshot, types []string, id directory.ID) (*directory.Resource, string) {
	for _, name := range types {
		if r, err := s.Get(name, id); err == nil {
			return r, s.Type(name).Endpoint
		}
	}
	return nil, ""
}

// dropLinks removes a $ref that is derived anyway from a document that a client sent. It would outlive a change of the
// public URL, and a document that is read and written back would not be the same.
func (x *exchange) dropLinks(t *schema.ResourceType, doc schema.Document) {
	for _, l := range x.shape(t).links {
		in := map[string]any(doc)
		if ext := t.Extension(l.attr.URN); ext != nil {
			in, _ = in[ext.ID].(map[string]any)
		}
		object, _ := in[l.attr.Name].(map[string]any)
		id, _ := object["value"].(string)
		if ref, ok := object["$ref"].(string); ok && path.Base(ref) == id && id != "" {
			delete(object, "$ref")
		}
	}
}
