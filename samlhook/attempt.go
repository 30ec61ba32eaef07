package samlhook

import (
	"errors"
	"slices"
	"time"

	"rollcall/directory"
	"rollcall/directory/schema"
	"rollcall/samlhook/saml"
)

// attempt is one answer of an identity provider while it is judged.
type attempt struct {
	*exchange
	post  saml.Post
	at    time.Time
	trial *trial // nil: the sign-in is carried out
	verification
	verdict
}

// verification is what a message turned out to be by one version of the connection.
type verification struct {
	loaded   *loaded
	response *saml.Response
	refused  *saml.Refusal // why it is not accepted; nil if it is
	unfit    *saml.Refusal // an earlier run found that the directory does not take what the assertion says
}

// verdict is what one run of the change found.
type verdict struct {
	identity saml.Identity
	refusal  *saml.Refusal
	decision Decision
	link     *directory.Link // of the NameID, before the decision; nil if there is none
	user     directory.ID    // who signs in; zero if refused
	claimant *claimant       // who claims a User, instead; nil for a sign-in
	epoch    int64           // of the User's sessions

	obstacles []*saml.Refusal // everything that stands in the way, the refusal first
}

var (
	// errNotRecorded breaks off a change that leaves nothing.
	errNotRecorded = errors.New("the attempt is not recorded by itself")
	// errOutdated breaks off a change whose connection is not the one that verified the message.
	errOutdated = errors.New("the connection changed after it verified the message")
)

// maxVerifications bounds how often a message is verified because the connection changed.
const maxVerifications = 8

// settle verifies the message and commits the attempt. Verification costs the most and depends on the connection alone,
// so it comes before the change: a lost race runs the change again, and the message is verified again only if the
// connection changed. It returns errNotRecorded for an attempt that leaves no record.
func (a *attempt) settle(s *directory.Snapshot, connection *directory.Resource) error {
	as := a.dir.As(directory.Connection(a.connection))
	for range maxVerifications {
		err := a.verify(s, connection)
		if err != nil && !a.isDryRun() && a.refreshed(connection) {
			// Its keys are others now: once more. A dry run writes nothing, so it has nothing fetched.
			if s, connection, err = a.latest(); err == nil {
				err = a.verify(s, connection)
			}
		}
		if err != nil {
			return err
		}
		_, err = as.Update(a.r.Context(), a.change)
		if refusal := unfit(err); refusal != nil {
			a.unfit = refusal
			_, err = as.Update(a.r.Context(), a.change)
		}
		if err == nil || a.refusal != nil && a.refusal.Reason == ReasonAssertionUsed {
			a.remember()
		}
		if err == nil {
			a.noteSkew(s)
		}
		if !errors.Is(err, errOutdated) {
			return err
		}

		// Once more, on the connection as it is now.
		if s, connection, err = a.latest(); err != nil {
			return err
		}
	}
	return errUnavailable
}

// latest is the connection as it is now.
func (a *attempt) latest() (*directory.Snapshot, *directory.Resource, error) {
	s, err := a.snapshot()
	if err != nil {
		return nil, nil, err
	}
	connection, err := s.Get(schema.IdentityProviderType, a.connection)
	return s, connection, err
}

// change is the transaction of a sign-in. It may run more than once. The commit compares everything that it decides on,
// first of all the connection that verified the message.
func (a *attempt) change(tx *directory.Tx) error {
	a.verdict = verdict{refusal: a.refused}
	connection, err := tx.Get(schema.IdentityProviderType, a.connection)
	if err != nil {
		return err
	}
	if connection.Version != a.loaded.version {
		return errOutdated
	}
	if a.trial == nil {
		if err := a.consume(tx); err != nil {
			return err
		}
	}
	if a.refusal == nil {
		if err := a.decide(tx); err != nil {
			return err
		}
	}
	if a.refusal != nil {
		if err := a.findObstacles(tx.Snapshot()); err != nil {
			return err
		}
	}
	if a.trial != nil {
		return a.tried()
	}
	_, err = tx.RecordSignIn(a.record())
	return err
}

// identify maps the assertion to who it is about.
func (a *attempt) identify() (saml.Identity, *saml.Refusal) {
	if a.trial != nil && a.trial.identity != nil {
		return *a.trial.identity, nil
	}
	return saml.MapIdentity(a.response.Assertion, a.loaded.Attributes)
}

