package directory

import (
	"context"
	"encoding/json"
	"maps"

	"rollcall/directory/internal/store"
	"rollcall/directory/schema"
)

// What a person's assertion said is kept apart from the SignIn, because it has an end of its own and not everybody who
// reads SignIns may see it. Lists leave it out; whoever may read everything gets it with the single SignIn.

// identityAttributes are the attributes of a SignIn that are kept apart.
var identityAttributes = []string{"identity", "attributes"}

// maxIdentity bounds what is kept of one sign-in, in bytes.
const maxIdentity = 384 << 10

// putIdentity stages what a SignIn says about the person, and takes it out of the document. What is too large is left
// out.
func (tx *Tx) putIdentity(id ID, doc schema.Document) error {
	kept := map[string]any{}
	for _, name := range identityAttributes {
		if v, ok := doc[name]; ok {
			kept[name] = v
			delete(doc, name)
		}
	}
	if len(kept) == 0 {
		return nil
	}
	value, err := json.Marshal(kept)
	if err != nil || len(value) > maxIdentity {
		return err
	}
	tx.put(tx.keys().Identity(id), value)
	return nil
}

// withIdentity adds to a SignIn what is kept of the person, if the actor may read everything.
func (s *Snapshot) withIdentity(ctx context.Context, r *Resource) (*Resource, error) {
	if !s.actor.Rights.Has(readAll) {
		return r, nil
	}
	l, ok, err := s.store.node.Get(ctx, s.keys().Identity(r.ID))
	if err != nil || !ok {
		return r, err
	}
	doc, err := schema.SignIn().Decode(r.JSON)
	if err != nil {
		return nil, err
	}
	kept, err := schema.SignIn().Decode(l.Value)
	if err != nil {
		return nil, err
	}
	maps.Copy(doc, kept)
	whole := *r
	whole.JSON, err = schema.SignIn().Encode(doc)
	return &whole, err
}

// identities deletes what is kept of people that is too old, and that of SignIns that are gone.
func (s *scopeSweeper) identities(ctx context.Context, bound ID) error {
	prefix := s.keys.Identities()
	end := prefix + bound.Raw()
	first, _, err := s.store.node.Keys(ctx, s.keys.SignIns(), store.PrefixEnd(s.keys.SignIns()), 1)
	if err != nil {
		return err
	}
	if len(first) > 0 {
		end = max(end, prefix+first[0][len(s.keys.SignIns()):])
	}
	if err := s.store.node.PurgeUntil(ctx, prefix, end); err != nil {
		return err
	}
	return s.unless(ctx, prefix)
}
