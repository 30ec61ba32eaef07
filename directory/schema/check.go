package schema

import (
	"encoding/json"
	"strings"
)

// Limits of documents, which Check enforces.
const (
	MaxUniqueLength = 1024 // bytes of a unique value, which becomes part of a key
	MaxElements     = 1000 // elements of a multi-valued attribute; Group.members is bounded by requests instead
)

// Check judges a whole document: required attributes are there and not blank, at most one element of a list is primary,
// required extensions are present, and values keep to MaxUniqueLength, MaxElements and the rules of our own types.
// Attributes that the server provides (readOnly) or that are not kept (writeOnly) may be absent. The error is an *Error
// (invalidValue) that names the attribute.
func (t *ResourceType) Check(doc Document) error {
	for _, list := range [][]*Attribute{t.common, t.Schema.Attributes} {
		if err := checkMembers(list, doc, ""); err != nil {
			return err
		}
	}
	for _, e := range t.Extensions {
		v, ok := doc[e.Schema.ID]
		values, isObject := v.(map[string]any)
		switch {
		case ok && !isObject:
			return Errorf(InvalidValue, e.Schema.ID, "must be an object")
		case len(values) == 0 && e.Required:
			return Errorf(InvalidValue, e.Schema.ID, "is required: every %s has this extension", t.Name)
		case len(values) == 0:
			continue
		}
		if err := checkMembers(e.Schema.Attributes, values, e.Schema.ID+":"); err != nil {
			return err
		}
	}
	return nil
}

func checkMembers(list []*Attribute, values map[string]any, at string) error {
	for _, a := range list {
		v, ok := values[a.Name]
		if !ok {
			if a.Required && a.Mutability != ReadOnly && a.Mutability != WriteOnly && a.Name != "schemas" {
				return Errorf(InvalidValue, at+a.Name, "is required")
			}
			continue
		}
		if err := checkValue(a, at+a.Name, v); err != nil {
			return err
		}
	}
	return nil
}

func checkValue(a *Attribute, at string, v any) error {
	if !a.MultiValued {
		return checkElement(a, at, v)
	}
	list, ok := v.([]any)
	switch {
	case !ok:
		return Errorf(InvalidValue, at, "must be an array")
	case len(list) == 0 && a.Required:
		return Errorf(InvalidValue, at, "is required and must not be empty")
	case len(list) > MaxElements && !a.needValue:
		return Errorf(InvalidValue, at, "has %d elements; at most %d are allowed", len(list), MaxElements)
	}
	for i, e := range list {
		if err := checkElement(a, indexed(at, i), e); err != nil {
			return err
		}
	}
	return onePrimary(a, at, list, Mode{Strict: true})
}

func checkElement(a *Attribute, at string, v any) error {
	// The type.
	text, fits := "", false
	switch v := v.(type) {
	case map[string]any:
		if a.Kind != Complex {
			break
		}
		if _, ok := v["value"]; a.needValue && !ok {
			return Errorf(InvalidValue, at+".value", "is required")
		}
		return checkMembers(a.Sub, v, at+".")
	case bool:
		fits = a.Kind == Boolean
	case json.Number:
		text, fits = string(v), a.Kind == Integer || a.Kind == Decimal
	case string:
		text, fits = v, a.Kind == String || a.Kind == DateTime || a.Kind == Binary || a.Kind == Reference
		if a.Required && strings.TrimSpace(v) == "" {
			return Errorf(InvalidValue, at, "is required and must not be empty")
		}
	}

	// The rules for its text.
	switch {
	case !fits:
		return Errorf(InvalidValue, at, "must be of type %s", a.Kind)
	case a.Uniqueness != UniqueNone && len(text) > MaxUniqueLength:
		return Errorf(InvalidValue, at, "has %d bytes; a unique value can have at most %d", len(text), MaxUniqueLength)
	case a.closed:
		if _, problem := a.canonical(text); problem != "" {
			return &Error{InvalidValue, at, problem}
		}
	case a.format != nil && text != "":
		if problem := a.format(text, false); problem != "" {
			return &Error{InvalidValue, at, problem}
		}
	}
	return nil
}
