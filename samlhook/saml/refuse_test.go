package saml

import (
	"cmp"
	"strings"
	"testing"
	"time"

	dsig "github.com/russellhaering/goxmldsig"

	"rollcall/samlhook/saml/samltest"
)

// refuseCase is a message that must be refused, for this reason and no other.
type refuseCase struct {
	name       string
	want       Reason
	message    func(t testing.TB) string
	connection func(*Connection)
}

// edited signs a message after an edit of its parts.
func edited(edit func(t testing.TB, p *parts)) func(testing.TB) string {
	return func(t testing.TB) string { return signed(t, func(p *parts) { edit(t, p) }) }
}

// swap signs a message in which one piece of text stands for another.
func swap(old, with string) func(testing.TB) string {
	return func(t testing.TB) string {
		return sign(t, replace(t, newParts().Response(), old, with), "Assertion", signing{})
	}
}

// tampered changes a good message after it was signed.
func tampered(old, with string) func(testing.TB) string {
	return func(t testing.TB) string { return replace(t, signed(t, nil), old, with) }
}

// signedWith signs the assertion in another way.
func signedWith(s func() signing) func(testing.TB) string {
	return func(t testing.TB) string { return sign(t, newParts().Response(), "Assertion", s()) }
}

const evilAssertion = `<saml:Assertion ID="_evil" Version="2.0"><saml:Issuer>x</saml:Issuer><saml:Subject>` +
	`<saml:NameID>admin@example.com</saml:NameID></saml:Subject></saml:Assertion>`

