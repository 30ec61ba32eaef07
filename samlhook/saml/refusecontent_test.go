package saml

import (
	"encoding/base64"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"rollcall/samlhook/saml/samltest"
)

// xmlCases: messages that are refused for their form alone.
func xmlCases() []refuseCase {
	head := func(before string) func(testing.TB) string {
		return func(t testing.TB) string { return before + signed(t, nil) }
	}
	text := func(s string) func(testing.TB) string { return func(testing.TB) string { return s } }
	junk := func(element string, n int) func(testing.TB) string {
		return func(t testing.TB) string {
			return replace(t, signed(t, nil), "</saml:Conditions>", strings.Repeat(element, n)+"</saml:Conditions>")
		}
	}
	return []refuseCase{
		{name: "empty", want: ReasonMalformed, message: text("")},
		{name: "no XML", want: ReasonMalformed, message: text("hello")},
		{name: "ends early", want: ReasonMalformed,
			message: func(t testing.TB) string { m := signed(t, nil); return m[:len(m)-5] }},
		{name: "two roots", want: ReasonMalformed,
			message: func(t testing.TB) string { m := signed(t, nil); return m + m }},
		{name: "wrong end tag", want: ReasonMalformed, message: tampered("</saml:Subject>", "</saml:Subjekt>")},
		{name: "relative namespace", want: ReasonMalformed,
			message: tampered(`<saml:Conditions `, `<saml:Conditions xmlns:x="../assertion" `)},
		{name: "relative namespace with a colon further on", want: ReasonMalformed,
			message: tampered(`<saml:Conditions `, `<saml:Conditions xmlns:x="a/b:c" `)},
		{name: "namespace without a scheme", want: ReasonMalformed,
			message: tampered(`<saml:Conditions `, `<saml:Conditions xmlns:x=":c" `)},
		{name: "undeclared prefix", want: ReasonMalformed, message: tampered("<saml:Subject>", "<x:Subject>")},
		{name: "two colons in a name", want: ReasonMalformed, message: tampered("<saml:Subject>", "<saml:a:Subject>")},
		{name: "attribute twice", want: ReasonMalformed,
			message: tampered(`<saml:Assertion ID=`, `<saml:Assertion ID="_x" ID=`)},
		{name: "reference in a namespace", want: ReasonMalformed,
			message: tampered("assertion\" ID", "assertio&#110;\" ID")},
		{name: "control character", want: ReasonMalformed, message: tampered("alice@", "ali\x01ce@")},
		{name: "< in an attribute", want: ReasonMalformed, message: tampered(`Version="2.0"`, `Version="<"`)},
		{name: "not UTF-8", want: ReasonNotUTF8, message: tampered("alice@", "ali\xffce@")},
		{name: "UTF-16 declared", want: ReasonNotUTF8, message: head(`<?xml version="1.0" encoding="UTF-16"?>`)},
		{name: "UTF-7 declared", want: ReasonNotUTF8, message: head(`<?xml version="1.0" encoding="utf-7"?>`)},
		{name: "comment in NameID", want: ReasonComment,
			message: tampered("alice@example.com", "admin@example.com<!-- x -->.evil")},
		{name: "processing instruction", want: ReasonInstruction,
			message: tampered("alice@example.com", "admin@example.com<?x?>.evil")},
		{name: "DOCTYPE", want: ReasonDoctype,
			message: head(`<!DOCTYPE foo [<!ENTITY x SYSTEM "file:///etc/passwd">]>`)},
		{name: "entity", want: ReasonEntity, message: tampered("alice@", "&xxe;@")},
		{name: "duplicate ID", want: ReasonDuplicateID,
			message: tampered(`<saml:Conditions `, `<saml:Conditions ID="_assert1" `)},
		{name: "duplicate ID in another case", want: ReasonDuplicateID,
			message: tampered(`<saml:Conditions `, `<saml:Conditions xml:id="_assert1" `)},
		{name: "not a Response", want: ReasonNotResponse, message: func(t testing.TB) string {
			return strings.ReplaceAll(signed(t, nil), "samlp:Response", "samlp:LogoutResponse")
		}},
		{name: "SAML 1.1 Response", want: ReasonNotResponse,
			message: text(`<Response xmlns="urn:oasis:names:tc:SAML:1.0:protocol"/>`)},
		{name: "unknown child of Response", want: ReasonUnexpected,
			message: tampered("<samlp:Status>", "<samlp:Foo/><samlp:Status>")},
		{name: "two Status", want: ReasonUnexpected,
			message: tampered("<samlp:Status>", "<samlp:Status/><samlp:Status>")},
		{name: "encrypted although not asked for", want: ReasonEncrypted, message: func(t testing.TB) string {
			p := newParts()
			return p.ResponseOpen + p.ResponseIssuer + p.Status + "<saml:EncryptedAssertion/></samlp:Response>"
		}},
		{name: "oversize", want: ReasonTooLarge, message: junk(strings.Repeat("x", 1<<20), 3)},
		{name: "deep nesting", want: ReasonTooDeep, message: junk("<a>", 100000)},
		{name: "too many elements", want: ReasonTooManyElements, message: junk("<a/>", 20000)},
		{name: "many attributes", want: ReasonMalformed,
			message: junk("<a "+strings.Repeat("b", 20)+strings.Repeat(` c="1"`, 60)+"/>", 1)},
		{name: "many namespaces", want: ReasonMalformed, message: func(t testing.TB) string {
			var b strings.Builder
			for i := range 60 {
				b.WriteString(` xmlns:p` + string(rune('a'+i%26)) + string(rune('a'+i/26)) + `="urn:x"`)
			}
			return replace(t, signed(t, nil), "<saml:Conditions ", "<saml:Conditions"+b.String()+" ")
		}},
		{name: "megabytes of text under a forged signature", want: ReasonSignatureInvalid,
			message: func(t testing.TB) string {
				p := newParts()
				p.Attributes = samltest.Groups(3000)
				return sign(t, p.Response(), "Assertion", signing{By: keys().Attacker})
			}},
		{name: "the IdP's own failure, unsigned", want: ReasonStatus, message: func(t testing.TB) string {
			p := newParts()
			return p.ResponseOpen + p.ResponseIssuer +
				`<samlp:Status><samlp:StatusCode Value="urn:oasis:names:tc:SAML:2.0:status:Responder">` +
				`<samlp:StatusCode Value="urn:oasis:names:tc:SAML:2.0:status:AuthnFailed"/></samlp:StatusCode>` +
				`<samlp:StatusMessage>not assigned</samlp:StatusMessage></samlp:Status></samlp:Response>`
		}},
		{name: "success without an assertion, unsigned", want: ReasonNoAssertion, message: func(t testing.TB) string {
			p := newParts()
			return p.ResponseOpen + p.ResponseIssuer + p.Status + "</samlp:Response>"
		}},
	}
}

