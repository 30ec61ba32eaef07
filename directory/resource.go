package directory

import "rollcall/directory/internal/state"

// ID identifies a resource within its scope. IDs of Events and SignIns begin with their time, so that their keys are in
// order; all others are random (UUID version 4). String writes the form that SCIM shows, MarshalText the same.
type ID = state.ID

// NewID returns a random ID.
func NewID() ID { return state.NewID() }

// ParseID reads the text form of an ID, in lower case as String writes it: IDs are compared exactly (RFC 7643 §3.1).
func ParseID(s string) (ID, bool) { return state.ParseID(s) }

// Version tells two states of a resource apart. It is opaque: compared, never computed with. Its text form is
// [0-9a-z]+.
type Version = state.Version

// Resource is a committed resource. It and its bytes are shared by all readers and never change; Version is set once it
// is committed. Text reads an attribute of its document; Memo keeps what readers worked out of it.
type Resource = state.Resource

// Link ties a NameID of a connection to a User.
type Link = state.Link
