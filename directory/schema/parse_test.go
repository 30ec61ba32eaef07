package schema

import (
	"bytes"
	"encoding/json"
	"errors"
	"reflect"
	"strings"
	"testing"
	"unicode/utf8"
)

func userBody(rest string) string {
	return `{"schemas":["` + UserURN + `"],"userName":"u"` + rest + `}`
}

// TestParse: bodies and the canonical JSON they become, or where they are refused. strict is what happens in strict
// mode: "" the same, else the place of the refusal.
func TestParse(t *testing.T) {
	core := `{"schemas":["` + UserURN + `"],`
	withEU := `{"schemas":["` + UserURN + `","` + eu + `"],`
	cases := []struct{ name, body, want, attr, strict string }{
		{"R7643-2.1-02 names in any case", `{"Schemas":["` + UserURN + `"],"USERNAME":"x","Name":{"GIVENNAME":"g"}}`,
			core + `"userName":"x","name":{"givenName":"g"}}`, "", ""},
		{"R7644-3.3-05 readOnly is dropped", userBody(`,"id":"9","meta":{"created":"1999"},"groups":[{"value":"g"}]`),
			core + `"userName":"u"}`, "", ""},
		{"R7643-4.1.1-03 password is not kept", userBody(`,"password":"secret"`), core + `"userName":"u"}`, "",
			"password"},
		{"password of a wrong type", userBody(`,"password":5`), "", "password", ""},
		{"R7644-3.3-08 null and []", userBody(`,"nickName":null,"roles":[],"name":{}`),
			core + `"userName":"u"}`, "", ""},
		{"R7643-7-11 unknown attribute", userBody(`,"foo":1`), core + `"userName":"u"}`, "", "foo"},
		{"unknown sub-attribute", userBody(`,"name":{"foo":1,"givenName":"g"}`),
			core + `"userName":"u","name":{"givenName":"g"}}`, "", "name.foo"},
		{"R7643-3.3-05 extension attribute at top level", userBody(`,"department":"D"`), core + `"userName":"u"}`, "",
			"department"},
		{"R7643-3-06 extension without its URN", userBody(`,"` + eu + `":{"department":"D"}`),
			withEU + `"userName":"u","` + eu + `":{"department":"D"}}`, "", "schemas"},
		{"null in a list", userBody(`,"emails":[null,{"value":"a"}]`),
			core + `"userName":"u","emails":[{"value":"a"}]}`, "", "emails[0]"},
		{"R7643-3-04 extension URN first", `{"schemas":["` + eu + `","` + UserURN + `"],"userName":"u"}`,
			core + `"userName":"u"}`, "", ""},
		{"extension URN in another case", `{"schemas":["` + UserURN + `","` + eu + `"],"userName":"u","` +
			strings.ToUpper(eu) + `":{"DEPARTMENT":"D"}}`,
			withEU + `"userName":"u","` + eu + `":{"department":"D"}}`, "", ""},
		{"extension null", userBody(`,"` + eu + `":null`), core + `"userName":"u"}`, "", ""},
		{"extension of a wrong type", userBody(`,"` + eu + `":"x"`), "", eu, ""},
		{"R7643-3-02 no schemas", `{"userName":"u"}`, core + `"userName":"u"}`, "", "schemas"},
		{"R7643-3-02 schemas null", `{"schemas":null,"userName":"u"}`, core + `"userName":"u"}`, "", "schemas"},
		{"a member without a name is not schemas", `{"":["` + UserURN + `"],"userName":"u"}`,
			core + `"userName":"u"}`, "", "schemas"},
		{"schemas empty", `{"schemas":[],"userName":"u"}`, "", "schemas", ""},
		{"schemas a string", `{"schemas":"` + UserURN + `","userName":"u"}`, "", "schemas", ""},
		{"schemas of another type", `{"schemas":["` + GroupURN + `"],"userName":"u"}`, "", "schemas", "schemas[0]"},
		{"schemas with a number", `{"schemas":["` + UserURN + `",1],"userName":"u"}`, "", "schemas[1]", ""},
		{"Q-14 unknown URN", `{"schemas":["` + UserURN +
			`","http://schemas.microsoft.com/2006/11/ResourceManagement/ADSCIM/2.0/Group"],"userName":"u"}`,
			core + `"userName":"u"}`, "", "schemas[1]"},
		{"OneLogin 1.x URNs", `{"schemas":["urn:scim:schemas:core:1.0"],` +
			`"userName":"u","urn:scim:schemas:extension:enterprise:1.0":{"department":"D"}}`,
			withEU + `"userName":"u","` + eu + `":{"department":"D"}}`, "", "schemas[0]"},
		{"R7644-3.12-03 an array", `[]`, "", "-", ""},
		{"not JSON", `{`, "", "-", ""},
		{"empty", ``, "", "-", ""},
		{"data after the end", userBody("") + "{}", "", "-", ""},
		{"duplicate key", userBody(`,"title":"a","title":"b"`), "", "title", ""},
		{"duplicate key in another case", userBody(`,"title":"a","TITLE":"b"`), "", "title", ""},
		{"too deep", userBody(`,"x":` + strings.Repeat("[", 40) + strings.Repeat("]", 40)), "", "-", ""},
		{"no UTF-8", userBody(",\"title\":\"\xff\""), "", "-", ""},

		{"R7644-3.12-02 userName number", `{"schemas":["` + UserURN + `"],"userName":5}`, "", "userName", ""},
		{"emails string", userBody(`,"emails":"x"`), "", "emails", ""},
		{"name array", userBody(`,"name":[]`), "", "name", ""},
		{"active word", userBody(`,"active":"maybe"`), "", "active", ""},
		{"element of a wrong type", userBody(`,"emails":[{"value":"a"},{"value":5}]`), "", "emails[1].value", ""},
		{"element a string", userBody(`,"emails":["a"]`), "", "emails[0]", ""},
		{"Q-02 boolean string", userBody(`,"active":"False","emails":[{"value":"a","primary":"True"}]`),
			core + `"userName":"u","active":false,"emails":[{"value":"a","primary":true}]}`, "", "active"},
		{"OneLogin emails object", userBody(`,"emails":{"value":"a"}`),
			core + `"userName":"u","emails":[{"value":"a"}]}`, "", "emails"},
		{"OneLogin empty strings", userBody(`,"title":"","active":"","phoneNumbers":[{"type":"work","value":""}]`),
			core + `"userName":"u"}`, "", "active"},
		{"empty list as a string", userBody(`,"phoneNumbers":""`), core + `"userName":"u"}`, "", "phoneNumbers"},
		{"label without value stays", userBody(`,"emails":[{"type":"work","primary":true}]`),
			core + `"userName":"u","emails":[{"type":"work","primary":true}]}`, "", ""},
		{"Q-06 manager a string", userBody(`,"` + eu + `":{"manager":"26"}`), withEU + `"userName":"u","` + eu +
			`":{"manager":{"value":"26"}}}`, "", eu + ":manager"},
		{"Q-06 manager an array", userBody(`,"` + eu + `":{"manager":[{"value":"26","displayName":"x"}]}`),
			withEU + `"userName":"u","` + eu + `":{"manager":{"value":"26"}}}`, "", eu + ":manager"},
		{"two managers", userBody(`,"` + eu + `":{"manager":[{"value":"26"},{"value":"27"}]}`), "",
			eu + ":manager", ""},
		{"R7643-4.3-03 manager.displayName is dropped", userBody(`,"` + eu + `":{"manager":{"displayName":"x"}}`),
			core + `"userName":"u"}`, "", ""},

		{"R7643-2.4-01 two primaries", userBody(`,"emails":[{"value":"a","primary":true},` +
			`{"value":"b","primary":true}]`), "", "emails[1].primary", ""},
		{"T-10 the same mail twice as primary",
			userBody(`,"emails":[{"value":"a","type":"work","primary":true},` +
				`{"value":"A","type":"home","primary":true}]`),
			core + `"userName":"u","emails":[{"value":"a","type":"work","primary":true},` +
				`{"value":"A","type":"home","primary":false}]}`, "", "emails[1].primary"},
		{"R7643-2.4-03 duplicates", userBody(`,"emails":[{"value":"a","type":"work"},` +
			`{"value":"A","type":"WORK","display":"d","primary":true}]`),
			core + `"userName":"u","emails":[{"value":"a","display":"d","type":"work","primary":true}]}`, "", ""},
		{"a duplicate that is primary", userBody(`,"emails":[{"value":"a","primary":false},` +
			`{"value":"A","primary":true}]`), core + `"userName":"u","emails":[{"value":"a","primary":true}]}`, "", ""},
		{"R7643-4.1.2-01 country", userBody(`,"addresses":[{"country":"USA"}]`),
			core + `"userName":"u","addresses":[{"country":"USA"}]}`, "", "addresses[0].country"},
		{"country code", userBody(`,"addresses":[{"country":"US"}]`),
			core + `"userName":"u","addresses":[{"country":"US"}]}`, "", ""},
		{"R7643-4.1.1-05 locale", userBody(`,"locale":"not a tag"`), core + `"userName":"u","locale":"not a tag"}`,
			"", "locale"},
		{"R7643-2.3.6-01 binary", userBody(`,"x509Certificates":[{"value":"***"}]`), "",
			"x509Certificates[0].value", ""},
		{"certificate without padding", userBody(`,"x509Certificates":[{"value":"MAA"}]`),
			core + `"userName":"u","x509Certificates":[{"value":"MAA"}]}`, "", ""},
		{"R7643-4.1.2-07 two certificates", userBody(`,"x509Certificates":[{"value":"MAAwAA=="}]`), "",
			"x509Certificates[0].value", ""},
		{"two values that are no SEQUENCE by their class", userBody(`,"x509Certificates":[{"value":"sACwAA=="}]`),
			core + `"userName":"u","x509Certificates":[{"value":"sACwAA=="}]}`, "", "x509Certificates[0].value"},
		{"one value of that class", userBody(`,"x509Certificates":[{"value":"sAA="}]`),
			core + `"userName":"u","x509Certificates":[{"value":"sAA="}]}`, "", "x509Certificates[0].value"},
		{"base64 that is no certificate", userBody(`,"x509Certificates":[{"value":"AAAAAAAA"}]`),
			core + `"userName":"u","x509Certificates":[{"value":"AAAAAAAA"}]}`, "", "x509Certificates[0].value"},
		{"R7643-4.1.2-06 profileUrl", userBody(`,"profileUrl":"not a uri"`), "", "profileUrl", ""},
		{"relative profileUrl", userBody(`,"profileUrl":"example.com/u"`),
			core + `"userName":"u","profileUrl":"example.com/u"}`, "", "profileUrl"},
		{"userName with a control character", `{"schemas":["` + UserURN + `"],"userName":"a\u0000b"}`, "",
			"userName", ""},
		{"externalId keeps its case", userBody(`,"externalId":"AbC-1"`),
			core + `"externalId":"AbC-1","userName":"u"}`, "", ""},
		{"canonical values are open", userBody(`,"emails":[{"value":"a","type":"custom"}]`),
			core + `"userName":"u","emails":[{"value":"a","type":"custom"}]}`, "", ""},
		{"escapes", userBody(`,"title":"a\"\\\n\u00e9\ud83d\ude00"`),
			core + `"userName":"u","title":"a\"\\\né😀"}`, "", ""},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			checkParse(t, User(), c.body, c.want, c.attr, Mode{})
			if c.strict != "" {
				checkParse(t, User(), c.body, "", c.strict, Mode{Strict: true})
			} else if c.attr != "" {
				checkParse(t, User(), c.body, "", c.attr, Mode{Strict: true})
			}
		})
	}
}

