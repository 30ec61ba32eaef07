package directory_test

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"rollcall/directory"
	"rollcall/directory/directorytest"
	"rollcall/directory/schema"
)

func TestLifeOfAUser(t *testing.T) {
	d := home(t)
	u := createUser(t, d, "Barbara")
	if u.Version == 0 || u.Created.IsZero() || !u.Created.Equal(u.LastModified) {
		t.Fatalf("created: %+v", u)
	}
	for _, expr := range []string{`userName eq "bARBARA"`, `userName sw "bar"`, `id eq "` + u.ID.String() + `"`,
		`active eq true`, `userName co "arb"`} {
		if got := find(t, d, "User", expr); !slices.Equal(got, []string{u.ID.String()}) {
			t.Errorf("%s finds %v", expr, got)
		}
	}
	_, err := d.Update(t.Context(), func(tx *directory.Tx) error {
		_, err := tx.Create("User", schema.Document{"userName": "BARBARA"})
		return err
	})
	wantKind(t, err, directory.Exists)
	if !strings.Contains(err.Error(), "userName") {
		t.Errorf("the error does not name userName: %v", err)
	}
	before := snapshot(t, d)
	s := update(t, d, modify("User", u.ID, schema.Document{"userName": "babs"}))
	r, err := s.Get("User", u.ID)
	if err != nil || r.Version == u.Version || !r.LastModified.After(u.LastModified) || !r.Created.Equal(u.Created) {
		t.Fatalf("after the rename: %+v, %v", r, err)
	}
	if old, _ := before.Get("User", u.ID); old.Version != u.Version {
		t.Error("the rename changed a snapshot taken before")
	}
	createUser(t, d, "barbara") // the old name is free again
	if got := find(t, d, "User", `userName eq "babs"`); len(got) != 1 {
		t.Errorf("the new name finds %v", got)
	}
	again := update(t, d, modify("User", u.ID, schema.Document{"userName": "babs"}))
	if same, _ := again.Get("User", u.ID); same.Version != r.Version {
		t.Error("a change to what is there already moved the version")
	}
	update(t, d, remove("User", u.ID))
	_, err = snapshot(t, d).Get("User", u.ID)
	wantKind(t, err, directory.NotFound)
}

