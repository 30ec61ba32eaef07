package schema

import "encoding/json"

// mergeDuplicates merges elements of the same type and value into the first of them (RFC 7643 §2.4). Members and simple
// values are compared by value alone. Elements without a value are all kept.
func mergeDuplicates(a *Attribute, values []any) []any {
	if len(values) < 2 {
		return values
	}

	// What tells elements apart.
	value, typ := a, (*Attribute)(nil)
	if a.Kind == Complex {
		if value = find(a.Sub, "value"); value == nil {
			return values
		}
		if !a.needValue {
			typ = find(a.Sub, "type")
		}
	}

	// The first of each stays and gets what the others say.
	first := make(map[elementKey]int, len(values))
	kept := values[:0]
	for _, e := range values {
		key, ok := keyOfElement(value, typ, e)
		if !ok {
			kept = append(kept, e)
			continue
		}
		i, twice := first[key]
		if !twice {
			first[key] = len(kept)
			kept = append(kept, e)
			continue
		}
		if object, ok := e.(map[string]any); ok {
			mergeElement(kept[i].(map[string]any), object)
		}
	}
	return kept
}

// elementKey is equal for elements that are the same.
type elementKey struct{ typ, value string }

// keyOfElement returns the key of an element; false for an object without a value, which is the same as no other.
func keyOfElement(value, typ *Attribute, e any) (key elementKey, ok bool) {
	object, isObject := e.(map[string]any)
	if !isObject {
		key.value, _ = scalarKey(value, e)
		return key, true
	}
	if key.value, ok = scalarKey(value, object["value"]); ok && typ != nil {
		key.typ, _ = scalarKey(typ, object["type"])
	}
	return key, ok
}

func mergeElement(into, from map[string]any) {
	for name, v := range from {
		if _, has := into[name]; !has || name == "primary" && v == true {
			into[name] = v
		}
	}
}

// scalarKey returns a key for a simple value; false if it is not one.
func scalarKey(a *Attribute, v any) (string, bool) {
	switch v := v.(type) {
	case string:
		return a.Key(v), true
	case json.Number:
		return string(v), true
	case bool:
		if v {
			return "true", true
		}
		return "false", true
	}
	return "", false
}

// onePrimary ensures that at most one element is primary (RFC 7643 §2.4). PingOne sends the same value twice as
// primary, under different types: the first stays primary, unless strict.
func onePrimary(a *Attribute, at string, values []any, m Mode) error {
	var primary map[string]any
	for i, e := range values {
		object, ok := e.(map[string]any)
		if !ok || object["primary"] != true || find(a.Sub, "primary") == nil {
			continue
		}
		if primary == nil {
			primary = object
			continue
		}
		v := find(a.Sub, "value")
		if m.Strict || v == nil {
			return onePrimaryError(at, i)
		}
		one, ok1 := scalarKey(v, primary["value"])
		two, ok2 := scalarKey(v, object["value"])
		if !ok1 || !ok2 || one != two {
			return onePrimaryError(at, i)
		}
		object["primary"] = false
	}
	return nil
}

func onePrimaryError(at string, i int) error {
	return Errorf(InvalidValue, indexed(at, i)+".primary", "only one element can be primary")
}
