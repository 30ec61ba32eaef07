package scimapi_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"rollcall/directory"
	"rollcall/directory/schema"
	"rollcall/scimapi"
)

// titled is a hook of User that replaces a title "get:x" by what it resolves x to, and counts what it did.
type titled struct {
	mu       sync.Mutex
	prepared int
	resolved []string
	during   func() // of each run, after the need was met
}

func (h *titled) hook() scimapi.Hook {
	return scimapi.Hook{
		Prepare: func(_ *directory.Tx, id directory.ID, old *directory.Resource, doc schema.Document,
			resolved scimapi.Resolved) error {
			h.prepared++
			title, _ := doc["title"].(string)
			wanted, found := strings.CutPrefix(title, "get:")
			if !found {
				return nil
			}
			if id.IsZero() || (old != nil && old.ID != id) {
				return errors.New("the hook was not told whose document it is")
			}
			got, err := resolved(wanted)
			if errors.Is(err, errRefused) {
				return schema.Errorf(schema.InvalidValue, "title", "%s", err)
			}
			if err != nil {
				return err
			}
			doc["title"] = got
			if h.during != nil {
				h.during()
			}
			return nil
		},
		Resolve: func(_ context.Context, need any) (any, error) {
			h.mu.Lock()
			defer h.mu.Unlock()
			h.resolved = append(h.resolved, fmt.Sprint(need))
			if need == "nothing" {
				return nil, errRefused
			}
			return fmt.Sprintf("got %v", need), nil
		},
	}
}

var errRefused = errors.New("there is nothing there")

// What a hook needs is resolved once a request, outside of the change, which then runs again.
func TestHookResolves(t *testing.T) {
	h := &titled{}
	c := serve(t, scimapi.Options{Hooks: map[string]scimapi.Hook{"User": h.hook()}}).admin(t)
	user := func(name, title string) string {
		return `{"schemas":["` + userURN + `"],"userName":"` + name + `","title":"` + title + `"}`
	}
	made := c.must(201, "POST", "/Users", user("a", "get:x"))
	if made.body["title"] != "got x" || h.prepared != 2 || fmt.Sprint(h.resolved) != "[x]" {
		t.Errorf("%s after %d runs and %v", made.raw, h.prepared, h.resolved)
	}
	path := "/Users/" + made.body["id"].(string)
	c.refused(400, "invalidValue", "PUT", path, user("a", "get:nothing"))
	if r := c.must(200, "PATCH", path, patch(`{"op":"replace","path":"title",`+
		`"value":"get:y"}`)); r.body["title"] != "got y" {
		t.Errorf("%s", r.raw)
	}
	if fmt.Sprint(h.resolved) != "[x nothing y]" {
		t.Errorf("resolved %v", h.resolved)
	}

	// A lost race runs the change again, and resolves nothing again.
	var once sync.Once
	h.prepared, h.resolved = 0, nil
	h.during = func() {
		once.Do(func() { c.must(200, "PATCH", path, patch(`{"op":"replace","path":"nickName","value":"n"}`)) })
	}
	r := c.must(200, "PATCH", path, patch(`{"op":"replace","path":"title","value":"get:z"}`))
	if r.body["title"] != "got z" || r.body["nickName"] != "n" || fmt.Sprint(h.resolved) != "[z]" || h.prepared != 4 {
		t.Errorf("%s after %d runs and %v", r.raw, h.prepared, h.resolved)
	}
}

