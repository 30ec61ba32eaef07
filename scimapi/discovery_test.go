package scimapi_test

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"

	"rollcall/directory"
	"rollcall/directory/schema"
	"rollcall/scimapi"
)

func TestDiscovery(t *testing.T) {
	s := serve(t, scimapi.Options{})
	admin := s.admin(t)
	admin.user("a", "title", "x", extURN, map[string]any{"department": "D"})
	admin.group("G")
	c := *admin

	config := c.must(200, "GET", "/ServiceProviderConfig", nil)
	for path, want := range map[string]any{"patch.supported": true, "filter.supported": true,
		"filter.maxResults": 1000.0, "etag.supported": true,
		"bulk.supported": true, "bulk.maxOperations": 1000.0, "bulk.maxPayloadSize": 8388608.0, "sort.supported": true,
		"changePassword.supported": false,
		"pagination.index":         true, "pagination.cursor": true, "pagination.defaultPaginationMethod": "index",
		"pagination.defaultPageSize": 100.0,
		"pagination.maxPageSize":     1000.0, "pagination.cursorTimeout": directory.PinLifetime.Seconds(),
		"meta.resourceType": "ServiceProviderConfig",
		"meta.location":     c.public + "/ServiceProviderConfig"} {
		a, b, _ := strings.Cut(path, ".")
		if got := at(config.body, a, b); got != want {
			t.Errorf("R7643-5 %s: %v, want %v", path, got, want)
		}
	}
	if at(config.body, "authenticationSchemes", 0, "type") != "oauthbearertoken" {
		t.Errorf("R7643-5-08: %s", config.raw)
	}

	schemas := map[string]map[string]any{}
	list := c.must(200, "GET", "/Schemas", nil)
	for _, e := range list.body["Resources"].([]any) {
		m := e.(map[string]any)
		id := m["id"].(string)
		if schemas[id] != nil || strings.HasPrefix(id, "urn:ietf:params:scim:api:") { // R7644-3.1-01
			t.Errorf("%s", id)
		}
		schemas[id] = m
		one := c.must(200, "GET", "/Schemas/"+id, nil)
		if string(mustJSON(t, one.body)) != string(mustJSON(t, m)) ||
			at(one.body, "meta", "location") != c.public+"/Schemas/"+id {
			t.Errorf("R7644-4-07 %s", id)
		}
		if fmt.Sprint(m["schemas"]) != "[urn:ietf:params:scim:schemas:core:2.0:Schema]" ||
			at(m, "meta", "resourceType") != "Schema" {
			t.Errorf("R7643-3-01 %s: %v %v", id, m["schemas"], m["meta"])
		}
	}
	types := c.must(200, "GET", "/ResourceTypes", nil)
	if types.body["totalResults"] != float64(len(types.body["Resources"].([]any))) {
		t.Errorf("R7644-4-04: %s", types.raw)
	}
	seen := map[string]bool{}
	for _, e := range types.body["Resources"].([]any) {
		name, endpoint := at(e, "name").(string), at(e, "endpoint").(string)
		one := c.must(200, "GET", "/ResourceTypes/"+name, nil) // SailPoint
		if at(one.body, "meta", "location") != c.public+"/ResourceTypes/"+name || seen[endpoint] {
			t.Errorf("R7644-4-05: %s", one.raw)
		}
		seen[endpoint] = true
		if schemas[at(e, "schema").(string)] == nil { // R7643-6-02
			t.Errorf("%s has no schema", name)
		}
		extensions, _ := at(e, "schemaExtensions").([]any)
		for _, x := range extensions {
			if schemas[at(x, "schema").(string)] == nil || at(x, "required") == nil { // R7643-6-03
				t.Errorf("%s: %v", name, x)
			}
		}
		r := admin.must(200, "GET", endpoint, nil) // R7643-6-05
		for _, resource := range r.body["Resources"].([]any) {
			if at(resource, "meta", "resourceType") != name { // R7643-6-06
				t.Errorf("%v at %s", resource, endpoint)
			}
			for _, urn := range at(resource, "schemas").([]any) { // R7643-7-01
				if schemas[urn.(string)] == nil {
					t.Errorf("%s has no schema", urn)
				}
			}
		}
	}
	for _, endpoint := range []string{"/Users", "/Groups", "/IdentityProviders", "/AccessTokens", "/Organizations",
		"/DeletedUsers", "/Sessions", "/SignIns", "/Events"} {
		if !seen[endpoint] {
			t.Errorf("%s is missing", endpoint)
		}
	}
	// R7644-4-08
	if r := c.must(200, "GET", "/Schemas?count=1&startIndex=3&attributes=id", nil); string(r.raw) != string(list.raw) {
		t.Error("the query is not ignored")
	}
	for _, path := range []string{"/Schemas", "/ResourceTypes", "/ServiceProviderConfig"} {
		c.refused(403, "", "GET", path+"?filter="+url.QueryEscape(`name eq "User"`), nil) // R7644-4-09
		c.refused(405, "", "POST", path, "{}")                                            // R7643-5-11
	}
	for _, path := range []string{"/Schemas/urn:ietf:params:scim:api:messages:2.0:PatchOp", "/ResourceTypes/user",
		"/ServiceProviderConfigs", "/ServiceProviderConfig/x"} {
		if r := c.request("GET", path, nil); r.status != 404 && r.status != 401 {
			t.Errorf("%s: %d", path, r.status)
		}
	}

	system := s.client(t, "", "admin", nil)
	if r := system.must(200, "GET", "/ResourceTypes", nil); strings.Contains(string(r.raw), "/Users") ||
		!strings.Contains(string(r.raw), "/Organizations") {
		t.Errorf("system scope: %s", r.raw)
	}
}

