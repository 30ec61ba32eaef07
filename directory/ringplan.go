package directory

import (
	"bytes"
	"cmp"
	"slices"

	"rollcall/directory/internal/state"
)

// Bounds of a ring.
const (
	// RingSlots is how many SignIns the ring of a connection holds.
	RingSlots = 256
	// RingSlotsOfNetwork is how many of them may come from one network.
	RingSlotsOfNetwork = 16
)

// ringPlan decides which slots of one ring a batch takes. A network takes a free slot of its own, else its oldest one.
// Where the ring is full, the network that has the most slots gives up its oldest: so whoever has many networks takes
// slots from himself first.
type ringPlan struct {
	keys       state.ScopeKeys
	connection ID
	networks   map[string][]ringSlot // by how keys name them; the oldest slot first
	slots      int
	writes     map[string][]byte // by key; nil deletes
}

// ringSlot is a slot that is taken; n tells it from the network's others.
type ringSlot struct {
	n    byte
	age  int64 // of two slots, the lower one is the older
	made bool  // by this batch
}

// newRingPlan begins with what the ring holds.
func newRingPlan(keys state.ScopeKeys, connection ID, held []state.Loaded) *ringPlan {
	p := &ringPlan{keys: keys, connection: connection, networks: map[string][]ringSlot{}, writes: map[string][]byte{}}
	prefix := keys.Ring(connection)
	for _, l := range held {
		network, n, ok := state.RingPlace(l.Key[len(prefix):])
		if !ok {
			continue
		}
		p.networks[network] = append(p.networks[network], ringSlot{n: n, age: l.Modified})
		p.slots++
	}
	for _, slots := range p.networks {
		slices.SortFunc(slots, func(a, b ringSlot) int {
			return cmp.Or(cmp.Compare(a.age, b.age), cmp.Compare(a.n, b.n))
		})
	}
	return p
}

// add puts a value into a slot of the network.
func (p *ringPlan) add(network string, value []byte) {
	name, _, _ := state.RingPlace(p.keys.RingSlot(p.connection, network, 0)[len(p.keys.Ring(p.connection)):])
	if p.slots >= RingSlots && len(p.networks[name]) < RingSlotsOfNetwork {
		p.drop(p.fullest())
	}
	slots := p.networks[name]
	var n byte
	if len(slots) >= RingSlotsOfNetwork {
		n, slots = slots[0].n, slots[1:]
		p.slots--
	} else {
		for slices.ContainsFunc(slots, func(s ringSlot) bool { return s.n == n }) {
			n++
		}
	}
	p.networks[name] = append(slices.Clip(slots), ringSlot{n: n, made: true})
	p.slots++
	p.writes[p.key(name, n)] = value
}

// fullest is the network that has the most slots; of several, the one with the oldest slot.
func (p *ringPlan) fullest() string {
	most := ""
	for name, slots := range p.networks {
		if most == "" || len(slots) > len(p.networks[most]) ||
			(len(slots) == len(p.networks[most]) && older(slots[0], p.networks[most][0])) {
			most = name
		}
	}
	return most
}

func older(a, b ringSlot) bool { return !a.made && (b.made || a.age < b.age) }

// drop frees the network's oldest slot.
func (p *ringPlan) drop(name string) {
	slots := p.networks[name]
	p.writes[p.key(name, slots[0].n)] = nil
	p.networks[name] = slots[1:]
	if len(slots) == 1 {
		delete(p.networks, name)
	}
	p.slots--
}

func (p *ringPlan) key(name string, n byte) string {
	return p.keys.Ring(p.connection) + name + string([]byte{n})
}

// entries are the writes of the plan, in the order of their keys.
func (p *ringPlan) entries() []state.Entry {
	var list []state.Entry
	for key, value := range p.writes {
		if value == nil {
			list = append(list, state.Delete(key))
		} else {
			list = append(list, state.Put(key, value))
		}
	}
	slices.SortFunc(list, func(a, b state.Entry) int { return bytes.Compare([]byte(a.Key), []byte(b.Key)) })
	return list
}
