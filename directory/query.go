package directory

import (
	"cmp"
	"context"
	"iter"
	"slices"
	"strings"

	clientv3 "go.etcd.io/etcd/client/v3"

	"rollcall/directory/filter"
)

// Query asks for the resources of one type. Without a filter it asks for all. Results come in order of creation; Events and
// SignIns the newest first.
type Query struct {
	Type    string
	Filter  filter.Expr // nil: all
	Options filter.Options
	Offset  int                    // how many matches to pass over
	Limit   int                    // how many to return at most; 0: none, only count
	Meta    func(*Resource) []byte // JSON of meta, for filters on it
}

// Page is an answer.
type Page struct {
	Total     int // matches in all
	Resources []*Resource
	Snapshot  *Snapshot // the state the answer is from
}

// Query answers from one snapshot; Events and SignIns are read from etcd. Errors: Forbidden by scope, NotFound for a type
// the scope does not have, *schema.Error (invalidFilter), Unavailable.
func (d *Directory) Query(ctx context.Context, q Query) (Page, error) {
	s, err := d.Snapshot(ctx)
	if err != nil {
		return Page{}, err
	}
	if q.Type == eventType || q.Type == signInType {
		return d.queryLog(ctx, s, q)
	}
	return s.Query(q)
}

// Query answers as Directory.Query does, for types that are held in memory.
func (s *Snapshot) Query(q Query) (Page, error) {
	compiled, err := s.compile(q)
	if err != nil {
		return Page{}, err
	}
	page := Page{Snapshot: s}
	_, sc := s.home(q.Type)
	t := sc.tables[q.Type]
	if t == nil {
		return page, nil
	}
	if compiled == nil && (q.Type != organizationType || s.key.system()) {
		page.Total = t.list.Len()
		for i := q.Offset; i < min(q.Offset+q.Limit, page.Total); i++ {
			_, r, _ := t.list.GetAt(i)
			page.Resources = append(page.Resources, s.resource(r))
		}
		return page, nil
	}
	for r := range s.candidates(sc, t, q, compiled) {
		if s.record(r.Type, r.ID) == nil { // another Organization
			continue
		}
		if compiled != nil && !compiled.Match(View{s, r, q.Meta}) {
			continue
		}
		if page.Total >= q.Offset && len(page.Resources) < q.Limit {
			page.Resources = append(page.Resources, s.resource(r))
		}
		page.Total++
	}
	return page, nil
}

// compile checks the query against its type; nil stands for all.
func (s *Snapshot) compile(q Query) (*filter.Query, error) {
	if err := s.actor.mayRead(q.Type); err != nil {
		return nil, err
	}
	t := s.Type(q.Type)
	if t == nil {
		return nil, errorf(NotFound, "", "no resource type %s", q.Type)
	}
	if q.Filter == nil {
		return nil, nil
	}
	return filter.Compile(q.Filter, t, q.Options)
}

// candidates yields, in order of creation, the records among which all matches are.
func (s *Snapshot) candidates(sc *scopeState, t *table, q Query, compiled *filter.Query) iter.Seq[*record] {
	if compiled != nil {
		for _, l := range compiled.Lookups() {
			if found, ok := s.lookUp(sc, t, q.Type, l); ok {
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

// queryLog answers from the Events or SignIns in etcd.
func (d *Directory) queryLog(ctx context.Context, s *Snapshot, q Query) (Page, error) {
	compiled, err := s.compile(q)
	if err != nil {
		return Page{}, err
	}
	prefix := d.logPrefix(s, q.Type)
	ctx, cancel := context.WithTimeout(ctx, settleTimeout)
	defer cancel()
	resp, err := d.store.client.Get(ctx, prefix, clientv3.WithPrefix(), clientv3.WithSort(clientv3.SortByKey, clientv3.SortDescend))
	if err != nil {
		return Page{}, unavailable(err)
	}
	page := Page{Snapshot: s}
	for _, kv := range resp.Kvs {
		if string(kv.Value) == cancelled {
			continue
		}
		id, ok := rawID(string(kv.Key[len(prefix):]))
		if !ok {
			continue
		}
		r, err := decodeRecord(q.Type, id, kv.Value, kv.CreateRevision, kv.ModRevision)
		if err != nil {
			return Page{}, err
		}
		if compiled != nil && !compiled.Match(View{s, r, q.Meta}) {
			continue
		}
		if page.Total >= q.Offset && len(page.Resources) < q.Limit {
			page.Resources = append(page.Resources, &r.Resource)
		}
		page.Total++
	}
	return page, nil
}

func (d *Directory) logPrefix(s *Snapshot, typ string) string {
	k := d.store.keys.scope(s.key)
	if typ == eventType {
		return k.events()
	}
	return k.signIns()
}

// Get returns a resource of any type, Events and SignIns too. Errors: as Snapshot.Get, and Unavailable.
func (d *Directory) Get(ctx context.Context, typ string, id ID) (*Resource, *Snapshot, error) {
	s, err := d.Snapshot(ctx)
	if err != nil {
		return nil, nil, err
	}
	if typ != eventType && typ != signInType {
		r, err := s.Get(typ, id)
		return r, s, err
	}
	if err := s.actor.mayRead(typ); err != nil {
		return nil, nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, commitTimeout)
	defer cancel()
	resp, err := d.store.client.Get(ctx, d.logPrefix(s, typ)+id.raw())
	if err != nil {
		return nil, nil, unavailable(err)
	}
	if len(resp.Kvs) == 0 || string(resp.Kvs[0].Value) == cancelled {
		return nil, nil, errorf(NotFound, "", "%s %s not found", typ, id)
	}
	kv := resp.Kvs[0]
	r, err := decodeRecord(typ, id, kv.Value, kv.CreateRevision, kv.ModRevision)
	if err != nil {
		return nil, nil, err
	}
	return &r.Resource, s, nil
}
