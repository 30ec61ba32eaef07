package store

import (
	"context"
	"slices"

	"rollcall/directory/internal/state"
)

// eraseBatch is how many keys are deleted in one transaction.
const eraseBatch = 1000

// Eraser deletes what counts no more. Every deletion may fail and be done again.
type Eraser struct {
	committer *Committer
	reader    Reader
}

// Delete deletes the keys, in batches, each under the conditions. When it returns, the replica has seen it. Errors:
// Busy if a condition does not hold; Unavailable.
func (e Eraser) Delete(ctx context.Context, keys []string, conditions ...Condition) error {
	for batch := range slices.Chunk(keys, eraseBatch) {
		writes := make([]state.Entry, len(batch))
		for i, k := range batch {
			writes[i] = state.Delete(k)
		}
		if err := e.committer.Housekeep(ctx, conditions, writes); err != nil {
			return err
		}
	}
	return nil
}

// Purge deletes the keys with the prefix, in batches, each under the conditions. Errors: as Delete.
func (e Eraser) Purge(ctx context.Context, prefix string, conditions ...Condition) error {
	return e.PurgeUntil(ctx, prefix, PrefixEnd(prefix), conditions...)
}

// PurgeUntil deletes the keys from one on and before end, as Purge does.
func (e Eraser) PurgeUntil(ctx context.Context, from, end string, conditions ...Condition) error {
	for {
		keys, more, err := e.reader.Keys(ctx, from, end, eraseBatch)
		if err != nil {
			return err
		}
		if err := e.Delete(ctx, keys, conditions...); err != nil || !more {
			return err
		}
	}
}

// DeleteRange deletes every key with the prefix, range by range. The keys must not be held in memory, or not count any
// more. A range is bounded by its keys, because etcd counts the rest of the prefix on every limited page.
func (e Eraser) DeleteRange(ctx context.Context, prefix string) error {
	l := &loader{client: e.reader.client}
	if err := l.split(ctx, prefix); err != nil {
		return err
	}
	for _, p := range l.prefixes {
		if err := e.committer.Housekeep(ctx, nil, []state.Entry{state.DeletePrefix(p)}); err != nil {
			return err
		}
	}
	return nil
}
