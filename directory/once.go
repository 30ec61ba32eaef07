package directory

import (
	"context"
	"time"

	"rollcall/directory/internal/store"
)

// UseOnce records that the ID of that kind is used, and makes the commit fail if it was used before: the change then runs
// again and gets the error. until is when the ID becomes useless; its record is deleted then. Error: Exists if the ID was
// used.
func (tx *Tx) UseOnce(kind, id string, until time.Time) error {
	key := tx.keys().Once(kind, until, id)
	if tx.attempt > 0 {
		_, used, err := tx.dir.store.node.Get(context.Background(), key)
		if err != nil {
			return err
		}
		if used {
			return errorf(Exists, "", "the %s was used before", kind)
		}
	}
	tx.require(store.Absent(key))
	tx.put(key, nil)
	return nil
}
