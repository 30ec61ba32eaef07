package scimapi_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"rollcall/directory/schema"
	"rollcall/scimapi"
)

const (
	bulkURN  = "urn:ietf:params:scim:api:messages:2.0:BulkRequest"
	absentID = "11111111-1111-4111-8111-111111111111"
)

// bulk sends a job and returns its results; more are more members of the message.
func (c *client) bulk(more string, operations ...string) []any {
	c.t.Helper()
	r := c.must(200, "POST", "/Bulk",
		`{"schemas":["`+bulkURN+`"]`+more+`,"Operations":[`+strings.Join(operations, ",")+`]}`)
	if fmt.Sprint(r.body["schemas"]) != "[urn:ietf:params:scim:api:messages:2.0:BulkResponse]" { // R7644-3.7-01
		c.t.Errorf("%s", r.raw)
	}
	return r.body["Operations"].([]any)
}

// statuses returns the statuses of the results in order, with the scimType of those that failed. It checks what is true
// of every result.
func (c *client) statuses(results []any) string {
	c.t.Helper()
	var out []string
	for _, r := range results {
		status, _ := at(r, "status").(string)
		text := status
		if status >= "4" { // R7644-3.7-12
			if fmt.Sprint(at(r, "response", "schemas")) != "["+errorURN+"]" || at(r, "response", "status") != status ||
				at(r, "response", "detail") == nil {
				c.t.Errorf("R7644-3.7-12: %v", r)
			}
			if typ, ok := at(r, "response", "scimType").(string); ok {
				text += "/" + typ
			}
		} else if at(r, "response") != nil || (at(r, "version") == nil) != (status == "204") {
			c.t.Errorf("R7644-3.7-13, -14: %v", r)
		}
		nowhere := status >= "4" && (at(r, "method") == "POST" ||
			strings.Contains(fmt.Sprint(at(r, "response", "detail")), "the bulkId"))
		if location, _ := at(r, "location").(string); nowhere != (location == "") { // R7644-3.7-11
			c.t.Errorf("R7644-3.7-11: %v", r)
		}
		out = append(out, text)
	}
	return strings.Join(out, " ")
}

func (c *client) checkBulk(name, want string, results []any) {
	c.t.Helper()
	if got := c.statuses(results); got != want {
		c.t.Errorf("%s: %s, want %s\n%v", name, got, want, results)
	}
}

func bulkOp(method, path string, data any, more ...string) string {
	m := map[string]any{"method": method, "path": path}
	switch d := data.(type) {
	case nil:
	case string:
		m["data"] = json.RawMessage(d)
	default:
		m["data"] = d
	}
	for i := 0; i < len(more); i += 2 {
		m[more[i]] = more[i+1]
	}
	text, err := json.Marshal(m)
	if err != nil {
		panic(err)
	}
	return string(text)
}

func postUser(bulkID, name string, more ...any) string {
	doc := map[string]any{"schemas": []string{userURN}, "userName": name}
	for i := 0; i < len(more); i += 2 {
		doc[more[i].(string)] = more[i+1]
	}
	return bulkOp("POST", "/Users", doc, "bulkId", bulkID)
}

func postGroup(bulkID, name string, members ...string) string {
	return bulkOp("POST", "/Groups",
		map[string]any{"schemas": []string{groupURN}, "displayName": name, "members": memberList(members)},
		"bulkId", bulkID)
}

// idOf returns the id at the end of a result's location.
func idOf(result any) string {
	location, _ := at(result, "location").(string)
	return location[strings.LastIndexByte(location, '/')+1:]
}

