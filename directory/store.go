package directory

import (
	"context"
	"crypto/sha256"
	"log/slog"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	clientv3 "go.etcd.io/etcd/client/v3"

	"rollcall/directory/internal/state"
	"rollcall/directory/internal/store"
	"rollcall/internal/fair"
)

const defaultRoot = "/rollcall"

// Options of a store. The zero value is for tests: its own etcd, no operator, a secret key that is made up.
type Options struct {
	Root          string                // prefix of all keys; "/rollcall" unless given
	Alone         bool                  // this process is the embedded etcd's only writer: no quorum reads, no election
	StaleReads    bool                  // without quorum, read what this node has
	SecretKey     []byte                // 32 bytes; seals secrets
	PreviousKeys  [][]byte              // keys that sealed them before; Open seals them again under SecretKey
	OperatorToken string                // good for every scope; "" for none
	OtherTokens   []string              // the operator's, too: those before OperatorToken, or after it
	Disk          Disk                  // of an embedded etcd; nil for a cluster
	Watcher       *clientv3.Client      // for the watch alone; the store's client unless given
	Now           func() time.Time      // time.Now unless given
	Log           *slog.Logger          // discards unless given
	Registry      prometheus.Registerer // no metrics unless given
	WorkRate      float64               // comparisons a second for each credential; 0: no bound
	WorkBurst     int                   // comparisons at once; DefaultWorkBurst unless given
	MaxSessions   int                   // of an organization; DefaultMaxSessions unless given
}

func (o Options) withDefaults(c *clientv3.Client) Options {
	if o.Root == "" {
		o.Root = defaultRoot
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
	if o.WorkBurst == 0 {
		o.WorkBurst = DefaultWorkBurst
	}
	if o.MaxSessions == 0 {
		o.MaxSessions = DefaultMaxSessions
	}
	if o.SecretKey == nil {
		key := sha256.Sum256([]byte(newSecret()))
		o.SecretKey = key[:]
	}
	return o
}

// Disk is what an embedded etcd knows of its disk; embedded.Etcd is one.
type Disk = store.Disk

// Store is everything on one etcd: all organizations and the system scope.
type Store struct {
	node *store.Node
	keys state.Keyspace
	now  func() time.Time
	log  *slog.Logger

	operator  *operator
	sealer    *sealer
	usage     *usage
	held      held
	sessions  int // at most, of an organization
	work      *fair.Scheduler
	large     *fair.Scheduler // of large bodies
	timeIDs   state.TimeIDs
	lostRaces prometheus.Counter

	stop context.CancelFunc
	done sync.WaitGroup
}

// Open loads the store, preparing it where it is empty: in one transaction, on the condition that it is absent, the
// data format and the organization "default". Errors: Unavailable; others where the data is of a newer format or sealed
// under another key, or another node runs with other operator tokens.
func Open(ctx context.Context, c *clientv3.Client, o Options) (*Store, error) {
	o = o.withDefaults(c)
	sealer, err := newSealer(o.SecretKey, o.PreviousKeys)
	if err != nil {
		return nil, err
	}

	// Make sure that the data can be read before anything follows it.
	s := &Store{keys: state.NewKeyspace(o.Root), now: o.Now, log: o.Log, sealer: sealer,
		lostRaces: newLostRaces(o.Registry), work: newWork(o),
		large: fair.New(fair.Options{Slots: largeAtOnce}), sessions: o.MaxSessions}
	s.operator = newOperator(append([]string{o.OperatorToken}, o.OtherTokens...))
	if err := s.prepare(ctx, c); err != nil {
		return nil, err
	}
	if !o.Alone {
		if err := s.operator.appear(ctx, c, s); err != nil {
			return nil, err
		}
	}

	// Load it, and keep up with it.
	s.node, err = store.Open(ctx, c, store.Options{Keys: s.keys, Builtin: builtinCatalog(), Alone: o.Alone,
		StaleReads: o.StaleReads, Watcher: o.Watcher, Disk: o.Disk, Now: o.Now, Log: o.Log, Registry: o.Registry})
	if err != nil {
		s.operator.close()
		return nil, err
	}

	s.warnOfDefinitions()

	// Begin the store's own work.
	s.usage = &usage{store: s}
	background, stop := context.WithCancel(context.Background())
	s.stop = stop
	s.done.Go(func() { s.usage.run(background) })
	s.done.Go(func() { s.housekeep(background) })
	s.done.Go(func() { s.held.run(background, s) })
	if err := (resealer{sealer, s}).run(ctx); err != nil {
		s.Close()
		return nil, err
	}
	return s, nil
}

// warnOfDefinitions logs what is wrong with organizations' definitions.
func (s *Store) warnOfDefinitions() {
	f, err := s.node.Latest()
	if err != nil {
		return
	}
	for id, sc := range f.Scopes() {
		for _, p := range sc.Problems() {
			s.log.Warn("a definition is not, or not fully, in force", "organization", id.Organization.String(), "error", p)
		}
	}
}

func newLostRaces(r prometheus.Registerer) prometheus.Counter {
	c := prometheus.NewCounter(prometheus.CounterOpts{Name: "rollcall_directory_lost_races_total",
		Help: "Changes that ran again because a concurrent change was committed first."})
	if r != nil {
		r.MustRegister(c)
	}
	return c
}

// Close ends the store's own work; the etcd client stays the caller's.
func (s *Store) Close() error {
	s.stop()
	s.done.Wait()
	s.operator.close()
	s.node.Close()
	return nil
}

// Stale reports whether answers may be old: reads without quorum were chosen and there is none.
func (s *Store) Stale(ctx context.Context) bool { return s.node.Stale(ctx) }

// Ready returns nil when the store answers and the replica has caught up with it, else what is missing. A store that
// accepts only deletion, or only reading, is ready.
func (s *Store) Ready(ctx context.Context) error { return s.node.Ready(ctx) }

// Writable returns nil while everything may be written, else why only what takes away is accepted (Full), or only
// reading (Unavailable).
func (s *Store) Writable() error { return s.node.Quota.Admit(false) }

// System is the scope that holds the organizations.
func (s *Store) System() *Directory { return &Directory{store: s, actor: Program} }

// Organization is the scope of the organization with that name. Whether there is one is judged on each snapshot.
func (s *Store) Organization(name string) *Directory {
	return &Directory{store: s, name: name, actor: Program}
}