// TestLostRace blocks inside the change, lets another one win, and counts how often the change ran.
func TestLostRace(t *testing.T) {
	access := schema.Document{groupAccess: map[string]any{"roles": []any{map[string]any{"value": "administrator"}}}}
	var d *directory.Directory
	var u, v, g *directory.Resource // of the case that runs
	for _, c := range []struct {
		name string
		make func() (mine, other change)
		runs int
		kind directory.Kind // of my error, 0: none
	}{
		{"create: one userName", func() (mine, other change) {
			c := func(tx *directory.Tx) error {
				_, err := tx.Create("User", schema.Document{"userName": "new"})
				return err
			}
			return c, c
		}, 2, directory.Exists},
		{"replace: the same User", func() (mine, other change) {
			return modify("User", u.ID, schema.Document{"title": "a"}), modify("User", u.ID,
				schema.Document{"nickName": "b"})
		}, 2, 0},
		{"replace: two take one userName", func() (mine, other change) {
			return modify("User", u.ID, schema.Document{"userName": "x"}), modify("User", v.ID,
				schema.Document{"userName": "X"})
		}, 2, directory.Exists},
		{"delete: changed meanwhile", func() (mine, other change) {
			return remove("User", u.ID), modify("User", u.ID, schema.Document{"nickName": "b"})
		}, 2, 0},
		{"replace: deleted meanwhile", func() (mine, other change) {
			return modify("User", u.ID, schema.Document{"nickName": "b"}), remove("User", u.ID)
		}, 2, directory.NotFound},
		{"create over a tombstone: ended meanwhile", func() (mine, other change) {
			if _, err := d.Update(t.Context(), remove("User", u.ID)); err != nil {
				t.Fatal(err)
			}
			return func(tx *directory.Tx) error {
				_, err := tx.Create("User", schema.Document{"userName": "u"})
				return err
			}, remove("DeletedUser", u.ID)
		}, 2, 0},
		{"add members: another addition", func() (mine, other change) {
			return add(g.ID, u.ID), add(g.ID, v.ID)
		}, 1, 0},
		{"add members: renamed meanwhile", func() (mine, other change) {
			return add(g.ID, u.ID), modify("Group", g.ID, schema.Document{"displayName": "other"})
		}, 1, 0},
		{"add members, privileges guarded: another addition", func() (mine, other change) {
			return addUnprivileged(g.ID, u.ID), add(g.ID, v.ID)
		}, 1, 0},
		{"add members, privileges guarded: roles meanwhile", func() (mine, other change) {
			return addUnprivileged(g.ID, u.ID), modify("Group", g.ID, access)
		}, 2, 0},
		{"add members, privileges guarded: nested meanwhile", func() (mine, other change) {
			outer := create(t, d, "Group", schema.Document{"displayName": "outer", groupAccess: access[groupAccess]})
			return addUnprivileged(g.ID, u.ID), add(outer.ID, g.ID)
		}, 2, 0},
		{"add members, privileges guarded: roles of a group around it meanwhile", func() (mine, other change) {
			middle, outer := createGroup(t, d, "middle"), createGroup(t, d, "outer")
			update(t, d, add(middle.ID, g.ID))
			update(t, d, add(outer.ID, middle.ID))
			return addUnprivileged(g.ID, u.ID), modify("Group", outer.ID, access)
		}, 2, 0},
		{"add members: group deleted meanwhile", func() (mine, other change) {
			return add(g.ID, u.ID), remove("Group", g.ID)
		}, 2, directory.NotFound},
		{"add a membership: another one of the group", func() (mine, other change) {
			return enrol(g.ID, u.ID), enrol(g.ID, v.ID)
		}, 1, 0},
		{"add a membership: added meanwhile", func() (mine, other change) {
			return enrol(g.ID, u.ID), add(g.ID, u.ID)
		}, 2, directory.Exists},
		{"add a membership: a connection grants it meanwhile", func() (mine, other change) {
			by := connected(t, d)
			return enrol(g.ID, u.ID), func(tx *directory.Tx) error { tx.GrantBy(by); return add(g.ID, u.ID)(tx) }
		}, 1, 0},
		{"add a membership: group deleted meanwhile", func() (mine, other change) {
			return enrol(g.ID, u.ID), remove("Group", g.ID)
		}, 2, directory.Invalid},
		{"add a membership: group gets roles meanwhile", func() (mine, other change) {
			return enrol(g.ID, u.ID), modify("Group", g.ID, access)
		}, 2, 0},
		{"remove a membership: another one of the group", func() (mine, other change) {
			update(t, d, add(g.ID, u.ID, v.ID))
			return expel(g.ID, u.ID), take(g.ID, v.ID)
		}, 1, 0},
		{"remove a membership: removed meanwhile", func() (mine, other change) {
			update(t, d, add(g.ID, u.ID))
			return expel(g.ID, u.ID), take(g.ID, u.ID)
		}, 2, directory.NotFound},
		{"remove a membership: its User deleted meanwhile", func() (mine, other change) {
			update(t, d, add(g.ID, u.ID))
			return expel(g.ID, u.ID), remove("User", u.ID)
		}, 2, directory.NotFound},
		{"set members: another addition", func() (mine, other change) {
			return set(g.ID, u.ID), add(g.ID, v.ID)
		}, 2, 0},
		{"remove members: another removal", func() (mine, other change) {
			if _, err := d.Update(t.Context(), add(g.ID, u.ID, v.ID)); err != nil {
				t.Fatal(err)
			}
			return take(g.ID, u.ID), take(g.ID, v.ID)
		}, 1, 0},
		{"rename a group: renamed meanwhile", func() (mine, other change) {
			return modify("Group", g.ID, schema.Document{"displayName": "a"}), modify("Group", g.ID,
				schema.Document{"displayName": "b"})
		}, 2, 0},
		{"link: linked meanwhile", func() (mine, other change) {
			connection := directory.NewID()
			link := func(user directory.ID) change {
				return func(tx *directory.Tx) error {
					if tx.Link(connection, "name") != nil {
						return errStop
					}
					tx.PutLink(directory.Link{Connection: connection, User: user, NameID: "name"})
					return nil
				}
			}
			return link(u.ID), link(v.ID)
		}, 2, 0},
		{"use once: used meanwhile", func() (mine, other change) {
			use := func(tx *directory.Tx) error { return tx.UseOnce("assertion", "a1", tx.Now()) }
			return use, use
		}, 2, directory.Exists},
		{"session: ended meanwhile", func() (mine, other change) {
			return func(tx *directory.Tx) error {
				_, err := tx.CreateSession(u.ID, directory.NewID(), tx.Now().AddDate(0, 0, 1))
				return err
			}, func(tx *directory.Tx) error { return tx.EndSessions(u.ID) }
		}, 2, 0},
		{"secret: made up meanwhile", func() (mine, other change) {
			owner := directory.NewID()
			c := func(tx *directory.Tx) error {
				if b, err := tx.Snapshot().Secret(owner, "key"); b != nil || err != nil {
					return err
				}
				tx.CreateSecret(owner, "key", []byte("s"))
				return nil
			}
			return c, c
		}, 2, 0},
		{"token: user deleted meanwhile", func() (mine, other change) {
			return func(tx *directory.Tx) error {
				_, err := tx.Create("AccessToken", schema.Document{"displayName": "t", "scopes": []any{"read"},
					"user": map[string]any{"value": u.ID.String()}})
				return err
			}, remove("User", u.ID)
		}, 2, directory.Invalid},
	} {
		t.Run(c.name, func(t *testing.T) {
			d = home(t)
			u, v, g = createUser(t, d, "u"), createUser(t, d, "v"), createGroup(t, d, "g")
			mine, other := c.make()
			runs := 0
			_, err := d.Update(t.Context(), func(tx *directory.Tx) error {
				if runs++; runs == 1 {
					defer func() { update(t, d, other) }()
				}
				return mine(tx)
			})
			if runs != c.runs {
				t.Errorf("the change ran %d times, want %d", runs, c.runs)
			}
			if err == errStop {
				err = nil
			}
			if got := directory.KindOf(err); got != c.kind || (err != nil && got == 0) {
				t.Errorf("error %v, want the kind %q", err, c.kind)
			}
		})
	}
}

