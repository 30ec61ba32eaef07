package state

import (
	"slices"
	"strings"

	"github.com/tidwall/btree"
	"github.com/tidwall/gjson"

	"rollcall/directory/schema"
)

// table holds the resources of one type of a scope, in order of creation, with its indexes.
type table struct {
	list    *btree.Map[uint32, *Record]
	indexes []index
}

// index lists ordinals by key. attr is nil for meta.lastModified.
type index struct {
	attr *schema.Attribute
	tree *btree.BTreeG[indexEntry]
}

type indexEntry struct {
	key string
	ord uint32
}

func lessEntry(a, b indexEntry) bool {
	if c := strings.Compare(a.key, b.key); c != 0 {
		return c < 0
	}
	return a.ord < b.ord
}

func newTable(attrs []*schema.Attribute) *table {
	t := &table{list: &btree.Map[uint32, *Record]{}}
	for _, a := range append([]*schema.Attribute{nil}, attrs...) {
		t.indexes = append(t.indexes, index{attr: a, tree: newTree(lessEntry)})
	}
	return t
}

// newTree returns a tree without locks: one goroutine changes it, and readers have copies.
func newTree[T any](less func(a, b T) bool) *btree.BTreeG[T] {
	return btree.NewBTreeGOptions(less, btree.Options{NoLocks: true})
}

func (t *table) freeze() *table {
	f := &table{list: t.list.Copy(), indexes: slices.Clone(t.indexes)}
	for i := range f.indexes {
		f.indexes[i].tree = t.indexes[i].tree.Copy()
	}
	return f
}

func (t *table) modifiedIndex() *index { return &t.indexes[0] }

// index returns the index of the attribute, nil if it has none.
func (t *table) index(a *schema.Attribute) *index {
	for i := range t.indexes {
		if x := &t.indexes[i]; x.of(a) {
			return x
		}
	}
	return nil
}

// of reports whether it is the attribute's index.
func (x *index) of(a *schema.Attribute) bool {
	if x.attr == nil {
		return a.Path == "meta.lastModified"
	}
	return x.attr.Path == a.Path
}

// move changes the entries of one record from the keys it had to those it has.
func (x *index) move(was, is []string, ord uint32) {
	for _, k := range was {
		if !slices.Contains(is, k) {
			x.tree.Delete(indexEntry{k, ord})
		}
	}
	for _, k := range is {
		if !slices.Contains(was, k) {
			x.tree.Set(indexEntry{k, ord})
		}
	}
}

// AttributeKeys are the comparison keys of an attribute's values in a stored document.
func AttributeKeys(a *schema.Attribute, doc []byte) []string {
	if a.Parent != nil && a.Parent.MultiValued {
		return elementKeys(a, doc)
	}
	v := gjson.GetBytes(doc, a.JSONPath)
	if !v.Exists() {
		return nil
	}
	if !v.IsArray() {
		return []string{a.Key(v.String())}
	}
	var keys []string
	for _, e := range v.Array() {
		keys = append(keys, a.Key(e.String()))
	}
	return keys
}

// elementKeys are the keys of a sub-attribute in all elements of its multi-valued attribute, each once.
func elementKeys(a *schema.Attribute, doc []byte) []string {
	var keys []string
	gjson.GetBytes(doc, a.Parent.JSONPath).ForEach(func(_, e gjson.Result) bool {
		if v := e.Get(a.Name); v.Exists() {
			if k := a.Key(v.String()); !slices.Contains(keys, k) {
				keys = append(keys, k)
			}
		}
		return true
	})
	return keys
}
