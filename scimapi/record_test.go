package scimapi_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/fstest"
	"time"

	"rollcall/directory"
	"rollcall/directory/directorytest"
	"rollcall/directory/schema"
	"rollcall/scimapi"
)

// Whatever changes, through whichever door, has its Event, of at most 4 KiB; sign-in has a test of its own in samlhook.
func TestEveryChangeHasItsEvent(t *testing.T) {
	etcd, root := directorytest.Client(t), directorytest.Root()
	var now atomic.Int64 // how much later it is
	store := directorytest.Open(t, etcd, directory.Options{Root: root,
		Now: func() time.Time { return time.Now().Add(time.Duration(now.Load())) }})
	s := serveStore(t, store, scimapi.Options{})
	c, system := s.admin(t), s.client(t, "", "admin", nil)
	const core = "urn:rollcall:params:scim:schemas:core:1.0:"
	r := rand.New(rand.NewPCG(7, 8))
	users, groups := []string{c.user("u0")}, []string{c.group("g0")}
	pick := func(list []string) string { return list[r.IntN(len(list))] }
	n := 0
	name := func(p string) string { n++; return fmt.Sprint(p, n) }
	user := func() map[string]any { return map[string]any{"schemas": []string{userURN}, "userName": name("n")} }
	group := func(members ...string) map[string]any {
		return map[string]any{"schemas": []string{groupURN}, "displayName": name("g"), "members": memberList(members)}
	}
	const longURN = "urn:example:long"
	long := func() string { return strings.Repeat(pick([]string{"x", `"`, "\x01", "ä", "<"}), 100+r.IntN(900)) }
	op := func(method, path string, more ...any) map[string]any {
		o := map[string]any{"method": method, "path": path}
		for i := 0; i < len(more); i += 2 {
			o[more[i].(string)] = more[i+1]
		}
		return o
	}
	bulk := func(ops ...map[string]any) {
		r := c.must(200, "POST", "/Bulk",
			map[string]any{"schemas": []string{"urn:ietf:params:scim:api:messages:2.0:BulkRequest"}, "Operations": ops})
		for _, o := range r.body["Operations"].([]any) {
			if loc, _ := at(o, "location").(string); at(o, "method") == "POST" && at(o, "status") == "201" {
				switch id := loc[strings.LastIndex(loc, "/")+1:]; {
				case strings.Contains(loc, "/Users/"):
					users = append(users, id)
				case strings.Contains(loc, "/Groups/"):
					groups = append(groups, id)
				}
			}
		}
	}
	title := func() map[string]any {
		return map[string]any{"schemas": []string{patchURN},
			"Operations": []any{map[string]any{"op": "add", "path": "title", "value": name("t")}}}
	}
	doors := map[string]func(){
		"create": func() { users = append(users, c.must(201, "POST", "/Users", user()).body["id"].(string)) },
		"create a group": func() {
			if r := c.request("POST", "/Groups", group(pick(users), pick(users))); r.status == 201 {
				groups = append(groups, r.body["id"].(string))
			}
		},
		"put":   func() { c.request("PUT", "/Users/"+pick(users), user()) },
		"patch": func() { c.request("PATCH", "/Users/"+pick(users), title()) },
		"deactivate": func() {
			c.request("PATCH", "/Users/"+pick(users),
				patch(`{"op":"add","path":"active","value":false}`))
		},
		"delete": func() { c.request("DELETE", "/Users/"+pick(users), nil) },
		"members": func() {
			c.request("PATCH", "/Groups/"+pick(groups),
				patch(`{"op":"add","path":"members",`+
					`"value":[{"value":"`+pick(users)+`"},{"value":"`+pick(groups)+`"}]}`))
		},
		"put members": func() { c.request("PUT", "/Groups/"+pick(groups), group(pick(users))) },
		"no members": func() {
			c.request("PATCH", "/Groups/"+pick(groups),
				patch(`{"op":"remove","path":"members"}`))
		},
		"rename and members": func() {
			c.request("PATCH", "/Groups/"+pick(groups),
				patch(`{"op":"replace","path":"displayName","value":"`+name("g")+`"}`,
					`{"op":"add","path":"members","value":[{"value":"`+pick(users)+`"}]}`))
		},
		"delete a group": func() { c.request("DELETE", "/Groups/"+pick(groups), nil) },
		"protect": func() {
			c.request("PATCH", "/Groups/"+pick(groups),
				patch(`{"op":"add","path":"urn:rollcall:params:scim:schemas:extension:1.0:GroupAccess:protected",`+
					`"value":true}`))
		},
		"a deleted User again": func() {
			doc := user()
			id := c.must(201, "POST", "/Users", doc).body["id"].(string)
			c.must(204, "DELETE", "/Users/"+id, nil)
			users = append(users, c.must(201, "POST", "/Users", doc).body["id"].(string))
			if r.IntN(2) == 0 {
				c.must(204, "DELETE", "/DeletedUsers/"+id, nil)
			}
		},
		"bulk": func() {
			bulk(op("POST", "/Users", "bulkId", "a", "data", user()),
				op("POST", "/Groups", "bulkId", "b", "data", group("bulkId:a")),
				op("PATCH", "/Users/"+pick(users), "data", title()),
				op("PATCH", "/Users/"+pick(users), "data", title()), op("DELETE", "/Users/"+pick(users)))
		},
		"bulk chain": func() {
			u := pick(users)
			bulk(op("PATCH", "/Users/"+u, "data", title()), op("PATCH", "/Users/"+u, "data", title()),
				op("PUT", "/Users/"+u, "data", user()))
		},
		"bulk circle": func() {
			bulk(op("POST", "/Groups", "bulkId", "a", "data", group("bulkId:b", pick(users))),
				op("POST", "/Groups", "bulkId", "b", "data", group(pick(users))),
				op("POST", "/Users", "bulkId", "c", "data",
					map[string]any{"schemas": []string{userURN, extURN}, "userName": name("c"),
						extURN: map[string]any{"manager": map[string]any{"value": "bulkId:d"}}}),
				op("POST", "/Users", "bulkId", "d", "data",
					map[string]any{"schemas": []string{userURN, extURN}, "userName": name("d"),
						"roles": []any{map[string]any{"value": "administrator"}},
						extURN:  map[string]any{"manager": map[string]any{"value": "bulkId:c"}}}))
		},
		"connection": func() {
			id := c.must(201, "POST", "/IdentityProviders",
				map[string]any{"schemas": []string{core + "IdentityProvider"}, "displayName": name("c"),
					"default": true}).body["id"].(string)
			if r.IntN(2) == 0 {
				c.must(204, "DELETE", "/IdentityProviders/"+id, nil)
			}
		},
		"token": func() {
			id := c.must(201, "POST", "/AccessTokens",
				map[string]any{"schemas": []string{tokenURN}, "displayName": "t",
					"scopes": []string{"read"}}).body["id"].(string)
			c.must(200, "PATCH", "/AccessTokens/"+id, patch(`{"op":"replace","path":"scopes","value":["write"]}`))
			c.must(204, "DELETE", "/AccessTokens/"+id, nil)
		},
		"session": func() {
			session := s.session(t, c, c.user(name("s"), "roles", []any{map[string]any{"value": "administrator"}}))
			me := session.must(200, "GET", "/Me", nil).body["id"].(string)
			session.must(200, "PATCH", "/Me", title())
			c.must(204, "POST", "/Users/"+me+"/.endSessions", nil)
		},
		"sessions one by one": func() {
			u := c.user(name("s"))
			s.session(t, c, u)
			s.session(t, c, u)
			for _, id := range ids(c.must(200, "GET", "/Sessions", nil).body["Resources"]) {
				c.must(204, "DELETE", "/Sessions/"+id, nil)
			}
		},
		"change a connection": func() {
			id := c.must(201, "POST", "/IdentityProviders", map[string]any{
				"schemas": []string{core + "IdentityProvider"}, "displayName": long()}).body["id"].(string)
			c.must(200, "PATCH", "/IdentityProviders/"+id, patch(`{"op":"add","path":"groupSync","value":`+
				`{"allow":["`+strings.Join(strings.Split(strings.Repeat("group ", 300), " "), `","`)+`"]}}`,
				`{"op":"add","path":"jit.enabled","value":true}`))
		},
		"long values": func() {
			u := c.user(name("l"))
			values := map[string]any{}
			for i := range 60 {
				values[fmt.Sprintf("a%02d%s", i, strings.Repeat("x", 80))] = name("v")
			}
			var roles []any
			for range 50 {
				roles = append(roles, map[string]any{"value": name("r") + long(), "display": long()})
			}
			c.must(200, "PATCH", "/Users/"+u, map[string]any{"schemas": []string{patchURN}, "Operations": []any{
				map[string]any{"op": "add", "path": longURN, "value": values},
				map[string]any{"op": "add", "value": map[string]any{"displayName": long(), "roles": roles}}}})
			g := c.group(long(), u)
			var many []string
			for range 30 {
				many = append(many, c.user(name("l"), "displayName", long()))
			}
			c.must(200, "PUT", "/Groups/"+g, group(many...))
			c.must(204, "DELETE", "/Groups/"+g, nil)
			c.must(204, "DELETE", "/Users/"+u, nil)
		},
		"definitions from files": func() {
			x := name("f")
			files := fstest.MapFS{"x.json": {Data: []byte(`{"id":"urn:example:` + x + `","name":"` + x +
				`","attributes":[{"name":"a","type":"string"}]}`)}}
			if err := directory.LoadDefinitions(t.Context(), store, files); err != nil {
				t.Fatal(err)
			}
		},
		"definition": func() {
			x := name("x")
			id := c.must(201, "POST", "/SchemaDefinitions",
				map[string]any{"schemas": []string{core + "SchemaDefinition"}, "urn": "urn:example:" + x, "name": x,
					"attributes": []any{map[string]any{"name": "a", "type": "string"}}}).body["id"].(string)
			typ := c.must(201, "POST", "/ResourceTypeDefinitions",
				map[string]any{"schemas": []string{core + "ResourceTypeDefinition"}, "name": "T" + x,
					"endpoint": "/T" + x, "schema": "urn:example:" + x}).body["id"].(string)
			it := c.must(201, "POST", "/T"+x,
				map[string]any{"schemas": []string{"urn:example:" + x}, "a": "b"}).body["id"].(string)
			c.must(204, "DELETE", "/T"+x+"/"+it, nil)
			c.must(204, "DELETE", "/ResourceTypeDefinitions/"+typ, nil)
			c.must(204, "DELETE", "/SchemaDefinitions/"+id, nil)
		},
		"organization": func() {
			id := system.must(201, "POST", "/Organizations",
				map[string]any{"schemas": []string{core + "Organization"}, "name": name("o")}).body["id"].(string)
			system.must(200, "PATCH", "/Organizations/"+id, patch(`{"op":"add","path":"displayName","value":"O"}`))
			system.must(204, "DELETE", "/Organizations/"+id, nil)
		},
	}
	c.must(201, "POST", "/SchemaDefinitions", map[string]any{"schemas": []string{core + "SchemaDefinition"},
		"urn": longURN, "name": "long", "attributes": longAttributes()})
	c.must(201, "POST", "/ResourceTypeDefinitions", map[string]any{
		"schemas": []string{core + "ResourceTypeDefinition"}, "name": "User", "endpoint": "/Users", "schema": userURN,
		"schemaExtensions": []any{map[string]any{"schema": longURN, "required": false}}})
	names := slices.Sorted(maps.Keys(doors))
	for range 3 {
		for _, door := range names {
			doors[door]()
		}
	}
	for range 200 {
		doors[names[r.IntN(len(names))]]()
	}

	// What the service does by itself, much later.
	now.Store(int64(400 * 24 * time.Hour))
	if err := store.Sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
	resources := 0
	for _, n := range directorytest.CheckEvents(t, etcd, root) {
		resources += n
	}
	if resources < 300 {
		t.Errorf("only %d changes", resources)
	}
}

