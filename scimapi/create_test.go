package scimapi_test

import (
	"fmt"
	"reflect"
	"strings"
	"sync"
	"testing"

	"rollcall/scimapi"
)

func TestCreate(t *testing.T) {
	c := serve(t, scimapi.Options{}).admin(t)
	r := c.must(201, "POST", "/Users", `{"schemas":["`+userURN+`","`+extURN+`"],"id":"mine",
		"meta":{"created":"1999-01-01T00:00:00Z"},
		"groups":[{"value":"x"}],"externalId":"AbC-1","USERNAME":"bjensen","Name":{"GIVENNAME":"Barbara"},
			"password":"s3cret-s3cret",
		"nickName":null,"ims":[],"foo":1,"`+extURN+`":{"department":"D"}}`)
	id, _ := r.body["id"].(string)
	t.Run("R7644-3.3-02 Location", func(t *testing.T) {
		if got := r.header.Get("Location"); got != c.public+"/Users/"+id || got != at(r.body, "meta", "location") {
			t.Errorf("Location %q, meta.location %v", got, at(r.body, "meta", "location"))
		}
	})
	t.Run("R7644-3.3-05 readOnly is ignored", func(t *testing.T) {
		created := parseTime(t, at(r.body, "meta", "created"))
		if id == "mine" || created.Year() < 2020 || r.body["groups"] != nil {
			t.Errorf("%s", r.raw)
		}
	})
	t.Run("R7643-3.1-06 meta", func(t *testing.T) {
		if at(r.body, "meta", "resourceType") != "User" ||
			at(r.body, "meta", "created") != at(r.body, "meta", "lastModified") {
			t.Errorf("%s", r.raw)
		}
	})
	t.Run("R7644-3.14-01 ETag", func(t *testing.T) {
		if tag := r.header.Get("ETag"); !strings.HasPrefix(tag, `W/"`) || tag != at(r.body, "meta", "version") {
			t.Errorf("ETag %q, meta.version %v", tag, at(r.body, "meta", "version"))
		}
	})
	t.Run("R7643-3.1-09 values", func(t *testing.T) {
		if r.body["externalId"] != "AbC-1" || at(r.body, "name", "givenName") != "Barbara" ||
			at(r.body, extURN, "department") != "D" {
			t.Errorf("%s", r.raw)
		}
	})
	t.Run("R7643-4.1.1-03 password, R7643-2.5-01 unassigned, B-03 unknown", func(t *testing.T) {
		for _, name := range []string{"password", "nickName", "ims", "foo"} {
			if v, ok := r.body[name]; ok {
				t.Errorf("%s: %v", name, v)
			}
		}
	})
	t.Run("R7644-3.1-03 GET is equal", func(t *testing.T) {
		got := c.must(200, "GET", "/Users/"+id, nil)
		if !reflect.DeepEqual(got.body, r.body) || got.header.Get("ETag") != r.header.Get("ETag") ||
			got.header.Get("Location") != r.header.Get("Location") {
			t.Errorf("got %s\nhad %s", got.raw, r.raw)
		}
	})
	t.Run("R7643-3.3-03 schemas", func(t *testing.T) {
		urns := fmt.Sprint(r.body["schemas"])
		for key := range r.body {
			if strings.HasPrefix(key, "urn:") && !strings.Contains(urns, key) {
				t.Errorf("%s is not in %s", key, urns)
			}
		}
		if !strings.Contains(urns, userURN) {
			t.Errorf("schemas %s", urns)
		}
	})
}

