package filter

import (
	"iter"
	"testing"

	"rollcall/directory/schema"
)

// BenchmarkCompile: parse and compile of userName eq "x" take at most 2 µs and 10 allocations (TestCompileAllocations
// holds the latter).
func BenchmarkCompile(b *testing.B) {
	for _, s := range []string{`userName eq "x"`, `emails[type eq "work" and value eq "x"]`, eu + `:department eq "D"`,
		`(userName eq "x" or emails.value eq "x") and active eq true`} {
		b.Run(s, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if err := compileText(s); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func compileText(s string) error {
	e, err := Parse(s, Options{})
	if err != nil {
		return err
	}
	_, err = Compile(e, schema.User(), Options{})
	return err
}

func TestCompileAllocations(t *testing.T) {
	allocations := testing.AllocsPerRun(100, func() {
		if err := compileText(`userName eq "x"`); err != nil {
			t.Fatal(err)
		}
	})
	if allocations > 10 {
		t.Errorf("%v allocations, at most 10", allocations)
	}
}

// fixed is a resource of which asking costs nothing.
type fixed struct{ document []byte }

func (f *fixed) Document() []byte                          { return f.document }
func (f *fixed) Derived(string) ([]byte, iter.Seq[[]byte]) { return nil, nil }
func (f *fixed) Contains(string, string) bool              { return false }

func BenchmarkMatch(b *testing.B) {
	r := &fixed{[]byte(sampleUser.document)}
	for _, s := range []string{`userName eq "bjensen"`, `name.familyName co "x"`, `emails.value eq "q"`,
		`emails[type eq "home" and value ew "y"]`,
		eu + `:department eq "D"`, `active eq true and not (title pr)`} {
		b.Run(s, func(b *testing.B) {
			e, err := Parse(s, Options{})
			if err != nil {
				b.Fatal(err)
			}
			q, err := Compile(e, schema.User(), Options{})
			if err != nil {
				b.Fatal(err)
			}
			b.ReportAllocs()
			for b.Loop() {
				q.Match(r)
			}
		})
	}
}

func BenchmarkParsePath(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		if _, err := ParsePath(`emails[type eq "work"].value`, Options{}); err != nil {
			b.Fatal(err)
		}
	}
}
