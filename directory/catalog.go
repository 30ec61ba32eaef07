package directory

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/tidwall/gjson"

	"rollcall/directory/schema"
)

// catalog is what an organization offers: the built-in types, with the extensions the organization added, and its own.
type catalog struct {
	types   []*schema.ResourceType
	byName  map[string]*schema.ResourceType
	schemas map[string]*schema.Schema // the organization's own, by URN in lower case
}

func newCatalog(types []*schema.ResourceType) *catalog {
	c := &catalog{types: types, byName: map[string]*schema.ResourceType{}, schemas: map[string]*schema.Schema{}}
	for _, t := range types {
		c.byName[t.Name] = t
	}
	return c
}

// definitions are the documents of an organization's SchemaDefinitions and ResourceTypeDefinitions.
type definitions struct {
	Schemas []definition `json:"schemas,omitempty"`
	Types   []definition `json:"types,omitempty"`
}

type definition struct {
	ID  ID     `json:"id"`
	Doc string `json:"doc"`
}

// reservedEndpoints are not to be had for custom types.
var reservedEndpoints = []string{"/Me", "/Bulk", "/Schemas", "/ResourceTypes", "/ServiceProviderConfig", "/ServiceProviderConfigs"}

// compileCatalog adds the organization's definitions to the built-in types. Errors: *schema.Error naming the attribute of the
// definition that is wrong; Invalid.
func compileCatalog(defs definitions) (*catalog, error) {
	c := newCatalog(slices.Clone(organizationTypes()))
	known := map[string]*schema.Schema{}
	for _, t := range organizationTypes() {
		known[strings.ToLower(t.Schema.ID)] = t.Schema
		for _, e := range t.Extensions {
			known[strings.ToLower(e.Schema.ID)] = e.Schema
		}
	}
	for _, d := range defs.Schemas {
		s, err := schema.CompileSchema([]byte(d.Doc))
		if err != nil {
			return nil, err
		}
		id := strings.ToLower(s.ID)
		if known[id] != nil {
			return nil, errorf(Exists, "urn", "a schema with the URN %s exists already", s.ID)
		}
		known[id], c.schemas[id] = s, s
	}
	for _, d := range defs.Types {
		if err := c.define(d.Doc, known); err != nil {
			return nil, err
		}
	}
	return c, nil
}

// define adds a type, or to a built-in one its extensions.
func (c *catalog) define(doc string, known map[string]*schema.Schema) error {
	v := gjson.GetMany(doc, "name", "endpoint", "schema", "schemaExtensions", "description")
	name, endpoint, urn := v[0].String(), v[1].String(), v[2].String()
	var ext []schema.Extension
	for i, e := range v[3].Array() {
		s := known[strings.ToLower(e.Get("schema").String())]
		if s == nil {
			return errorf(Invalid, fmt.Sprintf("schemaExtensions[%d].schema", i), "no schema has the URN %q", e.Get("schema").String())
		}
		ext = append(ext, schema.Extension{Schema: s, Required: e.Get("required").Bool()})
	}
	if base := builtin(name); base != nil {
		switch {
		case name != userType && name != groupType:
			return errorf(Invalid, "name", "%s cannot be extended; User and Group can", name)
		case endpoint != base.Endpoint:
			return errorf(Invalid, "endpoint", "the endpoint of %s is %s", name, base.Endpoint)
		case !strings.EqualFold(urn, base.Schema.ID):
			return errorf(Invalid, "schema", "the schema of %s is %s", name, base.Schema.ID)
		}
		return c.put(base.Name, base.Endpoint, base.Description, base.Schema, append(slices.Clone(base.Extensions), ext...))
	}
	s := c.schemas[strings.ToLower(urn)]
	if s == nil {
		return errorf(Invalid, "schema", "no schema of the organization has the URN %q", urn)
	}
	for _, t := range c.types {
		if t.Endpoint == endpoint || slices.Contains(reservedEndpoints, endpoint) {
			return errorf(Exists, "endpoint", "%s is taken", endpoint)
		}
	}
	return c.put(name, endpoint, v[4].String(), s, ext)
}

func (c *catalog) put(name, endpoint, description string, s *schema.Schema, ext []schema.Extension) error {
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

// definitionsOf are the scope's definitions as they are stored, in order of creation.
func (s *scopeState) definitionsOf() definitions {
	list := func(typ string) (defs []definition) {
		if t := s.tables[typ]; t != nil {
			t.list.Scan(func(_ uint32, r *record) bool {
				defs = append(defs, definition{r.ID, string(r.JSON)})
				return true
			})
		}
		return defs
	}
	return definitions{list(schemaDefinitionType), list(resourceTypeDefinitionType)}
}

// refreshCatalog compiles the scope's types anew after a definition changed, and gives the tables the indexes that the types
// ask for now.
func (s *scopeState) refreshCatalog() {
	c, err := compileCatalog(s.definitionsOf())
	if err != nil {
		c = newCatalog(organizationTypes()) // cannot be: definitions are compiled before they are stored
	}
	s.catalog = c
	for _, t := range c.types {
		s.setIndexes(t)
	}
	s.pending = nil
	if p := s.pendingChange(); p != nil && !p.Withdrawn {
		if next, err := compileCatalog(p.Definitions); err == nil {
			s.pending = next
		}
	}
}

// setIndexes makes the type's table have the indexes it should.
func (s *scopeState) setIndexes(t *schema.ResourceType) {
	table, want := s.tables[t.Name], indexedIn(t)
	if table == nil {
		return
	}
	same := slices.EqualFunc(table.indexes[1:], want, func(x index, a *schema.Attribute) bool {
		return x.attr.Path == a.Path && x.attr.CaseExact == a.CaseExact && x.attr.Kind == a.Kind
	})
	if same {
		return
	}
	fresh := newTable(want)
	table.list.Scan(func(ord uint32, r *record) bool {
		for i := range fresh.indexes {
			fresh.indexes[i].move(nil, s.indexKeys(&fresh.indexes[i], r), ord)
		}
		return true
	})
	table.indexes = fresh.indexes
}

// indexedIn are the attributes of a type that have an index in memory, beside meta.lastModified: what clients look for, and
// whatever is unique.
func indexedIn(t *schema.ResourceType) []*schema.Attribute {
	var attrs []*schema.Attribute
	for _, path := range []string{"userName", "externalId", "emails.value", "displayName"} {
		if a := t.Lookup(path); a != nil && a.Kind == schema.String {
			attrs = append(attrs, a)
		}
	}
	attrs = append(attrs, uniqueAttributes(t)...)
	slices.SortFunc(attrs, func(a, b *schema.Attribute) int { return cmp.Compare(a.Path, b.Path) })
	return slices.CompactFunc(attrs, func(a, b *schema.Attribute) bool { return a.Path == b.Path })
}

// uniqueAttributes are the attributes of which a value belongs to one resource at most. The id is unique by itself.
func uniqueAttributes(t *schema.ResourceType) []*schema.Attribute {
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
