package web

import (
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"testing/fstest"
)

// files are the pages of a package that speaks two languages.
func files(more map[string]string) fstest.MapFS {
	all := fstest.MapFS{}
	for name, text := range map[string]string{
		"pages/hello.html": `{{define "id"}}hello{{end}}{{define "title"}}{{t "title"}}{{end}}` +
			`{{define "content"}}<p>{{t "greeting" "name" .Name}}</p>{{end}}`,
		"pages/sent.html": `{{define "id"}}sent{{end}}{{define "title"}}{{t "title"}}{{end}}` +
			`{{define "head"}}<script src="{{asset "submit.js"}}" defer></script>{{end}}` +
			`{{define "content"}}{{t "greeting" .}}{{end}}`,
		"words/en.json": `{"title": "Hello", "greeting": "Good morning, {name}"}`,
		"words/de.json": `{"title": "Hallo", "greeting": "Guten Morgen, {name}"}`,
	} {
		all[name] = &fstest.MapFile{Data: []byte(text)}
	}
	for name, text := range more {
		all[name] = &fstest.MapFile{Data: []byte(text)}
	}
	return all
}

func get(t *testing.T, p *Pages, method, languages, page string, data any, policy Policy) *httptest.ResponseRecorder {
	t.Helper()
	r, w := httptest.NewRequest(method, "/", nil), httptest.NewRecorder()
	r.Header.Set("Accept-Language", languages)
	if err := p.Write(w, r, http.StatusTeapot, page, data, policy); err != nil {
		t.Fatal(err)
	}
	return w
}

func TestWrite(t *testing.T) {
	p := MustParse(files(nil))
	data := map[string]any{"Name": "<Ada>"}
	for languages, want := range map[string][]string{
		"": {`lang="en"`, "Good morning, &lt;Ada&gt;", "<title>Hello</title>", "<h1>Hello</h1>",
			`id="hello"`},
		"de-CH, en;q=.8": {`lang="de"`, "Guten Morgen, &lt;Ada&gt;", "<title>Hallo</title>"},
		"fr, de;q=0.5":   {`lang="de"`},
		"fr":             {`lang="en"`},
		"%%%":            {`lang="en"`},
	} {
		w := get(t, p, http.MethodGet, languages, "hello", data, Policy{})
		for _, part := range want {
			if !strings.Contains(w.Body.String(), part) {
				t.Errorf("%q: the page lacks %s:\n%s", languages, part, w.Body)
			}
		}
		if w.Code != http.StatusTeapot || w.Header().Get("Vary") != "Accept-Language" {
			t.Errorf("%d %v", w.Code, w.Header())
		}
	}
	if w := get(t, p, http.MethodHead, "", "hello", data, Policy{}); w.Body.Len() != 0 ||
		w.Header().Get("Content-Length") == "0" {
		t.Errorf("HEAD: %v %s", w.Header(), w.Body)
	}
	// The values may come as a map, and a library may execute the page.
	var b strings.Builder
	if err := p.Template("de", "sent").Execute(&b, map[string]any{"name": "Ada"}); err != nil ||
		!strings.Contains(b.String(), "Guten Morgen, Ada") {
		t.Errorf("%v\n%s", err, b.String())
	}
}

// titled is a page with a title and no content.
func titled(title string) string {
	return `{{define "id"}}x{{end}}{{define "title"}}` + title + `{{end}}{{define "content"}}{{end}}`
}

// A page that would have a hole in it is an error, and nothing is written.
func TestWriteRefuses(t *testing.T) {
	p := MustParse(files(map[string]string{
		"pages/text.html":  titled(`{{t "nothing"}}`),
		"pages/asset.html": titled(`{{asset "nothing"}}`),
		"pages/pairs.html": titled(`{{t "greeting" "name"}}`),
	}))
	for page, says := range map[string]string{
		"none": "no page", "text": `no text "nothing"`, "asset": `no asset "nothing"`, "pairs": "in turn",
		"sent": `placeholders ["name"]`,
	} {
		w := httptest.NewRecorder()
		err := p.Write(w, httptest.NewRequest(http.MethodGet, "/", nil), http.StatusOK, page,
			map[string]any{"other": 1}, Policy{})
		if err == nil || !strings.Contains(err.Error(), says) || len(w.Header()) != 0 || w.Body.Len() != 0 {
			t.Errorf("%s: %v, headers %v", page, err, w.Header())
		}
	}
}

