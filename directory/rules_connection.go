package directory

import (
	"maps"

	"rollcall/directory/internal/state"
	"rollcall/directory/schema"
)

// MaxConnections is how many connections an organization may have: what is said of one, and who may sign in through it,
// depends on the others.
const MaxConnections = 200

func createConnection(tx *Tx, r *state.Record, doc schema.Document) error {
	if err := tx.MayPut(nil, doc); err != nil {
		return err
	}
	if err := tx.atMost(MaxConnections, r, "connections"); err != nil {
		return err
	}
	return soleDefault(tx, r, doc)
}

func replaceConnection(tx *Tx, was, r *state.Record, doc schema.Document) error {
	if err := tx.MayPut(&was.Resource, doc); err != nil {
		return err
	}
	return soleDefault(tx, r, doc)
}

// soleDefault clears the mark of the connection that was the default before.
func soleDefault(tx *Tx, r *state.Record, doc schema.Document) error {
	if isDefault, _ := doc["default"].(bool); !isDefault {
		return nil
	}
	for other := range tx.snap.All(schema.IdentityProviderType) {
		if other.ID == r.ID {
			continue
		}
		d, err := schema.IdentityProvider().Decode(other.JSON)
		if err != nil {
			return err
		}
		if was, _ := d["default"].(bool); !was {
			continue
		}
		d = maps.Clone(d)
		d["default"] = false
		if _, err := tx.replace(other, d); err != nil {
			return err
		}
	}
	return nil
}

// deleteConnection takes its secrets along. Its links, grants and sessions count no more once it is gone.
func deleteConnection(tx *Tx, r *state.Record) error {
	if !tx.dir.actor.Rights.Has(administer) {
		return errAdministers()
	}
	if err := withdrawGrants(tx, r.ID); err != nil {
		return err
	}
	for _, name := range tx.snap.secretsOf(r.ID) {
		tx.delete(tx.keys().Secret(name))
	}
	tx.delete(tx.keys().Note(draftNote, r.ID))
	tx.trace(tx.keys().Leftover(r.ID), nil)
	return nil
}
