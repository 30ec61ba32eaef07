package scimapi

import (
	"net/http"
	"strings"

	"rollcall/directory"
)

// etag is a version as an entity tag. It is weak: replies with the same version may differ in derived attributes and in
// projection (RFC 7644 §3.14).
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
			var tag string
			if tag, list = nextTag(list); tag == want {
				return true
			}
		}
	}
	return false
}

// nextTag takes the first entity tag off a list and returns its opaque part; "" if it is malformed. Some clients leave
// out the quotes.
func nextTag(list string) (tag, rest string) {
	list = strings.TrimPrefix(strings.TrimPrefix(list, "W/"), "w/")
	quoted, isQuoted := strings.CutPrefix(list, `"`)
	if !isQuoted {
		tag, rest, _ = strings.Cut(list, ",")
		return strings.TrimSpace(tag), rest
	}
	tag, rest, closed := strings.Cut(quoted, `"`)
	if !closed {
		return "", rest
	}
	return tag, rest
}

// conditions are what a client demands of the version of the resource that it changes.
type conditions struct {
	match, noneMatch []string // the headers If-Match and If-None-Match
}

func (x *exchange) conditions() conditions {
	return conditions{x.r.Header["If-Match"], x.r.Header["If-None-Match"]}
}

// any reports whether there are any.
func (c conditions) any() bool { return len(c.match) > 0 || len(c.noneMatch) > 0 }

// check judges a change of a resource in this version (RFC 9110 §13.2.2).
func (c conditions) check(v directory.Version) error {
	if len(c.match) > 0 && !matches(c.match, v) {
		return &directory.Error{Kind: directory.VersionMismatch,
			Detail: "If-Match does not match the current version of the resource"}
	}
	if len(c.noneMatch) > 0 && matches(c.noneMatch, v) {
		return &directory.Error{Kind: directory.VersionMismatch,
			Detail: "If-None-Match matches the current version of the resource"}
	}
	return nil
}

// notModified reports whether a GET is answered by 304 (RFC 9110 §13.1.2).
func (x *exchange) notModified(v directory.Version) bool {
	h := x.r.Header["If-None-Match"]
	return len(h) > 0 && matches(h, v) && (x.r.Method == http.MethodGet || x.r.Method == http.MethodHead)
}
