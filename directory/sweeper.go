package directory

import (
	"bytes"
	"context"
	"errors"
	"time"

	"rollcall/directory/internal/state"
	"rollcall/directory/internal/store"
	"rollcall/directory/schema"
)

// sweepBatch is how many orphaned grants are looked for at once.
const sweepBatch = 1000

// sweeper removes what counts no more in all scopes.
type sweeper struct {
	store  *Store
	frozen *state.Frozen
	now    time.Time
	rota   *rota // of scopes to look at; nil: all
}

func (s *sweeper) run(ctx context.Context) error {
	failed := errors.Join(s.orphans(ctx), s.organizations(ctx))
	for id, sc := range s.frozen.Scopes() {
		if ctx.Err() != nil {
			break
		}
		if !sc.Exists() {
			s.rota.forget(id)
			continue
		}
		if sweep := s.scope(id); s.rota.due(sweep) {
			failed = errors.Join(failed, sweep.run(ctx))
			s.rota.swept(sweep)
		}
	}
	return errors.Join(failed, s.complete(ctx), s.fillActivity(ctx))
}

// orphans deletes the grants of Users and Groups that were deleted.
func (s *sweeper) orphans(ctx context.Context) error {
	for {
		keys := s.store.node.Orphans(sweepBatch)
		if err := s.store.node.Delete(ctx, keys); err != nil || len(keys) < sweepBatch {
			return err
		}
	}
}

// organizations deletes what deleted organizations held.
func (s *sweeper) organizations(ctx context.Context) error {
	return s.leftovers(ctx, s.store.keys.System(), func(id ID) error {
		return s.store.node.DeleteRange(ctx, s.store.keys.Organization(id).All())
	})
}

// leftovers calls sweep for every ID that left keys behind, and forgets those that are done.
func (s *sweeper) leftovers(ctx context.Context, k state.ScopeKeys, sweep func(ID) error) error {
	list, err := s.store.node.All(ctx, k.Leftovers())
	if err != nil {
		return err
	}
	keys := s.store.held.left(k.Leftovers())
	for _, l := range list {
		keys = append(keys, l.Key)
	}
	for _, key := range keys {
		id, ok := state.RawID(key[len(k.Leftovers()):])
		if !ok {
			continue
		}
		if err := sweep(id); err != nil {
			return err
		}
		if err := s.store.node.Delete(ctx, []string{key}); err != nil {
			return err
		}
		s.store.held.drop(key)
	}
	return nil
}

func (s *sweeper) scope(id state.ScopeID) *scopeSweeper {
	return &scopeSweeper{sweeper: s, snap: s.store.snapshot(s.frozen, id, Program), keys: s.store.keys.Scope(id)}
}

// scopeSweeper removes what counts no more in one scope.
type scopeSweeper struct {
	*sweeper
	snap *Snapshot
	keys state.ScopeKeys
	next time.Time // when time may have ended something again; zero: never
}

// again has the scope swept at the time, or before.
func (s *scopeSweeper) again(at time.Time) {
	if s.next.IsZero() || at.Before(s.next) {
		s.next = at
	}
}

// unless has the scope swept in an hour if there is a key with the prefix.
func (s *scopeSweeper) unless(ctx context.Context, prefix string) error {
	left, _, err := s.store.node.Keys(ctx, prefix, store.PrefixEnd(prefix), 1)
	if len(left) > 0 {
		s.again(s.now.Add(sweepAnyway))
	}
	return err
}

func (s *scopeSweeper) run(ctx context.Context) error {
	r := retentionOf(s.snap.Organization())
	return errors.Join(
		s.connections(ctx),
		s.once(ctx),
		s.pending(ctx),
		s.pins(ctx),
		s.sessions(ctx),
		s.events(ctx, r),
		s.signIns(ctx, r),
		s.numbers(ctx),
		s.rings(ctx, s.now.Add(-r.age)),
		s.identities(ctx, state.TimeBound(s.now.Add(-r.identity))),
		s.tombstones(ctx, r.deleted),
	)
}

// rings deletes what is in rings from before the age. What has been overwritten is gone already.
func (s *scopeSweeper) rings(ctx context.Context, before time.Time) error {
	list, err := s.store.node.All(ctx, s.keys.Rings())
	if err != nil {
		return err
	}
	var keys []string
	bound := state.TimeBound(before)
	for _, l := range list {
		if id, ok := slotID(l); !ok || bytes.Compare(id[:], bound[:]) < 0 {
			keys = append(keys, l.Key)
		}
	}
	if len(keys) < len(list) {
		s.again(s.now.Add(sweepAnyway))
	}
	return s.store.node.Delete(ctx, keys)
}

// connections deletes the links, the rings and the grants of deleted connections.
func (s *scopeSweeper) connections(ctx context.Context) error {
	if s.snap.id.IsSystem() { // its leftovers are organizations
		return nil
	}
	return s.leftovers(ctx, s.keys, func(id ID) error {
		for _, prefix := range []string{s.keys.Links(id), s.keys.Ring(id)} {
			if err := s.store.node.DeleteRange(ctx, prefix); err != nil {
				return err
			}
		}
		var keys []string
		for g, m := range s.snap.scope.GrantedBy(id) {
			keys = append(keys, s.keys.Grant(g.ID, m.ID, state.Grantor{Connection: id}))
		}
		return s.store.node.Delete(ctx, keys)
	})
}

