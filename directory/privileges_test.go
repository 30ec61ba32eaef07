package directory_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"rollcall/directory"
	"rollcall/directory/directorytest"
	"rollcall/directory/schema"
)

func roles(values ...string) []any {
	list := []any{}
	for _, v := range values {
		list = append(list, map[string]any{"value": v})
	}
	return list
}

// giving is a Group's document that gives the roles.
func giving(name string, values ...string) schema.Document {
	return schema.Document{"displayName": name, groupAccess: map[string]any{"roles": roles(values...)}}
}

// withScope acts with the scope of a token.
func withScope(t testing.TB, d *directory.Directory, scope string) *directory.Directory {
	t.Helper()
	secret, _ := token(t, d, scoped(scope))
	return bearer(t, d, secret)
}

// A credential that loses some of its rights while its request is under way commits nothing.
func TestDemotedWhileWriting(t *testing.T) {
	for _, c := range []struct{ had, has string }{{"write", "read"}, {"admin", "write"}, {"admin", "read"}} {
		t.Run(c.had+" to "+c.has, func(t *testing.T) {
			d := home(t)
			secret, id := token(t, d, scoped(c.had))
			runs := 0
			_, err := bearer(t, d, secret).Update(t.Context(), func(tx *directory.Tx) error {
				if runs++; runs == 1 {
					defer update(t, d, modify("AccessToken", id, schema.Document{"scopes": []any{c.has}}))
				}
				_, err := tx.Create("User", schema.Document{"userName": "u"})
				return err
			})
			wantKind(t, err, directory.Unauthenticated)
			if got := find(t, d, "User", `userName eq "u"`); len(got) != 0 {
				t.Error("written with rights that the credential had lost")
			}
		})
	}
}

// A token that gains rights, or is renamed, meanwhile goes on.
func TestPromotedWhileWriting(t *testing.T) {
	d := home(t)
	secret, id := token(t, d, scoped("write"))
	runs := 0
	update(t, bearer(t, d, secret), func(tx *directory.Tx) error {
		if runs++; runs == 1 {
			defer update(t, d, modify("AccessToken", id, schema.Document{"scopes": []any{"admin", "read"}}))
		}
		_, err := tx.Create("User", schema.Document{"userName": "u"})
		return err
	})
	if runs != 2 {
		t.Errorf("the change ran %d times", runs)
	}
}

// The rights of a session are those that its User's roles give together; losing one of them ends what rests on it.
func TestRightsOfRoles(t *testing.T) {
	d := home(t)
	u := createUser(t, d, "u")
	s := session(t, d, u.ID)
	for _, c := range []struct {
		roles  []any
		reads  map[string]bool
		writes map[string]bool
	}{
		{roles("helper"), nil, nil},
		{roles("Administrator", "ADMINISTRATOR", " administrator"), nil, nil},
		{roles("auditor"), map[string]bool{"User": true, "Event": true, "AccessToken": true, "IdentityProvider": true, "SignIn": true}, nil},
		{roles("manager"), map[string]bool{"User": true, "IdentityProvider": true, "SignIn": true}, map[string]bool{"User": true, "Group": true}},
		{roles("manager", "auditor"), map[string]bool{"User": true, "Event": true, "AccessToken": true, "IdentityProvider": true, "SignIn": true}, map[string]bool{"User": true, "Group": true}},
		{roles("administrator", "auditor"), map[string]bool{"User": true, "Event": true, "AccessToken": true, "IdentityProvider": true, "SignIn": true},
			map[string]bool{"User": true, "Group": true, "IdentityProvider": true, "AccessToken": true}},
	} {
		update(t, d, modify("User", u.ID, schema.Document{"roles": c.roles}))
		as := d.As(directory.Actor{Type: "Session", Rights: directory.RightsOf(snapshot(t, d), u.ID), User: u.ID})
		for _, typ := range []string{"User", "Event", "AccessToken", "IdentityProvider", "SignIn"} {
			if _, err := as.Query(t.Context(), directory.Query{Type: typ}); (err == nil) != c.reads[typ] {
				t.Errorf("%v reads %s: %v", c.roles, typ, err)
			}
		}
		for typ, doc := range map[string]schema.Document{"User": {"userName": "made"}, "Group": {"displayName": "made"},
			"IdentityProvider": {"displayName": "made"}, "AccessToken": scoped("read")} {
			_, err := as.Update(t.Context(), func(tx *directory.Tx) error {
				r, err := tx.Create(typ, doc)
				if err == nil {
					err = tx.Delete(r)
				}
				return err
			})
			if (err == nil) != c.writes[typ] {
				t.Errorf("%v writes %s: %v", c.roles, typ, err)
			}
		}
	}
	if s.Actor().Rights != directory.ScopeSelf {
		t.Errorf("a session of nobody special has the rights %b", s.Actor().Rights)
	}
}

