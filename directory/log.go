package directory

import (
	"context"
	"errors"

	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"

	"rollcall/directory/filter"
	"rollcall/directory/schema"
)

// readLog adds the Events or SignIns that match, read from etcd, the newest first.
func (d *Directory) readLog(ctx context.Context, s *Snapshot, t *schema.ResourceType, q Query, compiled *filter.Query, found []*record) ([]*record, error) {
	prefix := d.logPrefix(s, t.Name)
	ctx, cancel := context.WithTimeout(ctx, settleTimeout)
	defer cancel()
	options := []clientv3.OpOption{clientv3.WithPrefix(), clientv3.WithSort(clientv3.SortByKey, clientv3.SortDescend)}
	if s.pinned {
		options = append(options, clientv3.WithRev(s.Revision()))
	}
	resp, err := d.store.client.Get(ctx, prefix, options...)
	if errors.Is(err, rpctypes.ErrCompacted) {
		return nil, errPinGone()
	}
	if err != nil {
		return nil, unavailable(err)
	}
	for _, kv := range resp.Kvs {
		id, ok := rawID(string(kv.Key[len(prefix):]))
		if !ok || string(kv.Value) == cancelled {
			continue
		}
		r, err := decodeRecord(t.Name, id, kv.Value, kv.CreateRevision, kv.ModRevision)
		if err != nil {
			return nil, err
		}
		if compiled == nil || compiled.Match(View{s, r, q.Meta}) {
			found = append(found, r)
		}
	}
	return found, nil
}

func (d *Directory) logPrefix(s *Snapshot, typ string) string {
	k := d.store.keys.scope(s.key)
	if typ == eventType {
		return k.events()
	}
	return k.signIns()
}

// Get returns a resource of any type, Events and SignIns too. Errors: as Snapshot.Get, and Unavailable.
func (d *Directory) Get(ctx context.Context, typ string, id ID) (*Resource, *Snapshot, error) {
	s, err := d.Snapshot(ctx)
	if err != nil {
		return nil, nil, err
	}
	if typ != eventType && typ != signInType {
		r, err := s.Get(typ, id)
		return r, s, err
	}
	if err := s.actor.mayRead(typ); err != nil {
		return nil, nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, commitTimeout)
	defer cancel()
	resp, err := d.store.client.Get(ctx, d.logPrefix(s, typ)+id.raw())
	if err != nil {
		return nil, nil, unavailable(err)
	}
	if len(resp.Kvs) == 0 || string(resp.Kvs[0].Value) == cancelled {
		return nil, nil, errorf(NotFound, "", "%s %s not found", typ, id)
	}
	kv := resp.Kvs[0]
	r, err := decodeRecord(typ, id, kv.Value, kv.CreateRevision, kv.ModRevision)
	if err != nil {
		return nil, nil, err
	}
	return &r.Resource, s, nil
}
