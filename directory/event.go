package directory

import (
	"context"
	"maps"
	"slices"

	"rollcall/directory/internal/state"
	"rollcall/directory/schema"
)

// Every resource that a change writes has an Event, whichever way it was changed. The first one is also the fence of
// the transaction (update.go). Sessions and SignIns, which tell of themselves, have one only where the change is about
// nothing else; a DeletedUser shares its User's.

// eventDraft is the Event of a change about one resource.
type eventDraft struct {
	action, typ string
	id          ID
	paths       map[string]bool
	ended       int  // Sessions of the User that end
	minor       bool // only where there is no other
}

// events are the Events of a change, in the order in which it mentions their resources.
type events struct{ drafts []*eventDraft }

func (e events) clone() events {
	drafts := make([]*eventDraft, len(e.drafts))
	for i, d := range e.drafts {
		c := *d
		c.paths = maps.Clone(d.paths)
		drafts[i] = &c
	}
	return events{drafts}
}

// about returns the Event about the resource, and makes it where there is none. What happens to a resource first gives
// the Event its action, unless the resource is deleted later.
func (e *events) about(action, typ string, id ID, minor bool) *eventDraft {
	for _, d := range e.drafts {
		if d.id != id {
			continue
		}
		if action == "delete" {
			d.action, d.typ = action, typ
		}
		d.minor = d.minor && minor
		return d
	}
	d := &eventDraft{action: action, typ: typ, id: id, paths: map[string]bool{}, minor: minor}
	e.drafts = append(e.drafts, d)
	return d
}

// touch names an attribute that the change changes.
func (d *eventDraft) touch(path string) {
	if path != "id" {
		d.paths[path] = true
	}
}

// about is the change's Event about the resource. An action that is more than the creation, update or deletion of the
// resource is named before anything of it is staged.
func (tx *Tx) about(action, typ string, id ID) *eventDraft {
	return tx.events.about(action, typ, id, tx.snap.kind(typ).minor)
}

// shown are the Events that a change leaves; there is at least one.
func (e events) shown() []*eventDraft {
	drafts := slices.DeleteFunc(slices.Clone(e.drafts), func(d *eventDraft) bool { return d.minor })
	switch {
	case len(drafts) > 0:
		return drafts
	case len(e.drafts) > 0:
		return e.drafts[:1]
	}
	return []*eventDraft{{action: "note"}} // nothing but a note or a link
}

// eventEntries put the Events of the change; there is at least one.
func (tx *Tx) eventEntries() ([]state.Entry, error) {
	var entries []state.Entry
	actor := tx.eventActor()
	for _, d := range tx.events.shown() {
		id := tx.dir.store.timeIDs.Next(tx.at)
		doc := tx.eventDocument(d)
		doc["id"], doc["at"], doc["actor"] = id.String(), schema.FormatTime(tx.at), actor
		if tx.request != "" {
			doc["request"] = clip(tx.request)
		}
		r := state.NewRecord(schema.EventType, id, tx.at)
		var err error
		if r.JSON, err = fitEvent(doc); err != nil {
			return nil, err
		}
		entries = append(entries, state.Put(tx.keys().Events(tx.classOf(d))+id.Raw(), r.Encode()))
	}
	return entries, nil
}

// eventDocument says what the change does to one resource.
func (tx *Tx) eventDocument(d *eventDraft) schema.Document {
	doc := schema.Document{"action": d.action}
	if d.id.IsZero() {
		return doc
	}
	before, after := tx.snap.record(d.typ, d.id), tx.record(d.typ, d.id)
	resource := map[string]any{"type": d.typ, "value": d.id.String()}
	if name := clip(displayOf(after, before)); name != "" {
		resource["display"] = name
	}
	doc["resource"] = resource
	if len(d.paths) > 0 {
		paths := []any{}
		for _, p := range slices.Sorted(maps.Keys(d.paths)) {
			paths = append(paths, p)
		}
		doc["paths"] = paths
	}
	if changes := changesOf(tx.snap.kind(d.typ).recorded, before, after); len(changes) > 0 {
		doc["changes"] = changes
	}
	if d.typ == schema.GroupType && d.action != "delete" {
		if m := tx.members.changed(d.id); m != nil {
			doc["members"] = m
		}
	}
	if d.ended > 0 {
		doc["endedSessions"] = number(d.ended)
	}
	return doc
}

// displayOf is the name of the first record that has one.
func displayOf(records ...*state.Record) string {
	for _, r := range records {
		if r != nil && r.Display() != "" {
			return r.Display()
		}
	}
	return ""
}

// actor is who makes the change, as documents name it.
func (tx *Tx) actor() map[string]any {
	return map[string]any{"type": tx.dir.actor.Type, "value": tx.dir.actor.ID}
}

// eventActor is who makes the change, with names as of this moment: a session is gone before its Events are.
func (tx *Tx) eventActor() map[string]any {
	a, by := tx.dir.actor, tx.actor()
	name := ""
	if id, ok := ParseID(a.ID); ok {
		home := tx.snap.scope
		if a.System {
			home = tx.snap.sys
		}
		name = displayOf(home.Get(id))
	}
	person := a.User
	if person.IsZero() {
		person = a.maker
	}
	if !person.IsZero() {
		by["user"] = person.String()
	}
	if a.Type == schema.SessionType {
		name = displayOf(tx.snap.scope.Get(a.User))
	}
	if name = clip(name); name != "" {
		by["display"] = name
	}
	return by
}

// RecordSignIn writes the record of a sign-in attempt, in the transaction of whatever else the attempt changes. It
// returns the record's ID. What the document says about the person (identity, attributes) is kept apart.
func (tx *Tx) RecordSignIn(doc schema.Document) (ID, error) {
	id := tx.dir.store.timeIDs.Next(tx.at)
	doc = maps.Clone(doc)
	doc["id"], doc["at"] = id.String(), schema.FormatTime(tx.at)
	if err := tx.putIdentity(id, doc); err != nil {
		return id, err
	}
	r := state.NewRecord(schema.SignInType, id, tx.at)
	var err error
	if r.JSON, err = schema.SignIn().Encode(doc); err != nil {
		return id, err
	}
	if len(r.JSON) > MaxDocument {
		return id, errorf(TooLarge, "", "the sign-in record has %d bytes; at most %d are stored",
			len(r.JSON), MaxDocument)
	}
	tx.put(tx.keys().SignIns()+id.Raw(), r.Encode())
	tx.putNumber(id, doc)
	tx.noteActivity(r)
	tx.about("signIn", schema.SignInType, id)
	return id, nil
}

type requestKey struct{}

// WithRequest returns a context whose changes carry the id of a request, which the client and the log have, too, in
// their Events.
func WithRequest(ctx context.Context, id string) context.Context {
	return context.WithValue(ctx, requestKey{}, id)
}

func requestOf(ctx context.Context) string {
	id, _ := ctx.Value(requestKey{}).(string)
	return id
}
