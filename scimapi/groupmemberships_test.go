package scimapi_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/url"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"rollcall/directory"
	"rollcall/directory/directorytest"
	"rollcall/directory/schema"
	"rollcall/samlhook"
	"rollcall/scimapi"
)

const (
	membershipURN = "urn:ietf:params:scim:schemas:core:2.0:GroupMembership"
	grantURN      = "urn:rollcall:params:scim:schemas:extension:1.0:Grant"
)

func membership(group, member string) map[string]any {
	return map[string]any{"schemas": []string{membershipURN}, "group": map[string]any{"value": group},
		"member": map[string]any{"value": member}}
}

func postMembership(bulkID, group, member string) string {
	return bulkOp("POST", "/GroupMemberships", membership(group, member), "bulkId", bulkID)
}

// pairs are the group and member of every resource of a list, as "group/member".
func pairs(list any) (all []string) {
	resources, _ := list.([]any)
	for _, r := range resources {
		all = append(all, fmt.Sprint(at(r, "group", "value"), "/", at(r, "member", "value")))
	}
	return all
}

// pathOf divides a path for at.
func pathOf(path string) (parts []any) {
	for part := range strings.SplitSeq(path, ".") {
		parts = append(parts, part)
	}
	return parts
}

// memberIDs are the members of a Group in a reply.
func memberIDs(r reply) (all []string) {
	list, _ := r.body["members"].([]any)
	for _, m := range list {
		all = append(all, at(m, "value").(string))
	}
	return all
}

func TestGroupMembership(t *testing.T) {
	c := serve(t, scimapi.Options{}).admin(t)
	u, inner, g := c.user("ann", "displayName", `Ann "},"member":{"value":"`), c.group("inner"), c.group("Tour")
	before := c.must(200, "GET", "/Groups/"+g, nil).header.Get("ETag")

	// The draft's §4.1: 201 with the whole resource.
	r := c.must(201, "POST", "/GroupMemberships", membership(g, u))
	id, _ := r.body["id"].(string)
	if len(id) != 43 || r.header.Get("Location") != c.public+"/GroupMemberships/"+id {
		t.Errorf("%s %v", r.raw, r.header)
	}
	for path, want := range map[string]any{
		"schemas": "[" + membershipURN + "]", "group.value": g, "group.display": "Tour",
		"group.$ref": c.public + "/Groups/" + g, "member.value": u, "member.type": "User",
		"member.$ref": c.public + "/Users/" + u, "member.display": `Ann "},"member":{"value":"`,
		"meta.resourceType": "GroupMembership", "meta.location": c.public + "/GroupMemberships/" + id,
		"meta.version": r.header.Get("ETag"),
	} {
		if got := at(r.body, pathOf(path)...); fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("%s is %v, want %v", path, got, want)
		}
	}
	if at(r.body, "meta", "created") == nil || at(r.body, "meta", "created") != at(r.body, "meta", "lastModified") {
		t.Errorf("meta: %s", r.raw)
	}
	got := c.must(200, "GET", "/GroupMemberships/"+id, nil)
	if string(got.raw) != string(r.raw) || got.header.Get("ETag") != r.header.Get("ETag") {
		t.Errorf("%s\n%s", got.raw, r.raw)
	}
	c.must(304, "GET", "/GroupMemberships/"+id, nil, "If-None-Match", r.header.Get("ETag"))

	// The Group and its version follow.
	now := c.must(200, "GET", "/Groups/"+g, nil)
	if now.header.Get("ETag") == before || fmt.Sprint(memberIDs(now)) != "["+u+"]" {
		t.Errorf("%s", now.raw)
	}
	nested := c.must(201, "POST", "/GroupMemberships", membership(g, inner))
	if at(nested.body, "member", "type") != "Group" || at(nested.body, "member", "$ref") != c.public+"/Groups/"+inner {
		t.Errorf("%s", nested.raw)
	}

	// What is shown can be chosen.
	part := c.must(200, "GET", "/GroupMemberships/"+id+"?attributes=member.value", nil)
	if string(part.raw) != `{"schemas":["`+membershipURN+`"],"id":"`+id+`","member":{"value":"`+u+`"}}` {
		t.Errorf("%s", part.raw)
	}
	if r := c.must(200, "GET", "/GroupMemberships/"+id+"?excludedAttributes=member,meta", nil); r.body["member"] != nil ||
		r.body["meta"] != nil || at(r.body, "group", "value") != g {
		t.Errorf("%s", r.raw)
	}

	// Refusals.
	for _, tc := range []struct {
		name         string
		status       int
		scimType     string
		method, path string
		body         any
		what         string
	}{
		{"twice", 409, "uniqueness", "POST", "", membership(g, u), id},
		{"no such group", 400, "invalidValue", "POST", "", membership(absentID, u), "group.value: no Group has the id " + absentID},
		{"a User as group", 400, "invalidValue", "POST", "", membership(u, u), "group.value"},
		{"no such member", 400, "invalidValue", "POST", "", membership(g, absentID), "member.value"},
		{"no id", 400, "invalidValue", "POST", "", membership("x", u), "group.value: no Group has the id 'x'"},
		{"no group", 400, "invalidValue", "POST", "", map[string]any{"schemas": []string{membershipURN},
			"member": map[string]any{"value": u}}, "group"},
		{"no value", 400, "invalidValue", "POST", "", map[string]any{"schemas": []string{membershipURN},
			"group": map[string]any{}, "member": map[string]any{"value": u}}, "group"},
		{"itself", 400, "invalidValue", "POST", "", membership(g, g), "contain itself"},
		{"a circle", 400, "invalidValue", "POST", "", membership(inner, g), "member.value: "},
		{"PUT", 405, "", "PUT", "/" + id, membership(g, u), "PUT is not allowed"},
		{"PATCH", 405, "", "PATCH", "/" + id, patch(`{"op":"remove","path":"member"}`), "PATCH is not allowed"},
		{"GET of no id", 404, "", "GET", "/x", nil, ""},
		{"GET of another spelling", 404, "", "GET", "/" + id[:42] + "_", nil, ""},
		{"GET of a UUID", 404, "", "GET", "/" + u, nil, ""},
		{"DELETE of no id", 404, "", "DELETE", "/x", nil, ""},
		{"DELETE under another version", 412, "", "DELETE", "/" + id, nil, "If-Match"},
	} {
		header := []string{}
		if tc.status == 412 {
			header = []string{"If-Match", `W/"1"`}
		}
		r := c.request(tc.method, "/GroupMemberships"+tc.path, tc.body, header...)
		scimType, _ := r.body["scimType"].(string)
		if r.status != tc.status || scimType != tc.scimType || !strings.Contains(fmt.Sprint(r.body["detail"]), tc.what) {
			t.Errorf("%s: %d %s", tc.name, r.status, r.raw)
		}
	}

	// The end.
	c.must(204, "DELETE", "/GroupMemberships/"+id, nil, "If-Match", r.header.Get("ETag"))
	c.must(404, "GET", "/GroupMemberships/"+id, nil)
	c.must(404, "DELETE", "/GroupMemberships/"+id, nil)
	if r := c.must(200, "GET", "/Groups/"+g, nil); fmt.Sprint(memberIDs(r)) != "["+inner+"]" {
		t.Errorf("%s", r.raw)
	}
	if again := c.must(201, "POST", "/GroupMemberships", membership(g, u)); again.body["id"] != id {
		t.Errorf("another id: %s", again.raw)
	}
	c.must(204, "DELETE", "/Users/"+u, nil)
	c.must(404, "GET", "/GroupMemberships/"+id, nil)
	if r := c.list("/GroupMemberships", `group.value eq "`+g+`"`); fmt.Sprint(pairs(r.body["Resources"])) !=
		"["+g+"/"+inner+"]" {
		t.Errorf("%s", r.raw)
	}
}

