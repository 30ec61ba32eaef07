package directory

import (
	"context"
	"slices"
	"strings"

	clientv3 "go.etcd.io/etcd/client/v3"
	"golang.org/x/sync/errgroup"
)

// loadChunk is how many keys one range request of the loader asks for at most, and loadWorkers how many are under way.
// Ranges are bounded by keys, never by a limit: etcd counts the rest of the range on every limited page.
const (
	loadChunk   = 10_000
	loadWorkers = 4
)

// load reads everything under the root as it is at one revision.
func load(ctx context.Context, c *clientv3.Client, k keyspace) (*state, error) {
	head, err := c.Get(ctx, k.format())
	if err != nil {
		return nil, unavailable(err)
	}
	l := &loader{client: c, revision: head.Header.Revision}
	prefixes, err := l.scopes(ctx, k)
	if err != nil {
		return nil, err
	}
	for _, p := range prefixes {
		for _, kind := range []string{"scope", "nest", "r/", "m/", "v/", "l/", "n/", "k/"} {
			if err := l.split(ctx, p+kind); err != nil {
				return nil, err
			}
		}
	}
	if err := l.fetch(ctx); err != nil {
		return nil, err
	}
	s, err := l.build(k)
	if err != nil {
		return nil, err
	}
	s.cluster = head.Header.ClusterId
	return s, nil
}

type loader struct {
	client   *clientv3.Client
	revision int64    // 0: the latest
	prefixes []string // each at most loadChunk keys, if the keys allow
	entries  [][]loaded
}

type loaded struct {
	entry
	modified int64
}

// scopes lists the key prefixes of the system scope and of every organization.
func (l *loader) scopes(ctx context.Context, k keyspace) ([]string, error) {
	orgs := k.system().resources() + organizationType + "/"
	resp, err := l.client.Get(ctx, orgs, clientv3.WithPrefix(), clientv3.WithRev(l.revision), clientv3.WithKeysOnly())
	if err != nil {
		return nil, unavailable(err)
	}
	prefixes := []string{k.system().prefix}
	for _, kv := range resp.Kvs {
		if id, ok := rawID(string(kv.Key[len(orgs):])); ok {
			prefixes = append(prefixes, k.org(id).prefix)
		}
	}
	return prefixes, nil
}

// split adds the prefix, in parts where it holds more than a chunk.
func (l *loader) split(ctx context.Context, prefix string) error {
	resp, err := l.client.Get(ctx, prefix, clientv3.WithPrefix(), clientv3.WithRev(l.revision), clientv3.WithCountOnly())
	if err != nil {
		return unavailable(err)
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
	l.entries = make([][]loaded, len(l.prefixes))
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(loadWorkers)
	for i, p := range l.prefixes {
		g.Go(func() error {
			resp, err := l.client.Get(ctx, p, clientv3.WithPrefix(), clientv3.WithRev(l.revision))
			if err != nil {
				return unavailable(err)
			}
			part := make([]loaded, len(resp.Kvs))
			for j, kv := range resp.Kvs {
				part[j] = loaded{entry{key: string(kv.Key), value: kv.Value, created: kv.CreateRevision}, kv.ModRevision}
			}
			l.entries[i] = part
			return nil
		})
	}
	return g.Wait()
}

// build makes the state: resources in the order of their creation, so that ordinals come out as they did live, then the rest.
func (l *loader) build(k keyspace) (*state, error) {
	s := newState()
	type located struct {
		loaded
		place
	}
	var records []*record
	var scopes []scope
	var rest []located
	for _, part := range l.entries {
		for _, e := range part {
			p, ok := k.locate(e.key)
			if !ok {
				continue
			}
			if p.kind != "r" {
				rest = append(rest, located{e, p})
				continue
			}
			typ, id, ok := resourcePlace(p.rest)
			if !ok {
				continue
			}
			r, err := decodeRecord(typ, id, e.value, e.created, e.modified)
			if err != nil {
				return nil, err
			}
			records, scopes = append(records, r), append(scopes, p.scope)
		}
	}
	order := make([]int, len(records))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(a, b int) int {
		if c := records[a].created - records[b].created; c != 0 {
			return int(c)
		}
		return strings.Compare(string(records[a].ID[:]), string(records[b].ID[:]))
	})
	bulk := map[scope]*bulkIndex{}
	for _, i := range order {
		sc := s.scope(scopes[i])
		b := bulk[scopes[i]]
		if b == nil {
			b = newBulkIndex(sc)
			bulk[scopes[i]] = b
		}
		b.add(records[i])
	}
	for _, b := range bulk {
		b.finish()
	}
	slices.SortFunc(rest, func(a, b located) int { return strings.Compare(a.key, b.key) })
	for _, e := range rest {
		if err := s.applyOther(e.place, e.modified, e.entry); err != nil {
			return nil, err
		}
	}
	for _, sc := range s.live {
		sc.refreshCatalog()
	}
	clear(s.redefined)
	s.revision = l.revision
	return s, nil
}
