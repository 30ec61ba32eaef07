package conformance

import (
	"net/http"
	"testing"

	"rollcall/conformance/internal/elimity"
)

func elimityHandler(t *testing.T) http.Handler {
	h, err := elimity.Handler()
	if err != nil {
		t.Fatal(err)
	}
	return h
}

// TestElimity runs the suite on a server by other people. What it finds there
// was verified by hand; docs/conformance-findings.md tells it.
func TestElimity(t *testing.T) {
	if testing.Short() {
		t.Skip("long, and one request after another: the race detector has nothing to find")
	}
	rep, err := Run(t.Context(), Target{URL: "http://elimity.test/v2", Transport: Handler(elimityHandler(t)),
		Concurrency: 1, MaxWait: -1, Confirm: -1})
	if err != nil {
		t.Fatal(err)
	}
	status := map[string]string{}
	for _, r := range rep.Results {
		status[r.ID] = r.Status
		if r.Status == Failed || r.Status == Warned {
			t.Logf("%s %s: %s", r.Status, r.ID, r.Findings[0].Message)
		}
	}
	for id, want := range map[string]string{
		"R7644-4-01": Passed, "R7644-3.3-01": Passed, "R7644-3.6-01": Passed, "R7644-3.4.2.2-30": Failed,
		"R7644-3.9-02": Failed, "R7644-4-09": Warned, "R7644-3.14-01": Skipped, "R7644-3.7-01": Skipped,
	} {
		if status[id] != want {
			t.Errorf("%s is %s, expected %s", id, status[id], want)
		}
	}
	if len(rep.Leftovers) > 0 {
		t.Errorf("left behind: %v", rep.Leftovers)
	}
	t.Logf("%+v", rep.Counts)
}
