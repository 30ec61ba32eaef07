package conformance

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
)

// A Report is what a run saw.
type Report struct {
	Tool     string        `json:"tool"` // "scimconform 1"
	URL      string        `json:"url"`
	Profile  string        `json:"profile"`
	Started  time.Time     `json:"started"`
	Duration time.Duration `json:"durationNanoseconds"`

	Features  map[string]bool `json:"features"` // what the server promises or was seen to offer
	Types     []string        `json:"types"`    // the resource types that were looked at
	Notes     []string        `json:"notes,omitempty"`
	Leftovers []string        `json:"leftovers,omitempty"` // what could not be deleted, and why

	Counts  Counts   `json:"counts"`
	Areas   []Area   `json:"areas"`
	Results []Result `json:"results"` // one for each requirement of the profile
}

// A Result is the verdict on one requirement.
type Result struct {
	Requirement
	Status   string    `json:"status"`
	Reason   string    `json:"reason,omitempty"`  // why it was skipped
	Follows  string    `json:"follows,omitempty"` // the id of the requirement whose failure is the cause
	Findings []Finding `json:"findings,omitempty"`
}

// Counts of results by status.
type Counts struct {
	Passed  int `json:"passed"`
	Failed  int `json:"failed"`
	Warned  int `json:"warned"`
	Info    int `json:"info"`
	Skipped int `json:"skipped"`
}

// An Area is the score of one subject.
type Area struct {
	Name   string `json:"name"`
	Counts Counts `json:"counts"`
	Score  int    `json:"score"` // passed of all graded, in percent; -1 if nothing was graded
}

func (c *Counts) add(status string) {
	switch status {
	case Passed:
		c.Passed++
	case Failed:
		c.Failed++
	case Warned:
		c.Warned++
	case Info:
		c.Info++
	case Skipped:
		c.Skipped++
	}
}

// score counts a broken SHOULD half as much as a broken MUST.
func (c Counts) score() int {
	graded := 2*c.Passed + 2*c.Failed + c.Warned
	if graded == 0 {
		return -1
	}
	return 200 * c.Passed / graded
}

func (s *suite) report(start time.Time) Report {
	rep := Report{
		Tool: "scimconform 1", URL: s.target.URL, Profile: s.target.Profile, Started: start.UTC(), Duration: time.Since(start),
		Features: s.svc.features, Notes: s.svc.notes, Leftovers: s.left,
	}
	for _, t := range s.svc.types {
		rep.Types = append(rep.Types, t.name)
	}
	wanted := map[string]bool{}
	for _, c := range s.selected() {
		for _, id := range c.ids {
			wanted[id] = true
		}
	}
	seen := slices.Clone(trialCheck.ids)
	for _, o := range observers() {
		seen = append(seen, o.ids...)
	}
	for _, id := range seen {
		wanted[id] = wanted[id] || s.target.Run == nil || s.target.Run.MatchString(id)
	}
	for _, r := range requirements() {
		if !s.inProfile(r.Area) || s.target.Run != nil && !wanted[r.ID] {
			continue
		}
		rep.add(s.verdicts[r.ID].result(r))
	}
	return rep
}

func (rep *Report) add(res Result) {
	rep.Results = append(rep.Results, res)
	rep.Counts.add(res.Status)
	i := slices.IndexFunc(rep.Areas, func(a Area) bool { return a.Name == res.Area })
	if i < 0 {
		rep.Areas = append(rep.Areas, Area{Name: res.Area})
		i = len(rep.Areas) - 1
	}
	rep.Areas[i].Counts.add(res.Status)
	rep.Areas[i].Score = rep.Areas[i].Counts.score()
}

// Failures returns the results that failed.
func (rep Report) Failures() []Result { return rep.withStatus(Failed) }

// Warnings returns the results that were warned of.
func (rep Report) Warnings() []Result { return rep.withStatus(Warned) }

func (rep Report) withStatus(status string) []Result {
	var out []Result
	for _, r := range rep.Results {
		if r.Status == status {
			out = append(out, r)
		}
	}
	return out
}

// WriteText writes a summary by area, then failures and warnings with what
// was seen.
func (rep Report) WriteText(w io.Writer) error {
	var b strings.Builder
	fmt.Fprintf(&b, "%s  profile %s  %s\n\n", rep.URL, rep.Profile, rep.Duration.Round(time.Millisecond))
	fmt.Fprintf(&b, "%-12s %6s %6s %6s %6s %7s %6s\n", "area", "passed", "failed", "warned", "info", "skipped", "score")
	row := func(name string, c Counts, score int) {
		sc := "-"
		if score >= 0 {
			sc = fmt.Sprintf("%d%%", score)
		}
		fmt.Fprintf(&b, "%-12s %6d %6d %6d %6d %7d %6s\n", name, c.Passed, c.Failed, c.Warned, c.Info, c.Skipped, sc)
	}
	for _, a := range rep.Areas {
		row(a.Name, a.Counts, a.Score)
	}
	row("all", rep.Counts, rep.Counts.score())
	for _, r := range slices.Concat(rep.Failures(), rep.Warnings()) {
		fmt.Fprintf(&b, "\n%s %s (%s, %s)\n  %s\n", strings.ToUpper(r.Status), r.ID, r.Level, r.Where(), r.Text)
		for _, f := range r.Findings {
			fmt.Fprintf(&b, "  - %s\n", f.Message)
			if f.Exchange != nil {
				fmt.Fprintf(&b, "    %s %s -> %d\n", f.Exchange.Method, f.Exchange.URL, f.Exchange.Status)
			}
		}
		if r.Hint != "" {
			fmt.Fprintf(&b, "  hint: %s\n", r.Hint)
		}
	}
	for _, l := range rep.Leftovers {
		fmt.Fprintf(&b, "\nnot deleted: %s\n", l)
	}
	_, err := io.WriteString(w, b.String())
	return err
}
