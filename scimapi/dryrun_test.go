package scimapi_test

import (
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"

	clientv3 "go.etcd.io/etcd/client/v3"

	"rollcall/directory"
	"rollcall/directory/directorytest"
	"rollcall/scimapi"
)

// stored are the keys below the root, with their values.
func stored(t *testing.T, etcd *clientv3.Client, root string) map[string]string {
	t.Helper()
	resp, err := etcd.Get(t.Context(), root+"/", clientv3.WithPrefix())
	if err != nil {
		t.Fatal(err)
	}
	keys := map[string]string{}
	for _, kv := range resp.Kvs {
		keys[string(kv.Key)] = string(kv.Value)
	}
	return keys
}

const (
	rollcallURN = "urn:rollcall:params:scim:schemas:core:1.0:"
	badgeType   = `{"schemas":["` + rollcallURN + `ResourceTypeDefinition"],"name":"Badge","endpoint":"/Badges",` +
		`"schema":"urn:example:badge"}`
)

// badgeSchema defines a schema with one attribute, of which more says more.
func badgeSchema(more string) string {
	return `{"schemas":["` + rollcallURN + `SchemaDefinition"],"urn":"urn:example:badge","name":"Badge",` +
		`"attributes":[{"name":"number","type":"string"` + more + `}]}`
}

// volatile is what differs between two runs of one change: what is drawn or told by the clock, and versions.
var volatile = regexp.MustCompile(`"(id|location|\$ref|version|created|lastModified|token|expiresAt)":"(\\"|[^"])*",?|` +
	`[0-9a-f]{8}-[0-9a-f-]{27}`)

