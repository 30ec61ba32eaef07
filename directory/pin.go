package directory

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
)

// Limits of pinned states, for each organization and node. The oldest goes first.
const (
	MaxPins     = 16
	PinLifetime = 10 * time.Minute
	MaxPinBytes = 256 << 20 // of changes since: what a pinned state keeps from being freed
)

// Pin is a state that is kept so that a walk over many pages sees it from beginning to end. Every node keeps the same state,
// that of the revision at which the pin was put, so pages may come from any of them.
type Pin struct {
	ID       ID
	Value    []byte // what the walk is about, in the caller's own form
	Snapshot *Snapshot
	pinned   *pinned
}

// pinned is the part of a pin that requests share.
type pinned struct {
	key    scopedID
	value  []byte
	at     time.Time // when it was used last, to half its lifetime
	again  bool      // put again
	frozen *frozenState
	bytes  int64 // applied when it was made

	mu    sync.Mutex
	done  bool // found is complete
	found []*record
}

func errPinGone() error {
	return errorf(NotFound, "", "the state that this walk began with is not kept any more")
}

// Pin keeps the state as it is now under a new pin. Errors: Unavailable, Full.
func (d *Directory) Pin(ctx context.Context, value []byte) (*Pin, error) {
	s, err := d.Snapshot(ctx)
	if err != nil {
		return nil, err
	}
	if d.store.full.Load() {
		return nil, &Error{Kind: Full, Detail: fullDetail}
	}
	id := NewID()
	w := entry{key: d.store.keys.scope(s.key).pin(id), value: pinValue(d.store.now(), "", value)}
	if err := d.store.housekeep(ctx, nil, []entry{w}); err != nil {
		return nil, err
	}
	return d.Pinned(ctx, id)
}

// pinAgain marks the value of a pin that is put again only to last longer.
const pinAgain = " again"

func pinValue(at time.Time, again string, value []byte) []byte {
	return fmt.Appendf(nil, "%d%s\n%s", at.UnixMilli(), again, value)
}

// Pinned returns the pin as this actor may see it. Error: NotFound when it is gone: it was too old, there were too many, or
// this node has been started since.
func (d *Directory) Pinned(ctx context.Context, id ID) (*Pin, error) {
	s, err := d.Snapshot(ctx)
	if err != nil {
		return nil, err
	}
	now := d.store.now()
	p, at := d.store.replica.pin(scopedID{s.key, id}, now)
	if p == nil {
		return nil, errPinGone()
	}
	if now.Sub(at) > PinLifetime/2 { // a walk that goes on keeps its state, on every node
		if err := d.store.housekeep(ctx, nil, []entry{{key: d.store.keys.scope(s.key).pin(id), value: pinValue(now, pinAgain, p.value)}}); err != nil {
			return nil, err
		}
	}
	then, err := d.on(p.frozen)
	if err != nil {
		return nil, err
	}
	then.pinned = true
	return &Pin{id, p.value, then, p}, nil
}

// Query answers on the pinned state. It must be the same query each time but for Offset and Limit: its matches are gathered
// once, so that a page costs the same wherever it stands.
func (p *Pin) Query(ctx context.Context, q Query) (Page, error) {
	w := p.pinned
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.done {
		d := &Directory{store: p.Snapshot.store, actor: p.Snapshot.actor}
		found, err := d.matches(ctx, p.Snapshot, q)
		if err != nil {
			return Page{}, err
		}
		w.found, w.done = found, true
	}
	return p.Snapshot.page(w.found, q), nil
}

// applyPin remembers a pin of the revision that is being applied; the replica keeps the state when the revision is complete.
func (s *state) applyPin(k scope, rest string, e entry) error {
	id, ok := rawID(rest)
	if !ok {
		return fmt.Errorf("key %q is no pin", e.key)
	}
	p := &pinned{key: scopedID{k, id}}
	if !e.deleted {
		at, value, _ := strings.Cut(string(e.value), "\n")
		at, p.again = strings.CutSuffix(at, pinAgain)
		t, err := parseMillis(at)
		if err != nil {
			return fmt.Errorf("pin %s: %w", id, err)
		}
		p.at, p.value = t, []byte(value)
	}
	s.pins = append(s.pins, p)
	return nil
}

// keepPins takes in the pins of the revision that was just applied.
func (r *replica) keepPins() {
	for _, p := range r.state.pins {
		if p.again {
			if kept := r.pins[p.key]; kept != nil { // else this node does not have the state of its beginning
				kept.at = p.at
			}
			continue
		}
		delete(r.pins, p.key)
		if p.at.IsZero() {
			continue
		}
		p.frozen, p.bytes = r.state.freeze(), r.state.bytes
		r.pins[p.key] = p
		r.boundPins(p.key.scope)
	}
	r.state.pins = nil
	if r.state.bytes < r.weigh {
		return
	}
	r.weigh = r.state.bytes + MaxPinBytes/256
	for key, p := range r.pins {
		if r.state.bytes-p.bytes > MaxPinBytes {
			delete(r.pins, key)
		}
	}
}

// boundPins lets the oldest pins of the scope go until there are no more than allowed.
func (r *replica) boundPins(k scope) {
	for {
		var oldest *pinned
		n := 0
		for key, p := range r.pins {
			if key.scope == k {
				n++
				if oldest == nil || p.frozen.revision < oldest.frozen.revision {
					oldest = p
				}
			}
		}
		if n <= MaxPins {
			return
		}
		delete(r.pins, oldest.key)
	}
}

func (r *replica) pin(key scopedID, now time.Time) (p *pinned, at time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if p = r.pins[key]; p == nil {
		return nil, at
	}
	if now.Sub(p.at) > PinLifetime {
		delete(r.pins, key)
		return nil, at
	}
	return p, p.at
}

// dropPins lets every pin go whose time is over, so that its state can be freed.
func (r *replica) dropPins(now time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for key, p := range r.pins {
		if now.Sub(p.at) > PinLifetime {
			delete(r.pins, key)
		}
	}
}

// sweepPins deletes the keys of pins whose time is over.
func (s *Store) sweepPins(ctx context.Context, k scopeKeys, now time.Time) error {
	resp, err := s.client.Get(ctx, k.pins(), clientv3.WithPrefix())
	if err != nil {
		return unavailable(err)
	}
	var keys []string
	for _, kv := range resp.Kvs {
		at, _, _ := strings.Cut(string(kv.Value), "\n")
		at = strings.TrimSuffix(at, pinAgain)
		if ms, err := strconv.ParseInt(at, 10, 64); err != nil || now.Sub(time.UnixMilli(ms)) > PinLifetime {
			keys = append(keys, string(kv.Key))
		}
	}
	return s.deleteKeys(ctx, keys)
}
