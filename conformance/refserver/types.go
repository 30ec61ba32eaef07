package refserver

import (
	_ "embed"
	"strings"

	"rollcall/conformance/internal/rfc7643"
)

//go:embed widget.txt
var widgetText string

// URNs of the custom type.
const (
	Widget     = "urn:example:params:scim:schemas:core:1.0:Widget"
	WidgetCare = "urn:example:params:scim:schemas:extension:1.0:WidgetCare"
)

type obj = map[string]any
type arr = []any

type attr struct {
	name, typ                        string
	multi, required, exact           bool
	mutability, returned, uniqueness string
	canon                            []string
	subs                             []*attr
}

type typ struct {
	name, endpoint, urn string
	attrs               []*attr
	exts                []ext
}

type ext struct {
	urn      string
	required bool
	attrs    []*attr
}

var commonAttrs = []*attr{
	{name: "id", typ: "string", exact: true, mutability: "readOnly", returned: "always"},
	{name: "externalId", typ: "string", exact: true, mutability: "readWrite", returned: "default"},
	{name: "schemas", typ: "string", multi: true, exact: true, mutability: "readWrite", returned: "always"},
	{name: "meta", typ: "complex", mutability: "readOnly", returned: "default", subs: []*attr{
		{name: "resourceType", typ: "string", exact: true, mutability: "readOnly", returned: "default"},
		{name: "created", typ: "dateTime", mutability: "readOnly", returned: "default"},
		{name: "lastModified", typ: "dateTime", mutability: "readOnly", returned: "default"},
		{name: "location", typ: "reference", exact: true, mutability: "readOnly", returned: "default"},
		{name: "version", typ: "string", exact: true, mutability: "readOnly", returned: "default"},
	}},
}

func schemaDocs() []obj {
	return append(rfc7643.Schemas(), rfc7643.Parse(widgetText)...)
}

func makeTypes() []*typ {
	attrs := map[string][]*attr{}
	for _, doc := range schemaDocs() {
		attrs[doc["id"].(string)] = parseAttrs(doc["attributes"])
	}
	return []*typ{
		{"User", "/Users", rfc7643.User, attrs[rfc7643.User], []ext{{rfc7643.Enterprise, false,
			attrs[rfc7643.Enterprise]}}},
		{"Group", "/Groups", rfc7643.Group, attrs[rfc7643.Group], nil},
		{"Widget", "/Widgets", Widget, attrs[Widget], []ext{{WidgetCare, true, attrs[WidgetCare]}}},
	}
}

func parseAttrs(v any) []*attr {
	var out []*attr
	items, _ := v.([]any)
	for _, it := range items {
		m := it.(obj)
		s := func(k string) string { x, _ := m[k].(string); return x }
		b := func(k string) bool { x, _ := m[k].(bool); return x }
		a := &attr{name: s("name"), typ: s("type"), multi: b("multiValued"), required: b("required"),
			exact:      b("caseExact"),
			mutability: s("mutability"), returned: s("returned"), uniqueness: s("uniqueness"),
			subs: parseAttrs(m["subAttributes"])}
		for _, c := range asList(m["canonicalValues"]) {
			a.canon = append(a.canon, c.(string))
		}
		out = append(out, a)
	}
	return out
}

func asList(v any) arr { a, _ := v.(arr); return a }

func findAttr(attrs []*attr, name string) *attr {
	for _, a := range attrs {
		if strings.EqualFold(a.name, name) {
			return a
		}
	}
	return nil
}

// ref is where a named attribute stands.
type ref struct {
	urn  string // extension, empty for core and common
	attr *attr
	sub  *attr
}

func (r ref) leaf() *attr {
	if r.sub != nil {
		return r.sub
	}
	return r.attr
}

// resolve finds "attr", "attr.sub", "urn:attr.sub". A bare extension URN gives
// a ref with attr nil.
func (t *typ) resolve(path string) (ref, bool) {
	attrs, urn := append(commonAttrs[:len(commonAttrs):len(commonAttrs)], t.attrs...), ""
	lower := strings.ToLower(path)
	if rest, ok := strings.CutPrefix(lower, strings.ToLower(t.urn)+":"); ok {
		path = path[len(path)-len(rest):]
	}
	for _, e := range t.exts {
		if strings.EqualFold(path, e.urn) {
			return ref{urn: e.urn}, true
		}
		if rest, ok := strings.CutPrefix(lower, strings.ToLower(e.urn)+":"); ok {
			path, urn, attrs = path[len(path)-len(rest):], e.urn, e.attrs
		}
	}
	name, sub, dotted := strings.Cut(path, ".")
	a := findAttr(attrs, name)
	if a == nil {
		return ref{}, false
	}
	if !dotted {
		return ref{urn, a, nil}, true
	}
	s := findAttr(a.subs, sub)
	return ref{urn, a, s}, s != nil
}
