package scimapi

import (
	"slices"

	"github.com/tidwall/gjson"

	"rollcall/directory"
	"rollcall/directory/schema"
)

// groupsWarning is for replies in which the groups of a User are cut (RFC 7234 §5.5.7). The direct ones come first.
const groupsWarning = `299 rollcall "groups are cut; the rest: GET /Groups?filter=members.value eq ID&effective=true"`

// grouping reports whether the resource is a User that may be in Groups. It costs a look, so it is asked once for each.
func grouping(s *directory.Snapshot, r *directory.Resource) bool {
	return r.Type == schema.UserType && s.MayHaveGroups(r)
}

// warnOfCut sets the header if the groups of a User that is in some are cut. It is called before the reply begins.
func (v *renderer) warnOfCut(out *stream, s *directory.Snapshot, r *directory.Resource) bool {
	if !slices.Contains(v.derived, "groups") || !out.pace(s).HasMoreGroups(r, v.x.o.Limits.Groups) {
		return false
	}
	v.x.w.Header().Add("Warning", groupsWarning)
	return true
}

// appendGroups appends the groups of a User that may be in some, direct ones first and as many as the limit allows, or
// nothing if it is in none.
func (v *renderer) appendGroups(dst []byte, s *directory.Snapshot, user *directory.Resource) []byte {
	start := len(dst)
	dst = append(dst, `,"groups":[`...)
	first, left := true, v.x.o.Limits.Groups
	for g := range s.GroupsOf(user) {
		if left--; left < 0 {
			break
		}
		if !first {
			dst = append(dst, ',')
		}
		first = false
		dst = v.appendReference(dst, g.ID, "/Groups", g.Display)
		if g.Direct {
			dst = append(dst, `,"type":"direct"}`...)
		} else {
			dst = append(dst, `,"type":"indirect"}`...)
		}
	}
	if first {
		return dst[:start]
	}
	return append(dst, ']')
}

// writeMembers appends the members of a Group to its representation, which ends the stream's body, in pieces.
func (v *renderer) writeMembers(out *stream, s *directory.Snapshot, group directory.ID) error {
	out.body = out.body[:len(out.body)-1]
	opening, steps := `,"members":[`, stepsOfMember
	if v.p != nil {
		steps *= 4
	}
	for m := range out.pace(s).Members(group) {
		start := len(out.body)
		out.body = append(out.body, opening...)
		from := len(out.body)
		if out.body = v.appendMember(out.body, m); len(out.body) == from { // nothing of it is shown
			out.body = out.body[:start]
			continue
		}
		opening = ","
		if out.steps += steps; out.steps >= directory.StepsPerUnit {
			if err := out.next(out.steps / directory.StepsPerUnit); err != nil {
				return err
			}
			out.steps %= directory.StepsPerUnit
		}
	}
	if opening == "," {
		out.body = append(out.body, ']')
	}
	out.body = append(out.body, '}')
	return out.err
}

// stepsOfMember is the work of rendering a member, beside that of walking to it.
const stepsOfMember = 3

// appendMember appends a member as the projection shows it; nothing if it shows none of it.
func (v *renderer) appendMember(dst []byte, m directory.MemberRef) []byte {
	if v.p == nil {
		dst = v.appendReference(dst, m.ID, "/"+m.Type+"s", m.Display)
		return append(append(append(dst, `,"type":"`...), m.Type...), `"}`...)
	}
	whole := v.appendReference(v.element[:0], m.ID, "/"+m.Type+"s", m.Display)
	v.element = append(append(append(whole, `,"type":"`...), m.Type...), `"}`...)
	return v.p.appendElement(dst, v.t.Lookup("members"), v.element)
}

// appendReference begins an object with value, $ref and display; the caller ends it.
func (v *renderer) appendReference(dst []byte, id directory.ID, endpoint, display string) []byte {
	dst = append(dst, `{"value":"`...)
	dst = appendID(dst, id)
	dst = append(dst, `","$ref":"`...)
	dst = v.x.appendLocation(dst, endpoint, id)
	dst = append(dst, '"')
	if display != "" {
		dst = append(dst, `,"display":`...)
		dst = gjson.AppendJSONString(dst, display)
	}
	return dst
}
