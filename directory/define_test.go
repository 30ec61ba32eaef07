package directory_test

import (
	"fmt"
	"strings"
	"testing"

	"rollcall/directory"
	"rollcall/directory/directorytest"
	"rollcall/directory/schema"
)

const badgeURN = "urn:example:params:scim:schemas:extension:1.0:Badge"

// attribute is one attribute of a definition: its name, type and further characteristics.
func attribute(name, typ string, more ...any) map[string]any {
	a := map[string]any{"name": name, "type": typ}
	for i := 0; i < len(more); i += 2 {
		a[more[i].(string)] = more[i+1]
	}
	return a
}

func schemaOf(urn string, attributes ...any) schema.Document {
	return schema.Document{"urn": urn, "name": "S", "attributes": attributes}
}

func badges(d *directory.Directory, t *testing.T, attributes ...any) (definition *directory.Resource) {
	definition = create(t, d, "SchemaDefinition", schemaOf(badgeURN, attributes...))
	create(t, d, "ResourceTypeDefinition", schema.Document{"name": "User", "endpoint": "/Users",
		"schema": schema.UserURN, "schemaExtensions": []any{map[string]any{"schema": badgeURN}}})
	return definition
}

func badge(name, value string) schema.Document {
	return schema.Document{"userName": name, badgeURN: map[string]any{"number": value}}
}

func tryCreate(t testing.TB, d *directory.Directory, typ string, doc schema.Document) error {
	_, err := d.Update(t.Context(), func(tx *directory.Tx) error {
		_, err := tx.Create(typ, doc)
		return err
	})
	return err
}

func TestExtensionOfUser(t *testing.T) {
	root := directorytest.Root()
	d := directorytest.Open(t, directorytest.Client(t), directory.Options{Root: root}).Organization("default")
	other := directorytest.Open(t, directorytest.Client(t), directory.Options{Root: root}).Organization("default")
	badges(d, t, attribute("number", "string", "uniqueness", "server"))
	create(t, other, "User", badge("ann", "7")) // in force on the other node at once
	err := tryCreate(t, d, "User", badge("bob", "7"))
	wantKind(t, err, directory.Exists)
	if !strings.Contains(err.Error(), badgeURN+":number") {
		t.Errorf("the error does not name the attribute: %v", err)
	}
	got := find(t, d, "User", badgeURN+`:number eq "7"`)
	if len(got) != 1 {
		t.Fatalf("found %v", got)
	}
	ann, _ := directory.ParseID(got[0])
	update(t, d, remove("User", ann))
	create(t, d, "User", badge("bob", "7")) // the tombstone keeps the userName, not the badge
	if live, loaded, err := directory.DumpReloaded(t.Context(), directoryStore(t, root),
		directorytest.Client(t)); err != nil || live != loaded {
		t.Errorf("%v\n--- live\n%s--- loaded\n%s", err, live, loaded)
	}
}

func directoryStore(t testing.TB, root string) *directory.Store {
	return directorytest.Open(t, directorytest.Client(t), directory.Options{Root: root})
}

func TestCustomType(t *testing.T) {
	d := home(t)
	const urn = "urn:example:params:scim:schemas:core:1.0:Device"
	def := create(t, d, "SchemaDefinition", schemaOf(urn, attribute("serial", "string", "required", true,
		"uniqueness", "server", "caseExact", true),
		attribute("weight", "integer")))
	typ := create(t, d, "ResourceTypeDefinition", schema.Document{"name": "Device", "endpoint": "/Devices",
		"schema": urn})
	if rt := snapshot(t, d).TypeAt("/Devices"); rt == nil || rt.Name != "Device" {
		t.Fatalf("no type at /Devices: %v", rt)
	}
	create(t, d, "Device", schema.Document{"serial": "a"})
	create(t, d, "Device", schema.Document{"serial": "A"})
	wantKind(t, tryCreate(t, d, "Device", schema.Document{"serial": "a"}), directory.Exists)
	if err := tryCreate(t, d, "Device", schema.Document{}); err == nil || !strings.Contains(err.Error(), "serial") {
		t.Errorf("without the required attribute: %v", err)
	}
	// What is in use cannot go.
	for _, r := range []*directory.Resource{def, typ} {
		if _, err := d.Update(t.Context(), remove(r.Type, r.ID)); directory.KindOf(err) != directory.Invalid {
			t.Errorf("delete the %s: %v", r.Type, err)
		}
	}
	for _, u := range find(t, d, "Device", `serial pr`) {
		id, _ := directory.ParseID(u)
		update(t, d, remove("Device", id))
	}
	update(t, d, remove("ResourceTypeDefinition", typ.ID))
	if rt := snapshot(t, d).Type("Device"); rt != nil {
		t.Error("the type is still there")
	}
	update(t, d, remove("SchemaDefinition", def.ID))
}

