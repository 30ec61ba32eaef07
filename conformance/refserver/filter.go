package refserver

import (
	"encoding/json"
	"regexp"
	"slices"
	"strings"
)

// matcher decides on a resource or, inside of brackets, on an element.
type matcher func(v obj) bool

// parser reads filters of RFC 7644 §3.4.2.2 for one type, or with t nil for
// the root, where names resolve per resource.
type parser struct {
	types []*typ
	rest  string
	elem  *attr // inside of brackets
	many  bool  // at the root: unknown names have no value
	// eqs gathers "attr eq value" pairs of a conjunction, for PATCH; nil when
	// the filter is no such conjunction.
	eqs  obj
	only bool
}

func badFilter(format string, args ...any) error { return fail(400, "invalidFilter", format, args...) }

func (c *call) parseFilter(text string, t *typ) (func(*typ, obj) bool, error) {
	types, many := c.s.types, true
	if t != nil {
		types, many = []*typ{t}, false
	}
	per := map[*typ]matcher{}
	for _, x := range types {
		p := &parser{types: []*typ{x}, rest: text, many: many}
		m, err := p.or()
		if err == nil && strings.TrimSpace(p.rest) != "" {
			err = badFilter("unexpected %q", p.rest)
		}
		if err != nil {
			return nil, err
		}
		per[x] = m
	}
	return func(t *typ, o obj) bool { return per[t](o) }, nil
}

func (p *parser) space() { p.rest = strings.TrimLeft(p.rest, " ") }

func (p *parser) word(w string) bool {
	p.space()
	if len(p.rest) < len(w) || !strings.EqualFold(p.rest[:len(w)], w) {
		return false
	}
	after := p.rest[len(w):]
	if after != "" && !strings.ContainsAny(after[:1], " ()]") {
		return false
	}
	p.rest = after
	return true
}

func (p *parser) or() (matcher, error) {
	left, err := p.and()
	for err == nil && p.word("or") {
		p.only = false
		var right matcher
		a := left
		if right, err = p.and(); err == nil {
			left = func(v obj) bool { return a(v) || right(v) }
		}
	}
	return left, err
}

func (p *parser) and() (matcher, error) {
	left, err := p.not()
	for err == nil && p.word("and") {
		var right matcher
		a := left
		if right, err = p.not(); err == nil {
			left = func(v obj) bool { return a(v) && right(v) }
		}
	}
	return left, err
}

func (p *parser) not() (matcher, error) {
	p.space()
	negate := false
	if p.word("not") {
		p.only, negate = false, true
		p.space()
		if !strings.HasPrefix(p.rest, "(") {
			return nil, badFilter("not needs a parenthesis")
		}
	}
	if !strings.HasPrefix(p.rest, "(") {
		return p.comparison()
	}
	p.rest = p.rest[1:]
	m, err := p.or()
	if err != nil {
		return nil, err
	}
	p.space()
	if !strings.HasPrefix(p.rest, ")") {
		return nil, badFilter("a parenthesis is not closed")
	}
	p.rest = p.rest[1:]
	if negate {
		return func(v obj) bool { return !m(v) }, nil
	}
	return m, nil
}

var (
	nameForm = regexp.MustCompile(`^[A-Za-z$][A-Za-z0-9_.:$-]*`)
	bareForm = regexp.MustCompile(`^[^\s()\[\]"]+`)
)

func (p *parser) comparison() (matcher, error) {
	p.space()
	name := nameForm.FindString(p.rest)
	if name == "" {
		return nil, badFilter("an attribute is expected at %q", p.rest)
	}
	p.rest = p.rest[len(name):]
	r, known, err := p.resolve(name)
	if err != nil {
		return nil, err
	}
	if strings.HasPrefix(p.rest, "[") {
		return p.brackets(r)
	}
	return p.operator(r, known)
}

func (p *parser) resolve(name string) (ref, bool, error) {
	if p.elem != nil {
		if p.elem.typ != "complex" && strings.EqualFold(name, "value") {
			return ref{attr: p.elem}, true, nil
		}
		if s := findAttr(p.elem.subs, name); s != nil {
			return ref{attr: s}, true, nil
		}
		return ref{}, false, badFilter("%s has no sub-attribute %s", p.elem.name, name)
	}
	r, ok := p.types[0].resolve(name)
	if !ok && !p.many {
		return ref{}, false, badFilter("%s has no attribute %s", p.types[0].name, name)
	}
	if ok && r.attr != nil && r.leaf().returned == "never" {
		return ref{}, false, badFilter("%s cannot be filtered by", name)
	}
	return r, ok, nil
}

