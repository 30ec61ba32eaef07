package scimapi_test

import (
	"strings"
	"testing"

	"rollcall/directory/schema"
	"rollcall/scimapi"
)

// The dialogues of real clients (client-quirks 14), as they send them.

func TestEntraUser(t *testing.T) { // T-01
	c := serve(t, scimapi.Options{}).admin(t)
	if r := c.list("/Users", `userName eq "6b0f1b2e-random"`); r.body["totalResults"] != 0.0 {
		t.Errorf("%s", r.raw)
	}
	r := c.must(201, "POST", "/Users", `{"schemas":["`+userURN+`","`+extURN+`"],"externalId":"g","userName":"a@x","active":true,"addresses":null,
		"department":null,"manager":null,"emails":[{"primary":true,"type":"work","value":"a@x"}],"meta":{"resourceType":"User"},"name":{"givenName":"A","familyName":"B"},"roles":[]}`)
	path := "/Users/" + r.body["id"].(string)
	c.must(200, "GET", path, nil)
	r = c.must(200, "PATCH", path, patch(`{"op":"Replace","path":"emails[type eq \"work\"].value","value":"n@x"}`,
		`{"op":"Replace","path":"name.familyName","value":"N"}`, `{"op":"Add","path":"emails[type eq \"home\"].value","value":"h@x"}`))
	if at(r.body, "emails", 0, "value") != "n@x" || at(r.body, "name", "familyName") != "N" || at(r.body, "emails", 1, "type") != "home" {
		t.Errorf("%s", r.raw)
	}
	r = c.must(200, "PATCH", path, patch(`{"op":"Add","path":"`+extURN+`:manager","value":"271"}`))
	if at(r.body, extURN, "manager", "value") != "271" {
		t.Errorf("%s", r.raw)
	}
	for _, want := range []bool{false, true} {
		text := map[bool]string{false: "False", true: "True"}[want]
		c.must(200, "PATCH", path, patch(`{"op":"Replace","path":"active","value":"`+text+`"}`))
		if r := c.must(200, "GET", path, nil); r.body["active"] != want {
			t.Errorf("active %s: %s", text, r.raw)
		}
	}
	c.must(204, "DELETE", path, nil)
	c.refused(404, "", "GET", path, nil)
}

func TestEntraGroup(t *testing.T) { // T-02, T-03
	c := serve(t, scimapi.Options{}).admin(t)
	u, v := c.user("u"), c.user("v")
	c.list("/Groups", `displayName eq "G"`, "excludedAttributes", "members")
	path := "/Groups/" + c.must(201, "POST", "/Groups", `{"schemas":["`+groupURN+`","http://schemas.microsoft.com/2006/11/ResourceManagement/ADSCIM/2.0/Group"],
		"externalId":"g","displayName":"G","meta":{"resourceType":"Group"}}`).body["id"].(string)
	for _, id := range []string{u, v} {
		c.must(200, "PATCH", path, patch(`{"op":"Add","path":"members","value":[{"$ref":null,"value":"`+id+`"}]}`))
	}
	c.must(200, "PATCH", path, patch(`{"op":"Remove","path":"members","value":[{"$ref":null,"value":"`+u+`"}]}`))
	c.checkMembers("value list", strings.TrimPrefix(path, "/Groups/"), v)
	if r := c.must(200, "GET", path+"?excludedAttributes=members", nil); r.body["members"] != nil {
		t.Errorf("%s", r.raw)
	}
	r := c.must(200, "PATCH", "/Users/"+u, patch(`{"op":"replace","value":{"displayName":"B","name.givenName":"K","`+extURN+`:employeeNumber":"7"}}`))
	if r.body["displayName"] != "B" || at(r.body, "name", "givenName") != "K" || at(r.body, extURN, "employeeNumber") != "7" {
		t.Errorf("%s", r.raw)
	}
	c.must(200, "PATCH", path, patch(`{"op":"remove","path":"members[value eq \"`+v+`\"]"}`))
	c.must(204, "DELETE", path, nil)
}

