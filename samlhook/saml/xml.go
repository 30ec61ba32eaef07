package saml

import (
	"strings"

	"github.com/beevik/etree"
)

// attr is the value of an attribute without a prefix; empty if there is none. (etree's SelectAttr takes an attribute
// with any prefix.)
func attr(el *etree.Element, key string) string {
	for _, a := range el.Attr {
		if a.Space == "" && a.Key == key {
			return a.Value
		}
	}
	return ""
}

// text is the character data of an element, without that of its children.
func text(el *etree.Element) string {
	var whole strings.Builder
	for _, child := range el.Child {
		if data, ok := child.(*etree.CharData); ok {
			whole.WriteString(data.Data)
		}
	}
	return whole.String()
}

// deepText is all character data inside an element: a value may be wrapped in an element of its own
// (eduPersonTargetedID holds a NameID).
func deepText(el *etree.Element) string {
	var whole strings.Builder
	for _, child := range el.Child {
		switch child := child.(type) {
		case *etree.CharData:
			whole.WriteString(child.Data)
		case *etree.Element:
			whole.WriteString(deepText(child))
		}
	}
	return whole.String()
}

// trim takes off white space, which pretty-printing identity providers and people who fill in forms leave around
// values.
func trim(s string) string { return strings.TrimSpace(s) }

// children are the child elements with this name in this namespace.
func children(el *etree.Element, space, tag string) []*etree.Element {
	var found []*etree.Element
	for _, child := range el.ChildElements() {
		if child.Tag == tag && child.NamespaceURI() == space {
			found = append(found, child)
		}
	}
	return found
}

// dsigChildren are all child elements; nil if one of them is not in the namespace of XML Signature.
func dsigChildren(el *etree.Element) []*etree.Element {
	all := el.ChildElements()
	for _, child := range all {
		if child.NamespaceURI() != nsDsig {
			return nil
		}
	}
	return all
}

// isNil reports whether xsi:nil is set (SAML Core §2.7.3.1.1).
func isNil(el *etree.Element) bool {
	for _, a := range el.Attr {
		if a.Key == "nil" && (a.Value == "true" || a.Value == "1") && a.NamespaceURI() == nsXSI {
			return true
		}
	}
	return false
}
