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
	display      string // name of the connection, to show
	correlation  string
	at           time.Time
	refusal      *saml.Refusal
	checks       []saml.Check
}

// aggregate gathers what anybody can send into one SignIn for each connection, reason and minute, so that nobody can
// push out the real records. Those of one connection and minute are written together: each transaction puts an Event,
// and Events are kept by count as well.
type aggregate struct {
	write func([]tally)

	mu      sync.Mutex
	batches map[batchKey]*batch
	closed  bool
}

type batchKey struct {
	organization string
	connection   directory.ID
	minute       int64
}

// batch is what came for one connection in one minute.
type batch struct {
	tallies map[saml.Reason]*tally
	timer   *time.Timer
}

// tally is how often something came, and the latest of it, with the correlation id of the first.
type tally struct {
	latest occurrence
	count  int
}

// aggregateFor is how long occurrences are gathered before they are written.
const aggregateFor = time.Minute

// add counts an occurrence; after close, it does nothing.
func (g *aggregate) add(o occurrence) {
	key := batchKey{o.organization, o.connection, o.at.Unix() / 60}
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.closed {
		return
	}
	if g.batches == nil {
		g.batches = map[batchKey]*batch{}
	}
	b := g.batches[key]
	if b == nil {
		b = &batch{tallies: map[saml.Reason]*tally{}, timer: time.AfterFunc(aggregateFor, func() { g.flush(key) })}
		g.batches[key] = b
	}
	t := b.tallies[o.refusal.Reason]
	if t == nil {
		t = &tally{latest: o}
		b.tallies[o.refusal.Reason] = t
	}
	o.correlation = t.latest.correlation
	t.latest, t.count = o, t.count+1
}

// flush writes one batch.
func (g *aggregate) flush(key batchKey) {
	g.mu.Lock()
	b := g.batches[key]
	delete(g.batches, key)
	g.mu.Unlock()
	if b == nil {
		return
	}
	b.timer.Stop()
	var all []tally
	for _, reason := range slices.Sorted(maps.Keys(b.tallies)) {
		all = append(all, *b.tallies[reason])
	}
	g.write(all)
}

// flushAll writes what was gathered so far.
func (g *aggregate) flushAll() {
	g.mu.Lock()
	keys := slices.Collect(maps.Keys(g.batches))
	g.mu.Unlock()
	for _, key := range keys {
		g.flush(key)
	}
}

// close writes what was gathered and takes no more.
func (g *aggregate) close() {
	g.mu.Lock()
	g.closed = true
	g.mu.Unlock()
	g.flushAll()
}

// aggregateTimeout bounds the writing of a batch.
const aggregateTimeout = 10 * time.Second

// writeAggregated writes the SignIns of one batch. If the store does not take them, the log still has every occurrence.
func (h *Hook) writeAggregated(all []tally) {
	ctx, cancel := context.WithTimeout(context.Background(), aggregateTimeout)
	defer cancel()
	of := all[0].latest
	as := h.store.Organization(of.organization).As(directory.Connection(of.connection))
	_, err := as.Update(ctx, func(tx *directory.Tx) error {
		for _, t := range all {
			o := t.latest
			doc := newRecord(o.correlation, o.connection, o.display)
			judged(doc, OutcomeRefused, o.refusal.Reason, o.refusal.Explanation)
			putChecks(doc, o.checks)
			doc["count"] = json.Number(strconv.Itoa(t.count))
			if _, err := tx.RecordSignIn(doc); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		h.log.Warn("aggregated sign-in records were not written", "organization", of.organization,
			"connection", of.connection.String(), "records", len(all), "error", err)
	}
}
