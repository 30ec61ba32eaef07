package directory

import (
	"encoding/json"
	"strconv"

	"rollcall/directory/internal/store"
	"rollcall/directory/schema"
)

// draftNote holds what a connection is to become once it has been tried.
const draftNote = "draft"

// Draft is the next document of a connection, beside the one that is in force.
type Draft struct {
	Document schema.Document
	Version  string // tells it from other drafts
	At       string // when it was made
	Stale    bool   // the connection has changed since
}

// storedDraft is the value of the note.
type storedDraft struct {
	Base     Version         `json:"base"` // of the connection
	At       string          `json:"at"`
	Document json.RawMessage `json:"document"`
}

// Draft returns the connection's draft; nil if it has none.
func (s *Snapshot) Draft(connection *Resource) (*Draft, error) {
	n := s.scope.Note(draftNote, connection.ID)
	if len(n.Value) == 0 {
		return nil, nil
	}
	var held storedDraft
	if err := json.Unmarshal(n.Value, &held); err != nil {
		return nil, err
	}
	doc, err := schema.IdentityProvider().Decode(held.Document)
	if err != nil {
		return nil, err
	}
	return &Draft{Document: doc, Version: strconv.FormatInt(n.Revision, 36), At: held.At,
		Stale: held.Base != connection.Version}, nil
}

// PutDraft keeps a document as the connection's draft, in the place of an earlier one. The change depends on the
// connection and the earlier draft as they are. Errors: Forbidden unless the actor administers; those of encoding.
func (tx *Tx) PutDraft(connection *Resource, doc schema.Document) error {
	if err := tx.mayDraft(); err != nil {
		return err
	}
	encoded, err := schema.IdentityProvider().Encode(doc)
	if err != nil {
		return err
	}
	if len(encoded) > MaxDocument {
		return errorf(TooLarge, "", "the document has %d bytes; at most %d are stored", len(encoded), MaxDocument)
	}
	value, err := json.Marshal(storedDraft{connection.Version, schema.FormatTime(tx.at), encoded})
	if err != nil {
		return err
	}
	tx.guardDraft(connection.ID)
	tx.put(tx.keys().Note(draftNote, connection.ID), value)
	tx.about("draft", schema.IdentityProviderType, connection.ID)
	return nil
}

// DropDraft forgets the connection's draft. Errors: Forbidden unless the actor administers; NotFound if it has none.
func (tx *Tx) DropDraft(connection *Resource) error {
	if err := tx.mayDraft(); err != nil {
		return err
	}
	if len(tx.snap.scope.Note(draftNote, connection.ID).Value) == 0 {
		return errorf(NotFound, "", "the connection has no pending change")
	}
	tx.guardDraft(connection.ID)
	tx.delete(tx.keys().Note(draftNote, connection.ID))
	tx.about("dropDraft", schema.IdentityProviderType, connection.ID)
	return nil
}

// TakeDraft puts the draft of that version in force, and reports whether it has: another draft, or one of a connection
// that has changed since, stays.
func (tx *Tx) TakeDraft(connection *Resource, version string) (bool, error) {
	d, err := tx.snap.Draft(connection)
	if err != nil || d == nil || d.Stale || d.Version != version {
		return false, err
	}
	tx.guardDraft(connection.ID)
	if _, err := tx.Replace(connection, d.Document); err != nil {
		return false, err
	}
	tx.delete(tx.keys().Note(draftNote, connection.ID))
	return true, nil
}

func (tx *Tx) mayDraft() error {
	if !tx.dir.actor.Rights.Has(administer) {
		return errAdministers()
	}
	return nil
}

// guardDraft makes the change depend on the draft as it is.
func (tx *Tx) guardDraft(connection ID) {
	held := tx.snap.scope.Note(draftNote, connection)
	tx.require(store.Unchanged(tx.keys().Note(draftNote, connection), held.Revision))
}