// signatureCases: who signed, what, and how.
func signatureCases() []refuseCase {
	attacker := func(edit func(*signing)) func(testing.TB) string {
		return signedWith(func() signing {
			s := signing{By: keys().Attacker}
			edit(&s)
			return s
		})
	}
	sig := func(edit func(string) string) func(testing.TB) string {
		return signedWith(func() signing { return signing{EditSig: edit} })
	}
	info := func(edit func(string) string) func(testing.TB) string {
		return signedWith(func() signing { return signing{EditInfo: edit} })
	}
	swapIn := func(old, with string) func(string) string {
		return func(s string) string {
			if !strings.Contains(s, old) {
				panic("nothing to replace: " + old)
			}
			return strings.Replace(s, old, with, 1)
		}
	}
	return []refuseCase{
		{name: "unsigned", want: ReasonUnsigned, message: func(testing.TB) string { return newParts().Response() }},
		{name: "unknown key with its own certificate", want: ReasonUnknownCertificate,
			message: attacker(func(s *signing) { s.KeyInfo = keys().Attacker.Cert })},
		{name: "unknown key with the trusted certificate pasted in", want: ReasonSignatureInvalid,
			message: attacker(func(s *signing) { s.KeyInfo = keys().IdP.Cert })},
		{name: "unknown key without KeyInfo", want: ReasonSignatureInvalid, message: attacker(func(*signing) {})},
		{name: "another organization's IdP with our issuer", want: ReasonUnknownCertificate,
			message: signedWith(func() signing { return signing{By: keys().Second, KeyInfo: keys().Second.Cert} })},
		{name: "content changed after signing", want: ReasonContentChanged,
			message: tampered("alice@example.com", "admin@example.com")},
		{name: "content of a signed Response changed", want: ReasonContentChanged, message: func(t testing.TB) string {
			return replace(t, sign(t, newParts().Response(), "Response", signing{}), "alice@example.com",
				"admin@example.com")
		}},
		{name: "good Response signature around a bad assertion signature", want: ReasonSignatureInvalid,
			message: func(t testing.TB) string {
				return sign(t, sign(t, newParts().Response(), "Assertion", signing{By: keys().Attacker}), "Response",
					signing{})
			}},
		{name: "SHA-1", want: ReasonWeakAlgorithm,
			message: signedWith(func() signing {
				return signing{Algorithm: dsig.RSASHA1SignatureMethod,
					Digest: samltest.DigestSHA1}
			})},
		{name: "SHA-1 in the digest alone", want: ReasonWeakAlgorithm,
			message: signedWith(func() signing { return signing{Digest: samltest.DigestSHA1} })},
		{name: "RSA of 1024 bits", want: ReasonWeakAlgorithm,
			message:    signedWith(func() signing { return signing{By: keys().Weak} }),
			connection: func(c *Connection) { c.Certificates[0] = keys().Weak.Cert }},
		{name: "HMAC with the public key", want: ReasonAlgorithm,
			message: signedWith(func() signing { return signing{Algorithm: samltest.AlgorithmHMAC} })},
		{name: "digest of an unknown kind", want: ReasonAlgorithm,
			message: signedWith(func() signing {
				return signing{Digest: "http://www.w3.org/2001/04/xmldsig-more#md5"}
			})},
		{name: "certificate expired", want: ReasonCertificateExpired,
			message:    signedWith(func() signing { return signing{By: keys().Second} }),
			connection: func(c *Connection) { c.Certificates[0] = keys().Expired.Cert }},
		{name: "empty SignatureValue", want: ReasonSignatureEmpty, message: sig(func(s string) string {
			from, to := strings.Index(s, "<ds:SignatureValue>")+len("<ds:SignatureValue>"),
				strings.Index(s, "</ds:SignatureValue>")
			return s[:from] + s[to:]
		})},
		{name: "empty Signature", want: ReasonSignatureShape,
			message: sig(func(string) string { return `<ds:Signature xmlns:ds="` + nsDsig + `"/>` })},
		{name: "removed signature", want: ReasonUnsigned, message: sig(func(string) string { return "" })},
		{name: "two SignedInfo", want: ReasonSignatureShape, message: sig(func(s string) string {
			from, to := strings.Index(s, "<ds:SignedInfo>"),
				strings.Index(s, "</ds:SignedInfo>")+len("</ds:SignedInfo>")
			return s[:from] + s[from:to] + s[from:]
		})},
		{name: "two Signatures", want: ReasonSignatureShape, message: sig(func(s string) string { return s + s })},
		{name: "Object in the Signature", want: ReasonSignatureShape,
			message: sig(swapIn("</ds:Signature>", "<ds:Object/></ds:Signature>"))},
		{name: "children of Signature in another namespace", want: ReasonSignatureShape,
			message: sig(swapIn("<ds:SignedInfo>", `<ds:SignedInfo xmlns:ds="urn:other">`))},
		{name: "comment inside DigestValue", want: ReasonComment,
			message: sig(swapIn("<ds:DigestValue>", "<ds:DigestValue><!-- x -->"))},
		{name: "digest replaced to fit other content", want: ReasonSignatureInvalid,
			message: sig(swapIn("<ds:DigestValue>", "<ds:DigestValue>AAAA"))},
		{name: "Reference to nothing", want: ReasonReference,
			message: signedWith(func() signing { return signing{URI: "#_nothing"} })},
		{name: "Reference to another element", want: ReasonReference,
			message: signedWith(func() signing { return signing{URI: "#_resp1"} })},
		{name: "Reference without URI", want: ReasonReference, message: info(swapIn(` URI="#_assert1"`, ""))},
		{name: "empty URI", want: ReasonReference, message: info(swapIn(`#_assert1`, ""))},
		{name: "two References", want: ReasonReference, message: info(func(s string) string {
			from, to := strings.Index(s, "<ds:Reference"), strings.Index(s, "</ds:Reference>")+len("</ds:Reference>")
			return s[:from] + s[from:to] + s[from:]
		})},
		{name: "no assertion ID", want: ReasonReference, message: func(t testing.TB) string {
			return sign(t, replace(t, newParts().Response(), ` ID="_assert1"`, ""), "Assertion", signing{URI: "#"})
		}},
		{name: "added transform", want: ReasonTransforms, message: signedWith(func() signing {
			return signing{Transforms: samltest.Enveloped + samltest.Exclusive +
				`<ds:Transform Algorithm="http://www.w3.org/TR/1999/REC-xslt-19991116"/>`}
		})},
		{name: "XPath transform in front", want: ReasonTransforms, message: signedWith(func() signing {
			return signing{Transforms: `<ds:Transform Algorithm="http://www.w3.org/TR/1999/REC-xpath-19991116"/>` +
				samltest.Exclusive}
		})},
		{name: "inclusive canonicalization", want: ReasonTransforms, message: signedWith(func() signing {
			return signing{Transforms: samltest.Enveloped +
				`<ds:Transform Algorithm="http://www.w3.org/TR/2001/REC-xml-c14n-20010315"/>`}
		})},
		{name: "enveloped-signature twice", want: ReasonTransforms,
			message: signedWith(func() signing {
				return signing{Transforms: samltest.Enveloped +
					samltest.Enveloped}
			})},
		{name: "missing enveloped-signature", want: ReasonTransforms,
			message: signedWith(func() signing { return signing{Transforms: samltest.Exclusive} })},
		{name: "missing canonicalization", want: ReasonTransforms,
			message: signedWith(func() signing { return signing{Transforms: samltest.Enveloped} })},
		{name: "no Transforms", want: ReasonTransforms, message: info(func(s string) string {
			return s[:strings.Index(s, "<ds:Transforms>")] + s[strings.Index(s, "<ds:DigestMethod"):]
		})},
		{name: "unknown canonicalization of SignedInfo", want: ReasonTransforms, message: func(t testing.TB) string {
			return replace(t, signed(t, nil),
				`CanonicalizationMethod Algorithm="http://www.w3.org/2001/10/xml-exc-c14n#"`,
				`CanonicalizationMethod Algorithm="urn:none"`)
		}},
		{name: "Signature after what it signs", want: ReasonMisplacedSignature, message: func(t testing.TB) string {
			m := signed(t, nil)
			from, to := strings.Index(m, "<ds:Signature "), strings.Index(m, "</ds:Signature>")+len("</ds:Signature>")
			return replace(t, m[:from]+m[to:], "</saml:Assertion>", m[from:to]+"</saml:Assertion>")
		}},
		{name: "giant Signature", want: ReasonSignatureShape, message: sig(func(s string) string {
			return strings.Replace(s, "</ds:Signature>",
				"<ds:KeyInfo>"+strings.Repeat("x", maxSignatureBytes)+"</ds:KeyInfo></ds:Signature>", 1)
		})},
	}
}

