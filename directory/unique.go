package directory

import (
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

// unique are the values of a unique attribute of a record, as a change writes them.
type unique struct {
	tx   *Tx
	rec  *state.Record
	attr *schema.Attribute
}

func (tx *Tx) unique(r *state.Record, a *schema.Attribute) unique { return unique{tx, r, a} }

// key is the key of etcd that holds the value.
func (u unique) key(value string) string {
	return u.tx.keysOf(u.rec.Type).Unique(u.rec.Type, u.attr.Path, value)
}

// claim makes the record the holder of a value, which is given as its comparison key: the commit compares that no
// resource holds it, or that a DeletedUser does, from whom it is taken over. Errors: Exists and Invalid naming the
// attribute.
func (u unique) claim(value string) error {
	if isUserName(u.rec.Type, u.attr) && len(value) > MaxUserName {
		return errorf(Invalid, u.attr.Path, "has %d bytes; at most %d are allowed", len(value), MaxUserName)
	}
	tx, key := u.tx, u.key(value)
	if u.taken(value) || tx.attempt.present[key] {
		return errorf(Exists, u.attr.Path, "another %s has this value already", u.rec.Type)
	}
	switch tombstone := u.tombstone(value); {
	case tx.deletes(key): // another resource gives it up in this very change
	case tombstone != nil:
		tx.require(store.Holds(key, tombstone.ID.Raw()))
		if _, ended := tx.staged[tombstone.ID]; !ended { // else it ends in this very change
			releaseTombstone(tx, tombstone)
		}
	case tx.snap.home(u.rec.Type).Indexed(u.rec.Type, u.attr):
		tx.require(store.Absent(key))
	default: // it becomes unique at this moment: etcd alone knows who holds it
		tx.requireUnheld(key)
	}
	tx.put(key, []byte(u.rec.ID.Raw()))
	return nil
}

// taken reports whether another resource has the value, as this change has it so far.
func (u unique) taken(value string) bool {
	has := func(o *state.Record) bool {
		return o != nil && o.ID != u.rec.ID && o.Type == u.rec.Type &&
			slices.Contains(state.AttributeKeys(u.attr, o.JSON), value)
	}
	for o := range u.tx.snap.home(u.rec.Type).WithKey(u.rec.Type, u.attr, value) {
		if _, staged := u.tx.staged[o.ID]; !staged && has(o) {
			return true
		}
	}
	for _, o := range u.tx.staged {
		if has(o) {
			return true
		}
	}
	return false
}

// tombstone is the DeletedUser that holds the value; nil if none does.
func (u unique) tombstone(value string) *state.Record {
	if !isUserName(u.rec.Type, u.attr) {
		return nil
	}
	return u.tx.snap.holder(value)
}

// moveFrom gives up the values that the record had before and has no more, and claims those that it did not have.
func (u unique) moveFrom(was *state.Record) error {
	before, after := state.AttributeKeys(u.attr, was.JSON), state.AttributeKeys(u.attr, u.rec.JSON)
	for _, value := range before {
		if !slices.Contains(after, value) {
			u.tx.delete(u.key(value))
		}
	}
	for _, value := range after {
		if !slices.Contains(before, value) {
			if err := u.claim(value); err != nil {
				return err
			}
		}
	}
	return nil
}

// release gives up the record's values.
func (u unique) release() {
	for _, value := range state.AttributeKeys(u.attr, u.rec.JSON) {
		u.tx.delete(u.key(value))
	}
}
