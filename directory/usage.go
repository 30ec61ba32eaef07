package directory

import (
	"context"
	"sync"
	"time"

	"rollcall/directory/internal/state"
	"rollcall/directory/internal/store"
	"rollcall/directory/schema"
)

// usageInterval is how often a node writes down which tokens were used.
const usageInterval = time.Minute

// usage remembers which access tokens were used since it was last written down.
type usage struct {
	store *Store
	mu    sync.Mutex
	seen  map[state.ScopedID]time.Time
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

func (u *usage) run(ctx context.Context) {
	store.Every(ctx, u.store.log, usageInterval, "use of tokens", u.write)
}

// write writes down what was used since the last time.
func (u *usage) write(ctx context.Context) error {
	if u.store.node.Quota.Admit(false) != nil {
		return nil
	}
	u.mu.Lock()
	seen := u.seen
	u.seen = nil
	u.mu.Unlock()
	var writes []state.Entry
	for token, at := range seen {
		key := u.store.keys.Scope(token.Scope).Note(usedNote, token.ID)
		writes = append(writes, state.Put(key, []byte(schema.FormatTime(at))))
	}
	return u.store.node.Housekeep(ctx, nil, writes)
}

// LastUsed is when the access token was last used, to the minute; "" if never.
func (s *Snapshot) LastUsed(token ID) string { return string(s.Note(usedNote, token)) }
