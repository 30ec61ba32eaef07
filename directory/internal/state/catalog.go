package state

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/tidwall/gjson"

	"rollcall/directory/schema"
)

// Catalog is what an organization offers: the built-in types, with the extensions the organization added, and its own.
// It never changes.
type Catalog struct {
	types      []*schema.ResourceType
	byName     map[string]*schema.ResourceType
	known      map[string]*schema.Schema // by URN in lower case
	extensible map[string]bool
	builtin    *Catalog // what it was made of; nil for the built-in types themselves

	compiled *compiled // of the built-in types: the catalogs that were made of them
}

// NewCatalog returns the catalog of the built-in types, in the order in which they are shown. Organizations may add
// extensions to those that are extensible.
func NewCatalog(types []*schema.ResourceType, extensible ...string) *Catalog {
	c := &Catalog{types: types, byName: map[string]*schema.ResourceType{}, known: map[string]*schema.Schema{},
		extensible: map[string]bool{}, compiled: newCompiled()}
	for _, t := range types {
		c.byName[t.Name] = t
		c.known[strings.ToLower(t.Schema.ID)] = t.Schema
		for _, e := range t.Extensions {
			c.known[strings.ToLower(e.Schema.ID)] = e.Schema
		}
	}
	for _, name := range extensible {
		c.extensible[name] = true
	}
	return c
}

// Types are all types, in the order in which they are shown.
func (c *Catalog) Types() []*schema.ResourceType { return c.types }

// Type is the type of that name; nil if there is none.
func (c *Catalog) Type(name string) *schema.ResourceType { return c.byName[name] }

// Unique is the type's attribute of a's path as the catalog has it; nil where it is not unique.
func (c *Catalog) Unique(typ string, a *schema.Attribute) *schema.Attribute {
	if t := c.byName[typ]; t != nil {
		if own := t.Lookup(a.Path); own != nil && own.Uniqueness != schema.UniqueNone {
			return own
		}
	}
	return nil
}

// Defined counts the schemas that the organization defined, and their attributes and sub-attributes together.
func (c *Catalog) Defined() (schemas, attributes int) {
	if c.builtin == nil {
		return 0, 0
	}
	for urn, s := range c.known {
		if c.builtin.known[urn] == nil {
			schemas++
			attributes += countAttributes(s.Attributes)
		}
	}
	return schemas, attributes
}

func countAttributes(list []*schema.Attribute) int {
	n := len(list)
	for _, a := range list {
		n += countAttributes(a.Sub)
	}
	return n
}

// Definitions are the documents of an organization's SchemaDefinitions and ResourceTypeDefinitions, in order of
// creation.
type Definitions struct {
	Schemas []Definition `json:"schemas,omitempty"`
	Types   []Definition `json:"types,omitempty"`
}

// Definition is the document of one of them.
type Definition struct {
	ID  ID     `json:"id"`
	Doc string `json:"doc"`
}

// Definitions are the scope's definitions as they are stored.
func (s *Scope) Definitions() Definitions {
	list := func(typ string) (defs []Definition) {
		for r := range s.All(typ) {
			defs = append(defs, Definition{r.ID, string(r.JSON)})
		}
		return defs
	}
	return Definitions{list(schema.SchemaDefinitionType), list(schema.ResourceTypeDefinitionType)}
}

// reservedEndpoints cannot be used by custom types.
var reservedEndpoints = []string{"/Me", "/Bulk", "/Schemas", "/ResourceTypes", "/ServiceProviderConfig",
	"/ServiceProviderConfigs"}

// With returns a catalog of the built-in types and an organization's definitions. Errors: *schema.Error naming the
// attribute of the definition that is wrong; Invalid; Exists.
func (c *Catalog) With(defs Definitions) (*Catalog, error) {
	if c.builtin != nil {
		c = c.builtin
	}
	if len(defs.Schemas) == 0 && len(defs.Types) == 0 {
		return c, nil
	}
	return c.compiled.catalog(defs, func() (*Catalog, error) { return c.compile(defs) })
}

