package scimapi

import (
	"net/http"
	"slices"

	"github.com/tidwall/gjson"

	"rollcall/directory/schema"
)

// projection decides which attributes of a type a reply shows (RFC 7644 §3.9, "returned" of RFC 7643 §7).
type projection struct {
	typ     *schema.ResourceType
	include bool // show what is named and what is always returned; otherwise, everything except what is named
	whole   map[*schema.Attribute]bool
	parts   map[*schema.Attribute]bool // a sub-attribute of it is named
	urns    map[*schema.Schema]bool    // extensions named as a whole
	hiding  []onRequest                // extensions that are listed in "schemas" only where they are shown

	specified func(*schema.Attribute) bool // see params
}

// newProjection reads attributes and excludedAttributes. It returns nil if neither is given and what the resources of
// the type have is plain: then a reply shows everything but extensions that are returned on request only. Unknown names
// select nothing; both lists at once are refused (Appendix B-09).
func newProjection(t *schema.ResourceType, plain bool, attributes, excluded []string) (*projection, error) {
	if len(attributes) > 0 && len(excluded) > 0 {
		return nil, fail(http.StatusBadRequest, schema.InvalidValue,
			"attributes and excludedAttributes cannot be combined")
	}

	// No list and only plain attributes: no projection.
	list := excluded
	if len(attributes) > 0 {
		list = attributes
	}
	if len(list) == 0 && plain {
		return nil, nil
	}

	// What the list names.
	p := &projection{
		typ: t, include: len(attributes) > 0, whole: map[*schema.Attribute]bool{},
		parts: map[*schema.Attribute]bool{}, urns: map[*schema.Schema]bool{},
	}
	for _, name := range list {
		if ext := t.Extension(name); ext != nil {
			p.urns[ext] = true
		} else if a := t.Lookup(name); a != nil {
			p.whole[a] = true
			for a = a.Parent; a != nil; a = a.Parent {
				p.parts[a] = true
			}
		}
	}
	return p, nil
}

// plain reports whether the attribute and its parts are returned by default or always, or are not stored.
func plain(a *schema.Attribute) bool {
	switch {
	case a.Mutability == schema.WriteOnly:
		return true
	case a.Returned == schema.ReturnedNever || a.Returned == schema.ReturnedRequest:
		return false
	}
	return !slices.ContainsFunc(a.Sub, func(sub *schema.Attribute) bool { return !plain(sub) })
}

// onlyShown returns the attributes that the reply shows, at least in part.
func (p *projection) onlyShown(names []string) []string {
	var shown []string
	for _, name := range names {
		if p.shows(name) {
			shown = append(shown, name)
		}
	}
	return shown
}

// shows reports whether the reply shows at least a part of the attribute.
func (p *projection) shows(name string) bool {
	if ext := p.typ.Extension(name); ext != nil {
		for _, a := range ext.Attributes {
			if p.visible(a, p.urns[ext]) != hidden {
				return true
			}
		}
		return false
	}
	a := p.typ.Lookup(name)
	return a == nil || p.visible(a, false) != hidden
}

type visibility uint8

const (
	hidden visibility = iota
	partly            // its sub-attributes decide
	shown             // as a whole
)

// visible judges one attribute; named is true if the query names what contains it.
func (p *projection) visible(a *schema.Attribute, named bool) visibility {
	switch named = named || p.whole[a]; {
	case a.Returned == schema.ReturnedNever:
		return hidden
	case a.Returned == schema.ReturnedAlways:
		return shown
	case p.include && named:
		return shown
	case p.include && p.parts[a]:
		return partly
	case p.include || named:
		return hidden
	case a.Returned == schema.ReturnedRequest && (p.specified == nil || !p.specified(a)):
		return hidden
	}
	return shown
}

// appendTo appends what the reply shows of the resource's JSON.
func (p *projection) appendTo(dst, resource []byte) []byte {
	start := len(dst)
	dst = appendKept(dst, gjson.ParseBytes(resource), func(dst []byte, name string, value gjson.Result) []byte {
		if ext := p.typ.Extension(name); ext != nil {
			return p.appendObject(dst, value, p.urns[ext], ext.Attribute)
		}
		if a := p.typ.Lookup(name); a != nil {
			return p.appendValue(dst, a, value, false)
		}
		if p.include {
			return dst
		}
		return append(dst, value.Raw...)
	})
	for _, ext := range p.hiding {
		if !contains(dst[start:], ext.member) {
			dst = unlist(dst, start, ext.listed)
		}
	}
	return dst
}

// appendValue appends one attribute's value, or nothing.
func (p *projection) appendValue(dst []byte, a *schema.Attribute, value gjson.Result, named bool) []byte {
	v := p.visible(a, named)
	if v == hidden {
		return dst
	}
	if len(a.Sub) == 0 {
		return append(dst, value.Raw...)
	}
	named = p.include && v == shown // then its parts are shown too
	if !value.IsArray() {
		return p.appendObject(dst, value, named, a.Attribute)
	}
	start := len(dst)
	return unlessEmpty(start, appendKept(dst, value, func(dst []byte, _ string, element gjson.Result) []byte {
		return p.appendObject(dst, element, named, a.Attribute)
	}))
}

// appendElement appends one element of a multi-valued attribute that is shown at least in part, or nothing.
func (p *projection) appendElement(dst []byte, a *schema.Attribute, element []byte) []byte {
	return p.appendObject(dst, gjson.ParseBytes(element), p.include && p.visible(a, false) == shown, a.Attribute)
}

// appendObject appends the members of an object that are shown, or nothing if there are none.
func (p *projection) appendObject(dst []byte, object gjson.Result, named bool,
	find func(string) *schema.Attribute) []byte {
	start := len(dst)
	return unlessEmpty(start, appendKept(dst, object, func(dst []byte, name string, value gjson.Result) []byte {
		if a := find(name); a != nil {
			return p.appendValue(dst, a, value, named)
		}
		return dst
	}))
}

// appendKept appends a JSON object or array with what keep appends for each of its members or elements. Those for which
// keep appends nothing are left out.
func appendKept(dst []byte, v gjson.Result, keep func(dst []byte, name string, value gjson.Result) []byte) []byte {
	brackets := "{}"
	if v.IsArray() {
		brackets = "[]"
	}
	dst = append(dst, brackets[0])
	start := len(dst)
	v.ForEach(func(key, value gjson.Result) bool {
		before := len(dst)
		if before > start {
			dst = append(dst, ',')
		}
		if brackets == "{}" {
			dst = append(append(dst, key.Raw...), ':')
		}
		at := len(dst)
		if dst = keep(dst, key.Str, value); len(dst) == at {
			dst = dst[:before]
		}
		return true
	})
	return append(dst, brackets[1])
}

// unlessEmpty returns dst without the object or array that begins at start, if it is empty.
func unlessEmpty(start int, dst []byte) []byte {
	if len(dst) == start+len("{}") {
		return dst[:start]
	}
	return dst
}
