package scimapi_test

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"rollcall/directory"
	"rollcall/directory/schema"
	"rollcall/scimapi"
)

func (c *client) membersOf(group string) []string {
	c.t.Helper()
	list, _ := c.must(200, "GET", "/Groups/"+group, nil).body["members"].([]any)
	got := ids(any(append([]any{}, list...)))
	slices.Sort(got)
	return got
}

func (c *client) checkMembers(what, group string, want ...string) {
	c.t.Helper()
	slices.Sort(want)
	if got := c.membersOf(group); !slices.Equal(got, want) {
		c.t.Errorf("%s: members %v, want %v", what, got, want)
	}
}

func TestMembers(t *testing.T) {
	c := serve(t, scimapi.Options{}).admin(t)
	a, b := c.user("alice", "displayName", "Alice"), c.user("bob")
	g := c.group("Crew", a)
	path := "/Groups/" + g
	r := c.must(200, "GET", path, nil)
	m := at(r.body, "members", 0)
	if at(m, "value") != a || at(m, "type") != "User" || at(m, "$ref") != c.public+"/Users/"+a ||
		at(m, "display") != "Alice" {
		t.Errorf("R7643-4.2-02: %s", r.raw)
	}
	top := c.group("Top", g)
	u := c.must(200, "GET", "/Users/"+a, nil)
	types := map[any]any{}
	for i := range 2 {
		e := at(u.body, "groups", i)
		types[at(e, "value")] = at(e, "type")
		if at(e, "$ref") != c.public+"/Groups/"+at(e, "value").(string) {
			t.Errorf("R7643-4.1.2-03: %s", u.raw)
		}
	}
	if types[g] != "direct" || types[top] != "indirect" {
		t.Errorf("R7643-4.1.2-04: %s", u.raw)
	}
	for _, tc := range []struct {
		name, op string
		want     []string
	}{
		{"Q-01, Q-09 Entra add", `{"op":"Add","path":"members","value":[{"$ref":null,"value":"` + b + `"}]}`,
			[]string{a, b}},
		{"Q-10 again", `{"op":"add","path":"members","value":[{"value":"` + b + `"}]}`, []string{a, b}},
		{"Q-03 remove with a value list", `{"op":"Remove","path":"members","value":[{"value":"` + a +
			`"}]}`, []string{b}},
		{"B-14 remove who is no member", `{"op":"remove","path":"members[value eq \"` + a + `\"]"}`, []string{b}},
		{"remove by filter", `{"op":"remove","path":"members[value eq \"` + b + `\"]"}`, nil},
		{"replace", `{"op":"replace","path":"members","value":[{"value":"` + a + `","display":"x"},{"value":"` + b +
			`"}]}`, []string{a, b}},
		{"remove by type", `{"op":"remove","path":"members[display eq \"Alice\"]"}`, []string{b}},
		{"pathless replace", `{"op":"replace","value":{"members":[{"value":"` + a + `"}]}}`, []string{a}},
		{"Q-07 echo of the id", `{"op":"replace","value":{"id":"` + g + `","displayName":"Crew 2"}}`, []string{a}},
		{"Q-08 replace with nothing", `{"op":"replace","path":"members","value":[]}`, nil},
		{"add again", `{"op":"add","path":"members","value":{"value":"` + a + `"}}`, []string{a}},
		{"remove all", `{"op":"remove","path":"members"}`, nil},
	} {
		c.must(200, "PATCH", path, patch(tc.op))
		c.checkMembers(tc.name, g, tc.want...)
	}
	tag := c.must(200, "GET", path, nil).header.Get("ETag")
	if r := c.must(200, "PATCH", path, patch(`{"op":"remove",`+
		`"path":"members[value eq \"`+a+`\"]"}`)); r.header.Get("ETag") != tag {
		t.Error("R7644-3.14-03: nothing changed but the version")
	}
	put := c.must(200, "PUT", path, `{"schemas":["`+groupURN+`"],"displayName":"Crew",`+
		`"members":[{"value":"`+b+`"},{"value":"`+b+`"}]}`)
	if len(put.body["members"].([]any)) != 1 {
		t.Errorf("R7644-3.5.1-11: %s", put.raw)
	}
	same := c.must(200, "PUT", path, put.raw)
	if same.header.Get("ETag") != put.header.Get("ETag") {
		t.Errorf("R7644-3.5.1-13: %s", same.raw)
	}
	for _, query := range []string{"?excludedAttributes=members", "?attributes=displayName"} {
		if r := c.must(200, "GET", path+query, nil); r.body["members"] != nil || r.body["displayName"] != "Crew" {
			t.Errorf("%s: %s", query, r.raw)
		}
	}
	for name, op := range map[string]string{
		"unknown": `{"op":"add","path":"members","value":[{"value":"` + a +
			`"},{"value":"11111111-1111-4111-8111-111111111111"}]}`,
		"no id":    `{"op":"add","path":"members","value":[{"value":"` + a + `"},{"value":"nosuch"}]}`,
		"in a set": `{"op":"replace","path":"members","value":[{"value":"nosuch"}]}`,
		"a cycle":  `{"op":"add","path":"members","value":[{"value":"` + top + `"}]}`,
		"itself":   `{"op":"add","path":"members","value":[{"value":"` + g + `"}]}`,
	} {
		r := c.refused(400, "invalidValue", "PATCH", path, patch(op))
		if detail, _ := r.body["detail"].(string); !strings.Contains(detail, "members") {
			t.Errorf("%s: %q", name, detail)
		}
		c.checkMembers("refused: "+name, g, b)
	}
	c.must(204, "DELETE", path, nil)
	if r := c.must(200, "GET", "/Users/"+b, nil); r.body["groups"] != nil {
		t.Errorf("R7643-2.3.7-03: %s", r.raw)
	}
	// R7643-4.1.2-05
	c.refused(400, "mutability", "PATCH", "/Users/"+b,
		patch(`{"op":"add","path":"groups","value":[{"value":"`+top+`"}]}`))
}

