package store

import (
	"context"
	"slices"
	"time"

	"go.etcd.io/etcd/api/v3/etcdserverpb"
	clientv3 "go.etcd.io/etcd/client/v3"

	"rollcall/directory/internal/state"
)

// commitTimeout bounds a transaction, settleTimeout the search for its outcome afterwards; answerTimeout bounds
// anything else that is asked of etcd. A transaction that is only slow loses nothing by a short limit: etcd keeps the
// order, so its fence is found.
const (
	commitTimeout = 2500 * time.Millisecond
	settleTimeout = 10 * time.Second
	answerTimeout = 5 * time.Second
)

// Part is one atomic change: under its conditions, its writes.
type Part struct {
	Conditions []Condition
	Writes     []state.Entry
	Fence      string // a key that the part puts and that is absent before; "" for none
	Frees      bool   // takes away more than it puts: admitted when the store is nearly full

	// Ask lists keys of which the outcome says whether they exist, if a condition does not hold. Each has a condition.
	Ask []string
}

// size is about what the part adds to etcd's file.
func (p Part) size() (n int64) {
	for _, w := range p.Writes {
		n += w.Size()
	}
	return n
}

// deletesOnly reports whether the part puts no key, which is all that an etcd without space accepts.
func (p Part) deletesOnly() bool {
	return !slices.ContainsFunc(p.Writes, func(w state.Entry) bool { return !w.Deleted })
}

// Outcome is what became of a part.
type Outcome struct {
	Refused   error // not sent: the store has no room for it, or its disk has failed
	Committed bool
	Revision  int64
	Present   []string // of the keys that were asked for, those that exist; none where the outcome had to be settled
}

// Committer commits transactions.
type Committer struct {
	client  *clientv3.Client
	replica *replica
	quota   *Quota
}

// Commit carries out the parts, each by itself, in one etcd transaction. Where a timeout, a change of leader or NOSPACE
// hides the outcome, the fences settle it: only when even they have no answer is it unknown, and the error Unavailable.
// The replica has what was committed when Commit returns. A part for which the store has no room is not sent; the
// others are. Errors: TooLarge, Busy, Full, Unavailable; others where etcd refuses the request.
func (c *Committer) Commit(ctx context.Context, parts []Part) ([]Outcome, error) {
	out := make([]Outcome, len(parts))
	var admitted []Part
	var places []int // of the admitted parts in out
	for i, p := range parts {
		release, err := c.quota.reserve(p)
		if err != nil {
			out[i].Refused = err
			continue
		}
		defer release()
		admitted, places = append(admitted, p), append(places, i)
	}
	if len(admitted) == 0 {
		return out, nil
	}
	done, err := c.commit(ctx, admitted)
	for i, o := range done {
		out[places[i]] = o
	}
	return out, err
}

// commit sends the parts, for which there is room.
func (c *Committer) commit(ctx context.Context, parts []Part) ([]Outcome, error) {
	txn, err := transaction(parts)
	if err != nil {
		return nil, err
	}
	// Once sent, a transaction may happen whatever becomes of the caller.
	tctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), commitTimeout)
	resp, err := c.client.Do(tctx, txn)
	cancel()
	if err == nil {
		return c.landed(ctx, parts, resp.Txn())
	}
	if definite := refused(err); definite != nil {
		return nil, definite
	}
	c.quota.unanswered(err)
	return c.settle(ctx, parts, err)
}

// landed reads the transaction's response and brings the replica to its revision.
func (c *Committer) landed(ctx context.Context, parts []Part, resp *clientv3.TxnResponse) ([]Outcome, error) {
	out := make([]Outcome, len(parts))
	var writes []state.Entry
	puts := false
	for i, p := range parts {
		mine := (*etcdserverpb.TxnResponse)(resp)
		if len(parts) > 1 {
			mine = resp.Responses[i].GetResponseTxn()
		}
		out[i] = Outcome{Committed: mine.Succeeded, Revision: resp.Header.Revision}
		if !mine.Succeeded {
			out[i].Present = p.present(mine)
			continue
		}
		writes = append(writes, p.Writes...)
		for _, w := range p.Writes {
			puts = puts || !w.Deleted
		}
	}
	// Deleting what is not there makes no revision, so only a put proves that the header's revision is ours.
	if puts {
		c.replica.committed(resp.Header.Revision, writes)
	}
	wctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), answerTimeout)
	defer cancel()
	return out, seen(c.replica.wait(wctx, resp.Header.Revision))
}

// present reads the answer to Ask.
func (p Part) present(failed *etcdserverpb.TxnResponse) (keys []string) {
	for i, key := range p.Ask {
		if failed.Responses[i].GetResponseRange().Count > 0 {
			keys = append(keys, key)
		}
	}
	return keys
}

// seen is the error of a wait for the revision of a transaction that was answered.
func seen(err error) error {
	if err == nil {
		return nil
	}
	const detail = "the store answered, but this node has not caught up with it; the change may have been made"
	return &state.Error{Kind: state.Unavailable, Detail: detail, Cause: err}
}

// Housekeep writes without a fence: where the outcome is unknown, it is done again. Errors: Busy if a condition does
// not hold; Full where it puts; Unavailable.
func (c *Committer) Housekeep(ctx context.Context, conditions []Condition, writes []state.Entry) error {
	if len(writes) == 0 {
		return nil
	}
	_, err := c.housekeep(ctx, Part{Conditions: conditions, Writes: writes})
	return err
}

// housekeep commits a part without a fence. Errors: as Housekeep.
func (c *Committer) housekeep(ctx context.Context, p Part) (Outcome, error) {
	ctx, cancel := context.WithTimeout(ctx, 2*answerTimeout)
	defer cancel()
	out, err := c.Commit(ctx, []Part{p})
	switch {
	case err != nil:
		return Outcome{}, err
	case out[0].Refused != nil:
		return Outcome{}, out[0].Refused
	case !out[0].Committed:
		return Outcome{}, state.Errorf(state.Busy, "", "another writer changed what this depends on; try again")
	}
	return out[0], nil
}
