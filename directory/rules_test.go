package directory_test

import (
	"fmt"
	"strings"
	"testing"

	"rollcall/directory"
	"rollcall/directory/directorytest"
	"rollcall/directory/schema"
)

// What the rules of each type refuse, beside what the schema does.

func TestRulesOfOrganizations(t *testing.T) {
	s := directorytest.New(t)
	sys, d := s.System(), s.Organization("default")
	target := func(n int) string { return "https://" + strings.Repeat("x", n-len("https://")) }
	for _, c := range []struct {
		name string
		doc  schema.Document
		kind directory.Kind
		attr string
	}{
		{"no name", schema.Document{"name": ""}, directory.Invalid, "name"},
		{"upper case", schema.Document{"name": "Acme"}, directory.Invalid, "name"},
		{"a slash", schema.Document{"name": "a/b"}, directory.Invalid, "name"},
		{"64 characters", schema.Document{"name": strings.Repeat("a", 64)}, directory.Invalid, "name"},
		{"63 characters", schema.Document{"name": strings.Repeat("a", 63)}, 0, ""},
		{"a login cookie's", schema.Document{"name": "login-x"}, directory.Invalid, "name"},
		{"a finish cookie's", schema.Document{"name": "finish-x"}, directory.Invalid, "name"},
		{"no cookie's", schema.Document{"name": "x-login-"}, 0, ""},
		{"a long target", schema.Document{"name": "t", "redirectTargets": []any{target(9),
			target(directory.MaxTarget + 1)}}, directory.Invalid, "redirectTargets[1]"},
		{"the longest target", schema.Document{"name": "t", "redirectTargets": []any{target(directory.MaxTarget)}}, 0, ""},
		{"a name twice", schema.Document{"name": "t"}, directory.Exists, "name"},
		{"two new domains, one of another organization", schema.Document{"name": "u", "domains": []any{
			domain("free.example"), domain("taken.example")}}, directory.Exists, "domains"},
	} {
		if c.attr == "domains" {
			create(t, sys, "Organization", schema.Document{"name": "owner", "domains": []any{domain("Taken.example")}})
		}
		wantRefusal(t, c.name, tryCreate(t, sys, "Organization", c.doc), c.kind, c.attr)
	}

	// Only the system scope makes and deletes organizations, whoever asks in another one.
	org := snapshot(t, d).Organization().ID
	err := tryCreate(t, d, "Organization", schema.Document{"name": "x"})
	wantRefusal(t, "made elsewhere", err, directory.Forbidden, "")
	_, err = d.Update(t.Context(), remove("Organization", org))
	wantRefusal(t, "deleted elsewhere", err, directory.Forbidden, "")

	// A name stays, targets are judged when they change, and whoever leaves out active means that it is.
	_, err = sys.Update(t.Context(), modify("Organization", org, schema.Document{"name": "renamed"}))
	wantRefusal(t, "renamed", err, directory.Mutability, "name")
	_, err = sys.Update(t.Context(), modify("Organization", org,
		schema.Document{"redirectTargets": []any{target(directory.MaxTarget + 1)}}))
	wantRefusal(t, "a long target on change", err, directory.Invalid, "redirectTargets[0]")
	update(t, sys, modify("Organization", org, schema.Document{"active": nil}))
	if s := snapshot(t, d); !s.Active() || s.Organization().Text("active") != "true" {
		t.Error("an organization whose active is left out is not active")
	}
}

// domain is a verified domain of an Organization.
func domain(name string) map[string]any { return map[string]any{"value": name, "verified": true} }

// wantRefusal checks the kind of an error and the attribute that it names.
func wantRefusal(t *testing.T, name string, err error, kind directory.Kind, attr string) {
	t.Helper()
	if directory.KindOf(err) != kind || attr != "" && !strings.Contains(err.Error(), attr) {
		t.Errorf("%s: %v, want one of the kind %q about %q", name, err, kind, attr)
	}
}

