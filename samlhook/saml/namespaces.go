package saml

import "strings"

// namespaces are declarations in scope, the innermost last.
type namespaces []declaration

// declaration binds a prefix, which may be empty, to a namespace; the empty one to none if uri is empty.
type declaration struct{ prefix, uri string }

const (
	nsXML   = "http://www.w3.org/XML/1998/namespace"
	nsXMLNS = "http://www.w3.org/2000/xmlns/"
)

// maxScope bounds the declarations in scope, maxNamespace how long a namespace is, in bytes: canonical form may repeat
// it on every element.
const (
	maxScope     = 48
	maxNamespace = 512
)

// of is the namespace of a prefix; empty if it has none.
func (n namespaces) of(prefix string) string {
	for i := len(n) - 1; i >= 0; i-- {
		if n[i].prefix == prefix {
			return n[i].uri
		}
	}
	return ""
}

// declared is the prefix that an attribute declares (Namespaces in XML 1.0 §3).
func (a attribute) declared() (prefix string, ok bool) {
	switch {
	case a.name.whole == "xmlns":
		return "", true
	case a.name.prefix() == "xmlns":
		return a.name.local(), true
	}
	return "", false
}

// declare adds the declarations of the start tag that was read last.
func (t *tokens) declare(scope namespaces) (namespaces, *Refusal) {
	for _, a := range t.attrs {
		prefix, ok := a.declared()
		if !ok {
			continue
		}
		switch {
		case prefix == "xml" || prefix == "xmlns" || (prefix != "" && a.value == "") ||
			a.value == nsXML || a.value == nsXMLNS:
			return nil, t.malformed("a namespace declaration that XML forbids")
		case strings.ContainsAny(a.value, "& \t\r\n\"'"):
			return nil, t.malformed("a reference, white space or quotes in a namespace declaration")
		case a.value != "" && !isAbsolute(a.value):
			return nil, t.malformed("a relative namespace, which has no canonical form")
		case len(a.value) > maxNamespace:
			return nil, t.malformed("a namespace that is too long")
		case len(scope) == maxScope:
			return nil, t.malformed("too many namespace declarations in scope")
		}
		scope = append(scope, declaration{prefix, a.value})
	}
	return scope, nil
}

// isAbsolute reports whether a URI begins with a scheme (RFC 3986 §3.1). Canonical XML §1.3 has no form for relative
// namespaces, and implementations differ in what they make of them.
func isAbsolute(uri string) bool {
	for i, b := range []byte(uri) {
		letter := b|0x20 >= 'a' && b|0x20 <= 'z'
		switch {
		case b == ':':
			return i > 0
		case !letter && (i == 0 || (b < '0' || b > '9') && b != '+' && b != '-' && b != '.'):
			return false
		}
	}
	return false
}

// resolve is the namespace of an element with this prefix. It checks the attributes of its start tag, too: their
// prefixes are declared, and no two of them are the same attribute under different prefixes.
func (t *tokens) resolve(prefix string, scope namespaces) (string, *Refusal) {
	space := scope.of(prefix)
	if prefix != "" && space == "" {
		return "", t.malformed("a prefix that is not declared")
	}
	t.spaces = t.spaces[:0]
	for i, a := range t.attrs {
		p, local := a.name.prefix(), a.name.local()
		if p == "" || p == "xmlns" {
			t.spaces = append(t.spaces, "")
			continue
		}
		uri := scope.attribute(p)
		if uri == "" {
			return "", t.malformed("a prefix that is not declared")
		}
		for j, other := range t.spaces[:i] {
			if other == uri && t.attrs[j].name.local() == local {
				return "", t.malformed("an attribute given twice")
			}
		}
		t.spaces = append(t.spaces, uri)
	}
	return space, nil
}

// attribute is the namespace of an attribute with this prefix: none without one (Namespaces in XML 1.0 §6.2).
func (n namespaces) attribute(prefix string) string {
	switch prefix {
	case "":
		return ""
	case "xml":
		return nsXML
	}
	return n.of(prefix)
}
