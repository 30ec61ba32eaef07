package directory

import (
	"context"

	clientv3 "go.etcd.io/etcd/client/v3"
)

// leftovers calls sweep for every id that left keys behind, and forgets those that are done.
func (s *Store) leftovers(ctx context.Context, k scopeKeys, sweep func(ID) error) error {
	resp, err := s.client.Get(ctx, k.leftovers(), clientv3.WithPrefix(), clientv3.WithKeysOnly())
	if err != nil {
		return unavailable(err)
	}
	for _, kv := range resp.Kvs {
		id, ok := rawID(string(kv.Key[len(k.leftovers()):]))
		if !ok {
			continue
		}
		if err := sweep(id); err != nil {
			return err
		}
		if err := s.deleteKeys(ctx, []string{string(kv.Key)}); err != nil {
			return err
		}
	}
	return nil
}

// sweepOrganizations removes what deleted organizations held.
func (s *Store) sweepOrganizations(ctx context.Context) error {
	return s.leftovers(ctx, s.keys.system(), func(id ID) error { return s.deleteAll(ctx, s.keys.org(id).prefix) })
}

// sweepConnections removes the links and grants of deleted connections, which count no more.
func (s *Store) sweepConnections(ctx context.Context, fs frozenScope) error {
	if fs.scope.system() { // its leftovers are organizations
		return nil
	}
	k, sc := s.keys.scope(fs.scope), fs.state
	return s.leftovers(ctx, k, func(id ID) error {
		if err := s.deleteAll(ctx, k.links(id)); err != nil {
			return err
		}
		var keys []string
		sc.members.Scan(func(e edge) bool {
			if sc.grantors[e.grantor].connection != id {
				return true
			}
			if g, m := sc.at(groupType, e.from), sc.member(e.to); g != nil && m != nil {
				keys = append(keys, k.grant(g.ID, m.ID, sc.grantors[e.grantor]))
			}
			return true
		})
		for len(keys) > 0 {
			n := min(sweepBatch, len(keys))
			if err := s.deleteKeys(ctx, keys[:n]); err != nil {
				return err
			}
			keys = keys[n:]
		}
		return nil
	})
}

// deleteAll deletes every key with the prefix, range by range: a range is bounded by its keys, because etcd counts the rest of
// the prefix on every limited page.
func (s *Store) deleteAll(ctx context.Context, prefix string) error {
	l := &loader{client: s.client}
	if err := l.split(ctx, prefix); err != nil {
		return err
	}
	for _, p := range l.prefixes {
		if err := s.housekeep(ctx, nil, []entry{{key: p, deleted: true, prefix: true}}); err != nil {
			return err
		}
	}
	return nil
}
