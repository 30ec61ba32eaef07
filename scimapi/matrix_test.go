package scimapi_test

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"rollcall/directory"
	"rollcall/directory/directorytest"
	"rollcall/directory/schema"
	"rollcall/samlhook"
	"rollcall/scimapi"
)

// The matrix: what each credential may do at each endpoint by each method. The endpoints are those that the service
// has: one without a row fails.

const core = "urn:rollcall:params:scim:schemas:core:1.0:"

// Who may. Everybody else is refused with 403, and who has no valid credential with 401.
var (
	invalid        = []string{"nobody", "bad", "expired", "revoked", "other organization", "inactive User"}
	administrators = []string{"admin", "system", "operator", "administrator", "administrator's token"}
	peopleWriters  = append([]string{"write", "system write", "manager", "token of a User"}, administrators...)
	peopleReaders  = append([]string{"read", "system read", "auditor"}, peopleWriters...)
	allReaders     = append([]string{"auditor"}, administrators...)
	connections    = append([]string{"manager"}, allReaders...)
	tuners         = append([]string{"manager"}, administrators...)
	persons        = []string{"session", "manager", "auditor", "administrator", "token of a User"}
)

// matrixRow is an endpoint. Methods that are not there are 405.
type matrixRow struct {
	endpoint                             string
	read, create, change, remove, search []string
	make                                 func(m *matrix) string // a new resource; "" where nothing is asked about one
	post                                 func(m *matrix) any
	patch                                string // the attribute that a PATCH and a PUT change
}

var matrixRows = []matrixRow{
	{"/Users", peopleReaders, peopleWriters, peopleWriters, peopleWriters, peopleReaders,
		func(m *matrix) string { return m.admin.user(m.name()) },
		func(m *matrix) any { return map[string]any{"schemas": []string{userURN}, "userName": m.name()} }, "title"},
	{"/Groups", peopleReaders, peopleWriters, peopleWriters, peopleWriters, peopleReaders,
		func(m *matrix) string { return m.admin.group(m.name()) },
		func(m *matrix) any { return map[string]any{"schemas": []string{groupURN}, "displayName": m.name()} },
		"externalId"},
	{"/GroupMemberships", peopleReaders, peopleWriters, nil, peopleWriters, peopleReaders,
		func(m *matrix) string { return m.make("/GroupMemberships", m.membership()) },
		func(m *matrix) any { return m.membership() }, ""},
	{"/Roles", peopleReaders, administrators, administrators, administrators, peopleReaders,
		func(m *matrix) string { return m.make("/Roles", m.role()) },
		func(m *matrix) any { return m.role() }, "display"},
	{"/Things", peopleReaders, peopleWriters, peopleWriters, peopleWriters, peopleReaders,
		func(m *matrix) string {
			return m.make("/Things", map[string]any{"schemas": []string{"urn:example:Thing"}, "colour": "red"})
		},
		func(m *matrix) any { return map[string]any{"schemas": []string{"urn:example:Thing"}, "colour": "red"} },
		"colour"},
	{"/IdentityProviders", connections, administrators, tuners, administrators, connections,
		func(m *matrix) string { return m.make("/IdentityProviders", m.named("IdentityProvider")) },
		func(m *matrix) any { return m.named("IdentityProvider") }, "displayName"},
	{"/AccessTokens", allReaders, administrators, administrators, administrators, allReaders,
		func(m *matrix) string { return m.make("/AccessTokens", m.readToken()) },
		func(m *matrix) any { return m.readToken() }, "displayName"},
	{"/Organizations", connections, nil, administrators, nil, connections,
		func(m *matrix) string { return m.only("/Organizations") }, nil, "displayName"},
	{"/SchemaDefinitions", allReaders, administrators, administrators, administrators, allReaders,
		func(m *matrix) string { return m.make("/SchemaDefinitions", m.schema()) },
		func(m *matrix) any { return m.schema() }, "description"},
	{"/ResourceTypeDefinitions", allReaders, administrators, administrators, administrators, allReaders,
		func(m *matrix) string { return m.make("/ResourceTypeDefinitions", m.resourceType()) },
		func(m *matrix) any { return m.resourceType() }, "description"},
	{"/DeletedUsers", allReaders, nil, nil, administrators, allReaders, func(m *matrix) string {
		id := m.admin.user(m.name())
		m.admin.must(204, "DELETE", "/Users/"+id, nil)
		return id
	}, nil, ""},
	{"/Sessions", allReaders, nil, nil, administrators, allReaders, func(m *matrix) string {
		m.s.session(m.t, m.admin, m.admin.user(m.name()))
		list := ids(m.admin.list("/Sessions", "").body["Resources"])
		return list[len(list)-1]
	}, nil, ""},
	{"/Events", allReaders, nil, nil, nil, allReaders,
		func(m *matrix) string { return ids(m.admin.list("/Events", "", "count", "1").body["Resources"])[0] }, nil, ""},
	{"/SignIns", connections, nil, nil, nil, connections, func(m *matrix) string { return m.signIn }, nil, ""},
}

