package schema

// Encode is the canonical JSON that is stored: "schemas", "id", "externalId", then
// attributes in schema order, then extensions in the type's order. Equal documents
// give equal bytes. The error is an *Error naming a value that the schemas do not
// know or that has another Go type than Document promises.
func (t *ResourceType) Encode(doc Document) ([]byte, error) {
	dst := make([]byte, 0, 1024)
	dst = appendString(append(dst, `{"schemas":[`...), t.Schema.ID)
	for _, e := range t.Extensions {
		if values, _ := doc[e.Schema.ID].(map[string]any); len(values) > 0 || e.Required {
			dst = appendString(append(dst, ','), e.Schema.ID)
		}
	}
	dst = append(dst, ']')
	written := 0
	var err error
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
	for _, e := range t.Extensions {
		v, ok := doc[e.Schema.ID]
		if !ok {
			continue
		}
		written++
		values, ok := v.(map[string]any)
		if !ok {
			return nil, Errorf(InvalidValue, e.Schema.ID, "must be an object")
		}
		if len(values) == 0 {
			continue
		}
		dst = append(appendString(append(dst, ','), e.Schema.ID), ':')
		if dst, err = appendObject(dst, e.Schema.Attributes, values, e.Schema.ID+":"); err != nil {
			return nil, err
		}
	}
	if written != len(doc) {
		for name := range doc {
			if a := t.Lookup(name); (a == nil || a.Name != name || name == "schemas" || name == "meta") && !t.hasExtension(name) {
				return nil, Errorf(InvalidValue, name, "is not an attribute of a %s document", t.Name)
			}
		}
	}
	return append(dst, '}'), nil
}

func (t *ResourceType) hasExtension(urn string) bool {
	s := t.Extension(urn)
	return s != nil && s.ID == urn
}

// AppendJSON appends the JSON of a's value, or of one element of it, in Document
// form; sub-attributes go in schema order. The error is an *Error as of Encode.
func (a *Attribute) AppendJSON(dst []byte, v any) ([]byte, error) {
	switch v := v.(type) {
	case []any:
		dst = append(dst, '[')
		var err error
		for i, e := range v {
			if i > 0 {
				dst = append(dst, ',')
			}
			if dst, err = a.AppendJSON(dst, e); err != nil {
				return nil, err
			}
		}
		return append(dst, ']'), nil
	case map[string]any:
		if a.Kind != Complex {
			return nil, Errorf(InvalidValue, a.Path, "must not be an object")
		}
		return appendObject(dst, a.Sub, v, a.Path+".")
	}
	dst, ok := appendScalar(dst, v)
	if !ok || a.Kind == Complex {
		return nil, Errorf(InvalidValue, a.Path, "holds a value of Go type %T", v)
	}
	return dst, nil
}

func appendObject(dst []byte, list []*Attribute, values map[string]any, at string) ([]byte, error) {
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
	if written != len(values) {
		for name := range values {
			if find(list, name) == nil {
				return nil, Errorf(InvalidValue, at+name, "is not an attribute")
			}
		}
	}
	return append(dst, '}'), nil
}

// find is the attribute of exactly that name.
func find(list []*Attribute, name string) *Attribute {
	for _, a := range list {
		if a.Name == name {
			return a
		}
	}
	return nil
}
