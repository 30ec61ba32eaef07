package saml

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Explanation is what an administrator reads, as data: one sentence after the other. Their words are not here but in a
// catalogue for each language, so that records and pages say the same (samlhook/words).
type Explanation []Sentence

// Sentence is a sentence of the catalogue: its key, which is a reason or begins with one and a dot, and the values of
// its placeholders.
type Sentence struct {
	Key    string
	Values map[string]string
}

// Say makes a Sentence of its key and of names and values in turn. Values are for every language: codes, names and
// numbers. Those that somebody else chose are clipped.
func Say(key string, values ...any) Sentence {
	s := Sentence{Key: key}
	for pair := range slices.Chunk(values, 2) {
		if s.Values == nil {
			s.Values = make(map[string]string, len(values)/2)
		}
		s.Values[pair[0].(string)] = fmt.Sprint(pair[1])
	}
	return s
}

// String is for logs and tests: keys and values, which need no language.
func (e Explanation) String() string {
	var b strings.Builder
	for i, s := range e {
		if i > 0 {
			b.WriteString("; ")
		}
		b.WriteString(s.Key)
		for _, name := range slices.Sorted(maps.Keys(s.Values)) {
			fmt.Fprintf(&b, " %s=%q", name, s.Values[name])
		}
	}
	return b.String()
}