// Discovery shows what the credential may use. Without one (R7643-5-09) it tells nothing about the organization.
func TestDiscoveryByCredential(t *testing.T) {
	s := serve(t, scimapi.Options{})
	admin := s.admin(t)
	admin.must(201, "POST",
		"/SchemaDefinitions", `{"schemas":["urn:rollcall:params:scim:schemas:core:1.0:SchemaDefinition"],
		"urn":"urn:example:Secret","name":"Secret","attributes":[{"name":"colour","type":"string"}]}`)
	admin.must(201, "POST",
		"/ResourceTypeDefinitions", `{"schemas":["urn:rollcall:params:scim:schemas:core:1.0:ResourceTypeDefinition"],
		"name":"Secret","endpoint":"/Secrets","schema":"urn:example:Secret"}`)
	s.client(t, "", "admin", nil).must(201, "POST", "/Organizations",
		`{"schemas":["urn:rollcall:params:scim:schemas:core:1.0:Organization"],"name":"closed","active":false}`)
	everything := "User Group GroupMembership IdentityProvider AccessToken Organization SchemaDefinition ResourceTypeDefinition " +
		"DeletedUser Session SignIn Event Secret"
	alice := admin.user("alice")
	manager := admin.user("m", "roles", []any{map[string]any{"value": "manager"}})
	auditor := admin.user("x", "roles", []any{map[string]any{"value": "auditor"}})
	nobody, bad := *admin, *admin
	nobody.token, bad.token = "", "bad"
	for name, tc := range map[string]struct {
		c     *client
		types string // "": 401
	}{
		"nobody":  {&nobody, "User Group"},
		"bad":     {&bad, ""},
		"read":    {s.client(t, "default", "read", nil), "User Group GroupMembership Secret"},
		"write":   {s.client(t, "default", "write", nil), "User Group GroupMembership Secret"},
		"admin":   {admin, everything},
		"session": {s.session(t, admin, alice), "User"},
		"manager": {s.session(t, admin, manager), "User Group GroupMembership IdentityProvider Organization SignIn Secret"},
		"auditor": {s.session(t, admin, auditor), everything},
	} {
		if tc.types == "" {
			tc.c.refused(401, "", "GET", "/ResourceTypes", nil)
			tc.c.refused(401, "", "GET", "/Schemas/"+userURN, nil)
			tc.c.must(200, "GET", "/ServiceProviderConfig", nil)
			continue
		}
		r := tc.c.must(200, "GET", "/ResourceTypes", nil)
		if got := strings.Join(ids(r.body["Resources"]), " "); got != tc.types {
			t.Errorf("%s may use %s", name, got)
		}
		if !slices.Contains(r.header.Values("Vary"), "Authorization, Cookie") ||
			r.header.Get("Cache-Control") != "private" {
			t.Errorf("%s: %v", name, r.header)
		}
		want := 404
		if strings.Contains(tc.types, "Secret") {
			want = 200
		}
		tc.c.must(want, "GET", "/Schemas/urn:example:Secret", nil)

		// What of a Group gives rights is readOnly to whoever gets 403 for it.
		if !strings.Contains(tc.types, "Group") {
			continue
		}
		access, mutability := tc.c.must(200, "GET", "/Schemas/"+schema.GroupAccessURN, nil), "readOnly"
		if name == "admin" {
			mutability = "readWrite"
		}
		for _, a := range access.body["attributes"].([]any) {
			if at(a, "mutability") != mutability || at(a, "returned") != "request" {
				t.Errorf("%s: %v", name, a)
			}
		}
	}

	// The system scope is the same in every installation.
	system := s.client(t, "", "admin", nil)
	known := system.must(200, "GET", "/Schemas", nil)
	system.token = ""
	if r := system.must(200, "GET", "/Schemas", nil); string(r.raw) != string(known.raw) {
		t.Errorf("without a credential, the system scope shows %s", r.raw)
	}

	// The same bytes for every organization, and for none.
	for _, path := range []string{"/ResourceTypes", "/Schemas", "/Schemas/urn:example:Secret",
		"/ServiceProviderConfig"} {
		here := nobody.request("GET", path, nil)
		for _, org := range []string{"closed", "nosuch"} {
			other := nobody
			other.base = strings.Replace(nobody.base, "/default/", "/"+org+"/", 1)
			there := other.request("GET", path, nil)
			if there.status != here.status ||
				strings.ReplaceAll(string(there.raw), "/"+org+"/", "/default/") != string(here.raw) {
				t.Errorf("%s of %s: %d %s", path, org, there.status, there.raw)
			}
		}
	}
}
