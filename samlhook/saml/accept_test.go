package saml

import (
	"crypto/x509"
	"encoding/base64"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	dsig "github.com/russellhaering/goxmldsig"

	"rollcall/samlhook/saml/samltest"
)

// acceptCase is a legal message (saml-signin rules, "accept").
type acceptCase struct {
	name       string
	message    func(t testing.TB) string
	connection func(*Connection)
	by         func() party // who signed, for the peer; nil is the usual one
	groups     int
	notPeer    bool // the peer looks into KeyInfo
}

func acceptCases() []acceptCase {
	plain := func(tag string, s func() signing) func(testing.TB) string {
		return func(t testing.TB) string { return sign(t, newParts().Response(), tag, s()) }
	}
	none := func() signing { return signing{} }
	trust := func(who ...func() party) func(*Connection) {
		return func(c *Connection) {
			c.Certificates = nil
			for _, w := range who {
				c.Certificates = append(c.Certificates, w().Cert)
			}
		}
	}
	idp := func() party { return keys().IdP }
	second := func() party { return keys().Second }
	ec := func() party { return keys().EC }
	return []acceptCase{
		{name: "assertion signed, no KeyInfo, one certificate", message: plain("Assertion", none)},
		{name: "response signed", message: plain("Response", none)},
		{name: "both signed", message: func(t testing.TB) string {
			return sign(t, sign(t, newParts().Response(), "Assertion", signing{}), "Response", signing{})
		}},
		{name: "no KeyInfo, two certificates, the second signs",
			message:    plain("Assertion", func() signing { return signing{By: keys().Second} }),
			connection: trust(idp, second), by: second},
		{name: "KeyInfo, two certificates, the second signs",
			message: plain("Assertion", func() signing {
				return signing{By: keys().Second,
					KeyInfo: keys().Second.Cert}
			}), connection: trust(idp, second), by: second},
		{name: "KeyInfo names another certificate than the trusted one",
			message: plain("Assertion", func() signing { return signing{KeyInfo: keys().Attacker.Cert} }),
			notPeer: true},
		{name: "two Audiences in one restriction", message: func(t testing.TB) string {
			return signed(t, func(p *parts) {
				p.Conditions = replace(t, p.Conditions, "<saml:Audience>",
					"<saml:Audience>https://other.example.com</saml:Audience><saml:Audience>")
			})
		}},
		{name: "150 groups", groups: 150, message: func(t testing.TB) string {
			return signed(t, func(p *parts) { p.Attributes = samltest.Groups(150) })
		}},
		{name: "3,000 groups", groups: 3000, message: func(t testing.TB) string {
			return signed(t, func(p *parts) { p.Attributes = samltest.Groups(3000) })
		}},
		{name: "3,000 groups, response signed", groups: 3000, message: func(t testing.TB) string {
			p := newParts()
			p.Attributes = samltest.Groups(3000)
			return sign(t, p.Response(), "Response", signing{})
		}},
		{name: "default namespace on Assertion", message: func(t testing.TB) string {
			m := strings.ReplaceAll(newParts().Assertion(), "saml:", "")
			m = replace(t, m, "<Assertion ", `<Assertion xmlns="urn:oasis:names:tc:SAML:2.0:assertion" `)
			p := newParts()
			return sign(t, replace(t, p.Response(), p.Assertion(), m), "Assertion", signing{})
		}},
		{name: "default namespace inherited from Response", message: func(t testing.TB) string {
			m := strings.ReplaceAll(newParts().Response(), "saml:", "")
			return sign(t, replace(t, m, "xmlns:saml=", "xmlns="), "Assertion", signing{})
		}},
		{name: "prefix list with xs declared on Response", message: func(t testing.TB) string {
			m := replace(t, newParts().Response(), "<samlp:Response ",
				`<samlp:Response xmlns:xs="http://www.w3.org/2001/XMLSchema" `)
			m = strings.ReplaceAll(m, `<saml:AttributeValue xmlns:xs="http://www.w3.org/2001/XMLSchema" `,
				`<saml:AttributeValue `)
			return sign(t, m, "Assertion", signing{PrefixList: "xs"})
		}},
		{name: "CDATA in NameID", message: func(t testing.TB) string {
			return signed(t, func(p *parts) { p.Subject = replace(t, p.Subject, "alice@", "<![CDATA[ali]]>ce@") })
		}},
		{name: "white space around values and in SignatureValue", message: func(t testing.TB) string {
			p := newParts()
			p.Subject = replace(t, p.Subject, "alice@example.com", "\n  alice@example.com\n")
			p.Conditions = replace(t, p.Conditions, samltest.EntityID, " "+samltest.EntityID+"\n")
			return sign(t, p.Response(), "Assertion", signing{EditSig: func(s string) string {
				return strings.Replace(s, "<ds:SignatureValue>", "<ds:SignatureValue>\n\t   ", 1)
			}})
		}},
		{name: "XML declaration", message: func(t testing.TB) string {
			return `<?xml version="1.0" encoding="UTF-8"?>` + "\n" + signed(t, nil)
		}},
		{name: "ECDSA P-256", message: plain("Assertion", func() signing {
			return signing{By: keys().EC, Algorithm: dsig.ECDSASHA256SignatureMethod}
		}), connection: trust(ec), by: ec},
		{name: "inclusive canonicalization of SignedInfo", message: plain("Assertion", func() signing {
			return signing{C14N: "http://www.w3.org/TR/2001/REC-xml-c14n-20010315"}
		})},
		{name: "SHA-1 where the connection allows it", message: plain("Assertion", func() signing {
			return signing{Algorithm: dsig.RSASHA1SignatureMethod, Digest: samltest.DigestSHA1}
		}), connection: func(c *Connection) { c.AllowSHA1 = true }},
		{name: "IdP-initiated where the connection allows it", message: func(t testing.TB) string {
			return signed(t, func(p *parts) {
				p.ResponseOpen = replace(t, p.ResponseOpen, ` InResponseTo="`+samltest.Request+`"`, "")
				p.Subject = replace(t, p.Subject, ` InResponseTo="`+samltest.Request+`"`, "")
			})
		}, connection: func(c *Connection) { c.AllowIdPInitiated = true }},
		{name: "a holder-of-key confirmation beside a bearer one", message: func(t testing.TB) string {
			return signed(t, func(p *parts) {
				p.Subject = replace(t, p.Subject, "<saml:SubjectConfirmation ",
					`<saml:SubjectConfirmation Method="urn:oasis:names:tc:SAML:2.0:cm:holder-of-key"/>`+
						`<saml:SubjectConfirmation `)
			})
		}},
		{name: "Entra ID's 70 minutes of conditions with 5 minutes of confirmation",
			message: func(t testing.TB) string {
				return signed(t, func(p *parts) { p.Conditions = replace(t, p.Conditions, at(10*60e9), at(70*60e9)) })
			}},
	}
}