// compile makes the catalog of the built-in types and the definitions.
func (c *Catalog) compile(defs Definitions) (*Catalog, error) {
	next := &Catalog{types: slices.Clone(c.types), byName: maps.Clone(c.byName), known: maps.Clone(c.known),
		extensible: c.extensible, builtin: c}

	// Schemas first: types refer to them.
	for _, d := range defs.Schemas {
		s, err := c.compiled.schema(d.Doc)
		if err != nil {
			return nil, err
		}
		urn := strings.ToLower(s.ID)
		if next.known[urn] != nil {
			return nil, Errorf(Exists, "urn", "a schema with the URN %s exists already", s.ID)
		}
		next.known[urn] = s
	}
	for _, d := range defs.Types {
		if err := next.define(d.Doc); err != nil {
			return nil, err
		}
	}
	return next, nil
}

// define adds a type, or to a built-in one its extensions.
func (c *Catalog) define(doc string) error {
	v := gjson.GetMany(doc, "name", "endpoint", "schema", "schemaExtensions", "description")
	name, endpoint, urn := v[0].String(), v[1].String(), v[2].String()
	ext, err := c.extensions(v[3])
	if err != nil {
		return err
	}
	if base := c.builtin.byName[name]; base != nil {
		return c.extend(base, endpoint, urn, ext)
	}
	s := c.known[strings.ToLower(urn)]
	if s == nil || c.builtin.known[strings.ToLower(urn)] != nil {
		return Errorf(Invalid, "schema", "no schema of the organization has the URN %q", urn)
	}
	taken := func(t *schema.ResourceType) bool { return t.Endpoint == endpoint }
	if slices.Contains(reservedEndpoints, endpoint) || slices.ContainsFunc(c.types, taken) {
		return Errorf(Exists, "endpoint", "%s is taken", endpoint)
	}
	return c.put(name, endpoint, v[4].String(), s, ext)
}

// extensions reads schemaExtensions.
func (c *Catalog) extensions(list gjson.Result) ([]schema.Extension, error) {
	var ext []schema.Extension
	for i, e := range list.Array() {
		urn := e.Get("schema").String()
		s := c.known[strings.ToLower(urn)]
		if s == nil {
			return nil, Errorf(Invalid, fmt.Sprintf("schemaExtensions[%d].schema", i), "no schema has the URN %q", urn)
		}
		ext = append(ext, schema.Extension{Schema: s, Required: e.Get("required").Bool()})
	}
	return ext, nil
}

// extend adds extensions to a built-in type, which keeps its endpoint and schema.
func (c *Catalog) extend(base *schema.ResourceType, endpoint, urn string, ext []schema.Extension) error {
	switch {
	case !c.extensible[base.Name]:
		var names []string
		for _, t := range c.types {
			if c.extensible[t.Name] {
				names = append(names, t.Name)
			}
		}
		return Errorf(Invalid, "name", "%s cannot be extended; %s can", base.Name, strings.Join(names, " and "))
	case endpoint != base.Endpoint:
		return Errorf(Invalid, "endpoint", "the endpoint of %s is %s", base.Name, base.Endpoint)
	case !strings.EqualFold(urn, base.Schema.ID):
		return Errorf(Invalid, "schema", "the schema of %s is %s", base.Name, base.Schema.ID)
	}
	return c.put(base.Name, base.Endpoint, base.Description, base.Schema, append(slices.Clone(base.Extensions), ext...))
}

func (c *Catalog) put(name, endpoint, description string, s *schema.Schema, ext []schema.Extension) error {
	t, err := schema.NewResourceType(name, endpoint, description, s, ext...)
	if err != nil {
		return err
	}
	if old := c.byName[name]; old != nil {
		c.types[slices.Index(c.types, old)] = t
	} else {
		c.types = append(c.types, t)
	}
	c.byName[name] = t
	return nil
}

// UniqueAttributes are the attributes of which a value belongs to one resource at most. The id is unique by itself.
func UniqueAttributes(t *schema.ResourceType) []*schema.Attribute {
	var unique []*schema.Attribute
	for a := range t.Attributes() {
		if a.URN == "" {
			continue
		}
		if a.Uniqueness != schema.UniqueNone {
			unique = append(unique, a)
		}
		for _, sub := range a.Sub {
			if sub.Uniqueness != schema.UniqueNone && !sub.Derived && sub.Mutability != schema.ReadOnly {
				unique = append(unique, sub)
			}
		}
	}
	return unique
}
