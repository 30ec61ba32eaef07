package scimapi_test

import (
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"

	"rollcall/directory/schema"
	"rollcall/scimapi"
)

// TestQuirks shows the quirks that break servers most often (client-quirks 1), each by its id.
func TestQuirks(t *testing.T) {
	c := serve(t, scimapi.Options{}).admin(t)
	n := 0
	user := func(more ...any) (id, path string) {
		n++
		id = c.user(fmt.Sprint("user", n), more...)
		return id, "/Users/" + id
	}
	group := func(members ...string) (id, path string) {
		n++
		id = c.group(fmt.Sprint("group", n), members...)
		return id, "/Groups/" + id
	}
	want := func(t *testing.T, r reply, want any, path ...any) {
		t.Helper()
		if got := at(r.body, path...); fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("%v: %v, want %v in %s", path, got, want, r.raw)
		}
	}
	for _, q := range []struct {
		id string
		f  func(t *testing.T)
	}{
		{"Q-01 op in capitals", func(t *testing.T) {
			_, path := user("nickName", "n")
			r := c.must(200, "PATCH", path,
				patch(`{"op":"Add","path":"title","value":"x"}`, `{"op":"Replace","path":"title","value":"y"}`,
					`{"op":"REMOVE","path":"nickName"}`))
			want(t, r, "y", "title")
			want(t, r, nil, "nickName")
		}},
		{"Q-02 booleans as strings", func(t *testing.T) {
			n++
			name := fmt.Sprint("user", n)
			r := c.must(201, "POST", "/Users",
				`{"schemas":["`+userURN+`"],"userName":"`+name+`","active":"False","emails":[{"value":"a@x",`+
					`"primary":"True"}]}`)
			want(t, r, false, "active")
			want(t, r, true, "emails", 0, "primary")
			r = c.must(200, "PATCH", "/Users/"+r.body["id"].(string),
				patch(`{"op":"Replace","path":"emails[primary eq \"True\"].value","value":"b@x"}`,
					`{"op":"Replace","path":"active","value":"true"}`))
			want(t, r, "b@x", "emails", 0, "value")
			want(t, c.list("/Users", `active eq "True" and userName eq "`+name+`"`), 1, "totalResults")
		}},
		{"Q-03 remove with a value list", func(t *testing.T) {
			a, _ := user()
			b, _ := user()
			g, path := group(a, b)
			c.must(200, "PATCH", path, patch(`{"op":"Remove","path":"members","value":[{"value":"`+a+`"}]}`))
			c.checkMembers("listed", g, b)
			c.must(200, "PATCH", path, patch(`{"op":"Remove","path":"members"}`))
			c.checkMembers("all", g)
		}},
		{"Q-04 a value path that matches nothing", func(t *testing.T) {
			for _, op := range []string{"Add", "Replace"} {
				_, path := user()
				r := c.must(200, "PATCH", path,
					patch(`{"op":"`+op+`","path":"emails[type eq \"work\"].value","value":"w@x"}`))
				want(t, r, "w@x", "emails", 0, "value")
				want(t, r, "work", "emails", 0, "type")
			}
			_, path := user()
			r := c.must(200, "PATCH", path,
				patch(`{"op":"Add","path":"emails[type eq \"work\"].primary","value":"true"}`,
					`{"op":"Add","path":"emails[type eq \"work\"].type","value":"work"}`,
					`{"op":"Add","path":"emails[type eq \"work\"].Value","value":"s@x"}`))
			want(t, r, true, "emails", 0, "primary")
			want(t, r, "s@x", "emails", 0, "value")
			want(t, r, "work", "emails", 0, "type")
		}},
		{"Q-05 keys that are paths", func(t *testing.T) {
			_, path := user()
			r := c.must(200, "PATCH", path,
				patch(`{"op":"replace","value":{"name.givenName":"K","`+extURN+`:employeeNumber":"7"}}`))
			want(t, r, "K", "name", "givenName")
			want(t, r, "7", extURN, "employeeNumber")
		}},
		{"Q-06 manager as a string and as an array", func(t *testing.T) {
			boss, _ := user()
			_, path := user()
			for _, op := range []string{`"path":"` + extURN + `:manager","value":"` + boss + `"`,
				`"path":"manager","value":[{"$ref":"http://h/scim/Users/` + boss + `","value":"` + boss + `"}]`,
				`"value":{"` + extURN + `":{"manager":"` + boss + `"}}`} {
				want(t, c.must(200, "PATCH", path, patch(`{"op":"Add",`+op+`}`)), boss, extURN, "manager", "value")
				c.must(200, "PATCH", path, patch(`{"op":"remove","path":"`+extURN+`:manager"}`))
			}
			n++
			r := c.must(201, "POST", "/Users",
				`{"schemas":["`+userURN+`","`+extURN+`"],"userName":"`+fmt.Sprint("user",
					n)+`","`+extURN+`":{"manager":"`+boss+`"}}`)
			want(t, r, boss, extURN, "manager", "value")
		}},
		{"Q-07 an echo of the id", func(t *testing.T) {
			g, path := group()
			want(t, c.must(200, "PATCH", path, patch(`{"op":"replace","value":{"id":"`+g+`","displayName":"N"}}`)), "N",
				"displayName")
			c.refused(400, "mutability", "PATCH", path,
				patch(`{"op":"replace","value":{"id":"`+absentID+`","displayName":"M"}}`))
		}},
		{"Q-08 members replaced with none", func(t *testing.T) {
			a, _ := user()
			g, path := group(a)
			c.must(200, "PATCH", path, patch(`{"op":"replace","path":"members","value":[]}`))
			c.checkMembers("none", g)
		}},
		{"Q-09 members without a type", func(t *testing.T) {
			a, _ := user()
			b, _ := user()
			g, path := group()
			c.must(200, "PATCH", path, patch(`{"op":"add","path":"members","value":[{"value":"`+a+`","$ref":null},`+
				`{"value":"`+b+`","display":"x"}]}`))
			c.checkMembers("both", g, a, b)
			want(t, c.must(200, "GET", path, nil), "User", "members", 0, "type")
		}},
		{"Q-10 a member added twice", func(t *testing.T) {
			a, _ := user()
			g, path := group(a)
			c.must(200, "PATCH", path, patch(`{"op":"add","path":"members",`+
				`"value":[{"value":"`+a+`"},{"value":"`+a+`"}]}`))
			c.checkMembers("once", g, a)
		}},
		{"Q-11 an empty list", func(t *testing.T) {
			r := c.list("/Users", `userName eq "nobody"`)
			if !strings.Contains(string(r.raw), `"totalResults":0,`) ||
				!strings.Contains(string(r.raw), `"Resources":[]`) ||
				!strings.Contains(string(r.raw), `"itemsPerPage":0`) {
				t.Errorf("%s", r.raw)
			}
		}},
		{"Q-12 errors are JSON", func(t *testing.T) { // checkError looks at each
			(&client{t: t, base: c.base, public: c.public, token: "bad"}).refused(401, "", "GET", "/Users", nil)
			c.refused(404, "", "GET", "/Users/x", nil)
			c.refused(404, "", "GET", "/nowhere/at/all/here", nil)
			c.refused(405, "", "DELETE", "/Users", nil)
		}},
		{"Q-13 userName in another case", func(t *testing.T) {
			id, _ := user()
			want(t, c.list("/Users", `userName eq "`+fmt.Sprint("USER", n)+`"`), id, "Resources", 0, "id")
		}},
		{"Q-14 unknown URNs, unlisted extensions, nulls", func(t *testing.T) {
			n++
			r := c.must(201, "POST", "/Users", `{"schemas":["`+userURN+`",
				"http://schemas.microsoft.com/2006/11/ResourceManagement/ADSCIM/2.0/User"],
				"userName":"`+fmt.Sprint("user", n)+`",
				"`+extURN+`":{"department":"D","manager":null},"addresses":null,"department":null,"title":null,
					"roles":[]}`)
			want(t, r, "D", extURN, "department")
			if schemas := fmt.Sprint(r.body["schemas"]); !strings.Contains(schemas, extURN) ||
				strings.Contains(schemas, "microsoft") {
				t.Errorf("%s", r.raw)
			}
			want(t, r, nil, "addresses")
		}},
		{"Q-15 disabled Users stay readable", func(t *testing.T) {
			id, path := user("active", false)
			want(t, c.must(200, "GET", path, nil), false, "active")
			want(t, c.list("/Users", `id eq "`+id+`"`), 1, "totalResults")
			c.must(204, "DELETE", path, nil)
			c.refused(404, "", "GET", path, nil)
		}},
		{"Q-16 concurrent PATCHes of one group", func(t *testing.T) {
			var all []string
			for range 10 {
				id, _ := user()
				all = append(all, id)
			}
			g, path := group()
			var wg sync.WaitGroup
			for i, id := range all {
				wg.Go(func() {
					if r := c.request("PATCH", path,
						patch(`{"op":"add","path":"members","value":[{"value":"`+id+`"}]}`,
							fmt.Sprintf(`{"op":"replace","path":"displayName","value":"name %d"}`,
								i))); r.status != 200 {
						t.Errorf("%d %s", r.status, r.raw)
					}
				})
			}
			wg.Wait()
			c.checkMembers("all", g, all...)
		}},
	} {
		t.Run(q.id[:4], func(t *testing.T) {
			defer func(before testing.TB) { c.t = before }(c.t)
			c.t = t
			q.f(t)
		})
	}
}