func TestUnknownMembersAreNamed(t *testing.T) {
	c := serve(t, scimapi.Options{}).admin(t)
	a := c.user("a")
	g := c.group("G", a)
	const one, two = "11111111-1111-4111-8111-111111111111", "22222222-2222-4222-8222-222222222222"
	many := []string{a}
	for i := range 13 {
		many = append(many, fmt.Sprintf("33333333-3333-4333-8333-3333333333%02d", i))
	}
	for _, tc := range []struct {
		name    string
		members []string
		detail  string
	}{
		{"one", []string{a, one}, "members.value: no User or Group has the id " + one},
		{"two", []string{one, a, two}, "members.value: no User or Group has one of the ids " + one + ", " + two},
		{"no UUID", []string{one, "nosuch", a}, "members.value: no User or Group has one of the ids 'nosuch', " + one},
		{"many", many, "members.value: no User or Group has one of the ids " + strings.Join(many[1:11], ", ") +
			" and 3 more"},
	} {
		list := string(mustJSON(t, memberList(tc.members)))
		put := map[string]any{"schemas": []string{groupURN}, "displayName": "G", "members": memberList(tc.members)}
		for _, r := range []reply{
			c.refused(400, "invalidValue", "PATCH", "/Groups/"+g,
				patch(`{"op":"add","path":"members","value":`+list+`}`)),
			c.refused(400, "invalidValue", "PUT", "/Groups/"+g, put),
			c.refused(400, "invalidValue", "POST", "/Groups", put),
		} {
			if r.body["detail"] != tc.detail {
				t.Errorf("%s: %s, want %s", tc.name, r.raw, tc.detail)
			}
		}
	}
	c.checkMembers("all refused", g, a)
}

func TestLenientMembers(t *testing.T) {
	s := serve(t, scimapi.Options{})
	a := s.admin(t).user("a")
	c := s.client(t, "default", "write", schema.Document{"lenientMembers": true})
	const gone = "11111111-1111-4111-8111-111111111111"
	r := c.must(201, "POST", "/Groups", `{"schemas":["`+groupURN+`"],"displayName":"G",`+
		`"members":[{"value":"`+gone+`"},{"value":"`+a+`"},{"value":"no\nsuch"}]}`)
	if got := r.header.Values("Rollcall-Skipped-Members"); len(got) != 2 || !strings.Contains(got[0], gone) {
		t.Errorf("skipped %q", got)
	}
	g := r.body["id"].(string)
	c.checkMembers("the others", g, a)
	r = c.must(200, "PATCH", "/Groups/"+g,
		patch(`{"op":"replace","path":"members","value":[{"value":"`+gone+`"}]}`,
			`{"op":"add","path":"members","value":[{"value":"`+a+`"},{"value":"nosuch"}]}`))
	if got := r.header.Values("Rollcall-Skipped-Members"); len(got) != 2 {
		t.Errorf("skipped %q", got)
	}
	if r := c.must(200, "PATCH", "/Groups/"+g,
		patch(`{"op":"add","path":"members",`+
			`"value":[{"value":"`+a+`"}]}`)); r.header.Get("Rollcall-Skipped-Members") != "" {
		t.Errorf("%v", r.header)
	}
}

