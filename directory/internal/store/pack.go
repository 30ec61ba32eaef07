package store

import (
	clientv3 "go.etcd.io/etcd/client/v3"

	"rollcall/directory/internal/state"
)

const (
	// etcdOps is etcd's default for the operations of a transaction: what stands in a list and what is nested in it
	// together.
	etcdOps = 128
	// MaxParts is how many parts one transaction carries.
	MaxParts = 40
	// SharedBudget is how many conditions, or writes, a part may have that shares its transaction with others.
	SharedBudget = etcdOps - MaxParts
	// MaxConditions is how many conditions a part may have: etcd's limit less our own.
	MaxConditions = 120
)

// transaction builds the etcd transaction of the parts.
func transaction(parts []Part) (clientv3.Op, error) {
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

func (p Part) op(budget int) (clientv3.Op, error) {
	if len(p.Conditions) > min(budget, MaxConditions) {
		return clientv3.Op{}, state.Errorf(state.TooLarge, "",
			"the change depends on %d resources and values; at most %d are allowed",
			len(p.Conditions), min(budget, MaxConditions))
	}

	// If: the conditions.
	cmps := make([]clientv3.Cmp, len(p.Conditions))
	for i, c := range p.Conditions {
		cmps[i] = c.compare()
	}

	// Then: the writes, nested where they are too many.
	ops := make([]clientv3.Op, len(p.Writes))
	for i, w := range p.Writes {
		switch {
		case w.Prefix:
			ops[i] = clientv3.OpDelete(w.Key, clientv3.WithPrefix())
		case w.Deleted:
			ops[i] = clientv3.OpDelete(w.Key)
		default:
			ops[i] = clientv3.OpPut(w.Key, string(w.Value))
		}
	}
	packed, ok := pack(ops, len(cmps), budget)
	if !ok {
		return clientv3.Op{}, state.Errorf(state.TooLarge, "",
			"the change writes %d keys, more than fit into one transaction", len(ops))
	}

	// Else: whether some keys exist.
	ask := make([]clientv3.Op, len(p.Ask))
	for i, key := range p.Ask {
		ask[i] = clientv3.OpGet(key, clientv3.WithCountOnly())
	}
	return clientv3.OpTxn(cmps, packed, ask), nil
}

// pack nests unconditional operations so that they fit a budget: etcd counts, for each level of nesting, the longest of
// its lists, and bounds the sum over the levels. first is how long a list at the first level is anyway.
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
