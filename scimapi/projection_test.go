package scimapi

import (
	"testing"

	"rollcall/directory/schema"
)

const projected = `{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User"],` +
	`"id":"1","externalId":"e","userName":"u",` +
	`"name":{"givenName":"A","familyName":"B"},"emails":[{"value":"a@x","type":"work","primary":true},` +
	`{"value":"b@x"}],` +
	`"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User":{"department":"D","manager":{"value":"m"}},` +
	`"meta":{"resourceType":"User","location":"l"}}`

func TestProjection(t *testing.T) {
	const head = `"schemas":["urn:ietf:params:scim:schemas:core:2.0:User"],"id":"1"`
	const ext = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
	for _, c := range []struct {
		name                 string
		attributes, excluded []string
		want                 string
	}{
		{"R7644-3.9-02", []string{"userName"}, nil, `{` + head + `,"userName":"u"}`},
		{"R7644-3.9-05 repeated", []string{"userName", "userName"}, nil, `{` + head + `,"userName":"u"}`},
		{"R7643-2.1-04 case", []string{"USERNAME"}, nil, `{` + head + `,"userName":"u"}`},
		{"R7644-3.9-04 sub-attribute", []string{"name.givenName"}, nil, `{` + head + `,"name":{"givenName":"A"}}`},
		{"sub-attribute of many", []string{"emails.type"}, nil, `{` + head + `,"emails":[{"type":"work"}]}`},
		{"whole and part", []string{"name.givenName", "name"}, nil,
			`{` + head + `,"name":{"givenName":"A","familyName":"B"}}`},
		{"R7644-3.10-02 URN of the core", []string{"urn:ietf:params:scim:schemas:core:2.0:User:userName"}, nil,
			`{` + head + `,"userName":"u"}`},
		{"R7644-3.10-02 URN of an extension", []string{ext + ":department"}, nil, `{` + head + `,"` + ext +
			`":{"department":"D"}}`},
		{"below an extension", []string{ext + ":manager.value"}, nil, `{` + head + `,"` + ext +
			`":{"manager":{"value":"m"}}}`},
		{"R7644-3.10-03 bare URN", []string{ext}, nil, `{` + head + `,"` + ext +
			`":{"department":"D","manager":{"value":"m"}}}`},
		{"R7644-3.9-07 unknown", []string{"nosuch"}, nil, `{` + head + `}`},
		{"R7643-7-12 never", []string{"password"}, nil, `{` + head + `}`},
		{"B-19 meta named", []string{"meta.location"}, nil, `{` + head + `,"meta":{"location":"l"}}`},
		{"R7644-3.9-03", nil, []string{"emails", "meta", "name", "externalId", ext}, `{` + head + `,"userName":"u"}`},
		{"R7644-3.4.2.5-02 always", nil, []string{"id", "schemas", "emails", "meta", "name", "externalId", ext},
			`{` + head + `,"userName":"u"}`},
		{"R7644-3.9-04 excluded part", nil,
			[]string{"emails.type", "emails.primary", "meta", "name.familyName", "externalId", ext + ":manager"},
			`{` + head + `,"userName":"u","name":{"givenName":"A"},"emails":[{"value":"a@x"},{"value":"b@x"}],"` + ext +
				`":{"department":"D"}}`},
	} {
		p, err := newProjection(schema.User(), true, c.attributes, c.excluded)
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		if got := string(p.appendTo(nil, []byte(projected))); got != c.want {
			t.Errorf("%s:\n got %s\nwant %s", c.name, got, c.want)
		}
	}
	if _, err := newProjection(schema.User(), true, []string{"a"}, []string{"b"}); err == nil ||
		translate(err).scimType != "invalidValue" {
		t.Errorf("B-09: %v", err)
	}
	if p, err := newProjection(schema.User(), true, nil, nil); p != nil || err != nil {
		t.Errorf("a User without projection is not as stored: %v %v", p, err)
	}
	if sh := new(Handler).shape(schema.User()); !sh.plain || len(sh.derived) != 1 || len(sh.urns) != 2 {
		t.Errorf("User: %+v", sh)
	}
}

// A type with attributes that are returned on request, or never, or always.
func TestProjectionReturned(t *testing.T) {
	s, err := schema.CompileSchema([]byte(`{"id":"urn:example:params:scim:schemas:core:1.0:Device","name":"Device",
		"attributes":[
		{"name":"serial","type":"string","returned":"always"},
		{"name":"note","type":"string","returned":"request"},
		{"name":"pin","type":"string","returned":"never"},
		{"name":"place","type":"complex","subAttributes":[{"name":"room","type":"string"},
			{"name":"key","type":"string","returned":"never"}]}]}`))
	if err != nil {
		t.Fatal(err)
	}
	typ, err := schema.NewResourceType("Device", "/Devices", "", s)
	if err != nil {
		t.Fatal(err)
	}
	if sh := new(Handler).shape(typ); sh.plain {
		t.Errorf("Device: %+v", sh)
	}
	const stored = `{"schemas":["urn:example:params:scim:schemas:core:1.0:Device"],` +
		`"id":"1","serial":"s","note":"n","pin":"p","place":{"room":"r","key":"k"}}`
	const head = `{"schemas":["urn:example:params:scim:schemas:core:1.0:Device"],"id":"1","serial":"s"`
	for _, c := range []struct {
		name                 string
		attributes, excluded []string
		want                 string
	}{
		{"R7643-7-13 not named", nil, nil, head + `,"place":{"room":"r"}}`},
		{"R7643-7-13 named", []string{"note"}, nil, head + `,"note":"n"}`},
		{"R7643-7-12 never", []string{"pin", "place.key", "place"}, nil, head + `,"place":{"room":"r"}}`},
		{"R7644-3.4.2.5-02 always", nil, []string{"serial", "place"}, head + `}`},
		{"excluded on request", nil, []string{"note"}, head + `,"place":{"room":"r"}}`},
	} {
		p, err := newProjection(typ, false, c.attributes, c.excluded)
		if err != nil {
			t.Fatal(err)
		}
		if got := string(p.appendTo(nil, []byte(stored))); got != c.want {
			t.Errorf("%s:\n got %s\nwant %s", c.name, got, c.want)
		}
	}
}
