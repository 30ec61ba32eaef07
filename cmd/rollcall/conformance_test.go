package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"rollcall/conformance"
	"rollcall/conformance/conformancetest"
)

// subject is a running service with everything the conformance suite can look at: an extension of User, a type of its own,
// credentials of several kinds, another organization.
type subject struct {
	t        *testing.T
	site     string
	operator string
}

func newSubject(t *testing.T) *subject {
	t.Helper()
	p, site := serveIn(t, t.TempDir(), "ROLLCALL_RATE_LIMIT=0")
	p.line("Operator token")
	s := &subject{t, site, strings.TrimSpace(p.line("  "))}
	s.create("/scim/v2/Organizations", `{"schemas":["urn:rollcall:params:scim:schemas:core:1.0:Organization"],"name":"other"}`)
	const form = `{"schemas":["urn:rollcall:params:scim:schemas:core:1.0:SchemaDefinition"],"urn":"%s","name":"%s","attributes":[%s]}`
	s.create(orgPath+"/SchemaDefinitions", fmt.Sprintf(form, "urn:example:params:scim:schemas:core:1.0:Device", "Device", `
		{"name":"serial","type":"string","required":true,"caseExact":true,"mutability":"immutable","uniqueness":"server"},
		{"name":"label","type":"string"}, {"name":"color","type":"string","mutability":"immutable"}, {"name":"aliases","type":"string","multiValued":true}, {"name":"weight","type":"decimal"}, {"name":"ports","type":"integer"},
		{"name":"bought","type":"dateTime"}, {"name":"key","type":"binary","caseExact":true}, {"name":"site","type":"reference","referenceTypes":["external"]},
		{"name":"pin","type":"string","mutability":"writeOnly","returned":"never"}, {"name":"notes","type":"string","returned":"request"},
		{"name":"tags","type":"complex","multiValued":true,"subAttributes":[{"name":"value","type":"string"},{"name":"type","type":"string"},{"name":"primary","type":"boolean"}]}`))
	s.create(orgPath+"/SchemaDefinitions", fmt.Sprintf(form, "urn:example:params:scim:schemas:extension:1.0:Badge", "Badge",
		`{"name":"number","type":"string","uniqueness":"server"},{"name":"level","type":"integer"}`))
	s.create(orgPath+"/SchemaDefinitions", fmt.Sprintf(form, "urn:example:params:scim:schemas:extension:1.0:Place", "Place",
		`{"name":"room","type":"string","required":true}`))
	s.create(orgPath+"/ResourceTypeDefinitions", `{"schemas":["urn:rollcall:params:scim:schemas:core:1.0:ResourceTypeDefinition"],"name":"Device",
		"endpoint":"/Devices","schema":"urn:example:params:scim:schemas:core:1.0:Device","schemaExtensions":[{"schema":"urn:example:params:scim:schemas:extension:1.0:Place","required":true}]}`)
	s.create(orgPath+"/ResourceTypeDefinitions", `{"schemas":["urn:rollcall:params:scim:schemas:core:1.0:ResourceTypeDefinition"],"name":"User",
		"endpoint":"/Users","schema":"urn:ietf:params:scim:schemas:core:2.0:User","schemaExtensions":[{"schema":"urn:example:params:scim:schemas:extension:1.0:Badge"}]}`)
	return s
}

func (s *subject) create(path, body string) map[string]any {
	s.t.Helper()
	status, reply := ask(s.t, "POST", s.site+path, s.operator, body)
	if status != 201 {
		s.t.Fatalf("POST %s: %d %s", path, status, reply)
	}
	var r map[string]any
	if err := json.Unmarshal([]byte(reply), &r); err != nil {
		s.t.Fatal(err)
	}
	return r
}

// token makes an access token of an organization.
func (s *subject) token(org, scope, more string) conformance.Credentials {
	s.t.Helper()
	r := s.create("/orgs/"+org+"/scim/v2/AccessTokens", `{"schemas":["urn:rollcall:params:scim:schemas:core:1.0:AccessToken"],"displayName":"suite","scopes":["`+scope+`"]`+more+`}`)
	return conformance.Credentials{Bearer: r["token"].(string)}
}

func (s *subject) target(types ...string) conformance.Target {
	reader := s.token("default", "read", "")
	expired := s.token("default", "admin", `,"expiresAt":"2020-01-01T00:00:00Z"`)
	return conformance.Target{
		URL: s.site + orgPath, Auth: s.token("default", "admin", ""), Reader: &reader, Expired: &expired,
		Other: &conformance.Tenant{URL: s.site + "/orgs/other/scim/v2", Auth: s.token("other", "admin", "")},
		Types: types, Profile: conformance.ProfileAll, MaxWait: -1,
		Samples: map[string]func(string) map[string]any{"IdentityProvider": func(unique string) map[string]any {
			return map[string]any{"schemas": []string{"urn:rollcall:params:scim:schemas:core:1.0:IdentityProvider"}, "displayName": unique}
		}, "Organization": func(unique string) map[string]any {
			return map[string]any{"schemas": []string{"urn:rollcall:params:scim:schemas:core:1.0:Organization"}, "name": unique,
				"displayName": unique, "domains": []any{map[string]any{"value": unique + ".example.com"}}}
		}},
	}
}

