package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
	"go.uber.org/zap"

	"rollcall/directory/embedded"
)

// answerTimeout bounds how long a start waits for one answer of etcd.
const answerTimeout = 5 * time.Second

// store is the etcd that a node works on.
type store struct {
	client, watcher *clientv3.Client
	alone           bool         // embedded: nobody else writes
	failed          <-chan error // tells of an embedded etcd that ended by itself; nil for a remote one
	close           func()
}

// open starts the embedded etcd in d, or connects to the cluster when d is nil. A cluster need not answer yet.
func (e *Etcd) open(ctx context.Context, d *dataDir) (*store, error) {
	if d == nil {
		return e.connect()
	}
	ctx, cancel := embedded.Timeout(ctx)
	defer cancel()
	server, err := embedded.Start(ctx, d.etcd())
	if err != nil {
		return nil, err
	}
	return &store{client: server.Client, watcher: server.Client, alone: true, failed: server.Err(), close: server.Close}, nil
}

// connect makes two clients: a watch that is slow to be read would hold up everything else on its connection.
func (e *Etcd) connect() (*store, error) {
	secure, err := e.tls()
	if err != nil {
		return nil, err
	}
	config := clientv3.Config{
		Endpoints: e.Endpoints, TLS: secure, Username: e.User, Password: e.Password,
		DialTimeout: 5 * time.Second, DialKeepAliveTime: 10 * time.Second, DialKeepAliveTimeout: 5 * time.Second,
		Logger: zap.NewNop(), // what fails comes back as an error and is logged where it matters
	}
	client, err := clientv3.New(config)
	if err != nil {
		return nil, fmt.Errorf("--etcd-endpoints: %w", err)
	}
	watcher, err := clientv3.New(config)
	if err != nil {
		client.Close()
		return nil, fmt.Errorf("--etcd-endpoints: %w", err)
	}
	return &store{client: client, watcher: watcher, close: func() { watcher.Close(); client.Close() }}, nil
}

// answers fails when etcd lets a read wait: its client would wait for ever. What else is wrong, whoever comes next finds out.
func (s *store) answers(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, answerTimeout)
	defer cancel()
	if _, err := s.client.Get(ctx, "/rollcall/"); errors.Is(err, context.DeadlineExceeded) {
		return fmt.Errorf("etcd does not answer at %s: %w", strings.Join(s.client.Endpoints(), ", "), err)
	}
	return nil
}

// tls is nil where no flag asks for it; https endpoints are then judged by the system's certificates.
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
			return nil, fmt.Errorf("--etcd-ca: %s holds no certificate", e.CA)
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

// died waits for the embedded etcd to end by itself.
func (s *store) died() error {
	err := <-s.failed
	if err == nil {
		err = errors.New("it gave no reason")
	}
	return fmt.Errorf("the embedded etcd ended by itself: %w", err)
}
