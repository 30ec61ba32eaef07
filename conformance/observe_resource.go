package conformance

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"time"
)

var etagForm = regexp.MustCompile(`^(W/)?"[\x21\x23-\x7e\x80-\xff]*"$`)

// dateTime is xsd:dateTime with date and time (RFC 7643 §2.3.5).
var dateTime = regexp.MustCompile(`^-?\d{4,}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)?$`)

func parseTime(v any) (time.Time, bool) {
	s := str(v)
	if !dateTime.MatchString(s) {
		return time.Time{}, false
	}
	t, err := time.Parse(time.RFC3339Nano, s)
	if err != nil {
		t, err = time.Parse("2006-01-02T15:04:05.999999999", s)
	}
	return t, err == nil
}

// resourceObservers judge every representation of a resource.
func resourceObservers() []observer {
	one := func(name, id string, see func(*sight, shown)) observer {
		return observer{name, ids(id), func(x *sight) {
			for _, o := range x.seen() {
				see(x, o)
			}
		}}
	}
	return []observer{
		one("id", "R7643-3.1-01", func(x *sight, o shown) {
			x.expect("R7643-3.1-01", str(o.obj["id"]) != "", "a %s has id %s", o.typ.name, text(o.obj["id"]))
		}),
		one("bulkId", "R7643-3.1-04", func(x *sight, o shown) {
			id := str(o.obj["id"])
			x.expect("R7643-3.1-04", !strings.Contains(strings.ToLower(id), "bulkid"), "id %q contains bulkId", id)
		}),
		one("schemas", "R7643-3-05", func(x *sight, o shown) {
			if x.partial() {
				return // the samples of RFC 7644 have parts of resources with it and without
			}
			x.expect("R7643-3-05", len(list(o.obj["schemas"])) > 0, "a %s has schemas %s", o.typ.name,
				text(o.obj["schemas"]))
		}),
		one("base-schema", "R7643-3.3-01", func(x *sight, o shown) {
			if len(list(o.obj["schemas"])) > 0 {
				x.expect("R7643-3.3-01", hasString(o.obj["schemas"], o.typ.base.id), "schemas %s lacks %s",
					text(o.obj["schemas"]), o.typ.base.id)
			}
		}),
		one("schemas-known", "R7643-7-01", func(x *sight, o shown) {
			for _, u := range list(o.obj["schemas"]) {
				x.expect("R7643-7-01", x.s.svc.schemas[strings.ToLower(str(u))] != nil,
					"a %s has the schema %s, which /Schemas does not list", o.typ.name, text(u))
			}
		}),
		one("schemas-once", "R7643-3-04", func(x *sight, o shown) {
			seen := map[string]bool{}
			for _, u := range list(o.obj["schemas"]) {
				key := strings.ToLower(str(u))
				x.expect("R7643-3-04", !seen[key], "schemas names %s twice", key)
				seen[key] = true
			}
		}),
		one("extension-listed", "R7643-3.3-03", func(x *sight, o shown) {
			for _, e := range o.typ.exts {
				if part := o.obj[e.id]; !unassigned(part) {
					x.expect("R7643-3.3-03", hasString(o.obj["schemas"], e.id),
						"%s has values, but schemas does not list it", e.id)
				}
			}
		}),
		one("never", "R7643-4.1.1-03 R7643-7-12", func(x *sight, o shown) {
			for _, f := range o.typ.fields() {
				if f.returned == "never" || f.mutability == "writeOnly" && f.returned != "request" {
					id := "R7643-7-12"
					if strings.EqualFold(f.name, "password") {
						id = "R7643-4.1.1-03"
					}
					x.expect(id, f.in(o.obj) == nil, "%s is returned", f.path())
				}
			}
		}),
		one("primary", "R7643-2.4-01", func(x *sight, o shown) {
			for name, v := range o.obj {
				n := 0
				for _, e := range list(v) {
					if isTrue(at(e, "primary")) {
						n++
					}
				}
				if len(list(v)) > 0 {
					x.expect("R7643-2.4-01", n < 2, "%s has %d primary values", name, n)
				}
			}
		}),
		one("defined", "R7644-4-11", func(x *sight, o shown) {
			unknown := o.typ.undefined(o.obj)
			x.expect("R7644-4-11", unknown == "", "%s is in the answer, but in no schema of %s", unknown, o.typ.name)
		}),
		one("types", "R7643-2.3-01", func(x *sight, o shown) {
			wrong := o.typ.mistyped(o.obj)
			x.expect("R7643-2.3-01", wrong == "", "%s", wrong)
		}),
		one("dateTimes", "R7643-2.3.5-01", func(x *sight, o shown) {
			for _, f := range append(o.typ.fields(), metaTimes...) {
				if v := f.in(o.obj); f.typ == "dateTime" && v != nil {
					_, ok := parseTime(v)
					x.expect("R7643-2.3.5-01", ok, "%s is %s", f.path(), text(v))
				}
			}
		}),
		one("meta", "R7643-3.1-06", func(x *sight, o shown) {
			if x.projected() {
				return
			}
			for _, k := range []string{"resourceType", "created", "lastModified", "location"} {
				x.expect("R7643-3.1-06", str(at(o.obj, "meta", k)) != "", "a %s has no meta.%s", o.typ.name, k)
			}
		}),
		one("meta-type", "R7643-6-06", func(x *sight, o shown) {
			if rt := str(at(o.obj, "meta", "resourceType")); rt != "" {
				x.expect("R7643-6-06", rt == o.typ.name, "meta.resourceType is %q, the type's name is %q", rt,
					o.typ.name)
			}
		}),
		{"etag", ids("R7644-3.14-01 02 R7643-3.1-13 15"), func(x *sight) {
			if x.s.svc == nil || !x.s.svc.features["etag"] || !x.single() || x.status == 202 ||
				x.req.Method == http.MethodDelete {
				return
			}
			tag := x.header.Get("ETag")
			x.expect("R7644-3.14-01", tag != "", "%s is answered %d without ETag", x.req.Method, x.status)
			if tag == "" {
				return
			}
			x.expect("R7643-3.1-15", etagForm.MatchString(tag), `ETag %s is neither "…" nor W/"…"`, tag)
			if v := x.at("meta", "version"); len(x.body) > 0 && !x.projected() {
				x.expect("R7644-3.14-02", v != nil, "there is an ETag, but no meta.version")
				if v != nil {
					x.expect("R7643-3.1-13", str(v) == tag, "meta.version is %s, ETag is %s", text(v), tag)
				}
			}
		}},
		{"content-location", ids("R7643-3.1-12"), func(x *sight) {
			if loc := str(x.at("meta", "location")); loc != "" && x.single() {
				cl := x.header.Get("Content-Location")
				ok := strings.HasSuffix(loc, "/"+str(x.at("id"))) && (cl == "" || x.s.absolute(cl) == x.s.absolute(loc))
				x.expect("R7643-3.1-12", ok, "meta.location is %q, Content-Location %q, id %s", loc, cl,
					text(x.at("id")))
			}
		}},
	}
}