// contentCases: messages that are signed well and say something wrong.
func contentCases() []refuseCase {
	drop := func(from, to string) func(testing.TB) string {
		return func(t testing.TB) string {
			m := newParts().Response()
			i, j := strings.Index(m, from), strings.Index(m, to)+len(to)
			if i < 0 || j < i {
				t.Fatalf("no %s", from)
			}
			return sign(t, m[:i]+m[j:], "Assertion", signing{})
		}
	}
	const nameID = `Format="urn:oasis:names:tc:SAML:2.0:nameid-format:persistent">alice@example.com<`
	issued := func(d time.Duration) func(testing.TB) string {
		return swap(`IssueInstant="`+at(-5*time.Second)+`">`, `IssueInstant="`+at(d)+`">`)
	}
	return []refuseCase{
		{name: "Version 1.1", want: ReasonVersion,
			message: swap(`ID="_assert1" Version="2.0"`, `ID="_assert1" Version="1.1"`)},
		{name: "Response of Version 1.1", want: ReasonVersion, message: edited(func(t testing.TB, p *parts) {
			p.ResponseOpen = replace(t, p.ResponseOpen, `Version="2.0"`, `Version="1.1"`)
		})},
		{name: "Response without Version", want: ReasonVersion, message: edited(func(t testing.TB, p *parts) {
			p.ResponseOpen = replace(t, p.ResponseOpen, ` Version="2.0"`, "")
		})},
		{name: "Response without ID", want: ReasonNoResponseID, message: edited(func(t testing.TB, p *parts) {
			p.ResponseOpen = replace(t, p.ResponseOpen, ` ID="_resp1"`, "")
		})},
		{name: "Response whose ID is not an XML name", want: ReasonNoResponseID,
			message: edited(func(t testing.TB, p *parts) {
				p.ResponseOpen = replace(t, p.ResponseOpen, ` ID="_resp1"`, ` ID="1 2"`)
			})},
		{name: "assertion with an ID of 2,000 characters", want: ReasonNoAssertionID,
			message: edited(func(t testing.TB, p *parts) {
				p.AssertionOpen = replace(t, p.AssertionOpen, `"_assert1"`, `"_`+strings.Repeat("a", 2000)+`"`)
			})},
		{name: "status not Success, Response signed", want: ReasonStatus, message: func(t testing.TB) string {
			return sign(t, replace(t, newParts().Response(), "status:Success", "status:Responder"), "Response",
				signing{})
		}},
		{name: "status not Success beside a good assertion", want: ReasonStatus,
			message: swap("status:Success", "status:Requester")},
		{name: "signed success without an assertion", want: ReasonNoAssertion, message: func(t testing.TB) string {
			p := newParts()
			return sign(t, p.ResponseOpen+p.ResponseIssuer+p.Status+"</samlp:Response>", "Response", signing{})
		}},
		{name: "wrong Issuer of the Response", want: ReasonResponseIssuer,
			message: edited(func(t testing.TB,
				p *parts) {
				p.ResponseIssuer = replace(t, p.ResponseIssuer, "idp.", "evil.")
			})},
		{name: "wrong Issuer of the assertion", want: ReasonIssuer,
			message: edited(func(t testing.TB, p *parts) { p.Issuer = replace(t, p.Issuer, "idp.", "evil.") })},
		{name: "signed Response without Destination", want: ReasonDestination, message: func(t testing.TB) string {
			return sign(t, replace(t, newParts().Response(), ` Destination="`+samltest.ACS+`"`, ""), "Response",
				signing{})
		}},
		{name: "other connection's Destination", want: ReasonDestination,
			message: swap(`Destination="`+samltest.ACS,
				`Destination="https://rollcall.example.com/orgs/acme/saml/c2/acs`)},
		{name: "other connection's Recipient", want: ReasonRecipient,
			message: swap(`Recipient="`+samltest.ACS, `Recipient="https://rollcall.example.com/orgs/acme/saml/c2/acs`)},
		{name: "other connection's Audience", want: ReasonAudience,
			message: swap(`<saml:Audience>`+samltest.EntityID,
				`<saml:Audience>https://rollcall.example.com/orgs/acme/saml/c2/metadata`)},
		{name: "one of two restrictions does not name us", want: ReasonAudience,
			message: swap(`</saml:AudienceRestriction>`,
				`</saml:AudienceRestriction><saml:AudienceRestriction><saml:Audience>https://other</saml:Audience>`+
					`</saml:AudienceRestriction>`)},
		{name: "missing Audience", want: ReasonAudience, message: drop("<saml:Audience>", "</saml:Audience>")},
		{name: "missing AudienceRestriction", want: ReasonNoAudience,
			message: drop("<saml:AudienceRestriction>", "</saml:AudienceRestriction>")},
		{name: "missing Conditions", want: ReasonNoConditions, message: drop("<saml:Conditions", "</saml:Conditions>")},
		{name: "unknown condition", want: ReasonUnknownCondition,
			message: swap("</saml:AudienceRestriction>", "</saml:AudienceRestriction><saml:Condition/>")},
		{name: "two Conditions", want: ReasonDuplicateElement,
			message: swap("<saml:AuthnStatement ", "<saml:Conditions/><saml:AuthnStatement ")},
		{name: "missing Subject", want: ReasonNoSubject, message: drop("<saml:Subject>", "</saml:Subject>")},
		{name: "two Subjects", want: ReasonDuplicateElement,
			message: swap("<saml:Conditions ",
				"<saml:Subject><saml:NameID>x</saml:NameID></saml:Subject><saml:Conditions ")},
		{name: "missing NameID", want: ReasonNoNameID, message: drop("<saml:NameID", "</saml:NameID>")},
		{name: "two NameIDs", want: ReasonDuplicateElement,
			message: swap("<saml:SubjectConfirmation ", "<saml:NameID>x</saml:NameID><saml:SubjectConfirmation ")},
		{name: "missing SubjectConfirmation", want: ReasonNoSubjectConfirmation,
			message: drop("<saml:SubjectConfirmation ", "</saml:SubjectConfirmation>")},
		{name: "missing SubjectConfirmationData", want: ReasonNoSubjectConfirmationData,
			message: drop("<saml:SubjectConfirmationData", `NotOnOrAfter="`+at(5*time.Minute)+`"/>`)},
		{name: "missing AuthnStatement", want: ReasonNoAuthnStatement,
			message: drop("<saml:AuthnStatement ", "</saml:AuthnStatement>")},
		{name: "holder-of-key", want: ReasonNotBearer, message: swap("cm:bearer", "cm:holder-of-key")},
		{name: "NotBefore in the confirmation", want: ReasonConfirmationNotBefore,
			message: swap("<saml:SubjectConfirmationData ",
				`<saml:SubjectConfirmationData NotBefore="`+at(-time.Minute)+`" `)},
		{name: "confirmation expired", want: ReasonConfirmationExpired,
			message: swap(`NotOnOrAfter="`+at(5*time.Minute), `NotOnOrAfter="`+at(-61*time.Second))},
		{name: "confirmation without an end", want: ReasonConfirmationExpired,
			message: swap(` NotOnOrAfter="`+at(5*time.Minute)+`"`, "")},
		{name: "expired", want: ReasonExpired,
			message: swap(`NotOnOrAfter="`+at(10*time.Minute), `NotOnOrAfter="`+at(-60*time.Second))},
		{name: "not yet valid", want: ReasonNotYetValid,
			message: swap(`NotBefore="`+at(-time.Minute), `NotBefore="`+at(61*time.Second))},
		{name: "times that are no times", want: ReasonNotYetValid,
			message: swap(`NotBefore="`+at(-time.Minute), `NotBefore="yesterday`)},
		{name: "issued in the future", want: ReasonIssuedInFuture, message: issued(61 * time.Second)},
		{name: "issued long ago", want: ReasonIssuedTooLongAgo, message: issued(-6*time.Minute - time.Second)},
		{name: "Response issued long ago", want: ReasonIssuedTooLongAgo, message: edited(func(t testing.TB, p *parts) {
			p.ResponseOpen = replace(t, p.ResponseOpen, at(-5*time.Second), at(-6*time.Minute-time.Second))
		})},
		{name: "no IssueInstant", want: ReasonIssuedTooLongAgo,
			message: swap(`IssueInstant="`+at(-5*time.Second)+`">`, ">")},
		{name: "valid for two hours", want: ReasonLifetime, message: func(t testing.TB) string {
			m := replace(t, newParts().Response(), at(5*time.Minute), at(2*time.Hour))
			return sign(t, replace(t, m, at(10*time.Minute), at(2*time.Hour)), "Assertion", signing{})
		}},
		{name: "session over", want: ReasonSessionExpired, message: swap(at(8*time.Hour), at(-2*time.Minute))},
		{name: "blank NameID", want: ReasonBlankNameID, message: swap(nameID, `Format="x"> 	<`)},
		{name: "NameID of nothing visible", want: ReasonBlankNameID,
			message: swap(nameID, "Format=\"x\">\u200b\u2800\u0301<")},
		{name: "transient NameID", want: ReasonTransientNameID,
			message: swap("nameid-format:persistent", "nameid-format:transient")},
		{name: "element in NameID", want: ReasonInvalidNameID,
			message: swap("alice@example.com<", "alice@example.com<saml:X/><")},
		{name: "line break in NameID", want: ReasonInvalidNameID,
			message: swap("alice@example.com<", "alice@&#10;example.com<")},
	}
}

