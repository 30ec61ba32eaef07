package web

import (
	"bytes"
	"embed"
	"fmt"
	"html/template"
	"io/fs"
	"net/http"
	"path"
	"strconv"
	"strings"
)

//go:embed layout.html
var layout embed.FS

// Pages are the pages of one package, in every language that it has words for. They are safe for concurrent use.
type Pages struct {
	// Platform is whose pages they are unless they are an organization's. It is set before the first page is written.
	Platform *Platform

	words     *Words
	templates map[key]*template.Template
}

type key struct{ language, page string }

// Parse reads the templates pages/*.html and the catalogues words/*.json of a package.
//
// A template defines "title" and "content" for the layout, and "id", which names the page to tests and style. It may
// define "head", what else stands in the head, and "class", the kind of page to the style sheet. Its functions are t,
// which takes the key of a text and the values of its placeholders (a map, or names and values in turn), asset, which
// takes the name of an asset and returns its path, initial, which takes a name and returns its first letter, and
// groups, which cuts a number into parts that can be read out. If the data embeds a Brand, the layout shows it.
//
// It returns an error that names the file for a template that does not parse, and the errors of LoadWords.
func Parse(files fs.FS) (*Pages, error) {
	words, err := LoadWords(files, "words")
	if err != nil {
		return nil, err
	}
	names, err := fs.Glob(files, "pages/*.html")
	if err != nil {
		return nil, err
	}
	p := &Pages{words: words, templates: map[key]*template.Template{}}
	for _, language := range words.Languages() {
		for _, name := range names {
			t, err := p.parse(files, name, language)
			if err != nil {
				return nil, fmt.Errorf("page %s: %w", name, err)
			}
			p.templates[key{language, strings.TrimSuffix(path.Base(name), ".html")}] = t
		}
	}
	return p, nil
}

// parse puts one page into the layout, with the words of one language.
func (p *Pages) parse(files fs.FS, name, language string) (*template.Template, error) {
	const root = "layout.html"
	t, err := template.New(root).Funcs(template.FuncMap{
		"language": func() string { return language },
		"asset":    assetPath,
		"brand":    p.brandOf,
		"initial":  func(name string) string { return Brand{Name: name}.Initial() },
		"groups":   inGroups,
		"t":        func(key string, values ...any) (string, error) { return p.words.text(language, key, values...) },
	}).ParseFS(layout, root)
	if err != nil {
		return nil, err
	}
	if t, err = t.ParseFS(files, name); err != nil {
		return nil, err
	}
	return t.Lookup(root), nil
}

// inGroups cuts a number into groups of four characters.
func inGroups(number string) (groups []string) {
	for len(number) > 4 {
		groups, number = append(groups, number[:4]), number[4:]
	}
	return append(groups, number)
}

// MustParse is Parse for files that are part of the program. It panics on an error.
func MustParse(files fs.FS) *Pages {
	p, err := Parse(files)
	if err != nil {
		panic("web: " + err.Error())
	}
	return p
}

// Template is a page in one language, for a library that executes it by itself; nil if there is none.
func (p *Pages) Template(language, page string) *template.Template {
	return p.templates[key{language, page}]
}

// Write answers with a page in the reader's language and the headers that belong to it. Nothing is written when the
// error is not nil: the page does not exist, a text is in no catalogue, or the data lacks what the template shows.
func (p *Pages) Write(w http.ResponseWriter, r *http.Request, status int, page string, data any, policy Policy) error {
	t := p.Template(p.words.Match(r), page)
	if t == nil {
		return fmt.Errorf("there is no page %q", page)
	}
	var body bytes.Buffer
	if err := t.Execute(&body, data); err != nil {
		return err
	}
	h := w.Header()
	Secure(h)
	policy.Set(h)
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Length", strconv.Itoa(body.Len()))
	h.Add("Vary", "Accept-Language")
	w.WriteHeader(status)
	if r.Method != http.MethodHead {
		_, _ = w.Write(body.Bytes()) // a browser that is gone needs no page
	}
	return nil
}
