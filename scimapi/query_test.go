package scimapi_test

import (
	"fmt"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"rollcall/directory"
	"rollcall/directory/schema"
	"rollcall/scimapi"
)

const searchURN = "urn:ietf:params:scim:api:messages:2.0:SearchRequest"

// search returns a SearchRequest with the members given in pairs.
func search(pairs ...any) map[string]any {
	body := map[string]any{"schemas": []string{searchURN}}
	for i := 0; i < len(pairs); i += 2 {
		body[pairs[i].(string)] = pairs[i+1]
	}
	return body
}

// texts returns the value at a path of each resource in a list.
func texts(r reply, path ...any) string {
	var out []string
	for _, e := range r.body["Resources"].([]any) {
		out = append(out, fmt.Sprint(at(e, path...)))
	}
	return strings.Join(out, " ")
}

func TestSort(t *testing.T) {
	c := serve(t, scimapi.Options{}).admin(t)
	mail := func(values ...string) []any {
		var list []any
		for i, v := range values {
			v, primary := strings.CutSuffix(v, "!")
			list = append(list, map[string]any{"value": v, "type": fmt.Sprint(i), "primary": primary})
		}
		return list
	}
	c.user("C", "externalId", "B", "title", "x", "emails", mail("z@x", "a@x!"), "name",
		map[string]any{"familyName": "Ö"})
	c.user("a", "externalId", "a", "emails", mail("m@x", "b@x"), extURN, map[string]any{"department": "zoo"})
	c.user("B", "externalId", "c", "title", "X", "active", false, extURN, map[string]any{"department": "Art"})
	c.user("d", "title", "a", "emails", mail("k@x"))
	for _, tc := range []struct{ name, by, order, want string }{
		{"R7644-3.4.2.3-02", "userName", "", "a B C d"},
		{"R7644-3.4.2.3-04 without case", "userName", "ascending", "a B C d"},
		{"R7644-3.4.2.3-03", "userName", "descending", "d C B a"},
		{"R7644-3.4.2.3-09", "urn:ietf:params:scim:schemas:core:2.0:User:USERNAME", "", "a B C d"},
		{"R7644-3.4.2.3-04 with case", "externalId", "", "C a B d"},
		{"R7644-3.4.2.3-06 last", "title", "ascending", "d C B a"},
		{"R7644-3.4.2.3-06 first", "title", "descending", "a C B d"},
		{"R7644-3.4.2.3-07", "emails", "", "C d a B"},
		{"R7644-3.4.2.3-07 value", "emails.value", "", "C d a B"},
		{"R7644-3.4.2.3-05", "meta.created", "", "C a B d"},
		{"booleans", "active", "", "B C a d"},
		{"R7644-3.10-01 extension", extURN + ":department", "", "B a C d"},
		{"sortBy is empty", "", "descending", "C a B d"},
		{"order in another case", "userName", "DESCENDING", "d C B a"},
	} {
		q := []string{"sortBy", tc.by}
		body := search("sortBy", tc.by)
		if tc.order != "" {
			q, body["sortOrder"] = append(q, "sortOrder", tc.order), tc.order
		}
		if got := texts(c.list("/Users", "", q...), "userName"); got != tc.want {
			t.Errorf("%s: %s %s: %s, want %s", tc.name, tc.by, tc.order, got, tc.want)
		}
		if got := texts(c.must(200, "POST", "/Users/.search", body), "userName"); got != tc.want {
			t.Errorf("%s: .search by %s %s: %s, want %s", tc.name, tc.by, tc.order, got, tc.want)
		}
	}
	for name, q := range map[string]string{
		"R7644-3.4.2.3-10": "sortBy=userName&sortOrder=up", "R7644-3.4.2.3-10 alone": "sortOrder=1",
		"R7644-3.4.2.3-08": "sortBy=name",
		"unknown":          "sortBy=nosuch", "never returned": "sortBy=password", "twice": "sortBy=id&sortBy=id",
		"address":               "sortBy=groups.$ref",
		"looked up for replies": "sortBy=manager.displayName",
	} {
		if r := c.refused(400, "invalidValue", "GET", "/Users?"+q, nil); r.status == 200 {
			t.Errorf("%s is answered", name)
		}
	}
}

