package directory_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	clientv3 "go.etcd.io/etcd/client/v3"

	"rollcall/directory"
	"rollcall/directory/directorytest"
	"rollcall/directory/schema"
)

// What one change does to memberships in several steps: each step sees those before it.

// all runs the changes as one.
func all(changes ...change) change {
	return func(tx *directory.Tx) error {
		for _, c := range changes {
			if err := c(tx); err != nil {
				return err
			}
		}
		return nil
	}
}

// by makes what the changes add granted by the connection.
func by(connection directory.ID, changes ...change) change {
	return func(tx *directory.Tx) error { tx.GrantBy(connection); return all(changes...)(tx) }
}

// The last active members of a protected group cannot leave one after the other within one change, whichever way.
func TestLastMembersLeaveInOneChange(t *testing.T) {
	d := home(t)
	u, v := createUser(t, d, "u"), createUser(t, d, "v")
	protectedGroup(t, d, "g", u.ID, v.ID)
	ways := map[string]func(directory.ID) change{
		"deactivated": func(id directory.ID) change { return modify("User", id, schema.Document{"active": false}) },
		"deleted":     func(id directory.ID) change { return remove("User", id) },
	}
	for first, one := range ways {
		for second, other := range ways {
			_, err := d.Update(t.Context(), all(one(u.ID), other(v.ID)))
			if directory.KindOf(err) != directory.Mutability {
				t.Errorf("one %s, then the other one %s: %v", first, second, err)
			}
		}
	}
	update(t, d, all(modify("User", u.ID, schema.Document{"title": "x"}), remove("User", v.ID))) // u stays
}