// With a strict credential, every leniency is off (client-quirks 13), in requests and in Bulk. A PATCH of the token
// switches it.
func TestStrictToken(t *testing.T) {
	s := serve(t, scimapi.Options{})
	admin := s.admin(t)
	id, g, m := admin.user("a"), admin.group("G"), admin.user("m")
	r := admin.must(201, "POST", "/AccessTokens",
		map[string]any{"schemas": []string{tokenURN}, "displayName": "s", "scopes": []string{"write"}, "strict": true})
	c := &client{t: t, base: admin.base, public: admin.public, token: r.body["token"].(string)}
	user, members := "/Users/"+id, "/Groups/"+g
	cases := []struct{ name, method, path, body, scimType string }{
		{"boolean strings", "PATCH", user, patch(`{"op":"replace","path":"active","value":"False"}`), "invalidValue"},
		{"boolean strings in filters", "GET", "/Users?filter=" + url.QueryEscape(`active eq "true"`),
			"", "invalidFilter"},
		{"remove with a value list", "PATCH", members,
			patch(`{"op":"remove","path":"members","value":[{"value":"` + m + `"}]}`), "invalidValue"},
		{"create on a value path", "PATCH", user,
			patch(`{"op":"replace","path":"emails[type eq \"work\"].value","value":"x@y"}`), "noTarget"},
		{"dotted keys", "PATCH", user, patch(`{"op":"replace","value":{"name.givenName":"K"}}`), "invalidSyntax"},
		{"a string for a complex value", "PATCH", user,
			patch(`{"op":"add","path":"` + extURN + `:manager","value":"` + m + `"}`), "invalidValue"},
		{"unknown attributes", "POST", "/Users", `{"schemas":["` + userURN + `"],"userName":"b","foo":1}`,
			"invalidSyntax"},
		{"unknown URNs", "POST", "/Users", `{"schemas":["` + userURN + `","urn:example:x"],"userName":"b"}`,
			"invalidSyntax"},
		{"bare words", "GET", "/Users?filter=" + url.QueryEscape(`userName eq a`), "", "invalidFilter"},
		{"single quotes", "GET", "/Users?filter=" + url.QueryEscape(`userName eq 'a'`), "", "invalidFilter"},
		{"a filter behind a value path", "GET",
			"/Users?filter=" + url.QueryEscape(`emails[type eq "work"].value eq "x"`), "", "invalidFilter"},
	}
	for _, tc := range cases {
		var body any
		if tc.body != "" {
			body = tc.body
		}
		r := c.request(tc.method, tc.path, body)
		if got, _ := r.body["scimType"].(string); r.status != 400 || got != tc.scimType {
			t.Errorf("%s: %d %s, want %s", tc.name, r.status, r.raw, tc.scimType)
		}
	}
	rs := c.bulk("", bulkOp("PATCH", user, patch(`{"op":"replace","path":"active","value":"False"}`)))
	c.checkBulk("in Bulk", "400/invalidValue", rs)
	admin.must(200, "PATCH", "/AccessTokens/"+r.body["id"].(string),
		patch(`{"op":"replace","path":"strict","value":false}`))
	for _, tc := range cases {
		var body any
		if tc.body != "" {
			body = strings.ReplaceAll(tc.body, `"userName":"b"`, fmt.Sprintf(`"userName":%q`, "b "+tc.name))
		}
		if r := c.request(tc.method, tc.path, body); r.status >= 400 {
			t.Errorf("%s, not strict any more: %d %s", tc.name, r.status, r.raw)
		}
	}
}

