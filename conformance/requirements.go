package conformance

import (
	_ "embed"
	"fmt"
	"regexp"
	"strings"
	"sync"
)

// The levels of a requirement.
const (
	Must       = "MUST"
	MustFact   = "MUST*" // the RFC states it as fact, or it follows from two clauses
	Should     = "SHOULD"
	ShouldFact = "SHOULD*"
	May        = "MAY"
	Choice     = "INFO" // the RFCs leave it open; the text names a choice that is safe with known clients
)

// A Requirement is one thing a server has to do, ought to do or may do.
type Requirement struct {
	ID       string `json:"id"`
	Level    string `json:"level"`
	Area     string `json:"area"`
	Feature  string `json:"feature,omitempty"` // what the server must promise for it to apply
	Text     string `json:"text"`
	Seen     string `json:"seen"`              // how it is observed
	Hint     string `json:"hint,omitempty"`    // the usual cause of a deviation
	Unseen   string `json:"unseen,omitempty"`  // why it cannot be observed over HTTP, if so
	Document string `json:"document"`          // such as "RFC 7644"
	Section  string `json:"section,omitempty"` // such as "3.4.2.2"
}

//go:embed requirements.txt
var requirementsText string

//go:embed profiles.txt
var profilesText string

//go:embed hints.txt
var hintsText string

//go:embed unobservable.txt
var unobservableText string

var requirements = sync.OnceValue(func() []Requirement {
	out := parseRequirements(requirementsText + profilesText)
	hints, unseen := pairs(hintsText), pairs(unobservableText)
	for i, r := range out {
		out[i].Hint = hints[r.ID]
		if out[i].Hint == "" {
			out[i].Hint = hints[r.Area]
		}
		out[i].Unseen = unseen[r.ID]
	}
	return out
})

// Requirements returns every requirement the suite knows, in the order of its
// areas.
func Requirements() []Requirement { return append([]Requirement(nil), requirements()...) }

var idForm = regexp.MustCompile(`^R([0-9]+)-([0-9.]+)-[0-9]+$`)

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
		switch m := idForm.FindStringSubmatch(r.ID); {
		case m != nil:
			r.Document, r.Section = "RFC "+m[1], m[2]
		case strings.HasPrefix(r.ID, "B-"):
			r.Document = "Appendix B"
		default:
			r.Document = "client profile"
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
