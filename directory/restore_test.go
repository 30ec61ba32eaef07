package directory_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"rollcall/directory"
	"rollcall/directory/directorytest"
	"rollcall/directory/embedded"
	"rollcall/directory/schema"
)

func restore(t testing.TB, d *directory.Directory, id directory.ID) directory.Restored {
	t.Helper()
	_, restored, err := d.Restore(t.Context(), id)
	if err != nil {
		t.Fatalf("restore: %v", err)
	}
	return restored
}

// restorable is what the DeletedUser says of it; "" if there is none.
func restorable(t testing.TB, d *directory.Directory, id directory.ID) string {
	t.Helper()
	s := snapshot(t, d)
	r, err := s.Get("DeletedUser", id)
	if err != nil {
		return ""
	}
	value, _ := s.View(r, nil).Derived("restorable")
	return string(value)
}

// portrait is all that a snapshot shows of a User.
func portrait(t testing.TB, d *directory.Directory, id directory.ID) string {
	t.Helper()
	s := snapshot(t, d)
	r, err := s.Get("User", id)
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	activity, _ := s.View(r, nil).Derived(schema.ActivityURN)
	fmt.Fprintln(&b, string(r.JSON), r.Created, s.Roles(id), s.Privileged(id), string(activity))
	for g := range s.GroupsOf(r) {
		fmt.Fprintln(&b, g)
		if m, err := s.Membership(directory.MembershipID{Group: g.ID, Member: id}); err == nil {
			grants, _ := s.View(m, nil).Derived(schema.GrantURN)
			fmt.Fprintln(&b, string(grants))
		}
	}
	for l := range s.LinksOf(id) {
		fmt.Fprintln(&b, l.Connection, l.Named(), l.Wrote, l.Confirmed)
	}
	return b.String()
}

// Deletion and restoration leave a User, its links and its memberships as they were, whoever granted them and when;
// only its version and its lastModified move. No key is left behind, and every change has its Event.
func TestRestoreLeavesAllAsItWas(t *testing.T) {
	clock, root := newClock(), directorytest.Root()
	s := directorytest.Open(t, directorytest.Client(t), directory.Options{Root: root, Now: clock.Now})
	p := place{s, root, s.Organization("default")}
	d, r := p.home, rand.New(rand.NewPCG(3, 5))
	groups := []directory.ID{create(t, d, "Group", giving("admins", "administrator")).ID,
		create(t, d, "Group", schema.Document{"displayName": "p", groupAccess: map[string]any{"protected": true}}).ID}
	for i := range 6 {
		groups = append(groups, createGroup(t, d, fmt.Sprint("g", i)).ID)
	}
	keeper := createUser(t, d, "keeper")
	update(t, d, all(add(groups[0], groups[2]), add(groups[3], groups[4]), add(groups[1], keeper.ID)))
	connections := []directory.ID{connected(t, d), connected(t, d)}
	by := []*directory.Directory{d, withScope(t, d, "write")}
	for i := range 40 {
		var links []any
		u := create(t, pick(r, by), "User", schema.Document{"userName": fmt.Sprint("User", i), "active": r.IntN(3) > 0,
			"emails": []any{map[string]any{"value": "a@b", "primary": true}}, "roles": roles("x", fmt.Sprint("r", i%3))})
		for range r.IntN(5) {
			clock.advance(time.Minute)
			update(t, d, func(tx *directory.Tx) error {
				if n := r.IntN(3); n < 2 {
					tx.GrantBy(connections[n])
				}
				return add(pick(r, groups), u.ID)(tx)
			})
		}
		for n := range r.IntN(3) {
			links = append(links, map[string]any{"connection": connections[n].String(), "nameId": fmt.Sprint("name", i)})
			update(t, d, all(func(tx *directory.Tx) error {
				tx.PutLink(directory.Link{Connection: connections[n], User: u.ID, NameID: fmt.Sprint("name", i),
					Wrote: map[string]string{"title": "t"}})
				return nil
			}, modify("User", u.ID, schema.Document{schema.OriginURN: map[string]any{"source": "jit", "links": links}})))
		}
		if i%2 == 0 {
			update(t, d, func(tx *directory.Tx) error {
				_, err := tx.RecordSignIn(schema.Document{"outcome": "signedIn", "user": map[string]any{"value": u.ID.String()}})
				return err
			})
			if !strings.Contains(portrait(t, d, u.ID), "signInCount") {
				t.Fatalf("no activity: %s", portrait(t, d, u.ID))
			}
		}
		before, version := portrait(t, d, u.ID), snapshot(t, d)
		had, _ := version.Get("User", u.ID)
		clock.advance(time.Hour)
		update(t, d, remove("User", u.ID))
		if got := restorable(t, d, u.ID); got != "true" {
			t.Fatalf("restorable is %q", got)
		}
		got := restore(t, d, u.ID)
		if after := portrait(t, d, u.ID); after != before {
			t.Fatalf("before:\n%s\nafter:\n%s", before, after)
		}
		if got.User.Version == had.Version || !got.User.LastModified.After(had.LastModified) ||
			len(got.Groups)+len(got.Connections)+len(got.Taken) > 0 {
			t.Errorf("restored: %+v, was %+v", got, had)
		}
		if left := p.naming(t, u.ID); slices.Contains(left, "d") || slices.Contains(left, "r/DeletedUser") {
			t.Errorf("left behind: %q", left)
		}
	}
	wantReloaded(t, s, directorytest.Client(t))
	if changed := directorytest.CheckEvents(t, directorytest.Client(t), root); changed["User"] < 120 {
		t.Errorf("changed: %v", changed)
	}
	if n := len(find(t, d, "Event", `action eq "restore"`)); n != 40 {
		t.Errorf("%d Events tell of a restoration", n)
	}
}

