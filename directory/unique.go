package directory

import (
	"context"
	"slices"

	"rollcall/directory/internal/state"
	"rollcall/directory/internal/store"
	"rollcall/directory/schema"
)

// uniqueAttributes are those of the type and of what a pending change of definitions would make of it.
func (tx *Tx) uniqueAttributes(t *schema.ResourceType) []*schema.Attribute {
	unique := state.UniqueAttributes(t)
	if next := tx.proposedType(t); next != nil {
		for _, a := range state.UniqueAttributes(next) {
			if old := t.Lookup(a.Path); old == nil || old.Uniqueness == schema.UniqueNone {
				unique = append(unique, a)
			}
		}
	}
	return unique
}

// isUserName tells the User's userName from other unique attributes: it alone outlives the User.
func isUserName(typ string, a *schema.Attribute) bool {
	return typ == schema.UserType && a.Path == "userName"
}

// claim makes the record the holder of a unique value: the commit compares that nobody holds it, or that a DeletedUser does,
// from whom it is taken over. Error: Exists naming the attribute.
func (tx *Tx) claim(r *state.Record, a *schema.Attribute, key string) error {
	exists := errorf(Exists, a.Path, "another %s has this value already", r.Type)
	if tx.taken(r, a, key) {
		return exists
	}
	k := tx.keysOf(r.Type).Unique(r.Type, a.Path, key)
	// What becomes unique at this moment has no index: etcd alone knows who holds it.
	if tx.attempt > 0 && !tx.snap.home(r.Type).Indexed(r.Type, a) {
		if _, held, err := tx.dir.store.node.Get(context.Background(), k); err != nil || held {
			if err != nil {
				return err
			}
			return exists
		}
	}
	if tx.deletes(k) { // another resource gives it up in this very change
		tx.put(k, []byte(r.ID.Raw()))
		return nil
	}
	if held := tx.heldByTombstone(r, a, key); held != nil {
		tx.require(store.Holds(k, held.ID.Raw()))
		if _, ended := tx.staged[held.ID]; !ended { // else it ends in this very change
			tx.release(held)
		}
	} else {
		tx.require(store.Absent(k))
	}
	tx.put(k, []byte(r.ID.Raw()))
	return nil
}

// taken reports whether another resource has the value, as this change has it so far.
func (tx *Tx) taken(r *state.Record, a *schema.Attribute, key string) bool {
	has := func(o *state.Record) bool {
		return o != nil && o.ID != r.ID && o.Type == r.Type && slices.Contains(state.AttributeKeys(a, o.JSON), key)
	}
	for o := range tx.snap.home(r.Type).WithKey(r.Type, a, key) {
		if _, staged := tx.staged[o.ID]; !staged && has(o) {
			return true
		}
	}
	for _, o := range tx.staged {
		if has(o) {
			return true
		}
	}
	return false
}

func (tx *Tx) heldByTombstone(r *state.Record, a *schema.Attribute, key string) *state.Record {
	if !isUserName(r.Type, a) {
		return nil
	}
	return tx.snap.holder(key)
}

// reclaim moves the record's claims from its old document to its new one.
func (tx *Tx) reclaim(was, r *state.Record, a *schema.Attribute) error {
	before, after := state.AttributeKeys(a, was.JSON), state.AttributeKeys(a, r.JSON)
	for _, key := range before {
		if !slices.Contains(after, key) {
			tx.delete(tx.keysOf(r.Type).Unique(r.Type, a.Path, key))
		}
	}
	for _, key := range after {
		if !slices.Contains(before, key) {
			if err := tx.claim(r, a, key); err != nil {
				return err
			}
		}
	}
	return nil
}

// disclaim gives up the record's claims.
func (tx *Tx) disclaim(r *state.Record, a *schema.Attribute) {
	for _, key := range state.AttributeKeys(a, r.JSON) {
		tx.delete(tx.keysOf(r.Type).Unique(r.Type, a.Path, key))
	}
}
