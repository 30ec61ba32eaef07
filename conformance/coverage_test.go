package conformance

import (
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
	t.Logf("%d requirements, %d observable, %d checks and %d observers", len(known), observable, len(names), len(observers()))
}