// metaTimes are the times of the common attribute meta.
var metaTimes = []field{
	{&attribute{name: "created", typ: "dateTime"}, "", &attribute{name: "meta"}},
	{&attribute{name: "lastModified", typ: "dateTime"}, "", &attribute{name: "meta"}},
}

var common = []string{"id", "externalId", "meta", "schemas"}

// undefined returns a path in a representation that no schema defines.
func (t *resourceType) undefined(o obj) string {
	for k, v := range o {
		if slices.Contains(common, k) {
			continue
		}
		if i := slices.IndexFunc(t.exts, func(e extension) bool { return strings.EqualFold(e.id, k) }); i >= 0 {
			if path := undefinedIn(v, t.exts[i].attrs); path != "" {
				return k + ":" + path
			}
			continue
		}
		if path := undefinedIn(obj{k: v}, t.base.attrs); path != "" {
			return path
		}
	}
	return ""
}

func undefinedIn(v any, attrs []*attribute) string {
	o, _ := v.(obj)
	for k, x := range o {
		a := find(attrs, k)
		if a == nil {
			return k
		}
		if a.typ != "complex" {
			continue
		}
		for _, e := range append(slices.Clone(list(x)), x) {
			if path := undefinedIn(e, a.subs); path != "" {
				return k + "." + path
			}
		}
	}
	return ""
}

// mistyped says which value in a representation has not the JSON type its
// schema gives it.
func (t *resourceType) mistyped(o obj) string {
	if wrong := mistypedIn(o, t.base.attrs); wrong != "" {
		return wrong
	}
	for _, e := range t.exts {
		if wrong := mistypedIn(o[e.id], e.attrs); wrong != "" {
			return e.id + ":" + wrong
		}
	}
	return ""
}

func mistypedIn(v any, attrs []*attribute) string {
	o, _ := v.(obj)
	for _, a := range attrs {
		x := member(o, a.name)
		if x == nil {
			continue
		}
		values := arr{x}
		if a.multi {
			var ok bool
			if values, ok = x.(arr); !ok {
				return a.name + " is multi-valued and not an array"
			}
		}
		for _, e := range values {
			if e != nil && !a.accepts(e) {
				return a.name + " is " + excerpt(text(e), 60) + ", its type is " + a.typ
			}
			if wrong := mistypedIn(e, a.subs); wrong != "" {
				return a.name + "." + wrong
			}
		}
	}
	return ""
}

// accepts reports whether a JSON value fits the attribute's type.
func (a *attribute) accepts(v any) bool {
	switch a.typ {
	case "boolean":
		_, ok := v.(bool)
		return ok
	case "integer":
		return isInt(v)
	case "decimal":
		_, ok := v.(json.Number)
		return ok
	case "complex":
		_, ok := v.(obj)
		return ok
	case "binary":
		s, ok := v.(string)
		_, err := base64.StdEncoding.DecodeString(s)
		_, rawErr := base64.RawStdEncoding.DecodeString(s)
		_, urlErr := base64.RawURLEncoding.DecodeString(strings.TrimRight(s, "="))
		return ok && (err == nil || rawErr == nil || urlErr == nil)
	}
	_, ok := v.(string)
	return ok
}
