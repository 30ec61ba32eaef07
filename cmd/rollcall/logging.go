package main

import (
	"fmt"
	"io"
	"log/slog"
)

// Logging holds the flags for the log, which goes to standard error, one line per record.
type Logging struct {
	LogFormat string `enum:"text,json" default:"text" help:"Log format: text or json."`
	// Nil stands for the command's own default.
	LogLevel *level `placeholder:"LEVEL" help:"Log level: debug, info (default), warn (default of demo) or error."`
}

// level is a slog.Level as the value of a flag.
type level slog.Level

// UnmarshalText accepts the names of slog's levels in any case, also with an offset such as "info+2".
func (l *level) UnmarshalText(text []byte) error {
	if err := (*slog.Level)(l).UnmarshalText(text); err != nil {
		return fmt.Errorf("must be debug, info, warn or error but got %q", text)
	}
	return nil
}

// logger logs to w, from --log-level up or, without that flag, from least up.
func (l Logging) logger(w io.Writer, least slog.Level) *slog.Logger {
	if l.LogLevel != nil {
		least = slog.Level(*l.LogLevel)
	}
	options := &slog.HandlerOptions{Level: least}
	if l.LogFormat == "json" {
		return slog.New(slog.NewJSONHandler(w, options))
	}
	return slog.New(slog.NewTextHandler(w, options))
}