// The Event of a POST is that of a PATCH that adds the member, and so for the removal.
func TestGroupMembershipEvents(t *testing.T) {
	c := serve(t, scimapi.Options{}).admin(t)
	u := c.user("ann")
	event := func(do func(g string)) string {
		g := c.group("g")
		do(g)
		e := c.list("/Events", "", "count", "1").body["Resources"].([]any)[0].(map[string]any)
		return fmt.Sprint(e["action"], at(e, "resource", "type"), at(e, "resource", "value") == g, e["paths"], e["members"])
	}
	add := event(func(g string) {
		c.must(200, "PATCH", "/Groups/"+g, patch(`{"op":"add","path":"members","value":[{"value":"`+u+`"}]}`))
	})
	if got := event(func(g string) { c.must(201, "POST", "/GroupMemberships", membership(g, u)) }); got != add {
		t.Errorf("POST %s, PATCH %s", got, add)
	}
	member := func(g string) string {
		return c.must(201, "POST", "/GroupMemberships", membership(g, u)).body["id"].(string)
	}
	removal := event(func(g string) {
		member(g)
		c.must(200, "PATCH", "/Groups/"+g, patch(`{"op":"remove","path":"members[value eq \"`+u+`\"]"}`))
	})
	if got := event(func(g string) { c.must(204, "DELETE", "/GroupMemberships/"+member(g), nil) }); got != removal {
		t.Errorf("DELETE %s, PATCH %s", got, removal)
	}
}

