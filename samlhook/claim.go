package samlhook

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"time"

	"rollcall/directory"
	"rollcall/directory/schema"
	"rollcall/internal/web"
	"rollcall/samlhook/saml"
)

// A claim is an invitation to one person to sign in as a User whom no sign-in may be linked to by value, such as the
// first administrator. It is a link that an administrator passes on. Whoever opens it signs in at a connection, sees
// both names, and confirms; then the NameID is linked to the User.

const (
	// claimLifetime is how long a claim may be used.
	claimLifetime = 24 * time.Hour
	// claimConfirmation is how long the person may look at both names.
	claimConfirmation = 10 * time.Minute

	sealedClaim = "claim"
)

// claim is what the link holds, sealed.
type claim struct {
	Name    string       `json:"i"` // what the User's note says while the claim counts
	User    directory.ID `json:"u"`
	Epoch   int64        `json:"s"` // of the User's sessions: ending them ends the claim
	Expires int64        `json:"e"` // in seconds since 1970
}

// claimant is who came with a claim, as the connection says.
type claimant struct {
	NameID          string `json:"n"`
	NameIDFormat    string `json:"f,omitempty"`
	NameQualifier   string `json:"q,omitempty"`
	SPNameQualifier string `json:"p,omitempty"`
	Name            string `json:"d,omitempty"` // to show
}

func (c *claimant) identity() saml.Identity {
	return saml.Identity{NameID: c.NameID, NameIDFormat: c.NameIDFormat, NameQualifier: c.NameQualifier,
		SPNameQualifier: c.SPNameQualifier}
}

// claim serves POST /Users/{id}/.claim: it makes a link with which one person, once and within a day, becomes the User,
// and replies with its url and expiresAt. An earlier link of the User ends. It needs the scope admin. Errors:
// Forbidden, NotFound; Invalid while the organization has no connection.
func (h *Hook) claim(w http.ResponseWriter, r *http.Request, d *directory.Directory, id directory.ID) error {
	if err := readAction(w, r, &struct{}{}); err != nil {
		return err
	}
	c := claim{Name: randomToken(), User: id, Expires: h.now().Add(claimLifetime).Unix()}
	s, err := d.Update(r.Context(), func(tx *directory.Tx) error {
		c.Epoch = tx.Snapshot().SessionEpoch(id)
		return tx.PutClaim(id, c.Name)
	})
	if err != nil {
		return err
	}
	held, err := readSecrets(s, directory.ID{})
	if err != nil {
		return err
	}
	if held.requests == nil {
		return invalidAction("", "nobody can sign in yet: create an IdentityProvider first")
	}
	body, err := json.Marshal(c)
	if err != nil {
		return err
	}
	token := base64.RawURLEncoding.EncodeToString(held.requests.seal(sealedClaim, body, nil))
	return writeAction(w, http.StatusOK, map[string]any{
		"url":       h.organizationURL(s.Organization().Text("name")) + "/claim?token=" + token,
		"expiresAt": schema.FormatTime(time.Unix(c.Expires, 0)),
	})
}

// openClaim reads the token of a claim. The error is errClaim for one that is not ours or has expired.
func (x *exchange) openClaim(k requestKey, token string) (claim, error) {
	var c claim
	raw, err := base64.RawURLEncoding.Strict().DecodeString(token)
	if err != nil {
		return c, errClaim
	}
	body, ok := k.open(sealedClaim, raw, nil)
	if !ok || json.Unmarshal(body, &c) != nil || x.now().Unix() >= c.Expires {
		return c, errClaim
	}
	return c, nil
}

// claimPage is what claim.html and claimed.html show.
type claimPage struct {
	web.Brand
	Organization string
	Person       person // the User
	Choices      []choice
	Claimant     *claimant
	Action, Code string // of the form
}

