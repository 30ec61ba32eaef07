package directory_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"

	"rollcall/directory"
	"rollcall/directory/directorytest"
	"rollcall/directory/schema"
)

// What a deletion leaves in etcd, before any sweep.

// place is a store whose keys a test reads.
type place struct {
	*directory.Store
	root string
	home *directory.Directory
}

func newPlace(t *testing.T) place {
	t.Helper()
	root := directorytest.Root()
	s := directorytest.Open(t, directorytest.Client(t), directory.Options{Root: root})
	return place{s, root, s.Organization("default")}
}

// naming are the keys below the root of which the ID is a part, but those of Events: their kinds, sorted.
func (p place) naming(t *testing.T, id directory.ID) (kinds []string) {
	t.Helper()
	resp, err := directorytest.Client(t).Get(t.Context(), p.root+"/", clientv3.WithPrefix(), clientv3.WithKeysOnly())
	if err != nil {
		t.Fatal(err)
	}
	for _, kv := range resp.Kvs {
		key := strings.TrimPrefix(string(kv.Key), p.root+"/")
		if rest, ok := strings.CutPrefix(key, "org/"); ok {
			key = rest[len(directory.ID{})+1:]
		}
		if before, _, ok := strings.Cut(key, string(id[:])); ok {
			kinds = append(kinds, strings.TrimSuffix(before, "/"))
		}
	}
	slices.Sort(kinds)
	return kinds
}

func wantLeft(t *testing.T, p place, what string, id directory.ID, want ...string) {
	t.Helper()
	if got := p.naming(t, id); !slices.Equal(got, want) {
		t.Errorf("%s leaves %q, want %q", what, got, want)
	}
}

// A User leaves the DeletedUser, with what restores the User, and nothing else: no session, note, grant or stamp. The
// DeletedUser leaves nothing.
func TestDeletedUserLeavesItsTombstone(t *testing.T) {
	p := newPlace(t)
	d := p.home
	u, g := createUser(t, d, "u"), createGroup(t, d, "g")
	admins := create(t, d, "Group", giving("admins", "administrator"))
	update(t, d, all(add(g.ID, u.ID), add(admins.ID, u.ID)))
	sessionOf(t, d, u.ID)
	update(t, d, func(tx *directory.Tx) error { tx.PutClaim(u.ID, "claim"); return tx.EndSessions(u.ID) })
	sessionOf(t, d, u.ID)
	if len(p.naming(t, u.ID)) < 6 {
		t.Fatalf("only %q", p.naming(t, u.ID))
	}
	update(t, d, remove("User", u.ID))
	wantLeft(t, p, "a User", u.ID, "d", "r/DeletedUser")
	if n := len(find(t, d, "Session", "user pr")); n != 0 {
		t.Errorf("%d sessions are left", n)
	}
	if n := directory.Orphans(p.Store); n != 0 {
		t.Errorf("%d grants are left to the sweeper", n)
	}
	update(t, d, remove("DeletedUser", u.ID))
	wantLeft(t, p, "a DeletedUser", u.ID)
}

// A Group leaves the grants of its members to the sweeper, and nothing else; the Group around it has one member less.
func TestDeletedGroupLeavesGrantsToTheSweeper(t *testing.T) {
	p := newPlace(t)
	d := p.home
	u, g, outer := createUser(t, d, "u"), createGroup(t, d, "g"), createGroup(t, d, "outer")
	update(t, d, all(add(g.ID, u.ID), add(outer.ID, g.ID)))
	before, _ := snapshot(t, d).Get("Group", outer.ID)
	s := update(t, d, remove("Group", g.ID))
	if after, _ := s.Get("Group", outer.ID); after.Version == before.Version {
		t.Error("the version of the group around a deleted one did not move")
	}
	wantLeft(t, p, "a Group", g.ID, "m")
	if err := p.Sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
	wantLeft(t, p, "a Group that is swept", g.ID)
}

// A connection leaves to the sweeper what it linked and granted, and takes its secrets and its draft along.
func TestDeletedConnectionTakesItsSecretsAlong(t *testing.T) {
	p := newPlace(t)
	d := p.home
	c, other := create(t, d, "IdentityProvider", schema.Document{"displayName": "c"}),
		create(t, d, "IdentityProvider", schema.Document{"displayName": "other"})
	update(t, d, func(tx *directory.Tx) error {
		for _, of := range []directory.ID{c.ID, other.ID} {
			tx.CreateSecret(of, "key", []byte("secret"))
		}
		return nil
	})
	has := func(of directory.ID) bool {
		secret, err := snapshot(t, d).Secret(of, "key")
		return err == nil && secret != nil
	}
	if !has(c.ID) || !has(other.ID) {
		t.Fatal("there are no secrets to take along")
	}
	update(t, d, remove("IdentityProvider", c.ID))
	if has(c.ID) || !has(other.ID) {
		t.Errorf("after one was deleted: its secret %v, that of the other one %v", has(c.ID), has(other.ID))
	}
	if left := p.naming(t, c.ID); len(left) > 0 && !slices.Equal(left, []string{"leftover"}) { // until it is swept
		t.Errorf("a connection leaves %q", left)
	}
}

