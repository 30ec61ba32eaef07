package samlhook

import (
	"cmp"
	"encoding/json"
	"slices"
	"time"

	"github.com/tidwall/gjson"

	"rollcall/directory"
	"rollcall/directory/schema"
)

// An attribute that becomes empty at the identity provider would take everybody's groups away, one sign-in after the
// other. So removals are counted for each connection, in a note that every sign-in that removes something compares and
// puts; those beyond the limits are held until an administrator decides.

// RemovalGuard says how many removals are too many.
type RemovalGuard struct {
	Removals int
	Percent  int // of the members that the connection granted to a Group
	Within   time.Duration
}

// Defaults of a RemovalGuard.
const (
	defaultRemovals = 50
	defaultPercent  = 20
	defaultWithin   = time.Hour
)

func readGuard(groupSync gjson.Result) RemovalGuard {
	return RemovalGuard{
		Removals: cmp.Or(int(groupSync.Get("maxRemovals").Int()), defaultRemovals),
		Percent:  cmp.Or(int(groupSync.Get("maxRemovalPercent").Int()), defaultPercent),
		Within:   cmp.Or(time.Duration(groupSync.Get("guardMinutes").Int())*time.Minute, defaultWithin),
	}
}

const (
	// maxHeld bounds the held removals that are listed; a person beyond them is judged again at the next sign-in.
	maxHeld = 5000
	// noteRemovals is what a connection's group sync removed lately and what is held (removals).
	noteRemovals = "removals"
	// onceGroup is the kind of names of Groups that sign-in created.
	onceGroup = "group"
)

// removals are what group sync of a connection removed lately, and what it holds.
type removals struct {
	Done []removal `json:"done,omitempty"` // within the window, the oldest first
	Held []held    `json:"held,omitempty"`
	// Open is until when an administrator who applied what was held lets removals pass.
	Open time.Time `json:"open,omitzero"`

	guard   RemovalGuard
	now     time.Time
	changed bool
}

// removal is how many memberships of a Group were removed in one minute.
type removal struct {
	Group directory.ID `json:"g"`
	At    int64        `json:"t"` // minutes since 1970
	Count int          `json:"n"`
}

// held are the Groups that one User would be removed from.
type held struct {
	User   directory.ID   `json:"u"`
	Groups []directory.ID `json:"g"`
	At     time.Time      `json:"t"`
}

func readRemovals(note []byte) (r removals) {
	_ = json.Unmarshal(note, &r) // there may be none
	return r
}

func (r removals) encode() []byte {
	b, err := json.Marshal(r)
	if err != nil {
		panic("samlhook: removals always marshal: " + err.Error())
	}
	return b
}

// next is a copy without what is outside the window.
func (r removals) next(guard RemovalGuard, now time.Time) removals {
	since := now.Add(-guard.Within).Unix() / 60
	r.Done = slices.DeleteFunc(slices.Clone(r.Done), func(d removal) bool { return d.At <= since })
	r.Held = slices.Clone(r.Held)
	r.guard, r.now, r.changed = guard, now, false
	return r
}

// allows reports whether one more membership of the Group may be removed. The first one of a Group always may, as far
// as the Group goes: of a small one it is more than any percentage.
func (r *removals) allows(s *directory.Snapshot, c Settings, group directory.ID) bool {
	if r.now.Before(r.Open) {
		return true
	}
	all, ofGroup := 0, 0
	for _, d := range r.Done {
		all += d.Count
		if d.Group == group {
			ofGroup += d.Count
		}
	}
	if all >= r.guard.Removals {
		return false
	}
	// At the beginning of the window the Group had what it has now, and what was removed since. What this very sign-in
	// removed is still counted in what it has.
	after := ofGroup + 1
	need := (after*100 + r.guard.Percent - 1) / r.guard.Percent
	return after == 1 || s.GrantedCount(group, c.ID, need)+ofGroup >= need
}

// count counts a removal.
func (r *removals) count(group directory.ID, now time.Time) {
	r.changed = true
	minute := now.Unix() / 60
	for i, d := range r.Done {
		if d.Group == group && d.At == minute {
			r.Done[i].Count++
			return
		}
	}
	r.Done = append(r.Done, removal{group, minute, 1})
}

// hold makes these the Groups that the User would be removed from.
func (r *removals) hold(user directory.ID, groups []directory.ID, now time.Time) {
	i := slices.IndexFunc(r.Held, func(h held) bool { return h.User == user })
	switch {
	case i < 0 && len(groups) == 0:
		return
	case i >= 0 && slices.Equal(r.Held[i].Groups, groups):
		return
	case i >= 0:
		r.Held = slices.Delete(r.Held, i, i+1)
	}
	r.changed = true
	if len(groups) > 0 && r.heldCount()+len(groups) <= maxHeld {
		r.Held = append(r.Held, held{user, groups, now})
	}
}

func (r *removals) heldCount() (n int) {
	for _, h := range r.Held {
		n += len(h.Groups)
	}
	return n
}

// renderHeld shows what is held as an IdentityProvider has it.
func renderHeld(s *directory.Snapshot, list []held) (shown []any) {
	for _, h := range list {
		entry := map[string]any{"value": h.User.String(), "at": schema.FormatTime(h.At)}
		if user, err := s.Get(schema.UserType, h.User); err == nil {
			putText(entry, "display", user.Display())
		}
		putGroups(entry, "groups", idTexts(h.Groups))
		shown = append(shown, entry)
	}
	return shown
}
