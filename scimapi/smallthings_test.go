package scimapi_test

import (
	"strings"
	"testing"

	"rollcall/directory/schema"
	"rollcall/scimapi"
)

// A PatchOp is judged before its resource is looked up: what is wrong with it is 400 also where there is no resource.
func TestPatchIsJudgedFirst(t *testing.T) {
	s := serve(t, scimapi.Options{})
	admin := s.admin(t)
	for _, id := range []string{"11111111-1111-4111-8111-111111111111", "nosuch"} {
		for body, scimType := range map[string]string{
			`{"Operations":`: "invalidSyntax",
			patch():          "invalidSyntax",
			patch(`{"op":"replace","path":"emails[type eq","value":"x"}`):                  "invalidFilter",
			patch(`{"op":"replace","path":"nosuch","value":"x"}`):                          "invalidPath",
			patch(`{"op":"replace","path":"id","value":"x"}`):                              "mutability",
			patch(`{"op":"replace","path":"active","value":"maybe"}`):                      "invalidValue",
			patch(`{"op":"add","value":{"emails":[{"value":5}]}}`):                         "invalidValue",
			patch(`{"op":"remove","path":"userName"}`):                                     "mutability",
			patch(`{"op":"remove"}`):                                                       "noTarget",
			patch(`{"op":"add","path":"title"}`):                                           "invalidValue",
			patch(`{"op":"replace","path":"title","value":"x"}`, `{"op":"add","value":5}`): "invalidValue",
		} {
			admin.refused(400, scimType, "PATCH", "/Users/"+id, body)
		}
		for _, body := range []string{
			patch(`{"op":"replace","path":"title","value":"x"}`),
			patch(`{"op":"replace","path":"emails[type eq \"x\"].value","value":"y"}`), // there may be one
			patch(`{"op":"replace","value":{"id":"x"}}`),                               // it may be its id
			patch(`{"op":"remove","path":"emails[type eq \"work\"]"}`),
		} {
			admin.refused(404, "", "PATCH", "/Users/"+id, body)
		}
		admin.refused(404, "", "PATCH", "/Groups/"+id, patch(`{"op":"remove","path":"members[value eq \"x\"]"}`))
		admin.refused(404, "", "GET", "/Users/"+id, nil)
		admin.refused(404, "", "DELETE", "/Users/"+id, nil)

		// In a Bulk request, too.
		rs := admin.bulk("",
			bulkOp("PATCH", "/Users/"+id, patch(`{"op":"replace","path":"emails[type eq","value":"x"}`)),
			bulkOp("PATCH", "/Users/"+id, patch(`{"op":"replace","path":"active","value":"maybe"}`)),
			bulkOp("PATCH", "/Users/"+id, patch(`{"op":"replace","path":"title","value":"x"}`)),
			bulkOp("DELETE", "/Users/"+id, nil))
		admin.checkBulk(id, "400/invalidFilter 400/invalidValue 404 404", rs)

		// Who may not change the type learns nothing else.
		s.client(t, "default", "read", nil).refused(403, "", "PATCH", "/Users/"+id,
			patch(`{"op":"replace","path":"nosuch","value":"x"}`))
		s.client(t, "default", "write", nil).refused(403, "", "PATCH", "/AccessTokens/"+id,
			patch(`{"op":"replace","path":"nosuch","value":"x"}`))
	}
}

// The client's X-Request-Id is taken over where it can stand in a log as it is.
func TestRequestID(t *testing.T) {
	c := serve(t, scimapi.Options{}).admin(t)
	for _, id := range []string{"1", "7f3c-A_b.9:z", strings.Repeat("a", 64)} {
		if got := c.must(200, "GET", "/Users", nil, "X-Request-Id", id).header.Get("X-Request-Id"); got != id {
			t.Errorf("%q became %q", id, got)
		}
	}
	for _, id := range []string{strings.Repeat("a", 65), "a b", "a\"b", "ä", "a,b", "<script>"} {
		got := c.must(200, "GET", "/Users", nil, "X-Request-Id", id).header.Get("X-Request-Id")
		if got == id || got == "" {
			t.Errorf("%q became %q", id, got)
		}
	}
	// The Event has it, so that one id leads through the client's log, ours and the record.
	made := c.must(201, "POST", "/Users", `{"schemas":["`+userURN+`"],"userName":"a"}`, "X-Request-Id", "mine-1")
	events := c.list("/Events", `resource.value eq "`+made.body["id"].(string)+`"`)
	if at(events.body, "Resources", 0, "request") != "mine-1" {
		t.Errorf("%s", events.raw)
	}
}