// A group that the same change makes or deletes keeps nobody from leaving.
func TestLeaveGroupsOfThisChange(t *testing.T) {
	d := home(t)
	g := createGroup(t, d, "g")
	for name, c := range map[string]func(user directory.ID) change{
		"a new group": func(user directory.ID) change {
			return func(tx *directory.Tx) error {
				g, err := tx.Create("Group", schema.Document{"displayName": "new", groupAccess: protection})
				if err != nil {
					return err
				}
				return all(add(g.ID, user), modify("User", user, schema.Document{"active": false}))(tx)
			}
		},
		"a deleted group": func(user directory.ID) change {
			return all(add(g.ID, user), remove("Group", g.ID), modify("User", user, schema.Document{"active": false}))
		},
		"a deleted group and User": func(user directory.ID) change {
			return all(remove("Group", createGroup(t, d, "h").ID), remove("User", user))
		},
	} {
		u := createUser(t, d, name)
		if _, err := d.Update(t.Context(), c(u.ID)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Circles are judged on the memberships as the change has them so far.
func TestCirclesInOneChange(t *testing.T) {
	d := home(t)
	a, b, c := createGroup(t, d, "a"), createGroup(t, d, "b"), createGroup(t, d, "c")
	for _, e := range []struct {
		name   string
		change change
		kind   directory.Kind
	}{
		{"two that close a circle", all(add(a.ID, b.ID), add(b.ID, a.ID)), directory.Invalid},
		{"by way of a third", all(add(a.ID, b.ID), add(b.ID, c.ID), add(c.ID, a.ID)), directory.Invalid},
		{"another one was taken back", all(add(a.ID, b.ID, c.ID), take(a.ID, c.ID), add(b.ID, a.ID)), directory.Invalid},
		{"the first one was taken back", all(add(a.ID, b.ID), take(a.ID, b.ID), add(b.ID, a.ID)), 0},
	} {
		if _, err := d.Update(t.Context(), e.change); directory.KindOf(err) != e.kind {
			t.Errorf("%s: %v", e.name, err)
		}
	}
	if s := snapshot(t, d); s.IsMember(a.ID, b.ID) || !s.IsMember(b.ID, a.ID) {
		t.Error("a membership that was taken back exists, or that which came after it does not")
	}
}

// Groups nest as deep as MaxNesting on their longest way, whichever of several ways that is.
func TestDepthByTheLongestWay(t *testing.T) {
	d := home(t)
	group := func(name string) directory.ID { return createGroup(t, d, name).ID }
	chain := func(name string, n int) (ids []directory.ID) {
		for i := range n {
			ids = append(ids, group(fmt.Sprint(name, i)))
			if i > 0 {
				update(t, d, add(ids[i-1], ids[i]))
			}
		}
		return ids
	}
	const half = directory.MaxNesting / 2
	shallow, deep, x := group("shallow"), chain("deep", half-1), group("x")
	above := []change{add(shallow, x), add(deep[half-2], x)} // x is the half-th
	leaf, long, y := group("leaf"), chain("long", half-1), group("y")
	below := []change{add(y, leaf), add(y, long[0])} // y has half, itself included
	over := group("over")
	for _, c := range []struct {
		name   string
		change change
		kind   directory.Kind
	}{
		{"as deep as may be", all(all(above...), all(below...), add(x, y)), 0},
		{"too deep above, in one change", all(all(above...), all(below...), add(over, deep[0]), add(x, y)),
			directory.Invalid},
		{"too deep below, in one change", all(all(above...), all(below...), add(long[half-2], over), add(x, y)),
			directory.Invalid},
		{"both, first the short ways", all(append(slices.Clone(above), below...)...), 0},
		{"too deep above", all(add(over, deep[0]), add(x, y)), directory.Invalid},
		{"too deep below", all(add(long[half-2], over), add(x, y)), directory.Invalid},
		{"a circle by the second way", add(long[0], y), directory.Invalid},
		{"itself", add(x, x), directory.Invalid},
		{"as deep as may be again", add(x, y), 0},
	} {
		_, err := d.Update(t.Context(), func(tx *directory.Tx) error {
			if err := c.change(tx); err != nil || c.name != "as deep as may be" {
				return err
			}
			return errStop
		})
		if errors.Is(err, errStop) {
			err = nil
		}
		if directory.KindOf(err) != c.kind {
			t.Errorf("%s: %v", c.name, err)
		}
		if c.name == "itself" && !strings.Contains(err.Error(), "the group itself") {
			t.Errorf("itself: %v", err)
		}
	}
}

// Of a chain of changes one that fails leaves nothing of what it did to members, and everything that came before.
func TestFailedChangeOfAChain(t *testing.T) {
	d := home(t)
	u, a, b, c := createUser(t, d, "u"), createGroup(t, d, "a"), createGroup(t, d, "b"), createGroup(t, d, "c")
	fail := func(*directory.Tx) error { return errStop }
	chain := []change{
		all(add(a.ID, u.ID), fail), // 0
		add(a.ID, u.ID),
		add(a.ID, b.ID),
		all(add(a.ID, c.ID), add(b.ID, c.ID), fail), // 3
		add(b.ID, a.ID),                             // 4: a circle
		add(c.ID, a.ID),                             // none, because a does not hold c
	}
	for i, err := range d.UpdateChains(t.Context(), [][]func(*directory.Tx) error{chain})[0] {
		if failed := i == 0 || i == 3 || i == 4; (err != nil) != failed {
			t.Errorf("change %d: %v", i, err)
		}
	}
	s := snapshot(t, d)
	if !s.IsMember(a.ID, u.ID) || !s.IsMember(a.ID, b.ID) || s.IsMember(a.ID, c.ID) || !s.IsMember(c.ID, a.ID) {
		t.Errorf("a has %v, c has %v", memberIDs(s, a.ID), memberIDs(s, c.ID))
	}
}

// Members that were added, taken and added again within one change are members, and a replacement ends all that were
// added before it.
func TestMembersBackAndForth(t *testing.T) {
	d := home(t)
	g, v, w := createGroup(t, d, "g"), createUser(t, d, "v"), createUser(t, d, "w")
	s := update(t, d, func(tx *directory.Tx) error {
		u, err := tx.Create("User", schema.Document{"userName": "u"})
		if err != nil {
			return err
		}
		return all(add(g.ID, u.ID), take(g.ID, u.ID), add(g.ID, u.ID))(tx)
	})
	if n := len(memberIDs(s, g.ID)); n != 1 {
		t.Errorf("%d members, want the new User", n)
	}
	s = update(t, d, all(set(g.ID), add(g.ID, w.ID, v.ID, createUser(t, d, "x").ID), set(g.ID, v.ID)))
	if got := memberIDs(s, g.ID); !slices.Equal(got, []directory.ID{v.ID}) {
		t.Errorf("members %v, want %v", got, v.ID)
	}
}

// Who repeats the members that a Group has changes nothing: no Event tells of it, and write may do so also where the
// Group gives roles.
func TestEchoOfMembers(t *testing.T) {
	d := home(t)
	u := createUser(t, d, "u")
	events := func() int {
		page, err := d.Query(t.Context(), directory.Query{Type: "Event"})
		if err != nil {
			t.Fatal(err)
		}
		about := 0
		for _, e := range page.Resources {
			if e.Text("resource.type") == "Group" {
				about++
			}
		}
		return about
	}
	plain, admins := createGroup(t, d, "plain"), create(t, d, "Group", giving("admins", "administrator"))
	update(t, d, all(add(plain.ID, u.ID), add(admins.ID, u.ID)))
	before := events()
	update(t, d, add(plain.ID, u.ID))
	if n := events() - before; n != 0 {
		t.Errorf("%d Events tell of a member that is one already", n)
	}
	write := withScope(t, d, "write")
	for name, c := range map[string]change{"set": set(admins.ID, u.ID), "add none": add(admins.ID),
		"remove none": take(admins.ID)} {
		if _, err := write.Update(t.Context(), c); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	_, err := write.Update(t.Context(), set(admins.ID, u.ID, createUser(t, d, "v").ID))
	wantKind(t, err, directory.Forbidden)
}

// Members are added and taken on the condition that the Group exists and means what it meant, whoever got hold of it.
func TestGroupMovesWhileItsMembersChange(t *testing.T) {
	for name, c := range map[string]struct {
		op        func(*directory.Tx, *directory.Resource, []directory.ID) error
		meanwhile func(group directory.ID) change
		kind      directory.Kind
	}{
		"deleted while adding": {(*directory.Tx).AddMembers,
			func(g directory.ID) change { return remove("Group", g) }, directory.NotFound},
		"deleted while taking": {(*directory.Tx).RemoveMembers,
			func(g directory.ID) change { return remove("Group", g) }, directory.NotFound},
		"deleted while guarding": {func(tx *directory.Tx, g *directory.Resource, _ []directory.ID) error {
			tx.GuardPrivileges(g)
			_, err := tx.Create("User", schema.Document{"userName": "v"})
			return err
		}, func(g directory.ID) change { return remove("Group", g) }, 0},
		"gives a role while adding": {(*directory.Tx).AddMembers,
			func(g directory.ID) change { return modify("Group", g, giving("g", "x")) }, 0},
	} {
		d := home(t)
		u, g := createUser(t, d, "u"), createGroup(t, d, "g")
		other := createUser(t, d, "other")
		update(t, d, add(g.ID, other.ID))
		member := u.ID
		if name == "deleted while taking" {
			member = other.ID
		}
		runs := 0
		_, err := d.Update(t.Context(), func(tx *directory.Tx) error {
			if runs++; runs == 1 {
				defer update(t, d, c.meanwhile(g.ID))
			}
			return c.op(tx, g, []directory.ID{member})
		})
		if directory.KindOf(err) != c.kind || runs != 2 {
			t.Errorf("%s: %d runs, %v", name, runs, err)
		}
	}
}

// A connection that goes moves the versions of the protected groups of which it granted somebody membership, and of no
// others.
func TestDeletedConnectionMovesVersions(t *testing.T) {
	d := home(t)
	u, v := createUser(t, d, "u"), createUser(t, d, "v")
	c := create(t, d, "IdentityProvider", schema.Document{"displayName": "c"})
	granted, untouched := protectedGroup(t, d, "granted", u.ID), protectedGroup(t, d, "untouched", u.ID)
	update(t, d, by(c.ID, add(granted.ID, v.ID)))
	versions := func() (a, b directory.Version) {
		s := snapshot(t, d)
		x, _ := s.Get("Group", granted.ID)
		y, _ := s.Get("Group", untouched.ID)
		return x.Version, y.Version
	}
	a, b := versions()
	update(t, d, remove("IdentityProvider", c.ID))
	if x, y := versions(); x == a || y != b {
		t.Errorf("the group with a grant moved: %v; the other one: %v", x != a, y != b)
	}
}

// Write deletes whom an administrator deactivated, also with privileges.
func TestWriteDeletesTheSuspended(t *testing.T) {
	d := home(t)
	u := create(t, d, "User", schema.Document{"userName": "u", "roles": roles("administrator")})
	update(t, d, modify("User", u.ID, schema.Document{"active": false}))
	update(t, withScope(t, d, "write"), remove("User", u.ID))
}

// Members of one group are no members of another one, and a new group has none, whatever the change did before.
func TestSetMembersOfSeveralGroups(t *testing.T) {
	d := home(t)
	u, v := createUser(t, d, "u"), createUser(t, d, "v")
	g, h := createGroup(t, d, "g"), createGroup(t, d, "h")
	var made *directory.Resource
	s := update(t, d, func(tx *directory.Tx) (err error) {
		if made, err = tx.Create("Group", schema.Document{"displayName": "new"}); err != nil {
			return err
		}
		return all(add(g.ID, u.ID), set(h.ID, u.ID, v.ID), take(made.ID, u.ID), set(made.ID, v.ID), set(g.ID, u.ID))(tx)
	})
	for _, c := range []struct{ group, members any }{
		{g.ID, []directory.ID{u.ID}}, {h.ID, []directory.ID{u.ID, v.ID}}, {made.ID, []directory.ID{v.ID}},
	} {
		if got := memberIDs(s, c.group.(directory.ID)); !slices.Equal(got, c.members.([]directory.ID)) {
			t.Errorf("members %v, want %v", got, c.members)
		}
	}
}

// A group that the change deleted has no members to change.
func TestMembersOfAGroupDeletedInThisChange(t *testing.T) {
	d := home(t)
	u, g := createUser(t, d, "u"), createGroup(t, d, "g")
	update(t, d, add(g.ID, u.ID))
	for name, op := range map[string]func(*directory.Tx, *directory.Resource, []directory.ID) error{
		"add": (*directory.Tx).AddMembers, "remove": (*directory.Tx).RemoveMembers, "set": (*directory.Tx).SetMembers,
	} {
		_, err := d.Update(t.Context(), func(tx *directory.Tx) error {
			if err := remove("Group", g.ID)(tx); err != nil {
				return err
			}
			tx.GuardMembers(g) // depends on nothing any more
			return op(tx, g, []directory.ID{u.ID})
		})
		if directory.KindOf(err) != directory.NotFound {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// As many memberships as one change may have are refused for nothing but their ids; one more is too many.
func TestMostMemberships(t *testing.T) {
	d := home(t)
	g := createGroup(t, d, "g")
	ids := make([]directory.ID, directory.MaxMemberships+1)
	for i := range ids {
		ids[i] = directory.NewID()
	}
	for name, op := range map[string]func(directory.ID, ...directory.ID) change{"add": add, "set": set} {
		_, err := d.Update(t.Context(), op(g.ID, ids[1:]...))
		if directory.KindOf(err) != directory.Invalid {
			t.Errorf("%s as many as are allowed: %v", name, err)
		}
		_, err = d.Update(t.Context(), op(g.ID, ids...))
		if directory.KindOf(err) != directory.TooLarge {
			t.Errorf("%s one more: %v", name, err)
		}
	}
	half := directory.MaxMemberships/2 + 1
	_, err := d.Update(t.Context(), all(take(g.ID, ids[:half]...), take(g.ID, ids[half:]...)))
	wantKind(t, err, directory.TooLarge)
	update(t, d, take(g.ID, ids[1:]...))
}

// Members that are nobody are named, ten of them.
func TestUnknownMembersAreNamed(t *testing.T) {
	for _, c := range []struct {
		n    int
		ends string
	}{{1, "has the id 0"}, {2, "has one of the ids 0, 1"}, {10, "8, 9"}, {11, "8, 9 and 1 more"}} {
		var ids []string
		for i := range c.n {
			ids = append(ids, fmt.Sprint(i))
		}
		if got := directory.UnknownMembers(ids).Error(); got[max(0, len(got)-len(c.ends)):] != c.ends {
			t.Errorf("%d: %s", c.n, got)
		}
	}
}

// What a deleted connection granted keeps no membership going, before it is swept and after: the group's version moves
// when the last grant that counts ends.
func TestGrantsOfADeletedConnectionCountNoMore(t *testing.T) {
	d := home(t)
	u, g := createUser(t, d, "u"), createGroup(t, d, "g")
	first, second := create(t, d, "IdentityProvider", schema.Document{"displayName": "1"}),
		create(t, d, "IdentityProvider", schema.Document{"displayName": "2"})
	update(t, d, by(first.ID, add(g.ID, u.ID)))
	update(t, d, by(second.ID, add(g.ID, u.ID)))
	update(t, d, remove("IdentityProvider", first.ID))
	before, _ := snapshot(t, d).Get("Group", g.ID)
	s := update(t, d, by(second.ID, take(g.ID, u.ID)))
	after, _ := s.Get("Group", g.ID)
	if s.IsMember(g.ID, u.ID) || after.Version == before.Version {
		t.Errorf("is a member: %v; the version moved: %v", s.IsMember(g.ID, u.ID), after.Version != before.Version)
	}
}

// A User with several grants of one group, of which another group goes in the same change, leaves no key behind.
func TestDeletedMemberLeavesNoKeys(t *testing.T) {
	root, client := directorytest.Root(), directorytest.Client(t)
	d := directorytest.Open(t, client, directory.Options{Root: root}).Organization("default")
	u, g, gone := createUser(t, d, "u"), createGroup(t, d, "g"), createGroup(t, d, "gone")
	c := create(t, d, "IdentityProvider", schema.Document{"displayName": "c"})
	update(t, d, all(add(g.ID, u.ID), add(gone.ID, u.ID)))
	update(t, d, by(c.ID, add(g.ID, u.ID)))
	before, _ := snapshot(t, d).Get("Group", g.ID)
	after, err := update(t, d, all(remove("Group", gone.ID), remove("User", u.ID))).Get("Group", g.ID)
	if err != nil || after.Version == before.Version {
		t.Errorf("the version of the group of a deleted member did not move: %v", err)
	}
	organization := snapshot(t, d).Organization().ID
	stamps := root + "/org/" + string(organization[:]) + "/v/"
	resp, err := client.Get(t.Context(), stamps, clientv3.WithPrefix(), clientv3.WithCountOnly())
	if err != nil || resp.Count != 1 {
		t.Errorf("%d stamps are left, want that of the group that exists: %v", resp.Count, err)
	}
}

// If-Match on a Group compares its members, too; on one that is new or gone there is nothing to compare.
func TestGuardMembers(t *testing.T) {
	d := home(t)
	u, g := createUser(t, d, "u"), createGroup(t, d, "g")
	guarded := func(runs *int, meanwhile func()) error {
		_, err := d.Update(t.Context(), func(tx *directory.Tx) error {
			made, err := tx.Create("Group", schema.Document{"displayName": fmt.Sprint("made ", *runs)})
			if err != nil {
				return err
			}
			tx.GuardMembers(made)
			tx.GuardMembers(g)
			if *runs++; *runs == 1 {
				meanwhile()
			}
			return nil
		})
		return err
	}
	for name, c := range map[string]struct {
		meanwhile func()
		runs      int
	}{
		"nothing":    {func() {}, 1},
		"a member":   {func() { update(t, d, add(g.ID, u.ID)) }, 2},
		"a new name": {func() { update(t, d, modify("Group", g.ID, schema.Document{"displayName": "h"})) }, 2},
	} {
		runs := 0
		if err := guarded(&runs, c.meanwhile); err != nil || runs != c.runs {
			t.Errorf("%s comes between: %d runs, want %d (%v)", name, runs, c.runs, err)
		}
	}
}

// A replacement of members gives up insisting on the members being as it saw them, so that it comes to an end among
// steady additions, which stay.
func TestReplacementAmongSteadyAdditions(t *testing.T) {
	d := home(t)
	u, g := createUser(t, d, "u"), createGroup(t, d, "g")
	const guarded = 4
	var late []directory.ID
	for i := range 2 * guarded {
		late = append(late, createUser(t, d, fmt.Sprint("late ", i)).ID)
	}
	runs := 0
	s := update(t, d, func(tx *directory.Tx) error {
		defer func() { update(t, d, add(g.ID, late[runs])); runs++ }()
		return set(g.ID, u.ID)(tx)
	})
	if runs != guarded+1 {
		t.Errorf("the change ran %d times, want %d", runs, guarded+1)
	}
	if !s.IsMember(g.ID, u.ID) || !s.IsMember(g.ID, late[guarded]) || s.IsMember(g.ID, late[0]) {
		t.Errorf("members %v of %v and %v", memberIDs(s, g.ID), u.ID, late)
	}
}
