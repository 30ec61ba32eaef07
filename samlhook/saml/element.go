package saml

import (
	"strings"
	"unicode/utf8"
)

// element is an element of a tree, which is built from a canonical form alone: of what was signed, from the very bytes
// that the digest covers.
type element struct {
	local, space string
	attrs        []elementAttribute // no declarations
	text         string             // character data in front of the first child
	tail         string             // character data behind the element
	children     []*element
}

type elementAttribute struct{ space, local, value string }

// parse builds the tree of an element in canonical form.
func parse(canonical []byte) (*element, *Refusal) {
	t := tokens{in: string(canonical), canonical: true}
	var root, last *element // last is the child that ended last; nil right behind a start tag
	var open []*element
	var before []int // the declarations in scope before each of them
	var scope namespaces
	room := room{elements: make([]element, strings.Count(t.in, "</"))}
	for t.pos < len(t.in) {
		token, err := t.next()
		if err != nil {
			return nil, err
		}
		if len(open) == 0 && (root != nil || token.kind != startToken) || token.kind == cdataToken {
			return nil, t.malformed("it ends too early")
		}
		switch token.kind {
		case startToken:
			before = append(before, len(scope))
			el := room.element()
			if scope, err = t.fill(el, token.name, scope, &room); err != nil {
				return nil, err
			}
			if len(open) > 0 {
				parent := open[len(open)-1]
				parent.children = append(parent.children, el)
			} else {
				root = el
			}
			open, last = append(open, el), nil
		case endToken:
			last, scope = open[len(open)-1], scope[:before[len(before)-1]]
			open, before = open[:len(open)-1], before[:len(before)-1]
		case textToken:
			if data := resolved(token.text); last != nil {
				last.tail = data
			} else {
				open[len(open)-1].text = data
			}
		}
	}
	if root == nil || len(open) > 0 {
		return nil, t.malformed("it ends too early")
	}
	return root, nil
}

// room is where the elements of a tree and their attributes stand.
type room struct {
	elements   []element // yet to be used
	attributes []elementAttribute
}

func (r *room) element() *element {
	if len(r.elements) == 0 {
		return &element{}
	}
	el := &r.elements[0]
	r.elements = r.elements[1:]
	return el
}

// fill reads the start tag of el.
func (t *tokens) fill(el *element, name qname, scope namespaces, room *room) (namespaces, *Refusal) {
	scope, err := t.declare(scope)
	if err != nil {
		return nil, err
	}
	if el.space, err = t.resolve(name.prefix(), scope); err != nil {
		return nil, err
	}
	el.local = name.local()
	from := len(room.attributes)
	for _, a := range t.attrs {
		if _, ok := a.declared(); ok {
			continue
		}
		room.attributes = append(room.attributes,
			elementAttribute{scope.attribute(a.name.prefix()), a.name.local(), resolved(a.value)})
	}
	el.attrs = room.attributes[from:len(room.attributes):len(room.attributes)]
	return scope, nil
}

// resolved is a text in canonical form with its references resolved.
func resolved(s string) string {
	i := strings.IndexByte(s, '&')
	if i < 0 {
		return s
	}
	out := append(make([]byte, 0, len(s)), s[:i]...)
	for s = s[i:]; s != ""; {
		if r, size, ok := reference(s); s[0] == '&' && ok {
			out, s = utf8.AppendRune(out, r), s[size:]
			continue
		}
		next := strings.IndexByte(s[1:], '&') + 1
		if next == 0 {
			next = len(s)
		}
		out, s = append(out, s[:next]...), s[next:]
	}
	return string(out)
}

// attr is the value of an attribute without a prefix; empty if there is none.
func attr(el *element, name string) string {
	for _, a := range el.attrs {
		if a.space == "" && a.local == name {
			return a.value
		}
	}
	return ""
}

// text is the character data of an element, without that of its children.
func text(el *element) string {
	if len(el.children) == 0 {
		return el.text
	}
	var whole strings.Builder
	whole.WriteString(el.text)
	for _, child := range el.children {
		whole.WriteString(child.tail)
	}
	return whole.String()
}

// deepText is all character data inside an element: a value may be wrapped in an element of its own
// (eduPersonTargetedID holds a NameID).
func deepText(el *element) string {
	if len(el.children) == 0 {
		return el.text
	}
	var whole strings.Builder
	el.writeText(&whole)
	return whole.String()
}

func (el *element) writeText(to *strings.Builder) {
	to.WriteString(el.text)
	for _, child := range el.children {
		child.writeText(to)
		to.WriteString(child.tail)
	}
}

// trim takes off white space, which pretty-printing identity providers and people who fill in forms leave around
// values.
func trim(s string) string { return strings.TrimSpace(s) }

// children are the child elements with this name in this namespace.
func children(el *element, space, local string) []*element {
	var found []*element
	for _, child := range el.children {
		if child.local == local && child.space == space {
			found = append(found, child)
		}
	}
	return found
}

// descendants are the elements inside an element with this name, whatever their namespace, in the order of the
// document.
func descendants(el *element, local string) (found []*element) {
	for _, child := range el.children {
		if child.local == local {
			found = append(found, child)
		}
		found = append(found, descendants(child, local)...)
	}
	return found
}

// dsigChildren are all child elements; nil if one of them is not in the namespace of XML Signature.
func dsigChildren(el *element) []*element {
	for _, child := range el.children {
		if child.space != nsDsig {
			return nil
		}
	}
	return el.children
}

// isNil reports whether xsi:nil is set (SAML Core §2.7.3.1.1).
func isNil(el *element) bool {
	for _, a := range el.attrs {
		if a.local == "nil" && a.space == nsXSI && (a.value == "true" || a.value == "1") {
			return true
		}
	}
	return false
}
