package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"syscall"
	"time"
)

// Limits of one connection. Bodies are limited by who reads them; a body of 64 MiB has to fit into readTimeout.
const (
	headerTimeout  = 10 * time.Second
	readTimeout    = 2 * time.Minute
	writeTimeout   = 5 * time.Minute
	idleTimeout    = 2 * time.Minute
	maxHeaderBytes = 64 << 10
)

// listen opens the address of the node, with TLS where it has a certificate.
func (n *Node) listen(ctx context.Context) (net.Listener, error) {
	var secure *tls.Config
	if n.TLSCert != "" {
		pair, err := tls.LoadX509KeyPair(n.TLSCert, n.TLSKey)
		if err != nil {
			return nil, fmt.Errorf("--tls-cert, --tls-key: %w", err)
		}
		secure = &tls.Config{Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS12, NextProtos: []string{"h2", "http/1.1"}}
	}
	var config net.ListenConfig
	l, err := config.Listen(ctx, "tcp", n.Listen)
	if errors.Is(err, syscall.EADDRINUSE) {
		return nil, fmt.Errorf("--listen: another program listens on %s already; choose another address, such as --listen 127.0.0.1:8081", n.Listen)
	}
	if err != nil {
		return nil, fmt.Errorf("--listen %s: %w", n.Listen, err)
	}
	if secure != nil {
		l = tls.NewListener(l, secure)
	}
	return l, nil
}

func newServer(h http.Handler, log *slog.Logger) *http.Server {
	return &http.Server{
		Handler:           h,
		ReadHeaderTimeout: headerTimeout, ReadTimeout: readTimeout, WriteTimeout: writeTimeout, IdleTimeout: idleTimeout,
		MaxHeaderBytes: maxHeaderBytes,
		ErrorLog:       slog.NewLogLogger(log.Handler(), slog.LevelWarn),
	}
}

// shutdown lets running requests finish, for as long as the node grants; then it cuts them off and says so.
func shutdown(server *http.Server, grant time.Duration) error {
	ctx, cancel := context.WithTimeout(context.Background(), grant)
	defer cancel()
	err := server.Shutdown(ctx)
	if errors.Is(err, context.DeadlineExceeded) {
		server.Close()
		return fmt.Errorf("requests were cut off: they had not finished after %v", grant)
	}
	return err
}
