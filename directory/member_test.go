package directory_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"rollcall/directory"
	"rollcall/directory/directorytest"
	"rollcall/directory/schema"
)

const groupAccess = "urn:rollcall:params:scim:schemas:extension:1.0:GroupAccess"

func TestMembership(t *testing.T) {
	d := home(t)
	u, v, g := createUser(t, d, "u"), createUser(t, d, "v"), createGroup(t, d, "g")
	s := update(t, d, add(g.ID, u.ID, v.ID, u.ID))
	if got := memberIDs(s, g.ID); !slices.Equal(got, []directory.ID{u.ID, v.ID}) {
		t.Fatalf("members %v", got)
	}
	after, _ := s.Get("Group", g.ID)
	if after.Version == g.Version || !after.LastModified.After(g.LastModified) {
		t.Error("the group's version did not move with its members")
	}
	again := update(t, d, add(g.ID, u.ID))
	if r, _ := again.Get("Group", g.ID); r.Version != after.Version {
		t.Error("adding a member again moved the version")
	}
	for _, c := range []struct {
		typ, expr string
		want      directory.ID
	}{
		{"Group", `members.value eq "` + u.ID.String() + `"`, g.ID},
		{"Group", `members[value eq "` + u.ID.String() + `"]`, g.ID},
		{"Group", `displayName eq "G" and members eq "` + u.ID.String() + `"`, g.ID},
		{"User", `groups.value eq "` + g.ID.String() + `" and userName eq "u"`, u.ID},
		{"User", `groups.display eq "g" and userName eq "u"`, u.ID},
	} {
		if got := find(t, d, c.typ, c.expr); !slices.Equal(got, []string{c.want.String()}) {
			t.Errorf("%s %s finds %v", c.typ, c.expr, got)
		}
	}
	gone := update(t, d, take(g.ID, u.ID, directory.NewID()))
	if got := memberIDs(gone, g.ID); !slices.Equal(got, []directory.ID{v.ID}) {
		t.Errorf("after the removal: %v", got)
	}
	r, _ := gone.Get("Group", g.ID)
	if none := update(t, d, take(g.ID, u.ID)); func() bool {
		x, _ := none.Get("Group",
			g.ID)
		return x.Version != r.Version
	}() {
		t.Error("removing who is no member moved the version")
	}
	_, err := d.Update(t.Context(), add(g.ID, directory.NewID()))
	wantKind(t, err, directory.Invalid)
	if got := memberIDs(update(t, d, set(g.ID, u.ID)), g.ID); !slices.Equal(got, []directory.ID{u.ID}) {
		t.Errorf("set: %v", got)
	}
	if got := memberIDs(update(t, d, set(g.ID)), g.ID); len(got) != 0 {
		t.Errorf("set to none: %v", got)
	}
	update(t, d, add(g.ID, u.ID, v.ID))
	if got := memberIDs(update(t, d, remove("User", u.ID)), g.ID); !slices.Equal(got, []directory.ID{v.ID}) {
		t.Errorf("after the User was deleted: %v", got)
	}
}

func TestGrantsOfConnections(t *testing.T) {
	s := directorytest.New(t)
	d := s.Organization("default")
	u, g := createUser(t, d, "u"), createGroup(t, d, "g")
	c := create(t, d, "IdentityProvider", schema.Document{"displayName": "idp"})
	by := func(change func(*directory.Tx) error) func(*directory.Tx) error {
		return func(tx *directory.Tx) error { tx.GrantBy(c.ID); return change(tx) }
	}
	is := func(want bool) {
		t.Helper()
		if snapshot(t, d).IsMember(g.ID, u.ID) != want {
			t.Fatalf("is a member: %v, want %v", !want, want)
		}
	}
	update(t, d, by(add(g.ID, u.ID)))
	is(true)
	version := func() directory.Version { r, _ := snapshot(t, d).Get("Group", g.ID); return r.Version }
	before := version()
	update(t, d, add(g.ID, u.ID)) // SCIM grants it too
	if version() != before {
		t.Error("a second grant is a new version")
	}
	update(t, d, by(take(g.ID, u.ID)))
	is(true) // by SCIM
	if version() != before {
		t.Error("taking one of two grants is a new version")
	}
	update(t, d, by(add(g.ID, u.ID)))
	update(t, d, take(g.ID, u.ID)) // SCIM's removal takes all
	is(false)
	update(t, d, by(add(g.ID, u.ID)))
	is(true)
	update(t, d, func(tx *directory.Tx) error {
		tx.PutLink(directory.Link{Connection: c.ID, User: u.ID, NameID: "n"})
		return nil
	})
	update(t, d, remove("IdentityProvider", c.ID))
	is(false)
	if err := s.Sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n, err := directory.Granted(t.Context(), d, c.ID); n != 0 || err != nil {
		t.Errorf("%d grants of a deleted connection are left (%v)", n, err)
	}
	if l := snapshot(t, d).Link(c.ID, "n"); l != nil {
		t.Errorf("a link of a deleted connection is left: %+v", l)
	}
}

