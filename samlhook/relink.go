package samlhook

import (
	"net/http"
	"slices"

	"rollcall/directory"
	"rollcall/directory/schema"
	"rollcall/samlhook/saml"
)

// Links by an administrator, who alone decides what sign-in refuses to decide.

// linkRequest is the body of .link and .unlink. A NameID is enough where it is linked in one format only; else the
// format and the qualifiers tell which is meant.
type linkRequest struct {
	Connection      string `json:"connection"`
	NameID          string `json:"nameId"`
	NameIDFormat    string `json:"nameIdFormat"`
	NameQualifier   string `json:"nameQualifier"`
	SPNameQualifier string `json:"spNameQualifier"`
	// Move takes the link away from another User.
	Move bool `json:"move"`
}

// link serves POST /Users/{id}/.link: it ties a NameID of a connection to the User, and replies with the User's links.
// Where it is tied already, the link is confirmed: it counts again although another connection has the User's domain.
// It takes the NameID from another User only if move is true; that User's sessions end. It needs the scope admin.
// Errors: Forbidden, Invalid, NotFound; Exists if another User has the NameID, or the User has a suspended link.
func (h *Hook) link(w http.ResponseWriter, r *http.Request, d *directory.Directory, id directory.ID) error {
	return h.relink(w, r, d, id, (*relinking).link)
}

// unlink serves POST /Users/{id}/.unlink: it unties a NameID from the User, ends the User's sessions, and replies with
// the links that are left. It needs the scope admin. Errors: Forbidden, Invalid, NotFound.
func (h *Hook) unlink(w http.ResponseWriter, r *http.Request, d *directory.Directory, id directory.ID) error {
	return h.relink(w, r, d, id, (*relinking).unlink)
}

func (h *Hook) relink(w http.ResponseWriter, r *http.Request, d *directory.Directory, id directory.ID,
	do func(*relinking) error) error {
	var in linkRequest
	if err := readAction(w, r, &in); err != nil {
		return err
	}
	s, err := d.Update(r.Context(), func(tx *directory.Tx) error {
		c, err := newRelinking(tx, id, in)
		if err != nil {
			return err
		}
		return do(c)
	})
	if err != nil {
		return err
	}
	return writeAction(w, http.StatusOK, map[string]any{"links": listLinks(s, id)})
}

// relinking is a change of one link by hand.
type relinking struct {
	tx         *directory.Tx
	in         linkRequest
	user       *directory.Resource
	connection directory.ID
	held       *directory.Link // the one that the request means; nil if there is none
	by         string          // who links (Origin.links.linkedBy)
}

func newRelinking(tx *directory.Tx, user directory.ID, in linkRequest) (*relinking, error) {
	if err := tx.MayLink(); err != nil {
		return nil, err
	}
	c := &relinking{tx: tx, in: in, by: linkedByHand}
	var ok bool
	if c.connection, ok = directory.ParseID(in.Connection); !ok {
		return nil, invalidAction("connection", "must be the id of an IdentityProvider")
	}
	if in.NameID == "" || !saml.ValidNameID(in.NameID) {
		return nil, invalidAction("nameId", "must be the NameID that the connection sends")
	}
	if !saml.ValidNameID(in.NameIDFormat) || !saml.ValidNameID(in.NameQualifier) ||
		!saml.ValidNameID(in.SPNameQualifier) || in.NameIDFormat == saml.NameIDTransient {
		return nil, invalidAction("nameIdFormat", "a format or qualifier must be as the connection sends it, and not "+
			"transient")
	}
	var err error
	if c.user, err = tx.Get(schema.UserType, user); err != nil {
		return nil, err
	}
	if _, err = tx.Get(schema.IdentityProviderType, c.connection); err != nil {
		return nil, err
	}
	return c, c.findHeld()
}

// findHeld finds the link that the request means, and makes the change depend on it.
func (c *relinking) findHeld() error {
	var found []*directory.Link
	for l := range c.tx.Snapshot().LinksLike(c.connection, c.in.NameID) {
		if l.NameID == c.in.NameID && c.means(l) {
			found = append(found, l)
		}
	}
	switch len(found) {
	case 0:
		c.tx.Link(c.connection, c.named())
	case 1:
		c.held = c.tx.Link(c.connection, found[0].Named())
	default:
		return invalidAction("nameIdFormat", "%s is linked in several formats; say which by nameIdFormat, "+
			"nameQualifier and spNameQualifier", saml.Clip(c.in.NameID))
	}
	return nil
}

// means reports whether the request may mean the link: what it leaves out may be anything.
func (c *relinking) means(l *directory.Link) bool {
	same := func(given, has string) bool { return given == "" || given == has }
	return same(c.in.NameIDFormat, l.Format) && same(c.in.NameQualifier, l.NameQualifier) &&
		same(c.in.SPNameQualifier, l.SPNameQualifier)
}