// The operations of a Bulk job get what they need, each need once, and in their order where they are about one
// resource.
func TestBulkResolves(t *testing.T) {
	h := &titled{}
	c := serve(t, scimapi.Options{Hooks: map[string]scimapi.Hook{"User": h.hook()}}).admin(t)
	old := c.user("old")
	data := func(name, title string) string {
		return `{"schemas":["` + userURN + `"],"userName":"` + name + `","title":"` + title + `"}`
	}
	results := c.bulk("",
		bulkOp("POST", "/Users", data("a", "get:x"), "bulkId", "a"),
		bulkOp("PATCH", "/Users/"+old, patch(`{"op":"replace","path":"title","value":"get:y"}`)),
		bulkOp("POST", "/Users", data("b", "get:x"), "bulkId", "b"),
		bulkOp("PATCH", "/Users/"+old, patch(`{"op":"replace","path":"title","value":"get:z"}`)),
		bulkOp("POST", "/Users", data("c", "get:nothing"), "bulkId", "c"),
	)
	c.checkBulk("needs", "201 200 201 200 400/invalidValue", results)
	if r := c.must(200, "GET", "/Users/"+old, nil); r.body["title"] != "got z" {
		t.Errorf("%s", r.raw)
	}
	if got := c.list("/Users", `title eq "got x"`); got.body["totalResults"] != 2.0 {
		t.Errorf("%s", got.raw)
	}
	if got := fmt.Sprint(h.resolved); strings.Count(got, "x") != 1 || strings.Count(got, "y") != 1 ||
		strings.Count(got, "z") != 1 {
		t.Errorf("resolved %v", h.resolved)
	}
}

// A type that an organization defined gets the hook of no built-in type of its name.
func TestHookOfCustomType(t *testing.T) {
	wrong := errors.New("the hook ran")
	c := serve(t, scimapi.Options{Hooks: map[string]scimapi.Hook{"Device": {
		Prepare: func(*directory.Tx, directory.ID, *directory.Resource, schema.Document, scimapi.Resolved) error {
			return wrong
		},
		Copies: map[string]string{"serial": "label"},
		Pend:   func(*directory.Tx, *directory.Resource, schema.Document) (bool, error) { return false, wrong },
		Base:   func(*directory.Tx, *directory.Resource) (schema.Document, error) { return nil, wrong },
	}}}).admin(t)
	const urn, core = "urn:example:params:scim:schemas:core:1.0:Device", "urn:rollcall:params:scim:schemas:core:1.0:"
	c.must(201, "POST", "/SchemaDefinitions", `{"schemas":["`+core+`SchemaDefinition"],"urn":"`+urn+`","name":"Device",
		"attributes":[{"name":"serial","type":"string"},{"name":"label","type":"string"}]}`)
	c.must(201, "POST", "/ResourceTypeDefinitions", `{"schemas":["`+core+`ResourceTypeDefinition"],"name":"Device",
		"endpoint":"/Devices","schema":"`+urn+`"}`)
	made := c.must(201, "POST", "/Devices", `{"schemas":["`+urn+`"],"serial":"1","label":"l"}`)
	path, serial := "/Devices/"+made.body["id"].(string), patch(`{"op":"replace","path":"serial","value":"1"}`)
	c.refused(400, "invalidValue", "PATCH", path+"?pending=true", serial)
	c.must(200, "PATCH", path, serial, "Prefer", "return=representation")
	if r := c.must(200, "GET", path, nil); r.body["label"] != "l" {
		t.Errorf("the label was taken for a copy: %s", r.raw)
	}
}

// A hook that needs something else each time comes to an end.
func TestHookNeedsForever(t *testing.T) {
	n := 0
	c := serve(t, scimapi.Options{Hooks: map[string]scimapi.Hook{"User": {
		Prepare: func(_ *directory.Tx, _ directory.ID, _ *directory.Resource, _ schema.Document,
			resolved scimapi.Resolved) error {
			n++
			_, err := resolved(n)
			return err
		},
		Resolve: func(context.Context, any) (any, error) { return nil, nil },
	}}}).admin(t)
	body := `{"schemas":["` + userURN + `"],"userName":"a"}`
	c.refused(503, "", "POST", "/Users", body)
	if n > 20 {
		t.Errorf("ran %d times", n)
	}
	results := c.bulk("", bulkOp("POST", "/Users", body, "bulkId", "a"))
	c.checkBulk("forever", "503", results)
}
