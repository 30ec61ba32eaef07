package conformance

import (
	"slices"
	"testing"
)

// TestEveryRequirementHasACheck is the table id → checks: none is missing, and
// those that cannot be observed say why.
func TestEveryRequirementHasACheck(t *testing.T) {
	known := map[string]bool{}
	observable := 0
	for _, r := range Requirements() {
		if known[r.ID] {
			t.Errorf("%s occurs twice", r.ID)
		}
		known[r.ID] = true
		names := ChecksOf(r.ID)
		switch {
		case r.Unseen == "" && len(names) == 0:
			t.Errorf("%s (%s): no check, and no reason why it could not be observed", r.ID, r.Text)
		case r.Unseen != "" && len(names) > 0:
			t.Errorf("%s is called unobservable (%s), but %v look at it", r.ID, r.Unseen, names)
		}
		if r.Unseen == "" {
			observable++
		}
		if r.Hint == "" {
			t.Errorf("%s has no hint", r.ID)
		}
	}
	names := map[string]bool{}
	for _, c := range allChecks() {
		if names[c.name] {
			t.Errorf("two checks are called %s", c.name)
		}
		names[c.name] = true
		for _, id := range c.ids {
			if !known[id] {
				t.Errorf("check %s: no requirement %s", c.name, id)
			}
		}
	}
	for _, o := range observers() {
		for _, id := range o.ids {
			if !known[id] {
				t.Errorf("observer %s: no requirement %s", o.name, id)
			}
		}
	}
	t.Logf("%d requirements, %d observable, %d checks and %d observers", len(known), observable, len(names),
		len(observers()))
}

// TestLevelsRestOnTheirKeywords: what is called MUST has a sentence with MUST,
// SHALL or REQUIRED, and so on; what has no sentence is called neither.
func TestLevelsRestOnTheirKeywords(t *testing.T) {
	keywords := map[string][]string{
		Must: {"MUST", "MUST NOT", "SHALL", "SHALL NOT", "REQUIRED"}, Should: {"SHOULD", "SHOULD NOT", "RECOMMENDED"},
		May: {"MAY", "OPTIONAL", ""}, Stated: {""}, Advised: {""}, Fact: {""}, Helps: {""}, Open: {""},
	}
	rests := pairs(basisText)
	for _, r := range Requirements() {
		if r.Basis.Document != "" && r.Client() {
			continue // a draft, whose sentences are not kept
		}
		if !slices.Contains(keywords[r.Level], r.Basis.Keyword) {
			t.Errorf("%s is %s and rests on the keyword %q", r.ID, r.Level, r.Basis.Keyword)
		}
		none := r.Level == Fact || r.Level == Helps || r.Level == Open
		if none != (r.Basis.Document == "") {
			t.Errorf("%s is %s and rests on %q", r.ID, r.Level, r.Basis.Document)
		}
		if r.Basis.Document != "" && (len(r.Basis.Sum) != 64 || r.Basis.Section == "") {
			t.Errorf("%s: %+v", r.ID, r.Basis)
		}
		delete(rests, r.ID)
	}
	for id := range rests {
		t.Errorf("basis.txt has %s, which is no requirement", id)
	}
}