// Each role that a session's rights rest on is compared by what it commits.
func TestRoleLostWhileWriting(t *testing.T) {
	for _, c := range []struct {
		name   string
		left   []string
		commit bool
	}{
		{"all", []string{}, false},
		{"manager", []string{"auditor"}, false},
		{"auditor", []string{"manager"}, false},
		{"none that counts", []string{"manager", "auditor"}, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := home(t)
			u := create(t, d, "User", schema.Document{"userName": "u", "roles": roles("manager", "auditor", "helper")})
			runs := 0
			_, err := session(t, d, u.ID).Update(t.Context(), func(tx *directory.Tx) error {
				if runs++; runs == 1 {
					defer update(t, d, modify("User", u.ID, schema.Document{"roles": roles(c.left...)}))
				}
				_, err := tx.Create("User", schema.Document{"userName": "made"})
				return err
			})
			if (err == nil) != c.commit || runs != 2 && c.commit {
				t.Errorf("%v after %d runs", err, runs)
			}
		})
	}
}

// What write provisions gives no rights, whoever repeats it, until an administrator takes it away and gives it.
func TestProvisionedRolesGiveNothing(t *testing.T) {
	s := directorytest.New(t)
	d := s.Organization("default")
	write := withScope(t, d, "write")
	update(t, write, func(tx *directory.Tx) error {
		_, err := tx.Create("User", schema.Document{"userName": "u", "roles": roles("later")})
		return err
	})
	id, _ := directory.ParseID(find(t, d, "User", `userName eq "u"`)[0])
	given := func() bool { return directory.GivesRole(snapshot(t, d), id, "later") }
	if got := snapshot(t, d).Roles(id); len(got) != 1 || given() || snapshot(t, d).Privileged(id) {
		t.Fatalf("roles %v, given %v", got, given())
	}
	update(t, d, modify("User", id, schema.Document{"roles": roles("later"), "title": "x"}))
	if given() {
		t.Error("an administrator's echo gives the role")
	}
	update(t, write, modify("User", id, schema.Document{"roles": nil}))
	update(t, d, modify("User", id, schema.Document{"roles": roles("later")}))
	if !given() || !snapshot(t, d).Privileged(id) {
		t.Error("the role that an administrator gave does not count")
	}
	_, err := write.Update(t.Context(), modify("User", id, schema.Document{"roles": nil}))
	wantKind(t, err, directory.Forbidden)
}

// Roles of records from before they were told apart count, but for those that gave no rights then.
func TestRolesFromBefore(t *testing.T) {
	c, root := directorytest.Client(t), directorytest.Root()
	s := directorytest.Open(t, c, directory.Options{Root: root})
	d := s.Organization("default")
	u := create(t, d, "User", schema.Document{"userName": "u", "roles": roles("administrator", "manager", "helper")})
	g := create(t, d, "Group", giving("g", "auditor"))
	v := createUser(t, d, "v")
	update(t, d, add(g.ID, v.ID))
	if directory.RightsOf(snapshot(t, d), v.ID) == directory.ScopeSelf {
		t.Fatal("a group's role gives nothing")
	}
	s.Close()
	for _, r := range []*directory.Resource{u, g} { // as the program wrote them before
		org := snapshot(t, directorytest.Open(t, c, directory.Options{Root: root}).Organization("default")).Organization()
		key := root + "/org/" + string(org.ID[:]) + "/r/" + r.Type + "/" + string(r.ID[:])
		resp, err := c.Get(t.Context(), key)
		if err != nil || len(resp.Kvs) != 1 {
			t.Fatal(resp, err)
		}
		head, doc, _ := strings.Cut(string(resp.Kvs[0].Value), "\n")
		head, _, found := strings.Cut(head, " granted=")
		if !found {
			t.Fatalf("%s has no mark: %s", r.Type, head)
		}
		if _, err := c.Put(t.Context(), key, head+"\n"+doc); err != nil {
			t.Fatal(err)
		}
	}
	d = directorytest.Open(t, c, directory.Options{Root: root}).Organization("default")
	now := snapshot(t, d)
	if directory.RightsOf(now, u.ID) != directory.ScopeAdmin || directory.RightsOf(now, v.ID) != directory.ScopeSelf {
		t.Errorf("rights %b and %b", directory.RightsOf(now, u.ID), directory.RightsOf(now, v.ID))
	}
	if got := fmt.Sprint(now.Roles(u.ID), now.Roles(v.ID)); got != "[administrator helper] []" {
		t.Errorf("effective roles %s", got)
	}
	for role, want := range map[string]bool{"administrator": true, "helper": true, "manager": false} {
		if directory.GivesRole(now, u.ID, role) != want {
			t.Errorf("%s given: %v", role, !want)
		}
	}

	// The marks stay through a change, and end when an administrator gives the role.
	update(t, d, modify("User", u.ID, schema.Document{"roles": roles("manager"), "title": "x"}))
	if got := directory.RightsOf(snapshot(t, d), u.ID); got != directory.ScopeSelf {
		t.Errorf("rights %b after a change", got)
	}
	update(t, d, modify("User", u.ID, schema.Document{"roles": nil}))
	update(t, d, modify("User", u.ID, schema.Document{"roles": roles("manager")}))
	if got := directory.RightsOf(snapshot(t, d), u.ID); got == directory.ScopeSelf {
		t.Error("the role that an administrator gave does not count")
	}
}

