package store

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	clientv3 "go.etcd.io/etcd/client/v3"

	"rollcall/directory/internal/state"
)

const pinInterval = time.Minute

// Options of a node. All but the booleans, Disk and Registry are required.
type Options struct {
	Keys       state.Keyspace
	Builtin    *state.Catalog        // the types that every organization has
	Alone      bool                  // this process is the only writer: no quorum reads, no election
	StaleReads bool                  // without quorum, read what this node has
	Watcher    *clientv3.Client      // for the watch alone
	Disk       Disk                  // of an embedded etcd; nil for a cluster
	Now        func() time.Time      // for the lifetime of pins
	Log        *slog.Logger          //
	Registry   prometheus.Registerer // no metrics unless given
}

// Node is what one process has of the store.
type Node struct {
	*Committer
	Reader
	Eraser
	Quota *Quota

	options  Options
	client   *clientv3.Client
	replica  *replica
	quorum   *quorum
	follower *follower

	gathering chan struct{} // holds a value while the order of a scope's Events is read

	stop context.CancelFunc
	done sync.WaitGroup
}

// Open loads the store and follows it until Close. Errors: Unavailable; others if the data cannot be read.
func Open(ctx context.Context, c *clientv3.Client, o Options) (*Node, error) {
	r := newReplica(o.Keys, o.Builtin)
	n := &Node{options: o, client: c, replica: r, Quota: newQuota(o, c, r.bytes.Load),
		gathering: make(chan struct{}, 1)}
	n.Committer, n.Reader = &Committer{c, r, n.Quota}, Reader{c}
	n.Eraser = Eraser{n.Committer, n.Reader}
	n.follower = &follower{client: c, watcher: o.Watcher, keys: o.Keys, replica: r, alone: o.Alone, log: o.Log,
		restart: make(chan struct{}, 1)}
	n.quorum = &quorum{read: n.follower.readRevision}
	if err := n.follower.reload(ctx); err != nil {
		return nil, err
	}
	if err := n.Quota.Look(ctx); err != nil { // before anything is written
		o.Log.Warn("the size of the store is not known; it will be asked for again", "error", err)
	}
	if o.Registry != nil {
		o.Registry.MustRegister(n.Quota.used)
	}
	background, stop := context.WithCancel(context.Background())
	n.stop = stop
	n.done.Go(func() { n.follower.run(background) })
	n.done.Go(func() { n.Quota.run(background) })
	n.done.Go(func() { Every(background, o.Log, pinInterval, "pins", n.dropPins) })
	return n, nil
}

// Close ends the node's own work; the etcd client stays the caller's.
func (n *Node) Close() {
	n.stop()
	n.done.Wait()
}

// Linearizable returns a state at least as new as the call; an older one if reads without quorum were chosen and there
// is no quorum. Error: Unavailable.
func (n *Node) Linearizable(ctx context.Context) (*state.Frozen, error) {
	if n.options.Alone { // every acknowledged commit is in the replica
		return n.replica.snapshot()
	}
	rev, err := n.quorum.revision(ctx)
	if err == nil {
		err = n.replica.wait(ctx, rev)
	}
	if err != nil && !(n.options.StaleReads && state.KindOf(err) == state.Unavailable) {
		return nil, err
	}
	return n.replica.snapshot()
}

// Latest returns the latest state that this node has; it holds every commit of this node that has returned. Error:
// Unavailable while the replica is being reloaded.
func (n *Node) Latest() (*state.Frozen, error) { return n.replica.snapshot() }

// Stale reports whether answers may be old: reads without quorum were chosen and there is none.
func (n *Node) Stale(ctx context.Context) bool {
	if n.options.Alone || !n.options.StaleReads {
		return false
	}
	_, err := n.quorum.revision(ctx)
	return err != nil
}

// Ready returns nil when the store answers and the replica has caught up with it, else what is missing. A lone node
// whose disk has failed is ready: it has everything in memory.
func (n *Node) Ready(ctx context.Context) error {
	if n.options.Alone && n.options.Disk != nil && n.options.Disk.Failed() != nil {
		_, err := n.replica.snapshot()
		return err
	}
	rev, err := n.quorum.revision(ctx)
	if err != nil {
		return err
	}
	return n.replica.wait(ctx, rev)
}

// Pin returns a pin as it is at a time, and when it was put or renewed last; nil if it is not kept.
func (n *Node) Pin(key state.ScopedID, now time.Time) (pin *Pin, at time.Time) {
	return n.replica.pin(key, now)
}

func (n *Node) dropPins(context.Context) error {
	n.replica.dropPins(n.options.Now())
	return nil
}

// Orphans lists up to limit keys of grants that count no more because an end of them was deleted: for the sweeper.
func (n *Node) Orphans(limit int) []string { return n.replica.orphans(limit) }

// Touched returns the scopes of which any key changed since the last call, or since the state was loaded: for the
// sweeper.
func (n *Node) Touched() map[state.ScopeID]bool { return n.replica.touched() }
