package store

import (
	"context"

	clientv3 "go.etcd.io/etcd/client/v3"

	"rollcall/directory/internal/state"
)

// Initialize returns what the key holds. Where it is absent, it puts the first entries of an empty store, of which the
// key must be one, and returns nil, or what the key holds if another node came first. The key is read first, because
// an etcd without space refuses every transaction that holds a put, even in the branch not taken. Error: Unavailable.
func Initialize(ctx context.Context, c *clientv3.Client, key string, first []state.Entry) (existing []byte, err error) {
	l, ok, err := Reader{c}.Get(ctx, key)
	if ok || err != nil {
		return l.Value, err
	}
	ops := make([]clientv3.Op, len(first))
	for i, e := range first {
		ops[i] = clientv3.OpPut(e.Key, string(e.Value))
	}
	resp, err := c.Txn(ctx).If(Absent(key).compare()).Then(ops...).Else(clientv3.OpGet(key)).Commit()
	if err != nil {
		return nil, state.Unanswered(err)
	}
	if resp.Succeeded {
		return nil, nil
	}
	return resp.Responses[0].GetResponseRange().Kvs[0].Value, nil
}
