package directory_test

import (
	"fmt"
	"testing"

	"rollcall/directory"
	"rollcall/directory/schema"
)

// Write says of nobody with privileges who it is: a connection with linkPrivileged would tie whoever has that name,
// externalId or address to the User.
func TestWriteKeepsIdentity(t *testing.T) {
	address := func(values ...string) schema.Document {
		list := []any{}
		for _, v := range values {
			list = append(list, map[string]any{"value": v})
		}
		return schema.Document{"emails": list}
	}
	const forbidden = directory.Forbidden
	for _, c := range []struct {
		name   string
		change schema.Document
		linkBy []any // of the connection
		may    bool  // whether the connection links Users with privileges
		want   directory.Kind
	}{
		{"userName", schema.Document{"userName": "mallory"}, nil, true, forbidden},
		{"userName, not linked by", schema.Document{"userName": "mallory"}, []any{"email"}, false, forbidden},
		{"the case of the userName", schema.Document{"userName": "Boss"}, nil, true, forbidden},
		{"externalId", schema.Document{"externalId": "m"}, []any{"externalId"}, true, forbidden},
		{"externalId, not linked by", schema.Document{"externalId": "m"}, []any{"userName", "email"}, true, 0},
		{"externalId, privileged Users not linked", schema.Document{"externalId": "m"}, []any{"externalId"}, false, 0},
		{"no externalId", schema.Document{"externalId": nil}, []any{"externalId"}, true, 0},
		{"address", address("mallory@x.example"), []any{"userName", "email"}, true, forbidden},
		{"another address", address("boss@x.example", "mallory@x.example"), []any{"email"}, true, forbidden},
		{"address, not linked by", address("mallory@x.example"), []any{"externalId"}, true, 0},
		{"address, privileged Users not linked", address("mallory@x.example"), []any{"email"}, false, 0},
		{"no address", schema.Document{"emails": nil}, []any{"email"}, true, 0},
		{"title", schema.Document{"title": "x"}, []any{"userName", "externalId", "email"}, true, 0},
		{"inactive", schema.Document{"active": false}, []any{"userName", "externalId", "email"}, true, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := home(t)
			create(t, d, "IdentityProvider", schema.Document{"displayName": "other"})
			idp := schema.Document{"displayName": "idp", "linkPrivileged": c.may}
			if c.linkBy != nil {
				idp["linkBy"] = c.linkBy
			}
			create(t, d, "IdentityProvider", idp)
			user := func(name string, roles []any) *directory.Resource {
				doc := address("boss@x.example", "b@x.example")
				doc["userName"], doc["externalId"], doc["roles"] = name, name, roles
				return create(t, d, "User", doc)
			}
			boss, member := user("boss", roles("x")), user("member", nil)
			g := create(t, d, "Group", giving("g", "x"))
			update(t, d, add(g.ID, member.ID))
			plain := user("plain", nil)
			write := withScope(t, d, "write")
			for _, r := range []*directory.Resource{boss, member} {
				if _, err := write.Update(t.Context(), modify("User", r.ID, c.change)); directory.KindOf(err) != c.want {
					t.Errorf("%s: %v", r.Text("userName"), err)
				}
			}
			update(t, write, remove("User", boss.ID))
			update(t, write, modify("User", plain.ID, c.change))
			update(t, d, modify("User", member.ID, schema.Document{"userName": "renamed by an administrator"}))
		})
	}
}

// A User gets privileges between the decision of write to rename it and the commit.
func TestRenamedWhilePrivileged(t *testing.T) {
	for what, change := range map[string]schema.Document{
		"userName":   {"userName": "mallory"},
		"externalId": {"externalId": "m"},
		"emails":     {"emails": []any{map[string]any{"value": "m@x.example"}}},
	} {
		for way, privilege := range map[string]func(t *testing.T, d *directory.Directory, user directory.ID){
			"a role": func(t *testing.T, d *directory.Directory, user directory.ID) {
				update(t, d, modify("User", user, schema.Document{"roles": roles("administrator")}))
			},
			"a group": func(t *testing.T, d *directory.Directory, user directory.ID) {
				update(t, d, add(create(t, d, "Group", giving("x", "administrator")).ID, user))
			},
		} {
			t.Run(fmt.Sprint(what, " while given ", way), func(t *testing.T) {
				d := home(t)
				create(t, d, "IdentityProvider", schema.Document{"displayName": "idp", "linkPrivileged": true,
					"linkBy": []any{"userName", "externalId", "email"}})
				u := createUser(t, d, "u")
				runs := 0
				_, err := withScope(t, d, "write").Update(t.Context(), func(tx *directory.Tx) error {
					if runs++; runs == 1 {
						defer privilege(t, d, u.ID)
					}
					return modify("User", u.ID, change)(tx)
				})
				if wantKind(t, err, directory.Forbidden); runs != 2 {
					t.Errorf("the change ran %d times", runs)
				}
			})
		}
	}
}
