package conformance

import (
	"encoding/json"
	"net/url"
	"strings"
)

func createChecks() []check {
	return append([]check{
		{name: "basics", each: true, ids: ids("R7644-3.3-01 02 03 04 R7644-3.3.1-01 R7643-3.1-01 07 08 R7644-3.1-03"),
			run: checkCreate},
		{name: "readonly", each: true, ids: ids("R7644-3.3-05 R7643-3.1-05"), run: checkCreateReadOnly},
		{name: "ids", needs: "User Group", ids: ids("R7643-3.1-02 03"), run: checkIDs},
		{name: "external-id", each: true, ids: ids("R7643-3.1-09 10"), run: checkExternalID},
		{name: "external-id-tenants", needs: "User", ids: ids("R7643-3.1-11"), run: checkExternalIDTenants},
		{name: "user-name", needs: "User", ids: ids("R7643-4.1.1-01 02 R7644-3.3-06"), run: checkUserName},
		{name: "unique", each: true, ids: ids("R7644-3.3-06"), run: checkUnique},
		{name: "group-name", needs: "Group", ids: ids("R7643-4.2-01"), run: func(p *probe) {
			t := p.s.typ("Group")
			r := p.send("POST", t.endpoint, without(p.s.generate(t, p.unique(), false), "displayName"))
			p.refused("R7643-4.2-01", r, "400/invalidValue,invalidSyntax", "a Group without displayName")
		}},
		{name: "required", each: true, ids: ids("R7644-3.12-01"), run: checkRequired},
		{name: "types", each: true, ids: ids("R7644-3.12-02 R7643-2.3.4-01 R7643-2.3.6-01"), run: checkValueTypes},
		{name: "legal-values", each: true, ids: ids("R7643-2.3.4-01 R7643-2.3.6-01"), run: checkLegalValues},
		{name: "dateTime", each: true, ids: ids("R7643-2.3.5-01"), run: checkDateTimeValues},
		{name: "user-types", needs: "User", ids: ids("R7644-3.12-02"), run: func(p *probe) {
			t := p.s.typ("User")
			for _, bad := range []obj{{"userName": 5}, {"emails": "x"}, {"name": arr{}}, {"name": "x"},
				{"active": "maybe"}} {
				for k, v := range sorted(bad) {
					if !t.has(k) || unassigned(v) {
						continue
					}
					r := p.send("POST", t.endpoint, with(p.s.generate(t, p.unique(), false), k, v))
					p.refused("R7644-3.12-02", r, "400/invalidValue,invalidSyntax", "a User with "+text(bad))
				}
			}
			if t.has(enterpriseURN + ":department") {
				for what, ext := range sorted(map[string]any{"a department that is an object": obj{"department": obj{"a": 1}},
					"an extension that is a string": "x"}) {
					r := p.send("POST", t.endpoint, with(p.s.generate(t, p.unique(), false), "schemas", arr{t.base.id,
						enterpriseURN}, enterpriseURN, ext))
					p.refused("R7644-3.12-02", r, "400/invalidValue,invalidSyntax", what)
				}
			}
		}},
		{name: "syntax", each: true, ids: ids("R7644-3.12-03"), run: func(p *probe) {
			good := text(p.s.generate(p.typ, p.unique(), false))
			for _, body := range []string{`{`, `[]`, ``, `"x"`, `{"userName": }`, good + " x"} {
				r := p.send("POST", p.typ.endpoint, []byte(body), header("Content-Type", mediaType))
				p.refused("R7644-3.12-03", r, "400/invalidSyntax", "the body "+excerpt(text(body), 60))
			}
		}},
		{name: "schemas", each: true, ids: ids("R7643-3-02 03 04"), run: checkBodySchemas},
		{name: "unknown", each: true, ids: ids("R7643-7-11"), run: func(p *probe) {
			r := p.send("POST", p.typ.endpoint, with(p.s.generate(p.typ, p.unique(), false), "scimconformUnknown", 1))
			ok := r.status == 400 || r.status == 201 && r.at("scimconformUnknown") == nil
			p.expect("R7643-7-11", ok, r, "an unknown attribute is answered %d and shown as %s", r.status,
				text(r.at("scimconformUnknown")))
			for _, f := range p.typ.fields() {
				v, given := f.in(p.s.generate(p.typ, p.unique(), true)).(obj)
				if !given || f.urn != "" || f.parent != nil {
					continue
				}
				r := p.send("POST", p.typ.endpoint, with(p.s.generate(p.typ, p.unique(), false), f.name,
					with(v, "scimconformUnknown", 1)))
				ok := r.status == 400 || r.status == 201 && r.at(f.name, "scimconformUnknown") == nil
				p.expect("R7643-7-11", ok, r, "an unknown sub-attribute of %s is answered %d and shown as %s", f.name,
					r.status, text(r.at(f.name)))
				break
			}
		}},
		{name: "no-endpoint", needs: "writes", ids: ids("R7644-3.12-04"), run: func(p *probe) {
			r := p.send("POST", "/ScimconformNope", obj{"schemas": arr{userURN}, "userName": "x"})
			p.refused("R7644-3.12-04", r, "404", "POST to an unknown endpoint")
		}},
	}, createValueChecks()...)
}

