package directory

import (
	"maps"
	"slices"
	"time"

	"rollcall/directory/internal/state"
	"rollcall/directory/schema"
)

// eventDraft is the Event of a change: about the first resource that the change mentions.
type eventDraft struct {
	action, typ string
	id          ID
	paths       map[string]bool
}

func newEventDraft() eventDraft { return eventDraft{paths: map[string]bool{}} }

func (e *eventDraft) clone() eventDraft {
	c := *e
	c.paths = maps.Clone(e.paths)
	return c
}

// mention makes the Event about the resource, unless it is about one already.
func (e *eventDraft) mention(action, typ string, id ID) {
	if e.action == "" {
		e.action, e.typ, e.id = action, typ, id
	}
}

// Mention makes the change's Event about the resource; for changes that are more than the creation, update or deletion
// of one resource. Call it before anything is staged.
func (tx *Tx) Mention(action, typ string, id ID) { tx.event.mention(action, typ, id) }

// touch names an attribute that the change changes.
func (e *eventDraft) touch(id ID, path string) {
	if id == e.id && path != "id" {
		e.paths[path] = true
	}
}

// record is the Event that a change of the actor makes.
func (e *eventDraft) record(id ID, at time.Time, actor map[string]any) (*state.Record, error) {
	doc := schema.Document{"id": id.String(), "at": schema.FormatTime(at), "actor": actor, "action": e.action}
	if e.action == "" {
		doc["action"] = "note"
	} else if !e.id.IsZero() {
		doc["resource"] = map[string]any{"type": e.typ, "value": e.id.String()}
	}
	if len(e.paths) > 0 {
		paths := []any{}
		for _, p := range slices.Sorted(maps.Keys(e.paths)) {
			paths = append(paths, p)
		}
		doc["paths"] = paths
	}
	r := state.NewRecord(schema.EventType, id, at)
	var err error
	r.JSON, err = schema.Event().Encode(doc)
	return r, err
}

// actor is who makes the change, as documents name it.
func (tx *Tx) actor() map[string]any {
	return map[string]any{"type": tx.dir.actor.Type, "value": tx.dir.actor.ID}
}

// RecordSignIn writes the record of a sign-in attempt, in the transaction of whatever else the attempt changes. It
// returns the record's ID.
func (tx *Tx) RecordSignIn(doc schema.Document) (ID, error) {
	id := tx.dir.store.timeIDs.Next(tx.at)
	doc = maps.Clone(doc)
	doc["id"], doc["at"] = id.String(), schema.FormatTime(tx.at)
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
	tx.Mention("signIn", schema.SignInType, id)
	return id, nil
}
