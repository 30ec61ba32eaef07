package directory

import (
	"maps"

	"rollcall/directory/schema"
)

func createConnection(tx *Tx, r *record, doc schema.Document) error {
	return tx.soleDefault(r, doc)
}

func replaceConnection(tx *Tx, was, r *record, doc schema.Document) error {
	return tx.soleDefault(r, doc)
}

// soleDefault clears the mark of the connection that was the default before.
func (tx *Tx) soleDefault(r *record, doc schema.Document) error {
	if isDefault, _ := doc["default"].(bool); !isDefault {
		return nil
	}
	for other := range tx.snap.All(identityProviderType) {
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
func deleteConnection(tx *Tx, r *record) error {
	if err := tx.withdrawGrants(grantor{r.ID}); err != nil {
		return err
	}
	for _, kid := range tx.snap.secretsOf(r.ID) {
		tx.delete(tx.keys().secret(kid))
	}
	tx.put(tx.keys().leftover(r.ID), nil)
	return nil
}

// withdrawGrants refuses to take the last active member from a protected group together with what the grantor granted.
func (tx *Tx) withdrawGrants(by grantor) error {
	sc := tx.snap.scope
	for g := range tx.snap.All(groupType) {
		if !groupAccess(g.JSON, "protected").Bool() {
			continue
		}
		r, kept, lost := sc.get(g.ID), false, false
		for m := range sc.membersOf(r) {
			if m.Type != userType || !Active(m.JSON) {
				continue
			}
			if sc.grantedByOthers(r.ord, m.ord, by) {
				kept = true
			} else {
				lost = true
			}
		}
		switch {
		case lost && !kept:
			return errLastActive(r)
		case lost:
			tx.guardMembers(r)
			tx.stampGroup(r)
		}
	}
	return nil
}
