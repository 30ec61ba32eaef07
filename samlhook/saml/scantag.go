package saml

import (
	"bytes"
	"strings"
)

// startTag reads a start tag, resolves its names and checks that it may stand where it does.
func (s *scanner) startTag() *Refusal {
	from := s.pos
	s.pos++
	if err := s.mayOpen(); err != nil {
		return err
	}
	name, err := s.name()
	if err != nil {
		return err
	}
	closed, err := s.attributes()
	if err != nil {
		return err
	}

	// Its own declarations are in scope for its name and its attributes.
	prefix, local := split(name)
	e := element{name: name, local: string(local), bindings: len(s.bindings)}
	if err := s.declare(); err != nil {
		return err
	}
	if e.space, err = s.namespace(prefix); err != nil {
		return err
	}
	if err := s.identify(); err != nil {
		return err
	}
	if err := s.place(&e, span{from, s.pos}); err != nil {
		return err
	}

	if len(s.open) > 0 {
		s.open[len(s.open)-1].children++
	}
	s.open = append(s.open, e)
	if closed {
		s.pop()
	}
	return nil
}

// mayOpen counts another element.
func (s *scanner) mayOpen() *Refusal {
	if len(s.open) == 0 && s.out.elements > 0 {
		return s.malformed("a second root element")
	}
	if s.out.elements++; s.out.elements > s.limits.Elements {
		return Refuse(ReasonTooManyElements, Say("too_many_elements", "limit", s.limits.Elements))
	}
	if len(s.open) == s.limits.Depth {
		return Refuse(ReasonTooDeep, Say("too_deep", "limit", s.limits.Depth))
	}
	return nil
}

func (s *scanner) endTag() *Refusal {
	from := s.pos
	s.pos += 2
	name, err := s.name()
	if err != nil {
		return err
	}
	s.space()
	if !s.take('>') {
		return s.malformed("an end tag that does not end")
	}
	if len(s.open) == 0 || !bytes.Equal(s.open[len(s.open)-1].name, name) {
		return s.malformed("an end tag without its start tag")
	}
	if i := s.open[len(s.open)-1].cipher; i > 0 {
		s.out.ciphers[i-1].to = from
	}
	s.pop()
	return nil
}

// pop closes the innermost element.
func (s *scanner) pop() {
	top := s.open[len(s.open)-1]
	if top.sig > 0 {
		s.out.signatures[top.sig-1].to = s.pos
	}
	switch top.local { // only ever the child of Response
	case "Assertion":
		s.out.assertionEnd = s.pos
	case "EncryptedAssertion":
		s.out.encrypted.to = s.pos
	}
	s.bindings = s.bindings[:top.bindings]
	s.open = s.open[:len(s.open)-1]
}

// attributes reads the rest of a start tag into s.attrs and reports whether the element is empty.
func (s *scanner) attributes() (closed bool, err *Refusal) {
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
			return false, s.malformed("an element with too many attributes")
		}

		// Another attribute, whose name is new.
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

// attribute reads a name and a quoted value.
func (s *scanner) attribute() (attribute, *Refusal) {
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

	// The value goes to the same quote.
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

// name reads a name: an optional prefix, one colon, a local part.
func (s *scanner) name() ([]byte, *Refusal) {
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

// space skips white space and reports whether there was any.
func (s *scanner) space() bool {
	from := s.pos
	for s.pos < len(s.in) && strings.IndexByte(" \t\r\n", s.in[s.pos]) >= 0 {
		s.pos++
	}
	return s.pos > from
}

// take skips a byte and reports whether it was there.
func (s *scanner) take(b byte) bool {
	if s.pos < len(s.in) && s.in[s.pos] == b {
		s.pos++
		return true
	}
	return false
}
