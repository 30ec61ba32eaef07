package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"rollcall/conformance"
)

// A peer is what is kept of a report.
type peer struct {
	Name     string              `json:"name"`
	Suite    string              `json:"suite"` // name and version
	Profile  string              `json:"profile"`
	Judged   string              `json:"judged"`   // the day
	Verdicts map[string][]string `json:"verdicts"` // the requirements by status
}

func peerOf(rep conformance.Report) peer {
	p := peer{Name: rep.Title(), Suite: rep.Tool, Profile: rep.Profile, Judged: rep.Started.Format("2006-01-02"),
		Verdicts: map[string][]string{}}
	for _, r := range rep.Results {
		p.Verdicts[r.Status] = append(p.Verdicts[r.Status], r.ID)
	}
	return p
}

// short is the name without versions.
func (p peer) short() string { return strings.Fields(p.Name)[0] }

// of is the verdict on a requirement; empty if there is none.
func (p peer) of(id string) string {
	for status, ids := range p.Verdicts {
		if slices.Contains(ids, id) {
			return status
		}
	}
	return ""
}

func (p peer) store(w io.Writer) error {
	e := json.NewEncoder(w)
	e.SetIndent("", " ")
	return e.Encode(p)
}

// read gives the peers that are kept in a directory, those with the most passed first.
func read(dir string) ([]peer, error) {
	files, err := filepath.Glob(filepath.Join(dir, "*.json"))
	if err != nil {
		return nil, err
	}
	var out []peer
	for _, path := range files {
		data, err := os.ReadFile(path)
		if err != nil {
			return nil, err
		}
		var p peer
		if err := json.Unmarshal(data, &p); err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		if p.Name == "" {
			return nil, fmt.Errorf("%s: has no name", path)
		}
		out = append(out, p)
	}
	slices.SortStableFunc(out, func(a, b peer) int {
		return len(b.Verdicts[conformance.Passed]) - len(a.Verdicts[conformance.Passed])
	})
	return out, nil
}