// claimPage is where the link leads: it says whom it is for, and how to go on.
func (x *exchange) claimPage() error {
	s, err := x.snapshot()
	if err != nil {
		return err
	}
	held, err := readSecrets(s, directory.ID{})
	if err != nil {
		return err
	}
	token := x.r.URL.Query().Get("token")
	if held.requests == nil {
		return errClaim
	}
	c, err := x.openClaim(held.requests, token)
	if err != nil {
		return err
	}
	user, err := s.Get(schema.UserType, c.User)
	if err != nil || !s.Claims(c.User, c.Name) || s.SessionEpoch(c.User) != c.Epoch {
		return errClaim
	}
	page := claimPage{Brand: x.brand(s), Organization: displayOrganization(s), Person: describePerson(s, user)}
	for _, choice := range x.choices(s, "") {
		choice.URL += "?claim=" + url.QueryEscape(token)
		page.Choices = append(page.Choices, choice)
	}
	if len(page.Choices) == 0 {
		return noConnection(page.Organization)
	}
	x.show(http.StatusOK, "claim", page, web.Policy{})
	return nil
}

// claims is who claims a User by the message; nil if it answers the request of a sign-in.
func (a *attempt) claims() *claimant {
	request, refusal := a.loaded.requests.check(a.loaded.Connection.ID, a.response.Assertion.InResponseTo, a.at)
	if refusal != nil || request.For != forClaim {
		return nil
	}
	id := a.identity
	return &claimant{NameID: id.NameID, NameIDFormat: id.NameIDFormat, NameQualifier: id.NameQualifier,
		SPNameQualifier: id.SPNameQualifier, Name: strings.TrimSpace(id.GivenName + " " + id.FamilyName)}
}

// confirmClaim shows both names.
func (f *finishing) confirmClaim(s *directory.Snapshot, code string) error {
	c, err := f.openClaim(f.loaded.requests, f.claim)
	if err != nil {
		return f.complete(claimInvalid())
	}
	user, err := s.Get(schema.UserType, c.User)
	if err != nil {
		return f.complete(claimInvalid())
	}
	f.show(http.StatusOK, "claimed", claimPage{Brand: f.brand(s), Organization: displayOrganization(s),
		Person:   describePerson(s, user),
		Claimant: f.handOver.Claimant, Action: f.urls(f.org, f.connection).Finish, Code: code}, web.Policy{})
	return nil
}

func claimInvalid() *saml.Refusal {
	return saml.Refuse(ReasonClaimInvalid)
}

// takeClaim uses up the claim and links the person to the User. The rest of the change signs them in.
func (f *finishing) takeClaim(tx *directory.Tx) error {
	f.handOver.User = directory.ID{}
	c, err := f.openClaim(f.loaded.requests, f.claim)
	if err != nil || !tx.Snapshot().Claims(c.User, c.Name) {
		f.refusal = claimInvalid()
		return nil
	}
	f.handOver.User, f.handOver.Epoch = c.User, c.Epoch
	if err := f.recheck(tx); err != nil || f.refusal != nil {
		return err
	}
	user, err := tx.Get(schema.UserType, c.User)
	if err != nil {
		return err
	}

	// As an administrator would link it by hand, who made the claim: but it takes the NameID from nobody.
	who := f.handOver.Claimant
	link := &relinking{tx: tx, user: user, connection: f.connection, by: linkedByClaim,
		in: linkRequest{NameID: who.NameID, NameIDFormat: who.NameIDFormat, NameQualifier: who.NameQualifier,
			SPNameQualifier: who.SPNameQualifier},
		held: findLink(tx, tx.Snapshot().LinksLike, f.connection, who.identity())}
	err = link.link()
	if e, ok := errors.AsType[*directory.Error](err); ok && e.Kind == directory.Exists {
		f.refusal = saml.Refuse(ReasonLinkedElsewhere, saml.Say("linked_elsewhere.claim", "problem", e.Detail))
		return nil
	}
	if err == nil {
		tx.TakeClaim(c.User, c.Name) // which counts on this snapshot
	}
	return err
}
