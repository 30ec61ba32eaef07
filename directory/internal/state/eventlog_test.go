package state

import (
	"fmt"
	"testing"
)

// placesOf are the Events that are kept, in order, with their classes.
func placesOf(s *State, after EventPlace) (list string) {
	for p, class := range s.Freeze().Scope(testScope).EventsAfter(after) {
		list += fmt.Sprintf(" %d.%d/%d", p.Revision, p.ID[0], class)
	}
	return list
}

// The order of Events is what the store had when they were read, with what came and went meanwhile and since.
func TestGatheringEvents(t *testing.T) {
	keys := testKeys.Scope(testScope)
	event := func(n byte, c EventClass) Entry { return Put(keys.Events(c)+ID{n}.Raw(), []byte("{}")) }
	gone := func(n byte, c EventClass) Entry { return Delete(keys.Events(c) + ID{n}.Raw()) }
	s := New(testKeys, testBuiltin)
	apply(t, s, event(9, OrdinaryEvents))
	apply(t, s, event(1, AccessEvents), event(2, OrdinaryEvents))
	if s.Freeze().Scope(testScope).KeepsEvents() {
		t.Fatal("an order that nobody asked for is kept")
	}

	g := s.GatherEvents(testScope)
	apply(t, s, event(4, AdministrationEvents), event(3, OrdinaryEvents)) // while they are read
	apply(t, s, gone(9, OrdinaryEvents), gone(4, AdministrationEvents))
	if !s.KeepEvents(g, map[EventClass][]EventPlace{OrdinaryEvents: {{1, ID{9}}, {2, ID{2}}},
		AccessEvents: {{2, ID{1}}}}) {
		t.Fatal("the gathering was not taken")
	}
	if s.GatherEvents(testScope) != nil || s.KeepEvents(g, nil) {
		t.Error("an order that is kept is gathered again")
	}
	frozen := s.Freeze().Scope(testScope)
	apply(t, s, event(5, OrdinaryEvents), event(6, AccessEvents))
	if got, want := placesOf(s, EventPlace{}), " 2.1/1 2.2/0 3.3/0 5.5/0 5.6/1"; got != want {
		t.Errorf("kept:%s, want%s", got, want)
	}
	if got, want := placesOf(s, EventPlace{2, ID{1}}), " 2.2/0 3.3/0 5.5/0 5.6/1"; got != want {
		t.Errorf("behind the first one:%s, want%s", got, want)
	}
	if got, want := placesOf(s, EndOfRevision(2)), " 3.3/0 5.5/0 5.6/1"; got != want {
		t.Errorf("behind revision 2:%s, want%s", got, want)
	}

	// Those that are removed go, and their class tells.
	apply(t, s, gone(2, OrdinaryEvents), gone(3, OrdinaryEvents), gone(7, OrdinaryEvents))
	if got, want := placesOf(s, EventPlace{}), " 2.1/1 5.5/0 5.6/1"; got != want {
		t.Errorf("after a purge:%s, want%s", got, want)
	}
	now := s.Freeze().Scope(testScope)
	if got := now.Trimmed(OrdinaryEvents); got != (TrimmedTo{EventPlace{3, ID{3}}, 6}) {
		t.Errorf("trimmed to %v", got)
	}
	if got := now.Trimmed(AccessEvents); got.Revision != 0 {
		t.Errorf("a class of which nothing was removed is trimmed to %v", got)
	}
	if frozen.Trimmed(OrdinaryEvents).Revision != 0 {
		t.Error("a frozen state was changed")
	}

	// What a sweep wrote down counts, unless more is known.
	apply(t, s, Put(keys.Trimmed(OrdinaryEvents), EventPlace{2, ID{2}}.Encode()),
		Put(keys.Trimmed(AccessEvents), EventPlace{4, ID{8}}.Encode()))
	now = s.Freeze().Scope(testScope)
	if got := now.Trimmed(OrdinaryEvents).Place; got != (EventPlace{3, ID{3}}) {
		t.Errorf("trimmed back to %v", got)
	}
	if got := now.Trimmed(AccessEvents); got != (TrimmedTo{EventPlace{4, ID{8}}, 7}) {
		t.Errorf("trimmed to %v", got)
	}
	if err := s.Apply(8, []Entry{Put(keys.Trimmed(AccessEvents), []byte("x"))}); err == nil {
		t.Error("a place that cannot be read was taken")
	}
}

// A gathering that another one replaced, or of a state that is gone, leaves nothing.
func TestGatheringReplaced(t *testing.T) {
	s := New(testKeys, testBuiltin)
	first := s.GatherEvents(testScope)
	second := s.GatherEvents(testScope)
	if s.KeepEvents(first, nil) || New(testKeys, testBuiltin).KeepEvents(second, nil) {
		t.Error("a gathering was taken that is not the scope's")
	}
	if !s.KeepEvents(second, nil) {
		t.Error("the scope's gathering was not taken")
	}
}