// A dry run answers as the change does, and writes nothing.
func TestDryRun(t *testing.T) {
	etcd, root := directorytest.Client(t), directorytest.Root()
	s := serveStore(t, directorytest.Open(t, etcd, directory.Options{Root: root}), scimapi.Options{})
	c, system, reader := s.admin(t), s.client(t, "", "admin", nil), s.client(t, "default", "read", nil)
	ada, bob := c.user("ada", "title", "Countess"), c.user("bob")
	cy := c.user("cy")
	group := c.group("Editors", ada)
	gone := c.user("gone")
	c.must(204, "DELETE", "/Users/"+gone, nil)
	user := func(name string) string { return `{"schemas":["` + userURN + `"],"userName":"` + name + `"}` }

	for _, tc := range []struct {
		name, method, path, body string
		who                      *client
		status                   int
		header                   []string
		moves                    bool // the outcome is another one the second time
	}{
		{"a User", "POST", "/Users", user("eve"), c, 201, nil, true},
		{"a User as JSON that is none", "POST", "/Users", `{`, c, 400, nil, false},
		{"a name that is taken", "POST", "/Users", user("ADA"), c, 409, nil, false},
		{"the name of a deleted User", "POST", "/Users", user("gone"), c, 201, nil, true},
		{"minimal", "POST", "/Users", user("min"), c, 201, []string{"Prefer", "return=minimal"}, true},
		{"a Group with members", "POST", "/Groups", `{"schemas":["` + groupURN + `"],"displayName":"G","members":[` +
			`{"value":"` + ada + `"},{"value":"` + group + `"}]}`, c, 201, nil, false},
		{"replaced", "PUT", "/Users/" + ada, user("ada2"), c, 200, nil, false},
		{"another version expected", "PUT", "/Users/" + ada, user("ada2"), c, 412, []string{"If-Match", `W/"1"`}, false},
		{"modified", "PATCH", "/Users/" + bob, patch(`{"op":"add","path":"nickName","value":"B"}`), c, 200, nil, false},
		{"nothing to modify", "PATCH", "/Users/" + gone, patch(`{"op":"add","path":"nickName","value":"B"}`), c, 404,
			nil, false},
		{"a wrong path", "PATCH", "/Users/" + bob, patch(`{"op":"add","path":"nose","value":"B"}`), c, 400, nil, false},
		{"a membership", "POST", "/GroupMemberships", `{"schemas":["` + membershipURN + `"],"group":{"value":"` +
			group + `"},"member":{"value":"` + cy + `"}}`, c, 201, nil, true},
		{"a member", "PATCH", "/Groups/" + group + "?attributes=members", patch(`{"op":"add","path":"members","value":` +
			`[{"value":"` + bob + `"}]}`), c, 200, nil, false},
		{"a circle", "PATCH", "/Groups/" + group, patch(`{"op":"add","path":"members","value":[{"value":"` + group +
			`"}]}`), c, 400, nil, false},
		{"without the right", "PATCH", "/Groups/" + group, patch(`{"op":"remove","path":"members"}`), reader, 403, nil,
			false},
		{"a schema", "POST", "/SchemaDefinitions", badgeSchema(""), c, 201, nil, true},
		{"a schema that is wrong", "POST", "/SchemaDefinitions", badgeSchema(`,"uniqueness":"x"`), c,
			400, nil, false},
		{"a type", "POST", "/ResourceTypeDefinitions", badgeType, c, 201, nil, true},
		{"a token", "POST", "/AccessTokens", `{"schemas":["` + tokenURN + `"],"displayName":"x","scopes":["read"]}`, c, 201,
			nil, false},
		{"an organization", "POST", "/Organizations", `{"schemas":["` + rollcallURN + `Organization"],"name":"acme"}`, system,
			201, nil, true},
		{"a Group that goes", "DELETE", "/Groups/" + group, "", c, 204, nil, true},
		{"a User who goes", "DELETE", "/Users/" + ada, "", c, 204, nil, true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			who := *tc.who
			who.t = t
			var body any
			if tc.body != "" {
				body = tc.body
			}
			path := tc.path + "?dryRun=true"
			if before, query, ok := strings.Cut(tc.path, "?"); ok {
				path = before + "?dryRun=true&" + query
			}

			before := stored(t, etcd, root)
			dry := who.must(tc.status, tc.method, path, body, tc.header...)
			if after := stored(t, etcd, root); !maps.Equal(before, after) {
				t.Errorf("the dry run wrote: %d keys before, %d after", len(before), len(after))
			}
			if w := dry.header.Values("Warning"); tc.status != 403 && !slices.Contains(w, `299 - "dry run"`) {
				t.Errorf("Warning: %q", w)
			}
			if strings.Contains(string(dry.raw), `"token"`) {
				t.Errorf("a secret that opens nothing: %s", dry.raw)
			}

			real := who.must(tc.status, tc.method, tc.path, body, tc.header...)
			plain := func(r reply) string {
				return strings.ReplaceAll(volatile.ReplaceAllString(string(r.raw), ""), ",}", "}")
			}
			if plain(dry) != plain(real) {
				t.Errorf("the dry run answered\n%s\nand the change\n%s", plain(dry), plain(real))
			}
			for _, name := range []string{"Content-Type", "Preference-Applied"} {
				if dry.header.Get(name) != real.header.Get(name) {
					t.Errorf("%s: %q and then %q", name, dry.header.Get(name), real.header.Get(name))
				}
			}
			if real.header.Get("Warning") != "" {
				t.Errorf("the change has Warning %q", real.header.Get("Warning"))
			}
			if version := dry.header.Get("ETag"); version != "" && tc.method != "DELETE" {
				if version == real.header.Get("ETag") {
					t.Errorf("the dry run tells a version that exists, %s", version)
				}
			}
			if tc.moves {
				who.request(tc.method, path, body, tc.header...) // must not fail the store either
			}
		})
	}

	c.refused(400, "invalidValue", "POST", "/Users?dryRun=perhaps", user("x"))
	c.refused(400, "invalidValue", "DELETE", "/Users/"+bob+"?dryRun=true&dryRun=false", nil)
	c.must(201, "POST", "/Users?dryRun=false", user("x"))
	for _, query := range []string{"dryRun=true;x=1", "dryRun=true%"} {
		c.refused(400, "invalidValue", "DELETE", "/Users/"+bob+"?"+query, nil)
		c.refused(400, "invalidValue", "POST", "/Users/"+bob+"/.endSessions?"+query, nil)
	}
	c.must(204, "DELETE", "/Users/"+bob+"?dryrun=true", nil) // which is tried, too
	for path, body := range map[string]string{
		"/Users/" + bob + "/.endSessions": "",
		"/Bulk": `{"schemas":["urn:ietf:params:scim:api:messages:2.0:BulkRequest"],` +
			`"Operations":[{"method":"DELETE","path":"/Users/` + bob + `"}]}`,
	} {
		if r := c.must(501, "POST", path+"?dryRun=true", body); !strings.Contains(string(r.raw), "dry run") {
			t.Errorf("%s: %s", path, r.raw)
		}
	}
	c.must(200, "GET", "/Users/"+bob, nil)
}

// A type that stored resources don't satisfy is refused by the dry run, too; so are values that would not be unique.
func TestDryRunOfDefinitions(t *testing.T) {
	c := serve(t, scimapi.Options{}).admin(t)
	made := c.must(201, "POST", "/SchemaDefinitions", badgeSchema("")).body["id"].(string)
	c.must(201, "POST", "/ResourceTypeDefinitions", badgeType)
	for range 2 {
		c.must(201, "POST", "/Badges", `{"schemas":["urn:example:badge"],"number":"7"}`)
	}
	path := "/SchemaDefinitions/" + made
	for _, query := range []string{"?dryRun=true", ""} {
		c.refused(409, "uniqueness", "PUT", path+query, badgeSchema(`,"uniqueness":"server"`))
		c.must(400, "DELETE", path+query, nil)
	}
	c.must(200, "PUT", path+"?dryRun=true", badgeSchema(`,"required":true`))
	c.must(201, "POST", "/Badges", `{"schemas":["urn:example:badge"]}`) // it is not required
}
