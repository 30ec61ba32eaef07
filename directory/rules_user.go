package directory

import (
	"rollcall/directory/internal/state"
	"rollcall/directory/schema"
)

func createUser(tx *Tx, r *state.Record, doc schema.Document) error {
	if err := mayGiveRoles(tx, nil, doc); err != nil {
		return err
	}
	if _, ok := doc["active"]; !ok {
		doc["active"] = true
	}
	if _, ok := doc[schema.OriginURN]; !ok {
		doc[schema.OriginURN] = map[string]any{"source": "scim", "by": tx.actor()}
	}
	return nil
}

func replaceUser(tx *Tx, was, r *state.Record, doc schema.Document) error {
	if err := mayGiveRoles(tx, was, doc); err != nil {
		return err
	}
	if active, ok := doc["active"].(bool); ok && !active && Active(was.JSON) {
		if err := leaveProtected(tx, was); err != nil {
			return err
		}
		tx.endSessions(was.ID)
	}
	return nil
}

// mayGiveRoles keeps User.roles to those who may grant them. From others, roles that are absent, empty or as stored
// count as an echo, and what is stored stays.
func mayGiveRoles(tx *Tx, was *state.Record, doc schema.Document) error {
	if tx.dir.actor.Scope == ScopeAdmin {
		return nil
	}
	var stored []any
	if was != nil {
		before, err := schema.User().Decode(was.JSON)
		if err != nil {
			return err
		}
		stored, _ = before["roles"].([]any)
	}
	if sent, _ := doc["roles"].([]any); len(sent) > 0 && !schema.EqualValues(sent, stored) {
		return errorf(Forbidden, "roles", "only a credential with the scope admin may change roles")
	}
	if len(stored) > 0 {
		doc["roles"] = stored
	} else {
		delete(doc, "roles")
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
	tx.members.leaveAll(r)
	return leaveTombstone(tx, r)
}
