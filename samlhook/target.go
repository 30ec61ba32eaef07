package samlhook

import (
	"net/url"
	"slices"
	"strings"
	"unicode"

	"rollcall/directory"
)

// maxTarget bounds where to go after a sign-in.
const maxTarget = directory.MaxTarget

// target turns where a client asked to go after sign-in into an absolute URL: a path on our own site, or an exact entry
// of the organization's redirectTargets. Empty stands for the landing page. ok is false for anything else.
func (h *Hook) target(asked string, organization *directory.Resource) (location string, ok bool) {
	switch {
	case asked == "":
		return h.organizationURL(organization.Text("name")) + "/me", true
	case len(asked) > maxTarget:
		return "", false
	case slices.Contains(textsAt(organization, "redirectTargets"), asked):
		u, err := url.Parse(asked)
		return asked, err == nil && (u.Scheme == "https" || u.Scheme == "http") && u.Host != ""
	}
	// Browsers drop control characters and read \ as /, so "/\example.com" and "/<tab>/example.com" lead to another
	// site.
	odd := strings.ContainsFunc(asked, func(r rune) bool {
		return r == '\\' || unicode.IsControl(r) || unicode.IsSpace(r)
	})
	if odd || !strings.HasPrefix(asked, "/") || strings.HasPrefix(asked, "//") {
		return "", false
	}
	u, err := url.Parse(asked)
	if err != nil || u.Scheme != "" || u.Host != "" || u.User != nil {
		return "", false
	}
	return h.public + asked, true
}

// originOf is the origin of a URL for a Content-Security-Policy; empty if it is ours.
func (h *Hook) originOf(location string) string {
	u, err := url.Parse(location)
	if err != nil || (u.Scheme == h.site.Scheme && u.Host == h.site.Host) {
		return ""
	}
	return u.Scheme + "://" + u.Host
}
