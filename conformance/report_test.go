package conformance

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// faulty is a report with failures of several kinds.
func faulty(t *testing.T) Report {
	t.Helper()
	rep := judged(t, "^(create|retrieve|projection|errors|delete)$", func(x *exchange) {
		x.q.Del("attributes")
		x.run()
		x.h.Set("Server", "faulty/1")
		if x.st == 404 {
			x.answer(404, obj{"detail": "it's not here"})
		}
	})
	rep.Name = "Faulty <server>"
	return rep
}

// TestReportForms: every form of the report shows the same, and holds what it
// promises.
func TestReportForms(t *testing.T) {
	rep := faulty(t)
	if rep.Counts.Failed == 0 || len(rep.Causes) == 0 || rep.Server != "faulty/1" || rep.Schema != SchemaVersion ||
		rep.Requests == 0 {
		t.Fatalf("%+v", rep.Counts)
	}
	var page, text, brief, full, junit, badge bytes.Buffer
	for _, err := range []error{rep.WriteHTML(&page), rep.WriteText(&text, Normal), rep.WriteText(&brief, Brief),
		rep.WriteText(&full, Full), rep.WriteJUnit(&junit), rep.WriteBadge(&badge)} {
		if err != nil {
			t.Fatal(err)
		}
	}
	root := rep.Result(rep.Causes[0].Root)
	for _, want := range []string{
		"Faulty &lt;server&gt;", `id="` + root.ID + `"`, root.Link(), root.Hint[:10], "curl -i", "Bearer $TOKEN",
		"What the check had sent before", "prefers-color-scheme: dark", "@media print", "MUST",
	} {
		if !strings.Contains(page.String(), want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	for _, r := range rep.Results {
		if n := strings.Count(page.String(), `id="`+r.ID+`"`); n != 1 {
			t.Errorf("the page has %d places with the id %s", n, r.ID)
		}
	}
	if brief.Len() > 400 || text.Len() >= full.Len() || !strings.Contains(text.String(), "want: ") ||
		!strings.Contains(full.String(), "curl -i") {
		t.Errorf("texts of %d, %d and %d bytes", brief.Len(), text.Len(), full.Len())
	}
	var suites junitSuites
	if err := xml.Unmarshal(junit.Bytes(), &suites); err != nil || suites.Failures != rep.Counts.Failed {
		t.Errorf("JUnit: %v, %d failures", err, suites.Failures)
	}
	timed := 0
	for _, s := range suites.Suites {
		for _, c := range s.Cases {
			if c.Time != "" && c.Time != "0.000" {
				timed++
			}
		}
	}
	if timed == 0 {
		t.Error("JUnit has no times")
	}
	if err := xml.Unmarshal(badge.Bytes(), new(any)); err != nil && !strings.Contains(err.Error(), "unknown type") ||
		!strings.Contains(badge.String(), fmt.Sprintf("%d failed", rep.Counts.Failed)) {
		t.Errorf("badge: %v\n%s", err, badge.String())
	}
}

// TestJSONKeepsTheSchema: what WriteJSON writes is what ReportSchema describes,
// and docs/conformance-report.schema.json is that schema.
func TestJSONKeepsTheSchema(t *testing.T) {
	var b bytes.Buffer
	rep := faulty(t)
	if err := rep.WriteJSON(&b); err != nil {
		t.Fatal(err)
	}
	var v any
	if err := json.Unmarshal(b.Bytes(), &v); err != nil {
		t.Fatal(err)
	}
	schema, err := json.MarshalIndent(ReportSchema(), "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	var s map[string]any
	if err := json.Unmarshal(schema, &s); err != nil {
		t.Fatal(err)
	}
	fits(t, "report", v, s)
	file := filepath.Join("..", "docs", "conformance-report.schema.json")
	if *update {
		if err := os.WriteFile(file, append(schema, '\n'), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if have, err := os.ReadFile(file); err != nil || !bytes.Equal(bytes.TrimSpace(have), schema) {
		t.Errorf("%s is not the schema (%v); go test -run TestJSONKeepsTheSchema -update writes it", file, err)
	}
	back, err := ReadJSON(&b)
	if err != nil || len(back.Results) != len(rep.Results) || back.Results[0].Basis != rep.Results[0].Basis {
		t.Errorf("read back: %v", err)
	}
	if _, err := ReadJSON(strings.NewReader(`{"tool":"scimconform 9","schemaVersion":99}`)); err == nil {
		t.Error("a report of a later version was read")
	}
}

// fits holds a JSON value against the part of JSON Schema that ReportSchema uses.
func fits(t *testing.T, where string, v any, schema map[string]any) {
	t.Helper()
	kinds, ok := schema["type"].([]any)
	if !ok {
		kinds = []any{schema["type"]}
	}
	kind := map[bool]string{true: "null"}[v == nil]
	switch x := v.(type) {
	case string:
		kind = "string"
	case bool:
		kind = "boolean"
	case float64:
		kind = "integer"
	case []any:
		kind = "array"
		for i, e := range x {
			fits(t, fmt.Sprintf("%s[%d]", where, i), e, schema["items"].(map[string]any))
		}
	case map[string]any:
		kind = "object"
		properties, _ := schema["properties"].(map[string]any)
		rest, _ := schema["additionalProperties"].(map[string]any)
		for k, e := range x {
			switch p, ok := properties[k].(map[string]any); {
			case ok:
				fits(t, where+"."+k, e, p)
			case rest != nil:
				fits(t, where+"."+k, e, rest)
			default:
				t.Errorf("%s.%s is not in the schema", where, k)
			}
		}
		required, _ := schema["required"].([]any)
		for _, k := range required {
			if _, ok := x[k.(string)]; !ok {
				t.Errorf("%s lacks %s", where, k)
			}
		}
	}
	for _, k := range kinds {
		if k == kind {
			return
		}
	}
	t.Errorf("%s is %s, expected %v", where, kind, kinds)
}

func TestPublish(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "site")
	a := faulty(t)
	b := a
	b.Name = "Faulty <server>" // the same name gets files of its own
	if err := Publish(dir, []Report{a, b}); err != nil {
		t.Fatal(err)
	}
	index, err := os.ReadFile(filepath.Join(dir, "index.html"))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"faulty-server-rfc", "faulty-server-rfc-2"} {
		for _, ext := range []string{".html", ".svg", ".json"} {
			if info, err := os.Stat(filepath.Join(dir, name+ext)); err != nil || info.Size() == 0 {
				t.Errorf("%s%s: %v", name, ext, err)
			}
		}
		if link := name + ".html#" + a.Causes[0].Root; !strings.Contains(string(index), link) {
			t.Errorf("index.html has no link to %s", link)
		}
	}
	if err := Publish(dir, nil); err == nil {
		t.Error("nothing was published without an error")
	}
}

func TestCurl(t *testing.T) {
	e := &Exchange{Method: "PATCH", URL: "https://h/Users/1?a=b&c=d", RequestBody: `{"it's":"$HOME"}`,
		RequestHeader: map[string][]string{"Authorization": {hidden}, "If-Match": {`W/"1"`}, "User-Agent": {"x"}}}
	want := `curl -i -X PATCH 'https://h/Users/1?a=b&c=d' -H "Authorization: Bearer $TOKEN" -H 'If-Match: W/"1"' --data-binary '{"it'\''s":"$HOME"}'`
	if got := e.Curl(); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

// TestCausesNameRequirements: the graph has no id that does not exist, and no
// circle.
func TestCausesNameRequirements(t *testing.T) {
	known := map[string]bool{}
	for _, r := range Requirements() {
		known[r.ID] = true
	}
	above := map[string][]string{}
	for _, e := range causeOf() {
		if !known[e.root] || !known[e.id] {
			t.Errorf("%s -> %s: no such requirement", e.root, e.id)
		}
		above[e.id] = append(above[e.id], e.root)
	}
	var walk func(id string, path []string)
	walk = func(id string, path []string) {
		for _, up := range above[id] {
			for _, p := range path {
				if p == up {
					t.Errorf("a circle: %v -> %s", path, up)
					return
				}
			}
			walk(up, append(path, up))
		}
	}
	for id := range above {
		walk(id, []string{id})
	}
}

func TestWords(t *testing.T) {
	for text, want := range map[string]string{
		"a `b<c` d": "a <code>b&lt;c</code> d",
		"`a` and":   "<code>a</code> and",
		"it's `a":   "it&#39;s `a",
		"<b>":       "&lt;b&gt;",
		"":          "",
	} {
		if got := string(words(text)); got != want {
			t.Errorf("%q becomes %q, expected %q", text, got, want)
		}
	}
}
