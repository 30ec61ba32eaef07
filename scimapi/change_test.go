package scimapi_test

import (
	"fmt"
	"reflect"
	"strings"
	"sync"
	"testing"

	"rollcall/directory"
	"rollcall/directory/schema"
	"rollcall/scimapi"
)

func TestReplace(t *testing.T) {
	c := serve(t, scimapi.Options{}).admin(t)
	id := c.user("a", "title", "x", "emails", []any{map[string]any{"value": "a@x"}}, extURN,
		map[string]any{"department": "D"})
	c.user("taken")
	path := "/Users/" + id
	before := c.must(200, "GET", path, nil)
	same := c.must(200, "PUT", path, before.raw)
	if !reflect.DeepEqual(same.body, before.body) { // R7644-3.5.1-13
		t.Errorf("PUT(GET):\n got %s\nhad %s", same.raw, before.raw)
	}
	for _, tc := range []struct {
		name, body string
		status     int
		scimType   string
	}{
		{"R7644-3.5.1-10", `"title":"y"`, 400, "invalidValue"},
		{"R7644-3.12-06", `"userName":"TAKEN"`, 409, "uniqueness"},
		{"R7644-3.12-07", `"userName":"a","active":5`, 400, "invalidValue"},
	} {
		c.refused(tc.status, tc.scimType, "PUT", path, []byte(`{"schemas":["`+userURN+`"],`+tc.body+`}`))
	}
	if got := c.must(200, "GET", path, nil); string(got.raw) != string(before.raw) {
		t.Errorf("refused PUTs left %s", got.raw)
	}
	r := c.must(200, "PUT", path, `{"schemas":["`+userURN+`"],"id":"other","userName":"a2","emails":[],`+
		`"meta":{"created":"1999-01-01T00:00:00Z"}}`)
	if r.body["id"] != id || r.body["userName"] != "a2" || r.body["title"] != nil || r.body["emails"] != nil ||
		r.body[extURN] != nil {
		t.Errorf("R7644-3.5.1-02, -04, -06, -12: %s", r.raw)
	}
	if strings.Contains(fmt.Sprint(r.body["schemas"]), extURN) {
		t.Errorf("R7643-3.3-04: %v", r.body["schemas"])
	}
	if at(r.body, "meta", "created") != at(before.body, "meta", "created") ||
		!parseTime(t,
			at(r.body, "meta", "lastModified")).After(parseTime(t, at(before.body, "meta", "lastModified"))) ||
		r.header.Get("ETag") == before.header.Get("ETag") {
		t.Errorf("R7643-3.1-14: %s", r.raw)
	}
	// R7644-3.5.1-01
	c.refused(404, "", "PUT", "/Users/11111111-1111-4111-8111-111111111111",
		`{"schemas":["`+userURN+`"],"userName":"n"}`)
}

