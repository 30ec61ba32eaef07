package directory

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"strings"

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

// DeleteSecret removes a secret of the resource.
func (tx *Tx) DeleteSecret(owner ID, name string) {
	tx.delete(tx.keys().Secret(secretName(owner, name)))
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
