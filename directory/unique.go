package directory

import (
	"context"
	"slices"

	"rollcall/directory/schema"
)

// claim makes the record the holder of a unique value: the commit compares that nobody holds it, or that a DeletedUser does,
// from whom it is taken over. Error: Exists naming the attribute.
func (tx *Tx) claim(r *record, a *schema.Attribute, key string) error {
	_, sc := tx.snap.home(r.Type)
	taken := func(o *record) bool {
		return o != nil && o.ID != r.ID && o.Type == r.Type && slices.Contains(attributeKeys(a, o.JSON), key)
	}
	exists := errorf(Exists, a.Path, "the value belongs to another %s already", r.Type)
	for o := range sc.withKey(r.Type, a, key) {
		now, staged := tx.staged[o.ID]
		if !staged {
			now = o
		}
		if taken(now) {
			return exists
		}
	}
	for _, o := range tx.staged {
		if taken(o) {
			return exists
		}
	}
	k := tx.keysOf(r.Type).unique(r.Type, a.Path, key)
	if tx.attempt > 0 && !sc.indexes(r.Type, a) { // becomes unique at this moment: who holds it is known to etcd only
		if held, err := tx.dir.store.value(context.Background(), k); err != nil || held != "" {
			if err != nil {
				return err
			}
			return exists
		}
	}
	if w, ok := tx.writes[k]; ok && w.deleted { // given up by another resource in this very change
		tx.put(k, []byte(r.ID.raw()))
		return nil
	}
	if held := tx.heldByTombstone(r, a, key); held != nil {
		tx.require(condition{key: k, kind: valueIs, value: held.ID.raw()})
		if _, ended := tx.staged[held.ID]; !ended { // else it ends in this very change
			released := *held
			released.released = true
			tx.guard(held, true)
			tx.put(tx.keys().resource(deletedUserType, held.ID), released.encode())
		}
	} else {
		tx.require(absent(k))
	}
	tx.put(k, []byte(r.ID.raw()))
	return nil
}

func (tx *Tx) heldByTombstone(r *record, a *schema.Attribute, key string) *record {
	if !isUserName(r.Type, a) {
		return nil
	}
	return tx.snap.scope.holder(key)
}

// isUserName tells the User's userName from other unique attributes: it alone outlives the User.
func isUserName(typ string, a *schema.Attribute) bool { return typ == userType && a.Path == "userName" }

// reclaim moves the record's claims from its old document to its new one.
func (tx *Tx) reclaim(was, r *record, a *schema.Attribute) error {
	before, after := attributeKeys(a, was.JSON), attributeKeys(a, r.JSON)
	for _, key := range before {
		if !slices.Contains(after, key) {
			tx.delete(tx.keysOf(r.Type).unique(r.Type, a.Path, key))
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
