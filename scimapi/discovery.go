package scimapi

import (
	"encoding/json"
	"net/http"
	"strconv"
	"strings"

	"rollcall/directory"
	"rollcall/directory/schema"
)

// described is one resource of a discovery endpoint.
type described struct {
	id   string
	body json.RawMessage
}

// discover serves /ServiceProviderConfig, /ResourceTypes and /Schemas (RFC 7644 §4). They need no credential, and
// paging and projection are ignored there.
func (x *exchange) discover(endpoint, id string) error {
	if ok, err := x.method([]string{http.MethodGet, http.MethodHead, http.MethodOptions}); !ok {
		return err
	}
	if x.r.URL.Query().Has("filter") {
		return fail(http.StatusForbidden, "", "filter is not possible at /%s", endpoint)
	}
	var all []described
	var err error
	switch endpoint {
	case "ServiceProviderConfig":
		return x.writeJSON(x.config())
	case "ResourceTypes":
		all, err = x.resourceTypes()
	case "Schemas":
		all, err = x.schemas()
	}
	if err != nil {
		return err
	}
	if id == "" {
		x.writeList(listOf(all))
		return nil
	}
	for _, d := range all {
		if d.id == id || (endpoint == "Schemas" && strings.EqualFold(d.id, id)) { // URNs have no case (RFC 8141)
			x.send(http.StatusOK, d.body)
			return nil
		}
	}
	return fail(http.StatusNotFound, "", "no %s has the id %q", strings.TrimSuffix(endpoint, "s"), id)
}

func listOf(all []described) []byte {
	n := int64(len(all))
	body := strconv.AppendInt([]byte(listHead), n, 10)
	body = strconv.AppendInt(append(body, `,"startIndex":1,"itemsPerPage":`...), n, 10)
	body = append(body, `,"Resources":[`...)
	for i, d := range all {
		if i > 0 {
			body = append(body, ',')
		}
		body = append(body, d.body...)
	}
	return append(body, "]}"...)
}

func (x *exchange) writeJSON(v any) error {
	body, err := json.Marshal(v)
	if err != nil {
		return err
	}
	x.send(http.StatusOK, body)
	return nil
}

// types are those of the scope. An organization that does not exist looks as it does everywhere else.
func (x *exchange) types() ([]*schema.ResourceType, error) {
	s, err := x.dir.Snapshot(x.r.Context())
	if directory.KindOf(err) == directory.NotFound {
		return nil, &directory.Error{Kind: directory.Unauthenticated}
	}
	if err != nil {
		return nil, err
	}
	return s.Types(), nil
}

type metaJSON struct {
	ResourceType string `json:"resourceType"`
	Location     string `json:"location"`
}

// resourceTypes describes the types of the scope (RFC 7643 §6).
func (x *exchange) resourceTypes() ([]described, error) {
	type extension struct {
		Schema   string `json:"schema"`
		Required bool   `json:"required"`
	}
	types, err := x.types()
	if err != nil {
		return nil, err
	}
	all := make([]described, 0, len(types))
	for _, t := range types {
		var extensions []extension
		for _, e := range t.Extensions {
			extensions = append(extensions, extension{e.Schema.ID, e.Required})
		}
		body, err := json.Marshal(struct {
			Schemas     []string    `json:"schemas"`
			ID          string      `json:"id"`
			Name        string      `json:"name"`
			Endpoint    string      `json:"endpoint"`
			Description string      `json:"description,omitempty"`
			Schema      string      `json:"schema"`
			Extensions  []extension `json:"schemaExtensions,omitempty"`
			Meta        metaJSON    `json:"meta"`
		}{
			[]string{schema.ResourceTypeURN}, t.Name, t.Name, t.Endpoint, t.Description, t.Schema.ID, extensions,
			metaJSON{"ResourceType", x.base + "/ResourceTypes/" + t.Name},
		})
		if err != nil {
			return nil, err
		}
		all = append(all, described{t.Name, body})
	}
	return all, nil
}

// schemas describes the schemas that the types of the scope use, each once, and those of discovery (RFC 7643 §7).
func (x *exchange) schemas() ([]described, error) {
	types, err := x.types()
	if err != nil {
		return nil, err
	}
	var used []*schema.Schema
	for _, t := range types {
		used = append(used, t.Schema)
		for _, e := range t.Extensions {
			used = append(used, e.Schema)
		}
	}
	var all []described
	seen := map[string]bool{}
	for _, s := range append(used, schema.Discovery()...) {
		if seen[s.ID] {
			continue
		}
		seen[s.ID] = true
		meta, err := json.Marshal(metaJSON{"Schema", x.base + "/Schemas/" + s.ID})
		if err != nil {
			return nil, err
		}
		body := s.Definition()
		body = append(appendMember(body[:len(body)-1:len(body)-1], "meta", meta), '}')
		all = append(all, described{s.ID, body})
	}
	return all, nil
}