// wrappingCases: XML signature wrapping (Somorovsky et al., "On Breaking SAML").
func wrappingCases() []refuseCase {
	cut := func(t testing.TB, m, open, end string) (before, piece, after string) {
		from, to := strings.Index(m, open), strings.LastIndex(m, end)
		if from < 0 || to < 0 {
			t.Fatalf("no %s", open)
		}
		to += len(end)
		return m[:from], m[from:to], m[to:]
	}
	parts := func(t testing.TB) (before, assertion, after string) {
		return cut(t, signed(t, nil), "<saml:Assertion", "</saml:Assertion>")
	}
	wrapped := func(around func(assertion string) string) func(testing.TB) string {
		return func(t testing.TB) string {
			before, assertion, after := parts(t)
			return before + around(assertion) + after
		}
	}
	signatureOf := func(a string) (without, signature string) {
		from, to := strings.Index(a, "<ds:Signature "), strings.Index(a, "</ds:Signature>")+len("</ds:Signature>")
		return a[:from] + a[to:], a[from:to]
	}
	into := func(a, inner string) string {
		return strings.Replace(a, "</saml:Issuer>", "</saml:Issuer>"+inner, 1)
	}
	evilOpen := strings.TrimSuffix(evilAssertion, "</saml:Assertion>")
	return []refuseCase{
		{name: "1: signed Response inside an evil Response's Signature", want: ReasonUnexpected,
			message: func(t testing.TB) string {
				m := sign(t, newParts().Response(), "Response", signing{})
				_, signature := signatureOf(m)
				return strings.Replace(newParts().ResponseOpen, "_resp1", "_evilresp", 1) + newParts().ResponseIssuer +
					strings.Replace(signature, "</ds:Signature>",
						"<ds:Object>"+strings.Replace(m, signature, "", 1)+"</ds:Object></ds:Signature>", 1) +
					newParts().Status + evilAssertion + "</samlp:Response>"
			}},
		{name: "2: evil Response with the signed one as a child", want: ReasonUnexpected,
			message: func(t testing.TB) string {
				return strings.Replace(newParts().ResponseOpen, "_resp1", "_evilresp", 1) + newParts().ResponseIssuer +
					newParts().Status + sign(t, newParts().Response(), "Response", signing{}) + "</samlp:Response>"
			}},
		{name: "3: evil sibling before", want: ReasonSeveral,
			message: wrapped(func(a string) string { return evilAssertion + a })},
		{name: "3b: evil sibling after", want: ReasonSeveral,
			message: wrapped(func(a string) string { return a + evilAssertion })},
		{name: "4: signed assertion wrapped in the evil one", want: ReasonMisplaced,
			message: wrapped(func(a string) string { return evilOpen + a + "</saml:Assertion>" })},
		{name: "5: evil assertion with the signature, the signed one behind it", want: ReasonSeveral,
			message: wrapped(func(a string) string {
				without, signature := signatureOf(a)
				return into(evilAssertion, signature) + without
			})},
		{name: "5b: evil assertion with the original's signature alone", want: ReasonReference,
			message: wrapped(func(a string) string {
				_, signature := signatureOf(a)
				return into(evilAssertion, signature)
			})},
		{name: "6: signed assertion inside the evil one's Signature", want: ReasonMisplaced,
			message: wrapped(func(a string) string {
				without, signature := signatureOf(a)
				return into(evilAssertion, strings.Replace(signature, "</ds:Signature>", without+"</ds:Signature>", 1))
			})},
		{name: "7: signed assertion in Extensions", want: ReasonMisplaced, message: wrapped(func(a string) string {
			return "<samlp:Extensions>" + a + "</samlp:Extensions>" + evilAssertion
		})},
		{name: "8: signed assertion in Object", want: ReasonMisplaced, message: wrapped(func(a string) string {
			without, signature := signatureOf(a)
			return into(evilAssertion, strings.Replace(signature, "</ds:Signature>",
				"<ds:Object>"+without+"</ds:Object></ds:Signature>", 1))
		})},
		{name: "two assertions, both well signed", want: ReasonSeveral, message: wrapped(func(a string) string {
			return a + strings.ReplaceAll(a, "_assert1", "_assert2")
		})},
		{name: "the same signed assertion twice", want: ReasonDuplicateID, message: func(t testing.TB) string {
			before, a, after := parts(t)
			return before + strings.Replace(evilAssertion, "_evil", "_assert1", 1) + a + after
		}},
		{name: "a signed assertion hidden in StatusDetail", want: ReasonMisplaced, message: func(t testing.TB) string {
			_, a, _ := parts(t)
			p := newParts()
			return p.ResponseOpen + p.ResponseIssuer + replace(t, p.Status, "</samlp:Status>",
				"<samlp:StatusDetail>"+a+"</samlp:StatusDetail></samlp:Status>") + "</samlp:Response>"
		}},
		{name: "assertion in another namespace", want: ReasonMisplaced, message: func(t testing.TB) string {
			return replace(t, signed(t, nil), "<saml:Assertion ", `<saml:Assertion xmlns:saml="urn:other" `)
		}},
		{name: "Assertion and EncryptedAssertion", want: ReasonSeveral,
			message: wrapped(func(a string) string { return "<saml:EncryptedAssertion/>" + a })},
		{name: "attribute ID under a prefix in front of the ID", want: ReasonContentChanged,
			message: func(t testing.TB) string {
				return replace(t, signed(t, nil), `<saml:Assertion ID=`,
					`<saml:Assertion xmlns:x="urn:x" x:ID="_other" ID=`)
			}},
	}
}

