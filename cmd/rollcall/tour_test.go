package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"rollcall/internal/peers"
)

// step is a block of commands of the tour with the output that the tour shows for them.
type step struct {
	line     int
	commands string
	prints   []string
}

// readTour returns the sh and text blocks of the page in their order.
func readTour(t *testing.T, page string) []step {
	t.Helper()
	var steps []step
	fence, block, begun := "", []string{}, 0
	for i, line := range strings.Split(page, "\n") {
		switch {
		case fence == "" && strings.HasPrefix(line, "```"):
			fence, block, begun = strings.TrimPrefix(line, "```"), nil, i+2
		case fence != "" && line == "```":
			switch fence {
			case "sh":
				steps = append(steps, step{line: begun, commands: strings.Join(block, "\n")})
			case "text":
				if len(steps) == 0 || steps[len(steps)-1].prints != nil {
					t.Fatalf("line %d: output without commands", begun)
				}
				steps[len(steps)-1].prints = block
			}
			fence = ""
		case fence != "":
			block = append(block, line)
		}
	}
	return steps
}

// pattern matches the output that lines of the tour stand for: … is anything; in JSON, anything on the same line.
func pattern(lines []string) *regexp.Regexp {
	var parts []string
	for _, line := range lines {
		anything := `.*`
		if strings.HasPrefix(line, "{") {
			anything = `[^\n]*`
		}
		parts = append(parts, strings.ReplaceAll(regexp.QuoteMeta(line), "…", anything))
	}
	return regexp.MustCompile(`(?s)^\s*` + strings.Join(parts, `\s*\n\s*`) + `\s*$`)
}

// TestTour runs the commands of docs/tour.md against a demo, as its reader would.
func TestTour(t *testing.T) {
	bash := peers.Find(t, "bash")
	peers.Find(t, "curl")
	page, err := os.ReadFile("../../docs/tour.md")
	if err != nil {
		t.Fatal(err)
	}
	steps := readTour(t, string(page))
	if len(steps) < 10 {
		t.Fatalf("%d steps", len(steps))
	}
	demo, exports := startDemo(t)
	var script strings.Builder
	for name, value := range exports {
		fmt.Fprintf(&script, "export %s=%s\n", name, value)
	}
	const mark = "--- next step ---"
	for _, s := range steps {
		script.WriteString(s.commands + "\necho '" + mark + "'\n")
	}
	dir := t.TempDir()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(self, filepath.Join(dir, "rollcall")); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), bash, "-c", script.String())
	cmd.Dir = dir
	cmd.Env = append(cleanEnv(), "PATH="+dir+string(os.PathListSeparator)+os.Getenv("PATH"))
	var said strings.Builder
	cmd.Stderr = &said
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("bash: %v\n%s", err, said.String())
	}
	printed := strings.Split(string(out), mark+"\n")
	if len(printed) != len(steps)+1 {
		t.Fatalf("%d of %d steps ran\n%s\n%s", len(printed)-1, len(steps), out, said.String())
	}
	for i, s := range steps {
		if !pattern(s.prints).MatchString(printed[i]) {
			want := strings.Join(s.prints, "\n")
			t.Errorf("docs/tour.md:%d\n%s\n\nshould print\n%s\n\nprinted\n%s", s.line, s.commands, want, printed[i])
		}
	}
	if said.Len() > 0 {
		t.Errorf("the commands complained: %s", said.String())
	}
	demo.terminate()
}

func TestTourPattern(t *testing.T) {
	for name, c := range map[string]struct {
		want, got string
		match     bool
	}{
		"same":          {"a", "a\n", true},
		"anything":      {`{…"x":1…}`, `{"w":0,"x":1,"y":2}`, true},
		"over lines":    {"…b…", "a\nb\nc", true},
		"JSON's line":   {`{…}`, "{\n}", false},
		"another value": {`{…"x":1…}`, `{"x":2}`, false},
		"too much":      {"a", "a b", false},
		"too little":    {"a\nb", "a", false},
		"order":         {"b\na", "a\nb", false},
		"nothing":       {"", "x", false},
	} {
		if pattern(strings.Split(c.want, "\n")).MatchString(c.got) != c.match {
			t.Errorf("%s: %q against %q: want %v", name, c.want, c.got, c.match)
		}
	}
}
