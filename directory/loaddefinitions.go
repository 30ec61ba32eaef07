package directory

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
	"time"

	"rollcall/directory/schema"
)

// LoadDefinitions puts the schemas and resource types in the JSON files of files into every organization: what is
// missing is created, what differs is replaced, what is equal is left alone; nothing is removed. A file holds a schema
// in the form of RFC 7643 §7 or a resource type in that of §6, or an array of them; "schemas" tells which, and where it
// is left out, the attributes do. Schemas come before the resource types that use them, whatever the files are called.
// Nothing is changed unless all files can be read. Errors name the file and the place in it, and the organization where
// one refused the definition: its data does not conform, for example.
func LoadDefinitions(ctx context.Context, s *Store, files fs.FS) error {
	loaded, err := readDefinitions(files)
	if err != nil || len(loaded) == 0 {
		return err
	}
	system, err := s.System().Snapshot(ctx)
	if err != nil {
		return err
	}
	for o := range system.All(schema.OrganizationType) {
		d := s.Organization(o.Text("name"))
		for _, l := range loaded {
			err := d.ensure(ctx, l)
			if k := KindOf(err); k == NotFound || k == Forbidden { // deleted meanwhile, or not active
				s.log.Warn("definitions were not loaded into an organization", "organization", d.name, "error", err)
				break
			}
			if err != nil {
				return fmt.Errorf("%s: organization %s: %w", l.at, d.name, err)
			}
		}
	}
	return nil
}

// loadedDefinition is a definition from a file, as the document of our own type.
type loadedDefinition struct {
	at  string // file and place
	typ string
	key string // the attribute that tells such definitions apart
	doc schema.Document
}

// definitionPause is how long to wait for somebody else's change of definitions, on another node that starts, to end.
const definitionPause = 100 * time.Millisecond

// ensure makes the definition what the organization has under its name.
func (d *Directory) ensure(ctx context.Context, l loadedDefinition) error {
	ctx, cancel := context.WithTimeout(ctx, definitionTimeout)
	defer cancel()
	for {
		_, err := d.Update(ctx, l.put)
		if KindOf(err) != Busy {
			return err
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(definitionPause):
		}
	}
}

// put is the change that creates or replaces the definition.
func (l loadedDefinition) put(tx *Tx) error {
	want, _ := l.doc[l.key].(string)
	for r := range tx.Snapshot().All(l.typ) {
		if !strings.EqualFold(r.Text(l.key), want) {
			continue
		}
		old, err := tx.Get(l.typ, r.ID)
		if err != nil {
			return err
		}
		before, err := kindOf(l.typ).schema().Decode(old.JSON)
		if err != nil {
			return err
		}
		doc := l.doc.Clone()
		if err := kindOf(l.typ).schema().Carry(before, doc); err != nil {
			return err
		}
		_, err = tx.Replace(old, doc)
		return err
	}
	_, err := tx.Create(l.typ, l.doc.Clone())
	return err
}

// readDefinitions reads all files, in the order of their names, schemas first.
func readDefinitions(files fs.FS) ([]loadedDefinition, error) {
	var all []loadedDefinition
	err := fs.WalkDir(files, ".", func(name string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() || path.Ext(name) != ".json" {
			return err
		}
		text, err := fs.ReadFile(files, name)
		if err != nil {
			return err
		}
		got, err := readDefinitionFile(name, text)
		all = append(all, got...)
		return err
	})
	if err != nil {
		return nil, err
	}

	// A definition has one place, and schemas come before the types that use them.
	seen := map[string]string{}
	for _, l := range all {
		key := l.typ + " " + strings.ToLower(fmt.Sprint(l.doc[l.key]))
		if first, twice := seen[key]; twice {
			return nil, fmt.Errorf("%s: %s %q is defined in %s already", l.at, l.key, l.doc[l.key], first)
		}
		seen[key] = l.at
	}
	slices.SortStableFunc(all, func(a, b loadedDefinition) int {
		return strings.Compare(b.typ, a.typ) // "SchemaDefinition" before "ResourceTypeDefinition"
	})
	return all, nil
}

func readDefinitionFile(name string, text []byte) ([]loadedDefinition, error) {
	v, err := schema.Unmarshal(text)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	list, many := v.([]any)
	if !many {
		list = []any{v}
	}
	var all []loadedDefinition
	for i, e := range list {
		at := name
		if many {
			at = fmt.Sprintf("%s: [%d]", name, i)
		}
		l, err := readDefinition(e)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", at, err)
		}
		l.at = at
		all = append(all, l)
	}
	return all, nil
}

// readDefinition turns RFC 7643's form of a definition into our own, which names the URN of a schema "urn", because
// "id" is what the server gives, and has no meta.
func readDefinition(v any) (loadedDefinition, error) {
	m, ok := v.(map[string]any)
	if !ok {
		return loadedDefinition{}, errors.New("must be a JSON object")
	}
	l := loadedDefinition{typ: definitionKind(m)}
	var t *schema.ResourceType
	switch l.typ {
	case schema.SchemaDefinitionType:
		t, l.key = schema.SchemaDefinition(), "urn"
		if m["urn"] == nil {
			m["urn"] = m["id"]
		}
	case schema.ResourceTypeDefinitionType:
		t, l.key = schema.ResourceTypeDefinition(), "name"
	default:
		return l, fmt.Errorf("schemas: must hold %q or %q", schema.SchemaURN, schema.ResourceTypeURN)
	}

	// What only RFC 7643's form has goes; the rest must be right by our own type.
	delete(m, "id")
	delete(m, "meta")
	m["schemas"] = []string{t.Schema.ID}
	text, err := json.Marshal(m)
	if err != nil {
		return l, err
	}
	if l.doc, err = t.Parse(text, schema.Mode{Strict: true}); err != nil {
		return l, err
	}
	if err := t.Check(l.doc); err != nil {
		return l, err
	}
	if l.typ == schema.SchemaDefinitionType {
		_, err = schema.CompileSchema(text)
	}
	return l, err
}

// definitionKind is the type of definition that the object is; "" if it is not one.
func definitionKind(m map[string]any) string {
	if list, ok := m["schemas"].([]any); ok {
		for _, e := range list {
			switch urn, _ := e.(string); {
			case strings.EqualFold(urn, schema.SchemaURN),
				strings.EqualFold(urn, schema.SchemaDefinition().Schema.ID):
				return schema.SchemaDefinitionType
			case strings.EqualFold(urn, schema.ResourceTypeURN),
				strings.EqualFold(urn, schema.ResourceTypeDefinition().Schema.ID):
				return schema.ResourceTypeDefinitionType
			}
		}
		return ""
	}
	switch {
	case m["attributes"] != nil:
		return schema.SchemaDefinitionType
	case m["endpoint"] != nil:
		return schema.ResourceTypeDefinitionType
	}
	return ""
}
