package scimapi

import (
	"slices"

	"rollcall/directory/schema"
)

// shape is what rendering needs to know of a type. It is worked out once, because types are immutable: a new definition
// makes a new type.
type shape struct {
	plain     bool             // every stored attribute is returned by default, except those of onRequest
	derived   []string         // top-level attributes that are not stored, except meta
	urns      []string         // extensions with attributes that are not stored
	onRequest []*schema.Schema // extensions that are returned on request only
	links     []link
}

func (h *Handler) shape(t *schema.ResourceType) *shape {
	if known, ok := h.shapes.Load(t); ok {
		return known.(*shape)
	}
	sh := &shape{plain: true, links: linksOf(t), onRequest: onRequest(t)}
	for a := range t.Attributes() {
		ext := t.Extension(a.URN)
		sh.plain = sh.plain && (plain(a) || ext != nil && ext.OnRequest())
		switch {
		case !a.Derived || a.Name == "meta":
		case ext == nil:
			sh.derived = append(sh.derived, a.Name)
		case !slices.Contains(sh.urns, a.URN):
			sh.urns = append(sh.urns, a.URN)
		}
	}
	h.shapes.Store(t, sh)
	return sh
}

// urnsByDefault returns the extensions with attributes that are not stored and that are returned by default.
func (sh *shape) urnsByDefault() []string {
	return slices.DeleteFunc(slices.Clone(sh.urns), func(urn string) bool {
		return slices.ContainsFunc(sh.onRequest, func(s *schema.Schema) bool { return s.ID == urn })
	})
}

// onRequest returns the extensions that a reply shows only to those who name them.
func onRequest(t *schema.ResourceType) (list []*schema.Schema) {
	for _, e := range t.Extensions {
		if e.Schema.OnRequest() {
			list = append(list, e.Schema)
		}
	}
	return list
}

// specifiesAny reports whether the request specifies something of one of the extensions; specified is that of params.
func specifiesAny(extensions []*schema.Schema, specified func(*schema.Attribute) bool) bool {
	return specified != nil && slices.ContainsFunc(extensions, func(s *schema.Schema) bool {
		return slices.ContainsFunc(s.Attributes, specified)
	})
}
