package directory

import "time"

// UseOnce records that the id of that kind is used, and makes the commit fail when it was used before: the change then runs
// again, and finds that out from the error. until is when the id is of no use to anybody any more; its record goes then.
// Errors: Exists when the id was used.
func (tx *Tx) UseOnce(kind, id string, until time.Time) error {
	key := tx.keys().once(kind, until, id)
	if tx.attempt > 0 {
		used, err := tx.dir.store.exists(key)
		if err != nil {
			return err
		}
		if used {
			return errorf(Exists, "", "the %s was used before", kind)
		}
	}
	tx.require(absent(key))
	tx.put(key, nil)
	return nil
}
