package directory

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"rollcall/directory/schema"
)

// conform checks that every stored resource satisfies the types as they are to be, and takes the keys of values that become
// unique.
//
// Keys are taken while announced holds: that the change is pending.
func (d *Directory) conform(ctx context.Context, s *Snapshot, next *catalog, announced condition) error {
	for _, was := range s.scope.catalog.types {
		t := s.scope.tables[was.Name]
		if logged(was.Name) || t == nil || t.list.Len() == 0 {
			continue
		}
		is := next.byName[was.Name]
		if is == nil {
			return errorf(Invalid, "", "%d resources of the type %s are there; delete them first", t.list.Len(), was.Name)
		}
		if same(was, is) {
			continue
		}
		var failed error
		t.list.Scan(func(_ uint32, r *record) bool {
			if err := ctx.Err(); err != nil {
				failed = unavailable(err)
			} else {
				failed = conforms(is, r)
			}
			return failed == nil
		})
		if failed != nil {
			return failed
		}
		for _, a := range uniqueAttributes(is) {
			if s.scope.catalog.unique(was.Name, a) == nil {
				if err := d.claimAll(ctx, s, t, is, a, announced); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// same reports whether two compilations of a type are of the same definitions.
func same(a, b *schema.ResourceType) bool {
	if string(a.Schema.Definition()) != string(b.Schema.Definition()) || len(a.Extensions) != len(b.Extensions) {
		return false
	}
	for i, e := range a.Extensions {
		if e.Required != b.Extensions[i].Required || string(e.Schema.Definition()) != string(b.Extensions[i].Schema.Definition()) {
			return false
		}
	}
	return true
}

// conforms checks a stored resource against a type: it must read as the very same document. Error: Invalid naming the
// resource and the attribute.
func conforms(t *schema.ResourceType, r *record) error {
	doc, err := t.Parse(r.JSON, schema.Mode{KeepReadOnly: true})
	if err == nil {
		err = t.Check(doc)
	}
	if err == nil {
		var was schema.Document
		if was, err = t.Decode(r.JSON); err == nil && !was.Equal(doc) {
			err = errors.New(lostPart(was, doc) + ": the stored value is not possible any more")
		}
	}
	if err != nil {
		return &Error{Kind: Invalid, Detail: fmt.Sprintf("the %s %s does not satisfy it: %v", t.Name, r.ID, err)}
	}
	return nil
}

// lostPart names an attribute that differs between two documents.
func lostPart(was, is map[string]any) string {
	for _, name := range slices.Sorted(maps.Keys(was)) {
		if schema.EqualValues(was[name], is[name]) {
			continue
		}
		if before, nested := was[name].(map[string]any); nested {
			after, _ := is[name].(map[string]any)
			return name + ":" + lostPart(before, after)
		}
		return name
	}
	return "the document"
}

// claimAll takes the key of every value of an attribute that becomes unique. Writers do the same for what they write
// meanwhile; whoever holds a key first prevails.
func (d *Directory) claimAll(ctx context.Context, s *Snapshot, t *table, typ *schema.ResourceType, a *schema.Attribute, announced condition) error {
	k := d.store.keys.scope(s.key)
	holders := map[string]*record{}
	var keys []string
	var clash error
	t.list.Scan(func(_ uint32, r *record) bool {
		for _, key := range attributeKeys(a, r.JSON) {
			if first := holders[key]; first != nil {
				clash = errorf(Exists, "", "the %s %s and %s have the same %s", typ.Name, first.ID, r.ID, a.Path)
				return false
			}
			holders[key] = r
			keys = append(keys, key)
		}
		return true
	})
	if clash != nil {
		return clash
	}
	for chunk := range slices.Chunk(keys, partsPerTxn) {
		if err := d.claimChunk(ctx, k, typ, a, chunk, holders, announced); err != nil {
			return err
		}
	}
	return nil
}

// claimChunk takes some keys for their holders. A resource that was written meanwhile is looked at again; a key that is there
// already must be its own.
func (d *Directory) claimChunk(ctx context.Context, k scopeKeys, typ *schema.ResourceType, a *schema.Attribute, keys []string, holders map[string]*record, announced condition) error {
	for range maxAttempts {
		var parts []part
		for _, key := range keys {
			r, u := holders[key], k.unique(typ.Name, a.Path, key)
			parts = append(parts, part{
				conditions: []condition{announced, absent(u), unchanged(k.resource(typ.Name, r.ID), int64(r.Version))},
				writes:     []entry{{key: u, value: []byte(r.ID.raw())}},
			})
		}
		out, err := d.store.commit(ctx, parts)
		if err != nil {
			return err
		}
		s, err := d.fresh(ctx)
		if err != nil {
			return err
		}
		var again []string
		for i, key := range keys {
			r := s.scope.get(holders[key].ID)
			if out[i].committed || r == nil || !slices.Contains(attributeKeys(a, r.JSON), key) {
				continue
			}
			held, err := d.store.value(ctx, k.unique(typ.Name, a.Path, key))
			switch {
			case err != nil:
				return err
			case held == "":
				holders[key], again = r, append(again, key)
			case held != r.ID.raw():
				return errorf(Exists, "", "the %s %s has a %s that another one took meanwhile", typ.Name, r.ID, a.Path)
			}
		}
		if keys = again; len(keys) == 0 {
			return nil
		}
	}
	return errorf(Busy, "", "the resources change too fast to check them; try again")
}
