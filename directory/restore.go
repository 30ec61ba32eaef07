package directory

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/tidwall/gjson"

	"rollcall/directory/internal/state"
	"rollcall/directory/internal/store"
	"rollcall/directory/schema"
)

// What restores a deleted User is kept in etcd alone, under a key beside its DeletedUser: a line with what kept holds,
// then the User's record. It is put and deleted in the transactions that put and delete the DeletedUser.

// Bounds of what is kept, in bytes. Of a larger User nothing is.
const (
	maxKept     = 512 << 10 // of one User
	maxDeletion = 768 << 10 // with what else the transaction that deletes it writes; that which restores it is alike
)

// kept is what else is kept of a User, besides its record and its links, which stay where they are.
type kept struct {
	Epoch  int64             `json:"epoch"`           // of sessions: one in which none has begun
	Notes  map[string][]byte `json:"notes,omitempty"` // by kind: the User's activity
	Grants []keptGrant       `json:"grants,omitempty"`
}

// keptGrant is one grant of a membership.
type keptGrant struct {
	Group      ID    `json:"group"`
	Connection ID    `json:"connection,omitzero"` // that granted it; zero: SCIM
	Since      int64 `json:"since,omitempty"`     // in Unix seconds; 0: nobody knows
}

// keep puts what restores a User that is being deleted, if there is room for it, and returns its size; 0 if not. What
// this node has decided about the User and could not write would be lost with it, so then nothing is kept either.
func (tx *Tx) keep(user *state.Record) int64 {
	sc := tx.snap.scope
	if tx.takesAway || tx.dir.store.held.any() || user.Uncommitted() || sc.CountGrants(user) > MaxMemberships {
		return 0
	}
	epoch, _ := tx.snap.epoch(user.ID)
	k := kept{Epoch: epoch + 1, Notes: map[string][]byte{}}
	for _, kind := range []string{activityNote, seenNote} {
		if value := sc.Note(kind, user.ID).Value; value != nil {
			k.Notes[kind] = value
		}
	}
	for g := range sc.ParentGroups(user) {
		for by, since := range sc.GrantTimes(g, user) {
			k.Grants = append(k.Grants, keptGrant{g.ID, by.Connection, max(since.Unix(), 0)})
		}
	}
	value, err := json.Marshal(k)
	if err != nil {
		panic(err) // IDs, numbers and bytes only
	}
	value = append(append(value, '\n'), user.Encode()...)
	if len(value) > maxKept || tx.size()+len(value) > maxDeletion || !tx.dir.store.node.Quota.Spares(int64(len(value))) {
		return 0
	}
	tx.mark(tx.keys().Kept(user.ID), value)
	return int64(len(value))
}

// decodeKept reads what keep put.
func decodeKept(id ID, value []byte) (k kept, user *state.Record, err error) {
	head, record, _ := bytes.Cut(value, []byte{'\n'})
	if err := json.Unmarshal(head, &k); err != nil {
		return k, nil, fmt.Errorf("kept of User %s: %w", id, err)
	}
	user, err = state.DecodeRecord(schema.UserType, id, record, 0, 0)
	return k, user, err
}

// Restored is a User that was restored, and what of it is gone.
type Restored struct {
	User        *Resource
	Groups      []ID // that were deleted meanwhile
	Connections []ID // that were deleted meanwhile, with their links and what they granted
	Taken       []ID // connections that link the identity to another User now
}

// Restore brings a User back that was deleted: with its ID, attributes, activity, links and memberships, active or not.
// Groups and connections that are gone meanwhile are left out. Sessions and access tokens end for good. Errors: as
// Update; NotFound if no DeletedUser has the ID; Mutability if nothing is kept of the User; Exists naming a unique
// attribute whose value was taken meanwhile; Forbidden without the scope admin where the User had privileges;
// *schema.Error where the User breaks what its schemas demand by now.
func (d *Directory) Restore(ctx context.Context, id ID) (*Snapshot, Restored, error) {
	value, err := d.kept(ctx, id)
	if err != nil {
		return nil, Restored{}, err
	}
	var restored Restored
	s, err := d.Update(ctx, func(tx *Tx) (err error) {
		restored, err = tx.restore(id, value)
		return err
	})
	return s, restored, err
}

// kept reads what is kept of a deleted User. Errors: as restorable; Unavailable; Busy.
func (d *Directory) kept(ctx context.Context, id ID) (value state.Loaded, err error) {
	s, err := d.Snapshot(ctx)
	if err != nil {
		return value, err
	}
	if _, err := s.restorable(id); err != nil {
		return value, err
	}
	value, ok, err := d.store.node.Get(ctx, s.keys().Kept(id))
	if err != nil || ok {
		return value, err
	}

	// Another restoration, or a sweep, was faster.
	if s, err = d.fresh(ctx); err != nil {
		return value, err
	}
	if _, err = s.restorable(id); err == nil {
		err = errTooManyRaces()
	}
	return value, err
}

// restorable returns the DeletedUser of a User that can be restored. Errors: Forbidden, NotFound, Mutability.
func (s *Snapshot) restorable(id ID) (*state.Record, error) {
	if err := s.MayWrite(schema.UserType); err != nil {
		return nil, err
	}
	r := s.scope.Of(schema.DeletedUserType, id)
	if r == nil || s.replaced(schema.DeletedUserType) {
		return nil, notFound(schema.DeletedUserType, id)
	}
	if r.Kept == 0 {
		return nil, errorf(Mutability, "restorable", "nothing is kept to restore this User: when it was deleted, the store "+
			"was too full, or it was too large with its memberships (at most %d KiB are kept), or the version was an older one",
			maxKept>>10)
	}
	return r, nil
}

