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

// Decision says who a person is and whether they may come in.
type Decision struct {
	Outcome     Outcome
	Reason      saml.Reason
	Explanation string // one sentence for the administrator, with the remedy

	// User is the one found; nil when one is to be created and when nobody was found.
	// Of somebody who was deleted it is the DeletedUser.
	User *directory.Resource
	// Document is the User's new document, nil when it stays as it is; of somebody to
	// be created the whole.
	Document schema.Document
	// Link is what ties the NameID to the User afterwards, but for the id of a User to
	// be created; nil when it stays as it is.
	Link *directory.Link
	// Groups are those that somebody to be created is added to. MissingGroups are
	// default groups that do not exist any more, PrivilegedGroups those that sign-in
	// may not touch.
	Groups, MissingGroups, PrivilegedGroups []directory.ID
}

// Decide looks the person up in the organization of the snapshot and decides. It is
// pure: it writes nothing, and the same arguments give the same Decision. Every
// Decision but OutcomeRefused is to be carried out whole.
func Decide(s *directory.Snapshot, c Settings, id saml.Identity, now time.Time) (Decision, error) {
	d := decider{snapshot: s, settings: c, identity: id, now: now, several: severalConnections(s)}
	d.verified, d.elsewhere = divideDomains(s, c.ID)
	if link := s.Link(c.ID, id.NameID); link != nil {
		if user, err := s.Get(schema.UserType, link.User); err == nil {
			return d.known(user, link)
		}
		return d.deleted(s.TombstoneOf(link.User))
	}
	found := d.find()
	switch {
	case len(found) > 1:
		var ids []string
		for _, user := range found {
			ids = append(ids, user.ID.String())
		}
		return d.refuse(nil, ReasonAmbiguous, fmt.Sprintf("%d Users fit (%s); change what they share, or link one of them.",
			len(found), saml.Clip(strings.Join(ids, ", ")))), nil
	case len(found) == 1:
		return d.link(found[0])
	}
	if stone, how := tombstone(s, id.UserName); how == same {
		return d.deleted(stone)
	}
	return d.nobody(false)
}

type decider struct {
	snapshot  *directory.Snapshot
	settings  Settings
	identity  saml.Identity
	now       time.Time
	several   bool     // connections in the organization
	verified  []string // domains of the organization that no other connection holds
	elsewhere []string // verified domains that another connection holds
}

func (d *decider) refuse(user *directory.Resource, reason saml.Reason, explanation string) Decision {
	return Decision{Outcome: OutcomeRefused, Reason: reason, Explanation: explanation, User: user}
}

// link is for a User whom linkBy found.
func (d *decider) link(user *directory.Resource) (Decision, error) {
	if other := d.linkedElsewhere(user); other != "" {
		return d.refuse(user, ReasonLinkedElsewhere, "The User signs in through this connection under another NameID ("+saml.Clip(other)+
			"); if both are the same person, delete that link first."), nil
	}
	if !d.settings.LinkPrivileged && d.snapshot.Privileged(user.ID) {
		return d.refuse(user, ReasonPrivilegedUser, "The User has roles or is in a protected group and was never linked to this NameID; link it by hand, or set linkPrivileged."), nil
	}
	return d.known(user, nil)
}

// known is for a User who exists; link is nil when there is none yet.
func (d *decider) known(user *directory.Resource, link *directory.Link) (Decision, error) {
	if !directory.Active(user.JSON) {
		return d.refuse(user, ReasonUserInactive, "The User is not active (active: false); set active to true to let the person in again."), nil
	}
	decision := Decision{Outcome: OutcomeSignedIn, Reason: ReasonSignedIn, Explanation: "The person is linked to this User.", User: user}
	w := &writer{settings: d.settings, identity: d.identity, now: d.now}
	if link == nil {
		decision.Reason, decision.Explanation = ReasonLinked, "The User was found by "+strings.Join(d.settings.LinkBy, ", ")+" and is linked to this NameID now."
	}
	var err error
	decision.Document, decision.Link, err = w.update(user, link)
	return decision, err
}

// deleted is for somebody whose User was deleted.
func (d *decider) deleted(stone *directory.Resource) (Decision, error) {
	if !d.settings.ReviveDeleted {
		return d.refuse(stone, ReasonUserDeleted, "The User was deleted; delete the DeletedUser "+stone.ID.String()+
			", create the User anew, or set jit.reviveDeleted to let the person in again."), nil
	}
	return d.nobody(true)
}

// nobody is for a person whom nobody knows.
func (d *decider) nobody(revived bool) (Decision, error) {
	c, id := d.settings, d.identity
	if refusal := d.lookAlike(); refusal != nil {
		return *refusal, nil
	}
	if !c.JIT {
		return d.refuse(nil, ReasonJITDisabled, "Nobody in the organization is "+saml.Clip(id.UserName)+d.why()+
			"; create the User by SCIM, or set jit.enabled to true to have sign-in create it."), nil
	}
	if c.RequireNames {
		if refusal := id.RequireNames(); refusal != nil {
			return d.refuse(nil, refusal.Reason, refusal.Explanation), nil
		}
	}
	if value := d.subject(); len(c.Domains) > 0 && !c.verifiedHere(value, d.verified) {
		return d.refuse(nil, ReasonDomainNotVerified, saml.Clip(value)+" is in none of the connection's domains that the organization has verified ("+
			strings.Join(c.Domains, ", ")+"); assign and verify the domain, or create the User by SCIM."), nil
	}
	if domain := domainOf(d.subject()); slices.Contains(d.elsewhere, domain) {
		return d.refuse(nil, ReasonDomainNotVerified, saml.Clip(d.subject())+" is in a verified domain of another connection ("+domain+
			"), which alone makes its people; have the person sign in there, assign the domain to this connection, or create the User by SCIM."), nil
	}
	for user := range d.snapshot.Find(schema.UserType, attributeUserName, id.UserName) {
		return d.refuse(user, ReasonUserNameTaken, "The userName "+saml.Clip(id.UserName)+" belongs to a User that this sign-in may not be linked to"+d.why()+
			"; link them by hand, or let linkBy and domains allow it."), nil
	}
	w := &writer{settings: c, identity: id, now: d.now}
	decision := Decision{Outcome: OutcomeCreated, Reason: ReasonCreated, Explanation: "Nobody knew the person; the User was created from the assertion."}
	if revived {
		decision.Reason, decision.Explanation = ReasonRevived, "The User had been deleted; a new one was created from the assertion (jit.reviveDeleted)."
	}
	decision.Document, decision.Link = w.create()
	d.addGroups(&decision)
	return decision, nil
}

// subject is the value whose domain decides whether the connection may make the
// person: the userName, or the e-mail address where the userName has none.
func (d *decider) subject() string {
	if !strings.Contains(wideFold(d.identity.UserName), "@") && d.identity.Email != "" {
		return d.identity.Email
	}
	return d.identity.UserName
}

// why explains that somebody was not even looked for.
func (d *decider) why() string {
	if d.mayLink(d.identity.UserName) {
		return ""
	}
	return " (there are several connections, so only values in verified domains of this connection link)"
}