func TestCreateRefused(t *testing.T) {
	s := serve(t, scimapi.Options{Limits: scimapi.Limits{Body: 4096}})
	c := s.admin(t)
	c.user("bjensen")
	user := func(more string) string { return `{"schemas":["` + userURN + `"],` + more + `}` }
	for _, tc := range []struct {
		name, path, body string
		status           int
		scimType, detail string
	}{
		{"R7643-4.1.1-02 userName in another case", "/Users", user(`"userName":"BJensen"`), 409,
			"uniqueness", "userName"},
		{"R7643-4.1.1-01 no userName", "/Users", user(`"title":"x"`), 400, "invalidValue", "userName"},
		{"R7643-4.1.1-01 empty userName", "/Users", user(`"userName":""`), 400, "invalidValue", "userName"},
		{"R7644-3.12-02 number", "/Users", user(`"userName":5`), 400, "invalidValue", "userName"},
		{"R7644-3.12-02 in a list", "/Users", user(`"userName":"a","emails":[{"value":"a@x"},{"value":5}]`), 400,
			"invalidValue", "emails[1].value"},
		{"R7644-3.12-02 boolean", "/Users", user(`"userName":"a","active":"maybe"`), 400, "invalidValue", "active"},
		{"R7644-3.12-03 cut off", "/Users", `{`, 400, "invalidSyntax", ""},
		{"R7644-3.12-03 an array", "/Users", `[]`, 400, "invalidSyntax", ""},
		{"R7644-3.12-03 empty", "/Users", ``, 400, "invalidSyntax", "empty"},
		{"R7644-3.8-08 duplicate key", "/Users", user(`"userName":"a","userName":"b"`), 400,
			"invalidSyntax", "userName"},
		{"R7644-3.8-08 deep nesting", "/Users",
			user(`"userName":"a","x":` + strings.Repeat("[", 500) + strings.Repeat("]", 500)), 400,
			"invalidSyntax", ""},
		{"R7644-3.8-05 not UTF-8", "/Users", user("\"userName\":\"\xff\""), 400, "invalidSyntax", ""},
		{"B-02 empty schemas", "/Users", `{"schemas":[],"userName":"a"}`, 400, "invalidSyntax", "schemas"},
		{"B-24 too large", "/Users", user(`"userName":"` + strings.Repeat("a", 5000) + `"`), 413, "", "4096"},
		{"R7643-4.2-01 no displayName", "/Groups", `{"schemas":["` + groupURN + `"]}`,
			400, "invalidValue", "displayName"},
		{"R7643-2.3.7-04 unknown member", "/Groups", `{"schemas":["` + groupURN +
			`"],"displayName":"G","members":[{"value":"nosuch"}]}`, 400, "invalidValue", "nosuch"},
		{"R7643-2.3.7-04 unknown member id", "/Groups", `{"schemas":["` + groupURN +
			`"],"displayName":"G","members":[{"value":"11111111-1111-4111-8111-111111111111"}]}`, 400,
			"invalidValue", "11111111"},
		{"Group too large without members", "/Groups", `{"schemas":["` + groupURN + `"],"displayName":"` +
			strings.Repeat("a", 5000) + `"}`, 413, "", "4096"},
		{"R7644-3.12-04 unknown endpoint", "/Nope", user(`"userName":"a"`), 404, "", "/Nope"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			c := *c
			c.t = t
			r := c.refused(tc.status, tc.scimType, "POST", tc.path, []byte(tc.body))
			if detail, _ := r.body["detail"].(string); !strings.Contains(detail, tc.detail) {
				t.Errorf("detail %q does not name %q", detail, tc.detail)
			}
		})
	}
	if n := c.must(200, "GET", "/Users", nil).body["totalResults"]; n != 1.0 {
		t.Errorf("refused requests left %v Users", n)
	}
	if n := c.must(200, "GET", "/Groups", nil).body["totalResults"]; n != 0.0 {
		t.Errorf("refused requests left %v Groups", n)
	}
}

// If clients create the same userName at once, one of them gets it.
func TestCreateConcurrently(t *testing.T) {
	c := serve(t, scimapi.Options{}).admin(t)
	const n = 8
	status := make([]int, n)
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() {
			status[i] = c.request("POST", "/Users", `{"schemas":["`+userURN+`"],"userName":"one"}`).status
		})
	}
	wg.Wait()
	count := map[int]int{}
	for _, s := range status {
		count[s]++
	}
	if count[201] != 1 || count[409] != n-1 {
		t.Errorf("%v", count)
	}
}

func TestMediaTypes(t *testing.T) {
	c := serve(t, scimapi.Options{}).admin(t)
	for i, tc := range []struct {
		name, header, value string
		status              int
		contentType         string
	}{
		{"R7644-3.8-06 SCIM", "Content-Type", "application/scim+json; charset=utf-8", 201, "application/scim+json"},
		{"R7644-3.8-06 JSON", "Content-Type", "application/json", 201, "application/scim+json"},
		{"no type", "Content-Type", "", 201, "application/scim+json"},
		{"R9110-15.5.16-01", "Content-Type", "text/plain", 415, "application/scim+json"},
		{"charset", "Content-Type", "application/json; charset=latin1", 415, "application/scim+json"},
		{"encoding", "Content-Encoding", "br", 415, "application/scim+json"},
		{"R7644-3.8-03", "Accept", "application/json", 201, "application/json"},
		{"R9110-15.5.7-01", "Accept", "image/png", 201, "application/scim+json"},
	} {
		r := c.request("POST", "/Users", fmt.Sprintf(`{"schemas":["%s"],"userName":"u%d"}`, userURN, i),
			tc.header, tc.value)
		if got := r.header.Get("Content-Type"); r.status != tc.status || got != tc.contentType {
			t.Errorf("%s: %d %s", tc.name, r.status, got)
		}
	}
	r := c.must(201, "POST", "/Users", "\ufeff"+`{"schemas":["`+userURN+`"],"userName":"日本語 😀 שלום"}`)
	if r.body["userName"] != "日本語 😀 שלום" {
		t.Errorf("R7644-3.8-05: %s", r.raw)
	}
}

