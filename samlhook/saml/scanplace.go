package saml

import "slices"

// place holds a message to the shape in which nothing can be confused: assertions only as the one child of Response,
// signatures only in front of what they sign.
func (s *scanner) place(e *openElement, tag span) *Refusal {
	depth := len(s.open)
	if depth == 0 {
		if e.local != "Response" || e.space != nsProtocol {
			return Refuse(ReasonNotResponse, Say("not_a_response", "element", Clip(e.local)))
		}
		s.out.response, s.out.scope = tag, slices.Clone(s.scope)
		return nil
	}
	parent := &s.open[depth-1]
	switch e.local {
	case "Assertion", "EncryptedAssertion":
		return s.placeAssertion(e, parent, tag)
	case "Response":
		return Refuse(ReasonUnexpected, Say("unexpected_element.response", "parent", Clip(parent.local)))
	case "Signature":
		return s.placeSignature(e, parent, tag)
	case "CipherValue":
		return s.placeCipher(e, tag)
	}
	if depth > 1 {
		return nil
	}

	// What else may be a child of Response, each once.
	legal := (e.local == "Issuer" && e.space == nsAssertion) ||
		((e.local == "Status" || e.local == "Extensions") && e.space == nsProtocol)
	if !legal || slices.Contains(s.topSeen, e.local) {
		return Refuse(ReasonUnexpected, Say("unexpected_element", "element", Clip(e.local)))
	}
	s.topSeen = append(s.topSeen, e.local)
	return nil
}

func (s *scanner) placeAssertion(e, parent *openElement, tag span) *Refusal {
	if len(s.open) != 1 || e.space != nsAssertion {
		return Refuse(ReasonMisplaced, Say("misplaced_assertion", "parent", Clip(parent.local)))
	}
	if s.out.assertion.to > 0 || s.out.encrypted.to > 0 {
		return Refuse(ReasonSeveral)
	}
	if e.local == "Assertion" {
		s.out.assertion = tag
	} else {
		s.out.encrypted = tag
	}
	return nil
}

// placeCipher notes where the content of a CipherValue begins.
func (s *scanner) placeCipher(e *openElement, tag span) *Refusal {
	if len(s.open) < 2 || s.open[1].local != "EncryptedAssertion" {
		return nil // of something else that is encrypted
	}
	inside := slices.ContainsFunc(s.open, func(e openElement) bool { return e.cipher > 0 })
	if inside || len(s.out.ciphers) == maxCipherValues {
		return Refuse(ReasonEncryptionShape, Say("encryption_shape.ciphers"))
	}
	s.out.ciphers = append(s.out.ciphers, span{tag.to, tag.to})
	e.cipher = len(s.out.ciphers)
	return nil
}

func (s *scanner) placeSignature(e, parent *openElement, tag span) *Refusal {
	// An Assertion is only ever the child of Response.
	above := len(s.open) == 1 || parent.local == "Assertion"
	for _, other := range s.out.signatures {
		if above && other.parent == parent.local {
			return Refuse(ReasonSignatureShape, Say("signature_shape.two", "element", Clip(parent.local)))
		}
	}
	if !above || e.space != nsDsig || parent.children > 1 {
		return Refuse(ReasonMisplacedSignature, Say("misplaced_signature", "parent", Clip(parent.local)))
	}
	s.out.signatures = append(s.out.signatures, signatureSpan{tag, parent.local, s.enclosing(e)})
	e.sig = len(s.out.signatures)
	return nil
}

// enclosing are the declarations in scope around an element that begins.
func (s *scanner) enclosing(e *openElement) namespaces { return slices.Clone(s.scope[:e.scope]) }