func checkParse(t *testing.T, typ *ResourceType, body, want, attr string, m Mode) {
	t.Helper()
	doc, err := typ.Parse([]byte(body), m)
	if attr != "" {
		e, ok := err.(*Error)
		if !ok || attr != "-" && e.Attr != attr || e.Type != InvalidValue && e.Type != InvalidSyntax || e.Detail == "" {
			t.Fatalf("%+v: got %v and error %#v, want one at %s", m, doc, err, attr)
		}
		return
	}
	if err != nil {
		t.Fatalf("%+v: %v", m, err)
	}
	got, err := typ.Encode(doc)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != want {
		t.Errorf("%+v: got\n%s\nwant\n%s", m, got, want)
	}
}

func TestParseGroup(t *testing.T) {
	head := `{"schemas":["` + GroupURN + `"],"displayName":"G"`
	cases := []struct{ name, body, want, attr string }{
		{"Q-09 members as they come",
			head + `,"members":[{"$ref":null,"value":"a"},{"value":"b","display":"B"},{"value":"c","type":"User"}]}`,
			head + `,"members":[{"value":"a"},{"value":"b"},{"value":"c","type":"User"}]}`, ""},
		{"Q-10 a member twice", head + `,"members":[{"value":"a"},{"value":"a","type":"User"}]}`,
			head + `,"members":[{"value":"a","type":"User"}]}`, ""},
		{"Q-08 no members", head + `,"members":[]}`, head + `}`, ""},
		{"a member without value", head + `,"members":[{"display":"x"}]}`, "", "members[0].value"},
		{"a member with a null value", head + `,"members":[{"value":"a"},{"value":null}]}`, "", "members[1].value"},
		{"a member as a string", head + `,"members":["a"]}`, "", "members[0]"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) { checkParse(t, Group(), c.body, c.want, c.attr, Mode{}) })
	}
}

