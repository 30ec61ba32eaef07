package scimapi_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"rollcall/directory"
	"rollcall/directory/schema"
	"rollcall/scimapi"
)

// standard are the schemas that a client with a fixed model of RFC 7643 knows.
var standard = []string{userURN, groupURN, extURN}

// closed fails unless a client that knows only the standard schemas can read the resource: no other schema is listed,
// no other extension is there, and every extension that is there is listed.
func closed(t *testing.T, what string, resource any) {
	t.Helper()
	m, ok := resource.(map[string]any)
	if !ok {
		t.Fatalf("%s: no resource", what)
	}
	listed := fmt.Sprint(m["schemas"])
	for _, urn := range m["schemas"].([]any) {
		if !slices.Contains(standard, urn.(string)) {
			t.Errorf("%s: lists %s", what, urn)
		}
	}
	for name := range m {
		if strings.HasPrefix(name, "urn:") && (!slices.Contains(standard, name) || !strings.Contains(listed, name)) {
			t.Errorf("%s: has %s, lists %s", what, name, listed)
		}
	}
}

// What nobody asked for is standard, in every reply that has a User or Group.
func TestDefaultRepresentationIsStandard(t *testing.T) { // R7643-7-13
	s := serve(t, scimapi.Options{})
	admin := s.admin(t)
	for scope, c := range map[string]*client{"admin": admin, "write": s.client(t, "default", "write", nil)} {
		id := admin.user(scope+"1", "roles", []any{map[string]any{"value": "administrator"}}, extURN,
			map[string]any{"department": "D"})
		group := admin.must(201, "POST", "/Groups", map[string]any{"schemas": []string{groupURN, accessURN},
			"displayName": scope, accessURN: map[string]any{"protected": true}, "members": memberList([]string{id})})
		gid := group.body["id"].(string)
		user := map[string]any{"schemas": []string{userURN}, "userName": scope + "2"}
		for what, r := range map[string]reply{
			"POST":      c.must(201, "POST", "/Users", user),
			"GET":       c.must(200, "GET", "/Users/"+id, nil),
			"GET group": c.must(200, "GET", "/Groups/"+gid, nil),
			"PATCH":     c.must(200, "PATCH", "/Users/"+id, patch(`{"op":"add","path":"title","value":"x"}`)),
			"excluded":  c.must(200, "GET", "/Users/"+id+"?excludedAttributes=title", nil),
			"minimal":   c.must(200, "GET", "/Users/"+id+"?attributes=title,"+extURN, nil),
		} {
			closed(t, scope+" "+what, r.body)
		}
		for _, path := range []string{"/Users", "/Groups", "/Users?sortBy=userName", "/", "/Users?cursor="} {
			for _, r := range c.must(200, "GET", path, nil).body["Resources"].([]any) {
				if typ := at(r, "meta", "resourceType"); typ == "User" || typ == "Group" {
					closed(t, scope+" "+path, r)
				}
			}
		}
		bulk := c.must(200, "POST", "/Bulk", map[string]any{
			"schemas": []string{"urn:ietf:params:scim:api:messages:2.0:BulkRequest"},
			"Operations": []any{map[string]any{"method": "POST", "path": "/Users", "bulkId": "a",
				"data": map[string]any{"schemas": []string{userURN}, "userName": scope + "3"}}}},
			"Prefer", "return=representation")
		closed(t, scope+" Bulk", at(bulk.body, "Operations", 0, "response"))
	}
}

// By its name, or that of an attribute, an extension is shown and listed.
func TestExtensionOnRequest(t *testing.T) {
	c := serve(t, scimapi.Options{}).admin(t)
	id := c.user("a", "roles", []any{map[string]any{"value": "helper"}}, extURN, map[string]any{"department": "D"})
	for names, want := range map[string]string{
		schema.OriginURN:                                   schema.OriginURN,
		schema.OriginURN + ":source":                       schema.OriginURN,
		schema.AccessURN + ":effectiveRoles":               schema.AccessURN,
		schema.AccessURN + "," + schema.OriginURN:          schema.OriginURN + " " + schema.AccessURN,
		schema.OriginURN + ":links":                        "", // it has none
		"userName":                                         "",
		strings.ToUpper(schema.OriginURN) + ",displayName": schema.OriginURN,
	} {
		for _, body := range []any{c.must(200, "GET", "/Users/"+id+"?attributes="+names, nil).body,
			at(c.must(200, "GET", "/Users?attributes="+names, nil).body, "Resources", 0)} {
			var shown, listed []string
			for _, urn := range []string{schema.OriginURN, schema.AccessURN} {
				if at(body, urn) != nil {
					shown = append(shown, urn)
				}
				if slices.Contains(at(body, "schemas").([]any), any(urn)) {
					listed = append(listed, urn)
				}
			}
			if got := strings.Join(shown, " "); got != want || !slices.Equal(shown, listed) {
				t.Errorf("%s: shows %v, lists %v, want %s", names, shown, listed, want)
			}
		}
	}
	// They are for filters and sorting, asked for or not.
	if got := ids(c.list("/Users", schema.OriginURN+`:source eq "scim"`).body["Resources"]); !slices.Equal(got,
		[]string{id}) {
		t.Errorf("by source: %v", got)
	}
}

