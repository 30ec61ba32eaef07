package directory

import (
	"maps"
	"regexp"

	"github.com/tidwall/gjson"

	"rollcall/directory/schema"
)

// organizationName is what stands for {org} in URLs.
var organizationName = regexp.MustCompile(`^[a-z0-9-]{1,63}$`)

// MaxUniqueGroups is how many groups an organization may have when it demands unique group names: switching that on
// compares them all at once.
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
	if !tx.dir.actor.System {
		for _, name := range []string{"active", "uniqueGroupNames", "retention"} {
			if !schema.EqualValues(before[name], doc[name]) {
				return errorf(Forbidden, name, "only a credential of the system scope may change it")
			}
		}
		if domains, ok := doc["domains"]; ok {
			doc["domains"] = verifiedAs(before["domains"], domains)
		}
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
		return tx.switchGroupNames(keys, sc, next.UniqueGroupNames)
	}
	return nil
}

// verifiedAs gives domains what was shown of them before: it belongs to the name, whatever place the name stands in.
func verifiedAs(before, domains any) any {
	stored, _ := before.([]any)
	list, ok := domains.([]any)
	if !ok {
		return domains
	}
	name := schema.Organization().Lookup("domains.value")
	key := func(e any) string {
		object, _ := e.(map[string]any)
		text, _ := object["value"].(string)
		return name.Key(text)
	}
	shown := make([]any, len(list))
	for i, e := range list {
		domain, ok := e.(map[string]any)
		if !ok {
			return domains // Check says what is wrong
		}
		domain = maps.Clone(domain)
		delete(domain, "verified")
		delete(domain, "challenge")
		for _, b := range stored {
			if old, ok := b.(map[string]any); ok && key(b) == key(e) {
				for _, n := range []string{"verified", "challenge"} {
					if v, ok := old[n]; ok {
						domain[n] = v
					}
				}
			}
		}
		shown[i] = domain
	}
	return shown
}

// switchGroupNames makes displayName of Groups unique, or not so any more. Whoever writes a Group compares the scope key,
// which changes in the same transaction, so from here on all claim their names or none does. Groups that are there need no
// claim: everybody who may claim their names sees them. What was claimed in an earlier time goes.
func (tx *Tx) switchGroupNames(keys scopeKeys, sc *scopeState, on bool) error {
	a := schema.Group().Lookup("displayName")
	tx.write(entry{key: keys.unique(groupType, a.Path, ""), deleted: true, prefix: true})
	t := sc.tables[groupType]
	if !on {
		return nil
	}
	tx.require(condition{key: keys.resourcesOf(groupType), kind: unwritten, revision: tx.snap.Revision()})
	if t == nil {
		return nil
	}
	if n := t.list.Len(); n > MaxUniqueGroups {
		return errorf(TooLarge, "uniqueGroupNames", "can be switched on with at most %d groups; there are %d", MaxUniqueGroups, n)
	}
	held := map[string]ID{}
	var clash error
	t.list.Scan(func(_ uint32, g *record) bool {
		key := a.Key(gjson.GetBytes(g.JSON, "displayName").String())
		if first, ok := held[key]; ok {
			clash = errorf(Exists, "uniqueGroupNames", "the groups %s and %s have the same displayName %q", first, g.ID, g.Display())
			return false
		}
		held[key] = g.ID
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
	tx.put(tx.keys().leftover(r.ID), nil)
	return nil
}
