package directory

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"rollcall/directory/internal/state"
	"rollcall/directory/internal/store"
	"rollcall/directory/schema"
)

// organizationName is what stands for {org} in URLs.
var organizationName = regexp.MustCompile(`^[a-z0-9-]{1,63}$`)

func createOrganization(tx *Tx, r *state.Record, doc schema.Document) error {
	if !tx.snap.id.IsSystem() {
		return errorf(Forbidden, "", "organizations are created in the system scope")
	}
	if name, _ := doc["name"].(string); !organizationName.MatchString(name) {
		return errorf(Invalid, "name", "must have 1 to 63 characters of a-z, 0-9 and -")
	} else if strings.HasPrefix(name, "login-") || strings.HasPrefix(name, "finish-") {
		return errorf(Invalid, "name", "must not begin with login- or finish-: cookies of sign-in have such names")
	}
	if err := cmp.Or(checkTargets(doc), checkInline(doc)); err != nil {
		return err
	}
	if _, ok := doc["active"]; !ok {
		doc["active"] = true
	}
	key := tx.dir.store.keys.Organization(r.ID).Control()
	tx.require(store.Absent(key))
	tx.put(key, controlOf(doc).Encode())
	return tx.holdDomains(r.ID, nil, doc)
}

func controlOf(doc schema.Document) state.Control {
	active, _ := doc["active"].(bool)
	unique, _ := doc["uniqueGroupNames"].(bool)
	closed, _ := doc["rolesClosed"].(bool)
	inline, _ := doc["membersInline"].(json.Number)
	most, _ := strconv.Atoi(inline.String())
	return state.Control{Active: active, UniqueGroupNames: unique, RolesClosed: closed, MembersInline: most}
}

// checkInline refuses a number of members that no Group could have.
func checkInline(doc schema.Document) error {
	inline, ok := doc["membersInline"].(json.Number)
	if n, err := strconv.Atoi(inline.String()); ok && (err != nil || n < 1) {
		return errorf(Invalid, "membersInline", "must be 1 or more; leave it out to list all members of every group")
	}
	return nil
}

func replaceOrganization(tx *Tx, was, r *state.Record, doc schema.Document) error {
	before, err := schema.Organization().Decode(was.JSON)
	if err != nil {
		return err
	}
	if !schema.EqualValues(before["redirectTargets"], doc["redirectTargets"]) {
		if err := checkTargets(doc); err != nil {
			return err
		}
	}
	if err := checkInline(doc); err != nil {
		return err
	}
	if !schema.EqualValues(before["name"], doc["name"]) {
		return errorf(Mutability, "name", "cannot be changed: it is part of the organization's URLs")
	}
	if _, ok := doc["active"]; !ok {
		doc["active"] = true
	}
	if !tx.dir.actor.System {
		for _, name := range []string{"active", "uniqueGroupNames", "retention", "budget"} {
			if !schema.EqualValues(before[name], doc[name]) {
				return errorf(Forbidden, name, "only a credential of the system scope may change it")
			}
		}
		if domains, ok := doc["domains"]; ok {
			doc["domains"] = verifiedAs(before["domains"], domains)
		}
	}
	if err := tx.holdDomains(r.ID, before, doc); err != nil {
		return err
	}
	return switchOrganization(tx, state.ScopeID{Organization: r.ID}, doc)
}

// MaxTarget is how long an address may be that a sign-in leads to, in bytes: it travels in a cookie.
const MaxTarget = 200

// checkTargets refuses addresses to which no sign-in could lead.
func checkTargets(doc schema.Document) error {
	list, _ := doc["redirectTargets"].([]any)
	for i, e := range list {
		if target, _ := e.(string); len(target) > MaxTarget {
			return errorf(Invalid, fmt.Sprintf("redirectTargets[%d]", i), "has %d bytes; at most %d are allowed",
				len(target), MaxTarget)
		}
	}
	return nil
}

// holdDomains keeps a key of the system for each verified domain, which holds its organization: no two have one at a
// time. A change that takes a domain from one organization and gives it to another does so in this order. Error:
// Exists.
func (tx *Tx) holdDomains(organization ID, before, after schema.Document) error {
	was, is := verifiedDomains(before), verifiedDomains(after)
	key := func(domain string) string {
		return tx.dir.store.keys.System().Unique(schema.OrganizationType, "domains.verified", domain)
	}
	for _, domain := range was {
		if !slices.Contains(is, domain) {
			tx.require(store.Holds(key(domain), organization.Raw()))
			tx.delete(key(domain))
		}
	}
	for _, domain := range is {
		switch k := key(domain); {
		case slices.Contains(was, domain):
			continue
		case tx.deletes(k): // another organization gives it up in this very change
		case tx.attempt.present[k]:
			return errorf(Exists, "domains", "%s is verified for another organization", domain)
		default:
			tx.requireUnheld(k)
		}
		tx.put(key(domain), []byte(organization.Raw()))
	}
	return nil
}

