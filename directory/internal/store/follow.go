package store

import (
	"context"
	"errors"
	"log/slog"
	"sync/atomic"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"

	"rollcall/directory/internal/state"
)

// errReload says that the watch cannot go on from where the replica is: everything must be reloaded.
var errReload = errors.New("the replica must be reloaded")

// gapPatience is how long a lone writer waits for its own commits to close a gap before it watches for what is missing.
const gapPatience = 10 * time.Millisecond

// follower keeps the replica up to date with the store, and notices when the store has another history than the
// replica.
type follower struct {
	client  *clientv3.Client
	watcher *clientv3.Client
	keys    state.Keyspace
	replica *replica
	alone   bool
	log     *slog.Logger

	cluster atomic.Uint64 // ID of the etcd cluster that the replica was loaded from
	restart chan struct{} // asks for everything to be reloaded
}

// reload replaces the replica by what the store has now.
func (f *follower) reload(ctx context.Context) error {
	st, cluster, err := load(ctx, f.client, f.keys, f.replica.builtin)
	if err != nil {
		return err
	}
	revision := st.Revision() // from the next line on, commits change it
	f.cluster.Store(cluster)
	f.replica.reset(st)
	f.log.Info("loaded the store", "revision", revision)
	return nil
}

func (f *follower) reloadSoon() {
	select {
	case f.restart <- struct{}{}:
	default:
	}
}

// run follows the store until ctx ends. A lone writer knows its commits by itself: it watches only while somebody waits
// for a revision of which it has not heard, such as one whose outcome had to be searched for.
func (f *follower) run(ctx context.Context) {
	for ctx.Err() == nil {
		if f.alone && !f.needed(ctx) {
			continue
		}
		err := f.watch(ctx)
		if ctx.Err() != nil {
			return
		}
		if errors.Is(err, errReload) {
			if err = f.reload(ctx); err != nil {
				f.reloadSoon()
			}
		}
		if err != nil {
			f.log.Warn("the watch of the store ended; opening another", "error", err)
			sleep(ctx, progressInterval)
		}
	}
}

// needed waits until a lone writer has to watch or to reload; it returns false where the reason is gone already.
func (f *follower) needed(ctx context.Context) bool {
	select {
	case <-ctx.Done():
		return false
	case <-f.restart:
		f.reloadSoon() // for the stream, which reloads
		return true
	case <-f.replica.waiting:
		sleep(ctx, gapPatience)
		return f.replica.lag() > 0
	}
}

func sleep(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}

// readRevision is a quorum read of the store's revision. A store that has another history than the replica, because it
// was restored from a backup or is another cluster, has a revision below what was applied before it was asked, or
// another ID: then no reader is served until everything is reloaded.
func (f *follower) readRevision(ctx context.Context) (int64, error) {
	applied := f.replica.applied.Load()
	resp, err := f.askRevision(ctx)
	if err != nil {
		return 0, err
	}
	rev := resp.Header.Revision
	if (rev < applied || resp.Header.ClusterId != f.cluster.Load()) && f.replica.discard() {
		f.log.Warn("the store has another history than before; reloading it", "revision", rev, "before", applied)
		f.reloadSoon()
	}
	return rev, nil
}

// askRevision asks twice where the first endpoint does not answer: the client then asks another one.
func (f *follower) askRevision(ctx context.Context) (*clientv3.GetResponse, error) {
	first, cancel := context.WithTimeout(ctx, quorumTimeout/3)
	resp, err := f.client.Get(first, f.keys.Format(), clientv3.WithCountOnly())
	cancel()
	if err == nil || ctx.Err() != nil {
		return resp, err
	}
	return f.client.Get(ctx, f.keys.Format(), clientv3.WithCountOnly())
}