// brackets is attr[...], optionally with a sub-attribute and a comparison
// after it, which real clients send.
func (p *parser) brackets(r ref) (matcher, error) {
	if p.elem != nil || r.attr == nil || r.sub != nil || r.attr.typ != "complex" {
		return nil, badFilter("brackets are not allowed here")
	}
	in := &parser{rest: p.rest[1:], elem: r.attr, types: p.types}
	m, err := in.or()
	if err != nil {
		return nil, err
	}
	in.space()
	if !strings.HasPrefix(in.rest, "]") {
		return nil, badFilter("a bracket is not closed")
	}
	p.rest = in.rest[1:]
	if sub, ok := strings.CutPrefix(p.rest, "."); ok {
		name := nameForm.FindString(sub)
		s := findAttr(r.attr.subs, name)
		if s == nil {
			return nil, badFilter("%s has no sub-attribute %s", r.attr.name, name)
		}
		p.rest = sub[len(name):]
		test, err := p.operator(ref{attr: s}, true)
		if err != nil {
			return nil, err
		}
		return some(r, func(e obj) bool { return m(e) && test(e) }), nil
	}
	return some(r, m), nil
}

// some matches when one element of a multi-valued attribute does.
func some(r ref, m matcher) matcher {
	return func(v obj) bool {
		val, _ := container(v, r.urn)[r.attr.name]
		if o, ok := val.(obj); ok {
			return m(o)
		}
		return slices.ContainsFunc(asList(val), func(e any) bool { o, ok := e.(obj); return ok && m(o) })
	}
}

func container(v obj, urn string) obj {
	if urn == "" {
		return v
	}
	part, _ := v[urn].(obj)
	return part
}

var operators = []string{"eq", "ne", "co", "sw", "ew", "gt", "ge", "lt", "le"}

func (p *parser) operator(r ref, known bool) (matcher, error) {
	if p.word("pr") {
		p.only = false
		return func(v obj) bool { return known && slices.ContainsFunc(values(v, r), present) }, nil
	}
	p.space()
	i := slices.IndexFunc(operators, p.word)
	if i < 0 {
		return nil, badFilter("an operator is expected at %q", p.rest)
	}
	operand, err := p.operand()
	if err != nil {
		return nil, err
	}
	if !known {
		return func(obj) bool { return operators[i] == "ne" }, nil
	}
	return p.compare(r, operators[i], operand)
}

// operand reads a JSON value; a bare word is a string, for clients that do not
// quote.
func (p *parser) operand() (any, error) {
	p.space()
	if strings.HasPrefix(p.rest, `"`) {
		for i := 1; i < len(p.rest); i++ {
			if p.rest[i] == '\\' {
				i++
			} else if p.rest[i] == '"' {
				var s string
				if json.Unmarshal([]byte(p.rest[:i+1]), &s) != nil {
					break
				}
				p.rest = p.rest[i+1:]
				return s, nil
			}
		}
		return nil, badFilter("a string is not closed or malformed")
	}
	w := bareForm.FindString(p.rest)
	if w == "" {
		return nil, badFilter("a value is expected")
	}
	p.rest = p.rest[len(w):]
	switch w {
	case "true":
		return true, nil
	case "false":
		return false, nil
	case "null":
		return nil, nil
	}
	var n json.Number
	if json.Unmarshal([]byte(w), &n) == nil {
		return n, nil
	}
	return w, nil
}

// values are all values an attribute path has in a resource.
func values(v obj, r ref) []any {
	if r.attr == nil { // a whole extension
		return []any{container(v, r.urn)}
	}
	val := container(v, r.urn)[r.attr.name]
	all, isList := val.(arr)
	if !isList {
		all = arr{val}
	}
	if r.sub == nil {
		return all
	}
	var out []any
	for _, e := range all {
		o, _ := e.(obj)
		out = append(out, o[r.sub.name])
	}
	return out
}

func present(v any) bool {
	if o, ok := v.(obj); ok {
		for _, x := range o {
			if present(x) {
				return true
			}
		}
		return false
	}
	return !none(v) && v != ""
}
