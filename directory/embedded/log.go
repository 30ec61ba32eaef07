package embedded

import (
	"context"
	"log/slog"
	"maps"
	"regexp"
	"slices"
	"sync/atomic"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
)

// walName is the name of a file of etcd's log.
var walName = regexp.MustCompile(`[0-9a-f]{16}-[0-9a-f]{16}\.wal`)

// atClose is what etcd says when it is closed, and nothing is wrong: each of its servers ends, and if it has just been
// started, so does what it was about to note down.
var atClose = map[string]bool{
	"setting up serving from embedded etcd failed.": true,
	"failed to update cluster version":              true,
}

// moot are warnings about an address and about tokens, of which an etcd that listens on nothing has none.
var moot = map[string]bool{
	"Running http and grpc server on single port. This is not recommended for production.": true,
	"simple token is not cryptographically signed":                                         true,
}

// newLogger returns the logger of etcd's server: warnings and errors go to log, and what would end the process to f.
func newLogger(log *slog.Logger, f *failure, closing *atomic.Bool) *zap.Logger {
	core := &logCore{LevelEnabler: zapcore.WarnLevel, log: log, closing: closing}
	return zap.New(core, zap.WithFatalHook(f), zap.WithPanicHook(f))
}

// logCore writes zap's records to slog.
type logCore struct {
	zapcore.LevelEnabler
	log     *slog.Logger
	with    []zapcore.Field
	closing *atomic.Bool
}

func (c *logCore) With(fields []zapcore.Field) zapcore.Core {
	return &logCore{c.LevelEnabler, c.log, slices.Concat(c.with, fields), c.closing}
}

func (c *logCore) Check(e zapcore.Entry, to *zapcore.CheckedEntry) *zapcore.CheckedEntry {
	if c.Enabled(e.Level) {
		return to.AddCore(e, c)
	}
	return to
}

func (c *logCore) Write(e zapcore.Entry, fields []zapcore.Field) error {
	if moot[e.Message] || c.closing.Load() && atClose[e.Message] {
		return nil
	}
	level := slog.LevelWarn
	if e.Level > zapcore.WarnLevel {
		level = slog.LevelError
	}
	c.log.LogAttrs(context.Background(), level, "etcd: "+e.Message, attributes(slices.Concat(c.with, fields))...)
	return nil
}

func (c *logCore) Sync() error { return nil }

// attributes are zap's fields, by name.
func attributes(fields []zapcore.Field) []slog.Attr {
	m := zapcore.NewMapObjectEncoder()
	for _, f := range fields {
		f.AddTo(m)
	}
	var attrs []slog.Attr
	for _, k := range slices.Sorted(maps.Keys(m.Fields)) {
		attrs = append(attrs, slog.Any(k, m.Fields[k]))
	}
	return attrs
}
