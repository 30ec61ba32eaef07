package patch

import "iter"

// Member is a member of a Group as far as a filter can ask for it.
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

// Delta is what a request does to the members of a Group, as the net effect of
// its operations. No id occurs twice in a list; those of Add are not in Remove.
// Ids are as the client wrote them and need not exist. An id of Remove may be
// no member: removing it changes nothing.
type Delta struct {
	// Replace is the whole list that the members become; it may be empty. nil:
	// the list is not replaced.
	Replace *[]string

	// Add are the members to be added. Beside Replace they are in it too: they
	// were added after the list was set, which grants them even where they were
	// members already.
	Add []string

	// Remove are the members to be removed. It is nil beside Replace.
	Remove []string
}

// Empty reports whether no operation was about members.
func (d Delta) Empty() bool { return d.Replace == nil && len(d.Add) == 0 && len(d.Remove) == 0 }

// membership is the members between two operations: a difference to the current
// ones, or a list instead of them.
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

// replace forgets what was and starts an empty list.
func (m *membership) replace() {
	m.replaced, m.entries, m.order = true, nil, nil
}

func (m *membership) has(key, id string) bool {
	if e, ok := m.entries[key]; ok {
		return e.state != removed
	}
	return !m.replaced && m.current != nil && m.current.Has(id)
}

// all yields the members as the operations so far leave them, by key. One that
// this request brings is described by what the client said of it.
func (m *membership) all(keyOf func(id string) string) iter.Seq2[string, map[string]any] {
	return func(yield func(string, map[string]any) bool) {
		known := map[string]bool{}
		if !m.replaced && m.current != nil {
			for c := range m.current.All() {
				key := keyOf(c.ID)
				if e, ok := m.entries[key]; ok && e.state == removed {
					continue
				} else if ok {
					known[key] = true
				}
				if !yield(key, c.element()) {
					return
				}
			}
		}
		for i, key := range m.order {
			e, ok := m.entries[key]
			if !ok || e.at != i || e.state == removed || known[key] {
				continue
			}
			if !yield(key, e.element) {
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

func (m *membership) delta() Delta {
	var d Delta
	if m.replaced {
		d.Replace = &[]string{}
	}
	for i, key := range m.order {
		e, ok := m.entries[key]
		if !ok || e.at != i {
			continue
		}
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
