package directory

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/tidwall/gjson"
	clientv3 "go.etcd.io/etcd/client/v3"
	"go.etcd.io/etcd/client/v3/concurrency"
)

const (
	quotaInterval = 10 * time.Second
	usageInterval = time.Minute
	sweepInterval = time.Minute
	electionTTL   = 15 // seconds
	sweepBatch    = 1000
)

// Retention of Events and SignIns, and of DeletedUsers, unless the Organization says otherwise.
const (
	defaultLogCount    = 10_000
	defaultLogDays     = 30
	defaultDeletedDays = 365
	youngEvent         = time.Hour // no Event younger than this is trimmed: it may be a fence
)

// housekeeping does what every node does for itself, and on one node what is done once for all.
func (s *Store) housekeeping(ctx context.Context) {
	var all sync.WaitGroup
	all.Go(func() { s.every(ctx, quotaInterval, "quota", s.checkQuota) })
	all.Go(func() { s.every(ctx, usageInterval, "use of tokens", s.writeUsage) })
	all.Go(func() {
		s.every(ctx, usageInterval, "pins", func(context.Context) error { s.replica.dropPins(s.now()); return nil })
	})
	if s.options.Alone {
		all.Go(func() { s.every(ctx, sweepInterval, "sweep", s.Sweep) })
	} else {
		all.Go(func() { s.every(ctx, time.Second, "election", s.lead) })
	}
	all.Wait()
}

// lead sweeps for as long as this node is elected.
func (s *Store) lead(ctx context.Context) error {
	session, err := concurrency.NewSession(s.client, concurrency.WithTTL(electionTTL), concurrency.WithContext(ctx))
	if err != nil {
		return err
	}
	defer session.Close()
	e := concurrency.NewElection(session, s.keys.job("sweeper"))
	if err := e.Campaign(ctx, ""); err != nil {
		return err
	}
	elected, cancel := context.WithCancel(ctx)
	defer cancel()
	go func() {
		select {
		case <-session.Done():
			cancel()
		case <-elected.Done():
		}
	}()
	s.every(elected, sweepInterval, "sweep", s.Sweep)
	return nil
}

// Sweep removes what counts no more: grants without ends, what is left of deleted organizations, used ids whose time is over,
// ended sessions, and Events, SignIns and DeletedUsers beyond their retention. It runs every minute on one node; whatever
// it removes was without effect before.
func (s *Store) Sweep(ctx context.Context) error {
	f, err := s.linearizable(ctx)
	if err != nil {
		return err
	}
	failed := errors.Join(s.sweepGrants(ctx), s.sweepOrganizations(ctx))
	f.scopes.Scan(func(fs frozenScope) bool {
		if fs.state.control.revision == 0 {
			return true // deleted
		}
		failed = errors.Join(failed, s.sweepScope(ctx, f, fs))
		return ctx.Err() == nil
	})
	return failed
}

func (s *Store) sweepGrants(ctx context.Context) error {
	for {
		keys := s.replica.swept(sweepBatch)
		if len(keys) == 0 {
			return nil
		}
		if err := s.deleteKeys(ctx, keys); err != nil {
			return err
		}
		if len(keys) < sweepBatch {
			return nil
		}
	}
}

// deleteKeys deletes the keys under the conditions and waits until the replica has seen it.
func (s *Store) deleteKeys(ctx context.Context, keys []string, conditions ...condition) error {
	writes := make([]entry, len(keys))
	for i, k := range keys {
		writes[i] = entry{key: k, deleted: true}
	}
	return s.housekeep(ctx, conditions, writes)
}

// purge deletes the keys with the prefix that are before end ("": all), in batches, each under the conditions.
func (s *Store) purge(ctx context.Context, prefix, end string, conditions ...condition) error {
	if end == "" {
		end = prefixEnd(prefix)
	}
	for {
		resp, err := s.client.Get(ctx, prefix, clientv3.WithRange(end), clientv3.WithKeysOnly(), clientv3.WithLimit(sweepBatch))
		if err != nil {
			return unavailable(err)
		}
		keys := make([]string, len(resp.Kvs))
		for i, kv := range resp.Kvs {
			keys[i] = string(kv.Key)
		}
		if len(keys) == 0 {
			return nil
		}
		if err := s.deleteKeys(ctx, keys, conditions...); err != nil {
			return err
		}
		if !resp.More {
			return nil
		}
	}
}