func checkCreate(p *probe) {
	body := p.s.generate(p.typ, p.unique(), true)
	delete(body, "externalId")
	r := p.send("POST", p.typ.endpoint, body)
	if !p.expect("R7644-3.3-01", r.status == 201, r, "a valid body is answered %d: %s", r.status, detail(r)) {
		p.must(false, "nothing was created")
	}
	id := str(r.at("id"))
	p.expect("R7643-3.1-01", id != "", r, "id is %s", text(r.at("id")))
	loc := r.header.Get("Location")
	p.expect("R7644-3.3-02", loc != "", r, "there is no Location header")
	if loc != "" {
		g := p.get(p.s.absolute(loc))
		p.expect("R7644-3.3-02", g.status == 200 && str(g.at("id")) == id, g,
			"GET of the Location is answered %d with id %s", g.status, text(g.at("id")))
	}
	metaLoc := str(r.at("meta", "location"))
	p.expect("R7644-3.3-03", metaLoc != "" && p.s.absolute(metaLoc) == p.s.absolute(loc), r,
		"meta.location is %q, Location %q", metaLoc, loc)
	p.expect("R7644-3.3.1-01", str(r.at("meta", "resourceType")) == p.typ.name, r, "meta.resourceType is %s",
		text(r.at("meta", "resourceType")))
	created, ok1 := parseTime(r.at("meta", "created"))
	modified, ok2 := parseTime(r.at("meta", "lastModified"))
	p.expect("R7643-3.1-07", ok1 && ok2 && created.Equal(modified), r, "created is %s, lastModified %s",
		text(r.at("meta", "created")), text(r.at("meta", "lastModified")))
	p.expect("R7643-3.1-08", unassigned(r.at("externalId")), r, "externalId is %s, the client sent none",
		text(r.at("externalId")))
	g := p.get(p.typ.endpoint + "/" + url.PathEscape(id))
	p.must(g.status == 200, "GET of the created resource is answered %d", g.status)
	lost := ""
	for _, f := range p.typ.fields() {
		if f.parent == nil && f.returned == "default" && !unassigned(f.in(g.json)) && unassigned(f.in(r.json)) {
			lost = f.path()
		}
	}
	p.expect("R7644-3.3-04", lost == "" && r.at("meta") != nil && r.at("schemas") != nil, r,
		"the body lacks %s, which GET shows", lost)
	diff := p.typ.differs(r.json, g.json)
	p.expect("R7644-3.1-03", diff == "", g, "%s is %s in the reply to POST, %s in GET", diff, text(at(r.json, diff)),
		text(at(g.json, diff)))
}

// differs names an attribute in which two representations differ; attributes
// that only come back after a write are left out.
func (t *resourceType) differs(a, b any) string {
	for _, f := range t.fields() {
		if f.parent == nil && f.returned != "request" && f.returned != "never" && f.mutability != "readOnly" {
			if x, y := f.in(a), f.in(b); !same(x, y) && !(unassigned(x) && unassigned(y)) {
				return f.path()
			}
		}
	}
	return ""
}

