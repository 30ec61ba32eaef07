package conformance

import (
	"encoding/json"
	"encoding/xml"
	"fmt"
	"io"
	"strings"
	"time"
)

// WriteJSON writes the report as JSON; ReadJSON reads it back.
func (rep Report) WriteJSON(w io.Writer) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	e.SetEscapeHTML(false)
	return e.Encode(rep)
}

// ReadJSON reads what WriteJSON wrote.
func ReadJSON(r io.Reader) (Report, error) {
	var rep Report
	if err := json.NewDecoder(r).Decode(&rep); err != nil {
		return Report{}, fmt.Errorf("report: %w", err)
	}
	if !strings.HasPrefix(rep.Tool, "scimconform ") {
		return Report{}, fmt.Errorf("report: not made by scimconform (tool %q)", rep.Tool)
	}
	if rep.Schema > SchemaVersion {
		return Report{}, fmt.Errorf("report: has version %d of the schema; this program knows up to %d", rep.Schema,
			SchemaVersion)
	}
	return rep, nil
}

type junitSuites struct {
	XMLName  xml.Name     `xml:"testsuites"`
	Name     string       `xml:"name,attr"`
	Tests    int          `xml:"tests,attr"`
	Failures int          `xml:"failures,attr"`
	Skipped  int          `xml:"skipped,attr"`
	Time     string       `xml:"time,attr"`
	Suites   []junitSuite `xml:"testsuite"`
}

type junitSuite struct {
	Name     string      `xml:"name,attr"`
	Tests    int         `xml:"tests,attr"`
	Failures int         `xml:"failures,attr"`
	Skipped  int         `xml:"skipped,attr"`
	Time     string      `xml:"time,attr"`
	Cases    []junitCase `xml:"testcase"`
}

type junitCase struct {
	Class   string        `xml:"classname,attr"`
	Name    string        `xml:"name,attr"`
	Time    string        `xml:"time,attr"`
	Failure *junitMessage `xml:"failure,omitempty"`
	Skipped *junitMessage `xml:"skipped,omitempty"`
	Out     string        `xml:"system-out,omitempty"`
}

type junitMessage struct {
	Message string `xml:"message,attr"`
	Type    string `xml:"type,attr,omitempty"`
	Text    string `xml:",chardata"`
}

// WriteJUnit writes the report for CI systems that read JUnit's XML: one
// testsuite for each area, one testcase for each requirement. Warnings and
// informations are no failures there; they stand in system-out.
func (rep Report) WriteJUnit(w io.Writer) error {
	out := junitSuites{Name: rep.URL, Tests: len(rep.Results), Failures: rep.Counts.Failed,
		Skipped: rep.Counts.Skipped, Time: seconds(rep.Duration)}
	for _, a := range rep.Areas {
		s := junitSuite{Name: a.Name, Failures: a.Counts.Failed, Skipped: a.Counts.Skipped}
		var took time.Duration
		for _, r := range rep.Results {
			if r.Area == a.Name {
				s.Cases = append(s.Cases, r.junit())
				took += r.Took
			}
		}
		s.Time = seconds(took)
		s.Tests = len(s.Cases)
		out.Suites = append(out.Suites, s)
	}
	if _, err := io.WriteString(w, xml.Header); err != nil {
		return err
	}
	e := xml.NewEncoder(w)
	e.Indent("", "  ")
	if err := e.Encode(out); err != nil {
		return err
	}
	_, err := io.WriteString(w, "\n")
	return err
}

func seconds(d time.Duration) string { return fmt.Sprintf("%.3f", d.Seconds()) }

func (r Result) junit() junitCase {
	c := junitCase{Class: "scim." + r.Area, Name: r.ID + " " + r.Text, Time: seconds(r.Took)}
	var messages []string
	for _, f := range r.Findings {
		messages = append(messages, f.Message+"\n"+f.Exchange.String())
	}
	body := strings.Join(messages, "\n")
	switch r.Status {
	case Failed:
		c.Failure = &junitMessage{Message: r.Findings[0].Message, Type: r.Level + ", " + r.Where(), Text: body}
	case Skipped:
		c.Skipped = &junitMessage{Message: r.Reason}
	case Warned, Info, Unstable:
		c.Out = r.Status + ": " + body
	}
	return c
}
