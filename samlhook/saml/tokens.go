package saml

import (
	"strconv"
	"strings"
	"unicode/utf8"
)

// tokens takes XML apart into tags and text. What it passes is so well-formed that no two parsers can disagree. It is
// stricter than XML: no comments, no instructions, no DOCTYPE.
type tokens struct {
	in    string
	pos   int
	attrs []attribute // of the start tag that was read last

	spaces    []string // the namespaces of attrs, as resolve found them
	partial   bool     // in may end in a CDATA section
	canonical bool     // in is a canonical form, in which an element may declare what those around it did
}

// qname is a name as it is written, with its prefix.
type qname struct {
	whole string
	colon int // its place; -1 if there is no prefix
}

func (n qname) prefix() string { return n.whole[:max(n.colon, 0)] }
func (n qname) local() string  { return n.whole[n.colon+1:] }

// attribute is one as it is written.
type attribute struct {
	name  qname
	value string
}

// token is a start tag, an end tag, or character data.
type token struct {
	kind   tokenKind
	from   int    // where it begins
	name   qname  // of a tag
	closed bool   // the start tag of an empty element
	text   string // character data as written; of a CDATA section, what is inside
}

type tokenKind int

const (
	startToken tokenKind = iota
	endToken
	textToken
	cdataToken
)

// maxAttributes bounds the attributes of one element: canonicalization costs their number times that of the namespaces
// in scope.
const maxAttributes = 48

// malformed is the refusal of a message that is not well-formed where the tokenizer is. The catalogue has what is
// wrong.
func (t *tokens) malformed(what string) *Refusal {
	return Refuse(ReasonMalformed, Say(string(ReasonMalformed)+"."+what, "byte", t.pos))
}

// next reads a token. There must be one.
func (t *tokens) next() (token, *Refusal) {
	from, rest := t.pos, t.in[t.pos:]
	switch {
	case rest[0] != '<':
		return t.characterData(rest)
	case len(rest) > 1 && rest[1] == '/':
		name, err := t.endTag()
		return token{kind: endToken, from: from, name: name}, err
	case len(rest) > 1 && (rest[1] == '!' || rest[1] == '?'):
		return t.declared(rest)
	}
	t.pos++
	name, err := t.name()
	if err != nil {
		return token{}, err
	}
	closed, err := t.attributes()
	return token{kind: startToken, from: from, name: name, closed: closed}, err
}

// declared reads what begins with <! or <?: a CDATA section, or nothing that a message may hold.
func (t *tokens) declared(rest string) (token, *Refusal) {
	switch {
	case strings.HasPrefix(rest, "<![CDATA["):
		return t.cdata(rest)
	case strings.HasPrefix(rest, "<!--"):
		return token{}, Refuse(ReasonComment)
	case rest[1] == '!':
		return token{}, Refuse(ReasonDoctype)
	}
	return token{}, Refuse(ReasonInstruction)
}

// characterData goes to the next markup.
func (t *tokens) characterData(rest string) (token, *Refusal) {
	if end := strings.IndexByte(rest, '<'); end >= 0 {
		rest = rest[:end]
	}
	if strings.Contains(rest, "]]>") {
		return token{}, t.malformed("the end of a CDATA section that did not begin")
	}
	if err := t.characters(rest); err != nil {
		return token{}, err
	}
	made := token{kind: textToken, from: t.pos, text: rest}
	t.pos += len(rest)
	return made, nil
}

func (t *tokens) cdata(rest string) (token, *Refusal) {
	const open = "<![CDATA["
	end, size := strings.Index(rest, "]]>"), len("]]>")
	if end < 0 && !t.partial {
		return token{}, t.malformed("a CDATA section that does not end or stands outside the root element")
	} else if end < 0 {
		end, size = len(rest), 0
	}
	data := rest[len(open):end]
	for i := 0; ; i++ {
		if i = special(data, i); i >= len(data) {
			break
		}
		if isForbidden(data[i:]) {
			return token{}, t.malformed("a character that XML forbids")
		}
	}
	made := token{kind: cdataToken, from: t.pos, text: data}
	t.pos += end + size
	return made, nil
}

