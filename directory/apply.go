package directory

import (
	"fmt"
	"slices"
	"strings"
)

// entry is one key as a revision left it.
type entry struct {
	key     string
	value   []byte
	deleted bool
	prefix  bool  // deleted with all keys that begin with it; only for keys that are not held in memory
	created int64 // etcd's create revision; 0 where the writer does not know it
}

// apply brings the state from the revision before to rev. Resources go first and in the order of their ids, so that every
// node numbers them alike and grants find their ends.
func (s *state) apply(k keyspace, rev int64, entries []entry) error {
	entries = slices.Clone(entries)
	slices.SortStableFunc(entries, func(a, b entry) int { return strings.Compare(a.key, b.key) })
	type located struct {
		place
		entry
	}
	var later []located
	for _, e := range entries {
		s.bytes += int64(len(e.key) + len(e.value))
		p, ok := k.locate(e.key)
		if !ok {
			continue
		}
		if p.kind != "r" {
			later = append(later, located{p, e})
			continue
		}
		if err := s.applyResource(p, rev, e); err != nil {
			return err
		}
	}
	for _, e := range later {
		if err := s.applyOther(e.place, rev, e.entry); err != nil {
			return err
		}
	}
	for k := range s.redefined {
		s.live[k].refreshCatalog()
	}
	clear(s.redefined)
	s.revision = rev
	return nil
}

// redefine notes that the scope's definitions changed: its types are compiled when the revision is complete.
func (s *state) redefine(k scope) { s.redefined[k] = true }

func (s *state) applyResource(p place, rev int64, e entry) error {
	typ, id, ok := resourcePlace(p.rest)
	if !ok {
		return fmt.Errorf("key %q is no resource", e.key)
	}
	sc := s.scope(p.scope)
	if typ == schemaDefinitionType || typ == resourceTypeDefinitionType {
		s.redefine(p.scope)
	}
	old := sc.get(id)
	if e.deleted {
		if old != nil && old.Type == typ { // a User's place may be taken by its DeletedUser already
			s.bury(sc, p.scope, old)
			sc.remove(old)
		}
		return nil
	}
	created := e.created
	if created == 0 {
		created = rev
		if old != nil && old.Type == typ {
			created = old.created
		}
	}
	r, err := decodeRecord(typ, id, e.value, created, rev)
	if err != nil {
		return err
	}
	if old != nil && old.Type != typ {
		s.bury(sc, p.scope, old)
	}
	sc.put(r)
	return nil
}

// bury remembers a deleted User or Group whose grants are still there: they count no more, and the sweeper removes them.
func (s *state) bury(sc *scopeState, k scope, r *record) {
	if r.Type == userType || r.Type == groupType {
		s.graves[scopedID{k, r.ID}] = r.ord
	}
}

func (s *state) applyOther(p place, rev int64, e entry) error {
	switch p.kind { // kinds that are not held in memory come first: no scope is touched for them
	case "u", "e", "s", "once", "leftover":
		return nil
	case "pin":
		return s.applyPin(p.scope, p.rest, e)
	}
	sc := s.scope(p.scope)
	switch p.kind {
	case "scope":
		return sc.applyControl(rev, e)
	case "nest":
		sc.nest = rev
		if e.deleted {
			sc.nest = 0
		}
	case "m":
		group, member, g, ok := grantPlace(p.rest)
		if !ok {
			return fmt.Errorf("key %q is no grant", e.key)
		}
		s.applyGrant(sc, p.scope, e, group, member, g)
	case "v":
		id, ok := rawID(p.rest)
		if !ok {
			return fmt.Errorf("key %q is no stamp", e.key)
		}
		return sc.applyStamp(id, rev, e)
	case "l":
		return sc.applyLink(p.rest, rev, e)
	case "n":
		if strings.HasPrefix(p.rest, pendingNote+"/") {
			s.redefine(p.scope)
		}
		if e.deleted {
			sc.notes.Delete(p.rest)
		} else {
			sc.notes.Set(p.rest, note{e.value, rev})
		}
	case "k":
		if e.deleted {
			sc.secrets.Delete(p.rest)
		} else {
			sc.secrets.Set(p.rest, e.value)
		}
	}
	return nil
}

func (s *state) applyGrant(sc *scopeState, k scope, e entry, group, member ID, g grantor) {
	from, fromOK := s.end(sc, k, group, groupType)
	to, toOK := s.end(sc, k, member, userType, groupType)
	if !fromOK || !toOK {
		if e.deleted {
			delete(s.strays, e.key)
		} else {
			s.strays[e.key] = struct{}{}
		}
		return
	}
	by := sc.intern(g)
	if e.deleted {
		if _, was := sc.members.Delete(edge{from, to, by}); was {
			sc.countGrants(to, -1)
		}
		sc.groupsOf.Delete(edge{to, from, by})
	} else {
		if _, was := sc.members.Set(edge{from, to, by}); !was {
			sc.countGrants(to, 1)
		}
		sc.groupsOf.Set(edge{to, from, by})
	}
}

// end finds the ordinal of one end of a membership, also when its resource was deleted and its grants are yet to be swept.
func (s *state) end(sc *scopeState, k scope, id ID, types ...string) (uint32, bool) {
	if r := sc.get(id); r != nil && slices.Contains(types, r.Type) {
		return r.ord, true
	}
	ord, ok := s.graves[scopedID{k, id}]
	return ord, ok
}

func (s *scopeState) applyStamp(group ID, rev int64, e entry) error {
	r := s.get(group)
	if r == nil || r.Type != groupType {
		return nil // the group is gone
	}
	if e.deleted {
		s.restamp(r.ord, stamp{})
		s.stamps.Delete(r.ord)
		return nil
	}
	at, err := parseMillis(string(e.value))
	if err != nil {
		return fmt.Errorf("stamp of group %s: %w", group, err)
	}
	s.restamp(r.ord, stamp{rev, at})
	return nil
}
