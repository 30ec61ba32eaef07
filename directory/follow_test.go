package directory_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"

	"rollcall/directory"
	"rollcall/directory/directorytest"
	"rollcall/directory/filter"
	"rollcall/directory/schema"
)

// follow returns the Events behind the token, each as its revision and display, in pages of a size, and the last token.
func follow(t testing.TB, d *directory.Directory, token string, size int) (told []string, next string) {
	t.Helper()
	for {
		f, err := d.Follow(t.Context(), directory.Query{Limit: size}, token)
		if err != nil {
			t.Fatalf("after %d Events: %v", len(told), err)
		}
		if len(f.Resources) > size {
			t.Fatalf("a page of %d", len(f.Resources))
		}
		token = f.Next
		if len(f.Resources) == 0 {
			return told, token
		}
		for _, e := range f.Resources {
			told = append(told, tellOf(e))
		}
	}
}

func tellOf(e *directory.Resource) string {
	return e.Text("revision") + " " + e.ID.String() + " " + e.Text("resource.display")
}

// allEvents are those of the scope as follow tells of them, by revision and id.
func allEvents(t testing.TB, d *directory.Directory) (told []string) {
	t.Helper()
	page, err := d.Query(t.Context(), directory.Query{Type: "Event", Limit: 100_000})
	if err != nil {
		t.Fatal(err)
	}
	slices.SortFunc(page.Resources, func(a, b *directory.Resource) int {
		x, y := a.Text("revision"), b.Text("revision")
		if len(x) != len(y) {
			return len(x) - len(y)
		}
		return strings.Compare(x+a.ID.String(), y+b.ID.String())
	})
	for _, e := range page.Resources {
		told = append(told, tellOf(e))
	}
	return told
}

// users creates n Users in as few transactions as they fit into.
func users(t testing.TB, d *directory.Directory, prefix string, n int, more schema.Document) {
	t.Helper()
	var changes []func(*directory.Tx) error
	for i := range n {
		doc := schema.Document{"userName": fmt.Sprint(prefix, i)}
		for k, v := range more {
			doc[k] = v
		}
		changes = append(changes, func(tx *directory.Tx) error {
			_, err := tx.Create("User", doc)
			return err
		})
	}
	for _, err := range d.UpdateEach(t.Context(), changes) {
		if err != nil {
			t.Fatal(err)
		}
	}
}

// Events come in the order of (revision, id), each once, in pages of any size, also where a page ends within a revision
// and where the nodes' clocks differ; a node that was started later has the same order.
func TestFollowInOrder(t *testing.T) {
	root := directorytest.Root()
	open := func(behind time.Duration) *directory.Directory {
		return directorytest.Open(t, directorytest.Client(t), directory.Options{Root: root,
			Now: func() time.Time { return time.Now().Add(-behind) }}).Organization("default")
	}
	nodes := []*directory.Directory{open(0), open(time.Minute)} // the ids of the second one sort before the first's
	createUser(t, nodes[0], "first")
	start, err := nodes[1].Follow(t.Context(), directory.Query{Limit: 1}, "")
	if err != nil || len(start.Resources) != 1 {
		t.Fatalf("the oldest: %v, %v", start, err)
	}
	for i := range 6 {
		users(t, nodes[i%2], fmt.Sprint("u", i, "-"), 7, nil)
		createUser(t, nodes[(i+1)%2], fmt.Sprint("v", i))
	}
	want := allEvents(t, nodes[0])
	revisions := map[string]int{}
	for _, e := range want {
		revision, _, _ := strings.Cut(e, " ")
		revisions[revision]++
	}
	if len(revisions) == len(want) || len(want) != 48+1 {
		t.Fatalf("%d Events of %d revisions: no revision has several", len(want), len(revisions))
	}
	nodes = append(nodes, open(time.Second))
	for n, d := range nodes {
		for _, size := range []int{1, 2, 3, 5, 1000} {
			got, token := follow(t, d, "", size)
			mustSame(t, fmt.Sprint("node ", n, ", pages of ", size), got, want)
			if more, _ := follow(t, nodes[0], token, size); len(more) > 0 {
				t.Errorf("behind the last one: %v", more)
			}
		}
		got, _ := follow(t, d, start.Next, 4)
		mustSame(t, "behind the first", got, want[1:])
	}

	// A filter passes over what does not match.
	e, err := filter.Parse(`resource.display co "u3-"`, filter.Options{})
	if err != nil {
		t.Fatal(err)
	}
	f, err := nodes[2].Follow(t.Context(), directory.Query{Limit: 5, Filter: e}, "")
	if err != nil || len(f.Resources) != 5 {
		t.Fatalf("filtered: %v", err)
	}
	g, err := nodes[0].Follow(t.Context(), directory.Query{Limit: 5, Filter: e}, f.Next)
	if err != nil || len(g.Resources) != 2 {
		t.Fatalf("filtered, the next page: %v", err)
	}
	if more, _ := follow(t, nodes[1], g.Next, 5); len(more) > 0 {
		t.Errorf("a filtered page that is not full ends at %v", more)
	}
}

