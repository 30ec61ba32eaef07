package scimapi

import (
	"encoding/json"
	"net/http"
	"strconv"
	"strings"

	"rollcall/directory"
	"rollcall/directory/schema"
)

const (
	configURN       = "urn:ietf:params:scim:schemas:core:2.0:ServiceProviderConfig"
	resourceTypeURN = "urn:ietf:params:scim:schemas:core:2.0:ResourceType"
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
			x.write(http.StatusOK, d.body)
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
	x.write(http.StatusOK, body)
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

// config tells clients what the server can do (RFC 7643 §5).
func (x *exchange) config() any {
	type feature struct {
		Supported bool `json:"supported"`
	}
	type limited struct {
		Supported      bool  `json:"supported"`
		MaxOperations  int   `json:"maxOperations"`
		MaxPayloadSize int64 `json:"maxPayloadSize"`
	}
	type filtering struct {
		Supported  bool `json:"supported"`
		MaxResults int  `json:"maxResults"`
	}
	type paging struct {
		Cursor   bool   `json:"cursor"`
		Index    bool   `json:"index"`
		Default  string `json:"defaultPaginationMethod"`
		PageSize int    `json:"defaultPageSize"`
		MaxSize  int    `json:"maxPageSize"`
		Timeout  int    `json:"cursorTimeout"`
	}
	type scheme struct {
		Type        string `json:"type"`
		Name        string `json:"name"`
		Description string `json:"description"`
		SpecURI     string `json:"specUri"`
		Primary     bool   `json:"primary"`
	}
	return struct {
		Schemas        []string  `json:"schemas"`
		Patch          feature   `json:"patch"`
		Bulk           limited   `json:"bulk"`
		Filter         filtering `json:"filter"`
		ChangePassword feature   `json:"changePassword"`
		Sort           feature   `json:"sort"`
		ETag           feature   `json:"etag"`
		Pagination     paging    `json:"pagination"`
		Schemes        []scheme  `json:"authenticationSchemes"`
		Meta           metaJSON  `json:"meta"`
	}{
		Schemas:        []string{configURN},
		Patch:          feature{true},
		Bulk:           limited{true, x.o.Limits.BulkOperations, x.o.Limits.BulkBody},
		Filter:         filtering{true, x.o.Limits.MaxPageSize},
		ChangePassword: feature{false}, // passwords are accepted and not kept: people sign in at their identity provider
		Sort:           feature{true},
		ETag:           feature{true},
		Pagination: paging{
			Cursor: true, Index: true, Default: "index", PageSize: x.o.Limits.PageSize, MaxSize: x.o.Limits.MaxPageSize,
			Timeout: int(directory.PinLifetime.Seconds()),
		},
		Schemes: []scheme{{
			Type: "oauthbearertoken", Name: "Bearer token", Description: "An access token of this service, in the Authorization header.",
			SpecURI: "https://www.rfc-editor.org/info/rfc6750", Primary: true,
		}},
		Meta: metaJSON{"ServiceProviderConfig", x.base + "/ServiceProviderConfig"},
	}
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
			[]string{resourceTypeURN}, t.Name, t.Name, t.Endpoint, t.Description, t.Schema.ID, extensions,
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
