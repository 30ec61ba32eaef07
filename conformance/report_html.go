package conformance

import (
	_ "embed"
	"fmt"
	"html/template"
	"io"
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
		"link": rfcLink,
	}).Parse(reportPage))
})

// rfcLink is where a requirement's section can be read; empty if nowhere.
func rfcLink(r Requirement) string {
	var n int
	if _, err := fmt.Sscanf(r.Document, "RFC %d", &n); err != nil {
		return ""
	}
	return fmt.Sprintf("https://www.rfc-editor.org/rfc/rfc%d.html#section-%s", n, r.Section)
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