func TestNestedGroups(t *testing.T) {
	d := home(t)
	u, a, b, c := createUser(t, d, "u"), createGroup(t, d, "a"), createGroup(t, d, "b"), createGroup(t, d, "c")
	update(t, d, add(a.ID, b.ID))
	update(t, d, add(b.ID, c.ID))
	s := update(t, d, add(c.ID, u.ID))
	var got []string
	for g := range s.GroupsOf(u) {
		got = append(got, fmt.Sprintf("%s %v", g.Display, g.Direct))
	}
	if want := []string{"c true", "b false", "a false"}; !slices.Equal(got, want) {
		t.Errorf("groups %v, want %v", got, want)
	}
	if ids := find(t, d, "User", `groups.value eq "`+a.ID.String()+`"`); len(ids) != 1 {
		t.Errorf("effective members of a: %v", ids)
	}
	for _, m := range []directory.ID{a.ID, c.ID} { // itself, and round the corner
		_, err := d.Update(t.Context(), func(tx *directory.Tx) error {
			if m == c.ID {
				return add(c.ID, a.ID)(tx)
			}
			return add(a.ID, a.ID)(tx)
		})
		wantKind(t, err, directory.Invalid)
	}
	// Two changes that would close a cycle together.
	x, y := createGroup(t, d, "x"), createGroup(t, d, "y")
	runs := 0
	_, err := d.Update(t.Context(), func(tx *directory.Tx) error {
		if runs++; runs == 1 {
			defer update(t, d, add(y.ID, x.ID))
		}
		return add(x.ID, y.ID)(tx)
	})
	wantKind(t, err, directory.Invalid)
	if runs != 2 {
		t.Errorf("the change ran %d times, want 2", runs)
	}
	update(t, d, remove("Group", b.ID))
	for g := range snapshot(t, d).GroupsOf(u) {
		if g.Display != "c" {
			t.Errorf("still in %s after the group between was deleted", g.Display)
		}
	}
}

func TestProtectedGroup(t *testing.T) {
	d := home(t)
	u, v := createUser(t, d, "u"), createUser(t, d, "v")
	g := create(t, d, "Group", schema.Document{"displayName": "admins", groupAccess: map[string]any{"protected": true}})
	update(t, d, add(g.ID, u.ID, v.ID))
	deactivate := func(id directory.ID) func(*directory.Tx) error {
		return modify("User", id, schema.Document{"active": false})
	}
	update(t, d, deactivate(u.ID)) // v is left
	for name, change := range map[string]func(*directory.Tx) error{
		"deactivate": deactivate(v.ID), "delete": remove("User", v.ID), "remove": take(g.ID,
			v.ID), "empty": set(g.ID), "all": take(g.ID, u.ID, v.ID),
	} {
		_, err := d.Update(t.Context(), change)
		if directory.KindOf(err) != directory.Mutability || !strings.Contains(err.Error(), "protected") {
			t.Errorf("%s: %v", name, err)
		}
	}
	update(t, d, modify("User", u.ID, schema.Document{"active": true}))
	// Two members leave at once: each sees the other one staying.
	runs := 0
	_, err := d.Update(t.Context(), func(tx *directory.Tx) error {
		if runs++; runs == 1 {
			defer update(t, d, take(g.ID, v.ID))
		}
		return deactivate(u.ID)(tx)
	})
	wantKind(t, err, directory.Mutability)
	if runs != 2 {
		t.Errorf("the change ran %d times, want 2", runs)
	}
}

func TestManyMemberships(t *testing.T) {
	d := home(t)
	g := createGroup(t, d, "g")
	n := 3000
	var changes []func(*directory.Tx) error
	for i := range n {
		changes = append(changes, func(tx *directory.Tx) error {
			_, err := tx.Create("User", schema.Document{"userName": fmt.Sprintf("u%d", i)})
			return err
		})
	}
	for i, err := range d.UpdateEach(t.Context(), changes) {
		if err != nil {
			t.Fatalf("creation %d: %v", i, err)
		}
	}
	var ids []directory.ID
	for r := range snapshot(t, d).All("User") {
		ids = append(ids, r.ID)
	}
	if len(ids) != n {
		t.Fatalf("%d users", len(ids))
	}
	s := update(t, d, add(g.ID, ids...))
	if got := s.MemberCount(g.ID); got != n {
		t.Fatalf("%d members", got)
	}
	if events, err := d.Query(t.Context(), directory.Query{Type: "Event"}); err != nil || events.Total != n+2 {
		t.Errorf("%d Events, want one for each change: %v", events.Total, err)
	}
	more := make([]directory.ID, directory.MaxMemberships+1)
	_, err := d.Update(t.Context(), add(g.ID, more...))
	wantKind(t, err, directory.TooLarge)
	if s := update(t, d, remove("Group", g.ID)); s.MemberCount(g.ID) != 0 {
		t.Error("a deleted group has members")
	}
}

func TestProtectedGroupAllAtOnce(t *testing.T) {
	d := home(t)
	u, v := createUser(t, d, "u"), createUser(t, d, "v")
	g := create(t, d, "Group", schema.Document{"displayName": "admins", groupAccess: map[string]any{"protected": true}})
	update(t, d, add(g.ID, u.ID))
	update(t, d, set(g.ID, v.ID))
}

