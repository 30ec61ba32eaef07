package schema

// Encode returns the canonical JSON that is stored: "schemas", "id", "externalId", then attributes in the order of the
// schema, then extensions in the order of the type. Equal documents give equal bytes. The error is an *Error that names
// an attribute that the schemas do not have, or a value whose Go type is not one of Document's.
func (t *ResourceType) Encode(doc Document) (dst []byte, err error) {
	dst = t.appendSchemas(make([]byte, 0, 1024), doc)
	written := 0

	// The common attributes and those of the schema.
	for _, list := range [][]*Attribute{t.common, t.Schema.Attributes} {
		for _, a := range list {
			v, ok := doc[a.Name]
			if !ok || a.Name == "schemas" || a.Name == "meta" {
				continue
			}
			dst = append(appendString(append(dst, ','), a.Name), ':')
			if dst, err = a.AppendJSON(dst, v); err != nil {
				return nil, err
			}
			written++
		}
	}

	// The extensions.
	for _, e := range t.Extensions {
		v, ok := doc[e.Schema.ID]
		if !ok {
			continue
		}
		written++
		if dst, err = e.Schema.appendExtension(dst, v); err != nil {
			return nil, err
		}
	}

	// Anything else is a mistake.
	if written != len(doc) {
		if err := t.unknownMember(doc); err != nil {
			return nil, err
		}
	}
	return append(dst, '}'), nil
}

// appendSchemas begins the document with "schemas".
func (t *ResourceType) appendSchemas(dst []byte, doc Document) []byte {
	dst = appendString(append(dst, `{"schemas":[`...), t.Schema.ID)
	for _, e := range t.Extensions {
		if values, _ := doc[e.Schema.ID].(map[string]any); len(values) > 0 || e.Required {
			dst = appendString(append(dst, ','), e.Schema.ID)
		}
	}
	return append(dst, ']')
}

// appendExtension appends an extension as a member of the document, or nothing if it is empty.
func (s *Schema) appendExtension(dst []byte, v any) ([]byte, error) {
	values, ok := v.(map[string]any)
	if !ok {
		return nil, Errorf(InvalidValue, s.ID, "must be an object")
	}
	if len(values) == 0 {
		return dst, nil
	}
	dst = append(appendString(append(dst, ','), s.ID), ':')
	return appendObject(dst, s.Attributes, values, s.ID+":")
}

// unknownMember is the error for a member that a document of the type cannot have; nil if there is none.
func (t *ResourceType) unknownMember(doc Document) error {
	for name := range doc {
		a := t.Lookup(name)
		known := a != nil && a.Name == name && name != "schemas" && name != "meta"
		if !known && !t.hasExtension(name) {
			return Errorf(InvalidValue, name, "is not an attribute of a %s document", t.Name)
		}
	}
	return nil
}

func (t *ResourceType) hasExtension(urn string) bool {
	s := t.Extension(urn)
	return s != nil && s.ID == urn
}

// AppendJSON appends the JSON of a value of a, or of one element of it, in Document form, with sub-attributes in the
// order of the schema. Its errors are those of Encode.
func (a *Attribute) AppendJSON(dst []byte, v any) ([]byte, error) {
	switch v := v.(type) {
	case []any:
		return a.appendArray(dst, v)
	case map[string]any:
		if a.Kind != Complex {
			return nil, Errorf(InvalidValue, a.Path, "must not be an object")
		}
		return appendObject(dst, a.Sub, v, a.Path+".")
	}
	dst, ok := appendScalar(dst, v)
	if !ok || a.Kind == Complex {
		return nil, Errorf(InvalidValue, a.Path, "has a value of the Go type %T", v)
	}
	return dst, nil
}

func (a *Attribute) appendArray(dst []byte, list []any) ([]byte, error) {
	dst = append(dst, '[')
	var err error
	for i, e := range list {
		if i > 0 {
			dst = append(dst, ',')
		}
		if dst, err = a.AppendJSON(dst, e); err != nil {
			return nil, err
		}
	}
	return append(dst, ']'), nil
}

func appendObject(dst []byte, list []*Attribute, values map[string]any, at string) ([]byte, error) {
	// What the list has, in its order.
	dst = append(dst, '{')
	written := 0
	for _, a := range list {
		v, ok := values[a.Name]
		if !ok {
			continue
		}
		if written > 0 {
			dst = append(dst, ',')
		}
		written++
		dst = append(appendString(dst, a.Name), ':')
		var err error
		if dst, err = a.AppendJSON(dst, v); err != nil {
			return nil, err
		}
	}

	// Anything else is a mistake.
	if written != len(values) {
		for name := range values {
			if find(list, name) == nil {
				return nil, Errorf(InvalidValue, at+name, "is not an attribute")
			}
		}
	}
	return append(dst, '}'), nil
}
