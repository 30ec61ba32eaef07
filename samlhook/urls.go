package samlhook

import (
	"net/url"

	"rollcall/directory"
)

// connectionURLs are our addresses towards one connection.
type connectionURLs struct{ Metadata, Login, ACS, Finish string }

func (h *Hook) urls(organization string, connection directory.ID) connectionURLs {
	base := h.organizationURL(organization) + "/saml/" + connection.String()
	return connectionURLs{base + "/metadata", base + "/login", base + "/acs", base + "/finish"}
}

func (h *Hook) organizationURL(organization string) string {
	return h.public + "/orgs/" + url.PathEscape(organization)
}
