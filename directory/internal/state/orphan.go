package state

import (
	"slices"

	"rollcall/directory/schema"
)

// deletedMembers are the Users and Groups of a scope that were deleted and whose grants are yet to be swept. The grants
// stay in the trees, where they count no more.
type deletedMembers struct {
	ordinals map[ID]uint32
	ids      map[uint32]ID
}

// orphan remembers a deleted User or Group, so that the sweeper finds its grants.
func (s *State) orphan(id ScopeID, r *Record) {
	if r.Type != schema.UserType && r.Type != schema.GroupType {
		return
	}
	d := s.deleted[id]
	if d == nil {
		d = &deletedMembers{map[ID]uint32{}, map[uint32]ID{}}
		s.deleted[id] = d
	}
	d.ordinals[r.ID], d.ids[r.ord] = r.ord, r.ID
}

func (d *deletedMembers) forget(id ID) {
	delete(d.ids, d.ordinals[id])
	delete(d.ordinals, id)
}

// adopt makes the grants of a User that was restored its own again, if any is yet to be swept: what is in memory is
// what the keys say.
func (s *State) adopt(scope ScopeID, r *Record) {
	sc := s.scope(scope)
	if d := s.deleted[scope]; d != nil {
		if was, ok := d.ordinals[r.ID]; ok {
			var edges []edge
			sc.groups.Ascend(edge{from: was}, func(e edge) bool {
				if e.from == was {
					edges = append(edges, e)
				}
				return e.from == was
			})
			for _, e := range edges {
				g, _ := sc.members.Get(grantEdge{edge: edge{e.to, was, e.grantor}})
				sc.revoke(e.to, was, e.grantor)
				sc.grant(e.to, r.ord, e.grantor, g.since)
			}
			d.forget(r.ID)
		}
	}
	for key, since := range s.orphans {
		p, _ := s.keys.locate(key)
		group, member, g, _ := grantPlace(p.rest)
		if p.scope != scope || member != r.ID {
			continue
		}
		if from, ok := s.end(sc, scope, group, schema.GroupType); ok {
			sc.grant(from, r.ord, sc.intern(g), since)
			delete(s.orphans, key)
		}
	}
}

// end finds the ordinal of one end of a membership, also when its resource was deleted and its grants are yet to be
// swept.
func (s *State) end(sc *liveScope, scope ScopeID, id ID, types ...string) (ord uint32, ok bool) {
	if r := sc.Get(id); r != nil && slices.Contains(types, r.Type) {
		return r.ord, true
	}
	if d := s.deleted[scope]; d != nil {
		ord, ok = d.ordinals[id]
	}
	return ord, ok
}

// Orphans lists up to n keys of grants that count no more because an end of them was deleted, and forgets the deleted
// resources that have none left.
func (s *State) Orphans(n int) []string {
	var keys []string
	for k := range s.orphans {
		if len(keys) == n {
			return keys
		}
		keys = append(keys, k)
	}
	for scope, d := range s.deleted {
		for id := range d.ordinals {
			orphans := s.orphansOf(scope, d, id, n-len(keys))
			if keys = append(keys, orphans...); len(keys) == n {
				return keys
			}
			if len(orphans) == 0 {
				d.forget(id)
			}
		}
		if len(d.ordinals) == 0 {
			delete(s.deleted, scope)
		}
	}
	return keys
}

// orphansOf lists up to n keys of the grants of a deleted resource: to its members, and to itself.
func (s *State) orphansOf(scope ScopeID, d *deletedMembers, id ID, n int) []string {
	var keys []string
	sc, k, ord := s.live[scope], s.keys.Scope(scope), d.ordinals[id]
	list := func(key func(other ID, by Grantor) string) func(edge) bool {
		return func(e edge) bool {
			if e.from != ord || len(keys) == n {
				return false
			}
			if other, ok := s.nameOf(sc, d, e.to); ok {
				keys = append(keys, key(other, sc.grantors[e.grantor]))
			}
			return true
		}
	}
	sc.ascendMembers(edge{from: ord}, list(func(m ID, by Grantor) string { return k.Grant(id, m, by) }))
	sc.groups.Ascend(edge{from: ord}, list(func(g ID, by Grantor) string { return k.Grant(g, id, by) }))
	return keys
}

// nameOf is the ID that belongs to an ordinal, also when its resource was deleted and its grants are yet to be swept.
func (s *State) nameOf(sc *liveScope, d *deletedMembers, ord uint32) (ID, bool) {
	if r := sc.member(ord); r != nil {
		return r.ID, true
	}
	id, ok := d.ids[ord]
	return id, ok
}
