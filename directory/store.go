package directory

import (
	"context"
	"crypto/sha256"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	clientv3 "go.etcd.io/etcd/client/v3"
)

// Options of a store. The zero value is for tests: its own etcd, no operator, a secret key that is made up.
type Options struct {
	Root          string                // prefix of all keys; "/rollcall" unless given
	Alone         bool                  // the etcd is embedded and this process its only writer: no quorum reads, no election
	StaleReads    bool                  // without quorum, read what this node has
	SecretKey     []byte                // 32 bytes; seals secrets
	PreviousKeys  [][]byte              // keys that sealed them before; they are sealed anew at the start
	OperatorToken string                // good for every scope; "" for none
	Watcher       *clientv3.Client      // for the watch alone; the store's client unless given
	Now           func() time.Time      // time.Now unless given
	Log           *slog.Logger          // discards unless given
	Registry      prometheus.Registerer // no metrics unless given
}

// Store is everything on one etcd: all organizations and the system scope.
type Store struct {
	client  *clientv3.Client
	watcher *clientv3.Client
	keys    keyspace
	options Options
	now     func() time.Time
	log     *slog.Logger

	replica      *replica
	quorum       *quorum
	streams      atomic.Int64 // watch streams opened so far
	restart      chan struct{}
	operatorHash string
	sealer       *sealer
	full         atomic.Bool
	usage        usage
	timeIDs      timeIDs
	metrics      *metrics
	cluster      atomic.Uint64 // id of the etcd cluster that the replica was loaded from

	stop context.CancelFunc
	done sync.WaitGroup
}

// Open loads the store, preparing it where it is empty: in one transaction, on the condition that it is absent, the data
// format and the organization "default". Errors: Unavailable; others where the data is of a newer format or sealed under
// another key.
func Open(ctx context.Context, c *clientv3.Client, o Options) (*Store, error) {
	if o.Root == "" {
		o.Root = "/rollcall"
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Watcher == nil {
		o.Watcher = c
	}
	if o.SecretKey == nil {
		key := sha256.Sum256([]byte(newSecret()))
		o.SecretKey = key[:]
	}
	sealer, err := newSealer(o.SecretKey, o.PreviousKeys)
	if err != nil {
		return nil, err
	}
	keys := newKeyspace(o.Root)
	s := &Store{client: c, watcher: o.Watcher, keys: keys, options: o, now: o.Now, log: o.Log, replica: newReplica(keys),
		restart: make(chan struct{}, 1), sealer: sealer, metrics: newMetrics(o.Registry)}
	s.quorum = &quorum{read: s.readRevision}
	if o.OperatorToken != "" {
		s.operatorHash = secretHash(o.OperatorToken)
	}
	if err := s.prepare(ctx); err != nil {
		return nil, err
	}
	st, err := load(ctx, c, keys)
	if err != nil {
		return nil, err
	}
	s.cluster.Store(st.cluster)
	s.replica.reset(st)
	background, stop := context.WithCancel(context.Background())
	s.stop = stop
	s.run(background, s.follow)
	s.run(background, s.housekeeping)
	if err := s.reseal(ctx); err != nil {
		s.Close()
		return nil, err
	}
	return s, nil
}

func (s *Store) run(ctx context.Context, f func(context.Context)) {
	s.done.Go(func() { f(ctx) })
}

// Close ends the store's own work; the etcd client stays the caller's.
func (s *Store) Close() error {
	s.stop()
	s.done.Wait()
	return nil
}

// linearizable returns a state at least as new as the call.
func (s *Store) linearizable(ctx context.Context) (*frozenState, error) {
	if s.options.Alone { // every acknowledged commit is in the replica
		return s.replica.snapshot()
	}
	rev, err := s.quorum.revision(ctx)
	if err == nil {
		err = s.replica.wait(ctx, rev)
	}
	if err != nil && !(s.options.StaleReads && KindOf(err) == Unavailable) {
		return nil, err
	}
	return s.replica.snapshot()
}

// readRevision is a quorum read of the store's revision. A store that has another history than the replica, because it was
// put back from a backup or is another cluster, gives itself away by a revision below what was applied before it was asked,
// or by its id: then nobody is served until all of it is loaded anew.
func (s *Store) readRevision(ctx context.Context) (int64, error) {
	applied := s.replica.applied.Load()
	resp, err := s.askRevision(ctx)
	if err != nil {
		return 0, err
	}
	if resp.Header.Revision < applied || resp.Header.ClusterId != s.cluster.Load() {
		if s.replica.discard() {
			s.log.Warn("the store is not the one it was: loading it anew", "revision", resp.Header.Revision, "before", applied)
			s.reloadSoon()
		}
	}
	return resp.Header.Revision, nil
}

// askRevision asks twice where the first endpoint does not answer: the client asks another one then.
func (s *Store) askRevision(ctx context.Context) (*clientv3.GetResponse, error) {
	first, cancel := context.WithTimeout(ctx, quorumTimeout/3)
	resp, err := s.client.Get(first, s.keys.format(), clientv3.WithCountOnly())
	cancel()
	if err == nil || ctx.Err() != nil {
		return resp, err
	}
	return s.client.Get(ctx, s.keys.format(), clientv3.WithCountOnly())
}

func (s *Store) reloadSoon() {
	select {
	case s.restart <- struct{}{}:
	default:
	}
}

// Stale reports whether answers may be old: reads without quorum were chosen and there is none.
func (s *Store) Stale(ctx context.Context) bool {
	if s.options.Alone || !s.options.StaleReads {
		return false
	}
	_, err := s.quorum.revision(ctx)
	return err != nil
}

// Ready returns nil when the store answers and the replica has caught up with it, else what is missing.
func (s *Store) Ready(ctx context.Context) error {
	rev, err := s.quorum.revision(ctx)
	if err != nil {
		return err
	}
	if err := s.replica.wait(ctx, rev); err != nil {
		return err
	}
	if s.full.Load() {
		return errors.New(fullDetail)
	}
	return nil
}
