package scimapi

import (
	"slices"

	"rollcall/directory/schema"
)

// shape is what rendering needs to know of a type. It is worked out once, because types are immutable: a new definition
// makes a new type.
type shape struct {
	plain     bool        // every stored attribute is returned by default, except those of onRequest
	derived   []string    // top-level attributes that are not stored, except meta
	urns      []string    // extensions with attributes that are not stored
	byDefault []string    // those of urns that are returned by default
	onRequest []onRequest // extensions that are returned on request only
	links     []link
}

func (h *Handler) shape(t *schema.ResourceType) *shape {
	if known, ok := h.shapes.Load(t); ok {
		return known.(*shape)
	}
	sh := &shape{plain: true, links: linksOf(t), onRequest: onRequestOf(t)}
	for a := range t.Attributes() {
		ext := t.Extension(a.URN)
		sh.plain = sh.plain && (plain(a) || ext != nil && ext.OnRequest())
		switch {
		case !a.Derived || a.Name == "meta":
		case ext == nil:
			sh.derived = append(sh.derived, a.Name)
		case !slices.Contains(sh.urns, a.URN):
			sh.urns = append(sh.urns, a.URN)
			if !ext.OnRequest() {
				sh.byDefault = append(sh.byDefault, a.URN)
			}
		}
	}
	h.shapes.Store(t, sh)
	return sh
}

// onRequest is an extension that a reply shows only to those who name it, with what canonical JSON has of it.
type onRequest struct {
	*schema.Schema
	member []byte // the beginning of its member: "urn:…":{
	listed []byte // its entry in "schemas", which is never the first: ,"urn:…"
}

func onRequestOf(t *schema.ResourceType) (list []onRequest) {
	for _, e := range t.Extensions {
		if e.Schema.OnRequest() {
			list = append(list, onRequest{e.Schema, []byte(`"` + e.Schema.ID + `":{`), []byte(`,"` + e.Schema.ID + `"`)})
		}
	}
	return list
}

// specifiesAny reports whether the request specifies something of one of the extensions; specified is that of params.
func specifiesAny(extensions []onRequest, specified func(*schema.Attribute) bool) bool {
	return specified != nil && slices.ContainsFunc(extensions, func(e onRequest) bool {
		return slices.ContainsFunc(e.Attributes, specified)
	})
}
