package conformance

import (
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"

	"rollcall/conformance/refserver"
)

// interopServer is the reference server made to keep the interop and IPSIE
// profiles, which in places demand the opposite of the RFCs.
func interopServer(ref *refserver.Server) http.Handler {
	return fault{plant: func(x *exchange) {
		switch {
		case x.r.URL.Path == "/.well-known/oauth-authorization-server":
			x.answer(200, obj{"token_endpoint": "https://as.test/token",
				"grant_types_supported":                 arr{"client_credentials"},
				"token_endpoint_auth_methods_supported": arr{"private_key_jwt"}, "scopes_supported": arr{"scim"}})
		case x.p == spcPath:
			x.run()
			if o, ok := x.out.(obj); ok {
				o["interopProfileConformant"] = true
			}
		case strings.HasPrefix(x.p, schPath):
			x.run()
			canonicalTypes(x.out)
		case x.create() && unknownIn(x.input()):
			x.refuse(400, "invalidSyntax")
		case x.m == "PATCH" && x.one():
			strictPatch(x)
		}
	}, outsideBase: true}.handler(ref)
}

// canonicalTypes gives every type sub-attribute its canonicalValues.
func canonicalTypes(v any) {
	switch v := v.(type) {
	case arr:
		for _, e := range v {
			canonicalTypes(e)
		}
	case obj:
		if v["name"] == "type" && v["canonicalValues"] == nil && v["subAttributes"] == nil {
			v["canonicalValues"] = arr{"work", "home", "other"}
		}
		for _, e := range v {
			canonicalTypes(e)
		}
	}
}

func unknownIn(body obj) bool {
	return body["scimconformUnknown"] != nil || hasString(body["schemas"], "urn:example:scimconform:no:such:schema")
}

func strictPatch(x *exchange) {
	ops := arr{}
	for _, o := range list(x.input()["Operations"]) {
		if at(o, "path") == nil {
			x.refuse(400, "invalidSyntax")
			return
		}
		if strings.EqualFold(str(at(o, "op")), "replace") && at(o, "path") == "name" {
			ops = append(ops, op("remove", "name"))
		}
		ops = append(ops, o)
	}
	x.input()["Operations"] = ops
}