// Of changes that compete with a restoration one wins, and the other hears of it.
func TestRestoreRaces(t *testing.T) {
	var d *directory.Directory
	var u, g *directory.Resource
	var connection directory.ID
	link := func(user directory.ID) change {
		return func(tx *directory.Tx) error {
			tx.PutLink(directory.Link{Connection: connection, User: user, NameID: "name"})
			return nil
		}
	}
	again := func(tx *directory.Tx) error {
		_, err := tx.Create("User", schema.Document{"userName": "U"})
		return err
	}
	back := func(t *testing.T, d *directory.Directory) change {
		c, err := directory.Restoring(t.Context(), d, u.ID)
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	for _, c := range []struct {
		name        string
		mine, other func(t *testing.T) change
		runs        int
		kind        directory.Kind // of my error, 0: none
	}{
		{"restored meanwhile",
			func(t *testing.T) change { return back(t, d) },
			func(t *testing.T) change { return back(t, d) }, 2, directory.NotFound},
		{"the name is taken meanwhile",
			func(t *testing.T) change { return back(t, d) },
			func(t *testing.T) change { return again }, 2, directory.Exists},
		{"created, restored meanwhile",
			func(t *testing.T) change { return again },
			func(t *testing.T) change { return back(t, d) }, 2, directory.Exists},
		{"swept meanwhile",
			func(t *testing.T) change { return back(t, d) },
			func(t *testing.T) change { return remove("DeletedUser", u.ID) }, 2, directory.NotFound},
		{"sweeping, restored meanwhile",
			func(t *testing.T) change { return remove("DeletedUser", u.ID) },
			func(t *testing.T) change { return back(t, d) }, 2, directory.NotFound},
		{"by write, the group gets roles meanwhile",
			func(t *testing.T) change { return back(t, d) },
			func(t *testing.T) change { return modify("Group", g.ID, giving("g", "administrator")) }, 2,
			directory.Forbidden},
		{"the group is deleted meanwhile",
			func(t *testing.T) change { return back(t, d) },
			func(t *testing.T) change { return remove("Group", g.ID) }, 1, 0},
		{"the link is another User's meanwhile",
			func(t *testing.T) change { return back(t, d) },
			func(t *testing.T) change { return link(createUser(t, d, "v").ID) }, 2, 0},
		{"restored and deleted again meanwhile",
			func(t *testing.T) change { return back(t, d) },
			func(t *testing.T) change {
				first := back(t, d)
				return func(tx *directory.Tx) error {
					if _, err := d.Update(t.Context(), first); err != nil {
						return err
					}
					_, err := d.Update(t.Context(), remove("User", u.ID))
					return err
				}
			}, 16, directory.Busy},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := newPlace(t)
			d = p.home
			u, g, connection = createUser(t, d, "u"), createGroup(t, d, "g"), connected(t, d)
			shown := map[string]any{"connection": connection.String(), "nameId": "name"}
			update(t, d, all(add(g.ID, u.ID), link(u.ID), modify("User", u.ID,
				schema.Document{schema.OriginURN: map[string]any{"source": "jit", "links": []any{shown}}})))
			update(t, d, remove("User", u.ID))
			mine, other := c.mine(t), c.other(t)
			who, runs := d, 0
			if c.kind == directory.Forbidden {
				who = withScope(t, d, "write")
			}
			_, err := who.Update(t.Context(), func(tx *directory.Tx) error {
				if runs++; runs == 1 {
					defer func() { update(t, d, other) }()
				}
				return mine(tx)
			})
			if runs != c.runs {
				t.Errorf("the change ran %d times, want %d", runs, c.runs)
			}
			if got := directory.KindOf(err); got != c.kind || err != nil && got == 0 {
				t.Errorf("error %v, want the kind %q", err, c.kind)
			}
			if err := p.Sweep(t.Context()); err != nil {
				t.Fatal(err)
			}
			wantReloaded(t, p.Store, directorytest.Client(t))
			s := snapshot(t, d)
			r, err := s.Get("User", u.ID)
			if err != nil {
				return
			}
			if slices.Contains(p.naming(t, u.ID), "d") {
				t.Error("what was kept is left beside the User")
			}
			has := len(slices.Collect(s.LinksOf(u.ID)))
			if shows := strings.Count(string(r.JSON), "nameId"); shows != has {
				t.Errorf("it shows %d links and has %d: %s", shows, has, r.JSON)
			}
		})
	}
}

