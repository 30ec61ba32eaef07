package state

import (
	"cmp"
	"encoding/json"
	"fmt"
	"iter"
	"strings"
)

// Link ties a NameID of a connection to a User.
type Link struct {
	Connection ID     `json:"-"`
	User       ID     `json:"user"`
	NameID     string `json:"nameId"`
	// Name is what tells the link from others of the connection; empty for one that its NameID tells. Format and the
	// qualifiers are those of the NameID.
	Name            string            `json:"name,omitempty"`
	Format          string            `json:"format,omitempty"`
	NameQualifier   string            `json:"nameQualifier,omitempty"`
	SPNameQualifier string            `json:"spNameQualifier,omitempty"`
	Confirmed       []string          `json:"confirmed,omitempty"` // domains of other connections, by an administrator
	Wrote           map[string]string `json:"wrote,omitempty"`     // what sign-in last wrote, by attribute path

	revision int64
}

// Named is what the key of the link spells: Name, or else the NameID.
func (l *Link) Named() string { return cmp.Or(l.Name, l.NameID) }

// Revision is the revision at which the link was put; 0 for a nil link.
func (l *Link) Revision() int64 {
	if l == nil {
		return 0
	}
	return l.revision
}

// Link returns the link of that name on the connection; nil if there is none.
func (s *Scope) Link(connection ID, name string) *Link {
	l, _ := s.links.Get(linkName(connection, name))
	return l
}

// Links yields every link.
func (s *Scope) Links() iter.Seq[*Link] {
	return func(yield func(*Link) bool) {
		s.links.Scan(func(_ string, l *Link) bool { return yield(l) })
	}
}

// LinksOf yields the links to the User.
func (s *Scope) LinksOf(user ID) iter.Seq[*Link] { return s.linksUnder(user.Raw()) }

// LinksLike yields the links of the connection whose NameIDs equal this one but for the case of A to Z.
func (s *Scope) LinksLike(connection ID, nameID string) iter.Seq[*Link] {
	return s.linksUnder(likeEntry(connection, nameID))
}

func (s *Scope) linksUnder(what string) iter.Seq[*Link] {
	return func(yield func(*Link) bool) {
		s.linksBy.Ascend(linkEntry{what: what}, func(e linkEntry) bool {
			if e.what != what {
				return false
			}
			l, ok := s.links.Get(e.link)
			return !ok || yield(l)
		})
	}
}

// linkEntry leads from what is known of a link to the link: from its User, or from its connection and NameID in lower
// case.
type linkEntry struct{ what, link string }

func lessLink(a, b linkEntry) bool {
	return cmp.Or(strings.Compare(a.what, b.what), strings.Compare(a.link, b.link)) < 0
}

// likeEntry is longer than an ID, as no NameID is empty, so it is never that of a User.
func likeEntry(connection ID, nameID string) string {
	return connection.Raw() + strings.Map(func(r rune) rune {
		if 'A' <= r && r <= 'Z' {
			r += 'a' - 'A'
		}
		return r
	}, nameID)
}

func (s *liveScope) applyLink(c change) error {
	s.forgetLink(c.rest)
	if c.Deleted {
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
	for _, e := range linkEntries(c.rest, l) {
		s.linksBy.Set(e)
	}
	return nil
}

func (s *liveScope) forgetLink(name string) {
	l, ok := s.links.Delete(name)
	if !ok {
		return
	}
	for _, e := range linkEntries(name, l) {
		s.linksBy.Delete(e)
	}
}

func linkEntries(name string, l *Link) []linkEntry {
	return []linkEntry{{l.User.Raw(), name}, {likeEntry(l.Connection, l.NameID), name}}
}
