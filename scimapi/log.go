package scimapi

import (
	"encoding/binary"
	"encoding/hex"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"regexp"
)

// requestID returns the id by which the log line of a reply is found: the client's own X-Request-Id, so that one id
// leads through a proxy's log and ours, or a new one. It is not a secret.
func requestID(r *http.Request) string {
	if id := r.Header.Get("X-Request-Id"); sane.MatchString(id) {
		return id
	}
	return newRequestID()
}

// sane is an id that can stand in a log and in a header as it is.
var sane = regexp.MustCompile(`^[A-Za-z0-9._:-]{1,64}$`)

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