func TestBulk(t *testing.T) {
	c := serve(t, scimapi.Options{}).admin(t)
	taken, gone := c.user("taken"), c.user("gone")
	rs := c.bulk("", postUser("q", "new"), postUser("bad", "taken"),
		bulkOp("PATCH", "/Users/"+taken, patch(`{"op":"add","path":"title","value":"x"}`)),
		bulkOp("PUT", "/Users/"+taken, map[string]any{"schemas": []string{userURN}, "userName": "taken", "title": "y"}),
		bulkOp("DELETE", "/Users/"+gone, nil), bulkOp("DELETE", "/Users/"+absentID, nil))
	c.checkBulk("R7644-3.7-07, -08, R7644-3.7.3-01, -02", "201 409/uniqueness 200 200 204 404", rs)
	if at(rs[0], "bulkId") != "q" || at(rs[1], "bulkId") != "bad" || at(rs[2], "bulkId") != nil { // R7644-3.7-10
		t.Errorf("%v", rs)
	}
	for i, want := range []string{"POST", "POST", "PATCH", "PUT", "DELETE", "DELETE"} {
		if at(rs[i], "method") != want {
			t.Errorf("result %d: %v", i, rs[i])
		}
	}
	made := c.must(200, "GET", strings.TrimPrefix(at(rs[0], "location").(string), c.public), nil)
	if made.header.Get("ETag") != at(rs[0], "version") || at(made.body, "meta", "location") != at(rs[0], "location") {
		t.Errorf("R7644-3.7-11, -14: %v %s", rs[0], made.raw)
	}
	if r := c.must(200, "GET", "/Users/"+taken, nil); r.body["title"] != "y" ||
		r.header.Get("ETag") != at(rs[3], "version") {
		t.Errorf("%s %v", r.raw, rs[3])
	}
	c.refused(404, "", "GET", "/Users/"+gone, nil)
}

func TestBulkOperations(t *testing.T) {
	s := serve(t, scimapi.Options{})
	c := s.admin(t)
	id := c.user("a")
	tag := c.must(200, "GET", "/Users/"+id, nil).header.Get("ETag")
	title := patch(`{"op":"add","path":"title","value":"x"}`)
	user := map[string]any{"schemas": []string{userURN}, "userName": "b"}
	for _, tc := range []struct{ name, op, want string }{
		{"R7644-3.7-02 method", `{"path":"/Users","bulkId":"q","data":{}}`, "400/invalidSyntax"},
		{"R7644-3.7-02 GET", bulkOp("GET", "/Users/"+id, nil), "400/invalidSyntax"},
		{"R7644-3.7-03", bulkOp("POST", "/Users", user), "400/invalidSyntax"},
		{"R7644-3.7-04 POST", bulkOp("POST", "/Users", nil, "bulkId", "q"), "400/invalidSyntax"},
		{"R7644-3.7-04 PUT", bulkOp("PUT", "/Users/"+id, nil), "400/invalidSyntax"},
		{"R7644-3.7-04 PATCH", bulkOp("PATCH", "/Users/"+id, nil), "400/invalidSyntax"},
		{"R7644-3.7-05", bulkOp("PATCH", "/Users/"+id, `[{"op":"add","path":"title","value":"x"}]`),
			"400/invalidSyntax"},
		{"R7644-3.7-06 POST to a resource", bulkOp("POST", "/Users/"+id, user, "bulkId", "q"), "405"},
		{"R7644-3.7-06 DELETE of a type", bulkOp("DELETE", "/Users", nil), "405"},
		{"no endpoint", bulkOp("POST", "/Nope", user, "bulkId", "q"), "404"},
		{"too deep", bulkOp("DELETE", "/Users/"+id+"/x", nil), "404"},
		{"discovery", bulkOp("PATCH", "/Schemas/x", title), "404"},
		{"no id", bulkOp("DELETE", "/Users/nosuch", nil), "404"},
		{"R7644-3.7-15 stale PUT", bulkOp("PUT", "/Users/"+id, user, "version", `W/"1"`), "412"},
		{"R7644-3.7-15 stale PATCH", bulkOp("PATCH", "/Users/"+id, title, "version", `W/"1"`), "412"},
		{"R7644-3.7-15 stale DELETE", bulkOp("DELETE", "/Users/"+id, nil, "version", `W/"1"`), "412"},
		{"R7644-3.7.2-03 unknown bulkId",
			bulkOp("PATCH", "/Users/"+id, patch(`{"op":"add",`+
				`"path":"`+extURN+`:manager","value":{"value":"bulkId:nosuch"}}`)), "400/invalidValue"},
		{"R7644-3.7.2-03 in a path", bulkOp("DELETE", "/Users/bulkId:nosuch", nil), "400/invalidValue"},
		{"R7644-3.12-03 the single request's error", postUser("q", ""), "400/invalidValue"},
	} {
		rs := c.bulk("", tc.op)
		if got := fmt.Sprint(at(rs[0], "status")); !strings.HasPrefix(tc.want, got) ||
			(strings.Contains(tc.want, "/") && at(rs[0], "response", "scimType") != strings.Split(tc.want, "/")[1]) {
			t.Errorf("%s: %v, want %s", tc.name, rs[0], tc.want)
		}
		if at(rs[0], "response", "status") != at(rs[0], "status") {
			t.Errorf("%s: %v", tc.name, rs[0])
		}
	}
	if r := c.must(200, "GET", "/Users/"+id, nil); r.header.Get("ETag") != tag ||
		strings.Contains(string(r.raw), "bulkId") {
		t.Errorf("refused operations left %s", r.raw)
	}
	c.checkBulk("R7644-3.7-15 the current version", "200",
		c.bulk("", bulkOp("patch", "Users/"+id+"/", title, "version", tag)))
	write := s.client(t, "default", "write", nil)
	write.checkBulk("R7644-3.12-24 authorisation is each operation's", "403 201 403 403",
		write.bulk("", bulkOp("POST", "/AccessTokens",
			map[string]any{"schemas": []string{tokenURN}, "displayName": "t", "scopes": []string{"read"}},
			"bulkId", "t"),
			postUser("u", "u"),
			bulkOp("PATCH", "/Organizations/"+absentID, title),
			bulkOp("PATCH", "/Users/"+id, patch(`{"op":"add","path":"roles","value":[{"value":"administrator"}]}`))))
	s.client(t, "default", "read", nil).refused(403, "", "POST", "/Bulk", `{}`)
	c.refused(405, "", "GET", "/Bulk", nil)
	(&client{t: t, base: c.base, public: c.public}).refused(401, "", "POST", "/Bulk", `{}`)
}

