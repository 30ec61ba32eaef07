package directory

import (
	"maps"
	"slices"

	"rollcall/directory/internal/state"
	"rollcall/directory/internal/store"
)

// writeSet is what a change will ask of etcd: conditions and writes, each key once.
type writeSet struct {
	conditions map[string]store.Condition
	writes     map[string]state.Entry
	order      []string // keys of writes, as first written
	ask        []string // keys that are to be absent and are not held in memory: a failed commit tells which exist
}

func newWriteSet() writeSet {
	return writeSet{conditions: map[string]store.Condition{}, writes: map[string]state.Entry{}}
}

func (w *writeSet) put(key string, value []byte) { w.write(state.Put(key, value)) }
func (w *writeSet) delete(key string)            { w.write(state.Delete(key)) }

func (w *writeSet) write(e state.Entry) {
	if _, ok := w.writes[e.Key]; !ok {
		w.order = append(w.order, e.Key)
	}
	w.writes[e.Key] = e
}

// unwrite takes back a write.
func (w *writeSet) unwrite(key string) {
	delete(w.writes, key)
	w.order = slices.DeleteFunc(w.order, func(k string) bool { return k == key })
}

// deletes reports whether the key is to be deleted.
func (w *writeSet) deletes(key string) bool {
	e, ok := w.writes[key]
	return ok && e.Deleted
}

// require adds a condition of the commit. Of two on one key the stronger one stays.
func (w *writeSet) require(c store.Condition) {
	if had, ok := w.conditions[c.Key]; !ok || had.IsWeak() {
		w.conditions[c.Key] = c
	}
}

// requireUnheld requires that the key, which is not held in memory, is absent.
func (w *writeSet) requireUnheld(key string) {
	if !slices.Contains(w.ask, key) {
		w.ask = append(w.ask, key)
	}
	w.require(store.Absent(key))
}

// empty reports whether there is nothing to write.
func (w *writeSet) empty() bool { return len(w.writes) == 0 }

func (w *writeSet) clone() writeSet {
	return writeSet{maps.Clone(w.conditions), maps.Clone(w.writes), slices.Clone(w.order), slices.Clone(w.ask)}
}

// part is the writes under their conditions.
func (w *writeSet) part() store.Part {
	p := store.Part{Conditions: make([]store.Condition, 0, len(w.conditions)),
		Writes: make([]state.Entry, 0, len(w.order)), Ask: w.ask}
	for _, c := range w.conditions {
		p.Conditions = append(p.Conditions, c)
	}
	for _, key := range w.order {
		p.Writes = append(p.Writes, w.writes[key])
	}
	return p
}
