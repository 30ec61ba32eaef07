package scimapi

import (
	"context"
	"errors"
	"slices"

	"rollcall/directory"
)

// chain is steps about one resource, in order. They are carried out in one transaction as far as possible.
type chain struct {
	steps  []*step // not settled yet
	single bool    // one at a time: together they are too large

	// Of the run under way:
	staged bool // a step has changed something that is not committed
	waits  bool // a step waits for that to be committed, and all behind it do
}

// errLater is the outcome of a step that waits for the commit of those before it.
var errLater = errors.New("to be done after the commit of what comes before")

// retries is how often what failed is tried again after what stands before it in the job.
const retries = 32

// runChains carries out chains that are independent of each other, each step failing alone.
func (b *bulkRun) runChains(ctx context.Context, chains []*chain) {
	for round := 0; len(chains) > 0; round++ {
		changes := make([][]func(*directory.Tx) error, len(chains))
		for i, c := range chains {
			changes[i] = c.changes()
		}
		errs := b.dir.UpdateChains(ctx, changes)
		for i := range chains {
			for _, err := range errs[i] {
				b.x.resolve(ctx, err)
			}
		}
		soonest := soonest(chains, errs)
		for i, c := range chains {
			c.settle(errs[i], soonest, round < retries)
		}
		chains = slices.DeleteFunc(chains, func(c *chain) bool { return len(c.steps) == 0 })
	}
}

// soonest is the place in the job of the first operation that succeeded.
func soonest(chains []*chain, errs [][]error) int {
	at := int(^uint(0) >> 1)
	for i, c := range chains {
		for j, st := range c.steps {
			if errs[i][j] == nil {
				at = min(at, st.first().index)
			}
		}
	}
	return at
}

// changes are the chain's steps for [directory.Directory.UpdateChains], which runs all of them again after a lost race.
func (c *chain) changes() []func(*directory.Tx) error {
	list := make([]func(*directory.Tx) error, len(c.steps))
	for i, st := range c.steps {
		list[i] = func(tx *directory.Tx) error {
			if i == 0 {
				c.staged, c.waits = false, false
			}
			if c.waits || c.staged && (c.single || st.deletes()) {
				c.waits = true
				return errLater
			}
			err := st.run(tx)
			switch {
			case err == nil && !(c.staged && st.readsMembers()):
				c.staged = true
				return nil
			case c.staged && (err == nil || st.readsMembers()): // decided on members that are not the Group's any more
				err = errLater
			}
			c.waits = err == errLater || mayPass(err) || lacks(err) // what comes behind must not overtake
			return err
		}
	}
	return list
}

// settle takes the outcomes of a round. A step that failed on the state before the round, in which an operation that
// stands before it in the job succeeded, is tried again: what counts is the state after what stands before it.
func (c *chain) settle(errs []error, soonest int, again bool) {
	done := 0
	for i, st := range c.steps {
		err := errs[i]
		if err == errLater || again && lacks(err) {
			break
		}
		if directory.KindOf(err) == directory.TooLarge && !c.single && len(c.steps) > 1 {
			c.single = true
			break
		}
		if again && mayPass(err) && soonest < st.first().index {
			break
		}
		st.settle(err)
		done++
	}
	c.steps = c.steps[done:]
}

// lacks reports whether a step failed because its hook needs what was not resolved yet.
func lacks(err error) bool {
	_, ok := errors.AsType[*unresolved](err)
	return ok
}

// mayPass reports whether what failed may succeed on another state.
func mayPass(err error) bool {
	switch directory.KindOf(err) {
	case directory.Exists, directory.Invalid, directory.Mutability, directory.NotFound:
		return true
	}
	return false
}
