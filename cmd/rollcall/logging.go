package main

import (
	"io"
	"log/slog"
)

// Logging is how a command logs. Logs go to the standard error stream, one line for each record.
type Logging struct {
	LogFormat string `enum:"text,json" default:"text" help:"Format of the log: text or json."`
	LogLevel  string `enum:"debug,info,warn,error," default:"" placeholder:"LEVEL" help:"Least level that is logged: debug, info, warn or error; by default info (demo: warn)."`
}

func (l Logging) logger(w io.Writer, level slog.Level) *slog.Logger {
	if l.LogLevel != "" {
		_ = level.UnmarshalText([]byte(l.LogLevel)) // one of the levels: the flag has been checked
	}
	options := &slog.HandlerOptions{Level: level}
	if l.LogFormat == "json" {
		return slog.New(slog.NewJSONHandler(w, options))
	}
	return slog.New(slog.NewTextHandler(w, options))
}