// longAttributes are 60 of a schema, with long names.
func longAttributes() (list []any) {
	for i := range 60 {
		list = append(list, map[string]any{"name": fmt.Sprintf("a%02d%s", i, strings.Repeat("x", 80)), "type": "string"})
	}
	return list
}

// An Event says what happened, by whom and by which request.
func TestWhatAnEventSays(t *testing.T) {
	s := serve(t, scimapi.Options{})
	admin := s.admin(t)
	boss := admin.user("boss", "displayName", "The Boss", "roles", []any{map[string]any{"value": "administrator"}})
	ann, bob := admin.user("ann"), admin.user("bob", "displayName", "Bob")
	g := admin.group("g", ann)
	session := s.session(t, admin, boss)
	event := func(of reply, resource string) map[string]any {
		t.Helper()
		r := admin.list("/Events",
			`request eq "`+of.header.Get("X-Request-Id")+`" and resource.value eq "`+resource+`"`)
		list := r.body["Resources"].([]any)
		if len(list) != 1 {
			t.Fatalf("%d Events: %s", len(list), r.raw)
		}
		return list[0].(map[string]any)
	}
	r := session.must(200, "PATCH", "/Groups/"+g,
		patch(`{"op":"add","path":"members","value":[{"value":"`+bob+`"},{"value":"`+ann+`"}]}`,
			`{"op":"add","path":"urn:rollcall:params:scim:schemas:extension:1.0:GroupAccess:roles",`+
				`"value":[{"value":"x"}]}`))
	e := event(r, g)
	wantText(t, "added", fmt.Sprint(at(e, "members", "added")), "[map[display:Bob type:User value:"+bob+"]]")
	wantText(t, "removed", fmt.Sprint(at(e, "members", "removed")), "<nil>")
	wantText(t, "changes", fmt.Sprint(e["changes"]),
		`[map[after:[{"value":"x"}] path:urn:rollcall:params:scim:schemas:extension:1.0:GroupAccess:roles]]`)
	wantText(t, "actor", fmt.Sprint(at(e, "actor", "type"), at(e, "actor", "display"), at(e, "actor", "user")),
		"SessionThe Boss"+boss)
	wantText(t, "version", `W/"`+fmt.Sprint(e["version"])+`"`, r.header.Get("ETag"))
	if revision, _ := e["revision"].(float64); revision == 0 {
		t.Errorf("no revision: %v", e)
	}

	r = admin.must(200, "PATCH", "/Groups/"+g, patch(`{"op":"remove","path":"members[value eq \"`+bob+`\"]"}`))
	e = event(r, g)
	wantText(t, "removed", fmt.Sprint(at(e, "members", "removed")), "[map[display:Bob type:User value:"+bob+"]]")
	wantText(t, "actor", fmt.Sprint(at(e, "actor", "type"), at(e, "actor", "display"), at(e, "actor", "user")),
		"AccessTokentest<nil>")

	// The session and its User go; the record stays.
	r = admin.must(200, "PATCH", "/Users/"+boss, patch(`{"op":"replace","path":"active","value":false}`))
	e = event(r, boss)
	wantText(t, "active", fmt.Sprint(e["changes"], e["endedSessions"]), "[map[after:false before:true path:active]] 1")
	r = admin.must(204, "DELETE", "/Users/"+boss, nil)
	e = event(r, boss)
	wantText(t, "delete", fmt.Sprint(e["action"], e["version"], at(e, "resource", "display")), "delete<nil>The Boss")
	if !strings.Contains(fmt.Sprint(e["changes"]), `before:[{"value":"administrator"}]`) {
		t.Errorf("what was deleted: %v", e["changes"])
	}

	// Many members, and long names, fit.
	var many []string
	for i := range 130 {
		many = append(many, admin.user(fmt.Sprint("u", i), "displayName", strings.Repeat("ä", 500)))
	}
	r = admin.must(200, "PATCH", "/Groups/"+g,
		map[string]any{"schemas": []string{patchURN},
			"Operations": []any{map[string]any{"op": "add", "path": "members", "value": memberList(many)}}})
	e = event(r, g)
	added := at(e, "members", "added").([]any)
	if more, _ := at(e, "members", "more").(float64); len(added) == 0 || len(added)+int(more) != len(many) {
		t.Errorf("%d members and %v more", len(added), at(e, "members", "more"))
	}
	if name := at(added, 0, "display").(string); len(name) == 0 || len(name) > 128 || strings.Trim(name, "ä") != "" {
		t.Errorf("the name %q", name)
	}
}