// A verified domain is free again when its organization has it no more, and stays held by one that has it twice.
func TestDomainsAreHeldAndReleased(t *testing.T) {
	s := directorytest.New(t)
	sys := s.System()
	org := func(name string, domains ...any) directory.ID {
		return create(t, sys, "Organization", schema.Document{"name": name, "domains": domains}).ID
	}
	a := org("a", domain("one.example"), domain("two.example"))
	b := org("b")
	give := func(to directory.ID, names ...string) error {
		list := []any{}
		for _, n := range names {
			list = append(list, domain(n))
		}
		_, err := sys.Update(t.Context(), modify("Organization", to, schema.Document{"domains": list}))
		return err
	}
	wantKind(t, give(b, "two.example"), directory.Exists)
	if err := give(a, "one.example"); err != nil {
		t.Fatal(err)
	}
	wantKind(t, give(b, "one.example", "two.example"), directory.Exists)
	if err := give(b, "two.example"); err != nil {
		t.Errorf("a domain that was given up: %v", err)
	}
	update(t, sys, remove("Organization", a))
	if err := give(b, "one.example", "two.example"); err != nil {
		t.Errorf("a domain of a deleted organization: %v", err)
	}
}

// While names of Groups are unique, a name is free again when its Group is renamed or deleted, and a Group may keep its
// own.
func TestUniqueGroupNamesAreReleased(t *testing.T) {
	s := directorytest.New(t)
	d := s.Organization("default")
	update(t, s.System(), modify("Organization", snapshot(t, d).Organization().ID,
		schema.Document{"uniqueGroupNames": true}))
	x, y := createGroup(t, d, "x"), createGroup(t, d, "y")
	update(t, d, modify("Group", x.ID, schema.Document{"displayName": "X", "externalId": "1"}))
	_, err := d.Update(t.Context(), modify("Group", y.ID, schema.Document{"displayName": "x"}))
	wantKind(t, err, directory.Exists)
	update(t, d, modify("Group", y.ID, schema.Document{"displayName": "z"}))
	createGroup(t, d, "Y")
	wantKind(t, tryCreate(t, d, "Group", schema.Document{"displayName": "Z"}), directory.Exists)
	update(t, d, remove("Group", x.ID))
	createGroup(t, d, "x")
	wantKind(t, tryCreate(t, d, "Group", schema.Document{"displayName": "X"}), directory.Exists)
}

// An organization has one default connection: the last one that was made it, however it came about.
func TestSoleDefaultConnection(t *testing.T) {
	d := home(t)
	connection := func(name string, isDefault bool) directory.ID {
		return create(t, d, "IdentityProvider", schema.Document{"displayName": name, "default": isDefault}).ID
	}
	a, b := connection("a", true), connection("b", false)
	for _, c := range []struct {
		name   string
		change change
		want   string
	}{
		{"one that is none is changed", modify("IdentityProvider", b, schema.Document{"displayName": "B"}), "a"},
		{"another one becomes it", modify("IdentityProvider", b, schema.Document{"default": true}), "B"},
		{"it is changed", modify("IdentityProvider", b, schema.Document{"displayName": "b"}), "b"},
		{"back again", modify("IdentityProvider", a, schema.Document{"default": true}), "a"},
		{"a new one", func(tx *directory.Tx) error {
			_, err := tx.Create("IdentityProvider", schema.Document{"displayName": "c", "default": true})
			return err
		}, "c"},
	} {
		s := update(t, d, c.change)
		var got []string
		for r := range s.All("IdentityProvider") {
			if r.Text("default") == "true" {
				got = append(got, r.Text("displayName"))
			}
		}
		if fmt.Sprint(got) != "["+c.want+"]" {
			t.Errorf("%s: the defaults are %v, want %s", c.name, got, c.want)
		}
	}
}

// Nobody is in no Group, has no roles and no privileges; neither has who has a role without a value.
func TestNobodyHasNoPrivileges(t *testing.T) {
	d := home(t)
	u := create(t, d, "User", schema.Document{"userName": "u", "roles": []any{map[string]any{"display": "x"}}})
	g := createGroup(t, d, "g")
	s := snapshot(t, d)
	for name, id := range map[string]directory.ID{"nobody": directory.NewID(), "a Group": g.ID, "no value": u.ID} {
		if roles := s.Roles(id); len(roles) != 0 || s.Privileged(id) || directory.RightsOf(s, id) != directory.ScopeSelf {
			t.Errorf("%s: roles %q, privileged %v", name, roles, s.Privileged(id))
		}
	}
	if s.PrivilegedGroup(directory.NewID()) || s.PrivilegedGroup(u.ID) || s.PrivilegedGroup(g.ID) {
		t.Error("a Group that is none is privileged")
	}
	if s.IsMember(g.ID, directory.NewID()) || s.IsMember(directory.NewID(), u.ID) {
		t.Error("somebody is a member who is nobody, or of no Group")
	}
	for range s.Members(u.ID) {
		t.Error("a User has members")
	}

	// So write may take the role away, which gave nothing.
	update(t, withScope(t, d, "write"), modify("User", u.ID, schema.Document{"roles": nil}))
}

