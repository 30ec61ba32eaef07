package scimapi_test

import (
	"encoding/base64"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"rollcall/scimapi"
)

// A client that believes what it finds: it makes a resource of every type that discovery shows it, and adds, replaces
// and removes every attribute that is not readOnly, one at a time. Nothing is refused, and everything is there
// afterwards.
func TestWriteStumblesOnNothing(t *testing.T) {
	s := serve(t, scimapi.Options{})
	admin := s.admin(t)
	admin.must(201, "POST", "/SchemaDefinitions", `{"schemas":["urn:rollcall:params:scim:schemas:core:1.0:SchemaDefinition"],
		"urn":"urn:example:Device","name":"Device","attributes":[{"name":"serial","type":"string","required":true},
			{"name":"weight","type":"decimal"},{"name":"bought","type":"dateTime"},{"name":"tags","type":"complex",
			"multiValued":true,"subAttributes":[{"name":"value","type":"string"},{"name":"count","type":"integer"}]}]}`)
	admin.must(201, "POST", "/ResourceTypeDefinitions",
		`{"schemas":["urn:rollcall:params:scim:schemas:core:1.0:ResourceTypeDefinition"],
		"name":"Device","endpoint":"/Devices","schema":"urn:example:Device"}`)
	w := &walker{client: s.client(t, "default", "write", nil), schemas: map[string]any{}, ids: map[string]string{}}
	for _, schema := range w.must(200, "GET", "/Schemas", nil).body["Resources"].([]any) {
		w.schemas[at(schema, "id").(string)] = schema
	}
	types := w.must(200, "GET", "/ResourceTypes", nil).body["Resources"].([]any)
	if len(types) != 5 {
		t.Errorf("%d types", len(types))
	}
	types = slices.DeleteFunc(types, func(typ any) bool { return at(typ, "name") == "Role" }) // which it only reads
	for _, typ := range types {                                                               // of each one, to refer to
		w.ids[at(typ, "name").(string)] = w.make(typ).body["id"].(string)
	}
	for _, typ := range types {
		w.walk(typ)
	}
	if w.changed < 40 {
		t.Errorf("only %d attributes were changed", w.changed)
	}
}

// walker is a client that knows what discovery told it.
type walker struct {
	*client
	schemas map[string]any
	ids     map[string]string // of a resource of each type
	n       int
	changed int
}

func (w *walker) attributes(schema any) []any {
	list, _ := at(w.schemas[schema.(string)], "attributes").([]any)
	return list
}

// make creates a resource with what is required.
func (w *walker) make(typ any) reply {
	doc := map[string]any{"schemas": []any{at(typ, "schema")}}
	for _, a := range w.attributes(at(typ, "schema")) {
		if at(a, "required") == true && at(a, "mutability") != "readOnly" {
			doc[at(a, "name").(string)] = w.value(a)
		}
	}
	return w.must(201, "POST", at(typ, "endpoint").(string), doc)
}

// walk changes each attribute of a resource of the type.
func (w *walker) walk(typ any) {
	if at(typ, "name") == "GroupMembership" { // there is one between two resources
		w.must(204, "DELETE", "/GroupMemberships/"+w.ids["GroupMembership"], nil)
	}
	path := at(typ, "endpoint").(string) + "/" + w.make(typ).body["id"].(string)
	schemas := []any{at(typ, "schema")}
	extensions, _ := at(typ, "schemaExtensions").([]any)
	for _, e := range extensions {
		schemas = append(schemas, at(e, "schema"))
	}
	for _, schema := range schemas {
		for _, a := range w.attributes(schema) {
			if at(a, "mutability") == "readOnly" || at(a, "required") == true {
				continue
			}
			name := schema.(string) + ":" + at(a, "name").(string)
			for _, op := range []string{"add", "replace", "remove"} {
				operation := map[string]any{"op": op, "path": name}
				if op != "remove" {
					operation["value"] = w.value(a)
				}
				r := w.request("PATCH", path, map[string]any{"schemas": []string{patchURN}, "Operations": []any{operation}})
				if r.status != 200 {
					w.t.Errorf("%s of %s: %d %s", op, name, r.status, r.raw)
					continue
				}
				for _, body := range []any{r.body, w.must(200, "GET", path, nil).body} {
					w.check(a, schema != schemas[0], schema, operation["value"], body)
				}
				w.changed++
			}
		}
	}
}

// check holds the attribute in a reply to what was written; nil for nothing.
func (w *walker) check(a any, extension bool, schema, want, body any) {
	w.t.Helper()
	if extension {
		body = at(body, schema.(string))
	}
	if got := at(body, at(a, "name").(string)); !says(got, want) {
		w.t.Errorf("%s is %v, written %v", at(a, "name"), got, want)
	}
}

// says reports whether a value in a reply has everything that was written; the server may say more.
func says(got, want any) bool {
	switch want := want.(type) {
	case map[string]any:
		for name, v := range want {
			if !strings.HasPrefix(name, "$") && !says(at(got, name), v) {
				return false
			}
		}
		return true
	case []any:
		list, _ := got.([]any)
		return len(list) == len(want) && says(at(got, 0), want[0])
	}
	return reflect.DeepEqual(got, want)
}

// value is a value for the attribute by its definition.
func (w *walker) value(a any) any {
	v := w.single(a)
	if at(a, "multiValued") == true {
		return []any{v}
	}
	return v
}

func (w *walker) single(a any) any {
	w.n++
	if v := at(a, "canonicalValues", 0); v != nil {
		return v
	}
	switch at(a, "type") {
	case "boolean":
		return true
	case "integer":
		return float64(w.n)
	case "decimal":
		return float64(w.n) + 0.5
	case "dateTime":
		return "2026-01-02T03:04:05Z"
	case "binary":
		return base64.StdEncoding.EncodeToString(fmt.Appendf(nil, "certificate %d", w.n))
	case "reference":
		return fmt.Sprint("https://example.com/", w.n)
	case "complex":
		return w.object(a)
	}
	return fmt.Sprint("value ", w.n)
}

// object is a complex value. One that refers to resources of a type refers to one that is there.
func (w *walker) object(a any) map[string]any {
	object := map[string]any{}
	for _, sub := range at(a, "subAttributes").([]any) {
		if at(sub, "mutability") != "readOnly" {
			object[at(sub, "name").(string)] = w.value(sub)
		}
	}
	for _, sub := range at(a, "subAttributes").([]any) {
		types, _ := at(sub, "referenceTypes").([]any)
		if at(sub, "name") != "$ref" || len(types) == 0 {
			continue
		}
		typ := types[0].(string)
		object["value"], object["$ref"] = w.ids[typ], w.public+"/"+typ+"s/"+w.ids[typ]
		if object["type"] != nil {
			object["type"] = typ
		}
	}
	return object
}
