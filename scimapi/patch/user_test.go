package patch

import (
	"testing"

	"rollcall/directory/schema"
)

const (
	work    = `{"value": "b@work.example", "type": "work", "primary": true}`
	home    = `{"value": "b@home.example", "type": "home"}`
	oslo    = `{"type": "work", "streetAddress": "1 Main", "locality": "Oslo"}`
	side    = `{"type": "work", "streetAddress": "2 Side"}`
	manager = `{"value": "m1", "$ref": "../Users/m1"}`
)

// TestUser has what is the same lenient and strict.
func TestUser(t *testing.T) {
	for name, o := range map[string]Options{"lenient": {}, "strict": {Strict: true}} {
		t.Run(name, func(t *testing.T) { runTable(t, schema.User(), babs, o, userCases) })
	}
}

var userCases = []testCase{
	// 10.1 message and path
	{"R7644-3.5.2-04 op in capitals", `{"op":"ADD","path":"nickName","value":"B"}`, `{"nickName":"B"}`},
	{"R7644-3.5.2-04 Replace", `{"op":"Replace","path":"title","value":"T"}`, `{"title":"T"}`},
	{"R7644-3.5.2-05 unclosed filter", `{"op":"add","path":"emails[","value":"x"}`, `!invalid Operations[0].path`},
	{"R7644-3.5.2-05 operand missing", `{"op":"add","path":"emails[type eq].value","value":"x"}`,
		`!invalid Operations[0].path`},
	{"R7644-3.5.2-05 two dots", `{"op":"add","path":"name..x","value":"x"}`, `!invalidPath Operations[0].path`},
	{"R7644-3.5.2-05 empty", `{"op":"add","path":"","value":"x"}`, `!invalidPath Operations[0].path`},
	{"R7644-3.5.2-05 space", `{"op":"add","path":"a b","value":"x"}`, `!invalidPath Operations[0].path`},
	{"R7644-3.5.2-06 index in brackets", `{"op":"replace","path":"emails[0].value","value":"x"}`,
		`!invalid Operations[0].path`},
	{"R7644-3.5.2-06 index after slash", `{"op":"replace","path":"emails/0","value":"x"}`,
		`!invalidPath Operations[0].path`},
	{"R7644-3.12-08 bad operator", `{"op":"remove","path":"emails[type foo \"x\"]"}`,
		`!invalidFilter Operations[0].path`},
	{"R7644-3.12-08 unknown in filter", `{"op":"remove","path":"emails[nosuch eq \"x\"]"}`,
		`!invalidFilter Operations[0].path`},
	{"R7644-3.12-09 unknown attribute, B-12", `{"op":"add","path":"nosuch","value":"x"}`, `!invalidPath "nosuch"`},
	{"R7644-3.12-09 unknown sub-attribute", `{"op":"add","path":"name.nosuch","value":"x"}`,
		`!invalidPath "name.nosuch"`},
	{"R7644-3.12-09 unknown after filter", `{"op":"add","path":"emails[type eq \"work\"].nosuch","value":"x"}`,
		`!invalidPath "nosuch"`},
	{"R7644-3.12-09 sub of a simple one", `{"op":"add","path":"title.x","value":"x"}`, `!invalidPath "title.x"`},
	{"R7644-3.12-09 unknown URN", `{"op":"add","path":"urn:example:x:1.0:Y:z","value":"x"}`,
		`!invalidPath urn:example`},
	{"R7644-3.5.2-07 case", `{"op":"replace","path":"NAME.familyname","value":"X"}`,
		`{"name":{"familyName":"X","givenName":"Barbara"}}`},
	{"R7644-3.5.2-07 core URN", `{"op":"replace","path":"` + userURN + `:title","value":"X"}`, `{"title":"X"}`},
	{"R7644-3.5.2-07 core URN in capitals",
		`{"op":"replace","path":"URN:IETF:params:scim:schemas:core:2.0:User:Title","value":"X"}`, `{"title":"X"}`},
	{"R7644-3.5.2-07 extension's sub-attribute", `{"op":"replace","path":"` + eu + `:manager.value","value":"m2"}`,
		`{"` + eu + `":{"employeeNumber":"7","manager":{"value":"m2"}}}`},
	{"R7644-3.5.2-07 keys in any case", `{"op":"replace","value":{"TITLE":"X","Name":{"GIVENNAME":"Y"}}}`,
		`{"title":"X","name":{"familyName":"Jensen","givenName":"Y"}}`},
	{"R7644-3.5.2-11 atomic", `[{"op":"replace","path":"title","value":"X"},{"op":"replace","path":"id","value":"x"}]`,
		`!mutability Operations[1].path: id`},
	{"R7644-3.5.2-12 in order", `[{"op":"remove","path":"emails"},` +
		`{"op":"add","path":"emails","value":[{"type":"home","value":"a@x"}]},` +
		`{"op":"replace","path":"emails[type eq \"home\"].value","value":"c@x"}]`,
		`{"emails":[{"type":"home","value":"c@x"}]}`},
	{"R7644-3.5.2-12 there and back", `[{"op":"replace","path":"title","value":"X"},` +
		`{"op":"replace","path":"title","value":"Guide"}]`, `{}`},

	// 10.2 add
	{"R7644-3.5.2.1-01 no value", `{"op":"add","path":"title"}`, `!invalidValue Operations[0].value`},
	{"R7644-3.5.2.1-02 no path", `{"op":"add","value":{"nickName":"B","emails":[{"value":"o@x","type":"other"}]}}`,
		`{"nickName":"B","emails":[` + work + `,` + home + `,{"value":"o@x","type":"other"}]}`},
	{"R7644-3.5.2.1-03 no path, no object", `{"op":"add","value":"x"}`, `!invalidValue Operations[0].value`},
	{"R7644-3.5.2.1-03 no path, null", `{"op":"add","value":null}`, `!invalidValue Operations[0].value`},
	{"R7644-3.5.2.1-04 absent", `{"op":"add","path":"nickName","value":"B"}`, `{"nickName":"B"}`},
	{"R7644-3.5.2.1-05 there", `{"op":"add","path":"title","value":"X"}`, `{"title":"X"}`},
	{"R7644-3.5.2.1-06 one object", `{"op":"add","path":"emails","value":{"value":"o@x","type":"other"}}`,
		`{"emails":[` + work + `,` + home + `,{"value":"o@x","type":"other"}]}`},
	{"R7644-3.5.2.1-06 array", `{"op":"add","path":"emails","value":[{"value":"o@x"},{"value":"p@x"}]}`,
		`{"emails":[` + work + `,` + home + `,{"value":"o@x"},{"value":"p@x"}]}`},
	{"R7644-3.5.2.1-07 complex", `{"op":"add","path":"name","value":{"middleName":"J"}}`,
		`{"name":{"familyName":"Jensen","givenName":"Barbara","middleName":"J"}}`},
	{"R7644-3.5.2.1-07 complex without path", `{"op":"add","value":{"name":{"middleName":"J"}}}`,
		`{"name":{"familyName":"Jensen","givenName":"Barbara","middleName":"J"}}`},
	{"R7644-3.5.2.1-07 string for complex", `{"op":"add","path":"name","value":"x"}`, `!invalidValue name`},
	{"R7644-3.5.2.1-08 value there", `{"op":"add","path":"emails","value":[` + home + `]}`, `{}`},
	{"R7644-3.5.2.1-08 value there in capitals",
		`{"op":"add","path":"emails","value":[{"value":"B@HOME.example","type":"Home"}]}`, `{}`},
	{"R7644-3.5.2.1-08 address there", `{"op":"add","path":"addresses","value":[` + oslo + `]}`, `{}`},
	{"R7643-2.4-03 value there, completed",
		`{"op":"add","path":"emails","value":{"value":"b@home.example","type":"home","display":"H"}}`,
		`{"emails":[` + work + `,{"value":"b@home.example","type":"home","display":"H"}]}`},
	{"R7643-2.4-03 pair twice in one value", `{"op":"add","path":"emails","value":[{"value":"o@x"},{"value":"o@x"}]}`,
		`{"emails":[` + work + `,` + home + `,{"value":"o@x"}]}`},
	{"R7644-3.5.2.1-10 sub-attribute", `{"op":"add","path":"name.middleName","value":"J"}`,
		`{"name":{"familyName":"Jensen","givenName":"Barbara","middleName":"J"}}`},
	{"R7644-3.5.2.1-11 value path, sub-attribute", `{"op":"add","path":"emails[type eq \"work\"].display","value":"W"}`,
		`{"emails":[{"value":"b@work.example","type":"work","primary":true,"display":"W"},` + home + `]}`},
	{"R7644-3.5.2.1-11 value path, object merged",
		`{"op":"add","path":"emails[type eq \"work\"]","value":{"display":"W"}}`,
		`{"emails":[{"value":"b@work.example","type":"work","primary":true,"display":"W"},` + home + `]}`},
	{"R7644-3.5.2.1-11 all matches", `{"op":"add","path":"addresses[type eq \"work\"].country","value":"NO"}`,
		`{"addresses":[{"type":"work","streetAddress":"1 Main","locality":"Oslo","country":"NO"},` +
			`{"type":"work","streetAddress":"2 Side","country":"NO"}]}`},
	{"R7644-3.5.2.1-13 extension attribute", `{"op":"add","path":"` + eu + `:department","value":"D"}`,
		`{"` + eu + `":{"employeeNumber":"7","department":"D","manager":` + manager + `}}`},
	{"R7644-3.5.2.1-14 container", `{"op":"add","value":{"` + eu + `":{"department":"D"}}}`,
		`{"` + eu + `":{"employeeNumber":"7","department":"D","manager":` + manager + `}}`},
	{"R7644-3.5.2.1-14 URN key", `{"op":"add","value":{"` + eu + `:department":"D"}}`,
		`{"` + eu + `":{"employeeNumber":"7","department":"D","manager":` + manager + `}}`},
	{"R7644-3.5.2.1-14 URN as path", `{"op":"add","path":"` + eu + `","value":{"department":"D"}}`,
		`{"` + eu + `":{"employeeNumber":"7","department":"D","manager":` + manager + `}}`},
	{"core URN as path", `{"op":"add","path":"` + userURN + `","value":{"nickName":"B"}}`, `{"nickName":"B"}`},
	{"null adds nothing to a list", `{"op":"add","path":"emails","value":null}`, `{}`},

	// 10.3 remove
	{"R7644-3.5.2.2-01 no path", `{"op":"remove"}`, `!noTarget Operations[0].path`},
	{"R7644-3.5.2.2-02 single", `{"op":"remove","path":"title"}`, `{"title":null}`},
	{"R7644-3.5.2.2-03 all values", `{"op":"remove","path":"emails"}`, `{"emails":null}`},
	{"R7644-3.5.2.2-04 matching values", `{"op":"remove","path":"emails[type eq \"work\"]"}`,
		`{"emails":[` + home + `]}`},
	{"R7644-3.5.2.2-04 and, ew", `{"op":"remove","path":"emails[type eq \"work\" and value ew \"work.example\"]"}`,
		`{"emails":[` + home + `]}`},
	{"R7644-3.5.2.2-04 not", `{"op":"remove","path":"emails[not (type eq \"work\")]"}`, `{"emails":[` + work + `]}`},
	{"R7644-3.5.2.2-05 the last one", `[{"op":"remove","path":"emails[type eq \"work\"]"},` +
		`{"op":"remove","path":"emails[type eq \"home\"]"}]`, `{"emails":null}`},
	{"R7644-3.5.2.2-06 sub-attribute of matches", `{"op":"remove","path":"addresses[type eq \"work\"].streetAddress"}`,
		`{"addresses":[{"type":"work","locality":"Oslo"},{"type":"work"}]}`},
	{"R7644-3.5.2.2-06 sub-attribute of all", `{"op":"remove","path":"emails.type"}`,
		`{"emails":[{"value":"b@work.example","primary":true},{"value":"b@home.example"}]}`},
	{"R7644-3.5.2.2-07 sub-attribute", `{"op":"remove","path":"name.givenName"}`, `{"name":{"familyName":"Jensen"}}`},
	{"R7644-3.5.2.2-07 the last sub-attribute",
		`[{"op":"remove","path":"name.givenName"},{"op":"remove","path":"name.familyName"}]`, `{"name":null}`},
	{"R7644-3.5.2.2-08 required", `{"op":"remove","path":"userName"}`, `!mutability userName`},
	{"R7644-3.5.2.2-08 readOnly", `{"op":"remove","path":"id"}`, `!mutability id`},
	{"R7644-3.5.2.2-09 no match, B-14", `{"op":"remove","path":"emails[type eq \"fax\"]"}`, `{}`},
	{"R7644-3.5.2.2-10 unassigned", `[{"op":"remove","path":"title"},{"op":"remove","path":"title"}]`,
		`{"title":null}`},
	{"R7644-3.5.2.2-11 last of an extension, B-11", `[{"op":"remove","path":"` + eu +
		`:employeeNumber"},{"op":"remove","path":"` + eu + `:manager"}]`, `{"` + eu + `":null}`},
	{"extension by its URN", `{"op":"remove","path":"` + eu + `"}`, `{"` + eu + `":null}`},
	{"extension by its URN, readOnly", `{"op":"remove","path":"` + origin + `"}`, `!mutability source`},
	{"resource by its URN", `{"op":"remove","path":"` + userURN + `"}`, `!mutability Operations[0].path`},

	// 10.4 replace
	{"R7644-3.5.2.3-01 no path", `{"op":"replace","value":{"active":false}}`, `{"active":false}`},
	{"R7644-3.5.2.3-01 no path, array", `{"op":"replace","value":[]}`, `!invalidValue Operations[0].value`},
	{"R7644-3.5.2.3-02 single", `{"op":"replace","path":"title","value":"X"}`, `{"title":"X"}`},
	{"R7644-3.5.2.3-03 list", `{"op":"replace","path":"emails","value":[{"value":"n@x"}]}`,
		`{"emails":[{"value":"n@x"}]}`},
	{"R7644-3.5.2.3-04 absent", `{"op":"replace","path":"nickName","value":"B"}`, `{"nickName":"B"}`},
	{"R7644-3.5.2.3-04 absent list", `{"op":"replace","path":"roles","value":[{"value":"r"}]}`,
		`{"roles":[{"value":"r"}]}`},
	{"R7644-3.5.2.3-04 sub-attribute of an absent list", `{"op":"replace","path":"ims.value","value":"b"}`,
		`{"ims":[{"value":"b"}]}`},
	{"R7644-3.5.2.3-05 complex", `{"op":"replace","path":"name","value":{"givenName":"X"}}`,
		`{"name":{"familyName":"Jensen","givenName":"X"}}`},
	{"R7644-3.5.2.3-05 complex, a part null", `{"op":"replace","path":"name","value":{"givenName":null}}`,
		`{"name":{"familyName":"Jensen"}}`},
	{"R7644-3.5.2.3-06 value path, object, B-15",
		`{"op":"replace","path":"addresses[locality eq \"Oslo\"]","value":{"type":"work","region":"R"}}`,
		`{"addresses":[{"type":"work","region":"R"},` + side + `]}`},
	{"R7644-3.5.2.3-06 all matches, one value now",
		`{"op":"replace","path":"addresses[type eq \"work\"]","value":{"type":"work","region":"R"}}`,
		`{"addresses":[{"type":"work","region":"R"}]}`},
	{"R7644-3.5.2.3-06 null unassigns the matches", `{"op":"replace","path":"emails[type eq \"work\"]","value":null}`,
		`{"emails":[` + home + `]}`},
	{"R7644-3.5.2.3-07 sub-attribute of matches",
		`{"op":"replace","path":"addresses[type eq \"work\"].region","value":"R"}`,
		`{"addresses":[{"type":"work","streetAddress":"1 Main","locality":"Oslo","region":"R"},` +
			`{"type":"work","streetAddress":"2 Side","region":"R"}]}`},
	{"R7644-3.5.2.3-08 no match", `{"op":"replace","path":"emails[type eq \"fax\"].value","value":"x"}`,
		`!noTarget Operations[0].path`},
	{"R7644-3.5.2.3-09 no value", `{"op":"replace","path":"title"}`, `!invalidValue Operations[0].value`},
	{"R7643-2.5-02 null", `{"op":"replace","path":"title","value":null}`, `{"title":null}`},
	{"R7643-2.5-02 []", `{"op":"replace","path":"emails","value":[]}`, `{"emails":null}`},
	{"R7643-2.5-02 complex null", `{"op":"replace","path":"name","value":null}`, `{"name":null}`},
	{"R7643-2.5-02 extension null", `{"op":"replace","value":{"` + eu + `":null}}`, `{"` + eu + `":null}`},
	{"R7644-3.5.2.3-10 list without path", `{"op":"replace","value":{"emails":[{"value":"n@x"}]}}`,
		`{"emails":[{"value":"n@x"}]}`},
	{"same list in another order", `{"op":"replace","path":"emails","value":[` + home + `,` + work + `]}`, `{}`},
	{"empty object changes no complex", `{"op":"replace","path":"name","value":{}}`, `{}`},
	{"number sub-attribute of all", `{"op":"replace","path":"addresses.region","value":"R"}`,
		`{"addresses":[{"type":"work","streetAddress":"1 Main","locality":"Oslo","region":"R"},` +
			`{"type":"work","streetAddress":"2 Side","region":"R"}]}`},

	// 10.5 mutability, primary, types
	{"R7644-3.5.2-20 id", `{"op":"replace","path":"id","value":"u1"}`, `!mutability id`},
	{"R7644-3.5.2-20 meta.created", `{"op":"replace","path":"meta.created","value":"2026-01-01T00:00:00Z"}`,
		`!mutability meta`},
	{"R7644-3.5.2-20 groups add", `{"op":"add","path":"groups","value":[{"value":"g"}]}`, `!mutability groups`},
	{"R7644-3.5.2-20 groups remove", `{"op":"remove","path":"groups[value eq \"g\"]"}`, `!mutability groups`},
	{"R7644-3.5.2-20 groups replace", `{"op":"replace","path":"groups","value":[]}`, `!mutability groups`},
	{"R7643-4.3-03 manager.displayName", `{"op":"replace","path":"` + eu + `:manager.displayName","value":"x"}`,
		`!mutability manager.displayName`},
	{"R7643-4.3-03 manager.displayName inside is ignored", `{"op":"replace","path":"` + eu +
		`:manager","value":{"value":"m1","displayName":"x"}}`, `{}`},
	{"$ref of another manager goes", `{"op":"replace","path":"` + eu +
		`:manager","value":{"value":"m2","displayName":"x"}}`,
		`{"` + eu + `":{"employeeNumber":"7","manager":{"value":"m2"}}}`},
	{"Origin is the server's", `{"op":"replace","path":"` + origin + `:source","value":"jit"}`, `!mutability source`},
	{"B-16 equal id", `{"op":"replace","value":{"id":"u1","title":"X"}}`, `{"title":"X"}`},
	{"B-16 other id", `{"op":"replace","value":{"id":"u2","title":"X"}}`, `!mutability Operations[0].value: id`},
	{"B-16 id in other case", `{"op":"replace","value":{"id":"U1"}}`, `!mutability id`},
	{"B-16 externalId", `{"op":"replace","value":{"externalId":"E-1"}}`, `{}`},
	{"B-16 groups", `{"op":"replace","value":{"groups":[],"title":"X"}}`, `{"title":"X"}`},
	{"B-16 other groups", `{"op":"replace","value":{"groups":[{"value":"g"}]}}`, `!mutability groups`},
	{"B-16 equal Origin", `{"op":"replace","value":{"` + origin + `":{"source":"scim"},"title":"X"}}`, `{"title":"X"}`},
	{"B-16 other Origin", `{"op":"replace","value":{"` + origin + `":{"source":"jit"}}}`, `!mutability source`},
	{"R7644-3.5.2-23 add primary", `{"op":"add","path":"emails","value":[{"value":"o@x","primary":true}]}`,
		`{"emails":[{"value":"b@work.example","type":"work","primary":false},` + home +
			`,{"value":"o@x","primary":true}]}`},
	{"R7644-3.5.2-23 value path", `{"op":"replace","path":"emails[type eq \"home\"].primary","value":true}`,
		`{"emails":[{"value":"b@work.example","type":"work","primary":false},` +
			`{"value":"b@home.example","type":"home","primary":true}]}`},
	{"R7644-3.5.2-23 element replaced", `{"op":"replace","path":"emails[type eq \"home\"]","value":{"value":"n@x",` +
		`"primary":true}}`, `{"emails":[{"value":"b@work.example","type":"work","primary":false},` +
		`{"value":"n@x","primary":true}]}`},
	{"R7644-3.5.2-23 no path", `{"op":"add","value":{"emails":[{"value":"o@x","primary":true}]}}`,
		`{"emails":[{"value":"b@work.example","type":"work","primary":false},` + home +
			`,{"value":"o@x","primary":true}]}`},
	{"R7643-2.4-01 two primaries in one value",
		`{"op":"replace","path":"emails","value":[{"value":"a@x","primary":true},{"value":"b@x","primary":true}]}`,
		`!invalidValue primary`},
	{"R7643-2.4-01 two matches made primary",
		`{"op":"replace","path":"addresses[type eq \"work\"].primary","value":true}`,
		`!invalidValue addresses.primary`},
	{"R7644-3.12-12 boolean", `{"op":"replace","path":"active","value":"maybe"}`,
		`!invalidValue Operations[0].value: active: must be true or false`},
	{"R7644-3.12-12 string for a list", `{"op":"replace","path":"emails","value":"x"}`, `!invalidValue emails`},
	{"R7644-3.12-12 string added to a list", `{"op":"add","path":"emails","value":"x"}`, `!invalidValue emails[0]`},
	{"R7644-3.12-12 object for a string", `{"op":"replace","path":"name.givenName","value":{}}`,
		`!invalidValue name.givenName`},
	{"R7644-3.12-12 inside an array", `{"op":"add","path":"emails","value":[{"value":"ok@x"},{"value":5}]}`,
		`!invalidValue emails[1].value`},
	{"R7644-3.12-12 extension no object", `{"op":"add","value":{"` + eu + `":"x"}}`,
		`!invalidValue Operations[0].value: ` + eu},
	{"R7644-3.5.2-24 userName empty", `{"op":"replace","path":"userName","value":""}`, `!invalidValue userName`},
	{"R7644-3.5.2-24 userName null", `{"op":"replace","path":"userName","value":null}`, `!invalidValue userName`},
	{"R7644-3.5.2-25 schemas, then the extension", `[{"op":"remove","path":"` + eu +
		`"},{"op":"add","path":"schemas","value":["` + eu + `"]},{"op":"add","path":"` + eu +
		`:department","value":"D"}]`, `{"` + eu + `":{"department":"D"}}`},
	{"R7644-3.5.2-25 schemas replaced", `{"op":"replace","path":"schemas","value":["` + userURN + `"]}`,
		`{"` + eu + `":null}`},
	{"R7644-3.5.2-25 schemas, one removed", `{"op":"remove","path":"schemas[value eq \"` + eu + `\"]"}`,
		`{"` + eu + `":null}`},
	{"schemas without the base", `{"op":"replace","path":"schemas","value":["` + eu + `"]}`,
		`!mutability Operations[0].path: schemas`},
	{"schemas removed", `{"op":"remove","path":"schemas"}`, `!mutability Operations[0].path: schemas`},
	{"schemas of another type", `{"op":"add","path":"schemas","value":[5]}`, `!invalidValue schemas`},
	{"filter on a single value", `{"op":"remove","path":"name[givenName eq \"B\"]"}`, `!invalidPath name`},
	{"one attribute by two keys", `{"op":"replace","value":{"title":"X","Title":"Y"}}`, `!invalidSyntax "Title"`},
	{"one attribute by name and URN", `{"op":"replace","value":{"title":"X","` + userURN + `:title":"Y"}}`,
		`!invalidSyntax "title"`},
	{"a sub-attribute twice", `{"op":"replace","path":"name","value":{"givenName":"X","GivenName":"Y"}}`,
		`!invalidSyntax name.givenName`},
}

