package directory

import (
	"regexp"

	"github.com/tidwall/gjson"

	"rollcall/directory/schema"
)

// organizationName is what stands for {org} in URLs.
var organizationName = regexp.MustCompile(`^[a-z0-9-]{1,63}$`)

// MaxUniqueGroups is how many groups an organization may have when it demands unique group names: switching that on claims
// all their names in one transaction.
const MaxUniqueGroups = 20_000

func createOrganization(tx *Tx, r *record, doc schema.Document) error {
	if !tx.snap.key.system() {
		return errorf(Forbidden, "", "organizations are made in the system scope")
	}
	if name, _ := doc["name"].(string); !organizationName.MatchString(name) {
		return errorf(Invalid, "name", "must have 1 to 63 characters of a-z, 0-9 and -")
	}
	if _, ok := doc["active"]; !ok {
		doc["active"] = true
	}
	key := tx.dir.store.keys.org(r.ID).scope()
	tx.require(absent(key))
	tx.put(key, controlOf(doc).encode())
	return nil
}

func controlOf(doc schema.Document) control {
	active, _ := doc["active"].(bool)
	unique, _ := doc["uniqueGroupNames"].(bool)
	return control{Active: active, UniqueGroupNames: unique}
}

func replaceOrganization(tx *Tx, was, r *record, doc schema.Document) error {
	before, err := schema.Organization().Decode(was.JSON)
	if err != nil {
		return err
	}
	if !schema.EqualValues(before["name"], doc["name"]) {
		return errorf(Mutability, "name", "cannot be changed: it is part of the organization's URLs")
	}
	if _, ok := doc["active"]; !ok {
		doc["active"] = true
	}
	if !tx.dir.actor.System && !schema.EqualValues(before["active"], doc["active"]) {
		return errorf(Forbidden, "active", "only a credential of the system scope may change it")
	}
	org := scope{org: r.ID}
	keys, sc := tx.dir.store.keys.scope(org), tx.snap.frozen.scope(org)
	next := controlOf(doc)
	next.Generation = sc.control.Generation
	if next.Active == sc.control.Active && next.UniqueGroupNames == sc.control.UniqueGroupNames {
		return nil
	}
	tx.require(unchanged(keys.scope(), sc.control.revision))
	tx.put(keys.scope(), next.encode())
	if next.UniqueGroupNames != sc.control.UniqueGroupNames {
		return tx.claimGroupNames(keys, sc, next.UniqueGroupNames)
	}
	return nil
}

// claimGroupNames takes or gives back the names of all groups. Every write of the organization compares the scope key, which
// changes in the same transaction, so no group can slip in between.
func (tx *Tx) claimGroupNames(keys scopeKeys, sc *scopeState, on bool) error {
	t := sc.tables[groupType]
	if t == nil {
		return nil
	}
	if n := t.list.Len(); n > MaxUniqueGroups {
		return errorf(TooLarge, "uniqueGroupNames", "can be changed with at most %d groups; there are %d", MaxUniqueGroups, n)
	}
	a := schema.Group().Lookup("displayName")
	held := map[string]ID{}
	var clash error
	t.list.Scan(func(_ uint32, g *record) bool {
		key := a.Key(gjson.GetBytes(g.JSON, "displayName").String())
		if !on {
			tx.delete(keys.unique(groupType, a.Path, key))
			return true
		}
		if first, ok := held[key]; ok {
			clash = errorf(Exists, "uniqueGroupNames", "the groups %s and %s have the same displayName %q", first, g.ID, display(g))
			return false
		}
		held[key] = g.ID
		tx.put(keys.unique(groupType, a.Path, key), []byte(g.ID.raw()))
		return true
	})
	return clash
}

// deleteOrganization takes away the scope key, with which every write of the organization fails and every credential ends;
// the sweeper removes what it held.
func deleteOrganization(tx *Tx, r *record) error {
	if !tx.snap.key.system() {
		return errorf(Forbidden, "", "organizations are deleted in the system scope")
	}
	org := scope{org: r.ID}
	key := tx.dir.store.keys.scope(org).scope()
	tx.require(unchanged(key, tx.snap.frozen.scope(org).control.revision))
	tx.delete(key)
	return nil
}
