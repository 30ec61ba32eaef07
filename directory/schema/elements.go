package schema

import "encoding/json"

// mergeDuplicates merges elements of the same type and value into the first of
// them (RFC 7643 §2.4); members and simple values count by value alone. Elements
// without value are all kept.
func mergeDuplicates(a *Attribute, values []any) []any {
	if len(values) < 2 {
		return values
	}
	type identity struct{ typ, value string }
	value, typ := a, (*Attribute)(nil)
	if a.Kind == Complex {
		if value = find(a.Sub, "value"); value == nil {
			return values
		}
		if !a.needValue {
			typ = find(a.Sub, "type")
		}
	}
	first := make(map[identity]int, len(values))
	kept := values[:0]
	for _, e := range values {
		var id identity
		if object, ok := e.(map[string]any); ok {
			id.value, ok = scalarKey(value, object["value"])
			if !ok {
				kept = append(kept, e)
				continue
			}
			if typ != nil {
				id.typ, _ = scalarKey(typ, object["type"])
			}
		} else {
			id.value, _ = scalarKey(value, e)
		}
		i, twice := first[id]
		if !twice {
			first[id] = len(kept)
			kept = append(kept, e)
			continue
		}
		if object, ok := e.(map[string]any); ok {
			mergeElement(kept[i].(map[string]any), object)
		}
	}
	return kept
}

func mergeElement(into, from map[string]any) {
	for name, v := range from {
		if _, has := into[name]; !has || name == "primary" && v == true {
			into[name] = v
		}
	}
}

// scalarKey is the identity of a simple value; false if there is none.
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

// onePrimary sees to it that at most one element is primary (RFC 7643 §2.4). The
// same value twice as primary, under different types, is what PingOne sends: the
// first stays primary unless strict.
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
	return Errorf(InvalidValue, indexed(at, i)+".primary", "only one element may be primary")
}
