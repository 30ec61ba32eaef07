package state

import (
	"cmp"
	"encoding/json"
	"slices"
	"time"

	"rollcall/directory/schema"
)

// pendingNote is the kind of the note that holds the change of definitions that is pending in a scope.
const pendingNote = "pending"

// PendingChange is a change of definitions that was announced and is not in force yet: whoever writes must satisfy both
// what is in force and what is pending.
type PendingChange struct {
	Change      ID          `json:"change"`
	At          time.Time   `json:"at"`
	Withdrawn   bool        `json:"withdrawn,omitempty"` // its index is being removed
	Definitions Definitions `json:"definitions"`

	Revision int64 `json:"-"` // at which it was put
}

// Pending is the key of the change of definitions that is pending.
func (k ScopeKeys) Pending() string { return k.Note(pendingNote, ID{}) }

// Pending is the change of definitions that is pending; nil if there is none.
func (s *Scope) Pending() *PendingChange {
	n := s.Note(pendingNote, ID{})
	if n.Revision == 0 {
		return nil
	}
	p := &PendingChange{Revision: n.Revision}
	if err := json.Unmarshal(n.Value, p); err != nil {
		return nil
	}
	return p
}

// Catalog holds the types in force.
func (s *Scope) Catalog() *Catalog { return s.catalog }

// Problems are what is wrong with stored definitions.
func (s *Scope) Problems() []*DefinitionError { return s.problems }

// Proposed holds the types as the pending change of definitions would have them; nil if none is pending.
func (s *Scope) Proposed() *Catalog { return s.proposed }

// refreshCatalog compiles the scope's types again after a definition changed, and gives the tables the indexes that the
// types ask for now.
func (s *liveScope) refreshCatalog() {
	s.catalog, s.problems = s.catalog.Load(s.Definitions())
	for _, t := range s.catalog.types {
		s.setIndexes(t)
	}
	s.proposed = nil
	if p := s.Pending(); p != nil && !p.Withdrawn {
		s.proposed, _ = s.catalog.Load(p.Definitions) // they were compiled before they were announced
	}
}

// setIndexes gives the type's table the indexes it should have.
func (s *liveScope) setIndexes(t *schema.ResourceType) {
	table, want := s.tables[t.Name], indexedAttributes(t)
	if table == nil {
		return
	}
	same := slices.EqualFunc(table.indexes[1:], want, func(x index, a *schema.Attribute) bool {
		return x.attr.Path == a.Path && x.attr.CaseExact == a.CaseExact && x.attr.Kind == a.Kind
	})
	if same {
		return
	}
	fresh := newTable(want)
	table.list.Scan(func(ord uint32, r *Record) bool {
		for i := range fresh.indexes {
			fresh.indexes[i].move(nil, s.indexKeys(&fresh.indexes[i], r), ord)
		}
		return true
	})
	table.indexes = fresh.indexes
}

// indexedAttributes are the attributes of a type that have an index in memory, beside meta.lastModified: what clients
// look for, and whatever is unique.
func indexedAttributes(t *schema.ResourceType) []*schema.Attribute {
	var attrs []*schema.Attribute
	for _, path := range []string{"userName", "externalId", "emails.value", "displayName"} {
		if a := t.Lookup(path); a != nil && a.Kind == schema.String {
			attrs = append(attrs, a)
		}
	}
	attrs = append(attrs, UniqueAttributes(t)...)
	slices.SortFunc(attrs, func(a, b *schema.Attribute) int { return cmp.Compare(a.Path, b.Path) })
	return slices.CompactFunc(attrs, func(a, b *schema.Attribute) bool { return a.Path == b.Path })
}
