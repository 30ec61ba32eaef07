package directory

import (
	"context"
	"sync/atomic"
	"time"

	"rollcall/directory/internal/state"
)

// Directory is one scope of a store, bound to an actor: below the router nothing carries an organization or a
// credential beside a resource's id.
type Directory struct {
	store *Store
	name  string // of the organization; "" for the system scope
	actor Actor
	dry   bool                     // see DryRun
	first atomic.Pointer[Snapshot] // on which the actor was judged: serves reads until this directory has written
}

// As returns the same scope for another actor.
func (d *Directory) As(a Actor) *Directory {
	return &Directory{store: d.store, name: d.name, actor: a, dry: d.dry}
}

// Actor is who acts.
func (d *Directory) Actor() Actor { return d.actor }

// Name is the organization's name, "" for the system scope.
func (d *Directory) Name() string { return d.name }

// Now is the store's time.
func (d *Directory) Now() time.Time { return d.store.now() }

// Snapshot returns the scope's state, at least as new as the call; after Authenticate, until something is written, that
// on which the credential was judged. Errors: Unavailable; NotFound where the organization does not exist.
func (d *Directory) Snapshot(ctx context.Context) (*Snapshot, error) {
	if s := d.first.Load(); s != nil {
		return s, nil
	}
	return d.fresh(ctx)
}

// Get returns a resource of any type, Events and SignIns too, with the snapshot that it is from. Errors: as
// Snapshot.Get, and Unavailable.
func (d *Directory) Get(ctx context.Context, typ string, id ID) (*Resource, *Snapshot, error) {
	s, err := d.Snapshot(ctx)
	if err != nil {
		return nil, nil, err
	}
	if s.kind(typ).logged {
		r, err := s.getLogged(ctx, typ, id)
		return r, s, err
	}
	r, err := s.Get(typ, id)
	return r, s, err
}

// fresh returns the scope's state, at least as new as the call.
func (d *Directory) fresh(ctx context.Context) (*Snapshot, error) {
	f, err := d.store.node.Linearizable(ctx)
	if err != nil {
		return nil, err
	}
	return d.on(f)
}

// on binds the directory to a state.
func (d *Directory) on(f *state.Frozen) (*Snapshot, error) {
	if d.name == "" {
		return d.store.snapshot(f, state.System, d.actor), nil
	}
	id, ok := f.OrganizationNamed(d.name)
	if !ok || !f.Scope(id).Exists() {
		return nil, errorf(NotFound, "", "organization %q not found", d.name)
	}
	return d.store.snapshot(f, id, d.actor), nil
}
