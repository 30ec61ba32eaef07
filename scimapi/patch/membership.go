package patch

import "iter"

// Member is a member of a Group, as far as a filter can ask about it.
type Member struct {
	ID      string
	Type    string // "User", "Group"
	Display string
}

// Members tells of the members that a Group has before the request.
type Members interface {
	Has(id string) bool
	All() iter.Seq[Member]
}

// membership is the members between two operations: a difference to the current ones, or a list that replaces them.
type membership struct {
	current  Members
	replaced bool
	entries  map[string]entry // by key
	order    []string         // keys as first mentioned
}

type entry struct {
	id      string
	state   state
	element map[string]any // as the client described it
	at      int            // place in order
}

type state uint8

const (
	listed  state = iota // by replace
	added                // by add
	removed              // from the current ones
)

func (m *membership) put(key string, e entry) {
	if m.entries == nil {
		m.entries = map[string]entry{}
	}
	if old, ok := m.entries[key]; ok {
		e.at = old.at
	} else {
		e.at = len(m.order)
		m.order = append(m.order, key)
	}
	m.entries[key] = e
}

func (m *membership) add(key string, element map[string]any) {
	if old, ok := m.entries[key]; ok && old.state == added {
		return
	}
	m.put(key, entry{id: element["value"].(string), state: added, element: element})
}

func (m *membership) remove(key, id string) {
	if m.replaced {
		delete(m.entries, key)
		return
	}
	m.put(key, entry{id: id, state: removed})
}

// replace forgets the members so far and starts an empty list.
func (m *membership) replace() {
	m.replaced, m.entries, m.order = true, nil, nil
}

func (m *membership) has(key, id string) bool {
	if e, ok := m.entries[key]; ok {
		return e.state != removed
	}
	return !m.replaced && m.current != nil && m.current.Has(id)
}

// all yields the members as the operations so far leave them, by key. One that this request adds is described by what
// the client said of it.
func (m *membership) all(keyOf func(id string) string) iter.Seq2[string, map[string]any] {
	return func(yield func(string, map[string]any) bool) {
		// The current ones, without those that were removed.
		known := map[string]bool{}
		if !m.replaced && m.current != nil {
			for c := range m.current.All() {
				key := keyOf(c.ID)
				e, mentioned := m.entries[key]
				if mentioned && e.state == removed {
					continue
				}
				if mentioned {
					known[key] = true
				}
				if !yield(key, c.element()) {
					return
				}
			}
		}

		// Those that the request brings.
		for key, e := range m.mentioned() {
			if e.state != removed && !known[key] && !yield(key, e.element) {
				return
			}
		}
	}
}

// mentioned yields the entries in the order in which the request mentions them, by key.
func (m *membership) mentioned() iter.Seq2[string, entry] {
	return func(yield func(string, entry) bool) {
		for i, key := range m.order {
			if e, ok := m.entries[key]; ok && e.at == i && !yield(key, e) {
				return
			}
		}
	}
}

func (c Member) element() map[string]any {
	m := map[string]any{"value": c.ID}
	if c.Type != "" {
		m["type"] = c.Type
	}
	if c.Display != "" {
		m["display"] = c.Display
	}
	return m
}

// delta is the net effect on the members.
func (m *membership) delta() Delta {
	var d Delta
	if m.replaced {
		d.Replace = &[]string{}
	}
	for _, e := range m.mentioned() {
		switch e.state {
		case removed:
			d.Remove = append(d.Remove, e.id)
			continue
		case added:
			d.Add = append(d.Add, e.id)
		}
		if m.replaced {
			*d.Replace = append(*d.Replace, e.id)
		}
	}
	return d
}
