package directory

import (
	"context"
	"errors"
	"time"

	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"
	"google.golang.org/grpc/codes"
)

const (
	// etcdOps is etcd's default for the operations of a transaction: what stands in a list and what is nested in it together.
	etcdOps = 128
	// partsPerTxn is how many independent parts one transaction carries.
	partsPerTxn = 40
	// commitTimeout bounds a transaction, settleTimeout the search for its outcome afterwards.
	commitTimeout = 5 * time.Second
	settleTimeout = 10 * time.Second
)

// cancelled is the value of an Event whose change did not happen and never will. It is never shown.
const cancelled = "cancelled"

// part is one atomic change: under its conditions, its writes. Its fence is the key of its Event, which is absent before.
type part struct {
	conditions []condition
	writes     []entry
	fence      string
}

// outcome is what became of a part.
type outcome struct {
	committed bool
	revision  int64
}

// commit carries out the parts, each by itself, in one etcd transaction. Where a timeout, a change of leader or NOSPACE
// hides the outcome, the fences settle it: only when even they have no answer is it unknown, and the error Unavailable.
// The replica has what was committed when commit returns.
func (s *Store) commit(ctx context.Context, parts []part) ([]outcome, error) {
	txn, err := transaction(parts)
	if err != nil {
		return nil, err
	}
	// Once sent, a transaction may happen whatever becomes of the caller.
	tctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), commitTimeout)
	resp, err := s.client.Do(tctx, txn)
	cancel()
	if err == nil {
		return s.landed(ctx, parts, resp.Txn())
	}
	if definite := refused(err); definite != nil {
		return nil, definite
	}
	return s.settle(ctx, parts, err)
}

// landed reads the transaction's response and brings the replica to its revision.
func (s *Store) landed(ctx context.Context, parts []part, resp *clientv3.TxnResponse) ([]outcome, error) {
	out := make([]outcome, len(parts))
	var writes []entry
	puts := false
	for i, p := range parts {
		ok := resp.Succeeded
		if len(parts) > 1 {
			ok = resp.Responses[i].GetResponseTxn().Succeeded
		}
		out[i] = outcome{ok, resp.Header.Revision}
		if !ok {
			continue
		}
		writes = append(writes, p.writes...)
		for _, w := range p.writes {
			puts = puts || !w.deleted
		}
	}
	// Deleting what is not there makes no revision, so only a put proves that the header's revision is ours.
	if puts {
		s.replica.committed(resp.Header.Revision, writes)
	}
	wctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), commitTimeout)
	defer cancel()
	return out, seen(s.replica.wait(wctx, resp.Header.Revision))
}

// seen is the error of a wait for the revision of a transaction that was answered.
func seen(err error) error {
	if err == nil {
		return nil
	}
	return &Error{Kind: Unavailable, Detail: "the store answered, but this node has not caught up with it; the change may have been made", Cause: err}
}

// transaction builds the etcd transaction of the parts.
func transaction(parts []part) (clientv3.Op, error) {
	if len(parts) == 1 {
		return parts[0].op(etcdOps)
	}
	ops := make([]clientv3.Op, len(parts))
	for i, p := range parts {
		op, err := p.op(etcdOps - len(parts))
		if err != nil {
			return clientv3.Op{}, err
		}
		ops[i] = op
	}
	return clientv3.OpTxn(nil, ops, nil), nil
}

func (p part) op(budget int) (clientv3.Op, error) {
	if len(p.conditions) > min(budget, MaxConditions) {
		return clientv3.Op{}, errorf(TooLarge, "", "the change rests on %d resources and values; at most %d are possible at once",
			len(p.conditions), min(budget, MaxConditions))
	}
	cmps := make([]clientv3.Cmp, len(p.conditions))
	for i, c := range p.conditions {
		cmps[i] = c.compare()
	}
	ops := make([]clientv3.Op, len(p.writes))
	for i, w := range p.writes {
		switch {
		case w.prefix:
			ops[i] = clientv3.OpDelete(w.key, clientv3.WithPrefix())
		case w.deleted:
			ops[i] = clientv3.OpDelete(w.key)
		default:
			ops[i] = clientv3.OpPut(w.key, string(w.value))
		}
	}
	packed, ok := pack(ops, len(cmps), budget)
	if !ok {
		return clientv3.Op{}, errorf(TooLarge, "", "the change writes %d keys, more than fit into one transaction", len(ops))
	}
	return clientv3.OpTxn(cmps, packed, nil), nil
}

// pack nests unconditional operations so that they fit a budget: etcd counts, for each level of nesting, the longest of its
// lists, and bounds the sum over the levels. first is how long a list at the first level is anyway.
func pack(ops []clientv3.Op, first, budget int) ([]clientv3.Op, bool) {
	if max(len(ops), first) <= budget {
		return ops, true
	}
	for levels := 2; levels <= 4; levels++ {
		widths := make([]int, levels)
		rest, capacity := budget, 1
		for i := range widths {
			widths[i] = rest / (levels - i)
			if i == 0 {
				widths[i] = max(widths[i], first)
			}
			rest -= widths[i]
			capacity *= widths[i]
		}
		if rest >= 0 && capacity >= len(ops) {
			return nestOps(ops, widths), true
		}
	}
	return nil, false
}

// nestOps distributes the operations over lists of at most widths[0] entries, each a transaction of the levels below.
func nestOps(ops []clientv3.Op, widths []int) []clientv3.Op {
	if len(widths) == 1 {
		return ops
	}
	below := 1
	for _, w := range widths[1:] {
		below *= w
	}
	var out []clientv3.Op
	for len(ops) > 0 {
		n := min(below, len(ops))
		out = append(out, clientv3.OpTxn(nil, nestOps(ops[:n], widths[1:]), nil))
		ops = ops[n:]
	}
	return out
}

// refused returns the error for a transaction that etcd surely did not carry out; nil where that is not sure.
func refused(err error) error {
	e, ok := etcdError(err)
	switch {
	case !ok:
		return nil
	case errors.Is(e, rpctypes.ErrRequestTooLarge):
		return &Error{Kind: TooLarge, Detail: "the change is larger than one transaction of the store may be", Cause: err}
	case errors.Is(e, rpctypes.ErrTooManyRequests):
		return &Error{Kind: Busy, Detail: "the store has too many requests; try again", Cause: err}
	}
	switch e.Code() {
	case codes.InvalidArgument, codes.PermissionDenied, codes.Unauthenticated, codes.FailedPrecondition:
		return err
	}
	return nil
}

// etcdError is the error as etcd made it; in-process it comes as gRPC's status.
func etcdError(err error) (rpctypes.EtcdError, bool) {
	if e, ok := errors.AsType[rpctypes.EtcdError](err); ok {
		return e, true
	}
	return errors.AsType[rpctypes.EtcdError](rpctypes.Error(err))
}
