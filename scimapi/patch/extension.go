package patch

import "rollcall/directory/schema"

// removeExtension removes an extension as a whole.
func (e *engine) removeExtension(ext *schema.Schema) error {
	for _, x := range e.t.Extensions {
		if x.Required && x.Schema == ext {
			return schema.Errorf(schema.MutabilityError, ext.ID, "is a required extension and cannot be removed")
		}
	}
	stored := e.container(ext.ID)
	for _, a := range ext.Attributes {
		v, assigned := stored[a.Name]
		if a.Mutability == schema.ReadOnly && assigned {
			return schema.Errorf(schema.MutabilityError, a.Path, "is readOnly")
		}
		if err := fixed(a, v, nil); err != nil {
			return err
		}
	}
	if readOnly(ext) {
		return schema.Errorf(schema.MutabilityError, ext.ID, "is readOnly")
	}
	return e.within(ext.ID, func(c map[string]any) error { clear(c); return nil })
}

// readOnly reports whether only the server writes the extension.
func readOnly(s *schema.Schema) bool {
	for _, a := range s.Attributes {
		if a.Mutability != schema.ReadOnly {
			return false
		}
	}
	return true
}
