package schema

import (
	"encoding/json"
	"errors"
	"regexp"
	"slices"
	"strings"
)

// MaxAttributes bounds the attributes and sub-attributes of a schema that an organization defines.
const MaxAttributes = 500

// ownURN begins the URNs of our own schemas, in which canonicalValues are the only values.
const ownURN = "urn:rollcall:"

var (
	attributeNames = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_$-]*$`)
	schemaURNs     = regexp.MustCompile(`(?i)^urn:[a-z0-9][a-z0-9-]{1,31}:[a-z0-9._~%+=@$:-]+$`)
)

const schemaURNProblem = "must be a URN, such as urn:example:params:scim:schemas:core:1.0:Device"

// rawDefinition is an attribute as a client defines it (RFC 7643 §7).
type rawDefinition struct {
	Name            string            `json:"name"`
	Type            string            `json:"type"`
	MultiValued     bool              `json:"multiValued"`
	Description     string            `json:"description"`
	Required        bool              `json:"required"`
	CanonicalValues []string          `json:"canonicalValues"`
	CaseExact       bool              `json:"caseExact"`
	Mutability      string            `json:"mutability"`
	Returned        string            `json:"returned"`
	Uniqueness      string            `json:"uniqueness"`
	ReferenceTypes  []string          `json:"referenceTypes"`
	SubAttributes   []json.RawMessage `json:"subAttributes"`
}

// CompileSchema compiles a schema that an organization defines, in the JSON form of RFC 7643 §7; its URN is in "id" or
// "urn". URNs of messages (urn:ietf:params:scim:api:) and our own are refused. The error is an *Error (invalidValue,
// invalidSyntax) that names the place: "attributes[2].subAttributes[0].type".
func CompileSchema(data []byte) (*Schema, error) {
	// The definition as JSON.
	if _, err := Unmarshal(data); err != nil {
		return nil, err
	}
	var in struct {
		ID          string            `json:"id"`
		URN         string            `json:"urn"`
		Name        string            `json:"name"`
		Description string            `json:"description"`
		Attributes  []json.RawMessage `json:"attributes"`
	}
	if err := decodeDefinition(data, &in, ""); err != nil {
		return nil, err
	}

	// Its URN and attributes.
	urnAt := "id"
	if in.ID == "" || in.URN != "" {
		in.ID, urnAt = in.URN, "urn"
	}
	lower := strings.ToLower(in.ID)
	switch {
	case !schemaURNs.MatchString(in.ID):
		return nil, Errorf(InvalidValue, urnAt, schemaURNProblem)
	case strings.HasPrefix(lower, ownURN), strings.HasPrefix(lower, "urn:ietf:params:scim:api:"):
		return nil, Errorf(InvalidValue, urnAt, "%s is reserved", in.ID)
	case len(in.Attributes) == 0:
		return nil, Errorf(InvalidValue, "attributes", "must contain at least one attribute")
	}
	count := 0
	if err := checkDefinitions(in.Attributes, "attributes", nil, &count); err != nil {
		return nil, err
	}

	// What elimity reads.
	normal, err := json.Marshal(map[string]any{"id": in.ID, "name": in.Name, "description": in.Description,
		"attributes": in.Attributes})
	if err != nil {
		return nil, Errorf(InvalidSyntax, "", "%v", err)
	}
	s, err := compile(normal)
	if err != nil {
		return nil, Errorf(InvalidValue, "attributes", "%v", err)
	}
	return s, nil
}

// checkDefinitions judges one level of attributes and the levels below it.
func checkDefinitions(list []json.RawMessage, at string, parent *rawDefinition, count *int) error {
	seen := map[string]bool{}
	for i, raw := range list {
		here := indexed(at, i)
		if *count++; *count > MaxAttributes {
			return Errorf(InvalidValue, here, "a schema has at most %d attributes and sub-attributes", MaxAttributes)
		}

		// The attribute.
		var d rawDefinition
		if err := decodeDefinition(raw, &d, here); err != nil {
			return err
		}

		// Its name.
		lower := strings.ToLower(d.Name)
		switch {
		case !attributeNames.MatchString(d.Name) && !(parent != nil && d.Name == "$ref"):
			return Errorf(InvalidValue, here+".name",
				"%q is not an attribute name; use a letter, then letters, digits, -, _ and $", d.Name)
		case seen[lower]:
			return Errorf(InvalidValue, here+".name", "%s is defined twice", d.Name)
		case parent == nil && slices.Contains([]string{"schemas", "id", "externalid", "meta"}, lower):
			return Errorf(InvalidValue, here+".name", "%s is a common attribute of every resource", d.Name)
		}
		seen[lower] = true

		// The rest of it, and its sub-attributes.
		if err := checkDefinition(&d, here, parent); err != nil {
			return err
		}
		if err := checkDefinitions(d.SubAttributes, here+".subAttributes", &d, count); err != nil {
			return err
		}
	}
	return nil
}

// checkDefinition judges one attribute without its sub-attributes.
func checkDefinition(d *rawDefinition, at string, parent *rawDefinition) error {
	// The keywords.
	kind, known := kinds[d.Type]
	if !known {
		return Errorf(InvalidValue, at+".type",
			"%q is not one of string, boolean, decimal, integer, dateTime, binary, reference, complex", d.Type)
	}
	if _, known := mutabilities[d.Mutability]; d.Mutability != "" && !known {
		return Errorf(InvalidValue, at+".mutability",
			"%q is not one of readWrite, readOnly, immutable, writeOnly", d.Mutability)
	}
	if _, known := returneds[d.Returned]; d.Returned != "" && !known {
		return Errorf(InvalidValue, at+".returned", "%q is not one of default, always, never, request", d.Returned)
	}
	if _, known := uniquenesses[d.Uniqueness]; d.Uniqueness != "" && !known {
		return Errorf(InvalidValue, at+".uniqueness", "%q is not one of none, server, global", d.Uniqueness)
	}

	// Keywords that do not go together.
	unique := d.Uniqueness == "server" || d.Uniqueness == "global"
	switch {
	case kind == Complex && parent != nil:
		return Errorf(InvalidValue, at+".type", "a sub-attribute cannot be complex (RFC 7643 section 2.3.8)")
	case kind == Complex && len(d.SubAttributes) == 0:
		return Errorf(InvalidValue, at+".subAttributes", "a complex attribute needs sub-attributes")
	case kind != Complex && len(d.SubAttributes) > 0:
		return Errorf(InvalidValue, at+".subAttributes", "only a complex attribute has sub-attributes")
	case unique && (kind == Complex || kind == Boolean):
		return Errorf(InvalidValue, at+".uniqueness", "an attribute of type %s cannot be unique", d.Type)
	case unique && (d.MultiValued || parent != nil && parent.MultiValued):
		return Errorf(InvalidValue, at+".uniqueness", "only single-valued attributes can be unique")
	case d.Mutability == "writeOnly" && d.Returned == "always":
		return Errorf(InvalidValue, at+".returned", "must not be always for a writeOnly attribute")
	}
	return nil
}

// decodeDefinition is json.Unmarshal with errors that name the place and speak of JSON, not of Go.
func decodeDefinition(data []byte, v any, at string) error {
	err := json.Unmarshal(data, v)
	var wrong *json.UnmarshalTypeError
	if errors.As(err, &wrong) {
		where := at
		if wrong.Field != "" {
			where = strings.TrimPrefix(at+"."+wrong.Field, ".")
		}
		return Errorf(InvalidValue, where, "must not be a JSON %s", wrong.Value)
	}
	if err != nil {
		return Errorf(InvalidSyntax, at, "%v", err)
	}
	return nil
}