func TestBulkMessage(t *testing.T) {
	c := serve(t, scimapi.Options{Limits: scimapi.Limits{BulkOperations: 3, BulkBody: 4000}}).admin(t)
	op := postUser("q", "a")
	for _, tc := range []struct {
		name, body string
		status     int
		scimType   string
	}{
		{"R7644-3.12-14 schemas", `{"schemas":["` + patchURN + `"],"Operations":[` + op + `]}`, 400, "invalidSyntax"},
		{"no schemas", `{"Operations":[` + op + `]}`, 400, "invalidSyntax"},
		{"R7644-3.12-14 Operations", `{"schemas":["` + bulkURN + `"],"Operations":` + op + `}`, 400, "invalidSyntax"},
		{"no Operations", `{"schemas":["` + bulkURN + `"]}`, 400, "invalidSyntax"},
		{"empty Operations", `{"schemas":["` + bulkURN + `"],"Operations":[]}`, 400, "invalidSyntax"},
		{"no JSON", `{"schemas":["` + bulkURN + `"],`, 400, "invalidSyntax"},
		{"twice", `{"schemas":["` + bulkURN + `"],"Operations":[` + op + `],"operations":[]}`, 400, "invalidSyntax"},
		{"failOnErrors", `{"schemas":["` + bulkURN + `"],"failOnErrors":"x","Operations":[` + op + `]}`,
			400, "invalidValue"},
		{"R7644-3.7.2-04", `{"schemas":["` + bulkURN + `"],"Operations":[` + op + `,` + postUser("q", "b") + `]}`,
			400, "invalidValue"},
		{"R7644-3.7.4-01", `{"schemas":["` + bulkURN + `"],"Operations":[` +
			strings.Join([]string{op, postUser("b", "b"), postUser("c", "c"), postUser("d", "d")}, ",") +
			`]}`, 413, ""},
		{"R7644-3.7.4-02", `{"schemas":["` + bulkURN + `"],` + strings.Repeat(" ", 4000) + `"Operations":[` + op +
			`]}`, 413, ""},
	} {
		r := c.refused(tc.status, tc.scimType, "POST", "/Bulk", tc.body)
		// R7644-3.7.4-03
		limit := map[string]string{"R7644-3.7.4-01": "maxOperations is 3",
			"R7644-3.7.4-02": "maxPayloadSize, 4000"}[tc.name]
		if detail, _ := r.body["detail"].(string); !strings.Contains(detail, limit) {
			t.Errorf("%s: %q", tc.name, detail)
		}
	}
	if r := c.must(200, "GET", "/Users", nil); r.body["totalResults"] != 0.0 {
		t.Errorf("refused jobs left %s", r.raw)
	}
	r := c.must(200, "GET", "/ServiceProviderConfig", nil)
	if at(r.body, "bulk", "supported") != true || at(r.body, "bulk", "maxOperations") != 3.0 ||
		at(r.body, "bulk", "maxPayloadSize") != 4000.0 {
		t.Errorf("R7643-5-02: %s", r.raw)
	}
}

