package directory

import (
	"context"
	"sync/atomic"
	"time"
)

// Directory is one scope of a store, bound to an actor: below the router nothing carries an organization or a credential
// beside a resource's id.
type Directory struct {
	store *Store
	name  string // of the organization; "" for the system scope
	actor Actor
	first atomic.Pointer[Snapshot] // on which the actor was judged: serves reads until this directory has written
}

// System is the scope that holds the organizations.
func (s *Store) System() *Directory { return &Directory{store: s, actor: Program} }

// Organization is the scope of the organization with that name. Whether there is one is judged on each snapshot.
func (s *Store) Organization(name string) *Directory {
	return &Directory{store: s, name: name, actor: Program}
}

// As returns the same scope for another actor.
func (d *Directory) As(a Actor) *Directory { return &Directory{store: d.store, name: d.name, actor: a} }

// Actor is who acts.
func (d *Directory) Actor() Actor { return d.actor }

// Name is the organization's name, "" for the system scope.
func (d *Directory) Name() string { return d.name }

// Now is the store's time.
func (d *Directory) Now() time.Time { return d.store.now() }

// Snapshot returns the scope's state, at least as new as the call; after Authenticate, until something is written, that on
// which the credential was judged. Errors: Unavailable; NotFound where the organization does
// not exist.
func (d *Directory) Snapshot(ctx context.Context) (*Snapshot, error) {
	if s := d.first.Load(); s != nil {
		return s, nil
	}
	return d.fresh(ctx)
}

func (d *Directory) fresh(ctx context.Context) (*Snapshot, error) {
	f, err := d.store.linearizable(ctx)
	if err != nil {
		return nil, err
	}
	return d.on(f)
}

// on binds the directory to a state.
func (d *Directory) on(f *frozenState) (*Snapshot, error) {
	s := &Snapshot{store: d.store, frozen: f, sys: f.scope(scope{}), actor: d.actor}
	if d.name == "" {
		s.scope = s.sys
		return s, nil
	}
	id, ok := organizationNamed(f, d.name)
	if !ok {
		return nil, errorf(NotFound, "", "organization %q not found", d.name)
	}
	s.key = scope{org: id}
	s.scope = f.scope(s.key)
	if s.scope.control.revision == 0 {
		return nil, errorf(NotFound, "", "organization %q not found", d.name)
	}
	return s, nil
}

// Active reports whether the organization may be used; the system scope always may.
func (s *Snapshot) Active() bool { return s.key.system() || s.scope.control.Active }
