package directory

import (
	"encoding/json"
	"fmt"
	"maps"
)

// Link ties a NameID of a connection to a User.
type Link struct {
	Connection ID                `json:"-"`
	User       ID                `json:"user"`
	NameID     string            `json:"nameId"`
	Wrote      map[string]string `json:"wrote,omitempty"` // what sign-in last wrote, by attribute path
}

type link struct {
	Link
	revision int64
}

func (s *scopeState) applyLink(rest string, rev int64, e entry) error {
	if e.deleted {
		s.links.Delete(rest)
		return nil
	}
	connection, ok := rawID(rest[:min(16, len(rest))])
	l := &link{revision: rev}
	if !ok {
		return fmt.Errorf("key %q is no link", e.key)
	}
	if err := json.Unmarshal(e.value, &l.Link); err != nil {
		return fmt.Errorf("link %q: %w", e.key, err)
	}
	l.Connection = connection
	s.links.Set(rest, l)
	return nil
}

// MarshalText and UnmarshalText let an ID stand in JSON.
func (id ID) MarshalText() ([]byte, error) { return []byte(id.String()), nil }

// UnmarshalText reads what MarshalText wrote.
func (id *ID) UnmarshalText(b []byte) error {
	parsed, ok := ParseID(string(b))
	if !ok {
		return fmt.Errorf("%q is no id", b)
	}
	*id = parsed
	return nil
}

// Link returns the link of the NameID on the connection; nil if there is none. A link to a User that was deleted counts
// only while its DeletedUser still holds the userName (the person may have been created anew by then).
func (s *Snapshot) Link(connection ID, nameID string) *Link {
	l := s.link(connection, nameID)
	if l == nil {
		return nil
	}
	switch r := s.scope.get(l.User); {
	case r == nil, r.Type == deletedUserType && r.released:
		return nil
	}
	return &l.Link
}

func (s *Snapshot) link(connection ID, nameID string) *link {
	l, _ := s.scope.links.Get(connection.raw() + "/" + digest(nameID))
	return l
}

// Link returns the link as Snapshot.Link does; the change then rests on it.
func (tx *Tx) Link(connection ID, nameID string) *Link {
	l := tx.snap.link(connection, nameID)
	key := tx.keys().link(connection, nameID)
	if l == nil {
		tx.require(condition{key: key, kind: modRevision, revision: 0})
	} else {
		tx.require(condition{key: key, kind: modRevision, revision: l.revision})
	}
	return tx.snap.Link(connection, nameID)
}

// PutLink ties the NameID to the User, or changes what sign-in wrote last.
func (tx *Tx) PutLink(l Link) {
	l.Wrote = maps.Clone(l.Wrote)
	value, err := json.Marshal(l)
	if err != nil {
		panic(err) // strings only
	}
	tx.put(tx.keys().link(l.Connection, l.NameID), value)
}

// DeleteLink unties the NameID.
func (tx *Tx) DeleteLink(connection ID, nameID string) {
	tx.delete(tx.keys().link(connection, nameID))
}