func TestModify(t *testing.T) {
	c := serve(t, scimapi.Options{}).admin(t)
	id := c.user("a", "title", "x")
	c.user("taken")
	path := "/Users/" + id
	before := c.must(200, "GET", path, nil)
	for _, tc := range []struct {
		name, body string
		status     int
		scimType   string
	}{
		{"R7644-3.5.2-11 atomic",
			patch(`{"op":"replace","path":"title","value":"y"}`, `{"op":"replace","path":"id","value":"z"}`),
			400, "mutability"},
		{"R7644-3.12-11", patch(`{"op":"replace","path":"userName","value":"Taken"}`), 409, "uniqueness"},
		{"R7644-3.12-09", patch(`{"op":"replace","path":"nosuch","value":"y"}`), 400, "invalidPath"},
		{"R7644-3.5.2.2-01", patch(`{"op":"remove"}`), 400, "noTarget"},
		{"R7644-3.5.2.2-08", patch(`{"op":"remove","path":"userName"}`), 400, "mutability"},
		{"R7644-3.5.2-01", `{"Operations":[{"op":"remove","path":"title"}]}`, 400, "invalidSyntax"},
		{"R7644-3.5.2-02", patch(), 400, "invalidSyntax"},
		{"B-16 another id", patch(`{"op":"replace","value":{"id":"z"}}`), 400, "mutability"},
		{"B-16 other groups", patch(`{"op":"replace","value":{"groups":[{"value":"z"}]}}`), 400, "mutability"},
	} {
		r := c.refused(tc.status, tc.scimType, "PATCH", path, tc.body)
		if got := c.must(200, "GET", path, nil); string(got.raw) != string(before.raw) {
			t.Fatalf("%s: refused by %s, yet now %s", tc.name, r.raw, got.raw)
		}
	}
	for _, body := range []string{ // nothing changes: neither version nor lastModified (R7644-3.5.2.1-09)
		patch(`{"op":"add","path":"title","value":"x"}`),
		patch(`{"op":"remove","path":"nickName"}`),
		patch(`{"op":"replace","value":{"id":"` + id + `","schemas":["` + userURN + `"],"meta":` +
			string(mustJSON(t, before.body["meta"])) + `}}`),
		patch(`{"op":"add","path":"password","value":"s3cret-s3cret"}`),
	} {
		if r := c.must(200, "PATCH", path, body); string(r.raw) != string(before.raw) ||
			r.header.Get("ETag") != before.header.Get("ETag") {
			t.Errorf("%s changed it:\n%s\n%s", body, r.raw, before.raw)
		}
	}
	r := c.must(200, "PATCH", path, patch(`{"op":"Replace","path":"title","value":"y"}`))
	if r.body["title"] != "y" || r.header.Get("ETag") == before.header.Get("ETag") ||
		r.header.Get("ETag") != at(r.body, "meta", "version") {
		t.Errorf("R7644-3.5.2-13: %s", r.raw)
	}
	if r := c.must(200, "PATCH", path+"?attributes=title",
		patch(`{"op":"replace","path":"title","value":"z"}`)); keys(r.body) != "id schemas title" {
		t.Errorf("R7644-3.5.2-09: %s", r.raw)
	}
	c.refused(404, "", "PATCH", "/Users/11111111-1111-4111-8111-111111111111", patch(`{"op":"remove","path":"title"}`))
	c.refused(400, "invalidSyntax", "PATCH", path, "{")
}

func TestPreferMinimal(t *testing.T) {
	c := serve(t, scimapi.Options{}).admin(t)
	r := c.must(201, "POST", "/Users", `{"schemas":["`+userURN+`"],"userName":"a"}`, "Prefer", "return=minimal")
	if len(r.raw) != 0 || r.header.Get("Location") == "" || r.header.Get("ETag") == "" ||
		r.header.Get("Preference-Applied") != "return=minimal" {
		t.Errorf("POST: %v %s", r.header, r.raw)
	}
	path := strings.TrimPrefix(r.header.Get("Location"), c.public)
	r = c.must(204, "PATCH", path, patch(`{"op":"add","path":"title","value":"x"}`), "Prefer",
		"respond-async, return=minimal; x=1")
	if r.header.Get("ETag") != c.must(200, "GET", path, nil).header.Get("ETag") {
		t.Errorf("PATCH: %v", r.header)
	}
	c.must(204, "PUT", path, `{"schemas":["`+userURN+`"],"userName":"a"}`, "Prefer", "return=minimal")
	c.must(200, "PATCH", path+"?attributes=title", patch(`{"op":"add","path":"title","value":"y"}`), "Prefer",
		"return=minimal")
}

