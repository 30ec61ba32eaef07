package saml

import (
	"slices"
	"strings"
	"unicode/utf8"
)

// This is Exclusive XML Canonicalization 1.0, and Canonical XML 1.0 and 1.1 of what has no xml: attribute above it, of
// one element of a message that passed the scan: without comments, because there are none. It goes over the bytes and
// builds no tree. canonical_test.go holds it to goxmldsig and to xmlsec1.

// maxGrowth is how many times as long as the message a canonical form may be: it repeats declarations.
const maxGrowth = 4

// canonicalForm says how an element is brought into canonical form.
type canonicalForm struct {
	inclusive bool     // all namespaces in scope, not only those that are used
	prefixes  []string // that exclusive form treats as inclusive form does; "" is the default namespace
	without   span     // left out: the signature that stands in what it signs
}

// canonicalize returns the canonical form of the element that begins at from. scope is what is declared around it.
func canonicalize(message string, from int, scope namespaces, form canonicalForm) ([]byte, *Refusal) {
	c := canonicalizer{tokens: tokens{in: message, pos: from}, form: form, scope: slices.Clone(scope)}
	size := 4 << 10 // of a Signature
	if left := form.without; left.to > 0 {
		size = len(message) - from - (left.to - left.from)
	}
	c.out = make([]byte, 0, size)
	for {
		if form.without.to > 0 && c.pos == form.without.from {
			c.pos = form.without.to
		}
		if c.pos >= len(c.in) {
			return nil, c.malformed("it ends too early")
		}
		t, err := c.next()
		if err != nil {
			return nil, err
		}
		switch t.kind {
		case textToken:
			c.out = appendText(c.out, t.text)
		case cdataToken:
			c.out = appendCDATA(c.out, t.text)
		case startToken:
			if err := c.start(t); err != nil {
				return nil, err
			}
			if t.closed {
				c.end(t.name.whole)
			}
		case endToken:
			c.end(t.name.whole)
		}
		if len(c.open) == 0 {
			return c.out, nil
		}
	}
}

// canonicalizer is a canonicalization under way.
type canonicalizer struct {
	tokens
	form    canonicalForm
	out     []byte
	scope   namespaces // declared in the message
	written namespaces // declared in the output
	open    []canonicalElement
	new     namespaces // to declare on the element that begins
	sorted  []canonicalAttribute
}

// canonicalElement is an element that is open: how much was declared before it.
type canonicalElement struct{ scope, written int }

type canonicalAttribute struct {
	attribute
	space string
}

// start writes a start tag: its declarations in the order of their prefixes, then its attributes in the order of their
// namespaces and names (Canonical XML §2.2, §2.3).
func (c *canonicalizer) start(t token) *Refusal {
	c.open = append(c.open, canonicalElement{len(c.scope), len(c.written)})
	prefix := t.name.prefix()
	var err *Refusal
	if c.scope, err = c.declare(c.scope); err != nil {
		return err
	}
	if _, err := c.resolve(prefix, c.scope); err != nil {
		return err
	}

	// What is used, or asked for, and not in force yet.
	c.new, c.sorted = c.new[:0], c.sorted[:0]
	c.use(prefix)
	for _, a := range c.attrs {
		if _, ok := a.declared(); ok {
			continue
		}
		if p := a.name.prefix(); p != "" {
			c.use(p)
		}
		c.sorted = append(c.sorted, canonicalAttribute{a, c.scope.attribute(a.name.prefix())})
	}
	around := c.open[len(c.open)-1]
	if apex := len(c.open) == 1; apex || len(c.scope) > around.scope { // else they are in force already
		for _, p := range c.form.prefixes {
			c.use(p)
		}
		if c.form.inclusive {
			for _, d := range c.scope {
				c.use(d.prefix)
			}
		}
	}

	// Write.
	slices.SortFunc(c.new, func(a, b declaration) int { return strings.Compare(a.prefix, b.prefix) })
	slices.SortFunc(c.sorted, func(a, b canonicalAttribute) int {
		if order := strings.Compare(a.space, b.space); order != 0 {
			return order
		}
		return strings.Compare(a.name.local(), b.name.local())
	})
	c.out = append(append(c.out, '<'), t.name.whole...)
	for _, d := range c.new {
		if c.out = append(c.out, " xmlns"...); d.prefix != "" {
			c.out = append(append(c.out, ':'), d.prefix...)
		}
		c.out = appendValue(c.out, d.uri)
	}
	for _, a := range c.sorted {
		c.out = append(append(c.out, ' '), a.name.whole...)
		c.out = appendValue(c.out, a.value)
	}
	c.out = append(c.out, '>')
	c.written = append(c.written, c.new...)
	if len(c.out) > maxGrowth*len(c.in)+64<<10 {
		return c.malformed("too many repetitions of long namespaces")
	}
	return nil
}