// A change that sets an extension shows it, and one that does not does not (RFC 7643 §7).
func TestExtensionThatIsSetIsReturned(t *testing.T) {
	c := serve(t, scimapi.Options{}).admin(t)
	body := func(more ...any) map[string]any {
		doc := map[string]any{"schemas": []string{groupURN}, "displayName": "G"}
		for i := 0; i < len(more); i += 2 {
			doc[more[i].(string)] = more[i+1]
		}
		return doc
	}
	protected, open := map[string]any{"protected": true}, map[string]any{"protected": false}
	path := ""
	for _, step := range []struct {
		name, method  string
		body          any
		shown, stored any // of the extension: in the reply, and afterwards
	}{
		{"POST with it", "POST", body(accessURN, protected), protected, protected},
		{"PUT without it", "PUT", body("displayName", "H"), nil, protected},
		{"PUT with it", "PUT", body(accessURN, open), open, open},
		{"PATCH of it", "PATCH", patch(`{"op":"add","path":"` + accessURN + `:protected","value":true}`), protected,
			protected},
		{"PATCH of another attribute", "PATCH", patch(`{"op":"add","path":"displayName","value":"I"}`), nil, protected},
		{"PATCH that repeats schemas", "PATCH",
			patch(`{"op":"replace","path":"schemas","value":["` + groupURN + `"]}`), nil, protected},
		{"PUT that lists it", "PUT", body("schemas", []string{groupURN, accessURN}), nil, nil},
		{"PUT with it again", "PUT", body(strings.ToLower(accessURN), protected), protected, protected},
		{"PUT with null", "PUT", body(accessURN, nil), nil, nil},
		{"PATCH without a path", "PATCH",
			patch(`{"op":"replace","value":{"` + accessURN + `":{"protected":true}}}`), protected, protected},
		{"PATCH that takes it from schemas", "PATCH",
			patch(`{"op":"remove","path":"schemas[value eq \"` + accessURN + `\"]"}`), nil, nil},
		{"PATCH with it again", "PATCH", patch(`{"op":"add","path":"` + accessURN + `","value":{"protected":true}}`),
			protected, protected},
		{"PATCH that removes it", "PATCH", patch(`{"op":"remove","path":"` + accessURN + `"}`), nil, nil},
	} {
		var r reply
		if step.method == "POST" {
			r = c.must(201, "POST", "/Groups", step.body)
			path = "/Groups/" + r.body["id"].(string)
		} else {
			r = c.must(200, step.method, path, step.body)
		}
		if got := fmt.Sprint(r.body[accessURN]); got != fmt.Sprint(step.shown) ||
			strings.Contains(fmt.Sprint(r.body["schemas"]), accessURN) != (step.shown != nil) {
			t.Errorf("%s is answered %s", step.name, r.raw)
		}
		after := c.must(200, "GET", path+"?attributes="+accessURN, nil)
		if got := fmt.Sprint(after.body[accessURN]); got != fmt.Sprint(step.stored) {
			t.Errorf("%s leaves %s, want %v", step.name, after.raw, step.stored)
		}
	}
}

// Whatever an administrator reads, edits and writes back, no rights are lost that the body does not name.
func TestPutStripsNoRights(t *testing.T) {
	s := serve(t, scimapi.Options{})
	admin := s.admin(t)
	connection, _ := directory.ParseID(admin.must(201, "POST", "/IdentityProviders",
		`{"schemas":["urn:rollcall:params:scim:schemas:core:1.0:IdentityProvider"],`+
			`"displayName":"IdP"}`).body["id"].(string))
	r := rand.New(rand.NewPCG(13, 2))
	var users, groups []string
	for i := range 4 {
		users = append(users, admin.user(fmt.Sprint("u", i)))
	}
	for i, access := range []map[string]any{{"roles": []any{map[string]any{"value": "administrator"}}},
		{"roles": []any{map[string]any{"value": "auditor"}}, "protected": true}, {"protected": true}} {
		groups = append(groups, admin.must(201, "POST", "/Groups", map[string]any{"displayName": fmt.Sprint("g", i),
			"schemas": []string{groupURN, accessURN}, accessURN: access,
			"members": memberList(users[i : i+1])}).body["id"].(string))
	}
	access := func() (all []string) {
		for _, g := range groups {
			all = append(all, string(mustJSON(t, admin.must(200, "GET", "/Groups/"+g+"?attributes="+accessURN,
				nil).body[accessURN])))
		}
		return all
	}
	before, gave := s.rights(t, connection, users), access()
	for i := range 60 {
		path, attr := "/Groups/"+groups[r.IntN(len(groups))], "displayName"
		if r.IntN(3) == 0 {
			path, attr = "/Users/"+users[r.IntN(len(users))], "title"
		}
		query := []string{"", "?excludedAttributes=meta", "?excludedAttributes=schemas," + accessURN,
			"?attributes=userName,displayName,members,roles,title,active"}[r.IntN(4)]
		doc := admin.must(200, "GET", path+query, nil).body
		doc[attr] = fmt.Sprint("edited ", i)
		if r.IntN(2) == 0 {
			admin.must(200, "PUT", path, doc)
			continue
		}
		bulk := admin.must(200, "POST", "/Bulk", map[string]any{
			"schemas":    []string{"urn:ietf:params:scim:api:messages:2.0:BulkRequest"},
			"Operations": []any{map[string]any{"method": "PUT", "path": path, "data": doc}}})
		if at(bulk.body, "Operations", 0, "status") != "200" {
			t.Fatalf("%s", bulk.raw)
		}
	}
	if now := s.rights(t, connection, users); fmt.Sprint(now) != fmt.Sprint(before) {
		t.Errorf("rights were %v and are %v", before, now)
	}
	if now := access(); !slices.Equal(now, gave) {
		t.Errorf("the groups gave %s and give %s", gave, now)
	}
}
