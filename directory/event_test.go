package directory_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"
	"time"

	"rollcall/directory"
	"rollcall/directory/directorytest"
	"rollcall/directory/schema"
)

// eventsAbout counts the Events about each resource, after a sweep.
func eventsAbout(t *testing.T, s *directory.Store, d *directory.Directory) map[string]int {
	t.Helper()
	if err := s.Sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
	page, err := d.Query(t.Context(), directory.Query{Type: "Event", Limit: 1000})
	if err != nil {
		t.Fatal(err)
	}
	about := map[string]int{}
	for i, e := range page.Resources {
		about[e.Text("resource.display")+" "+e.Text("action")]++
		if i > 0 && page.Resources[i-1].Text("at") < e.Text("at") {
			t.Errorf("%s before %s: the newest come first", page.Resources[i-1].Text("at"), e.Text("at"))
		}
		if r, _, err := d.Get(t.Context(), "Event", e.ID); err != nil || string(r.JSON) != string(e.JSON) {
			t.Errorf("an Event by its id: %v", err)
		}
	}
	return about
}

// sessionID begins a session of the User and returns its id.
func sessionID(t *testing.T, d *directory.Directory, user directory.ID) directory.ID {
	t.Helper()
	id, _ := directory.ParseID(session(t, d, user).Actor().ID)
	return id
}

// Creations by write push out no Event that concerns rights, credentials, connections or definitions: neither those of
// administrators, nor those of others, which do not push out those of administrators either.
func TestEventsAboutAccessLast(t *testing.T) {
	c := newClock()
	s := directorytest.Open(t, directorytest.Client(t), directory.Options{Root: directorytest.Root(), Now: c.Now})
	d := s.Organization("default")
	update(t, s.System(), modify("Organization", snapshot(t, d).Organization().ID, schema.Document{
		"retention": map[string]any{"events": json.Number("5"), "accessEvents": json.Number("40"),
			"accessDays": json.Number("100")}}))
	user := func(name string, roles []any) *directory.Resource {
		return create(t, d, "User", schema.Document{"userName": name, "roles": roles})
	}

	// What an administrator does that concerns access, each with the name of what it is about and its action.
	boss, ann := user("boss", roles("administrator")), user("ann", nil)
	late := user("late", nil)
	update(t, d, modify("User", late.ID, schema.Document{"roles": roles("auditor")}))
	team := create(t, d, "Group", giving("team", "x"))
	update(t, d, add(team.ID, ann.ID))
	inner, deep := createGroup(t, d, "inner"), createGroup(t, d, "deep")
	update(t, d, add(inner.ID, deep.ID))
	update(t, d, add(team.ID, inner.ID))
	update(t, d, add(deep.ID, late.ID))
	plain := createGroup(t, d, "plain")
	update(t, d, modify("Group", plain.ID, schema.Document{groupAccess: map[string]any{"protected": true}}))
	update(t, d, func(tx *directory.Tx) error { // a Group that gets into a privileged one as it is made
		g, err := tx.Create("Group", schema.Document{"displayName": "fresh"})
		if err == nil {
			err = tx.AddMembers(g, []directory.ID{boss.ID})
		}
		if err != nil {
			return err
		}
		r, err := tx.Get("Group", team.ID)
		if err != nil {
			return err
		}
		return tx.AddMembers(r, []directory.ID{g.ID})
	})
	gone := user("gone", roles("administrator"))
	update(t, d, remove("User", gone.ID))
	off := user("off", roles("administrator"))
	update(t, d, modify("User", off.ID, schema.Document{"active": false}))
	update(t, d, func(tx *directory.Tx) error { return tx.EndSessions(ann.ID) })
	joined := user("joined", nil)
	update(t, d, add(team.ID, joined.ID))
	update(t, d, remove("User", joined.ID))
	update(t, d, remove("Group", deep.ID))
	update(t, d, remove("Session", sessionID(t, d, user("guest", nil).ID)))
	idp := create(t, d, "IdentityProvider", schema.Document{"displayName": "idp"})
	claimed := user("claimed", roles("administrator"))
	update(t, d, func(tx *directory.Tx) error { return tx.PutClaim(claimed.ID, "x") })
	for name, set := range map[string]schema.Document{
		"linked": {schema.OriginURN: map[string]any{"source": "scim", "links": []any{map[string]any{
			"connection": idp.ID.String(), "nameId": "n"}}}},
		"numbered":     {"externalId": "7"},
		"addressed":    {"emails": []any{map[string]any{"value": "a@example.com"}}},
		"renamed-user": {"userName": "renamed-user"},
	} {
		u := user(strings.TrimPrefix(name, "re"), roles("administrator"))
		update(t, d, modify("User", u.ID, set))
	}
	create(t, d, "AccessToken", schema.Document{"displayName": "key", "scopes": []any{"read"}})
	create(t, d, "SchemaDefinition", schema.Document{"urn": "urn:example:x", "name": "x", "attributes": []any{
		map[string]any{"name": "a", "type": "string", "multiValued": false}}})
	kept := []string{"boss create", "late update", "team create", "team update", "deep update",
		"plain update", "fresh create", "joined delete", "deep delete", " delete", "gone create", "gone delete",
		"off create", "off update", "ann endSessions", "idp create", "key create", " create",
		"claimed claim", "linked update", "numbered update", "addressed update", "renamed-user update"}

	// What does not.
	calm := user("calm", nil)
	update(t, d, modify("User", calm.ID, schema.Document{"active": false}))
	update(t, d, modify("Group", team.ID, schema.Document{"displayName": "renamed"}))
	box, boxes := createGroup(t, d, "box"), createGroup(t, d, "boxes")
	update(t, d, add(boxes.ID, box.ID))
	update(t, d, add(box.ID, calm.ID))
	lost := []string{"calm create", "calm update", "renamed update", "box update", "boxes update",
		"ann create", "late create", "inner create", "inner update", "plain create"}

	// What others do that concerns access: many times.
	write := withScope(t, d, "write")
	c.advance(time.Minute)
	var app directory.ID
	update(t, write, func(tx *directory.Tx) error {
		r, err := tx.Create("User", schema.Document{"userName": "app", "roles": roles("app")})
		if err == nil {
			app = r.ID
		}
		return err
	})
	c.advance(time.Minute)
	for range 30 { // a sign-in acts with all rights
		signIn := d.As(directory.Connection(idp.ID))
		update(t, signIn, take(team.ID, ann.ID))
		update(t, signIn, add(team.ID, ann.ID))
	}
	for range 30 {
		update(t, write, modify("User", boss.ID, schema.Document{"active": false}))
		update(t, write, modify("User", boss.ID, schema.Document{"active": true}))
	}
	c.advance(time.Minute)
	for i := range 60 {
		update(t, write, modify("User", app, schema.Document{"roles": roles(fmt.Sprint("app", i))}))
		createUser(t, write, fmt.Sprint("flood", i))
		update(t, write, modify("User", boss.ID, schema.Document{"title": fmt.Sprint(i)}))
	}
	c.advance(2 * time.Hour)
	about := eventsAbout(t, s, d)
	for _, what := range kept {
		if about[what] == 0 {
			t.Errorf("the Event %q was pushed out", what)
		}
	}
	for _, what := range lost {
		if about[what] != 0 {
			t.Errorf("the Event %q, which does not concern access, was kept", what)
		}
	}
	floods, ordinary := 0, 0
	for what, n := range about {
		if strings.HasPrefix(what, "flood") {
			floods += n
		}
		ordinary += n
	}
	// boss: 40 of 60 of others, and those of the five last ordinary Events.
	if n := about["boss update"]; n < 40 || n > 45 {
		t.Errorf("%d Events of others about the administrator; 40 are kept, and 5 ordinary ones", n)
	}
	if floods > 5 {
		t.Errorf("%d ordinary Events are kept; the limit is 5", floods)
	}

	// They have their own age.
	c.advance(60 * 24 * time.Hour)
	if about = eventsAbout(t, s, d); about["boss create"] != 1 || about["flood59 create"] != 0 {
		t.Errorf("after 60 days: %v", about)
	}
	c.advance(60 * 24 * time.Hour)
	if about = eventsAbout(t, s, d); len(about) != 0 {
		t.Errorf("after 120 days: %v", about)
	}
}