func TestSortIsBounded(t *testing.T) {
	c := serve(t, scimapi.Options{Limits: scimapi.Limits{Sort: 2}}).admin(t)
	for i := range 3 {
		c.user(fmt.Sprint("u", i), "title", fmt.Sprint("t", i))
	}
	for _, path := range []string{"/Users?sortBy=userName", "/Users?sortBy=userName&cursor=&count=1",
		"/?sortBy=userName&filter=userName+pr"} {
		r := c.refused(400, "tooMany", "GET", path, nil) // R7644-3.4.2.1-03
		detail := r.body["detail"].(string)
		if numbers := regexp.MustCompile(`\d+`).FindAllString(detail, -1); fmt.Sprint(numbers) != "[3 2]" {
			t.Errorf("the refusal names other numbers: %s", detail)
		}
	}
	few := c.list("/Users", `title ne "t1"`, "sortBy", "userName", "sortOrder", "descending")
	if got := texts(few, "userName"); got != "u2 u0" {
		t.Errorf("what is within the limit: %s", got)
	}
}

// The same query by GET and by POST has the same answer (R7644-3.4.3-04, -05).
func TestSearch(t *testing.T) {
	s := serve(t, scimapi.Options{Limits: scimapi.Limits{PageSize: 3, MaxPageSize: 5}})
	c := s.admin(t)
	for i := range 4 {
		c.user(fmt.Sprint("u", i), "title", fmt.Sprint("t", i%2), "displayName", fmt.Sprint("d", i))
	}
	c.group("d9", c.user("u4"))
	reader := s.client(t, "default", "read", nil)
	before := c.must(200, "GET", "/Users?count=0", nil).body["totalResults"]
	for _, path := range []string{"/Users", "/Groups", ""} {
		for _, pairs := range [][]any{
			{},
			{"filter", `displayName sw "d"`},
			{"filter", `displayName sw "d"`, "sortBy", "displayName", "sortOrder", "descending", "count", 2},
			{"startIndex", 2, "count", 2},
			{"count", 0}, {"count", -1}, {"count", 1000},
			{"attributes", []string{"displayName", "meta.resourceType"}},
			{"excludedAttributes", []string{"meta", "groups"}},
			{"filter", `meta.resourceType eq "User" and not (displayName ew "1")`},
		} {
			q := url.Values{}
			for i := 0; i < len(pairs); i += 2 {
				switch v := pairs[i+1].(type) {
				case []string:
					q.Set(pairs[i].(string), strings.Join(v, ","))
				default:
					q.Set(pairs[i].(string), fmt.Sprint(v))
				}
			}
			get := reader.must(200, "GET", path+"/?"+q.Encode(), nil)
			post := reader.must(200, "POST", path+"/.search", search(pairs...))
			if string(get.raw) != string(post.raw) {
				t.Errorf("%s %v:\nGET  %s\nPOST %s", path, pairs, get.raw, post.raw)
			}
		}
	}
	if after := c.must(200, "GET", "/Users?count=0", nil).body["totalResults"]; after != before { // R7644-3.4.3-02
		t.Errorf("searching made %v of %v Users", after, before)
	}
	// Names in another case, null for not given, what is unknown.
	r := c.must(200, "POST", "/Users/.search/",
		map[string]any{"Schemas": []string{searchURN}, "FILTER": `userName eq "u1"`, "sortBy": nil, "cursor": nil,
			"x": map[string]any{}})
	if texts(r, "userName") != "u1" {
		t.Errorf("%s", r.raw)
	}
	for _, tc := range []struct {
		name, scimType string
		body           any
	}{
		{"R7644-3.4.3-03 no schemas", "invalidSyntax", `{"count":1}`},
		{"R7644-3.4.3-03 wrong schemas", "invalidSyntax", `{"schemas":["` + userURN + `"],"userName":"x"}`},
		{"no object", "invalidSyntax", `[]`}, {"null", "invalidSyntax", `null`},
		{"cut off", "invalidSyntax", `{"schemas":["`},
		{"empty", "invalidSyntax", ``},
		{"twice", "invalidSyntax", `{"schemas":["` + searchURN + `"],"filter":"id pr","Filter":"id pr"}`},
		{"R7644-3.4.3-06 filter", "invalidFilter", search("filter", "userName regex x")},
		{"empty filter", "invalidFilter", search("filter", "")},
		{"filter of another type", "invalidFilter", search("filter", 5)},
		{"R7644-3.4.3-06 count", "invalidValue", search("count", "ten")},
		{"count is a text", "invalidValue", search("count", "10")},
		{"count is no integer", "invalidValue", search("count", 1.5)},
		{"startIndex", "invalidValue", search("startIndex", true)},
		{"sortBy", "invalidValue", search("sortBy", []string{"userName"})},
		{"sortOrder", "invalidValue", search("sortBy", "id", "sortOrder", "up")},
		{"attributes", "invalidValue", search("attributes", "userName")},
		{"R7644-3.9-06", "invalidValue", search("attributes", []string{"id"}, "excludedAttributes", []string{"meta"})},
		{"R9865-2.1-04 cursor", "invalidCursor", search("cursor", "garbage")},
		{"cursor is a number", "invalidCursor", search("cursor", 7)},
		{"R9865-2.1-03 count", "invalidCount", search("cursor", "", "count", "ten")},
		{"B-28", "invalidValue", search("cursor", "", "startIndex", 1)},
	} {
		for _, path := range []string{"/Users/.search", "/.search"} {
			if r := c.refused(400, tc.scimType, "POST", path, tc.body); t.Failed() {
				t.Fatalf("%s at %s: %s", tc.name, path, r.raw)
			}
		}
	}
	c.refused(405, "", "GET", "/Users/.search", nil)
	c.refused(405, "", "GET", "/.search", nil)
	c.refused(405, "", "POST", "/Schemas/.search", search())
	c.refused(404, "", "POST", "/Nothings/.search", search())
	c.refused(415, "", "POST", "/Users/.search", search(), "Content-Type", "text/plain")
	c.refused(413, "", "POST", "/Users/.search", search("filter", strings.Repeat("x", 1<<20)))
	reader.refused(403, "", "POST", "/AccessTokens/.search", search())
	anonymous := *c
	anonymous.token = ""
	anonymous.refused(401, "", "POST", "/.search", search())
	anonymous.refused(401, "", "GET", "/?count=1", nil)
	if h := c.must(204, "OPTIONS", "/Users/.search", nil).header.Get("Allow"); h != "POST, OPTIONS" {
		t.Errorf("Allow: %s", h)
	}
}

