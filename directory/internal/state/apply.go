package state

import (
	"fmt"
	"slices"

	"rollcall/directory/schema"
)

// Apply brings the state from the revision before to rev. Resources go first, so that grants find their ends. On an
// error the state is of no revision and must be thrown away.
func (s *State) Apply(rev int64, entries []Entry) error {
	resources, rest, err := s.keys.changes(entries, func(int) int64 { return rev })
	if err != nil {
		return err
	}
	for _, e := range entries {
		s.bytes += e.Size()
	}
	for _, list := range [][]change{resources, rest} {
		for _, c := range list {
			s.touched[c.scope] = true
		}
	}

	// Resources first, in the order of their creation.
	for i := range resources {
		s.setCreated(&resources[i])
	}
	slices.SortFunc(resources, byCreation)
	var gone []goneUser
	for _, c := range resources {
		if c.typ == schema.UserType && c.Deleted {
			if r := s.scope(c.scope).Of(c.typ, c.id); r != nil {
				gone = append(gone, goneUser{c.scope, r})
			}
		}
		if err := s.applyResource(c); err != nil {
			return err
		}
	}

	// A User that takes the place of its DeletedUser was restored.
	for _, c := range resources {
		if c.typ == schema.DeletedUserType && c.Deleted {
			if r := s.scope(c.scope).Of(schema.UserType, c.id); r != nil {
				s.adopt(c.scope, r)
			}
		}
	}

	// Then the rest; types are compiled when all of the revision is there.
	if err := s.applyRest(rest); err != nil {
		return err
	}
	s.forgetEvents(rev)
	for _, u := range gone { // without a DeletedUser: nothing could be put
		for _, key := range AttributeKeys(schema.User().Lookup("userName"), u.JSON) {
			if err := s.leaveBare(u.scope, u.ID, key); err != nil {
				return err
			}
		}
	}
	for id := range s.defined {
		s.live[id].refreshCatalog()
	}
	clear(s.defined)
	s.revision = rev
	return nil
}

// goneUser is a User that a revision deletes.
type goneUser struct {
	scope ScopeID
	*Record
}

// setCreated completes the entry of a writer, who does not know when the key was created.
func (s *State) setCreated(c *change) {
	if c.Created != 0 {
		return
	}
	c.Created = c.revision
	if old := s.scope(c.scope).Of(c.typ, c.id); old != nil && !old.Bare() {
		c.Created = old.CreateRevision
	}
}

func (s *State) applyResource(c change) error {
	sc := s.scope(c.scope)
	if c.typ == schema.SchemaDefinitionType || c.typ == schema.ResourceTypeDefinitionType {
		s.defined[c.scope] = true
	}
	old := sc.Get(c.id)
	if c.Deleted {
		if old != nil && old.Type == c.typ { // a User's place may be taken by its DeletedUser already
			s.orphan(c.scope, old)
			sc.remove(old)
		}
		return nil
	}
	r, err := DecodeRecord(c.typ, c.id, c.Value, c.Created, c.revision)
	if err != nil {
		return err
	}
	switch {
	case old == nil:
	case old.Type != c.typ:
		s.orphan(c.scope, old)
	case old.Bare(): // its order is that of its record
		sc.remove(old)
	}
	sc.put(r)
	return nil
}

// applyRest applies what is not a resource.
func (s *State) applyRest(changes []change) error {
	for _, c := range changes {
		kind, held := kinds[c.kind]
		if !held {
			continue // no scope is touched for it
		}
		if err := kind(s, c); err != nil {
			return err
		}
	}
	return nil
}

// kinds are the kinds of keys that are held in memory, beside resources, and how each is applied.
var kinds = map[string]func(*State, change) error{
	"scope": func(s *State, c change) error { return s.scope(c.scope).applyControl(c) },
	"nest":  func(s *State, c change) error { return s.scope(c.scope).applyNest(c) },
	"m":     (*State).applyGrant,
	"v":     func(s *State, c change) error { return s.scope(c.scope).applyStamp(c) },
	"l":     func(s *State, c change) error { return s.scope(c.scope).applyLink(c) },
	"n":     (*State).applyNote,
	"u":     (*State).applyUserName,
	"k":     func(s *State, c change) error { return s.scope(c.scope).applySecret(c) },
	"pin":   (*State).applyPin,

	eventClasses[OrdinaryEvents]:       applyEvent(OrdinaryEvents),
	eventClasses[AccessEvents]:         applyEvent(AccessEvents),
	eventClasses[AdministrationEvents]: applyEvent(AdministrationEvents),
	trimmedKeys:                        (*State).applyTrimmed,
}

func (s *State) applyGrant(c change) error {
	group, member, g, ok := grantPlace(c.rest)
	if !ok {
		return fmt.Errorf("key %q is not a grant", c.Key)
	}
	sc := s.scope(c.scope)
	from, fromOK := s.end(sc, c.scope, group, schema.GroupType)
	to, toOK := s.end(sc, c.scope, member, schema.UserType, schema.GroupType)
	since, err := parseGrantTime(c.Value)
	if err != nil {
		return fmt.Errorf("grant %q: %w", c.Key, err)
	}
	switch exist := fromOK && toOK; {
	case !exist && c.Deleted:
		delete(s.orphans, c.Key)
	case !exist:
		s.orphans[c.Key] = since
	case c.Deleted:
		sc.revoke(from, to, sc.intern(g))
	default:
		sc.grant(from, to, sc.intern(g), since)
	}
	return nil
}

func (s *State) applyNote(c change) error {
	sc := s.scope(c.scope)
	if c.rest == noteName(pendingNote, ID{}) {
		s.defined[c.scope] = true
	}
	if c.Deleted {
		sc.notes.Delete(c.rest)
	} else {
		sc.notes.Set(c.rest, Note{c.Value, c.revision})
	}
	return nil
}

func (s *liveScope) applyNest(c change) error {
	s.nest = c.revision
	if c.Deleted {
		s.nest = 0
	}
	return nil
}

func (s *liveScope) applySecret(c change) error {
	if c.Deleted {
		s.secrets.Delete(c.rest)
	} else {
		s.secrets.Set(c.rest, c.Value)
	}
	return nil
}

func (s *liveScope) applyStamp(c change) error {
	id, ok := RawID(c.rest)
	if !ok {
		return fmt.Errorf("key %q is not a stamp", c.Key)
	}
	group := s.Of(schema.GroupType, id)
	if group == nil {
		return nil // deleted
	}
	if c.Deleted {
		s.restamp(group, stamp{})
		s.stamps.Delete(group.ord)
		return nil
	}
	at, err := parseMillis(string(c.Value))
	if err != nil {
		return fmt.Errorf("stamp of group %s: %w", id, err)
	}
	s.restamp(group, stamp{c.revision, at})
	return nil
}
