package conformance

import (
	_ "embed"
	"fmt"
	"html/template"
	"io"
	"strings"
	"sync"
	"time"
)

//go:embed report.html
var reportPage string

var page = sync.OnceValue(func() *template.Template {
	return template.Must(template.New("report").Funcs(template.FuncMap{
		"round": func(d time.Duration) string { return d.Round(time.Millisecond).String() },
		"score": func(n int) string {
			if n < 0 {
				return "–"
			}
			return fmt.Sprintf("%d %%", n)
		},
	}).Parse(reportPage))
})

// Link is where a requirement's section can be read; empty if nowhere.
func (r Requirement) Link() string {
	n, ok := strings.CutPrefix(r.Basis.Document, "RFC ")
	if !ok {
		return ""
	}
	return "https://www.rfc-editor.org/rfc/rfc" + n + ".html#section-" + r.Basis.Section
}

// WriteHTML writes the report as one page that needs nothing else: failures
// first, each with its exchange, its place in the RFC and a hint.
func (rep Report) WriteHTML(w io.Writer) error {
	type group struct {
		Title, Class string
		Open         bool
		Results      []Result
	}
	return page().Execute(w, struct {
		Report
		Score  int
		Groups []group
	}{rep, rep.Counts.score(), []group{
		{"Failed", Failed, true, rep.withStatus(Failed)},
		{"Warned", Warned, true, rep.withStatus(Warned)},
		{"Information", Info, false, rep.withStatus(Info)},
		{"Skipped", Skipped, false, rep.withStatus(Skipped)},
		{"Passed", Passed, false, rep.withStatus(Passed)},
	}})
}
