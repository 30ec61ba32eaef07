package directory

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"hash/fnv"
	"math"
	"time"

	"github.com/tidwall/gjson"

	"rollcall/directory/internal/state"
	"rollcall/directory/internal/store"
	"rollcall/directory/schema"
)

// A GroupMembership is a direct membership as a resource (draft-zollner-scim-group-membership). It is not stored: it is
// made of its grants, its id of the ids of its Group and its member.

// MembershipID names a membership.
type MembershipID struct{ Group, Member ID }

// membershipEncoding writes the 32 bytes of two IDs. Being strict, it has one text for each.
var membershipEncoding = base64.RawURLEncoding.Strict()

// String returns the id as SCIM shows it: 43 characters.
func (id MembershipID) String() string {
	var both [32]byte
	copy(both[:], id.Group[:])
	copy(both[16:], id.Member[:])
	return membershipEncoding.EncodeToString(both[:])
}

// IsZero reports whether the id is unset.
func (id MembershipID) IsZero() bool { return id == MembershipID{} }

// ParseMembershipID reads what String wrote.
func ParseMembershipID(s string) (id MembershipID, ok bool) {
	var both [33]byte // a byte more, which no id fills
	if n, err := membershipEncoding.Decode(both[:], []byte(s)); len(s) != 43 || err != nil || n != 32 {
		return id, false
	}
	return MembershipID{ID(both[:16]), ID(both[16:32])}, true
}

func noMembership(id MembershipID) error {
	return errorf(NotFound, "", "%s %s not found", schema.GroupMembershipType, id)
}

// unstoredAlone refuses to store what is made of other resources.
func unstoredAlone(_ *Tx, r *state.Record, _ schema.Document) error {
	return errorf(Invalid, "", "%s resources are not stored", r.Type)
}

// Membership returns a membership as a GroupMembership. Errors: Forbidden, NotFound.
func (s *Snapshot) Membership(id MembershipID) (*Resource, error) {
	if err := s.MayRead(schema.GroupMembershipType); err != nil {
		return nil, err
	}
	if r := s.membership(id); r != nil {
		return &r.Resource, nil
	}
	return nil, noMembership(id)
}

func (s *Snapshot) membershipNamed(id string) *state.Record {
	parsed, ok := ParseMembershipID(id)
	if !ok {
		return nil
	}
	return s.membership(parsed)
}

// membership is the membership as a record; nil if there is none.
func (s *Snapshot) membership(id MembershipID) *state.Record {
	g, m := s.scope.Of(schema.GroupType, id.Group), s.member(id.Member)
	if g == nil || m == nil || !s.scope.IsMember(g, m) {
		return nil
	}
	return s.membershipOf(g, m)
}

// member is the User or Group with the ID; nil if there is none.
func (s *Snapshot) member(id ID) *state.Record {
	if r := s.scope.Of(schema.UserType, id); r != nil {
		return r
	}
	return s.scope.Of(schema.GroupType, id)
}

// membershipOf makes the record of a membership that exists.
func (s *Snapshot) membershipOf(group, member *state.Record) *state.Record {
	var v membershipVersion
	for by, since := range s.scope.GrantTimes(group, member) {
		v.add(by, since)
	}
	r := newMembership(group, member, v)
	if s.Revision() == math.MaxInt64 { // of a dry run
		r.Version = math.MaxInt64
	}
	return r
}

// newMembership makes the record of a membership, with the time of its oldest grant; the zero time if nobody knows it.
func newMembership(group, member *state.Record, v membershipVersion) *state.Record {
	r := &state.Record{Resource: Resource{Type: schema.GroupMembershipType, Created: v.since, LastModified: v.since,
		Version: Version(v.hash >> 1)}} // positive
	b := make([]byte, 0, 384)
	b = append(b, `{"schemas":["`+schema.GroupMembershipURN+`"],"id":"`...)
	b = append(b, MembershipID{group.ID, member.ID}.String()...)
	b = append(append(b, `","group":{"value":"`...), group.ID.String()...)
	b = appendDisplay(append(b, '"'), group)
	b = append(append(b, `},"member":{"value":"`...), member.ID.String()...)
	b = append(append(append(b, `","type":"`...), member.Type...), '"')
	r.JSON = append(appendDisplay(b, member), "}}"...)
	return r
}

func appendDisplay(b []byte, r *state.Record) []byte {
	if name := r.Display(); name != "" {
		return gjson.AppendJSONString(append(b, `,"display":`...), name)
	}
	return b
}

// membershipVersion tells a membership from one with other grants.
type membershipVersion struct {
	hash  uint64
	since time.Time // of the oldest grant; zero once a grant was added whose time nobody knows
	some  bool
}

func (v *membershipVersion) add(by state.Grantor, since time.Time) {
	if !v.some || since.Before(v.since) {
		v.since, v.some = since, true
	}
	h := fnv.New64a()
	h.Write(by.Connection[:])
	h.Write(state.GrantTime(since))
	v.hash += h.Sum64() // in any order
}

