package embedded

import (
	"context"
	"errors"
	"io"
	"slices"

	clientv3 "go.etcd.io/etcd/client/v3"
	"go.etcd.io/etcd/server/v3/etcdserver/api/v3client"
)

// newClient is v3client's in-process client, whose calls end when their context or the etcd does. Without that a call
// would wait forever on the locks of an etcd that has failed.
func newClient(e *Etcd) *clientv3.Client {
	c := v3client.New(e.server.Server)
	c.KV = kv{c.KV, e}
	c.Maintenance = maintenance{c.Maintenance, e}
	return c
}

// ErrClosed is the answer of an etcd that was closed.
var ErrClosed = errors.New("the embedded etcd is closed")

// guarded makes a call on a goroutine of its own and waits for it, for ctx or for the end of the etcd.
func guarded[T any](ctx context.Context, e *Etcd, call func() (T, error)) (T, error) {
	var none T
	if err := e.Failed(); err != nil {
		return none, err
	}
	type answer struct {
		value T
		err   error
	}
	answered := make(chan answer, 1)
	go func() {
		e.calls.RLock()
		defer e.calls.RUnlock()
		if e.closed {
			answered <- answer{none, ErrClosed}
			return
		}
		v, err := call()
		answered <- answer{v, err}
	}()
	select {
	case a := <-answered:
		return a.value, a.err
	case <-ctx.Done():
		return none, ctx.Err()
	case <-e.failure.failed:
		return none, e.Failed()
	}
}

