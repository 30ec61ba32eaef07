package rfctext

import (
	"slices"
	"testing"
)

// sample has what makes an RFC hard to read: a table of contents, a page break
// in a paragraph, a list, abbreviations and a heading like a sentence.
const sample = `
   1.  Words . . . . . . . . . . . . 2
   2.  More  . . . . . . . . . . . . 3

1.  Words

   A server MUST answer (e.g., with 200).  It SHOULD be quick, as in
   Section 2.1.

   o  The first item runs

Nobody, et al.               Standards Track                    [Page 2]

RFC 1               Sample                August 2026

      over the page.

   o  The second item.  It has two sentences.

2.  More

   1.  Not the end?  "Quoted" text begins here.
`

func TestSentences(t *testing.T) {
	want := []string{
		"1#1 A server MUST answer (e.g., with 200).", "1#2 It SHOULD be quick, as in Section 2.1.",
		"1#3 o The first item runs over the page.", "1#4 o The second item.", "1#5 It has two sentences.",
		"2#1 1.", "2#2 Not the end?", `2#3 "Quoted" text begins here.`,
	}
	var got []string
	for _, s := range Sentences(sample) {
		got = append(got, s.Place()+" "+s.Text)
	}
	if !slices.Equal(got, want) {
		t.Errorf("got\n%q\nwant\n%q", got, want)
	}
}

func TestVerify(t *testing.T) {
	all := Sentences(sample)
	first, both := all[0].Sum(), sumOf(all[0].Text+" "+all[1].Text)
	for _, c := range []struct {
		name, place, sum, keyword string
		ok                        bool
	}{
		{"one sentence", "1#1", first, "MUST", true},
		{"two sentences", "1#1+2", both, "SHOULD", true},
		{"anywhere in the section", "1", first, "MUST", true},
		{"no keyword asked", "1#1", first, "", true},
		{"another sentence", "1#2", first, "", false},
		{"another section", "2#1", first, "", false},
		{"no such sentence", "1#9", first, "", false},
		{"a keyword it has not", "1#1", first, "SHALL", false},
		{"a part of a keyword", "1#1", first, "MUS", false},
	} {
		if err := Verify(all, c.place, c.sum, c.keyword); (err == nil) != c.ok {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}

func FuzzSentences(f *testing.F) {
	f.Add(sample)
	f.Add("1.  A\n\n   x. Y\f")
	f.Fuzz(func(t *testing.T, text string) {
		for i, s := range Sentences(text) {
			if s.Section == "" || s.Number < 1 {
				t.Errorf("sentence %d has no place: %+v", i, s)
			}
		}
	})
}