func TestGroupMembershipQueries(t *testing.T) {
	c := serve(t, scimapi.Options{}).admin(t)
	var users, groups []string
	for i := range 5 {
		users = append(users, c.user(fmt.Sprint("u", i)))
	}
	for i := range 3 {
		groups = append(groups, c.group(fmt.Sprint("g", i), users[i:]...))
	}
	c.must(201, "POST", "/GroupMemberships", membership(groups[0], groups[1]))
	first := c.list("/GroupMemberships", "").body["Resources"].([]any)[0].(map[string]any)
	id := first["id"].(string)
	for _, tc := range []struct {
		filter string
		want   int
	}{
		{"", 13},
		{`group.value eq "` + groups[1] + `"`, 4},
		{`group eq "` + groups[1] + `"`, 4},
		{`group.$ref eq "` + c.public + `/Groups/` + groups[1] + `"`, 4},
		{`group.value eq "` + users[1] + `"`, 0},
		{`member.value eq "` + users[2] + `"`, 3},
		{`member.$ref eq "` + c.public + `/Users/` + users[2] + `"`, 3},
		{`member.value eq "` + groups[1] + `"`, 1},
		{`member.type eq "Group"`, 1},
		{`member.type eq "user"`, 12},
		{`member.type eq "Robot"`, 0},
		{`group.value eq "` + groups[0] + `" and member.type eq "User"`, 5},
		{`group.value eq "` + groups[0] + `" and member.value eq "` + users[0] + `"`, 1},
		{`group.value eq "` + groups[2] + `" and member.value eq "` + users[0] + `"`, 0},
		{`group.value eq "` + groups[0] + `" and group.value eq "` + groups[1] + `"`, 0},
		{`group.value eq "` + groups[0] + `" or group.value eq "` + groups[1] + `"`, 10},
		{`not (group.value eq "` + groups[0] + `")`, 7},
		{`group.value ne "` + groups[0] + `"`, 7},
		{`group.value eq "` + groups[0] + `" and member.display sw "u"`, 5},
		{`group.display eq "g0"`, 6},
		{`member.display eq "U4"`, 3},
		{`id eq "` + id + `"`, 1},
		{`id eq "` + id + `" and member.type eq "Group"`, 0},
		{`meta.resourceType eq "GroupMembership"`, 13},
		{`meta.created gt "2000-01-01T00:00:00Z"`, 13},
		{grantURN + `:grants[by.type eq "SCIM"]`, 13},
		{grantURN + `:grants.by.value pr`, 0},
	} {
		if r := c.list("/GroupMemberships", tc.filter); fmt.Sprint(r.body["totalResults"]) != fmt.Sprint(tc.want) ||
			len(pairs(r.body["Resources"])) != tc.want {
			t.Errorf("%s: %v of %d: %s", tc.filter, r.body["totalResults"], tc.want, r.raw)
		}
		if r := c.list("/GroupMemberships", tc.filter, "count", "0"); fmt.Sprint(r.body["totalResults"]) !=
			fmt.Sprint(tc.want) || pairs(r.body["Resources"]) != nil {
			t.Errorf("count=0, %s: %s", tc.filter, r.raw)
		}
		if tc.filter == "" {
			continue
		}
		if r := c.must(200, "POST", "/GroupMemberships/.search", search("filter", tc.filter)); fmt.Sprint(r.body["totalResults"]) != fmt.Sprint(tc.want) {
			t.Errorf(".search %s: %s", tc.filter, r.raw)
		}
	}
	c.refused(400, "invalidFilter", "GET", "/GroupMemberships?filter="+url.QueryEscape(`nope eq "x"`), nil)

	// In another order, which gathers them.
	r := c.list("/GroupMemberships", "", "sortBy", "member.display", "sortOrder", "descending", "count", "4")
	for _, m := range r.body["Resources"].([]any)[:3] {
		if at(m, "member", "display") != "u4" {
			t.Errorf("%v", m)
		}
	}
	// All types together leave them out, but for a query that asks for nothing else.
	if r := c.must(200, "GET", "/", nil); strings.Contains(string(r.raw), membershipURN) {
		t.Errorf("%s", r.raw)
	}
	if r := c.list("/", `meta.resourceType eq "GroupMembership"`); fmt.Sprint(r.body["totalResults"]) != "13" {
		t.Errorf("%s", r.raw)
	}
}

