package saml

import (
	"bytes"
	"strings"
	"unicode/utf8"
)

// outline is what one pass over the bytes of a message shows, before anything is built from them. Offsets are into
// message.
type outline struct {
	message      string     // without a byte order mark
	response     span       // start tag of Response
	scope        namespaces // in scope inside Response
	assertion    span       // start tag of the one Assertion; empty if there is none
	assertionEnd int        // where that Assertion ends
	encrypted    span       // the EncryptedAssertion that stands in its place; empty if there is none
	ciphers      []span     // the contents of the CipherValues inside it
	signatures   []signatureSpan
	elements     int
}

type span struct{ from, to int }

// signatureSpan is a whole Signature element.
type signatureSpan struct {
	span
	parent string     // whose child it is: "Response" or "Assertion"
	scope  namespaces // in scope inside of that
}

// scan judges the bytes of a message without building anything. What it passes is well-formed (tokens.go), within the
// limits, with unique IDs, and with assertions and signatures only where the SAML schema has them.
func scan(message []byte, limits Limits) (*outline, *Refusal) {
	if len(message) > limits.Bytes {
		return nil, Refuse(ReasonTooLarge, Say("too_large", "limit", limits.Bytes))
	}
	if !utf8.Valid(message) {
		return nil, Refuse(ReasonNotUTF8)
	}
	s := newScanner(message, limits)
	if err := s.scan(); err != nil {
		return nil, err
	}
	if len(s.open) > 0 || s.out.elements == 0 {
		return nil, s.malformed("it ends too early")
	}
	return &s.out, nil
}

// scanner is a scan under way.
type scanner struct {
	tokens
	limits  Limits
	open    []openElement // from the root to where the scanner is
	scope   namespaces    // declarations in scope
	ids     map[string]struct{}
	topSeen []string // children of Response so far
	out     outline
}

// openElement is an element whose end tag has not come yet.
type openElement struct {
	name     string // as written
	space    string
	local    string
	scope    int // declarations in scope before it
	children int
	sig      int // 1 + index in out.signatures
	cipher   int // 1 + index in out.ciphers
}

func newScanner(message []byte, limits Limits) *scanner {
	in := string(bytes.TrimPrefix(message, []byte("\xef\xbb\xbf")))
	return &scanner{tokens: tokens{in: in}, limits: limits, ids: map[string]struct{}{}, out: outline{message: in}}
}

// scan passes over the whole message.
func (s *scanner) scan() *Refusal {
	if err := s.declaration(); err != nil {
		return err
	}
	for s.pos < len(s.in) {
		t, err := s.next()
		if err != nil {
			return err
		}
		switch t.kind {
		case startToken:
			err = s.startTag(t)
		case endToken:
			err = s.endTag(t)
		case textToken:
			if len(s.open) == 0 && strings.Trim(t.text, " \t\r\n") != "" {
				err = s.malformed("text outside the root element")
			}
		case cdataToken:
			if len(s.open) == 0 {
				err = s.malformed("a CDATA section that does not end or stands outside the root element")
			}
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// declaration skips an XML declaration, which must not promise another version or encoding.
func (s *scanner) declaration() *Refusal {
	if !strings.HasPrefix(s.in, "<?xml ") {
		return nil
	}
	end := strings.Index(s.in[:min(len(s.in), 200)], "?>")
	if end < 0 {
		return s.malformed("the XML declaration does not end")
	}
	inner := strings.ToLower(s.in[:end])
	if i := strings.Index(inner, "encoding"); i >= 0 && !strings.Contains(inner[i:], "utf-8") {
		return Refuse(ReasonNotUTF8, Say("not_utf8.declared"))
	}
	if i := strings.Index(inner, "version"); i >= 0 && !strings.Contains(inner[i:], "1.0") {
		return s.malformed("a version of XML other than 1.0")
	}
	s.pos = end + 2
	return nil
}

// startTag resolves the names of a start tag and checks that it may stand where it does.
func (s *scanner) startTag(t token) *Refusal {
	if err := s.mayOpen(); err != nil {
		return err
	}

	// Its own declarations are in scope for its name and its attributes.
	e := openElement{name: t.name.whole, local: t.name.local(), scope: len(s.scope)}
	var err *Refusal
	if s.scope, err = s.declare(s.scope); err != nil {
		return err
	}
	if e.space, err = s.resolve(t.name.prefix(), s.scope); err != nil {
		return err
	}
	if err := s.identify(); err != nil {
		return err
	}
	if err := s.place(&e, span{t.from, s.pos}); err != nil {
		return err
	}

	if len(s.open) > 0 {
		s.open[len(s.open)-1].children++
	}
	s.open = append(s.open, e)
	if t.closed {
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

func (s *scanner) endTag(t token) *Refusal {
	if len(s.open) == 0 || s.open[len(s.open)-1].name != t.name.whole {
		return s.malformed("an end tag without its start tag")
	}
	if i := s.open[len(s.open)-1].cipher; i > 0 {
		s.out.ciphers[i-1].to = t.from
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
	s.scope = s.scope[:top.scope]
	s.open = s.open[:len(s.open)-1]
}

// identify checks that an ID is used once.
func (s *scanner) identify() *Refusal {
	for _, a := range s.attrs {
		prefix, local := a.name.prefix(), a.name.local()
		if len(local) != len("ID") || !strings.EqualFold(local, "id") || (prefix != "" && prefix != "xml") {
			continue
		}
		if strings.IndexByte(a.value, '&') >= 0 {
			return s.malformed("a reference in an ID")
		}
		if _, used := s.ids[a.value]; used {
			return Refuse(ReasonDuplicateID, Say("duplicate_id", "id", Clip(a.value)))
		}
		s.ids[a.value] = struct{}{}
	}
	return nil
}
