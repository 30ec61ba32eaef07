package saml

import (
	"strings"
	"testing"
	"time"
)

const (
	contextMFA      = "https://refeds.org/profile/mfa"
	contextPassword = "urn:oasis:names:tc:SAML:2.0:ac:classes:PasswordProtectedTransport"
	methodMFA       = "http://schemas.microsoft.com/claims/multipleauthn"
	methodPassword  = "http://schemas.microsoft.com/ws/2008/06/identity/authenticationmethod/password"
)

// authnCase is what a connection asks for and how the person authenticated.
type authnCase struct {
	name       string
	connection func(*Connection)
	contexts   []string // one AuthnStatement for each; default: contextPassword
	instants   []string // their AuthnInstant; default: a minute ago
	methods    []string // values of the claim authnmethodsreferences
	want       Reason   // empty: accepted
}

func authnCases() []authnCase {
	asked := func(contexts ...string) func(*Connection) {
		return func(c *Connection) { c.RequestedAuthnContext = contexts }
	}
	force := func(c *Connection) { c.ForceAuthn = true }
	unsolicited := func(c *Connection) {
		c.ForceAuthn = true
		c.CheckRequest = func(string, time.Time) (made time.Time, _ *Refusal) { return made, nil }
	}
	ago := func(d time.Duration) []string { return []string{at(-d)} }
	return []authnCase{
		// How the person authenticated.
		{name: "nothing asked for"},
		{name: "asked for what came", connection: asked(contextPassword)},
		{name: "asked for either", connection: asked(contextMFA, contextPassword)},
		{name: "MFA asked for, password came", connection: asked(contextMFA), want: ReasonAuthnContext},
		{name: "asked for, and nothing said", connection: asked(contextMFA), contexts: []string{""},
			want: ReasonAuthnContext},
		{name: "another value proves it", contexts: []string{contextMFA}, connection: func(c *Connection) {
			c.RequestedAuthnContext, c.AcceptedAuthnContext = []string{"urn:ask"}, []string{contextMFA}
		}},
		{name: "accepted values replace the requested one", connection: func(c *Connection) {
			c.RequestedAuthnContext, c.AcceptedAuthnContext = []string{contextPassword}, []string{contextMFA}
		}, want: ReasonAuthnContext},
		{name: "accepted without a request", connection: func(c *Connection) {
			c.AcceptedAuthnContext = []string{contextMFA}
		}, want: ReasonAuthnContext},
		{name: "in another case", connection: asked(strings.ToUpper(contextPassword)), want: ReasonAuthnContext},
		{name: "Entra ID proves MFA by a method", methods: []string{methodPassword, methodMFA},
			connection: func(c *Connection) { c.AcceptedAuthnMethods = []string{methodMFA} }},
		{name: "no method that is accepted", methods: []string{methodPassword},
			connection: func(c *Connection) { c.AcceptedAuthnMethods = []string{methodMFA} }, want: ReasonAuthnContext},
		{name: "a requested context does not stand in for a method", methods: []string{methodPassword},
			connection: func(c *Connection) {
				c.RequestedAuthnContext, c.AcceptedAuthnMethods = []string{contextPassword}, []string{methodMFA}
			}, want: ReasonAuthnContext},
		{name: "an accepted context does", methods: []string{methodPassword}, connection: func(c *Connection) {
			c.AcceptedAuthnContext, c.AcceptedAuthnMethods = []string{contextPassword}, []string{methodMFA}
		}},
		{name: "a method that nobody asked for", methods: []string{methodMFA}, connection: asked(contextMFA),
			want: ReasonAuthnContext},
		{name: "the second statement has it", contexts: []string{contextPassword, contextMFA},
			connection: asked(contextMFA)},

		// When: the request of the fixtures was made two minutes ago, the skew is one.
		{name: "after the request", connection: force, instants: ago(time.Minute)},
		{name: "before it, within the skew", connection: force, instants: ago(3 * time.Minute)},
		{name: "before it", connection: force, instants: ago(3*time.Minute + time.Second), want: ReasonAuthnTooLongAgo},
		{name: "12 hours ago", connection: force, instants: ago(12 * time.Hour), want: ReasonAuthnTooLongAgo},
		{name: "12 hours ago, and not forced", instants: ago(12 * time.Hour)},
		{name: "a larger skew", instants: ago(4 * time.Minute), connection: func(c *Connection) {
			c.ForceAuthn, c.ClockSkew = true, 2*time.Minute
		}},
		{name: "no instant, forced", connection: force, instants: []string{""}, want: ReasonAuthnTooLongAgo},
		{name: "no instant that is a time, forced", connection: force, instants: []string{"today"},
			want: ReasonAuthnTooLongAgo},
		{name: "no instant, not forced", instants: []string{""}},
		{name: "ahead within the skew", connection: force, instants: ago(-time.Minute)},
		{name: "ahead", connection: force, instants: ago(-61 * time.Second), want: ReasonAuthnInFuture},
		{name: "a year ahead, and not forced", instants: ago(-365 * 24 * time.Hour), want: ReasonAuthnInFuture},
		{name: "without a request, as new as a response", connection: unsolicited, instants: ago(6 * time.Minute)},
		{name: "without a request, older", connection: unsolicited, instants: ago(6*time.Minute + time.Second),
			want: ReasonAuthnTooLongAgo},

		// One statement has both.
		{name: "MFA long ago, a password now", contexts: []string{contextMFA, contextPassword},
			instants: []string{at(-12 * time.Hour), at(-time.Minute)}, connection: func(c *Connection) {
				c.ForceAuthn, c.RequestedAuthnContext = true, []string{contextMFA}
			}, want: ReasonAuthnTooLongAgo},
	}
}