// A manager's PUT keeps the provisioned roles of a User only where it has none at all; one with some is a change of
// roles.
func TestManagersPutWithSomeRoles(t *testing.T) {
	d := home(t)
	m := create(t, d, "User", schema.Document{"userName": "m", "roles": roles("manager")})
	u := create(t, withScope(t, d, "write"), "User", schema.Document{"userName": "u", "roles": roles("a", "b")})
	for _, c := range []struct {
		sent []any
		kind directory.Kind
	}{{nil, 0}, {roles("a", "b"), 0}, {roles("a"), directory.Forbidden}} {
		_, err := session(t, d, m.ID).Update(t.Context(), func(tx *directory.Tx) error {
			old, err := tx.Get("User", u.ID)
			if err != nil {
				return err
			}
			doc := schema.Document{"userName": "u", "title": fmt.Sprint(c.sent), "roles": c.sent}
			if err := tx.CarryPrivileges(old, doc); err != nil {
				return err
			}
			_, err = tx.Replace(old, doc)
			return err
		})
		if directory.KindOf(err) != c.kind {
			t.Errorf("PUT with the roles %v: %v", c.sent, err)
		}
	}
}

// Whoever has no rights reads nothing, not even the own User.
func TestActorWithoutRights(t *testing.T) {
	d := home(t)
	u := createUser(t, d, "u")
	_, err := snapshot(t, d.As(directory.Actor{Type: "AccessToken", User: u.ID})).Get("User", u.ID)
	wantKind(t, err, directory.Forbidden)
	other := createUser(t, d, "v")
	s := snapshot(t, d.As(directory.Actor{Type: "AccessToken", User: u.ID, Rights: directory.ScopeSelf}))
	if _, err := s.Get("User", u.ID); err != nil {
		t.Errorf("the own User: %v", err)
	}
	_, err = s.Get("User", other.ID)
	wantKind(t, err, directory.Forbidden)
}

// The operator alone is the operator.
func TestOperatorIsTold(t *testing.T) {
	d := home(t)
	if a := bearer(t, d, directorytest.OperatorToken).Actor(); !a.Operator() {
		t.Errorf("%+v is not the operator", a)
	}
	for _, a := range []directory.Actor{withScope(t, d, "admin").Actor(), directory.Program} {
		if a.Operator() {
			t.Errorf("%+v is the operator", a)
		}
	}
}

// What is wrong with a token's document is told by its attribute.
func TestRulesOfTokens(t *testing.T) {
	d := home(t)
	for _, c := range []struct {
		name string
		set  schema.Document
		attr string
	}{
		{"an unknown scope", schema.Document{"scopes": []any{"read", "root"}}, "scopes"},
		{"no time", schema.Document{"expiresAt": "tomorrow"}, "expiresAt"},
		{"no time zone", schema.Document{"expiresAt": "2030-01-01T00:00:00"}, "expiresAt"},
		{"a User who is none", schema.Document{"user": map[string]any{"value": directory.NewID().String()}}, "user.value"},
		{"a User without an id", schema.Document{"user": map[string]any{"value": "ann"}}, "user.value"},
	} {
		doc := scoped("read")
		for k, v := range c.set {
			doc[k] = v
		}
		wantRefusal(t, c.name, tryCreate(t, d, "AccessToken", doc), directory.Invalid, c.attr)
		_, id := token(t, d, scoped("read"))
		_, err := d.Update(t.Context(), modify("AccessToken", id, c.set))
		wantRefusal(t, c.name+", on change", err, directory.Invalid, c.attr)
	}
}

// A User who is inactive has no valid session, however it came to be.
func TestSessionOfAnInactiveUser(t *testing.T) {
	d := home(t)
	u := create(t, d, "User", schema.Document{"userName": "u", "active": false})
	_, err := d.Authenticate(t.Context(), directory.Credential{Session: sessionOf(t, d, u.ID)})
	wantKind(t, err, directory.Unauthenticated)
}