// A sync of many Groups leaves an Event of each whose membership gives privileges, wherever it is among them.
func TestSyncTellsOfPrivilegedGroups(t *testing.T) {
	s := directorytest.New(t)
	d := s.Organization("default")
	idp := create(t, d, "IdentityProvider", schema.Document{"displayName": "idp"})
	u := createUser(t, d, "ann")
	var groups []directory.ID
	update(t, d, func(tx *directory.Tx) error {
		groups = nil
		for n := range 110 {
			g, err := tx.Create("Group", schema.Document{"displayName": fmt.Sprint("g", n)})
			if err != nil {
				return err
			}
			groups = append(groups, g.ID)
		}
		return nil
	})
	groups = append(groups, create(t, d, "Group", giving("team", "administrator")).ID)
	for n, c := range [][2][]directory.ID{{groups, nil}, {nil, groups}} {
		update(t, d, func(tx *directory.Tx) error {
			tx.GrantBy(idp.ID)
			user, err := tx.Get("User", u.ID)
			if err == nil {
				_, err = tx.SyncGroups(user, c[0], c[1])
			}
			return err
		})
		about := eventsAbout(t, s, d)
		if got := about["team update"]; got != n+1 {
			t.Errorf("%d Events tell of the privileged Group, want %d", got, n+1)
		}
		if about["g99 update"] != n+1 || about["g105 update"] != 0 {
			t.Errorf("the Events of the others: %d and %d", about["g99 update"], about["g105 update"])
		}
	}
}

