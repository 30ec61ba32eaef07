package samlhook

import (
	"errors"
	"net/url"
	"slices"
	"time"

	"rollcall/directory"
	"rollcall/directory/schema"
	"rollcall/internal/bodies"
	"rollcall/internal/remote"
	"rollcall/samlhook/saml"
)

// acs takes the identity provider's answer: verifies it, decides, and commits all of
// the sign-in as one transaction. Then the browser goes on to finish, because this
// request came from another site and brought no cookie of ours.
func (x *exchange) acs() error {
	s, err := x.snapshot()
	if err != nil {
		return err
	}
	connection, err := s.Get(typeConnection, x.connection)
	if err != nil {
		return err
	}
	body := x.bodies.Within(x.w, x.r, remote.Network(x.r.RemoteAddr))
	defer body.Release()
	post, err := saml.ReadPost(x.r, 0)
	if refusal, ok := errors.AsType[*saml.Refusal](err); ok {
		return x.unverified(displayOf(connection, "id"), refusal, nil)
	}
	if errors.Is(err, bodies.ErrFull) {
		return errUnavailable
	}
	if err != nil {
		return errBadMessage
	}

	a := &attempt{exchange: x, post: post, at: x.now()}
	err = a.settle(s, connection)
	if errors.Is(err, errNotRecorded) {
		return x.unverified(displayOf(connection, "id"), a.refusal, a.response.Checks)
	}
	if err != nil {
		return err
	}
	x.recorded = true
	if a.refusal != nil {
		x.note(OutcomeRefused, a.refusal)
		return a.refusal
	}
	x.noteAs(a.decision.Outcome, a.decision.Reason)
	return a.handOver()
}

// unverified is a message that leaves no record of its own: nobody vouches for it,
// or it was judged before. connection is the name to show.
func (x *exchange) unverified(connection string, refusal *saml.Refusal, checks []saml.Check) error {
	x.note(OutcomeRefused, refusal)
	x.aggregate.add(occurrence{organization: x.org, connection: x.connection, display: connection,
		correlation: x.id, at: x.now(), refusal: refusal, checks: checks})
	return refusal
}

// attempt is one answer of an identity provider while it is judged.
type attempt struct {
	*exchange
	post saml.Post
	at   time.Time
	verification
	verdict
}

// verification is what a message turned out to be by one version of the connection.
type verification struct {
	loaded   *loaded
	response *saml.Response
	refused  *saml.Refusal // why it is not accepted; nil when it is
	unfit    *saml.Refusal // the directory does not take what the assertion says, as an earlier run found out
}

// verdict is what one run of the change found.
type verdict struct {
	identity saml.Identity
	refusal  *saml.Refusal
	decision Decision
	user     directory.ID // who signs in; zero when refused
	epoch    int64
}

var (
	// errNotRecorded breaks a change off that leaves nothing.
	errNotRecorded = errors.New("the attempt is not recorded by itself")
	// errOutdated breaks a change off whose connection is not the one that verified the message.
	errOutdated = errors.New("the connection changed after it verified the message")
)

// maxVerifications bounds how often a message is verified because the connection changed.
const maxVerifications = 8

// settle verifies the message and commits the attempt. Verification costs the most and
// depends on the connection alone, so it comes before the change: a lost race runs the
// change again, and the message is verified again only if the connection changed.
func (a *attempt) settle(s *directory.Snapshot, connection *directory.Resource) error {
	as := a.dir.As(directory.Connection(a.connection))
	for range maxVerifications {
		if err := a.verify(s, connection); err != nil {
			return err
		}
		_, err := as.Update(a.r.Context(), a.change)
		if refusal := unfit(err); refusal != nil {
			a.unfit = refusal
			_, err = as.Update(a.r.Context(), a.change)
		}
		if !errors.Is(err, errOutdated) {
			return err
		}
		if s, err = a.snapshot(); err != nil {
			return err
		}
		if connection, err = s.Get(typeConnection, a.connection); err != nil {
			return err
		}
	}
	return errUnavailable
}

