package schema

import (
	"encoding/json"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// reader reads a JSON text (RFC 8259) in one pass: it checks the text, its UTF-8 and its depth while it makes values of
// it, and says after each piece how much it has read, so that a large body lets others go first.
type reader struct {
	spend  func(units int) error // of Mode
	text   string
	at     int      // of the next byte
	paid   int      // bytes that spend was told of
	depth  int      // arrays and objects that are open
	names  []string // of the members that are open
	checks bool     // only: arrays and objects stay empty, and names may come twice
	failed error    // of spend
}

// A unit of work reads bytesPerUnit; spend is told of as many as a piece has at once.
const (
	bytesPerUnit = 64
	piece        = 16 * bytesPerUnit
)

// pay tells of what was read since; false if that failed.
func (r *reader) pay() bool {
	n := (r.at - r.paid) / bytesPerUnit
	r.paid += n * bytesPerUnit
	if r.spend != nil && n > 0 && r.failed == nil {
		r.failed = r.spend(n)
	}
	return r.failed == nil
}

// whole reads the value that is the whole text.
func (r *reader) whole() (any, error) {
	v, err := r.value()
	if err != nil {
		return nil, err
	}
	if r.peek(); r.at < len(r.text) {
		return nil, r.wrong("after the value")
	}
	r.pay()
	return v, r.failed
}

// peek passes over white space and returns the byte after it; 0 at the end, and where the reading has failed.
func (r *reader) peek() byte {
	for ; r.at < len(r.text); r.at++ {
		if r.at-r.paid >= piece && !r.pay() {
			return 0
		}
		switch c := r.text[r.at]; c {
		case ' ', '\t', '\n', '\r':
		default:
			return c
		}
	}
	return 0
}

// wrong is the error for what is at the next byte, unless the reading has failed.
func (r *reader) wrong(where string) error {
	if r.failed != nil {
		return r.failed
	}
	if r.at >= len(r.text) {
		return Errorf(InvalidSyntax, "", "the body is not JSON: at byte %d: it ends early", r.at)
	}
	c, size := utf8.DecodeRuneInString(r.text[r.at:])
	if c == utf8.RuneError && size == 1 {
		return Errorf(InvalidSyntax, "", "the body is not UTF-8: at byte %d", r.at+1)
	}
	return Errorf(InvalidSyntax, "", "the body is not JSON: at byte %d: unexpected %q %s", r.at+1, c, where)
}

func (r *reader) value() (any, error) {
	switch c := r.peek(); c {
	case '{':
		return r.nested(r.object)
	case '[':
		return r.nested(r.array)
	case '"':
		return boxed(r.string())
	case 't':
		return true, r.literal("true")
	case 'f':
		return false, r.literal("false")
	case 'n':
		return nil, r.literal("null")
	}
	return boxed(r.number())
}

// boxed makes a value of what was read, none of what was not.
func boxed[T any](v T, err error) (any, error) {
	if err != nil {
		return nil, err
	}
	return v, nil
}

// nested reads an object or array one level deeper, from its first byte on.
func (r *reader) nested(read func() (any, error)) (any, error) {
	if r.depth++; r.depth > MaxDepth {
		return nil, Errorf(InvalidSyntax, "", "the JSON is nested deeper than %d levels", MaxDepth)
	}
	r.at++
	v, err := read()
	r.depth--
	return v, err
}

func (r *reader) array() (any, error) {
	list := []any{}
	if r.peek() == ']' {
		r.at++
		return list, nil
	}
	for {
		v, err := r.value()
		if err != nil {
			return nil, err
		}
		if !r.checks {
			list = append(list, v)
		}
		if more, err := r.more(']', "in an array"); !more {
			return list, err
		}
	}
}

func (r *reader) object() (any, error) {
	object := map[string]any{}
	if r.peek() == '}' {
		r.at++
		return object, nil
	}
	for {
		// The name.
		if r.peek() != '"' {
			return nil, r.wrong("where a name must be")
		}
		name, err := r.string()
		if err != nil {
			return nil, err
		}
		r.names = append(r.names, name)
		if _, twice := object[name]; twice {
			return nil, Errorf(InvalidSyntax, strings.Join(r.names, "."), "is given twice")
		}
		if r.peek() != ':' {
			return nil, r.wrong("after a name")
		}
		r.at++

		// Its value.
		v, err := r.value()
		if err != nil {
			return nil, err
		}
		if !r.checks {
			object[name] = v
		}
		r.names = r.names[:len(r.names)-1]
		if more, err := r.more('}', "in an object"); !more {
			return object, err
		}
	}
}

// more passes over what follows a value: a comma, or the end of the list.
func (r *reader) more(end byte, where string) (bool, error) {
	switch r.peek() {
	case ',':
		r.at++
		return true, nil
	case end:
		r.at++
		return false, nil
	}
	return false, r.wrong(where)
}

func (r *reader) literal(word string) error {
	for i := range len(word) {
		if !r.here(word[i]) {
			return r.wrong("where a value must be")
		}
		r.at++
	}
	return nil
}

func (r *reader) number() (json.Number, error) {
	start := r.at
	if r.here('-') {
		r.at++
	}
	if r.here('0') {
		r.at++
	} else if err := r.digits(); err != nil {
		return "", err
	}
	if r.here('.') {
		r.at++
		if err := r.digits(); err != nil {
			return "", err
		}
	}
	if r.here('e') || r.here('E') {
		if r.at++; r.here('+') || r.here('-') {
			r.at++
		}
		if err := r.digits(); err != nil {
			return "", err
		}
	}
	return json.Number(r.text[start:r.at]), nil
}

func (r *reader) here(c byte) bool { return r.at < len(r.text) && r.text[r.at] == c }

// digits passes over one digit or more.
func (r *reader) digits() error {
	start := r.at
	for r.at < len(r.text) && '0' <= r.text[r.at] && r.text[r.at] <= '9' {
		r.at++
	}
	if r.at == start {
		return r.wrong("where a value must be")
	}
	return nil
}

// string reads a string from its quote on. One without escapes shares the text.
func (r *reader) string() (string, error) {
	r.at++
	var made []byte // with what escapes stand for; nil while there are none
	start := r.at   // of what is not in made yet
	for r.at < len(r.text) {
		switch c := r.text[r.at]; {
		case c == '"':
			s := r.text[start:r.at]
			if r.at++; made != nil {
				s = string(append(made, s...))
			}
			return s, nil
		case c == '\\':
			made = append(made, r.text[start:r.at]...)
			char, err := r.escape()
			if err != nil {
				return "", err
			}
			made = utf8.AppendRune(made, char)
			start = r.at
		case c < ' ':
			return "", r.wrong("in a string")
		case c < utf8.RuneSelf:
			r.at++
		default:
			char, size := utf8.DecodeRuneInString(r.text[r.at:])
			if char == utf8.RuneError && size == 1 {
				return "", r.wrong("in a string")
			}
			r.at += size
		}
		if r.at-r.paid >= 2*piece && !r.pay() { // a long string
			return "", r.failed
		}
	}
	return "", r.wrong("in a string")
}

// escape reads what an escape stands for, from its backslash on. Half of a surrogate pair stands for U+FFFD, as in
// encoding/json.
func (r *reader) escape() (rune, error) {
	if r.at++; r.at >= len(r.text) {
		return 0, r.wrong("after a backslash")
	}
	const escapes, stand = `"\/bfnrt`, "\"\\/\b\f\n\r\t"
	c := r.text[r.at]
	if i := strings.IndexByte(escapes, c); i >= 0 {
		r.at++
		return rune(stand[i]), nil
	}
	if c != 'u' {
		return 0, r.wrong("after a backslash")
	}
	r.at++
	char, err := r.hex()
	if err != nil || !utf16.IsSurrogate(char) {
		return char, err
	}
	if strings.HasPrefix(r.text[r.at:], `\u`) {
		back := r.at
		r.at += 2
		low, err := r.hex()
		if err != nil {
			return 0, err
		}
		if pair := utf16.DecodeRune(char, low); pair != utf8.RuneError {
			return pair, nil
		}
		r.at = back // another character
	}
	return utf8.RuneError, nil
}

// hex reads the four digits of an escape.
func (r *reader) hex() (rune, error) {
	var v rune
	for range 4 {
		if r.at >= len(r.text) {
			return 0, r.wrong(`after \u`)
		}
		switch c := r.text[r.at]; {
		case '0' <= c && c <= '9':
			v = v<<4 | rune(c-'0')
		case 'a' <= c|0x20 && c|0x20 <= 'f':
			v = v<<4 | rune(c|0x20-'a'+10)
		default:
			return 0, r.wrong(`after \u`)
		}
		r.at++
	}
	return v, nil
}