// A query at the root covers every type that the credential may read (R7644-3.4.2.1-01, -02).
func TestRoot(t *testing.T) {
	s := serve(t, scimapi.Options{})
	c := s.admin(t)
	ann := c.user("ann", "displayName", "same", "title", "x")
	crew := c.group("same", ann)
	reader := s.client(t, "default", "read", nil)
	types := func(r reply) string { return texts(r, "meta", "resourceType") }
	for _, tc := range []struct {
		name, filter, want string
		c                  *client
	}{
		{"everything", "", "User Group Role Role Role", reader},
		{"R7644-3.4.2.1-02", "userName pr", "User", reader},
		{"R7644-3.4.2.1-01", `meta.resourceType eq "Group"`, "Group", reader},
		{"no such type", `meta.resourceType eq "Nothing"`, "", reader},
		{"not for readers", `meta.resourceType eq "AccessToken"`, "", reader},
		{"for administrators", `meta.resourceType eq "AccessToken" and displayName eq "test"`,
			"AccessToken AccessToken", c},
		{"of two types", `displayName eq "same"`, "User Group", reader},
		{"an attribute of one", `members.value eq "` + ann + `" or title eq "x"`, "User Group", reader},
		{"addresses", `members.$ref eq "Users/` + ann + `" or groups.$ref eq "Groups/` + crew + `"`,
			"User Group", reader},
		{"location", `meta.location eq "` + c.public + "/Groups/" + crew + `"`, "Group", reader},
		{"B-06", `nosuch eq "x"`, "", reader},
		{"events", `action eq "create" and resource.value eq "` + ann + `"`, "Event", c},
		{"not so much", `not (displayName eq "same")`, "Role Role Role", reader},
	} {
		r := tc.c.list("/", tc.filter)
		if types(r) != tc.want || r.body["totalResults"] != float64(len(strings.Fields(tc.want))) {
			t.Errorf("%s: %s: %s, want %s", tc.name, tc.filter, r.raw, tc.want)
		}
		if without := tc.c.list("", tc.filter); string(without.raw) != string(r.raw) {
			t.Errorf("%s: without a slash %s", tc.name, without.raw)
		}
	}
	r := reader.list("/", `displayName eq "same"`, "sortBy", "title", "sortOrder", "ascending", "attributes",
		"displayName")
	if got := strings.Join(ids(r.body["Resources"]), " "); got != ann+" "+crew ||
		keys(at(r.body, "Resources", 1)) != "displayName id schemas" {
		t.Errorf("sorted and projected: %s", r.raw)
	}
	for _, filter := range []string{"userName regex x", `active gt true`, `password eq "x"`, `name eq "x"`,
		`manager.displayName pr`, ""} {
		c.refused(400, "invalidFilter", "GET", "/?filter="+url.QueryEscape(filter), nil)
	}
	c.refused(400, "invalidValue", "GET", "/?sortBy=nosuch", nil)
	c.refused(405, "", "POST", "/", `{}`)
	system := s.client(t, "", "admin", nil)
	if got := types(system.list("/", `meta.resourceType eq "Organization"`)); got != "Organization" {
		t.Errorf("in the system scope: %s", got)
	}
	for _, r := range reader.list("/", "").body["Resources"].([]any) { // R7644-3.4.2-08
		path := strings.TrimPrefix(at(r, "meta", "location").(string), reader.public)
		alone := at(r, "id").(string)
		one := reader.must(200, "GET", path, nil)
		listed := at(reader.list("/", `id eq "`+alone+`"`).body, "Resources", 0)
		if string(mustJSON(t, one.body)) != string(mustJSON(t, listed)) {
			t.Errorf("alone %s, in a list %s", one.raw, mustJSON(t, listed))
		}
	}
}

