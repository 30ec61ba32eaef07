package directory

import (
	"bytes"
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/tidwall/gjson"

	"rollcall/directory/internal/state"
	"rollcall/directory/schema"
)

// Bounds of an Event, in bytes but for the members.
const (
	maxEvent   = 4<<10 - addedLater
	addedLater = 64  // by withRevision
	maxDisplay = 128 // of a name
	maxValue   = 512 // of a value before or after
	maxMembers = 100 // added and removed together
)

// changesOf are the values at the paths that differ between two records; either may be nil. "jit.*" stands for every
// sub-attribute. Names, addresses, certificates and secrets are never among the recorded paths.
func changesOf(recorded []string, before, after *state.Record) (changes []any) {
	for _, path := range recorded {
		base, each := strings.CutSuffix(path, ".*")
		was, is := valueAt(before, base), valueAt(after, base)
		if !each {
			changes = appendChange(changes, path, was, is)
			continue
		}
		for _, name := range memberNames(was, is) {
			changes = appendChange(changes, base+"."+name, was.Get(name), is.Get(name))
		}
	}
	return changes
}

// valueAt is the value at a path of a record's document; none where there is no record.
func valueAt(r *state.Record, path string) gjson.Result {
	if r == nil {
		return gjson.Result{}
	}
	if urn, name, ok := cutExtension(path); ok {
		return gjson.GetBytes(r.JSON, gjson.Escape(urn)+"."+name)
	}
	return gjson.GetBytes(r.JSON, path)
}

// cutExtension divides the path of an attribute of an extension.
func cutExtension(path string) (urn, name string, ok bool) {
	i := strings.LastIndexByte(path, ':')
	if i < 0 {
		return "", path, false
	}
	return path[:i], path[i+1:], true
}

// memberNames are the names of the members of two objects, sorted.
func memberNames(a, b gjson.Result) (names []string) {
	for _, v := range []gjson.Result{a, b} {
		v.ForEach(func(key, _ gjson.Result) bool {
			names = append(names, key.String())
			return true
		})
	}
	slices.Sort(names)
	return slices.Compact(names)
}

func appendChange(changes []any, path string, was, is gjson.Result) []any {
	if was.Raw == is.Raw {
		return changes
	}
	change := map[string]any{"path": path}
	for name, v := range map[string]gjson.Result{"before": was, "after": is} {
		if !v.Exists() {
			continue
		}
		text, cut := clipTo(v.Raw, maxValue)
		if change[name] = text; cut {
			change["truncated"] = true
		}
	}
	return append(changes, change)
}

// clip shortens a name.
func clip(s string) string {
	s, _ = clipTo(s, maxDisplay)
	return s
}

// clipTo shortens a text to at most n bytes, at the end of a character.
func clipTo(s string, n int) (string, bool) {
	if len(s) <= n {
		return s, false
	}
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n], true
}

func number(n int) json.Number { return json.Number(strconv.Itoa(n)) }

// changed says who became a member of the group and who is none any more; nil if nobody.
func (m *memberships) changed(group ID) map[string]any {
	g := m.tx.record(schema.GroupType, group)
	if g == nil {
		return nil
	}
	var edges []edge
	for e, added := range m.edges {
		if e.group != group {
			continue
		}
		member := m.tx.snap.scope.Get(e.member)
		if was := member != nil && m.existed(g, member); was != added {
			edges = append(edges, e)
		}
	}
	if len(edges) == 0 {
		return nil
	}

	// The first of them, in the order of their IDs.
	slices.SortFunc(edges, func(a, b edge) int { return bytes.Compare(a.member[:], b.member[:]) })
	members := map[string]any{}
	for i, e := range edges {
		if i == maxMembers {
			members["more"] = number(len(edges) - i)
			break
		}
		list := "removed"
		if m.edges[e] {
			list = "added"
		}
		all, _ := members[list].([]any)
		members[list] = append(all, m.reference(e.member))
	}
	return members
}

// reference names a member as of this moment.
func (m *memberships) reference(id ID) map[string]any {
	ref := map[string]any{"value": id.String()}
	r := m.tx.member(id)
	if r == nil {
		r = m.tx.snap.scope.Get(id)
	}
	if r == nil {
		return ref
	}
	ref["type"] = r.Type
	if name := clip(r.Display()); name != "" {
		ref["display"] = name
	}
	return ref
}

// fitEvent encodes the Event and takes away what does not fit: members first, then values, then paths and changes. What
// is taken away is counted: the members by members.more, paths and changes by more.
func fitEvent(doc schema.Document) ([]byte, error) {
	for {
		b, err := schema.Event().Encode(doc)
		if err != nil || len(b) <= maxEvent || !shorten(doc) {
			return b, err
		}
	}
}

// shorten takes something away from an Event that is too long; false if there is nothing left to take.
func shorten(doc schema.Document) bool {
	if members, ok := doc["members"].(map[string]any); ok && shortenMembers(members) {
		return true
	}
	doc["truncated"] = true
	changes, _ := doc["changes"].([]any)
	for _, c := range slices.Backward(changes) {
		change, _ := c.(map[string]any)
		if change["before"] != nil || change["after"] != nil {
			delete(change, "before")
			delete(change, "after")
			change["truncated"] = true
			return true
		}
	}
	for _, name := range []string{"paths", "changes"} {
		if list, _ := doc[name].([]any); len(list) > 0 {
			halve(doc, name)
			return true
		}
	}
	return false
}

// shortenMembers halves the longer list.
func shortenMembers(members map[string]any) bool {
	added, _ := members["added"].([]any)
	removed, _ := members["removed"].([]any)
	switch {
	case len(removed) > len(added):
		halve(members, "removed")
	case len(added) > 0:
		halve(members, "added")
	default:
		return false
	}
	return true
}

// halve takes the second half of a list away, and counts what it takes.
func halve(in map[string]any, name string) {
	list := in[name].([]any)
	keep := len(list) / 2
	more, _ := in["more"].(json.Number)
	n, _ := more.Int64()
	in["more"] = number(int(n) + len(list) - keep)
	if in[name] = list[:keep]; keep == 0 {
		delete(in, name)
	}
}

// withRevision completes a stored Event with what only its commit made known: the revision, and the version that the
// resource has since.
func withRevision(event []byte, revision int64) []byte {
	b := append(event[:len(event)-1:len(event)-1], `,"revision":`...)
	b = strconv.AppendInt(b, revision, 10)
	v := gjson.GetManyBytes(event, "action", "resource.type")
	if v[1].Exists() && v[0].String() != "delete" && v[1].String() != schema.SignInType {
		b = append(b, `,"version":"`+state.Version(revision).String()+`"`...)
	}
	return append(b, '}')
}
