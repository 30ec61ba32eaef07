package directory_test

import (
	"encoding/json"
	"testing"

	"rollcall/directory"
	"rollcall/directory/schema"
)

// While a change of definitions is pending, whoever writes satisfies what is in force and what is pending.
func TestWritesWhilePending(t *testing.T) {
	for name, c := range map[string]struct {
		pending       []any // attributes of the badge
		good, bad     schema.Document
		refused       directory.Kind
		deniedByForce schema.Document // what only the pending definition would allow
	}{
		"an attribute becomes required": {
			[]any{attribute("number", "string"), attribute("color", "string", "required", true)},
			schema.Document{"userName": "good", badgeURN: map[string]any{"number": "1", "color": "red"}},
			badge("bad", "2"), directory.Invalid, nil},
		"an attribute goes": {
			[]any{attribute("color", "string")},
			schema.Document{"userName": "good", badgeURN: map[string]any{"color": "red"}}, badge("bad", "2"),
			directory.Invalid, nil},
		"an attribute comes": {
			[]any{attribute("number", "string"), attribute("color", "string"), attribute("size", "integer")},
			badge("good", "1"), nil, 0,
			schema.Document{"userName": "early", badgeURN: map[string]any{"size": json.Number("1")}}},
		"values become unique": {
			[]any{attribute("number", "string", "uniqueness", "server"), attribute("color", "string")},
			badge("good", "1"), badge("bad", "1"), directory.Exists, nil},
	} {
		t.Run(name, func(t *testing.T) {
			d := home(t)
			def := badges(d, t, attribute("number", "string"), attribute("color", "string"))
			release := pendingChange(t, d, modify("SchemaDefinition", def.ID, schema.Document{"attributes": c.pending}))
			create(t, d, "User", c.good)
			if c.bad != nil {
				if err := tryCreate(t, d, "User", c.bad); directory.KindOf(err) != c.refused {
					t.Errorf("against what is pending: %v", err)
				}
			}
			if c.deniedByForce != nil && tryCreate(t, d, "User", c.deniedByForce) == nil {
				t.Error("against what is in force: created")
			}
			update(t, d, modify("User", createUser(t, d, "plain").ID, schema.Document{"title": "x"}))
			release()
			if c.deniedByForce != nil {
				create(t, d, "User", c.deniedByForce)
			}
		})
	}
}

// Nothing is created of a type that is being removed, and nothing of one that there is not.
func TestTypeThatIsBeingRemoved(t *testing.T) {
	d := home(t)
	create(t, d, "SchemaDefinition", schemaOf("urn:example:Thing", attribute("color", "string")))
	typ := create(t, d, "ResourceTypeDefinition", schema.Document{"name": "Thing", "endpoint": "/Things",
		"schema": "urn:example:Thing"})
	release := pendingChange(t, d, remove("ResourceTypeDefinition", typ.ID))
	wantKind(t, tryCreate(t, d, "Thing", schema.Document{"color": "red"}), directory.Busy)
	createUser(t, d, "u")
	release()
	wantKind(t, tryCreate(t, d, "Thing", schema.Document{"color": "red"}), directory.NotFound)
}

// Indexes follow the definitions: what an attribute compares by is what it is found by, and an attribute that takes the
// place of another one is found by its own values.
func TestIndexesFollowDefinitions(t *testing.T) {
	d := home(t)
	def := badges(d, t, attribute("number", "string", "uniqueness", "server", "caseExact", false))
	u := create(t, d, "User", badge("u", "Ab"))
	becomes := func(attributes ...any) {
		t.Helper()
		update(t, d, modify("SchemaDefinition", def.ID, schema.Document{"attributes": attributes}))
	}
	wantFound := func(expr string, want int) {
		t.Helper()
		if got := find(t, d, "User", badgeURN+expr); len(got) != want {
			t.Errorf("%s finds %v, want %d", expr, got, want)
		}
	}
	wantFound(`:number eq "AB"`, 1)
	becomes(attribute("number", "string", "caseExact", true))
	wantFound(`:number eq "AB"`, 0)
	wantFound(`:number eq "Ab"`, 1)
	becomes(attribute("number", "string", "uniqueness", "server", "caseExact", true))
	wantFound(`:number eq "AB"`, 0)
	wantFound(`:number eq "Ab"`, 1)

	// Another attribute in its place.
	update(t, d, modify("User", u.ID, schema.Document{badgeURN: nil}))
	becomes(attribute("at", "dateTime", "uniqueness", "server"))
	create(t, d, "User", schema.Document{"userName": "v", badgeURN: map[string]any{"at": "2030-01-01T01:00:00+01:00"}})
	wantFound(`:at eq "2030-01-01T00:00:00Z"`, 1)
	wantFound(`:at ge "2029-12-31T23:59:59Z"`, 1)
}