// TestUserLenient has what real clients send (client-quirks.md) and Appendix B.
func TestUserLenient(t *testing.T) { runTable(t, schema.User(), babs, Options{}, lenientCases) }

var lenientCases = []testCase{
	{"Q-02 True", `{"op":"Replace","path":"active","value":"False"}`, `{"active":false}`},
	{"Q-02 primary as a string", `{"op":"replace","path":"emails[type eq \"home\"].primary","value":"True"}`,
		`{"emails":[{"value":"b@work.example","type":"work","primary":false},` +
			`{"value":"b@home.example","type":"home","primary":true}]}`},
	{"Q-02 in a filter", `{"op":"replace","path":"emails[primary eq \"True\"].value","value":"n@x"}`,
		`{"emails":[{"value":"n@x","type":"work","primary":true},` + home + `]}`},
	{"Q-03 listed values only", `{"op":"Remove","path":"emails","value":[{"value":"b@home.example","display":"x"}]}`,
		`{"emails":[` + work + `]}`},
	{"Q-03 type differs", `{"op":"Remove","path":"emails","value":[{"value":"b@home.example","type":"work"}]}`, `{}`},
	{"an empty object", `{"op":"remove","path":"emails","value":{}}`, `!invalidValue emails: lists nothing`},
	{"a list of nothing", `{"op":"remove","path":"emails","value":[{},null,""]}`, `!invalidValue emails: lists nothing`},
	{"null clears a complex, as any single value", `{"op":"add","path":"name","value":null}`, `{"name":null}`},
	{"add null to a selected value", `{"op":"add","path":"emails[type eq \"work\"]","value":null}`, `{}`},
	{"Q-03 empty list", `{"op":"Remove","path":"emails","value":[]}`, `!invalidValue emails: lists nothing`},
	{"password is checked and not kept", `{"op":"replace","path":"password","value":"secret"}`, `{}`},
	{"password of a wrong type", `{"op":"replace","path":"password","value":5}`, `!invalidValue password`},
	{"password without path", `{"op":"replace","value":{"password":"secret","title":"X"}}`, `{"title":"X"}`},
	{"password removed", `{"op":"remove","path":"password"}`, `{}`},
	{"Q-03 address", `{"op":"Remove","path":"addresses","value":[{"streetAddress":"2 Side","primary":false}]}`,
		`{"addresses":[` + oslo + `]}`},
	{"Q-03 null is none", `{"op":"Remove","path":"emails","value":null}`, `{"emails":null}`},
	{"remove of a single value ignores value", `{"op":"Remove","path":"title","value":"x"}`, `{"title":null}`},
	{"R7644-3.5.2.3-08 replace of a whole value creates none",
		`{"op":"replace","path":"emails[type eq \"other\"]","value":{"value":"o@x"}}`, `!noTarget emails`},
	{"Q-04 B-13 replace creates a canonical type",
		`{"op":"Replace","path":"emails[type eq \"other\"].value","value":"o@x"}`, `{"emails":[` + work + `,` + home +
			`,{"type":"other","value":"o@x"}]}`},
	{"Q-04 B-13 add creates", `{"op":"Add","path":"phoneNumbers[type eq \"mobile\"].value","value":"1"}`,
		`{"phoneNumbers":[{"type":"mobile","value":"1"}]}`},
	{"Q-04 B-13 add creates any type", `{"op":"Add","path":"emails[type eq \"x\"].value","value":"o@x"}`,
		`{"emails":[` + work + `,` + home + `,{"type":"x","value":"o@x"}]}`},
	{"Q-04 B-13 add of an object", `{"op":"Add","path":"emails[type eq \"other\"]","value":{"value":"o@x"}}`,
		`{"emails":[` + work + `,` + home + `,{"type":"other","value":"o@x"}]}`},
	{"Q-04 B-13 conjunction", `{"op":"Add","path":"emails[type eq \"other\" and primary eq true].value","value":"o@x"}`,
		`{"emails":[{"value":"b@work.example","type":"work","primary":false},` + home +
			`,{"type":"other","primary":true,"value":"o@x"}]}`},
	{"B-13 disjunction", `{"op":"Add","path":"emails[type eq \"other\" or type eq \"x\"].value","value":"o@x"}`,
		`!noTarget emails`},
	{"B-13 other operator", `{"op":"Add","path":"emails[type sw \"o\"].value","value":"o@x"}`, `!noTarget emails`},
	{"B-13 value against the filter", `{"op":"Add","path":"emails[type eq \"other\"]","value":{"type":"home2",` +
		`"value":"o@x"}}`, `!noTarget emails`},
	{"B-13 replace with two conditions", `{"op":"Replace",` +
		`"path":"emails[type eq \"other\" and display eq \"x\"].value","value":"o@x"}`, `!noTarget emails`},
	{"B-13 replace of a role", `{"op":"Replace","path":"roles[primary eq \"True\"].value","value":"r"}`,
		`!noTarget roles`},
	{"B-13 nothing to set", `{"op":"Add","path":"emails[type eq \"other\"].value","value":""}`, `{}`},
	{"Q-04 split", `[{"op":"Add","path":"ims[type eq \"aim\"].primary","value":"true"},` +
		`{"op":"Add","path":"ims[type eq \"aim\"].type","value":"aim"},` +
		`{"op":"Add","path":"ims[type eq \"aim\"].value","value":"b"}]`,
		`{"ims":[{"type":"aim","primary":true,"value":"b"}]}`},
	{"2.3 capitals after the bracket", `{"op":"Add","path":"addresses[type eq \"other\"].Formatted","value":"F"}`,
		`{"addresses":[` + oslo + `,` + side + `,{"type":"other","formatted":"F"}]}`},
	{"Q-05 dotted and URN keys", `{"op":"replace","value":{"displayName":"B","name.givenName":"K",` +
		`"name.familyName":"U","` + eu + `:employeeNumber":"A"}}`,
		`{"displayName":"B","name":{"familyName":"U","givenName":"K"},"` + eu + `":{"employeeNumber":"A","manager":` +
			manager + `}}`},
	{"Q-05 URN and dot", `{"op":"replace","value":{"` + eu + `:manager.value":"m2"}}`,
		`{"` + eu + `":{"employeeNumber":"7","manager":{"value":"m2"}}}`},
	{"Q-05 value path as a key", `{"op":"replace","value":{"emails[type eq \"home\"].value":"n@x"}}`,
		`{"emails":[` + work + `,{"value":"n@x","type":"home"}]}`},
	{"Q-05 bad filter as a key", `{"op":"replace","value":{"emails[type foo \"home\"].value":"n@x"}}`,
		`!invalidFilter Operations[0].value`},
	{"Q-06 manager as a string", `{"op":"Add","path":"` + eu + `:manager","value":"271"}`,
		`{"` + eu + `":{"employeeNumber":"7","manager":{"value":"271"}}}`},
	{"Q-06 manager in an array, no URN", `{"op":"Add","path":"manager","value":[{"$ref":"http://h/scim/Users/m",` +
		`"value":"m"}]}`, `{"` + eu + `":{"employeeNumber":"7","manager":{"value":"m",` +
		`"$ref":"http://h/scim/Users/m"}}}`},
	{"Q-06 manager in a container", `{"op":"replace","value":{"` + eu + `":{"manager":"9"}}}`,
		`{"` + eu + `":{"employeeNumber":"7","manager":{"value":"9"}}}`},
	{"Q-06 manager cleared", `{"op":"replace","path":"` + eu + `:manager","value":""}`,
		`{"` + eu + `":{"employeeNumber":"7"}}`},
	{"Q-06 no URN, sub-attribute", `{"op":"replace","path":"manager.value","value":"m2"}`,
		`{"` + eu + `":{"employeeNumber":"7","manager":{"value":"m2"}}}`},
	{"a filter in the key schemas", `{"op":"replace","value":{"schemas[value eq \"x\"]":["` + eu + `"],"title":"X"}}`,
		`{"title":"X"}`},
	{"§13 schemas in a pathless value", `{"op":"replace","value":{"schemas":["` + userURN +
		`","urn:x:y"],"title":"X"}}`, `{"title":"X"}`},
	{"§13 null says nothing of readOnly", `{"op":"replace","value":{"id":null,"meta":null,"title":"X"}}`,
		`{"title":"X"}`},
	{"B-03 unknown key", `{"op":"replace","value":{"nosuch":1,"title":"X"}}`, `{"title":"X"}`},
	{"B-03 unknown sub-attribute", `{"op":"replace","path":"name","value":{"nosuch":1,"givenName":"X"}}`,
		`{"name":{"familyName":"Jensen","givenName":"X"}}`},
	{"2.3 roles packed into a string", `{"op":"Add","path":"roles","value":[{"value":"{\"id\":\"1\",` +
		`\"value\":\"Admin\"}"}]}`, `{"roles":[{"value":"{\"id\":\"1\",\"value\":\"Admin\"}"}]}`},
	{"2.3 cleared by an empty string", `{"op":"replace","path":"` + eu + `:employeeNumber","value":""}`,
		`{"` + eu + `":{"manager":` + manager + `}}`},
	{"3.2 pathless deactivation", `{"op":"replace","value":{"active":false}}`, `{"active":false}`},
	{"7 the same mail as two primaries", `{"op":"replace","path":"emails","value":[{"value":"a@x","type":"work",` +
		`"primary":true},{"value":"a@x","type":"home","primary":true}]}`,
		`{"emails":[{"value":"a@x","type":"work","primary":true},{"value":"a@x","type":"home","primary":false}]}`},
	{"8 replace of a complex keeps the rest", `{"op":"replace","path":"name","value":{"middleName":"M"}}`,
		`{"name":{"familyName":"Jensen","givenName":"Barbara","middleName":"M"}}`},
	{"path of unknown members in the message", `{"op":"replace","path":"title","value":"X","comment":"c"}`,
		`{"title":"X"}`},
}

