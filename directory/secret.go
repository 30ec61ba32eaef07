package directory

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"

	"rollcall/directory/internal/state"
	"rollcall/directory/internal/store"
)

// PutSecret stores a secret of the resource under a name, sealed.
func (tx *Tx) PutSecret(owner ID, name string, secret []byte) {
	key := tx.keys().Secret(secretName(owner, name))
	tx.put(key, tx.dir.store.sealer.seal(key, secret))
}

// CreateSecret stores a secret as PutSecret does and makes the change depend on its absence: if two nodes make one up,
// only one of them succeeds.
func (tx *Tx) CreateSecret(owner ID, name string, secret []byte) {
	tx.require(store.Absent(tx.keys().Secret(secretName(owner, name))))
	tx.PutSecret(owner, name, secret)
}

// Secret returns a secret of the resource; nil without an error where there is none.
func (s *Snapshot) Secret(owner ID, name string) ([]byte, error) {
	kid := secretName(owner, name)
	sealed, ok := s.scope.Secret(kid)
	if !ok {
		return nil, nil
	}
	secret, _, err := s.store.sealer.open(s.keys().Secret(kid), sealed)
	return secret, err
}

// secretName names a secret; a zero owner is the scope itself.
func secretName(owner ID, name string) string { return owner.String() + "/" + name }

// secretsOf are the names of the resource's secrets.
func (s *Snapshot) secretsOf(owner ID) (names []string) {
	for name := range s.scope.Secrets(secretName(owner, "")) {
		names = append(names, name)
	}
	return names
}

// reseal seals what previous keys sealed under the current one, then records the current one's fingerprint. It may be
// interrupted and run on several nodes.
func (s *Store) reseal(ctx context.Context) error {
	if len(s.sealer.keys) == 1 {
		return nil
	}
	f, err := s.node.Latest()
	if err != nil {
		return err
	}
	n := 0
	for id, sc := range f.Scopes() {
		for name, sealed := range sc.Secrets("") {
			again, err := s.resealOne(ctx, s.keys.Scope(id).Secret(name), sealed)
			if err != nil {
				return fmt.Errorf("sealing the stored secrets under the new key: %w", err)
			}
			n += again
		}
	}
	value, err := json.Marshal(format{formatVersion, s.sealer.fingerprint()})
	if err != nil {
		return err
	}
	if err := s.node.Housekeep(ctx, nil, []state.Entry{state.Put(s.keys.Format(), value)}); err != nil {
		return err
	}
	s.log.Info("sealed the stored secrets under the new key; drop the previous key once every node has the new one", "secrets", n)
	return nil
}

// resealOne returns how many secrets it sealed: none where the current key sealed this one already, or another node is
// faster.
func (s *Store) resealOne(ctx context.Context, key string, sealed []byte) (int, error) {
	secret, current, err := s.sealer.open(key, sealed)
	if err != nil || current {
		return 0, err
	}
	err = s.node.Housekeep(ctx, []store.Condition{store.Holds(key, string(sealed))},
		[]state.Entry{state.Put(key, s.sealer.seal(key, secret))})
	if KindOf(err) == Busy {
		return 0, nil
	}
	return 1, err
}

// secretPrefix lets people and secret scanners tell what a secret is.
const secretPrefix = "rollcall_"

// newSecret returns 256 random bits as text.
func newSecret() string {
	var b [32]byte
	rand.Read(b[:])
	return secretPrefix + base64.RawURLEncoding.EncodeToString(b[:])
}

// secretHash is what is stored of a secret. Secrets are random, so a plain hash reveals nothing of them.
func secretHash(secret string) string {
	sum := sha256.Sum256([]byte(strings.TrimSpace(secret)))
	return string(sum[:])
}