// lenientMembers is switched by a PATCH of the token too (client-quirks 3.4). Without it, an unknown member fails the
// whole request.
func TestLenientToken(t *testing.T) {
	s := serve(t, scimapi.Options{})
	admin := s.admin(t)
	a, g := admin.user("a"), admin.group("G")
	r := admin.must(201, "POST", "/AccessTokens",
		map[string]any{"schemas": []string{tokenURN}, "displayName": "s", "scopes": []string{"write"}})
	c := &client{t: t, base: admin.base, public: admin.public, token: r.body["token"].(string)}
	change := patch(`{"op":"add","path":"members","value":[{"value":"`+absentID+`"},{"value":"`+a+`"}]}`,
		`{"op":"replace","path":"displayName","value":"H"}`)
	refused := c.refused(400, "invalidValue", "PATCH", "/Groups/"+g, change)
	if detail, _ := refused.body["detail"].(string); !strings.Contains(detail, absentID) {
		t.Errorf("%s", refused.raw)
	}
	c.checkMembers("refused", g)
	admin.must(200, "PATCH", "/AccessTokens/"+r.body["id"].(string),
		patch(`{"op":"replace","path":"lenientMembers","value":true}`))
	done := c.must(200, "PATCH", "/Groups/"+g, change)
	if done.body["displayName"] != "H" || done.header.Get("Rollcall-Skipped-Members") != "'"+absentID+"'" {
		t.Errorf("%v %s", done.header, done.raw)
	}
	c.checkMembers("the other one", g, a)
	put := c.must(200, "PUT", "/Groups/"+g,
		map[string]any{"schemas": []string{groupURN}, "displayName": "H", "members": memberList([]string{absentID})})
	if put.header.Get("Rollcall-Skipped-Members") == "" {
		t.Errorf("%v", put.header)
	}
	c.checkMembers("PUT", g)
}