type matrix struct {
	t      *testing.T
	s      *server
	admin  *client
	signIn string
	n      int
}

func (m *matrix) name() string { m.n++; return fmt.Sprint("m", m.n) }

func (m *matrix) make(endpoint string, doc any) string {
	return m.admin.must(201, "POST", endpoint, doc).body["id"].(string)
}

func (m *matrix) only(endpoint string) string {
	return ids(m.admin.list(endpoint, "").body["Resources"])[0]
}

func (m *matrix) role() any {
	return map[string]any{"schemas": []string{roleURN}, "value": m.name()}
}

func (m *matrix) membership() any {
	return membership(m.admin.group(m.name()), m.admin.user(m.name()))
}

func (m *matrix) named(typ string) any {
	return map[string]any{"schemas": []string{core + typ}, "displayName": m.name()}
}

func (m *matrix) readToken() any {
	return map[string]any{"schemas": []string{tokenURN}, "displayName": m.name(), "scopes": []string{"read"}}
}

func (m *matrix) schema() any {
	n := m.name()
	return map[string]any{"schemas": []string{core + "SchemaDefinition"}, "urn": "urn:example:" + n, "name": n,
		"attributes": []any{map[string]any{"name": "a", "type": "string"}}}
}

func (m *matrix) resourceType() any {
	n := m.name()
	return map[string]any{"schemas": []string{core + "ResourceTypeDefinition"}, "name": n, "endpoint": "/" + n,
		"schema": "urn:example:Thing"}
}

// credentials makes one of each kind.
func (m *matrix) credentials(now *atomic.Int64) map[string]*client {
	t, s, admin := m.t, m.s, m.admin
	with := func(token string) *client { c := *admin; c.token = token; return &c }
	role := func(v string) []any { return []any{map[string]any{"value": v}} }
	s.client(t, "", "admin", nil).must(201, "POST", "/Organizations",
		`{"schemas":["`+core+`Organization"],"name":"other"}`)
	short := s.client(t, "default", "admin",
		schema.Document{"expiresAt": time.Unix(now.Load(), 0).Add(time.Minute).UTC().Format(time.RFC3339)})
	now.Add(120)
	revoked := s.client(t, "default", "admin", nil)
	for _, id := range ids(admin.list("/AccessTokens", "").body["Resources"]) {
		if revoked.request("GET", "/Users", nil).status == 401 {
			break
		}
		if id != m.signIn && !m.isOwn(id) {
			admin.must(204, "DELETE", "/AccessTokens/"+id, nil)
		}
	}
	boss := admin.user("administrator", "roles", role("administrator"))
	administrator := s.session(t, admin, boss)
	theirs := administrator.must(201, "POST", "/AccessTokens",
		map[string]any{"schemas": []string{tokenURN}, "displayName": "t",
			"scopes": []string{"admin"}}).body["token"].(string)
	gone := admin.user("gone")
	inactive := s.client(t, "default", "admin", schema.Document{"user": map[string]any{"value": gone}})
	admin.must(200, "PATCH", "/Users/"+gone, patch(`{"op":"replace","path":"active","value":false}`))
	return map[string]*client{
		"nobody": with(""), "bad": with("bad"), "expired": short, "revoked": revoked, "inactive User": inactive,
		"other organization": with(s.client(t, "other", "admin", nil).token),
		"read":               s.client(t, "default", "read", nil), "write": s.client(t, "default", "write", nil),
		"admin":       s.admin(t),
		"system read": with(s.client(t, "", "read", nil).token), "system write": with(s.client(t, "", "write", nil).token),
		"system": with(s.client(t, "", "admin", nil).token), "operator": with(directorytest.OperatorToken),
		"session":               s.session(t, admin, admin.user("nobody special")),
		"manager":               s.session(t, admin, admin.user("manager", "roles", role("manager"))),
		"auditor":               s.session(t, admin, admin.user("auditor", "roles", role("auditor"))),
		"administrator":         administrator,
		"administrator's token": with(theirs),
		"token of a User": s.client(t, "default", "write",
			schema.Document{"user": map[string]any{"value": admin.user("owner")}}),
	}
}