// A catalogue has every text of English, with its placeholders, and no other.
func TestWordsAreComplete(t *testing.T) {
	for name, c := range map[string]struct {
		files map[string]string
		says  string
	}{
		"a text is missing": {map[string]string{"words/de.json": `{"title": "Hallo"}`}, `de.json lacks "greeting"`},
		"one too many": {map[string]string{"words/de.json": `{"title": "a", "greeting": "{name}", "x": "y"}`},
			`"x" is not in English`},
		"another placeholder": {map[string]string{"words/de.json": `{"title": "a", "greeting": "{nom}"}`},
			"other placeholders"},
		"not JSON":       {map[string]string{"words/de.json": `{`}, "words/de.json"},
		"not a language": {map[string]string{"words/german language.json": `{}`}, "not named after a language"},
	} {
		if _, err := Parse(files(c.files)); err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v", name, err)
		}
	}
	noEnglish := files(nil)
	delete(noEnglish, "words/en.json")
	if _, err := LoadWords(noEnglish, "words"); err == nil || !strings.Contains(err.Error(), "en.json") {
		t.Errorf("without English: %v", err)
	}
	if _, err := Parse(files(map[string]string{"pages/bad.html": "{{"})); err == nil ||
		!strings.Contains(err.Error(), "pages/bad.html") {
		t.Errorf("a template that does not parse: %v", err)
	}
}

func TestPolicy(t *testing.T) {
	const always = "default-src 'none'; base-uri 'none'; frame-ancestors 'none'; style-src 'self'; img-src 'self'"
	p := MustParse(files(nil))
	for name, c := range map[string]struct {
		policy Policy
		want   string
	}{
		"nothing but style": {Policy{}, always + "; form-action 'self'"},
		"a form that leaves": {Policy{FormTargets: []string{"https://a.example"}},
			always + "; form-action 'self' https://a.example"},
		"anywhere, by itself": {Policy{Scripts: true, AnyFormTarget: true}, always + "; script-src 'self'"},
	} {
		h := get(t, p, http.MethodGet, "", "hello", map[string]any{"Name": "Ada"}, c.policy).Header()
		if got := h.Get("Content-Security-Policy"); got != c.want {
			t.Errorf("%s: %s", name, got)
		}
		for header, want := range map[string]string{"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff",
			"X-Frame-Options": "DENY", "Referrer-Policy": "same-origin", "Cross-Origin-Opener-Policy": "same-origin"} {
			if h.Get(header) != want {
				t.Errorf("%s: %s", header, h.Get(header))
			}
		}
	}
}

// What a page names is served, for good; nothing else is.
func TestAssets(t *testing.T) {
	var b strings.Builder
	if err := MustParse(files(nil)).Template("en", "sent").Execute(&b, map[string]any{"name": "Ada"}); err != nil {
		t.Fatal(err)
	}
	named := regexp.MustCompile(`"(/assets/[^"]+)"`).FindAllStringSubmatch(b.String(), -1)
	if len(named) != 3 {
		t.Fatalf("the page names %v", named)
	}
	serve := func(path string) *httptest.ResponseRecorder {
		w := httptest.NewRecorder()
		Assets().ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, nil))
		return w
	}
	for _, m := range named {
		w := serve(m[1])
		kind := w.Header().Get("Content-Type")
		if w.Code != http.StatusOK || !strings.Contains(w.Header().Get("Cache-Control"), "immutable") ||
			w.Body.Len() == 0 ||
			(!strings.HasPrefix(kind, "text/css") && !strings.HasPrefix(kind, "text/javascript") &&
				kind != "image/svg+xml") {
			t.Errorf("%s: %d %v", m[1], w.Code, w.Header())
		}
	}
	for _, path := range []string{"/assets/", "/assets/site.css", "/assets/../layout.html",
		strings.Replace(named[0][1], "-", "-0", 1)} {
		if w := serve(path); w.Code != http.StatusNotFound {
			t.Errorf("%s: %d", path, w.Code)
		}
	}
	if css := assets["site.css"].body; len(css) > 25<<10 {
		t.Errorf("the style sheet has %d bytes", len(css))
	}
}
