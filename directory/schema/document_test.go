package schema

import (
	"encoding/json"
	"strings"
	"testing"
)

// read is a document from canonical JSON.
func read(t testing.TB, typ *ResourceType, body string) Document {
	t.Helper()
	doc, err := typ.Decode([]byte(body))
	if err != nil {
		t.Fatal(err)
	}
	return doc
}

func TestCheck(t *testing.T) {
	device := custom(t)
	site := `"urn:example:extension:1.0":{"site":"s"}`
	long := strings.Repeat("x", MaxUniqueLength+1)
	elements := strings.TrimSuffix(strings.Repeat(`{"value":"x"},`, MaxElements+1), ",")
	cases := []struct {
		name string
		typ  *ResourceType
		doc  string
		attr string
	}{
		{"good user", User(), `{"userName":"u"}`, ""},
		{"R7643-4.1.1-01 no userName", User(), `{"title":"t"}`, "userName"},
		{"R7643-4.1.1-01 empty userName", User(), `{"userName":""}`, "userName"},
		{"blank userName", User(), `{"userName":"  "}`, "userName"},
		{"blank displayName", Group(), `{"displayName":" \t"}`, "displayName"},
		{"userName with a control character", User(), `{"userName":"a\tb"}`, "userName"},
		{"R7643-4.2-01 no displayName", Group(), `{"externalId":"x"}`, "displayName"},
		{"R7643-2.4-05 two primaries", User(),
			`{"userName":"u","emails":[{"value":"a","primary":true},{"value":"b","primary":true}]}`,
			"emails[1].primary"},
		{"wrong type", User(), `{"userName":"u","active":"yes"}`, "active"},
		{"a list in a single attribute", User(), `{"userName":"u","title":["a"]}`, "title"},
		{"an object in a simple attribute", User(), `{"userName":"u","title":{"a":1}}`, "title"},
		{"a single value in a list", User(), `{"userName":"u","emails":{"value":"a"}}`, "emails"},
		{"unique value too long", User(), `{"userName":"` + long + `"}`, "userName"},
		{"too many elements", User(), `{"userName":"u","emails":[` + elements + `]}`, "emails"},
		{"many members are fine", Group(), `{"displayName":"g","members":[` + elements + `]}`, ""},
		{"member without value", Group(), `{"displayName":"g","members":[{"type":"User"}]}`, "members[0].value"},
		{"required writeOnly is not kept, so not asked for", device, `{` + site + `}`, ""},
		{"R7643-6-07 required extension", device, `{"count":1}`, "urn:example:extension:1.0"},
		{"required in an extension", device, `{"urn:example:extension:1.0":{"x":1}}`, "urn:example:extension:1.0:site"},
		{"required sub-attribute", device, `{` + site + `,"owner":{"since":"2024-01-01T00:00:00Z"}}`, "owner.value"},
		{"scopes empty", AccessToken(), `{"displayName":"t","scopes":[]}`, "scopes"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) { wantError(t, c.typ.Check(read(t, c.typ, c.doc)), InvalidValue, c.attr) })
	}
}

