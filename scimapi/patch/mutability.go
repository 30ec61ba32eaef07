package patch

import "rollcall/directory/schema"

// fixed refuses the change of an immutable attribute that has a value, a itself or a part of it (RFC 7643 §7). It does
// not look into the values of a multi-valued attribute: they come and go as wholes.
func fixed(a *schema.Attribute, before, after any) error {
	if unassigned(before) {
		return nil
	}
	if a.Mutability == schema.Immutable && !schema.EqualValues(before, after) {
		return schema.Errorf(schema.MutabilityError, a.Path, "is immutable and already has a value")
	}
	if a.MultiValued {
		return nil
	}
	return fixedParts(a, before, after)
}

// fixedParts is fixed for the sub-attributes of one value.
func fixedParts(a *schema.Attribute, before, after any) error {
	b, _ := before.(map[string]any)
	n, _ := after.(map[string]any)
	for _, sub := range a.Sub {
		if err := fixed(sub, b[sub.Name], n[sub.Name]); err != nil {
			return err
		}
	}
	return nil
}

// unassigned reports whether a value in Document form stands for none (RFC 7643 §2.5).
func unassigned(v any) bool {
	switch v := v.(type) {
	case nil:
		return true
	case map[string]any:
		return len(v) == 0
	case []any:
		return len(v) == 0
	}
	return false
}
