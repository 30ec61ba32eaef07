package directory_test

import (
	"slices"
	"strings"
	"testing"

	"rollcall/directory"
	"rollcall/directory/directorytest"
	"rollcall/directory/schema"
)

// A type that an organization defined before a built-in one of that name came hides it, and gets none of its rules:
// what is a credential, a connection or a record of the server elsewhere is a resource like any other of its own types.
func TestTypesFromBeforeHaveNoRules(t *testing.T) {
	for _, name := range directory.Kinds() {
		// Definitions of these extend the built-in type, or make the types of the organization themselves.
		if slices.Contains([]string{"User", "Group", "Organization", "SchemaDefinition", "ResourceTypeDefinition"}, name) {
			continue
		}
		t.Run(name, func(t *testing.T) {
			c, root := directorytest.Client(t), directorytest.Root()
			s := directorytest.Open(t, c, directory.Options{Root: root})
			d := s.Organization("default")
			readSecret, _ := token(t, d, scoped("read"))
			writeSecret, _ := token(t, d, scoped("write"))
			create(t, d, "SchemaDefinition", schema.Document{"urn": "urn:example:own", "name": "own", "attributes": []any{
				map[string]any{"name": "displayName", "type": "string"},
				map[string]any{"name": "scopes", "type": "string", "multiValued": true},
				map[string]any{"name": "enabled", "type": "boolean"}}})
			definition := create(t, d, "ResourceTypeDefinition", schema.Document{"name": "Thing", "endpoint": "/Things",
				"schema": "urn:example:own"})
			org := snapshot(t, d).Organization().ID
			s.Close()
			key := root + "/org/" + string(org[:]) + "/r/ResourceTypeDefinition/" + string(definition.ID[:])
			stored, err := c.Get(t.Context(), key)
			if err != nil || len(stored.Kvs) != 1 {
				t.Fatal(stored, err)
			}
			old := strings.Replace(string(stored.Kvs[0].Value), `"name":"Thing"`, `"name":"`+name+`"`, 1)
			if _, err := c.Put(t.Context(), key, old); err != nil {
				t.Fatal(err)
			}
			s = directorytest.Open(t, c, directory.Options{Root: root})
			d = s.Organization("default")
			if got := snapshot(t, d).Type(name); got == nil || got.Endpoint != "/Things" {
				t.Fatalf("the organization's type is gone: %v", got)
			}

			// Whoever may write changes it, and whoever may read sees it.
			write := bearer(t, d, writeSecret)
			var r *directory.Resource
			update(t, write, func(tx *directory.Tx) (err error) {
				r, err = tx.Create(name, schema.Document{"displayName": "x", "scopes": []any{"admin", "everything"}})
				if err == nil && tx.Secret(r) != "" {
					t.Error("it has a secret")
				}
				return err
			})
			update(t, write, modify(name, r.ID, schema.Document{"displayName": "y", "enabled": false}))
			if err := s.Sweep(t.Context()); err != nil {
				t.Fatal(err)
			}
			read := bearer(t, d, readSecret)
			got, now, err := read.Get(t.Context(), name, r.ID)
			if err != nil || string(got.JSON) != `{"schemas":["urn:example:own"],"id":"`+r.ID.String()+
				`","displayName":"y","scopes":["admin","everything"],"enabled":false}` {
				t.Fatalf("%s: %v", got.JSON, err)
			}
			for _, derived := range []string{"groups", "members", "health", "lastUsed", "orphaned"} {
				if v, _ := now.View(got, nil).Derived(derived); v != nil {
					t.Errorf("%s is derived: %s", derived, v)
				}
			}
			if page, err := read.Query(t.Context(), directory.Query{Type: name, Limit: 10}); err != nil || page.Total < 1 {
				t.Errorf("%d in the list: %v", page.Total, err)
			}
			if _, _, err := s.System().Get(t.Context(), name, r.ID); directory.KindOf(err) != directory.NotFound {
				t.Errorf("it is in the system scope: %v", err)
			}
			update(t, write, remove(name, r.ID))
			page, err := d.Query(t.Context(), directory.Query{Type: "Event", Limit: 100})
			if err != nil && name != "Event" {
				t.Fatal(err)
			}
			told := 0
			for _, e := range page.Resources {
				if e.Text("resource.value") == r.ID.String() {
					if told++; e.Text("changes") != "" {
						t.Errorf("an Event has values of it: %s", e.JSON)
					}
				}
			}
			if told != 3 && name != "Event" {
				t.Errorf("%d Events about it", told)
			}
		})
	}
}
