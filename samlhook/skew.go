package samlhook

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"rollcall/directory"
)

const (
	// skewAhead and skewBehind are how far a clock may be off before that is a warning. A message that is on its way
	// looks like a clock that is behind.
	skewAhead  = 5 * time.Second
	skewBehind = 30 * time.Second
	// skewShown is for how long it is.
	skewShown = 24 * time.Hour
)

// skewSeen is by how much the identity provider's clock was ahead of ours, and when.
type skewSeen struct {
	Seconds int       `json:"seconds"`
	At      time.Time `json:"at"`
}

func readSkew(s *directory.Snapshot, id directory.ID) (seen skewSeen) {
	_ = json.Unmarshal(s.Note(noteSkew, id), &seen) // there may be none
	return seen
}

func (s skewSeen) large() bool {
	return s.Seconds > int(skewAhead/time.Second) || s.Seconds < -int(skewBehind/time.Second)
}

func (s skewSeen) warning() string {
	direction, seconds := "ahead of", s.Seconds
	if seconds < 0 {
		direction, seconds = "behind", -seconds
	}
	return fmt.Sprintf("the identity provider's clock is %d seconds %s ours; set both clocks by NTP",
		seconds, direction)
}

// noteSkew notes by how much the clocks differ, once that is worth a warning or no longer is.
func (a *attempt) noteSkew(s *directory.Snapshot) {
	if a.response.Assertion == nil || a.response.Assertion.IssueInstant.IsZero() {
		return
	}
	ahead := a.response.Assertion.IssueInstant.Sub(a.at).Round(time.Second)
	now := skewSeen{Seconds: int(ahead / time.Second), At: a.at}
	before := readSkew(s, a.connection)
	fresh := a.at.Sub(before.At) < skewShown/2
	if now.large() == (before.large() && fresh) {
		return
	}
	value, err := json.Marshal(now)
	if err != nil {
		panic("samlhook: a skewSeen always marshals: " + err.Error())
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(a.r.Context()), noteTimeout)
	defer cancel()
	if err := a.dir.ReplaceNote(ctx, s, noteSkew, a.connection, value); err != nil {
		a.log.Debug("the clock skew was not written", "connection", a.connection.String(), "error", err)
	}
}
