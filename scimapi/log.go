package scimapi

import (
	"encoding/binary"
	"encoding/hex"
	"log/slog"
	"math/rand/v2"
	"net/http"
)

// newRequestID returns an id by which the log line of a reply is found. It is not a secret.
func newRequestID() string {
	var b [8]byte
	binary.BigEndian.PutUint64(b[:], rand.Uint64())
	return hex.EncodeToString(b[:])
}

// log writes the request's line: who asked for what, how it ended and why. It has no attribute values and no query.
func (x *exchange) log(cause error) {
	level := slog.LevelInfo
	if x.w.status >= http.StatusInternalServerError {
		level = slog.LevelError
	}
	ctx := x.r.Context()
	if !x.o.Log.Enabled(ctx, level) {
		return
	}
	attrs := make([]slog.Attr, 0, 9)
	attrs = append(attrs,
		slog.String("request", x.id),
		slog.String("organization", x.org),
		slog.String("principal", x.actor.Type),
		slog.String("principalId", x.actor.ID),
		slog.String("method", x.r.Method),
		slog.String("route", x.route),
		slog.Int("status", x.w.status),
		slog.Duration("duration", x.o.Now().Sub(x.start)))
	if cause != nil {
		attrs = append(attrs, slog.String("cause", cause.Error()))
	}
	x.o.Log.LogAttrs(ctx, level, "scim", attrs...)
}
