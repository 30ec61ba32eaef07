package conformance

import (
	"fmt"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"rollcall/conformance/refserver"
)

const refURL = "http://scim.test" + refserver.Base

// refTarget is a run against a reference server in this process, whose clock
// stands in for waiting.
func refTarget(srv *refserver.Server, h http.Handler) Target {
	return Target{
		URL: refURL, Auth: Credentials{Bearer: refserver.Token}, Transport: Handler(h),
		Reader: &Credentials{Bearer: refserver.ReaderToken}, Expired: &Credentials{Bearer: refserver.ExpiredToken},
		Other:     &Tenant{URL: refURL, Auth: Credentials{Bearer: refserver.OtherToken}},
		EventsURL: refURL + "/.poll", Profile: ProfileAll, Concurrency: 1,
		sleep: func(d time.Duration) { srv.Advance(d) }, Confirm: -1,
	}
}

var refOptions = map[string]refserver.Options{
	"full": {}, "minimal": {Minimal: true}, "redirect": {Redirect: true},
	"cursorOnly": {CursorOnly: true, Letter: true},
	"interop":    {},
}

func TestReferenceServerIsClean(t *testing.T) {
	for name, opts := range refOptions {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			srv := refserver.New(opts)
			before := srv.Len()
			target := refTarget(srv, srv)
			switch name {
			case "cursorOnly":
				target.Profile = ProfileRFC // Okta needs index paging
			case "interop":
				target = refTarget(srv, interopServer(srv))
				target.Profile = ProfileIPSIE2
			}
			rep, err := Run(t.Context(), target)
			if err != nil {
				t.Fatal(err)
			}
			for _, r := range rep.Results {
				switch r.Status {
				case Failed, Warned:
					for _, f := range r.Findings {
						t.Errorf("%s %s: [%s] %s\n%s", r.Status, r.ID, f.Check, f.Message, f.Exchange)
					}
				case Skipped:
					t.Logf("skipped %s: %s", r.ID, r.Reason)
				case Info:
					if len(r.Findings) > 0 && (r.Level == Open) {
						t.Logf("info %s: %s", r.ID, r.Findings[0].Message)
					}
				}
			}
			if srv.Len() != before || len(rep.Leftovers) > 0 {
				t.Errorf("%d resources left of %d, leftovers %v", srv.Len(), before, rep.Leftovers)
			}
			t.Logf("%s: %+v in %s", name, rep.Counts, rep.Duration)
		})
	}
}

// TestCosts holds that costs.txt, which estimates rest on, has what each check
// sends to the reference server for one type; -update writes it.
func TestCosts(t *testing.T) {
	srv := refserver.New(refserver.Options{})
	target, err := refTarget(srv, srv).withDefaults()
	if err != nil {
		t.Fatal(err)
	}
	s := newSuite(target)
	if err := s.discover(t.Context()); err != nil {
		t.Fatal(err)
	}
	s.trial(t.Context())
	if err := s.run(t.Context()); err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	for _, c := range allChecks() {
		n := s.spent[c.name].requests
		if c.each {
			n = (n + len(s.svc.types) - 1) / len(s.svc.types)
		}
		fmt.Fprintf(&b, "%s %d\n", c.name, n)
		if !*update && costs()[c.name] != 0 && (n > 2*costs()[c.name]+10 || costs()[c.name] > 2*n+10) {
			t.Errorf("%s sends %d requests, costs.txt has %d", c.name, n, costs()[c.name])
		}
	}
	if *update {
		if err := os.WriteFile("costs.txt", []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if !*update && len(costs()) < len(allChecks()) {
		t.Error("costs.txt lacks checks; go test -run TestCosts -update writes it")
	}
}