func interopFaults() []fault {
	user := `/Users/[^./]+`
	under := func(f fault) fault { f.config = "interop"; return f }
	stored := map[string]obj{} // what a faulty DELETE keeps
	var out []fault
	for _, f := range []fault{
		doc("INTEROP-4-01 IPSIE-AL1-01", spcPath, func(o obj) { o["interopProfileConformant"] = "yes" }),
		docs("INTEROP-5.1-01", schPath, func(o obj) {
			if str(o["id"]) == enterpriseURN {
				o["id"] = "urn:example:other"
			}
		}),
		docs("INTEROP-5.1-02", rtPath, func(o obj) { o["id"] = strings.ToLower(str(o["id"])) }),
		before("INTEROP-5.2-01", param("filter", `^userName eq "SCIM`), func(x *exchange) { x.emptyList() }),
		before("INTEROP-5.3-01", (*exchange).create, func(x *exchange) { delete(x.input(), "scimconformUnknown") }),
		before("INTEROP-5.3-02", (*exchange).create, func(x *exchange) {
			x.input()["schemas"] = slices.DeleteFunc(list(x.input()["schemas"]),
				func(u any) bool { return strings.HasPrefix(str(u), "urn:example:scimconform") })
		}),
		docs("INTEROP-5.4-01", schPath, func(o obj) {
			for _, a := range list(o["attributes"]) {
				for _, s := range list(at(a, "subAttributes")) {
					if str(at(s, "name")) == "type" {
						delete(s.(obj), "canonicalValues")
					}
				}
			}
		}),
		before("INTEROP-6.1-01", on("GET", `/Users/scimconform-([^n]|n[^o]|no[^-]).*`),
			func(x *exchange) { x.p = "/Users"; x.q = url.Values{"count": {"1"}} }),
		after("INTEROP-6.2-01", and(on("GET", user), status(200)), setHeader("Content-Type", "application/json")),
		before("INTEROP-6.3-01", param("filter", ` and externalId eq`), refuse(400, "invalidFilter")),
		before("INTEROP-6.3-02", param("filter", `scimconformNoSuch`), func(x *exchange) { x.emptyList() }),
		before("INTEROP-6.4-01 IPSIE-AL1-05", and(on("GET", "/Users"), param("startIndex", ".")),
			func(x *exchange) { x.emptyList() }),
		before("IPSIE-AL2-06", and(on("GET", "/Groups"), param("startIndex", ".")),
			func(x *exchange) { x.emptyList() }),
		doc("INTEROP-6.4-02", spcPath, func(o obj) { o["pagination"].(obj)["maxPageSize"] = 50 }),
		doc("INTEROP-6.5-01", spcPath, func(o obj) { o["patch"] = obj{"supported": false} }),
		before("INTEROP-6.5.1.1-01", and(on("PATCH", user), sends("Pathless")), func(x *exchange) {
			for _, o := range list(x.input()["Operations"]) {
				o.(obj)["path"], o.(obj)["value"] = "title", "Pathless"
			}
		}),
		before("INTEROP-6.5.2.1-01", and(on("PATCH", user), sends("By add")), refuse(400, "invalidValue")),
		before("INTEROP-6.5.2.1-02", and(on("PATCH", user), sends("Rear")), func(x *exchange) {
			for _, o := range list(x.input()["Operations"]) {
				o.(obj)["op"] = "add"
			}
		}),
		before("INTEROP-6.5.2.1-03", and(on("PATCH", user), sends("Grace")), func(x *exchange) {
			for _, o := range list(x.input()["Operations"]) {
				o.(obj)["op"] = "replace"
			}
		}),
		before("INTEROP-6.5.2.2-01", and(on("PATCH", user), sends(`"op":"add","path":"emails"`)), func(x *exchange) {
			for _, o := range list(x.input()["Operations"]) {
				o.(obj)["op"] = "replace"
			}
		}),
		before("INTEROP-6.5.2.2-02", and(on("PATCH", user), sends(`"path":"emails\[type eq \\"other\\"\]"`)),
			refuse(418, "")),
		after("INTEROP-6.6-01 IPSIE-AL1-04", (*exchange).create, func(x *exchange) {
			name := str(x.input()["userName"])
			if x.st == 201 && stored[name] != nil {
				x.refuse(409, "uniqueness")
			}
			stored[name] = obj{}
		}),
		after("INTEROP-6.9.1-01", and(on("PATCH", user), status(409)), refuse(400, "uniqueness")),
		doc("INTEROP-7.2-01", spcPath, func(o obj) {
			o["authenticationSchemes"] = arr{obj{"type": "httpbasic", "name": "b", "description": "b"}}
		}),
		before("IPSIE-AL1-02", param("filter", `emails\[value eq`), refuse(400, "invalidFilter")),
		before("IPSIE-AL1-03", and(on("PATCH", user), sends(`"path":"active","value":true`)), refuse(403, "")),
		{ids: ids("IPSIE-AL1-06"), plant: func() func(*exchange) {
			n := map[string]int{}
			return func(x *exchange) {
				if x.m == "GET" && x.one() {
					if n[x.p]++; n[x.p] > 20 {
						x.refuse(503, "")
					}
				}
			}
		}()},
		before("IPSIE-AL1-07", func(x *exchange) bool { return strings.Contains(x.r.URL.Path, ".well-known") },
			refuse(404, "")),
		after("IPSIE-AL1-08", and((*exchange).create, status(201)), drop("externalId")),
		before("IPSIE-AL2-01", and(on("PATCH", "/Groups/.*"), sends("displayName")), refuse(400, "mutability")),
		before("IPSIE-AL2-02", param("filter", `members\[value eq`), refuse(400, "invalidFilter")),
		before("IPSIE-AL2-03", and(on("PATCH", "/Groups/.*"), sends(`"op":"remove","path":"members"`)),
			func(x *exchange) { x.answer(204, nil) }),
		before("IPSIE-AL2-04", and(on("PATCH", "/Groups/.*"),
			func(x *exchange) bool { return len(list(x.input()["Operations"])) > 20 }), refuse(413, "")),
		doc("IPSIE-AL2-05", spcPath, func(o obj) { o["bulk"].(obj)["supported"] = false }),
	} {
		out = append(out, under(f))
	}
	return out
}