// characters checks character data and attribute values: no character that XML forbids, and only references that every
// parser resolves alike.
func (t *tokens) characters(data string) *Refusal {
	for i := 0; ; i++ {
		if i = special(data, i); i >= len(data) {
			return nil
		}
		switch {
		case data[i] == '<':
			return t.malformed("a < in an attribute value")
		case isForbidden(data[i:]):
			return t.malformed("a character that XML forbids")
		case data[i] != '&':
			continue
		}
		if _, _, ok := reference(data[i:]); ok {
			continue
		}
		end := strings.IndexByte(data[i:min(len(data), i+maxReference)], ';')
		if end < 2 || data[i+1] == '#' {
			return t.malformed("a reference that does not end")
		}
		return Refuse(ReasonEntity, Say("entity_reference", "entity", Clip(data[i+1:i+end])))
	}
}

// special is the index, from i on, of the next byte that may need a look: a control character, &, < or one that U+FFFE
// and U+FFFF begin with. It is len(s) if there is none.
func special(s string, i int) int {
	const ones, tops = 0x0101010101010101, 0x8080808080808080
	for ; i+8 <= len(s); i += 8 {
		// Eight bytes at once: the top bit of each one that was found (or of none, if there is none).
		v := uint64(s[i]) | uint64(s[i+1])<<8 | uint64(s[i+2])<<16 | uint64(s[i+3])<<24 |
			uint64(s[i+4])<<32 | uint64(s[i+5])<<40 | uint64(s[i+6])<<48 | uint64(s[i+7])<<56
		and, less, lead := v^ones*'&', v^ones*'<', v^ones*0xEF
		found := (v-ones*0x20)&^v | (and-ones)&^and | (less-ones)&^less | (lead-ones)&^lead
		if found&tops != 0 {
			break
		}
	}
	for ; i < len(s); i++ {
		if b := s[i]; b < 0x20 || b == '&' || b == '<' || b == 0xEF {
			return i
		}
	}
	return len(s)
}

// isForbidden reports whether a text begins with a character that XML forbids (XML 1.0 §2.2).
func isForbidden(s string) bool {
	b := s[0]
	return b < 0x20 && b != '\t' && b != '\n' && b != '\r' ||
		strings.HasPrefix(s, "\uFFFE") || strings.HasPrefix(s, "\uFFFF")
}

// maxReference bounds a reference, in bytes.
const maxReference = 12

// reference reads the reference that a text begins with: the character that it stands for, and its length.
func reference(s string) (r rune, size int, ok bool) {
	end := strings.IndexByte(s[:min(len(s), maxReference)], ';')
	if end < 2 {
		return 0, 0, false
	}
	switch name := s[1:end]; name {
	case "amp":
		r = '&'
	case "lt":
		r = '<'
	case "gt":
		r = '>'
	case "quot":
		r = '"'
	case "apos":
		r = '\''
	default:
		digits, decimal := strings.CutPrefix(name, "#")
		base := 10
		if hex, ok := strings.CutPrefix(digits, "x"); ok {
			digits, base = hex, 16
		}
		n, err := strconv.ParseUint(digits, base, 32)
		r = rune(n)
		if !decimal || err != nil || !utf8.ValidRune(r) || r == 0 || isForbidden(string(r)) {
			return 0, 0, false
		}
	}
	return r, end + 1, true
}

// endTag reads an end tag.
func (t *tokens) endTag() (qname, *Refusal) {
	t.pos += 2
	name, err := t.name()
	if err != nil {
		return qname{}, err
	}
	t.space()
	if !t.take('>') {
		return qname{}, t.malformed("an end tag that does not end")
	}
	return name, nil
}

// attributes reads the rest of a start tag into t.attrs and reports whether the element is empty.
func (t *tokens) attributes() (closed bool, err *Refusal) {
	t.attrs = t.attrs[:0]
	for {
		spaced := t.space()
		switch {
		case t.take('>'):
			return false, nil
		case t.take('/'):
			if !t.take('>') {
				return false, t.malformed("a tag that does not end")
			}
			return true, nil
		case !spaced:
			return false, t.malformed("a tag that does not end")
		case len(t.attrs) == maxAttributes && !t.canonical || len(t.attrs) == maxAttributes+maxScope:
			return false, t.malformed("an element with too many attributes")
		}

		// Another attribute, whose name is new.
		a, err := t.attribute()
		if err != nil {
			return false, err
		}
		for _, other := range t.attrs {
			if other.name.whole == a.name.whole {
				return false, t.malformed("an attribute given twice")
			}
		}
		t.attrs = append(t.attrs, a)
	}
}

