package directory

import (
	"context"

	"rollcall/directory/internal/state"
	"rollcall/directory/internal/store"
)

// maxAttempts is how often a change runs before its caller is told that concurrent changes win.
const maxAttempts = 16

func errTooManyRaces() error {
	return errorf(Busy, "", "gave up after %d conflicting updates; try again", maxAttempts)
}

// Update runs the change on a linearizable snapshot and commits what it staged as one transaction: all of it or
// nothing. A lost race runs it again on a newer snapshot. A change that fails or stages nothing commits nothing. The
// snapshot returned holds the commit; resources that the change created or replaced have their versions. Errors: the
// change's own; Busy, Unavailable, Full, TooLarge, Unauthenticated where the credential was revoked meanwhile, NotFound
// where the organization was deleted, Forbidden where it is not active.
func (d *Directory) Update(ctx context.Context, change func(*Tx) error) (*Snapshot, error) {
	return d.update(ctx, change, d.takeAway)
}

// update is Update, with what to do instead about a change that only takes away and for which there is no room; nil for
// nothing.
func (d *Directory) update(ctx context.Context, change func(*Tx) error,
	takeAway func(context.Context, func(*Tx) error) (*Snapshot, error)) (*Snapshot, error) {
	for a := (attempt{}); a.number < maxAttempts; {
		// Run the change.
		s, err := d.attempt(ctx, a.number)
		if err != nil {
			return nil, err
		}
		tx := newTx(ctx, d, s, a)
		if err := change(tx); err != nil {
			return nil, err
		}
		if tx.empty() {
			return s, nil
		}
		if tx.defines() && !tx.activating {
			if !d.dry {
				return d.define(ctx, tx, change)
			}
			if err := d.judgeDefinitions(ctx, tx); err != nil {
				return nil, err
			}
		}

		// Commit what it staged.
		p, err := tx.part()
		if err != nil {
			return nil, err
		}
		out, err := d.commit(ctx, p)
		switch {
		case KindOf(err) == Full && takeAway != nil && tx.frees() && !d.dry:
			return takeAway(ctx, change)
		case err != nil:
			return nil, err
		case out.Committed && d.dry:
			return d.tried(tx, p, out)
		case out.Committed:
			return d.after(tx, out)
		}
		a = a.next(out)
		d.store.lostRaces.Inc()
	}
	return nil, errTooManyRaces()
}

// commit commits one part by itself, or lets the store judge it if this is a dry run.
func (d *Directory) commit(ctx context.Context, p store.Part) (store.Outcome, error) {
	if d.dry {
		out, err := d.store.node.Try(ctx, p)
		if err != nil {
			return store.Outcome{}, err
		}
		return out, out.Refused
	}
	out, err := d.store.node.Commit(ctx, []store.Part{p})
	if err != nil {
		return store.Outcome{}, err
	}
	return out[0], out[0].Refused
}

// attempt returns the snapshot to run the change on: the first time the one on which the credential was judged.
func (d *Directory) attempt(ctx context.Context, n int) (*Snapshot, error) {
	if err := ctx.Err(); err != nil {
		return nil, state.Unanswered(err)
	}
	if n == 0 {
		return d.Snapshot(ctx)
	}
	return d.fresh(ctx)
}

// after gives the results their versions and returns a snapshot that holds the commit.
func (d *Directory) after(tx *Tx, o store.Outcome) (*Snapshot, error) {
	d.first.Store(nil)
	tx.committed(o)
	f, err := d.store.node.Latest()
	if err != nil {
		return nil, err
	}
	s, err := d.on(f)
	if KindOf(err) == NotFound { // the organization was deleted right after
		return tx.snap, nil
	}
	return s, err
}

func (tx *Tx) committed(o store.Outcome) {
	for _, r := range tx.results {
		r.Version = Version(o.Revision)
	}
}

// part turns what the change staged into a part of a transaction, with the compares that every write has: the scope as
// it was, the credential, and the Event's absence.
func (tx *Tx) part() (store.Part, error) {
	// The organization and the credential must allow it, and do so still when it is committed.
	d, s := tx.dir, tx.snap
	if d.store.held.any() && !tx.frees() { // what was decided comes first
		return store.Part{}, store.ErrFull(nil)
	}
	if !s.Active() {
		return store.Part{}, errorf(Forbidden, "", "the organization is not active")
	}
	if err := tx.keepBudget(); err != nil {
		return store.Part{}, err
	}
	tx.require(store.Unchanged(tx.keys().Control(), s.scope.Control().Revision))
	if d.actor.judge != nil {
		conditions, err := d.actor.judge(s)
		if err != nil {
			return store.Part{}, err
		}
		for _, c := range conditions {
			tx.require(c)
		}
	}

	// The first Event is also the fence that settles an unknown outcome.
	events, err := tx.eventEntries()
	if err != nil {
		return store.Part{}, err
	}
	for _, e := range events {
		tx.trace(e.Key, e.Value, store.Absent(e.Key))
	}
	fence := events[0].Key
	tx.require(store.Absent(fence))

	p := tx.writeSet.part()
	p.Fence = fence
	return p, nil
}
