package main

import (
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"rollcall/conformance"
)

// list writes every requirement on one line.
func list(w io.Writer) error {
	for _, r := range conformance.Requirements() {
		state := ""
		if r.Unseen != "" {
			state = " (not observable)"
		}
		if _, err := fmt.Fprintf(w, "%-20s %-8s %-11s %s%s\n", r.ID, r.Level, r.Area, r.Text, state); err != nil {
			return err
		}
	}
	return nil
}

// explain writes all there is to say about one requirement.
func explain(w io.Writer, id string) error {
	for _, r := range conformance.Requirements() {
		if !strings.EqualFold(r.ID, id) {
			continue
		}
		fmt.Fprintf(w, "%s  %s  %s\narea: %s\n", r.ID, r.Level, r.Where(), r.Area)
		if r.Feature != "" {
			fmt.Fprintf(w, "applies where the server promises: %s\n", r.Feature)
		}
		fmt.Fprintf(w, "\n%s\n\nhow it is seen: %s\n", r.Text, r.Seen)
		if r.Hint != "" {
			fmt.Fprintf(w, "usual cause: %s\n", r.Hint)
		}
		if r.Unseen != "" {
			fmt.Fprintf(w, "not observable: %s\n", r.Unseen)
		}
		if names := conformance.ChecksOf(r.ID); len(names) > 0 {
			fmt.Fprintf(w, "checks: %s\n", strings.Join(names, ", "))
		}
		return nil
	}
	return fmt.Errorf("--explain: no requirement %q; --list tells all", id)
}

// progress is a bar on a terminal and nothing elsewhere.
type progress struct{ w io.Writer }

func newProgress(w io.Writer) *progress {
	f, ok := w.(*os.File)
	if !ok {
		return &progress{}
	}
	info, err := f.Stat()
	if err != nil || info.Mode()&os.ModeCharDevice == 0 || os.Getenv("TERM") == "dumb" {
		return &progress{}
	}
	return &progress{w}
}

const barWidth = 30

func (p *progress) show(at conformance.Progress) {
	if p.w == nil || at.Total == 0 {
		return
	}
	n := barWidth * at.Done / at.Total
	left := at.Left.Round(time.Second)
	fmt.Fprintf(p.w, "\r[%s%s] %d/%d, about %s left  %-34.34s", strings.Repeat("#", n), strings.Repeat(".", barWidth-n), at.Done, at.Total, left, at.Check)
}

// clear removes the bar.
func (p *progress) clear() {
	if p.w != nil {
		fmt.Fprintf(p.w, "\r%s\r", strings.Repeat(" ", barWidth+80))
	}
}
