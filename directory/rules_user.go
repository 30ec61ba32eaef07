package directory

import (
	"rollcall/directory/internal/state"
	"rollcall/directory/schema"
)

func createUser(tx *Tx, r *state.Record, doc schema.Document) error {
	giveRoles(tx, nil, r, doc["roles"])
	if _, ok := doc["active"]; !ok {
		doc["active"] = true
	}
	r.Suspended = !isActive(doc) && tx.dir.actor.Rights.Has(administer)
	if _, ok := doc[schema.OriginURN]; !ok {
		doc[schema.OriginURN] = map[string]any{"source": "scim", "by": tx.actor()}
	}
	return nil
}

func replaceUser(tx *Tx, was, r *state.Record, doc schema.Document) error {
	giveRoles(tx, was, r, doc["roles"])
	switch {
	case isActive(doc):
		r.Suspended = false
	case Active(was.JSON):
		r.Suspended = tx.dir.actor.Rights.Has(administer)
		if err := leaveProtected(tx, was); err != nil {
			return err
		}
		tx.endSessions(was.ID)
	}
	return nil
}

// deleteUser leaves a tombstone of the same ID, which keeps the userName and the links, and takes the User out of its
// groups as far as one transaction holds them; the rest no longer count and are swept.
func deleteUser(tx *Tx, r *state.Record) error {
	if err := leaveProtected(tx, r); err != nil {
		return err
	}
	tx.endSessions(r.ID)
	tx.delete(tx.keys().Note(epochNote, r.ID))
	tx.delete(tx.keys().Note(accessNote, r.ID))
	tx.forgetActivity(r.ID)
	if tx.snap.Note(claimNote, r.ID) != nil {
		tx.delete(tx.keys().Note(claimNote, r.ID))
	}
	tx.members.leaveAll(r)
	return leaveTombstone(tx, r)
}
