package saml

import (
	"errors"
	"strings"
	"time"

	"github.com/beevik/etree"
)

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

// instants that SAML calls for are xs:dateTime in UTC (SAML Core §1.3.3); a zone
// is tolerated, as is its absence.
func parseInstant(s string) (time.Time, error) {
	s = trim(s)
	if s == "" || len(s) > 64 {
		return time.Time{}, errors.New("no time")
	}
	t, err := time.Parse(time.RFC3339Nano, s)
	if err != nil {
		t, err = time.Parse("2006-01-02T15:04:05.999999999", s)
	}
	return t.UTC(), err
}

func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339) }

// trim takes off the white space of XML and of Unicode, which pretty-printing
// identity providers and people who fill in forms leave around values.
func trim(s string) string { return strings.TrimSpace(s) }

// decodeAttributes reads all AttributeStatements.
func decodeAttributes(assertion *etree.Element) []Attribute {
	var all []Attribute
	for _, statement := range children(assertion, nsAssertion, "AttributeStatement") {
		for _, el := range children(statement, nsAssertion, "Attribute") {
			a := Attribute{Name: trim(attr(el, "Name")), FriendlyName: trim(attr(el, "FriendlyName"))}
			for _, value := range children(el, nsAssertion, "AttributeValue") {
				if !isNil(value) {
					a.Values = append(a.Values, trim(deepText(value)))
				}
			}
			all = append(all, a)
		}
	}
	return all
}

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
