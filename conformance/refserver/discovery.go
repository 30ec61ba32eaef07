package refserver

import (
	"net/http"
	"strings"
)

// EventURIs are those the server sends.
var EventURIs = []string{
	ev + "feed:add", ev + "feed:remove", ev + "prov:create:notice", ev + "prov:create:full", ev + "prov:patch:notice",
	ev + "prov:patch:full",
	ev + "prov:put:notice", ev + "prov:put:full", ev + "prov:delete", ev + "prov:activate", ev + "prov:deactivate",
	ev + "misc:asyncresp",
}

func (c *call) discover(endpoint, id string) (*answer, error) {
	if c.r.Method != http.MethodGet && c.r.Method != http.MethodHead {
		return allow("GET, HEAD")
	}
	if c.r.URL.Query().Has("filter") {
		return nil, fail(403, "", "%s takes no filter", endpoint)
	}
	var items []obj
	switch endpoint {
	case "/ServiceProviderConfig":
		if id != "" {
			return nil, fail(404, "", "no such endpoint")
		}
		return &answer{status: 200, body: c.config()}, nil
	case "/ResourceTypes":
		items = c.resourceTypes()
	default:
		for _, doc := range schemaDocs() {
			doc["meta"] = obj{"resourceType": "Schema", "location": c.base() + "/Schemas/" + doc["id"].(string)}
			items = append(items, doc)
		}
	}
	if id == "" {
		var all arr
		for _, it := range items {
			all = append(all, it)
		}
		return &answer{status: 200, body: obj{"schemas": arr{messages + "ListResponse"}, "totalResults": len(all),
			"startIndex": 1, "itemsPerPage": len(all), "Resources": all}}, nil
	}
	for _, it := range items {
		if strings.EqualFold(it["id"].(string), id) {
			return &answer{status: 200, body: it}, nil
		}
	}
	return nil, fail(404, "", "%s has no %q", endpoint, id)
}

func (c *call) resourceTypes() []obj {
	var out []obj
	for _, t := range c.s.types {
		exts := arr{}
		for _, e := range t.exts {
			exts = append(exts, obj{"schema": e.urn, "required": e.required})
		}
		out = append(out, obj{"schemas": arr{"urn:ietf:params:scim:schemas:core:2.0:ResourceType"}, "id": t.name,
			"name": t.name, "description": t.name,
			"endpoint": t.endpoint, "schema": t.urn, "schemaExtensions": exts,
			"meta": obj{"resourceType": "ResourceType", "location": c.base() + "/ResourceTypes/" + t.name}})
	}
	return out
}

func (c *call) config() obj {
	on := !c.s.opts.Minimal
	out := obj{
		"schemas":          arr{"urn:ietf:params:scim:schemas:core:2.0:ServiceProviderConfig"},
		"documentationUri": "https://example.com/docs",
		"patch":            obj{"supported": on},
		"bulk":             obj{"supported": on, "maxOperations": maxOps, "maxPayloadSize": maxPayload},
		"filter":           obj{"supported": on, "maxResults": maxResults},
		"changePassword":   obj{"supported": false},
		"sort":             obj{"supported": on},
		"etag":             obj{"supported": on},
		"authenticationSchemes": arr{obj{"type": "oauthbearertoken", "name": "Bearer", "description": "A token.",
			"specUri": "https://www.rfc-editor.org/info/rfc6750", "documentationUri": "https://example.com/tokens"}},
		"meta": obj{"resourceType": "ServiceProviderConfig", "location": c.base() + "/ServiceProviderConfig"},
	}
	if on {
		out["pagination"] = obj{"cursor": true, "index": !c.s.opts.CursorOnly,
			"defaultPaginationMethod": c.s.defaultPaging(),
			"defaultPageSize":         pageSize, "maxPageSize": maxResults, "cursorTimeout": int(cursorLife.Seconds())}
		uris := arr{}
		for _, u := range EventURIs {
			uris = append(uris, u)
		}
		out["securityEvents"] = obj{"asyncRequest": "request", "eventUris": uris}
	}
	return out
}

func (s *Server) defaultPaging() string {
	if s.opts.CursorOnly {
		return "cursor"
	}
	return "index"
}