// proposed makes a call that etcd takes through its log and that waits for nothing but ctx: it ends with the etcd, too,
// and needs no goroutine, which would cost as much as a quarter of a put.
func proposed[T any](ctx context.Context, e *Etcd, call func(context.Context) (T, error)) (T, error) {
	if err := e.Failed(); err != nil {
		var none T
		return none, err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(e.failure.alive, cancel)()
	v, err := call(ctx)
	if err != nil {
		if failed := e.Failed(); failed != nil {
			err = failed
		}
	}
	return v, err
}

// kv guards what a store asks of an etcd.
type kv struct {
	clientv3.KV
	etcd *Etcd
}

func (k kv) Put(ctx context.Context, key, value string, o ...clientv3.OpOption) (*clientv3.PutResponse, error) {
	return proposed(ctx, k.etcd, func(ctx context.Context) (*clientv3.PutResponse, error) {
		return k.KV.Put(ctx, key, value, o...)
	})
}

func (k kv) Get(ctx context.Context, key string, o ...clientv3.OpOption) (*clientv3.GetResponse, error) {
	return guarded(ctx, k.etcd, func() (*clientv3.GetResponse, error) { return k.KV.Get(ctx, key, o...) })
}

func (k kv) Delete(ctx context.Context, key string, o ...clientv3.OpOption) (*clientv3.DeleteResponse, error) {
	return proposed(ctx, k.etcd, func(ctx context.Context) (*clientv3.DeleteResponse, error) {
		return k.KV.Delete(ctx, key, o...)
	})
}

func (k kv) Compact(ctx context.Context, rev int64, o ...clientv3.CompactOption) (*clientv3.CompactResponse, error) {
	return guarded(ctx, k.etcd, func() (*clientv3.CompactResponse, error) { return k.KV.Compact(ctx, rev, o...) })
}

func (k kv) Do(ctx context.Context, op clientv3.Op) (clientv3.OpResponse, error) {
	if op.IsGet() || op.IsTxn() && readsOnly(op) {
		return guarded(ctx, k.etcd, func() (clientv3.OpResponse, error) { return k.KV.Do(ctx, op) })
	}
	return proposed(ctx, k.etcd, func(ctx context.Context) (clientv3.OpResponse, error) { return k.KV.Do(ctx, op) })
}

// readsOnly reports whether a transaction only reads, in both of its branches: etcd then does not take it through its
// log.
func readsOnly(txn clientv3.Op) bool {
	_, then, otherwise := txn.Txn()
	for _, op := range slices.Concat(then, otherwise) {
		if op.IsPut() || op.IsDelete() || op.IsTxn() && !readsOnly(op) {
			return false
		}
	}
	return true
}

func (k kv) Txn(ctx context.Context) clientv3.Txn { return txn{k.KV.Txn(ctx), ctx, k.etcd} }

// txn guards the commit of a transaction.
type txn struct {
	clientv3.Txn
	ctx  context.Context
	etcd *Etcd
}

func (t txn) If(cs ...clientv3.Cmp) clientv3.Txn   { return txn{t.Txn.If(cs...), t.ctx, t.etcd} }
func (t txn) Then(ops ...clientv3.Op) clientv3.Txn { return txn{t.Txn.Then(ops...), t.ctx, t.etcd} }
func (t txn) Else(ops ...clientv3.Op) clientv3.Txn { return txn{t.Txn.Else(ops...), t.ctx, t.etcd} }
func (t txn) Commit() (*clientv3.TxnResponse, error) {
	return guarded(t.ctx, t.etcd, t.Txn.Commit)
}

// maintenance guards, too, and defragments by the server itself. v3client makes its maintenance server without a health
// notifier, which Defragment, and nothing else, dereferences.
type maintenance struct {
	clientv3.Maintenance
	etcd *Etcd
}

func (m maintenance) AlarmList(ctx context.Context) (*clientv3.AlarmResponse, error) {
	return guarded(ctx, m.etcd, func() (*clientv3.AlarmResponse, error) { return m.Maintenance.AlarmList(ctx) })
}

func (m maintenance) AlarmDisarm(ctx context.Context, a *clientv3.AlarmMember) (*clientv3.AlarmResponse, error) {
	return guarded(ctx, m.etcd, func() (*clientv3.AlarmResponse, error) { return m.Maintenance.AlarmDisarm(ctx, a) })
}

// Status counts in its sizes whatever was applied before: bolt commits it first.
func (m maintenance) Status(ctx context.Context, endpoint string) (*clientv3.StatusResponse, error) {
	return guarded(ctx, m.etcd, func() (*clientv3.StatusResponse, error) {
		m.etcd.server.Server.Backend().ForceCommit()
		return m.Maintenance.Status(ctx, endpoint)
	})
}

func (m maintenance) HashKV(ctx context.Context, endpoint string, rev int64) (*clientv3.HashKVResponse, error) {
	return guarded(ctx, m.etcd, func() (*clientv3.HashKVResponse, error) {
		return m.Maintenance.HashKV(ctx, endpoint, rev)
	})
}

func (m maintenance) Snapshot(ctx context.Context) (io.ReadCloser, error) {
	return guarded(ctx, m.etcd, func() (io.ReadCloser, error) { return m.Maintenance.Snapshot(ctx) })
}

func (m maintenance) SnapshotWithVersion(ctx context.Context) (*clientv3.SnapshotResponse, error) {
	return guarded(ctx, m.etcd, func() (*clientv3.SnapshotResponse, error) {
		return m.Maintenance.SnapshotWithVersion(ctx)
	})
}

// Defragment rewrites etcd's file without its free pages; endpoint means nothing in-process. It is what etcd's
// maintenance server calls too: it holds the server's lock on its backend, which keeps a snapshot from taking the
// backend's place meanwhile (Backend().Defrag() alone would not), then the backend's on transactions, the file and
// reads. Whoever reads or writes waits until it is over. Once begun it cannot be interrupted. If the copy fails, the
// file stays as it was; where the disk has no room for a copy, none is begun.
func (m maintenance) Defragment(ctx context.Context, _ string) (*clientv3.DefragmentResponse, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	return guarded(context.WithoutCancel(ctx), m.etcd, func() (*clientv3.DefragmentResponse, error) {
		if err := m.etcd.roomFor(m.etcd.server.Server.Backend().SizeInUse()); err != nil {
			return nil, err
		}
		if err := m.etcd.server.Server.Defragment(); err != nil {
			return nil, err
		}
		return &clientv3.DefragmentResponse{}, nil
	})
}
