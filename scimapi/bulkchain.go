package scimapi

import (
	"context"
	"errors"
	"math"
	"slices"

	"rollcall/directory"
)

// chain is the steps about one resource, in order. As many of them as possible share a transaction.
type chain struct {
	steps  []*step // that are not settled yet
	single bool    // run one step at a time, because together they are too large

	// Of the current run:
	staged bool // a step has changed something that is not committed yet
	waits  bool // a step waits for that to be committed, and so do all after it
}

// errLater is the outcome of a step that waits for the commit of the steps before it.
var errLater = errors.New("waits for the commit of earlier operations")

// retries bounds how often a failed step is tried again because an operation before it in the job succeeded.
const retries = 32

// runChains runs chains that are independent of each other. Each step fails alone.
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

// soonest returns the place in the job of the first operation that succeeded.
func soonest(chains []*chain, errs [][]error) int {
	at := math.MaxInt
	for i, c := range chains {
		for j, st := range c.steps {
			if errs[i][j] == nil {
				at = min(at, st.first().index)
			}
		}
	}
	return at
}

// changes returns the steps for [directory.Directory.UpdateChains], which runs all of them again after a lost race.
func (c *chain) changes() []func(*directory.Tx) error {
	list := make([]func(*directory.Tx) error, len(c.steps))
	for i, st := range c.steps {
		list[i] = func(tx *directory.Tx) error {
			// A step after one that waits must wait too, and so must a deletion after a change.
			if i == 0 {
				c.staged, c.waits = false, false
			}
			if c.waits || c.staged && (c.single || st.deletes()) {
				c.waits = true
				return errLater
			}

			// The snapshot does not have the members that an earlier step changed: a step that read them runs later.
			err := st.run(tx)
			switch {
			case c.staged && st.readsMembers():
				err = errLater
			case err == nil:
				c.staged = true
				return nil
			}

			// The steps after one that may run again must not overtake it.
			c.waits = err == errLater || mayPass(err) || lacks(err)
			return err
		}
	}
	return list
}

// settle records the outcomes of a round. A step that failed is tried again if an operation before it in the job
// succeeded in the same round: what counts is the state after everything before it in the job.
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

// lacks reports whether a step failed because its hook needs something that is not resolved yet.
func lacks(err error) bool {
	_, ok := errors.AsType[*unresolved](err)
	return ok
}

// mayPass reports whether a step that failed with err may succeed on another state.
func mayPass(err error) bool {
	switch directory.KindOf(err) {
	case directory.Exists, directory.Invalid, directory.Mutability, directory.NotFound:
		return true
	}
	return false
}
