package state

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"fmt"
	"iter"
)

// Events stay in etcd. In memory is their order: for each scope that somebody follows, the revision, the class and the
// ID of every Event, 24 bytes each. IDs alone are in order only where one node made them, and several Events can have
// one revision; revision and ID together are an order that never changes and to which new Events are added at the end.

// EventPlace is the place of an Event in the order of its scope.
type EventPlace struct {
	Revision int64
	ID       ID
}

// Compare says which of two places comes first.
func (p EventPlace) Compare(q EventPlace) int {
	return cmp.Or(cmp.Compare(p.Revision, q.Revision), bytes.Compare(p.ID[:], q.ID[:]))
}

// EndOfRevision is the place behind every Event of the revision.
func EndOfRevision(revision int64) EventPlace {
	p := EventPlace{Revision: revision}
	for i := range p.ID {
		p.ID[i] = 0xff
	}
	return p
}

// Encode writes a place for the value of a key.
func (p EventPlace) Encode() []byte {
	return append(binary.BigEndian.AppendUint64(nil, uint64(p.Revision)), p.ID[:]...)
}

// DecodeEventPlace reads what Encode wrote.
func DecodeEventPlace(b []byte) (p EventPlace, ok bool) {
	if len(b) != 8+len(p.ID) {
		return p, false
	}
	p.Revision = int64(binary.BigEndian.Uint64(b))
	copy(p.ID[:], b[8:])
	return p, true
}

// TrimmedTo says up to which Event of a class others have been removed because the class keeps no more.
type TrimmedTo struct {
	Place    EventPlace
	Revision int64 // at which that was; 0 if none ever was
}

// eventEntry is an Event in the order of its scope. The class takes the lowest bits of the revision's word.
type eventEntry struct {
	at uint64
	id ID
}

const classBits = 2

func entryOf(c EventClass, p EventPlace) eventEntry {
	return eventEntry{uint64(p.Revision)<<classBits | uint64(c), p.ID}
}

func (e eventEntry) place() EventPlace { return EventPlace{int64(e.at >> classBits), e.id} }

func (e eventEntry) class() EventClass { return EventClass(e.at & (1<<classBits - 1)) }

func lessEvent(a, b eventEntry) bool { return a.place().Compare(b.place()) < 0 }

// KeepsEvents reports whether the order of the scope's Events is held in memory.
func (s *Scope) KeepsEvents() bool { return s.events != nil }

// EventsAfter yields the Events behind a place, in order, where they are kept.
func (s *Scope) EventsAfter(after EventPlace) iter.Seq2[EventPlace, EventClass] {
	return func(yield func(EventPlace, EventClass) bool) {
		if s.events == nil {
			return
		}
		s.events.Ascend(entryOf(0, after), func(e eventEntry) bool {
			p := e.place()
			return p.Compare(after) <= 0 || yield(p, e.class())
		})
	}
}

// Trimmed says which Events of the class were removed because it keeps no more.
func (s *Scope) Trimmed(c EventClass) TrimmedTo { return s.trimmed[c] }

// EventGathering is what happens to the Events of a scope while those before it are read from the store.
type EventGathering struct {
	scope ScopeID
	put   []eventEntry
	gone  map[ID]bool
}

// GatherEvents begins to keep the order of the scope's Events: those of later revisions are kept from now on, and
// whoever calls it reads the others, as they are at the state's revision, for KeepEvents. It returns nil if the order
// is kept already. A second call takes the place of the first.
func (s *State) GatherEvents(id ScopeID) *EventGathering {
	sc := s.scope(id)
	if sc.events != nil {
		return nil
	}
	sc.gathering = &EventGathering{scope: id, gone: map[ID]bool{}}
	return sc.gathering
}

// KeepEvents ends what GatherEvents began. It returns false if the gathering is not the scope's any more.
func (s *State) KeepEvents(g *EventGathering, before map[EventClass][]EventPlace) bool {
	sc := s.live[g.scope]
	if sc == nil || sc.gathering != g {
		return false
	}
	s.dirty[g.scope] = true
	sc.gathering, sc.events = nil, newTree(lessEvent)
	for class, places := range before {
		for _, p := range places {
			if !g.gone[p.ID] {
				sc.events.Set(entryOf(class, p))
			}
		}
	}
	for _, e := range g.put {
		if !g.gone[e.id] {
			sc.events.Set(e)
		}
	}
	return true
}

// applyEvent is for the Events of a class.
func applyEvent(class EventClass) func(*State, change) error {
	return func(s *State, c change) error {
		id, ok := RawID(c.rest)
		if !ok {
			return nil // a range of a deleted scope
		}
		if !c.Deleted {
			s.told[c.scope] = true
		}
		sc := s.live[c.scope]
		switch {
		case sc == nil || sc.events == nil && sc.gathering == nil:
		case c.Deleted:
			if s.forgotten[c.scope] == nil {
				s.forgotten[c.scope] = map[ID]bool{}
			}
			s.forgotten[c.scope][id] = true
		case sc.gathering != nil:
			sc.gathering.put = append(sc.gathering.put, entryOf(class, EventPlace{c.revision, id}))
		default:
			s.dirty[c.scope] = true
			sc.events.Set(entryOf(class, EventPlace{c.revision, id}))
		}
		return nil
	}
}

// forgetEvents takes the Events that a revision removes out of the order of their scope. They are the oldest, so it
// finds them soon.
func (s *State) forgetEvents(revision int64) {
	for id, gone := range s.forgotten {
		sc := s.live[id]
		if sc.gathering != nil {
			for id := range gone {
				sc.gathering.gone[id] = true
			}
			continue
		}
		s.dirty[id] = true
		var found []eventEntry
		sc.events.Scan(func(e eventEntry) bool {
			if gone[e.id] {
				found = append(found, e)
			}
			return len(found) < len(gone)
		})
		for _, e := range found {
			sc.events.Delete(e)
			sc.trimTo(e.class(), e.place(), revision)
		}
	}
	clear(s.forgotten)
}

// trimTo notes that an Event of the class was removed.
func (s *liveScope) trimTo(c EventClass, p EventPlace, revision int64) {
	if t := &s.trimmed[c]; t.Revision == 0 || t.Place.Compare(p) < 0 {
		*t = TrimmedTo{p, revision}
	}
}

// applyTrimmed is for what a sweep writes down of the Events that it removes.
func (s *State) applyTrimmed(c change) error {
	for class, name := range eventClasses {
		if name != c.rest || c.Deleted {
			continue
		}
		p, ok := DecodeEventPlace(c.Value)
		if !ok {
			return fmt.Errorf("key %q does not hold the place of an Event", c.Key)
		}
		s.scope(c.scope).trimTo(EventClass(class), p, c.revision)
	}
	return nil
}

// TakeTold returns the scopes that got Events since the last call.
func (s *State) TakeTold() map[ScopeID]bool {
	told := s.told
	if len(told) > 0 {
		s.told = map[ScopeID]bool{}
	}
	return told
}