// TestUserStrict: Options.Strict turns each leniency off.
func TestUserStrict(t *testing.T) {
	runTable(t, schema.User(), babs, Options{Strict: true}, []testCase{
		{"password is not offered", `{"op":"replace","path":"password","value":"secret"}`, `!invalidPath "password"`},
		{"password by its URN", `{"op":"remove","path":"` + userURN + `:password"}`, `!invalidPath password`},
		{"password without path", `{"op":"replace","value":{"password":"secret"}}`, `!invalidSyntax "password"`},
		{"null in a list", `{"op":"replace","path":"emails","value":[null]}`, `!invalidValue emails[0]`},
		{"Q-02 boolean as a string", `{"op":"Replace","path":"active","value":"False"}`, `!invalidValue active`},
		{"Q-02 in a filter", `{"op":"remove","path":"emails[primary eq \"True\"]"}`, `!invalidFilter`},
		{"Q-03 listed values", `{"op":"remove","path":"emails","value":[{"value":"b@home.example"}]}`,
			`!invalidValue Operations[0].value`},
		{"Q-04 B-13 add", `{"op":"add","path":"emails[type eq \"other\"].value","value":"o@x"}`, `!noTarget`},
		{"Q-04 B-13 replace", `{"op":"replace","path":"emails[type eq \"other\"].value","value":"o@x"}`, `!noTarget`},
		{"Q-05 dotted key", `{"op":"replace","value":{"name.givenName":"K"}}`, `!invalidSyntax "name.givenName"`},
		{"Q-05 dotted URN key", `{"op":"replace","value":{"` + eu + `:manager.value":"K"}}`,
			`!invalidSyntax manager.value`},
		{"Q-06 string", `{"op":"add","path":"` + eu + `:manager","value":"271"}`, `!invalidValue manager`},
		{"Q-06 array", `{"op":"add","path":"` + eu + `:manager","value":[{"value":"m"}]}`, `!invalidValue manager`},
		{"Q-06 no URN", `{"op":"add","path":"manager","value":{"value":"m"}}`, `!invalidPath "manager"`},
		{"§13 unknown schema", `{"op":"add","path":"schemas","value":["urn:x:y"]}`, `!invalidValue urn:x:y`},
		{"§13 schemas in a pathless value", `{"op":"replace","value":{"schemas":["` + userURN + `","` + eu +
			`"],"title":"X"}}`, `{"title":"X"}`},
		{"§13 null for readOnly", `{"op":"replace","value":{"id":null}}`, `!mutability id`},
		{"B-03 unknown key", `{"op":"replace","value":{"nosuch":1}}`, `!invalidSyntax "nosuch"`},
		{"B-03 unknown sub-attribute", `{"op":"replace","path":"name","value":{"nosuch":1}}`,
			`!invalidSyntax name.nosuch`},
		{"unknown member of an operation", `{"op":"replace","path":"title","value":"X","comment":"c"}`,
			`!invalidSyntax Operations[0].comment`},
	})
}

