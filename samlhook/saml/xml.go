package saml

import (
	"strings"

	"github.com/beevik/etree"
)

// attr is the value of an attribute without a prefix; empty when there is none.
// (etree's SelectAttr takes an attribute of any prefix.)
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

// dsigChildren are all child elements, or nil when one of them is not of XML
// Signature's namespace.
func dsigChildren(el *etree.Element) []*etree.Element {
	all := el.ChildElements()
	for _, child := range all {
		if child.NamespaceURI() != nsDsig {
			return nil
		}
	}
	return all
}

// one returns the only child of that name, nil when there is none. Two are
// refused: readers differ in which one they take.
func one(el *etree.Element, space, tag string) (*etree.Element, error) {
	found := children(el, space, tag)
	switch len(found) {
	case 0:
		return nil, nil
	case 1:
		return found[0], nil
	}
	return nil, Refuse(ReasonDuplicateElement, "The "+el.Tag+" holds "+tag+" more than once.")
}

// trim takes off the white space of XML and of Unicode, which pretty-printing
// identity providers and people who fill in forms leave around values.
func trim(s string) string { return strings.TrimSpace(s) }

// isNil says whether xsi:nil is set (SAML Core §2.7.3.1.1).
func isNil(el *etree.Element) bool {
	for _, a := range el.Attr {
		if a.Key == "nil" && (a.Value == "true" || a.Value == "1") && a.NamespaceURI() == nsXSI {
			return true
		}
	}
	return false
}

// deepText is all character data inside, because a value may be wrapped in an
// element of its own (eduPersonTargetedID holds a NameID).
func deepText(el *etree.Element) string {
	inner := el.ChildElements()
	if len(inner) == 0 {
		return text(el)
	}
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
