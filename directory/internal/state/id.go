package state

import (
	"crypto/rand"
	"encoding/binary"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
)

// ID identifies a resource within its scope. IDs of Events and SignIns begin with their time, so that their keys are in
// order; all others are random (UUID version 4).
type ID [16]byte

// NewID returns a random ID.
func NewID() ID { return ID(uuid.New()) }

// ParseID reads the text form of an ID, in lower case as String writes it: IDs are compared exactly (RFC 7643 §3.1).
func ParseID(s string) (ID, bool) {
	if len(s) != 36 {
		return ID{}, false
	}
	u, err := uuid.Parse(s)
	if err != nil || u.String() != s {
		return ID{}, false
	}
	return ID(u), true
}

// String returns the ID as SCIM shows it.
func (id ID) String() string { return uuid.UUID(id).String() }

// IsZero reports whether the ID is unset.
func (id ID) IsZero() bool { return id == ID{} }

// MarshalText writes the ID as String does, so that it can stand in JSON.
func (id ID) MarshalText() ([]byte, error) { return []byte(id.String()), nil }

// UnmarshalText reads what MarshalText wrote.
func (id *ID) UnmarshalText(b []byte) error {
	parsed, ok := ParseID(string(b))
	if !ok {
		return fmt.Errorf("%q is not an ID", b)
	}
	*id = parsed
	return nil
}

// Raw is the ID as it stands in keys: its 16 bytes.
func (id ID) Raw() string { return string(id[:]) }

// RawID reads what Raw wrote.
func RawID(s string) (ID, bool) {
	if len(s) != len(ID{}) {
		return ID{}, false
	}
	return ID([]byte(s)), true
}

// TimeIDs makes IDs that sort by time. Those of one TimeIDs sort in the order in which they were made.
type TimeIDs struct{ last atomic.Int64 }

// Next returns an ID for the time, in microseconds; a later one where that microsecond is taken.
func (ids *TimeIDs) Next(t time.Time) ID {
	for {
		last := ids.last.Load()
		micros := max(t.UnixMicro(), last+1)
		if ids.last.CompareAndSwap(last, micros) {
			id := TimeBound(time.UnixMicro(micros))
			rand.Read(id[8:])
			return id
		}
	}
}

// Time is the time with which an ID of a TimeIDs begins.
func (id ID) Time() time.Time { return time.UnixMicro(int64(binary.BigEndian.Uint64(id[:8]))) }

// TimeBound is the least ID of its time: all IDs of earlier times sort below it.
func TimeBound(t time.Time) ID {
	var id ID
	binary.BigEndian.PutUint64(id[:8], uint64(t.UnixMicro()))
	return id
}
