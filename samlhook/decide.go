package samlhook

import (
	"cmp"
	"fmt"
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
	d := decider{snapshot: s, settings: c, identity: id, now: now, authority: readAuthority(s, c.ID)}

	// Known by an earlier sign-in.
	if link := findLink(s, s.LinksLike, c.ID, id); link != nil {
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
		explanation := fmt.Sprintf("%d Users match (%s); change what they share, or link one of them by hand%s",
			len(found), saml.Clip(strings.Join(idTexts(ids), ", ")), d.byHand(ids[0]))
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
	authority *authority
}

func (d *decider) refuse(user *directory.Resource, reason saml.Reason, explanation string) Decision {
	return Decision{Outcome: OutcomeRefused, Reason: reason, Explanation: explanation, User: user}
}

// link is for a User whom linkBy found.
func (d *decider) link(user *directory.Resource) (Decision, error) {
	remedy := "if both are the same person, link this one by hand" + d.byHand(user.ID)
	here, elsewhere := d.heldBy(user)
	switch {
	case elsewhere != nil:
		return d.refuse(user, ReasonLinkedElsewhere, "The User signs in through another connection, "+
			d.connection(elsewhere.Connection)+" (NameID "+saml.Clip(elsewhere.NameID)+"); "+remedy), nil
	case here != nil:
		return d.refuse(user, ReasonLinkedElsewhere, "The User signs in through this connection with another NameID ("+
			saml.Clip(here.NameID)+"); "+remedy), nil
	}
	if domains := d.authority.foreign(user, d.settings.ID); len(domains) > 0 {
		return d.refuse(user, ReasonLinkedElsewhere, "The User also has values in domains of other connections ("+
			saml.Clip(strings.Join(domains, ", "))+"), which speak for it; "+remedy), nil
	}
	if !d.settings.LinkPrivileged && d.snapshot.Privileged(user.ID) {
		r := refusePrivileged(d.byHand(user.ID))
		return d.refuse(user, r.Reason, r.Explanation), nil
	}
	return d.known(user, nil)
}

// byHand is how an administrator links the person.
func (d *decider) byHand(user directory.ID) string {
	return fmt.Sprintf(`: POST /Users/%s/.link {"connection": %q, "nameId": %q}.`, user, d.settings.ID,
		saml.Clip(d.identity.NameID))
}

// connection names a connection for the administrator.
func (d *decider) connection(id directory.ID) string {
	if r, err := d.snapshot.Get(schema.IdentityProviderType, id); err == nil {
		return saml.Clip(cmp.Or(r.Display(), id.String()))
	}
	return id.String()
}

// known is for a User who exists; link is nil if there is none yet.
func (d *decider) known(user *directory.Resource, link *directory.Link) (Decision, error) {
	if !directory.Active(user.JSON) {
		r := refuseInactive()
		return d.refuse(user, r.Reason, r.Explanation), nil
	}
	if link != nil {
		if domains := d.authority.suspended(user, link); len(domains) > 0 {
			return d.refuse(user, ReasonLinkSuspended, "The link of this NameID to the User is suspended: the User has "+
				"values in "+saml.Clip(strings.Join(domains, ", "))+", which belongs to another connection now. If it "+
				"is the same person, confirm the link"+d.byHand(user.ID)+" If not, take it away (.unlink)."), nil
		}
	}
	decision := Decision{Outcome: OutcomeSignedIn, Reason: ReasonSignedIn, User: user,
		Explanation: "The person is linked to this User."}
	if link == nil {
		decision.Reason = ReasonLinked
		decision.Explanation = "The User was found by " + strings.Join(d.settings.LinkBy, ", ") +
			" and is linked to this NameID now."
	}
	w, withheld := d.writer()
	decision.Explanation += withheld
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
	w, withheld := d.writer()
	decision.Explanation += withheld
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

	if said := d.mayNotSpeak(); said != "" {
		return refuse(nil, ReasonDomainNotVerified, said)
	}
	for user := range d.snapshot.Find(schema.UserType, attributeUserName, id.UserName) {
		return refuse(user, ReasonUserNameTaken, "The userName "+saml.Clip(id.UserName)+" belongs to a User that this "+
			"sign-in may not be linked to"+d.why()+"; link them by hand, or let linkBy and domains allow it.")
	}
	return nil
}

// mayNotSpeak says why the connection may not create the person: another one speaks for it, or none; or the connection
// has domains, and the person is in none of them. It is empty if the connection may.
func (d *decider) mayNotSpeak() string {
	c, subject := d.settings, d.subject()
	on := d.authority.on(subject)
	switch {
	case on.owner != nil && on.owner.lost:
		return saml.Clip(subject) + " is in " + on.domain + ", whose DNS record is gone, so nobody is created in it; " +
			"restore the record (see domains of the Organization), or create the User by SCIM."
	case on.owner != nil && on.by.IsZero():
		return saml.Clip(subject) + " is in " + on.domain + ", which is assigned to several connections and so counts " +
			"for none; assign it to one."
	case on.owner != nil && on.by != c.ID:
		return saml.Clip(subject) + " is in a verified domain of another connection (" + on.domain + " of " +
			d.connection(on.by) + "), and only that one creates its people; have the person sign in there, assign " +
			"the domain to this connection, or create the User by SCIM."
	case on.by != c.ID:
		return saml.Clip(subject) + " is in no verified domain, and of several connections only the default one (" +
			d.connection(on.by) + ") links and creates such people; verify the domain and assign it to this " +
			"connection, or link the person to a User by hand (POST /Users/{id}/.link)."
	case len(c.Domains) > 0 && on.owner == nil:
		return saml.Clip(subject) + " is in none of the connection's domains that the organization has verified (" +
			strings.Join(c.Domains, ", ") + "); assign and verify the domain, or create the User by SCIM."
	}
	return ""
}

// subject is the value whose domain decides whether the connection may create the person: the userName, or the e-mail
// address if the userName has no domain.
func (d *decider) subject() string {
	if domainOf(d.identity.UserName) == "" && d.identity.Email != "" {
		return d.identity.Email
	}
	return d.identity.UserName
}

// writer writes what this connection may speak for. Values in another connection's domain are left out, so that nobody
// there is found by them; withheld says which.
func (d *decider) writer() (w *writer, withheld string) {
	w = &writer{settings: d.settings, identity: d.identity, now: d.now}
	for _, v := range []struct {
		name  string
		value *string
	}{{"e-mail address", &w.identity.Email}, {"externalId", &w.identity.ExternalID}} {
		if on := d.authority.on(*v.value); on.owner != nil && on.by != d.settings.ID {
			withheld += " The " + v.name + " was not written: " + on.domain + " belongs to another connection."
			*v.value = ""
		}
	}
	return w, withheld
}

// why explains that Users were not even looked for.
func (d *decider) why() string {
	if d.mayLink(d.identity.UserName) {
		return ""
	}
	return " (with several connections, a value links only through the one that has its verified domain, or through " +
		"the default one if it is in none; here, " + d.speaker() + ")"
}

// speaker names who may speak for the subject.
func (d *decider) speaker() string {
	if by := d.authority.on(d.identity.UserName).by; !by.IsZero() {
		return d.connection(by)
	}
	return "none may"
}
