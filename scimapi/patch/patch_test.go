package patch

import (
	"bytes"
	"encoding/json"
	"errors"
	"iter"
	"slices"
	"strings"
	"testing"

	"rollcall/directory/schema"
)

const (
	userURN  = schema.UserURN
	groupURN = schema.GroupURN
	eu       = schema.EnterpriseUserURN
	origin   = schema.OriginURN
	groupAcc = schema.GroupAccessURN
)

// babs is the document most cases start from.
const babs = `{
	"id": "u1", "externalId": "E-1", "userName": "bjensen", "title": "Guide", "active": true,
	"name": {"familyName": "Jensen", "givenName": "Barbara"},
	"emails": [{"value": "b@work.example", "type": "work", "primary": true},
		{"value": "b@home.example", "type": "home"}],
	"addresses": [{"type": "work", "streetAddress": "1 Main", "locality": "Oslo"},
		{"type": "work", "streetAddress": "2 Side"}],
	"` + eu + `": {"employeeNumber": "7", "manager": {"value": "m1", "$ref": "../Users/m1"}},
	"` + origin + `": {"source": "scim"}
}`

// testCase is one line of a table: operations, and what they change at the top level of the document (null: removed);
// or, after "!", the type of the error and a place or name in it.
type testCase struct{ name, ops, want string }

func decodeDoc(t testing.TB, rt *schema.ResourceType, s string) schema.Document {
	t.Helper()
	d, err := rt.Decode([]byte(s))
	if err != nil {
		t.Fatal(err)
	}
	return d.Clone()
}

// message returns a PatchOp message with one operation or a list.
func message(ops string) []byte {
	if !strings.HasPrefix(ops, "[") {
		ops = "[" + ops + "]"
	}
	return []byte(`{"schemas":["` + Message + `"],"Operations":` + ops + `}`)
}

func run(rt *schema.ResourceType, doc schema.Document, current Members, ops string, o Options) (Result, error) {
	r, err := Parse(message(ops), o)
	if err != nil {
		return Result{}, err
	}
	c, err := Compile(rt, r, o)
	if err != nil {
		return Result{}, err
	}
	return c.Apply(doc, current, nil)
}

func runTable(t *testing.T, rt *schema.ResourceType, start string, o Options, cases []testCase) {
	t.Helper()
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			doc, untouched := decodeDoc(t, rt, start), decodeDoc(t, rt, start)
			res, err := run(rt, doc, nil, c.ops, o)
			if !doc.Equal(untouched) {
				t.Fatalf("the document passed in was changed to %v", doc)
			}
			if want, fails := strings.CutPrefix(c.want, "!"); fails {
				wantError(t, err, want)
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			want := overlay(t, untouched, c.want)
			if !res.Document.Equal(want) {
				t.Errorf("got  %s\nwant %s", text(t, res.Document), text(t, want))
			}
			if changed := !want.Equal(untouched); res.Changed != changed {
				t.Errorf("Changed is %v", res.Changed)
			}
		})
	}
}

func wantError(t *testing.T, err error, want string) {
	t.Helper()
	typ, part, _ := strings.Cut(want, " ")
	var se *schema.Error
	if !errors.As(err, &se) {
		t.Fatalf("got error %v, want %s", err, want)
	}
	if typ == "invalid" && (se.Type == schema.InvalidPath || se.Type == schema.InvalidFilter) {
		typ = se.Type // the requirement tolerates both
	}
	if se.Type != typ || !strings.Contains(se.Error(), part) {
		t.Errorf("got %s %q, want %s", se.Type, se.Error(), want)
	}
}

// overlay returns doc with the top-level members of patch; null removes one.
func overlay(t testing.TB, doc schema.Document, patch string) schema.Document {
	t.Helper()
	v, err := schema.Unmarshal([]byte(patch))
	if err != nil {
		t.Fatalf("%s: %v", patch, err)
	}
	out := doc.Clone()
	for k, v := range v.(map[string]any) {
		if v == nil {
			delete(out, k)
		} else {
			out[k] = v
		}
	}
	return out
}

func text(t testing.TB, v any) string {
	t.Helper()
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(b.String())
}

// people are members that count how often they are asked.
type people struct {
	list  []Member
	asked int
}

func (p *people) Has(id string) bool {
	p.asked++
	return slices.ContainsFunc(p.list, func(m Member) bool { return m.ID == id })
}

func (p *people) All() iter.Seq[Member] {
	p.asked++
	return slices.Values(p.list)
}
