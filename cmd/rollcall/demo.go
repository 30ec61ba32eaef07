package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"rollcall/internal/demoidp"
)

// Demo is `rollcall demo`.
type Demo struct {
	Listen  string `default:"127.0.0.1:8080" help:"Address to listen on."`
	Data    string `placeholder:"DIR" help:"Folder for the data; by default a temporary one, deleted at the end."`
	Logging `embed:""`
}

// Run serves, with sample data, until ctx ends.
func (c *Demo) Run(ctx context.Context, s Streams) (err error) {
	data, remove, err := c.folder()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, remove()) }()

	node := Node{Listen: c.Listen, Data: data, ShutdownTimeout: 5 * time.Second}
	log := c.logger(s.Err, slog.LevelWarn)
	n, err := node.start(ctx, log)
	if err != nil {
		return err
	}
	stop, err := c.prepare(ctx, n, s)
	if err != nil {
		stopped, cancel := context.WithCancel(ctx)
		cancel()
		return errors.Join(fmt.Errorf("prepare the demo: %w", err), n.wait(stopped))
	}
	defer stop()
	return n.wait(ctx)
}

// prepare starts the identity provider, creates the sample data and prints how to go on. Call stop at the end.
func (c *Demo) prepare(ctx context.Context, n *running, s Streams) (stop func(), err error) {
	idp, server, err := startDemoIdP(ctx, n.log)
	if err != nil {
		return nil, err
	}
	data, err := createSample(ctx, n, idp)
	if err != nil {
		server.Close()
		return nil, err
	}
	data.print(s, c.Data == "")
	return func() { server.Close() }, nil
}

// demoMark is a file in the data folder of a demo. The demo's identity provider lets anyone in, so the demo refuses a
// folder with any other data, even if ROLLCALL_DATA names it by accident.
const demoMark = "demo"

// folder returns the folder for the data, and what to do with it at the end.
func (c *Demo) folder() (path string, remove func() error, err error) {
	if c.Data == "" {
		path, err = os.MkdirTemp("", "rollcall-demo-")
		return path, func() error { return os.RemoveAll(path) }, err
	}
	keep := func() error { return nil }
	if _, err := os.Stat(filepath.Join(c.Data, demoMark)); err == nil {
		return c.Data, keep, nil
	}
	if entries, err := os.ReadDir(c.Data); err == nil && len(entries) > 0 {
		return "", nil, fmt.Errorf("--data: %s holds other data than a demo's; "+
			"anyone can sign in to the demo, so give it a folder of its own", c.Data)
	}
	if err := os.MkdirAll(c.Data, 0o700); err != nil {
		return "", nil, fmt.Errorf("--data: %w", err)
	}
	return c.Data, keep, os.WriteFile(filepath.Join(c.Data, demoMark), nil, 0o600)
}

// startDemoIdP serves the demo identity provider on a free port of the loopback interface. It asks for no password, so
// no other machine may reach it.
func startDemoIdP(ctx context.Context, log *slog.Logger) (*demoidp.IdP, *http.Server, error) {
	var config net.ListenConfig
	l, err := config.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, nil, err
	}
	idp, err := demoidp.New("http://"+l.Addr().String(), demoidp.People())
	if err != nil {
		l.Close()
		return nil, nil, err
	}
	server := newServer(idp.Handler(), log)
	go func() {
		if err := server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			log.Error("the demo identity provider stopped", "error", err)
		}
	}()
	return idp, server, nil
}
