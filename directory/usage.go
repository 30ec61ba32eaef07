package directory

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"sync"
	"time"

	"rollcall/directory/internal/state"
	"rollcall/directory/internal/store"
	"rollcall/directory/schema"
)

// usageInterval is how often a node writes down which tokens were used, and whose sessions.
const usageInterval = time.Minute

// usage remembers which access tokens were used, and whose sessions, since that was last written down.
type usage struct {
	store *Store
	mu    sync.Mutex
	seen  map[state.ScopedID]time.Time // tokens
	hours map[state.ScopedID]int64     // Users, whose hour is not written down yet
}

// saw notes that the token was used now.
func (u *usage) saw(in state.ScopeID, token ID) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.seen == nil {
		u.seen = map[state.ScopedID]time.Time{}
	}
	u.seen[state.ScopedID{Scope: in, ID: token}] = u.store.now()
}

// sawSession notes that a session of the User was used now.
func (u *usage) sawSession(s *Snapshot, user ID) {
	hour := hourOf(u.store.now())
	if lastSeen(s.scope, user) >= hour {
		return
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.hours == nil {
		u.hours = map[state.ScopedID]int64{}
	}
	u.hours[state.ScopedID{Scope: s.id, ID: user}] = hour
}

func (u *usage) run(ctx context.Context) {
	store.Every(ctx, u.store.log, usageInterval, "use of tokens and sessions", u.write)
}

// write writes down what was used since the last time.
func (u *usage) write(ctx context.Context) error {
	if u.store.node.Quota.Admit(false) != nil {
		return nil
	}
	u.mu.Lock()
	seen, hours := u.seen, u.hours
	u.seen, u.hours = nil, nil
	u.mu.Unlock()
	var writes []state.Entry
	for token, at := range seen {
		key := u.store.keys.Scope(token.Scope).Note(usedNote, token.ID)
		writes = append(writes, state.Put(key, []byte(schema.FormatTime(at))))
	}
	return errors.Join(u.store.node.Housekeep(ctx, nil, writes), u.writeHours(ctx, hours))
}

// writeHours writes down in which hour sessions of Users were used: of those that exist, and of each at most once an
// hour. What cannot be written now is gathered again when the session is used again.
func (u *usage) writeHours(ctx context.Context, hours map[state.ScopedID]int64) error {
	f, err := u.store.node.Latest()
	if err != nil {
		return err
	}
	var parts []store.Part
	for user, hour := range hours {
		sc, keys := f.Scope(user.Scope), u.store.keys.Scope(user.Scope)
		r := sc.Of(schema.UserType, user.ID)
		if r == nil || lastSeen(sc, user.ID) >= hour {
			continue
		}
		parts = append(parts, store.Part{
			Conditions: []store.Condition{store.CreatedAt(keys.Resource(r.Type, r.ID), r.CreateRevision)},
			Writes:     []state.Entry{state.Put(keys.Note(seenNote, r.ID), strconv.AppendInt(nil, hour, 10))}})
	}
	for some := range slices.Chunk(parts, store.MaxParts) {
		if _, err := u.store.node.Commit(ctx, some); err != nil { // a part of a User who was deleted changes nothing
			return err
		}
	}
	return nil
}

// LastUsed is when the access token was last used, to the minute; "" if never.
func (s *Snapshot) LastUsed(token ID) string { return string(s.Note(usedNote, token)) }
