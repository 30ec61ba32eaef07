package state

import (
	"maps"

	"rollcall/directory/schema"
)

// liveScope is a scope that the applier is changing. Readers get copies, as Scope.
type liveScope struct {
	Scope
	lastOrd   uint32
	gathering *EventGathering // nil: nobody gathers the order of the Events
}

// freeze returns the scope as readers may have it. Copying writes to the source tree, so the applier alone does it.
func (s *liveScope) freeze() *Scope {
	f := s.Scope
	f.byID, f.members, f.groups = s.byID.Copy(), s.members.Copy(), s.groups.Copy()
	f.grants, f.counts = s.grants.Copy(), s.counts.Copy()
	f.stamps, f.links, f.linksBy, f.notes = s.stamps.Copy(), s.links.Copy(), s.linksBy.Copy(), s.notes.Copy()
	f.secrets, f.hashes, f.sessions = s.secrets.Copy(), s.hashes.Copy(), s.sessions.Copy()
	if s.events != nil {
		f.events = s.events.Copy()
	}
	f.tables = maps.Clone(s.tables)
	for name, t := range f.tables {
		f.tables[name] = t.freeze()
	}
	return &f
}

func (s *liveScope) table(typ string) *table {
	t := s.tables[typ]
	if t == nil {
		var indexed []*schema.Attribute
		if rt := s.catalog.Type(typ); rt != nil {
			indexed = indexedAttributes(rt)
		}
		t = newTable(indexed)
		s.tables[typ] = t
	}
	return t
}

// put adds or replaces a record.
func (s *liveScope) put(r *Record) {
	t := s.table(r.Type)
	old := s.Get(r.ID)
	if old != nil && old.Type != r.Type {
		s.remove(old)
		old = nil
	}
	if old != nil {
		r.ord = old.ord
	} else {
		s.lastOrd++
		r.ord = s.lastOrd
	}
	if old != nil {
		s.bytes -= old.Size()
	}
	s.bytes += r.Size()
	t.list.Set(r.ord, r)
	s.reindex(t, old, r)
	s.byID.Set(idEntry{r.ID, r})
	s.rehash(old, r)
}

// remove takes a record out. Its memberships stay in the trees, invisible, until they are swept.
func (s *liveScope) remove(r *Record) {
	recount := s.leave(r)
	t := s.table(r.Type)
	s.reindex(t, r, nil)
	s.bytes -= r.Size()
	t.list.Delete(r.ord)
	s.byID.Delete(idEntry{id: r.ID})
	s.rehash(r, nil)
	recount()
}

// rehash moves what leads to an AccessToken or a Session from old to new; either may be nil.
func (s *liveScope) rehash(old, new *Record) {
	if old != nil && old.Hash != "" {
		s.hashes.Delete(old.Hash)
	}
	if new != nil && new.Hash != "" {
		s.hashes.Set(new.Hash, new)
	}
	if old != nil && old.Type == schema.SessionType {
		s.sessions.Delete(sessionEntry{SessionUser(old), old.ID})
	}
	if new != nil && new.Type == schema.SessionType {
		s.sessions.Set(sessionEntry{SessionUser(new), new.ID})
	}
}

// SessionUser is the ID of a Session's User.
func SessionUser(session *Record) ID {
	id, _ := ParseID(session.Text("user.value"))
	return id
}

// reindex moves the record's entries from old to new; either may be nil.
func (s *liveScope) reindex(t *table, old, new *Record) {
	for i := range t.indexes {
		x := &t.indexes[i]
		var was, is []string
		var ord uint32
		if old != nil {
			was, ord = s.indexKeys(x, old), old.ord
		}
		if new != nil {
			is, ord = s.indexKeys(x, new), new.ord
		}
		x.move(was, is, ord)
	}
}

// indexKeys are the keys under which the index lists the record.
func (s *liveScope) indexKeys(x *index, r *Record) []string {
	if x.attr == nil { // meta.lastModified
		_, at := s.Modified(r)
		return []string{schema.TimeKey(at)}
	}
	return AttributeKeys(x.attr, r.JSON)
}

// restamp records a change of a group's members.
func (s *liveScope) restamp(group *Record, st stamp) {
	x := s.table(schema.GroupType).modifiedIndex()
	_, before := s.Modified(group)
	s.stamps.Set(group.ord, st)
	_, after := s.Modified(group)
	x.move([]string{schema.TimeKey(before)}, []string{schema.TimeKey(after)}, group.ord)
}
