package directory

import (
	"time"

	"github.com/tidwall/gjson"

	"rollcall/directory/internal/state"
)

// Retention of Events and SignIns, and of DeletedUsers, unless the Organization says otherwise.
const (
	defaultLogCount    = 10_000
	defaultLogDays     = 30
	defaultAccessDays  = 365
	defaultDeletedDays = 365
	youngEvent         = time.Hour // no Event younger than this is trimmed: it may be a fence
)

// retention is how much of what is past an organization keeps, and how long.
type retention struct {
	events, access, signIns int64         // how many; access: of each class of Events that concern access
	age, accessAge, deleted time.Duration // age: of SignIns and ordinary Events
	identity                time.Duration // of what a SignIn keeps of the person
}

// ofEvents is how many Events of a class are kept, and how long.
func (r retention) ofEvents(c state.EventClass) (count int64, age time.Duration) {
	if c == state.OrdinaryEvents {
		return r.events, r.age
	}
	return r.access, r.accessAge
}

// retentionOf is the retention of an Organization; nil stands for the system scope.
func retentionOf(org *Resource) retention {
	var doc []byte
	if org != nil {
		doc = org.JSON
	}
	number := func(path string, unless int64) int64 {
		if n := gjson.GetBytes(doc, "retention."+path).Int(); n > 0 {
			return n
		}
		return unless
	}
	const day = 24 * time.Hour
	return retention{
		events:    number("events", defaultLogCount),
		access:    number("accessEvents", defaultLogCount),
		signIns:   number("signIns", defaultLogCount),
		age:       time.Duration(number("days", defaultLogDays)) * day,
		accessAge: time.Duration(number("accessDays", defaultAccessDays)) * day,
		identity:  time.Duration(number("identityDays", defaultLogDays)) * day,
		deleted:   time.Duration(number("deletedUsersDays", defaultDeletedDays)) * day,
	}
}
