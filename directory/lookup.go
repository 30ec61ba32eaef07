package directory

import (
	"cmp"
	"iter"
	"slices"
	"strings"

	"rollcall/directory/filter"
)

// candidates yields, in order of creation, the records among which all matches are.
func (s *Snapshot) candidates(sc *scopeState, t *table, typ string, compiled *filter.Query) iter.Seq[*record] {
	if compiled != nil {
		for _, l := range compiled.Lookups() {
			if found, ok := s.lookUp(sc, t, typ, l); ok {
				return slices.Values(found)
			}
		}
	}
	return func(yield func(*record) bool) {
		t.list.Scan(func(_ uint32, r *record) bool { return yield(r) })
	}
}

// lookUp answers a comparison from an index; ok is false where there is none.
func (s *Snapshot) lookUp(sc *scopeState, t *table, typ string, l filter.Lookup) (found []*record, ok bool) {
	switch {
	case l.Op == filter.Eq && l.Attribute.Path == "id":
		if id, ok := ParseID(l.Key); ok {
			if r := sc.get(id); r != nil && r.Type == typ {
				return []*record{r}, true
			}
		}
		return nil, true
	case l.Op == filter.Eq && typ == groupType && l.Attribute.Path == "members.value":
		if m := s.recordOf(l.Key); m != nil {
			found = slices.Collect(sc.directGroups(m.ord))
		}
		return sorted(found), true
	case l.Op == filter.Eq && typ == userType && l.Attribute.Path == "groups.value":
		if g := s.recordOf(l.Key); g != nil && g.Type == groupType {
			found = s.usersIn(g)
		}
		return sorted(found), true
	}
	x := t.index(l.Attribute)
	if x == nil {
		return nil, false
	}
	keep := keepEntry(l.Op, l.Key)
	if keep == nil {
		return nil, false
	}
	from := indexEntry{key: l.Key}
	if l.Op == filter.Lt || l.Op == filter.Le {
		from = indexEntry{}
	}
	seen := uint32(0)
	x.tree.Ascend(from, func(e indexEntry) bool {
		k := keep(e.key)
		if k == past {
			return false
		}
		if k == inside && e.ord != seen {
			if r, ok := t.list.Get(e.ord); ok {
				found, seen = append(found, r), e.ord
			}
		}
		return true
	})
	if l.Op != filter.Eq {
		found = sorted(found)
	}
	return found, true
}

type where uint8

const (
	outside where = iota
	inside
	past
)

// keepEntry says of a key of an index, in ascending order from the comparison's, whether it belongs to the answer.
func keepEntry(op filter.Op, key string) func(string) where {
	when := func(in, end bool) where {
		switch {
		case end:
			return past
		case in:
			return inside
		}
		return outside
	}
	switch op {
	case filter.Eq:
		return func(k string) where { return when(true, k != key) }
	case filter.Sw:
		return func(k string) where { return when(true, !strings.HasPrefix(k, key)) }
	case filter.Gt:
		return func(k string) where { return when(k > key, false) }
	case filter.Ge:
		return func(k string) where { return when(true, false) }
	case filter.Lt:
		return func(k string) where { return when(true, k >= key) }
	case filter.Le:
		return func(k string) where { return when(true, k > key) }
	}
	return nil
}

// sorted puts records in order of creation, each once.
func sorted(found []*record) []*record {
	slices.SortFunc(found, func(a, b *record) int { return cmp.Compare(a.ord, b.ord) })
	return slices.CompactFunc(found, func(a, b *record) bool { return a.ord == b.ord })
}

func (s *Snapshot) recordOf(text string) *record {
	id, ok := ParseID(text)
	if !ok {
		return nil
	}
	return s.scope.get(id)
}

// usersIn are the Users in the group, directly or through groups in it.
func (s *Snapshot) usersIn(group *record) []*record {
	var users []*record
	seen := map[uint32]bool{group.ord: true}
	for queue := []*record{group}; len(queue) > 0; queue = queue[1:] {
		for m := range s.scope.membersOf(queue[0]) {
			switch {
			case m.Type == userType:
				users = append(users, m)
			case !seen[m.ord]:
				seen[m.ord] = true
				queue = append(queue, m)
			}
		}
	}
	return users
}
