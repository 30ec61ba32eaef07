package conformance

import (
	_ "embed"
	"fmt"
	"strings"
	"sync"
)

// The levels of a requirement. The first four rest on a sentence of an RFC; see
// Basis. What rests on none is never called MUST.
const (
	Must    = "MUST"    // the sentence has MUST, SHALL or REQUIRED
	Stated  = "STATED"  // the sentence says that it is so, without a keyword
	Should  = "SHOULD"  // the sentence has SHOULD or RECOMMENDED
	Advised = "ADVISED" // the sentence recommends it, or implies it, without a keyword
	May     = "MAY"     // the sentence permits it
	Fact    = "FACT"    // no RFC says so, but clients depend on it
	Helps   = "HELPS"   // no RFC says so, but it helps clients
	Open    = "OPEN"    // the RFCs leave it open; the text may name a choice that is safe with known clients
)

// A Requirement is one thing a server has to do, ought to do or may do.
type Requirement struct {
	ID      string `json:"id"`
	Level   string `json:"level"`
	Area    string `json:"area"`
	Feature string `json:"feature,omitempty"` // what the server must promise for it to apply
	Text    string `json:"text"`              // what is asked, in our words
	Seen    string `json:"seen"`              // how it is observed
	Hint    string `json:"hint,omitempty"`    // the usual cause of a deviation
	Unseen  string `json:"unseen,omitempty"`  // why it cannot be observed over HTTP, if so
	Basis   Basis  `json:"basis"`
}

// A Basis is what a requirement rests on. Document is empty if no RFC says so.
// The sentences themselves are not kept: Sum is the SHA-256 of them, joined by
// blanks, with every run of white space made one blank, and Place says where
// they stand, such as "3.5.2.1#4+5", the fourth and fifth sentence of the section.
type Basis struct {
	Document string `json:"document,omitempty"` // such as "RFC 7644"
	Section  string `json:"section,omitempty"`  // such as "3.5.2.1"
	Place    string `json:"place,omitempty"`
	Keyword  string `json:"keyword,omitempty"` // as it stands there, such as "SHALL NOT"; empty if there is none
	Sum      string `json:"sha256,omitempty"`
}

//go:embed requirements.txt
var requirementsText string

//go:embed profiles.txt
var profilesText string

//go:embed hints.txt
var hintsText string

//go:embed unobservable.txt
var unobservableText string

// basisText says for each requirement of the RFCs which sentences it rests on.
//
//go:embed basis.txt
var basisText string

var requirements = sync.OnceValue(func() []Requirement {
	out := parseRequirements(requirementsText + profilesText)
	hints, unseen, basis := pairs(hintsText), pairs(unobservableText), pairs(basisText)
	for i, r := range out {
		out[i].Hint = hints[r.ID]
		if out[i].Hint == "" {
			out[i].Hint = hints[r.Area]
		}
		out[i].Unseen = unseen[r.ID]
		out[i].Basis = parseBasis(basis[r.ID])
		if out[i].Client() {
			out[i].Basis = draft(r.ID)
		}
	}
	return out
})

// Requirements returns every requirement the suite knows, in the order of its
// areas.
func Requirements() []Requirement { return append([]Requirement(nil), requirements()...) }

// parseRequirements reads "id · level · area · feature · text · seen" lines.
// It panics on a malformed one: the files are part of the program.
func parseRequirements(text string) []Requirement {
	var out []Requirement
	for line := range strings.SplitSeq(text, "\n") {
		if line == "" || line[0] == '#' {
			continue
		}
		f := strings.Split(line, " · ")
		if len(f) != 6 {
			panic(fmt.Sprintf("conformance: malformed requirement %q", line))
		}
		r := Requirement{ID: f[0], Level: f[1], Area: f[2], Feature: f[3], Text: f[4], Seen: f[5]}
		if r.Feature == "-" {
			r.Feature = ""
		}
		out = append(out, r)
	}
	return out
}

// pairs reads "key · value" lines.
func pairs(text string) map[string]string {
	out := map[string]string{}
	for line := range strings.SplitSeq(text, "\n") {
		if key, val, ok := strings.Cut(line, " · "); ok && line[0] != '#' {
			out[key] = val
		}
	}
	return out
}

// parseBasis reads "RFC 7644 · 3.3#8 · SHALL · sum"; "fact", "open" and nothing
// are no basis in an RFC.
func parseBasis(text string) Basis {
	f := strings.Split(text, " · ")
	if len(f) != 4 {
		return Basis{}
	}
	b := Basis{Document: f[0], Place: f[1], Keyword: f[2], Sum: f[3]}
	b.Section, _, _ = strings.Cut(b.Place, "#")
	if b.Keyword == "-" {
		b.Keyword = ""
	}
	return b
}

// Where names what a requirement rests on, such as "RFC 7644 section 3.3".
func (r Requirement) Where() string {
	switch {
	case r.Basis.Section != "":
		return r.Basis.Document + " section " + r.Basis.Section
	case r.Basis.Document != "":
		return r.Basis.Document
	case r.Level == Open:
		return "left open by the RFCs"
	case r.Client():
		return "dialogue of " + r.Area
	}
	return "by fact: clients depend on it"
}

// Client reports whether a requirement is one of a client's profile.
func (r Requirement) Client() bool { return clientAreas[r.Area] }
