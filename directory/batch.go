package directory

import (
	"context"
	"slices"

	"rollcall/directory/internal/store"
)

// UpdateEach carries out independent changes, packed into few transactions; each succeeds or fails alone, as Update
// would have it. All changes of a transaction are decided on the state before it; a change that touches a key another
// one of the same transaction touches waits for the next.
func (d *Directory) UpdateEach(ctx context.Context, changes []func(*Tx) error) []error {
	chains := make([][]func(*Tx) error, len(changes))
	for i := range changes {
		chains[i] = changes[i : i+1]
	}
	errs := make([]error, len(changes))
	for i, e := range d.UpdateChains(ctx, chains) {
		errs[i] = e[0]
	}
	return errs
}

// UpdateChains is UpdateEach for chains of changes of the same resources. The changes of a chain are carried out in
// order, each on what the ones before it staged, and committed together; one that fails leaves the others as they are.
// The errors are those of the changes, by chain.
func (d *Directory) UpdateChains(ctx context.Context, chains [][]func(*Tx) error) [][]error {
	run := &chainRun{dir: d, chains: chains, errs: make([][]error, len(chains)), attempts: make([]attempt, len(chains))}
	todo := make([]int, len(chains))
	for i := range todo {
		todo[i], run.errs[i] = i, make([]error, len(chains[i]))
	}
	for round := 0; len(todo) > 0; round++ {
		s, err := d.attempt(ctx, round)
		if err != nil {
			for _, i := range todo {
				run.fail(i, err)
			}
			break
		}
		todo = run.round(ctx, s, todo)
	}
	return run.errs
}

type chainRun struct {
	dir      *Directory
	chains   [][]func(*Tx) error
	errs     [][]error
	attempts []attempt
}

// fail gives the error to every change of the chain that has none of its own.
func (c *chainRun) fail(i int, err error) {
	for j := range c.errs[i] {
		if c.errs[i][j] == nil {
			c.errs[i][j] = err
		}
	}
}

// round commits one transaction with as many chains as fit, and returns those that are still to be done.
func (c *chainRun) round(ctx context.Context, s *Snapshot, todo []int) (left []int) {
	b := batch{keys: map[string]bool{}}
	for n, i := range todo {
		if len(b.parts) == store.MaxParts {
			left = append(left, todo[n:]...)
			break
		}
		tx, p, err := c.stage(ctx, s, i)
		switch {
		case err != nil:
			c.fail(i, err)
		case p != nil && !b.add(i, tx, *p):
			left = append(left, i)
		}
	}
	left = append(left, c.commit(ctx, &b)...)
	slices.Sort(left)
	return left
}

// stage runs the chain's changes on one Tx; the part is nil where they write nothing.
func (c *chainRun) stage(ctx context.Context, s *Snapshot, i int) (*Tx, *store.Part, error) {
	tx := newTx(ctx, c.dir, s, c.attempts[i])
	for j, change := range c.chains[i] {
		before := *tx
		if len(c.chains[i]) > 1 {
			before = tx.clone()
		}
		if c.errs[i][j] = change(tx); c.errs[i][j] != nil {
			*tx = before
		}
	}
	failed := !slices.Contains(c.errs[i], nil)
	if failed || tx.empty() {
		return tx, nil, nil
	}
	if tx.defines() {
		return tx, nil, errorf(Invalid, "",
			"schemas and resource types cannot be changed together with other resources")
	}
	p, err := tx.part()
	return tx, &p, err
}

// commit commits the batch and returns the chains that lost a race and are to be run again.
func (c *chainRun) commit(ctx context.Context, b *batch) (again []int) {
	if len(b.parts) == 0 {
		return nil
	}
	out, err := c.dir.store.node.Commit(ctx, b.parts)
	c.dir.first.Store(nil)
	for n, i := range b.indexes {
		refused := err
		if err == nil {
			refused = out[n].Refused
		}
		switch {
		case KindOf(refused) == Full && b.txs[n].frees():
			c.takeAway(ctx, i)
		case refused != nil:
			c.fail(i, refused)
		case out[n].Committed:
			b.txs[n].committed(out[n])
		default:
			c.dir.store.lostRaces.Inc()
			if c.attempts[i] = c.attempts[i].next(out[n]); c.attempts[i].number == maxAttempts {
				c.fail(i, errTooManyRaces())
			} else {
				again = append(again, i)
			}
		}
	}
	return again
}

// takeAway carries out the changes of a chain one by one, as far as that is possible while nothing can be put.
func (c *chainRun) takeAway(ctx context.Context, i int) {
	for j, change := range c.chains[i] {
		if c.errs[i][j] == nil {
			_, c.errs[i][j] = c.dir.takeAway(ctx, change)
		}
	}
}

// batch gathers parts for one transaction.
type batch struct {
	parts   []store.Part
	txs     []*Tx
	indexes []int           // of the chains
	keys    map[string]bool // written by the parts
	bytes   int
	large   bool // its one part needs a transaction of its own
}

// maxBatchBytes keeps a transaction below etcd's default request limit of 1.5 MiB.
const maxBatchBytes = 1 << 20

// add takes the part in, unless it does not fit or shares a key with another.
func (b *batch) add(i int, tx *Tx, p store.Part) bool {
	size := 0
	for _, w := range p.Writes {
		size += len(w.Key) + len(w.Value)
	}
	large := len(p.Writes) > store.SharedBudget || len(p.Conditions) > store.SharedBudget
	if len(b.parts) > 0 && (b.large || large || b.bytes+size > maxBatchBytes || b.meets(p)) {
		return false
	}
	b.large = large
	b.bytes += size
	for _, w := range p.Writes {
		b.keys[w.Key] = true
	}
	b.parts, b.txs, b.indexes = append(b.parts, p), append(b.txs, tx), append(b.indexes, i)
	return true
}

// meets reports whether the part shares a key with another, or may: etcd refuses a key that is written twice, and a
// condition on a key that another part writes would be judged on the state before it.
func (b *batch) meets(p store.Part) bool {
	for _, w := range p.Writes {
		if b.keys[w.Key] || w.Prefix {
			return true
		}
	}
	for _, c := range p.Conditions {
		if b.keys[c.Key] || c.IsRange() {
			return true
		}
	}
	return false
}