func TestOkta(t *testing.T) { // T-04, T-05, T-06
	c := serve(t, scimapi.Options{}).admin(t)
	c.list("/Users", `userName eq "t@x"`, "startIndex", "1", "count", "100")
	body := `{"schemas":["` + userURN + `"],"userName":"t@x","name":{"givenName":"T"},"emails":[{"primary":true,"value":"t@x","type":"work"}],
		"displayName":"T","locale":"en-US","externalId":"00u","groups":[],"password":"1mz050nq","active":true}`
	id := c.must(201, "POST", "/Users", body, "Content-Type", "application/scim+json; charset=utf-8").body["id"].(string)
	c.refused(409, "uniqueness", "POST", "/Users", body)
	got := c.must(200, "GET", "/Users/"+id, nil)
	got.body["title"] = "Boss"
	if r := c.must(200, "PUT", "/Users/"+id, got.body); r.body["title"] != "Boss" || r.body["id"] != id {
		t.Errorf("%s", r.raw)
	}
	if r := c.must(200, "PATCH", "/Users/"+id, patch(`{"op":"replace","value":{"active":false}}`)); r.body["active"] != false || r.body["title"] != "Boss" {
		t.Errorf("%s", r.raw)
	}
	c.must(200, "PATCH", "/Users/"+id, patch(`{"op":"replace","value":{"active":true}}`))

	u := c.user("u2")
	g := c.group("Push")
	path := "/Groups/" + g
	c.must(200, "PATCH", path, patch(`{"op":"replace","value":{"id":"`+g+`","displayName":"Push 2"}}`))
	c.must(200, "PATCH", path, patch(`{"op":"remove","path":"members[value eq \"`+u+`\"]"}`, `{"op":"add","path":"members","value":[{"value":"`+id+`","display":"t@x"}]}`))
	c.checkMembers("push", g, id)
	c.must(200, "PATCH", path, patch(`{"op":"replace","path":"members","value":[{"value":"`+u+`"},{"value":"`+id+`"}]}`))
	c.must(200, "PATCH", path, patch(`{"op":"replace","path":"members","value":[]}`))
	c.checkMembers("emptied", g)
	c.must(200, "PUT", path, `{"schemas":["`+groupURN+`"],"displayName":"Push","members":[{"value":"`+u+`","display":"u"}]}`)
	c.checkMembers("PUT", g, u)
}

func TestAuthentikAndJumpCloud(t *testing.T) { // T-07, T-08
	c := serve(t, scimapi.Options{}).admin(t)
	c.must(200, "GET", "/ServiceProviderConfig", nil)
	user := `{"schemas":["` + userURN + `"],"userName":"alice"}`
	id := c.must(201, "POST", "/Users", user).body["id"].(string)
	c.refused(409, "uniqueness", "POST", "/Users", user)
	if r := c.list("/Users", `userName eq alice`); at(r.body, "Resources", 0, "id") != id {
		t.Errorf("%s", r.raw)
	}
	c.must(200, "PUT", "/Users/"+id, user)
	g := c.group("G")
	c.must(200, "PATCH", "/Groups/"+g, patch(`{"op":"replace","value":{"id":"`+g+`","displayName":"N","externalId":"e","schemas":["`+groupURN+`"]}}`))
	add := patch(`{"op":"add","path":"members","value":[{"value":"` + id + `"}]}`)
	c.must(200, "PATCH", "/Groups/"+g, add)
	c.must(200, "PATCH", "/Groups/"+g, add) // JumpCloud repeats
	c.checkMembers("added twice", g, id)
	c.must(200, "PATCH", "/Groups/"+g, patch(`{"op":"remove","path":"members","value":[{"value":"`+id+`"}]}`))
	c.checkMembers("removed", g)
	c.must(204, "DELETE", "/Users/"+id, nil)
	c.must(204, "DELETE", "/Groups/"+g, nil)
	c.must(201, "POST", "/Users", user)
}

func TestPing(t *testing.T) { // T-10
	c := serve(t, scimapi.Options{}).admin(t)
	id := c.user("p", "emails", []any{map[string]any{"value": "p@x", "type": "work"}})
	c.refused(404, "", "GET", "/Users/0", nil)
	if r := c.list("/Users", `emails eq "p@x"`); at(r.body, "Resources", 0, "id") != id {
		t.Errorf("%s", r.raw)
	}
	r := c.request("POST", "/Users", `{"schemas":["`+userURN+`"],"userName":"two","emails":[{"value":"a@x","primary":true},{"value":"b@x","primary":true}]}`)
	if r.status != 400 && strings.Count(string(r.raw), `"primary":true`) > 1 { // R7643-2.4-01
		t.Errorf("%s", r.raw)
	}
}

// With a strict credential the leniencies are off (client-quirks 13).
func TestStrict(t *testing.T) {
	s := serve(t, scimapi.Options{})
	id := s.admin(t).user("a")
	c := s.client(t, "default", "write", schema.Document{"strict": true})
	c.refused(400, "invalidFilter", "GET", `/Users?filter=userName+eq+a`, nil)
	c.refused(400, "invalidSyntax", "POST", "/Users", `{"schemas":["`+userURN+`"],"userName":"b","foo":1}`)
	c.refused(400, "invalidValue", "PATCH", "/Users/"+id, patch(`{"op":"replace","path":"active","value":"False"}`))
	c.refused(400, "noTarget", "PATCH", "/Users/"+id, patch(`{"op":"replace","path":"emails[type eq \"work\"].value","value":"x@y"}`))
	c.must(200, "PATCH", "/Users/"+id, patch(`{"op":"REPLACE","path":"active","value":false}`))
}
