package state

import "slices"

// Loaded is a key as it was found, with the revision at which it was last modified.
type Loaded struct {
	Entry
	Modified int64
}

// Build makes the state of one revision of a cluster from all its keys. It comes out as if every revision had been
// applied: resources have the same order. Index entries are gathered, sorted once and loaded in order, which is several
// times as fast as inserting them.
func Build(k Keyspace, builtin *Catalog, cluster uint64, revision int64, parts [][]Loaded) (*State, error) {
	var entries []Entry
	var modified []int64
	for _, part := range parts {
		for _, l := range part {
			entries, modified = append(entries, l.Entry), append(modified, l.Modified)
		}
	}
	resources, rest, err := k.changes(entries, func(i int) int64 { return modified[i] })
	if err != nil {
		return nil, err
	}

	// Resources first, in the order of their creation, then the rest.
	s := New(k, builtin)
	s.cluster = cluster
	if err := s.load(resources); err != nil {
		return nil, err
	}
	if err := s.applyRest(rest); err != nil {
		return nil, err
	}

	for _, sc := range s.live { // the types are compiled when all is there
		sc.refreshCatalog()
	}
	clear(s.defined)
	s.revision = revision
	return s, nil
}

// load fills the tables of every scope with its resources.
func (s *State) load(resources []change) error {
	slices.SortFunc(resources, byCreation)
	loaders := map[ScopeID]*tableLoader{}
	for _, c := range resources {
		r, err := DecodeRecord(c.typ, c.id, c.Value, c.Created, c.revision)
		if err != nil {
			return err
		}
		l := loaders[c.scope]
		if l == nil {
			l = &tableLoader{scope: s.scope(c.scope), entries: map[*index][]indexEntry{}}
			loaders[c.scope] = l
		}
		l.add(r)
	}
	for _, l := range loaders {
		l.finish()
	}
	return nil
}

// tableLoader fills a scope's tables with records in the order of creation.
type tableLoader struct {
	scope   *liveScope
	entries map[*index][]indexEntry
	ids     []idEntry
}

func (l *tableLoader) add(r *Record) {
	l.scope.lastOrd++
	r.ord = l.scope.lastOrd
	t := l.scope.table(r.Type)
	l.scope.bytes += r.Size()
	t.list.Load(r.ord, r)
	for i := range t.indexes {
		x := &t.indexes[i]
		for _, k := range l.scope.indexKeys(x, r) {
			l.entries[x] = append(l.entries[x], indexEntry{k, r.ord})
		}
	}
	l.ids = append(l.ids, idEntry{r.ID, r})
	l.scope.rehash(nil, r)
}

func (l *tableLoader) finish() {
	for x, entries := range l.entries {
		slices.SortFunc(entries, compareWith(lessEntry))
		for _, e := range entries {
			x.tree.Load(e)
		}
	}
	slices.SortFunc(l.ids, compareWith(func(a, b idEntry) bool { return lessID(a.id, b.id) }))
	for _, e := range l.ids {
		l.scope.byID.Load(e)
	}
}

// compareWith turns the order of a tree into one for sorting.
func compareWith[T any](less func(a, b T) bool) func(a, b T) int {
	return func(a, b T) int {
		switch {
		case less(a, b):
			return -1
		case less(b, a):
			return 1
		}
		return 0
	}
}
