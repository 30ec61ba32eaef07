package main

import (
	"bytes"
	"fmt"
	"io"
	"slices"
	"strings"

	"rollcall/conformance"
)

const head = `# Servers by other people, side by side

This page is made by ` + "`make conformance-peers`" + `. It installs the servers below by name, each with a plain store in
memory that keeps what the library hands over, judges them, keeps their verdicts in ` + "`conformance/testdata/peers`" + `
and writes a site with all requests to ` + "`bin/peers/site`" + `. [The findings](conformance-findings.md), with a verdict by
hand on each, are made from recorded answers of the same servers.

`

const absent = `
Three more servers were judged while the suite was made, and are not here: scim2-server and scimply come from PyPI,
which cannot be reached where this page is made, and SCIMServer is in no registry.

The requirements that one of them breaks, or was seen to break in one run and not in another:

`

// write makes the page.
func write(out io.Writer, peers []peer) error {
	var w bytes.Buffer
	w.WriteString(head)
	statuses := []string{conformance.Passed, conformance.Failed, conformance.Warned, conformance.Unstable,
		conformance.Info, conformance.Skipped}
	fmt.Fprintf(&w, "| server | judged | profile | %s |\n", strings.Join(statuses, " | "))
	fmt.Fprintf(&w, "%s\n", strings.Repeat("| --- ", 3+len(statuses))+"|")
	for _, p := range peers {
		fmt.Fprintf(&w, "| %s | %s, %s | %s |", p.Name, p.Judged, p.Suite, p.Profile)
		for _, s := range statuses {
			fmt.Fprintf(&w, " %d |", len(p.Verdicts[s]))
		}
		w.WriteByte('\n')
	}
	w.WriteString(absent)
	w.WriteString("| requirement | level | what is asked |")
	for _, p := range peers {
		fmt.Fprintf(&w, " %s |", p.short())
	}
	fmt.Fprintf(&w, "\n%s\n", strings.Repeat("| --- ", 3+len(peers))+"|")
	for _, r := range conformance.Requirements() {
		if !slices.ContainsFunc(peers, func(p peer) bool { return broken(p.of(r.ID)) }) {
			continue
		}
		fmt.Fprintf(&w, "| %s | %s | %s |", r.ID, r.Level, strings.ReplaceAll(r.Text, "|", `\|`))
		for _, p := range peers {
			fmt.Fprintf(&w, " %s |", p.of(r.ID))
		}
		w.WriteByte('\n')
	}
	_, err := w.WriteTo(out)
	return err
}

func broken(status string) bool {
	return status == conformance.Failed || status == conformance.Warned || status == conformance.Unstable
}