// message is the signed message of a case.
func (c authnCase) message(t testing.TB) string {
	return signed(t, func(p *parts) {
		contexts := c.contexts
		if contexts == nil {
			contexts = []string{contextPassword}
		}
		p.AuthnStatement = ""
		for i, context := range contexts {
			instant := at(-time.Minute)
			if i < len(c.instants) {
				instant = c.instants[i]
			}
			p.AuthnStatement += `<saml:AuthnStatement AuthnInstant="` + instant + `"><saml:AuthnContext>`
			if context != "" {
				p.AuthnStatement += "<saml:AuthnContextClassRef>\n " + context + " </saml:AuthnContextClassRef>"
			}
			p.AuthnStatement += "</saml:AuthnContext></saml:AuthnStatement>"
		}
		if c.methods != nil {
			p.Attributes = `<saml:AttributeStatement><saml:Attribute Name="` + authnMethods[0] + `"><saml:AttributeValue>` +
				strings.Join(c.methods, "</saml:AttributeValue><saml:AttributeValue>") +
				`</saml:AttributeValue></saml:Attribute></saml:AttributeStatement>`
		}
	})
}

// TestWhatIsAskedFor: how and when a person authenticated is held to what the connection asks for.
func TestWhatIsAskedFor(t *testing.T) {
	for _, c := range authnCases() {
		t.Run(c.name, func(t *testing.T) {
			connection := testConnection()
			if c.connection != nil {
				c.connection(connection)
			}
			_, refusal := connection.Verify([]byte(c.message(t)), testNow)
			switch {
			case c.want != "" && refusal == nil:
				t.Fatal("accepted")
			case c.want != "":
				wantReason(t, refusal, c.want)
			case refusal != nil:
				t.Error(refusal)
			}
		})
	}
}

