package scimapi

import (
	"github.com/tidwall/gjson"

	"rollcall/directory"
)

// appendGroups appends the groups of a User, or nothing if it is in none.
func (v *renderer) appendGroups(dst []byte, s *directory.Snapshot, user *directory.Resource) []byte {
	if !s.MayHaveGroups(user) {
		return dst
	}
	start := len(dst)
	dst = append(dst, `,"groups":[`...)
	first := true
	for g := range s.GroupsOf(user) {
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