// Prefer: return=minimal works for every type and every method that answers with a resource.
func TestPreferMinimalEverywhere(t *testing.T) {
	s := serve(t, scimapi.Options{})
	c := s.admin(t)
	const core = "urn:rollcall:params:scim:schemas:core:1.0:"
	for endpoint, doc := range map[string]map[string]any{
		"/Users":             {"schemas": []string{userURN}, "userName": "a"},
		"/Groups":            {"schemas": []string{groupURN}, "displayName": "G"},
		"/IdentityProviders": {"schemas": []string{core + "IdentityProvider"}, "displayName": "I"},
		"/SchemaDefinitions": {"schemas": []string{core + "SchemaDefinition"}, "urn": "urn:example:x", "name": "X",
			"attributes": []any{map[string]any{"name": "a", "type": "string"}}},
	} {
		r := c.must(201, "POST", endpoint, doc, "Prefer", "return=minimal")
		path := strings.TrimPrefix(r.header.Get("Location"), c.public)
		if len(r.raw) > 0 || r.header.Get("Preference-Applied") != "return=minimal" || r.header.Get("ETag") == "" {
			t.Errorf("POST %s: %v %s", endpoint, r.header, r.raw)
		}
		for method, body := range map[string]any{
			"PUT":   doc,
			"PATCH": patch(`{"op":"add","path":"externalId","value":"e"}`),
		} {
			r := c.must(204, method, path, body, "Prefer", `return="minimal"`)
			if r.header.Get("ETag") != c.must(200, "GET", path, nil).header.Get("ETag") ||
				r.header.Get("Preference-Applied") != "return=minimal" {
				t.Errorf("%s %s: %v", method, path, r.header)
			}
		}
		if r := c.must(200, "PATCH", path+"?attributes=externalId",
			patch(`{"op":"add","path":"externalId","value":"f"}`), "Prefer",
			"return=minimal"); r.body["externalId"] != "f" {
			t.Errorf("R7644-3.5.2-09: %s", r.raw)
		}
	}
	r := c.must(201, "POST", "/AccessTokens",
		map[string]any{"schemas": []string{tokenURN}, "displayName": "t", "scopes": []string{"read"}}, "Prefer",
		"return=minimal")
	if r.body["token"] == nil || r.header.Get("Preference-Applied") != "" {
		t.Errorf("the secret has to be told: %v %s", r.header, r.raw)
	}
}