// TestClockSkew shows that the skew counts on both sides, to the second.
func TestClockSkew(t *testing.T) {
	message := []byte(signed(t, nil))
	for _, c := range []struct {
		name string
		now  time.Time
		skew time.Duration
		ok   bool
	}{
		{"in time", testNow, 0, true},
		{"59 s after the confirmation's end", testNow.Add(5*time.Minute + 59*time.Second), 0, true},
		{"60 s after", testNow.Add(6 * time.Minute), 0, false},
		{"60 s before NotBefore and issue", testNow.Add(-65 * time.Second), 0, true},
		{"61 s before issue", testNow.Add(-66 * time.Second), 0, false},
		{"five minutes late with a skew of six", testNow.Add(10 * time.Minute), 6 * time.Minute, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			connection := testConnection()
			connection.ClockSkew, connection.Limits.IssueAge = c.skew, time.Hour
			if _, err := connection.Verify(message, c.now); (err == nil) != c.ok {
				t.Errorf("error = %v, want accepted: %t", err, c.ok)
			}
		})
	}
}

// readPostCase is a request to the ACS that is refused before its message is looked at.
type readPostCase struct {
	name, method, target, kind, body string
	want                             Reason
}

func (c readPostCase) request() *http.Request {
	r := httptest.NewRequest(c.method, c.target, strings.NewReader(c.body))
	if c.kind != "" {
		r.Header.Set("Content-Type", c.kind)
	}
	return r
}