// A filter on what only replies have is rewritten or refused, never answered with an empty list.
func TestFilterOnReferences(t *testing.T) {
	s := serve(t, scimapi.Options{})
	c := s.admin(t)
	boss := c.user("boss")
	ann := c.user("ann", extURN, map[string]any{"manager": map[string]any{"value": boss}})
	for filter, want := range map[string]string{
		extURN + `:manager.$ref eq "` + c.public + "/Users/" + boss + `"`: ann,
		`manager.$ref eq "Users/` + boss + `"`:                            ann,
		`manager[$ref eq "../Users/` + boss + `"]`:                        "",
		`manager.$ref pr`:                      ann,
		`manager.$ref ne "Users/` + boss + `"`: boss,
		`manager.value eq "` + boss + `"`:      ann,
	} {
		if got := texts(c.list("/Users", filter), "id"); got != want {
			t.Errorf("%s: %s, want %s", filter, got, want)
		}
	}
	for path, filter := range map[string]string{
		"/Users": `manager.displayName eq "x"`, "/AccessTokens": `user.display pr`,
		"/Sessions": `connection.display co "x"`, "/": `manager.$ref co "x"`,
	} {
		c.refused(400, "invalidFilter", "GET", path+"?filter="+url.QueryEscape(filter), nil)
	}
	strict := s.client(t, "default", "admin", schema.Document{"strict": true})
	// without its URN
	strict.refused(400, "invalidFilter", "GET", "/Users?filter="+url.QueryEscape(`manager.$ref pr`), nil)
}

// A refused filter is told the limit.
func TestFilterLimits(t *testing.T) {
	o := scimapi.Options{}
	o.Limits.Filter.Length, o.Limits.Filter.Depth, o.Limits.Filter.Terms = 200, 3, 4
	c := serve(t, o).admin(t)
	for want, filter := range map[string]string{
		"200": `userName eq "` + strings.Repeat("x", 200) + `"`,
		"3":   strings.Repeat("(", 4) + "id pr" + strings.Repeat(")", 4),
		"4":   strings.Repeat("id pr or ", 4) + "id pr",
	} {
		for _, r := range []reply{
			c.refused(400, "invalidFilter", "GET", "/Users?filter="+url.QueryEscape(filter), nil),
			c.refused(400, "invalidFilter", "POST", "/.search", search("filter", filter)),
		} {
			if detail := fmt.Sprint(r.body["detail"]); !strings.Contains(detail, want) {
				t.Errorf("%s: the refusal does not name the limit %s: %s", filter, want, detail)
			}
		}
	}
}

