package directory

import (
	"context"
	"encoding/json"
	"slices"
	"time"

	"rollcall/directory/internal/state"
	"rollcall/directory/internal/store"
	"rollcall/directory/schema"
)

// A change of definitions takes two steps, because data that is stored already, and data that is being written at this
// very moment, must satisfy it. First it is put as pending, which changes the scope key: from then on every writer
// satisfies both what is in force and what is pending. Then the stored data is checked, and indexed where something
// becomes unique. At last the change takes effect, or is withdrawn and refused with the first resource in its way.

// definitionTimeout bounds a change of definitions. One that is older was left by a node that died, and is withdrawn.
const definitionTimeout = 2 * time.Minute

// defines reports whether the change touches definitions.
func (tx *Tx) defines() bool {
	for id, r := range tx.staged {
		if r == nil {
			r = tx.snap.scope.Get(id)
		}
		if r != nil && tx.snap.kind(r.Type).defines {
			return true
		}
	}
	return false
}

// proposed are the definitions as the change would leave them.
func (tx *Tx) proposed() state.Definitions {
	defs := tx.snap.scope.Definitions()
	defs.Schemas = tx.proposedOf(schema.SchemaDefinitionType, defs.Schemas)
	defs.Types = tx.proposedOf(schema.ResourceTypeDefinitionType, defs.Types)
	return defs
}

// proposedOf are the definitions of one type: those in force as the change leaves them, then those that it creates.
func (tx *Tx) proposedOf(typ string, list []state.Definition) []state.Definition {
	var next []state.Definition
	for _, d := range list {
		r, staged := tx.staged[d.ID]
		switch {
		case !staged:
			next = append(next, d)
		case r != nil:
			next = append(next, state.Definition{ID: d.ID, Doc: string(r.JSON)})
		}
	}
	for _, r := range tx.results {
		known := slices.ContainsFunc(next, func(d state.Definition) bool { return d.ID == r.ID })
		if r.Type == typ && !known && tx.staged[r.ID] != nil {
			next = append(next, state.Definition{ID: r.ID, Doc: string(r.JSON)})
		}
	}
	return next
}

// proposedType is the type as a pending change of definitions would have it; nil where it stays as it is.
func (tx *Tx) proposedType(t *schema.ResourceType) *schema.ResourceType {
	p := tx.snap.scope.Proposed()
	if tx.activating || p == nil {
		return nil
	}
	next := p.Type(t.Name)
	if next == nil || sameDefinitions(t, next) {
		return nil
	}
	return next
}

// define carries out a change of definitions. Errors: those of Update; *schema.Error and Invalid for definitions that
// are wrong in themselves; Invalid or Exists naming the first stored resource in the way; Busy while another one is
// pending.
func (d *Directory) define(ctx context.Context, tx *Tx, change func(*Tx) error) (*Snapshot, error) {
	// The definitions must be right in themselves.
	next, err := tx.nextCatalog()
	if err != nil {
		return nil, err
	}

	// Every writer must heed them from now on.
	ctx, cancel := context.WithTimeout(ctx, definitionTimeout*3/4)
	defer cancel()
	p, err := d.announce(ctx, tx, next)
	if KindOf(err) == Full && tx.frees() {
		return nil, errDefinesFull()
	}
	if err != nil {
		return nil, err
	}

	// Stored data must conform, and unique values must have their keys.
	s, err := d.fresh(ctx)
	if err == nil {
		c := conformer{dir: d, snap: s, next: next, announced: store.Unchanged(tx.keys().Pending(), p.Revision)}
		err = c.run(ctx)
	}
	var done *Snapshot
	if err == nil {
		done, err = d.activate(ctx, p, change)
	}
	if err != nil {
		d.withdraw(context.WithoutCancel(ctx), p)
		return nil, err
	}
	return done, nil
}

// nextCatalog are the types as the change would leave them. Errors: *schema.Error and Invalid for definitions that are
// wrong in themselves.
func (tx *Tx) nextCatalog() (*state.Catalog, error) {
	next, err := builtinCatalog().With(tx.proposed(), tx.snap.scope.Definitions())
	if err != nil {
		return nil, err
	}
	if err := withinBounds(tx.snap.scope.Catalog(), next); err != nil {
		return nil, err
	}
	return next, keepsKeys(tx.snap.scope.Catalog(), next)
}

func errDefinitionsPending() error {
	return errorf(Busy, "", "another change of schemas or resource types is under way; try again")
}

// announce puts the change as pending and changes the scope key with it.
func (d *Directory) announce(ctx context.Context, tx *Tx, next *state.Catalog) (*state.PendingChange, error) {
	s, k := tx.snap, tx.keys()
	now := s.scope.Control()
	if s.scope.Pending() != nil {
		return nil, errDefinitionsPending()
	}
	if _, err := tx.part(); err != nil { // the credential, the organization
		return nil, err
	}

	// Keys that are left from an earlier time would keep everybody from the values.
	p := &state.PendingChange{Change: NewID(), At: d.store.now(), Definitions: tx.proposed()}
	value, err := json.Marshal(p)
	if err != nil {
		return nil, err
	}
	same := store.Unchanged(k.Control(), now.Revision)
	if err := d.store.unclaim(ctx, k, s.scope.Catalog(), next, same); err != nil {
		return nil, err
	}

	// The scope key changes with the announcement: who writes sees it, or loses the race.
	out, err := d.store.node.Commit(ctx, []store.Part{{
		Conditions: []store.Condition{store.Absent(k.Pending()), same},
		Writes:     []state.Entry{state.Put(k.Pending(), value), state.Put(k.Control(), now.Next().Encode())},
		Frees:      tx.frees(),
	}})
	if err != nil {
		return nil, err
	}
	if out[0].Refused != nil {
		return nil, out[0].Refused
	}
	if !out[0].Committed {
		return nil, errDefinitionsPending()
	}
	p.Revision = out[0].Revision
	return p, nil
}