// isOwn reports whether the token is that of the matrix itself.
func (m *matrix) isOwn(id string) bool {
	r := m.admin.must(200, "GET", "/AccessTokens/"+id, nil)
	return r.body["displayName"] == "matrix"
}

// enabled lets connections without an identity provider have sessions.
func enabled(signIn *samlhook.Hook) func(*directory.Tx, directory.ID, *directory.Resource, schema.Document,
	scimapi.Resolved) error {
	return func(tx *directory.Tx, id directory.ID, old *directory.Resource, doc schema.Document,
		resolved scimapi.Resolved) error {
		delete(doc, "enabled")
		err := signIn.Prepare(tx, id, old, doc, resolved)
		delete(doc, "enabled")
		return err
	}
}

// oneKey spares each connection of the test the making of a key.
func oneKey(signIn *samlhook.Hook) func(context.Context, any) (any, error) {
	var made any
	return func(ctx context.Context, need any) (any, error) {
		var err error
		if made == nil {
			made, err = signIn.Resolve(ctx, need)
		}
		return made, err
	}
}

func TestMatrix(t *testing.T) {
	var now atomic.Int64
	now.Store(time.Now().Unix())
	store := directorytest.Open(t, directorytest.Client(t), directory.Options{Root: directorytest.Root(),
		Now: func() time.Time { return time.Unix(now.Load(), 0) }})
	signIn, err := samlhook.New(store, samlhook.Options{PublicURL: publicURL})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(signIn.Close)
	s := serveStore(t, store, scimapi.Options{Hooks: map[string]scimapi.Hook{
		schema.UserType: {Actions: signIn.UserActions()},
		schema.IdentityProviderType: {Prepare: enabled(signIn), Resolve: oneKey(signIn), Actions: signIn.Actions(),
			Inquiries: signIn.Inquiries()},
		schema.OrganizationType: {Prepare: signIn.PrepareOrganization, Render: signIn.RenderOrganization,
			Actions: signIn.OrganizationActions()},
	}})
	m := &matrix{t: t, s: s, admin: s.client(t, "default", "admin", schema.Document{"displayName": "matrix"})}
	m.make("/SchemaDefinitions",
		map[string]any{"schemas": []string{core + "SchemaDefinition"}, "urn": "urn:example:Thing", "name": "Thing",
			"attributes": []any{map[string]any{"name": "colour", "type": "string"}}})
	m.make("/ResourceTypeDefinitions",
		map[string]any{"schemas": []string{core + "ResourceTypeDefinition"}, "name": "Thing", "endpoint": "/Things",
			"schema": "urn:example:Thing"})
	if _, err := store.Organization("default").Update(t.Context(), func(tx *directory.Tx) error {
		tx.CreateSecret(directory.ID{}, "mac", make([]byte, 32)) // which the first connection brings
		id, err := tx.RecordSignIn(schema.Document{"outcome": "refused"})
		m.signIn = id.String()
		return err
	}); err != nil {
		t.Fatal(err)
	}
	all := m.credentials(&now)
	cells := 0
	for _, name := range slices.Sorted(maps.Keys(all)) {
		c := all[name]
		want := func(method, path string, body any, may []string) {
			t.Helper()
			cells++
			r := c.request(method, path, body)
			ok := r.status == 403
			switch {
			case slices.Contains(invalid, name):
				ok = r.status == 401
			case may == nil:
				ok = r.status == 405
			case slices.Contains(may, name):
				ok = r.status < 300
			}
			if !ok {
				t.Errorf("%s: %s %s: %d %s", name, method, path, r.status, r.raw)
			}
		}
		options := func(path string) {
			t.Helper()
			cells++
			status := 204
			if slices.Contains(invalid, name) {
				status = 401
			}
			if r := c.request("OPTIONS", path, nil); r.status != status {
				t.Errorf("%s: OPTIONS %s: %d", name, path, r.status)
			}
		}
		for _, row := range matrixRows {
			m.row(row, want, options)
		}

		// What is not the collection of a type.
		user := m.admin.user(m.name())
		if slices.Contains(persons, name) || slices.Contains(invalid, name) {
			want("GET", "/Me", nil, persons)
		} else {
			c.must(404, "GET", "/Me", nil)
		}
		want("GET", "/", nil, peopleReaders)
		want("POST", "/.search", search(), peopleReaders)
		want("GET", "/.search", nil, nil)
		want("POST", "/Users/"+user+"/.endSessions", nil, administrators)
		want("GET", "/Users/"+user+"/.endSessions", nil, nil)
		deleted := m.admin.user(m.name())
		m.admin.must(204, "DELETE", "/Users/"+deleted, nil)
		want("POST", "/DeletedUsers/"+deleted+"/.restore", nil, peopleWriters)
		want("GET", "/DeletedUsers/"+deleted+"/.restore", nil, nil)
		connection := m.make("/IdentityProviders", m.named("IdentityProvider"))
		link := map[string]any{"connection": connection, "nameId": "n"}
		want("POST", "/Users/"+user+"/.link", link, administrators)
		m.admin.must(200, "POST", "/Users/"+user+"/.link", link)
		want("POST", "/Users/"+user+"/.unlink", link, administrators)
		want("POST", "/IdentityProviders/"+connection+"/.dryRun", map[string]any{"nameId": "ann"}, allReaders)
		want("POST", "/IdentityProviders/"+connection+"/.testLink", nil, administrators)
		want("GET", "/IdentityProviders/"+connection+"/.dryRun", nil, nil)
		want("POST", "/Users/"+user+"/.claim", nil, administrators)
		organization := "/Organizations/" + m.only("/Organizations")
		want("POST", organization+"/.checkDomains", nil, administrators)
		m.admin.must(200, "PATCH", organization,
			patch(`{"op":"replace","path":"domains","value":[{"value":"matrix.example"}]}`))
		want("POST", organization+"/.verifyDomain",
			map[string]any{"domain": "matrix.example", "verified": true, "reason": "r"}, []string{"system", "operator"})
		m.admin.must(200, "PATCH", organization, patch(`{"op":"remove","path":"domains"}`))
		want("POST", "/Bulk", map[string]any{"schemas": []string{"urn:ietf:params:scim:api:messages:2.0:BulkRequest"},
			"Operations": []any{
				map[string]any{"method": "DELETE", "path": "/Users/" + user}}}, peopleWriters)
		want("GET", "/Bulk", nil, nil)
		for _, path := range []string{"/ServiceProviderConfig", "/Schemas", "/ResourceTypes", "/Schemas/" + userURN} {
			status := 200
			if slices.Contains(invalid, name) && name != "nobody" && path != "/ServiceProviderConfig" {
				status = 401
			}
			c.must(status, "GET", path, nil)
			for _, method := range []string{"POST", "PUT", "PATCH", "DELETE"} {
				cells++
				c.must(405, method, path, nil)
			}
		}
	}
	m.inSystem(all, &cells)
	m.complete(store)
	t.Logf("%d cells", cells)
	if cells < 4000 {
		t.Errorf("only %d cells", cells)
	}
}

