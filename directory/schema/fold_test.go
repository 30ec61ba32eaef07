package schema

import (
	"testing"
	"unicode"
)

func TestFold(t *testing.T) {
	cases := []struct{ name, in, want string }{
		{"R7644-3.4.2.2-30 upper case", "BJENSEN", "bjensen"},
		{"lower case", "bjensen", "bjensen"},
		{"R7644-7.8-01 decomposed", "Jose\u0301", "josé"},
		{"composed", "JOSÉ", "josé"},
		{"full-width", "ＢＪｅｎｓｅｎ", "bjensen"},
		{"half-width katakana", "ﾊﾞ", "バ"},
		{"dotted I, decomposed", "I\u0307", "İ"},
		{"Kelvin sign", "\u212A", "k"},
		{"long s", "ſ", "s"},
		{"sharp s keeps its length", "Straße", "straße"},
		{"capital sharp s", "STRAẞE", "straße"},
		{"final sigma", "ΣΊΣΥΦΟΣ", "σίσυφοσ"},
		{"no locale: dotless i", "ı", "ı"},
		{"no locale: dotted I", "İ", "İ"},
		{"micro sign", "µ", "μ"},
		{"empty", "", ""},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			if got := Fold(c.in); got != c.want {
				t.Errorf("Fold(%q) = %q, want %q", c.in, got, c.want)
			}
			if got := string(AppendFold([]byte("x"), c.in)); got != "x"+c.want {
				t.Errorf("AppendFold(%q) = %q", c.in, got)
			}
		})
	}
}

// TestFoldAllRunes: folding is stable and forgets case for every rune there is.
func TestFoldAllRunes(t *testing.T) {
	for r := rune(0); r <= unicode.MaxRune; r++ {
		once := foldRune(r)
		if twice := foldRune(once); twice != once {
			t.Fatalf("%U folds to %U, which folds to %U", r, once, twice)
		}
		if other := foldRune(unicode.SimpleFold(r)); other != once {
			t.Fatalf("%U folds to %U but its other case to %U", r, once, other)
		}
	}
}

func FuzzFold(f *testing.F) {
	for _, s := range []string{"BJensen", "Jose\u0301", "ＦＵＬＬ", "\u0345\u0399", "K\u0308", "\xff", "ﾊﾞ", "\u1E9E"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		once := Fold(s)
		if twice := Fold(once); twice != once {
			t.Errorf("Fold(%q) = %q, folded again %q", s, once, twice)
		}
	})
}

func BenchmarkFold(b *testing.B) {
	for _, s := range []string{"bjensen@example.com", "BJensen@Example.com", "josé@example.com"} {
		b.Run(s, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				Fold(s)
			}
		})
	}
}
