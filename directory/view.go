package directory

import (
	"encoding/json"
)

// View is a resource with what is derived of it at one snapshot. It is what filters see (filter.Resource).
type View struct {
	snap *Snapshot
	rec  *record
	meta func(*Resource) []byte
}

// View returns the resource as this snapshot sees it. meta gives the JSON of its meta attribute, which holds URLs that only
// the caller knows; it may be nil.
func (s *Snapshot) View(r *Resource, meta func(*Resource) []byte) View {
	rec := s.record(r.Type, r.ID)
	if rec == nil {
		rec = &record{Resource: *r}
	}
	return View{s, rec, meta}
}

// Document is the stored JSON.
func (v View) Document() []byte { return v.rec.JSON }

// Derived returns the JSON of an attribute that is not stored: "meta", "groups", "members", the User's extension Access; nil
// where it has no value.
func (v View) Derived(name string) []byte {
	switch {
	case name == "meta" && v.meta != nil:
		return v.meta(v.snap.resource(v.rec))
	case name == "groups" && v.rec.Type == userType:
		var list []map[string]string
		for g := range v.snap.groupsOf(v.rec) {
			list = append(list, map[string]string{"value": g.group.ID.String(), "display": g.group.Display(), "type": direct(g.direct)})
		}
		return marshalList(list)
	case name == "members" && v.rec.Type == groupType:
		var list []map[string]string
		for m := range v.snap.scope.membersOf(v.rec) {
			list = append(list, map[string]string{"value": m.ID.String(), "display": m.Display(), "type": m.Type})
		}
		return marshalList(list)
	case name == accessURN && v.rec.Type == userType:
		if roles := v.snap.Roles(v.rec.ID); len(roles) > 0 {
			b, err := json.Marshal(map[string]any{"effectiveRoles": roles})
			if err == nil {
				return b
			}
		}
	case name == "lastUsed" && v.rec.Type == accessTokenType:
		if at := v.snap.LastUsed(v.rec.ID); at != "" {
			return []byte(`"` + at + `"`)
		}
	case name == "health" && v.rec.Type == identityProviderType:
		return v.snap.Note(HealthNote, v.rec.ID)
	}
	return nil
}

// HealthNote is the note that holds a connection's health as JSON.
const HealthNote = "health"

// accessURN is the User's extension that shows effective roles.
const accessURN = "urn:rollcall:params:scim:schemas:extension:1.0:Access"

func direct(d bool) string {
	if d {
		return "direct"
	}
	return "indirect"
}

func marshalList(list []map[string]string) []byte {
	if len(list) == 0 {
		return nil
	}
	b, err := json.Marshal(list)
	if err != nil {
		return nil
	}
	return b
}

// Contains reports whether members or groups hold an element with the value, without building them.
func (v View) Contains(name, value string) bool {
	id, ok := ParseID(value)
	if !ok {
		return false
	}
	switch name {
	case "members":
		return v.rec.Type == groupType && v.snap.IsMember(v.rec.ID, id)
	case "groups":
		for g := range v.snap.groupsOf(v.rec) {
			if g.group.ID == id {
				return true
			}
		}
	}
	return false
}
