package patch

import (
	"testing"
)

func TestParse(t *testing.T) {
	const op = `{"op":"remove","path":"title"}`
	for _, c := range []struct{ name, body, want string }{
		{"R7644-3.5.2-01 no schemas", `{"Operations":[` + op + `]}`, `invalidSyntax schemas`},
		{"R7644-3.5.2-01 another message",
			`{"schemas":["urn:ietf:params:scim:api:messages:2.0:ListResponse"],"Operations":[` + op + `]}`,
			`invalidSyntax schemas`},
		{"R7644-3.5.2-01 schemas a string", `{"schemas":"` + Message + `","Operations":[` + op + `]}`,
			`invalidSyntax schemas`},
		{"R7644-3.5.2-02 no operations", `{"schemas":["` + Message + `"]}`, `invalidSyntax Operations`},
		{"R7644-3.5.2-02 empty", `{"schemas":["` + Message + `"],"Operations":[]}`, `invalidSyntax Operations`},
		{"R7644-3.5.2-02 an object", `{"schemas":["` + Message + `"],"Operations":` + op + `}`,
			`invalidSyntax Operations`},
		{"R7644-3.5.2-02 no object in it", `{"schemas":["` + Message + `"],"Operations":[` + op + `,5]}`,
			`invalidSyntax Operations[1]`},
		{"R7644-3.5.2-03 no op", `{"schemas":["` + Message + `"],"Operations":[` + op + `,{"path":"title"}]}`,
			`invalidSyntax Operations[1].op`},
		{"R7644-3.5.2-03 move", `{"schemas":["` + Message + `"],"Operations":[{"op":"move","path":"title"}]}`,
			`invalidSyntax Operations[0].op`},
		{"R7644-3.5.2-03 a number", `{"schemas":["` + Message + `"],"Operations":[{"op":5,"path":"title"}]}`,
			`invalidSyntax Operations[0].op`},
		{"R7644-3.5.2-05 path a number", `{"schemas":["` + Message + `"],"Operations":[{"op":"remove","path":5}]}`,
			`invalidPath Operations[0].path`},
		{"R7644-3.5.2.2-01 remove without path", `{"schemas":["` + Message +
			`"],"Operations":[{"op":"remove","path":null}]}`, `noTarget Operations[0].path`},
		{"op twice", `{"schemas":["` + Message + `"],"Operations":[{"op":"remove","OP":"add","path":"title"}]}`,
			`invalidSyntax Operations[0].op`},
		{"key twice", `{"schemas":["` + Message + `"],"Operations":[{"op":"remove","path":"a","path":"title"}]}`,
			`invalidSyntax path`},
		{"trailing data", `{"schemas":["` + Message + `"],"Operations":[` + op + `]} x`, `invalidSyntax `},
		{"no JSON", `{`, `invalidSyntax `},
		{"empty", ``, `invalidSyntax `},
		{"an array", `[]`, `invalidSyntax `},
	} {
		t.Run(c.name, func(t *testing.T) {
			for _, strict := range []bool{false, true} {
				_, err := Parse([]byte(c.body), Options{Strict: strict})
				wantError(t, err, c.want)
			}
		})
	}
}

// TestParseForms: unusual forms of messages that are valid.
func TestParseForms(t *testing.T) {
	for name, body := range map[string]string{
		"R7643-2.1-03 names in any case": `{"SCHEMAS":["` + Message +
			`"],"operations":[{"OP":"REPLACE","Path":"title","VALUE":"x"}]}`,
		"schema in capitals": `{"schemas":["URN:ietf:params:scim:api:messages:2.0:PATCHOP"],` +
			`"Operations":[{"op":"replace","path":"title","value":"x"}]}`,
		"more schemas": `{"schemas":["urn:x:y","` + Message +
			`"],"Operations":[{"op":"replace","path":"title","value":"x"}]}`,
	} {
		t.Run(name, func(t *testing.T) {
			r, err := Parse([]byte(body), Options{Strict: true})
			if err != nil {
				t.Fatal(err)
			}
			want := Operation{Op: Replace, Path: "title", HasPath: true, Value: "x", HasValue: true}
			if len(r.Operations) != 1 || r.Operations[0] != want {
				t.Errorf("got %+v", r)
			}
		})
	}
}
