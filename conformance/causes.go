package conformance

import (
	"cmp"
	_ "embed"
	"slices"
	"strings"
	"sync"
)

// A Cause is a broken requirement with those that follow from it: they failed
// with it, or could not be judged because of it.
type Cause struct {
	Root    string   `json:"root"`
	Status  string   `json:"status"`
	Failed  []string `json:"failed,omitempty"`  // broken with it
	Skipped []string `json:"skipped,omitempty"` // not judged because of it
}

// causesText is the graph: a requirement and those that fail where it does.
//
//go:embed causes.txt
var causesText string

var causeOf = sync.OnceValue(func() []edge {
	var out []edge
	for line := range strings.SplitSeq(causesText, "\n") {
		root, ids, ok := strings.Cut(line, " · ")
		if ok && line[0] != '#' {
			for id := range strings.FieldsSeq(ids) {
				out = append(out, edge{root, id})
			}
		}
	}
	return out
})

// An edge says that a requirement fails where its root does.
type edge struct{ root, id string }

// crash is the requirement that a legal request is not answered by a 5xx.
const crash = "R7644-3.12-21"

func broken(status string) bool { return status == Failed || status == Warned || status == Unstable }

// findCauses notes in each result what it follows from, and gathers the causes,
// the worst first.
func (rep *Report) findCauses() {
	at := map[string]*Result{}
	for i := range rep.Results {
		at[rep.Results[i].ID] = &rep.Results[i]
	}
	for i := range rep.Results {
		r := &rep.Results[i]
		if r.Follows == "" && broken(r.Status) {
			r.Follows = r.cause(at)
		}
	}
	causes := map[string]*Cause{}
	cause := func(id string) *Cause {
		if causes[id] == nil {
			causes[id] = &Cause{Root: id}
			if r := at[id]; r != nil {
				causes[id].Status = r.Status
			}
		}
		return causes[id]
	}
	for _, r := range rep.Results {
		root := topmost(r.ID, at)
		switch {
		case broken(r.Status) && root == r.ID:
			cause(r.ID)
		case broken(r.Status):
			cause(root).Failed = append(cause(root).Failed, r.ID)
		case r.Follows != "":
			cause(root).Skipped = append(cause(root).Skipped, r.ID)
		}
	}
	for _, r := range rep.Results { // in the order of the results, then the worst first
		if c := causes[r.ID]; c != nil {
			rep.Causes = append(rep.Causes, *c)
		}
	}
	slices.SortStableFunc(rep.Causes, func(a, b Cause) int {
		return cmp.Or(cmp.Compare(badness(at[a.Root]), badness(at[b.Root])),
			cmp.Compare(len(b.Failed)+len(b.Skipped), len(a.Failed)+len(a.Skipped)))
	})
}

// cause is the requirement a broken result follows from; empty if none.
func (r *Result) cause(at map[string]*Result) string {
	crashed := func(f Finding) bool { return f.Exchange != nil && f.Exchange.Status >= 500 && f.Exchange.Status != 501 }
	if c := at[crash]; r.ID != crash && c != nil && broken(c.Status) && len(r.Findings) > 0 &&
		!slices.ContainsFunc(r.Findings, func(f Finding) bool { return !crashed(f) }) {
		return crash
	}
	for _, e := range causeOf() {
		if root := at[e.root]; e.id == r.ID && root != nil && broken(root.Status) {
			return e.root
		}
	}
	return ""
}

// topmost follows the causes to the first one.
func topmost(id string, at map[string]*Result) string {
	for range 10 {
		r := at[id]
		if r == nil || r.Follows == "" || at[r.Follows] == nil {
			return id
		}
		id = r.Follows
	}
	return id
}

// badness orders results: crashes first, then by level.
func badness(r *Result) int {
	if r == nil {
		return 99
	}
	if r.ID == noAnswer || r.ID == crash {
		return 0
	}
	n := 1 + slices.Index([]string{Must, Stated, Fact, Should, Advised, Helps, May, Open}, r.Level)
	if r.Status == Unstable {
		n += 20
	}
	return n
}
