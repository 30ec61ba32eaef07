package conformance

import (
	"context"
	"errors"
	"net/url"
	"slices"
	"strings"

	"rollcall/conformance/internal/rfc7643"
)

const (
	spcPath = "/ServiceProviderConfig"
	rtPath  = "/ResourceTypes"
	schPath = "/Schemas"
)

// service is what the server promises.
type service struct {
	spc, rts, schs *reply
	types          []*resourceType    // in the order of /ResourceTypes
	schemas        map[string]*schema // by id in lower case
	features       map[string]bool
	lost           map[string]*stop // features that are promised and do not work: what follows is not judged
	maxResults     int              // filter.maxResults, 0 if unknown
	bulkOps        int              // bulk.maxOperations
	bulkBytes      int              // bulk.maxPayloadSize
	notes          []string
}

// discover reads the discovery endpoints and makes sure that there is
// something to judge. Its error says that there is not.
func (s *suite) discover(ctx context.Context) error {
	d := &service{schemas: map[string]*schema{}, features: map[string]bool{}, lost: map[string]*stop{}}
	s.svc = d
	if err := s.preflight(ctx); err != nil {
		return err
	}
	for _, v := range resources(d.schs.json) {
		if sc := parseSchema(v); sc.id != "" {
			d.schemas[strings.ToLower(sc.id)] = sc
		}
	}
	s.discoverTypes()
	if len(d.types) == 0 {
		return errors.New("the server offers no resource type that is selected")
	}
	if err := s.knock(ctx); err != nil {
		return err
	}
	s.discoverFeatures(ctx)
	return nil
}

// resources returns the objects of a ListResponse.
func resources(v any) []obj {
	var out []obj
	for _, x := range list(at(v, "Resources")) {
		if o, ok := x.(obj); ok {
			out = append(out, o)
		}
	}
	return out
}

// schema looks an id up; the RFC's own definition stands in for a core schema
// the server does not publish.
func (s *suite) schema(id string) *schema {
	if sc := s.svc.schemas[strings.ToLower(id)]; sc != nil {
		return sc
	}
	for _, v := range rfc7643.Schemas() {
		if strings.EqualFold(str(v["id"]), id) {
			s.svc.notes = append(s.svc.notes, "schema "+id+" is not at /Schemas; the definition of RFC 7643 is assumed")
			return parseSchema(v)
		}
	}
	return nil
}

func (s *suite) discoverTypes() {
	raws := resources(s.svc.rts.json)
	if len(raws) == 0 {
		s.svc.notes = append(s.svc.notes, "/ResourceTypes is unusable; User and Group are assumed")
		raws = []obj{
			{"name": "User", "endpoint": "/Users", "schema": userURN},
			{"name": "Group", "endpoint": "/Groups", "schema": groupURN},
		}
	}
	for _, raw := range raws {
		t := &resourceType{name: str(at(raw, "name")), endpoint: str(at(raw, "endpoint")),
			base: s.schema(str(at(raw, "schema"))), raw: raw,
			unable: map[string]*stop{}}
		if !strings.HasPrefix(t.endpoint, "/") {
			t.endpoint = "/" + t.endpoint
		}
		if t.base == nil || t.name == "" || len(s.target.Types) > 0 && !slices.Contains(s.target.Types, t.name) {
			continue
		}
		for _, e := range list(at(raw, "schemaExtensions")) {
			if sc := s.schema(str(at(e, "schema"))); sc != nil {
				t.exts = append(t.exts, extension{sc, isTrue(at(e, "required"))})
			}
		}
		if !t.writable() {
			t.refusal = &stop{reason: "every attribute of its schema is readOnly"}
		}
		s.svc.types = append(s.svc.types, t)
	}
}

func (s *suite) discoverFeatures(ctx context.Context) {
	d := s.svc
	for _, f := range []string{"patch", "bulk", "filter", "sort", "etag", "changePassword"} {
		d.features[f] = isTrue(d.spc.at(f, "supported"))
	}
	d.maxResults, _ = integer(d.spc.at("filter", "maxResults"))
	d.bulkOps, _ = integer(d.spc.at("bulk", "maxOperations"))
	d.bulkBytes, _ = integer(d.spc.at("bulk", "maxPayloadSize"))
	d.features["index"] = true
	if p, ok := d.spc.at("pagination").(obj); ok {
		d.features["cursor"] = isTrue(p["cursor"])
		d.features["index"] = isTrue(p["index"])
	} else if r := s.ask(ctx, request{method: "GET", path: d.types[0].endpoint, query: url.Values{"cursor": {""},
		"count": {"1"}}}); r != nil {
		d.features["cursor"] = r.at("nextCursor") != nil
	}
	_, d.features["securityEvents"] = d.spc.at("securityEvents").(obj)
	how := str(d.spc.at("securityEvents", "asyncRequest"))
	d.features["async"] = strings.EqualFold(how, "long") || strings.EqualFold(how, "request")
	search := obj{"schemas": arr{messageURN + "SearchRequest"}, "count": 1}
	if r := s.ask(ctx, request{method: "POST", path: d.types[0].endpoint + "/.search", body: search}); r != nil {
		d.features["search"] = r.status == 200
	}
	if r := s.ask(ctx, request{method: "POST", path: "/.search", body: search}); r != nil {
		d.features["root"] = r.status == 200
	}
	if r := s.ask(ctx, request{method: "GET", path: "/Me"}); r != nil {
		d.features["me"] = r.status == 200
		d.features["meRedirect"] = r.status == 307 || r.status == 308
	}
}

// ask sends a request whose failure only means that a feature is not there.
func (s *suite) ask(ctx context.Context, rq request) *reply {
	r, err := s.http.do(ctx, rq)
	if err != nil {
		return nil
	}
	return r
}

// typ returns a selected resource type by name, or nil.
func (s *suite) typ(name string) *resourceType {
	for _, t := range s.svc.types {
		if t.name == name {
			return t
		}
	}
	return nil
}
