package directory_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"rollcall/directory"
	"rollcall/directory/directorytest"
)

// A walk sees the state at its start, whatever is written meanwhile and whichever node answers.
func TestWalkOverAPin(t *testing.T) {
	c := newClock()
	root := directorytest.Root()
	var nodes []*directory.Directory
	for range 2 {
		nodes = append(nodes, directorytest.Open(t, directorytest.Client(t), directory.Options{Root: root,
			Now: c.Now}).Organization("default"))
	}
	want := map[string]bool{}
	for i := range 30 {
		want[createUser(t, nodes[0], fmt.Sprintf("u%02d", i)).ID.String()] = true
	}
	p, err := nodes[0].Pin(t.Context(), []byte("query"))
	if err != nil || string(p.Value) != "query" {
		t.Fatalf("pin %q, %v", p.Value, err)
	}
	got := map[string]bool{}
	for offset := 0; offset < 30; offset += 3 {
		createUser(t, nodes[1], fmt.Sprintf("a%02d", offset))
		page, err := nodes[0].Query(t.Context(), directory.Query{Type: "User", Offset: offset, Limit: 1})
		if err != nil {
			t.Fatal(err)
		}
		update(t, nodes[0], remove("User", page.Resources[0].ID))
		again, err := nodes[offset/3%2].Pinned(t.Context(), p.ID)
		if err != nil {
			t.Fatal(err)
		}
		pinned, err := again.Query(t.Context(), directory.Query{Type: "User", SortBy: "userName", Descending: true,
			Offset: offset, Limit: 3})
		if err != nil || pinned.Total != 30 {
			t.Fatalf("total %d, %v", pinned.Total, err)
		}
		for _, r := range pinned.Resources {
			if !want[r.ID.String()] || got[r.ID.String()] {
				t.Errorf("%s twice or not of the state at the start", r.Text("userName"))
			}
			got[r.ID.String()] = true
		}
	}
	if len(got) != 30 {
		t.Errorf("the walk saw %d of 30", len(got))
	}
	for range 3 { // a walk that goes on keeps its state
		c.advance(directory.PinLifetime * 3 / 4)
		again, err := nodes[0].Pinned(t.Context(), p.ID)
		if err != nil {
			t.Fatal(err)
		}
		if page, err := again.Query(t.Context(), directory.Query{Type: "User", SortBy: "userName",
			Descending: true}); err != nil || page.Total != 30 {
			t.Fatalf("total %d, %v", page.Total, err)
		}
		if _, err := nodes[1].Pinned(t.Context(), p.ID); err != nil {
			t.Fatalf("on the other node: %v", err)
		}
	}
	c.advance(directory.PinLifetime + time.Second)
	for _, d := range nodes {
		_, err := d.Pinned(t.Context(), p.ID)
		wantKind(t, err, directory.NotFound)
	}
}

func TestPinsAreBounded(t *testing.T) {
	s := directorytest.New(t)
	d := s.Organization("default")
	create(t, s.System(), "Organization", map[string]any{"name": "other"})
	first := func(d *directory.Directory) *directory.Pin {
		p, err := d.Pin(context.Background(), nil)
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	theirs, oldest, second := first(s.Organization("other")), first(d), first(d)
	for range directory.MaxPins - 1 {
		first(d)
	}
	_, err := d.Pinned(t.Context(), oldest.ID)
	wantKind(t, err, directory.NotFound)
	if _, err := d.Pinned(t.Context(), second.ID); err != nil {
		t.Errorf("the second oldest is gone too: %v", err)
	}
	if _, err := s.Organization("other").Pinned(t.Context(), theirs.ID); err != nil {
		t.Errorf("another organization's pin is gone: %v", err)
	}
	_, err = d.Pinned(t.Context(), theirs.ID)
	wantKind(t, err, directory.NotFound)
}

// A credential that begins more walks than are kept ends its own, on every node; the walks of others go on.
func TestPinsAreFair(t *testing.T) {
	root := directorytest.Root()
	nodes := []*directory.Directory{}
	for range 2 {
		s := directorytest.Open(t, directorytest.NewClient(t), directory.Options{Root: root})
		nodes = append(nodes, s.Organization("default"))
	}
	as := func(node int, who string) *directory.Directory {
		return nodes[node].As(directory.Actor{Type: "AccessToken", ID: who, Rights: directory.ScopeRead})
	}
	begin := func(node int, who string) directory.ID {
		p, err := as(node, who).Pin(t.Context(), []byte("walk"))
		if err != nil || string(p.Value) != "walk" {
			t.Fatal(p, err)
		}
		return p.ID
	}
	victims := []directory.ID{begin(0, "victim"), begin(1, "victim")}
	var greedy []directory.ID
	for i := range directory.MaxPins + 1 {
		greedy = append(greedy, begin(i%2, "greedy"))
	}
	kept := func(node int, who string, id directory.ID) bool {
		_, err := as(node, who).Pinned(t.Context(), id)
		return err == nil
	}
	for node := range nodes {
		if !kept(node, "victim", victims[0]) || !kept(node, "victim", victims[1]) {
			t.Errorf("node %d: the walks of others end", node)
		}
		for i, id := range greedy {
			if want := i >= 3; kept(node, "greedy", id) != want {
				t.Errorf("node %d: walk %d of %d is kept: %t", node, i, len(greedy), !want)
			}
		}
	}
}

func TestCursorsAreTheirs(t *testing.T) {
	s := directorytest.New(t)
	a, _ := token(t, s.Organization("default"), scoped("read"))
	b, _ := token(t, s.Organization("default"), scoped("read"))
	mine, yours := bearer(t, s.Organization("default"), a), bearer(t, s.Organization("default"), b)
	snap := snapshot(t, mine)
	text := mine.SealCursor(snap, []byte("position"))
	if p, ok := mine.OpenCursor(snap, text); !ok || string(p) != "position" {
		t.Fatalf("opened %q, %v", p, ok)
	}
	if _, ok := yours.OpenCursor(snapshot(t, yours), text); ok {
		t.Error("another credential opens the cursor")
	}
	for i := range text {
		changed := []byte(text)
		changed[i] ^= 1
		if _, ok := mine.OpenCursor(snap, string(changed)); ok {
			t.Errorf("a cursor changed at %d is accepted", i)
		}
	}
}
