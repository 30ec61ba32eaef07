package schema

import (
	"encoding/json"
	"math"
	"slices"
	"strconv"
	"strings"
)

// parseValue reads the whole value of an attribute; nil stands for unassigned.
func parseValue(a *Attribute, at string, v any, m Mode) (any, error) {
	if v == nil {
		return nil, nil
	}
	if !a.MultiValued {
		return parseSingle(a, at, v, m)
	}

	// The list.
	list, ok := v.([]any)
	if !ok {
		if _, object := v.(map[string]any); !object || m.Strict || a.Kind != Complex {
			if v == "" && !m.Strict {
				return nil, nil
			}
			return nil, Errorf(InvalidValue, at, "must be an array")
		}
		list = []any{v} // an object instead of an array (OneLogin templates)
	}

	// Its elements.
	values := make([]any, 0, len(list))
	for i, e := range list {
		if err := m.spend(1 + len(a.Sub)/4); err != nil {
			return nil, err
		}
		value, err := parseElement(a, indexed(at, i), e, m)
		if err != nil {
			return nil, err
		}
		if value != nil {
			values = append(values, value)
		}
	}

	// The list as a whole.
	if err := m.spend(len(values) / 4); err != nil {
		return nil, err
	}
	values = mergeDuplicates(a, values)
	if err := onePrimary(a, at, values, m); err != nil {
		return nil, err
	}
	if len(values) == 0 {
		return nil, nil
	}
	return values, nil
}

// parseElement reads one element of a list; nil stands for none.
func parseElement(a *Attribute, at string, e any, m Mode) (any, error) {
	switch {
	case e == nil && m.Strict:
		return nil, Errorf(InvalidValue, at, "must not be null")
	case e == nil:
		return nil, nil
	case a.Kind != Complex:
		return parseScalar(a, at, e, m)
	}
	object, ok := e.(map[string]any)
	if !ok {
		return nil, Errorf(InvalidValue, at, "must be an object")
	}
	values, err := parseComplex(a, at, object, m)
	if err != nil {
		return nil, err
	}

	// {"type":"work","value":""} is how some clients say that there is no value.
	if _, has := values["value"]; !has {
		if a.needValue {
			return nil, Errorf(InvalidValue, at+".value", "is required")
		}
		if !m.Strict && gaveEmptyValue(a, object) && onlyLabels(values) {
			return nil, nil
		}
	}
	if len(values) == 0 {
		return nil, nil
	}
	return values, nil
}

func gaveEmptyValue(a *Attribute, object map[string]any) bool {
	if find(a.Sub, "value") == nil {
		return false
	}
	for key, v := range object {
		if strings.EqualFold(key, "value") {
			return v == nil || v == ""
		}
	}
	return false
}

func onlyLabels(values map[string]any) bool {
	for name := range values {
		if name != "type" && name != "primary" && name != "display" {
			return false
		}
	}
	return true
}

// parseSingle reads the value of a single-valued attribute.
func parseSingle(a *Attribute, at string, v any, m Mode) (any, error) {
	if a.Kind != Complex {
		return parseScalar(a, at, v, m)
	}

	// manager as "id" or [{"value":"id"}] (Entra ID)
	if !m.Strict && find(a.Sub, "value") != nil {
		if list, ok := v.([]any); ok && len(list) <= 1 {
			if len(list) == 0 || list[0] == nil {
				return nil, nil
			}
			v = list[0]
		}
		if s, ok := v.(string); ok {
			v = map[string]any{"value": s}
		}
	}

	// The object.
	object, ok := v.(map[string]any)
	if !ok {
		return nil, Errorf(InvalidValue, at, "must be an object")
	}
	values, err := parseComplex(a, at, object, m)
	if err != nil || len(values) == 0 {
		return nil, err
	}
	return values, nil
}

func parseComplex(a *Attribute, at string, object map[string]any, m Mode) (map[string]any, error) {
	return parseMembers(a.Sub, object, a.Path, at+".", m)
}

