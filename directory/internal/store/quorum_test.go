package store

import (
	"context"
	"errors"
	"runtime"
	"testing"

	"rollcall/directory/internal/state"
)

// One quorum read serves those who waited before it was sent; who comes while it is in flight gets the next.
func TestQuorumReadsAreShared(t *testing.T) {
	type read struct{ answer chan int64 }
	sent := make(chan read)
	q := &quorum{read: func(context.Context) (int64, error) {
		r := read{make(chan int64)}
		sent <- r
		return <-r.answer, nil
	}}
	ask := func(ctx context.Context) chan int64 {
		joined, got := make(chan struct{}), make(chan int64, 1)
		go func() {
			close(joined)
			rev, err := q.revision(ctx)
			if err != nil && (state.KindOf(err) != state.Unavailable || !errors.Is(err, context.Canceled)) {
				t.Error(err)
			}
			got <- rev
		}()
		<-joined
		return got
	}
	gathering := func() {
		for {
			q.mu.Lock()
			g := q.gathering
			q.mu.Unlock()
			if g != nil {
				return
			}
			runtime.Gosched()
		}
	}
	first := ask(t.Context())
	inFlight := <-sent
	ctx, cancel := context.WithCancel(t.Context())
	quitter := ask(ctx)
	gathering() // the quitter has come while the first read is in flight
	late := ask(t.Context())
	cancel()
	if got := <-quitter; got != 0 {
		t.Fatalf("who gave up got %d", got)
	}
	inFlight.answer <- 5
	if got := <-first; got != 5 {
		t.Fatalf("the first got %d", got)
	}
	go func() { // whatever is sent from here on was sent after the late one came
		for {
			select {
			case r := <-sent:
				r.answer <- 9
			case <-t.Context().Done():
				return
			}
		}
	}()
	if got := <-late; got != 9 {
		t.Fatalf("who came while a read was in flight got its revision %d", got)
	}
}
