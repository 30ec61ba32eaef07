package directory

import (
	"context"
)

// maxAttempts is how often a change is run before its caller is told that others are faster.
const maxAttempts = 16

// Update runs the change on a linearizable snapshot and commits what it staged as one transaction: all of it or nothing. A
// lost race runs it again on a newer snapshot. A change that fails or stages nothing commits nothing. The snapshot returned
// holds the commit; resources that the change created or replaced have their versions. Errors: the change's own; Busy,
// Unavailable, Full, TooLarge, Unauthenticated where the credential was revoked meanwhile, NotFound where the organization was
// deleted, Forbidden where it is not active.
func (d *Directory) Update(ctx context.Context, change func(*Tx) error) (*Snapshot, error) {
	for attempt := range maxAttempts {
		s, err := d.attempt(ctx, attempt)
		if err != nil {
			return nil, err
		}
		tx := newTx(d, s, attempt)
		if err := change(tx); err != nil {
			return nil, err
		}
		if tx.empty() {
			return s, nil
		}
		if tx.defines() && !tx.activating {
			return d.define(ctx, tx, change)
		}
		p, err := tx.part()
		if err != nil {
			return nil, err
		}
		out, err := d.store.commit(ctx, []part{p})
		if err != nil {
			return nil, err
		}
		if out[0].committed {
			return d.after(ctx, tx, out[0])
		}
		d.store.metrics.conflicts.Inc()
	}
	return nil, errorf(Busy, "", "other changes of the same resources were faster %d times; try again", maxAttempts)
}

// attempt returns the snapshot to run the change on: the first time the one on which the credential was judged.
func (d *Directory) attempt(ctx context.Context, n int) (*Snapshot, error) {
	if err := ctx.Err(); err != nil {
		return nil, unavailable(err)
	}
	if n == 0 {
		return d.Snapshot(ctx)
	}
	return d.fresh(ctx)
}

func (d *Directory) after(ctx context.Context, tx *Tx, o outcome) (*Snapshot, error) {
	d.first.Store(nil)
	for _, r := range tx.results {
		r.Version = Version(o.revision)
	}
	f, err := d.store.replica.snapshot()
	if err != nil {
		return nil, err
	}
	s, err := d.on(f)
	if KindOf(err) == NotFound { // the organization was deleted right after
		return tx.snap, nil
	}
	return s, err
}

// part turns what the change staged into a part of a transaction, with the compares that every write has: the scope as it
// was, the credential, and the Event's absence.
func (tx *Tx) part() (part, error) {
	d, s := tx.dir, tx.snap
	if !s.Active() {
		return part{}, errorf(Forbidden, "", "the organization is not active")
	}
	if d.store.full.Load() && !tx.frees {
		return part{}, &Error{Kind: Full, Detail: fullDetail}
	}
	tx.require(unchanged(tx.keys().scope(), s.scope.control.revision))
	if d.actor.judge != nil {
		conditions, err := d.actor.judge(s)
		if err != nil {
			return part{}, err
		}
		for _, c := range conditions {
			tx.require(c)
		}
	}
	id := d.store.timeIDs.next(tx.at)
	fence := tx.keys().event(id)
	doc, err := tx.eventJSON(id)
	if err != nil {
		return part{}, err
	}
	event := &record{Resource: Resource{Type: eventType, ID: id, JSON: doc, Created: tx.at, LastModified: tx.at}}
	tx.require(absent(fence))
	tx.put(fence, event.encode())
	p := part{fence: fence, conditions: make([]condition, 0, len(tx.conditions)), writes: make([]entry, 0, len(tx.order))}
	for _, c := range tx.conditions {
		p.conditions = append(p.conditions, c)
	}
	for _, key := range tx.order {
		p.writes = append(p.writes, tx.writes[key])
	}
	return p, nil
}

// housekeep writes without scope, credential or Event: sweeps and notes. It may fail and be done again. Errors: Busy where a
// condition does not hold; Unavailable.
func (s *Store) housekeep(ctx context.Context, conditions []condition, writes []entry) error {
	if len(writes) == 0 {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, 2*commitTimeout)
	defer cancel()
	out, err := s.commit(ctx, []part{{conditions: conditions, writes: writes}})
	if err == nil && !out[0].committed {
		err = errorf(Busy, "", "what this rests on changed meanwhile; try again")
	}
	return err
}