// A PUT leaves what its client cannot take away.
func TestCarryPrivileges(t *testing.T) {
	d := home(t)
	u := create(t, d, "User", schema.Document{"userName": "u", "roles": roles("administrator")})
	g := create(t, d, "Group", giving("g", "x"))
	write := withScope(t, d, "write")
	putBy := func(by *directory.Directory, typ string, id directory.ID, doc schema.Document) error {
		_, err := by.Update(t.Context(), func(tx *directory.Tx) error {
			old, err := tx.Get(typ, id)
			if err != nil {
				return err
			}
			if err := tx.CarryPrivileges(old, doc); err != nil {
				return err
			}
			_, err = tx.Replace(old, doc)
			return err
		})
		return err
	}
	put := func(typ string, id directory.ID, doc schema.Document) error { return putBy(write, typ, id, doc) }
	text := func(typ string, id directory.ID, path string) string {
		r, err := snapshot(t, d).Get(typ, id)
		if err != nil {
			t.Fatal(err)
		}
		return r.Text(path)
	}
	for _, c := range []struct {
		sent []any
		want string
		kind directory.Kind
	}{
		{roles("mine"), `["administrator","mine"]`, 0},
		{nil, `["administrator"]`, 0},
		{roles("mine", "administrator"), `["mine","administrator"]`, 0},
		{roles(), `["administrator"]`, 0},
		{roles("manager"), `["administrator"]`, directory.Forbidden},
	} {
		err := put("User", u.ID, schema.Document{"userName": "u", "roles": c.sent, "title": fmt.Sprint(c.sent)})
		if directory.KindOf(err) != c.kind {
			t.Errorf("PUT with %v: %v", c.sent, err)
		}
		if got := text("User", u.ID, "roles.#.value"); got != c.want {
			t.Errorf("PUT with %v leaves %s, want %s", c.sent, got, c.want)
		}
	}
	if directory.RightsOf(snapshot(t, d), u.ID) != directory.ScopeAdmin {
		t.Error("the administrator is none any more")
	}
	if err := put("Group", g.ID, schema.Document{"displayName": "g"}); err != nil {
		t.Errorf("an echo of a group with roles: %v", err)
	}
	wantKind(t, put("Group", g.ID, schema.Document{"displayName": "h"}), directory.Forbidden)
	wantKind(t, put("Group", g.ID, schema.Document{"displayName": "g", groupAccess: map[string]any{"protected": true}}), directory.Forbidden)

	// A manager leaves out what a client provisioned; an administrator takes away what he leaves out.
	m := create(t, d, "User", schema.Document{"userName": "m", "roles": roles("manager")})
	update(t, write, func(tx *directory.Tx) error {
		_, err := tx.Create("User", schema.Document{"userName": "app", "roles": roles("app role")})
		return err
	})
	app, _ := directory.ParseID(find(t, d, "User", `userName eq "app"`)[0])
	if err := putBy(session(t, d, m.ID), "User", app, schema.Document{"userName": "app", "title": "x"}); err != nil {
		t.Errorf("PUT by a manager: %v", err)
	}
	if got := text("User", app, "roles.#.value"); got != `["app role"]` {
		t.Errorf("a manager's PUT leaves %s", got)
	}
	if err := put("User", app, schema.Document{"userName": "app"}); err != nil || text("User", app, "roles") != "" {
		t.Errorf("PUT by the client that provisioned: %v, %s", err, text("User", app, "roles"))
	}
	if err := putBy(d, "User", u.ID, schema.Document{"userName": "u"}); err != nil || text("User", u.ID, "roles") != "" {
		t.Errorf("an administrator's PUT without roles leaves them: %v", err)
	}
	if err := putBy(d, "Group", g.ID, schema.Document{"displayName": "g"}); err != nil ||
		snapshot(t, d).PrivilegedGroup(g.ID) {
		t.Errorf("an administrator's PUT without roles leaves the group's: %v", err)
	}
}

