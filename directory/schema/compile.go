package schema

import (
	"encoding/json"
	"fmt"
	"strings"

	elimity "github.com/elimity-com/scim/schema"
	"github.com/tidwall/gjson"
)

// rawSchema has what elimity's Schema drops: the sub-attributes of sub-attributes.
type rawSchema struct {
	Attributes []json.RawMessage `json:"attributes"`
}

// compile reads a schema in the JSON form of RFC 7643 §7.
func compile(data []byte) (*Schema, error) {
	var vocabulary elimity.Schema
	if err := json.Unmarshal(data, &vocabulary); err != nil {
		return nil, err
	}
	var raw rawSchema
	if err := json.Unmarshal(data, &raw); err != nil {
		return nil, err
	}
	s := &Schema{ID: vocabulary.ID, Name: vocabulary.Name.Value(), Description: vocabulary.Description.Value()}
	var err error
	if s.Attributes, err = compileAttributes(raw.Attributes, s.ID); err != nil {
		return nil, fmt.Errorf("%s: %w", s.ID, err)
	}
	placeAll(s.Attributes, nil, "", "")
	return s, nil
}

// compileAttributes reads one level of attributes as an elimity schema and each level below by itself, because elimity
// drops the sub-attributes of sub-attributes.
func compileAttributes(raws []json.RawMessage, urn string) ([]*Attribute, error) {
	level, err := json.Marshal(rawSchema{Attributes: raws})
	if err != nil {
		return nil, err
	}
	var vocabulary elimity.Schema
	if err := json.Unmarshal(level, &vocabulary); err != nil {
		return nil, err
	}
	list := make([]*Attribute, len(raws))
	for i, core := range vocabulary.Attributes {
		a := compileAttribute(core, urn)
		if a.Kind == Complex {
			var below struct {
				SubAttributes []json.RawMessage `json:"subAttributes"`
			}
			if err := json.Unmarshal(raws[i], &below); err != nil {
				return nil, err
			}
			if a.Sub, err = compileAttributes(below.SubAttributes, urn); err != nil {
				return nil, fmt.Errorf("%s: %w", a.Name, err)
			}
		}
		list[i] = a
	}
	return list, nil
}

var (
	kinds = map[string]Kind{
		"string": String, "boolean": Boolean, "decimal": Decimal, "integer": Integer,
		"dateTime": DateTime, "binary": Binary, "reference": Reference, "complex": Complex}
	mutabilities = map[string]Mutability{
		"readWrite": ReadWrite, "readOnly": ReadOnly, "immutable": Immutable, "writeOnly": WriteOnly}
	returneds = map[string]Returned{
		"default": ReturnedDefault, "always": ReturnedAlways, "never": ReturnedNever, "request": ReturnedRequest}
	uniquenesses = map[string]Uniqueness{"none": UniqueNone, "server": UniqueServer, "global": UniqueGlobal}
)

func compileAttribute(c elimity.CoreAttribute, urn string) *Attribute {
	a := &Attribute{
		Name: c.Name(), URN: urn, Description: c.Description(),
		Kind: kinds[c.AttributeType()], MultiValued: c.MultiValued(), Required: c.Required(), CaseExact: c.CaseExact(),
		Mutability: mutabilities[c.Mutability()], Returned: returneds[c.Returned()],
		Uniqueness:      uniquenesses[c.Uniqueness()],
		CanonicalValues: c.CanonicalValues(),
	}
	for _, r := range c.ReferenceTypes() {
		a.ReferenceTypes = append(a.ReferenceTypes, string(r))
	}
	switch a.Kind {
	case Reference, Binary: // errata 6000, 6001
		a.CaseExact = true
	case String:
	default:
		a.CaseExact = false
	}
	a.closed = len(a.CanonicalValues) > 0 && strings.HasPrefix(urn, ownURN)
	return a
}

// place returns a copy of the schema for use in a resource type: as its own schema, or as an extension, whose values
// are below its URN.
func (s *Schema) place(extension bool) *Schema {
	placed := *s
	placed.Attributes = copyAll(s.Attributes)
	if extension {
		placeAll(placed.Attributes, nil, s.ID+":", gjson.Escape(s.ID)+".")
	} else {
		placeAll(placed.Attributes, nil, "", "")
	}
	return &placed
}

func copyAll(list []*Attribute) []*Attribute {
	copies := make([]*Attribute, len(list))
	for i, a := range list {
		c := *a
		c.Sub = copyAll(a.Sub)
		copies[i] = &c
	}
	return copies
}

// placeAll sets the paths of attributes, which begin with the prefixes.
func placeAll(list []*Attribute, parent *Attribute, path, jsonPath string) {
	for _, a := range list {
		a.Parent = parent
		a.Path = path + a.Name
		a.JSONPath = jsonPath + gjson.Escape(a.Name)
		below := a.JSONPath + "."
		if a.MultiValued {
			below += "#."
		}
		placeAll(a.Sub, a, a.Path+".", below)
	}
}
