package store

import (
	"testing"
	"time"

	"rollcall/directory/internal/state"
	"rollcall/directory/schema"
)

// What changes while a state is pinned is bounded: then the pin goes, also when no other one is made.
func TestPinnedBytesAreBounded(t *testing.T) {
	k, org, id := state.NewKeyspace("/t"), state.NewID(), state.NewID()
	r := testReplica(k, 0)
	r.committed(1, []state.Entry{state.Put(k.Organization(org).Pin(id), []byte("0\n"))})
	at := state.ScopedID{Scope: state.ScopeID{Organization: org}, ID: id}
	now := time.UnixMilli(0)
	if gonePin(r, at, now) {
		t.Fatal("the pin is not there")
	}
	chunk := make([]byte, 8<<20)
	for rev := int64(2); rev < 2+MaxPinBytes/int64(len(chunk))+2; rev++ {
		r.committed(rev, []state.Entry{state.Put(k.Organization(org).Unique(schema.UserType, "x", "y"), chunk)})
	}
	if !gonePin(r, at, now) {
		t.Error("a pin keeps an unbounded past")
	}
}

func gonePin(r *replica, at state.ScopedID, now time.Time) bool {
	p, _ := r.pin(at, now)
	return p == nil
}
