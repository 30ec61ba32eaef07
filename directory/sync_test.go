package directory_test

import (
	"slices"
	"strings"
	"testing"

	"rollcall/directory"
	"rollcall/directory/schema"
)

// The changes of a connection's group sync, as they are when somebody else had the last word.

// syncing is one User whom a connection put into groups.
type syncing struct {
	*directory.Directory
	user       *directory.Resource
	connection directory.ID
}

func newSyncing(t *testing.T) syncing {
	t.Helper()
	d := home(t)
	return syncing{d, createUser(t, d, "u"), create(t, d, "IdentityProvider", schema.Document{"displayName": "c"}).ID}
}

// sync makes the change on behalf of the connection.
func (s syncing) sync(add, remove []directory.ID, last *[]directory.ID) change {
	return func(tx *directory.Tx) (err error) {
		tx.GrantBy(s.connection)
		*last, err = tx.SyncGroups(s.user, add, remove)
		return err
	}
}

// A sync takes nobody from a protected group who is its last active member, moves the versions of what it changes,
// passes over what was deleted, and tells of the User.
func TestSyncGroups(t *testing.T) {
	s := newSyncing(t)
	d, u := s.Directory, s.user.ID
	in, out := createGroup(t, d, "in"), createGroup(t, d, "out")
	kept, shared, second := protectedGroup(t, d, "kept"), protectedGroup(t, d, "shared"), protectedGroup(t, d, "second")
	gone := createGroup(t, d, "gone")
	update(t, d, by(s.connection, add(out.ID, u), add(kept.ID, u), add(shared.ID, u), add(second.ID, u)))
	update(t, d, add(shared.ID, u))                            // by SCIM, too
	update(t, d, add(second.ID, createUser(t, d, "other").ID)) // who stays
	update(t, d, remove("Group", gone.ID))
	before := snapshot(t, d)
	var last []directory.ID
	after := update(t, d, s.sync([]directory.ID{in.ID, gone.ID}, []directory.ID{out.ID, kept.ID, shared.ID, second.ID,
		gone.ID}, &last))
	if !slices.Equal(last, []directory.ID{kept.ID}) {
		t.Errorf("kept in %v, want %v", last, kept.ID)
	}
	for _, g := range []struct {
		*directory.Resource
		member, moved bool
	}{{in, true, true}, {out, false, true}, {kept, true, false}, {shared, true, false}, {second, false, true}} {
		was, _ := before.Get("Group", g.ID)
		is, _ := after.Get("Group", g.ID)
		if after.IsMember(g.ID, u) != g.member || (was.Version != is.Version) != g.moved {
			t.Errorf("%s: a member %v, the version moved %v", g.Text("displayName"), after.IsMember(g.ID, u),
				was.Version != is.Version)
		}
	}
	page, err := d.Query(t.Context(), directory.Query{Type: "Event", Limit: 100})
	if err != nil {
		t.Fatal(err)
	}
	if !slices.ContainsFunc(page.Resources, func(e *directory.Resource) bool {
		return e.Text("resource.value") == u.String() && strings.Contains(string(e.JSON), `"groups"`)
	}) {
		t.Errorf("no Event tells that the groups of the User changed: %s", page.Resources[len(page.Resources)-1].JSON)
	}
	for range snapshot(t, d).GroupsGrantedBy(directory.NewID(), s.connection) {
		t.Error("nobody is in a group")
	}
	for g := range snapshot(t, d).GroupsGrantedBy(u, s.connection) {
		if g.ID != in.ID && g.ID != kept.ID {
			t.Errorf("granted %s", g.Text("displayName"))
		}
		break // after the first one
	}
	for _, c := range []struct {
		group directory.ID
		limit int
		want  int
	}{{kept.ID, 9, 1}, {shared.ID, 9, 0}, {kept.ID, 0, 0}, {u, 9, 0}, {directory.NewID(), 9, 0}} {
		if got := snapshot(t, d).GrantedCount(c.group, s.connection, c.limit); got != c.want {
			t.Errorf("granted to %d of at most %d members, want %d", got, c.limit, c.want)
		}
	}
	for _, c := range []struct {
		group, user directory.ID
		want        bool
	}{{kept.ID, u, true}, {shared.ID, u, false}, {in.ID, u, false}, {directory.NewID(), u, false},
		{kept.ID, directory.NewID(), false}} {
		if got := snapshot(t, d).KeepsMember(c.group, c.user, s.connection); got != c.want {
			t.Errorf("keeps its member: %v, want %v", got, c.want)
		}
	}
}

// Who syncs may administer, the User exists, and there is a bound.
func TestSyncGroupsRefuses(t *testing.T) {
	s := newSyncing(t)
	g := createGroup(t, s.Directory, "g")
	var last []directory.ID
	_, err := withScope(t, s.Directory, "write").Update(t.Context(), s.sync([]directory.ID{g.ID}, nil, &last))
	wantKind(t, err, directory.Forbidden)
	many := make([]directory.ID, directory.MaxMemberships)
	_, err = s.Update(t.Context(), s.sync(many, []directory.ID{g.ID}, &last))
	wantKind(t, err, directory.TooLarge)
	update(t, s.Directory, s.sync(nil, many, &last))
	update(t, s.Directory, remove("User", s.user.ID))
	_, err = s.Update(t.Context(), s.sync([]directory.ID{g.ID}, nil, &last))
	wantKind(t, err, directory.NotFound)
}

// The other member of a protected group leaves between decision and commit, and so the User is kept.
func TestLastMemberWhileSyncing(t *testing.T) {
	s := newSyncing(t)
	d := s.Directory
	other := createUser(t, d, "other")
	g := protectedGroup(t, d, "g", other.ID)
	update(t, d, by(s.connection, add(g.ID, s.user.ID)))
	var last []directory.ID
	runs := 0
	after := update(t, d, func(tx *directory.Tx) error {
		if runs++; runs == 1 {
			defer update(t, d, take(g.ID, other.ID))
		}
		return s.sync([]directory.ID{createGroup(t, d, "in").ID}, []directory.ID{g.ID}, &last)(tx)
	})
	if runs != 2 || !slices.Equal(last, []directory.ID{g.ID}) || !after.IsMember(g.ID, s.user.ID) {
		t.Errorf("%d runs, kept in %v, a member: %v", runs, last, after.IsMember(g.ID, s.user.ID))
	}
}

// A claim is taken by its name, and of several changes by one.
func TestTakeClaim(t *testing.T) {
	d := home(t)
	u := createUser(t, d, "u")
	take := func(name string, took *bool) change {
		return func(tx *directory.Tx) error {
			*took = tx.TakeClaim(u.ID, name)
			_, err := tx.RecordSignIn(schema.Document{"outcome": "refused"})
			return err
		}
	}
	var took, other bool
	if update(t, d, take("", &took)); took || snapshot(t, d).Claims(u.ID, "") {
		t.Error("took a claim that is none")
	}
	update(t, d, func(tx *directory.Tx) error { return tx.PutClaim(u.ID, "one") })
	for _, name := range []string{"", "two"} {
		if update(t, d, take(name, &took)); took || !snapshot(t, d).Claims(u.ID, "one") {
			t.Errorf("took a claim by the name %q", name)
		}
	}
	runs := 0
	update(t, d, func(tx *directory.Tx) error {
		if runs++; runs == 1 {
			defer update(t, d, take("one", &other))
		}
		return take("one", &took)(tx)
	})
	if runs != 2 || took || !other || snapshot(t, d).Claims(u.ID, "one") {
		t.Errorf("%d runs; the first one took it: %v, the other one: %v", runs, took, other)
	}
}
