package directory

import (
	"context"
	"slices"
)

// maxAttempts is how often a change is run before its caller is told that others are faster.
const maxAttempts = 16

// Update runs the change on a linearizable snapshot and commits what it staged as one transaction: all of it or nothing. A
// lost race runs it again on a newer snapshot. A change that fails or stages nothing commits nothing. The snapshot returned
// holds the commit; resources that the change created or replaced have their versions. Errors: the change's own; Busy,
// Unavailable, Full, TooLarge, Unauthenticated where the credential was revoked meanwhile, NotFound where the organization was
// deleted, Forbidden where it is not active.
func (d *Directory) Update(ctx context.Context, change func(*Tx) error) (*Snapshot, error) {
	return d.update(ctx, change)
}

func (d *Directory) update(ctx context.Context, change func(*Tx) error) (*Snapshot, error) {
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
	id := timeID(tx.at)
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

// UpdateEach carries out independent changes, packed into few transactions; each succeeds or fails alone, as Update would
// have it. All changes of a transaction are decided on the state before it; a change that touches a key another one of the
// same transaction touches waits for the next.
func (d *Directory) UpdateEach(ctx context.Context, changes []func(*Tx) error) []error {
	errs := make([]error, len(changes))
	todo := make([]int, len(changes))
	for i := range todo {
		todo[i] = i
	}
	attempts := make([]int, len(changes))
	for round := 0; len(todo) > 0; round++ {
		s, err := d.attempt(ctx, round)
		if err != nil {
			for _, i := range todo {
				errs[i] = err
			}
			return errs
		}
		b := batch{keys: map[string]bool{}}
		var later []int
		for _, i := range todo {
			if len(b.parts) == partsPerTxn {
				later = append(later, i)
				continue
			}
			tx := newTx(d, s, attempts[i])
			p, err := tx.run(changes[i])
			switch {
			case err != nil:
				errs[i] = err
			case p == nil: // nothing to write
			case !b.add(i, tx, *p):
				later = append(later, i)
			}
		}
		todo = append(d.commitBatch(ctx, &b, attempts, errs), later...)
		slices.Sort(todo)
	}
	return errs
}

// run runs the change; the part is nil where it writes nothing.
func (tx *Tx) run(change func(*Tx) error) (*part, error) {
	if err := change(tx); err != nil || tx.empty() {
		return nil, err
	}
	if tx.defines() {
		return nil, errorf(Invalid, "", "schemas and resource types are changed by requests of their own, not together with other changes")
	}
	p, err := tx.part()
	return &p, err
}

// batch gathers parts for one transaction.
type batch struct {
	parts   []part
	txs     []*Tx
	indexes []int
	keys    map[string]bool // written by the parts
	bytes   int
	large   bool // its one part needs a transaction of its own
}

// maxBatchBytes keeps a transaction below etcd's default request limit of 1.5 MiB.
const maxBatchBytes = 1 << 20

// add takes the part in unless it shares a key with another: etcd refuses a key that is written twice, and a condition on a
// key that another part writes would be judged on the state before it.
func (b *batch) add(i int, tx *Tx, p part) bool {
	size := 0
	for _, w := range p.writes {
		if b.keys[w.key] {
			return false
		}
		size += len(w.key) + len(w.value)
	}
	for _, c := range p.conditions {
		if b.keys[c.key] {
			return false
		}
	}
	large := len(p.writes) > etcdOps-partsPerTxn || len(p.conditions) > etcdOps-partsPerTxn
	if b.large || len(b.parts) > 0 && (large || b.bytes+size > maxBatchBytes) {
		return false
	}
	b.large = large
	for _, w := range p.writes {
		b.keys[w.key] = true
	}
	b.bytes += size
	b.parts, b.txs, b.indexes = append(b.parts, p), append(b.txs, tx), append(b.indexes, i)
	return true
}

// commitBatch commits the batch and returns the changes that lost a race and are to be run again.
func (d *Directory) commitBatch(ctx context.Context, b *batch, attempts []int, errs []error) (again []int) {
	if len(b.parts) == 0 {
		return nil
	}
	out, err := d.store.commit(ctx, b.parts)
	for n, i := range b.indexes {
		switch {
		case err != nil:
			errs[i] = err
		case out[n].committed:
			for _, r := range b.txs[n].results {
				r.Version = Version(out[n].revision)
			}
		default:
			d.store.metrics.conflicts.Inc()
			if attempts[i]++; attempts[i] == maxAttempts {
				errs[i] = errorf(Busy, "", "other changes of the same resources were faster %d times; try again", maxAttempts)
			} else {
				again = append(again, i)
			}
		}
	}
	return again
}

// housekeep writes without scope, credential or Event: sweeps and notes. It may fail and be done again.
func (s *Store) housekeep(ctx context.Context, conditions []condition, writes []entry) error {
	if len(writes) == 0 {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, 2*commitTimeout)
	defer cancel()
	_, err := s.commit(ctx, []part{{conditions: conditions, writes: writes}})
	return err
}
