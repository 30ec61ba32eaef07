package conformance

import (
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"rollcall/conformance/internal/rfc7643"
)

const coreURN = "urn:ietf:params:scim:schemas:core:2.0:"

func discoveryChecks() []check {
	return append([]check{
		{name: "config", ids: ids("R7644-4-01 02 R7643-5-01 02 03 04 05 06 07 08 10 12 R7643-3.1-16"),
			run: checkConfig},
		{name: "config-anonymous", ids: ids("R7643-5-09"), run: func(p *probe) {
			r := p.send("GET", spcPath, nil, as(Credentials{}))
			p.expect("R7643-5-09", r.status == 200, r, "without credentials it is answered %d", r.status)
		}},
		{name: "config-readonly", needs: "writes", ids: ids("R7643-5-11"), run: func(p *probe) {
			p.immovable("R7643-5-11", spcPath)
		}},
		{name: "config-pagination", ids: ids("R9865-4-01"), needs: "cursor", run: func(p *probe) {
			p.expect("R9865-4-01", p.s.svc.spc.at("pagination") != nil, p.s.svc.spc,
				"cursors work, but pagination is not published")
		}},
		{name: "config-events", ids: ids("R9967-4-01 02 03"), run: checkConfigEvents},
		{name: "unsupported", ids: ids("R7644-3.12-20"), needs: "User", run: checkUnsupported},
		{name: "promises", ids: ids("R7644-4-03"), needs: "User", run: checkPromises},
		{name: "types", ids: ids("R7644-4-04 R7643-6-01 02 03 04 05 08"), run: checkTypes},
		{name: "type", ids: ids("R7644-4-05"), run: func(p *probe) {
			for _, t := range p.s.svc.types {
				id := str(at(t.raw, "id"))
				if id == "" {
					id = t.name
				}
				r := p.get(rtPath + "/" + url.PathEscape(id))
				p.expect("R7644-4-05", r.status == 200 && hasString(r.at("schemas"), coreURN+"ResourceType"), r,
					"GET of the type %s is answered %d with schemas %s", id, r.status, text(r.at("schemas")))
			}
			r := p.get(rtPath + "/NoSuchType")
			p.expect("R7644-4-05", r.status == 404, r, "an unknown type is answered %d", r.status)
		}},
		{name: "types-readonly", needs: "writes", ids: ids("R7643-6-09"),
			run: func(p *probe) { p.immovable("R7643-6-09", rtPath) }},
		{name: "extension-required", ids: ids("R7643-6-07"), each: true, run: checkRequiredExtension},
	}, schemaDiscoveryChecks()...)
}

// immovable expects every write at a discovery endpoint to be refused without
// effect.
func (p *probe) immovable(id, path string) {
	before := p.get(path)
	for _, m := range []string{"POST", "PUT", "PATCH", "DELETE"} {
		r := p.send(m, path, obj{"schemas": arr{coreURN + "ServiceProviderConfig"},
			"documentationUri": "https://example.com/changed"})
		p.expect(id, r.failed(), r, "%s %s is answered %d", m, path, r.status)
	}
	after := p.get(path)
	p.expect(id, after.status == before.status && same(undated(before.json), undated(after.json)), after,
		"%s was changed by a write", path)
}

// undated is a discovery document without what may differ between two reads:
// the order of its resources, and when they were last modified.
func undated(v any) any {
	o, ok := v.(obj)
	if !ok {
		return v
	}
	out := without(o, "Resources")
	if m, ok := o["meta"].(obj); ok {
		out["meta"] = without(m, "lastModified", "version")
	}
	if l, ok := o["Resources"].(arr); ok {
		items := make(arr, len(l))
		for i, x := range l {
			items[i] = undated(x)
		}
		slices.SortFunc(items, func(a, b any) int { return strings.Compare(text(a), text(b)) })
		out["Resources"] = items
	}
	return out
}