// parseScalar reads one simple value.
func parseScalar(a *Attribute, at string, v any, m Mode) (any, error) {
	text, isString := v.(string)
	if isString && text == "" && !m.Strict {
		return nil, nil // how some clients clear a value
	}
	switch a.Kind {
	case Boolean:
		b, ok := v.(bool)
		if isString && !m.Strict { // "True" (Entra ID, OneLogin)
			b, ok = ParseBool(text)
		}
		if !ok {
			return nil, Errorf(InvalidValue, at, "must be true or false")
		}
		return b, nil
	case Integer, Decimal:
		n, ok := v.(json.Number)
		if isString && !m.Strict {
			n, ok = numberInText(text)
		}
		if !ok {
			return nil, Errorf(InvalidValue, at, "must be a number")
		}
		return parseNumber(a, at, n, m)
	}
	if !isString {
		return nil, Errorf(InvalidValue, at, "must be a string")
	}
	return parseText(a, at, text, m)
}

// numberInText reads a number that a client sent as a string.
func numberInText(text string) (json.Number, bool) {
	_, err := strconv.ParseFloat(text, 64)
	return json.Number(text), err == nil && json.Valid([]byte(text))
}

// ParseBool reads "true" and "false" in any case.
func ParseBool(s string) (value, ok bool) {
	switch {
	case strings.EqualFold(s, "true"):
		return true, true
	case strings.EqualFold(s, "false"):
		return false, true
	}
	return false, false
}

func parseNumber(a *Attribute, at string, n json.Number, m Mode) (any, error) {
	if a.Kind == Integer {
		if strings.ContainsAny(string(n), ".eE") {
			return nil, Errorf(InvalidValue, at, "must be an integer without fraction or exponent")
		}
		i, err := strconv.ParseInt(string(n), 10, 64)
		if err != nil {
			return nil, Errorf(InvalidValue, at, "must be an integer from %d to %d", math.MinInt64, math.MaxInt64)
		}
		n = json.Number(strconv.FormatInt(i, 10)) // -0
	} else if _, err := strconv.ParseFloat(string(n), 64); err != nil {
		return nil, Errorf(InvalidValue, at, "is out of range for a decimal")
	}
	if a.format != nil {
		if problem := a.format(string(n), m.Strict); problem != "" {
			return nil, &Error{InvalidValue, at, problem}
		}
	}
	return n, nil
}

func parseText(a *Attribute, at, text string, m Mode) (any, error) {
	// The type.
	problem := ""
	switch a.Kind {
	case DateTime:
		if _, ok := ParseTime(text); !ok {
			problem = "must be a dateTime such as 2026-01-31T08:30:00Z"
		}
	case Binary:
		given := text
		if !m.Strict { // base64 as PEM breaks it
			text = strings.NewReplacer("\n", "", "\r", "", " ", "").Replace(text)
		}
		if _, ok := decodeBase64(text); !ok || text == "" && given != "" {
			problem = "must be base64"
		}
	case Reference:
		problem = reference(a, text, m.Strict)
	}

	// The attribute's own rules.
	if problem == "" && a.closed {
		if text, problem = a.canonical(text); problem != "" {
			return nil, &Error{InvalidValue, at, problem}
		}
	}
	if problem == "" && a.format != nil {
		problem = a.format(text, m.Strict)
	}
	if problem != "" {
		return nil, &Error{InvalidValue, at, problem}
	}
	return text, nil
}

// canonical returns the spelling of a value of a closed set, or what is wrong with it.
func (a *Attribute) canonical(text string) (string, string) {
	if slices.Contains(a.CanonicalValues, text) {
		return text, ""
	}
	if !a.CaseExact {
		for _, c := range a.CanonicalValues {
			if Fold(c) == Fold(text) {
				return c, ""
			}
		}
	}
	return "", "must be one of " + strings.Join(a.CanonicalValues, ", ")
}