// verify judges the message by the connection as it is on the snapshot.
func (a *attempt) verify(s *directory.Snapshot, connection *directory.Resource) error {
	a.verification, a.verdict = verification{}, verdict{}
	var err error
	if a.loaded, err = a.exchange.Hook.load(s, a.org, connection); err != nil {
		return err
	}
	begun := time.Now()
	a.response, a.refused = a.loaded.Verify(a.post.Message, a.at)
	a.metrics.verifications.Observe(time.Since(begun).Seconds())
	if a.refused == nil {
		a.refused = a.loaded.usable()
	}
	if !a.response.Verified {
		a.refusal = a.refused
		return errNotRecorded
	}
	return nil
}

// change is the transaction of a sign-in. It may run more than once, and everything
// it decides on is compared by the commit, the connection that verified the message first.
func (a *attempt) change(tx *directory.Tx) error {
	a.verdict = verdict{refusal: a.refused}
	r, err := tx.Get(typeConnection, a.connection)
	if err != nil {
		return err
	}
	if r.Version != a.loaded.version {
		return errOutdated
	}
	if err := a.consume(tx); err != nil {
		return err
	}
	if a.refusal == nil {
		if err := a.decide(tx); err != nil {
			return err
		}
	}
	_, err = tx.RecordSignIn(a.record())
	return err
}

// Kinds of ids that are used once.
const (
	onceRequest   = "request"
	onceAssertion = "assertion"
	onceCode      = "code"
)

// consume uses up the message and the request that it answers.
func (a *attempt) consume(tx *directory.Tx) error {
	id, until, ok := a.replayKey()
	if !ok {
		return errNotRecorded // it could be sent again and again, with a record each time
	}
	if err := a.once(tx, onceAssertion, id, until, ReasonAssertionUsed,
		"The same answer of the identity provider was sent before; it counts once. Begin the sign-in again."); err != nil {
		return err
	}
	if a.response.Assertion == nil || a.response.Assertion.InResponseTo == "" {
		return nil
	}
	id = a.response.Assertion.InResponseTo
	request, refusal := a.loaded.requests.Check(a.loaded.Connection.ID, id, a.at)
	if refusal != nil {
		return nil // refused already, and worth nothing to anybody
	}
	return a.once(tx, onceRequest, id, request.Expires.Add(maxClockSkew), ReasonRequestUsed,
		"The request that this answers was answered before; begin the sign-in again.")
}

func (a *attempt) once(tx *directory.Tx, kind, id string, until time.Time, reason saml.Reason, explanation string) error {
	err := tx.UseOnce(kind, id, until)
	if directory.KindOf(err) == directory.Exists {
		a.refusal = saml.Refuse(reason, explanation)
		return errNotRecorded
	}
	return err
}

// replayKey is what tells the message from others, and until when it could be
// accepted. That time comes from what was signed and from constants alone: were it
// to move with a setting, or with the confirmation that was chosen, the second post
// would look for its mark in another place. A message that is too old to be
// accepted is marked for a minute, so that it cannot fill the records.
func (a *attempt) replayKey() (id string, until time.Time, ok bool) {
	r := a.response
	var issuer string
	var issued time.Time
	switch {
	case r.Assertion != nil:
		id, issuer, issued = r.Assertion.ID, r.Assertion.Issuer, r.Assertion.IssueInstant
	case r.ResponseSigned:
		id, issuer, issued = r.ID, r.Issuer, r.IssueInstant
	}
	until = issued.Add(saml.DefaultLifetime + 2*maxClockSkew)
	if !until.After(a.at) {
		if a.refusal == nil {
			return "", until, false
		}
		until = a.at.Add(time.Minute)
	}
	// An issuer is not believed to name itself truly: the connection stands first.
	return a.connection.String() + "\x00" + issuer + "\x00" + id, until, id != ""
}