// TestDerived is B-16 for attributes that are not stored.
func TestDerived(t *testing.T) {
	derived := map[string]string{
		"meta": `{"resourceType":"User","version":"W/\"1\"",` +
			`"created":"2026-01-01T00:00:00Z"}`,
		"groups": `[{"value":"g1","display":"One","type":"direct"},` +
			`{"value":"g2","type":"indirect"}]`,
		schema.AccessURN + ":effectiveRoles": `["admin"]`,
	}
	o := Options{Derived: func(a *schema.Attribute) []byte { return []byte(derived[a.Path]) }}
	runTable(t, schema.User(), babs, o, []testCase{
		{"meta in part", `{"op":"replace","value":{"meta":{"resourceType":"User"},"title":"X"}}`, `{"title":"X"}`},
		{"meta in another zone", `{"op":"replace","value":{"meta":{"created":"2026-01-01T01:00:00+01:00"}}}`, `{}`},
		{"meta differs", `{"op":"replace","value":{"meta":{"resourceType":"Group"}}}`, `!mutability meta`},
		{"meta with something unknown", `{"op":"replace","value":{"meta":{"x":"y"}}}`, `!mutability meta`},
		{"meta by a dotted key", `{"op":"replace","value":{"meta.version":"W/\"1\""}}`, `{}`},
		{"meta by a dotted key differs", `{"op":"replace","value":{"meta.version":"W/\"2\""}}`, `!mutability meta`},
		{"groups in another order", `{"op":"replace","value":{"groups":[{"value":"g2"},{"value":"g1"}]}}`, `{}`},
		{"fewer groups", `{"op":"replace","value":{"groups":[{"value":"g2"}]}}`, `!mutability groups`},
		{"no groups", `{"op":"replace","value":{"groups":[]}}`, `!mutability groups`},
		{"extension", `{"op":"replace","value":{"` + schema.AccessURN + `":{"effectiveRoles":["admin"]}}}`, `{}`},
		{"extension differs", `{"op":"replace","value":{"` + schema.AccessURN + `":{"effectiveRoles":["root"]}}}`,
			`!mutability effectiveRoles`},
	})
}