func checkConfig(p *probe) {
	r := p.get(spcPath)
	o, _ := r.json.(obj)
	p.expect("R7644-4-01", r.status == 200 && o["Resources"] == nil && len(list(o["schemas"])) == 1 &&
		hasString(o["schemas"], coreURN+"ServiceProviderConfig"),
		r, "status %d, schemas %s", r.status, text(o["schemas"]))
	plural := p.get("/ServiceProviderConfigs")
	p.expect("R7644-4-02", r.status == 200, r, "/ServiceProviderConfig is answered %d (the plural: %d)", r.status,
		plural.status)
	p.must(r.status == 200 && o != nil, "ServiceProviderConfig cannot be read")
	flag := func(id, name string) {
		_, ok := at(o, name, "supported").(bool)
		p.expect(id, ok, r, "%s.supported is %s", name, text(at(o, name, "supported")))
	}
	flag("R7643-5-01", "patch")
	flag("R7643-5-02", "bulk")
	for _, k := range []string{"maxOperations", "maxPayloadSize"} {
		p.expect("R7643-5-02", isInt(at(o, "bulk", k)), r, "bulk.%s is %s", k, text(at(o, "bulk", k)))
	}
	flag("R7643-5-03", "filter")
	p.expect("R7643-5-03", isInt(at(o, "filter", "maxResults")), r, "filter.maxResults is %s",
		text(at(o, "filter", "maxResults")))
	flag("R7643-5-04", "changePassword")
	flag("R7643-5-05", "sort")
	flag("R7643-5-06", "etag")
	checkAuthSchemes(p, r, o)
	p.note("R7643-5-12", r, "ServiceProviderConfig has an id: %v", o["id"] != nil)
	if at(o, "meta") != nil {
		loc := str(at(o, "meta", "location"))
		p.expect("R7643-3.1-16", str(at(o, "meta", "resourceType")) == "ServiceProviderConfig" &&
			(loc == "" || strings.HasSuffix(loc, spcPath)),
			r, "meta is %s", text(at(o, "meta")))
	} else {
		p.skip("R7643-3.1-16", "there is no meta")
	}
}

func checkAuthSchemes(p *probe, r *reply, o obj) {
	schemes, ok := o["authenticationSchemes"].(arr)
	p.expect("R7643-5-07", ok, r, "authenticationSchemes is %s", text(o["authenticationSchemes"]))
	uris := []any{o["documentationUri"]}
	for _, s := range schemes {
		for _, k := range []string{"type", "name", "description"} {
			p.expect("R7643-5-07", str(at(s, k)) != "", r, "an authentication scheme has the %s %s", k, text(at(s, k)))
		}
		known := []string{"oauth", "oauth2", "oauthbearertoken", "httpbasic", "httpdigest"}
		p.expect("R7643-5-08", slices.Contains(known, str(at(s, "type"))), r, "type is %s; known are %v",
			text(at(s, "type")), known)
		uris = append(uris, at(s, "specUri"), at(s, "documentationUri"))
	}
	if len(schemes) == 0 {
		p.skip("R7643-5-08", "there are no authentication schemes")
	}
	for _, v := range uris {
		if v != nil {
			u, err := url.Parse(str(v))
			p.expect("R7643-5-10", err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Host != "", r,
				"%s is not an absolute HTTP URL", text(v))
		}
	}
	if !p.touched["R7643-5-10"] {
		p.skip("R7643-5-10", "none is given")
	}
}

func checkConfigEvents(p *probe) {
	r := p.s.svc.spc
	v := r.at("securityEvents")
	if v == nil {
		p.note("R9967-4-01", r, "it is absent: security events are unsupported or not configured")
		p.stop("securityEvents is not announced")
	}
	_, ok := v.(obj)
	p.expect("R9967-4-01", ok, r, "securityEvents is %s", text(v))
	if uris := at(v, "eventUris"); uris != nil {
		l, ok := uris.(arr)
		p.expect("R9967-4-02", ok && !slices.ContainsFunc(l, func(u any) bool { return str(u) == "" }), r,
			"eventUris is %s", text(uris))
	}
	if a := at(v, "asyncRequest"); a != nil {
		p.expect("R9967-4-03", slices.Contains([]string{"none", "long", "request"}, strings.ToLower(str(a))), r,
			"asyncRequest is %s", text(a))
	}
}

func checkUnsupported(p *probe) {
	if !p.s.svc.features["patch"] {
		r := p.patch(p.user(), op("replace", "displayName", "x"))
		p.refused("R7644-3.12-20", r, "501", "PATCH, which is not promised")
	}
	if !p.s.svc.features["bulk"] {
		r := p.send("POST", "/Bulk", bulkRequest(obj{"method": "DELETE", "path": "/Users/none"}))
		p.refused("R7644-3.12-20", r, "501 404", "POST /Bulk, which is not promised")
	}
	p.stop("everything is promised")
}

