// Command rfccheck verifies that every requirement rests on the sentences it
// names: that they stand where conformance/basis.txt says, word for word, and
// hold the keyword.
//
//	rfccheck DIR               verify against DIR/rfc7643.txt, rfc7644.txt and so on
//	rfccheck -find WORDS DIR   print the sentences that hold the words, for a new line of basis.txt
//
// Its exit status is 1 if a sentence differs or a text is missing.
package main

import (
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"rollcall/conformance"
	"rollcall/conformance/internal/rfctext"
)

func main() {
	find := flag.String("find", "", "print the sentences that hold these words")
	flag.Parse()
	if flag.NArg() != 1 {
		fmt.Fprintln(os.Stderr, "rfccheck: give one directory with the texts of the RFCs, such as rfc7644.txt")
		os.Exit(2)
	}
	if *find != "" {
		os.Exit(search(flag.Arg(0), *find, os.Stdout))
	}
	os.Exit(verify(flag.Arg(0), os.Stdout))
}

// load reads the texts of the RFCs that requirements rest on; those that are
// not in the directory are missing from the map.
func load(dir string) map[string][]rfctext.Sentence {
	out := map[string][]rfctext.Sentence{}
	for _, r := range conformance.Requirements() {
		doc := r.Basis.Document
		if !strings.HasPrefix(doc, "RFC ") || out[doc] != nil {
			continue
		}
		name := strings.ToLower(strings.ReplaceAll(doc, " ", "")) + ".txt"
		if text, err := os.ReadFile(filepath.Join(dir, name)); err == nil {
			out[doc] = rfctext.Sentences(string(text))
		}
	}
	return out
}

// verify looks up what each requirement rests on and says what is wrong.
func verify(dir string, w io.Writer) int {
	texts := load(dir)
	missing := map[string]int{}
	good, bad := 0, 0
	for _, r := range conformance.Requirements() {
		doc := r.Basis.Document
		switch {
		case !strings.HasPrefix(doc, "RFC "): // a draft, or none
		case texts[doc] == nil:
			missing[doc]++
		default:
			if err := rfctext.Verify(texts[doc], r.Basis.Place, r.Basis.Sum, r.Basis.Keyword); err != nil {
				fmt.Fprintf(w, "%s: %s %s: %v\n", r.ID, doc, r.Basis.Place, err)
				bad++
				continue
			}
			good++
		}
	}
	fmt.Fprintf(w, "%d requirements rest on the sentences they name, %d do not\n", good, bad)
	for doc, n := range missing {
		fmt.Fprintf(w, "%s is not in %s: %d requirements are not verified\n", doc, dir, n)
	}
	if bad > 0 || len(missing) > 0 {
		return 1
	}
	return 0
}

func search(dir, words string, w io.Writer) int {
	found := 1
	for doc, sentences := range load(dir) {
		for _, s := range sentences {
			if strings.Contains(strings.ToLower(s.Text), strings.ToLower(words)) {
				fmt.Fprintf(w, "%s · %s · %s\n  %s\n", doc, s.Place(), s.Sum(), s.Text)
				found = 0
			}
		}
	}
	return found
}
