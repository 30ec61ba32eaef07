package state

import (
	"fmt"
	"runtime"
	"testing"

	"rollcall/directory/schema"
)

// BenchmarkGrants measures what a grant takes in memory, in a group of 200,000.
func BenchmarkGrants(b *testing.B) {
	const n = 200_000
	group := NewID()
	k := testKeys.Scope(testScope)
	entries := []Entry{put(schema.GroupType, group, `{"displayName":"g"}`)}
	var grants []Entry
	for i := range n {
		u := NewID()
		entries = append(entries, put(schema.UserType, u, fmt.Sprintf(`{"userName":"u%d"}`, i)))
		grants = append(grants, Put(k.Grant(group, u, SCIMGrantor), nil))
	}
	for b.Loop() {
		s := New(testKeys, testBuiltin)
		if err := s.Apply(1, entries); err != nil {
			b.Fatal(err)
		}
		before := heap()
		if err := s.Apply(2, grants); err != nil {
			b.Fatal(err)
		}
		b.ReportMetric(float64(heap()-before)/n, "B/grant")
		runtime.KeepAlive(s)
	}
}

func heap() int64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.GC()
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}