func TestBulkReferences(t *testing.T) {
	c := serve(t, scimapi.Options{}).admin(t)
	rs := c.bulk("", postGroup("g", "Tour", "bulkId:u", "bulkId:v"), postUser("u", "u"), // R7644-3.7.2-01, R7644-3.7-16
		// R7644-3.7.2-02
		postUser("v", "v", extURN, map[string]any{"manager": map[string]any{"value": "bulkId:u"}}),
		// R7644-3.7.2-05
		bulkOp("PATCH", "/Groups/bulkId:g", patch(`{"op":"remove","path":"members[value eq \"bulkId:v\"]"}`)),
		bulkOp("PATCH", "/Users/bulkId:v", patch(`{"op":"add","path":"title","value":"x"}`)))
	c.checkBulk("references", "201 201 201 200 200", rs)
	u, v := idOf(rs[1]), idOf(rs[2])
	c.checkMembers("R7644-3.7.2-01", idOf(rs[0]), u)
	if r := c.must(200, "GET", "/Users/"+v, nil); at(r.body, extURN, "manager", "value") != u ||
		r.body["title"] != "x" {
		t.Errorf("R7644-3.7.2-02: %s", r.raw)
	}
	if at(rs[3], "location") != at(rs[0], "location") {
		t.Errorf("%v", rs[3])
	}

	rs = c.bulk("", postUser("x", "u"), postGroup("g", "Lost", "bulkId:x"), postGroup("h", "Lost too", "bulkId:g"),
		bulkOp("DELETE", "/Users/bulkId:x", nil), postGroup("i", "Found", u))
	c.checkBulk("R7644-3.7.2-03 a failed one fails what refers to it", "409/uniqueness 409 409 409 201", rs)
	if r := c.list("/Groups", `displayName sw "Lost"`); r.body["totalResults"] != 0.0 {
		t.Errorf("%s", r.raw)
	}

	peer := func(id, other string) string {
		return postUser(id, id, extURN, map[string]any{"manager": map[string]any{"value": "bulkId:" + other}})
	}
	rs = c.bulk("", peer("a", "b"), peer("b", "c"), peer("c", "a"))
	c.checkBulk("R7644-3.7.1-01 a circle of managers", "201 201 201", rs)
	for i := range rs {
		r := c.must(200, "GET", "/Users/"+idOf(rs[i]), nil)
		if at(r.body, extURN, "manager", "value") != idOf(rs[(i+1)%3]) {
			t.Errorf("%s", r.raw)
		}
	}
	rs = c.bulk("", postGroup("a", "A", "bulkId:b"), postGroup("b", "B", "bulkId:a"), postGroup("c", "C", "bulkId:a"),
		postGroup("d", "D"))
	c.checkBulk("R7644-3.7.1-01 a circle of groups", "409 409 409 201", rs)
	rs = c.bulk("", peer("d", "e"), peer("e", "d"), postUser("f", "f"), bulkOp("DELETE", "/Users/"+u, nil))
	c.checkBulk("two and one", "201 201 201 204", rs)
	rs = c.bulk("", peer("k", "l"),
		postUser("l", "u2", "active", 5, extURN, map[string]any{"manager": map[string]any{"value": "bulkId:k"}}))
	c.checkBulk("a circle that is wrong in itself", "409 409", rs)
	if r := c.list("/Users", `userName eq "k"`); r.body["totalResults"] != 0.0 {
		t.Errorf("%s", r.raw)
	}
}