func (c *relinking) identity() saml.Identity {
	return saml.Identity{NameID: c.in.NameID, NameIDFormat: c.in.NameIDFormat, NameQualifier: c.in.NameQualifier,
		SPNameQualifier: c.in.SPNameQualifier}
}

// named is the name of a new link.
func (c *relinking) named() string {
	l := newLink(c.connection, c.identity())
	return l.Named()
}

func (c *relinking) link() error {
	next := newLink(c.connection, c.identity())
	if c.held != nil {
		next = *c.held
	}
	if next.User != c.user.ID && !next.User.IsZero() {
		if err := c.takeFrom(next); err != nil {
			return err
		}
		next.Wrote = nil // that was the other User's
	}
	if err := c.othersCount(next); err != nil {
		return err
	}

	// It counts from now on, in whatever domains the User is.
	if _, err := c.tx.Get(schema.OrganizationType, c.tx.Snapshot().Organization().ID); err != nil {
		return err
	}
	next.User = c.user.ID
	next.Confirmed = readAuthority(c.tx.Snapshot(), c.connection).foreign(c.user, c.connection)
	c.tx.PutLink(next)
	return c.show(c.user, func(doc schema.Document) {
		shown := linkShown(doc, next)
		if shown == nil {
			shown = shownLink(next, c.by, c.tx.Now())
		}
		shown["confirmedAt"] = schema.FormatTime(c.tx.Now())
		showLink(doc, next, shown)
	})
}

// takeFrom takes the link away from the User who has it.
func (c *relinking) takeFrom(l directory.Link) error {
	if !c.in.Move {
		return &directory.Error{Kind: directory.Exists, Attr: "nameId", Detail: "the NameID is linked to the User " +
			l.User.String() + `; to link it to this one instead, send "move": true`}
	}
	c.tx.DeleteLink(l.Connection, l.Named())
	other, err := c.tx.Get(schema.UserType, l.User)
	if directory.KindOf(err) == directory.NotFound {
		return nil // deleted: only its DeletedUser shows the link
	}
	if err != nil {
		return err
	}
	if err := c.tx.EndSessions(other.ID); err != nil {
		return err
	}
	return c.show(other, func(doc schema.Document) { showLink(doc, l, nil) })
}

// othersCount refuses another link beside one that is suspended: it would count again as soon as the domain is another
// connection's no more, and then two people would have the User without anybody having said so.
func (c *relinking) othersCount(next directory.Link) error {
	s := c.tx.Snapshot()
	for l := range s.LinksOf(c.user.ID) {
		if l.Connection == next.Connection && l.Named() == next.Named() {
			continue
		}
		if len(readAuthority(s, l.Connection).suspended(c.user, l)) > 0 {
			return &directory.Error{Kind: directory.Exists, Attr: "nameId", Detail: "the User has a suspended link (" +
				saml.Clip(l.NameID) + " of the connection " + l.Connection.String() + "); confirm it (.link) or take it " +
				"away (.unlink) first"}
		}
	}
	return nil
}

func (c *relinking) unlink() error {
	if c.held == nil || c.held.User != c.user.ID {
		return &directory.Error{Kind: directory.NotFound, Detail: "the User has no link of that NameID"}
	}
	c.tx.DeleteLink(c.connection, c.held.Named())
	if err := c.tx.EndSessions(c.user.ID); err != nil {
		return err
	}
	return c.show(c.user, func(doc schema.Document) { showLink(doc, *c.held, nil) })
}

// show changes what the document of a User shows of its links.
func (c *relinking) show(user *directory.Resource, change func(schema.Document)) error {
	doc, err := schema.User().Decode(user.JSON)
	if err != nil {
		return err
	}
	change(doc)
	_, err = c.tx.Replace(user, doc)
	return err
}

// maxListedLinks bounds the links in a reply.
const maxListedLinks = 200

// listLinks are the links of a User as a reply has them.
func listLinks(s *directory.Snapshot, id directory.ID) []any {
	user, err := s.Get(schema.UserType, id)
	if err != nil {
		return nil
	}
	doc, err := schema.User().Decode(user.JSON)
	if err != nil {
		return nil
	}
	list := []any{}
	for l := range s.LinksOf(id) {
		if len(list) == maxListedLinks {
			break
		}
		shown := linkShown(doc, *l)
		if shown == nil {
			shown = map[string]any{"connection": l.Connection.String(), "nameId": l.NameID}
		}
		if domains := readAuthority(s, l.Connection).suspended(user, l); len(domains) > 0 {
			slices.Sort(domains)
			shown["suspended"] = domains
		}
		list = append(list, shown)
	}
	return list
}