// findObstacles finds everything that stands in the way of a sign-in that is refused: whoever removes one obstacle
// should not meet the next one afterwards. Nothing follows from it, so the commit does not compare what it read.
func (a *attempt) findObstacles(s *directory.Snapshot) error {
	a.obstacles = messageObstacles(a.response, a.refusal)
	if a.response.Assertion == nil || a.response.Assertion.NameID == "" {
		return nil
	}
	id, refusal := a.identify()
	a.identity = id
	if refusal != nil {
		a.obstacles = appendObstacle(a.obstacles, refusal)
		return nil
	}
	more, err := decisionObstacles(s, a.loaded.Settings, id, a.at)
	for _, o := range more {
		a.obstacles = appendObstacle(a.obstacles, o)
	}
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
	if err := a.once(tx, onceAssertion, id, until, usedBefore()); err != nil {
		return err
	}
	if a.response.Assertion == nil || a.response.Assertion.InResponseTo == "" {
		return nil
	}
	id = a.response.Assertion.InResponseTo
	request, refusal := a.loaded.requests.check(a.loaded.Connection.ID, id, a.at)
	if refusal != nil {
		return nil // refused already, and worth nothing to anybody
	}
	if request.For == forTest {
		return errIsTest
	}
	return a.once(tx, onceRequest, id, request.Expires.Add(maxClockSkew), saml.Refuse(ReasonRequestUsed))
}

func (a *attempt) once(tx *directory.Tx, kind, id string, until time.Time, refusal *saml.Refusal) error {
	err := tx.UseOnce(kind, id, until)
	if directory.KindOf(err) == directory.Exists {
		a.refusal = refusal
		return errNotRecorded
	}
	return err
}

// replayKey is what tells the message from others, and until when it could be accepted. That time depends on what was
// signed and on constants only: if it moved with a setting, or with the confirmation that was chosen, a second post
// would look for its mark in another place. A message that is too old to be accepted is marked for a minute, so that it
// cannot fill the records.
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
	until = issued.Add(maxIssueAge + 2*maxClockSkew)
	if !until.After(a.at) {
		if a.refusal == nil {
			return "", until, false
		}
		until = a.at.Add(time.Minute)
	}
	// Two connections may have an identity provider of the same name, so the connection stands first.
	return a.connection.String() + "\x00" + issuer + "\x00" + id, until, id != ""
}

// decide finds out who the person is and stages what follows from it.
func (a *attempt) decide(tx *directory.Tx) error {
	a.identity, a.refusal = a.identify()
	if a.refusal == nil {
		a.refusal = a.unfit
	}
	if a.refusal != nil {
		return nil
	}

	if a.claimant = a.claims(); a.claimant != nil {
		a.decision = Decision{Outcome: OutcomeRefused, Reason: ReasonClaimUnconfirmed,
			Explanation: saml.Refuse(ReasonClaimUnconfirmed).Explanation}
		return nil
	}

	// The decision rests on the link, on the organization's domains, and on whom it finds.
	s := tx.Snapshot()
	a.link = findLink(tx, s.LinksLike, a.connection, a.identity)
	if _, err := tx.Get(schema.OrganizationType, s.Organization().ID); err != nil {
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
	a.refusal = saml.Refuse(d.Reason, d.Explanation...)
	return nil
}

// create makes the User that was decided on.
func (a *attempt) create(tx *directory.Tx, d Decision) error {
	made, err := tx.Create(schema.UserType, d.Document)
	if err != nil {
		return err
	}
	link := *d.Link
	link.User, a.user = made.ID, made.ID
	tx.PutLink(link)
	tx.GrantBy(a.connection)
	if err := a.syncGroups(tx, made, d.Sync); err != nil {
		return err
	}
	for _, id := range d.Groups {
		group, err := tx.Get(schema.GroupType, id)
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

// update changes the User that was found.
func (a *attempt) update(tx *directory.Tx, d Decision) error {
	a.user, a.epoch = d.User.ID, tx.Snapshot().SessionEpoch(d.User.ID)
	if d.Document != nil {
		if _, err := tx.Replace(d.User, d.Document); err != nil {
			return err
		}
	}
	if err := a.syncGroups(tx, d.User, d.Sync); err != nil {
		return err
	}
	if d.Link != nil {
		tx.PutLink(*d.Link)
	} else if a.link != nil && d.Sync.changes() {
		tx.PutLink(*a.link) // so that of two sign-ins of the person each sees what the other did to the groups
	}
	if d.Reason == ReasonLinked && !a.loaded.LinkPrivileged {
		tx.GuardUnprivileged(d.User)
	}
	return nil
}

// unfit is the refusal for values that the directory does not take; nil for any other error, and for none.
func unfit(err error) *saml.Refusal {
	said := ""
	if e, ok := errors.AsType[*schema.Error](err); ok {
		said = e.Error()
	} else if e, ok := errors.AsType[*directory.Error](err); ok {
		switch e.Kind {
		case directory.Invalid, directory.TooLarge, directory.Exists:
			said = e.Error()
		}
	}
	if said == "" {
		return nil
	}
	return saml.Refuse(saml.ReasonInvalidAttribute, saml.Say("invalid_attribute.unfit", "problem", saml.Clip(said)))
}
