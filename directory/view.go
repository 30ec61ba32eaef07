package directory

import (
	"encoding/json"
	"iter"
	"strconv"

	"github.com/tidwall/gjson"

	"rollcall/directory/internal/state"
	"rollcall/directory/schema"
)

// View is a resource with what is derived of it at one snapshot. It is what filters see (filter.Resource).
type View struct {
	snap *Snapshot
	rec  *state.Record
	meta func(*Resource) []byte
	of   *search // at whose pace walks are made; nil: at the snapshot's
}

// step is told of the steps of walks.
func (v View) step() state.Step {
	if v.of != nil {
		return v.of.step
	}
	return v.snap.step
}

// View returns the resource as this snapshot sees it. meta gives the JSON of its meta attribute, which holds URLs that
// only the caller knows; it may be nil.
func (s *Snapshot) View(r *Resource, meta func(*Resource) []byte) View {
	rec := s.record(r.Type, r.ID)
	if rec == nil {
		rec = &state.Record{Resource: *r}
	}
	return View{s, rec, meta, nil}
}

// Document is the stored JSON.
func (v View) Document() []byte { return v.rec.JSON }

// Derived returns the JSON of an attribute that is not stored: meta, and what the row of the type in kinds.go names;
// nil where it has no value. A long list comes in parts, as filter.Resource has it.
func (v View) Derived(name string) (value []byte, more iter.Seq[[]byte]) {
	if name == "meta" && v.meta != nil {
		return v.meta(v.snap.resource(v.rec)), nil
	}
	k := v.snap.kind(v.rec.Type)
	if derive := k.derived[name]; derive != nil {
		return derive(v), nil
	}
	if list := k.lists[name]; list != nil {
		return inParts(list(v), v.step())
	}
	return nil, nil
}

// derivedGroups yields the groups of a User, with how it is in them.
func derivedGroups(v View) iter.Seq2[*state.Record, string] {
	return func(yield func(*state.Record, string) bool) {
		for m := range v.snap.scope.Memberships(&v.rec.Resource, v.step()) {
			through := "indirect"
			if m.Direct {
				through = "direct"
			}
			if !yield(m.Group, through) {
				return
			}
		}
	}
}

// derivedMembers yields the members of a Group, with their types.
func derivedMembers(v View) iter.Seq2[*state.Record, string] {
	return func(yield func(*state.Record, string) bool) {
		for m := range paced(v.snap.scope.Members(v.rec), v.step()) {
			if !yield(m, m.Type) {
				return
			}
		}
	}
}

// partOfList is how many elements of a list are made at once, and stepsOfPart the work of making and comparing them.
const (
	partOfList  = 64
	stepsOfPart = 4 * partOfList
)

// inParts returns the JSON of a list of references; nil if it is empty. Before each further part it tells step, if
// there is one.
func inParts(list iter.Seq2[*state.Record, string], step state.Step) (first []byte, more iter.Seq[[]byte]) {
	n := 0
	for r, typ := range list {
		if n++; n > partOfList {
			break
		}
		first = appendReference(first, r, typ)
	}
	if n == 0 {
		return nil, nil
	}
	first = append(first, ']')
	if n <= partOfList {
		return first, nil
	}
	return first, func(yield func([]byte) bool) {
		i, part := 0, []byte(nil)
		for r, typ := range list {
			if i++; i <= partOfList {
				continue
			}
			if part = appendReference(part, r, typ); i%partOfList > 0 {
				continue
			}
			if step != nil && !step(stepsOfPart) || !yield(append(part, ']')) {
				return
			}
			part = part[:0]
		}
		if len(part) > 0 {
			yield(append(part, ']'))
		}
	}
}

// appendReference appends an element of groups or members to the part of a list that has no closing bracket yet.
func appendReference(part []byte, r *state.Record, typ string) []byte {
	open := byte(',')
	if len(part) == 0 {
		open = '['
	}
	part = append(append(part, open), `{"display":`...)
	part = gjson.AppendJSONString(part, r.Display())
	part = append(append(part, `,"type":"`...), typ...)
	part = append(append(part, `","value":"`...), r.ID.String()...)
	return append(part, `"}`...)
}

// derivedAccess is the User's extension that shows effective roles.
func derivedAccess(v View) []byte {
	roles := v.snap.Pacing(v.step()).Roles(v.rec.ID)
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

func derivedRestorable(v View) []byte { return strconv.AppendBool(nil, v.rec.Kept > 0) }

func derivedHealth(v View) []byte { return v.snap.Note(HealthNote, v.rec.ID) }

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
		for m := range v.snap.scope.Memberships(&v.rec.Resource, v.step()) {
			if m.Group.ID == id {
				return true
			}
		}
	}
	return false
}
