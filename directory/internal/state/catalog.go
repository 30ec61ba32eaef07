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

// reservedEndpoints cannot be used by custom types, in whatever case: they are the protocol's, or kept for types to
// come.
var reservedEndpoints = []string{"/Me", "/Bulk", "/Schemas", "/ResourceTypes", "/ServiceProviderConfig",
	"/ServiceProviderConfigs", "/Roles"}

// reservedNames cannot be used by custom types, in whatever case: they are kept for types to come.
var reservedNames = []string{"Role"}

// With returns a catalog of the built-in types and an organization's definitions. What is wrong with those that it
// holds already, and that are not changed, is no reason to refuse others. Errors: *schema.Error naming the attribute of
// the definition that is wrong; Invalid; Exists.
func (c *Catalog) With(defs, held Definitions) (*Catalog, error) {
	c = c.base()
	if defs.empty() {
		return c, nil
	}
	isHeld := func(d Definition) bool { return slices.Contains(held.Schemas, d) || slices.Contains(held.Types, d) }
	got, err := c.compiled.catalog(defs, held, func() (loaded, error) {
		l := c.compile(defs, isHeld)
		for _, p := range l.problems {
			if !isHeld(p.Definition) {
				return loaded{}, p.Err
			}
		}
		return l, nil
	})
	if err != nil {
		return nil, err
	}
	c.compiled.proposed(defs, got)
	return got.catalog, nil
}

// Load returns a catalog of the built-in types and of definitions that are stored, as far as they compile: one that
// does not, because it was stored by a program that saw it otherwise, takes none of the others along. A type of the
// organization that clashes with a built-in one, which came later, stays and hides it. The problems say what was left
// out and hidden.
func (c *Catalog) Load(defs Definitions) (*Catalog, []*DefinitionError) {
	c = c.base()
	if defs.empty() {
		return c, nil
	}
	got, _ := c.compiled.catalog(defs, Definitions{}, func() (loaded, error) {
		return c.compile(defs, func(Definition) bool { return true }), nil
	})
	return got.catalog, got.problems
}

// base is the catalog of the built-in types alone.
func (c *Catalog) base() *Catalog {
	if c.builtin != nil {
		return c.builtin
	}
	return c
}

// loaded is a catalog, and what is wrong with the definitions that it was made of.
type loaded struct {
	catalog  *Catalog
	problems []*DefinitionError
}

// compile adds the definitions that compile. A type that is held may clash with a built-in one.
func (c *Catalog) compile(defs Definitions, held func(Definition) bool) loaded {
	next := &Catalog{types: slices.Clone(c.types), byName: maps.Clone(c.byName), known: maps.Clone(c.known),
		extensible: c.extensible, builtin: c}
	var problems []*DefinitionError

	// Schemas first: types refer to them.
	for _, d := range defs.Schemas {
		if err := next.defineSchema(d.Doc); err != nil {
			problems = append(problems, &DefinitionError{d, err})
		}
	}
	for _, d := range defs.Types {
		clash := next.reserved
		if held(d) {
			clash = func(name, endpoint string) error {
				for _, err := range next.hide(name, endpoint) {
					problems = append(problems, &DefinitionError{d, err})
				}
				return nil
			}
		}
		if err := next.define(d.Doc, clash); err != nil {
			problems = append(problems, &DefinitionError{d, err})
		}
	}
	return loaded{next, problems}
}

// DefinitionError is what is wrong with a definition.
type DefinitionError struct {
	Definition Definition
	Err        error
}

func (e *DefinitionError) Error() string {
	return fmt.Sprintf("definition %s: %v", e.Definition.ID, e.Err)
}

func (e *DefinitionError) Unwrap() error { return e.Err }

func (c *Catalog) defineSchema(doc string) error {
	s, err := c.builtin.compiled.schema(doc)
	if err != nil {
		return err
	}
	urn := strings.ToLower(s.ID)
	if c.known[urn] != nil {
		return Errorf(Exists, "urn", "a schema with the URN %s exists already", s.ID)
	}
	c.known[urn] = s
	return nil
}

// reserved refuses a name and an endpoint that differ from a built-in type's, a reserved one or each other at most in
// their case. Errors: Exists.
func (c *Catalog) reserved(name, endpoint string) error {
	folded := func(list []string, s string) bool {
		return slices.ContainsFunc(list, func(e string) bool { return strings.EqualFold(e, s) })
	}
	if folded(reservedNames, name) {
		return Errorf(Exists, "name", "%s is reserved", name)
	}
	if folded(reservedEndpoints, endpoint) {
		return Errorf(Exists, "endpoint", "%s is taken", endpoint)
	}
	for _, t := range c.types {
		if strings.EqualFold(t.Name, name) {
			return Errorf(Exists, "name", "a resource type is called %s already", t.Name)
		}
		if strings.EqualFold(t.Endpoint, endpoint) {
			return Errorf(Exists, "endpoint", "%s is taken", endpoint)
		}
	}
	return nil
}

// hide takes away the built-in types that have the name or the endpoint of a type of the organization. One that differs
// in its case is no clash: names and endpoints of requests are compared exactly.
func (c *Catalog) hide(name, endpoint string) (hidden []error) {
	c.types = slices.DeleteFunc(c.types, func(t *schema.ResourceType) bool {
		if c.builtin.byName[t.Name] == nil || t.Name != name && t.Endpoint != endpoint {
			return false
		}
		hidden = append(hidden, Errorf(Exists, "", "the type %s at %s, which the organization defined, hides the "+
			"built-in type %s at %s; delete it, or define it under another name and endpoint",
			name, endpoint, t.Name, t.Endpoint))
		delete(c.byName, t.Name)
		return true
	})
	return hidden
}

// define adds a type, or to a built-in one its extensions.
func (c *Catalog) define(doc string, clash func(name, endpoint string) error) error {
	v := gjson.GetMany(doc, "name", "endpoint", "schema", "schemaExtensions", "description")
	name, endpoint, urn := v[0].String(), v[1].String(), v[2].String()
	ext, err := c.extensions(v[3])
	if err != nil {
		return err
	}
	s := c.known[strings.ToLower(urn)]
	own := s != nil && c.builtin.known[strings.ToLower(urn)] == nil
	if base := c.builtin.byName[name]; base != nil && (!own || c.extensible[name]) {
		return c.extend(base, endpoint, urn, ext)
	}
	if !own {
		return Errorf(Invalid, "schema", "no schema of the organization has the URN %q", urn)
	}
	if t := c.byName[name]; t != nil && c.builtin.byName[name] != t {
		return Errorf(Exists, "name", "a resource type is called %s already", name)
	}
	if err := clash(name, endpoint); err != nil {
		return err
	}
	return c.put(name, endpoint, v[4].String(), true, s, ext)
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
	case c.byName[base.Name] == nil:
		return Errorf(Invalid, "name", "the built-in type %s is hidden by one of the organization", base.Name)
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
	ext = append(slices.Clone(base.Extensions), ext...)
	return c.put(base.Name, base.Endpoint, base.Description, false, base.Schema, ext)
}

func (c *Catalog) put(name, endpoint, description string, custom bool, s *schema.Schema,
	ext []schema.Extension) error {
	t, err := schema.NewResourceType(name, endpoint, description, s, ext...)
	if err != nil {
		return err
	}
	t.Custom = custom
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
