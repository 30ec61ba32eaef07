package rfctext

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// A Sentence is one sentence of an RFC.
type Sentence struct {
	Section string // such as "3.5.2.1"; "A" for an appendix
	Number  int    // in its section, from 1
	Text    string // with single blanks
}

// Place names where a sentence stands, such as "3.5.2.1#4".
func (s Sentence) Place() string { return fmt.Sprintf("%s#%d", s.Section, s.Number) }

// Sum is the SHA-256 of the sentence's text in hexadecimal.
func (s Sentence) Sum() string { return sumOf(s.Text) }

func sumOf(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:])
}

// Verify reports whether the sentences at a place, such as "3.3#8" or
// "5#10+11", have a sum together and hold a keyword. A place that is only a
// section stands for any one sentence of it. The error says what is wrong.
func Verify(all []Sentence, place, sum, keyword string) error {
	section, numbers, exact := strings.Cut(place, "#")
	var found []string
	for _, s := range all {
		if s.Section != section {
			continue
		}
		if !exact && s.Sum() == sum {
			found = append(found, s.Text)
		}
		for n := range strings.SplitSeq(numbers, "+") {
			if exact && n == strconv.Itoa(s.Number) {
				found = append(found, s.Text)
			}
		}
	}
	text := strings.Join(found, " ")
	switch {
	case len(found) == 0:
		return errors.New("no such sentence")
	case sumOf(text) != sum:
		return fmt.Errorf("the text is another: %q", text)
	case !regexp.MustCompile(`\b` + keyword + `\b`).MatchString(text):
		return fmt.Errorf("it has no %s: %q", keyword, text)
	}
	return nil
}

var (
	footer   = regexp.MustCompile(`\[Page \d+\]$`)
	header   = regexp.MustCompile(`^RFC \d+ .*\b\d{4}$`)
	heading  = regexp.MustCompile(`^(?:Appendix )?([0-9]+(?:\.[0-9]+)*|[A-Z](?:\.[0-9]+)*)\.  ?\S`)
	contents = regexp.MustCompile(`\. ?\.|\s\d+$`)
	bullet   = regexp.MustCompile(`^\s*(?:[o*+-]|\d+\.)\s\s?\S`)
	ending   = regexp.MustCompile(`[.?!]["')]?\s+["'(A-Z0-9\[]`)
	short    = regexp.MustCompile(`(?:e\.g|i\.e|etc|vs|cf|al|[A-Z])\.["')]?$`)
)

// Sentences reads the text of an RFC.
func Sentences(text string) []Sentence {
	var out []Sentence
	section, number := "", 0
	for _, p := range paragraphs(text) {
		if m := heading.FindStringSubmatch(p); m != nil && !contents.MatchString(p) {
			section, number = m[1], 0
			continue
		}
		if section == "" {
			continue
		}
		for _, s := range split(strings.Join(strings.Fields(p), " ")) {
			number++
			out = append(out, Sentence{section, number, s})
		}
	}
	return out
}

// paragraphs joins the lines of each paragraph and list item, also across a
// page break.
func paragraphs(text string) []string {
	var out []string
	var now strings.Builder
	end := func() {
		if now.Len() > 0 {
			out = append(out, now.String())
			now.Reset()
		}
	}
	blanks, broken := 0, false
	for line := range strings.Lines(strings.ReplaceAll(text, "\f", "\n")) {
		line = strings.TrimRight(line, " \r\n")
		switch {
		case footer.MatchString(line), header.MatchString(line):
			broken = true
			continue
		case line == "":
			blanks++
			continue
		}
		// A page break within a paragraph leaves only blank lines around it: the
		// paragraph goes on if it had not ended with a full stop.
		goesOn := broken && strings.HasPrefix(line, " ") && now.Len() > 0 &&
			!strings.ContainsAny(now.String()[now.Len()-1:], ".:")
		if blanks > 0 && !goesOn || bullet.MatchString(line) || !strings.HasPrefix(line, " ") {
			end()
		}
		blanks, broken = 0, false
		if now.Len() > 0 {
			now.WriteByte(' ')
		}
		now.WriteString(line)
	}
	end()
	return out
}

// split cuts a paragraph into sentences.
func split(p string) []string {
	var out []string
	start := 0
	for _, m := range ending.FindAllStringIndex(p, -1) {
		cut := strings.IndexByte(p[m[0]:], ' ') + m[0]
		if short.MatchString(p[start:cut]) {
			continue
		}
		out = append(out, p[start:cut])
		start = cut + 1
	}
	return append(out, p[start:])
}
