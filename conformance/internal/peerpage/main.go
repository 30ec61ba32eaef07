// Command peerpage keeps what the suite found on servers by other people, and
// makes docs/conformance-peers.md of it.
//
//	peerpage bin/peers/scimmy.json bin/peers/elimity.json
//
// Of each report (made with --json) it keeps the verdicts in
// conformance/testdata/peers, under the report's file name, and then writes the
// page of all that are kept there; without arguments it only writes the page.
// It runs in the root of the repository: make conformance-peers does that.
package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"

	"rollcall/conformance"
)

const (
	kept = "conformance/testdata/peers"
	page = "docs/conformance-peers.md"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "peerpage:", err)
		os.Exit(1)
	}
}

func run(reports []string) error {
	for _, path := range reports {
		if err := keep(path); err != nil {
			return err
		}
	}
	peers, err := read(kept)
	if err != nil {
		return err
	}
	return conformance.WriteFile(page, func(w io.Writer) error { return write(w, peers) })
}

// keep stores the verdicts of a report.
func keep(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	rep, err := conformance.ReadJSON(f)
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return conformance.WriteFile(filepath.Join(kept, filepath.Base(path)), peerOf(rep).store)
}