func TestInactiveMemberMayGo(t *testing.T) {
	d := home(t)
	u := create(t, d, "User", schema.Document{"userName": "u", "active": false})
	g := create(t, d, "Group", schema.Document{"displayName": "admins", groupAccess: map[string]any{"protected": true}})
	update(t, d, add(g.ID, u.ID))
	update(t, d, take(g.ID, u.ID))
	update(t, d, add(g.ID, u.ID))
	update(t, d, remove("User", u.ID))
}

// A connection takes its grants along, but not the last active member of a protected group.
func TestConnectionOfAProtectedGroup(t *testing.T) {
	d := home(t)
	u := createUser(t, d, "u")
	c := create(t, d, "IdentityProvider", schema.Document{"displayName": "idp"})
	g := create(t, d, "Group", schema.Document{"displayName": "admins", groupAccess: map[string]any{"protected": true}})
	update(t, d, func(tx *directory.Tx) error { tx.GrantBy(c.ID); return add(g.ID, u.ID)(tx) })
	_, err := d.Update(t.Context(), remove("IdentityProvider", c.ID))
	wantKind(t, err, directory.Mutability)
}

// Who is in a group within a privileged one has its roles too.
func TestNestedPrivilege(t *testing.T) {
	d := home(t)
	u, inner := createUser(t, d, "u"), createGroup(t, d, "inner")
	outer := create(t, d, "Group", schema.Document{"displayName": "admins",
		groupAccess: map[string]any{"roles": []any{map[string]any{"value": "administrator"}}}})
	update(t, d, add(outer.ID, inner.ID))
	secret, _ := token(t, d, scoped("write"))
	w := bearer(t, d, secret)
	_, err := w.Update(t.Context(), add(inner.ID, u.ID))
	wantKind(t, err, directory.Forbidden)
	if roles := snapshot(t, d).Roles(u.ID); len(roles) > 0 {
		t.Errorf("the scope write gave %v", roles)
	}
}

// A replacement of members counts what the changes before it in the chain did.
func TestChainOfMembers(t *testing.T) {
	d := home(t)
	u, v, w := createUser(t, d, "u"), createUser(t, d, "v"), createUser(t, d, "w")
	for name, c := range map[string]struct {
		before, after []directory.ID
		chain         func(g directory.ID) []func(*directory.Tx) error
	}{
		"add, then replace": {nil, []directory.ID{v.ID}, func(g directory.ID) []func(*directory.Tx) error {
			return []func(*directory.Tx) error{add(g, u.ID), set(g, v.ID)}
		}},
		"remove, then replace": {[]directory.ID{u.ID, w.ID}, []directory.ID{u.ID},
			func(g directory.ID) []func(*directory.Tx) error {
				return []func(*directory.Tx) error{take(g, u.ID), set(g, u.ID)}
			}},
		"remove, add, replace": {[]directory.ID{u.ID, w.ID}, []directory.ID{u.ID},
			func(g directory.ID) []func(*directory.Tx) error {
				return []func(*directory.Tx) error{take(g, u.ID), add(g, u.ID), set(g, u.ID)}
			}},
	} {
		g := createGroup(t, d, name)
		update(t, d, add(g.ID, c.before...))
		for _, err := range d.UpdateChains(t.Context(), [][]func(*directory.Tx) error{c.chain(g.ID)})[0] {
			if err != nil {
				t.Error(err)
			}
		}
		if got := memberIDs(snapshot(t, d), g.ID); fmt.Sprint(got) != fmt.Sprint(c.after) {
			t.Errorf("%s: %v, want %v", name, got, c.after)
		}
	}
}

// Whether a resource may be in a group is known without a walk: while any grant of it is left, whoever gave it.
func TestMayHaveGroups(t *testing.T) {
	d := home(t)
	u, g := createUser(t, d, "u"), createGroup(t, d, "g")
	c := create(t, d, "IdentityProvider", schema.Document{"displayName": "idp"})
	byConnection := func(change func(*directory.Tx) error) func(*directory.Tx) error {
		return func(tx *directory.Tx) error { tx.GrantBy(c.ID); return change(tx) }
	}
	may := func() bool {
		s := snapshot(t, d)
		r, err := s.Get("User", u.ID)
		if err != nil {
			t.Fatal(err)
		}
		return s.MayHaveGroups(r)
	}
	if may() {
		t.Error("in no group, and may be in one")
	}
	for _, step := range []struct {
		name   string
		change func(*directory.Tx) error
		want   bool
	}{
		{"granted", add(g.ID, u.ID), true},
		{"granted twice", byConnection(add(g.ID, u.ID)), true},
		{"again", add(g.ID, u.ID), true},
		{"the connection's ends", byConnection(take(g.ID, u.ID)), true},
		{"all end", take(g.ID, u.ID), false},
		{"the connection's alone", byConnection(add(g.ID, u.ID)), true},
		{"ended by SCIM", take(g.ID, u.ID), false},
	} {
		update(t, d, step.change)
		if got := may(); got != step.want {
			t.Errorf("%s: %v", step.name, got)
		}
	}
}