// verifiedDomains are the domains in an Organization's document that are verified, as keys spell them.
func verifiedDomains(doc schema.Document) (domains []string) {
	name := schema.Organization().Lookup("domains.value")
	list, _ := doc["domains"].([]any)
	for _, e := range list {
		d, _ := e.(map[string]any)
		text, _ := d["value"].(string)
		if verified, _ := d["verified"].(bool); verified && !slices.Contains(domains, name.Key(text)) {
			domains = append(domains, name.Key(text))
		}
	}
	return domains
}

// domainProof are the attributes of a domain that say what is known of who controls it.
var domainProof = []string{"verified", "state", "challenge", "verifiedAt", "reason"}

// CarryProof completes the document of an Organization that a client wrote with what is stored of its domains' proofs;
// old is nil for a new one.
func CarryProof(old *Resource, doc schema.Document) error {
	var before schema.Document
	if old != nil {
		var err error
		if before, err = schema.Organization().Decode(old.JSON); err != nil {
			return err
		}
	}
	if domains, ok := doc["domains"]; ok {
		doc["domains"] = verifiedAs(before["domains"], domains)
	}
	return nil
}

// switchOrganization writes what the document says into the scope key, if it says something else than before.
func switchOrganization(tx *Tx, id state.ScopeID, doc schema.Document) error {
	keys, sc := tx.dir.store.keys.Scope(id), tx.snap.frozen.Scope(id)
	now, next := sc.Control(), controlOf(doc)
	next.Generation, next.Revision = now.Generation, now.Revision
	if next == now {
		return nil
	}
	tx.require(store.Unchanged(keys.Control(), now.Revision))
	disabled := now
	disabled.Active = false
	if next == disabled { // it takes away, and nothing else
		tx.mark(keys.Control(), next.Encode())
	} else {
		tx.put(keys.Control(), next.Encode())
	}
	if next.UniqueGroupNames != now.UniqueGroupNames {
		return switchGroupNames(tx, keys, sc, next.UniqueGroupNames)
	}
	return nil
}

// verifiedAs gives each domain the proof that is stored of it, which only the system scope changes: the proof belongs
// to the domain's name, wherever that stands in the list.
func verifiedAs(before, domains any) any {
	stored, _ := before.([]any)
	list, ok := domains.([]any)
	if !ok {
		return domains
	}
	verified := make([]any, len(list))
	for i, e := range list {
		domain, ok := e.(map[string]any)
		if !ok {
			return domains // Check says what is wrong
		}
		domain = maps.Clone(domain)
		old := sameDomain(stored, domain)
		for _, name := range domainProof {
			delete(domain, name)
			if v, ok := old[name]; ok {
				domain[name] = v
			}
		}
		verified[i] = domain
	}
	return verified
}

// sameDomain is the stored domain of the same name; nil if there is none.
func sameDomain(stored []any, domain map[string]any) map[string]any {
	name := schema.Organization().Lookup("domains.value")
	text, _ := domain["value"].(string)
	for _, e := range stored {
		if old, ok := e.(map[string]any); ok {
			if t, _ := old["value"].(string); name.Key(t) == name.Key(text) {
				return old
			}
		}
	}
	return nil
}

// deleteOrganization takes away the scope key, with which every write of the organization fails and every credential
// ends; the sweeper removes what it held.
func deleteOrganization(tx *Tx, r *state.Record) error {
	if !tx.snap.id.IsSystem() {
		return errorf(Forbidden, "", "organizations are deleted in the system scope")
	}
	org := state.ScopeID{Organization: r.ID}
	key := tx.dir.store.keys.Scope(org).Control()
	tx.require(store.Unchanged(key, tx.snap.frozen.Scope(org).Control().Revision))
	tx.delete(key)
	tx.delete(tx.keys().Note(DomainsNote, r.ID))
	tx.trace(tx.keys().Leftover(r.ID), nil)
	doc, err := schema.Organization().Decode(r.JSON)
	if err != nil {
		return err
	}
	return tx.holdDomains(r.ID, doc, nil)
}
