package samlhook

import (
	"encoding/json"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/gorilla/mux"

	"rollcall/directory"
	"rollcall/directory/directorytest"
	"rollcall/directory/schema"
	"rollcall/internal/web"
	"rollcall/samlhook/saml"
	"rollcall/scimapi"
)

// sayings are what the sources of both packages say: the names of the values by the key of the sentence, and the values
// of the constants of type saml.Reason by their names.
func sayings(t *testing.T) (said map[string][]string, reasons map[string]string) {
	t.Helper()
	said, reasons = map[string][]string{}, map[string]string{}
	files := token.NewFileSet()
	var calls []*ast.CallExpr
	for _, folder := range []string{".", "saml"} {
		names, err := filepath.Glob(folder + "/*.go")
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range names {
			if strings.HasSuffix(name, "_test.go") {
				continue
			}
			file, err := parser.ParseFile(files, name, nil, 0)
			if err != nil {
				t.Fatal(err)
			}
			ast.Inspect(file, func(n ast.Node) bool {
				switch n := n.(type) {
				case *ast.ValueSpec:
					if len(n.Names) == 1 && strings.HasPrefix(n.Names[0].Name, "Reason") && len(n.Values) == 1 {
						if value, ok := literal(n.Values[0]); ok {
							reasons[n.Names[0].Name] = value
						}
					}
				case *ast.CallExpr:
					calls = append(calls, n)
				}
				return true
			})
		}
	}
	if len(reasons) < 80 {
		t.Fatalf("only %d reasons were found", len(reasons))
	}

	// What each call says: a sentence by its key, or the one that a reason names.
	say := func(key string, values []ast.Expr) {
		var names []string
		for pair := range slices.Chunk(values, 2) {
			if name, ok := literal(pair[0]); ok {
				names = append(names, name)
			}
		}
		slices.Sort(names)
		if before, known := said[key]; known && !slices.Equal(before, names) {
			t.Errorf("%q is said with %q and with %q", key, before, names)
		}
		said[key] = names
	}
	for _, call := range calls {
		name, args := nameOf(call.Fun), call.Args
		switch {
		case name == "Say":
			if key, ok := literal(args[0]); ok {
				say(key, args[1:])
			}
		case name == "malformed":
			if key, ok := literal(args[0]); ok {
				say("malformed_xml."+key, []ast.Expr{&ast.BasicLit{Kind: token.STRING, Value: `"byte"`}, nil})
			}
		case name == "say":
			if key, ok := literal(args[0]); ok {
				subject := &ast.BasicLit{Kind: token.STRING, Value: `"subject"`}
				say("domain_not_verified."+key, append(args[1:], subject, nil))
			}
		}
		// A reason that is given last has a sentence of its own.
		if at := map[string]int{"Refuse": 0, "refuse": 1, "add": 4}; len(args) > 0 && len(args) == at[name]+1 {
			if _, refuses := at[name]; refuses {
				if reason, ok := reasons[nameOf(args[len(args)-1])]; ok {
					say(reason, nil)
				}
			}
		}
	}
	return said, reasons
}

func literal(e ast.Expr) (string, bool) {
	l, ok := e.(*ast.BasicLit)
	if !ok || l.Kind != token.STRING {
		return "", false
	}
	s, err := strconv.Unquote(l.Value)
	return s, err == nil
}

// nameOf is the last name of an identifier or a selector.
func nameOf(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.Ident:
		return e.Name
	case *ast.SelectorExpr:
		return e.Sel.Name
	}
	return ""
}

// catalogue is a catalogue as its file has it.
func catalogue(t *testing.T, language string) (texts map[string]string) {
	t.Helper()
	body, err := fs.ReadFile(explanationFiles, "explanations/"+language+".json")
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(body, &texts); err != nil {
		t.Fatal(err)
	}
	return texts
}

var placeholder = regexp.MustCompile(`\{(\w+)\}`)

