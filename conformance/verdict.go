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
	Passed  = "passed"
	Failed  = "failed"  // a MUST or MUST* is broken
	Warned  = "warned"  // a SHOULD or SHOULD* is broken
	Info    = "info"    // what a server chose where it may choose
	Skipped = "skipped" // not observed, with the reason
)

// A Finding is one observation worth telling.
type Finding struct {
	Check    string    `json:"check"`
	Message  string    `json:"message"`
	Exchange *Exchange `json:"exchange,omitempty"`
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

func (s *suite) skipAll(c *check, reason string) {
	for _, id := range c.ids {
		s.record(id, func(v *verdict) { v.skip(reason) })
	}
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
		out.Status = map[string]string{Must: Failed, MustFact: Failed, Should: Warned, ShouldFact: Warned}[r.Level]
		if out.Status == "" {
			out.Status = Info
		}
		out.Findings = v.findings
		if v.more > 0 {
			out.Reason = fmt.Sprintf("and %d more findings of this kind", v.more)
		}
	case len(v.notes) > 0 && (r.Level == May || r.Level == Choice || v.passes == 0):
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

// finding keeps the exchange, with everything secret taken out.
func (s *suite) finding(check, message string, r *reply) Finding {
	f := Finding{Check: check, Message: s.redact(message)}
	if r != nil {
		f.Exchange = &Exchange{
			Method: r.req.Method, URL: s.redact(r.req.URL.String()),
			RequestHeader: s.redactHeader(r.req.Header), RequestBody: excerpt(s.redact(string(r.reqBody)), 4000),
			Status: r.status, ResponseHeader: s.redactHeader(r.header), ResponseBody: excerpt(s.redact(string(r.body)), 4000),
			Took: r.took,
		}
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
