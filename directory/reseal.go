package directory

import (
	"context"
	"encoding/json"
	"fmt"

	"rollcall/directory/internal/state"
	"rollcall/directory/internal/store"
)

// resealer seals what previous keys sealed under the current one, then records the current one's fingerprint. It may be
// interrupted and run on several nodes.
type resealer struct {
	*sealer
	store *Store
}

func (s resealer) run(ctx context.Context) error {
	if len(s.sealer.keys) == 1 {
		return nil
	}
	f, err := s.store.node.Latest()
	if err != nil {
		return err
	}

	// Every secret that the current key did not seal.
	n := 0
	for id, sc := range f.Scopes() {
		for name, sealed := range sc.Secrets("") {
			again, err := s.reseal(ctx, s.store.keys.Scope(id).Secret(name), sealed)
			if err != nil {
				return fmt.Errorf("sealing the stored secrets under the new key: %w", err)
			}
			n += again
		}
	}

	// From now on a node without the current key is refused.
	value, err := json.Marshal(format{formatVersion, s.fingerprint()})
	if err != nil {
		return err
	}
	if err := s.store.node.Housekeep(ctx, nil, []state.Entry{state.Put(s.store.keys.Format(), value)}); err != nil {
		return err
	}
	s.store.log.Info("sealed the stored secrets under the new key; once every node has it, drop the previous key",
		"secrets", n)
	return nil
}

// reseal returns how many secrets it sealed: none where the current key sealed this one already, or another node
// came first.
func (s resealer) reseal(ctx context.Context, key string, sealed []byte) (int, error) {
	secret, current, err := s.open(key, sealed)
	if err != nil || current {
		return 0, err
	}
	err = s.store.node.Housekeep(ctx, []store.Condition{store.Holds(key, string(sealed))},
		[]state.Entry{state.Put(key, s.seal(key, secret))})
	if KindOf(err) == Busy {
		return 0, nil
	}
	return 1, err
}
