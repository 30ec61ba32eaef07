package saml

import (
	"strings"

	"github.com/beevik/etree"
)

// Check is one comparison of the verification, kept in the SignIn record so that
// an administrator sees what was expected beside what was received. Values are
// cut at 300 bytes and hold no control characters.
type Check struct {
	Name     string `json:"name"`
	OK       bool   `json:"ok"`
	Expected string `json:"expected,omitempty"`
	Received string `json:"received,omitempty"`
}

// checklist gathers checks; all of them are made, so that one record shows all
// that is wrong, and the first that failed is the reason of the refusal.
type checklist struct {
	checks []Check
	first  *Refusal
}

func (l *checklist) add(name string, ok bool, expected, received string, reason Reason, explanation string) bool {
	l.checks = append(l.checks, Check{Name: name, OK: ok, Expected: Clip(expected), Received: Clip(received)})
	if !ok && l.first == nil {
		l.first = Refuse(reason, explanation)
	}
	return ok
}

func (l *checklist) err() error {
	if l.first == nil {
		return nil
	}
	return l.first
}

// one is the child of that name; two of them fail the checklist.
func (l *checklist) one(el *etree.Element, space, tag string) *etree.Element {
	found, err := one(el, space, tag)
	if err != nil {
		l.add(strings.ToLower(tag), false, "one "+tag, "several", ReasonDuplicateElement, err.(*Refusal).Explanation)
	}
	return found
}