// TestSchemasTwice: two spellings of "schemas" are refused as such, whatever each says, and in every run.
func TestSchemasTwice(t *testing.T) {
	body := `{"SCHEMAS":[5],"schemas":["` + UserURN + `"],"userName":"u"}`
	for range 30 {
		checkParse(t, User(), body, "", "schemas", Mode{})
	}
}

func TestParseKeepReadOnly(t *testing.T) {
	doc, err := User().Parse([]byte(userBody(`,"id":"9","meta":{"created":"1999"},"`+OriginURN+`":{"source":"jit"}`)),
		Mode{KeepReadOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	want := Document{"userName": "u", "id": "9", OriginURN: map[string]any{"source": "jit"}}
	if !doc.Equal(want) {
		t.Errorf("got %v", doc)
	}
}

// custom is a type with an attribute of every kind.
func custom(t testing.TB) *ResourceType {
	t.Helper()
	s, err := CompileSchema([]byte(`{"id":"urn:example:Device","name":"Device","attributes":[
		{"name":"count","type":"integer"},{"name":"ratio","type":"decimal"},{"name":"at","type":"dateTime"},
			{"name":"data","type":"binary"},
		{"name":"tags","type":"string","multiValued":true},{"name":"numbers","type":"integer","multiValued":true},
		{"name":"serial","type":"string","caseExact":true,"mutability":"immutable","uniqueness":"server"},
		{"name":"pin","type":"string","mutability":"writeOnly","returned":"never"},
			{"name":"secret","type":"string","required":true,"mutability":"writeOnly"},
		{"name":"owner","type":"complex","subAttributes":[{"name":"value","type":"string","required":true},
			{"name":"since","type":"dateTime","mutability":"immutable"},
			{"name":"state","type":"string","mutability":"readOnly"}]},
		{"name":"parts","type":"complex","multiValued":true,"subAttributes":[{"name":"label","type":"string"},
			{"name":"level","type":"integer"},{"name":"checked","type":"boolean","mutability":"readOnly"}]}]}`))
	if err != nil {
		t.Fatal(err)
	}
	ext, err := CompileSchema([]byte(`{"id":"urn:example:extension:1.0","attributes":[{"name":"site",` +
		`"type":"string","required":true}]}`))
	if err != nil {
		t.Fatal(err)
	}
	typ, err := NewResourceType("Device", "/Devices", "", s, Extension{Schema: ext, Required: true})
	if err != nil {
		t.Fatal(err)
	}
	return typ
}

func TestParseValue(t *testing.T) {
	typ := custom(t)
	cases := []struct{ name, path, in, want, attr, strict string }{
		{"R7643-2.3.4-01 fraction", "count", `1.5`, "", "count", ""},
		{"R7643-2.3.4-01 exponent", "count", `1e3`, "", "count", ""},
		{"integer", "count", `-0`, `0`, "", ""},
		{"largest integer", "count", `9223372036854775807`, `9223372036854775807`, "", ""},
		{"too large an integer", "count", `9223372036854775808`, "", "count", ""},
		{"integer as a string", "count", `"10"`, `10`, "", "count"},
		{"integer as a word", "count", `"ten"`, "", "count", ""},
		{"integer as a hexadecimal string", "count", `"0x10"`, "", "count", ""},
		{"decimal", "ratio", `1.50`, `1.50`, "", ""},
		{"decimal out of range", "ratio", `1e400`, "", "ratio", ""},
		{"R7643-2.3.5-01 date without time", "at", `"2024-01-01"`, "", "at", ""},
		{"dateTime", "at", `"2024-01-01T00:00:00.5+02:00"`, `"2024-01-01T00:00:00.5+02:00"`, "", ""},
		{"list of strings", "tags", `["a","A","b",""]`, `["a","b"]`, "", "-"},
		{"a string where a list is due", "tags", `"a"`, "", "tags", ""},
		{"list of numbers", "numbers", `[1,2,1]`, `[1,2]`, "", ""},
		{"a bad number in a list", "numbers", `[1,"x"]`, "", "numbers[1]", ""},
		{"null", "tags", `null`, ``, "", ""},
		{"one element", "parts", `{"label":"a"}`, `[{"label":"a"}]`, "", ""},
		{"readOnly sub-attribute is dropped", "parts", `[{"label":"a","checked":true},{"checked":true}]`,
			`[{"label":"a"}]`, "", ""},
		{"bad sub-attribute", "parts", `[{"level":true}]`, "", "parts[0].level", ""},
		{"complex as a string", "owner", `"me"`, `{"value":"me"}`, "", "owner"},
		{"sub-attribute by itself", "owner.value", `"me"`, `"me"`, "", ""},
		{"readOnly by itself is read", "owner.state", `"on"`, `"on"`, "", ""},
		{"extension", "urn:example:extension:1.0:site", `5`, "", "urn:example:extension:1.0:site", ""},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			for _, strict := range []bool{false, true} {
				in, err := Unmarshal([]byte(c.in))
				if err != nil {
					t.Fatal(err)
				}
				a := typ.Lookup(c.path)
				got, err := typ.ParseValue(a, in, Mode{Strict: strict})
				attr := c.attr
				if strict && c.strict != "" {
					if attr = c.strict; attr == "-" {
						continue
					}
				}
				wantError(t, err, InvalidValue, attr)
				if err != nil {
					continue
				}
				out := ""
				if got != nil {
					b, err := a.AppendJSON(nil, got)
					if err != nil {
						t.Fatal(err)
					}
					out = string(b)
				}
				if out != c.want {
					t.Errorf("strict %v: got %s, want %s", strict, out, c.want)
				}
			}
		})
	}
}

