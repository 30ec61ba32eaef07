package store

import (
	"context"
	"log/slog"
	"time"
)

// Every runs f now and then again after each interval, until ctx ends. A failure is logged.
func Every(ctx context.Context, log *slog.Logger, interval time.Duration, what string, f func(context.Context) error) {
	t := time.NewTicker(interval)
	defer t.Stop()
	for {
		if err := f(ctx); err != nil && ctx.Err() == nil {
			log.Warn("housekeeping failed; it will be tried again", "what", what, "error", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-t.C:
		}
	}
}
