package scimapi

import (
	"slices"

	"rollcall/directory"
	"rollcall/directory/schema"
)

// memo is what rendering knows of one version of a resource. It is kept with the resource, so clients that read
// everything over and over do not make the server work it out again.
type memo struct {
	t       *schema.ResourceType
	base    string
	version directory.Version // a Group's changes with its members, while its bytes stay
	meta    []byte            // ,"meta":{…}
	links   bool              // the document may have links to complete
	roles   bool              // the document may have roles
}

// memo returns what is known of the resource, and keeps it.
func (v *renderer) memo(r *directory.Resource) *memo {
	place := r.Memo()
	if place != nil {
		if m, ok := place.Load().(*memo); ok && m.version == r.Version && m.t == v.t && m.base == v.x.base {
			return m
		}
	}
	m := &memo{t: v.t, base: v.x.base, version: r.Version, roles: contains(r.JSON, rolesMember)}
	m.meta = slices.Clip(v.appendMeta([]byte(`,"meta":`), r))
	for _, l := range v.links {
		m.links = m.links || contains(r.JSON, l.needle)
	}
	if place != nil {
		place.Store(m)
	}
	return m
}