// row asks everything about one type; want checks an answer, where nil stands for a method that is not allowed.
func (m *matrix) row(row matrixRow, want func(method, path string, body any, may []string), options func(string)) {
	m.t.Helper()
	item := row.endpoint + "/" + row.make(m)
	var doc any
	if row.post != nil {
		doc = row.post(m)
	}
	for _, method := range []string{"GET", "HEAD"} {
		want(method, row.endpoint, nil, row.read)
		want(method, item, nil, row.read)
	}
	options(row.endpoint)
	options(item)
	want("POST", row.endpoint+"/.search", search(), row.search)
	want("POST", item, doc, nil)
	for _, method := range []string{"PUT", "PATCH", "DELETE"} {
		want(method, row.endpoint, doc, nil)
	}
	want("POST", row.endpoint, doc, row.create)
	want("PATCH", item, patch(`{"op":"add","path":"`+row.patch+`","value":"`+m.name()+`"}`), row.change)
	put := m.admin.must(200, "GET", item, nil).body
	put[row.patch] = m.name()
	want("PUT", item, put, row.change)
	want("DELETE", item, nil, row.remove)
}

// systemRows are the endpoints of the system scope, with what a POST creates; nil where it is not allowed.
var systemRows = map[string]func(m *matrix) any{
	"/Organizations": func(m *matrix) any {
		return map[string]any{"schemas": []string{core + "Organization"}, "name": m.name()}
	},
	"/AccessTokens": func(m *matrix) any { return m.readToken() },
	"/Events":       nil,
}

