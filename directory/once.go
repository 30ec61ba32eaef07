package directory

import "time"

// UseOnce records that the ID of that kind is used, and makes the commit fail if it was used before: the change then
// runs again and gets the error. until is when the ID becomes useless; its record is deleted then. Error: Exists if the
// ID was used.
func (tx *Tx) UseOnce(kind, id string, until time.Time) error {
	key := tx.keys().Once(kind, until, id)
	if tx.attempt.present[key] {
		return errorf(Exists, "", "the %s was used before", kind)
	}
	tx.requireUnheld(key)
	tx.put(key, nil)
	return nil
}