// Write brings nobody with privileges back whom an administrator deactivated.
func TestSuspended(t *testing.T) {
	for _, c := range []struct {
		name string
		by   string // who deactivates
		make func(d *directory.Directory, u directory.ID)
		want directory.Kind
	}{
		{"an administrator", "admin", func(d *directory.Directory, u directory.ID) {
			update(t, d, modify("User", u, schema.Document{"roles": roles("administrator")}))
		}, directory.Forbidden},
		{"of a group with roles", "admin", func(d *directory.Directory, u directory.ID) {
			g := create(t, d, "Group", giving("g", "auditor"))
			update(t, d, add(g.ID, u))
		}, directory.Forbidden},
		{"nobody special", "admin", func(*directory.Directory, directory.ID) {}, 0},
		{"an administrator whom write deactivated", "write", func(d *directory.Directory, u directory.ID) {
			update(t, d, modify("User", u, schema.Document{"roles": roles("administrator")}))
		}, 0},
	} {
		for _, missing := range []bool{false, true} { // active is absent: it counts as true
			t.Run(fmt.Sprint(c.name, missing), func(t *testing.T) {
				d := home(t)
				u := createUser(t, d, "u")
				c.make(d, u.ID)
				update(t, withScope(t, d, c.by), modify("User", u.ID, schema.Document{"active": false}))
				write := withScope(t, d, "write")
				update(t, write, modify("User", u.ID, schema.Document{"title": "x"}))
				next := schema.Document{"active": true}
				if missing {
					next["active"] = nil
				}
				_, err := write.Update(t.Context(), modify("User", u.ID, next))
				if directory.KindOf(err) != c.want || err != nil && c.want == 0 {
					t.Errorf("activated by write: %v", err)
				}
				if e, ok := errors.AsType[*directory.Error](err); ok && e.Attr != "active" {
					t.Errorf("refused for %q: %v", e.Attr, err)
				}
				update(t, d, modify("User", u.ID, schema.Document{"active": true}))
				update(t, write, modify("User", u.ID, schema.Document{"active": false}))
				update(t, write, modify("User", u.ID, schema.Document{"active": true}))
			})
		}
	}
}

// becoming are the ways in which a group comes to mean more, or a User to have privileges through it.
var becoming = map[string]func(t *testing.T, d *directory.Directory, group, around directory.ID){
	"the group gives a role": func(t *testing.T, d *directory.Directory, group, _ directory.ID) {
		update(t, d, modify("Group", group, giving("g", "administrator")))
	},
	"the group is protected": func(t *testing.T, d *directory.Directory, group, _ directory.ID) {
		update(t, d, modify("Group", group, schema.Document{groupAccess: map[string]any{"protected": true}}))
	},
	"the group around it gives a role": func(t *testing.T, d *directory.Directory, _, around directory.ID) {
		update(t, d, modify("Group", around, giving("a", "auditor")))
	},
	"it gets into a group that gives a role": func(t *testing.T, d *directory.Directory, group, _ directory.ID) {
		g := create(t, d, "Group", giving("x", "administrator"))
		update(t, d, add(g.ID, group))
	},
	"the group around it gets into one": func(t *testing.T, d *directory.Directory, _, around directory.ID) {
		g := create(t, d, "Group", giving("x", "administrator"))
		update(t, d, add(g.ID, around))
	},
	"a new group that gives a role takes it in": func(t *testing.T, d *directory.Directory, group, _ directory.ID) {
		update(t, d, func(tx *directory.Tx) error {
			g, err := tx.Create("Group", giving("x", "administrator"))
			if err != nil {
				return err
			}
			return tx.AddMembers(g, []directory.ID{group})
		})
	},
}

// A group becomes privileged between a decision of write and its commit.
func TestPrivilegedWhileWriting(t *testing.T) {
	for name, privilege := range becoming {
		for what, change := range map[string]func(group, user, other directory.ID) func(*directory.Tx) error{
			"add":    func(g, _, o directory.ID) func(*directory.Tx) error { return add(g, o) },
			"remove": func(g, u, _ directory.ID) func(*directory.Tx) error { return take(g, u) },
			"set":    func(g, u, o directory.ID) func(*directory.Tx) error { return set(g, o) },
			"rename": func(g, _, _ directory.ID) func(*directory.Tx) error {
				return modify("Group", g, schema.Document{"displayName": "renamed"})
			},
			"delete": func(g, _, _ directory.ID) func(*directory.Tx) error { return remove("Group", g) },
		} {
			t.Run(what+" while "+name, func(t *testing.T) {
				d := home(t)
				g, around, u, o := createGroup(t, d, "g"), createGroup(t, d, "a"), createUser(t, d, "u"), createUser(t, d, "o")
				update(t, d, add(around.ID, g.ID))
				update(t, d, add(g.ID, u.ID))
				runs := 0
				_, err := withScope(t, d, "write").Update(t.Context(), func(tx *directory.Tx) error {
					if runs++; runs == 1 {
						defer privilege(t, d, g.ID, around.ID)
					}
					return change(g.ID, u.ID, o.ID)(tx)
				})
				wantKind(t, err, directory.Forbidden)
				if runs != 2 {
					t.Errorf("the change ran %d times", runs)
				}
				if s := snapshot(t, d); !s.IsMember(g.ID, u.ID) || s.IsMember(g.ID, o.ID) {
					t.Error("write changed the members of a group that had become privileged")
				}
			})
		}
	}
}