// An operation finds what the ones before it in the job left, although they share transactions (R7644-3.7-16).
func TestBulkOrder(t *testing.T) {
	c := serve(t, scimapi.Options{}).admin(t)
	bob, carl, zoe := c.user("bob"), c.user("carl"), c.user("zoe")
	rename := func(id, name string) string {
		return bulkOp("PATCH", "/Users/"+id, patch(`{"op":"replace","path":"userName","value":"`+name+`"}`))
	}
	rs := c.bulk("", bulkOp("DELETE", "/Users/"+bob, nil), postUser("b", "bob"), rename(zoe, "zed"),
		rename(carl, "zoe"), postUser("c", "carl"), postUser("d", "carl"))
	c.checkBulk("names that become free", "204 201 200 200 201 409/uniqueness", rs)
	rs = c.bulk("", postUser("z", "zed"), bulkOp("DELETE", "/Users/"+zoe, nil))
	c.checkBulk("not before they do", "409/uniqueness 204", rs)

	bob, g := idOf(rs2(c, "bob")), c.group("G", carl)
	title := func(s string) string {
		return bulkOp("PATCH", "/Users/"+carl, patch(`{"op":"replace","path":"title","value":"`+s+`"}`))
	}
	old := c.must(200, "GET", "/Users/"+carl, nil).header.Get("ETag")
	rs = c.bulk("", title("1"), title("2"),
		bulkOp("PATCH", "/Users/"+carl, patch(`{"op":"replace","path":"nosuch","value":"x"}`)), title("3"),
		bulkOp("PATCH", "/Users/"+carl, patch(`{"op":"remove","path":"title"}`), "version", old))
	c.checkBulk("R7644-3.7-17 one resource", "200 200 400/invalidPath 200 412", rs)
	if r := c.must(200, "GET", "/Users/"+carl, nil); r.body["title"] != "3" ||
		r.header.Get("ETag") != at(rs[3], "version") {
		t.Errorf("%s, %v", r.raw, rs[3])
	}
	path := "/Groups/" + g
	rs = c.bulk("", bulkOp("PATCH", path, patch(`{"op":"add","path":"members","value":[{"value":"`+bob+`"}]}`)),
		bulkOp("PATCH", path, patch(`{"op":"remove","path":"members[type eq \"User\"]"}`)), // of those just added, too
		bulkOp("PATCH", path, patch(`{"op":"add","path":"members","value":[{"value":"bulkId:n"}]}`)),
		bulkOp("PATCH", path, patch(`{"op":"replace","path":"members","value":[{"value":"`+carl+`"}]}`)),
		bulkOp("PATCH", path, patch(`{"op":"add","path":"members","value":[{"value":"bulkId:n"}]}`)),
		postUser("n", "n"))
	c.checkBulk("members", "200 200 200 200 200 201", rs)
	c.checkMembers("members", g, carl, idOf(rs[5]))
	addBob := bulkOp("PATCH", path, patch(`{"op":"add","path":"members","value":[{"value":"`+bob+`"}]}`))
	for name, tc := range map[string]struct {
		op   string
		left []string
	}{
		"remove by filter": {bulkOp("PATCH", path, patch(`{"op":"remove","path":"members[type eq \"User\"]"}`)), nil},
		"replace": {bulkOp("PATCH", path,
			patch(`{"op":"replace","path":"members","value":[{"value":"`+carl+`"}]}`)), []string{carl}},
		"remove all": {bulkOp("PATCH", path, patch(`{"op":"remove","path":"members"}`)), nil},
		"PUT": {
			bulkOp("PUT", path, map[string]any{"schemas": []string{groupURN}, "displayName": "G"}), nil},
		"PUT with a version": {bulkOp("PUT", path, map[string]any{"schemas": []string{groupURN}, "displayName": "G"},
			"version", "*"), nil},
	} {
		c.must(200, "PATCH", path, patch(`{"op":"remove","path":"members"}`))
		c.checkBulk(name, "200 200", c.bulk("", addBob, tc.op))
		c.checkMembers("after one was added before in the job: "+name, g, tc.left...)
	}
	rs = c.bulk("", addBob,
		bulkOp("PUT", path, map[string]any{"schemas": []string{groupURN}, "displayName": "H"}),
		bulkOp("DELETE", path, nil), bulkOp("DELETE", path, nil))
	c.checkBulk("PUT, DELETE, DELETE", "200 200 204 404", rs)
	rs = c.bulk("", bulkOp("DELETE", "/Users/"+bob, nil), postGroup("x", "X", bob))
	c.checkBulk("a member that was deleted before", "204 400/invalidValue", rs)
}

