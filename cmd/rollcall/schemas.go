package main

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"time"

	"rollcall/directory"
)

// schemasInterval is how often organizations that were made meanwhile are given the definitions.
const schemasInterval = time.Minute

// loadSchemas puts the definitions of --schemas into every organization, now and from time to time.
func (n *Node) loadSchemas(ctx context.Context, s *directory.Store, r *running, log *slog.Logger) error {
	if n.Schemas == "" {
		return nil
	}
	if info, err := os.Stat(n.Schemas); err != nil || !info.IsDir() {
		return fmt.Errorf("--schemas: %s is no folder that can be read", n.Schemas)
	}
	files := os.DirFS(n.Schemas)
	if err := directory.LoadDefinitions(ctx, s, files); err != nil {
		return fmt.Errorf("--schemas: %w", err)
	}
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		t := time.NewTicker(schemasInterval)
		defer t.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-t.C:
			}
			if err := directory.LoadDefinitions(ctx, s, files); err != nil && ctx.Err() == nil {
				log.Warn("the definitions of --schemas could not be put into every organization", "error", err)
			}
		}
	}()
	r.closers = append(r.closers, func() { stop(); <-done })
	return nil
}