// Whoever may not administer restores a User without privileges, and no other one.
func TestWhoRestores(t *testing.T) {
	d := home(t)
	special := create(t, d, "Group", giving("special", "administrator"))
	protects := create(t, d, "Group", schema.Document{"displayName": "p", groupAccess: map[string]any{"protected": true}})
	nested, plain := createGroup(t, d, "nested"), createGroup(t, d, "plain")
	keeper := createUser(t, d, "keeper")
	update(t, d, all(add(special.ID, nested.ID), add(protects.ID, keeper.ID)))
	boss := create(t, d, "User", schema.Document{"userName": "boss", "roles": roles("manager")})
	secret := sessionOf(t, d, boss.ID)
	who := func(name string) *directory.Directory {
		if name != "manager" {
			return withScope(t, d, name)
		}
		manager, err := d.Authenticate(t.Context(), directory.Credential{Session: secret})
		if err != nil {
			t.Fatal(err)
		}
		return manager
	}
	for _, c := range []struct {
		name  string
		by    string // creates the User
		roles []any
		in    *directory.Resource
		may   []string
	}{
		{"no privileges", "admin", nil, nil, []string{"write", "manager", "admin"}},
		{"an ordinary group", "admin", nil, plain, []string{"write", "manager", "admin"}},
		{"a role that a client set", "write", roles("x"), nil, []string{"write", "admin"}},
		{"a role that an administrator gave", "admin", roles("x"), nil, []string{"admin"}},
		{"a role that gives rights", "admin", roles("administrator"), nil, []string{"admin"}},
		{"a group with roles", "admin", nil, special, []string{"admin"}},
		{"a protected group", "admin", nil, protects, []string{"admin"}},
		{"a group in one with roles", "admin", nil, nested, []string{"admin"}},
	} {
		for _, name := range []string{"read", "write", "manager", "admin"} {
			doc := schema.Document{"userName": "user"}
			if c.roles != nil {
				doc["roles"] = c.roles
			}
			u := create(t, who(c.by), "User", doc)
			if c.in != nil {
				update(t, d, add(c.in.ID, u.ID))
			}
			update(t, d, remove("User", u.ID))
			_, _, err := who(name).Restore(t.Context(), u.ID)
			if may := slices.Contains(c.may, name); may != (err == nil) ||
				err != nil && directory.KindOf(err) != directory.Forbidden {
				t.Errorf("%s: %s: %v", c.name, name, err)
			}
			if err == nil {
				update(t, d, remove("User", u.ID))
			}
			update(t, d, remove("DeletedUser", u.ID))
		}
	}
}

