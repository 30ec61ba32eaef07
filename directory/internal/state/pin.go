package state

import (
	"fmt"
	"strings"
	"time"
)

// ScopedID names a resource, or a pin, among those of all scopes.
type ScopedID struct {
	Scope ScopeID
	ID    ID
}

// PinChange is what a revision did to a pin.
type PinChange struct {
	Pin     ScopedID
	Deleted bool
	Value   PinValue // unless it was deleted
}

// PinValue is the value of a pin's key.
type PinValue struct {
	At      time.Time // when it was put
	Renewed bool      // put again only to last longer: it stands for the state of its first put
	Owner   PinOwner  // whose walk it is
	Walk    []byte    // what the walk is about, in the form of whoever put it
}

// PinOwner tells the credentials that put pins apart: a part of a hash.
type PinOwner [8]byte

// PinOwnerOf is the owner of that name.
func PinOwnerOf(name string) PinOwner { return PinOwner([]byte(digest(name))[:len(PinOwner{})]) }

// renewedMark marks the value of a pin that was put again.
const renewedMark = " again"

// Encode writes the value of a pin's key.
func (p PinValue) Encode() []byte {
	mark := ""
	if p.Renewed {
		mark = renewedMark
	}
	return fmt.Appendf(nil, "%d%s\n%s%s", p.At.UnixMilli(), mark, p.Owner[:], p.Walk)
}

// DecodePin reads what Encode wrote. Nodes of an earlier version wrote no owner: theirs is made of what begins the
// walk.
func DecodePin(value []byte) (p PinValue, err error) {
	head, rest, _ := strings.Cut(string(value), "\n")
	head, p.Renewed = strings.CutSuffix(head, renewedMark)
	p.Walk = []byte(rest[copy(p.Owner[:], rest):])
	p.At, err = parseMillis(head)
	return p, err
}

// applyPin remembers what the revision that is being applied does to a pin: who applies it takes the pins when the
// revision is complete.
func (s *State) applyPin(c change) error {
	id, ok := RawID(c.rest)
	if !ok {
		return fmt.Errorf("key %q is not a pin", c.Key)
	}
	p := PinChange{Pin: ScopedID{c.scope, id}, Deleted: c.Deleted}
	if !c.Deleted {
		var err error
		if p.Value, err = DecodePin(c.Value); err != nil {
			return fmt.Errorf("pin %s: %w", id, err)
		}
	}
	s.pins = append(s.pins, p)
	return nil
}

// TakePins returns what the revisions applied since the last call did to pins.
func (s *State) TakePins() []PinChange {
	pins := s.pins
	s.pins = nil
	return pins
}
