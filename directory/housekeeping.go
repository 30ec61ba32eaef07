package directory

import (
	"context"
	"time"

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
			store.Every(elected, s.log, sweepInterval, "sweep", s.Sweep)
		})
	})
}

// Sweep removes what counts no more: orphaned grants, what is left of deleted organizations and connections, used IDs
// whose time is over, ended sessions, and Events, SignIns and DeletedUsers beyond their retention. It runs every minute
// on one node; whatever it removes was without effect before. Errors of single parts are joined.
func (s *Store) Sweep(ctx context.Context) error {
	f, err := s.node.Linearizable(ctx)
	if err != nil {
		return err
	}
	return (&sweeper{store: s, frozen: f, now: s.now()}).run(ctx)
}
