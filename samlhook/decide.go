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
	Explanation saml.Explanation // for the administrator, with the remedy

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
		return d.refuse(nil, ReasonAmbiguous, saml.Say("ambiguous", "count", len(found),
			"users", saml.Clip(strings.Join(idTexts(ids), ", "))), d.byHand(ids[0])), nil
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

// refuse is a Decision that explains itself as a Refusal does.
func (d *decider) refuse(user *directory.Resource, reason saml.Reason, said ...saml.Sentence) Decision {
	return Decision{Outcome: OutcomeRefused, Reason: reason, Explanation: saml.Refuse(reason, said...).Explanation,
		User: user}
}

// link is for a User whom linkBy found.
func (d *decider) link(user *directory.Resource) (Decision, error) {
	here, elsewhere := d.heldBy(user)
	switch {
	case elsewhere != nil:
		return d.refuse(user, ReasonLinkedElsewhere, saml.Say("linked_elsewhere.connection",
			"connection", d.connection(elsewhere.Connection), "nameId", saml.Clip(elsewhere.NameID)),
			d.byHand(user.ID)), nil
	case here != nil:
		return d.refuse(user, ReasonLinkedElsewhere, saml.Say("linked_elsewhere", "nameId", saml.Clip(here.NameID)),
			d.byHand(user.ID)), nil
	}
	if domains := d.authority.foreign(user, d.settings.ID); len(domains) > 0 {
		return d.refuse(user, ReasonLinkedElsewhere, saml.Say("linked_elsewhere.domains",
			"domains", saml.Clip(strings.Join(domains, ", "))), d.byHand(user.ID)), nil
	}
	if !d.settings.LinkPrivileged && d.snapshot.Privileged(user.ID) {
		return d.refuse(user, ReasonPrivilegedUser, saml.Say("privileged_user"), d.byHand(user.ID)), nil
	}
	return d.known(user, nil)
}

// byHand is how an administrator links the person.
func (d *decider) byHand(user directory.ID) saml.Sentence {
	return saml.Say("by_hand", "command", fmt.Sprintf(`POST /Users/%s/.link {"connection": %q, "nameId": %q}`, user,
		d.settings.ID, saml.Clip(d.identity.NameID)))
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
		return d.refuse(user, ReasonUserInactive), nil
	}
	if link != nil {
		if domains := d.authority.suspended(user, link); len(domains) > 0 {
			return d.refuse(user, ReasonLinkSuspended, saml.Say("link_suspended",
				"domains", saml.Clip(strings.Join(domains, ", "))), d.byHand(user.ID)), nil
		}
	}
	decision := Decision{Outcome: OutcomeSignedIn, Reason: ReasonSignedIn, User: user,
		Explanation: saml.Refuse(ReasonSignedIn).Explanation}
	if link == nil {
		decision.Reason = ReasonLinked
		decision.Explanation = saml.Explanation{saml.Say("linked", "by", strings.Join(d.settings.LinkBy, ", "))}
	}
	w, withheld := d.writer()
	decision.Explanation = append(decision.Explanation, withheld...)
	var err error
	decision.Document, decision.Link, err = w.update(user, link)
	decision.Sync = d.syncGroups(user)
	return decision, err
}

// deleted is for a person whose User was deleted.
func (d *decider) deleted(tombstone *directory.Resource) (Decision, error) {
	if !d.settings.ReviveDeleted {
		return d.refuse(tombstone, ReasonUserDeleted, saml.Say("user_deleted", "id", tombstone.ID)), nil
	}
	return d.create(true)
}

// create is for a person who has no User; revived says that they had one.
func (d *decider) create(revived bool) (Decision, error) {
	if refusal := d.mayNotCreate(); refusal != nil {
		return *refusal, nil
	}
	decision := Decision{Outcome: OutcomeCreated, Reason: ReasonCreated,
		Explanation: saml.Refuse(ReasonCreated).Explanation}
	if revived {
		decision.Reason, decision.Explanation = ReasonRevived, saml.Refuse(ReasonRevived).Explanation
	}
	w, withheld := d.writer()
	decision.Explanation = append(decision.Explanation, withheld...)
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
	refuse := func(user *directory.Resource, reason saml.Reason, said ...saml.Sentence) *Decision {
		decision := d.refuse(user, reason, said...)
		return &decision
	}
	userName := saml.Clip(id.UserName)
	if !c.JIT {
		return refuse(nil, ReasonJITDisabled, append(
			saml.Explanation{saml.Say("jit_disabled", "userName", userName)}, d.why()...)...)
	}
	if c.RequireNames {
		if refusal := id.RequireNames(); refusal != nil {
			return refuse(nil, refusal.Reason, refusal.Explanation...)
		}
	}

	if said := d.mayNotSpeak(); said != nil {
		return refuse(nil, ReasonDomainNotVerified, *said)
	}
	for user := range d.snapshot.Find(schema.UserType, attributeUserName, id.UserName) {
		return refuse(user, ReasonUserNameTaken, append(
			saml.Explanation{saml.Say("username_taken", "userName", userName)}, d.why()...)...)
	}
	return nil
}

// mayNotSpeak says why the connection may not create the person: another one speaks for it, or none; or the connection
// has domains, and the person is in none of them. It is nil if the connection may.
func (d *decider) mayNotSpeak() *saml.Sentence {
	c, subject := d.settings, d.subject()
	on := d.authority.on(subject)
	say := func(which string, more ...any) *saml.Sentence {
		s := saml.Say("domain_not_verified."+which, append([]any{"subject", saml.Clip(subject)}, more...)...)
		return &s
	}
	switch {
	case on.owner != nil && on.owner.lost:
		return say("lost", "domain", on.domain)
	case on.owner != nil && on.by.IsZero():
		return say("several", "domain", on.domain)
	case on.owner != nil && on.by != c.ID:
		return say("other", "domain", on.domain, "connection", d.connection(on.by))
	case on.by != c.ID:
		return say("default", "connection", d.connection(on.by))
	case len(c.Domains) > 0 && on.owner == nil:
		return say("none", "domains", strings.Join(c.Domains, ", "))
	}
	return nil
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
func (d *decider) writer() (w *writer, withheld saml.Explanation) {
	w = &writer{settings: d.settings, identity: d.identity, now: d.now}
	for _, v := range []struct {
		name  string
		value *string
	}{{"emails", &w.identity.Email}, {"externalId", &w.identity.ExternalID}} {
		if on := d.authority.on(*v.value); on.owner != nil && on.by != d.settings.ID {
			withheld = append(withheld, saml.Say("withheld", "attribute", v.name, "domain", on.domain))
			*v.value = ""
		}
	}
	return w, withheld
}

// why explains that Users were not even looked for; nil if they were.
func (d *decider) why() saml.Explanation {
	if d.mayLink(d.identity.UserName) {
		return nil
	}
	if by := d.authority.on(d.identity.UserName).by; !by.IsZero() {
		return saml.Explanation{saml.Say("not_looked_for", "connection", d.connection(by))}
	}
	return saml.Explanation{saml.Say("not_looked_for.nobody")}
}
