package conformance

import (
	"net/http"
	"regexp"
	"strings"
)

var cursorForm = regexp.MustCompile(`^[A-Za-z0-9._~-]+$`)

// messageObservers judge list responses and discovery-wide rules.
func messageObservers() []observer {
	return []observer{
		{"list-form", ids("R7644-3.4.2-01"), func(x *sight) {
			if x.isList() || x.listRequest() {
				ok := len(list(x.at("schemas"))) == 1 && str(x.at("schemas", "0")) == messageURN+"ListResponse"
				x.expect("R7644-3.4.2-01", ok, "schemas of the answer is %s", text(x.at("schemas")))
			}
		}},
		{"list-resources", ids("R7644-3.4.2-03"), func(x *sight) {
			if total, ok := integer(x.at("totalResults")); ok && x.isList() && total > 0 && x.wholePage() {
				_, ok := x.at("Resources").(arr)
				x.expect("R7644-3.4.2-03", ok, "totalResults is %d and there is no Resources array", total)
			}
		}},
		{"list-numbers", ids("R7644-3.4.2.4-10"), func(x *sight) {
			if !x.isList() {
				return
			}
			for _, name := range []string{"totalResults", "startIndex", "itemsPerPage"} {
				if v := x.at(name); v != nil {
					x.expect("R7644-3.4.2.4-10", isInt(v), "%s is %s", name, text(v))
				}
			}
		}},
		{"list-count", ids("R7644-4-10"), func(x *sight) {
			if n, ok := integer(x.at("itemsPerPage")); ok && x.isList() {
				got := len(list(x.at("Resources")))
				x.expect("R7644-4-10", n == got, "itemsPerPage is %d with %d resources", n, got)
			}
		}},
		{"list-max", ids("R7643-5-14"), func(x *sight) {
			if x.s.svc != nil && x.s.svc.maxResults > 0 && x.isList() && x.s.typeOf(x.path) != nil {
				got := len(list(x.at("Resources")))
				x.expect("R7643-5-14", got <= x.s.svc.maxResults, "%d resources, filter.maxResults is %d", got,
					x.s.svc.maxResults)
			}
		}},
		{"cursor-form", ids("R9865-2-05"), func(x *sight) {
			if !x.isList() {
				return
			}
			for _, name := range []string{"nextCursor", "previousCursor"} {
				if v := x.at(name); v != nil {
					x.expect("R9865-2-05", cursorForm.MatchString(str(v)),
						"%s %s has characters outside A-Z a-z 0-9 - . _ ~", name, text(v))
				}
			}
		}},
		{"page-max", ids("R9865-4-04"), func(x *sight) {
			if x.s.svc == nil || !x.isList() {
				return
			}
			if most, ok := integer(x.s.svc.spc.at("pagination", "maxPageSize")); ok && x.s.typeOf(x.path) != nil {
				got := len(list(x.at("Resources")))
				x.expect("R9865-4-04", got <= most, "%d resources, pagination.maxPageSize is %d", got, most)
			}
		}},
	}
}

// listRequest reports whether the answer has to be a ListResponse.
func (x *sight) listRequest() bool {
	t := x.s.typeOf(x.path)
	return x.status == 200 && t != nil && (x.path == t.endpoint && x.req.Method == http.MethodGet ||
		strings.HasSuffix(x.path, "/.search"))
}

// wholePage reports whether the request did not itself ask for an empty page.
func (x *sight) wholePage() bool {
	q := x.req.URL.Query()
	if x.req.Method != http.MethodGet {
		return false
	}
	return !q.Has("count") && !q.Has("startIndex") && !q.Has("cursor")
}
