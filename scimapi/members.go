package scimapi

import (
	"iter"
	"slices"

	"rollcall/directory"
	"rollcall/directory/schema"
	"rollcall/scimapi/patch"
)

// skippedHeader lists the members that do not exist, for a credential with lenientMembers.
const skippedHeader = "Rollcall-Skipped-Members"

// addMembers adds members, by their ids as sent.
func (c *change) addMembers(tx *directory.Tx, group *directory.Resource, members []string) error {
	ids, err := c.memberIDs(tx, members)
	if err != nil || len(ids) == 0 {
		return err
	}
	return tx.AddMembers(group, ids)
}

// changeMembers carries out what a PATCH does to the members of a Group.
func (c *change) changeMembers(tx *directory.Tx, group *directory.Resource, d patch.Delta) error {
	if d.Empty() {
		return nil
	}

	// A new list.
	if d.Replace != nil {
		ids, err := c.memberIDs(tx, *d.Replace)
		if err != nil {
			return err
		}
		if err := tx.SetMembers(group, ids); err != nil || len(d.Add) == 0 {
			return err
		}
	}

	// Or a difference.
	if len(d.Remove) > 0 {
		var ids []directory.ID
		for _, s := range d.Remove {
			if id, ok := directory.ParseID(s); ok { // other texts cannot be members, and removing nothing is no error
				ids = append(ids, id)
			}
		}
		if err := tx.RemoveMembers(group, ids); err != nil {
			return err
		}
	}
	return c.addMembers(tx, group, d.Add)
}

// memberIDs parses the ids of members. Members that do not exist fail the whole request, unless the credential has
// lenientMembers: then they are skipped and listed in a header of the reply.
func (c *change) memberIDs(tx *directory.Tx, members []string) ([]directory.ID, error) {
	ids := make([]directory.ID, 0, len(members))
	var unknown []string
	work := c.x.dir.Work()
	defer work.End()
	for _, s := range members {
		if err := work.Pay(c.x.r.Context(), 1); err != nil {
			return nil, err
		}
		id, ok := directory.ParseID(s)
		if ok && c.x.actor.LenientMembers {
			ok = exists(tx, id)
		}
		switch {
		case ok:
			ids = append(ids, id)
		case c.x.actor.LenientMembers:
			c.skipped = append(c.skipped, s)
		default:
			unknown = append(unknown, quote(s))
		}
	}
	if unknown == nil {
		return ids, nil // the directory refuses those that nobody has
	}
	for _, id := range ids {
		if !exists(tx, id) {
			unknown = append(unknown, id.String())
		}
	}
	return nil, directory.UnknownMembers(unknown)
}

// exists reports whether there is a User or Group with the id, before the change or staged by it.
func exists(tx *directory.Tx, id directory.ID) bool {
	types := []string{schema.UserType, schema.GroupType}
	for _, get := range []func(string, directory.ID) (*directory.Resource, error){tx.Snapshot().Get, tx.Get} {
		if slices.ContainsFunc(types, func(typ string) bool { _, err := get(typ, id); return err == nil }) {
			return true
		}
	}
	return false
}

// reportSkipped lists skipped members in a header: the first hundred at most.
func (x *exchange) reportSkipped(skipped []string) {
	const most = 100
	slices.Sort(skipped)
	for i, id := range slices.Compact(skipped) {
		if i == most {
			x.w.Header().Add(skippedHeader, "...")
			break
		}
		x.w.Header().Add(skippedHeader, quote(id))
	}
}

// currentMembers returns the members that the resource has; nil if it is not a Group.
func (c *change) currentMembers(tx *directory.Tx, r *directory.Resource) patch.Members {
	if r.Type != schema.GroupType {
		return nil
	}
	return groupMembers{tx.Snapshot(), r.ID, &c.readsMembers}
}

// groupMembers are the members of a Group, for the PATCH operations that need to know them.
type groupMembers struct {
	s     *directory.Snapshot
	group directory.ID
	read  *bool // set once they are looked at
}

// Has implements patch.Members.
func (m groupMembers) Has(id string) bool {
	*m.read = true
	member, ok := directory.ParseID(id)
	return ok && m.s.IsMember(m.group, member)
}

// All implements patch.Members.
func (m groupMembers) All() iter.Seq[patch.Member] {
	*m.read = true
	return func(yield func(patch.Member) bool) {
		for r := range m.s.Members(m.group) {
			if !yield(patch.Member{ID: r.ID.String(), Type: r.Type, Display: r.Display}) {
				return
			}
		}
	}
}