// attribute reads a name and a quoted value.
func (t *tokens) attribute() (attribute, *Refusal) {
	name, err := t.name()
	if err != nil {
		return attribute{}, err
	}
	t.space()
	if !t.take('=') {
		return attribute{}, t.malformed("an attribute without a value")
	}
	t.space()
	if t.pos >= len(t.in) || (t.in[t.pos] != '"' && t.in[t.pos] != '\'') {
		return attribute{}, t.malformed("an attribute value without quotes")
	}

	// The value goes to the same quote.
	quote := t.in[t.pos]
	t.pos++
	end := strings.IndexByte(t.in[t.pos:], quote)
	if end < 0 {
		return attribute{}, t.malformed("an attribute value that does not end")
	}
	value := t.in[t.pos : t.pos+end]
	if err := t.characters(value); err != nil {
		return attribute{}, err
	}
	t.pos += end + 1
	return attribute{name, value}, nil
}

// name reads a name: an optional prefix, one colon, a local part.
func (t *tokens) name() (qname, *Refusal) {
	from, to, colon, ascii := t.pos, t.pos, -1, true
	for ; to < len(t.in) && nameBytes[t.in[to]] != 0; to++ {
		if b := t.in[to]; b == ':' {
			if colon >= 0 {
				return qname{}, t.malformed("a name with two colons")
			}
			colon = to
		} else if b >= 0x80 {
			ascii = false
		}
	}
	name := t.in[from:to]
	if t.pos = to; len(name) == 0 || nameBytes[name[0]] != nameStart ||
		(colon >= 0 && (colon+1 >= to || nameBytes[t.in[colon+1]] != nameStart)) || (!ascii && !validName(name)) {
		return qname{}, t.malformed("a name that XML does not allow")
	}
	if colon >= 0 {
		colon -= from
	}
	return qname{name, colon}, nil
}

const (
	nameStart = 1 // may begin a name
	nameInner = 2 // may stand in one
)

// nameBytes says which bytes may be part of a name, colon included.
var nameBytes = func() (table [256]byte) {
	for b := range 256 {
		switch c := byte(b); {
		case isNameStart(c):
			table[b] = nameStart
		case isNameByte(c) || c == ':':
			table[b] = nameInner
		}
	}
	return table
}()

func isNameStart(b byte) bool {
	return b >= 'a' && b <= 'z' || b >= 'A' && b <= 'Z' || b == '_' || b >= 0x80
}

func isNameByte(b byte) bool {
	return isNameStart(b) || b >= '0' && b <= '9' || b == '-' || b == '.'
}

// validName checks the characters of a name outside of ASCII (XML 1.0 §2.3).
func validName(name string) bool {
	start := true // of the name, or of its local part
	for _, r := range name {
		switch {
		case r == ':':
			start = true
			continue
		case r < 0x80:
		case r >= 0xC0 && r <= 0x2FF && r != 0xD7 && r != 0xF7, r >= 0x370 && r <= 0x1FFF && r != 0x37E,
			r == 0x200C || r == 0x200D, r >= 0x2070 && r <= 0x218F, r >= 0x2C00 && r <= 0x2FEF,
			r >= 0x3001 && r <= 0xD7FF, r >= 0xF900 && r <= 0xFDCF, r >= 0xFDF0 && r < 0xFFFD,
			r >= 0x10000 && r <= 0xEFFFF:
		case start, r != 0xB7 && (r < 0x300 || r > 0x36F) && r != 0x203F && r != 0x2040:
			return false
		}
		start = false
	}
	return true
}

// space skips white space and reports whether there was any.
func (t *tokens) space() bool {
	from := t.pos
	for t.pos < len(t.in) && isSpace(t.in[t.pos]) {
		t.pos++
	}
	return t.pos > from
}

func isSpace(b byte) bool { return b == ' ' || b == '\t' || b == '\r' || b == '\n' }

// take skips a byte and reports whether it was there.
func (t *tokens) take(b byte) bool {
	if t.pos < len(t.in) && t.in[t.pos] == b {
		t.pos++
		return true
	}
	return false
}