// All Events of a Bulk request have its id, those of operations that were committed together and one by one.
func TestEventsOfABulkRequest(t *testing.T) {
	s := serve(t, scimapi.Options{})
	c := s.admin(t)
	ann := c.user("ann")
	op := func(method, path, more string) string {
		return `{"method":"` + method + `","path":"` + path + `"` + more + `}`
	}
	user := func(name, bulkID string) string {
		return op("POST", "/Users", `,"bulkId":"`+bulkID+`","data":{"schemas":["`+userURN+`"],"userName":"`+name+`"}`)
	}
	r := c.must(200, "POST", "/Bulk", `{"schemas":["urn:ietf:params:scim:api:messages:2.0:BulkRequest"],"Operations":[`+
		strings.Join([]string{user("x", "a"), user("y", "b"), user("z", "c"),
			op("POST", "/Groups", `,"bulkId":"g","data":{"schemas":["`+groupURN+`"],"displayName":"g",`+
				`"members":[{"value":"bulkId:a"},{"value":"bulkId:b"}]}`), op("DELETE", "/Users/"+ann, "")}, ",")+`]}`)
	id := r.header.Get("X-Request-Id")
	list := c.list("/Events", `request eq "`+id+`"`).body["Resources"].([]any)
	var told []string
	for _, e := range list {
		told = append(told, fmt.Sprint(at(e, "action"), " ", at(e, "resource", "display")))
	}
	slices.Sort(told)
	wantText(t, "the Events", fmt.Sprint(told), "[create g create x create y create z delete ann]")
}

