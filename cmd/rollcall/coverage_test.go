package main

import (
	"bytes"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"rollcall/conformance"
)

// checkCoverage checks that docs/scim-coverage.md lists every requirement with what shows it, or, with
// ROLLCALL_UPDATE_DOCS=1, writes the file.
func checkCoverage(t *testing.T, report conformance.Report) {
	text := coverage(t, report)
	file := filepath.Join("..", "..", "docs", "scim-coverage.md")
	if os.Getenv("ROLLCALL_UPDATE_DOCS") == "1" {
		if err := os.WriteFile(file, text, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if have, err := os.ReadFile(file); err != nil || !bytes.Equal(have, text) {
		t.Errorf("docs/scim-coverage.md differs from what the suite and the tests say (%v): "+
			"write it with ROLLCALL_UPDATE_DOCS=1", err)
	}
}

var coverageHeader = strings.ReplaceAll(`# SCIM 2.0, requirement by requirement

'ROLLCALL_UPDATE_DOCS=1 go test ./cmd/rollcall -run TestConformance' writes this page; without the variable, the test
fails if the page is out of date. *Suite* is what the conformance suite ('go run ./cmd/scimconform --explain ID') finds
on a running service. *Tests* are the tests of the code that name the requirement.
`, "'", "`")

// coverage renders docs/scim-coverage.md. A requirement that nothing shows fails the test.
func coverage(t *testing.T, report conformance.Report) []byte {
	results := map[string]conformance.Result{}
	for _, r := range report.Results {
		results[r.ID] = r
	}
	tests := testsByRequirement(t)
	var b bytes.Buffer
	b.WriteString(coverageHeader)
	area := ""
	for _, r := range conformance.Requirements() {
		if !strings.HasPrefix(r.ID, "R") {
			continue
		}
		if r.Area != area {
			area = r.Area
			fmt.Fprintf(&b, "\n## %s\n\n| id | level | requirement | suite | tests |\n", area)
			b.WriteString("| --- | --- | --- | --- | --- |\n")
		}
		suite, shown := suiteSays(r, results[r.ID])
		if !shown && len(tests[r.ID]) == 0 {
			t.Errorf("%s: nothing shows it (%q)", r.ID, suite)
		}
		fmt.Fprintf(&b, "| %s | %s | %s | %s | %s |\n",
			r.ID, r.Level, escapeCell(r.Text), escapeCell(suite), strings.Join(tests[r.ID], ", "))
	}
	return b.Bytes()
}

// suiteSays is the table's cell for the suite's result; shown is false if the requirement needs a test to show it.
func suiteSays(r conformance.Requirement, result conformance.Result) (cell string, shown bool) {
	switch {
	case r.Unseen != "":
		return "cannot be observed: " + r.Unseen, true
	case result.Status == conformance.Skipped:
		return "not applicable: " + result.Reason, true
	default:
		return result.Status, result.Status == conformance.Passed || result.Status == conformance.Info
	}
}

func escapeCell(s string) string { return strings.ReplaceAll(s, "|", `\|`) }

// testsByRequirement finds, for each requirement id, the tests whose text contains it.
func testsByRequirement(t *testing.T) map[string][]string {
	id := regexp.MustCompile(`R\d{4}-[0-9A-Za-z.]+-\d+`)
	test := regexp.MustCompile(`^func (Test\w+)\(`)
	found := map[string][]string{}
	root := filepath.Join("..", "..")
	err := filepath.WalkDir(root, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() || !strings.HasSuffix(path, "_test.go") || strings.Contains(path, "conformance") {
			return err
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		pkg, _ := filepath.Rel(root, filepath.Dir(path))
		where := ""
		for line := range strings.Lines(string(text)) {
			if m := test.FindStringSubmatch(line); m != nil {
				where = filepath.ToSlash(pkg) + " " + m[1]
			}
			for _, r := range id.FindAllString(line, -1) {
				if where != "" && !slices.Contains(found[r], where) {
					found[r] = append(found[r], where)
				}
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}
