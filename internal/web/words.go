package web

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"net/http"
	"path"
	"slices"
	"strings"

	"golang.org/x/text/language"
)

// fallback is for readers in whose language there is no catalogue. It has every text.
const fallback = "en"

// Words are the texts of a package in every language that it speaks.
type Words struct {
	folder   string
	tags     []language.Tag // the fallback first
	matcher  language.Matcher
	catalogs map[string]map[string]string // by language, then by key
}

// LoadWords reads the catalogues {folder}/{language}.json: objects of texts by key. A text may hold placeholders, as
// {name}. English is required, and the others have its keys, each with its placeholders: the error names what is
// missing, too many or different.
func LoadWords(files fs.FS, folder string) (*Words, error) {
	names, err := fs.Glob(files, folder+"/*.json")
	if err != nil {
		return nil, err
	}

	// One catalogue a file.
	w := &Words{folder: folder, catalogs: map[string]map[string]string{}}
	for _, name := range names {
		tag, err := language.Parse(strings.TrimSuffix(path.Base(name), ".json"))
		if err != nil {
			return nil, fmt.Errorf("%s is not named after a language: %w", name, err)
		}
		body, err := fs.ReadFile(files, name)
		if err != nil {
			return nil, err
		}
		var catalog map[string]string
		if err := json.Unmarshal(body, &catalog); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		w.catalogs[tag.String()] = catalog
		w.tags = append(w.tags, tag)
	}
	if w.catalogs[fallback] == nil {
		return nil, errors.New("there is no " + folder + "/" + fallback + ".json")
	}

	// The matcher falls back to its first language.
	slices.SortFunc(w.tags, func(a, b language.Tag) int {
		if a.String() == fallback {
			return -1
		}
		return strings.Compare(a.String(), b.String())
	})
	w.matcher = language.NewMatcher(w.tags)
	return w, w.compare()
}

// compare compares every catalogue with English.
func (w *Words) compare() error {
	var wrong []error
	english := w.catalogs[fallback]
	for name, catalog := range w.catalogs {
		for key, text := range english {
			switch translated, ok := catalog[key]; {
			case !ok:
				wrong = append(wrong, fmt.Errorf("%s/%s.json lacks %q", w.folder, name, key))
			case !slices.Equal(placeholders(translated), placeholders(text)):
				wrong = append(wrong, fmt.Errorf("%s/%s.json: %q has other placeholders than English: %v, not %v",
					w.folder, name, key, placeholders(translated), placeholders(text)))
			}
		}
		for key := range catalog {
			if _, ok := english[key]; !ok {
				wrong = append(wrong, fmt.Errorf("%s/%s.json: %q is not in English", w.folder, name, key))
			}
		}
	}
	return errors.Join(wrong...)
}

// placeholders are the names in braces, sorted, each once.
func placeholders(text string) []string {
	var names []string
	for {
		_, rest, found := strings.Cut(text, "{")
		name, after, closed := strings.Cut(rest, "}")
		if !found || !closed {
			slices.Sort(names)
			return slices.Compact(names)
		}
		names, text = append(names, name), after
	}
}

// MustLoadWords is LoadWords for files that are part of the program. It panics on an error.
func MustLoadWords(files fs.FS, folder string) *Words {
	w, err := LoadWords(files, folder)
	if err != nil {
		panic("web: " + err.Error())
	}
	return w
}

// Languages are the tags of the catalogues, English first.
func (w *Words) Languages() []string {
	var names []string
	for _, tag := range w.tags {
		names = append(names, tag.String())
	}
	return names
}

// Match is the language for a request, by its Accept-Language header.
func (w *Words) Match(r *http.Request) string {
	asked, _, _ := language.ParseAcceptLanguage(r.Header.Get("Accept-Language")) // of a bad header, what could be read
	_, index, _ := w.matcher.Match(asked...)
	return w.tags[index].String()
}

// Text is the text of a key in a language, with the values of its placeholders. It returns an error if the language has
// no such text, or if the values are not exactly those of its placeholders: a page with a hole in it is not shown.
func (w *Words) Text(language, key string, values map[string]any) (string, error) {
	text, ok := w.catalogs[language][key]
	if !ok {
		return "", fmt.Errorf("%s/%s.json has no text %q", w.folder, language, key)
	}
	given := slices.Sorted(maps.Keys(values))
	if wanted := placeholders(text); !slices.Equal(given, wanted) {
		return "", fmt.Errorf("text %q has the placeholders %q, but there are values for %q", key, wanted, given)
	}
	var replacements []string
	for name, value := range values {
		replacements = append(replacements, "{"+name+"}", fmt.Sprint(value))
	}
	return strings.NewReplacer(replacements...).Replace(text), nil
}

// text is Text for a template, where values are a map, or names and values in turn.
func (w *Words) text(language, key string, values ...any) (string, error) {
	if len(values) == 1 {
		if all, ok := values[0].(map[string]any); ok {
			return w.Text(language, key, all)
		}
	}
	all := map[string]any{}
	for pair := range slices.Chunk(values, 2) {
		name, ok := pair[0].(string)
		if !ok || len(pair) != 2 {
			return "", fmt.Errorf("the values of text %q are not names and values in turn", key)
		}
		all[name] = pair[1]
	}
	return w.Text(language, key, all)
}
