package directory

import (
	"context"

	"rollcall/directory/filter"
	"rollcall/directory/internal/state"
	"rollcall/directory/internal/store"
	"rollcall/directory/schema"
)

// appendLogged adds the Events or SignIns that match, read from etcd, the newest first.
func (s *search) appendLogged(found []*state.Record, t *schema.ResourceType, compiled *filter.Query) (
	[]*state.Record, error) {
	revision := int64(0)
	if s.snap.pinned {
		revision = s.snap.Revision()
	}
	prefix := s.snap.logPrefix(t.Name)
	list, err := s.snap.store.node.NewestFirst(s.ctx, prefix, revision)
	if err != nil {
		return nil, err
	}
	match, each := s.matcher(compiled), weight(compiled)
	if err := reserve(s.work, len(list), each+s.sorting()); err != nil {
		return nil, err
	}

	// Those that match, without changes that were cancelled.
	for _, l := range list {
		if !s.spend(each) {
			return nil, s.err
		}
		id, ok := state.RawID(l.Key[len(prefix):])
		if !ok {
			continue
		}
		r, err := decodeLogged(t.Name, id, l)
		if err != nil {
			return nil, err
		}
		if r != nil && match(r) {
			found = append(found, r)
		}
	}
	return found, nil
}

// getLogged reads an Event or a SignIn. Errors: Forbidden, NotFound, Unavailable.
func (s *Snapshot) getLogged(ctx context.Context, typ string, id ID) (*Resource, error) {
	if err := s.actor.MayRead(typ); err != nil {
		return nil, err
	}
	l, ok, err := s.store.node.Get(ctx, s.logPrefix(typ)+id.Raw())
	if err != nil {
		return nil, err
	}
	if !ok {
		return nil, notFound(typ, id)
	}
	r, err := decodeLogged(typ, id, l)
	if err != nil {
		return nil, err
	}
	if r == nil {
		return nil, notFound(typ, id)
	}
	return &r.Resource, nil
}

// decodeLogged returns nil for the Event of a change that was cancelled.
func decodeLogged(typ string, id ID, l state.Loaded) (*state.Record, error) {
	if string(l.Value) == store.Cancelled {
		return nil, nil
	}
	r, err := state.DecodeRecord(typ, id, l.Value, l.Created, l.Modified)
	if err == nil && typ == schema.EventType {
		r.JSON = withRevision(r.JSON, l.Created)
	}
	return r, err
}

func (s *Snapshot) logPrefix(typ string) string {
	if typ == schema.EventType {
		return s.keys().Events()
	}
	return s.keys().SignIns()
}
