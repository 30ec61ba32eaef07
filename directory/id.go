package directory

import (
	"crypto/rand"
	"encoding/binary"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
)

// ID identifies a resource within its scope. Ids of Events and SignIns begin with their time, so that their keys are in
// order; all others are random (UUID version 4).
type ID [16]byte

// NewID returns a random id.
func NewID() ID { return ID(uuid.New()) }

// timeIDs makes ids that sort by time, and those of one node in the order they were made.
type timeIDs struct{ last atomic.Int64 }

func (ids *timeIDs) next(t time.Time) ID {
	for {
		last := ids.last.Load()
		micros := max(t.UnixMicro(), last+1)
		if ids.last.CompareAndSwap(last, micros) {
			id := timeBound(time.UnixMicro(micros))
			rand.Read(id[8:])
			return id
		}
	}
}

// ParseID reads the text form of an id, in lower case as String writes it: ids are compared exactly (RFC 7643 §3.1).
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

// String returns the id as SCIM shows it.
func (id ID) String() string { return uuid.UUID(id).String() }

// IsZero reports whether the id is unset.
func (id ID) IsZero() bool { return id == ID{} }

// raw is the id as it stands in keys.
func (id ID) raw() string { return string(id[:]) }

func rawID(s string) (ID, bool) {
	if len(s) != len(ID{}) {
		return ID{}, false
	}
	return ID([]byte(s)), true
}

// timeBound is the least id of its time: all ids made before sort below it.
func timeBound(t time.Time) ID {
	var id ID
	binary.BigEndian.PutUint64(id[:8], uint64(t.UnixMicro()))
	return id
}
