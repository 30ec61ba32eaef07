package directory

import (
	"maps"
	"slices"

	"rollcall/directory/schema"
)

// eventDraft is the Event of a change: about the first resource that the change mentions.
type eventDraft struct {
	action, typ string
	id          ID
	paths       map[string]bool
}

// mention makes the change's Event about the resource, unless it is about one already.
func (tx *Tx) mention(action, typ string, id ID) {
	if tx.event.action == "" {
		tx.event.action, tx.event.typ, tx.event.id = action, typ, id
	}
}

// Mention makes the change's Event about the resource; for changes that are more than the creation, update or deletion of
// one resource. Call it before anything is staged.
func (tx *Tx) Mention(action, typ string, id ID) { tx.mention(action, typ, id) }

// touch names an attribute that the change changes.
func (tx *Tx) touch(id ID, path string) {
	if id == tx.event.id && path != "id" {
		tx.event.paths[path] = true
	}
}

// eventJSON is the Event's document.
func (tx *Tx) eventJSON(id ID) ([]byte, error) {
	doc := schema.Document{
		"id":     id.String(),
		"at":     schema.FormatTime(tx.at),
		"actor":  map[string]any{"type": tx.dir.actor.Type, "value": tx.dir.actor.ID},
		"action": tx.event.action,
	}
	if tx.event.action == "" {
		doc["action"] = "note"
	} else if !tx.event.id.IsZero() {
		doc["resource"] = map[string]any{"type": tx.event.typ, "value": tx.event.id.String()}
	}
	if len(tx.event.paths) > 0 {
		paths := []any{}
		for _, p := range slices.Sorted(maps.Keys(tx.event.paths)) {
			paths = append(paths, p)
		}
		doc["paths"] = paths
	}
	return schema.Event().Encode(doc)
}

// RecordSignIn writes the record of a sign-in attempt, in the transaction of whatever else the attempt changes. It returns
// the record's id.
func (tx *Tx) RecordSignIn(doc schema.Document) (ID, error) {
	id := tx.dir.store.timeIDs.next(tx.at)
	doc = maps.Clone(doc)
	doc["id"], doc["at"] = id.String(), schema.FormatTime(tx.at)
	b, err := schema.SignIn().Encode(doc)
	if err != nil {
		return id, err
	}
	if len(b) > MaxDocument {
		return id, errorf(TooLarge, "", "the sign-in record has %d bytes; at most %d are stored", len(b), MaxDocument)
	}
	r := &record{Resource: Resource{Type: signInType, ID: id, JSON: b, Created: tx.at, LastModified: tx.at}}
	tx.put(tx.keys().signIn(id), r.encode())
	tx.mention("signIn", signInType, id)
	return id, nil
}
