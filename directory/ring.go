package directory

import (
	"bytes"
	"context"
	"errors"
	"maps"
	"slices"
	"time"

	"github.com/tidwall/gjson"

	"rollcall/directory/internal/state"
	"rollcall/directory/internal/store"
	"rollcall/directory/schema"
)

// A ring holds the SignIns of a connection that nobody vouches for: anybody can cause them, so they have room of their
// own and take none from other records. They are SignIns like the others to whoever reads them, and have vouched:
// false.

// Unvouched is a SignIn for a ring.
type Unvouched struct {
	Organization string // name
	Connection   ID     // zero for the organization's own ring: what concerns no connection
	Network      string // that it came from
	At           time.Time
	Document     schema.Document

	id ID // once it has one: what is written again is the same SignIn
}

// ringsAtOnce is how many rings one transaction writes to: each takes a condition or two.
const ringsAtOnce = 32

// ringAttempts bounds how often a batch is planned again because another node wrote to the same ring.
const ringAttempts = 8

// maxUnvouched bounds a SignIn in a ring, in bytes.
const maxUnvouched = 8 << 10

// WriteRings puts SignIns into their rings, in the order given. It writes no Event. What belongs to an organization or
// a connection that does not exist, or that is too large, is left out. It returns what could not be written because of
// the error, so that it can be tried again. Errors: Full, Unavailable; Busy if other nodes keep writing to the same
// rings.
func (s *Store) WriteRings(ctx context.Context, list []Unvouched) (left []Unvouched, err error) {
	type place struct {
		organization string
		connection   ID
	}
	rings := map[place][]Unvouched{}
	var order []place
	for _, u := range list {
		if u.id.IsZero() {
			u.id = s.timeIDs.Next(u.At)
		}
		at := place{u.Organization, u.Connection}
		if rings[at] == nil {
			order = append(order, at)
		}
		rings[at] = append(rings[at], u)
	}

	// What fails does not keep the rest from being written.
	var failed error
	for chunk := range slices.Chunk(order, ringsAtOnce) {
		var batch [][]Unvouched
		for _, at := range chunk {
			batch = append(batch, rings[at])
		}
		if err := s.writeRings(ctx, batch); err != nil {
			failed = errors.Join(failed, err)
			left = append(left, slices.Concat(batch...)...)
		}
	}
	return left, failed
}

// writeRings writes to some rings in one transaction.
func (s *Store) writeRings(ctx context.Context, rings [][]Unvouched) (err error) {
	if err := s.node.Quota.Admit(false); err != nil {
		return err
	}
	for range ringAttempts {
		var conditions []store.Condition
		var writes []state.Entry
		for _, ring := range rings {
			more, entries, err := s.planRing(ctx, ring)
			if err != nil {
				return err
			}
			conditions, writes = append(conditions, more...), append(writes, entries...)
		}
		if err = s.node.Housekeep(ctx, conditions, writes); KindOf(err) != Busy {
			return err
		}
	}
	return err
}

// planRing is what puts SignIns into one ring, on the condition that the ring, its connection and its organization are
// what they were; nothing if one of them does not exist.
func (s *Store) planRing(ctx context.Context, ring []Unvouched) ([]store.Condition, []state.Entry, error) {
	snap, err := s.Organization(ring[0].Organization).fresh(ctx)
	if KindOf(err) == NotFound {
		return nil, nil, nil
	}
	if err != nil {
		return nil, nil, err
	}
	connection := ring[0].Connection
	organization := snap.sys.Get(snap.id.Organization)
	if organization == nil {
		return nil, nil, nil
	}
	conditions := []store.Condition{store.CreatedAt(
		s.keys.System().Resource(schema.OrganizationType, organization.ID), organization.CreateRevision)}
	if !connection.IsZero() {
		r := snap.scope.Of(schema.IdentityProviderType, connection)
		if r == nil {
			return nil, nil, nil
		}
		conditions = append(conditions, store.CreatedAt(snap.keys().Resource(r.Type, r.ID), r.CreateRevision))
	}

	// The ring as it is, and what takes which slot.
	prefix := snap.keys().Ring(connection)
	held, revision, err := s.node.Heads(ctx, prefix)
	if err != nil {
		return nil, nil, err
	}
	plan := newRingPlan(snap.keys(), connection, held)
	for _, u := range ring {
		value, err := s.unvouched(u)
		if err != nil {
			s.log.Warn("a sign-in that nobody vouches for was not recorded", "organization", u.Organization, "error", err)
			continue
		}
		plan.add(u.Network, value)
	}
	return append(conditions, store.Unwritten(prefix, revision)), plan.entries(), nil
}

// unvouched is the value of a slot.
func (s *Store) unvouched(u Unvouched) ([]byte, error) {
	doc := maps.Clone(u.Document)
	doc["id"], doc["at"], doc["vouched"] = u.id.String(), schema.FormatTime(u.At), false
	r := state.NewRecord(schema.SignInType, u.id, u.At)
	var err error
	if r.JSON, err = schema.SignIn().Encode(doc); err != nil {
		return nil, err
	}
	if len(r.JSON) > maxUnvouched {
		return nil, errorf(TooLarge, "", "it has %d bytes; at most %d are stored", len(r.JSON), maxUnvouched)
	}
	return r.Encode(), nil
}

// slotID is the ID of the SignIn in a slot of a ring.
func slotID(l state.Loaded) (ID, bool) {
	_, doc, _ := bytes.Cut(l.Value, []byte{'\n'})
	return ParseID(gjson.GetBytes(doc, "id").String())
}