// A User gets privileges between a decision that rests on it having none and the commit.
func TestGuardUnprivileged(t *testing.T) {
	ways := map[string]func(t *testing.T, d *directory.Directory, group, around, user directory.ID){
		"a role": func(t *testing.T, d *directory.Directory, _, _, user directory.ID) {
			update(t, d, modify("User", user, schema.Document{"roles": roles("x")}))
		},
		"a group with a role": func(t *testing.T, d *directory.Directory, _, _, user directory.ID) {
			g := create(t, d, "Group", giving("x", "administrator"))
			update(t, d, add(g.ID, user))
		},
		"a group in one with a role": func(t *testing.T, d *directory.Directory, _, _, user directory.ID) {
			outer, inner := create(t, d, "Group", giving("x", "administrator")), createGroup(t, d, "inner")
			update(t, d, add(outer.ID, inner.ID))
			update(t, d, add(inner.ID, user))
		},
		"a new group with a role": func(t *testing.T, d *directory.Directory, _, _, user directory.ID) {
			update(t, d, func(tx *directory.Tx) error {
				g, err := tx.Create("Group", giving("x", "administrator"))
				if err != nil {
					return err
				}
				return tx.AddMembers(g, []directory.ID{user})
			})
		},
		"a connection's grant in a protected group": func(t *testing.T, d *directory.Directory, _, _, user directory.ID) {
			c := create(t, d, "IdentityProvider", schema.Document{"displayName": "c"})
			g := create(t, d, "Group", schema.Document{"displayName": "x", groupAccess: map[string]any{"protected": true}})
			update(t, d, func(tx *directory.Tx) error { tx.GrantBy(c.ID); return add(g.ID, user)(tx) })
		},
	}
	for name, privilege := range becoming {
		ways[name] = func(t *testing.T, d *directory.Directory, group, around, _ directory.ID) {
			privilege(t, d, group, around)
		}
	}
	for name, way := range ways {
		t.Run(name, func(t *testing.T) {
			d := home(t)
			g, around, u := createGroup(t, d, "g"), createGroup(t, d, "a"), createUser(t, d, "u")
			update(t, d, add(around.ID, g.ID))
			update(t, d, add(g.ID, u.ID))
			runs := 0
			_, err := d.Update(t.Context(), func(tx *directory.Tx) error {
				if runs++; runs == 1 {
					defer way(t, d, g.ID, around.ID, u.ID)
				}
				user, err := tx.Snapshot().Get("User", u.ID) // which the change does not depend on yet
				if err != nil {
					return err
				}
				if tx.Snapshot().Privileged(u.ID) {
					return &directory.Error{Kind: directory.Forbidden}
				}
				tx.GuardUnprivileged(user)
				tx.PutNote("x", u.ID, nil)
				return nil
			})
			if wantKind(t, err, directory.Forbidden); runs != 2 {
				t.Errorf("the change ran %d times", runs)
			}
		})
	}
}

