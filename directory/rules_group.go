package directory

import (
	"github.com/tidwall/gjson"

	"rollcall/directory/schema"
)

func createGroup(tx *Tx, r *record, doc schema.Document) error {
	if doc[groupAccessURN] != nil && tx.dir.actor.Scope < ScopeAdmin {
		return errorf(Forbidden, groupAccessURN, "only a credential with the scope admin may give a group roles or protect it")
	}
	if tx.snap.scope.control.UniqueGroupNames {
		name, _ := doc["displayName"].(string)
		a := schema.Group().Lookup("displayName")
		return tx.claim(r, a, a.Key(name))
	}
	return nil
}

func replaceGroup(tx *Tx, was, r *record, doc schema.Document) error {
	before, err := schema.Group().Decode(was.JSON)
	if err != nil {
		return err
	}
	if tx.dir.actor.Scope < ScopeAdmin {
		if doc[groupAccessURN] != nil && !schema.EqualValues(doc[groupAccessURN], before[groupAccessURN]) {
			return errorf(Forbidden, groupAccessURN, "only a credential with the scope admin may give a group roles or protect it")
		}
		if v := before[groupAccessURN]; v != nil {
			doc[groupAccessURN] = v
		}
	}
	if tx.snap.scope.control.UniqueGroupNames {
		after, _ := doc["displayName"].(string)
		a := schema.Group().Lookup("displayName")
		old := a.Key(gjson.GetBytes(was.JSON, "displayName").String())
		if key := a.Key(after); key != old {
			tx.delete(tx.keys().unique(groupType, a.Path, old))
			return tx.claim(r, a, key)
		}
	}
	return nil
}

// deleteGroup hides the group's memberships at once; the sweeper removes them.
func deleteGroup(tx *Tx, r *record) error {
	if privileged(r.JSON) && tx.dir.actor.Scope < ScopeAdmin {
		return errorf(Forbidden, "", "only a credential with the scope admin may delete a group that is protected or has roles")
	}
	if tx.snap.scope.control.UniqueGroupNames {
		a := schema.Group().Lookup("displayName")
		tx.delete(tx.keys().unique(groupType, a.Path, a.Key(gjson.GetBytes(r.JSON, "displayName").String())))
	}
	tx.leaveGroups(r)
	tx.delete(tx.keys().stamp(r.ID))
	return nil
}
