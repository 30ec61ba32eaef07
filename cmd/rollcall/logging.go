package main

import (
	"io"
	"log/slog"
)

// Logging holds the flags for the log, which goes to standard error, one line per record.
type Logging struct {
	LogFormat string `enum:"text,json" default:"text" help:"Log format: text or json."`
	// Nil stands for the command's own default.
	LogLevel *slog.Level `placeholder:"LEVEL" help:"Log level: debug, info (default), warn (default of demo) or error."`
}

// logger logs to w, from the level of --log-level up or, without that flag, from level up.
func (l Logging) logger(w io.Writer, level slog.Level) *slog.Logger {
	if l.LogLevel != nil {
		level = *l.LogLevel
	}
	options := &slog.HandlerOptions{Level: level}
	if l.LogFormat == "json" {
		return slog.New(slog.NewJSONHandler(w, options))
	}
	return slog.New(slog.NewTextHandler(w, options))
}
