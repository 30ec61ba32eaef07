// Package embedded runs the etcd that a single node keeps its data in, in-process and without a network port.
package embedded

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
	"go.etcd.io/etcd/server/v3/embed"
	"go.uber.org/zap"
)

// Etcd is a running etcd of one member.
type Etcd struct {
	server *embed.Etcd
	Client *clientv3.Client // in-process
}

// quota is how large the data may grow.
const quota = 8 << 30

// Start runs etcd with its data in dir, which is made if it is missing. It listens on nothing. Errors: another process has the
// data open; the data cannot be read; ctx ended before etcd was ready.
func Start(ctx context.Context, dir string) (*Etcd, error) {
	return start(ctx, dir, func(*embed.Config) {})
}

// StartUnsafe is Start for tests: the data is not forced to the disk.
func StartUnsafe(ctx context.Context, dir string) (*Etcd, error) {
	return start(ctx, dir, func(c *embed.Config) { c.UnsafeNoFsync = true })
}

// StartSmall is StartUnsafe with a quota of so many bytes: for tests of what happens when it is used up.
func StartSmall(ctx context.Context, dir string, quota int64) (*Etcd, error) {
	return start(ctx, dir, func(c *embed.Config) { c.UnsafeNoFsync, c.QuotaBackendBytes = true, quota })
}

func start(ctx context.Context, dir string, adjust func(*embed.Config)) (*Etcd, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	c := embed.NewConfig()
	c.Dir = dir
	c.Name = "rollcall"
	c.ListenClientUrls, c.ListenPeerUrls = nil, nil
	// Nobody listens there; a member has to have an address all the same.
	self := url.URL{Scheme: "http", Host: "localhost:0"}
	c.AdvertiseClientUrls, c.AdvertisePeerUrls = []url.URL{self}, []url.URL{self}
	c.InitialCluster = c.Name + "=" + self.String()
	c.QuotaBackendBytes = quota
	c.AutoCompactionMode, c.AutoCompactionRetention = "periodic", "5m"
	c.SnapshotCount = 5000
	c.LogLevel = "error"
	c.ZapLoggerBuilder = embed.NewZapLoggerBuilder(zap.NewNop())
	adjust(c)
	server, err := embed.StartEtcd(c)
	if err != nil {
		return nil, fmt.Errorf("the embedded etcd in %s: %w", filepath.Clean(dir), err)
	}
	select {
	case <-server.Server.ReadyNotify():
	case err := <-server.Err():
		server.Close()
		return nil, fmt.Errorf("the embedded etcd in %s: %w", filepath.Clean(dir), err)
	case <-server.Server.StopNotify():
		return nil, errors.New("the embedded etcd stopped while it was starting")
	case <-ctx.Done():
		server.Close()
		return nil, ctx.Err()
	}
	return &Etcd{server, newClient(server.Server)}, nil
}

// Err tells of the etcd ending by itself.
func (e *Etcd) Err() <-chan error { return e.server.Err() }

// NewClient returns another in-process client: for tests that put something between the store and its etcd.
func (e *Etcd) NewClient() *clientv3.Client { return newClient(e.server.Server) }

// Close ends it. What was acknowledged is on the disk.
func (e *Etcd) Close() {
	e.Client.Close()
	e.server.Close()
}

// readyTimeout is how long callers should allow for Start on an empty or a small directory.
const readyTimeout = time.Minute

// Timeout bounds a start: replaying a large log takes a while.
func Timeout(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(ctx, readyTimeout)
}