// TestIssueAge: a response may be five minutes old beyond the skew, or as old as the connection says.
func TestIssueAge(t *testing.T) {
	issued := func(ago time.Duration) []byte {
		return []byte(signed(t, func(p *parts) {
			p.ResponseOpen = replace(t, p.ResponseOpen, at(-5*time.Second), at(-ago))
			p.AssertionOpen = replace(t, p.AssertionOpen, at(-5*time.Second), at(-ago))
		}))
	}
	for _, c := range []struct {
		name       string
		ago, limit time.Duration
		ok         bool
	}{
		{"six minutes", 6 * time.Minute, 0, true},
		{"a second more", 6*time.Minute + time.Second, 0, false},
		{"as the connection says", 31 * time.Minute, 30 * time.Minute, true},
		{"more than the connection says", 31*time.Minute + time.Second, 30 * time.Minute, false},
		{"less is allowed", 90 * time.Second, 10 * time.Second, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			connection := testConnection()
			connection.Limits.IssueAge = c.limit
			if _, refusal := connection.Verify(issued(c.ago), testNow); (refusal == nil) != c.ok {
				t.Errorf("refusal = %v, want accepted: %t", refusal, c.ok)
			}
		})
	}
}

// TestVisibleNames: a name shows something, or it is none.
func TestVisibleNames(t *testing.T) {
	for name, c := range map[string]struct {
		value   string
		missing bool
	}{
		"letters":              {"Zoë", false},
		"one letter":           {"李", false},
		"a sign":               {"_", false},
		"empty":                {"", true},
		"white space":          {"\u00a0\u3000", true},
		"zero width":           {"\u200b", true},
		"Hangul filler":        {"\u3164", true},
		"Braille blank":        {"\u2800", true},
		"an accent alone":      {"\u0301", true},
		"a direction mark":     {"\u200f", true},
		"visible behind blank": {"\u2800A", false},
	} {
		t.Run(name, func(t *testing.T) {
			id, refusal := MapIdentity(&Assertion{NameID: "nid", Attributes: []Attribute{
				values("firstName", c.value), values("lastName", "Lee")}}, AttributeMapping{})
			if refusal != nil {
				t.Fatal(refusal)
			}
			refusal = id.RequireNames()
			switch {
			case !c.missing && refusal != nil:
				t.Error(refusal)
			case c.missing && (refusal == nil || refusal.Reason != ReasonMissingAttribute || id.GivenName != ""):
				t.Errorf("refusal %v, name %q", refusal, id.GivenName)
			case c.missing && !strings.Contains(refusal.Error(), `missing_attribute.empty attribute="firstName"`):
				t.Errorf("it does not say that what came is empty: %s", refusal.Explanation)
			}
		})
	}
	// What shows something is preferred, in a second value as in another attribute.
	id, _ := MapIdentity(&Assertion{NameID: "nid", Attributes: []Attribute{values("firstName", "\u200b"),
		values("givenName", "\u200b", "Ann")}}, AttributeMapping{})
	if id.GivenName != "Ann" {
		t.Errorf("name %q", id.GivenName)
	}
}

// TestUsedBeforeRead: an ID that is used up refuses the message before what is signed is looked at, and only once the
// signature is known to be genuine.
func TestUsedBeforeRead(t *testing.T) {
	used := Refuse("used")
	connection := testConnection()
	connection.Used = func(id string) *Refusal {
		if id == "_assert1" {
			return used
		}
		return nil
	}
	changed := []byte(strings.Replace(signed(t, nil), "alice@", "admin@", 1))
	if _, refusal := connection.Verify(changed, testNow); refusal != used {
		t.Errorf("refusal %v", refusal)
	}
	forged := []byte(sign(t, newParts().Response(), "Assertion", signing{By: keys().Attacker}))
	if _, refusal := connection.Verify(forged, testNow); refusal == used {
		t.Error("somebody who signs nothing learns which IDs were used")
	}
	r, refusal := testConnection().Verify([]byte(sign(t, signed(t, nil), "Response", signing{})), testNow)
	if refusal != nil || strings.Join(r.SignedIDs, " ") != "_resp1 _assert1" {
		t.Errorf("signed IDs %v, %v", r.SignedIDs, refusal)
	}
}