func TestDelete(t *testing.T) {
	c := serve(t, scimapi.Options{}).admin(t)
	id := c.user("gone")
	group := c.group("G", id)
	if r := c.must(204, "DELETE", "/Users/"+id, nil); len(r.raw) != 0 {
		t.Errorf("R7644-3.6-01: %q", r.raw)
	}
	body := `{"schemas":["` + userURN + `"],"userName":"gone"}`
	for method, b := range map[string]any{"GET": nil, "PUT": body, "PATCH": patch(`{"op":"remove","path":"title"}`),
		"DELETE": nil} {
		c.refused(404, "", method, "/Users/"+id, b)
	}
	if n := c.must(200, "GET", `/Users?filter=id+eq+"`+id+`"`, nil).body["totalResults"]; n != 0.0 {
		t.Errorf("R7644-3.6-03: %v", n)
	}
	if m := c.must(200, "GET", "/Groups/"+group, nil).body["members"]; m != nil {
		t.Errorf("B-23: %v", m)
	}
	if again := c.user("gone"); again == id { // R7644-3.6-04
		t.Errorf("R7643-3.1-03: the id is used again")
	}
	c.refused(404, "", "DELETE", "/Users/0", nil)
	c.refused(404, "", "DELETE", "/Users/11111111-1111-4111-8111-111111111111", nil)
}

func TestMethods(t *testing.T) {
	s := serve(t, scimapi.Options{})
	c := s.admin(t)
	id := c.user("a")
	for _, tc := range []struct{ method, path, allow string }{
		{"DELETE", "/Users", "GET, HEAD, OPTIONS, POST"},
		{"PUT", "/Groups", "GET, HEAD, OPTIONS, POST"},
		{"POST", "/Users/" + id, "GET, HEAD, OPTIONS, PATCH, PUT, DELETE"},
		{"PATCH", "/ServiceProviderConfig", "GET, HEAD, OPTIONS"},
		{"POST", "/Schemas", "GET, HEAD, OPTIONS"},
		{"DELETE", "/ResourceTypes/User", "GET, HEAD, OPTIONS"},
		{"POST", "/Events", "GET, HEAD, OPTIONS"},
		{"DELETE", "/SignIns/" + id, "GET, HEAD, OPTIONS"},
		{"PUT", "/DeletedUsers/" + id, "GET, HEAD, OPTIONS, DELETE"},
		{"POST", "/Sessions", "GET, HEAD, OPTIONS"},
		{"POST", "/Organizations", "GET, HEAD, OPTIONS"},
		{"DELETE", "/Organizations/" + id, "GET, HEAD, OPTIONS, PATCH, PUT"},
		{"FOO", "/Users", "GET, HEAD, OPTIONS, POST"},
	} {
		r := c.refused(405, "", tc.method, tc.path, nil)
		if got := r.header.Get("Allow"); got != tc.allow {
			t.Errorf("%s %s: Allow %q, want %q", tc.method, tc.path, got, tc.allow)
		}
	}
	if r := c.must(204, "OPTIONS", "/Users/"+id,
		nil); r.header.Get("Allow") != "GET, HEAD, OPTIONS, PATCH, PUT, DELETE" {
		t.Errorf("OPTIONS: %v", r.header)
	}
	get := c.must(200, "GET", "/Users/"+id+"/", nil) // R7644-3.2-03
	head := c.must(200, "HEAD", "/Users/"+id, nil)
	if len(head.raw) != 0 || head.header.Get("ETag") != get.header.Get("ETag") ||
		head.header.Get("Content-Length") != fmt.Sprint(len(get.raw)) {
		t.Errorf("R9110-9.3.2-01: %v", head.header)
	}
	for _, path := range []string{"/user", "/Users/" + id + "/x", "/Users/" + id + "/x/y", "/Users//", "/v9/Users",
		"/Users/" + id + "/.nosuch"} {
		c.refused(404, "", "GET", path, nil)
	}
	if r := c.must(200, "GET", "/Users/"+id, nil); r.header.Get("X-Request-Id") == "" ||
		r.header.Get("X-Request-Id") == get.header.Get("X-Request-Id") {
		t.Errorf("X-Request-Id %q", r.header.Get("X-Request-Id"))
	}
}
