package filter

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"rollcall/directory/schema"
)

// Limits bound what a filter may ask for; a field that is zero takes its value from DefaultLimits.
type Limits struct {
	Length int // bytes of the text
	Depth  int // nesting of parentheses and brackets
	Terms  int // comparisons
}

// DefaultLimits apply if Options sets none.
var DefaultLimits = Limits{Length: 16 << 10, Depth: 16, Terms: 256}

// Options say how a filter is read.
type Options struct {
	// Strict applies the grammar of RFC 7644 to the letter: no bare words, no single quotes, no comparison after a
	// value path, no "true" for a boolean, no extension attribute without its URN.
	Strict bool
	Limits Limits
}

func (o Options) limits() Limits {
	l := o.Limits
	if l.Length == 0 {
		l.Length = DefaultLimits.Length
	}
	if l.Depth == 0 {
		l.Depth = DefaultLimits.Depth
	}
	if l.Terms == 0 {
		l.Terms = DefaultLimits.Terms
	}
	return l
}

// Parse reads a filter (RFC 7644 §3.4.2.2, errata 4670, 4690, 7319, 7322). The error is a *schema.Error (invalidFilter)
// that tells the position, in bytes from 1.
func Parse(s string, o Options) (Expr, error) {
	p := newParser("filter", s, o)
	if err := p.checkText(); err != nil {
		return nil, err
	}
	e, err := p.or()
	if err != nil {
		return nil, err
	}
	if p.space(); p.pos < len(p.s) {
		return nil, p.unexpected("and, or, or the end")
	}
	return e, nil
}

// parser is a recursive descent over the bytes of a filter or path.
type parser struct {
	what    string // "filter" or "path"
	s       string
	pos     int
	strict  bool
	limits  Limits
	depth   int
	terms   int
	element bool // inside []
}

func newParser(what, s string, o Options) *parser {
	return &parser{what: what, s: s, strict: o.Strict, limits: o.limits()}
}

func (p *parser) checkText() error {
	if len(p.s) > p.limits.Length {
		return schema.Errorf(schema.InvalidFilter, "", "the %s has %d bytes; at most %d are allowed",
			p.what, len(p.s), p.limits.Length)
	}
	if !utf8.ValidString(p.s) {
		return schema.Errorf(schema.InvalidFilter, "", "the %s is not UTF-8", p.what)
	}
	return nil
}

func (p *parser) fail(at int, format string, args ...any) error {
	return schema.Errorf(schema.InvalidFilter, "", "at position %d: %s", at+1, fmt.Sprintf(format, args...))
}

// unexpected says what was expected instead of what stands at the position.
func (p *parser) unexpected(want string) error {
	if p.pos >= len(p.s) {
		return p.fail(p.pos, "expected %s, found the end", want)
	}
	found := p.s[p.pos:]
	if i := strings.IndexAny(found, " \t"); i > 0 {
		found = found[:i]
	}
	if len(found) > 40 {
		found = strings.ToValidUTF8(found[:40], "") + "…"
	}
	return p.fail(p.pos, "expected %s, found %q", want, found)
}

func (p *parser) enter(at int) error {
	if p.depth++; p.depth > p.limits.Depth {
		return p.fail(at, "nested deeper than %d levels", p.limits.Depth)
	}
	return nil
}

func (p *parser) term(at int) error {
	if p.terms++; p.terms > p.limits.Terms {
		return p.fail(at, "more than %d comparisons", p.limits.Terms)
	}
	return nil
}

func (p *parser) or() (Expr, error) {
	left, err := p.and()
	if err != nil {
		return nil, err
	}
	for p.keyword("or") {
		right, err := p.and()
		if err != nil {
			return nil, err
		}
		left = &Or{left, right}
	}
	return left, nil
}

func (p *parser) and() (Expr, error) {
	left, err := p.unary()
	if err != nil {
		return nil, err
	}
	for p.keyword("and") {
		right, err := p.unary()
		if err != nil {
			return nil, err
		}
		left = &And{left, right}
	}
	return left, nil
}

// unary is a group, a negated group or a comparison. not is an attribute's name unless a parenthesis follows (erratum
// 7319 allows a space before it).
func (p *parser) unary() (Expr, error) {
	p.space()
	start := p.pos
	if p.take('(') {
		return p.group(start)
	}
	if p.keyword("not") {
		if p.space(); p.take('(') {
			e, err := p.group(start)
			if err != nil {
				return nil, err
			}
			return &Not{e}, nil
		}
		p.pos = start
	}
	return p.comparison()
}

// group is what follows an opening parenthesis.
func (p *parser) group(start int) (Expr, error) {
	if err := p.enter(start); err != nil {
		return nil, err
	}
	e, err := p.or()
	if err != nil {
		return nil, err
	}
	if p.space(); !p.take(')') {
		return nil, p.unexpected("and, or, or a closing parenthesis")
	}
	p.depth--
	return e, nil
}

func (p *parser) comparison() (Expr, error) {
	start := p.pos
	path, err := p.path()
	if err != nil {
		return nil, err
	}
	if p.next() == '[' {
		return p.valuePath(path)
	}
	return p.operator(path, start)
}

// operator is what follows a path: an operator and, except for pr, a value.
func (p *parser) operator(path Path, start int) (Expr, error) {
	// A space after the path.
	if err := p.term(start); err != nil {
		return nil, err
	}
	if !p.space() {
		return nil, p.unexpected("a space and an operator")
	}

	// The operator.
	at := p.pos
	for p.pos < len(p.s) && isLetter(p.s[p.pos]) {
		p.pos++
	}
	word := p.s[at:p.pos]
	if strings.EqualFold(word, "pr") {
		return &Present{path}, nil
	}
	op, known := operators(word)
	if !known {
		p.pos = at
		return nil, p.unexpected("an operator (eq, ne, co, sw, ew, gt, ge, lt, le, pr)")
	}

	// The value.
	if !p.space() {
		return nil, p.unexpected("a space and a value")
	}
	v, err := p.value()
	if err != nil {
		return nil, err
	}
	return &Compare{path, op, v}, nil
}

func operators(word string) (Op, bool) {
	for i, name := range opNames {
		if strings.EqualFold(word, name) {
			return Op(i), true
		}
	}
	return 0, false
}

// valuePath is what follows the path of a multi-valued attribute: [filter] and, unless strict, a comparison of a
// sub-attribute.
func (p *parser) valuePath(path Path) (Expr, error) {
	inner, err := p.brackets()
	if err != nil {
		return nil, err
	}
	if !p.strict && p.next() == '.' {
		p.pos++
		start := p.pos
		sub, err := p.path()
		if err != nil {
			return nil, err
		}
		last, err := p.operator(sub, start)
		if err != nil {
			return nil, err
		}
		inner = &And{inner, last}
	}
	return &ValuePath{path, inner}, nil
}

func (p *parser) brackets() (Expr, error) {
	start := p.pos
	p.pos++
	if p.element {
		return nil, p.fail(start, "a value path cannot contain another one")
	}
	if err := p.enter(start); err != nil {
		return nil, err
	}
	p.element = true
	inner, err := p.or()
	if err != nil {
		return nil, err
	}
	if p.space(); !p.take(']') {
		return nil, p.unexpected("and, or, or a closing bracket")
	}
	p.element = false
	p.depth--
	return inner, nil
}
