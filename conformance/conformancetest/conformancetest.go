package conformancetest

import (
	"testing"

	"rollcall/conformance"
)

// An Allowance excuses one requirement and says why.
type Allowance struct{ ID, Why string }

// Test judges a server in a Go test. Each requirement is a subtest: it fails
// where the requirement failed, was warned of or is unstable, and is skipped
// where the requirement was skipped or is allowed. An error of the run is fatal.
func Test(t *testing.T, target conformance.Target, allowed ...Allowance) conformance.Report {
	t.Helper()
	rep, err := conformance.Run(t.Context(), target)
	if err != nil {
		t.Fatalf("conformance: %v", err)
	}
	why := map[string]string{}
	for _, a := range allowed {
		why[a.ID] = a.Why
	}
	for _, r := range rep.Results {
		t.Run(r.ID, func(t *testing.T) {
			switch {
			case r.Status == conformance.Skipped:
				t.Skip(r.Reason)
			case r.Status == conformance.Passed || r.Status == conformance.Info:
			case why[r.ID] != "":
				t.Skipf("%s, allowed: %s", r.Status, why[r.ID])
			default:
				for _, f := range r.Findings {
					t.Errorf("%s (%s, %s): %s\n%s", r.Status, r.Level, r.Where(), f.Message, f.Exchange)
				}
			}
		})
	}
	for _, l := range rep.Leftovers {
		t.Errorf("not deleted: %s", l)
	}
	return rep
}
