package schema

import (
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	elimity "github.com/elimity-com/scim/schema"
)

// TestDefinitionRoundTrip: what /Schemas shows is read again as the same schema, by elimity's model and by ours.
func TestDefinitionRoundTrip(t *testing.T) {
	schemas := Discovery()
	for _, typ := range builtins() {
		schemas = append(schemas, typ.Schema)
		for _, e := range typ.Extensions {
			schemas = append(schemas, e.Schema)
		}
	}
	for _, s := range schemas {
		t.Run(s.ID, func(t *testing.T) {
			var model elimity.Schema
			if err := json.Unmarshal(s.Definition(), &model); err != nil {
				t.Fatal(err)
			}
			published := slices.DeleteFunc(slices.Clone(s.Attributes),
				func(a *Attribute) bool { return !(definer{nested: s.ID == SchemaURN}).shows(a) })
			if len(model.Attributes) != len(published) {
				t.Fatalf("%d attributes, want %d", len(model.Attributes), len(published))
			}
			for i, a := range published {
				m := model.Attributes[i]
				if m.Name() != a.Name || m.Required() != a.Required || m.Mutability() != a.Mutability.String() ||
					m.Description() != a.Description || a.Description == "" {
					t.Errorf("%s: %v, %v", a.Name, m, a)
				}
			}
			again, err := compile(s.Definition())
			if err != nil {
				t.Fatal(err)
			}
			if got, want := string(again.Definition()), string(s.Definition()); got != want {
				t.Errorf("read again:\n%s\nwant\n%s", got, want)
			}
		})
	}
}

// TestDefinitionForm: R7643-7-03, R7643-7-07, R7643-2.3.8-01, erratum 6004.
func TestDefinitionForm(t *testing.T) {
	var walk func(t *testing.T, list []any, sub, nested bool)
	walk = func(t *testing.T, list []any, sub, nested bool) {
		for _, e := range list {
			a := e.(map[string]any)
			for _, key := range []string{"name", "type", "multiValued", "description", "required",
				"mutability", "returned"} {
				if _, ok := a[key]; !ok {
					t.Errorf("%v has no %s", a["name"], key)
				}
			}
			complex := a["type"] == "complex"
			if _, unique := a["uniqueness"]; unique == complex {
				t.Errorf("%v of type %v: uniqueness %v", a["name"], a["type"], unique)
			}
			if _, refers := a["referenceTypes"].([]any); refers != (a["type"] == "reference") {
				t.Errorf("%v of type %v: referenceTypes %v", a["name"], a["type"], refers)
			}
			if complex && sub && !nested {
				t.Errorf("%v is complex below a complex attribute", a["name"])
			}
			if subs, ok := a["subAttributes"].([]any); ok != complex {
				t.Errorf("%v of type %v: subAttributes %v", a["name"], a["type"], ok)
			} else {
				walk(t, subs, true, nested)
			}
		}
	}
	for _, s := range []*Schema{User().Schema, IdentityProvider().Schema, SchemaDefinition().Schema, Discovery()[2]} {
		t.Run(s.ID, func(t *testing.T) {
			var d map[string]any
			if err := json.Unmarshal(s.Definition(), &d); err != nil {
				t.Fatal(err)
			}
			if want := []any{SchemaURN}; !reflect.DeepEqual(d["schemas"], want) {
				t.Errorf("schemas %v", d["schemas"])
			}
			walk(t, d["attributes"].([]any), false, s.ID == SchemaURN)
		})
	}
}

// TestNestedNamed: sub-attributes that a definition cannot hold are named in the description of their parent.
func TestNestedNamed(t *testing.T) {
	for _, path := range []string{"jit.update", "jit.defaultGroups", "sp.certificates", "idp.certificates"} {
		a := IdentityProvider().Lookup(path)
		if a == nil || len(a.Sub) == 0 || !strings.Contains(a.Parent.Description, a.Name) {
			t.Errorf("%s: %+v", path, a)
		}
	}
}