func TestConditional(t *testing.T) {
	c := serve(t, scimapi.Options{}).admin(t)
	id := c.user("a")
	group := c.group("G")
	path := "/Users/" + id
	title := func(s string) string { return patch(`{"op":"add","path":"title","value":"` + s + `"}`) }
	old := c.must(200, "GET", path, nil).header.Get("ETag")
	now := c.must(200, "PATCH", path, title("x"), "If-Match", old).header.Get("ETag")
	put := `{"schemas":["` + userURN + `"],"userName":"a"}`
	for _, tc := range []struct {
		name, method string
		body         any
		header, tag  string
		status       int
	}{
		{"R7644-3.14-04", "GET", nil, "If-None-Match", now, 304},
		{"R9110-13.1.2-01 list", "GET", nil, "If-None-Match", old + ", " + now, 304},
		{"R9110-13.1.2-01 any", "GET", nil, "If-None-Match", "*", 304},
		{"R9110-13.1.2-01 HEAD", "HEAD", nil, "If-None-Match", now, 304},
		{"R9110-13.1.2-01 another", "GET", nil, "If-None-Match", old, 200},
		{"If-Match on GET", "GET", nil, "If-Match", old, 412},
		{"R7644-3.14-06 PUT", "PUT", put, "If-Match", old, 412},
		{"R7644-3.14-06 PATCH", "PATCH", title("y"), "If-Match", old, 412},
		{"R7644-3.14-06 DELETE", "DELETE", nil, "If-Match", old, 412},
		{"If-None-Match on a change", "PUT", put, "If-None-Match", "*", 412},
		{"R9110-13.1.1-01 any", "PATCH", title("x"), "If-Match", "*", 200},
		{"R9110-13.1.1-01 list", "PATCH", title("x"), "If-Match", old + "," + now, 200},
		{"B-17 strong form", "PATCH", title("x"), "If-Match", strings.TrimPrefix(now, "W/"), 200},
	} {
		r := c.request(tc.method, path, tc.body, tc.header, tc.tag)
		if r.status != tc.status {
			t.Errorf("%s: %d %s, want %d", tc.name, r.status, r.raw, tc.status)
		}
		if tc.status == 304 && (r.header.Get("ETag") != now || len(r.raw) != 0) {
			t.Errorf("R9110-15.4.5-01: %v %s", r.header, r.raw)
		}
	}
	if got := c.must(200, "GET", path, nil).header.Get("ETag"); got != now {
		t.Errorf("refused changes left %s, was %s", got, now)
	}
	c.refused(404, "", "DELETE", "/Users/11111111-1111-4111-8111-111111111111", nil, "If-Match", old) // R7644-3.14-08

	tag := c.must(200, "GET", "/Groups/"+group, nil).header.Get("ETag")
	add := patch(`{"op":"add","path":"members","value":[{"value":"` + id + `"}]}`)
	after := c.must(200, "PATCH", "/Groups/"+group, add, "If-Match", tag).header.Get("ETag")
	if after == tag {
		t.Error("a new member leaves the Group's version")
	}
	for _, method := range []string{"PATCH", "DELETE"} {
		c.refused(412, "", method, "/Groups/"+group, add, "If-Match", tag)
	}
	c.must(204, "DELETE", "/Groups/"+group, nil, "If-Match", after)
	c.must(204, "DELETE", path, nil, "If-Match", now)
}

// If clients change what all of them have read, only one of them succeeds.
func TestConcurrentIfMatch(t *testing.T) {
	c := serve(t, scimapi.Options{}).admin(t)
	id := c.user("a")
	tag := c.must(200, "GET", "/Users/"+id, nil).header.Get("ETag")
	var mu sync.Mutex
	count := map[int]int{}
	var wg sync.WaitGroup
	for i := range 6 {
		wg.Go(func() {
			r := c.request("PUT", "/Users/"+id,
				fmt.Sprintf(`{"schemas":["%s"],"userName":"a","title":"t%d"}`, userURN, i), "If-Match", tag)
			mu.Lock()
			defer mu.Unlock()
			count[r.status]++
		})
	}
	wg.Wait()
	if count[200] != 1 || count[412] != 5 { // R7644-3.14-07
		t.Errorf("%v", count)
	}
}

// A PATCH that loses a race is applied again but not rendered again: derived values that the client repeats are
// compared with the state on which its request was judged.
func TestEchoInLostRace(t *testing.T) {
	var race func()
	var prepared, rendered, between int
	s := serve(t, scimapi.Options{Hooks: map[string]scimapi.Hook{"User": {
		Prepare: func(*directory.Tx, directory.ID, *directory.Resource, schema.Document, scimapi.Resolved) error {
			if race == nil {
				return nil
			}
			if prepared++; prepared == 1 {
				race()
				rendered = 0
			} else {
				between = rendered
			}
			return nil
		},
		Render: func(*directory.Snapshot, *directory.Resource, map[string]any) { rendered++ },
	}}})
	c := s.admin(t)
	id := c.user("a", "title", "x")
	path := "/Users/" + id
	meta := mustJSON(t, c.must(200, "GET", path, nil).body["meta"])
	ref, _ := directory.ParseID(id)
	race = func() {
		_, err := s.store.Organization("default").Update(t.Context(), func(tx *directory.Tx) error {
			r, err := tx.Get("User", ref)
			if err != nil {
				return err
			}
			_, err = tx.Replace(r, schema.Document{"userName": "a", "title": "won"})
			return err
		})
		if err != nil {
			t.Error(err)
		}
	}
	r := c.must(200, "PATCH", path, patch(`{"op":"replace","value":{"nickName":"n","meta":`+string(meta)+`}}`))
	if r.body["nickName"] != "n" || r.body["title"] != "won" {
		t.Errorf("%s", r.raw)
	}
	if prepared != 2 || between != 0 {
		t.Errorf("the change ran %d times and rendered %d times in the second run", prepared, between)
	}
}