func TestAccept(t *testing.T) {
	for _, c := range acceptCases() {
		t.Run(c.name, func(t *testing.T) {
			connection := testConnection()
			if c.connection != nil {
				c.connection(connection)
			}
			r, err := connection.Verify([]byte(c.message(t)), testNow)
			if err != nil {
				t.Fatalf("refused: %v\nchecks: %+v", err, r.Checks)
			}
			by := keys().IdP
			if c.by != nil {
				by = c.by()
			}
			if !r.Verified || !r.Certificate.Equal(by.Cert) {
				t.Errorf("Verified = %t, signed by %s", r.Verified, r.Certificate.Subject)
			}
			a := r.Assertion
			if a.NameID != "alice@example.com" || a.ID != "_assert1" || a.Issuer != samltest.IdP ||
				a.SessionIndex != "_s1" {
				t.Errorf("assertion = %+v", a)
			}
			if want := testNow.Add(5 * 60e9); !a.NotOnOrAfter.Equal(want) {
				t.Errorf("NotOnOrAfter = %s, want the earlier one, %s", a.NotOnOrAfter, want)
			}
			id, err := MapIdentity(a, connection.Attributes)
			if err != nil || id.GivenName != "Alice" || id.FamilyName != "Archer" ||
				id.UserName != "alice@example.com" || len(id.Groups) != c.groups {
				t.Errorf("identity = %+v, %v; want Alice Archer with %d groups", id, err, c.groups)
			}
			for _, check := range r.Checks {
				if !check.OK {
					t.Errorf("accepted with a failed check: %+v", check)
				}
			}
			if wantsWarning := connection.AllowSHA1; (len(r.Warnings) > 0) != wantsWarning {
				t.Errorf("warnings = %q", r.Warnings)
			}
		})
	}
}

