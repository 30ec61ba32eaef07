package directory

import (
	"context"

	"rollcall/directory/internal/state"
	"rollcall/directory/internal/store"
	"rollcall/directory/schema"
)

// complete writes what deletions could not leave while the store was full, from what is left of it, once there is room:
// bare tombstones, and what is to be swept of connections and organizations.
func (s *sweeper) complete(ctx context.Context) error {
	if s.store.node.Quota.Admit(false) != nil {
		return nil
	}
	bare := 0
	for id, sc := range s.frozen.Scopes() {
		n, err := s.writeBare(ctx, id, sc)
		if err != nil {
			return err
		}
		bare += n
	}
	_, ok, err := s.store.node.Get(ctx, s.store.keys.Complete())
	if err != nil || ok || bare > 0 || len(s.store.held.left("")) > 0 { // what is bare now is looked at once more
		return err
	}
	writes, err := s.forgotten(ctx)
	if err != nil {
		return err
	}
	return s.store.node.Housekeep(ctx, nil, append(writes, state.Put(s.store.keys.Complete(), nil)))
}

// writeBare makes proper DeletedUsers of the bare ones of a scope, and returns how many there were.
func (s *sweeper) writeBare(ctx context.Context, id state.ScopeID, sc *state.Scope) (int, error) {
	bare := sc.BareTombstones()
	if len(bare) == 0 {
		return 0, nil
	}
	links := map[ID][]any{}
	for l := range sc.Links() {
		link := map[string]any{"connection": l.Connection.String(), "nameId": l.NameID}
		for name, v := range map[string]string{"nameIdFormat": l.Format, "nameQualifier": l.NameQualifier,
			"spNameQualifier": l.SPNameQualifier} {
			if v != "" {
				link[name] = v
			}
		}
		links[l.User] = append(links[l.User], link)
	}
	keys, t, a := s.store.keys.Scope(id), schema.DeletedUser(), schema.User().Lookup("userName")
	for _, r := range bare {
		doc, err := t.Decode(r.JSON)
		if err != nil {
			return 0, err
		}
		doc["deletedBy"] = map[string]any{"type": Program.Type, "value": Program.ID}
		if list := links[r.ID]; list != nil {
			doc["links"] = list
		}
		proper := state.NewRecord(r.Type, r.ID, s.now)
		if proper.JSON, err = t.Encode(doc); err != nil {
			return 0, err
		}
		key := keys.Resource(r.Type, r.ID)
		holds := store.Holds(keys.Unique(schema.UserType, a.Path, a.Key(r.Text("userName"))), r.ID.Raw())
		err = s.store.node.Housekeep(ctx, []store.Condition{store.Absent(key), holds},
			[]state.Entry{state.Put(key, proper.Encode())})
		if err != nil && KindOf(err) != Busy { // Busy: another node did, or the tombstone was deleted
			return 0, err
		}
	}
	return len(bare), nil
}

// forgotten are the leftovers of connections and organizations that were deleted without one.
func (s *sweeper) forgotten(ctx context.Context) (writes []state.Entry, err error) {
	for id, sc := range s.frozen.Scopes() {
		missing := map[ID]bool{}
		for l := range sc.Links() {
			if sc.Exists() && !missing[l.Connection] && sc.Of(schema.IdentityProviderType, l.Connection) == nil {
				missing[l.Connection] = true
				writes = append(writes, state.Put(s.store.keys.Scope(id).Leftover(l.Connection), nil))
			}
		}
	}
	stored, err := s.storedOrganizations(ctx)
	if err != nil {
		return nil, err
	}
	now, err := s.store.node.Linearizable(ctx) // after that, so that it has whatever was created meanwhile
	if err != nil {
		return nil, err
	}
	for _, id := range stored {
		if now.Scope(state.System).Of(schema.OrganizationType, id) == nil {
			writes = append(writes, state.Put(s.store.keys.System().Leftover(id), nil))
		}
	}
	return writes, nil
}

// storedOrganizations are those that etcd has any key of.
func (s *sweeper) storedOrganizations(ctx context.Context) (ids []ID, err error) {
	prefix := s.store.keys.Organizations()
	for from := prefix; ; {
		keys, _, err := s.store.node.Keys(ctx, from, store.PrefixEnd(prefix), 1)
		if err != nil || len(keys) == 0 {
			return ids, err
		}
		from = keys[0] + "\x00"
		if id, ok := s.store.keys.OrganizationOf(keys[0]); ok {
			ids, from = append(ids, id), store.PrefixEnd(s.store.keys.Organization(id).All())
		}
	}
}
