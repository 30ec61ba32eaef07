package main

import (
	"cmp"
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
		fmt.Fprintf(w, "\nwhat is asked: %s\nhow it is seen: %s\n", r.Text, r.Seen)
		if b := r.Basis; b.Document != "" {
			fmt.Fprintf(w, "rests on: %s %s, keyword %s, %s\n", b.Document, b.Place, cmp.Or(b.Keyword, "none"),
				r.Link())
		}
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

// progress is a bar on a terminal. Elsewhere it is one line at the beginning,
// with the estimate.
type progress struct {
	w        io.Writer
	terminal bool
	told     bool
}

func newProgress(w io.Writer) *progress {
	p := &progress{w: w}
	if f, ok := w.(*os.File); ok {
		info, err := f.Stat()
		p.terminal = err == nil && info.Mode()&os.ModeCharDevice != 0 && os.Getenv("TERM") != "dumb"
	}
	return p
}

const barWidth = 30

// slow is an estimate at which --sample is recommended.
const slow = 5 * time.Minute

func (p *progress) show(at conformance.Progress) {
	if at.Total == 0 {
		return
	}
	left := at.Left.Round(time.Second)
	if !p.told && (at.Left >= 10*time.Second || p.terminal) {
		p.told = true
		fmt.Fprintf(p.w, "%d checks, about %s", at.Total, left)
		if at.Left > slow {
			fmt.Fprint(p.w, "; --sample 5m judges what fits into 5 minutes")
		}
		fmt.Fprintln(p.w)
	}
	if p.terminal {
		n := barWidth * at.Done / at.Total
		fmt.Fprintf(p.w, "\r[%s%s] %d/%d, about %s left  %-34.34s", strings.Repeat("#", n), strings.Repeat(".",
			barWidth-n), at.Done, at.Total, left, at.Check)
	}
}

// clear removes the bar.
func (p *progress) clear() {
	if p.terminal {
		fmt.Fprintf(p.w, "\r%s\r", strings.Repeat(" ", barWidth+80))
	}
}
