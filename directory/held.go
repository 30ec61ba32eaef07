package directory

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/tidwall/gjson"

	"rollcall/directory/internal/state"
	"rollcall/directory/internal/store"
)

// held is what this node has to write when the store has room again: documents that were decided, and what changes left
// to be put. It lasts as long as the process.
type held struct {
	mu        sync.Mutex
	decisions map[state.ScopedID]decision
	traces    []store.Part
	bytes     int          // of the decisions' documents
	count     atomic.Int64 // of the decisions
}

// decision is a document that withdraws something and could not be put.
type decision struct {
	dir      *Directory // of whoever decided
	typ      string
	id       ID
	on       Version // which it is the next version of
	document []byte
}

// heldInterval is how often it is tried to write what is held.
const heldInterval = time.Second

// Limits of what a node holds. Of traces beyond them the log alone tells; a decision beyond them is not made.
const (
	maxTraces        = 10_000
	maxDecisions     = 10_000
	maxDecisionBytes = 64 << 20
)

// left lists the keys with the prefix among what was left to be put.
func (h *held) left(prefix string) (keys []string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, p := range h.traces {
		if strings.HasPrefix(p.Writes[0].Key, prefix) {
			keys = append(keys, p.Writes[0].Key)
		}
	}
	return keys
}

// drop forgets what was to be put under the key.
func (h *held) drop(key string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.traces = slices.DeleteFunc(slices.Clone(h.traces), func(p store.Part) bool { return p.Writes[0].Key == key })
}

// any reports whether something was decided that is not written.
func (h *held) any() bool { return h.count.Load() > 0 }

// document is the resource's document as this node holds to it.
func (h *held) document(scope state.ScopeID, r *state.Record) []byte {
	if !h.any() {
		return r.JSON
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if d, ok := h.decisions[state.ScopedID{Scope: scope, ID: r.ID}]; ok && d.on == r.Version {
		return d.document
	}
	return r.JSON
}

// keep takes in what changes left to be put.
func (h *held) keep(traces []store.Part) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(h.traces)+len(traces) <= maxTraces {
		h.traces = append(h.traces, traces...)
	}
}

// decide takes in a decision; a later one on the same resource replaces it. It reports false where there is no room for
// another.
func (h *held) decide(scope state.ScopeID, d decision) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.decisions == nil {
		h.decisions = map[state.ScopedID]decision{}
	}
	key := state.ScopedID{Scope: scope, ID: d.id}
	was, known := h.decisions[key]
	bytes := h.bytes - len(was.document) + len(d.document)
	if bytes > maxDecisionBytes || !known && len(h.decisions) >= maxDecisions {
		return false
	}
	h.decisions[key], h.bytes = d, bytes
	h.count.Store(int64(len(h.decisions)))
	return true
}

// decideAll takes in the decisions that there is room for, and reports false where that is not all of them.
func (h *held) decideAll(s *Snapshot, decisions []decision) bool {
	room := true
	for _, d := range decisions {
		room = h.decide(s.homeID(d.typ), d) && room
	}
	return room
}

// forget drops the decision on a version of a resource, if it is held still.
func (h *held) forget(key state.ScopedID, on Version) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if d, ok := h.decisions[key]; ok && d.on == on {
		delete(h.decisions, key)
		h.bytes -= len(d.document)
	}
	h.count.Store(int64(len(h.decisions)))
}

// run writes what is held while there is room, until ctx ends.
func (h *held) run(ctx context.Context, s *Store) {
	ticker := time.NewTicker(heldInterval)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		if s.node.Quota.Blocked() {
			continue
		}
		if err := h.write(ctx, s); err != nil && ctx.Err() == nil && KindOf(err) != Full {
			s.log.Warn("what was decided while the store was full could not be written; it will be tried again", "error", err)
		}
	}
}

// write writes the decisions, then the traces, as far as there is room.
func (h *held) write(ctx context.Context, s *Store) error {
	h.mu.Lock()
	decisions, traces := maps.Clone(h.decisions), h.traces
	h.mu.Unlock()
	for k, d := range decisions {
		if err := d.write(ctx); err != nil {
			return err
		}
		h.forget(k, d.on)
	}
	for _, p := range traces {
		err := s.node.Housekeep(ctx, p.Conditions, p.Writes)
		if err != nil && KindOf(err) != Busy { // Busy: it is there, or what it is about is not
			return err
		}
		h.drop(p.Writes[0].Key)
	}
	return nil
}

// write puts the document, in the name of whoever decided. Where the resource has changed since, only the switch is
// turned off; a resource that is gone needs nothing.
func (d decision) write(ctx context.Context) error {
	actor := d.dir.actor
	actor.judge = nil // it was judged when the decision was made
	dir := d.dir.As(actor)
	s, err := dir.fresh(ctx)
	if err == nil {
		if r := s.record(d.typ, d.id); r == nil || string(r.JSON) == string(d.document) {
			return nil
		}
		_, err = dir.update(ctx, d.replace, nil)
	}
	if err != nil && !passes(err) {
		dir.store.log.Warn("what was decided while the store was full is not possible any more", "type", d.typ,
			"id", d.id.String(), "error", err)
		return nil
	}
	return err
}

// passes reports whether what failed with err may succeed later. All ordinary changes of the node wait for what is
// held, so a decision that will never be written must not be among it.
func passes(err error) bool {
	switch KindOf(err) {
	case Unavailable, Busy, Full:
		return true
	}
	return errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded)
}

// replace is the change that puts the document.
func (d decision) replace(tx *Tx) error {
	old, err := tx.Get(d.typ, d.id)
	if err != nil {
		return err
	}
	t := tx.Snapshot().Type(d.typ)
	if old.Version == d.on {
		doc, err := t.Decode(d.document)
		if err != nil {
			return err
		}
		_, err = tx.Replace(old, doc)
		return err
	}
	doc, err := t.Decode(old.JSON)
	if err != nil {
		return err
	}
	for _, name := range []string{"active", "enabled"} {
		if gjson.GetBytes(d.document, name).Type == gjson.False {
			doc[name] = false
		}
	}
	_, err = tx.Replace(old, doc)
	return err
}
