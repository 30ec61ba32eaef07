package state

import (
	"crypto/sha256"
	"sync"

	"rollcall/directory/schema"
)

// compiled remembers what was compiled, by a hash of what it was made of. Who proposes definitions compiles them before
// the commit; the applier, under whose lock everybody waits, then finds them here. A node that sees a change by another
// one compiles only the schemas that the change touches.
type compiled struct {
	mu       sync.Mutex
	catalogs map[[sha256.Size]byte]loaded
	schemas  map[[sha256.Size]byte]*schema.Schema
}

// Bounds of what is remembered. Any may go: it is compiled again when it is needed.
const (
	mostCatalogs = 1024
	mostSchemas  = 4096
)

func newCompiled() *compiled {
	return &compiled{catalogs: map[[sha256.Size]byte]loaded{}, schemas: map[[sha256.Size]byte]*schema.Schema{}}
}

// catalog returns the catalog of definitions of which some are held already, made by compile unless it is known.
func (c *compiled) catalog(defs, held Definitions, compile func() (loaded, error)) (loaded, error) {
	key := defs.hash()
	if !held.empty() {
		others := held.hash()
		key = sha256.Sum256(append(key[:], others[:]...))
	}
	return remembered(&c.mu, c.catalogs, mostCatalogs, key, compile)
}

// proposed remembers the catalog of definitions that are about to be stored, for the applier.
func (c *compiled) proposed(defs Definitions, l loaded) {
	_, _ = c.catalog(defs, Definitions{}, func() (loaded, error) { return l, nil })
}

// schema returns the schema of a document, compiled unless it is known.
func (c *compiled) schema(doc string) (*schema.Schema, error) {
	return remembered(&c.mu, c.schemas, mostSchemas, sha256.Sum256([]byte(doc)),
		func() (*schema.Schema, error) { return schema.CompileSchema([]byte(doc)) })
}

// remembered returns what is known under the key, or makes it. Errors are not remembered. Nobody waits for what others
// make.
func remembered[T any](mu *sync.Mutex, known map[[sha256.Size]byte]T, most int, key [sha256.Size]byte,
	compile func() (T, error)) (T, error) {
	mu.Lock()
	v, ok := known[key]
	mu.Unlock()
	if ok {
		return v, nil
	}
	v, err := compile()
	if err != nil {
		return v, err
	}
	mu.Lock()
	defer mu.Unlock()
	for other := range known {
		if len(known) < most {
			break
		}
		delete(known, other)
	}
	known[key] = v
	return v, nil
}

// empty reports whether there are no definitions.
func (d Definitions) empty() bool { return len(d.Schemas) == 0 && len(d.Types) == 0 }

// hash is the hash of the documents, in their order.
func (d Definitions) hash() (sum [sha256.Size]byte) {
	h := sha256.New()
	for _, list := range [][]Definition{d.Schemas, d.Types} {
		for _, def := range list {
			one := sha256.Sum256([]byte(def.Doc))
			h.Write(one[:])
		}
		h.Write([]byte{0}) // the end of a list
	}
	h.Sum(sum[:0])
	return sum
}
