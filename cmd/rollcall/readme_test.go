package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"rollcall/internal/peers"
)

// TestReadme runs the README's SCIM calls against a service that was started as it says.
func TestReadme(t *testing.T) {
	bash := peers.Find(t, "bash")
	peers.Find(t, "curl")
	page, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	p, site := serveIn(t, filepath.Join(dir, "rollcall-data"))
	p.operatorToken()
	var script strings.Builder
	for _, m := range regexp.MustCompile("(?s)```\n(.*?)```").FindAllStringSubmatch(string(page), -1) {
		if strings.Contains(m[1], "curl") {
			script.WriteString(strings.ReplaceAll(m[1], "http://127.0.0.1:8080", site))
		}
	}
	cmd := exec.CommandContext(t.Context(), bash, "-euc", script.String())
	cmd.Dir = dir
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s\n%s", err, script.String(), out)
	}
	calls := strings.Count(script.String(), "curl")
	replies := strings.Count(string(out), `"resourceType"`)
	if calls < 5 || replies != calls || strings.Contains(string(out), "2.0:Error") {
		t.Errorf("%d calls, %d resources in replies\n%s", calls, replies, out)
	}
	for _, want := range []string{
		`"userName":"ada@example.com"`, `"name":"acme"`, `"token":"rollcall_`, `"value":"administrator"`,
	} {
		if !strings.Contains(string(out), want) {
			t.Errorf("no %s in\n%s", want, out)
		}
	}
	p.terminate()
}
