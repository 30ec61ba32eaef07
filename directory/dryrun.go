package directory

import (
	"context"

	"rollcall/directory/internal/state"
	"rollcall/directory/internal/store"
)

// DryRun returns the same scope for changes that are judged and not made. Its Update runs the change up to the commit,
// lets the store judge what the commit depends on, and returns what the store would hold, in versions that no resource
// ever gets. Nothing is written, no Event either. In a full store, what only takes away is refused as Full.
func (d *Directory) DryRun() *Directory {
	dry := &Directory{store: d.store, name: d.name, actor: d.actor, dry: true}
	dry.first.Store(d.first.Load())
	return dry
}

// IsDryRun reports whether changes are judged and not made.
func (d *Directory) IsDryRun() bool { return d.dry }

// IsDryRun reports whether the change is only judged. Then nobody needs to make what takes long, such as a key.
func (tx *Tx) IsDryRun() bool { return tx.dir.dry }

// tried gives the results versions that no resource ever gets and returns a snapshot as it would be after the part.
func (d *Directory) tried(tx *Tx, p store.Part, o store.Outcome) (*Snapshot, error) {
	tx.committed(o)
	scopes := []state.ScopeID{state.System}
	if id := tx.snap.id; !id.IsSystem() {
		scopes = append(scopes, id)
	}
	f, err := d.store.node.Imagine(p.Writes, scopes...)
	if err != nil {
		return nil, err
	}
	s, err := d.on(f)
	if KindOf(err) == NotFound { // the organization itself would be gone
		return tx.snap, nil
	}
	return s, err
}

// judgeDefinitions judges a change of definitions as define does, but announces nothing: what is stored must satisfy
// the types as they would be.
func (d *Directory) judgeDefinitions(ctx context.Context, tx *Tx) error {
	if tx.snap.scope.Pending() != nil {
		return errDefinitionsPending()
	}
	next, err := tx.nextCatalog()
	if err != nil {
		return err
	}
	c := conformer{dir: d, snap: tx.snap, next: next}
	return c.run(ctx)
}
