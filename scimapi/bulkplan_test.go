package scimapi

import (
	"fmt"
	"strings"
	"testing"

	"rollcall/directory/schema"
)

// planText returns a plan as text: steps in order, each with its operations and its level.
func planText(t *testing.T, operations ...string) string {
	t.Helper()
	j, err := parseJob([]byte(`{"schemas":["`+bulkRequestURN+`"],"Operations":[`+strings.Join(operations, ",")+`]}`),
		schema.Mode{}, 100)
	if err != nil {
		t.Fatal(err)
	}
	steps := plan(j.operations)
	byLevel(steps)
	var out []string
	for _, s := range steps {
		var names []string
		for _, o := range s.operations {
			names = append(names, fmt.Sprint(o.index))
		}
		out = append(out, fmt.Sprintf("%s@%d", strings.Join(names, "+"), s.level))
	}
	return strings.Join(out, " ")
}

func post(bulkID string, refs ...string) string {
	var values []string
	for _, r := range refs {
		values = append(values, `"`+r+`"`)
	}
	return fmt.Sprintf(`{"method":"POST","path":"/Users","bulkId":%q,"data":{"x":[%s]}}`, bulkID,
		strings.Join(values, ","))
}

func other(method, path string, refs ...string) string {
	return fmt.Sprintf(`{"method":%q,"path":%q,"data":{"x":["%s"]}}`, method, path, strings.Join(refs, `","`))
}

func TestPlan(t *testing.T) {
	const id, id2 = "11111111-1111-4111-8111-111111111111", "22222222-2222-4222-8222-222222222222"
	for _, tc := range []struct {
		name string
		ops  []string
		want string
	}{
		{"independent operations go together", []string{post("a"), post("b"), post("c")}, "0@0 1@0 2@0"},
		{"R7644-3.7-16 what is referred to comes first", []string{post("a", "bulkId:b"), post("b")}, "1@0 0@1"},
		{"a chain of references", []string{post("a", "bulkId:b"), post("b", "bulkId:c"), post("c")}, "2@0 1@1 0@2"},
		{"R7644-3.7.1-01 a circle is one step",
			[]string{post("a", "bulkId:b"), post("x"), post("b", "bulkId:a")}, "0+2@0 1@0"},
		{"two circles in a row",
			[]string{post("a", "bulkId:b", "bulkId:c"), post("b", "bulkId:a"), post("c", "bulkId:d"),
				post("d", "bulkId:c")}, "2+3@0 0+1@1"},
		{"itself", []string{post("a", "bulkId:a")}, "0@0"},
		{"changes of one resource stay in order and on one level",
			[]string{other("PATCH", "/Users/"+id), other("PATCH", "/Users/"+strings.ToUpper(id)), post("a")},
			"0@0 1@0 2@0"},
		{"but for what they refer to", []string{other("PATCH", "/Users/"+id, "bulkId:a"), other("PUT", "/Users/"+id),
			post("a")}, "2@0 0@1 1@1"},
		{"R7644-3.7.2-05 a path refers too", []string{other("PATCH", "/Users/bulkId:a"), post("a")}, "1@0 0@1"},
		{"a deletion comes before what names the resource later",
			[]string{other("DELETE", "/Users/"+id), post("a", id)}, "0@0 1@1"},
		{"not before what names it earlier", []string{post("a", id), other("DELETE", "/Users/"+id)}, "0@0 1@0"},
		{"definitions stand alone", []string{post("a"), other("DELETE", "/SchemaDefinitions/"+id2), post("b"),
			post("c")}, "0@0 1@1 2@2 3@2"},
		{"an unknown bulkId orders nothing", []string{post("a", "bulkId:nosuch"), post("b")}, "0@0 1@0"},
	} {
		if got := planText(t, tc.ops...); got != tc.want {
			t.Errorf("%s: %s, want %s", tc.name, got, tc.want)
		}
	}
}

func TestReferences(t *testing.T) {
	for _, tc := range []struct{ name, in, ids, out string }{
		{"a value", `{"value":"bulkId:q"}`, "q", `{"value":"ID-q"}`},
		{"spaces and escapes", `{ "value" : "bulk\u0049d:q" }`, "q", `{ "value" : "ID-q" }`},
		{"an address", `{"$ref":"https://x/Users/bulkId:q"}`, "q", `{"$ref":"https://x/Users/ID-q"}`},
		{"a path with filters", `{"path":"members[value eq \"bulkId:q\" or value eq \"bulkId:r\"]"}`, "q r",
			`{"path":"members[value eq \"ID-q\" or value eq \"ID-r\"]"}`},
		{"keys are none", `{"bulkId:q":"x","a\"b":"c"}`, "", `{"bulkId:q":"x","a\"b":"c"}`},
		{"nor is text that speaks of one", `{"title":"about bulkId:q"}`, "", `{"title":"about bulkId:q"}`},
		{"several", `["bulkId:q",["bulkId:r"],{"x":"bulkId:q"}]`, "q r q", `["ID-q",["ID-r"],{"x":"ID-q"}]`},
	} {
		got := references([]byte(tc.in))
		ids := map[string]string{}
		for _, id := range got {
			ids[id] = "ID-" + id
		}
		if strings.Join(got, " ") != tc.ids {
			t.Errorf("%s: %q, want %q", tc.name, got, tc.ids)
		}
		if out := string(resolve([]byte(tc.in), ids)); out != tc.out {
			t.Errorf("%s: %s, want %s", tc.name, out, tc.out)
		}
	}
}

// FuzzBulk: no message breaks the parser, and no reference of a job is left once all are resolved.
func FuzzBulk(f *testing.F) {
	f.Add(`{"schemas":["` + bulkRequestURN + `"],"Operations":[` + post("a", "bulkId:b") + `,` +
		other("PATCH", "/Users/bulkId:a", `x`) + `]}`)
	f.Add(`{"schemas":[],"Operations":{}}`)
	f.Add(`{"failOnErrors":-1,"Operations":[{"method":1}]}`)
	f.Fuzz(func(t *testing.T, body string) {
		j, err := parseJob([]byte(body), schema.Mode{}, 50)
		if err != nil {
			return
		}
		n := 0
		for _, s := range plan(j.operations) {
			n += len(s.operations)
		}
		if n != len(j.operations) {
			t.Fatalf("%d of %d operations planned", n, len(j.operations))
		}
		for _, o := range j.operations {
			ids := map[string]string{}
			for _, r := range o.refs {
				ids[r] = "id"
			}
			if left := references(resolve(o.data, ids)); len(left) > 0 {
				t.Fatalf("%q left in %s", left, o.data)
			}
		}
	})
}
