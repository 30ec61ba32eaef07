package conformance

import (
	"fmt"
	"io"
	"strings"
)

// A Change is a requirement whose verdict differs between two reports.
type Change struct {
	ID, Text string
	Old, New string // statuses; empty if the requirement is not in that report
	Worse    bool
}

// rank orders statuses from good to bad. What was not observed ranks below a
// pass: losing sight of a requirement is a loss.
var rank = map[string]int{Passed: 0, Info: 0, "": 1, Skipped: 1, Warned: 2, Failed: 3}

// Diff tells what got better or worse from one report to another, in the
// order of the newer one.
func Diff(older, newer Report) []Change {
	was := map[string]Result{}
	for _, r := range older.Results {
		was[r.ID] = r
	}
	var out []Change
	for _, r := range newer.Results {
		old, known := was[r.ID]
		delete(was, r.ID)
		if known && rank[old.Status] == rank[r.Status] || old.Status == Unstable || r.Status == Unstable {
			continue // what comes and goes by itself is no difference
		}
		if !known && rank[r.Status] < rank[Warned] {
			continue // new in the suite, and nothing to tell about it
		}
		out = append(out, Change{r.ID, r.Text, old.Status, r.Status, rank[r.Status] > rank[old.Status]})
	}
	for _, r := range older.Results {
		if _, gone := was[r.ID]; gone && r.Status != Skipped && r.Status != Unstable {
			out = append(out, Change{r.ID, r.Text, r.Status, "", r.Status == Passed})
		}
	}
	return out
}

// WriteDiff writes changes for people and reports whether any is for the
// worse.
func WriteDiff(w io.Writer, changes []Change) (worse bool, err error) {
	var b strings.Builder
	for _, kind := range []struct {
		title string
		worse bool
	}{{"worse", true}, {"better", false}} {
		for _, c := range changes {
			if c.Worse == kind.worse {
				old, now := c.Old, c.New
				if old == "" {
					old = "unknown"
				}
				if now == "" {
					now = "not looked at"
				}
				fmt.Fprintf(&b, "%-6s  %s: %s -> %s  %s\n", kind.title, c.ID, old, now, excerpt(c.Text, 100))
				worse = worse || c.Worse
			}
		}
	}
	if len(changes) == 0 {
		b.WriteString("no difference\n")
	}
	_, err = io.WriteString(w, b.String())
	return worse, err
}
