package saml

import (
	"crypto/x509"
	"strings"
	"time"

	"github.com/beevik/etree"
)

// Response is what a posted message turned out to be. Of a refused message it holds what is known: Assertion only when
// Verified, Checks as far as they went.
type Response struct {
	// Verified says that a signature by a certificate of the connection covers what is in Assertion, or the whole
	// Response. A refused message may be verified.
	Verified bool

	// Of the Response element; believed only when ResponseSigned.
	ID             string
	Version        string
	Issuer         string
	Destination    string
	InResponseTo   string
	IssueInstant   time.Time
	Status         Status
	ResponseSigned bool

	// SignedIDs are the IDs of what signatures cover.
	SignedIDs []string

	// Encrypted says that the assertion came encrypted.
	Encrypted bool

	Assertion *Assertion

	// Certificate signed; Algorithm is the identifier of the SignatureMethod. If both Response and assertion are
	// signed, they are those of the assertion.
	Certificate *x509.Certificate
	Algorithm   string

	Checks   []Check
	Warnings []string
}

// Verify judges a decoded message (Post.Message) as an answer for this connection at the time now: everything that
// makes it believable except that it was not used before, which only the transaction of the sign-in can know.
//
// The Response is never nil. The refusal is nil if the message is accepted.
func (c *Connection) Verify(message []byte, now time.Time) (*Response, *Refusal) {
	r := &Response{}
	o, refusal := scan(message, c.Limits.withDefaults())
	if refusal != nil {
		return r, refusal
	}
	believe := c.believe
	if r.Encrypted = o.encrypted.to > 0; r.Encrypted {
		believe = c.believeEncrypted
	}
	response, assertion, refusal := believe(r, o, now)
	if refusal != nil {
		return r, refusal
	}
	r.Verified = true

	// From here on the message is what the identity provider said; whether it is meant for us is the question.
	var list checklist
	r.read(response)
	c.checkResponse(&list, r, now)
	if assertion == nil {
		list.add("assertion", false, "Assertion", "", ReasonNoAssertion)
	} else {
		c.checkAssertion(&list, r, assertion, now)
	}
	r.Checks = append(r.Checks, list.checks...)
	return r, list.first
}

// believe verifies the signatures of a message. It returns the Response and the assertion to read; the assertion is nil
// if there is none.
func (c *Connection) believe(r *Response, o *outline, now time.Time) (response, assertion *etree.Element,
	refusal *Refusal) {
	// Signatures first, alone: what nobody signed is not parsed.
	signers, refusal := c.authenticateAll(o, now)
	if refusal != nil {
		return nil, nil, c.signatureFailed(r, refusal)
	}
	if len(signers) == 0 {
		return nil, nil, c.unsigned(r, o)
	}
	if refusal := c.usedUp(signers); refusal != nil {
		return nil, nil, refusal
	}
	root, refusal := parse(o.message)
	if refusal != nil {
		return nil, nil, refusal
	}
	if response, assertion, refusal = r.verifyAll(root, signers, o.assertion.to > 0); refusal != nil {
		return nil, nil, c.signatureFailed(r, refusal)
	}
	return response, assertion, nil
}

// parse builds a tree of a message that passed the scan.
func parse(message []byte) (*etree.Element, *Refusal) {
	doc := etree.NewDocument()
	if err := doc.ReadFromBytes(message); err != nil || doc.Root() == nil {
		return nil, Refuse(ReasonMalformed)
	}
	return doc.Root(), nil
}

// usedUp refuses a message of which a signed part is known to be used.
func (c *Connection) usedUp(signers map[string]signer) *Refusal {
	if c.Used == nil {
		return nil
	}
	for _, by := range signers {
		if refusal := c.Used(by.id); refusal != nil {
			return refusal
		}
	}
	return nil
}

// authenticateAll judges each signature of the message by itself. One that is not genuine refuses the message, whatever
// else is signed.
func (c *Connection) authenticateAll(o *outline, now time.Time) (map[string]signer, *Refusal) {
	signers := make(map[string]signer, len(o.signatures))
	for _, s := range o.signatures {
		by, refusal := c.authenticate(o, s, now)
		if refusal != nil {
			return nil, refusal
		}
		signers[s.parent] = by
	}
	return signers, nil
}

