package main

import (
	"context"
	"crypto/tls"
	"net"
	"net/url"
	"sync"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/status"
)

// An endpoint of etcd that says nothing for silence has its connections closed, so that everything that waits for it is
// tried elsewhere. gRPC itself would notice it by keep-alive after ten seconds at the earliest.
const (
	probeInterval = 500 * time.Millisecond
	silence       = 1500 * time.Millisecond
)

// reconnect is how soon a connection is tried again: a quorum that returns must not wait for the nodes.
var reconnect = grpc.ConnectParams{
	Backoff: backoff.Config{
		BaseDelay: 100 * time.Millisecond, Multiplier: 1.6, Jitter: 0.2, MaxDelay: time.Second,
	},
	MinConnectTimeout: 2 * time.Second,
}

// watchdog dials etcd's endpoints for the clients and closes the connections to those that are silent.
type watchdog struct {
	mu    sync.Mutex
	conns map[string]map[net.Conn]bool // by address

	stop context.CancelFunc
	done sync.WaitGroup
}

// newWatchdog begins to watch the endpoints.
func newWatchdog(endpoints []string, secure *tls.Config) *watchdog {
	ctx, stop := context.WithCancel(context.Background())
	w := &watchdog{conns: map[string]map[net.Conn]bool{}, stop: stop}
	for _, e := range endpoints {
		u, err := url.Parse(e)
		if err != nil || u.Host == "" { // etcd's client will say so
			continue
		}
		creds := insecure.NewCredentials()
		switch {
		case secure != nil:
			creds = credentials.NewTLS(secure)
		case u.Scheme == "https":
			creds = credentials.NewTLS(nil)
		}
		w.done.Go(func() { w.watch(ctx, u.Host, creds) })
	}
	return w
}

// options are what a client of etcd needs to be watched.
func (w *watchdog) options() []grpc.DialOption {
	return []grpc.DialOption{grpc.WithContextDialer(w.dial), grpc.WithConnectParams(reconnect)}
}

// dial connects to an address and remembers the connection until it is closed.
func (w *watchdog) dial(ctx context.Context, address string) (net.Conn, error) {
	var d net.Dialer
	c, err := d.DialContext(ctx, "tcp", address)
	if err != nil {
		return nil, err
	}
	watched := &watchedConn{Conn: c, address: address, dog: w}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.conns[address] == nil {
		w.conns[address] = map[net.Conn]bool{}
	}
	w.conns[address][watched] = true
	return watched, nil
}

// watchedConn is forgotten when it is closed.
type watchedConn struct {
	net.Conn
	address string
	dog     *watchdog
}

func (c *watchedConn) Close() error {
	c.dog.mu.Lock()
	delete(c.dog.conns[c.address], c)
	c.dog.mu.Unlock()
	return c.Conn.Close()
}

// drop closes the connections to an address.
func (w *watchdog) drop(address string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for c := range w.conns[address] {
		c.(*watchedConn).Conn.Close() // gRPC then closes it, too
	}
}

// watch probes an address by a connection of its own, until ctx ends. Any answer shows that somebody is there, also
// that there is no such service.
func (w *watchdog) watch(ctx context.Context, address string, creds credentials.TransportCredentials) {
	c, err := grpc.NewClient("passthrough:///"+address, grpc.WithTransportCredentials(creds),
		grpc.WithConnectParams(reconnect))
	if err != nil {
		return
	}
	defer c.Close()
	health := grpc_health_v1.NewHealthClient(c)
	for ctx.Err() == nil {
		probe, cancel := context.WithTimeout(ctx, silence)
		_, err := health.Check(probe, &grpc_health_v1.HealthCheckRequest{}, grpc.WaitForReady(true))
		cancel()
		if status.Code(err) == codes.DeadlineExceeded {
			w.drop(address)
		}
		select {
		case <-ctx.Done():
		case <-time.After(probeInterval):
		}
	}
}

// close ends the watch; the connections stay the clients'.
func (w *watchdog) close() {
	w.stop()
	w.done.Wait()
}
