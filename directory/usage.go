package directory

import (
	"context"
	"sync"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"

	"rollcall/directory/schema"
)

// exists asks etcd for a key that is not held in memory.
func (s *Store) exists(key string) (bool, error) {
	ctx, cancel := context.WithTimeout(context.Background(), quorumTimeout)
	defer cancel()
	resp, err := s.client.Get(ctx, key, clientv3.WithCountOnly())
	if err != nil {
		return false, unavailable(err)
	}
	return resp.Count > 0, nil
}

// value reads a key that is not held in memory; "" if it is not there.
func (s *Store) value(ctx context.Context, key string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, quorumTimeout)
	defer cancel()
	resp, err := s.client.Get(ctx, key)
	if err != nil {
		return "", unavailable(err)
	}
	if len(resp.Kvs) == 0 {
		return "", nil
	}
	return string(resp.Kvs[0].Value), nil
}

// usage remembers which access tokens were used since it was last written down.
type usage struct {
	mu   sync.Mutex
	seen map[scopedID]time.Time
}

// usedNote holds when an access token was last used.
const usedNote = "used"

// used notes that the token was used now.
func (s *Store) used(in scope, token ID) {
	s.usage.mu.Lock()
	defer s.usage.mu.Unlock()
	if s.usage.seen == nil {
		s.usage.seen = map[scopedID]time.Time{}
	}
	s.usage.seen[scopedID{in, token}] = s.now()
}

// writeUsage writes down what was used since the last time: at most once a minute for each token and node.
func (s *Store) writeUsage(ctx context.Context) error {
	if s.full.Load() {
		return nil
	}
	s.usage.mu.Lock()
	seen := s.usage.seen
	s.usage.seen = nil
	s.usage.mu.Unlock()
	var writes []entry
	for k, at := range seen {
		writes = append(writes, entry{key: s.keys.scope(k.scope).note(usedNote, k.id), value: []byte(schema.FormatTime(at))})
	}
	return s.housekeep(ctx, nil, writes)
}

// LastUsed is when the access token was last used, to the minute; "" if never.
func (s *Snapshot) LastUsed(token ID) string { return string(s.Note(usedNote, token)) }

// WriteNote puts a value outside every version, such as a connection's health. It writes no Event and is not part of any
// change; where it matters that nothing is lost, it is called again. Errors: Full, Unavailable, NotFound for the organization.
func (d *Directory) WriteNote(ctx context.Context, kind string, id ID, value []byte) error {
	if d.store.full.Load() {
		return &Error{Kind: Full, Detail: fullDetail}
	}
	s, err := d.fresh(ctx)
	if err != nil {
		return err
	}
	return d.store.housekeep(ctx, nil, []entry{{key: d.store.keys.scope(s.key).note(kind, id), value: value}})
}
