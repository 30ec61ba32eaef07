package conformance

import (
	_ "embed"
	"html/template"
	"io"
	"slices"
	"strings"
	"sync"
	"time"
)

//go:embed report.html
var reportPage string

//go:embed report.css
var reportStyle string

//go:embed report.js
var reportScript string

var page = sync.OnceValue(func() *template.Template {
	return template.Must(template.New("report").Funcs(template.FuncMap{
		"style":    func() template.CSS { return template.CSS(reportStyle) },
		"script":   func() template.JS { return template.JS(reportScript) },
		"round":    short,
		"words":    words,
		"percent":  percent,
		"join":     func(s []string) string { return strings.Join(s, ", ") },
		"result":   func(v view, id string) *Result { return v.Result(id) },
		"statuses": func() []string { return []string{Failed, Warned, Unstable, Info, Skipped, Passed} },
		"levels":   func() []string { return []string{Must, Stated, Should, Advised, May, Fact, Helps, Open} },
		"chips":    chips,
		"more":     func(rep Report, id string) int { return max(0, len(rep.Result(id).Findings)-1) },
		"areas":    areasOf,
	}).Parse(reportPage))
})

// view is what the page is made of.
type view struct{ Report }

// short rounds a duration for people.
func short(d time.Duration) string {
	if d > 10*time.Second {
		return d.Round(time.Second).String()
	}
	return d.Round(time.Millisecond).String()
}

// words is a text for the page; what stands in backticks is code.
func words(text string) template.HTML {
	parts := strings.Split(text, "`")
	var b strings.Builder
	for i, p := range parts {
		switch p = template.HTMLEscapeString(p); {
		case i%2 == 0:
			b.WriteString(p)
		case i == len(parts)-1: // it is not closed
			b.WriteString("`" + p)
		default:
			b.WriteString("<code>" + p + "</code>")
		}
	}
	return template.HTML(b.String())
}

type chip struct {
	N           int
	Word, Class string
}

func chips(rep Report) []chip {
	c := rep.Counts
	out := []chip{{len(rep.Causes), "causes", ""}, {c.Failed, "failed", Failed}, {c.Warned, "warned", Warned},
		{c.Unstable, "unstable", Unstable},
		{c.Info, "for information", Info}, {c.Skipped, "skipped", Skipped}, {c.Passed, "passed", Passed}}
	return slices.DeleteFunc(out, func(c chip) bool { return c.N == 0 && c.Class != Failed })
}

// A shownResult is a result, and whether the causes show it already.
type shownResult struct {
	Result
	Shown bool
}

type areaResults struct {
	Name    string
	Results []shownResult
}

func areasOf(rep Report) []areaResults {
	shown := map[string]bool{}
	for _, c := range rep.Causes {
		shown[c.Root] = true
		for _, id := range c.Failed {
			shown[id] = true
		}
	}
	var out []areaResults
	for _, a := range rep.Areas {
		group := areaResults{Name: a.Name}
		for _, r := range rep.Results {
			if r.Area == a.Name {
				group.Results = append(group.Results, shownResult{r, shown[r.ID]})
			}
		}
		out = append(out, group)
	}
	return out
}

// Link is where a requirement's section can be read; empty if nowhere.
func (r Requirement) Link() string {
	n, ok := strings.CutPrefix(r.Basis.Document, "RFC ")
	if !ok {
		return ""
	}
	return "https://www.rfc-editor.org/rfc/rfc" + n + ".html#section-" + r.Basis.Section
}

// WriteHTML writes the report as one page that needs nothing else: what is
// wrong by cause, each with what the RFC asks, what came, the requests as
// commands and a hint; then everything that was looked at.
func (rep Report) WriteHTML(w io.Writer) error { return page().Execute(w, view{rep}) }
