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
	clientv3 "go.etcd.io/etcd/client/v3"

	"rollcall/directory"
	"rollcall/internal/bodies"
	"rollcall/internal/remote"
	"rollcall/internal/web"
	"rollcall/samlhook"
)

// startTimeout is how long a node waits at startup for an etcd cluster that does not answer.
const startTimeout = time.Minute

// running is a node that has been started.
type running struct {
	node      *Node
	public    string // URL without a trailing slash
	token     string // the operator's
	tokenFile string // where the token was written, if it was generated at this start
	log       *slog.Logger
	platform  *web.Platform
	metrics   *prometheus.Registry
	etcd      *clientv3.Client
	server    *http.Server
	failed    chan error // receives when a part stops by itself, or the process is to be replaced
	closers   []func()   // in the order of opening
}

// start brings a node up: when it returns without an error, the node is serving.
func (n *Node) start(ctx context.Context, log *slog.Logger) (_ *running, err error) {
	if err := n.check(); err != nil {
		return nil, err
	}
	platform, err := n.platform()
	if err != nil {
		return nil, err
	}
	r := &running{node: n, log: log, platform: platform, failed: make(chan error, 3)}
	defer func() {
		if err != nil {
			r.close()
		}
	}()

	// Listen before anything is written: if the address is in use, the start leaves nothing behind.
	listener, err := n.listen(ctx)
	if err != nil {
		return nil, err
	}
	r.onClose(func() { listener.Close() })
	if r.public, err = n.publicURL(listener.Addr(), log); err != nil {
		return nil, err
	}

	// Then open everything else, from etcd up, and serve.
	store, err := r.openStore(ctx)
	if err != nil {
		return nil, err
	}
	site, err := r.openSite(store)
	if err != nil {
		return nil, err
	}
	handler, err := site.handler()
	if err != nil {
		return nil, err
	}
	r.serve(listener, remote.Behind(n.TrustedProxies, handler))
	r.server.RegisterOnShutdown(site.endWaits)
	log.Info("serving", "listen", listener.Addr().String(), "publicURL", r.public, "embedded", site.embedded)
	return r, nil
}

// openSite opens the sign-in and gathers what the site serves.
func (n *running) openSite(store *directory.Store) (*site, error) {
	held := bodies.New(bodies.DefaultMost)
	signIn, err := samlhook.New(store, samlhook.Options{
		PublicURL: n.public, Log: n.log, AllowPrivateMetadata: n.node.AllowPrivateMetadata, Registry: n.metrics,
		Bodies: held, Platform: n.platform,
	})
	if err != nil {
		return nil, err
	}
	background, stop := context.WithCancel(context.Background())
	stopped := make(chan struct{})
	go func() {
		defer close(stopped)
		signIn.Run(background)
	}()
	n.onClose(func() {
		stop()
		<-stopped
		signIn.Close()
	})
	return &site{
		store: store, etcd: n.etcd, embedded: len(n.node.Etcd.Endpoints) == 0, signIn: signIn, public: n.public,
		rate: n.node.RateLimit, bodies: held, log: n.log, metrics: n.metrics,
	}, nil
}

// openStore opens the data folder, reads or generates the secrets, starts etcd or connects to it, and loads the
// directory.
func (n *running) openStore(ctx context.Context) (*directory.Store, error) {
	// The data folder, if etcd is embedded.
	var data *dataDir
	var err error
	if len(n.node.Etcd.Endpoints) == 0 {
		if data, err = openData(n.node.Data); err != nil {
			return nil, err
		}
		n.onClose(func() { data.Close() })
	}

	// The secrets.
	o := directory.Options{StaleReads: n.node.StaleReads, Log: n.log, WorkRate: n.node.WorkLimit}
	if o.SecretKey, o.PreviousKeys, err = n.node.secretKeys(data); err != nil {
		return nil, err
	}
	if n.token, n.tokenFile, err = n.node.operatorToken(data); err != nil {
		return nil, err
	}
	o.OperatorToken, o.OtherTokens = n.token, n.node.PreviousOperatorToken

	// Etcd, the directory on it, and the definitions that every organization gets.
	etcd, err := n.openEtcd(ctx, data)
	if err != nil {
		return nil, err
	}
	store, err := n.openDirectory(ctx, etcd, o)
	if err != nil {
		return nil, err
	}
	n.onClose(func() { store.Close() })
	registerStoreMetrics(n.metrics, store, etcd.server)
	n.etcd = etcd.client
	stop, err := n.node.loadSchemas(ctx, store, n.log)
	if err != nil {
		return nil, err
	}
	n.onClose(stop)
	return store, nil
}

// openEtcd starts the embedded etcd or connects to the cluster. Connecting needs no answer unless etcd wants a
// password.
func (n *running) openEtcd(ctx context.Context, data *dataDir) (etcd *backend, err error) {
	err = retry(ctx, n.log, func() error {
		etcd, err = n.node.Etcd.open(ctx, data, n.log)
		return err
	})
	if err != nil {
		return nil, err
	}
	n.onClose(etcd.close)
	if etcd.server != nil {
		go func() { n.failed <- etcd.wait() }()
		recovery, stop := context.WithCancel(context.Background())
		n.onClose(stop)
		go n.awaitRecovery(recovery, etcd.server)
	}
	return etcd, nil
}

// openDirectory loads the directory. Every attempt has a registry of its own: metrics cannot be registered twice.
func (n *running) openDirectory(ctx context.Context, etcd *backend, o directory.Options) (*directory.Store, error) {
	o.Alone, o.Watcher = etcd.server != nil, etcd.watcher
	if etcd.server != nil {
		o.Disk = etcd.server
	}
	var store *directory.Store
	err := retry(ctx, n.log, func() error {
		if err := etcd.ping(ctx); err != nil {
			return err
		}
		n.metrics = newMetrics()
		o.Registry = n.metrics
		opened, err := directory.Open(ctx, etcd.client, o)
		store = opened
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("open the directory: %w", err)
	}
	return store, nil
}

// retry calls try until it succeeds, fails for another reason than that etcd does not answer, or startTimeout is over:
// the cluster may be starting, too.
func retry(ctx context.Context, log *slog.Logger, try func() error) error {
	for started := time.Now(); ; {
		err := try()
		silent := directory.KindOf(err) == directory.Unavailable || errors.Is(err, context.DeadlineExceeded)
		if !silent || ctx.Err() != nil || time.Since(started) > startTimeout {
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

// wait returns when the node has stopped: because ctx ended, which is not an error, because a part of it failed, or
// because another process is to take its place (errReplace). Running requests may finish first.
func (n *running) wait(ctx context.Context) error {
	var err error
	select {
	case <-ctx.Done():
		n.log.Info("stopping; waiting for running requests", "timeout", n.node.ShutdownTimeout)
	case err = <-n.failed:
	}
	cut := shutdown(n.server, n.node.ShutdownTimeout)
	if errors.Is(err, errReplace) {
		n.closeWithin()
		n.log.Warn("stopped", "reason", err, "requests", cut)
		return err
	}
	n.close()
	n.log.Info("stopped")
	return errors.Join(err, cut)
}

// onClose adds what close has to do.
func (n *running) onClose(f func()) { n.closers = append(n.closers, f) }

// close closes what was opened, last first.
func (n *running) close() {
	for i := len(n.closers) - 1; i >= 0; i-- {
		n.closers[i]()
	}
	n.closers = nil
}
