package store

import (
	"context"
	"errors"
	"time"

	"go.etcd.io/etcd/api/v3/mvccpb"
	clientv3 "go.etcd.io/etcd/client/v3"

	"rollcall/directory/internal/state"
)

// While somebody waits for a revision, progress is asked of the watch every progressInterval; when the replica has not
// caught up after patience, the stream is taken for dead and another one opened.
const (
	progressInterval = 50 * time.Millisecond
	patience         = time.Second
)

// stream is one watch stream.
type stream struct {
	*follower
	ticker *time.Ticker // runs while somebody waits, else nil
	since  time.Time    // when somebody began to wait for a revision that has not come
}

// watch applies one watch stream until it ends; a lone writer's ends without an error when nobody waits any more.
// Progress is asked on the watch's own context: a request with other metadata would go to another stream and be
// dropped.
func (f *follower) watch(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	if !f.alone {
		ctx = clientv3.WithRequireLeader(ctx)
	}
	next := f.replica.applied.Load() + 1
	events := f.watcher.Watch(ctx, f.keys.All(), clientv3.WithPrefix(), clientv3.WithRev(next), clientv3.WithFragment(),
		clientv3.WithCreatedNotify())
	if f.replica.lag() > 0 { // who waited for the stream before this one waits on
		f.replica.wake()
	}
	s := &stream{follower: f}
	defer s.rest()
	return s.run(ctx, events)
}

func (s *stream) run(ctx context.Context, events clientv3.WatchChan) error {
	for {
		var tick <-chan time.Time
		if s.ticker != nil {
			tick = s.ticker.C
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-s.restart:
			return errReload
		case <-s.replica.waiting:
			s.hurry(ctx)
		case <-tick:
			if done, err := s.check(ctx); done || err != nil {
				return err
			}
		case resp, ok := <-events:
			if !ok {
				return errors.New("the stream was closed")
			}
			if err := s.receive(resp); err != nil {
				return err
			}
		}
	}
}

// hurry begins to ask for progress, because somebody waits.
func (s *stream) hurry(ctx context.Context) {
	if s.ticker == nil {
		s.ticker = time.NewTicker(progressInterval)
		s.since = time.Now()
		s.requestProgress(ctx)
	}
}

// rest ends asking for progress.
func (s *stream) rest() {
	if s.ticker != nil {
		s.ticker.Stop()
		s.ticker = nil
	}
}

// check asks for progress again, unless nobody waits any more or the stream is dead.
func (s *stream) check(ctx context.Context) (done bool, err error) {
	switch {
	case s.replica.lag() == 0:
		s.rest()
		return s.alone, nil
	case time.Since(s.since) > patience:
		return false, errors.New("the stream has been silent while a newer revision is known")
	}
	s.requestProgress(ctx)
	return false, nil
}

// receive applies a response.
func (s *stream) receive(resp clientv3.WatchResponse) error {
	switch {
	case resp.CompactRevision != 0:
		return errReload
	case resp.Header.ClusterId != s.cluster.Load():
		s.replica.discard()
		return errReload
	case resp.Err() != nil:
		return resp.Err()
	}
	before := s.replica.applied.Load()
	if err := s.replica.watched(revisionsOf(resp)); err != nil {
		return err
	}
	if s.replica.applied.Load() > before {
		s.since = time.Now()
	}
	return nil
}

// requestProgress returns at once: a dead connection must not hold up the stream.
func (s *stream) requestProgress(ctx context.Context) {
	go func() {
		if err := s.watcher.RequestProgress(ctx); err != nil && ctx.Err() == nil {
			s.log.Debug("no progress from the watch", "error", err)
		}
	}()
}

// revisionsOf groups a response's events by revision, and says up to which revision the replica is complete with them.
func revisionsOf(resp clientv3.WatchResponse) ([]revision, int64) {
	if len(resp.Events) == 0 {
		if resp.IsProgressNotify() {
			return nil, resp.Header.Revision
		}
		return nil, 0 // the stream was created
	}
	var revs []revision
	for _, ev := range resp.Events {
		n := ev.Kv.ModRevision
		if len(revs) == 0 || revs[len(revs)-1].number != n {
			revs = append(revs, revision{number: n})
		}
		e := state.Entry{Key: string(ev.Kv.Key), Value: ev.Kv.Value, Created: ev.Kv.CreateRevision}
		if ev.Type == mvccpb.Event_DELETE {
			e = state.Delete(e.Key)
		}
		r := &revs[len(revs)-1]
		r.entries = append(r.entries, e)
	}
	return revs, revs[len(revs)-1].number
}
