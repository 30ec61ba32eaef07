package schema

import (
	"encoding/json"
	"maps"
	"slices"
)

// Document is a resource in canonical form: attributes under their names as the schemas spell them, with values of the
// types string, bool, json.Number, map[string]any (complex; also each extension, under its URN) and []any
// (multi-valued). An unassigned attribute (null, [], {}) is absent (RFC 7643 §2.5). "schemas", which follows from the
// extensions present, and "meta" are never in it.
type Document map[string]any

// Clone returns a deep copy.
func (d Document) Clone() Document {
	if d == nil {
		return nil
	}
	return CloneValue(map[string]any(d)).(map[string]any)
}

// Equal reports whether both have the same values, with elements in the same order.
func (d Document) Equal(other Document) bool {
	return EqualValues(map[string]any(d), map[string]any(other))
}

// CloneValue returns a deep copy of a value in Document form.
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

// EqualValues reports whether two values in Document form are the same; numbers are compared as they are written.
func EqualValues(a, b any) bool {
	switch a := a.(type) {
	case map[string]any:
		b, ok := b.(map[string]any)
		return ok && maps.EqualFunc(a, b, EqualValues)
	case []any:
		b, ok := b.([]any)
		return ok && slices.EqualFunc(a, b, EqualValues)
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