// use has a prefix declared, unless it is in force with the same namespace already, or is not declared at all.
func (c *canonicalizer) use(prefix string) {
	if prefix == "xml" {
		return
	}
	uri := c.scope.of(prefix)
	if uri == c.written.of(prefix) || slices.ContainsFunc(c.new, func(d declaration) bool { return d.prefix == prefix }) {
		return
	}
	c.new = append(c.new, declaration{prefix, uri})
}

// end writes an end tag. The tags match, because the message passed the scan.
func (c *canonicalizer) end(name string) {
	c.out = append(append(append(c.out, "</"...), name...), '>')
	if last := len(c.open) - 1; last >= 0 {
		c.scope, c.written = c.scope[:c.open[last].scope], c.written[:c.open[last].written]
		c.open = c.open[:last]
	}
}

// appendText writes character data (XML 1.0 §2.11: every end of a line is one line feed).
func appendText(out []byte, s string) []byte {
	return appendEscaped(out, s, &textEscapes, true)
}

// appendCDATA writes what a CDATA section holds, in which & is no reference.
func appendCDATA(out []byte, s string) []byte {
	for i := strings.IndexByte(s, '&'); i >= 0; i = strings.IndexByte(s, '&') {
		out = append(appendText(out, s[:i]), "&amp;"...)
		s = s[i+1:]
	}
	return appendText(out, s)
}

// appendValue writes = and the value of an attribute in quotes (XML 1.0 §3.3.3: white space is spaces).
func appendValue(out []byte, s string) []byte {
	return append(appendEscaped(append(out, `="`...), s, &valueEscapes, false), '"')
}

// escapes are the references that canonical form uses for a character; empty for one that is written as it is.
type escapes [256]string

// Canonical XML §2.3.
var (
	textEscapes  = escapes{'&': "&amp;", '<': "&lt;", '>': "&gt;", '\r': "&#xD;"}
	valueEscapes = escapes{'&': "&amp;", '<': "&lt;", '"': "&quot;", '\t': "&#x9;", '\n': "&#xA;", '\r': "&#xD;"}
)

// appendEscaped resolves references, and ends of lines or white space, and writes what needs one as a reference.
func appendEscaped(out []byte, s string, table *escapes, text bool) []byte {
	for i := 0; i < len(s); {
		plain := i
		for plain < len(s) && table[s[plain]] == "" {
			plain++
		}
		out, i = append(out, s[i:plain]...), plain
		if i == len(s) {
			break
		}
		b, size := s[i], 1
		switch {
		case b == '&':
			var r rune
			var ok bool
			if r, size, ok = reference(s[i:]); !ok {
				return out // not in a message that passed the scan
			}
			if r < 0x80 && table[r] != "" {
				out = append(out, table[r]...)
			} else {
				out = utf8.AppendRune(out, r)
			}
		case isSpace(b):
			// A carriage return and a line feed are one end of a line.
			if b == '\r' && i+1 < len(s) && s[i+1] == '\n' {
				size = 2
			}
			if text {
				out = append(out, '\n')
			} else {
				out = append(out, ' ')
			}
		default:
			out = append(out, table[b]...)
		}
		i += size
	}
	return out
}
