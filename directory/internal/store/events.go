package store

import (
	"context"
	"errors"

	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"

	"rollcall/directory/internal/state"
)

// placesChunk is how many Events one request asks for whose order is to be kept.
const placesChunk = 10_000

// maxGatherings is how often the order of Events is read because the replica was reloaded, or the revision compacted.
const maxGatherings = 4

// KeepEvents has the replica keep the order of the scope's Events, unless it does already: it reads their keys and
// revisions once, and follows from there. Error: Unavailable.
func (n *Node) KeepEvents(ctx context.Context, scope state.ScopeID) error {
	select {
	case n.gathering <- struct{}{}: // one at a time: others often wait for the same scope
		defer func() { <-n.gathering }()
	case <-ctx.Done():
		return state.Unanswered(ctx.Err())
	}
	var err error
	for range maxGatherings {
		g, revision := n.replica.gatherEvents(scope)
		if g == nil {
			return nil
		}
		var before map[state.EventClass][]state.EventPlace
		if before, err = n.places(ctx, n.options.Keys.Scope(scope), revision); err != nil {
			if errors.Is(err, rpctypes.ErrCompacted) {
				continue
			}
			break
		}
		if n.replica.keepEvents(g, before) {
			return nil
		}
		err = errReload
	}
	return state.Unanswered(err)
}

// places reads the order of the scope's Events as they were at the revision, class by class.
func (r Reader) places(ctx context.Context, k state.ScopeKeys, revision int64) (
	map[state.EventClass][]state.EventPlace, error) {
	places := map[state.EventClass][]state.EventPlace{}
	for _, class := range state.EventClasses {
		prefix := k.Events(class)
		for from, more := prefix, true; more; {
			asking, cancel := context.WithTimeout(ctx, settleTimeout)
			resp, err := r.client.Get(asking, from, clientv3.WithRange(PrefixEnd(prefix)), clientv3.WithRev(revision),
				clientv3.WithKeysOnly(), clientv3.WithLimit(placesChunk))
			cancel()
			if err != nil {
				return nil, err
			}
			for _, kv := range resp.Kvs {
				from = string(kv.Key) + "\x00"
				if id, ok := state.RawID(string(kv.Key[len(prefix):])); ok {
					places[class] = append(places[class], state.EventPlace{Revision: kv.CreateRevision, ID: id})
				}
			}
			more = resp.More
		}
	}
	return places, nil
}

// gatherEvents begins to keep the order of the scope's Events and returns the revision at which they are to be read;
// nil if the order is kept already.
func (r *replica) gatherEvents(scope state.ScopeID) (*state.EventGathering, int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.state.GatherEvents(scope), r.state.Revision()
}

// keepEvents ends what gatherEvents began. It returns false if the replica was reloaded meanwhile.
func (r *replica) keepEvents(g *state.EventGathering, before map[state.EventClass][]state.EventPlace) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.state.KeepEvents(g, before) {
		return false
	}
	r.published.Store(nil) // the state has changed, and its revision has not
	return true
}

// Told returns a channel that is closed when the scope gets an Event after the call, or the replica is reloaded.
func (n *Node) Told(scope state.ScopeID) <-chan struct{} { return n.replica.told(scope) }

func (r *replica) told(scope state.ScopeID) <-chan struct{} {
	r.mu.Lock()
	defer r.mu.Unlock()
	tail := r.tails[scope]
	if tail == nil {
		tail = make(chan struct{})
		r.tails[scope] = tail
	}
	return tail
}

// tell wakes those who wait for Events of scopes that got some. It must hold mu.
func (r *replica) tell() {
	for scope := range r.state.TakeTold() {
		if tail := r.tails[scope]; tail != nil {
			close(tail)
			delete(r.tails, scope)
		}
	}
}

// endTails wakes all who wait for Events. It must hold mu.
func (r *replica) endTails() {
	for scope, tail := range r.tails {
		close(tail)
		delete(r.tails, scope)
	}
}

// GetAll reads the keys, each as it is now, in their order; those that do not exist have no value. Error: Unavailable.
func (r Reader) GetAll(ctx context.Context, keys []string) ([]state.Loaded, error) {
	ctx, cancel := context.WithTimeout(ctx, answerTimeout)
	defer cancel()
	ops := make([]clientv3.Op, len(keys))
	for i, key := range keys {
		ops[i] = clientv3.OpGet(key)
	}
	resp, err := r.client.Txn(ctx).Then(ops...).Commit()
	if err != nil {
		return nil, state.Unanswered(err)
	}
	all := make([]state.Loaded, len(keys))
	for i := range keys {
		if kvs := resp.Responses[i].GetResponseRange().Kvs; len(kvs) > 0 {
			all[i] = loadedOf(kvs)[0]
		}
	}
	return all, nil
}

// Trim deletes the keys of Events from the prefix on and before end, in batches. With each batch it puts, at the key
// trimmed, the place of the last one in the order of the scope that has been removed so far, unless the store has no
// room for that; then only those who keep the order learn of it. Errors: Busy if another node does the same;
// Unavailable.
func (e Eraser) Trim(ctx context.Context, prefix, end, trimmed string) error {
	at, revision := state.EventPlace{}, int64(0)
	if l, ok, err := e.reader.Get(ctx, trimmed); err != nil {
		return err
	} else if ok {
		at, _ = state.DecodeEventPlace(l.Value)
		revision = l.Modified
	}
	for {
		resp, err := e.reader.client.Get(ctx, prefix, clientv3.WithRange(end), clientv3.WithKeysOnly(),
			clientv3.WithLimit(eraseBatch))
		if err != nil {
			return state.Unanswered(err)
		}
		if len(resp.Kvs) == 0 {
			return nil
		}
		p := Part{Conditions: []Condition{Unchanged(trimmed, revision)}, Frees: true}
		for _, kv := range resp.Kvs {
			p.Writes = append(p.Writes, state.Delete(string(kv.Key)))
			id, _ := state.RawID(string(kv.Key[len(prefix):]))
			if place := (state.EventPlace{Revision: kv.CreateRevision, ID: id}); at.Compare(place) < 0 {
				at = place
			}
		}
		deletions := p.Writes
		p.Writes = append(p.Writes[:len(deletions):len(deletions)], state.Put(trimmed, at.Encode()))
		out, err := e.committer.housekeep(ctx, p)
		switch {
		case err == nil:
			revision = out.Revision
		case state.KindOf(err) != state.Full:
			return err
		default:
			if err := e.committer.Housekeep(ctx, nil, deletions); err != nil {
				return err
			}
		}
		if !resp.More {
			return nil
		}
	}
}
