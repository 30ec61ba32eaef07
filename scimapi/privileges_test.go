package scimapi_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"

	"rollcall/directory"
	"rollcall/scimapi"
)

const accessURN = "urn:rollcall:params:scim:schemas:extension:1.0:GroupAccess"

// rights are what a session of each User may do at this moment: the real ones, of a session that begins now.
func (s *server) rights(t *testing.T, connection directory.ID, users []string) map[string]directory.Rights {
	t.Helper()
	d := s.store.Organization("default")
	all := map[string]directory.Rights{}
	for _, user := range users {
		id, _ := directory.ParseID(user)
		var secret string
		_, err := d.Update(t.Context(), func(tx *directory.Tx) error {
			u, err := tx.Get("User", id)
			if err != nil || !directory.Active(u.JSON) {
				return err
			}
			secret, err = tx.CreateSession(id, connection, tx.Now().Add(1e12))
			return err
		})
		if err != nil && directory.KindOf(err) != directory.NotFound {
			t.Fatal(err)
		}
		if secret == "" { // deleted, or not active
			continue
		}
		a, err := d.Authenticate(t.Context(), directory.Credential{Session: secret})
		if err != nil {
			t.Fatal(err)
		}
		all[user] = a.Actor().Rights
	}
	return all
}

// Whatever a client with the scope write does, nobody's rights change but by being deactivated or deleted, and nobody
// is found at sign-in as somebody else with privileges.
func TestWriteMovesNoRights(t *testing.T) {
	for seed := range uint64(6) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) { writeMovesNoRights(t, rand.New(rand.NewPCG(seed, 11))) })
	}
}

