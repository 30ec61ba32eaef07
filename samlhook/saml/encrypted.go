package saml

import (
	"time"

	"github.com/beevik/etree"
)

// believeEncrypted is believe for a message whose assertion is encrypted. A signature of the Response is verified
// before anything is decrypted; without one, the assertion must be signed inside. What was decrypted stands in the
// message as if it had come so, and passes the scan again with everything around it.
func (c *Connection) believeEncrypted(r *Response, o *outline, now time.Time) (response, assertion *etree.Element,
	refusal *Refusal) {
	if !c.WantEncrypted {
		return nil, nil, Refuse(ReasonEncrypted)
	}
	if response, refusal = c.believeOuter(r, o, now); refusal != nil {
		return nil, nil, c.signatureFailed(r, refusal)
	}
	if response != nil {
		r.Verified = true // whatever is inside
		r.read(response)
	}

	// Decrypt, and look at the whole again.
	opened, refusal := c.decrypt(o, response != nil)
	if refusal != nil {
		return nil, nil, refusal
	}
	inner, refusal := scan(opened, c.Limits.withDefaults())
	if refusal != nil || inner.assertion.from != o.encrypted.from || !inner.holdsOnly(o) {
		return nil, nil, errUndecryptable
	}
	return c.believeInner(r, inner, response, now)
}

// believeOuter returns the Response as it was signed; nil if it is not signed.
func (c *Connection) believeOuter(r *Response, o *outline, now time.Time) (*etree.Element, *Refusal) {
	signers, refusal := c.authenticateAll(o, now)
	if refusal != nil || len(signers) == 0 {
		return nil, refusal
	}
	root, refusal := parse(o.message)
	if refusal != nil {
		return nil, refusal
	}
	response, _, refusal := r.verifyAll(root, signers, false)
	return response, refusal
}

// believeInner verifies the assertion that was decrypted. response is what was signed around it; nil if nothing was.
func (c *Connection) believeInner(r *Response, o *outline, response *etree.Element, now time.Time) (
	_, assertion *etree.Element, refusal *Refusal) {
	signers, refusal := c.authenticateAll(o, now)
	if refusal != nil {
		return nil, nil, c.signatureFailed(r, refusal)
	}
	delete(signers, "Response") // it signs the message as it was encrypted
	if response == nil && len(signers) == 0 {
		return nil, nil, Refuse(ReasonUnsigned, Say("unsigned.encrypted"))
	}
	root, refusal := parse(o.message)
	if refusal != nil {
		return nil, nil, errUndecryptable
	}
	outer, assertion, refusal := r.verifyAll(root, signers, true)
	if refusal != nil {
		return nil, nil, c.signatureFailed(r, refusal)
	}
	if response != nil {
		outer = response
	}
	return outer, assertion, nil
}

// holdsOnly reports whether what was decrypted is one assertion and nothing beside it: the message has the same element
// behind it as before.
func (o *outline) holdsOnly(before *outline) bool {
	return len(o.message)-o.assertionEnd == len(before.message)-before.encrypted.to && o.encrypted.to == 0
}