// An attribute that is returned on request comes back from the change that specifies it, and from no other.
func TestReturnedOnRequest(t *testing.T) {
	c := serve(t, scimapi.Options{}).admin(t)
	const urn, core = "urn:example:params:scim:schemas:core:1.0:Device", "urn:rollcall:params:scim:schemas:core:1.0:"
	c.must(201, "POST", "/SchemaDefinitions", `{"schemas":["`+core+`SchemaDefinition"],"urn":"`+urn+`","name":"Device",
		"attributes":[{"name":"serial","type":"string"},
		{"name":"notes","type":"string","returned":"request"},
		{"name":"place","type":"complex","subAttributes":[
			{"name":"room","type":"string"},{"name":"key","type":"string","returned":"request"}]}]}`)
	c.must(201, "POST", "/ResourceTypeDefinitions", `{"schemas":["`+core+`ResourceTypeDefinition"],"name":"Device",
		"endpoint":"/Devices","schema":"`+urn+`"}`)
	doc := `{"schemas":["` + urn + `"],"serial":"1","notes":"n","place":{"room":"r","key":"k"}}`
	made := c.must(201, "POST", "/Devices", doc)
	path := "/Devices/" + made.body["id"].(string)
	without := `{"schemas":["` + urn + `"],"serial":"1","place":{"room":"r"}}`
	for _, tc := range []struct {
		name       string
		r          reply
		notes, key any
	}{
		{"R7643-7-13 POST", made, "n", "k"},
		{"GET", c.must(200, "GET", path, nil), nil, nil},
		{"PUT", c.must(200, "PUT", path, doc), "n", "k"},
		{"PUT without it", c.must(200, "PUT", path, without), nil, nil},
		{"PATCH", c.must(200, "PATCH", path, patch(`{"op":"add","path":"notes","value":"n"}`)), "n", nil},
		{"PATCH of a part", c.must(200, "PATCH", path, patch(`{"op":"add","path":"place.key","value":"k"}`)), nil, "k"},
		{"PATCH of the whole", c.must(200, "PATCH", path, patch(`{"op":"add","value":{"place":{"key":"l"}}}`)), nil,
			"l"},
		{"PATCH of another", c.must(200, "PATCH", path, patch(`{"op":"add","path":"serial","value":"2"}`)), nil, nil},
		{"excluded", c.must(200, "PATCH", path+"?excludedAttributes=notes",
			patch(`{"op":"add","path":"notes","value":"m"}`)), nil, nil},
		{"others named", c.must(200, "PATCH", path+"?attributes=serial",
			patch(`{"op":"add","path":"notes","value":"n"}`)), nil, nil},
	} {
		if tc.r.body["notes"] != tc.notes || at(tc.r.body, "place", "key") != tc.key {
			t.Errorf("%s: %s", tc.name, tc.r.raw)
		}
	}
	r := c.must(200, "POST", "/Bulk", `{"schemas":["`+bulkURN+`"],"Operations":[`+
		bulkOp("PATCH", path, patch(`{"op":"replace","path":"notes","value":"b"}`))+`]}`, "Prefer",
		"return=representation")
	if at(r.body, "Operations", 0, "response", "notes") != "b" ||
		at(r.body, "Operations", 0, "response", "place", "key") != nil {
		t.Errorf("Bulk: %s", r.raw)
	}
}
