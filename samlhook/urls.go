package samlhook

import (
	"net/url"

	"rollcall/directory"
)

// connectionURLs are our addresses towards one connection.
type connectionURLs struct{ Metadata, Login, ACS, Finish string }

func (h *Hook) urls(organization string, connection directory.ID) connectionURLs {
	base := h.organizationURL(organization) + "/saml/" + connection.String()
	return connectionURLs{Metadata: base + "/metadata", Login: base + "/login", ACS: base + "/acs",
		Finish: base + "/finish"}
}

// organizationURL is what the addresses of an organization start with.
func (h *Hook) organizationURL(organization string) string {
	return h.public + "/orgs/" + url.PathEscape(organization)
}
