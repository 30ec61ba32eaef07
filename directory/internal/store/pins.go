package store

import (
	"bytes"
	"cmp"
	"context"
	"slices"
	"time"

	"rollcall/directory/internal/state"
)

// Limits of pins, for each scope and node. Of whoever has the most, the oldest pin goes first.
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

	owner state.PinOwner
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
			p.kept[change.Pin] = &Pin{finding: make(chan struct{}, 1), Walk: v.Walk, owner: v.Owner, Frozen: s.Freeze(),
				at: v.At, bytes: s.Bytes()}
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

// bound drops pins of the scope until there are no more than allowed: of the owner who has the most, the oldest. So a
// credential that begins many walks ends its own. Every node that has the same pins drops the same one.
func (p *pins) bound(scope state.ScopeID) {
	var mine []state.ScopedID
	count := map[state.PinOwner]int{}
	for key, pin := range p.kept {
		if key.Scope == scope {
			mine = append(mine, key)
			count[pin.owner]++
		}
	}
	for n := len(mine); n > MaxPins; n-- {
		worst := slices.MaxFunc(mine, func(a, b state.ScopedID) int {
			x, y := p.kept[a], p.kept[b]
			return cmp.Or(cmp.Compare(count[x.owner], count[y.owner]),
				cmp.Compare(y.Frozen.Revision(), x.Frozen.Revision()), bytes.Compare(b.ID[:], a.ID[:]))
		})
		count[p.kept[worst].owner]--
		delete(p.kept, worst)
		mine = slices.DeleteFunc(mine, func(k state.ScopedID) bool { return k == worst })
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
