package saml

import (
	"slices"
	"strings"
	"time"

	"github.com/beevik/etree"
)

// What a connection asks for beyond a sign-in, RequestedAuthnContext and ForceAuthn (SAML Core §3.4.1), is only a
// request: whether the identity provider did it, its AuthnStatement says.

// authnMethods is what Entra ID and AD FS list the methods in by which a person authenticated. Entra ID proves
// multi-factor authentication by it; its AuthnContext stays Password.
var authnMethods = []string{"http://schemas.microsoft.com/claims/authnmethodsreferences", "authnmethodsreferences"}

// checkAuthn checks how and when the person authenticated. One AuthnStatement must have all that was asked for; of
// several that don't, the first is shown. made is when our request was made; zero if there was none.
func (c *Connection) checkAuthn(l *checklist, a *Assertion, el *etree.Element, made, now time.Time) {
	methods, _ := newFinder(a.Attributes).find("authentication methods", authnMethods)
	var shown *checklist
	for _, statement := range children(el, nsAssertion, "AuthnStatement") {
		attempt, contexts := &checklist{}, authnContexts(statement)
		instant, _ := parseInstant(attr(statement, "AuthnInstant"))
		c.checkContext(attempt, contexts, methods.Values)
		c.checkInstant(attempt, instant, made, now)
		if shown == nil || attempt.first == nil {
			shown = attempt
			a.AuthnInstant, a.AuthnContext = instant, Clip(strings.Join(contexts, ", "))
		}
		if attempt.first == nil {
			break
		}
	}
	if shown == nil {
		return // a statement is missing, which is refused already
	}
	l.checks = append(l.checks, shown.checks...)
	if l.first == nil {
		l.first = shown.first
	}
}

// authnContexts are the classes of an AuthnStatement (SAML Core §2.7.2.2).
func authnContexts(statement *etree.Element) []string {
	var classes []string
	for _, context := range children(statement, nsAssertion, "AuthnContext") {
		for _, class := range children(context, nsAssertion, "AuthnContextClassRef") {
			classes = append(classes, trim(text(class)))
		}
	}
	return classes
}

// checkContext checks how the person authenticated: by a context or a method that the connection accepts.
func (c *Connection) checkContext(l *checklist, contexts, methods []string) {
	accepted := c.acceptedContexts()
	if len(accepted)+len(c.AcceptedAuthnMethods) == 0 {
		return
	}
	ok := slices.ContainsFunc(contexts, func(s string) bool { return slices.Contains(accepted, s) }) ||
		slices.ContainsFunc(methods, func(s string) bool { return slices.Contains(c.AcceptedAuthnMethods, s) })
	received := slices.Clone(contexts)
	if len(c.AcceptedAuthnMethods) > 0 {
		received = append(received, methods...)
	}
	expected := strings.Join(slices.Concat(accepted, c.AcceptedAuthnMethods), " | ")
	l.add("authentication context", ok, expected, strings.Join(received, ", "), ReasonAuthnContext)
}

// acceptedContexts are the contexts that prove what was asked for: those that were requested, unless the connection
// says what proves it.
func (c *Connection) acceptedContexts() []string {
	if len(c.AcceptedAuthnContext)+len(c.AcceptedAuthnMethods) > 0 {
		return c.AcceptedAuthnContext
	}
	return c.RequestedAuthnContext
}

// checkInstant checks when the person authenticated: never in the future and, with ForceAuthn, not before our request.
// An assertion without a request must be as new as an IssueInstant.
func (c *Connection) checkInstant(l *checklist, instant, made, now time.Time) {
	const name = "authentication instant"
	received := ""
	if !instant.IsZero() {
		received = stamp(instant)
	}
	if !l.add(name, instant.Sub(now) <= c.skew(), "≤ "+stamp(now.Add(c.skew())), received, ReasonAuthnInFuture) ||
		!c.ForceAuthn {
		return
	}
	if made.IsZero() {
		made = now.Add(-c.Limits.withDefaults().IssueAge)
	}
	earliest := made.Add(-c.skew())
	l.add(name, !instant.Before(earliest), "≥ "+stamp(earliest)+" (forceAuthn)", received, ReasonAuthnTooLongAgo)
}
