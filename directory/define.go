package directory

import (
	"context"
	"encoding/json"
	"slices"
	"time"

	"rollcall/directory/schema"
)

// A change of definitions takes two steps, because data that is stored already, and data that is being written at this very
// moment, must satisfy it. First it is put as pending, which changes the scope key: from then on every writer satisfies both
// what is in force and what is pending. Then the stored data is checked, and indexed where something becomes unique. At last
// the change takes effect, or is withdrawn and refused with the first resource in its way.

const (
	schemaDefinitionType       = "SchemaDefinition"
	resourceTypeDefinitionType = "ResourceTypeDefinition"

	// pendingNote holds the change of definitions that is pending in a scope.
	pendingNote = "pending"
	// definitionTimeout bounds a change of definitions. One that is older was left by a node that died, and is withdrawn.
	definitionTimeout = 2 * time.Minute
)

// pendingChange is the value of the pending note.
type pendingChange struct {
	Change      ID          `json:"change"`
	At          time.Time   `json:"at"`
	Withdrawn   bool        `json:"withdrawn,omitempty"` // its index is being removed
	Definitions definitions `json:"definitions"`

	revision int64
}

func (s *scopeState) pendingChange() *pendingChange {
	n, ok := s.notes.Get(pendingNote + "/" + ID{}.raw())
	if !ok {
		return nil
	}
	p := &pendingChange{revision: n.revision}
	if err := json.Unmarshal(n.value, p); err != nil {
		return nil
	}
	return p
}

// defines reports whether the change touches definitions.
func (tx *Tx) defines() bool {
	for id, r := range tx.staged {
		if r == nil {
			r = tx.snap.scope.get(id)
		}
		if r != nil && (r.Type == schemaDefinitionType || r.Type == resourceTypeDefinitionType) {
			return true
		}
	}
	return false
}

// proposed are the definitions as the change would leave them.
func (tx *Tx) proposed() definitions {
	defs := tx.snap.scope.definitionsOf()
	for _, part := range []struct {
		typ  string
		list *[]definition
	}{{schemaDefinitionType, &defs.Schemas}, {resourceTypeDefinitionType, &defs.Types}} {
		*part.list = slices.DeleteFunc(*part.list, func(d definition) bool {
			r, ok := tx.staged[d.ID]
			return ok && r == nil
		})
		for i, d := range *part.list {
			if r := tx.staged[d.ID]; r != nil {
				(*part.list)[i].Doc = string(r.JSON)
			}
		}
		for _, r := range tx.results {
			if r.Type == part.typ && !slices.ContainsFunc(*part.list, func(d definition) bool { return d.ID == r.ID }) && tx.staged[r.ID] != nil {
				*part.list = append(*part.list, definition{r.ID, string(r.JSON)})
			}
		}
	}
	return defs
}

// define carries out a change of definitions. Errors: those of Update; *schema.Error and Invalid for definitions that are
// wrong in themselves; Invalid or Exists naming the first stored resource in the way; Busy while another one is pending.
func (d *Directory) define(ctx context.Context, tx *Tx, change func(*Tx) error) (*Snapshot, error) {
	defs := tx.proposed()
	next, err := compileCatalog(defs)
	if err != nil {
		return nil, err
	}
	if err := keepsKeys(tx.snap.scope.catalog, next); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, definitionTimeout*3/4)
	defer cancel()
	p, err := d.announce(ctx, tx, defs, next)
	if err != nil {
		return nil, err
	}
	s, err := d.fresh(ctx)
	if err == nil {
		err = d.conform(ctx, s, next, unchanged(tx.keys().note(pendingNote, ID{}), p.revision))
	}
	if err != nil {
		d.withdraw(context.WithoutCancel(ctx), p)
		return nil, err
	}
	// On a snapshot of its own: the one the credential was judged on is from before the change was announced.
	done, err := d.As(d.actor).Update(ctx, func(tx *Tx) error {
		now := tx.snap.scope.pendingChange()
		if now == nil || now.Change != p.Change || now.Withdrawn {
			return errorf(Busy, "", "the change of definitions took too long and was withdrawn; try again")
		}
		tx.activating = true
		tx.require(unchanged(tx.keys().note(pendingNote, ID{}), now.revision))
		tx.delete(tx.keys().note(pendingNote, ID{}))
		tx.nextGeneration()
		return change(tx)
	})
	if err != nil {
		d.withdraw(context.WithoutCancel(ctx), p)
	}
	return done, err
}