func TestDefinitionsThatDataViolates(t *testing.T) {
	d := home(t)
	def := badges(d, t, attribute("number", "string"), attribute("color", "string"))
	u := create(t, d, "User", badge("ann", "7"))
	create(t, d, "User", badge("bob", "7"))
	for _, c := range []struct {
		name       string
		attributes []any
		want       string
	}{
		{"another type", []any{attribute("number", "integer")}, "number"},
		{"the attribute goes", []any{attribute("color", "string")}, "number"},
		{"required", []any{attribute("number", "string"), attribute("color", "string", "required", true)}, "color"},
		{"unique", []any{attribute("number", "string", "uniqueness", "server")}, "same"},
	} {
		_, err := d.Update(t.Context(), modify("SchemaDefinition", def.ID, schema.Document{"attributes": c.attributes}))
		k := directory.KindOf(err)
		if k != directory.Invalid && k != directory.Exists || !strings.Contains(err.Error(), u.ID.String()) ||
			!strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", c.name, err)
		}
	}
	// Withdrawn changes leave nothing behind: the value may still be there three times.
	create(t, d, "User", badge("carl", "7"))
	update(t, d, modify("SchemaDefinition", def.ID, schema.Document{"attributes": []any{attribute("number", "string"),
		attribute("size", "integer")}}))
}

// A writer that began before the change of definitions and commits after it was announced must satisfy it too.
func TestWriterRacesDefinition(t *testing.T) {
	for _, c := range []struct {
		name string
		make []any // the definition's new attributes
		doc  schema.Document
	}{
		{"becomes unique", []any{attribute("number", "string", "uniqueness", "server")}, badge("bob", "7")},
		{"becomes an integer", []any{attribute("number", "integer")}, badge("bob", "x")},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := home(t)
			def := badges(d, t, attribute("number", "string"))
			if c.name == "becomes unique" {
				create(t, d, "User", badge("ann", "7"))
			}
			runs := 0
			_, err := d.Update(t.Context(), func(tx *directory.Tx) error {
				if runs++; runs == 1 {
					defer update(t, d, modify("SchemaDefinition", def.ID, schema.Document{"attributes": c.make}))
				}
				_, err := tx.Create("User", c.doc)
				return err
			})
			if err == nil || runs < 1 {
				t.Fatalf("the writer violated the definition after %d runs", runs)
			}
			if n := len(find(t, d, "User", `userName eq "bob"`)); n != 0 {
				t.Error("the User is there")
			}
		})
	}
}

func TestUniqueForManyExisting(t *testing.T) {
	d := home(t)
	def := badges(d, t, attribute("number", "string"))
	var changes []func(*directory.Tx) error
	for i := range 200 {
		changes = append(changes, func(tx *directory.Tx) error {
			_, err := tx.Create("User", badge(fmt.Sprintf("u%d", i), fmt.Sprint(i)))
			return err
		})
	}
	for _, err := range d.UpdateEach(t.Context(), changes) {
		if err != nil {
			t.Fatal(err)
		}
	}
	unique := schema.Document{"attributes": []any{attribute("number", "string", "uniqueness", "server")}}
	plain := schema.Document{"attributes": []any{attribute("number", "string")}}
	update(t, d, modify("SchemaDefinition", def.ID, unique))
	wantKind(t, tryCreate(t, d, "User", badge("late", "150")), directory.Exists)
	update(t, d, modify("SchemaDefinition", def.ID, plain))
	create(t, d, "User", badge("late", "150"))
	_, err := d.Update(t.Context(), modify("SchemaDefinition", def.ID, unique))
	wantKind(t, err, directory.Exists)
}

