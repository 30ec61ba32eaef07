package main

import (
	"context"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"time"

	"rollcall/directory"
)

// schemasInterval is how soon a new organization gets the definitions of --schemas.
const schemasInterval = time.Minute

// loadSchemas adds the definitions of --schemas to every organization, and keeps adding them to new ones until stop is
// called.
func (n *Node) loadSchemas(ctx context.Context, s *directory.Store, log *slog.Logger) (stop func(), err error) {
	if n.Schemas == "" {
		return func() {}, nil
	}
	if info, err := os.Stat(n.Schemas); err != nil {
		return nil, fmt.Errorf("--schemas: %w", err)
	} else if !info.IsDir() {
		return nil, fmt.Errorf("--schemas: %s is not a folder", n.Schemas)
	}
	files := os.DirFS(n.Schemas)
	if err := directory.LoadDefinitions(ctx, s, files); err != nil {
		return nil, fmt.Errorf("--schemas: %w", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		repeatSchemas(ctx, s, files, log)
	}()
	return func() { cancel(); <-done }, nil
}

// repeatSchemas adds the definitions once per schemasInterval until ctx ends.
func repeatSchemas(ctx context.Context, s *directory.Store, files fs.FS, log *slog.Logger) {
	ticker := time.NewTicker(schemasInterval)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		if err := directory.LoadDefinitions(ctx, s, files); err != nil && ctx.Err() == nil {
			log.Warn("cannot add the definitions of --schemas to every organization", "error", err)
		}
	}
}