func checkCreateReadOnly(p *probe) {
	body := p.s.generate(p.typ, p.unique(), false)
	body["id"] = "scimconform-own-id"
	body["meta"] = obj{"resourceType": "Nonsense", "created": "1999-01-01T00:00:00Z",
		"lastModified": "1999-01-01T00:00:00Z", "location": "https://example.com/x", "version": `W/"x"`}
	var own []field
	for _, f := range p.typ.fields() {
		if f.parent == nil && f.mutability == "readOnly" && !strings.EqualFold(f.name, "id") &&
			!strings.EqualFold(f.name, "meta") && f.urn == "" {
			if v := f.forced(); v != nil {
				f.set(body, v)
				own = append(own, f)
			}
		}
	}
	r := p.send("POST", p.typ.endpoint, body)
	if !p.expect("R7644-3.3-05", r.status == 201, r, "a body with readOnly attributes is answered %d: %s", r.status,
		detail(r)) {
		return
	}
	p.expect("R7644-3.3-05", str(r.at("id")) != "scimconform-own-id", r, "the client's id was taken")
	for _, f := range own {
		p.expect("R7644-3.3-05", !same(f.in(r.json), f.in(body)), r, "the client's %s was taken: %s", f.path(),
			text(f.in(r.json)))
	}
	created, _ := parseTime(r.at("meta", "created"))
	p.expect("R7643-3.1-05", created.Year() != 1999 && str(r.at("meta", "resourceType")) == p.typ.name &&
		str(r.at("meta", "location")) != "https://example.com/x",
		r, "the client's meta was taken: %s", text(r.at("meta")))
}

// forced makes a value for an attribute clients may not set.
func (f field) forced() any {
	a := *f.attribute
	a.mutability = "readWrite"
	if a.typ == "complex" {
		a.subs = nil
		for _, s := range f.subs {
			x := *s
			x.mutability = "readWrite"
			a.subs = append(a.subs, &x)
		}
	}
	return a.value("scimconform-own", true)
}

func checkIDs(p *probe) {
	seen := map[string]string{}
	for range 3 {
		for _, x := range []*res{p.user(), p.group()} {
			other := seen[x.id]
			p.expect("R7643-3.1-02", other == "", x.made, "the id %s belongs to a %s and to a %s", x.id, other,
				x.typ.name)
			seen[x.id] = x.typ.name
		}
	}
	u := p.user()
	r := p.put(u, without(u.sent, "password"))
	p.expect("R7643-3.1-03", !r.ok() || r.status == 204 || str(r.at("id")) == u.id, r, "the id changed in PUT to %s",
		text(r.at("id")))
	p.expect("R7643-3.1-03", str(p.read(u)["id"]) == u.id, r, "GET shows another id than was created")
	if d := p.delete(u); d.status == 204 {
		again := p.send("POST", u.typ.endpoint, u.sent)
		p.expect("R7643-3.1-03", again.status != 201 || str(again.at("id")) != u.id, again,
			"the id of a deleted user is given to a new one")
	}
}

func checkExternalID(p *probe) {
	const ext = "AbC-Scimconform-1"
	body := with(p.s.generate(p.typ, p.unique(), false), "externalId", ext)
	r := p.send("POST", p.typ.endpoint, body)
	p.must(r.status == 201, "a %s with externalId is answered %d: %s", p.typ.name, r.status, detail(r))
	if !p.expect("R7643-3.1-09", str(r.at("externalId")) == ext, r, "externalId %q is returned as %s", ext,
		text(r.at("externalId"))) {
		return
	}
	again := p.send("POST", p.typ.endpoint, with(p.s.generate(p.typ, p.unique(), false), "externalId", ext))
	p.expect("R7643-3.1-10", again.status == 201, again, "a second %s with the same externalId is answered %d",
		p.typ.name, again.status)
}

func checkExternalIDTenants(p *probe) {
	p.need(p.s.target.Other != nil, "no credentials of another tenant were given")
	ext := p.unique()
	a := p.user("externalId", ext)
	o := p.other()
	r := o.send("POST", a.typ.endpoint, with(p.s.generate(a.typ, p.unique(), false), "externalId", ext))
	if !p.expect("R7643-3.1-11", r.status == 201 && str(r.at("externalId")) == ext &&
		str(p.read(a)["externalId"]) == ext, r, "an externalId of one tenant is answered %d in another", r.status) {
		return
	}
	if p.s.svc.features["filter"] {
		found, l := o.search(a.typ, `externalId eq "`+ext+`"`)
		p.expect("R7643-3.1-11", len(found) == 1 && found[0] == str(r.at("id")), l,
			"the other tenant finds %v by its externalId", found)
	}
}

