package directory_test

import (
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"rollcall/directory"
	"rollcall/directory/directorytest"
)

// Resources are sorted by the time of their creation, whatever their order.
func TestSortByCreation(t *testing.T) {
	var now atomic.Int64
	began := time.Now().Add(-time.Hour)
	store := directorytest.Open(t, directorytest.Client(t), directory.Options{Root: directorytest.Root(),
		Now: func() time.Time { return began.Add(time.Duration(now.Load())) }})
	d := store.Organization("default")
	var want []string
	for _, name := range []string{"c", "a", "b"} {
		now.Add(int64(time.Second))
		want = append([]string{createUser(t, d, name).ID.String()}, want...)
	}
	page, err := d.Query(t.Context(), directory.Query{Type: "User", SortBy: "meta.created", Descending: true,
		Limit: 10})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, r := range page.Resources {
		got = append(got, r.ID.String())
	}
	if !slices.Equal(got, want) {
		t.Errorf("the last created first: %v, want %v", got, want)
	}
}
