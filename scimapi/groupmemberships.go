package scimapi

import (
	"bytes"
	"net/http"
	"strings"

	"rollcall/directory"
	"rollcall/directory/schema"
)

// A membership as a resource (draft-zollner-scim-group-membership). It is made of its grants for each reply, and its id
// is that of its Group and its member, so everything about one resource has a way of its own here.

// isMembership reports whether the type is that of memberships.
func isMembership(t *schema.ResourceType) bool {
	return t != nil && t.Kind() == schema.GroupMembershipType
}

// membership serves GroupMemberships/{id}.
func (x *exchange) membership(t *schema.ResourceType, text string) error {
	id, ok := directory.ParseMembershipID(text)
	if !ok {
		return noSuch(t, text)
	}
	if x.r.Method == http.MethodDelete {
		c := x.newChange(t, directory.ID{})
		c.membership = id
		return x.removeBy(c)
	}
	s, err := x.dir.Snapshot(x.r.Context())
	if err != nil {
		return err
	}
	r, err := s.Membership(id)
	if err != nil {
		return err
	}
	return x.answer(s, t, r)
}

// changeMembership creates or deletes a membership.
func (c *change) changeMembership(tx *directory.Tx) error {
	if c.method == http.MethodDelete {
		r, err := tx.Membership(c.membership)
		if err != nil {
			return err
		}
		if c.when.any() {
			if err := c.when.check(r.Version); err != nil {
				return err
			}
		}
		return tx.RemoveMembership(c.membership)
	}
	id, err := c.ends()
	if err == nil {
		c.done, err = tx.AddMembership(id)
	}
	return err
}

// prepareMembership completes the change of an operation on a membership: it finds out which one. ids are those that
// the operation's bulkIds stand for.
func (b *bulkRun) prepareMembership(s *directory.Snapshot, o *operation, ids map[string]string) (err error) {
	c := o.change
	if o.method != http.MethodDelete {
		if err := b.read(s, o, ids); err != nil {
			return err
		}
		c.membership, err = c.ends()
		return err
	}
	text := o.target
	if ref, ok := strings.CutPrefix(text, bulkIDPrefix); ok {
		text = ids[ref]
	}
	var ok bool
	if c.membership, ok = directory.ParseMembershipID(text); !ok {
		return noSuch(c.t, text)
	}
	return nil
}

// ends reads the ends of a new membership from the document. Errors: Invalid for a text that is no id, and what is
// wrong with the document.
func (c *change) ends() (id directory.MembershipID, err error) {
	if c.docErr != nil {
		return id, c.docErr
	}
	if err := c.t.Check(c.doc); err != nil {
		return id, err
	}
	for _, end := range []struct {
		name, what string
		id         *directory.ID
	}{{"group", "Group", &id.Group}, {"member", "User or Group", &id.Member}} {
		object, _ := c.doc[end.name].(map[string]any)
		text, _ := object["value"].(string)
		var ok bool
		if *end.id, ok = directory.ParseID(text); !ok {
			return id, &directory.Error{Kind: directory.Invalid, Attr: end.name + ".value",
				Detail: "no " + end.what + " has the id " + quote(text)}
		}
	}
	return id, nil
}

// The documents of GroupMemberships, as the directory makes them.
var (
	membershipStart  = []byte(`{"schemas":["` + schema.GroupMembershipURN + `"],"id":"`)
	membershipGroup  = []byte(`","group":{"value":"`)
	membershipMember = []byte(`},"member":{"value":"`)
)

const (
	lengthOfID           = 36
	lengthOfMembershipID = 43
)

// membershipID is the id in the document of a GroupMembership.
func membershipID(r *directory.Resource) string {
	return string(r.JSON[len(membershipStart) : len(membershipStart)+lengthOfMembershipID])
}

// appendMembership is appendWhole for a GroupMembership: it adds the URLs of both ends, and what else is derived.
func (v *renderer) appendMembership(dst []byte, s *directory.Snapshot, r *directory.Resource) []byte {
	start := len(dst)
	group := len(membershipStart) + lengthOfMembershipID + len(membershipGroup)
	member := group + bytes.Index(r.JSON[group:], membershipMember) + len(membershipMember) // no text holds a quote
	rest := member + lengthOfID + len(`","type":"`)
	endpoint := "/Users/"
	if bytes.HasPrefix(r.JSON[rest:], []byte(schema.GroupType)) {
		endpoint = "/Groups/"
	}
	dst = v.appendEnd(append(dst, r.JSON[:group]...), "/Groups/", r.JSON[group:group+lengthOfID])
	dst = append(dst, r.JSON[group+lengthOfID:member]...)
	dst = v.appendEnd(dst, endpoint, r.JSON[member:member+lengthOfID])
	dst = append(dst, r.JSON[member+lengthOfID:len(r.JSON)-1]...)
	for _, urn := range v.urns {
		if value, _ := s.View(r, nil).Derived(urn); value != nil {
			dst = listURN(appendMember(dst, urn, value), start, urn)
		}
	}
	if v.meta {
		dst = v.appendMeta(append(dst, `,"meta":`...), r)
	}
	return append(dst, '}')
}

// appendEnd appends the id of an end and its URL, up to the last quotation mark.
func (v *renderer) appendEnd(dst []byte, endpoint string, id []byte) []byte {
	dst = append(append(dst, id...), `","$ref":"`...)
	return append(append(append(dst, v.x.base...), endpoint...), id...)
}

// warnOfGrants sets a Warning for each connection that will grant again what was taken from it.
func (x *exchange) warnOfGrants(s *directory.Snapshot, revoked []directory.RevokedGrant) {
	grants := x.o.Hooks[schema.IdentityProviderType].Grants
	if grants == nil {
		return
	}
	type pair struct{ connection, group directory.ID }
	seen := map[pair]bool{}
	for _, r := range revoked {
		p := pair{r.Connection.ID, r.Membership.Group}
		if len(x.w.Header()["Warning"]) >= 2*maxWarnings {
			return
		}
		if !seen[p] && grants(s, r.Connection, p.group) {
			x.warn("the connection " + p.connection.String() + " makes people members of the group " + p.group.String() +
				" again when they sign in")
		}
		seen[p] = true
	}
}
