package store

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"rollcall/directory/internal/state"
)

// replica is the state in memory, brought forward in the order of revisions from two sources: the watch, which is
// complete, and this node's own commits, which are known sooner.
type replica struct {
	keys    state.Keyspace
	builtin *state.Catalog

	mu      sync.Mutex // guards all below: whoever holds it is the applier
	state   *state.State
	ahead   map[int64][]state.Entry // own commits ahead of a gap
	pins    pins
	waiters map[*waiter]struct{}
	tails   map[state.ScopeID]chan struct{} // each is closed when the scope gets an Event
	failed  error                           // the data cannot be read; nothing is served any more
	gone    bool                            // the state is not the store's any more; nothing is served until it is reloaded

	applied   atomic.Int64
	bytes     atomic.Int64 // applied since the start, reloads apart
	published atomic.Pointer[state.Frozen]
	waiting   chan struct{} // tells the watch that somebody waits
}

type waiter struct {
	revision int64
	done     chan struct{}
}

// revision is what the watch delivered of one revision.
type revision struct {
	number  int64
	entries []state.Entry
}

func newReplica(k state.Keyspace, builtin *state.Catalog) *replica {
	return &replica{keys: k, builtin: builtin, ahead: map[int64][]state.Entry{},
		pins:    pins{kept: map[state.ScopedID]*Pin{}},
		waiters: map[*waiter]struct{}{}, tails: map[state.ScopeID]chan struct{}{}, waiting: make(chan struct{}, 1)}
}

// reset replaces the whole state, after loading.
func (r *replica) reset(s *state.State) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.state, r.gone = s, false
	r.pins.clear() // they are of states before a gap
	r.published.Store(nil)
	r.endTails()
	r.advance()
}

// discard forgets the state, of which nothing holds any more. Readers wait for reset. It returns false if the state was
// discarded before.
func (r *replica) discard() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.gone {
		return false
	}
	r.state, r.gone = state.New(r.keys, r.builtin), true
	r.pins.clear()
	clear(r.ahead)
	r.published.Store(nil)
	r.applied.Store(0)
	return true
}

// snapshot returns the latest state. The first reader after a change makes it; the others share it.
func (r *replica) snapshot() (*state.Frozen, error) {
	if f := r.published.Load(); f != nil && f.Revision() == r.applied.Load() {
		return f, nil
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.failed != nil {
		return nil, state.Unanswered(r.failed)
	}
	if r.gone {
		return nil, state.Unanswered(errReload)
	}
	if f := r.published.Load(); f != nil && f.Revision() == r.state.Revision() {
		return f, nil
	}
	f := r.state.Freeze()
	r.published.Store(f)
	return f, nil
}

// branch returns the latest state for the caller to change.
func (r *replica) branch(scopes ...state.ScopeID) (*state.State, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.failed != nil {
		return nil, state.Unanswered(r.failed)
	}
	if r.gone {
		return nil, state.Unanswered(errReload)
	}
	return r.state.Branch(scopes...), nil
}

// committed takes in a commit of this node: at once when it is the next revision, else when the gap before it closes.
func (r *replica) committed(rev int64, entries []state.Entry) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.failed != nil || r.gone || rev <= r.state.Revision() {
		return
	}
	r.ahead[rev] = entries
	r.advance()
}

// watched takes in what the watch delivered: all changes of the revisions after the applied one up to through.
func (r *replica) watched(revisions []revision, through int64) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case r.failed != nil:
		return r.failed
	case r.gone:
		return errReload
	}
	for _, v := range revisions {
		if v.number > r.state.Revision() { // else it was our own
			r.apply(v.number, v.entries)
		}
	}
	if through > r.state.Revision() && r.failed == nil {
		r.state.Skip(through)
	}
	r.advance()
	return r.failed
}

// apply brings the state to the revision. It must hold mu.
func (r *replica) apply(rev int64, entries []state.Entry) {
	before := r.state.Bytes()
	defer func() { r.bytes.Add(r.state.Bytes() - before) }()
	if err := r.state.Apply(rev, entries); err != nil {
		r.failed = err
		r.published.Store(nil)
	}
	r.pins.follow(r.state)
}

// advance applies own commits whose turn has come, publishes the revision and wakes the waiters that it satisfies. It
// must hold mu.
func (r *replica) advance() {
	for r.failed == nil {
		next := r.state.Revision() + 1
		entries, ok := r.ahead[next]
		if !ok {
			break
		}
		r.apply(next, entries)
	}
	for rev := range r.ahead {
		if rev <= r.state.Revision() {
			delete(r.ahead, rev)
		}
	}
	r.applied.Store(r.state.Revision())
	for w := range r.waiters {
		if w.revision <= r.state.Revision() || r.failed != nil {
			delete(r.waiters, w)
			close(w.done)
		}
	}
	r.tell() // after the revision is published: who wakes must see it
}

// wait returns when the replica has reached the revision. Error: Unavailable.
func (r *replica) wait(ctx context.Context, revision int64) error {
	if r.applied.Load() >= revision {
		return nil
	}
	r.mu.Lock()
	if r.failed != nil {
		r.mu.Unlock()
		return state.Unanswered(r.failed)
	}
	if r.state.Revision() >= revision {
		r.mu.Unlock()
		return nil
	}

	// Have the watch ask for progress, and wait for whoever applies the revision.
	w := &waiter{revision, make(chan struct{})}
	r.waiters[w] = struct{}{}
	r.mu.Unlock()
	r.wake()
	select {
	case <-w.done:
		return nil
	case <-ctx.Done():
		r.mu.Lock()
		delete(r.waiters, w)
		r.mu.Unlock()
		return state.Unanswered(ctx.Err())
	}
}

// wake tells the watch that somebody waits.
func (r *replica) wake() {
	select {
	case r.waiting <- struct{}{}:
	default:
	}
}

// lag returns the highest revision somebody waits for, 0 if nobody waits.
func (r *replica) lag() int64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	var most int64
	for w := range r.waiters {
		most = max(most, w.revision)
	}
	return most
}

// orphans lists up to n keys of grants that count no more.
func (r *replica) orphans(n int) []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.state.Orphans(n)
}

// touched returns the scopes of which any key changed since the last call.
func (r *replica) touched() map[state.ScopeID]bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.state.TakeTouched()
}

// pin returns a pin and when it was put or renewed last; nil if it is not kept.
func (r *replica) pin(key state.ScopedID, now time.Time) (*Pin, time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.pins.find(key, now)
}

// dropPins drops every pin whose time is over, so that its state can be freed.
func (r *replica) dropPins(now time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.pins.drop(now)
}
