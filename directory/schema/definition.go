package schema

import (
	"slices"
	"strconv"
)

// Definition returns the schema as /Schemas shows it, without meta (RFC 7643 §7). It leaves out what that form cannot
// express, sub-attributes of sub-attributes (except in the schema of schemas itself) and attributes that consist of
// such alone, and what we do not offer: password.
func (s *Schema) Definition() []byte { return s.definition(definer{nested: s.ID == SchemaURN}) }

// DefinitionReadOnly is Definition for those who may only read what the schema defines.
func (s *Schema) DefinitionReadOnly() []byte { return s.definition(definer{readOnly: true}) }

// definer writes definitions of attributes.
type definer struct {
	nested   bool // also sub-attributes of sub-attributes
	readOnly bool // everything as readOnly
}

func (s *Schema) definition(d definer) []byte {
	dst := appendString([]byte(`{"schemas":["`+SchemaURN+`"],"id":`), s.ID)
	if s.Name != "" {
		dst = appendString(append(dst, `,"name":`...), s.Name)
	}
	if s.Description != "" {
		dst = appendString(append(dst, `,"description":`...), s.Description)
	}
	dst = append(dst, `,"attributes":`...)
	return append(d.appendAll(dst, s.Attributes), '}')
}

func (d definer) appendAll(dst []byte, list []*Attribute) []byte {
	dst = append(dst, '[')
	first := true
	for _, a := range list {
		if !d.shows(a) {
			continue
		}
		if !first {
			dst = append(dst, ',')
		}
		first = false
		dst = d.append(dst, a)
	}
	return append(dst, ']')
}

// shows reports whether the attribute can be expressed, with at least one of the sub-attributes that it has.
func (d definer) shows(a *Attribute) bool {
	if a.unpublished || a.Parent != nil && a.Kind == Complex && !d.nested {
		return false
	}
	return len(a.Sub) == 0 || slices.ContainsFunc(a.Sub, d.shows)
}

func (d definer) append(dst []byte, a *Attribute) []byte {
	mutability := a.Mutability
	if d.readOnly {
		mutability = ReadOnly
	}
	dst = appendString(append(dst, `{"name":`...), a.Name)
	dst = append(dst, `,"type":"`+a.Kind.String()+`"`...)
	dst = strconv.AppendBool(append(dst, `,"multiValued":`...), a.MultiValued)
	dst = appendString(append(dst, `,"description":`...), a.Description)
	dst = strconv.AppendBool(append(dst, `,"required":`...), a.Required)
	if len(a.CanonicalValues) > 0 {
		dst = appendStrings(append(dst, `,"canonicalValues":`...), a.CanonicalValues)
	}
	switch a.Kind {
	case String, Reference, Binary:
		dst = strconv.AppendBool(append(dst, `,"caseExact":`...), a.CaseExact)
	}
	dst = append(dst, `,"mutability":"`+mutability.String()+`","returned":"`+a.Returned.String()+`"`...)
	if a.Kind != Complex { // erratum 6004
		dst = append(dst, `,"uniqueness":"`+a.Uniqueness.String()+`"`...)
	}
	if a.Kind == Reference {
		dst = appendStrings(append(dst, `,"referenceTypes":`...), a.ReferenceTypes)
	}
	if a.Kind == Complex {
		dst = d.appendAll(append(dst, `,"subAttributes":`...), a.Sub)
	}
	return append(dst, '}')
}

func appendStrings(dst []byte, list []string) []byte {
	dst = append(dst, '[')
	for i, s := range list {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = appendString(dst, s)
	}
	return append(dst, ']')
}
