package patch

import (
	"testing"

	"rollcall/directory/schema"
)

func bench(b *testing.B, rt *schema.ResourceType, start, ops string, o Options) {
	doc, body := decodeDoc(b, rt, start), message(ops)
	b.Run("parse", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := Parse(body, o); err != nil {
				b.Fatal(err)
			}
		}
	})
	r, err := Parse(body, o)
	if err != nil {
		b.Fatal(err)
	}
	b.Run("apply", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			c, err := Compile(rt, r, o)
			if err != nil {
				b.Fatal(err)
			}
			if _, err := c.Apply(doc, nil, nil); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func BenchmarkAddMember(b *testing.B) {
	bench(b, schema.Group(), team, `{"op":"add","path":"members",`+
		`"value":[{"value":"2819c223-7f76-453a-919d-413861904646"}]}`, Options{})
}

func BenchmarkRemoveMember(b *testing.B) {
	bench(b, schema.Group(), team, `{"op":"remove",`+
		`"path":"members[value eq \"2819c223-7f76-453a-919d-413861904646\"]"}`, Options{})
}

func BenchmarkReplaceTitle(b *testing.B) {
	bench(b, schema.User(), babs, `{"op":"replace","path":"title","value":"X"}`, Options{})
}

func BenchmarkReplaceEmail(b *testing.B) {
	bench(b, schema.User(), babs, `{"op":"replace","path":"emails[type eq \"work\"].value","value":"n@x.example"}`,
		Options{})
}