// Whom an administrator deactivated stays so, and only an administrator brings back a User with privileges.
func TestRestoredStaysSuspended(t *testing.T) {
	d := home(t)
	u := create(t, d, "User", schema.Document{"userName": "u", "roles": roles("auditor")})
	update(t, d, modify("User", u.ID, schema.Document{"active": false}))
	update(t, d, remove("User", u.ID))
	restore(t, d, u.ID)
	_, err := withScope(t, d, "write").Update(t.Context(), modify("User", u.ID, schema.Document{"active": true}))
	wantKind(t, err, directory.Forbidden)
}

// Neither sessions nor access tokens come back, and a sign-in that began before the deletion begins no session.
func TestRestoredIsSignedOut(t *testing.T) {
	d := home(t)
	u := create(t, d, "User", schema.Document{"userName": "u", "roles": roles("administrator")})
	session := sessionOf(t, d, u.ID)
	mine, err := d.Authenticate(t.Context(), directory.Credential{Session: session})
	if err != nil {
		t.Fatal(err)
	}
	made, madeID := token(t, mine, scoped("admin"))
	own, ownID := token(t, d, schema.Document{"displayName": "own", "scopes": []any{"read"},
		"user": map[string]any{"value": u.ID.String()}})
	others, _ := token(t, d, scoped("read"))
	epoch := snapshot(t, d).SessionEpoch(u.ID)
	update(t, d, remove("User", u.ID))
	restore(t, d, u.ID)
	if tokenValid(t, d, made) || tokenValid(t, d, own) || !tokenValid(t, d, others) {
		t.Error("the wrong tokens are valid")
	}
	for _, id := range []directory.ID{madeID, ownID} {
		if _, err := snapshot(t, d).Get("AccessToken", id); directory.KindOf(err) != directory.NotFound {
			t.Errorf("the token is still there: %v", err)
		}
	}
	if _, err := d.Authenticate(t.Context(), directory.Credential{Session: session}); err == nil {
		t.Error("the session came back")
	}
	if now := snapshot(t, d).SessionEpoch(u.ID); now <= epoch {
		t.Errorf("the epoch is %d, was %d", now, epoch)
	}
	sessionOf(t, d, u.ID)
}

