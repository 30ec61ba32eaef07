package directory

import (
	"context"
	"sync"
	"sync/atomic"
)

// replica is the state in memory, brought forward in the order of revisions from two sources: the watch, which is complete,
// and this node's own commits, which are known sooner.
type replica struct {
	keys keyspace

	mu      sync.Mutex // guards all below: whoever holds it is the applier
	state   *state
	pending map[int64][]entry // own commits ahead of a gap
	pins    map[scopedID]*pinned
	weigh   int64 // how many bytes are to be applied before the pins are looked at again
	waiters map[*waiter]struct{}
	failed  error // the data cannot be read; nothing is served any more
	gone    bool  // the state is not the store's any more; nothing is served until it is loaded anew

	applied   atomic.Int64
	published atomic.Pointer[frozenState]
	waiting   chan struct{} // tells the watch that somebody waits
	onApply   func(int64)   // test hook, may be nil
}

type waiter struct {
	revision int64
	done     chan struct{}
}

func newReplica(k keyspace) *replica {
	return &replica{keys: k, pending: map[int64][]entry{}, pins: map[scopedID]*pinned{}, waiters: map[*waiter]struct{}{}, waiting: make(chan struct{}, 1)}
}

// reset replaces the whole state, after loading.
func (r *replica) reset(s *state) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.state, r.gone = s, false
	clear(r.pins) // of states before a gap
	r.weigh = 0
	for rev := range r.pending {
		if rev <= s.revision {
			delete(r.pending, rev)
		}
	}
	r.published.Store(nil)
	r.drain()
	r.advanced()
}

// discard forgets the state, of which nothing holds any more. Readers wait for reset. It is false where that was done before.
func (r *replica) discard() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.gone {
		return false
	}
	r.state, r.gone = newState(), true
	clear(r.pins)
	clear(r.pending)
	r.published.Store(nil)
	r.applied.Store(0)
	return true
}

// snapshot returns the latest state. The first reader after a change makes it; the others share it.
func (r *replica) snapshot() (*frozenState, error) {
	if f := r.published.Load(); f != nil && f.revision == r.applied.Load() {
		return f, nil
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.failed != nil {
		return nil, unavailable(r.failed)
	}
	if r.gone {
		return nil, unavailable(errReload)
	}
	if f := r.published.Load(); f != nil && f.revision == r.state.revision {
		return f, nil
	}
	f := r.state.freeze()
	r.published.Store(f)
	return f, nil
}

// committed takes in a commit of this node: at once when it is the next revision, else when the gap before it closes.
func (r *replica) committed(rev int64, entries []entry) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.failed != nil || r.gone || rev <= r.state.revision {
		return
	}
	r.pending[rev] = entries
	r.drain()
	r.advanced()
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
		if v.number <= r.state.revision {
			continue // was our own
		}
		delete(r.pending, v.number)
		r.applyLocked(v.number, v.entries)
	}
	if through > r.state.revision && r.failed == nil {
		r.state.revision = through
	}
	for rev := range r.pending {
		if rev <= r.state.revision {
			delete(r.pending, rev)
		}
	}
	r.drain()
	r.advanced()
	return r.failed
}

type revision struct {
	number  int64
	entries []entry
}

func (r *replica) drain() {
	for r.failed == nil {
		entries, ok := r.pending[r.state.revision+1]
		if !ok {
			return
		}
		delete(r.pending, r.state.revision+1)
		r.applyLocked(r.state.revision+1, entries)
	}
}

func (r *replica) applyLocked(rev int64, entries []entry) {
	if err := r.state.apply(r.keys, rev, entries); err != nil {
		r.failed = err
		r.published.Store(nil)
	}
	r.keepPins()
	if r.onApply != nil {
		r.onApply(rev)
	}
}

// advanced publishes the revision and wakes whom it satisfies.
func (r *replica) advanced() {
	r.applied.Store(r.state.revision)
	for w := range r.waiters {
		if w.revision <= r.state.revision || r.failed != nil {
			delete(r.waiters, w)
			close(w.done)
		}
	}
}

// wait returns when the replica has reached the revision.
func (r *replica) wait(ctx context.Context, revision int64) error {
	if r.applied.Load() >= revision {
		return nil
	}
	r.mu.Lock()
	if r.failed != nil {
		r.mu.Unlock()
		return unavailable(r.failed)
	}
	if r.state.revision >= revision {
		r.mu.Unlock()
		return nil
	}
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
		return unavailable(ctx.Err())
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

// swept lists up to n keys of grants that count no more, and forgets the deleted resources that have none left.
func (r *replica) swept(n int) []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	var keys []string
	for k := range r.state.strays {
		if len(keys) == n {
			return keys
		}
		keys = append(keys, k)
	}
	for g, ord := range r.state.graves {
		before := len(keys)
		sc := r.state.live[g.scope]
		k := r.keys.scope(g.scope)
		// The other end may be deleted too: its id is found by the ordinal among the graves.
		name := func(other uint32) (ID, bool) {
			if m := sc.member(other); m != nil {
				return m.ID, true
			}
			for o, oo := range r.state.graves {
				if o.scope == g.scope && oo == other {
					return o.id, true
				}
			}
			return ID{}, false
		}
		sc.members.Ascend(edge{from: ord}, func(e edge) bool {
			if e.from != ord || len(keys) == n {
				return false
			}
			if id, ok := name(e.to); ok {
				keys = append(keys, k.grant(g.id, id, sc.grantors[e.grantor]))
			}
			return true
		})
		sc.groupsOf.Ascend(edge{from: ord}, func(e edge) bool {
			if e.from != ord || len(keys) == n {
				return false
			}
			if id, ok := name(e.to); ok {
				keys = append(keys, k.grant(id, g.id, sc.grantors[e.grantor]))
			}
			return true
		})
		if len(keys) == n {
			return keys
		}
		if len(keys) == before {
			delete(r.state.graves, g)
		}
	}
	return keys
}
