package store

import (
	"context"
	"errors"
	"time"

	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"

	"rollcall/directory/internal/state"
)

// Cancelled is the value of a fence whose part did not happen and never will.
const Cancelled = "cancelled"

// settle finds out what became of parts whose transaction etcd did not answer, or answered with NOSPACE. They all have
// a fence, or none has: that is housekeeping, which will be done again. What NOSPACE hides of it reaches the replica
// with the next transaction.
func (c *Committer) settle(ctx context.Context, parts []Part, cause error) ([]Outcome, error) {
	answered := noSpace(cause)
	switch fenced := parts[0].Fence != ""; {
	case !fenced && answered:
		return nil, ErrFull(cause)
	case !fenced:
		return nil, state.Unanswered(cause)
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), settleTimeout)
	defer cancel()
	if answered {
		return c.settleAnswered(ctx, parts, cause)
	}
	return c.settleUnanswered(ctx, parts, cause)
}

// settleUnanswered settles a transaction that may still be on its way. The fences are put: each as
// cancelled if it is absent, which keeps the transaction from ever happening, else it is read, which proves that it
// happened.
//
// Where that is answered with NOSPACE the fences are read instead. One that is there settles all, as either
// transaction put its fences all together. Where none is, the first transaction may still come: reading alone keeps
// nothing from happening.
func (c *Committer) settleUnanswered(ctx context.Context, parts []Part, cause error) ([]Outcome, error) {
	resp, err := c.insist(ctx, cause, func(ctx context.Context) (*clientv3.TxnResponse, error) {
		resp, err := c.ask(ctx, parts, putFence)
		if !noSpace(err) {
			return resp, err
		}
		if read, rerr := c.ask(ctx, parts, readFence); rerr == nil && anyFence(read) {
			return read, nil
		}
		return nil, err
	})
	if err != nil {
		return nil, err
	}
	return c.settled(ctx, resp, len(parts))
}

// settleAnswered settles a transaction that was answered with NOSPACE, by reading its fences: nothing can be put
// meanwhile.
//
// Such an answer is final, but it is given in three cases, which it does not tell apart:
//   - The file has no room in the eyes of the member asked: it proposes nothing (v3rpc, quotaKVServer).
//   - The alarm was raised by an entry of the log before the transaction: every member refuses it (apply,
//     applierV3Capped).
//   - The file has no room in the eyes of the member asked when it applies the transaction: it is applied, there as
//     everywhere, the alarm raised behind it, and the answer is given after both (apply, quotaApplierV3; server,
//     applyEntryNormal).
//
// So nothing is on its way any more: what was to be applied was so, on the member that answered, before it answered.
// Neither etcd's client nor the server proposes a transaction twice. The reading, whichever member serves it, sees it:
// it holds nested transactions, so etcd carries it out as an entry of the log, and that comes after one that was
// committed before it was proposed. (A plain linearizable read would do too: it waits for all that was committed when
// it arrived.)
//
// A fence that is there proves that the transaction was applied; those of its parts that left none lost a race. Where
// none is there, nothing of it happened, nor will.
func (c *Committer) settleAnswered(ctx context.Context, parts []Part, cause error) ([]Outcome, error) {
	resp, err := c.insist(ctx, cause, func(ctx context.Context) (*clientv3.TxnResponse, error) {
		return c.ask(ctx, parts, readFence)
	})
	switch {
	case err != nil:
		return nil, err
	case !anyFence(resp):
		return nil, ErrFull(cause)
	}
	return c.settled(ctx, resp, len(parts))
}

// firstAsk is how long the first attempt to settle may take; each of the next ones may take twice as long, because etcd
// may only be slow.
const firstAsk = time.Second

// insist asks until there is an answer or ctx ends: each time, the client tries another member. An etcd whose disk has
// failed answers nobody any more: what became of the transaction shows when its log is replayed.
func (c *Committer) insist(ctx context.Context, cause error, ask func(context.Context) (*clientv3.TxnResponse, error)) (
	*clientv3.TxnResponse, error) {
	unknown := func(why string, err error) error {
		return &state.Error{Kind: state.Unavailable, Detail: why + "; outcome unknown", Cause: errors.Join(cause, err)}
	}
	for patience := firstAsk; ; patience *= 2 {
		if err := c.quota.diskFailed(); err != nil {
			return nil, unknown("the store's disk has failed", err)
		}
		asking, cancel := context.WithTimeout(ctx, patience)
		resp, err := ask(asking)
		cancel()
		if err == nil {
			return resp, nil
		}
		select {
		case <-ctx.Done():
			return nil, unknown("the store does not answer", err)
		case <-time.After(progressInterval):
		}
	}
}

// putFence is what to do about a fence that is absent so that it will stay so; readFence does nothing.
func putFence(key string) []clientv3.Op { return []clientv3.Op{clientv3.OpPut(key, Cancelled)} }
func readFence(string) []clientv3.Op    { return nil }

// ask looks for the fence of each part and does what is given about those that are absent.
func (c *Committer) ask(ctx context.Context, parts []Part, whereAbsent func(key string) []clientv3.Op) (
	*clientv3.TxnResponse, error) {
	ops := make([]clientv3.Op, len(parts))
	for i, p := range parts {
		ops[i] = clientv3.OpTxn([]clientv3.Cmp{Absent(p.Fence).compare()}, whereAbsent(p.Fence),
			[]clientv3.Op{clientv3.OpGet(p.Fence)})
	}
	resp, err := c.client.Do(ctx, clientv3.OpTxn(nil, ops, nil))
	if err != nil {
		return nil, err
	}
	return resp.Txn(), nil
}

// anyFence reports whether a fence that was asked for was there.
func anyFence(resp *clientv3.TxnResponse) bool {
	for _, r := range resp.Responses {
		if !r.GetResponseTxn().Succeeded {
			return true
		}
	}
	return false
}

// settled reads the answer of ask and brings the replica to its revision.
func (c *Committer) settled(ctx context.Context, resp *clientv3.TxnResponse, n int) ([]Outcome, error) {
	out := make([]Outcome, n)
	put := false
	for i := range out {
		t := resp.Responses[i].GetResponseTxn()
		if t.Succeeded {
			put = put || len(t.Responses) > 0
			continue
		}
		kv := t.Responses[0].GetResponseRange().Kvs[0]
		if string(kv.Value) != Cancelled {
			out[i] = Outcome{Committed: true, Revision: kv.CreateRevision}
		}
	}
	if put {
		c.replica.committed(resp.Header.Revision, nil)
	}
	return out, seen(c.replica.wait(ctx, resp.Header.Revision))
}

// noSpace reports whether etcd answered that it has no space, which leaves open whether it did what it was asked.
func noSpace(err error) bool {
	e, ok := etcdError(err)
	return ok && errors.Is(e, rpctypes.ErrNoSpace)
}
