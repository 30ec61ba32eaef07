package store

import (
	"context"

	clientv3 "go.etcd.io/etcd/client/v3"

	"rollcall/directory/internal/state"
)

// Initialize puts the first entries of an empty store, on the condition that key, which must be one of them, is absent. It
// returns what the key holds if it is not; nil if the entries were put. Error: Unavailable.
func Initialize(ctx context.Context, c *clientv3.Client, key string, first []state.Entry) (existing []byte, err error) {
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