// What is gone meanwhile is left out, and named.
func TestRestoreWithoutWhatIsGone(t *testing.T) {
	d := home(t)
	u, g, kept := createUser(t, d, "u"), createGroup(t, d, "g"), createGroup(t, d, "kept")
	gone, taken := connected(t, d), connected(t, d)
	link := func(connection, user directory.ID) change {
		return func(tx *directory.Tx) error {
			tx.PutLink(directory.Link{Connection: connection, User: user, NameID: "name"})
			return nil
		}
	}
	shown := func(connection directory.ID) map[string]any {
		return map[string]any{"connection": connection.String(), "nameId": "name"}
	}
	update(t, d, all(add(g.ID, u.ID), link(gone, u.ID), link(taken, u.ID), modify("User", u.ID, schema.Document{
		schema.OriginURN: map[string]any{"source": "jit", "links": []any{shown(gone), shown(taken)}}})))
	update(t, d, func(tx *directory.Tx) error { tx.GrantBy(gone); return add(kept.ID, u.ID)(tx) })
	update(t, d, add(kept.ID, u.ID))
	update(t, d, remove("User", u.ID))
	other := createUser(t, d, "U")
	update(t, d, all(link(taken, other.ID), remove("Group", g.ID), remove("IdentityProvider", gone)))
	_, _, err := d.Restore(t.Context(), u.ID)
	wantKind(t, err, directory.Exists)
	if e := err.(*directory.Error); e.Attr != "userName" {
		t.Errorf("it names %q", e.Attr)
	}
	if got := restorable(t, d, u.ID); got != "true" {
		t.Errorf("after the userName was taken it is %q", got)
	}
	update(t, d, modify("User", other.ID, schema.Document{"userName": "other"}))
	got := restore(t, d, u.ID)
	if !slices.Equal(got.Groups, []directory.ID{g.ID}) || !slices.Equal(got.Connections, []directory.ID{gone}) ||
		!slices.Equal(got.Taken, []directory.ID{taken}) {
		t.Errorf("gone: %+v", got)
	}
	if strings.Contains(string(got.User.JSON), "links") {
		t.Errorf("it shows links that it has not: %s", got.User.JSON)
	}
	if members := memberIDs(snapshot(t, d), kept.ID); !slices.Equal(members, []directory.ID{u.ID}) {
		t.Errorf("members of the group that is there: %v", members)
	}
}

// The userName of a restored User may be held by the DeletedUser of another one, which loses it.
func TestRestoreTakesTheNameBack(t *testing.T) {
	d := home(t)
	u := createUser(t, d, "u")
	update(t, d, remove("User", u.ID))
	other := createUser(t, d, "u")
	update(t, d, remove("User", other.ID))
	restore(t, d, u.ID)
	_, _, err := d.Restore(t.Context(), other.ID)
	wantKind(t, err, directory.Exists)
	update(t, d, remove("DeletedUser", other.ID))
	_, err = d.Update(t.Context(), func(tx *directory.Tx) error {
		_, err := tx.Create("User", schema.Document{"userName": "u"})
		return err
	})
	wantKind(t, err, directory.Exists)
}

// A membership that was added while the User was deleted is the restored User's, swept or not, before as after a
// reload; the sweeper takes nothing from it.
func TestRestoreAdoptsLateGrants(t *testing.T) {
	for _, swept := range []bool{false, true} {
		t.Run(fmt.Sprint("swept ", swept), func(t *testing.T) {
			p := newPlace(t)
			d := p.home
			u, g, late := createUser(t, d, "u"), createGroup(t, d, "g"), createGroup(t, d, "late")
			update(t, d, add(g.ID, u.ID))
			runs := 0
			update(t, d, func(tx *directory.Tx) error {
				if runs++; runs == 1 {
					defer func() {
						update(t, d, remove("User", u.ID))
						if swept {
							if err := p.Sweep(t.Context()); err != nil {
								t.Error(err)
							}
						}
					}()
				}
				return add(late.ID, u.ID)(tx)
			})
			if left := p.naming(t, u.ID); !slices.Contains(left, "m/"+string(late.ID[:])) {
				t.Fatalf("no grant came too late: %q", left)
			}
			restore(t, d, u.ID)
			wantReloaded(t, p.Store, directorytest.Client(t))
			if err := p.Sweep(t.Context()); err != nil {
				t.Fatal(err)
			}
			for _, group := range []directory.ID{g.ID, late.ID} {
				if members := memberIDs(snapshot(t, d), group); !slices.Equal(members, []directory.ID{u.ID}) {
					t.Errorf("members: %v", members)
				}
			}
			wantReloaded(t, p.Store, directorytest.Client(t))
			update(t, d, take(late.ID, u.ID))
			wantReloaded(t, p.Store, directorytest.Client(t))
		})
	}
}

// A retention sweep takes what is kept along.
func TestRetentionEndsWhatIsKept(t *testing.T) {
	clock, root := newClock(), directorytest.Root()
	s := directorytest.Open(t, directorytest.Client(t), directory.Options{Root: root, Now: clock.Now})
	p := place{s, root, s.Organization("default")}
	u := createUser(t, p.home, "u")
	update(t, p.home, remove("User", u.ID))
	clock.advance(366 * 24 * time.Hour)
	if err := s.Sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
	wantLeft(t, p, "a DeletedUser beyond its retention", u.ID)
	_, _, err := p.home.Restore(t.Context(), u.ID)
	wantKind(t, err, directory.NotFound)
}