func TestRefuse(t *testing.T) {
	for area, cases := range map[string][]refuseCase{
		"signature": signatureCases(), "wrapping": wrappingCases(), "xml": xmlCases(), "content": contentCases(),
		"request": requestCases(),
	} {
		for _, c := range cases {
			t.Run(area+"/"+c.name, func(t *testing.T) {
				connection := testConnection()
				if c.connection != nil {
					c.connection(connection)
				}
				r, refusal := connection.Verify([]byte(c.message(t)), testNow)
				if refusal == nil {
					t.Fatalf("accepted, want a refusal with %s", c.want)
				}
				if refusal.Reason != c.want {
					t.Errorf("refused with %v, want %s", refusal, c.want)
				}
				for _, s := range refusal.Explanation {
					if s.Key != string(c.want) && !strings.HasPrefix(s.Key, string(c.want)+".") {
						t.Errorf("it is explained by %q", s.Key)
					}
				}
				if len(refusal.Explanation) == 0 {
					t.Error("it is not explained")
				}
				if verified := area == "content" || area == "request"; r.Verified != verified &&
					refusal.Reason != ReasonEncrypted {
					t.Errorf("Verified = %t", r.Verified)
				}
				if !r.Verified && r.Assertion != nil {
					t.Error("an assertion was handed out without a signature")
				}
				failed := 0
				for _, check := range r.Checks {
					if !check.OK {
						failed++
					}
				}
				if failed == 0 && (r.Verified ||
					(area == "signature" && c.want != ReasonUnsigned && c.want != ReasonMisplacedSignature &&
						c.want != ReasonComment && c.name != "two Signatures")) {
					t.Errorf("no check says what is wrong: %+v", r.Checks)
				}
			})
		}
	}
}

