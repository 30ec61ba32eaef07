package conformance

import (
	_ "embed"
	"errors"
	"fmt"
	"html/template"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
)

//go:embed publish.html
var publishPage string

// published is a report with the name of its files.
type published struct {
	Report
	File string
}

var sideBySide = sync.OnceValue(func() *template.Template {
	return template.Must(template.New("publish").Funcs(template.FuncMap{
		"style":    func() template.CSS { return template.CSS(reportStyle) },
		"percent":  percent,
		"words":    words,
		"allAreas": allAreas,
		"areaScore": func(p published, name string) int {
			for _, a := range p.Areas {
				if a.Name == name {
					return a.Score
				}
			}
			return -1
		},
		"differing": differing,
		"status": func(p published, id string) string {
			if r := p.Result(id); r != nil {
				return r.Status
			}
			return ""
		},
	}).Parse(publishPage))
})

func allAreas(all []published) []string {
	var out []string
	for _, p := range all {
		for _, a := range p.Areas {
			if !slices.Contains(out, a.Name) {
				out = append(out, a.Name)
			}
		}
	}
	return out
}

// differing are the requirements that are broken in one of the reports.
func differing(all []published) []Requirement {
	var out []Requirement
	for _, r := range Requirements() {
		if slices.ContainsFunc(all, func(p published) bool {
			x := p.Result(r.ID)
			return x != nil &&
				broken(x.Status)
		}) {
			out = append(out, r)
		}
	}
	return out
}

// Publish writes a static site into a directory, which it makes if need be:
// index.html with all reports side by side, and a page, a badge and the JSON
// of each. Files that are there are replaced; others are left alone.
func Publish(dir string, reports []Report) error {
	if len(reports) == 0 {
		return errors.New("no reports to publish")
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	var all []published
	names := map[string]int{}
	for _, rep := range reports {
		name := fileName(rep.Title() + "-" + rep.Profile)
		if names[name]++; names[name] > 1 {
			name = fmt.Sprintf("%s-%d", name, names[name])
		}
		all = append(all, published{rep, name})
		for ext, write := range map[string]func(io.Writer) error{".html": rep.WriteHTML, ".svg": rep.WriteBadge,
			".json": rep.WriteJSON} {
			if err := WriteFile(filepath.Join(dir, name+ext), write); err != nil {
				return err
			}
		}
	}
	return WriteFile(filepath.Join(dir, "index.html"), func(w io.Writer) error { return sideBySide().Execute(w, all) })
}

// WriteFile makes a file of what write writes.
func WriteFile(path string, write func(io.Writer) error) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	if err := errors.Join(write(f), f.Close()); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return nil
}

var unsafeName = regexp.MustCompile(`[^a-z0-9]+`)

func fileName(title string) string {
	title = strings.TrimPrefix(strings.TrimPrefix(strings.ToLower(title), "https://"), "http://")
	return strings.Trim(unsafeName.ReplaceAllString(title, "-"), "-")
}