// The body of a Group may be larger than other bodies, but only because of its members.
func TestLargeGroupBodies(t *testing.T) {
	s := serve(t, scimapi.Options{})
	c := s.admin(t)
	lenient := s.client(t, "default", "write", schema.Document{"lenientMembers": true})
	a, g := c.user("a"), c.group("G")
	var list []map[string]string
	for i := range 14_000 { // more than 1 MiB
		list = append(list, map[string]string{"value": fmt.Sprintf("%08x-0000-4000-8000-000000000000", i),
			"display": "a name of a member", "type": "User"})
	}
	list = slices.Insert(list, 7000, map[string]string{"value": a})
	text, err := json.Marshal(list)
	if err != nil || len(text) < 1<<20 {
		t.Fatal(len(text), err)
	}
	for _, op := range []string{`{"op":"add","path":"members","value":` + string(text) + `}`,
		`{"op":"replace","value":{"members":` + string(text) + `}}`} {
		r := lenient.must(200, "PATCH", "/Groups/"+g, patch(op))
		if n := len(r.header.Values("Rollcall-Skipped-Members")); n != 101 {
			t.Errorf("%d members reported", n)
		}
		c.checkMembers("the one that exists", g, a)
		c.must(200, "PATCH", "/Groups/"+g, patch(`{"op":"remove","path":"members"}`))
	}
	r := c.refused(413, "", "PATCH", "/Groups/"+g, patch(`{"op":"add","path":"members","value":`+string(text)+`}`))
	if detail, _ := r.body["detail"].(string); !strings.Contains(detail, "10000") {
		t.Errorf("%s", r.raw)
	}
	r = c.refused(413, "", "PATCH", "/Groups/"+g,
		patch(`{"op":"replace","path":"displayName","value":"`+strings.Repeat("x", 1<<20)+`"}`))
	if detail, _ := r.body["detail"].(string); !strings.Contains(detail, "1048576") {
		t.Errorf("%s", r.raw)
	}
	c.refused(413, "", "PATCH", "/Users/"+a, patch(`{"op":"add","path":"emails","value":`+string(text)+`}`))
	rs := c.bulk("", bulkOp("PATCH", "/Users/"+a, patch(`{"op":"add","path":"emails","value":`+string(text)+`}`)),
		postUser("b", "b"))
	c.checkBulk("a limit of one operation", "413 201", rs)
}