// An access token leaves nothing, not even when it was last used.
func TestDeletedTokenLeavesNothing(t *testing.T) {
	p := newPlace(t)
	secret, id := token(t, p.home, scoped("read"))
	bearer(t, p.home, secret)
	if err := directory.WriteUsage(t.Context(), p.Store); err != nil {
		t.Fatal(err)
	}
	wantLeft(t, p, "a token that was used", id, "n/used", "r/AccessToken")
	update(t, p.home, remove("AccessToken", id))
	wantLeft(t, p, "a token", id)
}

// A token holds no secret, whatever a client sends.
func TestTokensAreNotStored(t *testing.T) {
	d := home(t)
	doc := scoped("read")
	doc["token"] = "mine"
	_, id := token(t, d, doc)
	update(t, d, modify("AccessToken", id, schema.Document{"token": "mine"}))
	if r, err := snapshot(t, d).Get("AccessToken", id); err != nil || strings.Contains(string(r.JSON), "mine") {
		t.Errorf("stored %s (%v)", r.JSON, err)
	}
}

// An organization that is deactivated or deleted meanwhile takes no writes, and lets nobody in.
func TestOrganizationEndsWhileWriting(t *testing.T) {
	for name, c := range map[string]struct {
		end func(id directory.ID) change
		is  directory.Kind // what a part of the program hears that writes
	}{
		"deactivated": {func(id directory.ID) change {
			return modify("Organization", id, schema.Document{"active": false})
		}, directory.Forbidden},
		"deleted": {func(id directory.ID) change { return remove("Organization", id) }, directory.NotFound},
	} {
		for _, by := range []string{"the program", "a token", "a session"} {
			t.Run(name+" "+by, func(t *testing.T) {
				p := newPlace(t)
				org := create(t, p.System(), "Organization", schema.Document{"name": "acme"}).ID
				d := p.Organization("acme")
				u := create(t, d, "User", schema.Document{"userName": "u", "roles": roles("administrator")})
				secret, _ := token(t, d, scoped("admin"))
				sessionSecret := sessionOf(t, d, u.ID)
				as, want := d, c.is
				switch by {
				case "a token":
					as = bearer(t, d, secret)
				case "a session":
					as = withSession(t, d, sessionSecret)
				}
				runs := 0
				_, err := as.Update(t.Context(), func(tx *directory.Tx) error {
					if runs++; runs == 1 {
						defer update(t, p.System(), c.end(org))
					}
					_, err := tx.Create("User", schema.Document{"userName": "late"})
					return err
				})
				if kind := directory.KindOf(err); err == nil || by == "the program" && kind != want {
					t.Errorf("committed, or refused for something else: %v", err)
				}
				for _, credential := range []directory.Credential{{Bearer: secret}, {Session: sessionSecret}} {
					_, err := d.Authenticate(t.Context(), credential)
					if directory.KindOf(err) != directory.Unauthenticated {
						t.Errorf("let in: %v", err)
					}
				}
				if name == "deactivated" {
					update(t, p.System(), modify("Organization", org, schema.Document{"active": true}))
					if n := len(find(t, d, "User", `userName eq "late"`)); n != 0 {
						t.Error("written after the organization had ended")
					}
				}
			})
		}
	}
}

// Renaming an organization disturbs nobody who writes in it.
func TestOrganizationRenamedWhileWriting(t *testing.T) {
	p := newPlace(t)
	org := snapshot(t, p.home).Organization().ID
	runs := 0
	update(t, p.home, func(tx *directory.Tx) error {
		if runs++; runs == 1 {
			defer update(t, p.System(), modify("Organization", org, schema.Document{"displayName": "New"}))
		}
		_, err := tx.Create("User", schema.Document{"userName": "u"})
		return err
	})
	if runs != 1 {
		t.Errorf("the change ran %d times", runs)
	}
}

// A domain passes from one organization to another within one change, in this order.
func TestDomainPassesOn(t *testing.T) {
	p := newPlace(t)
	sys := p.System()
	a := create(t, sys, "Organization", schema.Document{"name": "a", "domains": []any{domain("x.example")}}).ID
	b := create(t, sys, "Organization", schema.Document{"name": "b"}).ID
	has := func(id directory.ID, domains ...any) change {
		return modify("Organization", id, schema.Document{"domains": domains})
	}
	_, err := sys.Update(t.Context(), all(has(b, domain("x.example")), has(a)))
	wantKind(t, err, directory.Exists)
	update(t, sys, all(has(a), has(b, domain("x.example"))))
	_, err = sys.Update(t.Context(), has(a, domain("x.example")))
	wantKind(t, err, directory.Exists)
}

