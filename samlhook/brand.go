package samlhook

import (
	"net/http"

	"rollcall/directory"
	"rollcall/internal/web"
)

// brand is how the organization of the snapshot looks.
func (h *Hook) brand(s *directory.Snapshot) web.Brand {
	return web.Brand{Name: displayOrganization(s)}
}

// brandFor is brand for a page with a status: while the store does not answer, there is the name alone.
func (x *exchange) brandFor(status int) web.Brand {
	if status < http.StatusInternalServerError {
		if s, err := x.dir.Snapshot(x.r.Context()); err == nil && s.Organization() != nil {
			return x.brand(s)
		}
	}
	return web.Brand{Name: x.organizationName(http.StatusInternalServerError)}
}
