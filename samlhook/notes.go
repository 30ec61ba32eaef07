package samlhook

import (
	"context"
	"maps"
	"sync"
	"time"

	"rollcall/directory"
	"rollcall/directory/schema"
)

// Notes of a connection, outside of its version.
const (
	noteSignedIn = "signedIn" // when somebody last signed in
	noteRefresh  = "refresh"  // how the last refreshes of its metadata went (refreshed)
	noteSkew     = "skew"     // how far the identity provider's clock was off (skewSeen)
)

// notes remembers which connections this node has noted a sign-in for lately: once a minute is enough.
type notes struct {
	mu   sync.Mutex
	last map[directory.ID]time.Time
}

// due reports whether it is time for another note, and counts it as made.
func (n *notes) due(id directory.ID, now time.Time) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	if now.Sub(n.last[id]) < time.Minute {
		return false
	}
	if n.last == nil {
		n.last = map[directory.ID]time.Time{}
	}
	// A connection that is due again needs no memory; connections come and go.
	maps.DeleteFunc(n.last, func(_ directory.ID, at time.Time) bool { return now.Sub(at) >= time.Minute })
	n.last[id] = now
	return true
}

// noteTimeout bounds the writing of a note, which nobody waits for.
const noteTimeout = 5 * time.Second

// noteSignIn notes that somebody signed in through the connection.
func (x *exchange) noteSignIn() {
	now := x.now()
	if !x.noted.due(x.connection, now) {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(x.r.Context()), noteTimeout)
	defer cancel()
	if err := x.dir.WriteNote(ctx, noteSignedIn, x.connection, []byte(schema.FormatTime(now))); err != nil {
		x.log.Warn("the time of the last sign-in was not written", "connection", x.connection.String(), "error", err)
	}
}
