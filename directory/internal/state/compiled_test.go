package state

import (
	"fmt"
	"strings"
	"testing"

	"rollcall/directory/schema"
)

// definition is a schema of n attributes.
func definition(urn string, n int) Definition {
	var attributes []string
	for i := range n {
		attributes = append(attributes, fmt.Sprintf(`{"name":"a%d","type":"string"}`, i))
	}
	return Definition{NewID(), `{"urn":"` + urn + `","name":"S","attributes":[` + strings.Join(attributes, ",") + `]}`}
}

// What the proposer compiled is there for the applier; a change compiles no more than it touches.
func TestCompiledOnce(t *testing.T) {
	c := NewCatalog([]*schema.ResourceType{schema.User()}, schema.UserType)
	first := Definitions{Schemas: []Definition{definition("urn:example:a", 10), definition("urn:example:b", 10)}}
	proposed, err := c.With(first, Definitions{})
	if err != nil {
		t.Fatal(err)
	}
	again, err := proposed.With(Definitions{Schemas: append([]Definition{}, first.Schemas...)}, Definitions{})
	if err != nil || again != proposed {
		t.Errorf("the same definitions are compiled twice (%v)", err)
	}
	next, err := proposed.With(Definitions{Schemas: append(first.Schemas, definition("urn:example:c", 10))}, first)
	if err != nil || next == proposed || next.known["urn:example:a"] != proposed.known["urn:example:a"] || next.known["urn:example:c"] == nil {
		t.Errorf("one more schema: %v", err)
	}
	if schemas, attributes := next.Defined(); schemas != 3 || attributes != 30 {
		t.Errorf("%d schemas with %d attributes", schemas, attributes)
	}
	if _, err := proposed.With(Definitions{Types: first.Schemas}, Definitions{}); err == nil {
		t.Error("schemas and types have the same hash")
	}

	// It does not grow without end.
	for i := range mostSchemas + 10 {
		one := Definitions{Schemas: []Definition{definition(fmt.Sprintf("urn:example:x:%d", i), 1)}}
		if _, err := c.With(one, Definitions{}); err != nil {
			t.Fatal(err)
		}
	}
	if len(c.compiled.catalogs) > mostCatalogs || len(c.compiled.schemas) > mostSchemas {
		t.Errorf("%d catalogs and %d schemas are remembered", len(c.compiled.catalogs), len(c.compiled.schemas))
	}
}
