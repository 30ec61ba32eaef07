package scimapi

import (
	"net/http"
	"strings"

	"rollcall/directory"
)

// etag is a version as HTTP writes it. It is weak: replies with the same version may differ in derived attributes and in
// projection (RFC 7644 §3.14).
func etag(v directory.Version) string { return `W/"` + v.String() + `"` }

// matches reports whether an If-Match or If-None-Match header names the version. Tags are compared by their opaque part,
// weak or strong: SCIM uses weak tags with If-Match (Appendix B-17).
func matches(header []string, v directory.Version) bool {
	want := v.String()
	for _, list := range header {
		for list != "" {
			list = strings.TrimLeft(list, " \t,")
			if list == "*" || strings.HasPrefix(list, "*,") {
				return true
			}
			list = strings.TrimPrefix(strings.TrimPrefix(list, "W/"), "w/")
			if !strings.HasPrefix(list, `"`) { // a bare word: some clients drop the quotes
				var tag string
				tag, list, _ = strings.Cut(list, ",")
				if tag = strings.TrimSpace(tag); tag != "" && tag == want {
					return true
				}
				continue
			}
			tag, rest, closed := strings.Cut(list[1:], `"`)
			if closed && tag == want {
				return true
			}
			list = rest
		}
	}
	return false
}

// conditional reports whether the request's change depends on the version it finds.
func (x *exchange) conditional() bool {
	return len(x.r.Header["If-Match"]) > 0 || len(x.r.Header["If-None-Match"]) > 0
}

// precondition checks If-Match and If-None-Match of a change of a resource that exists (RFC 9110 §13.2.2).
func (x *exchange) precondition(v directory.Version) error {
	if h := x.r.Header["If-Match"]; len(h) > 0 && !matches(h, v) {
		return &directory.Error{Kind: directory.VersionMismatch, Detail: "the resource has another version than If-Match names"}
	}
	if h := x.r.Header["If-None-Match"]; len(h) > 0 && matches(h, v) {
		return &directory.Error{Kind: directory.VersionMismatch, Detail: "the resource has the version that If-None-Match excludes"}
	}
	return nil
}

// notModified reports whether a GET is answered by 304 (RFC 9110 §13.1.2).
func (x *exchange) notModified(v directory.Version) bool {
	h := x.r.Header["If-None-Match"]
	return len(h) > 0 && matches(h, v) && (x.r.Method == http.MethodGet || x.r.Method == http.MethodHead)
}
