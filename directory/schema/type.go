package schema

import (
	"iter"
	"regexp"
	"strings"
)

// Schema is one compiled schema. It is immutable.
type Schema struct {
	ID          string // its URN
	Name        string
	Description string
	Attributes  []*Attribute
}

// Attribute returns the top-level attribute of that name, in any case; nil if there is none.
func (s *Schema) Attribute(name string) *Attribute {
	for _, a := range s.Attributes {
		if strings.EqualFold(a.Name, name) {
			return a
		}
	}
	return nil
}

// OnRequest reports whether a reply shows nothing of the schema unless the request names it (RFC 7643 §7, "returned"):
// clients that know only standard schemas do not see an extension of this kind.
func (s *Schema) OnRequest() bool {
	for _, a := range s.Attributes {
		if a.Returned != ReturnedRequest && a.Returned != ReturnedNever {
			return false
		}
	}
	return true
}

// Extension is a schema that a resource type adds to its own. The paths of its attributes begin with its URN.
type Extension struct {
	Schema   *Schema
	Required bool
}

// ResourceType is a kind of resource: its schema with its extensions, compiled. It is immutable.
type ResourceType struct {
	Name        string
	Endpoint    string // "/Users"
	Description string
	Schema      *Schema
	Extensions  []Extension
	Custom      bool // an organization defined it; a built-in type with extensions is none

	common []*Attribute
	index  map[string]*Attribute // by every way to write a path, as spelled and in lower case
	bare   map[string]*Attribute // extension attributes without their URN; nil where ambiguous
}

