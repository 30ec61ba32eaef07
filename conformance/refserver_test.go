package conformance

import (
	"net/http"
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
	"full": {}, "minimal": {Minimal: true}, "cursorOnly": {CursorOnly: true}, "redirect": {Redirect: true},
}

func TestReferenceServerIsClean(t *testing.T) {
	for name, opts := range refOptions {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			srv := refserver.New(opts)
			before := srv.Len()
			target := refTarget(srv, srv)
			if name == "cursorOnly" {
				target.Profile = ProfileRFC // Okta needs index paging
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