// TestContradictionsAreTold: where profiles contradict each other, the report
// says what the server does and who needs it, instead of averaging.
func TestContradictionsAreTold(t *testing.T) {
	for _, c := range []struct {
		name, profile string
		strict        bool
		says          string
	}{
		{"a lenient server by the RFCs", ProfileAll, false,
			"accepts PATCH operations without path: RFC 7644, Entra ID and Okta need it, interop forbids it"},
		{"a lenient server by interop", ProfileInterop, false, "accepts PATCH operations without path"},
		{"a strict server by interop", ProfileInterop, true,
			"refuses PATCH operations without path: interop demands it"},
		{"a strict server by Okta", ProfileOkta, true, "refuses PATCH operations without path"},
		{"a lenient server by the RFCs and Entra ID", ProfileAll, false,
			`creates the element that replace at emails[type eq "work"].value does not find: ` +
				`Entra ID needs it, RFC 7644 forbids it`},
	} {
		t.Run(c.name, func(t *testing.T) {
			srv := refserver.New(refserver.Options{})
			var h http.Handler = srv
			if c.strict {
				h = interopServer(srv)
			}
			target := refTarget(srv, h)
			target.Profile, target.Run = c.profile, regexp.MustCompile("patch|pathless|push|active|OKTA-09|interop")
			rep, err := Run(t.Context(), target)
			if err != nil {
				t.Fatal(err)
			}
			if all := strings.Join(rep.Texts, "\n"); !strings.Contains(all, c.says) {
				t.Errorf("the report says:\n%s", all)
			}
			if c.profile == ProfileInterop && !strings.Contains(rep.Texts[0],
				"draft-zollner-scim-interop-profile-01 of 15 April 2026") {
				t.Errorf("the report does not name the text: %v", rep.Texts)
			}
		})
	}
}

// TestEntraAgainstTheRFC: what Entra ID needs and RFC 7644 forbids is a failure by the RFCs, and information where a
// profile holds both, as long as the server does what Entra ID needs and nothing else is wrong.
func TestEntraAgainstTheRFC(t *testing.T) {
	const id = "R7644-3.5.2.3-08"
	asks := func(path string) func(*exchange) bool {
		return and(on("PATCH", "/Users/.*"), sends(`"op":"replace","path":"emails\[type eq \\"`+path))
	}
	for _, c := range []struct {
		name, profile, want, client string
		letter                      bool
		plant                       func(*exchange)
	}{
		{"makes it, by the RFCs", ProfileRFC, Failed, "", false, nil},
		{"makes it, by all", ProfileAll, Info, Passed, false, nil},
		{"refuses it, by the RFCs", ProfileRFC, Passed, "", true, nil},
		{"refuses it, by all", ProfileAll, Passed, Info, true, nil},
		{"refuses it, by Entra ID", ProfileEntra, "", Failed, true, nil},
		{"does nothing and says that it did, by all", ProfileAll, Failed, Passed, false, func(x *exchange) {
			if asks(`work\\"\].value`)(x) {
				ignored(x)
			}
		}},
		{"makes it, and takes another one that matches nothing, by all", ProfileAll, Failed, Passed, false,
			func(x *exchange) {
				if asks("fax")(x) {
					ignored(x)
				}
			}},
	} {
		t.Run(c.name, func(t *testing.T) {
			srv := refserver.New(refserver.Options{Letter: c.letter})
			target := refTarget(srv, fault{plant: c.plant}.handler(srv))
			target.Profile, target.Run = c.profile, regexp.MustCompile("^(patch|entra|patch/.*|entra/.*)$")
			rep, err := Run(t.Context(), target)
			if err != nil {
				t.Fatal(err)
			}
			for id, want := range map[string]string{id: c.want, "ENTRA-26": c.client} {
				r := rep.Result(id)
				switch {
				case (r == nil) != (want == "") || r != nil && r.Status != want:
					t.Errorf("%s: %+v, expected %q", id, r, want)
				case want == Info && !strings.Contains(r.Reason, "Entra ID needs it, RFC 7644 forbids it") &&
					!strings.Contains(r.Reason, "RFC 7644 demands it, Entra ID cannot work with it"):
					t.Errorf("the report does not say why: %q", r.Reason)
				}
			}
		})
	}
}
