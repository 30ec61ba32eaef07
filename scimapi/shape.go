package scimapi

import (
	"slices"

	"rollcall/directory/schema"
)

// shape is what rendering needs to know of a type. It is worked out once, because types are immutable: a new definition
// makes a new type.
type shape struct {
	plain   bool     // every stored attribute is returned by default
	derived []string // top-level attributes that are not stored, except meta
	urns    []string // extensions with attributes that are not stored
	links   []link
}

func (h *Handler) shape(t *schema.ResourceType) *shape {
	if known, ok := h.shapes.Load(t); ok {
		return known.(*shape)
	}
	sh := &shape{plain: true, links: linksOf(t)}
	for a := range t.Attributes() {
		sh.plain = sh.plain && plain(a)
		switch {
		case !a.Derived || a.Name == "meta":
		case t.Extension(a.URN) == nil:
			sh.derived = append(sh.derived, a.Name)
		case !slices.Contains(sh.urns, a.URN):
			sh.urns = append(sh.urns, a.URN)
		}
	}
	h.shapes.Store(t, sh)
	return sh
}