// checkPromises asks the plainest question of each promised feature, and notes
// what works without being promised.
func checkPromises(p *probe) {
	const id = "R7644-4-03"
	a, b := p.user("displayName", "promise-b"), p.user("displayName", "promise-a")
	f := p.s.svc.features
	judge := func(feature string, works bool, r *reply) {
		switch {
		case f[feature]:
			p.expect(id, works, r, "%s.supported is true, but the plainest use of it fails: status %d", feature,
				r.status)
		case works:
			p.note(id, r, "%s works, but is not promised", feature)
		}
	}
	name := str(a.body["userName"])
	found, r := p.search(a.typ, fmt.Sprintf(`userName eq "%s"`, name))
	judge("filter", slices.Equal(found, []string{a.id}), r)
	r = p.patch(a, op("replace", "displayName", "promise-c"))
	judge("patch", r.ok() && at(p.read(a), "displayName") == "promise-c", r)
	if mine, ok := p.mine(a.typ); ok && f["filter"] {
		down, r := p.search(a.typ, mine, "sortBy", "displayName", "sortOrder", "descending")
		up, _ := p.search(a.typ, mine, "sortBy", "displayName", "sortOrder", "ascending")
		before := func(found []string, x, y *res) bool {
			return slices.Contains(found, x.id) && slices.Index(found, x.id) < slices.Index(found, y.id)
		}
		judge("sort", before(down, a, b) && before(up, b, a), r)
	}
	r = p.get(a.path)
	judge("etag", r.header.Get("ETag") != "", r)
	r = p.send("POST", "/Bulk", bulkRequest(obj{"method": "DELETE", "path": b.path}))
	judge("bulk", r.status == 200 && p.get(b.path).status == 404, r)
	if !p.touched[id] {
		p.stop("nothing is promised")
	}
}

func checkTypes(p *probe) {
	r := p.get(rtPath)
	p.expect("R7644-4-04", r.status == 200 && hasString(r.at("schemas"), messageURN+"ListResponse"), r,
		"status %d, schemas %s", r.status, text(r.at("schemas")))
	all := resources(r.json)
	if total, ok := integer(r.at("totalResults")); true {
		p.expect("R7644-4-04", ok && (total == len(all) || r.at("startIndex") != nil && total > len(all)), r,
			"totalResults is %s with %d resources", text(r.at("totalResults")), len(all))
	}
	names, endpoints := map[string]bool{}, map[string]bool{}
	for _, t := range all {
		for _, k := range []string{"name", "endpoint", "schema"} {
			p.expect("R7643-6-01", str(t[k]) != "", r, "a type has %s %s", k, text(t[k]))
		}
		name, endpoint := str(t["name"]), str(t["endpoint"])
		p.expect("R7643-6-04", !names[name] && !endpoints[endpoint], r, "name %q or endpoint %q occurs twice", name,
			endpoint)
		names[name], endpoints[endpoint] = true, true
		s := p.get(schPath + "/" + str(t["schema"]))
		p.expect("R7643-6-02", s.status == 200, s, "the schema of %s is answered %d", name, s.status)
		if v, ok := t["schemaExtensions"]; ok && v != nil {
			l, isArray := v.(arr)
			p.expect("R7643-6-03", isArray, r, "schemaExtensions of %s is not an array", name)
			for _, e := range l {
				s := p.get(schPath + "/" + str(at(e, "schema")))
				_, ok := at(e, "required").(bool)
				p.expect("R7643-6-03", ok && s.status == 200, s,
					"extension %s of %s: required is %s, its schema is answered %d", str(at(e, "schema")), name,
					text(at(e, "required")), s.status)
			}
		}
		if !strings.HasPrefix(endpoint, "http") {
			e := p.get("/"+strings.TrimPrefix(endpoint, "/"), "count", "1")
			p.expect("R7643-6-05", e.status != 404, e, "endpoint %s is answered 404", endpoint)
		} else {
			p.expect("R7643-6-05", false, r, "endpoint %s is not relative to the base URL", endpoint)
		}
	}
	bare := 0
	for _, t := range all {
		if t["id"] == nil || t["description"] == nil {
			bare++
		}
	}
	p.note("R7643-6-08", r, "%d of %d types have no id or no description", bare, len(all))
}

func checkRequiredExtension(p *probe) {
	for _, e := range p.typ.exts {
		if !e.required {
			continue
		}
		body := without(p.s.generate(p.typ, p.unique(), false), e.id)
		body["schemas"] = arr{p.typ.base.id}
		r := p.send("POST", p.typ.endpoint, body)
		ok := r.status == 400
		if r.ok() {
			part := r.at(e.id)
			ok = part != nil && !slices.ContainsFunc(e.attrs, func(a *attribute) bool {
				return a.required &&
					at(part, a.name) == nil
			})
		}
		p.expect("R7643-6-07", ok, r, "without the required extension %s it is answered %d", e.id, r.status)
	}
	p.stop("no selected type has a required extension")
}

