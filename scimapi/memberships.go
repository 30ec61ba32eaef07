package scimapi

import (
	"slices"

	"github.com/tidwall/gjson"

	"rollcall/directory"
	"rollcall/directory/schema"
)

// groupsWarning is for replies in which the groups of a User are cut (RFC 7234 §5.5.7). The direct ones come first.
const groupsWarning = `299 rollcall "groups are cut; the rest: GET /Groups?filter=members.value eq ID&effective=true"`

// warnOfCut sets the header if the groups of one of the Users are cut. It is called before the reply begins.
func (v *renderer) warnOfCut(s *directory.Snapshot, r *directory.Resource) bool {
	if r.Type != schema.UserType || !s.MayHaveGroups(r) || !slices.Contains(v.derived, "groups") ||
		!s.HasMoreGroups(r, v.x.o.Limits.Groups) {
		return false
	}
	v.x.w.Header().Add("Warning", groupsWarning)
	return true
}

// appendGroups appends the groups of a User, direct ones first and as many as the limit allows, or nothing if it is in
// none.
func (v *renderer) appendGroups(dst []byte, s *directory.Snapshot, user *directory.Resource) []byte {
	if !s.MayHaveGroups(user) {
		return dst
	}
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

// appendMembers appends the members of a Group, or nothing if it has none.
func (v *renderer) appendMembers(dst []byte, s *directory.Snapshot, group directory.ID) []byte {
	start := len(dst)
	dst = append(dst, `,"members":[`...)
	first := true
	for m := range s.Members(group) {
		if !first {
			dst = append(dst, ',')
		}
		first = false
		dst = v.appendReference(dst, m.ID, "/"+m.Type+"s", m.Display)
		dst = append(dst, `,"type":"`...)
		dst = append(dst, m.Type...)
		dst = append(dst, `"}`...)
	}
	if first {
		return dst[:start]
	}
	return append(dst, ']')
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
