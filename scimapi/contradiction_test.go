package scimapi_test

import (
	"strings"
	"testing"

	"rollcall/scimapi"
)

// Of what administrators send, nothing is dropped in silence: an attribute that does not exist is refused with the name
// of what was probably meant; so is a readOnly part of a value that differs, and one that is repeated is not.
func TestNothingIsDropped(t *testing.T) {
	s := serve(t, scimapi.Options{})
	system, c := s.client(t, "", "admin", nil), s.admin(t)
	const core = `{"schemas":["` + rollcallURN
	org := system.must(201, "POST", "/Organizations", core+`Organization"],"name":"acme","displayName":"Acme",`+
		`"domains":[{"value":"acme.example","verified":false}]}`)
	path := "/Organizations/" + org.body["id"].(string)
	token := c.must(201, "POST", "/AccessTokens", core+`AccessToken"],"displayName":"x","scopes":["read"]}`)
	tokenPath := "/AccessTokens/" + token.body["id"].(string)

	for _, tc := range []struct {
		who                          *client
		method, path, body, scimType string
		says                         string
	}{
		{system, "POST", "/Organizations", core + `Organization"],"name":"b","displayname2":"x"}`, "invalidSyntax",
			"displayname2: is not an attribute of Organization; did you mean displayName?"},
		{system, "POST", "/Organizations", core + `Organization"],"name":"b","colour":"x"}`, "invalidSyntax",
			"colour: is not an attribute of Organization"},
		{system, "POST", "/Organizations", core + `Organization"],"name":"b","urn:example:x":{"a":1}}`, "invalidSyntax",
			"urn:example:x"},
		{system, "POST", "/Organizations", core + `Organization"],"name":"b","domains":[{"value":"b.example",` +
			`"verified":true}]}`, "mutability", "domains[0].verified: is readOnly"},
		{system, "PUT", path, core + `Organization"],"name":"acme","domains":[{"value":"acme.example","verified":true}]}`,
			"mutability", "domains[0].verified"},
		{system, "PUT", path, core + `Organization"],"name":"acme","domains":[{"value":"acme.example","verfied":true}]}`,
			"invalidSyntax", "domains[0].verfied: is not an attribute of domains; did you mean verified?"},
		{system, "PATCH", path, patch(`{"op":"add","path":"domains","value":[{"value":"b.example","verified":true}]}`),
			"mutability", "domains[0].verified"},
		{system, "PATCH", path, patch(`{"op":"add","value":{"domains":[{"value":"b.example","verified":true}]}}`),
			"mutability", "domains[0].verified"},
		{system, "PATCH", path, patch(`{"op":"add","value":{"dispalyName":"x"}}`), "invalidSyntax", "displayName?"},
		{system, "PATCH", path, patch(`{"op":"add","path":"retention","value":{"event":5}}`), "invalidSyntax", "events?"},
		{c, "POST", "/AccessTokens", core + `AccessToken"],"displayName":"x","scopes":["read"],"expires":"x"}`,
			"invalidSyntax", "expires: is not an attribute of AccessToken; did you mean expiresAt?"},
	} {
		for _, query := range []string{"?dryRun=true", ""} {
			r := tc.who.refused(400, tc.scimType, tc.method, tc.path+query, tc.body)
			if !strings.Contains(string(r.raw), tc.says) {
				t.Errorf("%s %s %s: %s does not say %q", tc.method, tc.path, tc.body, r.raw, tc.says)
			}
		}
	}

	// What was read can be written back, in other case, too.
	for who, path := range map[*client]string{system: path, c: tokenPath} {
		r := who.must(200, "GET", path, nil)
		who.must(200, "PUT", path, string(r.raw))
	}
	system.must(200, "PATCH", path, patch(`{"op":"replace","value":{"DisplayName":"Acme Works",`+
		`"domains":[{"value":"acme.example","verified":false}]}}`))
	// Provisioning clients send what they like.
	c.must(201, "POST", "/Users", `{"schemas":["`+userURN+`"],"userName":"a","colour":"x","groups":[{"value":"x"}]}`)
}
