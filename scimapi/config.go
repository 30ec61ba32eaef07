package scimapi

import (
	"rollcall/directory"
	"rollcall/directory/schema"
)

// providerConfig is the ServiceProviderConfig (RFC 7643 §5, RFC 9865 §4).
type providerConfig struct {
	Schemas        []string         `json:"schemas"`
	Patch          feature          `json:"patch"`
	Bulk           bulkFeature      `json:"bulk"`
	Filter         filterFeature    `json:"filter"`
	ChangePassword feature          `json:"changePassword"`
	Sort           feature          `json:"sort"`
	ETag           feature          `json:"etag"`
	Pagination     *pagingFeature   `json:"pagination,omitempty"`
	Roles          *rolesFeature    `json:"RolesAndEntitlements,omitempty"` // draft-ietf-scim-roles-entitlements
	Schemes        []authentication `json:"authenticationSchemes"`
	Meta           discoveryMeta    `json:"meta"`
	Interop        bool             `json:"interopProfileConformant,omitempty"` // draft-zollner-scim-interop-profile §4
}

type feature struct {
	Supported bool `json:"supported"`
}

type bulkFeature struct {
	Supported      bool  `json:"supported"`
	MaxOperations  int   `json:"maxOperations"`
	MaxPayloadSize int64 `json:"maxPayloadSize"`
}

type filterFeature struct {
	Supported  bool `json:"supported"`
	MaxResults int  `json:"maxResults"`
}

type pagingFeature struct {
	Cursor   bool   `json:"cursor"`
	Index    bool   `json:"index"`
	Default  string `json:"defaultPaginationMethod"`
	PageSize int    `json:"defaultPageSize"`
	MaxSize  int    `json:"maxPageSize"`
	Timeout  int    `json:"cursorTimeout"`
}

type rolesFeature struct {
	Roles        roleFeature `json:"roles"`
	Entitlements feature     `json:"entitlements"`
}

type roleFeature struct {
	Supported bool `json:"supported"`
	Multiple  bool `json:"multipleRolesSupported"`
	Primary   bool `json:"primarySupported"`
	Type      bool `json:"typeSupported"`
}

type authentication struct {
	Type        string `json:"type"`
	Name        string `json:"name"`
	Description string `json:"description"`
	SpecURI     string `json:"specUri"`
	Primary     bool   `json:"primary"`
}

// config tells clients what the server supports. A credential may be of a client that must not see all of it.
func (x *exchange) config() providerConfig {
	l := x.o.Limits
	c := providerConfig{
		Schemas: []string{schema.ServiceProviderURN},
		Patch:   feature{true},
		Bulk:    bulkFeature{true, l.BulkOperations, l.BulkBody},
		Filter:  filterFeature{true, l.MaxPageSize},
		// passwords are accepted but not kept: people sign in at their identity provider
		ChangePassword: feature{false},
		Sort:           feature{true},
		ETag:           feature{true},
		Pagination: &pagingFeature{
			Cursor: true, Index: true, Default: "index", PageSize: l.PageSize, MaxSize: l.MaxPageSize,
			Timeout: int(directory.PinLifetime.Seconds()),
		},
		Schemes: []authentication{{
			Type: "oauthbearertoken", Name: "Bearer token", Primary: true,
			Description: "An access token of this service, in the Authorization header.",
			SpecURI:     "https://www.rfc-editor.org/info/rfc6750",
		}},
		Meta:    discoveryMeta{"ServiceProviderConfig", x.base + "/ServiceProviderConfig"},
		Interop: x.actor.Profile == directory.ProfileInterop,
	}
	if x.org != "" { // the system scope has no Users
		c.Roles = &rolesFeature{Roles: roleFeature{true, true, true, true}}
	}
	if x.actor.NoPagination { // such clients know RFC 7643 alone
		c.Pagination, c.Roles = nil, nil
	}
	return c
}