// Every reason has words in every language, and whatever the sources say is a sentence of the catalogue, with the
// values that its placeholders name. (That the languages have the same keys and placeholders is a rule of web.LoadWords.)
func TestEverySentenceHasWords(t *testing.T) {
	said, reasons := sayings(t)
	english := catalogue(t, "en")
	if got := explanations.Languages(); !slices.Equal(got, []string{"en", "de"}) {
		t.Errorf("the languages are %q", got)
	}
	for name, reason := range reasons {
		if !slices.ContainsFunc(slices.Collect(maps.Keys(english)), func(key string) bool {
			return key == reason || strings.HasPrefix(key, reason+".")
		}) {
			t.Errorf("%s (%s) has no words", name, reason)
		}
	}
	used := 0
	for key, names := range said {
		text, ok := english[key]
		if !ok {
			t.Errorf("%q is said and has no words", key)
			continue
		}
		used++
		var wanted []string
		for _, m := range placeholder.FindAllStringSubmatch(text, -1) {
			wanted = append(wanted, m[1])
		}
		slices.Sort(wanted)
		if wanted = slices.Compact(wanted); !slices.Equal(wanted, names) {
			t.Errorf("%q has the placeholders %q, but is said with %q", key, wanted, names)
		}
	}
	for key, text := range english {
		// Where a reason is chosen at run time, its own sentence is said.
		_, is := said[key]
		own := slices.Contains(slices.Collect(maps.Values(reasons)), key) && !placeholder.MatchString(text)
		if !is && !own && !strings.HasPrefix(key, "check.") && key != "also" {
			t.Errorf("nobody says %q", key)
		}
		if !strings.HasPrefix(key, "check.") && !strings.HasSuffix(text, ".") && key != "also" {
			t.Errorf("%q is no sentence: %s", key, text)
		}
	}
	t.Logf("%d reasons, %d sentences", len(reasons), used)
}

// englishParts are the parts of the English texts that tell them from the German ones.
func englishParts(t *testing.T) (parts []string) {
	t.Helper()
	german := strings.Join(slices.Collect(maps.Values(catalogue(t, "de"))), "\n")
	for _, text := range catalogue(t, "en") {
		for _, part := range placeholder.Split(text, -1) {
			if part = strings.Trim(part, " .,;:()"); len(part) > 8 && !strings.Contains(german, part) {
				parts = append(parts, part)
			}
		}
	}
	if len(parts) < 200 {
		t.Fatalf("only %d parts", len(parts))
	}
	return parts
}

// Whatever is explained on a German page is explained in German, the names of checks as well.
func TestGermanPagesExplainInGerman(t *testing.T) {
	page := testPage{Organization: "o", Connection: "c", Correlation: "n", Again: "/"}
	for key, text := range catalogue(t, "en") {
		if name, is := strings.CutPrefix(key, "check."); is {
			page.Checks = append(page.Checks, toldCheck{saml.Check{OK: true}, checkName("de", name)})
			continue
		}
		s := saml.Sentence{Key: key, Values: map[string]string{}}
		for _, m := range placeholder.FindAllStringSubmatch(text, -1) {
			s.Values[m[1]] = "x"
		}
		page.Obstacles = append(page.Obstacles, obstacle{"r", tell("de", saml.Explanation{s})})
	}
	w, r := httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "/", nil)
	r.Header.Set("Accept-Language", "de-CH")
	if err := web.MustParse(pageFiles).Write(w, r, http.StatusOK, "test", page, web.Policy{}); err != nil {
		t.Fatal(err)
	}
	for _, part := range englishParts(t) {
		if strings.Contains(w.Body.String(), part) {
			t.Errorf("a German page says %q", part)
		}
	}
	if strings.Contains(w.Body.String(), `lang="en"`) || strings.Contains(w.Body.String(), "[") {
		t.Error("a German page has a part in English, or one that the catalogue lacks")
	}
}

// What is recorded can be read back, whatever the values are; what another version recorded is told as far as it goes.
func TestExplanationsAreData(t *testing.T) {
	e := saml.Explanation{saml.Say("look_alike", "value", `a&b=c?d;e%zz "ü"`, "id", ""),
		saml.Say("malformed_xml.a < in an attribute value", "byte", 7), saml.Say("comment")}
	doc := map[string]any{}
	putSaid(doc, "args", e)
	if got := saidIn(doc["args"]); got.String() != e.String() {
		t.Errorf("read back: %s, want %s", got, e)
	}
	if putSaid(doc, "none", nil); doc["none"] != nil {
		t.Errorf("nothing is recorded as %v", doc["none"])
	}
	for text, want := range map[string]string{
		"comment":                     catalogue(t, "en")["comment"],
		"a_later_one?who=x":           `[a_later_one who="x"]`,
		"comment?more=x":              `[comment more="x"]`,
		"%zz?%zz":                     `[%zz?%zz]`,
		"too_deep?limit=3&limit=4":    "The elements of the message are nested deeper than 3.",
		"entity_reference?entity=%3C": "The message uses the entity &<;, which XML does not predefine.",
	} {
		if got := english(saidIn([]any{text})); got != want {
			t.Errorf("%s is told as %q, want %q", text, got, want)
		}
	}

	// What is no list of texts tells nothing; a text of an earlier version stays.
	body := map[string]any{"explanation": "As it was.", "decision": "So.", "args": "x", "checks": []any{"x",
		map[string]any{"detail": "Old."}}, "obstacles": []any{map[string]any{"explanation": "One."}}}
	before := fmt.Sprint(body)
	if tellAll("de", body); fmt.Sprint(body) != before {
		t.Errorf("an old record became %v", body)
	}
}