// A session that was ended is valid no more, also where its record is still to be swept; nor is that of a User who is
// gone or inactive.
func TestEndedSessionThatIsNotSwept(t *testing.T) {
	for name, end := range map[string]func(user directory.ID) change{
		"all ended":   func(u directory.ID) change { return func(tx *directory.Tx) error { return tx.EndSessions(u) } },
		"deactivated": func(u directory.ID) change { return modify("User", u, schema.Document{"active": false}) },
		"activated again": func(u directory.ID) change {
			return all(modify("User", u, schema.Document{"active": false}),
				modify("User", u, schema.Document{"active": true}))
		},
		"deleted": func(u directory.ID) change { return remove("User", u) },
	} {
		t.Run(name, func(t *testing.T) {
			p := newPlace(t)
			client := directorytest.Client(t)
			u := createUser(t, p.home, "u")
			secret := sessionOf(t, p.home, u.ID)
			org := snapshot(t, p.home).Organization().ID
			sessions := p.root + "/org/" + string(org[:]) + "/r/Session/"
			was, err := client.Get(t.Context(), sessions, clientv3.WithPrefix())
			if err != nil || len(was.Kvs) != 1 {
				t.Fatalf("%d sessions: %v", len(was.Kvs), err)
			}
			update(t, p.home, end(u.ID))

			// As if it had been one of too many for one transaction.
			if _, err := client.Put(t.Context(), string(was.Kvs[0].Key), string(was.Kvs[0].Value)); err != nil {
				t.Fatal(err)
			}
			again := directorytest.Open(t, client, directory.Options{Root: p.root}).Organization("default")
			if _, err := again.Authenticate(t.Context(), directory.Credential{Session: secret}); err == nil {
				t.Error("the session is valid")
			}
			for r := range snapshot(t, again).All("Session") {
				if snapshot(t, again).SessionValid(r) {
					t.Error("the session's record is valid")
				}
			}
		})
	}
}

// A change tells callers of a resource what a later read tells them.
func TestResultsAreWhatIsRead(t *testing.T) {
	c := newClock()
	d := directorytest.Open(t, directorytest.Client(t), directory.Options{Root: directorytest.Root(),
		Now: c.Now}).Organization("default")
	u, g := createUser(t, d, "u"), createGroup(t, d, "g")
	same := func(name string, got *directory.Resource) {
		t.Helper()
		want, err := snapshot(t, d).Get(got.Type, got.ID)
		if err != nil || got.Version != want.Version || !got.LastModified.Equal(want.LastModified) {
			t.Errorf("%s: version %v of %v, read %v of %v (%v)", name, got.Version, got.LastModified, want.Version,
				want.LastModified, err)
		}
	}
	var r *directory.Resource
	for i, step := range []struct {
		name   string
		change change
	}{
		{"replaced, then members", func(tx *directory.Tx) (err error) {
			old, err := tx.Get("Group", g.ID)
			if err == nil {
				r, err = tx.Replace(old, schema.Document{"displayName": "h"})
			}
			if err == nil {
				err = tx.AddMembers(r, []directory.ID{u.ID})
			}
			return err
		}},
		{"members alone", func(tx *directory.Tx) error {
			old, err := tx.Get("Group", g.ID)
			if err == nil {
				err = tx.RemoveMembers(old, []directory.ID{u.ID})
				r = tx.Touched(old)
			}
			return err
		}},
		{"new, with members", func(tx *directory.Tx) (err error) {
			if r, err = tx.Create("Group", schema.Document{"displayName": "new"}); err == nil {
				err = tx.AddMembers(r, []directory.ID{u.ID})
			}
			return err
		}},
	} {
		c.advance(time.Duration(i) * time.Second)
		s := update(t, d, step.change)
		same(step.name, r)
		if step.name == "new, with members" && !r.LastModified.Equal(r.Created) {
			t.Errorf("%s: created %v, modified %v", step.name, r.Created, r.LastModified)
		}
		if user, _ := s.Get("User", u.ID); s.IsMember(r.ID, u.ID) && !s.MayHaveGroups(user) {
			t.Errorf("%s: the member is surely in no group", step.name)
		}
	}

	// What a change returns of a User in a group may have groups, too.
	update(t, d, func(tx *directory.Tx) (err error) {
		old, err := tx.Get("User", u.ID)
		if err == nil {
			r, err = tx.Replace(old, schema.Document{"userName": "u", "title": fmt.Sprint(c.Now())})
		}
		return err
	})
	if s := snapshot(t, d); !s.MayHaveGroups(r) {
		t.Error("a User in a group is surely in none, as its change returns it")
	}
}