// Of a User that is larger than the bound nothing is kept; the DeletedUser says so.
func TestKeptIsBounded(t *testing.T) {
	p := newPlace(t)
	d := p.home
	for _, c := range []struct {
		size int
		want string
	}{{(512 << 10) - 1024, "true"}, {512 << 10, "false"}} {
		u := create(t, d, "User", schema.Document{"userName": "u", "title": strings.Repeat("x", c.size)})
		update(t, d, remove("User", u.ID))
		if got := restorable(t, d, u.ID); got != c.want {
			t.Errorf("a User of %d bytes: restorable %s, want %s", c.size, got, c.want)
		}
		if c.want == "false" {
			wantLeft(t, p, "a large User", u.ID, "r/DeletedUser")
			_, _, err := d.Restore(t.Context(), u.ID)
			wantKind(t, err, directory.Mutability)
			continue
		}
		if !strings.Contains(string(restore(t, d, u.ID).User.JSON), strings.Repeat("x", c.size)) {
			t.Error("the title is another")
		}
		update(t, d, modify("User", u.ID, schema.Document{"userName": "v"}))
	}
}

// A User with very many memberships comes back with all of them, as long as they fit.
func TestRestoreManyMemberships(t *testing.T) {
	p := newPlace(t)
	d := p.home
	u := createUser(t, d, "u")
	ids := make([]directory.ID, 2500)
	for from := 0; from < len(ids); from += 100 {
		update(t, d, func(tx *directory.Tx) error {
			for i := from; i < from+100; i++ {
				g, err := tx.Create("Group", schema.Document{"displayName": fmt.Sprint("g", i)})
				if err != nil {
					return err
				}
				ids[i] = g.ID
			}
			return nil
		})
	}
	c := connected(t, d)
	update(t, d, func(tx *directory.Tx) error {
		tx.GrantBy(c)
		_, err := tx.SyncGroups(u, ids, nil)
		return err
	})
	before := portrait(t, d, u.ID)
	for _, scope := range []string{"admin", "write"} {
		update(t, d, remove("User", u.ID))
		if _, _, err := withScope(t, d, scope).Restore(t.Context(), u.ID); err != nil {
			t.Fatal(err)
		}
		if after := portrait(t, d, u.ID); after != before {
			t.Error("not all came back")
		}
	}
}

// Above 60 % of the quota a User is deleted as below it, but nothing is kept.
func TestNothingIsKeptAboveSixtyPercent(t *testing.T) {
	e, err := embedded.StartSmall(t.Context(), t.TempDir(), quota)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(e.Close)
	s := directorytest.Open(t, e.Client, directory.Options{Root: "/full", Alone: true})
	d := s.Organization("default")
	below, above := createUser(t, d, "below"), createUser(t, d, "above")
	update(t, d, remove("User", below.ID))
	if got := restorable(t, d, below.ID); got != "true" {
		t.Fatalf("in an empty store: restorable %s", got)
	}
	for n := 0; ; n++ {
		if _, used := fileSize(t, e.Client); float64(used) > 0.65*quota {
			break
		}
		eventually(t, "there is room for another User", func() bool {
			_, err := d.Update(t.Context(), func(tx *directory.Tx) error {
				_, err := tx.Create("User", schema.Document{"userName": fmt.Sprint(n), "title": strings.Repeat("x", 900<<10)})
				return err
			})
			return err == nil
		})
	}
	eventually(t, "the store is writable", func() bool { return s.Writable() == nil })
	update(t, d, remove("User", above.ID))
	if got := restorable(t, d, above.ID); got != "false" {
		t.Errorf("above 60 %%: restorable %s", got)
	}
	if restore(t, d, below.ID); s.Writable() != nil {
		t.Error("the store is not writable: the test shows nothing about 60 %")
	}
}