func mustSame(t testing.TB, what string, got, want []string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Fatalf("%s: %d Events, want %d\n%s\n%s", what, len(got), len(want), strings.Join(got, "\n"),
			strings.Join(want, "\n"))
	}
}

// A token is good until an Event behind it has been removed, on every node; who begins with the oldest misses none of
// those that are kept then, although classes reach back to different times.
func TestFollowAfterRemoval(t *testing.T) {
	c, root := newClock(), directorytest.Root()
	open := func() *directory.Store {
		return directorytest.Open(t, directorytest.Client(t), directory.Options{Root: root, Now: c.Now})
	}
	s := open()
	d := s.Organization("default")
	retention(t, s, d, 4)
	early, err := d.Follow(t.Context(), directory.Query{Limit: 1}, "")
	if err != nil {
		t.Fatal(err)
	}
	create(t, d, "User", schema.Document{"userName": "boss", "roles": roles("administrator")})
	users(t, d, "u", 6, nil) // of one revision
	whole, _ := follow(t, d, "", 100)
	third, err := d.Follow(t.Context(), directory.Query{Limit: len(whole) - 4}, "") // ends within the revision
	if err != nil {
		t.Fatal(err)
	}
	second, err := d.Follow(t.Context(), directory.Query{Limit: len(whole) - 5}, "")
	if err != nil {
		t.Fatal(err)
	}
	all, late := follow(t, d, "", 100)
	unaware := open().Organization("default") // keeps no order yet
	c.advance(2 * time.Hour)
	if err := s.Sweep(t.Context()); err != nil {
		t.Fatal(err)
	}

	kept := allEvents(t, d)
	if len(kept) != len(all)-2 {
		t.Fatalf("%d Events are kept of %d, want two less", len(kept), len(all))
	}
	fresh := open().Organization("default")
	for name, node := range map[string]*directory.Directory{"the same node": d, "one that kept no order": unaware,
		"a new one": fresh} {
		for what, token := range map[string]string{"early": early.Next, "within the revision": second.Next} {
			if _, err := node.Follow(t.Context(), directory.Query{Limit: 1}, token); !errors.Is(err, directory.ErrFollowGone) {
				t.Errorf("%s, %s: %v, want gone", name, what, err)
			}
		}
		got, _ := follow(t, node, third.Next, 1)
		mustSame(t, name+", from the last that was removed", got, all[len(all)-4:])
		if got, _ = follow(t, node, late, 1); len(got) > 0 {
			t.Errorf("%s, behind all: %v", name, got)
		}
		got, _ = follow(t, node, "", 1)
		mustSame(t, name+", from the oldest", got, kept)
	}

	// What goes while somebody is on the way is missed, and they are told.
	begun, err := d.Follow(t.Context(), directory.Query{Limit: 1}, "")
	if err != nil {
		t.Fatal(err)
	}
	users(t, d, "w", 3, nil)
	c.advance(2 * time.Hour)
	if err := s.Sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := d.Follow(t.Context(), directory.Query{Limit: 1}, begun.Next); !errors.Is(err, directory.ErrFollowGone) {
		t.Errorf("on the way: %v, want gone", err)
	}
}

// retention keeps n ordinary Events.
func retention(t testing.TB, s *directory.Store, d *directory.Directory, n int) {
	t.Helper()
	update(t, s.System(), modify("Organization", snapshot(t, d).Organization().ID,
		schema.Document{"retention": map[string]any{"events": json.Number(fmt.Sprint(n))}}))
}

// What is written and removed while a node reads the order of the Events for the first time is neither lost nor kept.
func TestFollowWhileGathering(t *testing.T) {
	clock, root := newClock(), directorytest.Root()
	o := directory.Options{Root: root, Now: clock.Now}
	s := directorytest.Open(t, directorytest.Client(t), o)
	d := s.Organization("default")
	retention(t, s, d, 3)
	users(t, d, "a", 5, nil)
	clock.advance(2 * time.Hour)

	hooked := &hookedKV{KV: directorytest.Client(t).KV}
	c := directorytest.NewClient(t)
	c.KV = hooked
	other := directorytest.Open(t, c, o).Organization("default")
	snapshot(t, other)
	ran := 0
	hooked.get.Store(&hook{key: "/e/", run: func() {
		ran++
		users(t, d, "b", 2, nil)
		clock.advance(2 * time.Hour)
		if err := s.Sweep(t.Context()); err != nil {
			t.Error(err)
		}
		snapshot(t, other) // it has seen all of it
	}})
	got, _ := follow(t, other, "", 2)
	if mustSame(t, "gathered", got, allEvents(t, d)); ran != 1 {
		t.Errorf("the race was run %d times", ran)
	}
}

