package patch

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"rollcall/directory/schema"
)

func FuzzParse(f *testing.F) {
	for _, c := range slices.Concat(userCases, lenientCases) {
		f.Add(message(c.ops), false)
	}
	f.Add([]byte(`{"schemas":["`+Message+`"],"operations":[{"OP":"remove","path":null}]}`), true)
	f.Fuzz(func(t *testing.T, body []byte, strict bool) {
		r, err := Parse(body, Options{Strict: strict})
		if err != nil {
			isSchemaError(t, err)
			return
		}
		if len(r.Operations) == 0 {
			t.Error("no operations")
		}
		for _, op := range r.Operations {
			if op.Op != Add && op.Op != Remove && op.Op != Replace || op.Op == Remove && !op.HasPath ||
				op.Op != Remove && !op.HasValue {
				t.Errorf("accepted %+v", op)
			}
		}
	})
}

// FuzzApply applies any operations to any type: that never panics, changes neither the document nor the request, and
// returns a document that keeps the rules of its schema.
func FuzzApply(f *testing.F) {
	for _, c := range slices.Concat(userCases, lenientCases) {
		f.Add(uint8(0), false, c.ops)
		f.Add(uint8(0), true, c.ops)
	}
	for kind, ops := range [][]string{
		1: {`{"op":"remove","path":"members[not (type eq \"User\")]"}`,
			`{"op":"add","path":"members[value eq \"u3\"].type","value":"User"}`},
		2: {`{"op":"add","path":"jit.update.never","value":["title"]}`,
			`{"op":"replace","path":"idp.certificates[pem eq \"P1\"].pem","value":"P3"}`},
		3: {`{"op":"replace","path":"parts[no eq 1]","value":{"no":1,"batch":"y"}}`,
			`{"op":"remove","path":"owners[value eq \"ann\"]"}`},
	} {
		for _, op := range ops {
			f.Add(uint8(kind), false, op)
		}
	}
	custom := device(f)
	f.Fuzz(func(t *testing.T, kind uint8, strict bool, ops string) {
		rt, start := schema.User(), babs
		switch kind % 4 {
		case 1:
			rt, start = schema.Group(), team
		case 2:
			rt, start = schema.IdentityProvider(),
				`{"id":"c1","displayName":"Okta","jit":{"enabled":false,"update":{"never":["displayName"]}},`+
					`"idp":{"certificates":[{"pem":"P1","fingerprint":"F1"}]}}`
		case 3:
			rt, start = custom, gadget
		}
		o := Options{Strict: strict,
			Derived: func(*schema.Attribute) []byte { return []byte(`{"resourceType":"User"}`) }}
		r, err := Parse(message(ops), o)
		if err != nil {
			return
		}
		before := fmt.Sprint(r)
		doc, untouched := decodeDoc(t, rt, start), decodeDoc(t, rt, start)
		c, err := Compile(rt, r, o)
		if err != nil {
			isSchemaError(t, err)
			return
		}
		judged := c.Judge(nil)
		res, err := c.Apply(doc, crew(), nil)
		if judged != nil {
			isSchemaError(t, judged)
			if err == nil {
				t.Fatalf("judged %v, and applied to %s", judged, text(t, untouched))
			}
		}
		if !doc.Equal(untouched) {
			t.Fatalf("the document passed in became %s", text(t, doc))
		}
		if after := fmt.Sprint(r); after != before {
			t.Fatalf("the request became %s", after)
		}
		if err != nil {
			isSchemaError(t, err)
			return
		}
		if err := rt.Check(res.Document); err != nil {
			t.Fatalf("%v: %s", err, text(t, res.Document))
		}
		if res.Changed == res.Document.Equal(untouched) {
			t.Fatalf("Changed is %v: %s", res.Changed, text(t, res.Document))
		}
		stored, err := rt.Encode(res.Document)
		if err != nil {
			t.Fatal(err)
		}
		if back := decodeDoc(t, rt, string(stored)); !back.Equal(res.Document) {
			t.Fatalf("stored as %s\nfrom %s", stored, text(t, res.Document))
		}
		again, err := c.Apply(doc, crew(), nil)
		if err != nil || !again.Document.Equal(res.Document) || show(again.Members) != show(res.Members) {
			t.Fatalf("again: %s, %v", text(t, again.Document), err)
		}
		coherent(t, res.Members)
	})
}

func isSchemaError(t *testing.T, err error) {
	t.Helper()
	var se *schema.Error
	if !errors.As(err, &se) || se.Type == "" || se.Detail == "" {
		t.Errorf("%T %v is no proper *schema.Error", err, err)
	}
}