// requestCases: whose request is answered. Consumed ones are the transaction's.
func requestCases() []refuseCase {
	answer := func(id string) func(testing.TB) string {
		return func(t testing.TB) string {
			return sign(t, strings.ReplaceAll(newParts().Response(), samltest.Request, id), "Assertion", signing{})
		}
	}
	judged := map[string]Reason{"_other": ReasonRequestUnknown, "_foreign": ReasonRequestForeign,
		"_late": ReasonRequestExpired}
	with := func(c *Connection) {
		c.CheckRequest = func(id string, _ time.Time) (time.Time, *Refusal) {
			return time.Time{}, Refuse(cmp.Or(judged[id], ReasonRequestUnknown))
		}
	}
	unsolicited := func(t testing.TB, p *parts) {
		p.Subject = replace(t, p.Subject, ` InResponseTo="`+samltest.Request+`"`, "")
	}
	return []refuseCase{
		{name: "unknown", want: ReasonRequestUnknown, message: answer("_invented"), connection: with},
		{name: "of another organization", want: ReasonRequestUnknown, message: answer("_other"), connection: with},
		{name: "of another connection", want: ReasonRequestForeign, message: answer("_foreign"), connection: with},
		{name: "expired", want: ReasonRequestExpired, message: answer("_late"), connection: with},
		{name: "no verifier", want: ReasonRequestUnknown, message: answer("_x"),
			connection: func(c *Connection) { c.CheckRequest = nil }},
		{name: "IdP-initiated", want: ReasonIdPInitiated, message: edited(func(t testing.TB, p *parts) {
			unsolicited(t, p)
			p.ResponseOpen = replace(t, p.ResponseOpen, ` InResponseTo="`+samltest.Request+`"`, "")
		})},
		{name: "an unsolicited assertion with an InResponseTo put on the Response", want: ReasonInResponseTo,
			message:    edited(unsolicited),
			connection: func(c *Connection) { c.AllowIdPInitiated = true }},
		{name: "Response and assertion differ", want: ReasonInResponseTo, message: edited(func(t testing.TB, p *parts) {
			p.ResponseOpen = replace(t, p.ResponseOpen, samltest.Request, "_request2")
		})},
		{name: "IdP-initiated allowed, but it answers somebody else's request", want: ReasonRequestUnknown,
			message: answer("_invented"), connection: func(c *Connection) {
				with(c)
				c.AllowIdPInitiated = true
			}},
	}
}
