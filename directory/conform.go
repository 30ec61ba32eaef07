package directory

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"rollcall/directory/internal/state"
	"rollcall/directory/internal/store"
	"rollcall/directory/schema"
)

// conformer checks that every stored resource satisfies the types as they are to be, and puts the keys of values that
// become unique.
type conformer struct {
	dir       *Directory
	snap      *Snapshot
	next      *state.Catalog
	announced store.Condition // that the change is pending: keys are put while it holds
}

func (c *conformer) run(ctx context.Context) error {
	for _, was := range c.snap.scope.Catalog().Types() {
		n := c.snap.scope.Count(was.Name)
		if n == 0 {
			continue
		}

		// What is stored must satisfy the type as it will be.
		is := c.next.Type(was.Name)
		if is == nil {
			return errorf(Invalid, "", "%d resources of the type %s exist; delete them first", n, was.Name)
		}
		if sameDefinitions(was, is) {
			continue
		}
		if err := c.checkAll(ctx, is); err != nil {
			return err
		}

		// Its values that become unique get their keys.
		for _, a := range state.UniqueAttributes(is) {
			if c.snap.scope.Catalog().Unique(was.Name, a) != nil {
				continue
			}
			if err := c.claimAll(ctx, is, a); err != nil {
				return err
			}
		}
	}
	return nil
}

// checkAll checks every resource of the type.
func (c *conformer) checkAll(ctx context.Context, t *schema.ResourceType) error {
	work := c.dir.Work()
	defer work.End()
	for r := range c.snap.scope.All(t.Name) {
		if err := work.Spend(ctx, 1+len(r.JSON)/bytesPerUnit); err != nil {
			return state.Unanswered(err)
		}
		if err := conforms(t, r); err != nil {
			return err
		}
	}
	return nil
}

// bytesPerUnit is how many bytes of a document are read and compared with a unit of work.
const bytesPerUnit = 32

// sameDefinitions reports whether two compilations of a type are of the same definitions.
func sameDefinitions(a, b *schema.ResourceType) bool {
	if a == b {
		return true
	}
	same := func(x, y schema.Extension) bool {
		return x.Required == y.Required && string(x.Schema.Definition()) == string(y.Schema.Definition())
	}
	return string(a.Schema.Definition()) == string(b.Schema.Definition()) &&
		slices.EqualFunc(a.Extensions, b.Extensions, same)
}

// conforms checks a stored resource against a type: it must read as the very same document. Error: Invalid naming the
// resource and the attribute.
func conforms(t *schema.ResourceType, r *state.Record) error {
	doc, err := t.Parse(r.JSON, schema.Mode{KeepReadOnly: true})
	if err == nil {
		err = t.Check(doc)
	}
	if err == nil {
		var was schema.Document
		if was, err = t.Decode(r.JSON); err == nil && !was.Equal(doc) {
			err = errors.New(lostPart(was, doc) + ": the stored value is no longer valid")
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

// claims are the values of an attribute that becomes unique, and who has them.
type claims struct {
	*conformer
	typ     *schema.ResourceType
	attr    *schema.Attribute
	holders map[string]*state.Record // by comparison key
}

// claimAll puts the key of every value of an attribute that becomes unique. Writers do the same for what they write
// meanwhile; whoever puts a key first keeps it. Error: Exists naming two resources.
func (c *conformer) claimAll(ctx context.Context, t *schema.ResourceType, a *schema.Attribute) error {
	claims := &claims{c, t, a, map[string]*state.Record{}}
	var keys []string
	work := c.dir.Work()
	defer work.End()
	for r := range c.snap.scope.All(t.Name) {
		if err := work.Spend(ctx, 1); err != nil {
			return state.Unanswered(err)
		}
		for _, key := range state.AttributeKeys(a, r.JSON) {
			if first := claims.holders[key]; first != nil {
				return errorf(Exists, "", "the %s %s and %s have the same %s", t.Name, first.ID, r.ID, a.Path)
			}
			claims.holders[key] = r
			keys = append(keys, key)
		}
	}
	work.End()
	if c.dir.dry { // leftovers of an earlier time apart, which a real change removes first, there is no such key
		return nil
	}
	for chunk := range slices.Chunk(keys, store.MaxParts) {
		if err := claims.put(ctx, chunk); err != nil {
			return err
		}
	}
	return nil
}

// put puts some keys for their holders, as often as their resources are written meanwhile.
func (c *claims) put(ctx context.Context, keys []string) error {
	for range maxAttempts {
		parts := make([]store.Part, len(keys))
		for i, key := range keys {
			parts[i] = c.part(key)
		}
		out, err := c.dir.store.node.Commit(ctx, parts)
		if err != nil {
			return err
		}
		if keys, err = c.open(ctx, keys, out); len(keys) == 0 || err != nil {
			return err
		}
	}
	return errorf(Busy, "", "the resources change too fast to check them; try again")
}

func (c *claims) part(key string) store.Part {
	k, r := c.snap.keys(), c.holders[key]
	u := k.Unique(c.typ.Name, c.attr.Path, key)
	return store.Part{
		Conditions: []store.Condition{c.announced, store.Absent(u), unchangedRecord(k, r)},
		Writes:     []state.Entry{state.Put(u, []byte(r.ID.Raw()))},
	}
}

// open are the keys that are still to be put: their resources were written meanwhile and have the values still. A key
// that is there already must belong to the resource. Error: Exists.
func (c *claims) open(ctx context.Context, keys []string, out []store.Outcome) (open []string, err error) {
	s, err := c.dir.fresh(ctx)
	if err != nil {
		return nil, err
	}
	for i, key := range keys {
		r := s.scope.Of(c.typ.Name, c.holders[key].ID)
		if out[i].Committed || r == nil || !slices.Contains(state.AttributeKeys(c.attr, r.JSON), key) {
			continue
		}
		held, ok, err := c.dir.store.node.Get(ctx, s.keys().Unique(c.typ.Name, c.attr.Path, key))
		switch {
		case err != nil:
			return nil, err
		case !ok:
			c.holders[key] = r
			open = append(open, key)
		case string(held.Value) != r.ID.Raw():
			return nil, errorf(Exists, "", "the %s %s has a %s that another one took first",
				c.typ.Name, r.ID, c.attr.Path)
		}
	}
	return open, nil
}