// rs2 returns a value like a result for the User with the name.
func rs2(c *client, name string) any {
	r := c.list("/Users", `userName eq "`+name+`"`)
	return map[string]any{"location": at(r.body, "Resources", 0, "meta", "location")}
}

func TestBulkFailOnErrors(t *testing.T) {
	c := serve(t, scimapi.Options{}).admin(t)
	c.user("taken")
	for _, tc := range []struct {
		n    int
		want string
	}{
		{0, "201 409/uniqueness 201 409/uniqueness 409/uniqueness 201"},
		{1, "201 409/uniqueness"}, // R7644-3.7-09
		{2, "201 409/uniqueness 201 409/uniqueness"},
		{3, "201 409/uniqueness 201 409/uniqueness 409/uniqueness"},
		{4, "201 409/uniqueness 201 409/uniqueness 409/uniqueness 201"},
	} {
		name := func(s string) string { return fmt.Sprintf("%s%d", s, tc.n) }
		rs := c.bulk(fmt.Sprintf(`,"failOnErrors":%d`, tc.n), postUser("a", name("a")), postUser("b", "taken"),
			postUser("c", name("c")),
			postUser("d", "taken"), postUser("e", "taken"), postUser("f", name("f")))
		c.checkBulk(fmt.Sprintf("failOnErrors %d", tc.n), tc.want, rs)
		left := strings.Count(tc.want, "201")
		if r := c.list("/Users", fmt.Sprintf(`userName ew "%d"`, tc.n)); r.body["totalResults"] != float64(left) {
			t.Errorf("failOnErrors %d: %s", tc.n, r.raw)
		}
	}
	rs := c.bulk(`,"failOnErrors":1`, postGroup("g", "G", "bulkId:u"), postUser("u", "taken"), postUser("v", "v"))
	c.checkBulk("what the failed one is needed for was not tried", "409/uniqueness", rs)
}

// Bulk works for all types; types that the job creates can be used in it.
func TestBulkCustomType(t *testing.T) {
	c := serve(t, scimapi.Options{}).admin(t)
	const urn = "urn:example:params:scim:schemas:core:1.0:Device"
	const core = "urn:rollcall:params:scim:schemas:core:1.0:"
	def := map[string]any{"schemas": []string{core + "SchemaDefinition"}, "urn": urn, "name": "Device",
		"attributes": []any{
			map[string]any{"name": "serial", "type": "string", "uniqueness": "server", "required": true},
			map[string]any{"name": "owner", "type": "string"}}}
	typ := map[string]any{"schemas": []string{core + "ResourceTypeDefinition"}, "name": "Device",
		"endpoint": "/Devices", "schema": urn}
	device := func(id, serial string) string {
		return bulkOp("POST", "/Devices",
			map[string]any{"schemas": []string{urn}, "serial": serial, "owner": "bulkId:u"}, "bulkId", id)
	}
	rs := c.bulk("", device("early", "0"), postUser("u", "u"), bulkOp("POST", "/SchemaDefinitions", def, "bulkId", "s"),
		bulkOp("POST", "/ResourceTypeDefinitions", typ, "bulkId", "r"),
		device("d", "1"), device("e", "1"),
		bulkOp("PATCH", "/Devices/bulkId:d", patch(`{"op":"replace","path":"serial","value":"2"}`)))
	c.checkBulk("a type made in the job", "404 201 201 201 201 409/uniqueness 200", rs)
	if r := c.must(200, "GET", "/Devices/"+idOf(rs[4]), nil); r.body["serial"] != "2" ||
		r.body["owner"] != idOf(rs[1]) {
		t.Errorf("%s", r.raw)
	}
	sys := serve(t, scimapi.Options{}).client(t, "", "admin", nil)
	rs = sys.bulk("",
		bulkOp("POST", "/Organizations", map[string]any{"schemas": []string{core + "Organization"}, "name": "acme"},
			"bulkId", "o"),
		bulkOp("PATCH", "/Organizations/bulkId:o", patch(`{"op":"add","path":"displayName","value":"Acme"}`)))
	sys.checkBulk("the system scope", "201 200", rs)
}