// TestAcceptPost goes through the form, with base64 in one line and in many.
func TestAcceptPost(t *testing.T) {
	message := signed(t, nil)
	encoded := base64.StdEncoding.EncodeToString([]byte(message))
	for name, value := range map[string]string{"one line": encoded, "line breaks": wrapLines(encoded, 76),
		"spaces": " " + encoded + "\n"} {
		t.Run(name, func(t *testing.T) {
			form := url.Values{"SAMLResponse": {value}, "RelayState": {"token"}}
			r := httptest.NewRequest("POST", "/acs", strings.NewReader(form.Encode()))
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			post, err := ReadPost(r, 0, nil)
			if err != nil || post.RelayState != "token" || string(post.Message) != message {
				t.Fatalf("ReadPost = %.60q, %q, %v", post.Message, post.RelayState, err)
			}
			if _, err := testConnection().Verify(post.Message, testNow); err != nil {
				t.Fatal(err)
			}
		})
	}
}

// TestReadsWhatWasSigned holds the whole of a decoded assertion to its text.
func TestReadsWhatWasSigned(t *testing.T) {
	r, err := testConnection().Verify([]byte(signed(t, func(p *parts) {
		p.Attributes = `<saml:AttributeStatement>` +
			`<saml:Attribute Name="urn:oid:2.5.4.42" FriendlyName="givenName">` +
			`<saml:AttributeValue> Zoë </saml:AttributeValue></saml:Attribute>` +
			`<saml:Attribute Name="empty"/>` +
			`<saml:Attribute Name="nil"><saml:AttributeValue xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"` +
			` xsi:nil="true"/></saml:Attribute>` +
			`<saml:Attribute Name="id"><saml:AttributeValue><saml:NameID>deep</saml:NameID></saml:AttributeValue>` +
			`<saml:AttributeValue>a&amp;b</saml:AttributeValue></saml:Attribute>` +
			`</saml:AttributeStatement>`
	})), testNow)
	if err != nil {
		t.Fatal(err)
	}
	want := []Attribute{
		{Name: "urn:oid:2.5.4.42", FriendlyName: "givenName", Values: []string{"Zoë"}},
		{Name: "empty"}, {Name: "nil"},
		{Name: "id", Values: []string{"deep", "a&b"}},
	}
	if len(r.Assertion.Attributes) != len(want) {
		t.Fatalf("attributes = %+v", r.Assertion.Attributes)
	}
	for i, a := range r.Assertion.Attributes {
		if a.Name != want[i].Name || a.FriendlyName != want[i].FriendlyName ||
			strings.Join(a.Values, "|") != strings.Join(want[i].Values, "|") {
			t.Errorf("attribute %d = %+v, want %+v", i, a, want[i])
		}
	}
	if r.Assertion.InResponseTo != samltest.Request || r.Assertion.SessionNotOnOrAfter.IsZero() ||
		r.Assertion.AuthnInstant.IsZero() ||
		!strings.HasSuffix(r.Assertion.AuthnContext, "PasswordProtectedTransport") ||
		!strings.HasSuffix(r.Assertion.NameIDFormat, "persistent") {
		t.Errorf("assertion = %+v", r.Assertion)
	}
	if r.Algorithm != dsig.RSASHA256SignatureMethod || r.Certificate == (*x509.Certificate)(nil) ||
		r.Status.Code != statusSuccess {
		t.Errorf("response = %+v", r)
	}
}
