package scimapi

import (
	"net/http"
	"strings"

	"rollcall/directory"
)

// etag is a version as HTTP writes it. It is weak: replies with the same version may differ in derived attributes and
// in projection (RFC 7644 §3.14).
func etag(v directory.Version) string { return `W/"` + v.String() + `"` }

// matches reports whether an If-Match or If-None-Match header names the version. Tags are compared by their opaque
// part, weak or strong: SCIM uses weak tags with If-Match (Appendix B-17).
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

// conditions are what a client demands of the version that its change finds.
type conditions struct {
	match, noneMatch []string // the headers If-Match and If-None-Match
}

func (x *exchange) conditions() conditions {
	return conditions{x.r.Header["If-Match"], x.r.Header["If-None-Match"]}
}

// any reports whether the version matters at all.
func (c conditions) any() bool { return len(c.match) > 0 || len(c.noneMatch) > 0 }

// check judges a change of a resource that exists in this version (RFC 9110 §13.2.2).
func (c conditions) check(v directory.Version) error {
	if len(c.match) > 0 && !matches(c.match, v) {
		return &directory.Error{Kind: directory.VersionMismatch,
			Detail: "the resource has another version than the one expected"}
	}
	if len(c.noneMatch) > 0 && matches(c.noneMatch, v) {
		return &directory.Error{Kind: directory.VersionMismatch,
			Detail: "the resource has the version that If-None-Match excludes"}
	}
	return nil
}

// notModified reports whether a GET is answered by 304 (RFC 9110 §13.1.2).
func (x *exchange) notModified(v directory.Version) bool {
	h := x.r.Header["If-None-Match"]
	return len(h) > 0 && matches(h, v) && (x.r.Method == http.MethodGet || x.r.Method == http.MethodHead)
}