// A walk by cursor has every membership once, as it was when the walk began, and so has one by index.
func TestGroupMembershipPages(t *testing.T) {
	s := serve(t, scimapi.Options{})
	c := s.admin(t)
	var users, groups []string
	for i := range 7 {
		users = append(users, c.user(fmt.Sprint("u", i)))
	}
	for i := range 4 {
		groups = append(groups, c.group(fmt.Sprint("g", i), users[i:]...))
	}
	for _, filter := range []string{"", `group.value eq "` + groups[0] + `"`, `member.value eq "` + users[6] + `"`,
		`member.type eq "User"`, `group.display sw "g" and member.display ne "u5"`} {
		all := pairs(c.list("/GroupMemberships", filter).body["Resources"])
		for _, count := range []int{1, 2, 3, len(all) - 1, len(all), len(all) + 1} {
			var indexed []string
			for start := 1; start <= len(all); start += count {
				r := c.list("/GroupMemberships", filter, "startIndex", fmt.Sprint(start), "count", fmt.Sprint(count))
				indexed = append(indexed, pairs(r.body["Resources"])...)
				if fmt.Sprint(r.body["totalResults"]) != fmt.Sprint(len(all)) {
					t.Fatalf("%s from %d: %s", filter, start, r.raw)
				}
			}
			var walked []string
			cursor, more := "", true
			for more {
				r := c.list("/GroupMemberships", filter, "cursor", cursor, "count", fmt.Sprint(count))
				walked = append(walked, pairs(r.body["Resources"])...)
				if fmt.Sprint(r.body["totalResults"]) != fmt.Sprint(len(all)) {
					t.Fatalf("%s: %s", filter, r.raw)
				}
				cursor, more = r.body["nextCursor"].(string)
			}
			if !slices.Equal(indexed, all) || !slices.Equal(walked, all) {
				t.Errorf("%q by %d:\n%v\n%v\n%v", filter, count, all, indexed, walked)
			}
		}
	}

	// Changes in between.
	r := c.list("/GroupMemberships", "", "cursor", "", "count", "3")
	want := pairs(c.list("/GroupMemberships", "").body["Resources"])
	got := pairs(r.body["Resources"])
	c.must(204, "DELETE", "/Users/"+users[2], nil)
	c.must(204, "DELETE", "/Groups/"+groups[1], nil)
	c.must(201, "POST", "/GroupMemberships", membership(groups[3], users[0]))
	for cursor, more := r.body["nextCursor"].(string); more; {
		r := c.list("/GroupMemberships", "", "cursor", cursor, "count", "3")
		got = append(got, pairs(r.body["Resources"])...)
		cursor, more = r.body["nextCursor"].(string)
	}
	if !slices.Equal(got, want) {
		t.Errorf("%v\n%v", got, want)
	}
	c.refused(400, "invalidCursor", "GET", "/GroupMemberships?count=2&filter="+url.QueryEscape(`member.type eq "User"`)+
		"&cursor="+url.QueryEscape(r.body["nextCursor"].(string)), nil)
}

// Two writers of one membership: of two POSTs one hears 409, of two DELETEs one hears 404.
func TestGroupMembershipRaces(t *testing.T) {
	c := serve(t, scimapi.Options{}).admin(t)
	u, g := c.user("ann"), c.group("g")
	both := func(method, path string, body any) (statuses []int) {
		results := make([]int, 2)
		var wait sync.WaitGroup
		for i := range results {
			wait.Go(func() { results[i] = c.request(method, path, body).status })
		}
		wait.Wait()
		slices.Sort(results)
		return results
	}
	for range 20 {
		if got := both("POST", "/GroupMemberships", membership(g, u)); fmt.Sprint(got) != "[201 409]" {
			t.Fatalf("POST: %v", got)
		}
		id := c.list("/GroupMemberships", "").body["Resources"].([]any)[0].(map[string]any)["id"].(string)
		if got := both("DELETE", "/GroupMemberships/"+id, nil); fmt.Sprint(got) != "[204 404]" {
			t.Fatalf("DELETE: %v", got)
		}
	}
}

