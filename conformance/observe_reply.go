package conformance

import (
	"fmt"
	"mime"
	"net/http"
	"regexp"
	"slices"
	"strings"
)

var scimTypes = strings.Fields("invalidFilter tooMany uniqueness mutability invalidSyntax invalidPath noTarget " +
	"invalidValue invalidVers sensitive invalidCursor expiredCursor invalidCount")

var statusTable = []int{307, 308, 400, 401, 403, 404, 405, 406, 409, 412, 413, 415, 429, 500, 501, 503}

// traces are signs of a program's insides in an answer.
var traces = regexp.MustCompile(`(?i)goroutine \d+ \[|panic:|at [a-z0-9_.$]+\([A-Za-z0-9_]+\.java:\d+\)|` +
	`Traceback \(most recent|at .*\.(js|cs|rb|php):\d+|File ".*", line \d+|SQLSTATE|ORA-\d{5}|-----BEGIN`)

func mediaOf(r *reply) string {
	m, _, _ := mime.ParseMediaType(r.header.Get("Content-Type"))
	return m
}

// replyObservers judge status, headers and error bodies of every answer.
func replyObservers() []observer {
	return []observer{
		{"error-body", ids("R7644-3.12-15"), func(x *sight) {
			if x.failed() && x.req.Method != http.MethodHead {
				ok := len(list(x.at("schemas"))) == 1 && hasString(x.at("schemas"), messageURN+"Error")
				x.expect("R7644-3.12-15", ok, "error %d has no JSON body with schemas [\"%sError\"]", x.status,
					messageURN)
			}
		}},
		{"error-status", ids("R7644-3.12-16"), func(x *sight) {
			if x.failed() && x.json != nil {
				st := x.at("status")
				x.expect("R7644-3.12-16", st == fmt.Sprint(x.status),
					"status in the body is %s, the answer's is %d; it must be that number as a string", text(st),
					x.status)
			}
		}},
		{"error-scimType", ids("R7644-3.12-17 27"), func(x *sight) {
			if st := x.at("scimType"); x.failed() && st != nil {
				x.expect("R7644-3.12-17", slices.Contains(scimTypes, str(st)),
					"scimType %s is not one of the defined keywords", text(st))
			}
		}},
		{"error-detail", ids("R7644-3.12-18"), func(x *sight) {
			if x.failed() && x.json != nil {
				d := x.at("detail")
				x.expect("R7644-3.12-18", str(d) != "",
					"detail is %s; a readable string helps, several clients require one", text(d))
			}
		}},
		{"error-codes", ids("R7644-3.12-19"), func(x *sight) {
			if x.status >= 300 && x.status != 304 {
				x.expect("R7644-3.12-19", slices.Contains(statusTable, x.status),
					"status %d is not one that SCIM or HTTP has for this", x.status)
			}
		}},
		{"error-in-200", ids("R7644-3.2-01"), func(x *sight) {
			if x.json != nil && x.path != "/Bulk" {
				x.expect("R7644-3.2-01", !x.ok() || !hasString(x.at("schemas"), messageURN+"Error"),
					"status %d with an Error body", x.status)
			}
		}},
		{"error-media", ids("R7644-3.8-01"), func(x *sight) {
			if x.failed() && len(x.body) > 0 {
				x.expect("R7644-3.8-01", mediaOf(x.reply) == mediaType, "error %d has Content-Type %q", x.status,
					x.header.Get("Content-Type"))
			}
		}},
		{"no-5xx", ids("R7644-3.12-21"), func(x *sight) {
			if x.failed() {
				x.expect("R7644-3.12-21", x.status < 500 || x.status == 501 || x.status == 503, "%s %s is answered %d",
					x.req.Method, x.path, x.status)
			}
		}},
		{"leaks", ids("R7644-3.12-22"), func(x *sight) {
			if x.failed() {
				body := string(x.body)
				leak := traces.FindString(body)
				for _, secret := range x.s.secrets() {
					if strings.Contains(body, secret) {
						leak = "a credential of the request"
					}
				}
				x.expect("R7644-3.12-22", leak == "", "the error shows %q", leak)
			}
		}},
		{"media", ids("R7644-3.8-02"), func(x *sight) {
			if x.ok() && len(x.body) > 0 && strings.Contains(x.req.Header.Get("Accept"), mediaType) &&
				x.s.typeOf(x.path) != nil {
				x.expect("R7644-3.8-02", mediaOf(x.reply) == mediaType, "Accept %s is answered with Content-Type %q",
					mediaType, x.header.Get("Content-Type"))
			}
		}},
		{"challenge", ids("R7644-2-01"), func(x *sight) {
			if x.status == 401 {
				x.expect("R7644-2-01", x.header.Get("WWW-Authenticate") != "", "a 401 has no WWW-Authenticate")
			}
		}},
		{"allow", ids("R9110-15.5.6-01"), func(x *sight) {
			if x.status == 405 {
				x.expect("R9110-15.5.6-01", x.header.Values("Allow") != nil, "a 405 has no Allow")
			}
		}},
		{"throttle", ids("R6585-4-01"), func(x *sight) {
			if x.status == 429 {
				x.expect("R6585-4-01", x.header.Get("Retry-After") != "", "a 429 has no Retry-After")
			}
		}},
		{"redirect", ids("R7644-3.12-25"), func(x *sight) {
			if x.status > 300 && x.status < 400 && x.status != 304 {
				ok := x.header.Get("Location") != "" && (x.status == 307 || x.status == 308 ||
					x.req.Method == http.MethodGet || x.req.Method == http.MethodHead)
				x.expect("R7644-3.12-25", ok,
					"%s is redirected by %d to Location %q; a redirect has a Location and keeps the method",
					x.req.Method, x.status, x.header.Get("Location"))
			}
		}},
		{"not-modified", ids("R9110-15.4.5-01"), func(x *sight) {
			if x.status == 304 {
				x.expect("R9110-15.4.5-01", x.header.Get("ETag") != "", "a 304 has no ETag")
			}
		}},
		{"no-content", ids("R7644-3.6-01"), func(x *sight) {
			if x.req.Method == http.MethodDelete && x.ok() && x.status != 202 && x.s.typeOf(x.path) != nil {
				x.expect("R7644-3.6-01", x.status == 204 && len(x.body) == 0, "DELETE is answered %d with %d bytes",
					x.status, len(x.body))
			}
		}},
	}
}
