package directory

import (
	"context"
	"errors"
	"time"

	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"
)

// settle finds out what became of parts whose transaction etcd did not answer, or answered with NOSPACE. They all have
// a fence, or none has: that is housekeeping, which will be done again. What NOSPACE hides of it reaches the replica
// with the next transaction.
func (s *Store) settle(ctx context.Context, parts []part, cause error) ([]outcome, error) {
	answered := noSpace(cause)
	switch fenced := parts[0].fence != ""; {
	case !fenced && answered:
		return nil, full(cause)
	case !fenced:
		return nil, unavailable(cause)
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), settleTimeout)
	defer cancel()
	if answered {
		return s.settleAnswered(ctx, parts, cause)
	}
	return s.settleUnanswered(ctx, parts, cause)
}

// settleUnanswered settles a transaction that may still be on its way. The fences are put: the Event of each part as
// cancelled if it is absent, which keeps the transaction from ever happening, else it is read, which proves that it
// happened.
//
// Where that is answered with NOSPACE the fences are read instead. One that is there settles all, as either
// transaction put its Events all together. Where none is, the first transaction may still come: reading alone keeps
// nothing from happening.
func (s *Store) settleUnanswered(ctx context.Context, parts []part, cause error) ([]outcome, error) {
	resp, err := insist(ctx, cause, func() (*clientv3.TxnResponse, error) {
		resp, err := s.ask(ctx, parts, putFence)
		if !noSpace(err) {
			return resp, err
		}
		if read, rerr := s.ask(ctx, parts, readFence); rerr == nil && anyFence(read) {
			return read, nil
		}
		return nil, err
	})
	if err != nil {
		return nil, err
	}
	return s.settled(ctx, resp, len(parts))
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
func (s *Store) settleAnswered(ctx context.Context, parts []part, cause error) ([]outcome, error) {
	resp, err := insist(ctx, cause, func() (*clientv3.TxnResponse, error) { return s.ask(ctx, parts, readFence) })
	switch {
	case err != nil:
		return nil, err
	case !anyFence(resp):
		return nil, full(cause)
	}
	return s.settled(ctx, resp, len(parts))
}

// insist asks until there is an answer or ctx ends.
func insist(ctx context.Context, cause error, ask func() (*clientv3.TxnResponse, error)) (
	*clientv3.TxnResponse, error) {
	for {
		resp, err := ask()
		if err == nil {
			return resp, nil
		}
		select {
		case <-ctx.Done():
			return nil, &Error{Kind: Unavailable, Detail: "the store does not answer; outcome unknown",
				Cause: errors.Join(cause, err)}
		case <-time.After(progressInterval):
		}
	}
}

// putFence is what to do about an Event that is absent so that it will stay so; readFence does nothing.
func putFence(key string) []clientv3.Op { return []clientv3.Op{clientv3.OpPut(key, cancelled)} }
func readFence(string) []clientv3.Op    { return nil }

// ask looks for the Event of each part and does what is given about those that are absent.
func (s *Store) ask(ctx context.Context, parts []part, whereAbsent func(key string) []clientv3.Op) (
	*clientv3.TxnResponse, error) {
	ops := make([]clientv3.Op, len(parts))
	for i, p := range parts {
		ops[i] = clientv3.OpTxn([]clientv3.Cmp{absent(p.fence).compare()}, whereAbsent(p.fence),
			[]clientv3.Op{clientv3.OpGet(p.fence)})
	}
	ctx, cancel := context.WithTimeout(ctx, commitTimeout)
	defer cancel()
	resp, err := s.client.Do(ctx, clientv3.OpTxn(nil, ops, nil))
	if err != nil {
		return nil, err
	}
	return resp.Txn(), nil
}

// anyFence reports whether an Event that was asked for was there.
func anyFence(resp *clientv3.TxnResponse) bool {
	for _, r := range resp.Responses {
		if !r.GetResponseTxn().Succeeded {
			return true
		}
	}
	return false
}

// settled reads the answer of ask and brings the replica to its revision.
func (s *Store) settled(ctx context.Context, resp *clientv3.TxnResponse, n int) ([]outcome, error) {
	out := make([]outcome, n)
	put := false
	for i := range out {
		t := resp.Responses[i].GetResponseTxn()
		if t.Succeeded {
			put = put || len(t.Responses) > 0
			continue
		}
		kv := t.Responses[0].GetResponseRange().Kvs[0]
		if string(kv.Value) != cancelled {
			out[i] = outcome{true, kv.CreateRevision}
		}
	}
	if put {
		s.replica.committed(resp.Header.Revision, nil)
	}
	return out, seen(s.replica.wait(ctx, resp.Header.Revision))
}

// noSpace reports whether etcd answered that it has no space, which leaves open whether it did what it was asked.
func noSpace(err error) bool {
	e, ok := etcdError(err)
	return ok && errors.Is(e, rpctypes.ErrNoSpace)
}

func full(cause error) error { return &Error{Kind: Full, Detail: fullDetail, Cause: cause} }
