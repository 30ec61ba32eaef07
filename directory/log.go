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
	var ringed []*state.Record
	if t.Name == schema.SignInType {
		if ringed, err = s.snap.ringed(s.ctx, revision); err != nil {
			return nil, err
		}
	}
	match, each := s.matcher(compiled), weight(compiled)
	if err := reserve(s.work, len(list)+len(ringed), each+s.sorting()); err != nil {
		return nil, err
	}

	// Those that match, without changes that were cancelled. Both lists are in order, and so is what they become.
	for len(list) > 0 || len(ringed) > 0 {
		if !s.spend(each) {
			return nil, s.err
		}
		var r *state.Record
		if len(list) == 0 || (len(ringed) > 0 && ringed[0].ID.Raw() > list[0].Key[len(prefix):]) {
			r, ringed = ringed[0], ringed[1:]
		} else {
			if id, ok := state.RawID(list[0].Key[len(prefix):]); ok {
				if r, err = decodeLogged(t.Name, id, list[0]); err != nil {
					return nil, err
				}
			}
			list = list[1:]
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
	if !ok && typ == schema.SignInType {
		return s.getRinged(ctx, id)
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

// getRinged reads a SignIn in a ring. Keys of slots name no id, so it looks into all of the scope's rings.
func (s *Snapshot) getRinged(ctx context.Context, id ID) (*Resource, error) {
	records, err := s.ringed(ctx, 0)
	if err != nil {
		return nil, err
	}
	for _, r := range records {
		if r.ID == id {
			return &r.Resource, nil
		}
	}
	return nil, notFound(schema.SignInType, id)
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
