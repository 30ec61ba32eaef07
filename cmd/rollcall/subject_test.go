package main

import (
	"encoding/json"
	"fmt"
	"testing"

	"rollcall/conformance"
)

// URNs of the definitions that the subject has beyond the built-in ones.
const (
	deviceURN = "urn:example:params:scim:schemas:core:1.0:Device"
	badgeURN  = "urn:example:params:scim:schemas:extension:1.0:Badge"
	placeURN  = "urn:example:params:scim:schemas:extension:1.0:Place"
)

// deviceAttributes is a schema with every data type and characteristic that the suite looks at.
const deviceAttributes = `
	{"name":"serial","type":"string","required":true,"caseExact":true,"mutability":"immutable","uniqueness":"server"},
	{"name":"label","type":"string"},
	{"name":"color","type":"string","mutability":"immutable"},
	{"name":"aliases","type":"string","multiValued":true},
	{"name":"weight","type":"decimal"},
	{"name":"ports","type":"integer"},
	{"name":"bought","type":"dateTime"},
	{"name":"key","type":"binary","caseExact":true},
	{"name":"site","type":"reference","referenceTypes":["external"]},
	{"name":"pin","type":"string","mutability":"writeOnly","returned":"never"},
	{"name":"notes","type":"string","returned":"request"},
	{"name":"tags","type":"complex","multiValued":true,"subAttributes":[
		{"name":"value","type":"string"},{"name":"type","type":"string"},{"name":"primary","type":"boolean"}]}`

// subject is a running service with everything that the conformance suite can look at: an extension of User, a custom
// type, several kinds of credentials, another organization.
type subject struct {
	t        *testing.T
	site     string
	operator string
}

func newSubject(t *testing.T) *subject {
	t.Helper()
	p, site := serveIn(t, t.TempDir(), "ROLLCALL_RATE_LIMIT=0")
	s := &subject{t, site, p.operatorToken()}
	s.create("/scim/v2/Organizations", `{"schemas":["`+organizationSchema+`"],"name":"other"}`)
	s.defineSchema(deviceURN, "Device", deviceAttributes)
	s.defineSchema(badgeURN, "Badge", `
		{"name":"number","type":"string","uniqueness":"server"},
		{"name":"level","type":"integer"}`)
	s.defineSchema(placeURN, "Place", `{"name":"room","type":"string","required":true}`)
	s.defineType("Device", "/Devices", deviceURN, `{"schema":"`+placeURN+`","required":true}`)
	s.defineType("User", "/Users", userSchema, `{"schema":"`+badgeURN+`"}`)
	return s
}

func (s *subject) defineSchema(urn, name, attributes string) {
	s.t.Helper()
	s.create(orgPath+"/SchemaDefinitions", fmt.Sprintf(
		`{"schemas":["urn:rollcall:params:scim:schemas:core:1.0:SchemaDefinition"],
		"urn":%q,"name":%q,"attributes":[%s]}`, urn, name, attributes))
}

func (s *subject) defineType(name, endpoint, schema, extensions string) {
	s.t.Helper()
	s.create(orgPath+"/ResourceTypeDefinitions", fmt.Sprintf(
		`{"schemas":["urn:rollcall:params:scim:schemas:core:1.0:ResourceTypeDefinition"],
		"name":%q,"endpoint":%q,"schema":%q,"schemaExtensions":[%s]}`, name, endpoint, schema, extensions))
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

// token creates an access token of an organization.
func (s *subject) token(org, scope, more string) conformance.Credentials {
	s.t.Helper()
	r := s.create("/orgs/"+org+"/scim/v2/AccessTokens",
		`{"schemas":["`+tokenSchema+`"],"displayName":"suite","scopes":["`+scope+`"]`+more+`}`)
	return conformance.Credentials{Bearer: r["token"].(string)}
}

// target describes the subject to the suite.
func (s *subject) target(types ...string) conformance.Target {
	reader := s.token("default", "read", "")
	expired := s.token("default", "admin", `,"expiresAt":"2020-01-01T00:00:00Z"`)
	return conformance.Target{
		URL: s.site + orgPath, Auth: s.token("default", "admin", ""), Reader: &reader, Expired: &expired,
		Other: &conformance.Tenant{URL: s.site + "/orgs/other/scim/v2", Auth: s.token("other", "admin", "")},
		Types: types, Profile: conformance.ProfileAll, MaxWait: -1,
		Samples: map[string]func(string) map[string]any{
			"IdentityProvider": func(unique string) map[string]any {
				return map[string]any{"schemas": []string{connectionSchema}, "displayName": unique}
			},
			"Organization": func(unique string) map[string]any {
				return map[string]any{"schemas": []string{organizationSchema}, "name": unique, "displayName": unique,
					"domains": []any{map[string]any{"value": unique + ".example.com"}}}
			},
		},
	}
}