// Who grants a membership, and since when, is told on request; what a connection granted goes with SCIM's grant, and a
// Warning says that the connection will grant it again.
func TestGrants(t *testing.T) {
	var now atomic.Int64
	now.Store(time.Date(2026, 5, 4, 3, 2, 1, 0, time.UTC).Unix())
	store := directorytest.Open(t, directorytest.Client(t), directory.Options{Root: directorytest.Root(),
		Now: func() time.Time { return time.Unix(now.Load(), 0) }})
	signIn, err := samlhook.New(store, samlhook.Options{PublicURL: publicURL})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(signIn.Close)
	s := serveStore(t, store, scimapi.Options{Hooks: map[string]scimapi.Hook{
		schema.IdentityProviderType: {Grants: signIn.GrantsGroup}}})
	d, c := store.Organization("default"), s.admin(t)
	u, v, g := c.user("ann"), c.user("bob"), c.group("g")
	connection := c.must(201, "POST", "/IdentityProviders", map[string]any{
		"schemas": []string{core + "IdentityProvider"}, "displayName": "Okta", "jit": map[string]any{"enabled": true},
		"groupSync": map[string]any{"mode": "add"}}).body["id"].(string)
	byConnection := func(user string) {
		t.Helper()
		by, _ := directory.ParseID(connection)
		group, _ := directory.ParseID(g)
		member, _ := directory.ParseID(user)
		if _, err := d.Update(t.Context(), func(tx *directory.Tx) error {
			r, err := tx.Get("Group", group)
			if err != nil {
				return err
			}
			tx.GrantBy(by)
			return tx.AddMembers(r, []directory.ID{member})
		}); err != nil {
			t.Fatal(err)
		}
	}
	byConnection(u)
	version := c.must(200, "GET", "/Groups/"+g, nil).header.Get("ETag")
	find := func() (id, grants, etag string) {
		t.Helper()
		r := c.list("/GroupMemberships", `member.value eq "`+u+`"`, "attributes", grantURN+":grants,meta")
		m := r.body["Resources"].([]any)[0]
		text, err := json.Marshal(at(m, grantURN, "grants"))
		if err != nil || !strings.Contains(fmt.Sprint(at(m, "schemas")), grantURN) {
			t.Errorf("%v %s", err, r.raw)
		}
		return at(m, "id").(string), string(text), at(m, "meta", "version").(string)
	}

	// Only a connection grants it: POST adds SCIM's grant.
	id, grants, etag := find()
	okta := `{"by":{"display":"Okta","type":"IdentityProvider","value":"` + connection + `"},"since":"2026-05-04T03:02:01.000Z"}`
	if grants != "["+okta+"]" {
		t.Errorf("%s", grants)
	}
	now.Add(60)
	r := c.must(201, "POST", "/GroupMemberships", membership(g, u))
	if r.body["id"] != id || at(r.body, "meta", "created") != "2026-05-04T03:02:01.000Z" || r.body[grantURN] != nil {
		t.Errorf("%s", r.raw)
	}
	_, grants, after := find()
	if grants != `[{"by":{"type":"SCIM"},"since":"2026-05-04T03:03:01.000Z"},`+okta+"]" || after == etag ||
		after != r.header.Get("ETag") {
		t.Errorf("%s %s %s", grants, etag, after)
	}
	if now := c.must(200, "GET", "/Groups/"+g, nil).header.Get("ETag"); now != version {
		t.Errorf("the Group has another version, but the same members: %s, %s", version, now)
	}
	c.refused(409, "uniqueness", "POST", "/GroupMemberships", membership(g, u))
	c.refused(412, "", "DELETE", "/GroupMemberships/"+id, nil, "If-Match", etag)

	// It can be asked who granted what.
	c.must(201, "POST", "/GroupMemberships", membership(g, v))
	for filter, want := range map[string]string{
		grantURN + `:grants.by.value eq "` + connection + `"`:                        u,
		`grants.by.value eq "` + connection + `"`:                                    u,
		`group.value eq "` + g + `" and ` + grantURN + `:grants.by.value eq "x"`:     "",
		grantURN + `:grants.since lt "2026-05-04T03:03:00Z"`:                         u,
		`not (` + grantURN + `:grants[by.type eq "IdentityProvider"])`:               v,
		`member.value eq "` + v + `" and ` + grantURN + `:grants[by.type eq "SCIM"]`: v,
	} {
		if got := texts(c.list("/GroupMemberships", filter), "member", "value"); got != want {
			t.Errorf("%s: %q, want %q", filter, got, want)
		}
	}

	// All grants go, whichever door it is.
	warning := "299 rollcall \"the connection " + connection + " makes people members of the group " + g +
		" again when they sign in\""
	for name, remove := range map[string]func() reply{
		"DELETE": func() reply { return c.must(204, "DELETE", "/GroupMemberships/"+id, nil) },
		"PATCH": func() reply {
			return c.must(200, "PATCH", "/Groups/"+g, patch(`{"op":"remove","path":"members[value eq \"`+u+`\"]"}`))
		},
		"PUT": func() reply {
			return c.must(200, "PUT", "/Groups/"+g, map[string]any{"schemas": []string{groupURN}, "displayName": "g",
				"members": memberList([]string{v})})
		},
		"Bulk": func() reply {
			return c.must(200, "POST", "/Bulk", `{"schemas":["`+bulkURN+`"],"Operations":[`+
				bulkOp("DELETE", "/GroupMemberships/"+id, nil)+`]}`)
		},
	} {
		r := remove()
		if got := r.header.Values("Warning"); len(got) != 1 || got[0] != warning {
			t.Errorf("%s: %q", name, got)
		}
		c.must(404, "GET", "/GroupMemberships/"+id, nil)
		byConnection(u)
	}
	for what, change := range map[string]string{
		"off":           `{"op":"replace","path":"groupSync.mode","value":"none"}`,
		"other groups":  `{"op":"replace","path":"groupSync","value":{"mode":"full","allow":["x"]}}`,
		"not enabled":   `{"op":"replace","value":{"enabled":false,"groupSync":{"mode":"full","allow":["g"]}}}`,
		"no one is new": `{"op":"replace","value":{"enabled":true,"jit":{"enabled":false}}}`,
	} {
		c.must(200, "PATCH", "/IdentityProviders/"+connection, patch(change))
		if got := c.must(204, "DELETE", "/GroupMemberships/"+id, nil).header.Values("Warning"); got != nil {
			t.Errorf("%s: %q", what, got)
		}
		byConnection(u)
		c.must(200, "PATCH", "/IdentityProviders/"+connection, patch(`{"op":"replace","value":{"enabled":true,`+
			`"jit":{"enabled":true},"groupSync":{"mode":"add"}}}`))
	}

	// With the connection goes what it granted alone, at once.
	c.must(204, "DELETE", "/IdentityProviders/"+connection, nil)
	c.must(404, "GET", "/GroupMemberships/"+id, nil)
	if r := c.list("/GroupMemberships", ""); fmt.Sprint(r.body["totalResults"]) != "1" {
		t.Errorf("%s", r.raw)
	}
}

