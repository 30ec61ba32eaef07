package directory

import (
	"bytes"
	"context"
	"slices"

	"rollcall/directory/filter"
	"rollcall/directory/internal/state"
	"rollcall/directory/internal/store"
	"rollcall/directory/schema"
)

// appendLogged adds the Events or SignIns that match, read from etcd, the newest first.
func (s *search) appendLogged(found []*state.Record, t *schema.ResourceType, compiled *filter.Query) (
	[]*state.Record, error) {
	list, err := s.readFor(t, compiled)
	if err != nil {
		return nil, err
	}
	each := weight(compiled)
	if err := reserve(s.work, len(list), each+s.sorting()); err != nil {
		return nil, err
	}

	// Those that match, without changes that were cancelled.
	for _, l := range list {
		if !s.spend(each) {
			return nil, s.err
		}
		r, err := decodeLogged(t.Name, l.id, l.Loaded)
		if err != nil {
			return nil, err
		}
		if r != nil && s.match(compiled, r) {
			found = append(found, r)
		}
	}
	return found, nil
}

// logged is a stored Event or SignIn.
type logged struct {
	id ID
	state.Loaded
}

// readFor reads those among which all matches are, the newest first.
func (s *search) readFor(t *schema.ResourceType, compiled *filter.Query) ([]logged, error) {
	revision := int64(0)
	if s.snap.pinned || s.AsOf {
		revision = s.snap.Revision()
	}
	if number, ok := numberOf(t, compiled); ok {
		if found, err := s.numbered(number, revision); err != nil || len(found) > 0 {
			return found, err
		}
	}
	return s.readLog(t.Name, revision)
}

// readLog reads all Events or SignIns, the newest first, whatever their class.
func (s *search) readLog(typ string, revision int64) (all []logged, err error) {
	prefixes := s.snap.logPrefixes(typ)
	if typ == schema.SignInType {
		prefixes = append(prefixes, s.snap.keys().Rings())
	}
	lists, err := s.snap.store.node.NewestFirst(s.ctx, revision, prefixes...)
	if err != nil {
		return nil, err
	}
	for i, list := range lists {
		for _, l := range list {
			id, ok := state.RawID(l.Key[len(prefixes[i]):])
			if !ok { // not an id: the slot of a ring
				id, ok = slotID(l)
			}
			if ok {
				all = append(all, logged{id, l})
			}
		}
	}
	return newestFirst(all), nil
}

// newestFirst sorts what was read from several places. A SignIn in a ring whose outcome was unknown was written again.
func newestFirst(all []logged) []logged {
	slices.SortFunc(all, func(a, b logged) int { return bytes.Compare(b.id[:], a.id[:]) })
	return slices.CompactFunc(all, func(a, b logged) bool { return a.id == b.id })
}

// getLogged reads an Event or a SignIn. Errors: Forbidden, NotFound, Unavailable.
func (s *Snapshot) getLogged(ctx context.Context, typ string, id ID) (*Resource, error) {
	if err := s.MayRead(typ); err != nil {
		return nil, err
	}
	for _, prefix := range s.logPrefixes(typ) {
		l, ok, err := s.store.node.Get(ctx, prefix+id.Raw())
		if err != nil {
			return nil, err
		}
		if !ok {
			continue
		}
		r, err := decodeLogged(typ, id, l)
		if err != nil {
			return nil, err
		}
		if r != nil && typ == schema.SignInType {
			return s.withIdentity(ctx, &r.Resource)
		}
		if r != nil {
			return &r.Resource, nil
		}
	}
	if typ == schema.SignInType {
		return s.getRinged(ctx, id)
	}
	return nil, notFound(typ, id)
}

// getRinged reads a SignIn in a ring. Keys of slots name no id, so it looks into all of the scope's rings.
func (s *Snapshot) getRinged(ctx context.Context, id ID) (*Resource, error) {
	lists, err := s.store.node.NewestFirst(ctx, 0, s.keys().Rings())
	if err != nil {
		return nil, err
	}
	for _, l := range lists[0] {
		if held, ok := slotID(l); ok && held == id {
			r, err := decodeLogged(schema.SignInType, id, l)
			if err != nil {
				return nil, err
			}
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

// logPrefixes are the prefixes of the keys of Events or SignIns.
func (s *Snapshot) logPrefixes(typ string) (prefixes []string) {
	if typ != schema.EventType {
		return []string{s.keys().SignIns()}
	}
	for _, c := range state.EventClasses {
		prefixes = append(prefixes, s.keys().Events(c))
	}
	return prefixes
}
