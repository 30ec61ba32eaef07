package directory

import (
	"bytes"
	"context"

	"rollcall/directory/internal/state"
	"rollcall/directory/internal/store"
	"rollcall/directory/schema"
)

// Sign-ins from before they were counted are counted once, from the SignIns that are kept, when a store is first opened
// by a program that counts. The key activity says how far that has come; it is empty when it is done.

// fillSlice is how many SignIns are counted in one transaction, and fillSlices how many of those a sweep makes.
const (
	fillSlice  = 50
	fillSlices = 200
)

// fillPlace is the SignIn that was counted last.
type fillPlace struct{ organization, signIn ID }

func (p fillPlace) encode() []byte {
	return append(p.organization[:len(ID{}):len(ID{})], p.signIn[:]...)
}

func decodeFillPlace(b []byte) (p fillPlace) {
	b = b[copy(p.organization[:], b):]
	copy(p.signIn[:], b)
	return p
}

// fillActivity counts some of the SignIns that are not counted yet.
func (s *sweeper) fillActivity(ctx context.Context) error {
	for range fillSlices {
		if s.store.node.Quota.Admit(false) != nil {
			return nil
		}
		done, err := s.fillSome(ctx)
		if err != nil && KindOf(err) != Busy { // Busy: somebody signed in meanwhile, or another node does the same
			return err
		}
		if done || ctx.Err() != nil {
			return nil
		}
	}
	return nil
}

// fillSome counts the next SignIns; done is true when there are none.
func (s *sweeper) fillSome(ctx context.Context) (done bool, err error) {
	node, key := s.store.node, s.store.keys.Activity()
	at, found, err := node.Get(ctx, key)
	if err != nil || found && len(at.Value) == 0 {
		return err == nil, err
	}
	unchanged := store.Unchanged(key, at.Modified)
	place := decodeFillPlace(at.Value)
	f, err := node.Linearizable(ctx)
	if err != nil {
		return false, err
	}

	// The first organization that has some more.
	for id, sc := range f.Scopes() {
		org := id.Organization
		if id.IsSystem() || !sc.Exists() || bytes.Compare(org[:], place.organization[:]) < 0 {
			continue
		}
		prefix := s.store.keys.Scope(id).SignIns()
		from := prefix
		if org == place.organization {
			from += place.signIn.Raw() + "\x00"
		}
		list, err := node.Range(ctx, from, store.PrefixEnd(prefix), fillSlice)
		if err != nil {
			return false, err
		}
		if len(list) == 0 {
			continue
		}
		conditions, writes := s.countSignIns(id, sc, list)
		last, _ := state.RawID(list[len(list)-1].Key[len(prefix):])
		return false, node.Housekeep(ctx, append(conditions, unchanged),
			append(writes, state.Put(key, fillPlace{org, last}.encode())))
	}
	return true, node.Housekeep(ctx, []store.Condition{unchanged}, []state.Entry{state.Put(key, nil)})
}

// countSignIns counts SignIns of a scope, without those that were counted as they were made.
func (s *sweeper) countSignIns(id state.ScopeID, sc *state.Scope, list []state.Loaded) (
	conditions []store.Condition, writes []state.Entry) {
	keys := s.store.keys.Scope(id)
	found, order := map[ID]*activity{}, []ID{}
	for _, l := range list {
		signIn, ok := state.RawID(l.Key[len(keys.SignIns()):])
		r, err := state.DecodeRecord(schema.SignInType, signIn, l.Value, l.Created, l.Modified)
		if !ok || err != nil {
			continue // what cannot be read says nothing
		}
		in, ok := signedInBy(r.JSON)
		if !ok || sc.Of(schema.UserType, in.user) == nil {
			continue
		}
		a := found[in.user]
		if a == nil {
			noted, _ := decodeActivity(sc.Note(activityNote, in.user).Value)
			a = &noted
		}
		if !a.first.IsZero() && bytes.Compare(signIn[:], a.first[:]) >= 0 {
			continue
		}
		if found[in.user] == nil {
			found[in.user], order = a, append(order, in.user)
		}
		a.add(in)
	}
	for _, user := range order {
		key := keys.Note(activityNote, user)
		conditions = append(conditions, store.Unchanged(key, sc.Note(activityNote, user).Revision),
			store.CreatedAt(keys.Resource(schema.UserType, user), sc.Of(schema.UserType, user).CreateRevision))
		writes = append(writes, state.Put(key, found[user].encode()))
	}
	return conditions, writes
}
