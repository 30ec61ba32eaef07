package directory

import (
	"encoding/json"

	"rollcall/directory/internal/state"
	"rollcall/directory/schema"
)

// View is a resource with what is derived of it at one snapshot. It is what filters see (filter.Resource).
type View struct {
	snap *Snapshot
	rec  *state.Record
	meta func(*Resource) []byte
}

// View returns the resource as this snapshot sees it. meta gives the JSON of its meta attribute, which holds URLs that
// only the caller knows; it may be nil.
func (s *Snapshot) View(r *Resource, meta func(*Resource) []byte) View {
	rec := s.record(r.Type, r.ID)
	if rec == nil {
		rec = &state.Record{Resource: *r}
	}
	return View{s, rec, meta}
}

// Document is the stored JSON.
func (v View) Document() []byte { return v.rec.JSON }

// Derived returns the JSON of an attribute that is not stored: meta, and what the row of the type in kinds.go names;
// nil where it has no value.
func (v View) Derived(name string) []byte {
	if name == "meta" && v.meta != nil {
		return v.meta(v.snap.resource(v.rec))
	}
	if derive := v.snap.kind(v.rec.Type).derived[name]; derive != nil {
		return derive(v)
	}
	return nil
}

func derivedGroups(v View) []byte {
	var list []map[string]string
	for m := range v.snap.scope.Memberships(&v.rec.Resource) {
		through := "indirect"
		if m.Direct {
			through = "direct"
		}
		list = append(list, reference(&m.Group.Resource, through))
	}
	return marshalList(list)
}

func derivedMembers(v View) []byte {
	var list []map[string]string
	for m := range v.snap.scope.Members(v.rec) {
		list = append(list, reference(&m.Resource, m.Type))
	}
	return marshalList(list)
}

// reference is an element of groups or members.
func reference(r *Resource, typ string) map[string]string {
	return map[string]string{"value": r.ID.String(), "display": r.Display(), "type": typ}
}

// derivedAccess is the User's extension that shows effective roles.
func derivedAccess(v View) []byte {
	roles := v.snap.Roles(v.rec.ID)
	if len(roles) == 0 {
		return nil
	}
	b, err := json.Marshal(map[string]any{"effectiveRoles": roles})
	if err != nil {
		return nil
	}
	return b
}

func derivedLastUsed(v View) []byte {
	if at := v.snap.LastUsed(v.rec.ID); at != "" {
		return []byte(`"` + at + `"`)
	}
	return nil
}

// derivedOrphaned is true for a token whose maker was deactivated or deleted.
func derivedOrphaned(v View) []byte {
	maker, ok := makerOf(v.rec)
	if !ok {
		return nil
	}
	if u := v.snap.scope.Of(schema.UserType, maker); u != nil && Active(u.JSON) {
		return nil
	}
	return []byte("true")
}

func derivedHealth(v View) []byte { return v.snap.Note(HealthNote, v.rec.ID) }

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
		return v.rec.Type == schema.GroupType && v.snap.IsMember(v.rec.ID, id)
	case "groups":
		for m := range v.snap.scope.Memberships(&v.rec.Resource) {
			if m.Group.ID == id {
				return true
			}
		}
	}
	return false
}
