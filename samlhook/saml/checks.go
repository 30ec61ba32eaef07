package saml

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/beevik/etree"
)

// checkResponse checks the Response element. If it is not signed, its word makes nothing true, but it may still
// contradict.
func (c *Connection) checkResponse(l *checklist, r *Response, now time.Time) {
	l.add("response version", r.Version == "2.0", "2.0", r.Version, ReasonVersion,
		Say("version.response"))
	l.add("response id", isID(r.ID), "xs:ID", r.ID, ReasonNoResponseID)
	l.add("status", r.Status.Code == statusSuccess, statusSuccess, r.Status.Code, ReasonStatus, r.Status.said())
	l.add("response issuer", r.Issuer == c.IdPEntityID || (r.Issuer == "" && !r.ResponseSigned),
		c.IdPEntityID, r.Issuer, ReasonResponseIssuer)
	// Bindings §3.5.5.2: a signed message must name where it was sent to.
	l.add("destination", r.Destination == c.ACSURL || (r.Destination == "" && !r.ResponseSigned),
		c.ACSURL, r.Destination, ReasonDestination)
	c.checkIssued(l, "response issued", r.IssueInstant, now)
	if c.WantEncrypted {
		l.add("encryption", r.Encrypted, "EncryptedAssertion", encryptionOf(r), ReasonNotEncrypted)
	}
}

// checkIssued checks an IssueInstant and records by how much the clocks differ.
func (c *Connection) checkIssued(l *checklist, name string, issued, now time.Time) {
	limit := c.Limits.withDefaults().IssueAge
	ahead := issued.Sub(now).Round(time.Second)
	received, reason := fmt.Sprintf("%s (%+gs)", stamp(issued), ahead.Seconds()), ReasonIssuedTooLongAgo
	switch {
	case issued.IsZero():
		received = ""
	case ahead > 0:
		reason = ReasonIssuedInFuture
	}
	ok := !issued.IsZero() && issued.Sub(now) <= c.skew() && now.Sub(issued) <= limit+c.skew()
	l.add(name, ok, stamp(now.Add(-limit-c.skew()))+" … "+stamp(now.Add(c.skew())), received, reason)
}

// checkAssertion decodes a verified assertion into r.Assertion and checks it.
func (c *Connection) checkAssertion(l *checklist, r *Response, el *etree.Element, now time.Time) {
	a := &Assertion{ID: attr(el, "ID"), Version: attr(el, "Version"), Attributes: decodeAttributes(el)}
	r.Assertion = a
	a.IssueInstant, _ = parseInstant(attr(el, "IssueInstant"))

	// Who says it.
	l.add("version", a.Version == "2.0", "2.0", a.Version, ReasonVersion)
	l.add("assertion id", isID(a.ID), "xs:ID", a.ID, ReasonNoAssertionID)
	if issuer := l.one(el, nsAssertion, "Issuer"); issuer != nil {
		a.Issuer = trim(text(issuer))
	}
	l.add("issuer", a.Issuer == c.IdPEntityID, c.IdPEntityID, a.Issuer, ReasonIssuer)

	// When and for whom it holds, about whom, and what of.
	c.checkIssued(l, "assertion issued", a.IssueInstant, now)
	c.checkConditions(l, a, el, now)
	c.checkSubject(l, a, el, now)
	c.checkStatements(l, a, el, now)
	limit := c.Limits.withDefaults().Lifetime
	if lifetime := a.NotOnOrAfter.Sub(a.IssueInstant); !a.NotOnOrAfter.IsZero() {
		l.add("lifetime", lifetime <= limit+c.skew(), "≤ "+limit.String(), lifetime.String(), ReasonLifetime)
	}

	// Whether it is what was asked for.
	made := c.checkRequest(l, r, a, now)
	c.checkAuthn(l, a, el, made, now)
}

// maxID bounds an ID that is remembered until the assertion ends.
const maxID = 1024

// isID reports whether a value can be an ID (xs:ID, SAML Core §1.3.4): a name without a colon.
func isID(s string) bool {
	if s == "" || len(s) > maxID || !isNameStart(s[0]) {
		return false
	}
	for i := range len(s) {
		if !isNameByte(s[i]) {
			return false
		}
	}
	return true
}

