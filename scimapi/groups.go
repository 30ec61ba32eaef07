package scimapi

import (
	"iter"
	"slices"
	"strings"

	"rollcall/directory"
	"rollcall/directory/schema"
	"rollcall/scimapi/patch"
)

// skippedHeader lists the members that a credential with lenientMembers sent and that do not exist.
const skippedHeader = "Rollcall-Skipped-Members"

// input is the body of a POST or PUT. The members of a Group are taken out of it, since they may be very many.
type input struct {
	body    []byte
	members []string // ids as sent
}

// input reads the query and the body of a POST or PUT.
func (x *exchange) input(t *schema.ResourceType) (*params, *input, error) {
	q, err := x.readParams()
	if err != nil {
		return nil, nil, err
	}
	in := &input{}
	if t.Name != groupType {
		r, err := x.open(x.o.Limits.Body)
		if err != nil {
			return nil, nil, err
		}
		in.body, err = readAll(r, x.r.ContentLength)
		return q, in, err
	}
	r, err := x.open(x.o.Limits.GroupBody)
	if err != nil {
		return nil, nil, err
	}
	in.body, in.members, err = readGroup(r, x.o.Limits.Body)
	return q, in, err
}

// patchRequest reads a PATCH. Of a Group's, the lists in operations may be large.
func (x *exchange) patchRequest(t *schema.ResourceType) (patch.Request, error) {
	limit := x.o.Limits.Body
	if t.Name == groupType {
		limit = x.o.Limits.GroupBody
	}
	r, err := x.open(limit)
	if err != nil {
		return patch.Request{}, err
	}
	if t.Name == groupType {
		r = &meter{r: r, limit: x.o.Limits.Body, from: 3} // {"Operations":[{"value":[
	}
	body, err := readAll(r, x.r.ContentLength)
	if err != nil {
		return patch.Request{}, err
	}
	return patch.Parse(body, patch.Options{Strict: x.actor.Strict})
}

// addMembers gives a new Group its members.
func (x *exchange) addMembers(tx *directory.Tx, group *directory.Resource, members []string) error {
	ids, err := x.memberIDs(tx, members)
	if err != nil || len(ids) == 0 {
		return err
	}
	return tx.AddMembers(group, ids)
}

// changeMembers carries out what a PATCH does to the members of a Group.
func (x *exchange) changeMembers(tx *directory.Tx, group *directory.Resource, d patch.Delta) error {
	if d.Empty() {
		return nil
	}
	if d.Replace != nil {
		ids, err := x.memberIDs(tx, *d.Replace)
		if err != nil {
			return err
		}
		if err := tx.SetMembers(group, ids); err != nil || len(d.Add) == 0 {
			return err
		}
	}
	if len(d.Remove) > 0 {
		var ids []directory.ID
		for _, s := range d.Remove {
			if id, ok := directory.ParseID(s); ok { // others are no members, which removal accepts
				ids = append(ids, id)
			}
		}
		if err := tx.RemoveMembers(group, ids); err != nil {
			return err
		}
	}
	return x.addMembers(tx, group, d.Add)
}

// memberIDs reads ids of members. A member that does not exist refuses the whole request, unless the credential has
// lenientMembers: then it is skipped and listed in a header of the reply.
func (x *exchange) memberIDs(tx *directory.Tx, members []string) ([]directory.ID, error) {
	ids := make([]directory.ID, 0, len(members))
	for _, s := range members {
		id, ok := directory.ParseID(s)
		if ok && x.actor.LenientMembers {
			ok = isMemberType(tx.Snapshot(), id)
		}
		switch {
		case ok:
			ids = append(ids, id)
		case x.actor.LenientMembers:
			x.skipped = append(x.skipped, s)
		default:
			return nil, &directory.Error{Kind: directory.Invalid, Attr: "members", Detail: "no User or Group has the id " + quote(s)}
		}
	}
	return ids, nil
}

func isMemberType(s *directory.Snapshot, id directory.ID) bool {
	if _, err := s.Get(userType, id); err == nil {
		return true
	}
	_, err := s.Get(groupType, id)
	return err == nil
}

// reportSkipped lists the members that were skipped in a header; of very many, the first say enough.
func (x *exchange) reportSkipped() {
	const most = 100
	slices.Sort(x.skipped)
	for i, id := range slices.Compact(x.skipped) {
		if i == most {
			x.w.Header().Add(skippedHeader, "...")
			break
		}
		x.w.Header().Add(skippedHeader, quote(id))
	}
}

// quote shows text from a client in a message: as one line, and short.
func quote(s string) string {
	if len(s) > 64 {
		s = strings.ToValidUTF8(s[:64], "") + "…"
	}
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || r == '"' {
			return '?'
		}
		return r
	}, `<`+s+`>`)
}

// currentMembers tells a PATCH about a Group's members, for the operations that need to know them.
type currentMembers struct {
	s     *directory.Snapshot
	group directory.ID
}

// Has implements patch.Members.
func (m currentMembers) Has(id string) bool {
	member, ok := directory.ParseID(id)
	return ok && m.s.IsMember(m.group, member)
}

// All implements patch.Members.
func (m currentMembers) All() iter.Seq[patch.Member] {
	return func(yield func(patch.Member) bool) {
		for r := range m.s.Members(m.group) {
			if !yield(patch.Member{ID: r.ID.String(), Type: r.Type, Display: r.Display}) {
				return
			}
		}
	}
}

// members is nil for resources that have none.
func (x *exchange) members(tx *directory.Tx, r *directory.Resource) patch.Members {
	if r.Type != groupType {
		return nil
	}
	return currentMembers{tx.Snapshot(), r.ID}
}
