package main

import (
	"os"
	"regexp"
	"slices"
	"testing"
	"time"

	"rollcall/conformance"
	"rollcall/conformance/conformancetest"
)

// TestConformance: the service passes the whole suite, in every profile, for the built-in types, a custom type and an
// extension, and for the types it administers itself.
func TestConformance(t *testing.T) {
	if testing.Short() {
		t.Skip("runs the whole conformance suite")
	}
	s := newSubject(t)
	var report conformance.Report
	t.Run("Users, Groups, a custom type", func(t *testing.T) {
		report = conformancetest.Test(t, s.target("User", "Group", "Device"))
		n := report.Counts
		t.Logf("%d passed, %d information, %d skipped in %v",
			n.Passed, n.Info, n.Skipped, report.Duration.Round(time.Millisecond))
	})
	t.Run("IdentityProviders", func(t *testing.T) {
		target := s.target("IdentityProvider")
		target.Profile = conformance.ProfileRFC
		conformancetest.Test(t, target)
	})
	t.Run("Organizations", func(t *testing.T) {
		target := s.target("Organization")
		target.URL, target.Auth = s.site+"/scim/v2", conformance.Credentials{Bearer: s.operator}
		target.Profile = conformance.ProfileRFC
		target.Reader, target.Expired, target.Other = nil, nil, nil
		conformancetest.Test(t, target)
	})
	t.Run("to the letter", func(t *testing.T) {
		target := s.target("User", "Group")
		target.Auth, target.Profile = s.token("default", "admin", `,"strict":true`), conformance.ProfileRFC
		target.Run = regexp.MustCompile("^patch(/.*)?$")
		r := conformancetest.Test(t, target).Result("R7644-3.5.2.3-08") // what Entra ID needs and the RFC forbids
		if r == nil || r.Status != conformance.Passed {
			t.Errorf("%+v", r)
		}
	})
	t.Run("docs/scim-coverage.md", func(t *testing.T) { checkCoverage(t, report) })
}

// TestConformanceOfCredentials: who points the suite at a fresh service, as the README says, finds nothing wrong,
// whatever the credential may do: without bodies for the types that it cannot make, and with every type that the
// service publishes. What clients need against the RFCs, only a strict credential is refused.
func TestConformanceOfCredentials(t *testing.T) {
	if testing.Short() {
		t.Skip("runs the whole conformance suite")
	}
	p, site := serveIn(t, t.TempDir(), "ROLLCALL_RATE_LIMIT=0")
	s := &subject{t, site, p.operatorToken()}
	const strict = `,"strict":true`
	readme := readmeProfile(t)
	for name, c := range map[string]struct {
		auth    conformance.Credentials
		profile string
	}{
		"operator":      {conformance.Credentials{Bearer: s.operator}, readme},
		"admin":         {s.token("default", "admin", ""), readme},
		"write":         {s.token("default", "write", ""), readme},
		"read":          {s.token("default", "read", ""), readme},
		"admin, strict": {s.token("default", "admin", strict), conformance.ProfileRFC},
		"write, strict": {s.token("default", "write", strict), conformance.ProfileRFC},
	} {
		t.Run(name, func(t *testing.T) {
			report, err := conformance.Run(t.Context(), conformance.Target{URL: site + orgPath, Auth: c.auth,
				Profile: c.profile, MaxWait: -1})
			if err != nil {
				t.Fatal(err)
			}
			for _, r := range append(report.Failures(), report.Warnings()...) {
				t.Errorf("%s %s: %s\n%s", r.Status, r.ID, r.Findings[0].Message, r.Findings[0].Exchange)
			}
			if len(report.Leftovers) > 0 || report.Counts.Passed == 0 {
				t.Errorf("passed %d, left over %v", report.Counts.Passed, report.Leftovers)
			}
			t.Logf("%+v in %v", report.Counts, report.Duration.Round(time.Millisecond))
		})
	}
}

// readmeProfile is what the README's command judges by.
func readmeProfile(t *testing.T) string {
	page, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	command := regexp.MustCompile(`(?m)^bin/scimconform --url "\$SCIM" --token "\$TOKEN" --profile (\S+)`)
	found := command.FindAllSubmatch(page, -1)
	if len(found) != 1 {
		t.Fatalf("the README has %d commands that judge the service", len(found))
	}
	return string(found[0][1])
}

// TestConformanceToInterop: with a token of that profile, the service keeps the interoperability profile, and of
// IPSIE's, which builds on it, all but the authorization server for clients.
func TestConformanceToInterop(t *testing.T) {
	if testing.Short() {
		t.Skip("runs the conformance suite")
	}
	p, site := serveIn(t, t.TempDir(), "ROLLCALL_RATE_LIMIT=0")
	s := &subject{t, site, p.operatorToken()}
	for profile, missing := range map[string][]string{
		conformance.ProfileInterop: nil,
		conformance.ProfileIPSIE1:  {"IPSIE-AL1-07"},
		conformance.ProfileIPSIE2:  {"IPSIE-AL1-07"},
	} {
		t.Run(profile, func(t *testing.T) {
			report, err := conformance.Run(t.Context(), conformance.Target{URL: site + orgPath, Profile: profile,
				Auth: s.token("default", "write", `,"profile":"interop"`), MaxWait: -1})
			if err != nil {
				t.Fatal(err)
			}
			var failed []string
			for _, r := range append(report.Failures(), report.Warnings()...) {
				failed = append(failed, r.ID)
				t.Logf("%s %s: %s\n%s", r.Status, r.ID, r.Findings[0].Message, r.Findings[0].Exchange)
			}
			if !slices.Equal(failed, missing) || len(report.Leftovers) > 0 || report.Counts.Passed == 0 {
				t.Errorf("passed %d, failed %v, want %v; left over %v", report.Counts.Passed, failed, missing,
					report.Leftovers)
			}
			t.Logf("%+v %v", report.Counts, report.Texts)
		})
	}
}