func TestCompileSchema(t *testing.T) {
	define := func(attributes string) string {
		return `{"id":"urn:example:params:scim:schemas:core:1.0:Device","name":"Device","attributes":[` +
			attributes + `]}`
	}
	many := strings.Repeat(`{"name":"x","type":"string"},`, MaxAttributes)
	for i := range MaxAttributes {
		many = strings.Replace(many, `"x"`, fmt.Sprintf(`"a%d"`, i), 1)
	}
	cases := []struct{ name, in, typ, attr string }{
		{"good", define(`{"name":"serial","type":"string","uniqueness":"server"},` +
			`{"name":"ports","type":"complex","multiValued":true,"subAttributes":[{"name":"$ref",` +
			`"type":"reference"}]}`), "", ""},
		{"urn instead of id", `{"urn":"urn:example:Device","attributes":[{"name":"a","type":"string"}]}`, "", ""},
		{"not JSON", `{`, InvalidSyntax, "-"},
		{"no URN", `{"attributes":[{"name":"a","type":"string"}]}`, InvalidValue, "urn"},
		{"id is no URN", `{"id":"Device","attributes":[{"name":"a","type":"string"}]}`, InvalidValue, "id"},
		{"reserved: messages", `{"id":"urn:ietf:params:scim:api:messages:2.0:X","attributes":[{"name":"a",` +
			`"type":"string"}]}`, InvalidValue, "id"},
		{"reserved: ours", `{"id":"URN:Rollcall:params:X","attributes":[{"name":"a","type":"string"}]}`,
			InvalidValue, "id"},
		{"no attributes", define(``), InvalidValue, "attributes"},
		{"R7643-2.1-01 name", define(`{"name":"9a","type":"string"}`), InvalidValue, "attributes[0].name"},
		{"$ref at top level", define(`{"name":"$ref","type":"string"}`), InvalidValue, "attributes[0].name"},
		{"common attribute", define(`{"name":"ID","type":"string"}`), InvalidValue, "attributes[0].name"},
		{"twice in another case", define(`{"name":"a","type":"string"},{"name":"A","type":"string"}`), InvalidValue,
			"attributes[1].name"},
		{"R7643-7-04 type", define(`{"name":"a","type":"text"}`), InvalidValue, "attributes[0].type"},
		{"no type", define(`{"name":"a"}`), InvalidValue, "attributes[0].type"},
		{"R7643-7-06 mutability", define(`{"name":"a","type":"string","mutability":"readonly"}`), InvalidValue,
			"attributes[0].mutability"},
		{"R7643-7-06 returned", define(`{"name":"a","type":"string","returned":"sometimes"}`), InvalidValue,
			"attributes[0].returned"},
		{"R7643-7-06 uniqueness", define(`{"name":"a","type":"string","uniqueness":"yes"}`), InvalidValue,
			"attributes[0].uniqueness"},
		{"R7643-2.3.8-01 complex in complex",
			define(`{"name":"a","type":"complex","subAttributes":[{"name":"b","type":"complex",` +
				`"subAttributes":[{"name":"c","type":"string"}]}]}`), InvalidValue,
			"attributes[0].subAttributes[0].type"},
		{"R7643-7-05 no sub-attributes", define(`{"name":"a","type":"complex"}`), InvalidValue,
			"attributes[0].subAttributes"},
		{"sub-attributes of a string", define(`{"name":"a","type":"string","subAttributes":[{"name":"b",` +
			`"type":"string"}]}`), InvalidValue, "attributes[0].subAttributes"},
		{"a unique list", define(`{"name":"a","type":"string","multiValued":true,"uniqueness":"server"}`), InvalidValue,
			"attributes[0].uniqueness"},
		{"a unique boolean", define(`{"name":"a","type":"boolean","uniqueness":"server"}`), InvalidValue,
			"attributes[0].uniqueness"},
		{"writeOnly but always returned", define(`{"name":"a","type":"string","mutability":"writeOnly",` +
			`"returned":"always"}`), InvalidValue, "attributes[0].returned"},
		{"required is a string", define(`{"name":"a","type":"string","required":"yes"}`), InvalidValue,
			"attributes[0].required"},
		{"an attribute is a string", define(`"a"`), InvalidValue, "attributes[0]"},
		{"too many", define(many + `{"name":"last","type":"string"}`), InvalidValue,
			fmt.Sprintf("attributes[%d]", MaxAttributes)},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			s, err := CompileSchema([]byte(c.in))
			if c.attr == "-" {
				if e, ok := err.(*Error); !ok || e.Type != c.typ {
					t.Fatalf("got %v", err)
				}
				return
			}
			wantError(t, err, c.typ, c.attr)
			if err == nil && (s.ID == "" || len(s.Attributes) == 0) {
				t.Fatalf("got %+v", s)
			}
		})
	}
}
