package main

import (
	"context"
	"fmt"
	"log/slog"
)

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
	fmt.Fprintf(s.Out, "Rollcall is serving %s\n", n.public)
	if n.tokenFile != "" {
		fmt.Fprintf(s.Out, "Operator token (not shown again; it is in %s):\n  %s\n", n.tokenFile, n.token)
	}
	return n.wait(ctx)
}
