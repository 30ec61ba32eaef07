package directory

import (
	"context"

	"rollcall/directory/internal/state"
	"rollcall/directory/internal/store"
)

// Limits of pinned states, for each organization and node. Of the credential that has the most, the oldest goes first.
const (
	MaxPins     = store.MaxPins
	PinLifetime = store.PinLifetime
	MaxPinBytes = store.MaxPinBytes // of changes since: what a pinned state keeps from being freed
)

// Pin is a state that is kept so that a walk over many pages sees it from beginning to end. Every node keeps the same
// state, that of the revision at which the pin was put, so pages may come from any of them.
type Pin struct {
	ID       ID
	Value    []byte // what the walk is about, in the caller's own form
	Snapshot *Snapshot
	kept     *store.Pin
	dir      *Directory
}

// Pin keeps the state as it is now under a new pin. Errors: Unavailable, Full.
func (d *Directory) Pin(ctx context.Context, value []byte) (*Pin, error) {
	s, err := d.Snapshot(ctx)
	if err != nil {
		return nil, err
	}
	if err := d.store.node.Quota.Admit(false); err != nil {
		return nil, err
	}
	id := NewID()
	if err := s.putPin(ctx, id, state.PinValue{At: d.store.now(), Owner: d.pinOwner(), Walk: value}); err != nil {
		return nil, err
	}
	return d.Pinned(ctx, id)
}

// Pinned returns the pin as this actor may see it. Error: NotFound when it is gone: it was too old, there were too
// many, or this node was started since.
func (d *Directory) Pinned(ctx context.Context, id ID) (*Pin, error) {
	s, err := d.Snapshot(ctx)
	if err != nil {
		return nil, err
	}
	now := d.store.now()
	kept, at := d.store.node.Pin(state.ScopedID{Scope: s.id, ID: id}, now)
	if kept == nil {
		return nil, store.ErrPinGone()
	}
	if now.Sub(at) > PinLifetime/2 { // a walk that goes on keeps its state, on every node
		renewed := state.PinValue{At: now, Renewed: true, Owner: d.pinOwner(), Walk: kept.Walk}
		if err := s.putPin(ctx, id, renewed); err != nil {
			return nil, err
		}
	}
	then, err := d.on(kept.Frozen)
	if err != nil {
		return nil, err
	}
	then.pinned = true
	return &Pin{id, kept.Walk, then, kept, d}, nil
}

// pinOwner is the actor as pins name it.
func (d *Directory) pinOwner() state.PinOwner {
	return state.PinOwnerOf(d.actor.Type + "/" + d.actor.ID)
}

func (s *Snapshot) putPin(ctx context.Context, id ID, v state.PinValue) error {
	return s.store.node.Housekeep(ctx, nil, []state.Entry{state.Put(s.keys().Pin(id), v.Encode())})
}

// Query answers on the pinned state. It must be the same query each time but for Offset and Limit: its matches are
// gathered once, so that a page costs the same wherever it stands. GroupMemberships that are not sorted are found from
// After on instead: there may be very many.
func (p *Pin) Query(ctx context.Context, q Query) (Page, error) {
	work := p.dir.Work()
	defer work.End()
	s := &search{ctx: ctx, snap: p.Snapshot, Query: q, work: work}
	if s.simple() && s.snap.kind(q.Type).unstored != nil {
		return s.runSimple()
	}
	found, err := p.kept.Matches(ctx, s.matches)
	if err != nil {
		return Page{}, err
	}
	return s.page(found), nil
}
