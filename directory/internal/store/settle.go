package store

import (
	"context"
	"errors"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"

	"rollcall/directory/internal/state"
)

// Cancelled is the value of a fence whose part did not happen and never will.
const Cancelled = "cancelled"

// settle finds out what became of parts whose transaction had no answer: for each, the Event is put as cancelled if it is
// absent, which keeps the transaction from ever happening, else it is read, which proves that it happened.
func (c *Committer) settle(ctx context.Context, parts []Part, cause error) ([]Outcome, error) {
	ops := make([]clientv3.Op, len(parts))
	for i, p := range parts {
		if p.Fence == "" {
			return nil, state.Unanswered(cause) // housekeeping: it will be done again
		}
		ops[i] = clientv3.OpTxn([]clientv3.Cmp{Absent(p.Fence).compare()}, []clientv3.Op{clientv3.OpPut(p.Fence, Cancelled)},
			[]clientv3.Op{clientv3.OpGet(p.Fence)})
	}
	sctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), settleTimeout)
	defer cancel()
	for {
		tctx, cancel := context.WithTimeout(sctx, commitTimeout)
		resp, err := c.client.Do(tctx, clientv3.OpTxn(nil, ops, nil))
		cancel()
		if err == nil {
			return c.settled(sctx, resp.Txn(), len(parts))
		}
		select {
		case <-sctx.Done():
			return nil, &state.Error{Kind: state.Unavailable, Detail: "the store does not answer; outcome unknown", Cause: errors.Join(cause, err)}
		case <-time.After(progressInterval):
		}
	}
}

func (c *Committer) settled(ctx context.Context, resp *clientv3.TxnResponse, n int) ([]Outcome, error) {
	out := make([]Outcome, n)
	fenced := false
	for i := range out {
		t := resp.Responses[i].GetResponseTxn()
		if t.Succeeded {
			fenced = true
			continue
		}
		kv := t.Responses[0].GetResponseRange().Kvs[0]
		if string(kv.Value) != Cancelled {
			out[i] = Outcome{true, kv.CreateRevision}
		}
	}
	if fenced {
		c.replica.committed(resp.Header.Revision, nil)
	}
	return out, seen(c.replica.wait(ctx, resp.Header.Revision))
}
