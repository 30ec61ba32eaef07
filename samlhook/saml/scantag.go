package saml

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
)

// attributes reads the rest of a start tag into s.attrs and says whether the
// element is empty.
func (s *scanner) attributes() (closed bool, err error) {
	s.attrs = s.attrs[:0]
	for {
		spaced := s.space()
		switch {
		case s.take('>'):
			return false, nil
		case s.take('/'):
			if !s.take('>') {
				return false, s.malformed("a tag that does not end")
			}
			return true, nil
		case !spaced:
			return false, s.malformed("a tag that does not end")
		case len(s.attrs) == maxScope:
			return false, s.malformed(fmt.Sprintf("an element with more than %d attributes", maxScope))
		}
		a, err := s.attribute()
		if err != nil {
			return false, err
		}
		for _, other := range s.attrs {
			if bytes.Equal(other.name, a.name) {
				return false, s.malformed("an attribute given twice")
			}
		}
		s.attrs = append(s.attrs, a)
	}
}

func (s *scanner) attribute() (attribute, error) {
	name, err := s.name()
	if err != nil {
		return attribute{}, err
	}
	s.space()
	if !s.take('=') {
		return attribute{}, s.malformed("an attribute without a value")
	}
	s.space()
	if s.pos >= len(s.in) || (s.in[s.pos] != '"' && s.in[s.pos] != '\'') {
		return attribute{}, s.malformed("an attribute value without quotes")
	}
	quote := s.in[s.pos]
	s.pos++
	end := bytes.IndexByte(s.in[s.pos:], quote)
	if end < 0 {
		return attribute{}, s.malformed("an attribute value that does not end")
	}
	value := s.in[s.pos : s.pos+end]
	if bytes.IndexByte(value, '<') >= 0 {
		return attribute{}, s.malformed("a < in an attribute value")
	}
	if err := s.characters(value); err != nil {
		return attribute{}, err
	}
	s.pos += end + 1
	return attribute{name, value}, nil
}

// declare brings the namespace declarations of the element into scope.
func (s *scanner) declare() error {
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
		case len(s.bindings) == maxScope:
			return s.malformed(fmt.Sprintf("more than %d namespace declarations in scope", maxScope))
		}
		s.bindings = append(s.bindings, binding{prefix, string(a.value)})
	}
	return nil
}

// resolve splits a qualified name and finds its namespace.
func (s *scanner) resolve(name []byte) (space, local string, err error) {
	prefix, local, found := strings.Cut(string(name), ":")
	if !found {
		prefix, local = "", prefix
	}
	for i := len(s.bindings) - 1; i >= 0; i-- {
		if s.bindings[i].prefix == prefix {
			return s.bindings[i].uri, local, nil
		}
	}
	if prefix != "" && prefix != "xml" {
		return "", "", s.malformed("a prefix that is not declared")
	}
	return "", local, nil
}

// identify checks the prefixes of the attributes and that an ID is used once.
func (s *scanner) identify() error {
	for _, a := range s.attrs {
		prefix, local, prefixed := strings.Cut(string(a.name), ":")
		if prefixed && prefix != "xmlns" {
			if _, _, err := s.resolve(a.name); err != nil {
				return err
			}
		}
		if !prefixed {
			prefix, local = "", prefix
		}
		if !strings.EqualFold(local, "id") || (prefix != "" && prefix != "xml") {
			continue
		}
		if bytes.IndexByte(a.value, '&') >= 0 {
			return s.malformed("a reference in an ID")
		}
		id := string(a.value)
		if _, used := s.ids[id]; used {
			return Refuse(ReasonDuplicateID, "Two elements of the message have the ID "+Clip(id)+".")
		}
		s.ids[id] = struct{}{}
	}
	return nil
}

// place holds a message to the shape in which nothing can be confused: assertions
// only as the one child of Response, signatures only in front of what they sign.
func (s *scanner) place(e *element, tag span) error {
	depth := len(s.open)
	if depth == 0 {
		if e.local != "Response" || e.space != nsProtocol {
			return Refuse(ReasonNotResponse, "The message is not a SAML 2.0 Response but "+Clip(e.local)+".")
		}
		s.out.response = tag
		return nil
	}
	parent := &s.open[depth-1]
	switch e.local {
	case "Assertion", "EncryptedAssertion":
		if depth != 1 || e.space != nsAssertion {
			return Refuse(ReasonMisplaced, "An assertion stands inside "+Clip(parent.local)+" instead of directly in the Response.")
		}
		if s.out.assertion.to > 0 || s.out.encrypted {
			return Refuse(ReasonSeveral, "The Response holds more than one assertion.")
		}
		if e.local == "Assertion" {
			s.out.assertion = tag
		} else {
			s.out.encrypted = true
		}
		return nil
	case "Response":
		return Refuse(ReasonUnexpected, "A Response stands inside "+Clip(parent.local)+".")
	case "Signature":
		// An Assertion is only ever the child of Response.
		above := depth == 1 || parent.local == "Assertion"
		for _, other := range s.out.signatures {
			if above && other.parent == parent.local {
				return Refuse(ReasonSignatureShape, "The "+parent.local+" has two signatures.")
			}
		}
		if !above || e.space != nsDsig || parent.children > 1 {
			return Refuse(ReasonMisplacedSignature, "A Signature stands inside "+Clip(parent.local)+" where SAML has none: it belongs right after the Issuer of a Response or Assertion.")
		}
		s.out.signatures = append(s.out.signatures, signatureSpan{span{tag.from, tag.to}, parent.local})
		e.sig = len(s.out.signatures)
		return nil
	}
	if depth > 1 {
		return nil
	}
	legal := (e.local == "Issuer" && e.space == nsAssertion) || ((e.local == "Status" || e.local == "Extensions") && e.space == nsProtocol)
	if !legal || slices.Contains(s.topSeen, e.local) {
		return Refuse(ReasonUnexpected, "The Response holds "+Clip(e.local)+", which SAML does not have there or only once.")
	}
	s.topSeen = append(s.topSeen, e.local)
	return nil
}

// name reads a name: an optional prefix, one colon, a local part.
func (s *scanner) name() ([]byte, error) {
	from, colon := s.pos, -1
	for s.pos < len(s.in) {
		b := s.in[s.pos]
		if b == ':' {
			if colon >= 0 {
				return nil, s.malformed("a name with two colons")
			}
			colon = s.pos
		} else if !isNameByte(b) {
			break
		}
		s.pos++
	}
	name := s.in[from:s.pos]
	if len(name) == 0 || !isNameStart(name[0]) || (colon >= 0 && (colon+1 >= s.pos || !isNameStart(s.in[colon+1]))) {
		return nil, s.malformed("a name that XML does not allow")
	}
	return name, nil
}

func isNameStart(b byte) bool {
	return b >= 'a' && b <= 'z' || b >= 'A' && b <= 'Z' || b == '_' || b >= 0x80
}

func isNameByte(b byte) bool {
	return isNameStart(b) || b >= '0' && b <= '9' || b == '-' || b == '.'
}

// space skips white space and says whether there was any.
func (s *scanner) space() bool {
	from := s.pos
	for s.pos < len(s.in) && strings.IndexByte(" \t\r\n", s.in[s.pos]) >= 0 {
		s.pos++
	}
	return s.pos > from
}

func (s *scanner) take(b byte) bool {
	if s.pos < len(s.in) && s.in[s.pos] == b {
		s.pos++
		return true
	}
	return false
}
