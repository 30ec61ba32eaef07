package store

import (
	"context"
	"time"

	"rollcall/directory/internal/state"
)

// Limits of pins, for each scope and node. The oldest pin goes first.
const (
	MaxPins     = 16
	PinLifetime = 10 * time.Minute
	MaxPinBytes = 256 << 20 // of changes since: what a pinned state keeps from being freed
)

// Pin is a state that is kept because a walk goes on seeing it. Every node keeps the same state, that of the revision
// at which the pin was put.
type Pin struct {
	Walk   []byte // what the walk is about, in the form of whoever put the pin
	Frozen *state.Frozen

	at    time.Time // when it was put or renewed last
	bytes int64     // applied when it was put

	finding chan struct{} // holds a value while somebody finds the matches
	found   bool
	matches []*state.Record
}

// ErrPinGone returns the error for a pin that is not kept: NotFound.
func ErrPinGone() error {
	return state.Errorf(state.NotFound, "", "the state that this walk began with is no longer kept")
}

// Matches returns what find returned the first time that it succeeded. Only one find runs at a time. Errors: those of
// find, and of the context while another one runs.
func (p *Pin) Matches(ctx context.Context, find func() ([]*state.Record, error)) ([]*state.Record, error) {
	select {
	case p.finding <- struct{}{}:
		defer func() { <-p.finding }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	if p.found {
		return p.matches, nil
	}
	matches, err := find()
	p.matches, p.found = matches, err == nil
	return matches, err
}

// pins are the pins of a replica.
type pins struct {
	kept  map[state.ScopedID]*Pin
	weigh int64 // how many bytes are to be applied before the pins are weighed again
}

func (p *pins) clear() {
	clear(p.kept)
	p.weigh = 0
}

// follow takes in what the revision that was just applied did to pins.
func (p *pins) follow(s *state.State) {
	for _, change := range s.TakePins() {
		v := change.Value
		switch {
		case change.Deleted:
			delete(p.kept, change.Pin)
		case v.Renewed:
			if kept := p.kept[change.Pin]; kept != nil { // else this node does not have the state of its beginning
				kept.at = v.At
			}
		default:
			p.kept[change.Pin] = &Pin{finding: make(chan struct{}, 1), Walk: v.Walk, Frozen: s.Freeze(), at: v.At, bytes: s.Bytes()}
			p.bound(change.Pin.Scope)
		}
	}
	if s.Bytes() < p.weigh {
		return
	}
	p.weigh = s.Bytes() + MaxPinBytes/256
	for key, pin := range p.kept {
		if s.Bytes()-pin.bytes > MaxPinBytes {
			delete(p.kept, key)
		}
	}
}

// bound drops the oldest pins of the scope until there are no more than allowed.
func (p *pins) bound(scope state.ScopeID) {
	for {
		var oldest state.ScopedID
		n := 0
		for key, pin := range p.kept {
			if key.Scope != scope {
				continue
			}
			if n++; n == 1 || pin.Frozen.Revision() < p.kept[oldest].Frozen.Revision() {
				oldest = key
			}
		}
		if n <= MaxPins {
			return
		}
		delete(p.kept, oldest)
	}
}

func (p *pins) find(key state.ScopedID, now time.Time) (pin *Pin, at time.Time) {
	if pin = p.kept[key]; pin == nil {
		return nil, at
	}
	if now.Sub(pin.at) > PinLifetime {
		delete(p.kept, key)
		return nil, at
	}
	return pin, pin.at
}

func (p *pins) drop(now time.Time) {
	for key, pin := range p.kept {
		if now.Sub(pin.at) > PinLifetime {
			delete(p.kept, key)
		}
	}
}
