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
			r := newRota(s)
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
func (s *Store) Sweep(ctx context.Context) error { return s.sweep(ctx, nil) }

// sweep is Sweep for the scopes that are due by the rota; nil: all.
func (s *Store) sweep(ctx context.Context, r *rota) error {
	f, err := s.node.Linearizable(ctx)
	if err != nil {
		return err
	}
	return (&sweeper{store: s, frozen: f, now: s.now(), rota: r}).run(ctx)
}

// sweepAnyway is after how long a scope is swept again that holds something whose end nobody works out.
const sweepAnyway = time.Hour

// rota says which scopes are due: those in which something happened since the last sweep, those whose Organization
// changed, those where time may have ended something, and in the first sweep all. So a sweep costs as much as there is
// to do, however many organizations there are.
type rota struct {
	store   *Store
	touched map[state.ScopeID]bool
	visits  map[state.ScopeID]visit
}

// visit is what the last sweep of a scope left.
type visit struct {
	next         time.Time // when the scope is due; zero: when something happens
	organization Version   // whose retention was used
}

func newRota(s *Store) *rota { return &rota{store: s, visits: map[state.ScopeID]visit{}} }

func (r *rota) sweep(ctx context.Context) error {
	r.touched = r.store.node.Touched()
	err := r.store.sweep(ctx, r)
	if err != nil {
		clear(r.visits) // nobody remembers what was left
	}
	return err
}

// due reports whether the scope is to be swept.
func (r *rota) due(s *scopeSweeper) bool {
	if r == nil || s.snap.id.IsSystem() || r.touched[s.snap.id] {
		return true
	}
	v, known := r.visits[s.snap.id]
	return !known || v.organization != s.organizationVersion() || !v.next.IsZero() && !s.now.Before(v.next)
}

// swept notes what a sweep left.
func (r *rota) swept(s *scopeSweeper) {
	if r != nil {
		r.visits[s.snap.id] = visit{s.next, s.organizationVersion()}
	}
}

// forget forgets a scope that is gone.
func (r *rota) forget(id state.ScopeID) {
	if r != nil {
		delete(r.visits, id)
	}
}

func (s *scopeSweeper) organizationVersion() Version {
	if org := s.snap.Organization(); org != nil {
		return org.Version
	}
	return 0
}