func TestGroupMembershipBulk(t *testing.T) {
	c := serve(t, scimapi.Options{}).admin(t)
	old, g := c.user("old"), c.group("g")
	there := c.must(201, "POST", "/GroupMemberships", membership(g, old)).body["id"].(string)
	gone, stays := c.user("gone"), c.user("stays")
	rs := c.bulk("",
		postMembership("m", "bulkId:new", "bulkId:u"), // both ends are made by later operations
		bulkOp("DELETE", "/GroupMemberships/bulkId:m2", nil),
		postGroup("new", "new"), postUser("u", "u"), postUser("v", "v"),
		postMembership("m2", "bulkId:new", "bulkId:v"),
		postMembership("m3", "bulkId:new", g),
		postMembership("again", g, old),
		bulkOp("DELETE", "/GroupMemberships/"+there, nil),
		postMembership("back", g, old),
		bulkOp("DELETE", "/Users/"+gone, nil),
		postMembership("late", g, gone),
		bulkOp("PATCH", "/Groups/"+g, patch(`{"op":"add","path":"members","value":[{"value":"`+stays+`"}]}`)),
		postMembership("twice", g, stays),
		bulkOp("DELETE", "/GroupMemberships/nosuch", nil),
		bulkOp("PATCH", "/GroupMemberships/"+there, patch(`{"op":"remove","path":"member"}`)),
		postMembership("bad", "bulkId:nosuch", old))
	c.checkBulk("memberships", "201 204 201 201 201 201 201 409/uniqueness 204 201 204 400/invalidValue 200 "+
		"409/uniqueness 404 405 400/invalidValue", rs)
	made := c.must(200, "GET", strings.TrimPrefix(at(rs[0], "location").(string), c.public), nil)
	if made.header.Get("ETag") != at(rs[0], "version") || at(made.body, "member", "value") != idOf(rs[3]) {
		t.Errorf("%s %v", made.raw, rs[0])
	}
	if at(rs[1], "location") != at(rs[5], "location") {
		t.Errorf("%v %v", rs[1], rs[5])
	}
	want := []string{idOf(rs[2]) + "/" + idOf(rs[3]), idOf(rs[2]) + "/" + g, g + "/" + old, g + "/" + stays}
	got := pairs(c.list("/GroupMemberships", "").body["Resources"])
	slices.Sort(want)
	if slices.Sort(got); !slices.Equal(got, want) {
		t.Errorf("%v\n%v", got, want)
	}

	// Many of one Group share a transaction, and a representation comes on request.
	var ops []string
	for i := range 40 {
		ops = append(ops, postMembership(fmt.Sprint("n", i), g, c.user(fmt.Sprint("n", i))))
	}
	r := c.must(200, "POST", "/Bulk", `{"schemas":["`+bulkURN+`"],"Operations":[`+strings.Join(ops, ",")+`]}`,
		"Prefer", "return=representation")
	rs = r.body["Operations"].([]any)
	for _, o := range rs {
		if at(o, "status") != "201" || at(o, "response", "group", "value") != g || at(o, "version") != at(o, "response",
			"meta", "version") {
			t.Fatalf("%v", o)
		}
	}
	if events := c.list("/Events", `resource.value eq "`+g+`"`, "count", "1").body["Resources"].([]any)[0]; len(
		at(events, "members", "added").([]any)) != 40 {
		t.Errorf("not one transaction: %v", events)
	}
}

