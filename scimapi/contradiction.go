package scimapi

import (
	"rollcall/directory"
	"rollcall/directory/schema"
)

// contradiction returns an error for a readOnly part of a value that was sent and differs from what is stored and
// shown.
func (c *change) contradiction(tx *directory.Tx, old *directory.Resource, stored, sent schema.Document) error {
	if len(sent) == 0 {
		return nil
	}
	body, err := c.x.represent(tx.Snapshot(), c.t, old, &params{}, nil)
	if err != nil {
		return err
	}
	shown, err := c.t.Parse(body, schema.Mode{KeepReadOnly: true})
	if err != nil {
		return err
	}
	return c.t.Contradiction(sent, stored, shown)
}

// given is what a PATCH sets whole attributes to, with what is readOnly in it.
func (c *change) given() (schema.Document, error) {
	spend, end := c.work()
	defer end()
	sent := schema.Document{}
	for a, v := range c.patch.Given() {
		parsed, err := c.t.ParseValue(a, v, schema.Mode{KeepReadOnly: true, Known: true, Spend: spend})
		if err != nil {
			return nil, err
		}
		if a.URN == c.t.Schema.ID && parsed != nil {
			sent[a.Name] = parsed
		}
	}
	return sent, nil
}
