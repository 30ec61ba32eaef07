package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"rollcall/directory"
)

// startTimeout is how long a node waits for an etcd cluster that does not answer when it starts.
const startTimeout = time.Minute

// Serve is `rollcall serve`.
type Serve struct {
	Node    `embed:""`
	Logging `embed:""`
}

// Run serves until ctx ends.
func (c *Serve) Run(ctx context.Context, s Streams) error {
	n, err := c.Node.start(ctx, c.logger(s.Err, slog.LevelInfo))
	if err != nil {
		return err
	}
	fmt.Fprintf(s.Out, "Rollcall serves %s\n", n.public)
	n.announceOperator(s)
	return n.wait(ctx)
}

// running is a node that has been started.
type running struct {
	node      *Node
	public    string // URL without a slash at its end
	token     string // the operator's
	madeToken string // the file it was put into just now, or ""
	log       *slog.Logger
	server    *http.Server
	failed    chan error // the listener or the embedded etcd ended by itself
	closers   []func()   // in the order of opening
}

// announceOperator shows a token that was made just now. It is the only time.
func (n *running) announceOperator(s Streams) {
	if n.madeToken != "" {
		fmt.Fprintf(s.Out, "Operator token, shown this once and kept in %s:\n  %s\n", n.madeToken, n.token)
	}
}

// start brings a node up: when it returns, requests are served.
func (n *Node) start(ctx context.Context, log *slog.Logger) (_ *running, err error) {
	if err := n.check(); err != nil {
		return nil, err
	}
	r := &running{node: n, log: log, failed: make(chan error, 2)}
	defer func() {
		if err != nil {
			r.close()
		}
	}()
	listener, err := n.listen(ctx) // first: an address that is taken is found out before anything is written
	if err != nil {
		return nil, err
	}
	r.closers = append(r.closers, func() { listener.Close() })
	r.public = n.publicURL(listener.Addr(), log)

	var data *dataDir
	if len(n.Etcd.Endpoints) == 0 {
		if data, err = openData(n.Data); err != nil {
			return nil, err
		}
		r.closers = append(r.closers, func() { data.Close() })
	}
	key, previous, err := n.secretKeys(data)
	if err != nil {
		return nil, err
	}
	if r.token, r.madeToken, err = n.operator(data); err != nil {
		return nil, err
	}
	etcd, err := n.openEtcd(ctx, data, log)
	if err != nil {
		return nil, err
	}
	r.closers = append(r.closers, etcd.close)
	options := directory.Options{Alone: etcd.alone, Watcher: etcd.watcher, StaleReads: n.StaleReads, SecretKey: key,
		PreviousKeys: previous, OperatorToken: r.token, Log: log}
	store, metrics, err := openStore(ctx, etcd, options)
	if err != nil {
		return nil, err
	}
	r.closers = append(r.closers, func() { store.Close() })
	if err := n.loadSchemas(ctx, store, r, log); err != nil {
		return nil, err
	}
	signIn, err := newHook(store, r.public, n, log, metrics)
	if err != nil {
		return nil, err
	}
	r.closers = append(r.closers, signIn.Close)
	router, err := n.newRouter(store, signIn, r.public, log, metrics)
	if err != nil {
		return nil, err
	}
	r.serve(listener, router)
	if etcd.failed != nil {
		go func() { r.failed <- etcd.died() }()
	}
	log.Info("serving", "listen", listener.Addr().String(), "publicURL", r.public, "embedded", etcd.alone)
	return r, nil
}

// openEtcd starts the embedded etcd or connects to the cluster, which is done at once unless etcd wants a password.
func (n *Node) openEtcd(ctx context.Context, data *dataDir, log *slog.Logger) (e *store, err error) {
	err = patiently(ctx, log, func() error {
		e, err = n.Etcd.open(ctx, data)
		return err
	})
	return e, err
}

func openStore(ctx context.Context, etcd *store, o directory.Options) (s *directory.Store, metrics *prometheus.Registry, err error) {
	err = patiently(ctx, o.Log, func() error {
		if err := etcd.answers(ctx); err != nil {
			return err
		}
		metrics = newMetrics()
		o.Registry = metrics
		s, err = directory.Open(ctx, etcd.client, o)
		return err
	})
	if err != nil {
		err = fmt.Errorf("open the directory: %w", err)
	}
	return s, metrics, err
}

// patiently tries again while an etcd cluster does not answer: it may be about to start, too.
func patiently(ctx context.Context, log *slog.Logger, try func() error) error {
	for begun := time.Now(); ; {
		err := try()
		silent := directory.KindOf(err) == directory.Unavailable || errors.Is(err, context.DeadlineExceeded)
		if !silent || ctx.Err() != nil || time.Since(begun) > startTimeout {
			return err
		}
		log.Warn("etcd does not answer yet; trying again", "error", err)
		select {
		case <-ctx.Done():
		case <-time.After(time.Second):
		}
	}
}

func (n *running) serve(l net.Listener, h http.Handler) {
	n.server = newServer(h, n.log)
	go func() {
		if err := n.server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			n.failed <- fmt.Errorf("serve: %w", err)
		}
	}()
}

// wait serves until ctx ends, which is no error, or something that the node cannot do without does; then it stops the node,
// letting requests finish.
func (n *running) wait(ctx context.Context) error {
	var err error
	select {
	case <-ctx.Done():
		n.log.Info("stopping: letting requests finish", "atMost", n.node.ShutdownTimeout)
	case err = <-n.failed:
	}
	err = errors.Join(err, shutdown(n.server, n.node.ShutdownTimeout))
	n.close()
	n.log.Info("stopped")
	return err
}

// close closes what was opened, last first.
func (n *running) close() {
	for i := len(n.closers) - 1; i >= 0; i-- {
		n.closers[i]()
	}
	n.closers = nil
}