// decide finds out who the person is and stages what follows from it.
func (a *attempt) decide(tx *directory.Tx) error {
	a.identity, a.refusal = saml.MapIdentity(a.response.Assertion, a.loaded.Attributes)
	if a.refusal == nil {
		a.refusal = a.unfit
	}
	if a.refusal != nil {
		return nil
	}
	s := tx.Snapshot()
	tx.Link(a.connection, a.identity.NameID)
	if _, err := tx.Get(typeOrganization, s.Organization().ID); err != nil { // its domains
		return err
	}
	d, err := Decide(s, a.loaded.Settings, a.identity, a.at)
	if err != nil {
		return err
	}
	a.decision = d
	if d.User != nil {
		if _, err := tx.Get(d.User.Type, d.User.ID); err != nil {
			return err
		}
	}
	switch d.Outcome {
	case OutcomeCreated:
		return a.create(tx, d)
	case OutcomeSignedIn:
		return a.update(tx, d)
	}
	a.refusal = saml.Refuse(d.Reason, d.Explanation)
	return nil
}

func (a *attempt) create(tx *directory.Tx, d Decision) error {
	made, err := tx.Create(typeUser, d.Document)
	if err != nil {
		return err
	}
	link := *d.Link
	link.User, a.user = made.ID, made.ID
	tx.PutLink(link)
	tx.GrantBy(a.connection)
	for _, id := range d.Groups {
		group, err := tx.Get(typeGroup, id)
		if err != nil {
			return err
		}
		if !slices.Contains(a.loaded.AllowPrivileged, id) {
			tx.GuardPrivileges(group)
		}
		if err := tx.AddMembers(group, []directory.ID{made.ID}); err != nil {
			return err
		}
	}
	return nil
}

func (a *attempt) update(tx *directory.Tx, d Decision) error {
	a.user, a.epoch = d.User.ID, tx.Snapshot().SessionEpoch(d.User.ID)
	if d.Document != nil {
		if _, err := tx.Replace(d.User, d.Document); err != nil {
			return err
		}
	}
	if d.Link != nil {
		tx.PutLink(*d.Link)
	}
	return nil
}

// unfit is the refusal for values that the directory does not take; nil for any
// other error, and for none.
func unfit(err error) *saml.Refusal {
	said := ""
	if e, ok := errors.AsType[*schema.Error](err); ok {
		said = e.Error()
	} else if e, ok := errors.AsType[*directory.Error](err); ok && (e.Kind == directory.Invalid || e.Kind == directory.TooLarge || e.Kind == directory.Exists) {
		said = e.Error()
	}
	if said == "" {
		return nil
	}
	return saml.Refuse(saml.ReasonInvalidAttribute, "The User cannot hold what the assertion says ("+saml.Clip(said)+"); change what the identity provider sends.")
}

// handOver sends the browser to finish with a code and a cookie that belong together.
func (a *attempt) handOver() error {
	binding := randomToken()
	o := handOver{ID: randomToken(), User: a.user, Epoch: a.epoch, Expires: a.at.Add(codeLifetime), Binding: hashOf(binding),
		SessionEnd: a.response.Assertion.SessionNotOnOrAfter, Correlation: a.id}
	if id := a.response.Assertion.InResponseTo; id != "" {
		request, refusal := a.loaded.requests.Check(a.loaded.Connection.ID, id, a.at)
		if refusal != nil {
			return refusal
		}
		o.Request = request.Nonce
	} else if len(a.post.RelayState) <= maxTarget {
		o.Target = a.post.RelayState
	}
	code, err := a.loaded.requests.sealCode(a.loaded.Connection.ID, o)
	if err != nil {
		return err
	}
	a.setCookie(o.cookieName(), binding, a.finishPath(), codeLifetime)
	a.redirect(a.urls(a.org, a.connection).Finish + "?code=" + url.QueryEscape(code))
	return nil
}