// TestConformance: the service passes the whole suite, in every profile, for the built-in types, a custom type and an extension,
// and for the types it administers itself.
func TestConformance(t *testing.T) {
	if testing.Short() {
		t.Skip("runs the whole conformance suite")
	}
	s := newSubject(t)
	var report conformance.Report
	t.Run("Users, Groups, a custom type", func(t *testing.T) {
		report = conformancetest.Test(t, s.target("User", "Group", "Device"))
		t.Logf("%d passed, %d information, %d skipped in %v", report.Counts.Passed, report.Counts.Info, report.Counts.Skipped, report.Duration.Round(time.Millisecond))
	})
	t.Run("IdentityProviders", func(t *testing.T) {
		target := s.target("IdentityProvider")
		target.Profile = conformance.ProfileRFC
		conformancetest.Test(t, target)
	})
	t.Run("Organizations", func(t *testing.T) {
		target := s.target("Organization")
		target.URL, target.Auth, target.Profile = s.site+"/scim/v2", conformance.Credentials{Bearer: s.operator}, conformance.ProfileRFC
		target.Reader, target.Expired, target.Other = nil, nil, nil
		conformancetest.Test(t, target)
	})
	t.Run("docs/scim-coverage.md", func(t *testing.T) { checkCoverage(t, report) })
}

// checkCoverage holds that docs/scim-coverage.md lists every requirement with what shows it. ROLLCALL_UPDATE_DOCS=1 writes it.
func checkCoverage(t *testing.T, report conformance.Report) {
	tests := testsByRequirement(t)
	var b bytes.Buffer
	b.WriteString("# SCIM 2.0, requirement by requirement\n\n" +
		"Written by `ROLLCALL_UPDATE_DOCS=1 go test ./cmd/rollcall -run TestConformance`, which fails when it is not true any more. *Suite*: what the conformance suite\n" +
		"(`go run ./cmd/scimconform --explain ID`) finds on a running service. *Tests*: tests of the code that name the requirement.\n")
	area := ""
	status := map[string]conformance.Result{}
	for _, r := range report.Results {
		status[r.ID] = r
	}
	for _, r := range conformance.Requirements() {
		if !strings.HasPrefix(r.ID, "R") {
			continue
		}
		if r.Area != area {
			area = r.Area
			fmt.Fprintf(&b, "\n## %s\n\n| id | level | requirement | suite | tests |\n| --- | --- | --- | --- | --- |\n", area)
		}
		suite := status[r.ID].Status
		switch {
		case r.Unseen != "":
			suite = "cannot be observed: " + r.Unseen
		case suite == conformance.Skipped:
			suite = "not applicable: " + status[r.ID].Reason
		}
		if suite == "" || (suite != conformance.Passed && suite != "info" && len(tests[r.ID]) == 0 && !strings.HasPrefix(suite, "not applicable") && r.Unseen == "") {
			t.Errorf("%s: nothing shows it (%q)", r.ID, suite)
		}
		fmt.Fprintf(&b, "| %s | %s | %s | %s | %s |\n", r.ID, r.Level, escapeCell(r.Text), escapeCell(suite), strings.Join(tests[r.ID], ", "))
	}
	file := filepath.Join("..", "..", "docs", "scim-coverage.md")
	if os.Getenv("ROLLCALL_UPDATE_DOCS") == "1" {
		if err := os.WriteFile(file, b.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if have, err := os.ReadFile(file); err != nil || !bytes.Equal(have, b.Bytes()) {
		t.Errorf("docs/scim-coverage.md is not what the suite and the tests say now (%v): write it with ROLLCALL_UPDATE_DOCS=1", err)
	}
}

func escapeCell(s string) string { return strings.ReplaceAll(s, "|", `\|`) }

// testsByRequirement finds, for each requirement id, the tests in whose text it stands.
func testsByRequirement(t *testing.T) map[string][]string {
	id := regexp.MustCompile(`R\d{4}-[0-9A-Za-z.]+-\d+`)
	test := regexp.MustCompile(`^func (Test\w+)\(`)
	found := map[string][]string{}
	root := filepath.Join("..", "..")
	err := filepath.WalkDir(root, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() || !strings.HasSuffix(path, "_test.go") || strings.Contains(path, "conformance") {
			return err
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		pkg, _ := filepath.Rel(root, filepath.Dir(path))
		where := ""
		for line := range strings.Lines(string(text)) {
			if m := test.FindStringSubmatch(line); m != nil {
				where = filepath.ToSlash(pkg) + " " + m[1]
			}
			for _, r := range id.FindAllString(line, -1) {
				if where != "" && !slices.Contains(found[r], where) {
					found[r] = append(found[r], where)
				}
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}
