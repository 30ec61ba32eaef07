package samlhook

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"rollcall/directory"
	"rollcall/directory/schema"
	"rollcall/samlhook/saml"
)

// Decision says who a person is and whether they may sign in.
type Decision struct {
	Outcome     Outcome
	Reason      saml.Reason
	Explanation string // one or two sentences for the administrator, with the remedy

	// User is the one found; nil if one is to be created, or if no User was found. For a person whose User was deleted,
	// it is the DeletedUser.
	User *directory.Resource
	// Document is the User's new document, nil if it stays as it is; for a User to be created, the whole document.
	Document schema.Document
	// Link is what ties the NameID to the User from now on, without the id of a User to be created; nil if it stays as
	// it is.
	Link *directory.Link
	// Groups are those that a User to be created is added to. MissingGroups are default groups that do not exist any
	// more, PrivilegedGroups those that sign-in may not touch.
	Groups, MissingGroups, PrivilegedGroups []directory.ID
	// Sync is what group sync changes.
	Sync Sync
}

// Decide looks the person up in the organization of the snapshot and decides. It is pure: it writes nothing, and the
// same arguments give the same Decision. A Decision other than OutcomeRefused must be carried out as a whole.
func Decide(s *directory.Snapshot, c Settings, id saml.Identity, now time.Time) (Decision, error) {
	d := decider{snapshot: s, settings: c, identity: id, now: now, several: severalConnections(s)}
	d.verified, d.elsewhere = divideDomains(s, c.ID)

	// Known by an earlier sign-in.
	if link := s.Link(c.ID, id.NameID); link != nil {
		if user, err := s.Get(schema.UserType, link.User); err == nil {
			return d.known(user, link)
		}
		return d.deleted(s.TombstoneOf(link.User))
	}

	// Found by linkBy, or deleted, or new.
	found := d.find()
	switch {
	case len(found) > 1:
		var ids []directory.ID
		for _, user := range found {
			ids = append(ids, user.ID)
		}
		explanation := fmt.Sprintf("%d Users match (%s); change what they share, or link one of them.",
			len(found), saml.Clip(strings.Join(idTexts(ids), ", ")))
		return d.refuse(nil, ReasonAmbiguous, explanation), nil
	case len(found) == 1:
		return d.link(found[0])
	}
	if deleted, how := tombstone(s, id.UserName); how == same {
		return d.deleted(deleted)
	}
	return d.create(false)
}

// decider is a decision in the making.
type decider struct {
	snapshot  *directory.Snapshot
	settings  Settings
	identity  saml.Identity
	now       time.Time
	several   bool     // the organization has several connections
	verified  []string // domains of the organization that no other connection has
	elsewhere []string // verified domains that another connection has
}

func (d *decider) refuse(user *directory.Resource, reason saml.Reason, explanation string) Decision {
	return Decision{Outcome: OutcomeRefused, Reason: reason, Explanation: explanation, User: user}
}

// link is for a User whom linkBy found.
func (d *decider) link(user *directory.Resource) (Decision, error) {
	if other := d.linkedElsewhere(user); other != "" {
		return d.refuse(user, ReasonLinkedElsewhere, "The User signs in through this connection with another NameID ("+
			saml.Clip(other)+"); if both are the same person, delete that link first."), nil
	}
	if !d.settings.LinkPrivileged && d.snapshot.Privileged(user.ID) {
		return d.refuse(user, ReasonPrivilegedUser, "The User has roles or is in a protected group and was never "+
			"linked to this NameID; link it by hand, or set linkPrivileged."), nil
	}
	return d.known(user, nil)
}

// known is for a User who exists; link is nil if there is none yet.
func (d *decider) known(user *directory.Resource, link *directory.Link) (Decision, error) {
	if !directory.Active(user.JSON) {
		return d.refuse(user, ReasonUserInactive, "The User is not active (active: false); set active to true to let "+
			"the person sign in again."), nil
	}
	decision := Decision{Outcome: OutcomeSignedIn, Reason: ReasonSignedIn, User: user,
		Explanation: "The person is linked to this User."}
	if link == nil {
		decision.Reason = ReasonLinked
		decision.Explanation = "The User was found by " + strings.Join(d.settings.LinkBy, ", ") +
			" and is linked to this NameID now."
	}
	w := &writer{settings: d.settings, identity: d.identity, now: d.now}
	var err error
	decision.Document, decision.Link, err = w.update(user, link)
	decision.Sync = d.syncGroups(user)
	return decision, err
}

