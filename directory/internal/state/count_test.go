package state

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"rollcall/directory/schema"
)

// Whatever is created, granted, revoked, deleted and swept, the numbers of memberships are those that a walk finds, and
// a node that loads the keys has the same state as one that applied every revision, times of grants too.
func TestCounts(t *testing.T) {
	for seed := range uint64(20) {
		r := rand.New(rand.NewPCG(seed, 1))
		k := testKeys.Scope(testScope)
		s := New(testKeys, testBuiltin)
		stored := map[string]Loaded{}
		ids := map[string][]ID{}
		pick := func(typ string) ID {
			if len(ids[typ]) == 0 {
				return NewID()
			}
			return ids[typ][r.IntN(len(ids[typ]))]
		}
		change := func() Entry {
			types := []string{schema.UserType, schema.UserType, schema.GroupType, schema.IdentityProviderType}
			typ := types[r.IntN(len(types))]
			member := pick([]string{schema.UserType, schema.GroupType}[r.IntN(2)])
			by := Grantor{}
			if r.IntN(2) == 0 {
				by.Connection = pick(schema.IdentityProviderType)
			}
			switch n := r.IntN(20); {
			case n < 4:
				id := NewID()
				ids[typ] = append(ids[typ], id)
				return put(typ, id, fmt.Sprintf(`{"displayName":"%s"}`, id))
			case n < 6:
				id := pick(typ)
				ids[typ] = slices.DeleteFunc(ids[typ], func(e ID) bool { return e == id })
				return Delete(k.Resource(typ, id))
			case n < 16:
				value := GrantTime(time.Unix(int64(r.IntN(1<<31)), 0))
				if r.IntN(4) == 0 {
					value = nil // from before grants told their time
				}
				return Put(k.Grant(pick(schema.GroupType), member, by), value)
			case n < 18:
				for _, key := range s.Orphans(1) {
					return Delete(key)
				}
			}
			return Delete(k.Grant(pick(schema.GroupType), member, by))
		}
		for step := range 300 {
			entries := map[string]Entry{}
			for range 1 + r.IntN(3) {
				e := change()
				entries[e.Key] = e
			}
			var list []Entry
			for _, e := range entries {
				list = append(list, e)
			}
			apply(t, s, list...)
			for _, e := range list {
				created := stored[e.Key].Created
				if created == 0 {
					created = s.Revision()
				}
				if delete(stored, e.Key); !e.Deleted {
					e.Created = created
					stored[e.Key] = Loaded{e, s.Revision()}
				}
			}
			checkCounts(t, s.Freeze().Scope(testScope), fmt.Sprint("seed ", seed, ", step ", step))
		}
		var loaded []Loaded
		for _, l := range stored {
			loaded = append(loaded, l)
		}
		built, err := Build(testKeys, testBuiltin, 1, s.Revision(), [][]Loaded{loaded})
		if err != nil {
			t.Fatal(err)
		}
		checkCounts(t, built.Freeze().Scope(testScope), "loaded")
		if a, b := dump(s), dump(built); a != b {
			t.Fatalf("seed %d: applied:\n%s\nloaded:\n%s", seed, a, b)
		}
	}
}

// checkCounts compares the numbers with walks, and the walks with each other.
func checkCounts(t *testing.T, s *Scope, when string) {
	t.Helper()
	type pair struct{ group, member *Record }
	var all, byGroup, rest []pair
	for g := range s.All(schema.GroupType) {
		n := 0
		for m := range s.Members(g) {
			byGroup = append(byGroup, pair{g, m})
			n++
		}
		if got := s.CountMembers(g); got != n {
			t.Fatalf("%s: the group has %d members and counts %d", when, n, got)
		}
	}
	for g, m := range s.AllMemberships(nil, nil) {
		all = append(all, pair{g, m})
	}
	if !slices.Equal(all, byGroup) || s.CountMemberships() != len(all) {
		t.Fatalf("%s: %d memberships of all groups, %d group by group, counted %d", when, len(all), len(byGroup),
			s.CountMemberships())
	}
	if len(all) == 0 {
		return
	}
	at := len(all) / 2
	for g, m := range s.AllMemberships(all[at].group, all[at].member) {
		rest = append(rest, pair{g, m})
	}
	if !slices.Equal(rest, all[at+1:]) {
		t.Fatalf("%s: %d memberships after the one at %d of %d", when, len(rest), at, len(all))
	}
}
