package schema

import "encoding/json"

// Document is a resource in canonical form: attributes under the names the
// schemas spell, with values string, bool, json.Number, map[string]any (complex;
// also each extension, under its URN) and []any (multi-valued). What is unassigned
// (null, [], {}) is absent (RFC 7643 §2.5). It holds neither "schemas", which
// follows from the extensions present, nor "meta".
type Document map[string]any

// Clone is a deep copy.
func (d Document) Clone() Document {
	if d == nil {
		return nil
	}
	return CloneValue(map[string]any(d)).(map[string]any)
}

// Equal reports whether both hold the same values, elements in the same order.
func (d Document) Equal(other Document) bool {
	return EqualValues(map[string]any(d), map[string]any(other))
}

// CloneValue is a deep copy of a value in Document form.
func CloneValue(v any) any {
	switch v := v.(type) {
	case Document:
		return v.Clone()
	case map[string]any:
		c := make(map[string]any, len(v))
		for k, e := range v {
			c[k] = CloneValue(e)
		}
		return c
	case []any:
		c := make([]any, len(v))
		for i, e := range v {
			c[i] = CloneValue(e)
		}
		return c
	}
	return v
}

// EqualValues reports whether two values in Document form are the same; numbers
// are compared as they are written.
func EqualValues(a, b any) bool {
	switch a := a.(type) {
	case map[string]any:
		b, ok := b.(map[string]any)
		if !ok || len(a) != len(b) {
			return false
		}
		for k, v := range a {
			if w, ok := b[k]; !ok || !EqualValues(v, w) {
				return false
			}
		}
		return true
	case []any:
		b, ok := b.([]any)
		if !ok || len(a) != len(b) {
			return false
		}
		for i := range a {
			if !EqualValues(a[i], b[i]) {
				return false
			}
		}
		return true
	case string:
		b, ok := b.(string)
		return ok && a == b
	case bool:
		b, ok := b.(bool)
		return ok && a == b
	case json.Number:
		b, ok := b.(json.Number)
		return ok && a == b
	case nil:
		return b == nil
	}
	return false
}