// coherent checks what Delta promises.
func coherent(t *testing.T, d Delta) {
	t.Helper()
	seen := map[string]bool{}
	for _, id := range slices.Concat(d.Add, d.Remove) {
		if seen[id] {
			t.Errorf("%q twice in %s", id, show(d))
		}
		seen[id] = true
	}
	if d.Replace == nil {
		return
	}
	if d.Remove != nil {
		t.Errorf("Remove beside Replace: %s", show(d))
	}
	for _, id := range d.Add {
		if !slices.Contains(*d.Replace, id) {
			t.Errorf("%q is not in Replace: %s", id, show(d))
		}
	}
}

// TestBack: a PATCH and the PATCH back restore any document.
func TestBack(t *testing.T) {
	rnd := rand.New(rand.NewPCG(3, 5))
	start := decodeDoc(t, schema.User(), babs)
	doc := start
	changed := 0
	for range 3000 {
		ops := randomOps(rnd)
		res, err := run(schema.User(), doc, nil, ops, Options{})
		if err != nil {
			continue
		}
		if res.Changed {
			changed++
		}
		back := backOps(t, doc, res.Document)
		if back == "[]" {
			continue
		}
		restored, err := run(schema.User(), res.Document, nil, back, Options{Strict: true})
		if err != nil || !restored.Document.Equal(doc) {
			t.Fatalf("%s\nfrom %s\nto   %s\nback %s\ngot  %s\n%v", ops, text(t, doc), text(t, res.Document), back,
				text(t, restored.Document), err)
		}
		if doc = res.Document; rnd.IntN(20) == 0 {
			doc = start
		}
	}
	if changed < 1000 {
		t.Errorf("only %d requests changed anything", changed)
	}
}

func randomOps(rnd *rand.Rand) string {
	pick := func(s ...string) string { return s[rnd.IntN(len(s))] }
	var ops []string
	for range 1 + rnd.IntN(4) {
		typ := pick(`work`, `home`, `other`)
		value := pick(`"a"`, `"b@x"`, `"C"`, `null`, `""`)
		email := fmt.Sprintf(`{"value":%s,"type":"%s","primary":%s}`, pick(`"a@x"`, `"b@x"`, `"c@x"`), typ,
			pick("true", "false"))
		op := pick("add", "replace")
		ops = append(ops, pick(
			fmt.Sprintf(`{"op":"%s","path":"%s","value":%s}`, op,
				pick("title", "nickName", "name.givenName", "name.middleName", eu+":department", eu+":manager",
					"userName"), value),
			fmt.Sprintf(`{"op":"%s","path":"emails","value":[%s]}`, op, email),
			fmt.Sprintf(`{"op":"%s","path":"emails[type eq \"%s\"]","value":%s}`, op, typ, email),
			fmt.Sprintf(`{"op":"%s","path":"emails[type eq \"%s\"].%s","value":%s}`, op, typ,
				pick("value", "display", "type"), value),
			fmt.Sprintf(`{"op":"%s","path":"emails[type eq \"%s\"].primary","value":"True"}`, op, typ),
			fmt.Sprintf(`{"op":"%s","value":{"name":{"familyName":%s},"%s":{"costCenter":%s}}}`, op, value, eu, value),
			fmt.Sprintf(`{"op":"remove","path":"%s"}`,
				pick("title", "name", "emails", eu, eu+":manager.value", "addresses", "emails.display")),
			fmt.Sprintf(`{"op":"remove","path":"emails[type eq \"%s\"]%s"}`, typ, pick("", ".display", ".value")),
		))
	}
	return "[" + strings.Join(ops, ",") + "]"
}

// backOps returns operations that lead from one document to another.
func backOps(t *testing.T, to, from schema.Document) string {
	var ops []string
	put := func(path string, v any, had bool) {
		if had && path != "userName" {
			ops = append(ops, fmt.Sprintf(`{"op":"remove","path":%q}`, path))
		}
		if v != nil {
			ops = append(ops, fmt.Sprintf(`{"op":"replace","path":%q,"value":%s}`, path, text(t, v)))
		}
	}
	for _, a := range []string{"title", "nickName", "name", "userName", "emails", "addresses", eu} {
		if !schema.EqualValues(to[a], from[a]) {
			put(a, to[a], from[a] != nil)
		}
	}
	return "[" + strings.Join(ops, ",") + "]"
}