func TestWrongDefinitions(t *testing.T) {
	d := home(t)
	create(t, d, "SchemaDefinition", schemaOf("urn:example:a", attribute("x", "string")))
	typ := func(name, endpoint, urn string) schema.Document {
		return schema.Document{"name": name, "endpoint": endpoint, "schema": urn}
	}
	for name, c := range map[string]struct {
		typ  string
		doc  schema.Document
		want string
	}{
		"no URN":            {"SchemaDefinition", schemaOf("nonsense", attribute("x", "string")), "urn"},
		"the URN of User":   {"SchemaDefinition", schemaOf(schema.UserURN, attribute("x", "string")), "urn"},
		"unknown schema":    {"ResourceTypeDefinition", typ("X", "/Xs", "urn:example:b"), "schema"},
		"endpoint taken":    {"ResourceTypeDefinition", typ("X", "/Users", "urn:example:a"), "endpoint"},
		"endpoint reserved": {"ResourceTypeDefinition", typ("X", "/Bulk", "urn:example:a"), "endpoint"},
		"built-in":          {"ResourceTypeDefinition", typ("AccessToken", "/AccessTokens", "urn:example:a"), "name"},
		"endpoint in case":  {"ResourceTypeDefinition", typ("X", "/users", "urn:example:a"), "endpoint"},
		"reserved in case":  {"ResourceTypeDefinition", typ("X", "/me", "urn:example:a"), "endpoint"},
		"kept endpoint":     {"ResourceTypeDefinition", typ("X", "/roles", "urn:example:a"), "endpoint"},
		"kept endpoint 2":   {"ResourceTypeDefinition", typ("X", "/GroupMemberships", "urn:example:a"), "endpoint"},
		"kept name":         {"ResourceTypeDefinition", typ("Role", "/Xs", "urn:example:a"), "name"},
		"kept name in case": {"ResourceTypeDefinition", typ("groupmembership", "/Xs", "urn:example:a"), "name"},
		"name in case":      {"ResourceTypeDefinition", typ("user", "/Xs", "urn:example:a"), "name"},
	} {
		if err := tryCreate(t, d, c.typ, c.doc); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	var many []any
	for i := range 11 {
		urn := fmt.Sprint("urn:example:x", i)
		create(t, d, "SchemaDefinition", schemaOf(urn, attribute("x", "string")))
		many = append(many, map[string]any{"schema": urn})
	}
	many = append(many, map[string]any{"schema": "urn:example:nowhere"})
	err := tryCreate(t, d, "ResourceTypeDefinition", schema.Document{"name": "X", "endpoint": "/Xs",
		"schema": "urn:example:a", "schemaExtensions": many})
	if err == nil || !strings.Contains(err.Error(), "schemaExtensions[11].schema") {
		t.Errorf("the twelfth extension is unknown: %v", err)
	}
	createUser(t, d, "still works")
}

// A credential's first read is the snapshot it was judged on, which is from before the change was announced.
func TestDefinitionByACredential(t *testing.T) {
	d := home(t)
	secret, _ := token(t, d, scoped("admin"))
	create(t, bearer(t, d, secret), "SchemaDefinition", schemaOf("urn:example:a", attribute("x", "string")))
}

// What an attribute held when it was unique before keeps nobody from a value when it is unique again.
func TestUniqueAgain(t *testing.T) {
	d := home(t)
	unique := schema.Document{"attributes": []any{attribute("number", "string", "uniqueness", "server")}}
	plain := schema.Document{"attributes": []any{attribute("number", "string")}}
	def := badges(d, t, attribute("number", "string", "uniqueness", "server"))
	u := create(t, d, "User", badge("ann", "7"))
	update(t, d, modify("SchemaDefinition", def.ID, plain))
	update(t, d, modify("User", u.ID, schema.Document{badgeURN: map[string]any{"number": "8"}}))
	update(t, d, modify("SchemaDefinition", def.ID, unique))
	create(t, d, "User", badge("bob", "7"))
}

// Keys of two forms would let two writers pass each other.
func TestCaseRuleOfAUniqueAttribute(t *testing.T) {
	d := home(t)
	def := badges(d, t, attribute("number", "string", "uniqueness", "server", "caseExact", true))
	create(t, d, "User", badge("ann", "a"))
	create(t, d, "User", badge("bob", "B"))
	_, err := d.Update(t.Context(), modify("SchemaDefinition", def.ID,
		schema.Document{"attributes": []any{attribute("number", "string", "uniqueness", "server")}}))
	wantKind(t, err, directory.Invalid)
}

// The schemas of an organization are bounded together: everybody's changes wait for whoever compiles them.
func TestDefinitionsAreBounded(t *testing.T) {
	d := home(t)
	var attributes []any
	for i := range 400 {
		attributes = append(attributes, attribute(fmt.Sprintf("a%d", i), "string"))
	}
	large := func(i int) error {
		return tryCreate(t, d, "SchemaDefinition", schemaOf(fmt.Sprintf("urn:example:large:%d", i), attributes...))
	}
	for i := range directory.MaxAttributesSum / len(attributes) {
		if err := large(i); err != nil {
			t.Fatal(err)
		}
	}
	err := large(99)
	wantKind(t, err, directory.TooLarge)
	if !strings.Contains(err.Error(), fmt.Sprint(directory.MaxAttributesSum)) {
		t.Errorf("the limit is not named: %v", err)
	}
}