func TestCarry(t *testing.T) {
	device := custom(t)
	site := `"urn:example:extension:1.0":{"site":"s"}`
	cases := []struct {
		name            string
		typ             *ResourceType
		old, next, want string
		attr            string
	}{
		{"R7644-3.5.1-06 readOnly", User(), `{"id":"1","userName":"u"}`, `{"id":"2","userName":"v"}`,
			`{"id":"1","userName":"v"}`, ""},
		{"readOnly that is not stored", User(), `{"userName":"u"}`, `{"userName":"u","groups":[{"value":"g"}]}`,
			`{"userName":"u"}`, ""},
		{"readOnly extension", User(), `{"userName":"u","` + OriginURN + `":{"source":"jit"}}`, `{"userName":"v"}`,
			`{"userName":"v","` + OriginURN + `":{"source":"jit"}}`, ""},
		{"R7644-3.5.1-04 readWrite left out", User(), `{"userName":"u","title":"t","` + eu + `":{"department":"D"}}`,
			`{"userName":"u"}`, `{"userName":"u"}`, ""},
		{"readOnly sub-attribute", User(), `{"` + eu + `":{"manager":{"value":"1","displayName":"One"}}}`,
			`{"` + eu + `":{"manager":{"value":"1"}}}`,
			`{"` + eu + `":{"manager":{"value":"1","displayName":"One"}}}`, ""},
		{"B-20 writeOnly left out", device, `{"pin":"1234",` + site + `}`, `{` + site + `}`,
			`{"pin":"1234",` + site + `}`, ""},
		{"a part that is shown on request only", IdentityProvider(),
			`{"idp":{"entityId":"a","certificates":[{"pem":"p"}]}}`, `{"idp":{"entityId":"b"}}`,
			`{"idp":{"entityId":"b","certificates":[{"pem":"p"}]}}`, ""},
		{"R7644-3.5.1-08 immutable changed", Organization(), `{"name":"a"}`, `{"name":"b"}`, "", "name"},
		{"immutable in another case, caseExact", device, `{"serial":"a"}`, `{"serial":"A"}`, "", "serial"},
		{"immutable left out", Organization(), `{"name":"a"}`, `{"displayName":"A"}`,
			`{"name":"a","displayName":"A"}`, ""},
		{"R7644-3.5.1-09 immutable without a value", device, `{}`, `{"serial":"A"}`, `{"serial":"A"}`, ""},
		{"immutable complex, readOnly part", AccessToken(), `{"user":{"value":"1","display":"One"}}`,
			`{"user":{"value":"1"}}`, `{"user":{"value":"1","display":"One"}}`, ""},
		{"immutable sub-attribute changed", device, `{"owner":{"value":"a","since":"2024-01-01T00:00:00Z"}}`,
			`{"owner":{"value":"b","since":"2025-01-01T00:00:00Z"}}`, "", "owner.since"},
		{"immutable sub-attribute, the same instant", device, `{"owner":{"value":"a","since":"2024-01-01T00:00:00Z"}}`,
			`{"owner":{"value":"b","since":"2024-01-01T01:00:00+01:00"}}`,
			`{"owner":{"value":"b","since":"2024-01-01T01:00:00+01:00"}}`, ""},
		{"immutable sub-attribute of what is left out", device,
			`{"owner":{"value":"a","since":"2024-01-01T00:00:00Z"}}`, `{}`,
			`{"owner":{"since":"2024-01-01T00:00:00Z"}}`, ""},
		{"elements by value", Organization(),
			`{"domains":[{"value":"a.com","verified":true},{"value":"b.com","verified":false}]}`,
			`{"domains":[{"value":"c.com"},{"value":"A.com","verified":false}]}`,
			`{"domains":[{"value":"c.com"},{"value":"A.com","verified":true}]}`, ""},
		{"a new element has nothing readOnly", Organization(), `{"domains":[{"value":"a.com","verified":true}]}`,
			`{"domains":[{"value":"a.com"},{"value":"evil.com","verified":true}]}`,
			`{"domains":[{"value":"a.com","verified":true},{"value":"evil.com"}]}`, ""},
		{"elements by what the client writes", device, `{"parts":[{"label":"a","level":1,"checked":true}]}`,
			`{"parts":[{"label":"a","level":2},{"label":"A","level":1}]}`,
			`{"parts":[{"label":"a","level":2},{"label":"A","level":1,"checked":true}]}`, ""},
		{"members are left alone", Group(), `{"displayName":"g","members":[{"value":"a"}]}`,
			`{"displayName":"g","members":[{"value":"b"}]}`, `{"displayName":"g","members":[{"value":"b"}]}`, ""},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			old, next := read(t, c.typ, c.old), read(t, c.typ, c.next)
			kept := old.Clone()
			err := c.typ.Carry(old, next)
			wantError(t, err, MutabilityError, c.attr)
			if !old.Equal(kept) {
				t.Errorf("old was changed to %v", old)
			}
			if err == nil && !next.Equal(read(t, c.typ, c.want)) {
				t.Errorf("got %v, want %s", next, c.want)
			}
		})
	}
}