// checkConditions checks when the assertion is valid, and for whom (SAML Core §2.5).
func (c *Connection) checkConditions(l *checklist, a *Assertion, el *etree.Element, now time.Time) {
	conditions := l.one(el, nsAssertion, "Conditions")
	if !l.add("conditions", conditions != nil, "Conditions", present(conditions), ReasonNoConditions) {
		return
	}
	if raw := attr(conditions, "NotBefore"); raw != "" {
		from, err := parseInstant(raw)
		l.add("not before", err == nil && !now.Add(c.skew()).Before(from), "≤ "+stamp(now.Add(c.skew())), raw,
			ReasonNotYetValid)
	}
	if raw := attr(conditions, "NotOnOrAfter"); raw != "" {
		until, ok := c.ahead(raw, now)
		l.add("not on or after", ok, c.stillAhead(now), raw, ReasonExpired)
		a.NotOnOrAfter = until
	}

	// Every condition must hold. Core §2.5.1.1: one that is not understood makes validity indeterminate.
	restricted := false
	for _, condition := range conditions.ChildElements() {
		switch known := condition.NamespaceURI() == nsAssertion; {
		case known && condition.Tag == "AudienceRestriction":
			restricted = true
			c.checkAudience(l, condition)
		case known && (condition.Tag == "OneTimeUse" || condition.Tag == "ProxyRestriction"):
			// Every assertion is used once here, and none is passed on.
		default:
			l.add("condition", false, "AudienceRestriction, OneTimeUse, ProxyRestriction", condition.Tag,
				ReasonUnknownCondition)
		}
	}
	if !restricted {
		l.add("audience", false, c.EntityID, "", ReasonNoAudience)
	}
}

func (c *Connection) checkAudience(l *checklist, restriction *etree.Element) {
	var audiences []string
	for _, audience := range children(restriction, nsAssertion, "Audience") {
		audiences = append(audiences, trim(text(audience)))
	}
	l.add("audience", slices.Contains(audiences, c.EntityID), c.EntityID, strings.Join(audiences, ", "), ReasonAudience)
}

// ahead reads a time at which something ends, and reports whether that is still ahead.
func (c *Connection) ahead(raw string, now time.Time) (time.Time, bool) {
	end, err := parseInstant(raw)
	return end, err == nil && now.Add(-c.skew()).Before(end)
}

// stillAhead is what ahead expects.
func (c *Connection) stillAhead(now time.Time) string { return "> " + stamp(now.Add(-c.skew())) }

// checkSubject checks who the assertion is about, and that whoever presents it may (SAML Core §2.4).
func (c *Connection) checkSubject(l *checklist, a *Assertion, el *etree.Element, now time.Time) {
	subject := l.one(el, nsAssertion, "Subject")
	if !l.add("subject", subject != nil, "Subject", present(subject), ReasonNoSubject) {
		return
	}
	c.checkNameID(l, a, subject)
	confirmations := children(subject, nsAssertion, "SubjectConfirmation")
	if !l.add("subject confirmation", len(confirmations) > 0, "≥ 1", fmt.Sprint(len(confirmations)),
		ReasonNoSubjectConfirmation) {
		return
	}

	// One bearer confirmation must hold; of several that don't, the first is shown.
	var shown *checklist
	for _, confirmation := range confirmations {
		if attr(confirmation, "Method") != methodBearer {
			continue
		}
		attempt, candidate := &checklist{}, *a
		c.checkConfirmation(attempt, &candidate, confirmation, now)
		if attempt.first == nil {
			*a, shown = candidate, attempt
			break
		}
		if shown == nil {
			shown = attempt
			a.InResponseTo = candidate.InResponseTo // for what it answers, so that this is not found wrong as well
		}
	}
	if shown == nil {
		l.add("bearer", false, methodBearer, attr(confirmations[0], "Method"), ReasonNotBearer)
		return
	}
	l.checks = append(l.checks, shown.checks...)
	if l.first == nil {
		l.first = shown.first
	}
}

// checkNameID checks that the NameID can identify a person.
func (c *Connection) checkNameID(l *checklist, a *Assertion, subject *etree.Element) {
	nameID := l.one(subject, nsAssertion, "NameID")
	if !l.add("name id", nameID != nil, "NameID", present(nameID), ReasonNoNameID) {
		return
	}
	a.NameID, a.NameIDFormat = trim(text(nameID)), trim(attr(nameID, "Format"))
	l.add("name id value", hasVisible(a.NameID), "", a.NameID, ReasonBlankNameID)
	if a.NameQualifier = trim(attr(nameID, "NameQualifier")); a.NameQualifier == c.IdPEntityID {
		a.NameQualifier = ""
	}
	if a.SPNameQualifier = trim(attr(nameID, "SPNameQualifier")); a.SPNameQualifier == c.EntityID {
		a.SPNameQualifier = ""
	}
	plain := ValidNameID(a.NameID) && ValidNameID(a.NameQualifier) && ValidNameID(a.SPNameQualifier)
	l.add("name id form", len(nameID.ChildElements()) == 0 && plain,
		fmt.Sprintf("≤ %d", maxNameID), a.NameID, ReasonInvalidNameID, Say("invalid_name_id", "limit", maxNameID))
	l.add("name id format", a.NameIDFormat != NameIDTransient, "≠ "+NameIDTransient, a.NameIDFormat,
		ReasonTransientNameID)
}

