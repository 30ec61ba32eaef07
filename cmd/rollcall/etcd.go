package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
	"go.uber.org/zap"

	"rollcall/directory/embedded"
)

// answerTimeout limits how long a node waits at startup for one answer from etcd.
const answerTimeout = 5 * time.Second

// Etcd holds the flags for an etcd cluster. Without endpoints, a node uses the embedded etcd.
type Etcd struct {
	Endpoints []string `placeholder:"URL" help:"Endpoints of an etcd cluster to use instead of the embedded etcd."`
	CA        string   `placeholder:"FILE" help:"CA certificates (PEM) for the endpoints; by default the system's."`
	Cert      string   `placeholder:"FILE" help:"Client certificate (PEM) for etcd."`
	Key       string   `placeholder:"FILE" help:"Private key (PEM) of --etcd-cert."`
	User      string   `placeholder:"NAME" help:"User name for etcd."`
	Password  string   `placeholder:"PASSWORD" help:"Password of --etcd-user."`
}

// check finds flags that contradict each other. Its errors name them.
func (e *Etcd) check() error {
	if (e.Cert == "") != (e.Key == "") {
		return errors.New("--etcd-cert and --etcd-key belong together: give both or neither")
	}
	if (e.User == "") != (e.Password == "") {
		return errors.New("--etcd-user and --etcd-password belong together: give both or neither")
	}
	if len(e.Endpoints) == 0 && e.Cert+e.CA+e.User != "" {
		return errors.New("--etcd-cert, --etcd-ca and --etcd-user need --etcd-endpoints")
	}
	for _, endpoint := range e.Endpoints {
		if e.Cert+e.CA != "" && strings.HasPrefix(endpoint, "http://") {
			return fmt.Errorf("--etcd-endpoints: %s is not encrypted; --etcd-cert and --etcd-ca need https", endpoint)
		}
	}
	return nil
}

// backend is the etcd that a node works on.
type backend struct {
	client, watcher *clientv3.Client
	server          *embedded.Etcd // nil for a cluster; no other process writes to an embedded etcd
	close           func()
}

// open starts the embedded etcd in d or, when d is nil, connects to the cluster, which need not answer yet.
func (e *Etcd) open(ctx context.Context, d *dataDir, log *slog.Logger) (*backend, error) {
	if d == nil {
		return e.connect()
	}
	ctx, cancel := embedded.Timeout(ctx)
	defer cancel()
	server, err := embedded.Options{Log: log}.Start(ctx, d.etcd())
	if err != nil {
		return nil, err
	}
	return &backend{client: server.Client, watcher: server.Client, server: server, close: server.Close}, nil
}

// connect makes two clients: a watch that is read slowly would hold up everything else on its connection.
func (e *Etcd) connect() (*backend, error) {
	secure, err := e.tls()
	if err != nil {
		return nil, err
	}
	dog := newWatchdog(e.Endpoints, secure)
	config := clientv3.Config{
		Endpoints: e.Endpoints, TLS: secure, Username: e.User, Password: e.Password,
		DialTimeout: 5 * time.Second, DialKeepAliveTime: 10 * time.Second, DialKeepAliveTimeout: 5 * time.Second,
		DialOptions: dog.options(),
		Logger:      zap.NewNop(), // failures are returned as errors, and logged by whoever handles them
	}
	client, err := clientv3.New(config)
	if err != nil {
		dog.close()
		return nil, fmt.Errorf("--etcd-endpoints: %w", err)
	}
	watcher, err := clientv3.New(config)
	if err != nil {
		client.Close()
		dog.close()
		return nil, fmt.Errorf("--etcd-endpoints: %w", err)
	}
	return &backend{client: client, watcher: watcher, close: func() { watcher.Close(); client.Close(); dog.close() }}, nil
}

// tls returns nil if no flag asks for it; https endpoints are then verified with the system's certificates.
func (e *Etcd) tls() (*tls.Config, error) {
	if e.CA+e.Cert == "" {
		return nil, nil
	}
	config := &tls.Config{MinVersion: tls.VersionTLS12}
	if e.CA != "" {
		pem, err := os.ReadFile(e.CA)
		if err != nil {
			return nil, fmt.Errorf("--etcd-ca: %w", err)
		}
		config.RootCAs = x509.NewCertPool()
		if !config.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("--etcd-ca: %s contains no certificate", e.CA)
		}
	}
	if e.Cert != "" {
		pair, err := tls.LoadX509KeyPair(e.Cert, e.Key)
		if err != nil {
			return nil, fmt.Errorf("--etcd-cert, --etcd-key: %w", err)
		}
		config.Certificates = []tls.Certificate{pair}
	}
	return config, nil
}

// ping fails if etcd does not answer a read in time; the client itself would wait forever. It ignores every other
// error: whoever reads next meets it again.
func (b *backend) ping(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, answerTimeout)
	defer cancel()
	if _, err := b.client.Get(ctx, "/rollcall/"); errors.Is(err, context.DeadlineExceeded) {
		return fmt.Errorf("etcd does not answer at %s: %w", strings.Join(b.client.Endpoints(), ", "), err)
	}
	return nil
}

// wait returns when the embedded etcd has stopped by itself. Its error is never nil.
func (b *backend) wait() error {
	err := <-b.server.Err()
	if err == nil {
		err = errors.New("it gave no reason")
	}
	return fmt.Errorf("the embedded etcd stopped: %w", err)
}
