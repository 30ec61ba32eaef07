package saml

import (
	"bytes"
	"slices"
)

// declare brings the namespace declarations of the element into scope.
func (s *scanner) declare() *Refusal {
	for _, a := range s.attrs {
		prefix, isDeclaration := "", string(a.name) == "xmlns"
		if rest, ok := bytes.CutPrefix(a.name, []byte("xmlns:")); ok {
			prefix, isDeclaration = string(rest), true
		}
		if !isDeclaration {
			continue
		}
		switch {
		case prefix == "xml" || prefix == "xmlns" || (prefix != "" && len(a.value) == 0):
			return s.malformed("a namespace declaration that XML forbids")
		case bytes.IndexByte(a.value, '&') >= 0:
			return s.malformed("a reference in a namespace declaration")
		case len(a.value) > 0 && !isAbsolute(a.value):
			return s.malformed("a relative namespace, which has no canonical form")
		case len(s.bindings) == maxScope:
			return s.malformed("too many namespace declarations in scope")
		}
		s.bindings = append(s.bindings, binding{prefix, string(a.value)})
	}
	return nil
}

// isAbsolute reports whether a URI begins with a scheme (RFC 3986 §3.1). Canonical XML §1.3 has no form for relative
// namespaces, and implementations differ in what they make of them.
func isAbsolute(uri []byte) bool {
	for i, b := range uri {
		letter := b|0x20 >= 'a' && b|0x20 <= 'z'
		switch {
		case b == ':':
			return i > 0
		case !letter && (i == 0 || (b < '0' || b > '9') && b != '+' && b != '-' && b != '.'):
			return false
		}
	}
	return false
}

// namespace is that of a prefix, which may be empty.
func (s *scanner) namespace(prefix []byte) (string, *Refusal) {
	for _, b := range slices.Backward(s.bindings) {
		if b.prefix == string(prefix) {
			return b.uri, nil
		}
	}
	if len(prefix) > 0 && string(prefix) != "xml" {
		return "", s.malformed("a prefix that is not declared")
	}
	return "", nil
}

// split takes a qualified name apart; the prefix may be empty.
func split(name []byte) (prefix, local []byte) {
	if prefix, local, found := bytes.Cut(name, []byte(":")); found {
		return prefix, local
	}
	return nil, name
}

// identify checks that the prefixes of the attributes are declared and that an ID is used once.
func (s *scanner) identify() *Refusal {
	for _, a := range s.attrs {
		prefix, local := split(a.name)
		if len(prefix) > 0 && string(prefix) != "xmlns" {
			if _, err := s.namespace(prefix); err != nil {
				return err
			}
		}
		if !bytes.EqualFold(local, []byte("id")) || (len(prefix) > 0 && string(prefix) != "xml") {
			continue
		}
		if bytes.IndexByte(a.value, '&') >= 0 {
			return s.malformed("a reference in an ID")
		}
		id := string(a.value)
		if _, used := s.ids[id]; used {
			return Refuse(ReasonDuplicateID, Say("duplicate_id", "id", Clip(id)))
		}
		s.ids[id] = struct{}{}
	}
	return nil
}

// place holds a message to the shape in which nothing can be confused: assertions only as the one child of Response,
// signatures only in front of what they sign.
func (s *scanner) place(e *element, tag span) *Refusal {
	depth := len(s.open)
	if depth == 0 {
		if e.local != "Response" || e.space != nsProtocol {
			return Refuse(ReasonNotResponse, Say("not_a_response", "element", Clip(e.local)))
		}
		s.out.response = tag
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

func (s *scanner) placeAssertion(e, parent *element, tag span) *Refusal {
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
func (s *scanner) placeCipher(e *element, tag span) *Refusal {
	if len(s.open) < 2 || s.open[1].local != "EncryptedAssertion" {
		return nil // of something else that is encrypted
	}
	inside := slices.ContainsFunc(s.open, func(e element) bool { return e.cipher > 0 })
	if inside || len(s.out.ciphers) == maxCipherValues {
		return Refuse(ReasonEncryptionShape, Say("encryption_shape.ciphers"))
	}
	s.out.ciphers = append(s.out.ciphers, span{tag.to, tag.to})
	e.cipher = len(s.out.ciphers)
	return nil
}

func (s *scanner) placeSignature(e, parent *element, tag span) *Refusal {
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
	s.out.signatures = append(s.out.signatures, signatureSpan{tag, parent.local})
	e.sig = len(s.out.signatures)
	return nil
}