func TestEncode(t *testing.T) {
	doc := Document{
		eu:       map[string]any{"manager": map[string]any{"value": "1"}, "costCenter": "c"},
		"emails": []any{map[string]any{"primary": true, "value": "a<&>\u2028\x01"}},
		"title":  "t", "userName": "u", "id": "9", "externalId": "e", "active": false,
		AccessURN: map[string]any{},
	}
	want := `{"schemas":["` + UserURN + `","` + eu +
		`"],"id":"9","externalId":"e","userName":"u","title":"t","active":false,` +
		`"emails":[{"value":"a<&>` + "\u2028" + `\u0001","primary":true}],"` + eu +
		`":{"costCenter":"c","manager":{"value":"1"}}}`
	got, err := User().Encode(doc)
	if err != nil || string(got) != want {
		t.Fatalf("got %s (%v), want %s", got, err, want)
	}
	if !json.Valid(got) {
		t.Error("is not JSON")
	}
	for range 20 {
		if again, _ := User().Encode(doc.Clone()); string(again) != want {
			t.Fatalf("equal documents encode differently: %s", again)
		}
	}
	bad := []struct {
		name string
		doc  Document
		attr string
	}{
		{"unknown attribute", Document{"foo": "x"}, "foo"},
		{"name in another case", Document{"USERNAME": "x"}, "USERNAME"},
		{"meta", Document{"meta": map[string]any{}}, "meta"},
		{"unknown sub-attribute", Document{"name": map[string]any{"foo": "x"}}, "name.foo"},
		{"unknown in an extension", Document{eu: map[string]any{"foo": "x"}}, eu + ":foo"},
		{"a Go number", Document{"title": 5}, "title"},
		{"a Go nil", Document{"title": nil}, "title"},
		{"a string for a complex attribute", Document{"name": "x"}, "name"},
		{"an object for a simple attribute", Document{"title": map[string]any{}}, "title"},
	}
	for _, c := range bad {
		t.Run(c.name, func(t *testing.T) {
			_, err := User().Encode(c.doc)
			wantError(t, err, InvalidValue, c.attr)
		})
	}
}

func TestRequiredExtensionStaysInSchemas(t *testing.T) { // B-11
	got, err := custom(t).Encode(Document{"count": json.Number("1")})
	if want := `{"schemas":["urn:example:Device","urn:example:extension:1.0"],"count":1}`; err != nil ||
		string(got) != want {
		t.Errorf("got %s (%v), want %s", got, err, want)
	}
}

func TestClone(t *testing.T) {
	doc := read(t, User(), `{"userName":"u","emails":[{"value":"a"}],"name":{"givenName":"g"}}`)
	c := doc.Clone()
	if !c.Equal(doc) {
		t.Fatal("the copy differs")
	}
	c["emails"].([]any)[0].(map[string]any)["value"] = "b"
	c["name"].(map[string]any)["givenName"] = "h"
	if doc.Equal(c) ||
		!doc.Equal(read(t, User(), `{"userName":"u","emails":[{"value":"a"}],"name":{"givenName":"g"}}`)) {
		t.Error("the copy shares values")
	}
	if Document(nil).Clone() != nil {
		t.Error("a copy of nil is not nil")
	}
}

func TestDecodeRefuses(t *testing.T) {
	for _, bad := range []string{"", "[]", "5"} {
		if _, err := User().Decode([]byte(bad)); err == nil {
			t.Errorf("%q was taken", bad)
		}
	}
}

const sample = `{"schemas":["` + UserURN + `","` + EnterpriseUserURN +
	`"],"id":"2819c223-7f76-453a-919d-413861904646","externalId":"701984","userName":"bjensen@example.com",` +
	`"name":{"formatted":"Ms. Barbara J Jensen","familyName":"Jensen","givenName":"Barbara"},` +
	`"displayName":"Babs Jensen","active":true,` +
	`"emails":[{"value":"bjensen@example.com","type":"work","primary":true},` +
	`{"value":"babs@jensen.org","type":"home"}],` +
	`"` + EnterpriseUserURN + `":{"employeeNumber":"701984","department":"Tour Operations",` +
	`"manager":{"value":"26118915-6090-4610-87e4-49d8ca9f808d"}}}`

func BenchmarkUser(b *testing.B) {
	body := []byte(sample)
	doc := read(b, User(), sample)
	b.Run("Parse", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := User().Parse(body, Mode{}); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("Check", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if err := User().Check(doc); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("Encode", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := User().Encode(doc); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("Decode", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := User().Decode(body); err != nil {
				b.Fatal(err)
			}
		}
	})
}
