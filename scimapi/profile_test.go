package scimapi_test

import (
	"testing"

	"rollcall/directory/schema"
	"rollcall/scimapi"
)

// Which profile a token has: profile, or strict, the older name of rfc. Whichever was set last counts.
func TestProfileOfToken(t *testing.T) {
	s := serve(t, scimapi.Options{})
	admin := s.admin(t)
	tokens := func(more string) string {
		return `{"schemas":["` + tokenURN + `"],"displayName":"t","scopes":["write"]` + more + `}`
	}
	secret, path := "", ""
	profile := func() string {
		c := *admin
		c.token = secret
		pathless := c.request("PATCH", "/Users/nosuch", patch(`{"op":"replace","value":{"title":"x"}}`)).status
		unknown := c.request("POST", "/Users", `{"schemas":["`+userURN+`"],"unknown":1}`).body["scimType"]
		switch {
		case pathless == 400:
			return "interop"
		case unknown == "invalidSyntax":
			return "rfc"
		}
		return "lenient"
	}
	create := func(more, want string) {
		t.Helper()
		made := admin.must(201, "POST", "/AccessTokens", tokens(more))
		secret, path = made.body["token"].(string), "/AccessTokens/"+made.body["id"].(string)
		if got := profile(); got != want {
			t.Errorf("POST with %s is %s, want %s", more, got, want)
		}
	}
	change := func(method, body, want string) {
		t.Helper()
		admin.must(200, method, path, body)
		if got := profile(); got != want {
			t.Errorf("%s of %s makes it %s, want %s", method, body, got, want)
		}
	}
	set := func(name, value string) string {
		return patch(`{"op":"replace","path":"` + name + `","value":` + value + `}`)
	}
	create(``, "lenient")
	change("PATCH", set("profile", `"rfc"`), "rfc")
	change("PATCH", set("strict", `false`), "lenient")
	change("PATCH", set("profile", `"interop"`), "interop")
	change("PUT", tokens(`,"profile":"interop"`), "interop")
	change("PUT", tokens(``), "lenient")
	create(`,"strict":true`, "rfc")
	change("PATCH", set("displayName", `"u"`), "rfc")
	change("PATCH", set("profile", `"lenient"`), "lenient")
	change("PATCH", set("strict", `true`), "rfc")
	change("PATCH", patch(`{"op":"remove","path":"strict"}`), "lenient")
	create(`,"strict":true,"profile":"interop"`, "interop")
	create(`,"strict":false,"profile":"lenient"`, "lenient")
	admin.refused(400, "invalidValue", "POST", "/AccessTokens", tokens(`,"strict":true,"profile":"lenient"`))
	admin.refused(400, "invalidValue", "POST", "/AccessTokens", tokens(`,"strict":false,"profile":"rfc"`))
	admin.refused(400, "invalidValue", "POST", "/AccessTokens", tokens(`,"profile":"strict"`))
	admin.refused(400, "invalidValue", "POST", "/AccessTokens", tokens(`,"compatibility":["x"]`))
}

// interop is what draft-zollner-scim-interop-profile leaves of the RFCs.
func TestInterop(t *testing.T) {
	s := serve(t, scimapi.Options{})
	c := s.client(t, "default", "admin", schema.Document{"profile": "interop"})
	rfc := s.client(t, "default", "admin", schema.Document{"profile": "rfc"})
	id := c.user("a", "title", "T", "name", map[string]any{"familyName": "F", "givenName": "G"},
		"emails", []any{map[string]any{"value": "a@x", "type": "work"}})
	path := "/Users/" + id
	c.refused(400, "invalidSyntax", "POST", "/Users", `{"schemas":["`+userURN+`"],"userName":"b","unknown":1}`)
	c.refused(400, "invalidSyntax", "POST", "/Users", `{"schemas":["`+userURN+`"],"userName":"b","password":"x"}`)
	c.refused(400, "invalidSyntax", "POST", "/Users", `{"schemas":["`+userURN+`","urn:x:y"],"userName":"b"}`)
	c.refused(400, "invalidSyntax", "PATCH", path, patch(`{"op":"replace","value":{"title":"U"}}`))
	c.refused(400, "invalidSyntax", "PATCH", path, patch(`{"op":"remove"}`))
	for _, op := range []string{"add", "replace"} {
		c.refused(400, "invalidPath", "PATCH", path,
			patch(`{"op":"`+op+`","path":"emails[type eq \"work\"]","value":{"value":"b@x"}}`))
	}
	c.must(200, "PATCH", path, patch(`{"op":"replace","path":"emails[type eq \"work\"].value","value":"c@x"}`))
	c.must(200, "PATCH", path, patch(`{"op":"remove","path":"emails[type eq \"work\"]"}`))

	// replace replaces a complex value; by RFC 7644 §3.5.2.3 it merges.
	name := patch(`{"op":"replace","path":"name","value":{"givenName":"H"}}`)
	if r := rfc.must(200, "PATCH", path, name); at(r.body, "name", "familyName") != "F" {
		t.Errorf("rfc: %s", r.raw)
	}
	if r := c.must(200, "PATCH", path, name); at(r.body, "name", "familyName") != nil ||
		at(r.body, "name", "givenName") != "H" {
		t.Errorf("interop: %s", r.raw)
	}
	rfc.must(200, "PATCH", path, patch(`{"op":"replace","value":{"title":"U"}}`))

	// The group of an IPSIE client.
	g := c.group("G", id)
	remove := patch(`{"op":"remove","path":"members[value eq \"` + id + `\"]"}`)
	if r := c.must(200, "PATCH", "/Groups/"+g, remove); r.body["members"] != nil {
		t.Errorf("%s", r.raw)
	}
}

// The ServiceProviderConfig says what the credential's profile is, and leaves out what its client must not see.
func TestConfigOfCredential(t *testing.T) {
	s := serve(t, scimapi.Options{})
	nobody, bad := *s.admin(t), *s.admin(t)
	nobody.token, bad.token = "", "bad"
	for name, tc := range map[string]struct {
		c                 *client
		interop, paginate bool
	}{
		"nobody":  {&nobody, false, true},
		"bad":     {&bad, false, true},
		"lenient": {s.client(t, "default", "write", nil), false, true},
		"rfc":     {s.client(t, "default", "write", schema.Document{"profile": "rfc"}), false, true},
		"interop": {s.client(t, "default", "write", schema.Document{"profile": "interop"}), true, true},
		"noPagination": {s.client(t, "default", "read", schema.Document{"compatibility": []any{"noPagination"}}), false,
			false},
	} {
		r := tc.c.must(200, "GET", "/ServiceProviderConfig", nil)
		interop := r.body["interopProfileConformant"] == true
		if _, has := r.body["pagination"]; has != tc.paginate || interop != tc.interop {
			t.Errorf("%s: %s", name, r.raw)
		}
	}
}
