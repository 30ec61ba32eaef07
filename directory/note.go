package directory

import (
	"context"

	"rollcall/directory/internal/state"
	"rollcall/directory/internal/store"
)

// A note is a value outside every version, such as a connection's health. Its kind is the caller's choice, except for
// these.
const (
	// HealthNote holds a connection's health as JSON.
	HealthNote = "health"
	// DomainsNote of an Organization, in the system scope, is what was last seen of its domains' records.
	DomainsNote = "domains"
	usedNote    = "used"  // when an access token was last used
	epochNote   = "epoch" // how often a User's sessions were ended as a whole
)

// Note returns a note's value; nil if there is none.
func (s *Snapshot) Note(kind string, id ID) []byte { return s.scope.Note(kind, id).Value }

// CentralNote is Note for the notes of the system scope.
func (s *Snapshot) CentralNote(kind string, id ID) []byte { return s.sys.Note(kind, id).Value }

// PutNote puts a note with the rest of the change.
func (tx *Tx) PutNote(kind string, id ID, value []byte) {
	tx.put(tx.keys().Note(kind, id), value)
}

// ReplaceNote puts a note if it is still as on the snapshot, so that of several writers one succeeds. It is WriteNote
// otherwise. Errors: as WriteNote; Busy if the note was written since.
func (d *Directory) ReplaceNote(ctx context.Context, s *Snapshot, kind string, id ID, value []byte) error {
	if err := d.store.node.Quota.Admit(false); err != nil {
		return err
	}
	key := s.keys().Note(kind, id)
	return d.store.node.Housekeep(ctx, []store.Condition{store.Unchanged(key, s.scope.Note(kind, id).Revision)},
		[]state.Entry{state.Put(key, value)})
}

// WriteNote puts a note. It writes no Event and is not part of any change; where it matters that nothing is lost, it is
// called again. Errors: Full, Unavailable, NotFound for the organization.
func (d *Directory) WriteNote(ctx context.Context, kind string, id ID, value []byte) error {
	if err := d.store.node.Quota.Admit(false); err != nil {
		return err
	}
	s, err := d.fresh(ctx)
	if err != nil {
		return err
	}
	return d.store.node.Housekeep(ctx, nil, []state.Entry{state.Put(s.keys().Note(kind, id), value)})
}