// verifyAll checks the digests. It returns the Response to read (as received if it is not signed) and the assertion to
// read, which always comes out of a verification; nil if there is none.
func (r *Response) verifyAll(root *etree.Element, signers map[string]signer, hasAssertion bool) (
	response, assertion *etree.Element, refusal *Refusal) {
	response = root
	if by, signed := signers["Response"]; signed {
		if response, refusal = verify(root, by); refusal != nil {
			return nil, nil, refusal
		}
		r.signedBy("Response", by)
		r.ResponseSigned = true
	}
	if !hasAssertion {
		return response, nil, nil
	}

	// The one assertion is read from what was verified, or verified itself.
	found := children(response, nsAssertion, "Assertion")
	if len(found) != 1 {
		return nil, nil, Refuse(ReasonMisplaced, Say("misplaced_assertion.verified"))
	}
	by, signed := signers["Assertion"]
	if !signed {
		return response, found[0], nil
	}
	if assertion, refusal = verify(found[0], by); refusal != nil {
		return nil, nil, refusal
	}
	r.signedBy("Assertion", by)
	if assertion.Tag != "Assertion" || assertion.NamespaceURI() != nsAssertion {
		return nil, nil, Refuse(ReasonMisplaced, Say("misplaced_assertion.other"))
	}
	return response, assertion, nil
}

// signedBy notes a signature that holds.
func (r *Response) signedBy(what string, by signer) {
	r.Certificate, r.Algorithm = by.certificate, by.algorithm
	r.SignedIDs = append(r.SignedIDs, by.id)
	r.Checks = append(r.Checks, Check{Name: "signature of the " + what, OK: true,
		Received: describeCertificate(by.certificate) + ", " + by.algorithm})
	if by.sha1 {
		r.Warnings = append(r.Warnings, "The "+what+" is signed with SHA-1.")
	}
}

// signatureFailed notes a signature that does not hold, and passes the refusal on.
func (c *Connection) signatureFailed(r *Response, refusal *Refusal) *Refusal {
	var known []string
	for _, cert := range c.Certificates {
		known = append(known, describeCertificate(cert))
	}
	r.Checks = append(r.Checks,
		Check{Name: "signature", Expected: Clip(strings.Join(known, "; ")), Received: Clip(refusal.Error())})
	return refusal
}

// smallMessage bounds what is parsed of a message that nobody signed.
const smallMessage = 16 << 10

// unsigned is the refusal of a message without a signature. An identity provider that refuses the person says so in a
// small message without an assertion, often unsigned, and the administrator wants to read what it said.
func (c *Connection) unsigned(r *Response, o *outline) *Refusal {
	if o.assertion.to > 0 || len(o.message) > smallMessage {
		return Refuse(ReasonUnsigned)
	}
	root, refusal := parse(o.message)
	if refusal != nil {
		return refusal
	}
	r.read(root)
	if r.Status.Code != statusSuccess {
		return Refuse(ReasonStatus, r.Status.said())
	}
	return Refuse(ReasonNoAssertion)
}

// read fills in what the Response element says of itself.
func (r *Response) read(el *etree.Element) {
	r.ID, r.Version = attr(el, "ID"), attr(el, "Version")
	r.Destination = attr(el, "Destination")
	r.InResponseTo = attr(el, "InResponseTo")
	r.IssueInstant, _ = parseInstant(attr(el, "IssueInstant"))
	for _, issuer := range children(el, nsAssertion, "Issuer") {
		r.Issuer = trim(text(issuer))
	}
	for _, status := range children(el, nsProtocol, "Status") {
		for _, code := range children(status, nsProtocol, "StatusCode") {
			r.Status.Code = attr(code, "Value")
			for _, sub := range children(code, nsProtocol, "StatusCode") {
				r.Status.SubCode = Clip(attr(sub, "Value"))
			}
		}
		for _, message := range children(status, nsProtocol, "StatusMessage") {
			r.Status.Message = Clip(trim(text(message)))
		}
	}
}
