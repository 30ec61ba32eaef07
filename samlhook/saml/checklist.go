package saml

import (
	"strconv"
	"strings"

	"github.com/beevik/etree"
)

// Check is one comparison of the verification. The SignIn record keeps it, so that an administrator sees what was
// expected beside what was received, in no language: values, ranges (≤, …) and names of elements. Values are clipped.
type Check struct {
	Name     string
	OK       bool
	Expected string
	Received string

	// Reason and Explanation are those of the refusal that the check alone would lead to; empty if it passed.
	Reason      Reason
	Explanation Explanation
}

// checklist gathers checks. All of them are made, so that one record shows everything that is wrong; the first that
// failed is the reason of the refusal.
type checklist struct {
	checks []Check
	first  *Refusal // nil while every check has passed
}

// add notes a check and reports whether it passed. What it says if it failed is as in Refuse.
func (l *checklist) add(name string, ok bool, expected, received string, reason Reason, said ...Sentence) bool {
	check := Check{Name: name, OK: ok, Expected: Clip(expected), Received: Clip(received)}
	if !ok {
		check.Reason, check.Explanation = reason, explained(reason, said)
		if l.first == nil {
			l.first = Refuse(reason, said...)
		}
	}
	l.checks = append(l.checks, check)
	return ok
}

// one is the only child of that name; nil if there is none. Two fail the checklist: readers differ in which they take.
func (l *checklist) one(el *etree.Element, space, tag string) *etree.Element {
	found := children(el, space, tag)
	switch len(found) {
	case 0:
		return nil
	case 1:
		return found[0]
	}
	l.add(strings.ToLower(tag), false, "1", strconv.Itoa(len(found)), ReasonDuplicateElement,
		Say("duplicate_element", "parent", el.Tag, "element", tag))
	return nil
}
