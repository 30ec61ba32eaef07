package conformance

import (
	"fmt"
	"io"
	"strings"
	"time"
)

// How much WriteText tells.
const (
	Brief  = iota // one line, and what could not be deleted
	Normal        // the areas and the ten worst causes
	Full          // every cause, with all findings and the requests that led to them
)

// worst is how many causes a Normal text shows.
const worst = 10

// WriteText writes the report for a terminal: the score of each area, then the
// causes, the worst first, each with what follows from it.
func (rep Report) WriteText(w io.Writer, detail int) error {
	var b strings.Builder
	rep.headline(&b)
	if detail > Brief {
		rep.table(&b)
		for i, c := range rep.Causes {
			if detail == Normal && i == worst {
				fmt.Fprintf(&b, "\n%d more causes; -v shows all, --html FILE writes a page.\n", len(rep.Causes)-worst)
				break
			}
			rep.cause(&b, c, detail)
		}
		for _, n := range rep.Notes {
			fmt.Fprintf(&b, "\nnote: %s\n", n)
		}
	}
	for _, l := range rep.Leftovers {
		fmt.Fprintf(&b, "\nnot deleted: %s\n", l)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func (rep Report) headline(b *strings.Builder) {
	c := rep.Counts
	fmt.Fprintf(b, "%s  profile %s  %d requests in %s\n", rep.Title(), rep.Profile, rep.Requests,
		rep.Duration.Round(100*time.Millisecond))
	fmt.Fprintf(b, "score %s: %d passed, %d failed, %d warned, %d unstable, %d for information, %d skipped; "+
		"%d causes\n",
		percent(rep.Score()), c.Passed, c.Failed, c.Warned, c.Unstable, c.Info, c.Skipped, len(rep.Causes))
}

func (rep Report) table(b *strings.Builder) {
	fmt.Fprintf(b, "\n%-12s %6s %6s %6s %6s %7s %6s\n", "area", "passed", "failed", "warned", "info", "skipped",
		"score")
	for _, a := range rep.Areas {
		c := a.Counts
		fmt.Fprintf(b, "%-12s %6d %6d %6d %6d %7d %6s\n", a.Name, c.Passed, c.Failed, c.Warned, c.Info, c.Skipped,
			percent(a.Score))
	}
}

func percent(n int) string {
	if n < 0 {
		return "-"
	}
	return fmt.Sprintf("%d%%", n)
}

func (rep Report) cause(b *strings.Builder, c Cause, detail int) {
	r := rep.Result(c.Root)
	if r == nil {
		return
	}
	fmt.Fprintf(b, "\n%s %s (%s, %s)\n", strings.ToUpper(r.Status), r.ID, r.Level, r.Where())
	fmt.Fprintf(b, "  want: %s\n", r.Text)
	findings := r.Findings
	if detail == Normal && len(findings) > 1 {
		findings = findings[:1]
	}
	for _, f := range findings {
		fmt.Fprintf(b, "  got:  %s\n", f.Message)
		if f.Exchange != nil {
			fmt.Fprintf(b, "        %s %s -> %s\n", f.Exchange.Method, f.Exchange.URL, f.Exchange.Answer())
		}
		if detail == Full && f.Exchange != nil {
			for _, s := range f.Trail {
				fmt.Fprintf(b, "        after %s %s -> %d\n", s.Method, s.URL, s.Status)
			}
			fmt.Fprintf(b, "        %s\n", f.Exchange.Curl())
		}
	}
	if more := len(r.Findings) - len(findings); more > 0 {
		fmt.Fprintf(b, "        and %d more findings\n", more)
	}
	if r.Reason != "" {
		fmt.Fprintf(b, "  %s\n", r.Reason)
	}
	if r.Hint != "" {
		fmt.Fprintf(b, "  hint: %s\n", r.Hint)
	}
	if len(c.Failed) > 0 {
		fmt.Fprintf(b, "  broken with it: %s\n", strings.Join(c.Failed, ", "))
	}
	if n := len(c.Skipped); n > 0 {
		fmt.Fprintf(b, "  not judged because of it: %d requirements\n", n)
	}
}
