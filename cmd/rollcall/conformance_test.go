package main

import (
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
	t.Run("docs/scim-coverage.md", func(t *testing.T) { checkCoverage(t, report) })
}
