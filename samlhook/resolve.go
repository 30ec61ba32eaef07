package samlhook

import (
	"context"
	"fmt"

	"rollcall/directory"
)

// What Prepare needs from outside of the change.
type (
	// metadataAt is the address of an identity provider's metadata; Resolve returns its bytes.
	metadataAt string
	// keyFor is a connection that needs a key towards its identity provider; Resolve returns a new pair, as newKeyPair
	// stores it.
	keyFor struct {
		organization string
		connection   directory.ID
		name         string // of the secret
	}
)

// Resolve gets what Prepare asked for. It fetches metadata (the error is a *saml.Refusal), and makes keys, which takes
// too long for a change that may run again.
func (h *Hook) Resolve(ctx context.Context, need any) (any, error) {
	switch n := need.(type) {
	case metadataAt:
		body, _, err := h.fetcher.fetch(ctx, string(n), validators{})
		return body, err
	case keyFor:
		return newKeyPair(n.organization, h.now())
	}
	return nil, fmt.Errorf("samlhook resolves no %T", need)
}
