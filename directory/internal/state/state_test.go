package state

import (
	"bytes"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/tidwall/btree"

	"rollcall/directory/schema"
)

var (
	testKeys    = NewKeyspace("/t")
	testBuiltin = NewCatalog([]*schema.ResourceType{schema.User(), schema.Group(), schema.IdentityProvider()},
		schema.UserType, schema.GroupType)
	testScope = ScopeID{ID{0: 1}}
)

// put is the entry of a resource as a writer makes it, without its create revision.
func put(typ string, id ID, doc string) Entry {
	r := NewRecord(typ, id, time.UnixMilli(1))
	r.JSON = []byte(doc)
	return Put(testKeys.Scope(testScope).Resource(typ, id), r.Encode())
}

func grant(group, member ID) Entry {
	return Put(testKeys.Scope(testScope).Grant(group, member, SCIMGrantor), nil)
}

func apply(t *testing.T, s *State, entries ...Entry) {
	t.Helper()
	if err := s.Apply(s.Revision()+1, entries); err != nil {
		t.Fatal(err)
	}
}

func dump(s *State) string {
	var b bytes.Buffer
	s.Freeze().Dump(&b)
	return b.String()
}

func TestCopiesShareNothing(t *testing.T) {
	var m btree.Map[string, int]
	m.Set("a", 1)
	c := m.Copy()
	m.Set("b", 2)
	if c.Len() != 1 {
		t.Fatal("a copied tree follows its source")
	}
}

// A frozen state is what it was, whatever is applied later.
func TestFrozen(t *testing.T) {
	s := New(testKeys, testBuiltin)
	user, group := NewID(), NewID()
	apply(t, s, put(schema.UserType, user, `{"userName":"ann"}`), put(schema.GroupType, group, `{"displayName":"g"}`))
	f := s.Freeze()
	var before, after bytes.Buffer
	f.Dump(&before)
	k := testKeys.Scope(testScope)
	apply(t, s, grant(group, user), put(schema.UserType, user, `{"userName":"bob"}`), Put(k.Stamp(group), []byte("5")),
		Put(k.Note("n", user), []byte("x")), Put(k.Control(), Control{Active: true}.Encode()))
	apply(t, s, Delete(k.Resource(schema.GroupType, group)))
	f.Dump(&after)
	if before.String() != after.String() || f.Revision() != 1 {
		t.Errorf("before:\n%safter:\n%s", &before, &after)
	}
}

// Resources of one revision come in the same order, whoever applied them: a node that wrote them, one that watched, one
// that loads them later.
func TestOrderOfOneRevision(t *testing.T) {
	var entries []Entry
	var loaded []Loaded
	for i := range 8 {
		typ, doc := schema.UserType, fmt.Sprintf(`{"userName":"u%d"}`, i)
		if i%2 == 0 {
			typ, doc = schema.GroupType, fmt.Sprintf(`{"displayName":"g%d"}`, i)
		}
		e := put(typ, NewID(), doc)
		entries = append(entries, e)
		e.Created = 1
		loaded = append(loaded, Loaded{e, 1})
	}
	group, members := ID([]byte(entries[0].Key[len(entries[0].Key)-16:])), []Entry{}
	for _, e := range entries[1:] {
		members = append(members, grant(group, ID([]byte(e.Key[len(e.Key)-16:]))))
	}
	entries = append(entries, members...)
	for _, m := range members {
		m.Created = 1
		loaded = append(loaded, Loaded{m, 1})
	}
	wrote := New(testKeys, testBuiltin)
	apply(t, wrote, entries...)
	slices.Reverse(entries)
	other := New(testKeys, testBuiltin)
	apply(t, other, entries...)
	built, err := Build(testKeys, testBuiltin, 1, 1, [][]Loaded{loaded})
	if err != nil {
		t.Fatal(err)
	}
	if a, b, c := dump(wrote), dump(other), dump(built); a != b || a != c {
		t.Errorf("wrote:\n%swatched:\n%sloaded:\n%s", a, b, c)
	}
}

// The grants of deleted resources are found by both their ends, also when both are gone, and forgotten when they are
// swept.
func TestOrphans(t *testing.T) {
	s := New(testKeys, testBuiltin)
	k := testKeys.Scope(testScope)
	group := NewID()
	entries := []Entry{put(schema.GroupType, group, `{"displayName":"g"}`)}
	var want []string
	for range 50 {
		u := NewID()
		entries = append(entries, put(schema.UserType, u, `{"userName":"`+u.String()+`"}`), grant(group, u))
		want = append(want, k.Grant(group, u, SCIMGrantor))
	}
	apply(t, s, entries...)
	if got := s.Orphans(100); len(got) != 0 {
		t.Fatalf("%d orphans while all ends exist", len(got))
	}
	var gone []Entry
	for _, e := range entries {
		if p, _ := testKeys.locate(e.Key); p.kind == "r" {
			gone = append(gone, Delete(e.Key))
		}
	}
	apply(t, s, gone...)
	stray := k.Grant(NewID(), NewID(), SCIMGrantor) // of ends that never were
	apply(t, s, Put(stray, nil))
	want = append(want, stray)
	found := map[string]bool{}
	for rounds := 0; ; rounds++ {
		batch := s.Orphans(7)
		if len(batch) == 0 {
			break
		}
		if len(batch) > 7 || rounds > len(want) {
			t.Fatalf("a batch of %d in round %d", len(batch), rounds)
		}
		var swept []Entry
		for _, key := range batch {
			found[key] = true
			swept = append(swept, Delete(key))
		}
		apply(t, s, swept...)
	}
	for _, key := range want {
		if !found[key] {
			t.Errorf("the grant %x was not found", key)
		}
	}
	if len(found) != len(want) || len(s.deleted) != 0 || len(s.orphans) != 0 {
		t.Errorf("found %d of %d; %d scopes and %d keys are remembered", len(found), len(want), len(s.deleted),
			len(s.orphans))
	}
}
