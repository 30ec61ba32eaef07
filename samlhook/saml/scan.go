package saml

import (
	"bytes"
	"slices"
	"unicode/utf8"
)

// outline is what one pass over the bytes of a message shows, before anything is built from them. Offsets are into
// message.
type outline struct {
	message      []byte // without a byte order mark
	response     span   // start tag of Response
	assertion    span   // start tag of the one Assertion; empty if there is none
	assertionEnd int    // where that Assertion ends
	encrypted    span   // the EncryptedAssertion that stands in its place; empty if there is none
	ciphers      []span // the contents of the CipherValues inside it
	signatures   []signatureSpan
	elements     int
}

type span struct{ from, to int }

// signatureSpan is a whole Signature element, and whose child it is.
type signatureSpan struct {
	span
	parent string // "Response" or "Assertion"
}

// maxScope bounds the attributes of one element, and the namespace declarations in scope: canonicalization costs their
// product.
const maxScope = 48

// scan judges the bytes of a message without building anything. What it passes is so well-formed that no two parsers
// can disagree, within the limits, with unique IDs, and with assertions and signatures only where the SAML schema has
// them. It is stricter than XML: no comments, no instructions, no DOCTYPE.
func scan(message []byte, limits Limits) (*outline, *Refusal) {
	if len(message) > limits.Bytes {
		return nil, Refuse(ReasonTooLarge, Say("too_large", "limit", limits.Bytes))
	}
	if !utf8.Valid(message) {
		return nil, Refuse(ReasonNotUTF8)
	}
	s := &scanner{in: bytes.TrimPrefix(message, []byte("\xef\xbb\xbf")), limits: limits, ids: map[string]struct{}{}}
	s.out.message = s.in
	if err := s.declaration(); err != nil {
		return nil, err
	}

	// Text and markup take turns.
	for s.pos < len(s.in) {
		var err *Refusal
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
		return nil, s.malformed("it ends too early")
	}
	return &s.out, nil
}

// scanner is a scan under way.
type scanner struct {
	in       []byte
	pos      int
	limits   Limits
	open     []element // from the root to where the scanner is
	bindings []binding // namespace declarations in scope
	ids      map[string]struct{}
	topSeen  []string    // children of Response so far
	attrs    []attribute // of the start tag that is being read
	out      outline
}

// element is one whose end tag has not come yet.
type element struct {
	name     []byte // as written, with its prefix
	space    string
	local    string
	bindings int // namespace declarations in scope before it
	children int
	sig      int // 1 + index in out.signatures
	cipher   int // 1 + index in out.ciphers
}

// binding is a namespace declaration.
type binding struct{ prefix, uri string }

type attribute struct{ name, value []byte }

// malformed is the refusal of a message that is not well-formed where the scanner is. The catalogue has what is wrong.
func (s *scanner) malformed(what string) *Refusal {
	return Refuse(ReasonMalformed, Say(string(ReasonMalformed)+"."+what, "byte", s.pos))
}

// declaration skips an XML declaration, which must not promise another encoding.
func (s *scanner) declaration() *Refusal {
	if !bytes.HasPrefix(s.in, []byte("<?xml ")) {
		return nil
	}
	end := bytes.Index(s.in[:min(len(s.in), 200)], []byte("?>"))
	if end < 0 {
		return s.malformed("the XML declaration does not end")
	}
	inner := bytes.ToLower(s.in[:end])
	if i := bytes.Index(inner, []byte("encoding")); i >= 0 && !bytes.Contains(inner[i:], []byte("utf-8")) {
		return Refuse(ReasonNotUTF8, Say("not_utf8.declared"))
	}
	s.pos = end + 2
	return nil
}

// text passes over character data up to the next markup.
func (s *scanner) text() *Refusal {
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

// characters checks character data and attribute values: no control characters, and only references that every parser
// resolves alike.
func (s *scanner) characters(data []byte) *Refusal {
	for i, b := range data {
		if isControl(b) {
			return s.malformed("a control character")
		}
		if b != '&' {
			continue
		}
		end := bytes.IndexByte(data[i:min(len(data), i+12)], ';')
		if end < 2 {
			return s.malformed("a reference that does not end")
		}
		switch ref := string(data[i+1 : i+end]); ref {
		case "amp", "lt", "gt", "quot", "apos":
		default:
			if ref[0] != '#' {
				return Refuse(ReasonEntity, Say("entity_reference", "entity", Clip(ref)))
			}
		}
	}
	return nil
}

func isControl(b byte) bool { return b < 0x20 && b != '\t' && b != '\n' && b != '\r' }

// markup passes over what begins with <.
func (s *scanner) markup() *Refusal {
	rest := s.in[s.pos:]
	switch {
	case bytes.HasPrefix(rest, []byte("</")):
		return s.endTag()
	case bytes.HasPrefix(rest, []byte("<!--")):
		return Refuse(ReasonComment)
	case bytes.HasPrefix(rest, []byte("<![CDATA[")):
		return s.cdata(rest)
	case bytes.HasPrefix(rest, []byte("<!")):
		return Refuse(ReasonDoctype)
	case bytes.HasPrefix(rest, []byte("<?")):
		return Refuse(ReasonInstruction)
	}
	return s.startTag()
}

func (s *scanner) cdata(rest []byte) *Refusal {
	end := bytes.Index(rest, []byte("]]>"))
	if end < 0 || len(s.open) == 0 {
		return s.malformed("a CDATA section that does not end or stands outside the root element")
	}
	if slices.ContainsFunc(rest[:end], isControl) {
		return s.malformed("a control character")
	}
	s.pos += end + 3
	return nil
}
