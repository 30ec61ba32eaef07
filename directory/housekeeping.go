package directory

import (
	"context"
	"time"

	"rollcall/directory/internal/state"
	"rollcall/directory/internal/store"
)

// Housekeeping is done by one node for all.

const (
	electionInterval = time.Second
	sweepInterval    = time.Minute
)

// housekeep sweeps for as long as this node is elected, and otherwise waits to be.
func (s *Store) housekeep(ctx context.Context) {
	store.Every(ctx, s.log, electionInterval, "election", func(ctx context.Context) error {
		return s.node.Lead(ctx, "sweeper", func(elected context.Context) {
			r := rota{store: s}
			store.Every(elected, s.log, sweepInterval, "sweep", r.sweep)
		})
	})
}

// Elected runs f on one node of all, then again after each interval, until ctx ends. Its failures are logged.
func (s *Store) Elected(ctx context.Context, job string, interval time.Duration, f func(context.Context) error) {
	store.Every(ctx, s.log, electionInterval, "election", func(ctx context.Context) error {
		return s.node.Lead(ctx, job, func(elected context.Context) { store.Every(elected, s.log, interval, job, f) })
	})
}

// Sweep removes what counts no more: orphaned grants, what is left of deleted organizations and connections, used IDs
// whose time is over, ended sessions, and Events, SignIns and DeletedUsers beyond their retention. It runs every minute
// on one node; whatever it removes was without effect before. Errors of single parts are joined.
func (s *Store) Sweep(ctx context.Context) error {
	return s.sweep(ctx, func(state.ScopeID) bool { return true })
}

// sweep is Sweep for the scopes that are due.
func (s *Store) sweep(ctx context.Context, due func(state.ScopeID) bool) error {
	f, err := s.node.Linearizable(ctx)
	if err != nil {
		return err
	}
	return (&sweeper{store: s, frozen: f, now: s.now(), due: due}).run(ctx)
}

// rounds is how many sweeps it takes until every scope was swept, whether anything happened in it or not.
const rounds = 60

// rota says which scopes are due: those in which something happened since the last sweep, in the first sweep all, and
// of the others, where time may have ended something, one part each time. So a sweep costs as much as happens.
type rota struct {
	store *Store
	round int
}

func (r *rota) sweep(ctx context.Context) error {
	touched, round := r.store.node.Touched(), r.round
	r.round++
	err := r.store.sweep(ctx, func(id state.ScopeID) bool {
		part := int(id.Organization[len(id.Organization)-1]) % rounds
		return round == 0 || id.IsSystem() || touched[id] || part == round%rounds
	})
	if err != nil {
		r.round = 0 // nobody remembers what was left
	}
	return err
}
