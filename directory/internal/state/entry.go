package state

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Entry is one key as a revision left it, or as a change is to leave it.
type Entry struct {
	Key     string
	Value   []byte
	Deleted bool
	Prefix  bool  // deleted with all keys that begin with it; only for keys that are not held in memory
	Created int64 // etcd's create revision; 0 where the writer does not know it
}

// Put is the entry of a key that gets a value.
func Put(key string, value []byte) Entry { return Entry{Key: key, Value: value} }

// Delete is the entry of a key that goes.
func Delete(key string) Entry { return Entry{Key: key, Deleted: true} }

// DeletePrefix is the entry of all keys with the prefix, which go; only for keys that are not held in memory.
func DeletePrefix(prefix string) Entry { return Entry{Key: prefix, Deleted: true, Prefix: true} }

// entryOverhead is what etcd counts for a key beside its name and value.
const entryOverhead = 256

// Size is about what the entry adds to etcd's file: a deletion adds a mark to the history, too.
func (e Entry) Size() int64 { return int64(len(e.Key)+len(e.Value)) + entryOverhead }

// change is an entry with what its key says.
type change struct {
	Entry
	place
	typ      string // of a resource
	id       ID
	revision int64
}

// changes takes the keys of entries apart, sorts out the resources, and puts the rest in the order of their keys. Keys
// of no scope are passed over.
func (k Keyspace) changes(entries []Entry, revision func(i int) int64) (resources, rest []change, err error) {
	rest = make([]change, 0, len(entries))
	for i, e := range entries {
		p, ok := k.locate(e.Key)
		if !ok {
			continue
		}
		c := change{Entry: e, place: p, revision: revision(i)}
		if p.kind != "r" {
			rest = append(rest, c)
			continue
		}
		if c.typ, c.id, ok = resourcePlace(p.rest); !ok {
			return nil, nil, fmt.Errorf("key %q is not a resource", e.Key)
		}
		resources = append(resources, c)
	}
	slices.SortFunc(rest, func(a, b change) int { return strings.Compare(a.Key, b.Key) })
	return resources, rest, nil
}

// byCreation is the order in which resources get their ordinals: by the revision that created them, those of one
// revision by their IDs. So every node orders them alike, whether it saw them being created or loaded them later.
func byCreation(a, b change) int {
	return cmp.Or(cmp.Compare(a.Created, b.Created), strings.Compare(string(a.id[:]), string(b.id[:])),
		strings.Compare(a.Key, b.Key))
}