func checkUserName(p *probe) {
	t := p.s.typ("User")
	base := p.s.generate(t, p.unique(), false)
	for what, body := range sorted(map[string]obj{"without userName": without(base, "userName"),
		"with an empty userName": with(base, "userName", ""), "with userName null": with(base, "userName", nil)}) {
		r := p.send("POST", t.endpoint, body)
		p.refused("R7643-4.1.1-01", r, "400/invalidValue,invalidSyntax", "a User "+what)
	}
	name := p.unique()
	p.user("userName", name)
	r := p.send("POST", t.endpoint, with(base, "userName", strings.ToUpper(name)))
	p.expect("R7643-4.1.1-02", r.status == 409, r, "the same userName in capitals is answered %d", r.status)
	r = p.send("POST", t.endpoint, with(base, "userName", name))
	p.refused("R7644-3.3-06", r, "409/uniqueness!", "a second User of one userName")
}

// checkUnique sends the value of a unique attribute twice, for any type.
func checkUnique(p *probe) {
	x := p.make(p.typ)
	for _, f := range p.typ.fields() {
		v := f.in(x.sent)
		if f.parent == nil && (f.uniqueness == "server" || f.uniqueness == "global") && v != nil &&
			f.mutability != "readOnly" {
			body := p.s.generate(p.typ, p.unique(), false)
			f.set(body, v)
			r := p.send("POST", p.typ.endpoint, body)
			p.refused("R7644-3.3-06", r, "409/uniqueness!", "a second "+p.typ.name+" of one "+f.path())
		}
	}
	p.stop("no selected type has a unique attribute")
}

func checkRequired(p *probe) {
	for _, f := range p.typ.fields() {
		if !f.required || f.mutability == "readOnly" || f.parent != nil || f.urn != "" || strings.EqualFold(f.name,
			"schemas") {
			continue
		}
		r := p.send("POST", p.typ.endpoint, without(p.s.generate(p.typ, p.unique(), false), f.name))
		p.refused("R7644-3.12-01", r, "400/invalidValue", "a "+p.typ.name+" without "+f.path())
	}
	p.stop("no selected type has a required attribute")
}

// checkValueTypes sends to one attribute of each kind a value of a wrong type.
func checkValueTypes(p *probe) {
	wrong := map[string][]any{
		"string": {5, obj{}}, "boolean": {"maybe", 3}, "integer": {"ten", true}, "decimal": {"ten"},
		"dateTime": {5}, "reference": {5}, "complex": {7},
	}
	seen := map[string]bool{}
	try := func(id string, f field, v any) {
		body := p.s.generate(p.typ, p.unique(), false)
		f.set(body, v)
		r := p.send("POST", p.typ.endpoint, body)
		p.refused(id, r, "400/invalidValue,invalidSyntax", f.path()+" ("+f.typ+") with "+text(v))
	}
	for _, f := range p.typ.fields() {
		if f.mutability == "readOnly" || f.parent != nil && f.parent.mutability == "readOnly" ||
			refersToResources(f.attribute) || f.parent != nil && refersToResources(f.parent) {
			continue
		}
		kind := f.typ
		if f.multi {
			kind = "multi-valued " + kind
		}
		if seen[kind] {
			continue
		}
		seen[kind] = true
		if f.multi {
			try("R7644-3.12-02", f, 5)
			continue
		}
		for _, v := range wrong[f.typ] {
			try("R7644-3.12-02", f, v)
		}
		switch f.typ {
		case "integer":
			try("R7643-2.3.4-01", f, json.Number("1.5"))
		case "binary":
			try("R7643-2.3.6-01", f, "***")
		}
	}
	p.stop("no selected type has an attribute of this kind")
}

// smallPNG is a picture of one pixel, for an attribute that takes pictures.
const smallPNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg=="

