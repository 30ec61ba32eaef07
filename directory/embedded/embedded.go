// Package embedded runs the etcd that a single node keeps its data in, in-process and without a network port.
//
// Its etcd outlives what would end an etcd process: where the disk fails it, it is marked as failed and answers every
// call with [ErrFailed], while the process goes on (failure.go). [Etcd.Room] tells early that the disk is nearly full,
// and [Etcd.Recovered] when a failed etcd can be started again, which takes a new process.
package embedded

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
	"go.etcd.io/etcd/server/v3/embed"
)

// Options of an embedded etcd. The zero value is for production, without a log.
type Options struct {
	Log    *slog.Logger // gets etcd's warnings and errors; discards unless given
	Quota  int64        // how large the data may grow, in bytes; 8 GiB unless given
	Unsafe bool         // for tests: the data is not forced to the disk

	free func(dir string) (int64, error) // freeBytes unless given
	tend time.Duration                   // how often the etcd is looked after; tendInterval unless given
}

// Etcd is a running etcd of one member.
type Etcd struct {
	Client *clientv3.Client // in-process

	dir     string
	options Options
	server  *embed.Etcd
	failure *failure
	closing *atomic.Bool
	calls   sync.RWMutex // read-locked by each call: a server that is closed under one would panic
	closed  bool
	stop    context.CancelFunc
	done    sync.WaitGroup
}

const defaultQuota = 8 << 30

// Name and Peer are what the one member is called, and the address of its peers, at which nobody listens: a member has
// to have one all the same.
const (
	Name = "rollcall"
	Peer = "http://localhost:0"
)

// Start runs etcd with its data in dir, which is made if it is missing. It listens on nothing. Errors: another process
// has the data open; the disk has no room; a file is damaged, which the error names; ctx ended before etcd was ready.
func Start(ctx context.Context, dir string) (*Etcd, error) { return Options{}.Start(ctx, dir) }

// StartUnsafe is Start for tests: the data is not forced to the disk.
func StartUnsafe(ctx context.Context, dir string) (*Etcd, error) {
	return Options{Unsafe: true}.Start(ctx, dir)
}

// StartSmall is StartUnsafe with a quota of so many bytes: for tests of what happens when it is used up.
func StartSmall(ctx context.Context, dir string, quota int64) (*Etcd, error) {
	return Options{Unsafe: true, Quota: quota}.Start(ctx, dir)
}

// Start is the function Start with options.
func (o Options) Start(ctx context.Context, dir string) (*Etcd, error) {
	dir = filepath.Clean(dir)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Quota == 0 {
		o.Quota = defaultQuota
	}
	if o.free == nil {
		o.free = freeBytes
	}
	if o.tend == 0 {
		o.tend = tendInterval
	}
	e := &Etcd{dir: dir, options: o, failure: newFailure(), closing: new(atomic.Bool)}
	if err := e.run(ctx); err != nil {
		return nil, fmt.Errorf("the embedded etcd in %s: %w", dir, err)
	}
	e.Client = e.NewClient()
	background, stop := context.WithCancel(context.Background())
	e.stop = stop
	e.done.Go(func() { e.tend(background) })
	return e, nil
}

// config is that of the server.
func (e *Etcd) config() *embed.Config {
	c := embed.NewConfig()
	c.Dir = e.dir
	c.Name = Name
	c.ListenClientUrls, c.ListenPeerUrls = nil, nil
	self := url.URL{Scheme: "http", Host: "localhost:0"} // Peer
	c.AdvertiseClientUrls, c.AdvertisePeerUrls = []url.URL{self}, []url.URL{self}
	c.InitialCluster = c.Name + "=" + self.String()
	c.QuotaBackendBytes = e.options.Quota
	c.AutoCompactionMode, c.AutoCompactionRetention = "periodic", "5m"
	c.SnapshotCount = 5000
	c.UnsafeNoFsync = e.options.Unsafe
	c.ZapLoggerBuilder = embed.NewZapLoggerBuilder(newLogger(e.options.Log, e.failure, e.closing))
	return c
}

// run starts the server and waits until it is ready. It starts on a goroutine of its own, because one that finds the
// data unusable is never heard of again (failure.go).
func (e *Etcd) run(ctx context.Context) error {
	if err := check(e.dir); err != nil {
		return err
	}
	type started struct {
		server *embed.Etcd
		err    error
	}
	result := make(chan started, 1)
	go func() {
		server, err := embed.StartEtcd(e.config())
		result <- started{server, err}
	}()

	select {
	case s := <-result:
		if s.err != nil {
			return explain(e.dir, s.err)
		}
		e.server = s.server
	case <-e.failure.failed:
		return explain(e.dir, e.failure.err)
	case <-ctx.Done():
		go func() { // it cannot be interrupted
			if s := <-result; s.server != nil {
				e.closing.Store(true)
				s.server.Close()
			}
		}()
		return ctx.Err()
	}

	select {
	case <-e.server.Server.ReadyNotify():
		return nil
	case <-e.failure.failed:
		return explain(e.dir, e.failure.err)
	case err := <-e.server.Err():
		e.closeServer()
		return err
	case <-e.server.Server.StopNotify():
		return errors.New("it stopped while it was starting")
	case <-ctx.Done():
		e.closeServer()
		return ctx.Err()
	}
}

// Err tells of the etcd ending by itself.
func (e *Etcd) Err() <-chan error { return e.server.Err() }

// NewClient returns another in-process client: for tests that put something between the store and its etcd.
func (e *Etcd) NewClient() *clientv3.Client { return newClient(e) }

// Close ends it. What was acknowledged is on the disk. An etcd that has failed cannot be closed: it keeps its files
// locked until the process ends.
func (e *Etcd) Close() {
	e.stop()
	e.done.Wait()
	e.Client.Close()
	e.closeServer()
}

func (e *Etcd) closeServer() {
	e.closing.Store(true)
	if e.Failed() != nil {
		return
	}
	idle := make(chan struct{})
	go func() {
		e.calls.Lock()
		close(idle)
	}()
	select {
	case <-idle:
		defer e.calls.Unlock()
		e.server.Close()
		e.closed = true
	case <-e.failure.failed: // a call that waits for it will never end
	}
}

// readyTimeout is how long callers should allow for Start on an empty or a small directory.
const readyTimeout = time.Minute

// Timeout bounds a start: replaying a large log takes a while.
func Timeout(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(ctx, readyTimeout)
}
