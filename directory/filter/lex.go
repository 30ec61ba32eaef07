package filter

import (
	"encoding/json"
	"strings"
)

func isLetter(c byte) bool { return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' }

func isNameChar(c byte) bool {
	return isLetter(c) || '0' <= c && c <= '9' || c == '_' || c == '-' || c == '$'
}

func (p *parser) space() bool {
	start := p.pos
	for p.pos < len(p.s) && (p.s[p.pos] == ' ' || p.s[p.pos] == '\t') {
		p.pos++
	}
	return p.pos > start
}

func (p *parser) next() byte {
	if p.pos < len(p.s) {
		return p.s[p.pos]
	}
	return 0
}

func (p *parser) take(c byte) bool {
	if p.next() == c && p.pos < len(p.s) {
		p.pos++
		return true
	}
	return false
}

// keyword takes the word, in any case, if what follows ends it.
func (p *parser) keyword(word string) bool {
	p.space()
	end := p.pos + len(word)
	if end > len(p.s) || !strings.EqualFold(p.s[p.pos:end], word) {
		return false
	}
	if end < len(p.s) && p.s[end] != ' ' && p.s[end] != '\t' && p.s[end] != '(' {
		return false
	}
	p.pos = end
	return true
}

// path takes an attribute path, which may begin with a schema's URN.
func (p *parser) path() (Path, error) {
	start := p.pos
	urn := isURN(p.s[start:])
	for p.pos < len(p.s) {
		c := p.s[p.pos]
		if !isNameChar(c) && c != '.' && !(urn && strings.IndexByte(":%+=@~", c) >= 0) {
			break
		}
		p.pos++
	}
	text := p.s[start:p.pos]
	if text == "" {
		return Path{}, p.unexpected("an attribute name")
	}
	path := splitPath(text)
	noSub := path.Sub == "" && !strings.HasSuffix(text, ".")
	if !isName(path.Name, urn) || !noSub && !isNames(path.Sub, urn) {
		return Path{}, p.fail(start, "%q is not an attribute name", text)
	}
	return path, nil
}

// isName checks one name. The end of a URN may be a number: …:extension:1.0.
func isName(s string, urn bool) bool {
	return s != "" && (urn || isLetter(s[0]) || s[0] == '$')
}

func isNames(s string, urn bool) bool {
	for {
		name, rest, more := strings.Cut(s, ".")
		if !isName(name, urn) {
			return false
		}
		if !more {
			return true
		}
		s = rest
	}
}

// value takes a comparison value: JSON or, unless strict, a word in single quotes or without quotes.
func (p *parser) value() (Value, error) {
	// A string in quotes.
	switch c := p.next(); {
	case c == '"':
		return p.quoted()
	case c == '\'' && !p.strict:
		return p.singleQuoted()
	}

	// A word: a literal or a number.
	start := p.pos
	for p.pos < len(p.s) && strings.IndexByte(" \t)]", p.s[p.pos]) < 0 {
		p.pos++
	}
	word := p.s[start:p.pos]
	switch word {
	case "":
		return Value{}, p.unexpected("a value")
	case "null":
		return Value{Kind: Null}, nil
	case "true", "false":
		return Value{Kind: Bool, Bool: word == "true"}, nil
	}
	if c := word[0]; (c == '-' || '0' <= c && c <= '9') && json.Valid([]byte(word)) {
		return Value{Kind: Number, Text: word}, nil
	}

	// A bare word (authentik, PingFederate), if it cannot be anything else.
	if p.strict {
		return Value{}, p.fail(start, "%q is not a JSON value; put strings in double quotes", word)
	}
	if strings.ContainsAny(word, "\"'([\\") || isReserved(word) {
		return Value{}, p.fail(start, "%q is ambiguous; put strings in double quotes", word)
	}
	return Value{Kind: String, Text: word}, nil
}

func isReserved(word string) bool {
	return strings.EqualFold(word, "and") || strings.EqualFold(word, "or") || strings.EqualFold(word, "not")
}

// quoted takes a JSON string.
func (p *parser) quoted() (Value, error) {
	// Find its end.
	start, escaped := p.pos, false
	for p.pos++; ; p.pos++ {
		switch c := p.next(); {
		case p.pos >= len(p.s):
			return Value{}, p.fail(start, "the string is not closed")
		case c < ' ':
			return Value{}, p.fail(p.pos, "a control character must be escaped in a string")
		case c == '\\':
			escaped = true
			p.pos++
			continue
		case c != '"':
			continue
		}
		break
	}
	p.pos++

	// Decode it.
	text := p.s[start+1 : p.pos-1]
	if escaped {
		if err := json.Unmarshal([]byte(p.s[start:p.pos]), &text); err != nil {
			return Value{}, p.fail(start, "the string contains an escape that JSON does not have")
		}
	}
	return Value{Kind: String, Text: text}, p.endOfValue()
}

// singleQuoted takes 'word', as some vendors' samples write it.
func (p *parser) singleQuoted() (Value, error) {
	start := p.pos
	var text strings.Builder
	for p.pos++; p.next() != '\''; p.pos++ {
		if p.next() == '\\' && p.pos+1 < len(p.s) && (p.s[p.pos+1] == '\'' || p.s[p.pos+1] == '\\') {
			p.pos++
		}
		if p.pos >= len(p.s) {
			return Value{}, p.fail(start, "the string is not closed")
		}
		text.WriteByte(p.s[p.pos])
	}
	p.pos++
	return Value{Kind: String, Text: text.String()}, p.endOfValue()
}

// endOfValue refuses "a""b".
func (p *parser) endOfValue() error {
	if p.pos < len(p.s) && strings.IndexByte(" \t)]", p.s[p.pos]) < 0 {
		return p.unexpected("a space, a closing parenthesis or bracket, or the end")
	}
	return nil
}
