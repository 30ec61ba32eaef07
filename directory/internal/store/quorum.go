package store

import (
	"context"
	"sync"
	"time"

	"rollcall/directory/internal/state"
)

// quorumTimeout bounds a quorum read: without a leader etcd does not answer at all.
const quorumTimeout = 3 * time.Second

// quorum learns etcd's revision. One read serves all that were waiting before it was sent: a caller that arrives while
// one is in flight waits for the next, because the one in flight may have been answered before the caller arrived.
type quorum struct {
	read func(context.Context) (int64, error)

	mu        sync.Mutex
	gathering *quorumRead // not sent yet; nil if nobody waits for it
	inFlight  bool
}

type quorumRead struct {
	done     chan struct{}
	revision int64
	err      error
}

// revision returns a revision that is at least the store's at the time of the call.
func (q *quorum) revision(ctx context.Context) (int64, error) {
	q.mu.Lock()
	mine := q.gathering
	if mine == nil {
		mine = &quorumRead{done: make(chan struct{})}
		q.gathering = mine
	}
	if !q.inFlight {
		q.inFlight = true
		go q.run()
	}
	q.mu.Unlock()
	select {
	case <-mine.done:
		if mine.err != nil {
			return 0, state.Unanswered(mine.err)
		}
		return mine.revision, nil
	case <-ctx.Done():
		return 0, state.Unanswered(ctx.Err())
	}
}

// run sends one read after the other while anybody waits. The reads have a context of their own: a caller that gives up
// does not fail the others.
func (q *quorum) run() {
	for {
		q.mu.Lock()
		r := q.gathering
		q.gathering = nil
		if r == nil {
			q.inFlight = false
			q.mu.Unlock()
			return
		}
		q.mu.Unlock()
		ctx, cancel := context.WithTimeout(context.Background(), quorumTimeout)
		r.revision, r.err = q.read(ctx)
		cancel()
		close(r.done)
	}
}
