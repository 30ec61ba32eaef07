package directory_test

import (
	"testing"

	"rollcall/directory"
	"rollcall/directory/schema"
)

var protection = map[string]any{"protected": true}

func protectedGroup(t *testing.T, d *directory.Directory, name string, members ...directory.ID) *directory.Resource {
	t.Helper()
	g := create(t, d, "Group", schema.Document{"displayName": name, groupAccess: protection})
	if len(members) > 0 {
		update(t, d, add(g.ID, members...))
	}
	return g
}

// Who takes the place of the last active member of a protected group must be an active User, of this very group.
func TestReplacementOfTheLastMember(t *testing.T) {
	d := home(t)
	last, active := createUser(t, d, "last"), createUser(t, d, "active")
	idle := create(t, d, "User", schema.Document{"userName": "idle", "active": false})
	group, other := createGroup(t, d, "in"), createGroup(t, d, "other")
	g := protectedGroup(t, d, "g", last.ID)
	for _, c := range []struct {
		name   string
		change func(*directory.Tx) error
		kind   directory.Kind
	}{
		{"an inactive User", set(g.ID, idle.ID), directory.Mutability},
		{"a Group", set(g.ID, group.ID), directory.Mutability},
		{"a User in another group", func(tx *directory.Tx) error {
			if err := add(other.ID, active.ID)(tx); err != nil {
				return err
			}
			return take(g.ID, last.ID)(tx)
		}, directory.Mutability},
		{"a User who is deactivated in the same change", func(tx *directory.Tx) error {
			if err := set(g.ID, active.ID)(tx); err != nil {
				return err
			}
			return modify("User", active.ID, schema.Document{"active": false})(tx)
		}, directory.Mutability},
		{"an active User", set(g.ID, active.ID), 0},
		{"back again", set(g.ID, last.ID), 0},
	} {
		_, err := d.Update(t.Context(), c.change)
		if directory.KindOf(err) != c.kind {
			t.Errorf("%s: %v", c.name, err)
		}
	}

	// A Group among the members is no active member.
	update(t, d, add(g.ID, group.ID, idle.ID))
	for name, change := range map[string]func(*directory.Tx) error{
		"removed": take(g.ID, last.ID), "deleted": remove("User", last.ID),
		"deactivated": modify("User", last.ID, schema.Document{"active": false}),
	} {
		_, err := d.Update(t.Context(), change)
		if directory.KindOf(err) != directory.Mutability {
			t.Errorf("%s beside a Group and an inactive User: %v", name, err)
		}
	}
	update(t, d, take(g.ID, group.ID, idle.ID))
}

// The User who takes the place of the last active member is deactivated between decision and commit.
func TestReplacementDeactivatedWhileReplacing(t *testing.T) {
	d := home(t)
	last, next := createUser(t, d, "last"), createUser(t, d, "next")
	g := protectedGroup(t, d, "g", last.ID)
	runs := 0
	_, err := d.Update(t.Context(), func(tx *directory.Tx) error {
		if runs++; runs == 1 {
			defer update(t, d, modify("User", next.ID, schema.Document{"active": false}))
		}
		return set(g.ID, next.ID)(tx)
	})
	if wantKind(t, err, directory.Mutability); runs != 2 {
		t.Errorf("the change ran %d times", runs)
	}
	if s := snapshot(t, d); !s.IsMember(g.ID, last.ID) || s.IsMember(g.ID, next.ID) {
		t.Error("the protected group has lost its last active member")
	}
}

// A connection that is deleted takes along what it granted, but no last active member.
func TestDeletedConnectionOfAProtectedGroup(t *testing.T) {
	grantedBy := func(c *directory.Resource, change func(*directory.Tx) error) func(*directory.Tx) error {
		return func(tx *directory.Tx) error { tx.GrantBy(c.ID); return change(tx) }
	}
	d := home(t)
	connection := func() *directory.Resource {
		return create(t, d, "IdentityProvider", schema.Document{"displayName": "c"})
	}
	ann, bob := createUser(t, d, "ann"), createUser(t, d, "bob")
	protectedGroup(t, d, "empty")
	g := protectedGroup(t, d, "g", ann.ID)

	// Somebody stays: whom it did not grant, or whom somebody else granted as well.
	one := connection()
	update(t, d, grantedBy(one, add(g.ID, bob.ID)))
	update(t, d, remove("IdentityProvider", one.ID))
	both := connection()
	update(t, d, grantedBy(both, add(g.ID, ann.ID)))
	update(t, d, remove("IdentityProvider", both.ID))

	// Of two connections the second one may not go; what the first one granted counts no more, swept or not.
	first, second := connection(), connection()
	update(t, d, grantedBy(first, add(g.ID, bob.ID)))
	update(t, d, grantedBy(second, add(g.ID, bob.ID)))
	update(t, d, take(g.ID, ann.ID))
	update(t, d, remove("IdentityProvider", first.ID))
	_, err := d.Update(t.Context(), remove("IdentityProvider", second.ID))
	wantKind(t, err, directory.Mutability)

	// The one who stays leaves between decision and commit.
	update(t, d, add(g.ID, ann.ID))
	runs := 0
	_, err = d.Update(t.Context(), func(tx *directory.Tx) error {
		if runs++; runs == 1 {
			defer update(t, d, take(g.ID, ann.ID))
		}
		return remove("IdentityProvider", second.ID)(tx)
	})
	if wantKind(t, err, directory.Mutability); runs != 2 {
		t.Errorf("the change ran %d times", runs)
	}
}