// A manager changes people without privileges, and only those.
func TestManager(t *testing.T) {
	d := home(t)
	m := create(t, d, "User", schema.Document{"userName": "m", "roles": roles("manager")})
	plain := createUser(t, d, "plain")
	helper := create(t, d, "User", schema.Document{"userName": "helper", "roles": roles("helper")})
	member := createUser(t, d, "member")
	g, special := createGroup(t, d, "g"), create(t, d, "Group", giving("special", "x"))
	update(t, d, add(special.ID, member.ID))
	s := session(t, d, m.ID)
	provisioned := func() directory.ID {
		update(t, withScope(t, d, "write"), func(tx *directory.Tx) error {
			_, err := tx.Create("User", schema.Document{"userName": "app", "roles": roles("app role")})
			return err
		})
		id, _ := directory.ParseID(find(t, d, "User", `userName eq "app"`)[0])
		return id
	}()
	for _, c := range []struct {
		name   string
		change func(*directory.Tx) error
		kind   directory.Kind
	}{
		{"change a User", modify("User", plain.ID, schema.Document{"title": "x"}), 0},
		{"change a User with provisioned roles", modify("User", provisioned, schema.Document{"title": "x"}), 0},
		{"change provisioned roles", modify("User", provisioned, schema.Document{"roles": nil}), directory.Forbidden},
		{"give a role that gives nothing", modify("User", plain.ID, schema.Document{"roles": roles("x")}), directory.Forbidden},
		{"change a User with roles", modify("User", helper.ID, schema.Document{"title": "x"}), directory.Forbidden},
		{"leave a User with roles as it is", modify("User", helper.ID, schema.Document{}), 0},
		{"deactivate a User with roles", modify("User", helper.ID, schema.Document{"active": false}), directory.Forbidden},
		{"delete a User with roles", remove("User", helper.ID), directory.Forbidden},
		{"change himself", modify("User", m.ID, schema.Document{"title": "x"}), directory.Forbidden},
		{"delete a User of a group with roles", remove("User", member.ID), directory.Forbidden},
		{"change a group", add(g.ID, plain.ID), 0},
		{"change a group with roles", add(special.ID, plain.ID), directory.Forbidden},
		{"rename a group with roles", modify("Group", special.ID, schema.Document{"displayName": "s"}), directory.Forbidden},
		{"end sessions", func(tx *directory.Tx) error { return tx.EndSessions(plain.ID) }, directory.Forbidden},
		{"delete a User", remove("User", plain.ID), 0},
	} {
		_, err := d.As(s.Actor()).Update(t.Context(), c.change)
		if directory.KindOf(err) != c.kind {
			t.Errorf("%s: %v", c.name, err)
		}
	}

	// What is refused is named.
	for attr, change := range map[string]func(*directory.Tx) error{
		"members": add(special.ID, member.ID), "": remove("Group", special.ID),
		"roles":     modify("User", member.ID, schema.Document{"roles": roles("x")}),
		groupAccess: modify("Group", g.ID, schema.Document{groupAccess: map[string]any{"protected": true}}),
	} {
		_, err := d.As(s.Actor()).Update(t.Context(), change)
		if e, ok := errors.AsType[*directory.Error](err); !ok || e.Kind != directory.Forbidden || e.Attr != attr {
			t.Errorf("%s: %v", attr, err)
		}
	}
}

// A manager tunes a connection and decides nothing about who somebody is, or what people are given.
func TestTuning(t *testing.T) {
	d := home(t)
	m := create(t, d, "User", schema.Document{"userName": "m", "roles": roles("manager")})
	plain, special := createGroup(t, d, "g"), create(t, d, "Group", giving("special", "x"))
	refs := func(ids ...directory.ID) []any {
		list := []any{}
		for _, id := range ids {
			list = append(list, map[string]any{"value": id.String()})
		}
		return list
	}
	jit := func(pairs ...any) map[string]any {
		m := map[string]any{}
		for i := 0; i < len(pairs); i += 2 {
			m[pairs[i].(string)] = pairs[i+1]
		}
		return m
	}
	c := create(t, d, "IdentityProvider", schema.Document{"displayName": "c", "jit": jit("enabled", false),
		"linkBy": []any{"userName"}, "sessionMinutes": json.Number("30")})
	open := create(t, d, "IdentityProvider", schema.Document{"displayName": "open",
		"jit": jit("enabled", true, "defaultGroups", refs(special.ID))})
	trap := create(t, d, "IdentityProvider", schema.Document{"displayName": "trap",
		"jit": jit("enabled", false, "defaultGroups", refs(special.ID))})
	syncs := map[string]directory.ID{}
	for _, mode := range []string{"none", "add", "full"} {
		syncs[mode] = create(t, d, "IdentityProvider", schema.Document{"displayName": mode, "jit": jit("enabled", mode == "full"),
			"groupSync": jit("mode", mode, "allowPrivileged", []any{special.ID.String()})}).ID
	}
	as := d.As(session(t, d, m.ID).Actor())
	for _, c := range []struct {
		name   string
		change func(*directory.Tx) error
		kind   directory.Kind
	}{
		{"switch JIT on with a sync that gives privileges", modify("IdentityProvider", syncs["add"], schema.Document{"jit": jit("enabled", true)}), directory.Forbidden},
		{"switch JIT off with a sync that gives privileges", modify("IdentityProvider", syncs["full"], schema.Document{"jit": jit("enabled", false)}), directory.Forbidden},
		{"switch JIT on with a sync that is off", modify("IdentityProvider", syncs["none"], schema.Document{"jit": jit("enabled", true)}), 0},
		{"rename with a sync that gives privileges", modify("IdentityProvider", syncs["add"], schema.Document{"displayName": "x"}), 0},
		{"rename", modify("IdentityProvider", c.ID, schema.Document{"displayName": "d"}), 0},
		{"switch JIT on", modify("IdentityProvider", c.ID, schema.Document{"jit": jit("enabled", true)}), 0},
		{"default group", modify("IdentityProvider", c.ID, schema.Document{"jit": jit("enabled", true, "defaultGroups", refs(plain.ID))}), 0},
		{"updates", modify("IdentityProvider", c.ID, schema.Document{"jit": jit("update", jit("default", "never"))}), 0},
		{"no jit at all", modify("IdentityProvider", c.ID, schema.Document{"jit": nil}), 0},
		{"privileged default group", modify("IdentityProvider", c.ID, schema.Document{"jit": jit("defaultGroups", refs(special.ID))}), directory.Forbidden},
		{"switch JIT on with a privileged group", modify("IdentityProvider", trap.ID, schema.Document{"jit": jit("enabled", true, "defaultGroups", refs(special.ID))}), directory.Forbidden},
		{"rename with a privileged group that it has", modify("IdentityProvider", open.ID, schema.Document{"displayName": "x"}), 0},
		{"rename with a privileged group", modify("IdentityProvider", trap.ID, schema.Document{"displayName": "x"}), 0},
		{"revive the deleted", modify("IdentityProvider", c.ID, schema.Document{"jit": jit("reviveDeleted", true)}), directory.Forbidden},
		{"names", modify("IdentityProvider", c.ID, schema.Document{"jit": jit("requireNames", false)}), directory.Forbidden},
		{"metadata", modify("IdentityProvider", c.ID, schema.Document{"metadataUrl": "https://x.example/m"}), directory.Forbidden},
		{"linkBy", modify("IdentityProvider", c.ID, schema.Document{"linkBy": []any{"emails"}}), directory.Forbidden},
		{"linkPrivileged", modify("IdentityProvider", c.ID, schema.Document{"linkPrivileged": true}), directory.Forbidden},
		{"enabled", modify("IdentityProvider", c.ID, schema.Document{"enabled": false}), directory.Forbidden},
		{"group sync", modify("IdentityProvider", c.ID, schema.Document{"groupSync": jit("allowPrivileged", []any{special.ID.String()})}), directory.Forbidden},
		{"default", modify("IdentityProvider", c.ID, schema.Document{"default": true}), directory.Forbidden},
		{"delete", remove("IdentityProvider", c.ID), directory.Forbidden},
		{"create", func(tx *directory.Tx) error {
			_, err := tx.Create("IdentityProvider", schema.Document{"displayName": "new"})
			return err
		}, directory.Forbidden},
	} {
		_, err := as.Update(t.Context(), c.change)
		if directory.KindOf(err) != c.kind {
			t.Errorf("%s: %v", c.name, err)
		}
	}

	// The group becomes privileged before the commit.
	runs := 0
	_, err := as.Update(t.Context(), func(tx *directory.Tx) error {
		if runs++; runs == 1 {
			defer update(t, d, modify("Group", plain.ID, giving("g", "administrator")))
		}
		return modify("IdentityProvider", c.ID, schema.Document{"jit": jit("defaultGroups", refs(plain.ID))})(tx)
	})
	if wantKind(t, err, directory.Forbidden); runs != 2 {
		t.Errorf("the change ran %d times", runs)
	}
}

