package directory

import (
	"iter"
	"slices"
	"strings"

	"rollcall/directory/filter"
	"rollcall/directory/internal/state"
	"rollcall/directory/schema"
)

// candidates yields, in order of creation, the records among which all matches are, and says how many there are.
func (s *search) candidates(typ string, compiled *filter.Query) (iter.Seq[*state.Record], int) {
	if s.snap.kind(typ).unstored != nil {
		r := s.membershipRange(compiled)
		return s.membershipRecords(r), s.atMost(r)
	}
	if compiled != nil {
		for _, l := range compiled.Lookups() {
			if found, ok := s.lookUp(typ, l); ok {
				return slices.Values(found), len(found)
			}
		}
	}
	home := s.snap.home(typ)
	return home.All(typ), home.Count(typ)
}

// spend counts work that follows and was reserved. It returns false once the search is to be given up.
func (s *search) spend(units int) bool {
	if s.err == nil {
		s.err = s.work.Spend(s.ctx, units)
	}
	return s.err == nil
}

// step is spend for the steps of walks and comparisons of keys, which are paid as they come: nobody knows before how
// many there are.
func (s *search) step(n int) bool {
	if s.steps += n; s.err == nil && s.steps >= StepsPerUnit {
		s.err = inWords(s.work.Pay(s.ctx, s.steps/StepsPerUnit))
		s.steps %= StepsPerUnit
	}
	return s.err == nil
}

// lookUp answers a comparison without looking at every record; ok is false where it cannot.
func (s *search) lookUp(typ string, l filter.Lookup) (found []*state.Record, ok bool) {
	if l.Op == filter.Eq {
		switch path := l.Attribute.Path; {
		case path == "id":
			return s.withID(typ, l.Key), true
		case path == "members.value" && typ == schema.GroupType:
			return s.withMember(l.Key), true
		case path == "groups.value" && typ == schema.UserType:
			return s.inGroup(l.Key), true
		}
	}

	// A range of keys of the attribute's index.
	inRange := indexRange(l.Op, l.Key)
	if inRange == nil {
		return nil, false
	}
	where := func(k string) state.Where {
		if !s.step(1) {
			return state.Past
		}
		return inRange(k)
	}
	from := l.Key
	if l.Op == filter.Lt || l.Op == filter.Le {
		from = ""
	}
	if found, ok = s.snap.home(typ).Range(typ, l.Attribute, from, where); !ok {
		return nil, false
	}
	if l.Op != filter.Eq { // those of one key are in order already
		found = state.InOrder(found, s.step)
	}
	return found, true
}

// indexRange says of a key of an index where it is, seen from the keys that satisfy the comparison; nil for a
// comparison that is not a range of keys.
func indexRange(op filter.Op, key string) func(string) state.Where {
	where := func(inside, past bool) state.Where {
		switch {
		case past:
			return state.Past
		case inside:
			return state.Inside
		}
		return state.Outside
	}
	switch op {
	case filter.Eq:
		return func(k string) state.Where { return where(true, k != key) }
	case filter.Sw:
		return func(k string) state.Where { return where(true, !strings.HasPrefix(k, key)) }
	case filter.Gt:
		return func(k string) state.Where { return where(k > key, false) }
	case filter.Ge:
		return func(k string) state.Where { return where(true, false) }
	case filter.Lt:
		return func(k string) state.Where { return where(true, k >= key) }
	case filter.Le:
		return func(k string) state.Where { return where(true, k > key) }
	}
	return nil
}

func (s *search) withID(typ, text string) []*state.Record {
	if id, ok := ParseID(text); ok {
		if r := s.snap.home(typ).Of(typ, id); r != nil {
			return []*state.Record{r}
		}
	}
	return nil
}

// withMember returns the Groups that have the direct member; the effective one where the query asks for it.
func (s *search) withMember(text string) []*state.Record {
	id, _ := ParseID(text)
	member := s.snap.scope.Get(id)
	if member == nil {
		return nil
	}
	var groups []*state.Record
	if !s.Effective {
		for g := range s.snap.scope.ParentGroups(member) {
			if groups = append(groups, g); !s.step(1) {
				return nil
			}
		}
		return groups // they are in order
	}
	for m := range s.snap.scope.Memberships(&member.Resource, s.step) {
		groups = append(groups, m.Group)
	}
	return state.InOrder(groups, s.step)
}

// inGroup returns the Users in the group, directly or through groups in it.
func (s *search) inGroup(text string) []*state.Record {
	id, _ := ParseID(text)
	group := s.snap.scope.Of(schema.GroupType, id)
	if group == nil {
		return nil
	}
	var users []*state.Record
	seen := map[*state.Record]bool{group: true}
	for queue := []*state.Record{group}; len(queue) > 0; queue = queue[1:] {
		for m := range s.snap.scope.Members(queue[0]) {
			switch {
			case !s.step(1):
				return nil
			case m.Type == schema.UserType:
				users = append(users, m)
			case !seen[m]:
				seen[m] = true
				queue = append(queue, m)
			}
		}
	}
	return state.InOrder(users, s.step)
}