// inSystem asks what each credential may do in the system scope: only those that belong to it are valid there, and only
// those that administer may do anything.
func (m *matrix) inSystem(all map[string]*client, cells *int) {
	for name, c := range all {
		here := *c
		here.base = m.s.url + "/scim/v2"
		for endpoint, post := range systemRows {
			for _, method := range []string{"GET", "HEAD", "POST", "DELETE"} {
				*cells++
				want, body := 401, any(nil)
				switch {
				case !slices.Contains([]string{"system", "system read", "system write", "operator"}, name):
				case method == "DELETE" || method == "POST" && post == nil:
					want = 405
				case name == "system read" || name == "system write":
					want = 403
				case method == "POST":
					want = 201
				default:
					want = 200
				}
				if method == "POST" && post != nil {
					body = post(m)
				}
				if r := here.request(method, endpoint, body); r.status != want {
					m.t.Errorf("%s in the system scope: %s %s: %d %s", name, method, endpoint, r.status, r.raw)
				}
			}
		}
	}
}

// complete checks that every endpoint and action of the service is in the matrix.
func (m *matrix) complete(store *directory.Store) {
	for in, has := range map[*directory.Directory]func(endpoint string) bool{
		store.System(): func(endpoint string) bool {
			_, ok := systemRows[endpoint]
			return ok
		},
		store.Organization("default"): func(endpoint string) bool {
			return slices.ContainsFunc(matrixRows, func(r matrixRow) bool { return r.endpoint == endpoint })
		},
	} {
		s, err := in.Snapshot(m.t.Context())
		if err != nil {
			m.t.Fatal(err)
		}
		for _, t := range s.Types() {
			if !t.Custom && !has(t.Endpoint) {
				m.t.Errorf("the matrix has no row for %s", t.Endpoint)
			}
		}
	}
	if got := fmt.Sprint(scimapi.Endpoints(), scimapi.Actions()); got !=
		"[.search Bulk Me ResourceTypes Schemas ServiceProviderConfig] [DeletedUser/.restore User/.endSessions]" {
		m.t.Errorf("the service has other endpoints than the matrix: %s", got)
	}
}
