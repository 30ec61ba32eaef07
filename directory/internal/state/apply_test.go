package state

import (
	"slices"
	"strings"
	"testing"

	"rollcall/directory/schema"
)

// A key or value that no writer of ours makes is an error that names it, whether a revision brings it or it is loaded.
func TestMalformedEntries(t *testing.T) {
	k, group := testKeys.Scope(testScope), NewID()
	for _, c := range []struct {
		name  string
		entry Entry
		says  string
	}{
		{"a resource without an id", Put(k.All()+"r/User", nil), "r/User"},
		{"a record that is none", Put(k.Resource(schema.UserType, NewID()), []byte("{")), "User"},
		{"a scope key that is none", Put(k.Control(), []byte("{")), "scope"},
		{"a grant without ends", Put(k.All()+"m/x", nil), "m/x"},
		{"a stamp of nothing", Put(k.All()+"v/x", []byte("1")), "v/x"},
		{"a stamp without a time", Put(k.Stamp(group), []byte("x")), group.String()},
		{"a link that is none", Put(k.Link(NewID(), "n"), []byte("{")), "l/"},
	} {
		entries := []Entry{put(schema.GroupType, group, `{"displayName":"g"}`), c.entry}
		s := New(testKeys, testBuiltin)
		if err := s.Apply(1, entries); err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s is applied: %v", c.name, err)
		}
		var loaded []Loaded
		for _, e := range entries {
			e.Created = 1
			loaded = append(loaded, Loaded{e, 1})
		}
		if _, err := Build(testKeys, testBuiltin, 1, 1, [][]Loaded{loaded}); err == nil {
			t.Errorf("%s is loaded", c.name)
		}
	}
}

// What compares read of a key that is gone is the revision 0, as etcd has it.
func TestKeysThatGo(t *testing.T) {
	s := New(testKeys, testBuiltin)
	k, group := testKeys.Scope(testScope), NewID()
	apply(t, s, put(schema.GroupType, group, `{"displayName":"g"}`), Put(k.Stamp(group), []byte("5")),
		Put(k.Nest(), nil), Put(k.Pending(), []byte("no change of definitions")))
	sc := s.Freeze().Scope(testScope)
	g := sc.Of(schema.GroupType, group)
	if sc.StampRevision(g) != 1 || sc.NestRevision() != 1 || sc.Pending() != nil {
		t.Fatalf("stamp at %d, nest at %d, pending %v", sc.StampRevision(g), sc.NestRevision(), sc.Pending())
	}
	apply(t, s, Delete(k.Stamp(group)), Delete(k.Nest()))
	sc = s.Freeze().Scope(testScope)
	if sc.StampRevision(g) != 0 || sc.NestRevision() != 0 {
		t.Errorf("stamp at %d, nest at %d", sc.StampRevision(g), sc.NestRevision())
	}
	if _, at := sc.Modified(g); !at.Equal(g.LastModified) {
		t.Errorf("a group without a stamp was modified at %v, want %v", at, g.LastModified)
	}
}

// A grant with one end that exists is left to the sweeper too, until it is swept.
func TestGrantWithOneEnd(t *testing.T) {
	group, user := NewID(), NewID()
	for name, g := range map[string]Entry{"no member": grant(group, NewID()), "no group": grant(NewID(), user)} {
		s := New(testKeys, testBuiltin)
		apply(t, s, put(schema.GroupType, group, `{"displayName":"g"}`), put(schema.UserType, user, `{"userName":"u"}`))
		apply(t, s, g)
		if got := s.Orphans(9); !slices.Equal(got, []string{g.Key}) {
			t.Errorf("%s: orphans %q", name, got)
		}
		apply(t, s, Delete(g.Key))
		if got := s.Orphans(9); len(got) != 0 {
			t.Errorf("%s, swept: orphans %q", name, got)
		}
	}
}

