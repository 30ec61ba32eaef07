package state

import (
	"encoding/json"
	"fmt"
	"iter"
)

// Link ties a NameID of a connection to a User.
type Link struct {
	Connection ID                `json:"-"`
	User       ID                `json:"user"`
	NameID     string            `json:"nameId"`
	Wrote      map[string]string `json:"wrote,omitempty"` // what sign-in last wrote, by attribute path

	revision int64
}

// Revision is the revision at which the link was put; 0 for a nil link.
func (l *Link) Revision() int64 {
	if l == nil {
		return 0
	}
	return l.revision
}

// Link returns the link of the NameID on the connection; nil if there is none.
func (s *Scope) Link(connection ID, nameID string) *Link {
	l, _ := s.links.Get(linkName(connection, nameID))
	return l
}

// Links yields every link.
func (s *Scope) Links() iter.Seq[*Link] {
	return func(yield func(*Link) bool) {
		s.links.Scan(func(_ string, l *Link) bool { return yield(l) })
	}
}

func (s *liveScope) applyLink(c change) error {
	if c.Deleted {
		s.links.Delete(c.rest)
		return nil
	}
	connection, ok := RawID(c.rest[:min(16, len(c.rest))])
	if !ok {
		return fmt.Errorf("key %q is not a link", c.Key)
	}
	l := &Link{}
	if err := json.Unmarshal(c.Value, l); err != nil {
		return fmt.Errorf("link %q: %w", c.Key, err)
	}
	l.Connection, l.revision = connection, c.revision
	s.links.Set(c.rest, l)
	return nil
}