// deleted is for a person whose User was deleted.
func (d *decider) deleted(tombstone *directory.Resource) (Decision, error) {
	if !d.settings.ReviveDeleted {
		return d.refuse(tombstone, ReasonUserDeleted, "The User was deleted; to let the person sign in again, "+
			"delete the DeletedUser "+tombstone.ID.String()+", create the User again, or set jit.reviveDeleted."), nil
	}
	return d.create(true)
}

// create is for a person who has no User; revived says that they had one.
func (d *decider) create(revived bool) (Decision, error) {
	if refusal := d.mayNotCreate(); refusal != nil {
		return *refusal, nil
	}
	decision := Decision{Outcome: OutcomeCreated, Reason: ReasonCreated,
		Explanation: "No User matched; one was created from the assertion."}
	if revived {
		decision.Reason = ReasonRevived
		decision.Explanation = "The User had been deleted; another one was created from the assertion " +
			"(jit.reviveDeleted)."
	}
	w := &writer{settings: d.settings, identity: d.identity, now: d.now}
	decision.Document, decision.Link = w.create()
	d.addGroups(&decision)
	decision.Sync = d.syncGroups(nil)
	return decision, nil
}

// mayNotCreate says why sign-in creates no User for the person; nil if it does.
func (d *decider) mayNotCreate() *Decision {
	c, id := d.settings, d.identity
	if refusal := d.lookAlike(); refusal != nil {
		return refusal
	}
	refuse := func(user *directory.Resource, reason saml.Reason, explanation string) *Decision {
		decision := d.refuse(user, reason, explanation)
		return &decision
	}
	if !c.JIT {
		return refuse(nil, ReasonJITDisabled, "No User in the organization is "+saml.Clip(id.UserName)+d.why()+
			"; create the User by SCIM, or set jit.enabled to true to have sign-in create it.")
	}
	if c.RequireNames {
		if refusal := id.RequireNames(); refusal != nil {
			return refuse(nil, refusal.Reason, refusal.Explanation)
		}
	}

	// The person must be in a domain of this connection if it has any, and in no domain of another one.
	subject := d.subject()
	if len(c.Domains) > 0 && !c.verifiedHere(subject, d.verified) {
		return refuse(nil, ReasonDomainNotVerified, saml.Clip(subject)+" is in none of the connection's domains that "+
			"the organization has verified ("+strings.Join(c.Domains, ", ")+
			"); assign and verify the domain, or create the User by SCIM.")
	}
	if domain := domainOf(subject); slices.Contains(d.elsewhere, domain) {
		return refuse(nil, ReasonDomainNotVerified, saml.Clip(subject)+" is in a verified domain of another "+
			"connection ("+domain+"), and only that one creates its people; have the person sign in there, assign the "+
			"domain to this connection, or create the User by SCIM.")
	}
	for user := range d.snapshot.Find(schema.UserType, attributeUserName, id.UserName) {
		return refuse(user, ReasonUserNameTaken, "The userName "+saml.Clip(id.UserName)+" belongs to a User that this "+
			"sign-in may not be linked to"+d.why()+"; link them by hand, or let linkBy and domains allow it.")
	}
	return nil
}

// subject is the value whose domain decides whether the connection may create the person: the userName, or the e-mail
// address if the userName has no domain.
func (d *decider) subject() string {
	if !strings.Contains(wideFold(d.identity.UserName), "@") && d.identity.Email != "" {
		return d.identity.Email
	}
	return d.identity.UserName
}

// why explains that Users were not even looked for.
func (d *decider) why() string {
	if d.mayLink(d.identity.UserName) {
		return ""
	}
	return " (there are several connections, so only values in verified domains of this connection link)"
}