// attributeName is the grammar of RFC 7643 §2.1.
var attributeName = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9$_-]*$`)

func schemaDiscoveryChecks() []check {
	return []check{
		{name: "schemas", ids: ids("R7644-4-06 07 R7644-3.1-01 R7643-7-02 R7643-3-01"), run: checkSchemas},
		{name: "attributes", ids: ids("R7643-7-03 04 05 06 07 R7643-2.3.8-01 R7643-2.1-01"), run: checkAttributes},
		{name: "schemas-readonly", needs: "writes", ids: ids("R7643-7-08"),
			run: func(p *probe) { p.immovable("R7643-7-08", schPath) }},
		{name: "characteristics", ids: ids("R7643-4-01 R7644-3.1-02"), run: checkCharacteristics},
		{name: "query", ids: ids("R7644-4-08 09 12"), run: func(p *probe) {
			plain, asked := p.get(spcPath), p.get(spcPath, "count", "1", "startIndex", "2", "sortBy", "patch",
				"scimconform", "x")
			p.expect("R7644-4-12", asked.status == plain.status && same(plain.json, asked.json), asked,
				"with count, startIndex and sortBy it is answered %d, or otherwise than without", asked.status)
			for _, path := range []string{rtPath, schPath} {
				all, r := len(resources(p.get(path).json)), p.get(path, "count", "1", "startIndex", "2", "sortBy",
					"name", "attributes", "id")
				p.expect("R7644-4-08", r.status == 200 && len(resources(r.json)) == all, r,
					"with count=1&startIndex=2 %s gives %d of %d, status %d", path, len(resources(r.json)), all,
					r.status)
				f := p.get(path, "filter", `name eq "User"`)
				p.refused("R7644-4-09", f, "403", "a filter on "+path)
			}
		}},
	}
}

func checkSchemas(p *probe) {
	r := p.get(schPath)
	p.expect("R7644-4-06", r.status == 200 && hasString(r.at("schemas"), messageURN+"ListResponse") &&
		len(resources(r.json)) > 0, r, "status %d, schemas %s", r.status, text(r.at("schemas")))
	for _, s := range resources(r.json) {
		id := str(s["id"])
		p.expect("R7643-7-02", id != "" && strings.HasPrefix(id, "urn:"), r, "a schema has id %s", text(s["id"]))
		p.expect("R7644-3.1-01", !strings.Contains(strings.ToLower(id), ":scim:api:"), r,
			"the message URN %s is listed", id)
		o := p.get(schPath + "/" + id)
		p.expect("R7644-4-07", o.status == 200 && strings.EqualFold(str(o.at("id")), id), o,
			"GET of %s is answered %d with id %s", id, o.status, text(o.at("id")))
		p.expect("R7643-3-01", hasString(o.at("schemas"), coreURN+"Schema"), o, "schemas of %s is %s", id,
			text(o.at("schemas")))
		if o.at("meta") != nil {
			p.expect("R7643-3-01", str(o.at("meta", "resourceType")) == "Schema", o, "meta.resourceType of %s is %s",
				id, text(o.at("meta", "resourceType")))
			if loc := str(o.at("meta", "location")); loc != "" {
				l := p.get(p.s.absolute(loc))
				p.expect("R7643-3-01", l.status == 200, l, "meta.location of %s is answered %d", id, l.status)
			}
		}
	}
	u := p.get(schPath + "/urn:example:no:such:schema")
	p.expect("R7644-4-07", u.status == 404 && hasString(u.at("schemas"), messageURN+"Error"), u,
		"an unknown schema is answered %d", u.status)
	m := p.get(schPath + "/" + messageURN + "PatchOp")
	p.expect("R7644-3.1-01", m.status == 404, m, "GET of the PatchOp URN is answered %d", m.status)
}

func checkAttributes(p *probe) {
	r := p.s.svc.schs
	seen := false
	for _, s := range resources(r.json) {
		seen = true
		id := str(s["id"])
		for _, a := range list(s["attributes"]) {
			checkAttribute(p, r, id, a, false)
			for _, sub := range list(at(a, "subAttributes")) {
				checkAttribute(p, r, id+":"+str(at(a, "name")), sub, true)
			}
		}
	}
	p.need(seen, "/Schemas lists nothing")
}

func checkAttribute(p *probe, r *reply, where string, a any, sub bool) {
	name, typ := str(at(a, "name")), str(at(a, "type"))
	where += ":" + name
	one := func(id, key string, values ...string) {
		v := at(a, key)
		p.expect(id, v == nil || slices.Contains(values, str(v)), r, "%s of %s is %s", key, where, text(v))
	}
	for _, k := range []string{"name", "type", "mutability", "returned"} {
		p.expect("R7643-7-03", str(at(a, k)) != "", r, "%s of %s is %s", k, where, text(at(a, k)))
	}
	for _, k := range []string{"multiValued", "required"} {
		_, ok := at(a, k).(bool)
		p.expect("R7643-7-03", ok, r, "%s of %s is %s", k, where, text(at(a, k)))
	}
	if typ == "string" {
		_, ok := at(a, "caseExact").(bool)
		p.expect("R7643-7-03", ok, r, "caseExact of %s is %s", where, text(at(a, "caseExact")))
	}
	p.expect("R7643-7-04", slices.Contains([]string{"string", "boolean", "decimal", "integer", "dateTime", "reference",
		"binary", "complex"}, typ), r, "type of %s is %q", where, typ)
	one("R7643-7-06", "mutability", "readOnly", "readWrite", "immutable", "writeOnly")
	one("R7643-7-06", "returned", "always", "never", "default", "request")
	one("R7643-7-06", "uniqueness", "none", "server", "global")
	p.expect("R7643-2.1-01", attributeName.MatchString(name) || name == "$ref", r,
		"the name %q is outside the grammar", name)
	if typ == "complex" {
		p.expect("R7643-7-05", len(list(at(a, "subAttributes"))) > 0, r, "%s is complex without subAttributes", where)
	}
	meta := strings.Contains(where, coreURN+"Schema:")
	p.expect("R7643-2.3.8-01", !sub || typ != "complex" || meta, r, "the sub-attribute %s is complex", where)
	if typ == "reference" {
		_, ok := at(a, "referenceTypes").(arr)
		p.expect("R7643-7-07", ok && len(list(at(a, "referenceTypes"))) > 0, r, "referenceTypes of %s is %s", where,
			text(at(a, "referenceTypes")))
	}
}

// checkCharacteristics compares the core schemas with those of the RFC.
func checkCharacteristics(p *probe) {
	for _, raw := range rfc7643.Schemas() {
		want := parseSchema(raw)
		got := p.s.svc.schemas[strings.ToLower(want.id)]
		if got == nil {
			continue
		}
		var missing []string
		for _, w := range want.attrs {
			g := got.attr(w.name)
			if g == nil {
				missing = append(missing, w.name)
				continue
			}
			compareAttribute(p, want.id+":"+w.name, w, g)
			for _, ws := range w.subs {
				if gs := g.sub(ws.name); gs != nil {
					compareAttribute(p, want.id+":"+w.name+"."+ws.name, ws, gs)
				}
			}
		}
		if len(missing) > 0 {
			p.note("R7644-3.1-02", p.s.svc.schs, "%s lacks %s", want.id, strings.Join(missing, ", "))
		} else {
			p.expect("R7644-3.1-02", true, p.s.svc.schs, "")
		}
	}
	p.stop("no core schema is offered")
}

func compareAttribute(p *probe, where string, want, got *attribute) {
	if where == groupURN+":members.display" {
		return // section 8.7.1 has no such sub-attribute
	}
	r := p.s.svc.schs
	differs := func(key string, w, g any) {
		p.expect("R7643-4-01", w == g, r, "%s of %s is %v, the sample in section 8.7.1 has %v", key, where, g, w)
	}
	differs("type", want.typ, got.typ)
	differs("multiValued", want.multi, got.multi)
	if want.required {
		differs("required", want.required, got.required)
	}
	// A name compared with case, a type or an id is safe to be compared without.
	if want.typ == "string" && want.uniqueness == "server" {
		differs("caseExact", want.exact, got.exact)
		differs("uniqueness", true, got.uniqueness == "server" || got.uniqueness == "global")
	}
	if want.typ == "binary" {
		differs("caseExact", want.exact, got.exact)
	}
	if want.mutability != "readWrite" && !(want.mutability == "immutable" && got.mutability == "readOnly") {
		differs("mutability", want.mutability, got.mutability)
	}
	if want.returned != "default" {
		differs("returned", want.returned, got.returned)
	}
}
