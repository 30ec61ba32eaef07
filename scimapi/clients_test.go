package scimapi_test

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"sync"
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
	r := c.must(201, "POST", "/Users", `{"schemas":["`+userURN+`","`+extURN+`"],"externalId":"g","userName":"a@x",
		"active":true,"addresses":null,
		"department":null,"manager":null,"emails":[{"primary":true,"type":"work","value":"a@x"}],
			"meta":{"resourceType":"User"},"name":{"givenName":"A","familyName":"B"},"roles":[]}`)
	path := "/Users/" + r.body["id"].(string)
	c.must(200, "GET", path, nil)
	r = c.must(200, "PATCH", path, patch(`{"op":"Replace","path":"emails[type eq \"work\"].value","value":"n@x"}`,
		`{"op":"Replace","path":"name.familyName","value":"N"}`,
		`{"op":"Add","path":"emails[type eq \"home\"].value","value":"h@x"}`))
	if at(r.body, "emails", 0, "value") != "n@x" || at(r.body, "name", "familyName") != "N" ||
		at(r.body, "emails", 1, "type") != "home" {
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

func TestEntraGroup(t *testing.T) { // T-02
	c := serve(t, scimapi.Options{}).admin(t)
	u, v, w := c.user("u"), c.user("v"), c.user("w")
	if r := c.list("/Groups", `displayName eq "G"`, "excludedAttributes", "members"); r.body["totalResults"] != 0.0 {
		t.Errorf("%s", r.raw)
	}
	path := "/Groups/" + c.must(201, "POST", "/Groups", `{"schemas":["`+groupURN+`",
		"http://schemas.microsoft.com/2006/11/ResourceManagement/ADSCIM/2.0/Group"],
		"externalId":"g","displayName":"G","meta":{"resourceType":"Group"}}`).body["id"].(string)
	for _, id := range []string{u, v, w} {
		c.must(200, "PATCH", path, patch(`{"op":"Add","path":"members","value":[{"$ref":null,"value":"`+id+`"}]}`))
	}
	c.must(200, "PATCH", path, patch(`{"op":"Remove","path":"members","value":[{"$ref":null,"value":"`+u+`"}]}`))
	c.checkMembers("value list", strings.TrimPrefix(path, "/Groups/"), v, w)
	if r := c.must(200, "GET", path+"?excludedAttributes=members", nil); r.body["members"] != nil ||
		r.body["externalId"] != "g" {
		t.Errorf("%s", r.raw)
	}
	r := c.list("/Groups", `displayName eq "g"`, "excludedAttributes", "members")
	if at(r.body, "Resources", 0, "members") != nil || r.body["totalResults"] != 1.0 {
		t.Errorf("%s", r.raw)
	}
	for filter, want := range map[string]float64{`members eq "` + v + `"`: 1, `members eq "` + u + `"`: 0} {
		both := `id eq "` + strings.TrimPrefix(path, "/Groups/") + `" and ` + filter
		if r := c.list("/Groups", both, "excludedAttributes", "members"); r.body["totalResults"] != want {
			t.Errorf("%s: %s", filter, r.raw)
		}
	}
	c.must(204, "DELETE", path, nil)
	c.refused(404, "", "GET", path, nil)
}

func TestEntraFlag(t *testing.T) { // T-03
	c := serve(t, scimapi.Options{}).admin(t)
	u, v := c.user("u", "emails", []any{map[string]any{"value": "u@x", "type": "work"}}), c.user("v")
	r := c.must(200, "PATCH", "/Users/"+u+"?aadOptscim062020",
		patch(`{"op":"replace","value":{"displayName":"B","name.givenName":"K","name.familyName":"U",`+
			`"`+extURN+`:employeeNumber":"7"}}`,
			`{"op":"replace","path":"emails[type eq \"work\"].value","value":"n@x"}`))
	if r.body["displayName"] != "B" || at(r.body, "name", "givenName") != "K" ||
		at(r.body, "name", "familyName") != "U" ||
		at(r.body, extURN, "employeeNumber") != "7" || at(r.body, "emails", 0, "value") != "n@x" {
		t.Errorf("%s", r.raw)
	}
	if r := c.must(200, "PATCH", "/Users/"+u,
		patch(`{"op":"replace","path":"active","value":false}`)); r.body["active"] != false {
		t.Errorf("%s", r.raw)
	}
	g := c.group("G", u, v)
	c.must(200, "PATCH", "/Groups/"+g, patch(`{"op":"remove","path":"members[value eq \"`+v+`\"]"}`))
	c.checkMembers("by filter", g, u)
}

func TestOktaUser(t *testing.T) { // T-04
	c := serve(t, scimapi.Options{}).admin(t)
	if r := c.list("/Users", `userName eq "t@x"`, "startIndex", "1", "count", "100"); r.body["totalResults"] != 0.0 ||
		len(r.body["Resources"].([]any)) != 0 {
		t.Errorf("%s", r.raw)
	}
	body := `{"schemas":["` + userURN + `"],"userName":"t@x","name":{"givenName":"T"},"emails":[{"primary":true,
		"value":"t@x","type":"work"}],
		"displayName":"T","locale":"en-US","externalId":"00u","groups":[],"password":"1mz050nq","active":true}`
	r := c.must(201, "POST", "/Users", body, "Content-Type", "application/scim+json; charset=utf-8")
	id := r.body["id"].(string)
	if r.body["active"] != true || strings.Contains(string(r.raw), "1mz050nq") {
		t.Errorf("%s", r.raw)
	}
	c.refused(409, "uniqueness", "POST", "/Users", body)
	got := c.must(200, "GET", "/Users/"+id, nil)
	got.body["title"] = "Boss"
	if r := c.must(200, "PUT", "/Users/"+id, got.body); r.body["title"] != "Boss" || r.body["id"] != id {
		t.Errorf("%s", r.raw)
	}
	if r := c.must(200, "PATCH", "/Users/"+id,
		patch(`{"op":"replace","value":{"active":false}}`)); r.body["active"] != false || r.body["title"] != "Boss" {
		t.Errorf("%s", r.raw)
	}
	if r := c.must(200, "GET", "/Users/"+id, nil); r.body["active"] != false {
		t.Errorf("%s", r.raw)
	}
	if r := c.must(200, "PATCH", "/Users/"+id,
		patch(`{"op":"replace","value":{"active":true}}`)); r.body["active"] != true {
		t.Errorf("%s", r.raw)
	}
}

func TestOktaByPut(t *testing.T) { // T-05
	c := serve(t, scimapi.Options{}).admin(t)
	user := func(active bool, title string) map[string]any {
		return map[string]any{"schemas": []string{userURN}, "userName": "t@x", "title": title, "active": active,
			"groups": []any{},
			"emails": []any{map[string]any{"primary": true, "value": "t@x", "type": "work"}}}
	}
	id := c.must(201, "POST", "/Users", user(true, "A")).body["id"].(string)
	for _, u := range []map[string]any{user(true, "B"), user(false, "B"), user(true, "B")} {
		u["id"] = id
		if r := c.must(200, "PUT", "/Users/"+id, u); r.body["title"] != "B" || r.body["active"] != u["active"] {
			t.Errorf("%s", r.raw)
		}
		if r := c.list("/Users", `userName eq "T@X"`); r.body["totalResults"] != 1.0 ||
			at(r.body, "Resources", 0, "active") != u["active"] {
			t.Errorf("%s", r.raw)
		}
	}
	u2, g := c.user("u2"), c.group("Push")
	for _, members := range [][]string{{id}, {id, u2}, {u2}, {}} {
		list := memberList(members)
		for _, m := range list {
			m["display"] = "whoever"
		}
		c.must(200, "PUT", "/Groups/"+g, map[string]any{"schemas": []string{groupURN}, "id": g, "displayName": "Push",
			"members": list})
		c.checkMembers("PUT", g, members...)
	}
}

func TestOktaPush(t *testing.T) { // T-06
	c := serve(t, scimapi.Options{}).admin(t)
	id, u := c.user("t@x"), c.user("u2")
	g := c.must(201, "POST", "/Groups", `{"schemas":["`+groupURN+`"],"displayName":"Push",`+
		`"members":[]}`).body["id"].(string)
	path := "/Groups/" + g
	if r := c.must(200, "PATCH", path, patch(`{"op":"replace",`+
		`"value":{"id":"`+g+`","displayName":"Push 2"}}`)); r.body["displayName"] != "Push 2" {
		t.Errorf("%s", r.raw)
	}
	c.must(200, "PATCH", path,
		patch(`{"op":"remove","path":"members[value eq \"`+u+`\"]"}`,
			`{"op":"add","path":"members","value":[{"value":"`+id+`","display":"t@x"}]}`))
	c.checkMembers("push", g, id)
	c.must(200, "PATCH", path, patch(`{"op":"replace","path":"members","value":[{"value":"`+u+`","display":"u"},`+
		`{"value":"`+id+`"}]}`))
	c.checkMembers("push now", g, u, id)
	c.must(200, "PATCH", path, patch(`{"op":"replace","value":{"members":[{"value":"`+u+`"}]}}`))
	c.checkMembers("pathless", g, u)
	c.must(200, "PATCH", path, patch(`{"op":"replace","path":"members","value":[]}`))
	c.checkMembers("emptied", g)
	c.must(204, "DELETE", path, nil)
}

func TestAuthentik(t *testing.T) { // T-07
	c := serve(t, scimapi.Options{}).admin(t)
	r := c.must(200, "GET", "/ServiceProviderConfig", nil)
	if n, ok := at(r.body, "bulk", "maxOperations").(float64); !ok || n < 1 ||
		at(r.body, "patch", "supported") != true {
		t.Errorf("%s", r.raw)
	}
	user := `{"schemas":["` + userURN + `"],"userName":"alice","active":true}`
	id := c.must(201, "POST", "/Users", user).body["id"].(string)
	c.refused(409, "uniqueness", "POST", "/Users", user)
	if r := c.list("/Users", `userName eq alice`); at(r.body, "Resources", 0, "id") != id {
		t.Errorf("%s", r.raw)
	}
	if r := c.must(200, "PUT", "/Users/"+id, user); r.body["id"] != id {
		t.Errorf("%s", r.raw)
	}
	bob := c.user("bob")
	g := c.must(201, "POST", "/Groups", `{"schemas":["`+groupURN+`"],"externalId":"e",`+
		`"displayName":"G"}`).body["id"].(string)
	op := func(op, id string) string {
		return `{"op":"` + op + `","path":"members","value":[{"value":"` + id + `"}]}`
	}
	c.must(200, "PATCH", "/Groups/"+g, patch(op("add", id), op("add", bob)))
	c.must(200, "PATCH", "/Groups/"+g, patch(`{"op":"replace","value":{"id":"`+g+`","displayName":"N",`+
		`"externalId":"e","schemas":["`+groupURN+`"]}}`))
	c.checkMembers("GET", g, id, bob)
	c.must(200, "PATCH", "/Groups/"+g, patch(op("remove", id)))
	c.checkMembers("removed", g, bob)
	c.must(200, "PUT", "/Groups/"+g,
		map[string]any{"schemas": []string{groupURN}, "displayName": "N", "members": memberList([]string{id})})
	c.checkMembers("without PATCH", g, id)
	for n, total := 0, 2; n < total; { // the walk that ends only when the total is reached
		r := c.must(200, "GET", fmt.Sprintf("/Users?startIndex=%d", n+1), nil)
		got := len(r.body["Resources"].([]any))
		if got == 0 || r.body["totalResults"] != float64(total) {
			t.Fatalf("%s", r.raw)
		}
		n += got
	}
}

func TestJumpCloud(t *testing.T) { // T-08
	c := serve(t, scimapi.Options{}).admin(t)
	for range 2 { // the second time with the same names
		id, g := c.user("test@x"), c.group("Test")
		c.must(200, "PATCH", "/Groups/"+g, patch(`{"op":"replace","value":{"displayName":"Renamed"}}`))
		add := patch(`{"op":"add","path":"members","value":[{"value":"` + id + `"}]}`)
		c.must(200, "PATCH", "/Groups/"+g, add)
		c.must(200, "PATCH", "/Groups/"+g, add)
		c.checkMembers("added twice", g, id)
		c.must(204, "DELETE", "/Users/"+id, nil)
		c.must(204, "DELETE", "/Groups/"+g, nil)
	}
}

func TestOneLogin(t *testing.T) { // T-09
	s := serve(t, scimapi.Options{})
	c := s.admin(t)
	if r := c.list("/Users", `userName eq "nonexistent"`); r.body["totalResults"] != 0.0 {
		t.Errorf("%s", r.raw)
	}
	body := func(name string) string {
		return `{"schemas":["urn:scim:schemas:core:1.0"],"id":null,"userName":"` + name + `","active":"true","title":"",
			"phoneNumbers":[],
			"name":{"givenName":"O","familyName":"L"},"emails":{"value":"` + name + `","type":"work","primary":"True"}}`
	}
	r := c.must(201, "POST", "/Users", body("o@x"), "Content-Type", "application/json", "User-Agent", "")
	if r.body["active"] != true || at(r.body, "emails", 0, "value") != "o@x" ||
		at(r.body, "emails", 0, "primary") != true || r.body["title"] != nil || r.body["id"] == nil {
		t.Errorf("%s", r.raw)
	}
	path := "/Users/" + r.body["id"].(string)
	if r := c.must(200, "PUT", path, body("p@x")); r.body["userName"] != "p@x" {
		t.Errorf("%s", r.raw)
	}
	if r := c.must(200, "GET", path, nil, "Accept",
		"application/json"); r.header.Get("Content-Type") != "application/json" {
		t.Errorf("%v", r.header)
	}
	strict := s.client(t, "default", "write", schema.Document{"strict": true})
	if r := strict.request("POST", "/Users", body("q@x")); r.status != 400 || r.body["detail"] == "" {
		t.Errorf("%d %s", r.status, r.raw)
	}
	c.must(204, "DELETE", path, nil)
}

func TestPing(t *testing.T) { // T-10
	c := serve(t, scimapi.Options{}).admin(t)
	id := c.user("p", "emails", []any{map[string]any{"value": "p@x", "type": "work"}})
	c.refused(404, "", "GET", "/Users/0", nil)
	if r := c.list("/Users", `emails eq "p@x"`); at(r.body, "Resources", 0, "id") != id {
		t.Errorf("%s", r.raw)
	}
	two := `{"schemas":["` + userURN + `"],"userName":"two","emails":[{"value":"a@x","type":"work","primary":true},` +
		`{"value":"%s","type":"work","primary":true}]}`
	r := c.refused(400, "invalidValue", "POST", "/Users", fmt.Sprintf(two, "b@x")) // R7643-2.4-01
	if detail, _ := r.body["detail"].(string); !strings.Contains(detail, "emails") {
		t.Errorf("%s", r.raw)
	}
	r = c.must(201, "POST", "/Users", fmt.Sprintf(two, "a@x")) // one mail, sent twice
	if len(r.body["emails"].([]any)) != 1 || at(r.body, "emails", 0, "primary") != true {
		t.Errorf("%s", r.raw)
	}
}

func TestSailPoint(t *testing.T) { // T-11
	c := serve(t, scimapi.Options{}).admin(t)
	for _, path := range []string{"/ServiceProviderConfig", "/ResourceTypes", "/Schemas", "/ResourceTypes/User",
		"/ResourceTypes/Group"} {
		c.must(200, "GET", path, nil)
	}
	const n = 7
	for i := range n {
		c.user(fmt.Sprint("u", i), "name",
			map[string]any{"givenName": "G", "familyName": "F", "honorificPrefix": "Dr."})
	}
	seen := map[string]bool{}
	for start := 1; start <= n; start += 3 {
		r := c.must(200, "GET", fmt.Sprintf("/Users?startIndex=%d&count=3", start), nil)
		if r.body["totalResults"] != float64(n) {
			t.Errorf("%s", r.raw)
		}
		for _, id := range ids(r.body["Resources"]) {
			seen[id] = true
		}
	}
	if len(seen) != n {
		t.Errorf("%d Users seen", len(seen))
	}
	for id := range seen {
		r := c.must(200, "PATCH", "/Users/"+id, patch(`{"op":"replace","path":"name","value":{"familyName":"New"}}`))
		if at(r.body, "name", "familyName") != "New" || at(r.body, "name", "givenName") != "G" ||
			at(r.body, "name", "honorificPrefix") != "Dr." {
			t.Errorf("R7644-3.5.2.3-04: %s", r.raw)
		}
	}
}

func TestParallelGroupPatches(t *testing.T) { // T-12
	c := serve(t, scimapi.Options{}).admin(t)
	const n = 50
	var old, fresh []string
	for i := range n {
		old, fresh = append(old, c.user(fmt.Sprint("old", i))), append(fresh, c.user(fmt.Sprint("new", i)))
	}
	g := c.group("G", old...)
	var wg sync.WaitGroup
	send := func(op string) {
		wg.Go(func() {
			if r := c.request("PATCH", "/Groups/"+g, patch(op)); r.status != 200 {
				t.Errorf("%d %s", r.status, r.raw)
			}
		})
	}
	for i := range n {
		send(`{"op":"add","path":"members","value":[{"value":"` + fresh[i] + `"}]}`)
		if i%2 == 0 {
			send(`{"op":"remove","path":"members[value eq \"` + old[i] + `\"]"}`)
		} else {
			send(`{"op":"Remove","path":"members","value":[{"value":"` + old[i] + `"}]}`)
		}
	}
	wg.Wait()
	c.checkMembers("as one after the other", g, fresh...)
}

// With a strict credential, the leniencies are off (client-quirks 13).
func TestStrict(t *testing.T) {
	s := serve(t, scimapi.Options{})
	id := s.admin(t).user("a")
	c := s.client(t, "default", "write", schema.Document{"strict": true})
	c.refused(400, "invalidFilter", "GET", `/Users?filter=userName+eq+a`, nil)
	c.refused(400, "invalidSyntax", "POST", "/Users", `{"schemas":["`+userURN+`"],"userName":"b","foo":1}`)
	c.refused(400, "invalidValue", "PATCH", "/Users/"+id, patch(`{"op":"replace","path":"active","value":"False"}`))
	c.refused(400, "noTarget", "PATCH", "/Users/"+id,
		patch(`{"op":"replace","path":"emails[type eq \"work\"].value","value":"x@y"}`))
	c.must(200, "PATCH", "/Users/"+id, patch(`{"op":"REPLACE","path":"active","value":false}`))
}

// A python client, scim2-client: discovery first, models made of it, and no reply may have what the models have not.
func TestScim2Client(t *testing.T) {
	s := serve(t, scimapi.Options{})
	s.admin(t).group("there before")
	c := s.client(t, "default", "write", nil)
	accept := []string{"Accept", "application/scim+json"}
	c.must(200, "GET", "/ServiceProviderConfig", nil, accept...)
	types := c.must(200, "GET", "/ResourceTypes", nil, accept...)
	schemas := c.must(200, "GET", "/Schemas", nil, accept...)
	known := ids(schemas.body["Resources"])
	for _, typ := range types.body["Resources"].([]any) { // everything that is found can be used
		if !slices.Contains(known, at(typ, "schema").(string)) {
			t.Errorf("%v has no schema", typ)
		}
		c.must(200, "GET", at(typ, "endpoint").(string), nil, accept...)
	}
	r := c.must(201, "POST", "/Users", `{"schemas":["`+userURN+`","`+extURN+`"],"userName":"py@x","active":true,`+
		`"emails":[{"value":"py@x","type":"work","primary":true}],"`+extURN+`":{"department":"D"}}`, accept...)
	closed(t, "create", r.body)
	path := "/Users/" + r.body["id"].(string)
	closed(t, "query", c.must(200, "GET", path, nil, accept...).body)
	for _, one := range c.must(200, "GET", "/Users?count=10", nil, accept...).body["Resources"].([]any) {
		closed(t, "query of all", one)
	}
	found := c.must(200, "POST", "/.search", search("filter", `userName eq "py@x"`, "count", 10))
	closed(t, "search", at(found.body, "Resources", 0))
	doc := c.must(200, "GET", path, nil, accept...).body
	doc["displayName"] = "Py"
	delete(doc, "groups")
	closed(t, "replace", c.must(200, "PUT", path, doc, accept...).body)
	modified := c.must(200, "PATCH", path, patch(`{"op":"add","path":"`+userURN+`:title","value":"T"}`,
		`{"op":"replace","path":"`+extURN+`:department","value":"E"}`), accept...)
	closed(t, "modify", modified.body)
	if modified.body["title"] != "T" || at(modified.body, extURN, "department") != "E" {
		t.Errorf("%s", modified.raw)
	}
	c.must(204, "DELETE", path, nil, accept...)
}

// ssosync, which mirrors Google Workspace: it looks, creates or replaces, and asks who is a member by a filter.
func TestSsosync(t *testing.T) {
	c := serve(t, scimapi.Options{}).client(t, "default", "write", nil)
	if r := c.list("/Users", `userName eq "ann@x"`); r.body["totalResults"] != 0.0 {
		t.Errorf("%s", r.raw)
	}
	doc := func(id, given string) string {
		return `{` + id + `"schemas":["` + userURN + `"],"userName":"ann@x","externalId":"1",` +
			`"name":{"familyName":"A","givenName":"` + given + `"},"displayName":"` + given + ` A","active":true,` +
			`"emails":[{"value":"ann@x","type":"work","primary":true}],"addresses":[{"type":"work"}]}`
	}
	user := c.must(201, "POST", "/Users", doc("", "Ann")).body["id"].(string)
	if r := c.must(200, "PUT", "/Users/"+user, doc(`"id":"`+user+`",`, "Anna")); r.body["displayName"] != "Anna A" {
		t.Errorf("%s", r.raw)
	}
	if r := c.list("/Groups", `displayName eq "Team"`); r.body["totalResults"] != 0.0 {
		t.Errorf("%s", r.raw)
	}
	group := c.must(201, "POST", "/Groups", `{"schemas":["`+groupURN+`"],"displayName":"Team","members":[]}`)
	id := group.body["id"].(string)
	is := func() any { return c.list("/Groups", `id eq "`+id+`" and members eq "`+user+`"`).body["totalResults"] }
	for _, step := range []struct {
		op   string
		want float64
	}{{"add", 1}, {"add", 1}, {"remove", 0}, {"remove", 0}} {
		c.must(200, "PATCH", "/Groups/"+id,
			patch(`{"op":"`+step.op+`","path":"members","value":[{"value":"`+user+`"}]}`))
		if got := is(); got != step.want {
			t.Errorf("%s: the filter finds %v groups", step.op, got)
		}
	}
	c.must(204, "DELETE", "/Groups/"+id, nil)
	c.must(204, "DELETE", "/Users/"+user, nil)
}

// idp-scim-sync: POST without schemas, ids and meta that are empty, pages by cursor with a filter on members.
func TestIdpScimSync(t *testing.T) {
	c := serve(t, scimapi.Options{}).client(t, "default", "write", nil)
	c.must(200, "GET", "/ServiceProviderConfig", nil)
	r := c.must(201, "POST", "/Users", `{"externalId":"1","userName":"ann@x","displayName":"Ann A",`+
		`"profileURL":"https://x/a","name":{"familyName":"A","givenName":"Ann"},`+
		`"emails":[{"value":"ann@x","type":"work","primary":true}],"active":true,`+
		`"`+extURN+`":{"department":"D","manager":{"value":"m"}}}`)
	user := r.body["id"].(string)
	if r.body["profileUrl"] != "https://x/a" || at(r.body, extURN, "department") != "D" ||
		!strings.Contains(r.header.Get("Warning"), "schemas") {
		t.Errorf("%v %s", r.header, r.raw)
	}
	g := c.must(201, "POST", "/Groups", `{"id":"","meta":{},"displayName":"Team","externalId":"g"}`).body["id"].(string)
	c.must(200, "PATCH", "/Groups/"+g, patch(`{"op":"add","path":"members","value":[{"value":"`+user+`"}]}`))
	page := c.must(200, "GET", "/Groups?cursor=&filter="+url.QueryEscape(`members.value eq "`+user+`"`), nil)
	if got := ids(page.body["Resources"]); !slices.Equal(got, []string{g}) {
		t.Errorf("%s", page.raw)
	}
	c.must(200, "PATCH", "/Users/"+user, patch(`{"op":"replace","path":"active","value":false}`))
	c.must(200, "PATCH", "/Groups/"+g, patch(`{"op":"remove","path":"members","value":[{"value":"`+user+`"}]}`))
	c.checkMembers("after the removal", g)
	c.must(204, "DELETE", "/Groups/"+g, nil)
	c.must(204, "DELETE", "/Users/"+user, nil)
}

// Roles as Entra ID and Okta provision them: stored and shown, and none of them gives rights.
func TestProvisionedRoles(t *testing.T) {
	s := serve(t, scimapi.Options{})
	admin, c := s.admin(t), s.client(t, "default", "write", nil)
	roles := func(id string) string {
		r := admin.must(200, "GET", "/Users/"+id+"?attributes=roles,"+schema.AccessURN, nil)
		return fmt.Sprint(valuesAt(r.body["roles"], []any{"value"}), at(r.body, schema.AccessURN, "effectiveRoles"))
	}
	entra, okta := c.user("entra", "roles", []any{}), c.user("okta", "roles", []any{map[string]any{
		"primary": true, "value": "editor"}})
	for _, step := range []struct{ name, id, op, want string }{
		{"Entra, one role", entra, `{"op":"Add","path":"roles[primary eq \"True\"].value","value":"reader"}`,
			"[reader] [reader]"},
		{"Entra, another role", entra, `{"op":"Replace","path":"roles[primary eq \"True\"].value","value":"writer"}`,
			"[writer] [writer]"},
		{"Entra, objects", entra, `{"op":"replace","path":"roles","value":[{"value":"a","display":"A",` +
			`"type":"WindowsAzureActiveDirectoryRole","primary":false},{"value":"b","display":"B","primary":false}]}`,
			"[a b] [a b]"},
		{"Entra, JSON in a text", entra,
			`{"op":"Add","path":"roles","value":[{"value":"{\"id\":\"1\",\"value\":\"c\"}"}]}`,
			`[a b {"id":"1","value":"c"}] [a b {"id":"1","value":"c"}]`},
		{"Okta, pathless", okta, `{"op":"replace","value":{"roles":[{"primary":true,"value":"owner"}]}}`,
			"[owner] [owner]"},
		{"Okta, none", okta, `{"op":"replace","value":{"roles":[]}}`, "[] <nil>"},
	} {
		c.must(200, "PATCH", "/Users/"+step.id, patch(step.op))
		if got := roles(step.id); got != step.want {
			t.Errorf("%s: %s, want %s", step.name, got, step.want)
		}
	}
	for _, role := range []string{"administrator", "manager", "auditor"} {
		c.refused(403, "", "PATCH", "/Users/"+entra,
			patch(`{"op":"add","path":"roles","value":[{"value":"`+role+`"}]}`))
	}
}
