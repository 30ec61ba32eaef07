package scimapi

import (
	"rollcall/directory"
	"rollcall/directory/schema"
)

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
		Schemas: []string{schema.ServiceProviderURN},
		Patch:   feature{true},
		Bulk:    limited{true, x.o.Limits.BulkOperations, x.o.Limits.BulkBody},
		Filter:  filtering{true, x.o.Limits.MaxPageSize},
		// passwords are accepted and not kept: people sign in at their identity provider
		ChangePassword: feature{false},
		Sort:           feature{true},
		ETag:           feature{true},
		Pagination: paging{
			Cursor: true, Index: true, Default: "index", PageSize: x.o.Limits.PageSize, MaxSize: x.o.Limits.MaxPageSize,
			Timeout: int(directory.PinLifetime.Seconds()),
		},
		Schemes: []scheme{{
			Type: "oauthbearertoken", Name: "Bearer token",
			Description: "An access token of this service, in the Authorization header.",
			SpecURI:     "https://www.rfc-editor.org/info/rfc6750", Primary: true,
		}},
		Meta: metaJSON{"ServiceProviderConfig", x.base + "/ServiceProviderConfig"},
	}
}
