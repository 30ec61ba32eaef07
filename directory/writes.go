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

	marks map[string]*store.Part // by key: what is put because something is taken away; nil unless it may be put later
}

func newWriteSet() writeSet {
	return writeSet{conditions: map[string]store.Condition{}, writes: map[string]state.Entry{},
		marks: map[string]*store.Part{}}
}

func (w *writeSet) put(key string, value []byte) { w.write(state.Put(key, value)) }
func (w *writeSet) delete(key string)            { w.write(state.Delete(key)) }

// mark puts what goes with something that is taken away: the record that is left of it, or when it was.
func (w *writeSet) mark(key string, value []byte) {
	w.put(key, value)
	w.marks[key] = nil
}

// trace is a mark that may be put after the rest of the change, under the conditions.
func (w *writeSet) trace(key string, value []byte, conditions ...store.Condition) {
	w.put(key, value)
	w.marks[key] = &store.Part{Conditions: conditions, Writes: []state.Entry{state.Put(key, value)}, Frees: true}
}

// traces are the marks that may be put later.
func (w *writeSet) traces() (later []store.Part) {
	for _, key := range w.order {
		if p := w.marks[key]; p != nil {
			later = append(later, *p)
		}
	}
	return later
}

// frees reports whether all that is put is marks: the change takes away, and nothing else.
func (w *writeSet) frees() bool {
	for key, e := range w.writes {
		if _, isMark := w.marks[key]; !e.Deleted && !isMark {
			return false
		}
	}
	return true
}

func (w *writeSet) write(e state.Entry) {
	delete(w.marks, e.Key)
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

// size is how many bytes the writes have.
func (w *writeSet) size() (n int) {
	for key, e := range w.writes {
		n += len(key) + len(e.Value)
	}
	return n
}

func (w *writeSet) clone() writeSet {
	return writeSet{maps.Clone(w.conditions), maps.Clone(w.writes), slices.Clone(w.order), slices.Clone(w.ask),
		maps.Clone(w.marks)}
}

// part is the writes under their conditions.
func (w *writeSet) part() store.Part {
	p := store.Part{Conditions: make([]store.Condition, 0, len(w.conditions)),
		Writes: make([]state.Entry, 0, len(w.order)), Ask: w.ask, Frees: w.frees()}
	for _, c := range w.conditions {
		p.Conditions = append(p.Conditions, c)
	}
	for _, key := range w.order {
		p.Writes = append(p.Writes, w.writes[key])
	}
	return p
}