func (s *Store) sweepScope(ctx context.Context, f *frozenState, fs frozenScope) error {
	k, now := s.keys.scope(fs.scope), s.now()
	r := retentionOf(f, fs.scope)
	return errors.Join(
		s.sweepConnections(ctx, fs),
		s.sweepOnces(ctx, k, now),
		s.sweepPending(ctx, fs, now),
		s.sweepPins(ctx, k, now),
		s.sweepSessions(ctx, f, fs),
		s.sweepLog(ctx, k.events(), r.events, now.Add(-r.age), now.Add(-youngEvent)),
		s.sweepLog(ctx, k.signIns(), r.signIns, now.Add(-r.age), now),
		s.sweepTombstones(ctx, f, fs, now.Add(-r.deleted)),
	)
}

type retention struct {
	events, signIns int64
	age, deleted    time.Duration
}

func retentionOf(f *frozenState, k scope) retention {
	const day = 24 * time.Hour
	r := retention{defaultLogCount, defaultLogCount, defaultLogDays * day, defaultDeletedDays * day}
	org := f.scope(scope{}).get(k.org)
	if org == nil {
		return r
	}
	v := gjson.GetManyBytes(org.JSON, "retention.events", "retention.signIns", "retention.days", "retention.deletedUsersDays")
	if n := v[0].Int(); n > 0 {
		r.events = n
	}
	if n := v[1].Int(); n > 0 {
		r.signIns = n
	}
	if n := v[2].Int(); n > 0 {
		r.age = time.Duration(n) * day
	}
	if n := v[3].Int(); n > 0 {
		r.deleted = time.Duration(n) * day
	}
	return r
}

// sweepOnces deletes the used ids of every minute that is over, kind by kind.
func (s *Store) sweepOnces(ctx context.Context, k scopeKeys, now time.Time) error {
	from, end := k.onces(), prefixEnd(k.onces())
	for {
		resp, err := s.client.Get(ctx, from, clientv3.WithRange(end), clientv3.WithKeysOnly(), clientv3.WithLimit(1))
		if err != nil {
			return unavailable(err)
		}
		if len(resp.Kvs) == 0 {
			return nil
		}
		kind, _, ok := onceMinute(string(resp.Kvs[0].Key)[len(k.onces()):])
		if !ok {
			return errors.New("a key of used ids cannot be read")
		}
		prefix := k.onces() + kind + "/"
		if err := s.purge(ctx, prefix, k.oncesUntil(kind, now)); err != nil {
			return err
		}
		from = prefixEnd(prefix)
	}
}

func (s *Store) sweepSessions(ctx context.Context, f *frozenState, fs frozenScope) error {
	snap := &Snapshot{store: s, frozen: f, key: fs.scope, scope: fs.state, sys: f.scope(scope{}), actor: Program}
	var keys []string
	for r := range snap.All(sessionType) {
		if !snap.SessionValid(r) {
			keys = append(keys, s.keys.scope(fs.scope).resource(sessionType, r.ID))
		}
	}
	for len(keys) > 0 {
		n := min(sweepBatch, len(keys))
		if err := s.deleteKeys(ctx, keys[:n]); err != nil {
			return err
		}
		keys = keys[n:]
	}
	return nil
}

// sweepLog trims records beyond the count and before the age; none that is younger than the bound.
func (s *Store) sweepLog(ctx context.Context, prefix string, count int64, before, bound time.Time) error {
	resp, err := s.client.Get(ctx, prefix, clientv3.WithPrefix(), clientv3.WithCountOnly())
	if err != nil {
		return unavailable(err)
	}
	end := prefix + timeBound(before).raw()
	if extra := resp.Count - count; extra > 0 {
		over, err := s.client.Get(ctx, prefix, clientv3.WithPrefix(), clientv3.WithKeysOnly(), clientv3.WithLimit(extra))
		if err != nil {
			return unavailable(err)
		}
		if n := len(over.Kvs); n > 0 {
			end = max(end, string(over.Kvs[n-1].Key)+"\x00")
		}
	}
	return s.purge(ctx, prefix, min(end, prefix+timeBound(bound).raw()))
}

// sweepTombstones ends DeletedUsers beyond their retention, as an administrator would.
func (s *Store) sweepTombstones(ctx context.Context, f *frozenState, fs frozenScope, before time.Time) error {
	t := fs.state.tables[deletedUserType]
	org := f.scope(scope{}).get(fs.scope.org)
	if t == nil || org == nil || !fs.state.control.Active {
		return nil
	}
	d := s.Organization(org.Text("name"))
	var failed error
	t.list.Scan(func(_ uint32, r *record) bool {
		if !r.Created.Before(before) {
			return false // in order of creation
		}
		_, err := d.Update(ctx, func(tx *Tx) error {
			stone, err := tx.Get(deletedUserType, r.ID)
			if err != nil {
				return err
			}
			return tx.Delete(stone)
		})
		if err != nil && KindOf(err) != NotFound {
			failed = err
		}
		return failed == nil && ctx.Err() == nil
	})
	return failed
}