// announce puts the change as pending and changes the scope key with it.
func (d *Directory) announce(ctx context.Context, tx *Tx, defs definitions, next *catalog) (*pendingChange, error) {
	s := tx.snap
	busy := errorf(Busy, "", "another change of schemas or resource types is under way; try again")
	if s.scope.pendingChange() != nil {
		return nil, busy
	}
	if _, err := tx.part(); err != nil { // the credential, the organization, the quota
		return nil, err
	}
	p := &pendingChange{Change: NewID(), At: d.store.now(), Definitions: defs}
	value, err := json.Marshal(p)
	if err != nil {
		return nil, err
	}
	k := tx.keys()
	if err := d.store.unclaim(ctx, s.key, s.scope, next, unchanged(k.scope(), s.scope.control.revision)); err != nil {
		return nil, err
	}
	out, err := d.store.commit(ctx, []part{{
		conditions: []condition{absent(k.note(pendingNote, ID{})), unchanged(k.scope(), s.scope.control.revision)},
		writes:     []entry{{key: k.note(pendingNote, ID{}), value: value}, {key: k.scope(), value: s.scope.control.next().encode()}},
	}})
	if err != nil {
		return nil, err
	}
	if !out[0].committed {
		return nil, busy
	}
	p.revision = out[0].revision
	return p, nil
}

// nextGeneration changes the scope key, so that whoever writes has to look at the definitions again.
func (tx *Tx) nextGeneration() {
	key := tx.keys().scope()
	tx.require(unchanged(key, tx.snap.scope.control.revision))
	tx.put(key, tx.snap.scope.control.next().encode())
}

// withdraw takes a pending change back: first so that nobody heeds it any more, then what was indexed for it.
func (d *Directory) withdraw(ctx context.Context, p *pendingChange) {
	ctx, cancel := context.WithTimeout(ctx, definitionTimeout/4)
	defer cancel()
	s, err := d.fresh(ctx)
	if err == nil {
		err = d.store.withdraw(ctx, s.key, s.scope, p.Change)
	}
	if err != nil {
		d.store.log.Warn("a change of definitions could not be withdrawn; the sweeper will do it", "error", err)
	}
}

func (s *Store) withdraw(ctx context.Context, key scope, sc *scopeState, change ID) error {
	p := sc.pendingChange()
	if p == nil || p.Change != change {
		return nil
	}
	k := s.keys.scope(key)
	note := k.note(pendingNote, ID{})
	revision := p.revision
	if !p.Withdrawn {
		p.Withdrawn = true
		value, err := json.Marshal(p)
		if err != nil {
			return err
		}
		out, err := s.commit(ctx, []part{{
			conditions: []condition{unchanged(note, revision), unchanged(k.scope(), sc.control.revision)},
			writes:     []entry{{key: note, value: value}, {key: k.scope(), value: sc.control.next().encode()}},
		}})
		if err != nil || !out[0].committed {
			return cmpError(err, "the organization changed meanwhile")
		}
		revision = out[0].revision
	}
	if next, err := compileCatalog(p.Definitions); err == nil {
		if err := s.unclaim(ctx, key, sc, next, unchanged(note, revision)); err != nil {
			return err
		}
	}
	return s.housekeep(ctx, []condition{unchanged(note, revision)}, []entry{{key: note, deleted: true}})
}

// unclaim deletes the keys of values that are to be unique in next and are not so in force. Left from a time when they were,
// or from a change that was withdrawn, they would keep everybody from the values. The conditions hold that nobody makes such
// keys meanwhile.
func (s *Store) unclaim(ctx context.Context, key scope, sc *scopeState, next *catalog, conditions ...condition) error {
	for _, t := range next.types {
		for _, a := range uniqueAttributes(t) {
			if sc.catalog.unique(t.Name, a) != nil {
				continue
			}
			if err := s.purge(ctx, s.keys.scope(key).unique(t.Name, a.Path, ""), "", conditions...); err != nil {
				return err
			}
		}
	}
	return nil
}

// unique is the type's attribute of that path as the catalog has it; nil where it is not unique.
func (c *catalog) unique(typ string, a *schema.Attribute) *schema.Attribute {
	if t := c.byName[typ]; t != nil {
		if old := t.Lookup(a.Path); old != nil && old.Uniqueness != schema.UniqueNone {
			return old
		}
	}
	return nil
}

// keepsKeys checks that an attribute that is and stays unique also keeps the form of its keys: two writers, one of each form,
// would not meet. Error: Invalid.
func keepsKeys(was, next *catalog) error {
	for _, t := range next.types {
		for _, a := range uniqueAttributes(t) {
			if old := was.unique(t.Name, a); old != nil && (old.Kind != a.Kind || old.CaseExact != a.CaseExact) {
				return errorf(Invalid, "", "%s of %s is unique: its type and caseExact cannot be changed; make it not unique first", a.Path, t.Name)
			}
		}
	}
	return nil
}

func cmpError(err error, text string) error {
	if err != nil {
		return err
	}
	return errorf(Busy, "", "%s", text)
}

// sweepPending withdraws a change of definitions whose node did not live to end it.
func (s *Store) sweepPending(ctx context.Context, fs frozenScope, now time.Time) error {
	p := fs.state.pendingChange()
	if p == nil || now.Sub(p.At) < definitionTimeout {
		return nil
	}
	return s.withdraw(ctx, fs.scope, fs.state, p.Change)
}