// once deletes the used IDs of every minute that is over, kind by kind.
func (s *scopeSweeper) once(ctx context.Context) error {
	from, end := s.keys.OnceAll(), store.PrefixEnd(s.keys.OnceAll())
	for {
		keys, _, err := s.store.node.Keys(ctx, from, end, 1)
		if err != nil || len(keys) == 0 {
			return err
		}
		s.again(s.now.Add(sweepAnyway))
		kind, ok := s.keys.OnceKindOf(keys[0])
		if !ok {
			return errors.New("a key of used IDs cannot be read")
		}
		if err := s.store.node.PurgeUntil(ctx, s.keys.OnceKind(kind), s.keys.OnceBefore(kind, s.now)); err != nil {
			return err
		}
		from = store.PrefixEnd(s.keys.OnceKind(kind))
	}
}

// pending withdraws a change of definitions whose node did not live to end it.
func (s *scopeSweeper) pending(ctx context.Context) error {
	p := s.snap.scope.Pending()
	if p == nil {
		return nil
	}
	if s.now.Sub(p.At) < definitionTimeout {
		s.again(p.At.Add(definitionTimeout))
		return nil
	}
	return s.store.withdraw(ctx, s.keys, s.snap.scope, p.Change)
}

// pins deletes the keys of pins whose time is over.
func (s *scopeSweeper) pins(ctx context.Context) error {
	list, err := s.store.node.All(ctx, s.keys.Pins())
	if err != nil {
		return err
	}
	var keys []string
	for _, l := range list {
		if p, err := state.DecodePin(l.Value); err != nil || s.now.Sub(p.At) > PinLifetime {
			keys = append(keys, l.Key)
		} else {
			s.again(s.now.Add(sweepAnyway))
		}
	}
	return s.store.node.Delete(ctx, keys)
}

// sessions deletes the sessions that are not valid any more.
func (s *scopeSweeper) sessions(ctx context.Context) error {
	if s.snap.replaced(schema.SessionType) {
		return nil
	}
	var keys []string
	for r := range s.snap.All(schema.SessionType) {
		if !s.snap.SessionValid(r) {
			keys = append(keys, s.keys.Resource(r.Type, r.ID))
		} else {
			s.again(s.now.Add(sweepAnyway))
		}
	}
	return s.store.node.Delete(ctx, keys)
}

// events trims the Events, class by class.
func (s *scopeSweeper) events(ctx context.Context, r retention) (failed error) {
	for _, c := range state.EventClasses {
		count, age := r.ofEvents(c)
		prefix := s.keys.Events(c)
		failed = errors.Join(failed, s.log(ctx, prefix, count, age, youngEvent, func(end string) error {
			return s.store.node.Trim(ctx, prefix, end, s.keys.Trimmed(c))
		}))
	}
	return failed
}

// signIns trims the SignIns.
func (s *scopeSweeper) signIns(ctx context.Context, r retention) error {
	prefix := s.keys.SignIns()
	return s.log(ctx, prefix, r.signIns, r.age, 0, func(end string) error {
		return s.store.node.PurgeUntil(ctx, prefix, end)
	})
}

// log trims records beyond the count and those that have the age; none that is young. trim deletes those before a key.
func (s *scopeSweeper) log(ctx context.Context, prefix string, count int64, age, young time.Duration,
	trim func(end string) error) error {
	n, err := s.store.node.Count(ctx, prefix)
	if err != nil || n == 0 {
		return err
	}
	end := prefix + state.TimeBound(s.now.Add(-age)).Raw()
	if extra := n - count; extra > 0 {
		over, _, err := s.store.node.Keys(ctx, prefix, store.PrefixEnd(prefix), extra)
		if err != nil {
			return err
		}
		if len(over) > 0 {
			end = max(end, over[len(over)-1]+"\x00")
		}
	}
	bound := min(end, prefix+state.TimeBound(s.now.Add(-young)).Raw())
	if err := trim(bound); err != nil {
		return err
	}

	// The next is the first of those that are left.
	if bound < end {
		s.again(s.now.Add(min(young, sweepAnyway)))
	}
	left, _, err := s.store.node.Keys(ctx, prefix, store.PrefixEnd(prefix), 1)
	if len(left) > 0 {
		id, _ := state.RawID(left[0][len(prefix):])
		s.again(id.Time().Add(age))
	}
	return err
}

// tombstones deletes DeletedUsers beyond their retention, as an administrator would.
func (s *scopeSweeper) tombstones(ctx context.Context, age time.Duration) error {
	org := s.snap.Organization()
	if org == nil || !s.snap.Active() || s.snap.replaced(schema.DeletedUserType) {
		return nil
	}
	d := s.store.Organization(org.Text("name"))
	for r := range s.snap.All(schema.DeletedUserType) {
		if r.Version == 0 { // bare: not written yet
			s.again(s.now.Add(sweepAnyway))
			continue
		}
		if !r.Created.Before(s.now.Add(-age)) || ctx.Err() != nil {
			s.again(r.Created.Add(age))
			return nil // those behind it are younger
		}
		_, err := d.Update(ctx, func(tx *Tx) error {
			tombstone, err := tx.Get(r.Type, r.ID)
			if err != nil {
				return err
			}
			return tx.Delete(tombstone)
		})
		if err != nil && KindOf(err) != NotFound {
			return err
		}
	}
	return nil
}