// The API and a dry run explain in the reader's language, and say which one that is.
func TestExplanationsInTheReadersLanguage(t *testing.T) {
	s := newSite(t)
	connection := s.own(schema.Document{})
	b := s.browser()
	form := s.forged(connection, s.request(b, connection), "nobody", "_a1", nil)
	wantStatus(t, b.step(s.acsURL(connection), form), http.StatusForbidden)
	record := s.lastSignIn(OutcomeRefused, ReasonJITDisabled)

	api, err := scimapi.New(s.store, scimapi.Options{PublicURL: s.hook.public, Hooks: map[string]scimapi.Hook{
		schema.SignInType:           {Language: s.hook.Language, Explain: s.hook.Explain},
		schema.IdentityProviderType: {Actions: s.hook.Actions(), Inquiries: s.hook.Inquiries()}}})
	if err != nil {
		t.Fatal(err)
	}
	router := mux.NewRouter()
	api.Register(router)
	ask := func(method, path, languages, body string) *httptest.ResponseRecorder {
		r := httptest.NewRequest(method, "/orgs/default/scim/v2"+path, strings.NewReader(body)).WithContext(t.Context())
		r.Header.Set("Authorization", "Bearer "+directorytest.OperatorToken)
		r.Header.Set("Accept-Language", languages)
		w := httptest.NewRecorder()
		router.ServeHTTP(w, r)
		return w
	}
	tried := `{"nameId":"nobody"}`
	for _, c := range []struct{ languages, language, says string }{
		{"", "en", "No User in the organization is nobody;"},
		{"fr, de-AT;q=.5", "de", "Kein User der Organisation ist nobody;"},
		{"en, de", "en", "No User in the organization is nobody;"},
	} {
		for path, body := range map[string]string{
			"/SignIns":                        "",
			"/SignIns/" + record.ID.String():  "",
			"/SignIns?attributes=explanation": "",
			"/IdentityProviders/" + connection.String() + "/.dryRun": tried,
		} {
			method := http.MethodGet
			if body != "" {
				method = http.MethodPost
			}
			w := ask(method, path, c.languages, body)
			if w.Code != http.StatusOK || !strings.Contains(w.Body.String(), c.says) ||
				w.Header().Get("Content-Language") != c.language ||
				strings.Count(strings.Join(w.Header().Values("Vary"), ", "), "Accept-Language") != 1 {
				t.Errorf("%s in %q: %d %v %s", path, c.languages, w.Code, w.Header(), w.Body)
			}
		}
	}
	if w := ask(http.MethodGet, "/Users", "de", ""); w.Header().Get("Content-Language") != "" {
		t.Errorf("Users have no language, but say %q", w.Header().Get("Content-Language"))
	}
	if w := ask(http.MethodGet, "/SignIns?sortBy=nothing", "de", ""); w.Code == http.StatusOK ||
		w.Header().Get("Content-Language") != "" {
		t.Errorf("an error is in English: %d %v", w.Code, w.Header())
	}

	// The record itself holds no words.
	stored, _, err := s.org.Get(t.Context(), schema.SignInType, record.ID)
	if err != nil {
		t.Fatal(err)
	}
	if stored.Text("explanation") != "" || stored.Text("args.0") != "jit_disabled?userName=nobody" {
		t.Errorf("stored: %s", stored.JSON)
	}

	// A record of an earlier version keeps its text.
	var old directory.ID
	if _, err := s.org.Update(t.Context(), func(tx *directory.Tx) (err error) {
		old, err = tx.RecordSignIn(schema.Document{"outcome": "refused", "explanation": "As it was."})
		return err
	}); err != nil {
		t.Fatal(err)
	}
	if w := ask(http.MethodGet, "/SignIns/"+old.String(), "de", ""); !strings.Contains(w.Body.String(), "As it was.") {
		t.Errorf("an old record: %s", w.Body)
	}
}
