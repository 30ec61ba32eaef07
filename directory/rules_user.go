package directory

import (
	"slices"

	"github.com/tidwall/gjson"

	"rollcall/directory/schema"
)

// originURN is the User's extension that says where the User comes from.
const originURN = "urn:rollcall:params:scim:schemas:extension:1.0:Origin"

func createUser(tx *Tx, r *record, doc schema.Document) error {
	if err := tx.mayGiveRoles(nil, doc); err != nil {
		return err
	}
	if _, ok := doc["active"]; !ok {
		doc["active"] = true
	}
	if _, ok := doc[originURN]; !ok {
		doc[originURN] = map[string]any{"source": "scim", "by": map[string]any{"type": tx.dir.actor.Type, "value": tx.dir.actor.ID}}
	}
	return nil
}

func replaceUser(tx *Tx, was, r *record, doc schema.Document) error {
	if err := tx.mayGiveRoles(was, doc); err != nil {
		return err
	}
	if active, ok := doc["active"].(bool); ok && !active && Active(was.JSON) {
		if err := tx.leaveProtected(was); err != nil {
			return err
		}
		return tx.endSessions(was.ID)
	}
	return nil
}

// mayGiveRoles keeps User.roles to those who may grant them. For others, roles that are absent, empty or as stored are
// taken for an echo, and what is stored stays.
func (tx *Tx) mayGiveRoles(was *record, doc schema.Document) error {
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

// deleteUser leaves a tombstone of the same id, which keeps the userName and the links, and takes the User out of its
// groups as far as one transaction holds them; the rest no longer count and are swept.
func deleteUser(tx *Tx, r *record) error {
	if err := tx.leaveProtected(r); err != nil {
		return err
	}
	if err := tx.endSessions(r.ID); err != nil {
		return err
	}
	tx.delete(tx.keys().note(epochNote, r.ID))
	tx.leaveGroups(r)
	doc := schema.Document{
		"id":        r.ID.String(),
		"userName":  gjson.GetBytes(r.JSON, "userName").String(),
		"deletedAt": schema.FormatTime(tx.at),
		"deletedBy": map[string]any{"type": tx.dir.actor.Type, "value": tx.dir.actor.ID},
	}
	if d := r.Display(); d != "" {
		doc["displayName"] = d
	}
	before, err := schema.User().Decode(r.JSON)
	if err != nil {
		return err
	}
	if origin, ok := before[originURN].(map[string]any); ok && origin["links"] != nil {
		doc["links"] = origin["links"]
	}
	stone := &record{Resource: Resource{Type: deletedUserType, ID: r.ID, Created: tx.at, LastModified: tx.at}}
	if err := tx.encode(schema.DeletedUser(), stone, doc); err != nil {
		return err
	}
	tx.put(tx.keys().resource(deletedUserType, r.ID), stone.encode())
	return nil
}

// deleteTombstone frees what the tombstone still holds: the userName, and links that still name it.
func deleteTombstone(tx *Tx, r *record) error {
	if !r.released {
		a := schema.User().Lookup("userName")
		key := tx.keys().unique(userType, a.Path, a.Key(gjson.GetBytes(r.JSON, "userName").String()))
		tx.require(condition{key: key, kind: valueIs, value: r.ID.raw()})
		tx.delete(key)
	}
	for _, l := range gjson.GetBytes(r.JSON, "links").Array() {
		connection, ok := ParseID(l.Get("connection").String())
		if !ok {
			continue
		}
		nameID := l.Get("nameId").String()
		if held := tx.snap.link(connection, nameID); held != nil && held.User == r.ID {
			tx.require(unchanged(tx.keys().link(connection, nameID), held.revision))
			tx.DeleteLink(connection, nameID)
		}
	}
	return nil
}

// leaveProtected refuses to take away the last active member of a protected group; its stamp is compared and put, so that
// two members cannot leave at once.
func (tx *Tx) leaveProtected(user *record) error {
	sc := tx.snap.scope
	for g := range sc.directGroups(user.ord) {
		if !groupAccess(g.JSON, "protected").Bool() {
			continue
		}
		if err := tx.keepsActive(g, []ID{user.ID}); err != nil {
			return err
		}
	}
	return nil
}

// keepsActive checks that the protected group has an active User left without those who leave, if one of them is active.
func (tx *Tx) keepsActive(g *record, leaving []ID) error {
	lost := false
	for m := range tx.snap.scope.membersOf(g) {
		if m.Type != userType || !Active(m.JSON) {
			continue
		}
		if lost = slices.Contains(leaving, m.ID) || tx.leaves(g.ID, m.ID); !lost {
			tx.guardMembers(g)
			tx.stampGroup(g)
			return nil
		}
	}
	if !lost || tx.brings(g, leaving) {
		tx.guardMembers(g)
		tx.stampGroup(g)
		return nil
	}
	return errLastActive(g)
}

func errLastActive(g *record) error {
	return errorf(Mutability, "members", "the group %q is protected: its last active member cannot be removed, deactivated or deleted",
		g.Display())
}

// brings reports whether the change adds an active User to the group. Whoever deactivates that User does not know it yet for
// a member, so the User's record is compared.
func (tx *Tx) brings(g *record, leaving []ID) bool {
	for edge, added := range tx.edges {
		if !added || edge[0] != g.ID || slices.Contains(leaving, edge[1]) {
			continue
		}
		if m := tx.record(userType, edge[1]); m != nil && Active(m.JSON) {
			tx.guardUnlessStaged(m)
			return true
		}
	}
	return false
}

// leaves reports whether the change removes the membership, or deactivates or deletes the member.
func (tx *Tx) leaves(group, member ID) bool {
	if added, ok := tx.edges[[2]ID{group, member}]; ok && !added {
		return true
	}
	r, ok := tx.staged[member]
	return ok && (r == nil || !Active(r.JSON))
}