var (
	typeNames     = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_-]{0,62}$`)
	typeEndpoints = regexp.MustCompile(`^/[A-Za-z][A-Za-z0-9_-]{0,62}$`)
)

const (
	typeNameProblem     = "must be a letter followed by at most 62 letters, digits, hyphens and underscores"
	typeEndpointProblem = "must be a slash and one path segment of letters, digits, hyphens and underscores, " +
		"such as /Devices"
)

// NewResourceType joins a schema with its extensions, which are not changed. The error is an *Error (invalidValue) that
// names the attribute of the definition: name, endpoint, schemaExtensions[i].schema.
func NewResourceType(name, endpoint, description string, s *Schema, ext ...Extension) (*ResourceType, error) {
	switch {
	case !typeNames.MatchString(name):
		return nil, Errorf(InvalidValue, "name", typeNameProblem)
	case !typeEndpoints.MatchString(endpoint):
		return nil, Errorf(InvalidValue, "endpoint", typeEndpointProblem)
	case s == nil:
		return nil, Errorf(InvalidValue, "schema", "is required")
	}
	t := &ResourceType{Name: name, Endpoint: endpoint, Description: description, Schema: s.place(false),
		common: commonAttributes()}
	seen := map[string]bool{strings.ToLower(s.ID): true}
	for i, e := range ext {
		id := strings.ToLower(e.Schema.ID)
		if seen[id] {
			return nil, Errorf(InvalidValue, indexed("schemaExtensions", i)+".schema", "%s is given twice", e.Schema.ID)
		}
		seen[id] = true
		t.Extensions = append(t.Extensions, Extension{Schema: e.Schema.place(true), Required: e.Required})
	}
	t.buildIndex()
	return t, nil
}

// Kind is the name of a built-in type, and "" for a type that an organization defined, whatever its name: a definition
// from before may hide a built-in type that came later, and gets none of its rules.
func (t *ResourceType) Kind() string {
	if t.Custom {
		return ""
	}
	return t.Name
}

func (t *ResourceType) buildIndex() {
	t.index, t.bare = map[string]*Attribute{}, map[string]*Attribute{}
	for _, list := range [][]*Attribute{t.common, t.Schema.Attributes} {
		for _, a := range list {
			t.addToIndex(a, a.Name)
			t.addToIndex(a, t.Schema.ID+":"+a.Name)
		}
	}
	for _, e := range t.Extensions {
		for _, a := range e.Schema.Attributes {
			t.addToIndex(a, a.Path)
			t.addBare(a, strings.ToLower(a.Name))
		}
	}
}

// addToIndex makes the attribute and its sub-attributes known by the path.
func (t *ResourceType) addToIndex(a *Attribute, path string) {
	t.index[path], t.index[strings.ToLower(path)] = a, a
	for _, s := range a.Sub {
		t.addToIndex(s, path+"."+s.Name)
	}
}

// addBare makes an extension's attribute known by its path without the URN, unless another one has the same.
func (t *ResourceType) addBare(a *Attribute, path string) {
	if _, twice := t.bare[path]; twice {
		t.bare[path] = nil
	} else {
		t.bare[path] = a
	}
	for _, s := range a.Sub {
		t.addBare(s, path+"."+strings.ToLower(s.Name))
	}
}

// Lookup returns the attribute with that path, bare or qualified by its schema's URN, in any case (RFC 7644 §3.10):
// "userName", "NAME.givenname", "meta.created", "urn:…:core:2.0:User:userName",
// "urn:…:enterprise:2.0:User:manager.value". It returns nil if the type has no such attribute.
func (t *ResourceType) Lookup(name string) *Attribute {
	if a := t.index[name]; a != nil {
		return a
	}
	return t.index[strings.ToLower(name)]
}

// LookupBare returns the attribute of an extension with that path without the URN, as some clients send it ("manager"),
// if it is unambiguous and Lookup finds nothing; otherwise nil.
func (t *ResourceType) LookupBare(name string) *Attribute {
	if t.Lookup(name) != nil {
		return nil
	}
	return t.bare[strings.ToLower(name)]
}

// Extension returns the extension with that URN, in any case; nil if the type has none.
func (t *ResourceType) Extension(urn string) *Schema {
	for _, e := range t.Extensions {
		if strings.EqualFold(e.Schema.ID, urn) {
			return e.Schema
		}
	}
	return nil
}

// Attributes yields the top-level attributes: the common ones, those of the schema, then those of the extensions.
func (t *ResourceType) Attributes() iter.Seq[*Attribute] {
	return func(yield func(*Attribute) bool) {
		lists := [][]*Attribute{t.common, t.Schema.Attributes}
		for _, e := range t.Extensions {
			lists = append(lists, e.Schema.Attributes)
		}
		for _, list := range lists {
			for _, a := range list {
				if !yield(a) {
					return
				}
			}
		}
	}
}

// commonAttributes returns the attributes of RFC 7643 §3 and §3.1, which belong to no schema.
func commonAttributes() []*Attribute {
	meta := &Attribute{Name: "meta", Kind: Complex, Mutability: ReadOnly, Derived: true,
		Description: "What the server knows about the resource.",
		Sub: []*Attribute{
			{Name: "resourceType", CaseExact: true, Description: "The name of the resource type."},
			{Name: "created", Kind: DateTime, Description: "When the resource was created."},
			{Name: "lastModified", Kind: DateTime, Description: "When the resource was last changed."},
			{Name: "location", Kind: Reference, CaseExact: true, ReferenceTypes: []string{"uri"},
				Description: "The URL of the resource."},
			{Name: "version", CaseExact: true, Description: "The version of the resource, as an entity tag."},
		}}
	for _, s := range meta.Sub {
		s.Mutability, s.Derived = ReadOnly, true
	}
	list := []*Attribute{
		{Name: "schemas", MultiValued: true, Required: true, Returned: ReturnedAlways,
			Description: "The URNs of the schemas of the resource."},
		{Name: "id", CaseExact: true, Required: true, Mutability: ReadOnly, Returned: ReturnedAlways,
			Uniqueness: UniqueServer, Description: "The id, assigned by the server."},
		{Name: "externalId", CaseExact: true, Description: "The id of the resource in the client's own data."},
		meta,
	}
	placeAll(list, nil, "", "")
	return list
}
