package main

import (
	"bytes"
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"go/token"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"
)

// survivorsText names the mutants that no client can tell from the original:
// file: what: source line · why.
//
//go:embed survivors.txt
var survivorsText string

// patience is how long a run may take; the server of a mutant that takes longer
// hangs, which a client sees as a time-out.
const patience = 60 * time.Second

func main() {
	var c choice
	flag.StringVar(&c.set, "set", usual, "the operators: usual or forced")
	flag.IntVar(&c.each, "each", 1, "run every n-th mutant only")
	flag.IntVar(&c.first, "first", 0, "the mutant to begin with")
	flag.IntVar(&c.sample, "sample", 0, "run this many of them, drawn by -seed")
	flag.Uint64Var(&c.seed, "seed", 1, "what the sample is drawn by")
	match := flag.String("match", "", "run only those whose names match this regular expression")
	workers := flag.Int("workers", 2, "runs at the same time")
	flag.Parse()
	c.match = regexp.MustCompile(*match)
	code, err := measure(c, *workers)
	if err != nil {
		fmt.Fprintln(os.Stderr, "mutate:", err)
		os.Exit(2)
	}
	os.Exit(code)
}

// A choice says which mutants are run.
type choice struct {
	set         string
	first, each int
	sample      int
	seed        uint64
	match       *regexp.Regexp
}

// of gives the chosen ones in their order.
func (c choice) of(all []mutant) []mutant {
	var out []mutant
	for _, m := range all {
		if m.set == c.set && c.match.MatchString(m.name()) {
			out = append(out, m)
		}
	}
	if c.sample > 0 && c.sample < len(out) {
		draw := rand.New(rand.NewPCG(c.seed, 0)).Perm(len(out))[:c.sample]
		slices.Sort(draw)
		for i, n := range draw {
			out[i] = out[n] // n is never less than i
		}
		out = out[:c.sample]
	}
	var each []mutant
	for i := c.first; i < len(out); i += max(1, c.each) {
		each = append(each, out[i])
	}
	return each
}

func measure(c choice, workers int) (int, error) {
	dir, err := os.MkdirTemp("", "mutate-")
	if err != nil {
		return 2, err
	}
	defer os.RemoveAll(dir)
	mutants, binary, err := build(dir)
	if err != nil {
		return 2, err
	}
	if r := try(binary, 0); r != "SURVIVED" {
		return 2, fmt.Errorf("the suite finds something on the server without a mutant: %s", r)
	}
	chosen := c.of(mutants)
	results := make([]string, len(chosen))
	queue := make(chan int)
	var wg sync.WaitGroup
	for range workers {
		wg.Go(func() {
			for i := range queue {
				results[i] = try(binary, chosen[i].id)
				fmt.Fprintf(os.Stderr, "%d/%d %s => %s\n", i+1, len(chosen), chosen[i].name(), results[i])
			}
		})
	}
	for i := range chosen {
		queue <- i
	}
	close(queue)
	wg.Wait()
	return tell(len(mutants), chosen, results), nil
}

// build compiles all mutants into one test binary.
func build(dir string) ([]mutant, string, error) {
	out, err := exec.Command("go", "list", "-f", "{{.Dir}}", "rollcall/conformance").Output()
	if err != nil {
		return nil, "", fmt.Errorf("go list: %w", err)
	}
	suite := strings.TrimSpace(string(out))
	server := filepath.Join(suite, "refserver")
	k := &maker{fset: token.NewFileSet(), seen: map[string]int{}}
	overlay, err := k.instrument(server, dir)
	if err != nil {
		return nil, "", err
	}
	for path, text := range map[string]string{filepath.Join(server, "zz_mutants.go"): switches, filepath.Join(suite,
		"zz_mutant_test.go"): runner} {
		copied := filepath.Join(dir, filepath.Base(path))
		if err := os.WriteFile(copied, []byte(text), 0o600); err != nil {
			return nil, "", err
		}
		overlay[path] = copied
	}
	data, err := json.Marshal(map[string]any{"Replace": overlay})
	if err != nil {
		return nil, "", err
	}
	list, binary := filepath.Join(dir, "overlay.json"), filepath.Join(dir, "mutants.test")
	if err := os.WriteFile(list, data, 0o600); err != nil {
		return nil, "", err
	}
	compile := exec.Command("go", "test", "-c", "-overlay", list, "-o", binary, "rollcall/conformance")
	if msg, err := compile.CombinedOutput(); err != nil {
		return nil, "", fmt.Errorf("the mutants do not compile: %w\n%s", err, msg)
	}
	return k.mutants, binary, nil
}

// try runs the suite on one mutant and tells what found it; empty for nothing.
func try(binary string, id int) string {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, binary, "-test.run", "^TestMutant$", "-mutant", fmt.Sprint(id))
	out, err := cmd.CombinedOutput()
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return "FOUND: it hangs"
	}
	for line := range strings.Lines(string(out)) {
		if strings.HasPrefix(line, "FOUND") || strings.HasPrefix(line, "SURVIVED") {
			return strings.TrimSpace(line)
		}
	}
	return fmt.Sprintf("FOUND: the run ends with %v: %.200s", err, bytes.TrimSpace(out))
}

// tell prints the share found and every survivor, and returns the exit status.
func tell(all int, chosen []mutant, results []string) int {
	why := map[string]string{}
	for line := range strings.SplitSeq(survivorsText, "\n") {
		if name, reason, ok := strings.Cut(line, " · "); ok && line[0] != '#' {
			why[name] = reason
		}
	}
	found, equivalent, unnamed := 0, 0, 0
	for i, m := range chosen {
		switch {
		case results[i] != "SURVIVED":
			found++
		case why[m.name()] != "":
			equivalent++
		default:
			unnamed++
			fmt.Printf("survived: %s:%d: %s\n", m.file, m.line, m.name())
		}
	}
	fmt.Printf("%d mutants, %d run: %d found, %d survived, %d equivalent; %.1f %% found\n", all, len(chosen), found,
		unnamed, equivalent,
		100*float64(found)/float64(max(1, found+unnamed)))
	if unnamed > 0 {
		return 1
	}
	return 0
}
