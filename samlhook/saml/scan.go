package saml

import (
	"bytes"
	"fmt"
	"unicode/utf8"
)

// outline is what one pass over the bytes of a message shows before anything is
// built from them. Offsets are into message.
type outline struct {
	message    []byte // without a byte order mark
	response   span   // start tag of Response
	assertion  span   // start tag of the one Assertion; empty when there is none
	encrypted  bool   // the one assertion is an EncryptedAssertion
	signatures []signatureSpan
	elements   int
}

type span struct{ from, to int }

// signatureSpan is a Signature element, whole, and whose child it is.
type signatureSpan struct {
	span
	parent string // "Response" or "Assertion"
}

// maxScope bounds attributes of one element and namespace declarations in scope:
// canonicalization costs their product.
const maxScope = 48

// scan judges the bytes of a message without building anything: well-formed
// enough that no two parsers can disagree, inside the limits, with IDs that are
// unique, and with assertions and signatures only where the SAML schema has them.
// It is stricter than XML: no comment, no instruction, no DOCTYPE.
func scan(message []byte, limits Limits) (*outline, error) {
	if len(message) > limits.Bytes {
		return nil, Refuse(ReasonTooLarge, fmt.Sprintf("The message is larger than %d bytes.", limits.Bytes))
	}
	if !utf8.Valid(message) {
		return nil, Refuse(ReasonNotUTF8, "The message is not UTF-8.")
	}
	s := &scanner{in: bytes.TrimPrefix(message, []byte("\xef\xbb\xbf")), limits: limits, ids: map[string]struct{}{}}
	s.out.message = s.in
	if err := s.declaration(); err != nil {
		return nil, err
	}
	for s.pos < len(s.in) {
		var err error
		if s.in[s.pos] == '<' {
			err = s.markup()
		} else {
			err = s.text()
		}
		if err != nil {
			return nil, err
		}
	}
	if len(s.open) > 0 || s.out.elements == 0 {
		return nil, s.malformed("the message ends too early")
	}
	return &s.out, nil
}

type scanner struct {
	in       []byte
	pos      int
	limits   Limits
	open     []element
	bindings []binding
	ids      map[string]struct{}
	topSeen  []string // children of Response so far
	attrs    []attribute
	out      outline
}

type element struct {
	name     []byte // as written, with its prefix
	space    string
	local    string
	bindings int // namespace declarations in scope before it
	children int
	sig      int // 1 + index in out.signatures
}

type binding struct {
	prefix, uri string
}

type attribute struct {
	name, value []byte
}

func (s *scanner) malformed(what string) *Refusal {
	return Refuse(ReasonMalformed, fmt.Sprintf("The message is not well-formed XML at byte %d: %s.", s.pos, what))
}

// declaration skips an XML declaration, which must not promise another encoding.
func (s *scanner) declaration() error {
	if !bytes.HasPrefix(s.in, []byte("<?xml ")) {
		return nil
	}
	end := bytes.Index(s.in[:min(len(s.in), 200)], []byte("?>"))
	if end < 0 {
		return s.malformed("the XML declaration does not end")
	}
	inner := bytes.ToLower(s.in[:end])
	if i := bytes.Index(inner, []byte("encoding")); i >= 0 && !bytes.Contains(inner[i:], []byte("utf-8")) {
		return Refuse(ReasonNotUTF8, "The message declares an encoding other than UTF-8.")
	}
	s.pos = end + 2
	return nil
}

// text passes over character data up to the next markup.
func (s *scanner) text() error {
	end := bytes.IndexByte(s.in[s.pos:], '<')
	if end < 0 {
		end = len(s.in) - s.pos
	}
	data := s.in[s.pos : s.pos+end]
	if len(s.open) == 0 {
		if len(bytes.Trim(data, " \t\r\n")) > 0 {
			return s.malformed("text outside the root element")
		}
	} else if err := s.characters(data); err != nil {
		return err
	}
	s.pos += end
	return nil
}

// characters checks character data and attribute values: no control characters,
// and only the references that every parser resolves alike.
func (s *scanner) characters(data []byte) error {
	for i, b := range data {
		if b < 0x20 && b != '\t' && b != '\n' && b != '\r' {
			return s.malformed("a control character")
		}
		if b != '&' {
			continue
		}
		end := bytes.IndexByte(data[i:min(len(data), i+12)], ';')
		if end < 2 {
			return s.malformed("an unfinished reference")
		}
		switch ref := string(data[i+1 : i+end]); ref {
		case "amp", "lt", "gt", "quot", "apos":
		default:
			if ref[0] != '#' {
				return Refuse(ReasonEntity, "The message uses the entity &"+Clip(ref)+"; which XML does not predefine.")
			}
		}
	}
	return nil
}

func (s *scanner) markup() error {
	rest := s.in[s.pos:]
	switch {
	case bytes.HasPrefix(rest, []byte("</")):
		return s.endTag()
	case bytes.HasPrefix(rest, []byte("<!--")):
		return Refuse(ReasonComment, "The message holds an XML comment, which can hide part of a value from its reader.")
	case bytes.HasPrefix(rest, []byte("<![CDATA[")):
		end := bytes.Index(rest, []byte("]]>"))
		if end < 0 || len(s.open) == 0 {
			return s.malformed("a CDATA section that does not end or stands outside the root element")
		}
		for _, b := range rest[:end] {
			if b < 0x20 && b != '\t' && b != '\n' && b != '\r' {
				return s.malformed("a control character")
			}
		}
		s.pos += end + 3
		return nil
	case bytes.HasPrefix(rest, []byte("<!")):
		return Refuse(ReasonDoctype, "The message holds a document type declaration.")
	case bytes.HasPrefix(rest, []byte("<?")):
		return Refuse(ReasonInstruction, "The message holds a processing instruction.")
	}
	return s.startTag()
}

func (s *scanner) endTag() error {
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
	s.pop()
	return nil
}

func (s *scanner) pop() {
	top := s.open[len(s.open)-1]
	if top.sig > 0 {
		s.out.signatures[top.sig-1].to = s.pos
	}
	s.bindings = s.bindings[:top.bindings]
	s.open = s.open[:len(s.open)-1]
}

// startTag reads a start tag, resolves its names and gives it its place.
func (s *scanner) startTag() error {
	from := s.pos
	s.pos++
	if len(s.open) == 0 && s.out.elements > 0 {
		return s.malformed("a second root element")
	}
	if s.out.elements++; s.out.elements > s.limits.Elements {
		return Refuse(ReasonTooManyElements, fmt.Sprintf("The message has more than %d elements.", s.limits.Elements))
	}
	if len(s.open) == s.limits.Depth {
		return Refuse(ReasonTooDeep, fmt.Sprintf("Elements are nested deeper than %d.", s.limits.Depth))
	}
	name, err := s.name()
	if err != nil {
		return err
	}
	closed, err := s.attributes()
	if err != nil {
		return err
	}
	e := element{name: name, bindings: len(s.bindings)}
	if err := s.declare(); err != nil {
		return err
	}
	if e.space, e.local, err = s.resolve(name); err != nil {
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
