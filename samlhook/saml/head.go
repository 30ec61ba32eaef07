package saml

import (
	"bytes"
	"time"
	"unicode/utf8"
)

// Look judges the beginning of a message that is not all there yet. It says when it has seen enough and the rest can
// only be judged with the whole, or refuses the message, which is not read on then.
type Look func(head []byte) (enough bool, refusal *Refusal)

const (
	// firstHead is the size of the first beginning that is looked at, in bytes; what is smaller is judged as a whole.
	firstHead = 32 << 10
	// maxHead is within how many bytes the first signature of a message must end: it stands behind the Issuer of the
	// Response or of the assertion, and what may come before it is small.
	maxHead = 64 << 10
)

// JudgeHead refuses a large message by its beginning if Verify would refuse the whole: if it is not the beginning of a
// Response, or no key of the connection made its first signature. What it lets pass proves nothing. The checks are
// those of the signature, if it came to that.
func (c *Connection) JudgeHead(head []byte, now time.Time) (checks []Check, enough bool, refusal *Refusal) {
	o, refusal := scanHead(head, c.Limits.withDefaults())
	switch {
	case refusal != nil:
		return nil, false, refusal
	case len(o.signatures) > 0:
		r := &Response{}
		signers, refusal := c.authenticateAll(o, now)
		if refusal != nil {
			refusal = c.signatureFailed(r, refusal)
			return r.Checks, false, refusal
		}
		return nil, true, c.usedUp(signers)
	case o.encrypted.to > 0 && !c.WantEncrypted:
		return nil, false, Refuse(ReasonEncrypted)
	case o.encrypted.to > 0:
		return nil, true, nil // it may be signed inside
	case len(head) >= maxHead:
		return nil, false, Refuse(ReasonUnsigned, Say("unsigned.head", "limit", maxHead))
	}
	return nil, false, nil
}

// scanHead is a scan of the beginning of a message, up to the last markup that began in it. Signatures that have not
// ended are left out.
func scanHead(head []byte, limits Limits) (*outline, *Refusal) {
	head = head[:max(bytes.LastIndexByte(head, '<'), 0)]
	if !utf8.Valid(head) {
		return nil, Refuse(ReasonNotUTF8)
	}
	s := newScanner(head, limits)
	s.partial = true
	if refusal := s.scan(); refusal != nil {
		return nil, refusal
	}
	for _, e := range s.open {
		if e.sig > 0 {
			s.out.signatures = s.out.signatures[:e.sig-1]
		}
	}
	return &s.out, nil
}
