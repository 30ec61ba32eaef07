package directory

import (
	"rollcall/directory/internal/state"
	"rollcall/directory/internal/store"
	"rollcall/directory/schema"
)

// MaxUniqueGroups is how many groups an organization may have when it demands unique group names: switching that on
// compares them all at once.
const MaxUniqueGroups = 20_000

func createGroup(tx *Tx, r *state.Record, doc schema.Document) error {
	if err := tx.knowRoles(schema.GroupAccessURN+":roles", nil, rolesGiven(doc)); err != nil {
		return err
	}
	giveRoles(tx, nil, r, rolesGiven(doc))
	if tx.snap.scope.Control().UniqueGroupNames {
		name, _ := doc["displayName"].(string)
		a := groupName()
		return tx.unique(r, a).claim(a.Key(name))
	}
	return nil
}

// rolesGiven are the roles of a Group's document.
func rolesGiven(group schema.Document) any {
	access, _ := group[schema.GroupAccessURN].(map[string]any)
	return access["roles"]
}

func groupName() *schema.Attribute { return schema.Group().Lookup("displayName") }

func replaceGroup(tx *Tx, was, r *state.Record, doc schema.Document) error {
	before, err := schema.Group().Decode(was.JSON)
	if err != nil {
		return err
	}
	if err := tx.knowRoles(schema.GroupAccessURN+":roles", was, rolesGiven(doc)); err != nil {
		return err
	}
	giveRoles(tx, was, r, rolesGiven(doc))
	if !schema.EqualValues(doc[schema.GroupAccessURN], before[schema.GroupAccessURN]) { // see GuardPrivileges
		tx.put(tx.keys().Nest(), []byte(was.ID.Raw()))
	}
	if tx.snap.scope.Control().UniqueGroupNames {
		a := groupName()
		name, _ := doc["displayName"].(string)
		old := a.Key(was.Text("displayName"))
		if key := a.Key(name); key != old {
			tx.delete(tx.keys().Unique(schema.GroupType, a.Path, old))
			return tx.unique(r, a).claim(key)
		}
	}
	return nil
}

// deleteGroup hides the group's memberships at once; the sweeper removes them.
func deleteGroup(tx *Tx, r *state.Record) error {
	if tx.snap.scope.Control().UniqueGroupNames {
		tx.unique(r, groupName()).release()
	}
	tx.members.leaveAll(r)
	tx.delete(tx.keys().Stamp(r.ID))
	return nil
}

// switchGroupNames makes displayName of Groups unique, or no longer so. Whoever writes a Group compares the scope key,
// which changes in the same transaction, so from here on all claim their names or none does. Groups that are there need
// no claim: everybody who may claim their names sees them. Claims of an earlier time are deleted.
func switchGroupNames(tx *Tx, keys state.ScopeKeys, sc *state.Scope, on bool) error {
	a := groupName()
	tx.write(state.DeletePrefix(keys.Uniques(schema.GroupType, a.Path)))
	if !on {
		return nil
	}
	tx.require(store.Unwritten(keys.Resources(schema.GroupType), tx.snap.Revision()))
	if n := sc.Count(schema.GroupType); n > MaxUniqueGroups {
		return errorf(TooLarge, "uniqueGroupNames", "can be switched on with at most %d groups; there are %d",
			MaxUniqueGroups, n)
	}
	held := map[string]ID{}
	for g := range sc.All(schema.GroupType) {
		name := g.Text("displayName")
		if first, ok := held[a.Key(name)]; ok {
			return errorf(Exists, "uniqueGroupNames", "the groups %s and %s have the same displayName %q",
				first, g.ID, name)
		}
		held[a.Key(name)] = g.ID
	}
	return nil
}
