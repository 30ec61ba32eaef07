package samlhook

import (
	"context"
	"encoding/json"
	"strconv"
	"sync"
	"time"

	"rollcall/directory"
)

// occurrence is one message that leaves no record of its own.
type occurrence struct {
	organization string
	connection   directory.ID
	display      string
	correlation  string
	at           time.Time
	refusal      *Refusal
	checks       []Check
}

// aggregate gathers what anybody can send into one SignIn for each connection,
// reason and minute, so that nobody can push the real records out. It holds at most
// one entry for each connection and reason of a minute.
type aggregate struct {
	write func(occurrence, int)

	mu      sync.Mutex
	entries map[aggregateKey]*aggregated
	closed  bool
}

type aggregateKey struct {
	organization string
	connection   directory.ID
	reason       Reason
	minute       int64
}

type aggregated struct {
	latest occurrence // with the correlation id of the first
	count  int
	timer  *time.Timer
}

// aggregateFor is how long occurrences are gathered before they are written.
const aggregateFor = time.Minute

func (g *aggregate) add(o occurrence) {
	key := aggregateKey{o.organization, o.connection, o.refusal.Reason, o.at.Unix() / 60}
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.closed {
		return
	}
	if g.entries == nil {
		g.entries = map[aggregateKey]*aggregated{}
	}
	e := g.entries[key]
	if e == nil {
		e = &aggregated{latest: o, timer: time.AfterFunc(aggregateFor, func() { g.flush(key) })}
		g.entries[key] = e
	}
	o.correlation = e.latest.correlation
	e.latest, e.count = o, e.count+1
}

func (g *aggregate) flush(key aggregateKey) {
	g.mu.Lock()
	e := g.entries[key]
	delete(g.entries, key)
	g.mu.Unlock()
	if e != nil {
		e.timer.Stop()
		g.write(e.latest, e.count)
	}
}

// flushAll writes what was gathered so far.
func (g *aggregate) flushAll() {
	g.mu.Lock()
	var keys []aggregateKey
	for key := range g.entries {
		keys = append(keys, key)
	}
	g.mu.Unlock()
	for _, key := range keys {
		g.flush(key)
	}
}

func (g *aggregate) close() {
	g.mu.Lock()
	g.closed = true
	g.mu.Unlock()
	g.flushAll()
}

// writeAggregated writes the SignIn. Where the store does not take it, the log has
// every occurrence.
func (h *Hook) writeAggregated(o occurrence, count int) {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	doc := newRecord(o.correlation, o.connection, o.display)
	judged(doc, OutcomeRefused, o.refusal.Reason, o.refusal.Explanation)
	putChecks(doc, o.checks)
	doc["count"] = json.Number(strconv.Itoa(count))
	_, err := h.store.Organization(o.organization).As(directory.Connection(o.connection)).Update(ctx, func(tx *directory.Tx) error {
		_, err := tx.RecordSignIn(doc)
		return err
	})
	if err != nil {
		h.log.Warn("an aggregated sign-in record was not written", "organization", o.organization, "connection", o.connection.String(),
			"reason", string(o.refusal.Reason), "count", count, "error", err)
	}
}