// enrol and expel are the changes that add and remove a membership as a resource.
func enrol(group, member directory.ID) change {
	return func(tx *directory.Tx) error {
		_, err := tx.AddMembership(directory.MembershipID{Group: group, Member: member})
		return err
	}
}

func expel(group, member directory.ID) change {
	return func(tx *directory.Tx) error {
		return tx.RemoveMembership(directory.MembershipID{Group: group, Member: member})
	}
}

// connected makes a connection.
func connected(t *testing.T, d *directory.Directory) directory.ID {
	t.Helper()
	return create(t, d, "IdentityProvider", schema.Document{"displayName": "c"}).ID
}

func TestTwoNodesCreateOneUserName(t *testing.T) {
	root := directorytest.Root()
	var nodes []*directory.Directory
	for range 2 {
		nodes = append(nodes, directorytest.Open(t, directorytest.Client(t),
			directory.Options{Root: root}).Organization("default"))
	}
	for i := range 20 {
		var wg sync.WaitGroup
		errs := make([]error, 8)
		for n := range errs {
			wg.Go(func() {
				_, errs[n] = nodes[n%2].Update(t.Context(), func(tx *directory.Tx) error {
					_, err := tx.Create("User", schema.Document{"userName": fmt.Sprintf("Name%d", i)})
					return err
				})
			})
		}
		wg.Wait()
		won := 0
		for _, err := range errs {
			if err == nil {
				won++
			} else {
				wantKind(t, err, directory.Exists)
			}
		}
		if won != 1 {
			t.Fatalf("round %d: %d of %d creations succeeded", i, won, len(errs))
		}
		for _, d := range nodes {
			if got := find(t, d, "User", fmt.Sprintf(`userName eq "name%d"`, i)); len(got) != 1 {
				t.Fatalf("round %d: a node finds %v", i, got)
			}
		}
	}
}

func TestTombstone(t *testing.T) {
	d := home(t)
	u := createUser(t, d, "ann")
	update(t, d, remove("User", u.ID))
	s := snapshot(t, d)
	if stone := s.Tombstone("ANN"); stone == nil || stone.ID != u.ID {
		t.Fatalf("no tombstone holds the userName: %+v", stone)
	}
	again := createUser(t, d, "Ann")
	if again.ID == u.ID {
		t.Fatal("the id was used again")
	}
	if stone := snapshot(t, d).Tombstone("ann"); stone != nil {
		t.Fatal("the tombstone still holds a userName that was taken over")
	}
	update(t, d, remove("DeletedUser", u.ID)) // frees nothing of the living
	_, err := d.Update(t.Context(), func(tx *directory.Tx) error {
		_, err := tx.Create("User", schema.Document{"userName": "ann"})
		return err
	})
	wantKind(t, err, directory.Exists)
	update(t, d, remove("User", again.ID))
	update(t, d, remove("DeletedUser", again.ID))
	if snapshot(t, d).Tombstone("ann") != nil {
		t.Fatal("the tombstone is still there")
	}
	createUser(t, d, "ann")
}

func TestOrganizationsAreIsolated(t *testing.T) {
	s := directorytest.New(t)
	for _, name := range []string{"acme", "umbrella"} {
		create(t, s.System(), "Organization", schema.Document{"name": name})
	}
	acme, umbrella := s.Organization("acme"), s.Organization("umbrella")
	u, w := createUser(t, acme, "same"), createUser(t, umbrella, "same")
	g := createGroup(t, acme, "g")
	_, err := snapshot(t, umbrella).Get("User", u.ID)
	wantKind(t, err, directory.NotFound)
	_, err = acme.Update(t.Context(), add(g.ID, w.ID))
	wantKind(t, err, directory.Invalid)
	if got := find(t, umbrella, "User", `userName eq "same"`); !slices.Equal(got, []string{w.ID.String()}) {
		t.Errorf("umbrella finds %v", got)
	}
	orgID := snapshot(t, acme).Organization().ID
	update(t, s.System(), remove("Organization", orgID))
	_, err = acme.Snapshot(t.Context())
	wantKind(t, err, directory.NotFound)
	if err := s.Sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
	createUser(t, umbrella, "still here")
	create(t, s.System(), "Organization", schema.Document{"name": "acme"})
	if got := find(t, acme, "User", `userName pr`); len(got) != 0 {
		t.Errorf("a new organization of an old name has users: %v", got)
	}
}