// A session may end itself, whatever its rights, and nobody else's.
func TestSignOut(t *testing.T) {
	d := home(t)
	u := createUser(t, d, "u")
	one, two := session(t, d, u.ID), session(t, d, u.ID)
	if err := one.SignOut(t.Context()); err != nil {
		t.Fatal(err)
	}
	sessions, err := d.Query(t.Context(), directory.Query{Type: "Session", Limit: 10})
	if err != nil || sessions.Total != 1 || sessions.Resources[0].ID.String() != two.Actor().ID {
		t.Errorf("%d sessions: %v", sessions.Total, err)
	}
	if err := one.SignOut(t.Context()); err == nil {
		t.Error("a session that has ended signs out")
	}
	wantKind(t, withScope(t, d, "admin").SignOut(t.Context()), directory.Forbidden)
	if n := len(find(t, d, "User", `userName eq "u"`)); n != 1 {
		t.Error("the User is gone")
	}
}

// A session that ends while its request is under way commits nothing, whichever way it ends.
func TestSessionEndedWhileWriting(t *testing.T) {
	for name, end := range map[string]func(t *testing.T, s *directory.Store, session, user directory.ID){
		"deleted": func(t *testing.T, s *directory.Store, session, _ directory.ID) {
			update(t, s.Organization("default"), remove("Session", session))
		},
		"all ended": func(t *testing.T, s *directory.Store, _, user directory.ID) {
			update(t, s.Organization("default"), func(tx *directory.Tx) error { return tx.EndSessions(user) })
		},
		"User deactivated": func(t *testing.T, s *directory.Store, _, user directory.ID) {
			update(t, s.Organization("default"), modify("User", user, schema.Document{"active": false}))
		},
		"connection disabled": func(t *testing.T, s *directory.Store, _, _ directory.ID) {
			d := s.Organization("default")
			for c := range snapshot(t, d).All("IdentityProvider") {
				update(t, d, modify("IdentityProvider", c.ID, schema.Document{"enabled": false}))
			}
		},
		"connection deleted": func(t *testing.T, s *directory.Store, _, _ directory.ID) {
			d := s.Organization("default")
			for c := range snapshot(t, d).All("IdentityProvider") {
				update(t, d, remove("IdentityProvider", c.ID))
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			store := directorytest.New(t)
			d := store.Organization("default")
			u := create(t, d, "User", schema.Document{"userName": "u", "roles": roles("administrator")})
			s := session(t, d, u.ID)
			id, _ := directory.ParseID(s.Actor().ID)
			runs := 0
			_, err := s.Update(t.Context(), func(tx *directory.Tx) error {
				if runs++; runs == 1 {
					defer end(t, store, id, u.ID)
				}
				_, err := tx.Create("User", schema.Document{"userName": "made"})
				return err
			})
			wantKind(t, err, directory.Unauthenticated)
			if len(find(t, d, "User", `userName eq "made"`)) != 0 {
				t.Error("a session that had ended created a User")
			}
		})
	}
}

