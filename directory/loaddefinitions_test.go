package directory_test

import (
	"encoding/json"
	"strings"
	"sync"
	"testing"
	"testing/fstest"

	"rollcall/directory"
	"rollcall/directory/directorytest"
	"rollcall/directory/schema"
)

const (
	deviceSchema = `{"schemas":["urn:ietf:params:scim:schemas:core:2.0:Schema"],
		"id":"urn:example:params:scim:schemas:core:1.0:Device","name":"Device",
		"meta":{"resourceType":"Schema"},
		"attributes":[{"name":"serial","type":"string","multiValued":false,"required":true,"uniqueness":"server"}]}`
	deviceType = `{"schemas":["urn:ietf:params:scim:schemas:core:2.0:ResourceType"],
		"id":"Device","name":"Device","endpoint":"/Devices",
		"schema":"urn:example:params:scim:schemas:core:1.0:Device"}`
	badgeFile = `[{"name":"User","endpoint":"/Users","schema":"urn:ietf:params:scim:schemas:core:2.0:User",
		"schemaExtensions":[{"schema":"` + badgeURN + `","required":false}]},
		{"id":"` + badgeURN + `","name":"Badge","attributes":[{"name":"number","type":"string"}]}]`
)

func definitionFiles(pairs ...string) fstest.MapFS {
	files := fstest.MapFS{"README.md": {Data: []byte("no definition")}}
	for i := 0; i < len(pairs); i += 2 {
		files[pairs[i]] = &fstest.MapFile{Data: []byte(pairs[i+1])}
	}
	return files
}

func TestLoadDefinitions(t *testing.T) {
	root := directorytest.Root()
	s := directorytest.Open(t, directorytest.Client(t), directory.Options{Root: root})
	other := directorytest.Open(t, directorytest.Client(t), directory.Options{Root: root})
	create(t, s.System(), "Organization", schema.Document{"name": "acme"})
	files := definitionFiles("a-type.json", deviceType, "b-schema.json", deviceSchema, "more/badge.json", badgeFile)
	var wg sync.WaitGroup
	for _, s := range []*directory.Store{s, other} { // two nodes start at once
		wg.Go(func() {
			if err := directory.LoadDefinitions(t.Context(), s, files); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	for _, name := range []string{"default", "acme"} {
		d := s.Organization(name)
		create(t, d, "Device", schema.Document{"serial": "1"})
		wantKind(t, tryCreate(t, d, "Device", schema.Document{"serial": "1"}), directory.Exists)
		create(t, d, "User", badge("ann", "7"))
	}
	versions := func() (out []directory.Version) {
		for _, typ := range []string{"SchemaDefinition", "ResourceTypeDefinition"} {
			for r := range snapshot(t, s.Organization("acme")).All(typ) {
				out = append(out, r.Version)
			}
		}
		return out
	}
	before := versions()
	if err := directory.LoadDefinitions(t.Context(), s, files); err != nil {
		t.Fatal(err)
	}
	if after := versions(); len(before) != 4 || len(after) != 4 || before[0] != after[0] || before[3] != after[3] {
		t.Errorf("equal definitions were not left alone: %v, %v", before, after)
	}
	more := strings.Replace(deviceSchema, `"attributes":[`, `"attributes":[{"name":"weight","type":"integer"},`, 1)
	if err := directory.LoadDefinitions(t.Context(), s, definitionFiles("d.json", more)); err != nil {
		t.Fatal(err)
	}
	create(t, s.Organization("acme"), "Device", schema.Document{"serial": "2", "weight": json.Number("5")})
}

func TestLoadDefinitionsErrors(t *testing.T) {
	s := directorytest.New(t)
	create(t, s.Organization("default"), "User", schema.Document{"userName": "ann"})
	for _, tc := range []struct {
		name  string
		files []string
		want  []string
	}{
		{"no JSON", []string{"x.json", `{"a":`}, []string{"x.json", "byte"}},
		{"no definition", []string{"x.json", `{"schemas":["urn:x"]}`}, []string{"x.json", "schemas"}},
		{"not in an array", []string{"sub/x.json", `[` + deviceSchema + `,5]`}, []string{"sub/x.json: [1]", "object"}},
		{"an attribute", []string{"x.json", strings.Replace(deviceSchema, `"type":"string"`, `"type":"strong"`, 1)},
			[]string{"x.json", "attributes[0].type"}},
		{"an unknown word", []string{"x.json", strings.Replace(deviceSchema, `"multiValued"`, `"multi"`, 1)},
			[]string{"x.json", "multi"}},
		{"no name", []string{"x.json", strings.Replace(deviceType, `"name":"Device",`, ``, 1)}, []string{"x.json",
			"name"}},
		{"twice", []string{"x.json", deviceSchema, "y.json", deviceSchema}, []string{"y.json", "x.json"}},
		{"an unknown schema", []string{"x.json", deviceType}, []string{"x.json", "default", "schema"}},
		{"data in the way", []string{"x.json", strings.Replace(strings.Replace(badgeFile, `"required":false`,
			`"required":true`, 1), `"type":"string"`, `"type":"string","required":true`, 1)},
			[]string{"x.json: [0]", "default", "User"}},
	} {
		err := directory.LoadDefinitions(t.Context(), s, definitionFiles(tc.files...))
		if err == nil {
			t.Errorf("%s: no error", tc.name)
			continue
		}
		for _, w := range tc.want {
			if !strings.Contains(err.Error(), w) {
				t.Errorf("%s: %v does not name %q", tc.name, err, w)
			}
		}
	}
}
