package directory

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"rollcall/directory/internal/state"
	"rollcall/directory/schema"
)

// What a node holds is bounded by its bytes, not only by its number; a later decision on the same resource takes the
// place of the one before it, also when there is no room for another.
func TestHeldIsBounded(t *testing.T) {
	var h held
	large := make([]byte, MaxDocument)
	first := NewID()
	n := 0
	for id := first; h.decide(state.System, decision{id: id, document: large}); id = NewID() {
		if n++; n*len(large) > maxDecisionBytes {
			t.Fatalf("%d MiB are held", n)
		}
	}
	if n != maxDecisionBytes/len(large) || h.count.Load() != int64(n) {
		t.Errorf("%d decisions are held, counted as %d", n, h.count.Load())
	}
	if !h.decide(state.System, decision{id: first, document: large[:1]}) || h.count.Load() != int64(n) {
		t.Error("a later decision on the same resource was not held")
	}
	h.forget(state.ScopedID{Scope: state.System, ID: first}, 0)
	if !h.decide(state.System, decision{id: NewID(), document: large}) {
		t.Error("what was written still counts")
	}
}

// Ordinary changes wait for what is held, so only what may pass keeps a decision there.
func TestWhatKeepsADecisionHeld(t *testing.T) {
	for _, c := range []struct {
		err  error
		want bool
	}{
		{errorf(Unavailable, "", "x"), true},
		{errorf(Busy, "", "x"), true},
		{errorf(Full, "", "x"), true},
		{fmt.Errorf("wrapped: %w", errorf(Full, "", "x")), true},
		{context.Canceled, true},
		{context.DeadlineExceeded, true},
		{errorf(NotFound, "", "x"), false},
		{errorf(Forbidden, "", "x"), false},
		{errorf(Mutability, "", "x"), false},
		{errorf(Exists, "", "x"), false},
		{errorf(Invalid, "", "x"), false},
		{errorf(TooLarge, "", "x"), false},
		{&schema.Error{}, false},
		{errors.New("a stored document does not decode"), false},
		{nil, false},
	} {
		if got := passes(c.err); got != c.want {
			t.Errorf("%v: %v, want %v", c.err, got, c.want)
		}
	}
}
