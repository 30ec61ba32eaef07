package scimapi

import (
	"bytes"
	"cmp"
	"slices"

	"github.com/tidwall/gjson"

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
	cuts    []cut             // what of the document is returned on request only
}

// cut is a part of a document, by the places of its bytes.
type cut struct{ from, to int }

// cutsOf finds the extensions in a canonical document, with what names them in "schemas".
func cutsOf(doc []byte, extensions []onRequest) (cuts []cut) {
	for _, e := range extensions {
		value := gjson.GetBytes(doc, gjson.Escape(e.ID))
		if !value.Exists() {
			continue
		}
		cuts = append(cuts, cut{value.Index - len(e.listed) - len(":"), value.Index + len(value.Raw)})
		if at := bytes.Index(doc[:bytes.IndexByte(doc, ']')], e.listed); at >= 0 {
			cuts = append(cuts, cut{at, at + len(e.listed)})
		}
	}
	slices.SortFunc(cuts, func(a, b cut) int { return cmp.Compare(a.from, b.from) })
	return slices.Clip(cuts)
}

// appendWithout appends the document without the cuts.
func appendWithout(dst, doc []byte, cuts []cut) []byte {
	from := 0
	for _, c := range cuts {
		dst = append(dst, doc[from:c.from]...)
		from = c.to
	}
	return append(dst, doc[from:]...)
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
	m.cuts = cutsOf(r.JSON, v.x.shape(v.t).onRequest)
	for _, l := range v.links {
		m.links = m.links || contains(r.JSON, l.needle)
	}
	if place != nil {
		place.Store(m)
	}
	return m
}