// A DeletedUser that takes the place of its User leaves the User's grants to the sweeper, in whichever order the two
// come.
func TestSuccessorOfAUser(t *testing.T) {
	s := New(testKeys, testBuiltin)
	group, user := NewID(), NewID()
	apply(t, s, put(schema.GroupType, group, `{"displayName":"g"}`), put(schema.UserType, user, `{"userName":"u"}`),
		grant(group, user))
	apply(t, s, put(schema.DeletedUserType, user, `{"userName":"u"}`))
	if got, want := s.Orphans(9), grant(group, user).Key; !slices.Equal(got, []string{want}) {
		t.Errorf("orphans %q, want %q", got, want)
	}
	apply(t, s, Delete(testKeys.Scope(testScope).Resource(schema.UserType, user)))
	if r := s.Freeze().Scope(testScope).Get(user); r == nil || r.Type != schema.DeletedUserType {
		t.Errorf("the late deletion of the User took away its DeletedUser: %v", r)
	}
}

// Who was deleted is in no group and has no members, while the grants are yet to be swept.
func TestGrantsOfTheDeleted(t *testing.T) {
	s := New(testKeys, testBuiltin)
	k := testKeys.Scope(testScope)
	connection, group, gone, inner, stays := NewID(), NewID(), NewID(), NewID(), NewID()
	by := Grantor{Connection: connection}
	entries := []Entry{put(schema.IdentityProviderType, connection, `{"displayName":"c"}`)}
	for id, doc := range map[ID]string{group: `{"displayName":"g"}`, inner: `{"displayName":"i"}`} {
		entries = append(entries, put(schema.GroupType, id, doc))
	}
	for id, doc := range map[ID]string{gone: `{"userName":"gone"}`, stays: `{"userName":"stays"}`} {
		entries = append(entries, put(schema.UserType, id, doc))
	}
	for _, m := range []ID{gone, inner, stays} {
		entries = append(entries, Put(k.Grant(group, m, by), nil))
	}
	apply(t, s, append(entries, Put(k.Grant(inner, stays, by), nil))...)
	apply(t, s, Delete(k.Resource(schema.UserType, gone)), Delete(k.Resource(schema.GroupType, inner)))
	sc := s.Freeze().Scope(testScope)
	g, member := sc.Of(schema.GroupType, group), sc.Of(schema.UserType, stays)
	if got := slices.Collect(sc.Members(g)); !slices.Equal(got, []*Record{member}) {
		t.Errorf("members %v", got)
	}
	if got := slices.Collect(sc.Subgroups(g)); len(got) != 0 {
		t.Errorf("subgroups %v", got)
	}
	if got := slices.Collect(sc.ParentGroups(member)); !slices.Equal(got, []*Record{g}) {
		t.Errorf("parent groups %v", got)
	}
	n := 0
	for group, m := range sc.GrantedBy(connection) {
		if n++; group != g || m != member {
			t.Errorf("granted: %v in %v", m, group)
		}
	}
	if n != 1 || sc.CountMembers(g) != 1 {
		t.Errorf("granted %d; %d members", n, sc.CountMembers(g))
	}
}

// A walk through memberships ends where its step says so.
func TestWalkEnds(t *testing.T) {
	s := New(testKeys, testBuiltin)
	user := NewID()
	entries := []Entry{put(schema.UserType, user, `{"userName":"u"}`)}
	const groups = 3 * walked
	for range groups {
		g := NewID()
		entries = append(entries, put(schema.GroupType, g, `{"displayName":"g"}`), grant(g, user))
	}
	apply(t, s, entries...)
	sc := s.Freeze().Scope(testScope)
	r := sc.Get(user)
	for _, c := range []struct{ allowed, want int }{{0, walked - 1}, {1, 2*walked - 1}, {9, groups}} {
		told, got := 0, 0
		for range sc.Memberships(&r.Resource, func(n int) bool { told++; return n == walked && told <= c.allowed }) {
			got++
		}
		if got != c.want {
			t.Errorf("%d groups with %d steps of %d, want %d", got, c.allowed, walked, c.want)
		}
	}
}
