package conformance

import (
	"cmp"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// The statuses of a result.
const (
	Passed   = "passed"
	Failed   = "failed"   // a MUST, or what clients depend on, is broken
	Warned   = "warned"   // a SHOULD, or what helps clients, is broken
	Info     = "info"     // what a server chose where it may choose
	Skipped  = "skipped"  // not observed, or only in part, with the reason
	Unstable = "unstable" // broken in one run of the check and not in another
)

// A Finding is one observation worth telling.
type Finding struct {
	Check    string    `json:"check"`            // or the observer
	During   string    `json:"during,omitempty"` // the check whose exchange an observer looked at
	Message  string    `json:"message"`
	Exchange *Exchange `json:"exchange,omitempty"`
	Trail    []Step    `json:"trail,omitempty"` // what the check had sent before, the oldest first
}

// A Step is a request that led to a finding.
type Step struct {
	Method string `json:"method"`
	URL    string `json:"url"`
	Body   string `json:"body,omitempty"`
	Status int    `json:"status"`
}

// An Exchange is a request and its answer, without secrets.
type Exchange struct {
	Method         string        `json:"method"`
	URL            string        `json:"url"`
	RequestHeader  http.Header   `json:"requestHeader,omitempty"`
	RequestBody    string        `json:"requestBody,omitempty"`
	Status         int           `json:"status"`
	ResponseHeader http.Header   `json:"responseHeader,omitempty"`
	ResponseBody   string        `json:"responseBody,omitempty"`
	Took           time.Duration `json:"tookNanoseconds"`
}

// String shows the exchange for people.
func (e *Exchange) String() string {
	if e == nil {
		return ""
	}
	return fmt.Sprintf("%s %s\n%s\n-> %d\n%s", e.Method, e.URL, e.RequestBody, e.Status, e.ResponseBody)
}

// verdict gathers what checks saw of one requirement.
type verdict struct {
	passes   int
	findings []Finding
	more     int // findings beyond maxFindings
	notes    []Finding
	skips    []string
	cuts     []string // why parts that should have run did not
	root     string   // the requirement whose failure left parts out
	held     int      // how often it held when its checks were repeated
	rounds   int      // how often its checks ran, if they were repeated
}

const maxFindings = 5

// full counts a finding that is not kept, for there are enough of them.
func (v *verdict) full() bool {
	if len(v.findings) < maxFindings {
		return false
	}
	v.more++
	return true
}

func (v *verdict) note(f Finding) {
	same := func(n Finding) bool { return n.Message == f.Message }
	if len(v.notes) < maxFindings && !slices.ContainsFunc(v.notes, same) {
		v.notes = append(v.notes, f)
	}
}

func (v *verdict) skip(reason string) {
	if !slices.Contains(v.skips, reason) {
		v.skips = append(v.skips, reason)
	}
}

// end records that a check ended early. Only where parts were cut off is the
// requirement no longer seen as a whole.
func (v *verdict) end(e stop, touched bool) {
	switch {
	case e.cut:
		if !slices.Contains(v.cuts, e.reason) {
			v.cuts = append(v.cuts, e.reason)
		}
		v.root = cmp.Or(v.root, e.root)
	case !touched:
		v.skip(e.reason)
	}
}

func (s *suite) record(id string, change func(*verdict)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	v := s.verdicts[id]
	if v == nil {
		v = &verdict{}
		s.verdicts[id] = v
	}
	change(v)
}

// find adds a finding to a requirement. It is only made if it is kept, for
// taking the secrets out of large bodies is work.
func (s *suite) find(id string, make func() Finding) {
	var full bool
	s.record(id, func(v *verdict) { full = v.full() })
	if full {
		return
	}
	f := make()
	s.record(id, func(v *verdict) { v.findings = append(v.findings, f) })
}

func (s *suite) skipAll(c *check, e stop) {
	for _, id := range c.ids {
		s.record(id, func(v *verdict) { v.end(e, false) })
	}
}

// broken is the status of a requirement that was seen broken.
func (r Requirement) broken() string {
	switch r.Level {
	case Must, Stated:
		return Failed
	case Should, Advised, Helps:
		return Warned
	case Fact:
		if r.Client() {
			return Failed
		}
		return Warned
	}
	return Info
}

// result turns a verdict into a Result.
func (v *verdict) result(r Requirement) Result {
	out := Result{Requirement: r}
	switch {
	case v == nil:
		out.Status, out.Reason = Skipped, "no check of this run looked at it"
		if r.Unseen != "" {
			out.Reason = "cannot be observed: " + r.Unseen
		}
	case len(v.findings) > 0:
		out.Status = r.broken()
		out.Findings = v.findings
		if v.held > 0 {
			out.Status, out.Reason = Unstable, fmt.Sprintf("it held in %d of %d runs of its checks", v.held, v.rounds)
		}
		if v.more > 0 {
			out.Reason = fmt.Sprintf("and %d more findings of this kind", v.more)
		}
	case len(v.cuts) > 0:
		out.Status, out.Follows = Skipped, v.root
		out.Reason = strings.Join(v.cuts, "; ")
		if v.passes > 0 {
			out.Reason = "only seen in part: " + out.Reason
		}
	case len(v.notes) > 0 && (r.Level == May || r.Level == Open || v.passes == 0):
		out.Status, out.Findings = Info, v.notes
	case v.passes > 0:
		out.Status, out.Findings = Passed, v.notes
	default:
		out.Status, out.Reason = Skipped, strings.Join(v.skips, "; ")
	}
	slices.SortStableFunc(out.Findings, func(a, b Finding) int {
		return cmp.Or(cmp.Compare(a.Check, b.Check), cmp.Compare(a.Message, b.Message))
	})
	return out
}

// finding keeps the exchange and what led to it, with everything secret and
// other people's records taken out.
func (s *suite) finding(check, message string, r *reply) Finding {
	f := Finding{Check: check, Message: s.plain(message)}
	if r == nil {
		return f
	}
	f.Exchange = &Exchange{
		Method: r.req.Method, URL: s.redact(r.req.URL.String()),
		RequestHeader: s.redactHeader(r.req.Header), RequestBody: excerpt(s.redact(string(r.reqBody)), 4000),
		Status: r.came(), ResponseHeader: s.redactHeader(r.header),
		ResponseBody: excerpt(s.redactBody(r), 4000), Took: r.took,
	}
	for _, b := range r.trail {
		f.Trail = append(f.Trail, Step{b.req.Method, s.redact(b.req.URL.String()), excerpt(s.redact(string(b.reqBody)),
			1000), b.came()})
	}
	return f
}

// excerpt shortens text for people, on one piece.
func excerpt(s string, n int) string {
	if !utf8.ValidString(s) {
		s = strings.ToValidUTF8(s, "\uFFFD")
	}
	if len(s) <= n {
		return s
	}
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return fmt.Sprintf("%s… (%d bytes in all)", s[:n], len(s))
}