// restore brings back the User of which value is kept.
func (tx *Tx) restore(id ID, value state.Loaded) (restored Restored, err error) {
	// In the place of the DeletedUser.
	tombstone, err := tx.snap.restorable(id)
	if err != nil {
		return restored, err
	}
	k, r, err := decodeKept(id, value.Value)
	if err != nil {
		return restored, err
	}
	key := tx.keys().Kept(id)
	tx.guard(tombstone, true)
	tx.require(store.Unchanged(key, value.Modified))
	tx.delete(key)
	tx.delete(tx.keys().Resource(schema.DeletedUserType, id))
	tx.staged[id] = nil

	// The User, with the links that are still its own.
	t := tx.snap.Type(schema.UserType)
	doc, err := t.Decode(r.JSON)
	if err != nil {
		return restored, err
	}
	if err := tx.touchesPrivileges(r.Type, deed{next: doc, back: r}); err != nil {
		return restored, err
	}
	tx.restoreLinks(id, doc, &restored)
	r.LastModified = tx.later(r.LastModified)
	if err := tx.encode(t, r, doc); err != nil {
		return restored, err
	}
	if err := tx.add(t, r, doc, "restore"); err != nil {
		return restored, err
	}
	restored.User = &r.Resource

	// Its memberships; and whoever signed in or called as this User does so no more.
	if err := tx.restoreGrants(r, k.Grants, &restored); err != nil {
		return restored, err
	}
	for kind, value := range k.Notes {
		tx.put(tx.keys().Note(kind, id), value)
	}
	tx.put(tx.keys().Note(epochNote, id), strconv.AppendInt(nil, k.Epoch, 10))
	return restored, tx.endTokens(id)
}

// restoreLinks takes out of the document the links that are not the User's any more.
func (tx *Tx) restoreLinks(user ID, doc schema.Document, restored *Restored) {
	origin, _ := doc[schema.OriginURN].(map[string]any)
	list, _ := origin["links"].([]any)
	if len(list) == 0 {
		return
	}
	var left []any
	for _, e := range list {
		element, _ := e.(map[string]any)
		text, _ := element["connection"].(string)
		connection, _ := ParseID(text)
		switch l := tx.linkLike(user, connection, element["nameId"]); {
		case tx.snap.scope.Of(schema.IdentityProviderType, connection) == nil:
			restored.Connections = appendNew(restored.Connections, connection)
		case l == nil:
			restored.Taken = appendNew(restored.Taken, connection)
		default:
			tx.require(store.Unchanged(tx.keys().Link(connection, l.Named()), l.Revision()))
			left = append(left, e)
		}
	}
	if origin["links"] = left; len(left) == 0 {
		delete(origin, "links")
	}
}

// linkLike is the User's link of the connection with the NameID; nil if there is none.
func (tx *Tx) linkLike(user, connection ID, nameID any) *state.Link {
	for l := range tx.snap.scope.LinksOf(user) {
		if l.Connection == connection && l.NameID == nameID {
			return l
		}
	}
	return nil
}

// restoreGrants puts the grants of the User's memberships. Errors: Forbidden for a Group that gives privileges, without
// the scope admin; *fair.Exhausted.
func (tx *Tx) restoreGrants(user *state.Record, grants []keptGrant, restored *Restored) error {
	quiet := tx.fewGroupEvents()
	defer func() { tx.members.quiet = false }()
	work := tx.dir.Work()
	defer work.End()
	for i, g := range grants {
		if err := tx.pay(work, 1); err != nil {
			return err
		}
		group := tx.record(schema.GroupType, g.Group)
		if group == nil {
			if n := len(restored.Groups); n == 0 || restored.Groups[n-1] != g.Group {
				restored.Groups = append(restored.Groups, g.Group)
			}
			continue
		}
		by := state.Grantor{Connection: g.Connection}
		if !by.IsSCIM() && tx.snap.scope.Of(schema.IdentityProviderType, g.Connection) == nil {
			restored.Connections = appendNew(restored.Connections, g.Connection)
			continue
		}
		if err := tx.touchesPrivileges(group.Type, deed{was: group, members: true, back: user}); err != nil {
			return err
		}
		tx.members.quiet = quiet(i, group)
		tx.members.regrant(group, user, by, g.Since)
	}
	return nil
}

// regrant puts a grant of a User that is being restored as it was.
func (m *memberships) regrant(group, user *state.Record, by state.Grantor, since int64) {
	var value []byte
	if since > 0 {
		value = state.GrantTime(time.Unix(since, 0))
	}
	m.tx.put(m.tx.keys().Grant(group.ID, user.ID, by), value)
	e := edge{group.ID, user.ID}
	if m.edges[e] { // by another grantor
		return
	}
	m.edges[e] = true
	m.tellOf(group.ID)
	m.stamp(group)
}

// endTokens deletes the access tokens that a User's deletion made invalid: the User's own, and those that depend on
// its rights.
func (tx *Tx) endTokens(user ID) error {
	for t := range tx.snap.scope.All(schema.AccessTokenType) {
		owner, _ := ParseID(gjson.GetBytes(t.JSON, "user.value").String())
		maker, _ := makerOf(t)
		if owner != user && (maker != user || !dependsOnMaker(t.JSON)) {
			continue
		}
		if err := tx.remove(t); err != nil {
			return err
		}
	}
	return nil
}

func appendNew(list []ID, id ID) []ID {
	if slices.Contains(list, id) {
		return list
	}
	return append(list, id)
}
