package store

import (
	"context"
	"errors"

	"go.etcd.io/etcd/api/v3/mvccpb"
	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"

	"rollcall/directory/internal/state"
)

// Reader reads keys that are not held in memory.
type Reader struct{ client *clientv3.Client }

// Get reads a key; ok is false if it does not exist. Error: Unavailable.
func (r Reader) Get(ctx context.Context, key string) (l state.Loaded, ok bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, answerTimeout)
	defer cancel()
	resp, err := r.client.Get(ctx, key)
	if err != nil {
		return l, false, state.Unanswered(err)
	}
	if len(resp.Kvs) == 0 {
		return l, false, nil
	}
	return loadedOf(resp.Kvs)[0], true, nil
}

// NewestFirst reads all keys with the prefixes, of each the last one first: as they were at the revision, or as they
// are at one moment if it is 0. Errors: NotFound if the revision was compacted; Unavailable.
func (r Reader) NewestFirst(ctx context.Context, revision int64, prefixes ...string) ([][]state.Loaded, error) {
	ops := make([]clientv3.Op, len(prefixes))
	for i, prefix := range prefixes {
		ops[i] = clientv3.OpGet(prefix, clientv3.WithPrefix(), clientv3.WithRev(revision),
			clientv3.WithSort(clientv3.SortByKey, clientv3.SortDescend))
	}
	resp, err := r.read(ctx, ops)
	if err != nil {
		return nil, err
	}
	lists := make([][]state.Loaded, len(prefixes))
	for i := range prefixes {
		lists[i] = loadedOf(resp.Responses[i].GetResponseRange().Kvs)
	}
	return lists, nil
}

// All reads all keys with the prefix, in order. Error: Unavailable.
func (r Reader) All(ctx context.Context, prefix string) ([]state.Loaded, error) {
	resp, err := r.client.Get(ctx, prefix, clientv3.WithPrefix())
	if err != nil {
		return nil, state.Unanswered(err)
	}
	return loadedOf(resp.Kvs), nil
}

// Keys reads the first keys from one on and before end, without values, and whether there are more. Error: Unavailable.
func (r Reader) Keys(ctx context.Context, from, end string, limit int64) (keys []string, more bool, err error) {
	resp, err := r.client.Get(ctx, from, clientv3.WithRange(end), clientv3.WithKeysOnly(), clientv3.WithLimit(limit))
	if err != nil {
		return nil, false, state.Unanswered(err)
	}
	for _, kv := range resp.Kvs {
		keys = append(keys, string(kv.Key))
	}
	return keys, resp.More, nil
}

// KeysOf reads the keys with each of the prefixes, without values, at the revision as NewestFirst does. Errors: as
// there.
func (r Reader) KeysOf(ctx context.Context, revision int64, prefixes ...string) ([][]string, error) {
	ops := make([]clientv3.Op, len(prefixes))
	for i, prefix := range prefixes {
		ops[i] = clientv3.OpGet(prefix, clientv3.WithPrefix(), clientv3.WithRev(revision), clientv3.WithKeysOnly())
	}
	resp, err := r.read(ctx, ops)
	if err != nil {
		return nil, err
	}
	lists := make([][]string, len(prefixes))
	for i := range prefixes {
		for _, kv := range resp.Responses[i].GetResponseRange().Kvs {
			lists[i] = append(lists[i], string(kv.Key))
		}
	}
	return lists, nil
}

// read carries out reads at one moment.
func (r Reader) read(ctx context.Context, ops []clientv3.Op) (*clientv3.TxnResponse, error) {
	ctx, cancel := context.WithTimeout(ctx, settleTimeout)
	defer cancel()
	resp, err := r.client.Txn(ctx).Then(ops...).Commit()
	if errors.Is(err, rpctypes.ErrCompacted) {
		return nil, ErrPinGone()
	}
	if err != nil {
		return nil, state.Unanswered(err)
	}
	return resp, nil
}

// Range reads the first keys from one on and before end. Error: Unavailable.
func (r Reader) Range(ctx context.Context, from, end string, limit int64) ([]state.Loaded, error) {
	ctx, cancel := context.WithTimeout(ctx, answerTimeout)
	defer cancel()
	resp, err := r.client.Get(ctx, from, clientv3.WithRange(end), clientv3.WithLimit(limit))
	if err != nil {
		return nil, state.Unanswered(err)
	}
	return loadedOf(resp.Kvs), nil
}

// Heads reads all keys with the prefix, in order, with their revisions and without their values, and the revision at
// which they were read. Error: Unavailable.
func (r Reader) Heads(ctx context.Context, prefix string) (heads []state.Loaded, revision int64, err error) {
	ctx, cancel := context.WithTimeout(ctx, answerTimeout)
	defer cancel()
	resp, err := r.client.Get(ctx, prefix, clientv3.WithPrefix(), clientv3.WithKeysOnly())
	if err != nil {
		return nil, 0, state.Unanswered(err)
	}
	return loadedOf(resp.Kvs), resp.Header.Revision, nil
}

// Count counts the keys with the prefix. Error: Unavailable.
func (r Reader) Count(ctx context.Context, prefix string) (int64, error) {
	resp, err := r.client.Get(ctx, prefix, clientv3.WithPrefix(), clientv3.WithCountOnly())
	if err != nil {
		return 0, state.Unanswered(err)
	}
	return resp.Count, nil
}

func loadedOf(kvs []*mvccpb.KeyValue) []state.Loaded {
	list := make([]state.Loaded, len(kvs))
	for i, kv := range kvs {
		e := state.Entry{Key: string(kv.Key), Value: kv.Value, Created: kv.CreateRevision}
		list[i] = state.Loaded{Entry: e, Modified: kv.ModRevision}
	}
	return list
}

// PrefixEnd is the end of the range of all keys with the prefix.
func PrefixEnd(prefix string) string { return clientv3.GetPrefixRangeEnd(prefix) }