// Unless an Organization says otherwise, 10,001 creations by write leave the Event that made an administrator.
func TestFloodOfCreations(t *testing.T) {
	if testing.Short() {
		t.Skip("creates 10,001 Users")
	}
	c := newClock()
	s := directorytest.Open(t, directorytest.Client(t), directory.Options{Root: directorytest.Root(), Now: c.Now})
	d := s.Organization("default")
	create(t, d, "User", schema.Document{"userName": "boss", "roles": roles("administrator")})
	var changes []func(*directory.Tx) error
	for i := range 10_001 {
		changes = append(changes, func(tx *directory.Tx) error {
			_, err := tx.Create("User", schema.Document{"userName": fmt.Sprint("u", i)})
			return err
		})
	}
	for _, err := range withScope(t, d, "write").UpdateEach(t.Context(), changes) {
		if err != nil {
			t.Fatal(err)
		}
	}
	c.advance(2 * time.Hour)
	if err := s.Sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
	page, err := d.Query(t.Context(), directory.Query{Type: "Event", Limit: 20_000})
	if err != nil {
		t.Fatal(err)
	}
	first := page.Resources[len(page.Resources)-1]
	found := false
	for _, e := range page.Resources {
		found = found || e.Text("resource.display") == "boss"
	}
	if !found || page.Total > 10_010 {
		t.Errorf("%d Events, the oldest one about %s; the administrator's is kept: %v", page.Total,
			first.Text("resource.display"), found)
	}
}

// Events have the values of what decides about access, and of nothing else: no names of people, addresses,
// certificates or secrets.
func TestRecordedPaths(t *testing.T) {
	const groupAccess = "urn:rollcall:params:scim:schemas:extension:1.0:GroupAccess:"
	want := map[string][]string{
		"User":             {"active", "roles"},
		"Group":            {groupAccess + "protected", groupAccess + "roles"},
		"IdentityProvider": {"domains", "enabled", "groupSync.*", "jit.*", "linkBy", "linkPrivileged"},
		"AccessToken":      {"expiresAt", "scopes"},
		"Organization":     {"active", "domains", "name"},
	}
	if got := directory.Recorded(); !reflect.DeepEqual(got, want) {
		t.Errorf("recorded: %v, want %v", got, want)
	}
}

// An Event has at most 4 KiB, and counts what it leaves out, however much a change changes.
func TestLongEventsAreCut(t *testing.T) {
	d := home(t)
	const most = 200
	attributes := []any{}
	for i := range most {
		attributes = append(attributes, map[string]any{"name": fmt.Sprintf("a%03d%s", i, strings.Repeat("x", 40)),
			"type": "string"})
	}
	const urn = "urn:example:long"
	create(t, d, "SchemaDefinition", schema.Document{"urn": urn, "name": "long", "attributes": attributes})
	create(t, d, "ResourceTypeDefinition", schema.Document{"name": "User", "endpoint": "/Users",
		"schema":           "urn:ietf:params:scim:schemas:core:2.0:User",
		"schemaExtensions": []any{map[string]any{"schema": urn, "required": false}}})
	r := rand.New(rand.NewPCG(5, 5))
	cut := 0
	for i, kind := range []string{`"`, "\x01", "ä", "<", "x"} {
		nasty := func(most int) string { return strings.Repeat(kind, r.IntN(most)+1) }
		for range 20 {
			u := create(t, d, "User", schema.Document{"userName": fmt.Sprint("u", i, r.Uint64()),
				"displayName": nasty(3000)})
			n, values := r.IntN(most), map[string]any{}
			for _, a := range attributes[:n] {
				values[a.(map[string]any)["name"].(string)] = nasty(20)
			}
			var given []any
			for j := range r.IntN(60) {
				given = append(given, map[string]any{"value": fmt.Sprint(j, nasty(200))})
			}
			set := schema.Document{urn: values}
			if given != nil {
				set["roles"] = given
			}
			update(t, d, modify("User", u.ID, set))
			page, err := d.Query(t.Context(), directory.Query{Type: "Event", Limit: 1})
			if err != nil {
				t.Fatal(err)
			}
			e := page.Resources[0]
			var doc struct {
				Paths, Changes []any
				More           int
				Truncated      bool
				Resource       struct{ Value string }
			}
			if err := json.Unmarshal(e.JSON, &doc); err != nil || doc.Resource.Value != u.ID.String() {
				t.Fatalf("%s: %v", e.JSON, err)
			}
			want := n
			if len(given) > 0 {
				want += 2 // the path, and the change
			}
			if got := len(doc.Paths) + len(doc.Changes) + doc.More; got != want && (n > 0 || given != nil) {
				t.Errorf("%d paths, %d changes and %d more; %d changed", len(doc.Paths), len(doc.Changes), doc.More, want)
			}
			if doc.More > 0 {
				if cut++; !doc.Truncated {
					t.Errorf("something was left out, and it is not truncated: %s", e.JSON)
				}
			}
			if len(e.JSON) > 4096 {
				t.Errorf("an Event of %d bytes", len(e.JSON))
			}
		}
	}
	if cut < 20 {
		t.Errorf("only %d were cut", cut)
	}
}