// Whatever is done through both doors, the memberships are those of a naive model, and each door shows the same.
func TestGroupMembershipModel(t *testing.T) {
	c := serve(t, scimapi.Options{}).admin(t)
	r := rand.New(rand.NewPCG(1, 2))
	var users, groups []string
	for i := range 6 {
		users = append(users, c.user(fmt.Sprint("u", i)))
	}
	for i := range 4 {
		groups = append(groups, c.group(fmt.Sprint("g", i)))
	}
	model := map[string]string{} // "group/member" by id
	known := map[string]string{} // the id by "group/member"
	pick := func(list []string) string { return list[r.IntN(len(list))] }
	for step := range 300 {
		g, u := pick(groups), pick(users)
		pair := g + "/" + u
		_, is := model[pair]
		want, got := 0, reply{}
		switch r.IntN(6) {
		case 0, 1:
			if want = 201; is {
				want = 409
			}
			if got = c.request("POST", "/GroupMemberships", membership(g, u)); got.status == 201 {
				model[pair] = got.body["id"].(string)
				if known[pair] != "" && known[pair] != model[pair] {
					t.Fatalf("another id: %s, %s", known[pair], model[pair])
				}
				known[pair] = model[pair]
			}
		case 2:
			if known[pair] == "" {
				continue
			}
			if want = 204; !is {
				want = 404
			}
			got = c.request("DELETE", "/GroupMemberships/"+known[pair], nil)
			delete(model, pair)
		case 3:
			want = 200
			got = c.request("PATCH", "/Groups/"+g, patch(`{"op":"add","path":"members","value":[{"value":"`+u+`"}]}`))
			if !is {
				model[pair] = known[pair]
			}
		case 4:
			want = 200
			got = c.request("PATCH", "/Groups/"+g, patch(`{"op":"remove","path":"members[value eq \"`+u+`\"]"}`))
			delete(model, pair)
		case 5:
			if step%50 != 0 {
				continue
			}
			want = 204 // and another one in its place
			got = c.request("DELETE", "/Users/"+u, nil)
			for p := range model {
				if strings.HasSuffix(p, "/"+u) {
					delete(model, p)
				}
			}
			users[slices.Index(users, u)] = c.user(fmt.Sprint("v", step))
		}
		if got.status != want {
			t.Fatalf("step %d: %d %s, want %d", step, got.status, got.raw, want)
		}

		// Every way to ask.
		if step%10 != 0 {
			continue
		}
		count := func(cond func(pair string) bool) (n int) {
			for p := range model {
				if cond(p) {
					n++
				}
			}
			return n
		}
		for filter, want := range map[string]int{
			"":                            len(model),
			`group.value eq "` + g + `"`:  count(func(p string) bool { return strings.HasPrefix(p, g) }),
			`member.value eq "` + u + `"`: count(func(p string) bool { return strings.HasSuffix(p, u) }),
			`member.value ne "` + u + `"`: count(func(p string) bool { return !strings.HasSuffix(p, u) }),
			`not (group.value eq "` + g + `") and member.value eq "` + u + `"`: count(func(p string) bool {
				return !strings.HasPrefix(p, g) && strings.HasSuffix(p, u)
			}),
		} {
			list := c.list("/GroupMemberships", filter, "count", "100")
			if got := len(pairs(list.body["Resources"])); got != want || fmt.Sprint(list.body["totalResults"]) !=
				fmt.Sprint(want) {
				t.Fatalf("step %d: %s: %d and total %v, want %d", step, filter, got, list.body["totalResults"], want)
			}
		}
		if members := memberIDs(c.must(200, "GET", "/Groups/"+g, nil)); len(members) !=
			count(func(p string) bool { return strings.HasPrefix(p, g) }) {
			t.Fatalf("step %d: members %v", step, members)
		}
	}
}

// Where the organization says so, replies leave the members of larger groups to /GroupMemberships, unless they are asked
// for by name.
func TestMembersInline(t *testing.T) {
	s := serve(t, scimapi.Options{})
	c := s.admin(t)
	var users []string
	for i := range 3 {
		users = append(users, c.user(fmt.Sprint("u", i)))
	}
	small, large := c.group("small", users[:2]...), c.group("large", users...)
	organization := "/Organizations/" + ids(c.list("/Organizations", "").body["Resources"])[0]
	const extension = "urn:ietf:params:scim:schemas:extension:groupMemberships:2.0:Group"
	before := c.must(200, "GET", "/Groups/"+large, nil)
	if len(memberIDs(before)) != 3 || strings.Contains(string(before.raw), extension) {
		t.Errorf("%s", before.raw)
	}
	for _, wrong := range []string{"0", "-1"} {
		c.refused(400, "invalidValue", "PATCH", organization,
			patch(`{"op":"add","path":"membersInline","value":`+wrong+`}`))
	}
	c.must(200, "PATCH", organization, patch(`{"op":"add","path":"membersInline","value":2}`))

	// One Group, and all of them.
	r := c.must(200, "GET", "/Groups/"+large, nil)
	all := c.list("/Groups", "").body["Resources"].([]any)
	for _, body := range []any{r.body, all[1]} {
		if at(body, "members") != nil || at(body, extension, "externallyManaged") != true ||
			!slices.Contains(at(body, "schemas").([]any), any(extension)) {
			t.Errorf("%v", body)
		}
	}
	if len(all[0].(map[string]any)["members"].([]any)) != 2 || at(all[0], extension) != nil {
		t.Errorf("%v", all[0])
	}
	if r := c.must(200, "GET", "/Groups/"+small, nil); len(memberIDs(r)) != 2 || r.body[extension] != nil {
		t.Errorf("%s", r.raw)
	}
	for _, query := range []string{"attributes=members", "attributes=displayName,members.value",
		"attributes=" + groupURN + ":members"} {
		if r := c.must(200, "GET", "/Groups/"+large+"?"+query, nil); len(memberIDs(r)) != 3 {
			t.Errorf("%s: %s", query, r.raw)
		}
	}
	if r := c.must(200, "GET", "/Groups/"+large+"?excludedAttributes="+extension, nil); r.body[extension] != nil ||
		r.body["members"] != nil {
		t.Errorf("%s", r.raw)
	}

	// They can be changed and asked about as before.
	for filter, want := range map[string]string{
		extension + `:externallyManaged eq true`:       large,
		`not (` + extension + `:externallyManaged pr)`: small,
		`members.value eq "` + users[2] + `"`:          large,
	} {
		if got := texts(c.list("/Groups", filter), "id"); got != want {
			t.Errorf("%s: %s", filter, got)
		}
	}
	r = c.must(200, "PUT", "/Groups/"+large, map[string]any{"schemas": []string{groupURN, extension}, "displayName": "large",
		"members": memberList(users), extension: map[string]any{"externallyManaged": false}})
	if at(r.body, extension, "externallyManaged") != true {
		t.Errorf("%s", r.raw)
	}
	c.must(200, "PATCH", "/Groups/"+large, patch(`{"op":"remove","path":"members[value eq \"`+users[0]+`\"]"}`))
	if r := c.must(200, "GET", "/Groups/"+large, nil); len(memberIDs(r)) != 2 || r.body[extension] != nil {
		t.Errorf("%s", r.raw)
	}
	c.must(201, "POST", "/GroupMemberships", membership(large, users[0]))
	c.must(200, "PATCH", organization, patch(`{"op":"remove","path":"membersInline"}`))
	if r := c.must(200, "GET", "/Groups/"+large, nil); len(memberIDs(r)) != 3 {
		t.Errorf("%s", r.raw)
	}
}

