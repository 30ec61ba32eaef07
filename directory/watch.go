package directory

import (
	"context"
	"errors"
	"time"

	"go.etcd.io/etcd/api/v3/mvccpb"
	clientv3 "go.etcd.io/etcd/client/v3"
)

// While somebody waits for a revision, progress is asked of the watch every progressInterval; when the replica has not
// caught up after patience, the stream is taken for dead and another one opened.
const (
	progressInterval = 50 * time.Millisecond
	patience         = time.Second
)

// errReload says that the watch cannot go on from where the replica is: everything must be loaded anew.
var errReload = errors.New("the replica must be loaded anew")

// gapPatience is how long a lone writer waits for its own commits to close a gap before it watches for what is missing.
const gapPatience = 10 * time.Millisecond

// follow keeps the replica up to date until ctx ends. A lone writer knows its commits by itself: it watches only while
// somebody waits for a revision of which it has not heard, such as one whose outcome had to be searched for.
func (s *Store) follow(ctx context.Context) {
	for ctx.Err() == nil {
		if s.options.Alone {
			select {
			case <-ctx.Done():
				return
			case <-s.restart:
				s.reloadSoon()
			case <-s.replica.waiting:
				select {
				case <-ctx.Done():
					return
				case <-time.After(gapPatience):
				}
				if s.replica.lag() == 0 {
					continue
				}
			}
		}
		err := s.watch(ctx)
		if ctx.Err() != nil {
			return
		}
		if errors.Is(err, errReload) {
			if err = s.reload(ctx); err != nil {
				s.reloadSoon()
			}
		}
		if err != nil {
			s.log.Warn("the watch of the store ended; opening another", "error", err)
			select {
			case <-ctx.Done():
			case <-time.After(progressInterval):
			}
		}
	}
}

func (s *Store) reload(ctx context.Context) error {
	st, err := load(ctx, s.client, s.keys)
	if err != nil {
		return err
	}
	s.cluster.Store(st.cluster)
	s.replica.reset(st)
	s.log.Info("loaded the store", "revision", st.revision)
	return nil
}

// watch applies one watch stream until it ends. Progress is asked on the watch's own context: a request with other
// metadata would go to another stream and be dropped.
func (s *Store) watch(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	if !s.options.Alone {
		ctx = clientv3.WithRequireLeader(ctx)
	}
	next := s.replica.applied.Load() + 1
	events := s.watcher.Watch(ctx, s.keys.all(), clientv3.WithPrefix(), clientv3.WithRev(next), clientv3.WithFragment(),
		clientv3.WithCreatedNotify())
	s.streams.Add(1)
	var tick <-chan time.Time
	var ticker *time.Ticker
	var since time.Time // when somebody began to wait for a revision that has not come
	stop := func() {
		if ticker != nil {
			ticker.Stop()
			ticker, tick = nil, nil
		}
	}
	defer stop()
	if s.replica.lag() > 0 { // who waited for the stream before this one waits on
		s.replica.wake()
	}
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-s.replica.waiting:
			if ticker == nil {
				ticker = time.NewTicker(progressInterval)
				tick, since = ticker.C, time.Now()
				s.requestProgress(ctx)
			}
		case <-s.restart:
			return errReload
		case <-tick:
			switch lag := s.replica.lag(); {
			case lag == 0 && s.options.Alone:
				return nil
			case lag == 0:
				stop()
			case time.Since(since) > patience:
				return errors.New("the stream has been silent while a newer revision is known")
			default:
				s.requestProgress(ctx)
			}
		case resp, ok := <-events:
			switch {
			case !ok:
				return errors.New("the stream was closed")
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
				since = time.Now()
			}
		}
	}
}

// requestProgress is bounded: a dead connection must not hold up the watch.
func (s *Store) requestProgress(ctx context.Context) {
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
		e := entry{key: string(ev.Kv.Key), value: ev.Kv.Value, created: ev.Kv.CreateRevision}
		if ev.Type == mvccpb.Event_DELETE {
			e = entry{key: e.key, deleted: true}
		}
		r := &revs[len(revs)-1]
		r.entries = append(r.entries, e)
	}
	return revs, revs[len(revs)-1].number
}
