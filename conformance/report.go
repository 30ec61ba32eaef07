package conformance

import (
	"cmp"
	"slices"
	"time"
)

// The versions of the suite and of the JSON form of its reports.
const (
	Version       = "2.0"
	SchemaVersion = 2
)

// A Report is what a run saw.
type Report struct {
	Tool    string `json:"tool"`          // "scimconform" and the suite's version
	Schema  int    `json:"schemaVersion"` // SchemaVersion
	URL     string `json:"url"`
	Name    string `json:"name,omitempty"`   // what the server is called, from Target
	Server  string `json:"server,omitempty"` // its Server header
	Profile string `json:"profile"`
	// Texts are the versions of what a profile rests on, and where profiles contradict each other.
	Texts    []string      `json:"texts,omitempty"`
	Started  time.Time     `json:"started"`
	Duration time.Duration `json:"durationNanoseconds"`
	Requests int           `json:"requests"`

	Features  map[string]bool `json:"features"` // what the server promises or was seen to offer
	Types     []string        `json:"types"`    // the resource types that were looked at
	Notes     []string        `json:"notes,omitempty"`
	Leftovers []string        `json:"leftovers,omitempty"` // what could not be deleted, and why

	Counts  Counts   `json:"counts"`
	Areas   []Area   `json:"areas"`
	Causes  []Cause  `json:"causes,omitempty"` // the worst first
	Results []Result `json:"results"`          // one for each requirement of the profile
}

// A Result is the verdict on one requirement.
type Result struct {
	Requirement
	Status   string        `json:"status"`
	Reason   string        `json:"reason,omitempty"`          // why it was skipped, or is unstable
	Follows  string        `json:"follows,omitempty"`         // the id of the requirement whose failure is the cause
	Took     time.Duration `json:"tookNanoseconds,omitempty"` // its share of the time of its checks
	Findings []Finding     `json:"findings,omitempty"`
}

// Counts of results by status.
type Counts struct {
	Passed  int `json:"passed"`
	Failed  int `json:"failed"`
	Warned  int `json:"warned"`
	Info    int `json:"info"`
	Skipped int `json:"skipped"`

	Unstable int `json:"unstable"`
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
	case Unstable:
		c.Unstable++
	}
}

// Score is what passed of all that was graded, in percent; a broken SHOULD
// counts half as much as a broken MUST. It is -1 if nothing was graded.
func (rep Report) Score() int { return rep.Counts.score() }

// Title is the server's name, or its URL.
func (rep Report) Title() string { return cmp.Or(rep.Name, rep.URL) }

// Result returns the result of a requirement; nil if the report has none.
func (rep Report) Result(id string) *Result {
	for i := range rep.Results {
		if rep.Results[i].ID == id {
			return &rep.Results[i]
		}
	}
	return nil
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
		Tool: "scimconform " + Version, Schema: SchemaVersion, URL: s.target.URL, Name: s.target.Name,
		Profile: s.target.Profile,
		Server:  s.redact(s.svc.spc.header.Get("Server")), Started: start.UTC(), Duration: time.Since(start),
		Requests: s.answered,
		Features: s.svc.features, Notes: s.svc.notes, Leftovers: s.left, Texts: s.texts(),
	}
	for _, t := range s.svc.types {
		rep.Types = append(rep.Types, t.name)
	}
	took := s.shares()
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
		res := s.verdicts[r.ID].result(r)
		s.chose(&res)
		res.Took = took[r.ID]
		rep.add(res)
	}
	rep.findCauses()
	return rep
}

// shares divides the time of each check among its requirements.
func (s *suite) shares() map[string]time.Duration {
	out := map[string]time.Duration{}
	for _, c := range append(allChecks(), trialCheck) {
		for _, id := range c.ids {
			out[id] += s.spent[c.name].took / time.Duration(len(c.ids))
		}
	}
	return out
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