// hookedKV calls a function once, before it reads a key that contains a text, or begins a transaction.
type hookedKV struct {
	clientv3.KV
	get, txn atomic.Pointer[hook]
}

type hook struct {
	key string
	run func()
}

func (h *hookedKV) Get(ctx context.Context, key string, opts ...clientv3.OpOption) (*clientv3.GetResponse, error) {
	if f := h.get.Load(); f != nil && strings.Contains(key, f.key) && h.get.CompareAndSwap(f, nil) {
		f.run()
	}
	return h.KV.Get(ctx, key, opts...)
}

func (h *hookedKV) Txn(ctx context.Context) clientv3.Txn {
	if f := h.txn.Load(); f != nil && h.txn.CompareAndSwap(f, nil) {
		f.run()
	}
	return h.KV.Txn(ctx)
}

// Events that are removed after their places were found, and before they are read, are not passed over in silence.
func TestFollowWhileRemoved(t *testing.T) {
	clock, root := newClock(), directorytest.Root()
	o := directory.Options{Root: root, Now: clock.Now}
	s := directorytest.Open(t, directorytest.Client(t), o)
	d := s.Organization("default")
	retention(t, s, d, 3)
	hooked := &hookedKV{KV: directorytest.Client(t).KV}
	c := directorytest.NewClient(t)
	c.KV = hooked
	other := directorytest.Open(t, c, o).Organization("default")
	users(t, d, "a", 5, nil)
	begun, err := other.Follow(t.Context(), directory.Query{Limit: 2}, "")
	if err != nil {
		t.Fatal(err)
	}
	clock.advance(2 * time.Hour)
	ran := 0
	hooked.txn.Store(&hook{run: func() {
		ran++
		users(t, d, "b", 2, nil)
		if err := s.Sweep(t.Context()); err != nil {
			t.Error(err)
		}
	}})
	_, err = other.Follow(t.Context(), directory.Query{Limit: 2}, begun.Next)
	if !errors.Is(err, directory.ErrFollowGone) || ran != 1 {
		t.Errorf("%v after %d races, want gone", err, ran)
	}
}

// A token is of one scope of one store.
func TestFollowElsewhere(t *testing.T) {
	root, etcd := directorytest.Root(), &replaceable{}
	d := openReplaceable(t, root, etcd)
	createUser(t, d, "u")
	_, token := follow(t, d, "", 10)
	s := directory.StoreOf(d)
	for what, text := range map[string]string{"nothing": "x", "cut": token[:len(token)-4], "changed": "A" + token[1:]} {
		if _, err := d.Follow(t.Context(), directory.Query{Limit: 1}, text); !errors.Is(err, directory.ErrNoToken) {
			t.Errorf("%s: %v", what, err)
		}
	}
	if _, err := s.System().Follow(t.Context(), directory.Query{Limit: 1}, token); !errors.Is(err, directory.ErrNoToken) {
		t.Errorf("in another scope: %v", err)
	}
	if told, _ := follow(t, withScope(t, d, "admin"), token, 10); len(told) != 1 { // the new token's own Event
		t.Errorf("with another credential: %v", told)
	}
	etcd.become(directorytest.NewClient(t), 4711)
	if _, err := d.Follow(t.Context(), directory.Query{Limit: 1}, token); !errors.Is(err, directory.ErrFollowGone) {
		t.Errorf("on another cluster: %v", err)
	}
	if told, _ := follow(t, d, "", 10); len(told) != 2 {
		t.Errorf("from the oldest, on another cluster: %v", told)
	}
}

// Whoever follows must be allowed to read Events, at every look.
func TestFollowNeedsRights(t *testing.T) {
	d := home(t)
	for scope, want := range map[string]directory.Kind{"read": directory.Forbidden, "write": directory.Forbidden} {
		_, err := withScope(t, d, scope).Follow(t.Context(), directory.Query{Limit: 1}, "")
		wantKind(t, err, want)
	}
	admin := withScope(t, d, "admin")
	_, token := follow(t, admin, "", 10)
	id, _ := directory.ParseID(admin.Actor().ID)
	update(t, d, remove("AccessToken", id))
	_, err := admin.Follow(t.Context(), directory.Query{Limit: 1}, token)
	wantKind(t, err, directory.Unauthenticated)
}