// ValidNameID reports whether the text may be a NameID, or a qualifier of one.
func ValidNameID(text string) bool { return validValue(text, maxNameID) }

// checkConfirmation checks one bearer SubjectConfirmation (SAML Profiles §4.1.4.3).
func (c *Connection) checkConfirmation(l *checklist, a *Assertion, confirmation *etree.Element, now time.Time) {
	data := l.one(confirmation, nsAssertion, "SubjectConfirmationData")
	if !l.add("subject confirmation data", data != nil, "SubjectConfirmationData", present(data),
		ReasonNoSubjectConfirmationData) {
		return
	}
	a.InResponseTo = attr(data, "InResponseTo")
	recipient := attr(data, "Recipient")
	l.add("recipient", recipient == c.ACSURL, c.ACSURL, recipient, ReasonRecipient)
	raw := attr(data, "NotOnOrAfter")
	until, ok := c.ahead(raw, now)
	l.add("confirmation not on or after", ok, c.stillAhead(now), raw, ReasonConfirmationExpired)
	if a.NotOnOrAfter.IsZero() || until.Before(a.NotOnOrAfter) {
		a.NotOnOrAfter = until
	}
	before := attr(data, "NotBefore")
	l.add("confirmation not before", before == "", "", before, ReasonConfirmationNotBefore)
}

// checkStatements checks that somebody signed in, and how long that holds (SAML Core §2.7.2).
func (c *Connection) checkStatements(l *checklist, a *Assertion, el *etree.Element, now time.Time) {
	statements := children(el, nsAssertion, "AuthnStatement")
	if !l.add("authentication statement", len(statements) > 0, "≥ 1", fmt.Sprint(len(statements)),
		ReasonNoAuthnStatement) {
		return
	}
	a.SessionIndex = attr(statements[0], "SessionIndex")

	// The session ends with the first statement that ends.
	for _, statement := range statements {
		raw := attr(statement, "SessionNotOnOrAfter")
		if raw == "" {
			continue
		}
		end, ok := c.ahead(raw, now)
		l.add("session not on or after", ok, c.stillAhead(now), raw, ReasonSessionExpired)
		if a.SessionNotOnOrAfter.IsZero() || end.Before(a.SessionNotOnOrAfter) {
			a.SessionNotOnOrAfter = end
		}
	}
}

// checkRequest holds an answer to the request that it names. What counts is what was signed: the assertion's own
// InResponseTo, or the Response's if that is signed. It returns when the request was made; zero if there is none that
// is ours.
func (c *Connection) checkRequest(l *checklist, r *Response, a *Assertion, now time.Time) (made time.Time) {
	const name = "in response to"
	if a.InResponseTo == "" && r.ResponseSigned {
		a.InResponseTo = r.InResponseTo
	}
	switch {
	case r.InResponseTo != a.InResponseTo && r.InResponseTo != "":
		l.add(name, false, a.InResponseTo, r.InResponseTo, ReasonInResponseTo)
		return made
	case a.InResponseTo == "":
		l.add(name, c.AllowIdPInitiated, "", "", ReasonIdPInitiated)
		return made
	}

	// Whose request it is only the caller knows.
	refusal := Refuse(ReasonRequestUnknown)
	if c.CheckRequest != nil {
		made, refusal = c.CheckRequest(a.InResponseTo, now)
	}
	if refusal == nil {
		l.add(name, true, "", a.InResponseTo, "")
		return made
	}
	l.add(name, false, "", a.InResponseTo, refusal.Reason, refusal.Explanation...)
	return time.Time{}
}

func encryptionOf(r *Response) string {
	if r.Encrypted {
		return "EncryptedAssertion"
	}
	return "Assertion"
}

// present names an element for a check; empty if there is none.
func present(el *etree.Element) string {
	if el == nil {
		return ""
	}
	return el.Tag
}