// TestOwnRules: enumerations, ranges and patterns of our own types.
func TestOwnRules(t *testing.T) {
	cases := []struct {
		name string
		typ  *ResourceType
		body string
		attr string
	}{
		{"organization", Organization(), `"name":"acme-1","domains":[{"value":"Example.com","verified":true}]`, ""},
		{"organization name", Organization(), `"name":"Acme"`, "name"},
		{"organization name too long", Organization(), `"name":"` + strings.Repeat("a", 64) + `"`, "name"},
		{"domain", Organization(), `"name":"a","domains":[{"value":"not a domain"}]`, "domains[0].value"},
		{"retention", Organization(), `"name":"a","retention":{"days":0}`, "retention.days"},
		{"redirect target", Organization(), `"name":"a","redirectTargets":["javascript:alert(1)"]`,
			"redirectTargets[0]"},
		{"scopes", AccessToken(), `"displayName":"t","scopes":["read","write"]`, ""},
		{"unknown scope", AccessToken(), `"displayName":"t","scopes":["root"]`, "scopes[0]"},
		{"scope in another case", AccessToken(), `"displayName":"t","scopes":["Admin"]`, "scopes[0]"},
		{"connection", IdentityProvider(),
			`"displayName":"i","jit":{"update":{"default":"onSignIn","never":["displayName"]},` +
				`"defaultGroups":[{"value":"g"}]},"linkBy":["email"]`, ""},
		{"update mode", IdentityProvider(), `"displayName":"i","jit":{"update":{"default":"sometimes"}}`,
			"jit.update.default"},
		{"default group", IdentityProvider(), `"displayName":"i","jit":{"defaultGroups":[{"value":5}]}`,
			"jit.defaultGroups[0].value"},
		{"group sync mode", IdentityProvider(), `"displayName":"i","groupSync":{"mode":"some"}`, "groupSync.mode"},
		{"clock skew", IdentityProvider(), `"displayName":"i","clockSkewSeconds":-1`, "clockSkewSeconds"},
		{"metadata URL", IdentityProvider(), `"displayName":"i","metadataUrl":"file:///etc/passwd"`, "metadataUrl"},
		{"schema definition", SchemaDefinition(),
			`"urn":"urn:example:X","name":"X","attributes":[{"name":"a","type":"complex",` +
				`"subAttributes":[{"name":"b","type":"string"}]}]`, ""},
		{"attribute type", SchemaDefinition(),
			`"urn":"urn:example:X","name":"X","attributes":[{"name":"a","type":"text"}]`, "attributes[0].type"},
		{"resource type endpoint", ResourceTypeDefinition(),
			`"name":"X","endpoint":"X","schema":"urn:example:X"`, "endpoint"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			doc, err := c.typ.Parse([]byte(`{"schemas":["`+c.typ.Schema.ID+`"],`+c.body+`}`), Mode{})
			if err == nil {
				err = c.typ.Check(doc)
			}
			wantError(t, err, InvalidValue, c.attr)
		})
	}
}

