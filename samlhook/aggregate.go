package samlhook

import (
	"context"
	"encoding/json"
	"maps"
	"slices"
	"strconv"
	"sync"
	"time"

	"rollcall/directory"
	"rollcall/samlhook/saml"
)

// occurrence is one message that leaves no record of its own.
type occurrence struct {
	organization string
	connection   directory.ID
	display      string
	correlation  string
	at           time.Time
	refusal      *saml.Refusal
	checks       []saml.Check
}

// aggregate gathers what anybody can send into one SignIn for each connection,
// reason and minute, so that nobody can push the real records out. Those of one
// connection and minute are written together: each transaction puts an Event, and
// Events are kept by count too.
type aggregate struct {
	write func([]aggregated)

	mu      sync.Mutex
	entries map[aggregateKey]*gathered
	closed  bool
}

type aggregateKey struct {
	organization string
	connection   directory.ID
	minute       int64
}

// gathered is what came for one connection in one minute.
type gathered struct {
	reasons map[saml.Reason]*aggregated
	timer   *time.Timer
}

type aggregated struct {
	latest occurrence // with the correlation id of the first
	count  int
}

// aggregateFor is how long occurrences are gathered before they are written.
const aggregateFor = time.Minute

func (g *aggregate) add(o occurrence) {
	key := aggregateKey{o.organization, o.connection, o.at.Unix() / 60}
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.closed {
		return
	}
	if g.entries == nil {
		g.entries = map[aggregateKey]*gathered{}
	}
	e := g.entries[key]
	if e == nil {
		e = &gathered{reasons: map[saml.Reason]*aggregated{}, timer: time.AfterFunc(aggregateFor, func() { g.flush(key) })}
		g.entries[key] = e
	}
	held := e.reasons[o.refusal.Reason]
	if held == nil {
		held = &aggregated{latest: o}
		e.reasons[o.refusal.Reason] = held
	}
	o.correlation = held.latest.correlation
	held.latest, held.count = o, held.count+1
}

func (g *aggregate) flush(key aggregateKey) {
	g.mu.Lock()
	e := g.entries[key]
	delete(g.entries, key)
	g.mu.Unlock()
	if e == nil {
		return
	}
	e.timer.Stop()
	var all []aggregated
	for _, reason := range slices.Sorted(maps.Keys(e.reasons)) {
		all = append(all, *e.reasons[reason])
	}
	g.write(all)
}

// flushAll writes what was gathered so far.
func (g *aggregate) flushAll() {
	g.mu.Lock()
	keys := slices.Collect(maps.Keys(g.entries))
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

// writeAggregated writes the SignIns of one connection and minute. Where the store
// does not take them, the log has every occurrence.
func (h *Hook) writeAggregated(all []aggregated) {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	of := all[0].latest
	_, err := h.store.Organization(of.organization).As(directory.Connection(of.connection)).Update(ctx, func(tx *directory.Tx) error {
		for _, a := range all {
			o := a.latest
			doc := newRecord(o.correlation, o.connection, o.display)
			judged(doc, OutcomeRefused, o.refusal.Reason, o.refusal.Explanation)
			putChecks(doc, o.checks)
			doc["count"] = json.Number(strconv.Itoa(a.count))
			if _, err := tx.RecordSignIn(doc); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		h.log.Warn("aggregated sign-in records were not written", "organization", of.organization, "connection", of.connection.String(),
			"records", len(all), "error", err)
	}
}