// checkLegalValues: a server may refuse some integers and some binary values, for reasons of its own, but not all.
func checkLegalValues(p *probe) {
	legal := map[string][]any{
		"integer": {json.Number("0"), json.Number("1"), json.Number("7"), json.Number("100"), json.Number("5000")},
		"binary":  {"AAAA", "c2NpbWNvbmZvcm0=", "c2NpbWNvbmZvcm0gYmluYXJ5", smallPNG},
	}
	for kind, id := range sorted(map[string]string{"integer": "R7643-2.3.4-01", "binary": "R7643-2.3.6-01"}) {
		f, ok := p.typ.find(func(f field) bool {
			return f.typ == kind && f.mutability == "readWrite" && len(f.canonical) == 0 && !f.multi &&
				(f.parent == nil || f.parent.mutability == "readWrite") && f.uniqueness != "global"
		})
		if !ok {
			continue
		}
		values := legal[kind]
		if strings.EqualFold(f.path(), "x509Certificates.value") {
			values = nil
			for _, c := range strings.Fields(certificatesText) {
				values = append(values, c)
			}
		}
		var r *reply
		for _, v := range values {
			body := p.s.generate(p.typ, p.unique(), false)
			f.set(body, v)
			if r = p.send("POST", p.typ.endpoint, body); r.status == 201 {
				break
			}
		}
		p.expect(id, r.status == 201, r, "%s (%s) refuses every legal value: %s is answered %d: %s", f.path(), kind,
			text(values[len(values)-1]), r.status, detail(r))
	}
}

// checkDateTimeValues: what is no date with a time is refused; of legal values a server may refuse some, for reasons of
// its own, but not all.
func checkDateTimeValues(p *probe) {
	f, ok := p.typ.find(func(f field) bool {
		return f.typ == "dateTime" && f.mutability == "readWrite" && f.parent == nil && !f.multi
	})
	p.need(ok, "no selected type has a dateTime attribute that can be set")
	for _, v := range []string{"2024-01-01", "10:00:00Z", "yesterday"} {
		body := p.s.generate(p.typ, p.unique(), false)
		f.set(body, v)
		r := p.send("POST", p.typ.endpoint, body)
		p.refused("R7643-2.3.5-01", r, "400/invalidValue,invalidSyntax", f.path()+" with "+v)
	}
	var r *reply
	for _, v := range []string{"2031-05-06T07:08:09Z", "2031-05-06T07:08:09.123Z", "2001-02-03T04:05:06+02:00"} {
		body := p.s.generate(p.typ, p.unique(), false)
		f.set(body, v)
		if r = p.send("POST", p.typ.endpoint, body); r.status == 201 {
			break
		}
	}
	p.expect("R7643-2.3.5-01", r.status == 201, r, "%s refuses every legal dateTime: it is answered %d: %s", f.path(),
		r.status, detail(r))
}

func checkBodySchemas(p *probe) {
	body := p.s.generate(p.typ, p.unique(), false)
	r := p.send("POST", p.typ.endpoint, without(body, "schemas"))
	p.refused("R7643-3-02", r, "400/invalidSyntax,invalidValue", "a body without schemas")
	unknown := "urn:example:scimconform:no:such:schema"
	r = p.send("POST", p.typ.endpoint, with(p.s.generate(p.typ, p.unique(), false), "schemas", append(p.typ.urns(body),
		unknown)))
	p.expect("R7643-3-03", r.status == 400 || r.status == 201 && !hasString(r.at("schemas"), unknown), r,
		"an unknown URN in schemas is answered %d; schemas is then %s", r.status, text(r.at("schemas")))
	if len(p.typ.exts) > 0 {
		full := p.s.generate(p.typ, p.unique(), true)
		urns := list(full["schemas"])
		if len(urns) > 1 {
			turned := arr{}
			for i := range urns {
				turned = append(turned, urns[len(urns)-1-i])
			}
			r = p.send("POST", p.typ.endpoint, with(full, "schemas", turned))
			p.expect("R7643-3-04", r.status == 201, r, "schemas with the extension first is answered %d", r.status)
		}
	}
	r = p.send("POST", p.typ.endpoint, with(p.s.generate(p.typ, p.unique(), false), "schemas", append(p.typ.urns(body),
		p.typ.base.id)))
	p.expect("R7643-3-04", r.status == 400 || r.status == 201, r, "a URN named twice is answered %d", r.status)
}