func TestBulkPreferences(t *testing.T) {
	s := serve(t, scimapi.Options{})
	c := s.admin(t)
	job := func(ops ...string) string {
		return `{"schemas":["` + bulkURN + `"],"Operations":[` + strings.Join(ops, ",") + `]}`
	}
	r := c.must(200, "POST", "/Bulk", job(postUser("a", "a")), "Prefer", "return=minimal")
	if r.header.Get("Preference-Applied") != "return=minimal" || at(r.body, "Operations", 0, "response") != nil {
		t.Errorf("%v %s", r.header, r.raw)
	}
	r = c.must(200, "POST", "/Bulk", job(postUser("b", "b")), "Prefer", "return=representation")
	if at(r.body, "Operations", 0, "response", "userName") != "b" {
		t.Errorf("%s", r.raw)
	}
	r = c.must(200, "POST", "/Bulk",
		job(bulkOp("POST", "/AccessTokens",
			map[string]any{"schemas": []string{tokenURN}, "displayName": "t", "scopes": []string{"read"}},
			"bulkId", "t")))
	secret, _ := at(r.body, "Operations", 0, "response", "token").(string)
	(&client{t: t, base: c.base, public: c.public, token: secret}).must(200, "GET", "/Users", nil)

	lenient := s.client(t, "default", "write", schema.Document{"lenientMembers": true})
	r = lenient.must(200, "POST", "/Bulk", job(postGroup("g", "G", absentID, "bulkId:u"), postUser("u", "u")))
	if lenient.statuses(r.body["Operations"].([]any)) != "201 201" ||
		!strings.Contains(r.header.Get("Rollcall-Skipped-Members"), absentID) {
		t.Errorf("%v %s", r.header, r.raw)
	}
	lenient.checkMembers("the others", idOf(at(r.body, "Operations", 0)), idOf(at(r.body, "Operations", 1)))
}

// There may be more operations than fit into one transaction, on many resources and on one, with other writers.
func TestBulkMany(t *testing.T) {
	c := serve(t, scimapi.Options{}).admin(t)
	const n = 150
	g := c.group("G")
	var ops []string
	for i := range n {
		ops = append(ops, postUser(fmt.Sprint("u", i), fmt.Sprint("u", i)),
			bulkOp("PATCH", "/Groups/"+g, patch(fmt.Sprintf(`{"op":"add","path":"members",`+
				`"value":[{"value":"bulkId:u%d"}]}`, i))))
	}
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() { c.user(fmt.Sprint("other", i)) })
	}
	rs := c.bulk("", ops...)
	wg.Wait()
	if got := c.statuses(rs); got != strings.TrimSpace(strings.Repeat("201 200 ", n)) {
		t.Fatal(got)
	}
	var want []string
	for i := 0; i < len(rs); i += 2 {
		want = append(want, idOf(rs[i]))
	}
	slices.Sort(want)
	if got := c.membersOf(g); !slices.Equal(got, want) {
		t.Errorf("%d members", len(got))
	}
}
