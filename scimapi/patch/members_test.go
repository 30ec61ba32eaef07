package patch

import (
	"fmt"
	"strings"
	"testing"

	"rollcall/directory/schema"
)

const team = `{"id": "g1", "displayName": "Team", "` + schema.GroupAccessURN +
	`": {"protected": true, "roles": [{"value": "r1"}]}}`

// crew returns the members in these tests: users u1, u2 and group g2.
func crew() *people {
	return &people{list: []Member{{"u1", "User", "Ann"}, {"u2", "User", "Bob"}, {"g2", "Group", "Two"}}}
}

// show writes a Delta in short: "=a,b" replaced by, "+a" added, "-a" removed.
func show(d Delta) string {
	var parts []string
	if d.Replace != nil {
		parts = append(parts, "="+strings.Join(*d.Replace, ","))
	}
	for _, id := range d.Add {
		parts = append(parts, "+"+id)
	}
	for _, id := range d.Remove {
		parts = append(parts, "-"+id)
	}
	return strings.Join(parts, " ")
}

func TestMembers(t *testing.T) {
	for _, c := range []struct {
		name, ops, want string // want: see show, or after "!" an error
		asks, strict    bool
	}{
		{name: "R7644-3.5.2.1-06 one object", ops: `{"op":"add","path":"members","value":{"value":"u3"}}`, want: "+u3"},
		{name: "R7644-3.5.2.1-06 an array",
			ops: `{"op":"add","path":"members","value":[{"value":"u3"},{"value":"u4"}]}`, want: "+u3 +u4"},
		{name: "R7644-3.5.2.1-02 no path", ops: `{"op":"add","value":{"members":[{"value":"u3"}]}}`, want: "+u3"},
		{name: "R7644-3.5.2-07 URN", ops: `{"op":"add","path":"` + groupURN +
			`:Members","value":[{"value":"u3"}]}`, want: "+u3"},
		{name: "R7644-3.5.2.1-08 Q-10 twice",
			ops: `[{"op":"add","path":"members","value":[{"value":"u3"}]},` +
				`{"op":"add","path":"members","value":[{"value":"u3"},{"value":"u3"}]}]`, want: "+u3"},
		{name: "Q-10 a member already: its grant is the directory's matter",
			ops: `{"op":"add","path":"members","value":[{"value":"u1"}]}`, want: "+u1"},
		{name: "Q-09 $ref null, display", ops: `{"op":"Add","path":"members","value":[{"$ref":null,"value":"u3",` +
			`"display":"x"}]}`, want: "+u3"},
		{name: "add with type", ops: `{"op":"add","path":"members","value":[{"value":"g3","type":"Group"}]}`,
			want: "+g3"},
		{name: "add of nothing", ops: `{"op":"add","path":"members","value":[]}`, want: ""},
		{name: "add null", ops: `{"op":"add","path":"members","value":null}`, want: ""},
		{name: "add without value", ops: `{"op":"add","path":"members","value":[{"value":"u3"},{"display":"x"}]}`,
			want: "!invalidValue members[1].value"},
		{name: "add with value null", ops: `{"op":"add","path":"members","value":[{"value":null}]}`,
			want: "!invalidValue members[0].value"},
		{name: "add with a number", ops: `{"op":"add","path":"members","value":[{"value":5}]}`,
			want: "!invalidValue members[0].value"},
		{name: "bare id", ops: `{"op":"add","path":"members","value":"u3"}`, want: "+u3"},
		{name: "bare ids", ops: `{"op":"add","path":"members","value":["u3","u4"]}`, want: "+u3 +u4"},
		{name: "bare id, strict", ops: `{"op":"add","path":"members","value":["u3"]}`, want: "!invalidValue members[0]",
			strict: true},

		{name: "R7644-3.5.2.2-03 all", ops: `{"op":"remove","path":"members"}`, want: "="},
		{name: "R7644-3.5.2.2-04 one", ops: `{"op":"remove","path":"members[value eq \"u1\"]"}`, want: "-u1"},
		{name: "R7644-3.5.2.2-04 one, in capitals",
			ops: `{"op":"remove","path":"members[VALUE EQ \"u1\"]"}`, want: "-u1"},
		{name: "R7644-3.5.2.2-09 not a member", ops: `{"op":"remove","path":"members[value eq \"u9\"]"}`, want: "-u9"},
		{name: "several by or", ops: `{"op":"remove",` +
			`"path":"members[value eq \"u1\" or value eq \"u2\" or value eq \"u9\"]"}`, want: "-u1 -u2 -u9"},
		{name: "by type", ops: `{"op":"remove","path":"members[type eq \"User\"]"}`, want: "-u1 -u2", asks: true},
		{name: "by display", ops: `{"op":"remove","path":"members[display eq \"ann\"]"}`, want: "-u1", asks: true},
		{name: "by value and type", ops: `{"op":"remove","path":"members[value eq \"u1\" and type eq \"Group\"]"}`,
			want: "", asks: true},
		{name: "by not", ops: `{"op":"remove","path":"members[not (type eq \"User\")]"}`, want: "-g2", asks: true},
		{name: "by ne", ops: `{"op":"remove","path":"members[value ne \"u1\"]"}`, want: "-u2 -g2", asks: true},
		{name: "Q-03 value list", ops: `{"op":"Remove","path":"members","value":[{"$ref":null,"value":"u1"}]}`,
			want: "-u1"},
		{name: "Q-03 one object", ops: `{"op":"remove","path":"members","value":{"value":"u1"}}`, want: "-u1"},
		{name: "Q-03 bare ids", ops: `{"op":"remove","path":"members","value":["u1","u2"]}`, want: "-u1 -u2"},
		{name: "Q-03 an empty list is not all", ops: `{"op":"remove","path":"members","value":[]}`,
			want: "!invalidValue members: lists nothing"},
		{name: "Q-03 a list of null", ops: `{"op":"remove","path":"members","value":[null]}`,
			want: "!invalidValue members: lists nothing"},
		{name: "Q-03 an empty text", ops: `{"op":"remove","path":"members","value":""}`,
			want: "!invalidValue members: lists nothing"},
		{name: "Q-03 null is not all", ops: `{"op":"remove","path":"members","value":null}`,
			want: "!invalidValue members: lists nothing"},
		{name: "null is no member", ops: `{"op":"add","path":"members","value":[null]}`,
			want: "!invalidValue members[0].value"},
		{name: "an empty text is no member", ops: `{"op":"replace","path":"members","value":""}`,
			want: "!invalidValue members[0].value"},
		{name: "Q-03 strict", ops: `{"op":"remove","path":"members","value":[{"value":"u1"}]}`,
			want: "!invalidValue Operations[0].value", strict: true},

		{name: "R7644-3.5.2.3-03 replace",
			ops:  `{"op":"replace","path":"members","value":[{"value":"u1","display":"x"},{"value":"u3"}]}`,
			want: "=u1,u3"},
		{name: "R7644-3.5.2.3-03 the same twice",
			ops: `{"op":"replace","path":"members","value":[{"value":"u1"},{"value":"U1"}]}`, want: "=u1"},
		{name: "Q-08 replace with []", ops: `{"op":"replace","path":"members","value":[]}`, want: "="},
		{name: "R7643-2.5-02 replace with null", ops: `{"op":"replace","path":"members","value":null}`, want: "="},
		{name: "R7644-3.5.2.3-10 3.3 no path",
			ops: `{"op":"replace","value":{"members":[{"value":"u1"}]}}`, want: "=u1"},
		{name: "3.3 remove and add", ops: `[{"op":"remove","path":"members[value eq \"u1\"]"},` +
			`{"op":"add","path":"members","value":[{"value":"u2","display":"u2@x"}]}]`, want: "+u2 -u1"},

		{name: "add, then remove", ops: `[{"op":"add","path":"members","value":[{"value":"u3"}]},` +
			`{"op":"remove","path":"members[value eq \"u3\"]"}]`, want: "-u3"},
		{name: "remove, then add", ops: `[{"op":"remove","path":"members[value eq \"u1\"]"},` +
			`{"op":"add","path":"members","value":[{"value":"u1"}]}]`, want: "+u1"},
		{name: "remove all, then add", ops: `[{"op":"remove","path":"members"},` +
			`{"op":"add","path":"members","value":[{"value":"u3"}]}]`, want: "=u3 +u3"},
		{name: "replace, then add", ops: `[{"op":"replace","path":"members","value":[{"value":"u1"}]},` +
			`{"op":"add","path":"members","value":[{"value":"u3"}]}]`, want: "=u1,u3 +u3"},
		{name: "replace, then remove", ops: `[{"op":"replace","path":"members","value":[{"value":"u1"},` +
			`{"value":"u2"}]},{"op":"remove","path":"members[value eq \"u1\"]"}]`, want: "=u2"},
		{name: "replace, remove, add again",
			ops: `[{"op":"replace","path":"members","value":[{"value":"u1"},{"value":"u2"}]},` +
				`{"op":"remove","path":"members","value":[{"value":"u1"}]},` +
				`{"op":"add","path":"members","value":[{"value":"u1"}]}]`, want: "=u2,u1 +u1"},
		{name: "add, then replace", ops: `[{"op":"add","path":"members","value":[{"value":"u3"}]},` +
			`{"op":"replace","path":"members","value":[{"value":"u1"}]}]`, want: "=u1"},
		{name: "by filter on what was added",
			ops: `[{"op":"add","path":"members","value":[{"value":"u3","type":"User"}]},` +
				`{"op":"remove","path":"members[type eq \"User\"]"}]`, want: "-u3 -u1 -u2", asks: true},
		{name: "by filter after a removal",
			ops: `[{"op":"remove","path":"members[value eq \"u1\"]"},` +
				`{"op":"remove","path":"members[type eq \"User\"]"}]`, want: "-u1 -u2", asks: true},
		{name: "by filter after replace", ops: `[{"op":"replace","path":"members","value":[{"value":"u7",` +
			`"type":"User"},{"value":"g7","type":"Group"}]},{"op":"remove","path":"members[type eq \"User\"]"}]`,
			want: "=g7"},

		{name: "R7644-3.5.2-21 value changed",
			ops:  `{"op":"replace","path":"members[value eq \"u1\"].value","value":"u2"}`,
			want: "!mutability members.value", asks: true},
		{name: "value as it is", ops: `{"op":"replace","path":"members[value eq \"u1\"].value","value":"u1"}`,
			want: "", asks: true},
		{name: "R7644-3.5.2.3-08 no match",
			ops:  `{"op":"replace","path":"members[value eq \"u9\"].value","value":"u2"}`,
			want: "!noTarget Operations[0].path: members", asks: true},
		{name: "R7643-4.2-03 display", ops: `{"op":"replace","path":"members[value eq \"u1\"].display","value":"x"}`,
			want: "!mutability members.display"},
		{name: "R7643-4.2-03 $ref", ops: `{"op":"replace","path":"members[value eq \"u1\"].$ref","value":"x"}`,
			want: "!mutability members.$ref"},
		{name: "R7643-4.2-03 type changed",
			ops:  `{"op":"replace","path":"members[value eq \"u1\"].type","value":"Group"}`,
			want: "!mutability members.type", asks: true},
		{name: "type as it is", ops: `{"op":"replace","path":"members[value eq \"u1\"].type","value":"User"}`,
			want: "", asks: true},
		{name: "R7643-4.2-03 sub-attribute removed", ops: `{"op":"remove","path":"members[value eq \"u1\"].type"}`,
			want: "!mutability members.type"},
		{name: "sub-attribute of all", ops: `{"op":"replace","path":"members.type","value":"User"}`,
			want: "!mutability members.type"},
		{name: "sub-attribute of all removed", ops: `{"op":"remove","path":"members.value"}`,
			want: "!mutability members.value"},
		{name: "R7644-3.5.2-21 one replaced by another",
			ops:  `{"op":"replace","path":"members[value eq \"u1\"]","value":{"value":"u2"}}`,
			want: "!mutability members.value", asks: true},
		{name: "one replaced by itself", ops: `{"op":"replace","path":"members[value eq \"u1\"]",` +
			`"value":{"value":"u1","display":"x"}}`, want: "", asks: true},
		{name: "R7643-2.5-02 one replaced by null",
			ops: `{"op":"replace","path":"members[value eq \"u1\"]","value":null}`, want: "-u1"},
		{name: "B-13 add creates", ops: `{"op":"add","path":"members[value eq \"u3\"]","value":{"type":"User"}}`,
			want: "+u3", asks: true},
		{name: "B-13 add creates by a sub-attribute",
			ops: `{"op":"add","path":"members[value eq \"u3\"].type","value":"User"}`, want: "+u3", asks: true},
		{name: "B-13 add to one that is there",
			ops: `{"op":"add","path":"members[value eq \"u1\"]","value":{"display":"x"}}`, want: "", asks: true},
		{name: "B-13 add without an id", ops: `{"op":"add","path":"members[type eq \"Device\"]",` +
			`"value":{"display":"x"}}`, want: "!noTarget", asks: true},
		{name: "B-13 strict", ops: `{"op":"add","path":"members[value eq \"u3\"]","value":{"type":"User"}}`,
			want: "!noTarget", asks: true, strict: true},
		{name: "R7644-3.5.2-11 atomic", ops: `[{"op":"add","path":"members","value":[{"value":"u3"}]},` +
			`{"op":"replace","path":"id","value":"x"}]`, want: "!mutability Operations[1].path"},
	} {
		t.Run(c.name, func(t *testing.T) {
			doc, members := decodeDoc(t, schema.Group(), team), crew()
			res, err := run(schema.Group(), doc, members, c.ops, Options{Strict: c.strict})
			if asked := members.asked > 0; asked != c.asks {
				t.Errorf("the members were asked: %v", asked)
			}
			if want, fails := strings.CutPrefix(c.want, "!"); fails {
				wantError(t, err, want)
				if !res.Members.Empty() || res.Document != nil {
					t.Errorf("a result beside the error: %+v", res)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if got := show(res.Members); got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
			if res.Changed || !res.Document.Equal(decodeDoc(t, schema.Group(), team)) {
				t.Errorf("the document changed to %s", text(t, res.Document))
			}
			if res.Members.Empty() != (c.want == "") {
				t.Errorf("Empty is %v", res.Members.Empty())
			}
		})
	}
}

// TestNoMembers: without Members, the Group has none.
func TestNoMembers(t *testing.T) {
	res, err := run(schema.Group(), schema.Document{"id": "g", "displayName": "G"}, nil, `[
		{"op":"remove","path":"members[type eq \"User\"]"},
		{"op":"add","path":"members[value eq \"u1\"]","value":{"display":"x"}}]`, Options{})
	if err != nil || show(res.Members) != "+u1" {
		t.Errorf("got %q, %v", show(res.Members), err)
	}
}

func TestGroup(t *testing.T) {
	runTable(t, schema.Group(), team, Options{}, []testCase{
		{"Q-07 id in a rename", `{"op":"replace","value":{"id":"g1","displayName":"N"}}`, `{"displayName":"N"}`},
		{"Q-07 another id", `{"op":"replace","value":{"id":"g2","displayName":"N"}}`, `!mutability id`},
		{"10 authentik's rename", `{"op":"replace","value":{"id":"g1","displayName":"N","externalId":"e","schemas":["` +
			groupURN + `"]}}`, `{"displayName":"N","externalId":"e"}`},
		{"5 JumpCloud's rename", `{"op":"replace","value":{"displayName":"N"}}`, `{"displayName":"N"}`},
		{"R7644-3.5.2.2-08 displayName", `{"op":"remove","path":"displayName"}`, `!mutability displayName`},
		{"GroupAccess roles", `{"op":"add","path":"` + groupAcc + `:roles","value":[{"value":"r2"},{"value":"r1"}]}`,
			`{"` + groupAcc + `":{"protected":true,"roles":[{"value":"r1"},{"value":"r2"}]}}`},
		{"GroupAccess roles by value", `{"op":"remove","path":"` + groupAcc + `:roles[value eq \"r1\"]"}`,
			`{"` + groupAcc + `":{"protected":true}}`},
		{"GroupAccess removed", `{"op":"remove","path":"` + groupAcc + `"}`, `{"` + groupAcc + `":null}`},
		{"a required sub-attribute", `{"op":"remove","path":"` + groupAcc + `:roles[value eq \"r1\"].value"}`,
			`!mutability value`},
	})
}

// TestManyMembers: adding members does not look at the members that there are.
func TestManyMembers(t *testing.T) {
	var ops []string
	for i := range MaxOperations {
		ops = append(ops, fmt.Sprintf(`{"op":"add","path":"members","value":[{"value":"u%d"}]}`, i))
	}
	res, err := run(schema.Group(), decodeDoc(t, schema.Group(), team), nil, "["+strings.Join(ops, ",")+"]", Options{})
	if err != nil || len(res.Members.Add) != MaxOperations {
		t.Fatalf("%d added, %v", len(res.Members.Add), err)
	}
	ops = append(ops, ops[0])
	_, err = Parse(message("["+strings.Join(ops, ",")+"]"), Options{})
	wantError(t, err, "invalidValue 10000")
}