func wantText(t *testing.T, what, got, want string) {
	t.Helper()
	if got != want {
		t.Errorf("%s: %s, want %s", what, got, want)
	}
}

// A User's activity is shown to those who ask for it and may see it, and to nobody else by any way.
func TestActivityOverHTTP(t *testing.T) {
	s := serve(t, scimapi.Options{})
	admin := s.admin(t)
	const urn = "urn:rollcall:params:scim:schemas:extension:1.0:Activity"
	ann := admin.user("ann")
	admin.user("never")
	id, _ := directory.ParseID(ann)
	if _, err := s.store.Organization("default").Update(t.Context(), func(tx *directory.Tx) error {
		_, err := tx.RecordSignIn(schema.Document{"outcome": "signedIn", "user": map[string]any{"value": id.String()}})
		return err
	}); err != nil {
		t.Fatal(err)
	}
	path := "/Users/" + ann
	shown := admin.must(200, "GET", path, nil)
	if _, ok := shown.body[urn]; ok || strings.Contains(string(shown.raw), "Activity") {
		t.Errorf("shown unasked: %s", shown.raw)
	}
	asked := admin.must(200, "GET", path+"?attributes="+urn, nil)
	if at(asked.body, urn, "signInCount") != 1.0 || at(asked.body, urn, "lastSignIn") == nil ||
		!strings.Contains(fmt.Sprint(asked.body["schemas"]), urn) {
		t.Errorf("asked for: %s", asked.raw)
	}
	wantText(t, "the ETag", asked.header.Get("ETag"), shown.header.Get("ETag"))
	one := admin.must(200, "GET", path+"?attributes="+urn+":lastSignIn", nil)
	wantText(t, "one attribute", fmt.Sprint(len(one.body[urn].(map[string]any))), "1")
	wantText(t, "who never signed in", texts(admin.list("/Users", "not ("+urn+":lastSignIn pr)"), "userName"), "never")
	wantText(t, "sorted", texts(admin.must(200, "GET", "/Users?sortOrder=descending&sortBy="+urn+":lastSignIn", nil),
		"userName"), "never ann")

	// Nobody writes it.
	admin.must(200, "PUT", path, map[string]any{"schemas": []string{userURN, urn}, "userName": "ann",
		urn: map[string]any{"signInCount": 7}})
	asked = admin.must(200, "GET", path+"?attributes="+urn, nil)
	if at(asked.body, urn, "signInCount") != 1.0 {
		t.Errorf("a client wrote it: %s", asked.raw)
	}

	// Who can only read people does not see it, nor learns of it by a filter, a sort or the schemas.
	read := s.client(t, "default", "read", nil)
	for _, query := range []string{"?attributes=" + urn, "?attributes=userName," + urn + ":lastSignIn",
		"?excludedAttributes=userName"} {
		for _, p := range []string{path, "/Users"} {
			if r := read.must(200, "GET", p+query, nil); strings.Contains(string(r.raw), "Activity") {
				t.Errorf("read sees it: %s", r.raw)
			}
		}
	}
	for _, expr := range []string{urn + ":lastSignIn pr", "not (" + urn + ":signInCount gt 0)", urn + ":lastSignIn gt " +
		`"2020-01-01T00:00:00Z"`, "lastSignIn pr", urn + " pr", `userName eq "ann" and ` + urn + `:lastConnection eq "x"`} {
		read.refused(400, "invalidFilter", "GET", "/Users?filter="+url.QueryEscape(expr), nil)
	}
	read.refused(400, "invalidValue", "GET", "/Users?sortBy="+urn+":lastSignIn", nil)
	for _, c := range []struct {
		who  *client
		sees bool
	}{{read, false}, {admin, true}, {s.client(t, "default", "write", nil), true}, {&client{t: t, base: admin.base}, false}} {
		for _, p := range []string{"/Schemas", "/ResourceTypes"} {
			if r := c.who.must(200, "GET", p, nil); strings.Contains(string(r.raw), urn) != c.sees {
				t.Errorf("%s names the schema: %v", p, !c.sees)
			}
		}
	}
}