// A credential that may only read its own User cannot query (R7644-3.11-04).
func TestMeFollowsOneChoice(t *testing.T) {
	s := serve(t, scimapi.Options{})
	admin := s.admin(t)
	id := admin.user("alice", "title", "old")
	crew := admin.group("crew", id)
	location := admin.public + "/Users/" + id
	writer := s.client(t, "default", "write", schema.Document{"user": map[string]any{"value": id}})
	reader := s.client(t, "default", "read", schema.Document{"user": map[string]any{"value": id}})

	me := writer.must(200, "GET", "/Me", nil)
	// R7644-3.11-03
	if at(me.body, "groups", 0, "value") != crew || me.header.Get("Location") != location ||
		at(me.body, "meta", "location") != location {
		t.Errorf("%v %s", me.header, me.raw)
	}
	if r := writer.must(200, "HEAD", "/Me", nil); r.header.Get("Location") != location || len(r.raw) > 0 {
		t.Errorf("HEAD: %v %s", r.header, r.raw)
	}
	writer.must(304, "GET", "/Me", nil, "If-None-Match", me.header.Get("ETag"))
	me.body["title"] = "new"
	if r := writer.must(200, "PUT", "/Me", me.body); r.body["title"] != "new" || r.header.Get("Location") != location {
		t.Errorf("PUT: %v %s", r.header, r.raw)
	}
	writer.refused(412, "", "PATCH", "/Me", patch(`{"op":"remove","path":"title"}`), "If-Match", me.header.Get("ETag"))
	if r := writer.must(200, "PATCH", "/Me", patch(`{"op":"remove","path":"title"}`)); r.body["title"] != nil ||
		r.header.Get("Location") != location {
		t.Errorf("PATCH: %v %s", r.header, r.raw)
	}
	writer.refused(403, "", "PATCH", "/Me", patch(`{"op":"add","path":"roles","value":[{"value":"administrator"}]}`))
	for _, method := range []string{"PUT", "PATCH", "DELETE"} {
		reader.refused(403, "", method, "/Me", me.body)
	}
	writer.refused(405, "", "POST", "/Me", me.body)
	writer.refused(404, "", "POST", "/Me/.search", search())
	writer.refused(404, "", "GET", "/Me/"+id, nil)
	s.client(t, "", "admin", nil).refused(404, "", "GET", "/Me", nil) // the system scope has no Users
	writer.must(204, "DELETE", "/Me", nil)
	admin.refused(404, "", "GET", "/Users/"+id, nil)
	writer.refused(401, "", "GET", "/Me", nil)

	session := s.session(t, admin, admin.user("bob"))
	if r := session.must(200, "GET", "/Me", nil); r.body["userName"] != "bob" {
		t.Errorf("%s", r.raw)
	}
	for _, method := range []string{"PUT", "PATCH", "DELETE"} {
		session.refused(403, "", method, "/Me", me.body)
	}
	for _, path := range []string{"/", "/?filter=id+pr", "/Users?cursor=", "/Groups"} {
		session.refused(403, "", "GET", path, nil)
	}
	session.refused(403, "", "POST", "/Users/.search", search())
	session.refused(403, "", "POST", "/.search", search())
}

// session returns a client with a session of the User.
func (s *server) session(t *testing.T, admin *client, user string) *client {
	t.Helper()
	connection := admin.must(201, "POST", "/IdentityProviders",
		`{"schemas":["urn:rollcall:params:scim:schemas:core:1.0:IdentityProvider"],`+
			`"displayName":"IdP"}`).body["id"].(string)
	id, _ := directory.ParseID(user)
	idp, _ := directory.ParseID(connection)
	c := *admin
	c.token = ""
	if _, err := s.store.Organization("default").Update(t.Context(), func(tx *directory.Tx) error {
		secret, err := tx.CreateSession(id, idp, time.Now().Add(time.Hour))
		c.cookie = "__Host-rollcall-default=" + secret
		return err
	}); err != nil {
		t.Fatal(err)
	}
	return &c
}
