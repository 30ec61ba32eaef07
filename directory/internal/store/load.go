package store

import (
	"context"

	clientv3 "go.etcd.io/etcd/client/v3"
	"golang.org/x/sync/errgroup"

	"rollcall/directory/internal/state"
	"rollcall/directory/schema"
)

// loadChunk is how many keys one range request of the loader asks for at most, and loadWorkers how many are under way.
// Ranges are bounded by keys, never by a limit: etcd counts the rest of the range on every limited page.
const (
	loadChunk   = 10_000
	loadWorkers = 4
)

// held are the kinds of keys that are held in memory, as prefixes below the scope's.
var held = []string{"scope", "nest", "r/", "m/", "v/", "l/", "n/", "k/", "trimmed/"}

// load reads everything under the root as it is at one revision, and the ID of the cluster that it is from.
func load(ctx context.Context, c *clientv3.Client, k state.Keyspace, builtin *state.Catalog) (
	*state.State, uint64, error) {
	head, err := c.Get(ctx, k.Format())
	if err != nil {
		return nil, 0, state.Unanswered(err)
	}
	l := &loader{client: c, revision: head.Header.Revision}
	scopes, err := l.scopes(ctx, k)
	if err != nil {
		return nil, 0, err
	}
	complete, err := c.Get(ctx, k.Complete(), clientv3.WithRev(l.revision), clientv3.WithCountOnly())
	if err != nil {
		return nil, 0, state.Unanswered(err)
	}
	for _, s := range scopes {
		if complete.Count == 0 { // some Users may have left nothing else
			if err := l.split(ctx, s.UserNames()); err != nil {
				return nil, 0, err
			}
		}
		for _, kind := range held {
			if err := l.split(ctx, s.All()+kind); err != nil {
				return nil, 0, err
			}
		}
	}
	if err := l.fetch(ctx); err != nil {
		return nil, 0, err
	}
	s, err := state.Build(k, builtin, head.Header.ClusterId, l.revision, l.loaded)
	return s, head.Header.ClusterId, err
}

type loader struct {
	client   *clientv3.Client
	revision int64            // 0: the latest
	prefixes []string         // each with at most loadChunk keys, if the keys allow
	loaded   [][]state.Loaded // by prefix
}

// scopes lists the system scope and every organization.
func (l *loader) scopes(ctx context.Context, k state.Keyspace) ([]state.ScopeKeys, error) {
	orgs := k.System().Resources(schema.OrganizationType)
	resp, err := l.client.Get(ctx, orgs, clientv3.WithPrefix(), clientv3.WithRev(l.revision), clientv3.WithKeysOnly())
	if err != nil {
		return nil, state.Unanswered(err)
	}
	scopes := []state.ScopeKeys{k.System()}
	for _, kv := range resp.Kvs {
		if id, ok := state.RawID(string(kv.Key[len(orgs):])); ok {
			scopes = append(scopes, k.Organization(id))
		}
	}
	return scopes, nil
}

// split adds the prefix, in parts where it holds more than a chunk.
func (l *loader) split(ctx context.Context, prefix string) error {
	resp, err := l.client.Get(ctx, prefix, clientv3.WithPrefix(), clientv3.WithRev(l.revision),
		clientv3.WithCountOnly())
	if err != nil {
		return state.Unanswered(err)
	}
	switch {
	case resp.Count == 0:
		return nil
	case resp.Count <= loadChunk:
		l.prefixes = append(l.prefixes, prefix)
		return nil
	}
	for b := range 256 {
		if err := l.split(ctx, prefix+string([]byte{byte(b)})); err != nil {
			return err
		}
	}
	return nil
}

func (l *loader) fetch(ctx context.Context) error {
	l.loaded = make([][]state.Loaded, len(l.prefixes))
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(loadWorkers)
	for i, p := range l.prefixes {
		g.Go(func() error {
			resp, err := l.client.Get(ctx, p, clientv3.WithPrefix(), clientv3.WithRev(l.revision))
			if err != nil {
				return state.Unanswered(err)
			}
			l.loaded[i] = loadedOf(resp.Kvs)
			return nil
		})
	}
	return g.Wait()
}