// What a PATCH of members may not do, a membership as a resource may not either.
func TestGroupMembershipRights(t *testing.T) {
	s := serve(t, scimapi.Options{})
	admin := s.admin(t)
	u, v := admin.user("ann"), admin.user("bob")
	access := func(name string, value map[string]any, members ...string) string {
		return admin.must(201, "POST", "/Groups", map[string]any{"schemas": []string{groupURN, accessURN},
			"displayName": name, accessURN: value, "members": memberList(members)}).body["id"].(string)
	}
	inner, plain := admin.group("inner", u), admin.group("plain", u)
	groups := map[string]string{
		"with roles": access("roles", map[string]any{"roles": rolesOf("nurse")}, u),
		"protected":  access("protected", map[string]any{"protected": true}, u, v),
		"in one":     inner,
	}
	access("outer", map[string]any{"roles": rolesOf("auditor")}, inner)
	manager := s.session(t, admin, admin.user("m", "roles", rolesOf("manager")))
	auditor := s.session(t, admin, admin.user("x", "roles", rolesOf("auditor")))
	idOf := func(group, member string) string {
		r := admin.list("/GroupMemberships", `group.value eq "`+group+`" and member.value eq "`+member+`"`)
		return ids(r.body["Resources"])[0]
	}
	for name, c := range map[string]*client{"write": s.client(t, "default", "write", nil), "manager": manager} {
		newcomer := admin.user("new " + name)
		for what, g := range groups {
			r := c.refused(403, "", "POST", "/GroupMemberships", membership(g, newcomer))
			same := c.refused(403, "", "PATCH", "/Groups/"+g,
				patch(`{"op":"add","path":"members","value":[{"value":"`+newcomer+`"}]}`))
			if r.body["detail"] != same.body["detail"] {
				t.Errorf("%s, %s: %s, and PATCH %s", name, what, r.raw, same.raw)
			}
			c.refused(403, "", "POST", "/GroupMemberships", membership(g, u)) // says nothing of who is in it
			c.refused(403, "", "DELETE", "/GroupMemberships/"+idOf(g, u), nil)
			c.must(200, "GET", "/GroupMemberships/"+idOf(g, u), nil)
		}
		c.must(201, "POST", "/GroupMemberships", membership(plain, newcomer))
		c.must(204, "DELETE", "/GroupMemberships/"+idOf(plain, newcomer), nil)
	}
	for _, c := range []*client{auditor, s.client(t, "default", "read", nil)} {
		c.refused(403, "", "POST", "/GroupMemberships", membership(plain, v))
		c.refused(403, "", "DELETE", "/GroupMemberships/"+idOf(plain, u), nil)
	}

	// A protected group keeps its last active member, whoever asks.
	protected := groups["protected"]
	admin.must(204, "DELETE", "/GroupMemberships/"+idOf(protected, u), nil)
	last := idOf(protected, v)
	admin.refused(400, "mutability", "DELETE", "/GroupMemberships/"+last, nil)
	admin.must(200, "GET", "/GroupMemberships/"+last, nil)
}
