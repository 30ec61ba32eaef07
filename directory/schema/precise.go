package schema

import (
	"strings"

	"github.com/agnivade/levenshtein"
)

// Contradiction returns an error for a readOnly part of a value in sent that is not so: neither stored nor shown by a
// reply. All three are documents with their readOnly values. A readOnly attribute as a whole is ignored (RFC 7644 §3.3,
// §3.5.1); but who sends a value that he may write with a part that he may not believes that both were set. What a
// reply computes each time is not compared. The error is an *Error (mutability).
func (t *ResourceType) Contradiction(sent, stored, shown Document) error {
	for _, a := range t.Schema.Attributes {
		v, ok := sent[a.Name]
		if !ok || a.Kind != Complex || a.Mutability == ReadOnly {
			continue
		}
		if err := contradictionIn(a, v, stored[a.Name], shown[a.Name], a.Name); err != nil {
			return err
		}
	}
	return nil
}

// contradiction is Contradiction for the parts of one value.
func contradiction(list []*Attribute, sent, stored, shown map[string]any, at string) error {
	for _, a := range list {
		v, ok := sent[a.Name]
		if !ok || v == false && stored[a.Name] == nil {
			continue
		}
		if a.Mutability == ReadOnly {
			was, has := stored[a.Name]
			is, said := shown[a.Name]
			if computed := said && !has; !computed && !has || has && !sameValue(a, was, v) && !sameValue(a, is, v) {
				return Errorf(MutabilityError, at+a.Name, "is readOnly, and the value differs from the current one")
			}
			continue
		}
		if a.Kind != Complex {
			continue
		}
		if err := contradictionIn(a, v, stored[a.Name], shown[a.Name], at+a.Name); err != nil {
			return err
		}
	}
	return nil
}

// contradictionIn is contradiction for a complex value: one, or each element of a list beside the one that is the same.
func contradictionIn(a *Attribute, sent, stored, shown any, at string) error {
	list, many := sent.([]any)
	if !many {
		return contradiction(a.Sub, object(sent), object(stored), object(shown), at+".")
	}
	was, _ := stored.([]any)
	is, _ := shown.([]any)
	for i, e := range list {
		given := object(e)
		if err := contradiction(a.Sub, given, sameElement(a, was, given), sameElement(a, is, given),
			indexed(at, i)+"."); err != nil {
			return err
		}
	}
	return nil
}

func object(v any) map[string]any {
	m, _ := v.(map[string]any)
	return m
}

// Unknown is the error for a member of a body, at the place, that is not an attribute of the list; of names what has
// the list. It names the attribute that comes nearest.
func Unknown(key, at, of string, list []*Attribute) *Error {
	names := make([]string, len(list))
	for i, a := range list {
		names[i] = a.Name
	}
	if near := Nearest(key, names); near != "" {
		return Errorf(InvalidSyntax, at+key, "is not an attribute of %s; did you mean %s?", of, near)
	}
	return Errorf(InvalidSyntax, at+key, "is not an attribute of %s", of)
}

// Nearest returns the name that a misspelled one was probably meant to be: the one that differs from it by the fewest
// letters, but for their case, and by at most a third of them, or of which one is the beginning of the other; "" if
// there is none.
func Nearest(misspelled string, names []string) string {
	word, best, least := strings.ToLower(misspelled), "", 0
	for _, name := range names {
		other := strings.ToLower(name)
		d := levenshtein.ComputeDistance(word, other)
		begins := len(word) > 2 && (strings.HasPrefix(other, word) || strings.HasPrefix(word, other))
		if near := begins || d <= max(1, min(len(word), len(name))/3); near && (best == "" || d < least) {
			best, least = name, d
		}
	}
	return best
}