func readPostCases() []readPostCase {
	good := base64.StdEncoding.EncodeToString([]byte("<x/>"))
	form := "application/x-www-form-urlencoded"
	return []readPostCase{
		{"GET", "GET", "/acs?SAMLResponse=" + url.QueryEscape(good), "", "", ReasonNotPost},
		{"SAMLResponse in the URL of a POST", "POST", "/acs?SAMLResponse=x", form,
			"SAMLResponse=" + url.QueryEscape(good), ReasonNotPost},
		{"artifact", "GET", "/acs?SAMLart=x", "", "", ReasonArtifact},
		{"artifact in the body", "POST", "/acs", form, "SAMLart=x", ReasonArtifact},
		{"two SAMLResponse", "POST", "/acs", form,
			"SAMLResponse=" + url.QueryEscape(good) + "&SAMLResponse=" + url.QueryEscape(good), ReasonSeveralResponses},
		{"two SAMLResponse, one escaped", "POST", "/acs", form,
			"SAMLResponse=" + url.QueryEscape(good) + "&SAML%52esponse=" + url.QueryEscape(good),
			ReasonSeveralResponses},
		{"none", "POST", "/acs", form, "RelayState=x", ReasonNoResponse},
		{"empty", "POST", "/acs", form, "SAMLResponse=", ReasonNoResponse},
		{"no form", "POST", "/acs", "text/xml", "<x/>", ReasonNoResponse},
		{"not base64", "POST", "/acs", form, "SAMLResponse=%25%25%25%25", ReasonNotBase64},
		{"base64url", "POST", "/acs", form, "SAMLResponse=-_-_", ReasonNotBase64},
		{"bad escape", "POST", "/acs", form, "SAMLResponse=%zz", ReasonNotBase64},
		{"oversize", "POST", "/acs", form, "SAMLResponse=" + strings.Repeat("PDw8", 3<<18), ReasonTooLarge},
		{"bad escape at the end", "POST", "/acs", form, "SAMLResponse=PHgv%4", ReasonNotBase64},
		{"bad escape in RelayState", "POST", "/acs", form, "RelayState=%&SAMLResponse=PHgv", ReasonNotBase64},
		{"half a group", "POST", "/acs", form, "SAMLResponse=PHgvPg", ReasonNotBase64},
		{"more behind the padding", "POST", "/acs", form, "SAMLResponse=PHgvPg==PHgv", ReasonNotBase64},
		{"text that is no XML", "POST", "/acs", form, "SAMLResponse=aGVsbG8h", ReasonMalformed},
		{"a long RelayState", "POST", "/acs", form, "RelayState=" + strings.Repeat("x", 5000) + "&SAMLResponse=PHgv",
			ReasonTooLarge},
		{"many parameters", "POST", "/acs", form, strings.Repeat("a=b&", 1000) + "SAMLResponse=" + good,
			ReasonTooLarge},
	}
}

func TestReadPost(t *testing.T) {
	for _, c := range readPostCases() {
		t.Run(c.name, func(t *testing.T) {
			_, err := ReadPost(c.request(), 0, nil)
			wantReason(t, err, c.want)
			if c.want == ReasonTooLarge { // the cap must hold for chunked bodies too
				r := c.request()
				r.ContentLength = -1
				_, err = ReadPost(r, 0, nil)
				wantReason(t, err, c.want)
			}
		})
	}
}