// A member that is added while a change with If-Match runs makes the change fail: the Group is not what the client saw.
func TestIfMatchGuardsMembers(t *testing.T) {
	var once sync.Once
	var during func()
	s := serve(t, scimapi.Options{Hooks: map[string]scimapi.Hook{"Group": {
		Prepare: func(_ *directory.Tx, _ directory.ID, old *directory.Resource, _ schema.Document,
			_ scimapi.Resolved) error {
			if old != nil {
				once.Do(during)
			}
			return nil
		},
	}}})
	c := s.admin(t)
	a, g := c.user("a"), c.group("G")
	during = func() {
		c.must(200, "PATCH", "/Groups/"+g, patch(`{"op":"add","path":"members","value":[{"value":"`+a+`"}]}`))
	}
	tag := c.must(200, "GET", "/Groups/"+g, nil).header.Get("ETag")
	c.refused(412, "", "PATCH", "/Groups/"+g, patch(`{"op":"replace","path":"displayName","value":"H"}`),
		"If-Match", tag)
	if r := c.must(200, "GET", "/Groups/"+g, nil); r.body["displayName"] != "G" || len(r.body["members"].([]any)) != 1 {
		t.Errorf("%s", r.raw)
	}
}

// Roles that a User has through a Group are shown in an extension that is not stored (R7643-3.3-03).
func TestEffectiveRoles(t *testing.T) {
	c := serve(t, scimapi.Options{}).admin(t)
	const access = "urn:rollcall:params:scim:schemas:extension:1.0:Access"
	const groupAccess = "urn:rollcall:params:scim:schemas:extension:1.0:GroupAccess"
	a := c.user("a", "roles", []any{map[string]any{"value": "helper"}})
	c.must(201, "POST", "/Groups", `{"schemas":["`+groupURN+`","`+groupAccess+`"],"displayName":"Admins",`+
		`"`+groupAccess+`":{"roles":[{"value":"administrator"}]},"members":[{"value":"`+a+`"}]}`)
	path := "/Users/" + a + "?attributes=" + access + ",userName,roles"
	r := c.must(200, "GET", path, nil)
	if got := fmt.Sprint(at(r.body, access, "effectiveRoles")); got != "[administrator helper]" ||
		strings.Count(fmt.Sprint(r.body["schemas"]), access) != 1 {
		t.Errorf("%s", r.raw)
	}
	if same := c.must(200, "PUT", path, r.raw); string(same.raw) != string(r.raw) { // R7644-3.5.1-13
		t.Errorf("PUT(GET):\n got %s\nhad %s", same.raw, r.raw)
	}
	if r := c.must(200, "GET", "/Users/"+a+"?attributes="+access+":effectiveRoles",
		nil); keys(r.body) != "id schemas "+access {
		t.Errorf("%s", r.raw)
	}
}

// Concurrent additions to one group all succeed.
func TestConcurrentMembers(t *testing.T) {
	c := serve(t, scimapi.Options{}).admin(t)
	g := c.group("G")
	const n = 12
	var want []string
	for i := range n {
		want = append(want, c.user(fmt.Sprintf("u%d", i)))
	}
	var wg sync.WaitGroup
	for _, id := range want {
		wg.Go(func() {
			if r := c.request("PATCH", "/Groups/"+g,
				patch(`{"op":"add","path":"members","value":[{"value":"`+id+`"}]}`)); r.status != 200 {
				t.Errorf("%d %s", r.status, r.raw)
			}
		})
	}
	wg.Wait()
	c.checkMembers("all", g, want...)
}

// A PATCH of a large Group is answered without the Group (B-22).
func TestLargeGroup(t *testing.T) {
	c := serve(t, scimapi.Options{Limits: scimapi.Limits{GroupReply: 2, Body: 2000}}).admin(t)
	var users []string
	for i := range 60 { // as JSON more than the small limit
		users = append(users, c.user(fmt.Sprintf("u%d", i)))
	}
	g := c.group("G", users...)
	c.checkMembers("POST", g, users...)
	path := "/Groups/" + g
	r := c.must(204, "PATCH", path, patch(`{"op":"replace","path":"displayName","value":"H"}`))
	if len(r.raw) != 0 || r.header.Get("ETag") == "" {
		t.Errorf("%v %s", r.header, r.raw)
	}
	if r := c.must(200, "PATCH", path+"?attributes=displayName",
		patch(`{"op":"replace","path":"displayName","value":"I"}`)); r.body["displayName"] != "I" {
		t.Errorf("R7644-3.5.2-09: %s", r.raw)
	}
	list := string(mustJSON(t, memberList(users[1:])))
	c.must(204, "PATCH", path, patch(`{"op":"replace","path":"members","value":`+list+`}`))
	c.checkMembers("PATCH", g, users[1:]...)
	c.must(200, "PUT", path,
		`{"members":`+string(mustJSON(t, memberList(users)))+`,"displayName":"J","schemas":["`+groupURN+`"]}`)
	c.checkMembers("PUT", g, users...)
	c.must(200, "PATCH", path, patch(`{"op":"replace","path":"members","value":[{"value":"`+users[0]+`"}]}`))
}