// A User gets privileges between the decision that it has none and the commit: of a manager to change or delete it, of
// write to activate it after an administrator deactivated it.
func TestUserPrivilegedWhileWriting(t *testing.T) {
	ways := map[string]func(t *testing.T, d *directory.Directory, user directory.ID){
		"a role": func(t *testing.T, d *directory.Directory, user directory.ID) {
			update(t, d, modify("User", user, schema.Document{"roles": roles("x")}))
		},
		"a group": func(t *testing.T, d *directory.Directory, user directory.ID) {
			update(t, d, add(create(t, d, "Group", giving("x", "y")).ID, user))
		},
	}
	changes := map[string]struct {
		by     string
		change func(user directory.ID) func(*directory.Tx) error
	}{
		"a manager changes it": {"manager", func(u directory.ID) func(*directory.Tx) error {
			return modify("User", u, schema.Document{"title": "x"})
		}},
		"a manager deletes it": {"manager", func(u directory.ID) func(*directory.Tx) error { return remove("User", u) }},
		"write activates it": {"write", func(u directory.ID) func(*directory.Tx) error {
			return modify("User", u, schema.Document{"active": true})
		}},
	}
	for name, c := range changes {
		for way, privilege := range ways {
			t.Run(fmt.Sprint(name, " while given ", way), func(t *testing.T) {
				d := home(t)
				u := create(t, d, "User", schema.Document{"userName": "u", "active": c.by == "manager"})
				as := d.As(withScope(t, d, "write").Actor())
				if c.by == "manager" {
					m := create(t, d, "User", schema.Document{"userName": "m", "roles": roles("manager")})
					as = session(t, d, m.ID)
				}
				runs := 0
				_, err := as.Update(t.Context(), func(tx *directory.Tx) error {
					if runs++; runs == 1 {
						defer privilege(t, d, u.ID)
					}
					return c.change(u.ID)(tx)
				})
				if wantKind(t, err, directory.Forbidden); runs != 2 {
					t.Errorf("the change ran %d times", runs)
				}
			})
		}
	}
}

// A Group that exists gets a role, loses it and gets it again: its members have just what it gives.
func TestRoleOfAGroupThatExists(t *testing.T) {
	d := home(t)
	u, g := createUser(t, d, "u"), createGroup(t, d, "g")
	update(t, d, add(g.ID, u.ID))
	auditor := create(t, d, "User", schema.Document{"userName": "auditor", "roles": roles("auditor")})
	audits := directory.RightsOf(snapshot(t, d), auditor.ID)
	for _, step := range []struct {
		give []string
		want directory.Rights
	}{
		{[]string{"administrator"}, directory.ScopeAdmin}, {nil, directory.ScopeSelf},
		{[]string{"x", "administrator"}, directory.ScopeAdmin}, {[]string{"x"}, directory.ScopeSelf},
		{[]string{"x", "auditor"}, audits}, {[]string{"auditor"}, audits},
	} {
		update(t, d, modify("Group", g.ID, giving("g", step.give...)))
		if got := directory.RightsOf(snapshot(t, d), u.ID); got != step.want {
			t.Errorf("a group that gives %v: rights %b, want %b", step.give, got, step.want)
		}
	}
}

// A User whom write created inactive was not deactivated by an administrator, and one whom an administrator created so
// was.
func TestCreatedInactive(t *testing.T) {
	for by, want := range map[string]directory.Kind{"write": 0, "admin": directory.Forbidden} {
		d := home(t)
		u := create(t, d.As(withScope(t, d, by).Actor()), "User", schema.Document{"userName": "u", "active": false})
		update(t, d, modify("User", u.ID, schema.Document{"roles": roles("x")}))
		_, err := withScope(t, d, "write").Update(t.Context(), modify("User", u.ID, schema.Document{"active": true}))
		if directory.KindOf(err) != want {
			t.Errorf("created inactive by %s, activated by write: %v", by, err)
		}
	}
}
