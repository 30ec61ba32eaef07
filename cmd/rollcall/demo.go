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
	Data    string `placeholder:"FOLDER" help:"Folder to keep the data in; by default a temporary one, removed at the end."`
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
	idp, err := startDemoIdP(ctx, log)
	if err == nil {
		defer idp.server.Close()
		var d *demo
		if d, err = prepareDemo(ctx, n, idp.IdP); err == nil {
			d.print(s, c.Data == "")
		}
	}
	if err != nil {
		stopped, stop := context.WithCancel(ctx)
		stop()
		return errors.Join(fmt.Errorf("prepare the demo: %w", err), n.wait(stopped))
	}
	return n.wait(ctx)
}

// demoMark is a file in the data folder of a demo. Its identity provider lets everybody in, so a folder that holds anything
// else is never made into one, not even when ROLLCALL_DATA names it by accident.
const demoMark = "demo"

// folder is where the data goes, and what to do with it at the end.
func (c *Demo) folder() (path string, remove func() error, err error) {
	if c.Data == "" {
		path, err = os.MkdirTemp("", "rollcall-demo-")
		return path, func() error { return os.RemoveAll(path) }, err
	}
	_, err = os.Stat(filepath.Join(c.Data, demoMark))
	if err == nil {
		return c.Data, func() error { return nil }, nil
	}
	if entries, err := os.ReadDir(c.Data); err == nil && len(entries) > 0 {
		return "", nil, fmt.Errorf("--data: %s holds data that is not a demo's; the demo lets everybody sign in, so give it a folder of its own", c.Data)
	}
	if err := os.MkdirAll(c.Data, 0o700); err != nil {
		return "", nil, fmt.Errorf("--data: %w", err)
	}
	return c.Data, func() error { return nil }, os.WriteFile(filepath.Join(c.Data, demoMark), nil, 0o600)
}

// demoIdP is the identity provider, served beside the node on a free port of the loopback interface: it asks for no password.
type demoIdP struct {
	*demoidp.IdP
	server *http.Server
}

func startDemoIdP(ctx context.Context, log *slog.Logger) (*demoIdP, error) {
	var config net.ListenConfig
	l, err := config.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	idp, err := demoidp.New("http://"+l.Addr().String(), demoidp.People())
	if err != nil {
		l.Close()
		return nil, err
	}
	server := newServer(idp.Handler(), log)
	go func() {
		if err := server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			log.Error("the demo identity provider ended", "error", err)
		}
	}()
	return &demoIdP{idp, server}, nil
}