func TestUnmarshal(t *testing.T) {
	v, err := Unmarshal([]byte(` {"a":[1,2.50,"x",true,null,{}]} `))
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]any{"a": []any{json.Number("1"), json.Number("2.50"), "x", true, nil, map[string]any{}}}
	if !EqualValues(v, want) {
		t.Errorf("got %#v", v)
	}
	for _, bad := range []string{``, `{`, `{} {}`, `{"a":1,"a":2}`, `[{"a":{"b":1,"b":1}}]`, `nul`, `"\x"`,
		strings.Repeat("[", 1<<20)} {
		if _, err := Unmarshal([]byte(bad)); err == nil {
			t.Errorf("%.20q was taken", bad)
		} else if e, ok := err.(*Error); !ok || e.Type != InvalidSyntax {
			t.Errorf("%.20q: %#v", bad, err)
		}
	}
}

// What Unmarshal takes is what encoding/json takes, with the same values, as long as it is UTF-8, not too deep, and has
// no name twice.
func FuzzUnmarshal(f *testing.F) {
	for _, seed := range []string{`{"a":[1,-2.50e+7,"x",true,null,{}],"b":{"c":false}}`, ` [ ] `, `"\u00e9\ud83d\ude00\ud800x\udc00"`,
		`"\ud800\u0041\n\/\b\f\r\t\"\\"`, `01`, `-`, `1.`, `1e`, `.5`, `tru`, `[1,]`, `{"a" 1}`, `{"a":1,}`, `{"a":1,"a":2}`,
		`{"a":{"b":1,"b":2}}`, `"` + "\x01" + `"`, `"` + "\xff" + `"`, "\xff", `"\u12G4"`, `"\x"`, `"\`, `[[[[]]]]`, `1 2`, "",
		strings.Repeat("[", 32) + strings.Repeat("]", 32), strings.Repeat("[", 33) + strings.Repeat("]", 33)} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		got, err := Unmarshal(body)
		if e, ok := err.(*Error); err != nil && (!ok || e.Type != InvalidSyntax) {
			t.Fatalf("%q: %#v", body, err)
		}
		if check := (Mode{}).Check(body); (check == nil) != (err == nil || strings.Contains(err.Error(), "given twice")) &&
			json.Valid(body) {
			t.Fatalf("%q: checked: %v, read: %v", body, check, err)
		}
		d := json.NewDecoder(bytes.NewReader(body))
		d.UseNumber()
		var want any
		valid := utf8.Valid(body) && json.Valid(body) && d.Decode(&want) == nil
		switch {
		case err == nil && (!valid || !reflect.DeepEqual(got, want)):
			t.Fatalf("%q: %#v, want %#v", body, got, want)
		case err != nil && valid && !strings.Contains(err.Error(), "given twice") && !strings.Contains(err.Error(), "deeper"):
			t.Fatalf("%q is refused: %v", body, err)
		}
	})
}

// A large body is told of piece by piece, all of it, whatever it is made of; and an error of Spend ends the reading.
func TestUnmarshalInPieces(t *testing.T) {
	const size = 1 << 20
	for name, body := range map[string]string{
		"elements": "[" + strings.Repeat(`{"value":"x"},`, size/14) + "1]",
		"string":   `"` + strings.Repeat("é", size/2) + `"`,
		"escapes":  `"` + strings.Repeat(`\u00e9`, size/6) + `"`,
		"spaces":   strings.Repeat(" ", size) + "1",
		"behind":   "1" + strings.Repeat(" ", size),
	} {
		for _, read := range []func(Mode) error{
			func(m Mode) error { _, err := m.Unmarshal([]byte(body)); return err },
			func(m Mode) error { return m.Check([]byte(body)) },
		} {
			total, largest := 0, 0
			if err := read(Mode{Spend: func(n int) error { total, largest = total+n, max(largest, n); return nil }}); err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			if total != len(body)/bytesPerUnit || largest > 2*piece/bytesPerUnit {
				t.Errorf("%s: %d units in all, up to %d at once", name, total, largest)
			}
			full, calls := errors.New("full"), 0
			if err := read(Mode{Spend: func(int) error { calls++; return full }}); err != full || calls != 1 {
				t.Errorf("%s: %v after %d calls", name, err, calls)
			}
		}
	}
}

func TestParseTime(t *testing.T) {
	good := map[string]string{
		"2024-01-01T00:00:00Z":                "2024-01-01T00:00:00.000000000Z",
		"2024-01-01T00:00:00":                 "2024-01-01T00:00:00.000000000Z",
		"2024-01-01T02:00:00.123+02:00":       "2024-01-01T00:00:00.123000000Z",
		"2024-01-01T00:00:00.123456789-14:00": "2024-01-01T14:00:00.123456789Z",
	}
	at := User().Lookup("meta.created")
	for in, want := range good {
		if got := at.Key(in); got != want {
			t.Errorf("R7644-3.4.2.2-42 %s: key %s, want %s", in, got, want)
		}
	}
	for _, bad := range []string{"", "yesterday", "2024-01-01", "2024-01-01 00:00:00Z", "2024-13-01T00:00:00Z",
		"2024-01-01T24:00:00Z", "2024-01-01T0:00:00Z",
		"2024-01-01T00:00:00,5Z", "2024-01-01T00:00:00+15:00", "2024-01-01T00:00:00+0200", "2024-01-01T00:00Z",
		"2024-01-01t00:00:00z"} {
		if _, ok := ParseTime(bad); ok {
			t.Errorf("%q was taken", bad)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(userBody(`,"emails":[{"value":"a","primary":"true"}],"` + eu + `":{"manager":"1"}`)))
	f.Add([]byte(userBody(`,"x509Certificates":[{"value":"MAAwAA=="}],"active":"True","name":{"givenName":""}`)))
	f.Add([]byte(`{"schemas":["` + UserURN + `"],"userName":"\ud800"}`))
	f.Add([]byte(`{"a":{"a":1},"A":[]}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		for _, m := range []Mode{{}, {Strict: true}, {KeepReadOnly: true}} {
			doc, err := User().Parse(body, m)
			if err != nil {
				if _, ok := err.(*Error); !ok {
					t.Fatalf("error of type %T", err)
				}
				continue
			}
			encoded, err := User().Encode(doc)
			if err != nil {
				t.Fatalf("%v does not encode: %v", doc, err)
			}
			back, err := User().Decode(encoded)
			if err != nil || !back.Equal(doc) {
				t.Fatalf("%s decodes to %v, want %v", encoded, back, doc)
			}
			again, err := User().Parse(encoded, m)
			if err != nil || !again.Equal(doc) {
				t.Fatalf("R7644-3.5.1-13: %s parses to %v (%v), want %v", encoded, again, err, doc)
			}
		}
	})
}