// derivedGrants is the extension that says who granted a membership.
func derivedGrants(v View) []byte {
	id, ok := ParseMembershipID(v.rec.Text("id"))
	g, m := v.snap.scope.Of(schema.GroupType, id.Group), v.snap.member(id.Member)
	if !ok || g == nil || m == nil {
		return nil
	}
	type grantor struct {
		Type    string `json:"type"`
		Value   string `json:"value,omitempty"`
		Display string `json:"display,omitempty"`
	}
	type grant struct {
		By    grantor `json:"by"`
		Since string  `json:"since,omitempty"`
	}
	var all struct {
		Grants []grant `json:"grants,omitempty"`
	}
	for by, since := range v.snap.scope.GrantTimes(g, m) {
		one := grant{By: grantor{Type: "SCIM"}}
		if !by.IsSCIM() {
			one.By = grantor{schema.IdentityProviderType, by.Connection.String(), displayOf(v.snap.scope.Get(by.Connection))}
		}
		if !since.IsZero() {
			one.Since = schema.FormatTime(since)
		}
		all.Grants = append(all.Grants, one)
	}
	b, err := json.Marshal(all)
	if err != nil || all.Grants == nil {
		return nil
	}
	return b
}

// Membership returns a membership as this change has it so far. Errors: Forbidden, NotFound.
func (tx *Tx) Membership(id MembershipID) (*Resource, error) {
	if err := tx.snap.MayRead(schema.GroupMembershipType); err != nil {
		return nil, err
	}
	g, m := tx.record(schema.GroupType, id.Group), tx.member(id.Member)
	if g == nil || m == nil || !tx.members.has(g, m) {
		return nil, noMembership(id)
	}
	return &tx.membershipOf(g, m).Resource, nil
}

// membershipOf makes the record of a membership as this change has it.
func (tx *Tx) membershipOf(group, member *state.Record) *state.Record {
	var v membershipVersion
	known := false // the SCIM grant is among those that were there
	if !group.Uncommitted() && !member.Uncommitted() {
		for by, since := range tx.snap.scope.GrantTimes(group, member) {
			if !tx.deletes(tx.keys().Grant(group.ID, member.ID, by)) {
				v.add(by, since)
				known = known || by.IsSCIM()
			}
		}
	}
	if !known && tx.members.edges[edge{group.ID, member.ID}] {
		v.add(tx.members.grantor, tx.at.Truncate(time.Second))
	}
	return newMembership(group, member, v)
}

// AddMembership makes SCIM grant a membership, as AddMembers does, and returns it as a GroupMembership. Errors: Invalid
// if an end is missing, or would close a cycle; Exists if SCIM grants it already; Forbidden, TooLarge, *fair.Exhausted.
func (tx *Tx) AddMembership(id MembershipID) (*Resource, error) {
	if err := tx.snap.MayWrite(schema.GroupMembershipType); err != nil {
		return nil, err
	}
	g := tx.record(schema.GroupType, id.Group)
	if g == nil {
		return nil, errorf(Invalid, "group.value", "no Group has the id %s", id.Group)
	}
	m := tx.member(id.Member)
	if m == nil {
		return nil, errorf(Invalid, "member.value", "no User or Group has the id %s", id.Member)
	}
	if err := tx.touchesPrivileges(g.Type, deed{was: g, members: true}); err != nil {
		return nil, err
	}
	if tx.members.edges[edge{g.ID, m.ID}] || tx.members.granted(g, m) {
		return nil, errorf(Exists, "", "%s is a member of the group already: %s", id.Member, id)
	}
	if key := tx.members.key(g.ID, m.ID); !tx.deletes(key) {
		tx.require(store.Absent(key))
	}
	err := tx.AddMembers(&g.Resource, []ID{m.ID})
	if e, ok := errors.AsType[*Error](err); ok && e.Attr == "members.value" { // as it is called here
		renamed := *e
		renamed.Attr, err = "member.value", &renamed
	}
	if err != nil {
		return nil, err
	}
	return &tx.membershipOf(g, m).Resource, nil
}

// RemoveMembership takes all grants of a membership away, as RemoveMembers does. Errors: NotFound; Mutability for the
// last active member of a protected group; Forbidden, TooLarge.
func (tx *Tx) RemoveMembership(id MembershipID) error {
	if err := tx.snap.MayWrite(schema.GroupMembershipType); err != nil {
		return err
	}
	g, m := tx.record(schema.GroupType, id.Group), tx.member(id.Member)
	if g == nil || m == nil || !tx.members.has(g, m) {
		return noMembership(id)
	}
	if !g.Uncommitted() && !m.Uncommitted() { // whoever comes second finds none
		for by, since := range tx.snap.scope.GrantTimes(g, m) {
			if key := tx.keys().Grant(g.ID, m.ID, by); !tx.deletes(key) {
				tx.require(store.Holds(key, grantValue(since)))
			}
		}
	}
	return tx.RemoveMembers(&g.Resource, []ID{m.ID})
}

// grantValue is the value of the key of a grant; the empty one if nobody knows its time.
func grantValue(since time.Time) string {
	if since.IsZero() {
		return ""
	}
	return string(state.GrantTime(since))
}

// has reports whether the membership exists as this change has it so far.
func (m *memberships) has(group, member *state.Record) bool {
	if added, touched := m.edges[edge{group.ID, member.ID}]; touched {
		return added
	}
	return m.existed(group, member)
}

// RevokedGrant is what a connection granted and a change by SCIM takes away.
type RevokedGrant struct {
	Membership MembershipID
	Connection *Resource
}

// RevokedGrants are those of this change so far, in the order in which they were taken away.
func (tx *Tx) RevokedGrants() []RevokedGrant { return tx.members.revoked }