// activate runs the change and, with what it stages, ends its being pending. It runs on a snapshot of its own: the one
// on which the credential was judged is from before the change was announced.
func (d *Directory) activate(ctx context.Context, p *state.PendingChange, change func(*Tx) error) (*Snapshot, error) {
	return d.As(d.actor).Update(ctx, func(tx *Tx) error {
		now := tx.snap.scope.Pending()
		if now == nil || now.Change != p.Change || now.Withdrawn {
			return errorf(Busy, "", "the change of definitions took too long and was withdrawn; try again")
		}
		tx.activating = true
		tx.require(store.Unchanged(tx.keys().Pending(), now.Revision))
		tx.delete(tx.keys().Pending())
		tx.nextGeneration()
		return change(tx)
	})
}

// nextGeneration changes the scope key, so that whoever writes has to look at the definitions again.
func (tx *Tx) nextGeneration() {
	key, now := tx.keys().Control(), tx.snap.scope.Control()
	tx.require(store.Unchanged(key, now.Revision))
	tx.mark(key, now.Next().Encode())
}

// withdraw takes a pending change back.
func (d *Directory) withdraw(ctx context.Context, p *state.PendingChange) {
	ctx, cancel := context.WithTimeout(ctx, definitionTimeout/4)
	defer cancel()
	s, err := d.fresh(ctx)
	if err == nil {
		err = d.store.withdraw(ctx, s.keys(), s.scope, p.Change)
	}
	if err != nil {
		d.store.log.Warn("a change of definitions could not be withdrawn; the sweeper will do it", "error", err)
	}
}

// withdraw takes a pending change back: first so that no writer heeds it, then what was indexed for it.
func (s *Store) withdraw(ctx context.Context, k state.ScopeKeys, sc *state.Scope, change ID) error {
	p := sc.Pending()
	if p == nil || p.Change != change {
		return nil
	}

	// From here on no writer heeds it.
	revision, now := p.Revision, sc.Control()
	if !p.Withdrawn {
		p.Withdrawn = true
		value, err := json.Marshal(p)
		if err != nil {
			return err
		}
		out, err := s.node.Commit(ctx, []store.Part{{
			Conditions: []store.Condition{store.Unchanged(k.Pending(), revision),
				store.Unchanged(k.Control(), now.Revision)},
			Writes: []state.Entry{state.Put(k.Pending(), value), state.Put(k.Control(), now.Next().Encode())},
			Frees:  true,
		}})
		if err != nil {
			return err
		}
		if out[0].Refused != nil {
			return out[0].Refused
		}
		if !out[0].Committed {
			return errorf(Busy, "", "another change of the organization came first; try again")
		}
		revision = out[0].Revision
	}

	// What was indexed for it goes, then the announcement itself.
	pending := store.Unchanged(k.Pending(), revision)
	next, _ := builtinCatalog().Load(p.Definitions)
	if err := s.unclaim(ctx, k, sc.Catalog(), next, pending); err != nil {
		return err
	}
	return s.node.Delete(ctx, []string{k.Pending()}, pending)
}

// unclaim deletes the keys of values that are to be unique in next and are not so in force. Left from a time when they
// were, or from a change that was withdrawn, they would keep everybody from the values. The condition makes sure that
// no writer puts such keys meanwhile.
func (s *Store) unclaim(ctx context.Context, k state.ScopeKeys, inForce, next *state.Catalog, c store.Condition) error {
	for _, t := range next.Types() {
		for _, a := range state.UniqueAttributes(t) {
			if inForce.Unique(t.Name, a) != nil {
				continue
			}
			if err := s.node.Purge(ctx, k.Uniques(t.Name, a.Path), c); err != nil {
				return err
			}
		}
	}
	return nil
}

// Bounds of an organization's own definitions: every node compiles all of them when one changes.
const (
	MaxSchemas       = 100
	MaxAttributesSum = 2000 // attributes and sub-attributes of all schemas together
)

// withinBounds checks that there are not too many definitions. An organization that has more, from before there was a
// bound, may change them as long as they get no more. Error: TooLarge.
func withinBounds(was, next *state.Catalog) error {
	hadSchemas, hadAttributes := was.Defined()
	schemas, attributes := next.Defined()
	if schemas > MaxSchemas && schemas > hadSchemas {
		return errorf(TooLarge, "", "the organization would have %d schemas; at most %d are allowed", schemas, MaxSchemas)
	}
	if attributes > MaxAttributesSum && attributes > hadAttributes {
		return errorf(TooLarge, "attributes", "the organization's schemas would have %d attributes and sub-attributes "+
			"together; at most %d are allowed", attributes, MaxAttributesSum)
	}
	return nil
}

// keepsKeys checks that an attribute that is and stays unique also keeps the form of its keys: two writers, one of each
// form, would not meet. Error: Invalid.
func keepsKeys(was, next *state.Catalog) error {
	for _, t := range next.Types() {
		for _, a := range state.UniqueAttributes(t) {
			if old := was.Unique(t.Name, a); old != nil && (old.Kind != a.Kind || old.CaseExact != a.CaseExact) {
				const text = "%s of %s is unique: its type and caseExact cannot be changed; make it not unique first"
				return errorf(Invalid, "", text, a.Path, t.Name)
			}
		}
	}
	return nil
}