func writeMovesNoRights(t *testing.T, r *rand.Rand) {
	s := serve(t, scimapi.Options{})
	admin, write := s.admin(t), s.client(t, "default", "write", nil)
	connection, _ := directory.ParseID(admin.must(201, "POST", "/IdentityProviders",
		`{"schemas":["urn:rollcall:params:scim:schemas:core:1.0:IdentityProvider"],`+
			`"displayName":"IdP","linkPrivileged":true,"linkBy":["userName","externalId","email"]}`).body["id"].(string))
	role := func(v string) map[string]any { return map[string]any{"value": v} }
	giving := func(name string, access map[string]any, members ...string) string {
		return admin.must(201, "POST", "/Groups",
			map[string]any{"schemas": []string{groupURN, accessURN}, "displayName": name,
				accessURN: access, "members": memberList(members)}).body["id"].(string)
	}

	// People with rights of every kind, and people without.
	own, helper := admin.user("own", "roles", []any{role("administrator")}),
		admin.user("helper", "roles", []any{role("helper")})
	inGroup, nested, guarded := admin.user("in"), admin.user("nested"), admin.user("guarded")
	users := []string{own, helper, inGroup, nested, guarded, admin.user("plain"), admin.user("plain2")}
	suspended := admin.user("suspended", "roles", []any{role("administrator")}, "active", false)
	users = append(users, suspended)
	special := []string{own, helper, inGroup, nested, guarded, suspended}
	inner := admin.group("inner", nested)
	groups := []string{inner, giving("managers", map[string]any{"roles": []any{role("manager")}}, inGroup),
		giving("auditors", map[string]any{"roles": []any{role("auditor")}}, inner),
		giving("guarded", map[string]any{"protected": true}, guarded), admin.group("plain", users[5])}
	privileged := slices.Clone(groups[:4])
	before := s.rights(t, connection, users)
	members := func() (all []string) {
		for _, g := range privileged {
			all = append(all,
				string(mustJSON(t,
					admin.must(200, "GET", "/Groups/"+g+"?attributes=displayName,members.value,"+accessURN, nil).body)))
		}
		return all
	}

	pick := func(list []string) string { return list[r.IntN(len(list))] }
	roles := func() []any {
		list := []any{}
		for range r.IntN(3) {
			list = append(list,
				role(pick([]string{"administrator", "manager", "auditor", "Administrator", "helper", "x"})))
		}
		return list
	}
	n := 0
	name := func() string { n++; return fmt.Sprint("n", n) }
	op := func(op, path string, value any) map[string]any {
		o := map[string]any{"op": op, "value": value}
		if path != "" {
			o["path"] = path
		}
		if op == "remove" {
			delete(o, "value")
		}
		return o
	}
	ops := func(list ...map[string]any) any {
		return map[string]any{"schemas": []string{patchURN}, "Operations": list}
	}
	identity := func() map[string]any { // what the connection finds Users by
		address := []any{map[string]any{"value": "mallory@x.example"}}
		return []map[string]any{{"userName": "mallory"}, {"externalId": "mallory"}, {"emails": address},
			{"userName": name(), "externalId": "mallory", "emails": address}}[r.IntN(4)]
	}
	user := func() map[string]any {
		doc := map[string]any{"schemas": []string{userURN}, "userName": name(), "roles": roles()}
		if r.IntN(3) == 0 {
			maps.Copy(doc, identity())
		}
		if r.IntN(2) == 0 {
			doc["active"] = r.IntN(3) > 0
		}
		return doc
	}
	group := func() map[string]any {
		doc := map[string]any{"schemas": []string{groupURN}, "displayName": name(),
			"members": memberList([]string{pick(users), pick(groups)})}
		if r.IntN(4) == 0 {
			doc[accessURN] = map[string]any{"roles": roles()}
		}
		return doc
	}
	calls := []func() (method, path string, body any){
		func() (string, string, any) { return "POST", "/Users", user() },
		func() (string, string, any) { return "PUT", "/Users/" + pick(users), user() },
		func() (string, string, any) { // with the name that it has
			doc, id := user(), pick(users)
			if is := admin.request("GET", "/Users/"+id, nil); is.status == 200 {
				doc["userName"] = is.body["userName"]
			}
			return "PUT", "/Users/" + id, doc
		},
		func() (string, string, any) {
			path, value := "", any(identity())
			if r.IntN(2) == 0 {
				for path, value = range identity() {
					break
				}
			}
			return "PATCH", "/Users/" + pick(users), ops(op(pick([]string{"add", "replace"}), path, value))
		},
		func() (string, string, any) {
			return "PATCH", "/Users/" + pick(users),
				ops(op("add", pick([]string{`emails[type eq "work"].value`, "emails.value"}), "mallory@x.example"))
		},
		func() (string, string, any) {
			return "PATCH", "/Users/" + pick(users), ops(op(pick([]string{"add", "replace"}), "roles", roles()))
		},
		func() (string, string, any) {
			return "PATCH", "/Users/" + pick(users),
				ops(op("replace", "", map[string]any{"roles": roles(), "title": name()}))
		},
		func() (string, string, any) {
			return "PATCH", "/Users/" + pick(users),
				ops(op("remove", pick([]string{"roles", `roles[value eq "administrator"]`, "roles.value"}), nil))
		},
		func() (string, string, any) {
			return "PATCH", "/Users/" + pick(users), ops(op("replace", "active", r.IntN(2) == 0))
		},
		func() (string, string, any) {
			return "PATCH", "/Users/" + pick(users), ops(op("remove", "active", nil))
		},
		func() (string, string, any) { return "DELETE", "/Users/" + pick(users[3:]), nil },
		func() (string, string, any) { return "POST", "/Groups", group() },
		func() (string, string, any) { return "PUT", "/Groups/" + pick(groups), group() },
		func() (string, string, any) {
			return "PATCH", "/Groups/" + pick(groups),
				ops(op("add", "members", memberList([]string{pick(users), pick(groups)})))
		},
		func() (string, string, any) {
			return "PATCH", "/Groups/" + pick(groups),
				ops(op("remove", pick([]string{"members", `members[value eq "` + pick(users) + `"]`}), nil))
		},
		func() (string, string, any) {
			return "POST", "/GroupMemberships", membership(pick(groups), pick(slices.Concat(users, groups)))
		},
		func() (string, string, any) {
			list, _ := admin.list("/GroupMemberships", "").body["Resources"].([]any)
			if len(list) == 0 {
				return "GET", "/GroupMemberships", nil
			}
			return "DELETE", "/GroupMemberships/" + pick(ids(list)), nil
		},
		func() (string, string, any) {
			return "POST", "/Roles", map[string]any{"schemas": []string{roleURN}, "value": name(),
				"contains": []string{"administrator"}}
		},
		func() (string, string, any) {
			return "PATCH", "/Groups/" + pick(groups), ops(op("replace", "displayName", name()))
		},
		func() (string, string, any) {
			return "PATCH", "/Groups/" + pick(groups),
				ops(op(pick([]string{"add", "remove"}), accessURN+":"+pick([]string{"roles", "protected"}), roles()))
		},
		func() (string, string, any) { return "DELETE", "/Groups/" + pick(groups), nil },
		func() (string, string, any) {
			return "POST", "/AccessTokens",
				map[string]any{"schemas": []string{tokenURN}, "displayName": "t", "scopes": []string{"admin"}}
		},
		func() (string, string, any) {
			return "POST", "/ResourceTypeDefinitions",
				map[string]any{"schemas": []string{"urn:rollcall:params:scim:schemas:core:1.0:ResourceTypeDefinition"},
					"name": "user", "endpoint": "/users", "schema": userURN}
		},
	}
	kept := members()
	deactivated := map[string]bool{}
	check := func(did any) {
		t.Helper()
		now := s.rights(t, connection, users)
		for user, is := range now {
			was, known := before[user]
			if user == suspended {
				t.Fatalf("%v brings back whom an administrator deactivated", did)
			}
			if !known {
				was = directory.ScopeSelf
			}
			if is != was {
				t.Fatalf("%v: the rights of %s were %b and are %b", did, user, was, is)
			}
		}
		for _, filter := range []string{`userName eq "mallory"`, `externalId eq "mallory"`,
			`emails.value eq "mallory@x.example"`} {
			for _, found := range ids(admin.list("/Users", filter).body["Resources"]) {
				if slices.Contains(special, found) {
					t.Fatalf("%v: whoever is mallory signs in as %s (%s)", did, found, filter)
				}
			}
		}
		for user := range before {
			if _, is := now[user]; !is {
				deactivated[user] = true
			}
		}
	}
	granted, refused := 0, 0
	for i := range 150 {
		method, path, body := calls[r.IntN(len(calls))]()
		if i%3 == 0 {
			m2, p2, b2 := calls[r.IntN(len(calls))]()
			body = map[string]any{"schemas": []string{"urn:ietf:params:scim:api:messages:2.0:BulkRequest"},
				"Operations": []any{
					map[string]any{"method": method, "path": path, "bulkId": "a", "data": body},
					map[string]any{"method": m2, "path": p2, "bulkId": "b", "data": b2}}}
			method, path = "POST", "/Bulk"
		}
		reply := write.request(method, path, body)
		switch {
		case reply.status == 403:
			refused++
		case reply.status < 300:
			granted++
		}
		if id, ok := reply.body["id"].(string); ok && method == "POST" {
			if path == "/Users" {
				users = append(users, id)
			} else {
				groups = append(groups, id)
			}
		}
		check(fmt.Sprint(method, " ", path, " ", body))
	}
	if now := members(); !slices.Equal(now, kept) && len(deactivated) == 0 {
		t.Errorf("privileged groups were %s and are %s", kept, now)
	}
	if granted < 30 || refused < 15 {
		t.Errorf("%d calls were carried out, %d refused", granted, refused)
	}
}