// What was done of Prefer is said (RFC 7240 §3).
func TestPreferenceApplied(t *testing.T) {
	c := serve(t, scimapi.Options{Limits: scimapi.Limits{GroupReply: 1}}).admin(t)
	user := func(name string) string { return `{"schemas":["` + userURN + `"],"userName":"` + name + `"}` }
	id := c.must(201, "POST", "/Users", user("a")).body["id"].(string)
	g := c.group("G", id, c.user("b"))
	rename := patch(`{"op":"replace","path":"displayName","value":"H"}`)
	for _, tc := range []struct {
		name, prefer, applied string
		r                     reply
	}{
		{"POST", "return=representation", "return=representation",
			c.must(201, "POST", "/Users", user("c"), "Prefer", "return=representation")},
		{"POST", "return=minimal", "return=minimal",
			c.must(201, "POST", "/Users", user("d"), "Prefer", "return=minimal")},
		{"PUT", "return=representation; x, wait=5", "return=representation",
			c.must(200, "PUT", "/Users/"+id, user("a"), "Prefer", "return=representation; x, wait=5")},
		{"minimal with attributes, which wins", "return=minimal", "",
			c.must(200, "PATCH", "/Groups/"+g+"?attributes=id", rename, "Prefer", "return=minimal")},
		{"a large Group is not shown", "return=representation", "",
			c.must(204, "PATCH", "/Groups/"+g, rename, "Prefer", "return=representation")},
		{"nothing preferred", "", "", c.must(201, "POST", "/Users", user("e"))},
		{"respond-async is not done", "respond-async", "",
			c.must(201, "POST", "/Users", user("f"), "Prefer", "respond-async")},
	} {
		if got := tc.r.header.Get("Preference-Applied"); got != tc.applied {
			t.Errorf("%s with Prefer: %s: Preference-Applied %q, want %q", tc.name, tc.prefer, got, tc.applied)
		}
	}
}

// Some clients write paths in lower case.
func TestEndpointsInLowerCase(t *testing.T) {
	s := serve(t, scimapi.Options{})
	c, strict := s.admin(t), s.client(t, "default", "admin", schema.Document{"profile": "rfc"})
	id := c.user("a")
	c.must(200, "GET", "/users/"+id, nil)
	found := c.must(200, "POST", "/users/.search", search("filter", `userName eq "a"`))
	if found.body["totalResults"] != 1.0 {
		t.Errorf("%s", found.raw)
	}
	made := c.must(201, "POST", "/USERS", `{"schemas":["`+userURN+`"],"userName":"b"}`)
	if !strings.HasPrefix(made.header.Get("Location"), c.public+"/Users/") {
		t.Errorf("Location %s", made.header.Get("Location"))
	}
	for _, path := range []string{"/serviceproviderconfig", "/resourcetypes", "/schemas", "/schemas/" + userURN} {
		c.must(200, "GET", path, nil)
	}
	strict.refused(404, "", "GET", "/users", nil) // paths have cases (RFC 3986 §6.2.2.1)
	strict.must(200, "GET", "/Users", nil)
}

// A result of a Bulk request has no URL with a bulkId that leads nowhere.
func TestBulkLocation(t *testing.T) {
	c := serve(t, scimapi.Options{}).admin(t)
	rs := c.bulk("", bulkOp("PATCH", "/Users/bulkId:unknown", patch(`{"op":"add","path":"title","value":"x"}`)),
		bulkOp("DELETE", "/Users/bulkId:unknown", nil))
	c.checkBulk("an unknown bulkId", "400/invalidValue 400/invalidValue", rs)
	for _, r := range rs {
		if at(r, "location") != nil {
			t.Errorf("%v", r)
		}
	}
}

// Without schemas, lenient takes the endpoint's and says so; rfc refuses.
func TestInferredSchemas(t *testing.T) {
	s := serve(t, scimapi.Options{})
	c, strict := s.admin(t), s.client(t, "default", "admin", schema.Document{"profile": "rfc"})
	made := c.must(201, "POST", "/Users", `{"userName":"a"}`)
	path := "/Users/" + made.body["id"].(string)
	put := c.must(200, "PUT", path, `{"schemas":null,"userName":"b","`+extURN+`":{"department":"D"}}`)
	group := c.must(201, "POST", "/Groups", `{"displayName":"G","members":[]}`)
	for what, r := range map[string]reply{"POST": made, "PUT": put, "POST of a Group": group} {
		if w := r.header.Get("Warning"); !strings.HasPrefix(w, `299 rollcall "schemas is missing`) {
			t.Errorf("%s: Warning %q", what, w)
		}
	}
	if at(put.body, extURN, "department") != "D" {
		t.Errorf("%s", put.raw)
	}
	if r := c.must(200, "PUT", path, `{"schemas":["`+userURN+`"],"userName":"b"}`); r.header.Get("Warning") != "" {
		t.Errorf("%v", r.header)
	}
	two := c.must(200, "POST", "/Bulk", map[string]any{
		"schemas": []string{"urn:ietf:params:scim:api:messages:2.0:BulkRequest"}, "Operations": []any{
			map[string]any{"method": "POST", "path": "/Users", "bulkId": "x", "data": map[string]any{"userName": "x"}},
			map[string]any{"method": "PUT", "path": path,
				"data": map[string]any{"userName": "b"}}}})
	if w := two.header.Values("Warning"); len(w) != 1 {
		t.Errorf("Bulk: %q", w)
	}
	strict.refused(400, "invalidSyntax", "POST", "/Users", `{"userName":"c"}`) // R7643-3-02
	strict.refused(400, "invalidSyntax", "PUT", path, `{"userName":"b"}`)
}
