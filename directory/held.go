package directory

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"rollcall/directory/internal/state"
	"rollcall/directory/internal/store"
	"rollcall/directory/schema"
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
	before   []byte  // the document of that version
	document []byte
}

// size is what the decision takes, in bytes.
func (d decision) size() int { return len(d.before) + len(d.document) }

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

// decide takes in a decision; with an earlier one on the same resource it becomes one that withdraws what both do. It
// reports false where there is no room for it.
func (h *held) decide(scope state.ScopeID, d decision) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.decisions == nil {
		h.decisions = map[state.ScopedID]decision{}
	}
	key := state.ScopedID{Scope: scope, ID: d.id}
	was, known := h.decisions[key]
	if known {
		d = was.and(d)
	}
	size := h.bytes - was.size() + d.size()
	if size > maxDecisionBytes || !known && len(h.decisions) >= maxDecisions {
		return false
	}
	h.decisions[key], h.bytes = d, size
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

// forget drops the decision, if it is held as it is still.
func (h *held) forget(key state.ScopedID, written decision) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if d, ok := h.decisions[key]; ok && d.on == written.on && bytes.Equal(d.document, written.document) {
		delete(h.decisions, key)
		h.bytes -= d.size()
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
		h.forget(k, d)
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

// and is the decision that withdraws what both do from the stored document, and nothing else: it is written in the name
// of whoever may more, so it must hold nothing that the other one set.
func (d decision) and(later decision) decision {
	both := later
	if d.on > later.on { // of an earlier snapshot
		both = d
	}
	document, ok := parse(both.before)
	if !ok {
		return later
	}
	withdraw(document, d.since(document))
	withdraw(document, later.since(document))
	var err error
	if both.document, err = json.Marshal(document); err != nil {
		panic(err) // it was JSON
	}

	// In the name of whoever may more, and with what either may.
	both.dir = later.dir
	if !later.dir.actor.Rights.Has(d.dir.actor.Rights) {
		both.dir = d.dir
	}
	actor := both.dir.actor
	actor.Rights = d.dir.actor.Rights | later.dir.actor.Rights
	both.dir = both.dir.As(actor)
	return both
}

// since is the document of the decision as it would be if it had been made on now: what was given since stays.
func (d decision) since(now map[string]any) map[string]any {
	before, _ := parse(d.before)
	by, _ := parse(d.document)
	for _, name := range []string{"active", "enabled"} {
		if before[name] == false {
			delete(by, name)
		}
	}
	for _, name := range []string{"roles", "scopes"} {
		had, _ := before[name].([]any)
		has, _ := now[name].([]any)
		allowed, _ := by[name].([]any)
		for _, e := range has {
			if !slices.ContainsFunc(had, func(a any) bool { return sameElement(a, e) }) {
				allowed = append(allowed, e)
			}
		}
		if by != nil {
			by[name] = allowed
		}
	}
	if by["expiresAt"] == before["expiresAt"] {
		delete(by, "expiresAt")
	}
	return by
}

// parse reads a JSON object, with numbers as they are written.
func parse(document []byte) (object map[string]any, ok bool) {
	d := json.NewDecoder(bytes.NewReader(document))
	d.UseNumber()
	err := d.Decode(&object)
	return object, err == nil && object != nil
}

// withdraw takes from a document what another document of the same resource does not allow: the switch is off if either
// is, roles and scopes are those of both, and the earlier end counts. A token must have a scope, so one that would have
// none has ended.
func withdraw(into, by map[string]any) {
	for _, name := range []string{"active", "enabled"} {
		if by[name] == false {
			into[name] = false
		}
	}
	ended := false
	for _, name := range []string{"roles", "scopes"} {
		list, _ := into[name].([]any)
		if len(list) == 0 {
			continue
		}
		allowed, _ := by[name].([]any)
		kept := []any{}
		for _, e := range list {
			if slices.ContainsFunc(allowed, func(a any) bool { return sameElement(a, e) }) {
				kept = append(kept, e)
			}
		}
		switch {
		case len(kept) > 0:
			into[name] = kept
		case name == "scopes":
			ended = true
		default:
			delete(into, name)
		}
	}
	if end, ok := endOf(by); ok {
		if was, ok := endOf(into); !ok || end.Before(was) {
			into["expiresAt"] = by["expiresAt"]
		}
	}
	if ended {
		into["expiresAt"] = schema.FormatTime(time.Unix(0, 0))
	}
}

// sameElement reports whether two elements of a list mean the same: by their value, where they have one.
func sameElement(a, b any) bool {
	if v := valueOf(a); v != "" {
		return v == valueOf(b)
	}
	return schema.EqualValues(a, b)
}

// endOf is when the document says that a token ends.
func endOf(doc map[string]any) (time.Time, bool) {
	text, _ := doc["expiresAt"].(string)
	end, err := time.Parse(time.RFC3339, text)
	return end, err == nil
}

// write puts the document, in the name of whoever decided. Where the resource has changed since, only what the document
// withdraws is; a resource that is gone needs nothing.
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
	by := d.since(doc)
	withdraw(doc, by)
	if _, err = tx.Replace(old, doc); KindOf(err) != Forbidden {
		return err
	}

	// Whoever decided may not take a role that was given since: the switch at least.
	if doc, err = t.Decode(old.JSON); err != nil {
		return err
	}
	for _, name := range []string{"active", "enabled"} {
		if by[name] == false {
			doc[name] = false
		}
	}
	_, err = tx.Replace(old, doc)
	return err
}
