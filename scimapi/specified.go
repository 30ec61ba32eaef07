package scimapi

import (
	"slices"

	"rollcall/directory/schema"
)

// specifies reports whether the client's request specifies the attribute. The reply shows it then, also if it is
// returned only on request (RFC 7643 §7).
func (c *change) specifies(a *schema.Attribute) bool {
	if c.patch != nil {
		return c.patch.Specifies(a)
	}
	in := map[string]any(c.doc)
	if ext := c.t.Extension(a.URN); ext != nil {
		in, _ = in[ext.ID].(map[string]any)
	}
	return hasValue(in, a)
}

// hasValue reports whether the attribute has a value in the object with the attributes of its schema.
func hasValue(in map[string]any, a *schema.Attribute) bool {
	if a.Parent == nil {
		_, ok := in[a.Name]
		return ok
	}
	return slices.ContainsFunc(objectsAt(in, a.Parent), func(o map[string]any) bool { _, ok := o[a.Name]; return ok })
}

// objectsAt returns the values of a complex attribute.
func objectsAt(in map[string]any, a *schema.Attribute) (objects []map[string]any) {
	above := []map[string]any{in}
	if a.Parent != nil {
		above = objectsAt(in, a.Parent)
	}
	for _, o := range above {
		list, ok := o[a.Name].([]any)
		if !ok {
			list = []any{o[a.Name]}
		}
		for _, e := range list {
			if object, ok := e.(map[string]any); ok {
				objects = append(objects, object)
			}
		}
	}
	return objects
}
