package directory

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	clientv3 "go.etcd.io/etcd/client/v3"
)

// sealer seals secrets with AES-256-GCM; a sealed secret opens only under the key of etcd that it was sealed for.
type sealer struct{ keys []sealingKey } // the first seals, all open

type sealingKey struct {
	aead        cipher.AEAD
	fingerprint string
}

func newSealer(key []byte, previous [][]byte) (*sealer, error) {
	s := &sealer{}
	for _, k := range append([][]byte{key}, previous...) {
		if len(k) != 32 {
			return nil, fmt.Errorf("a secret key has 32 bytes; this one has %d", len(k))
		}
		block, err := aes.NewCipher(k)
		if err != nil {
			return nil, err
		}
		aead, err := cipher.NewGCM(block)
		if err != nil {
			return nil, err
		}
		mac := hmac.New(sha256.New, k)
		mac.Write([]byte("rollcall secret key"))
		s.keys = append(s.keys, sealingKey{aead, hex.EncodeToString(mac.Sum(nil)[:8])})
	}
	return s, nil
}

func (s *sealer) fingerprint() string { return s.keys[0].fingerprint }

func (s *sealer) knows(fingerprint string) bool {
	for _, k := range s.keys {
		if k.fingerprint == fingerprint {
			return true
		}
	}
	return false
}

func (s *sealer) seal(key string, secret []byte) []byte {
	aead := s.keys[0].aead
	nonce := make([]byte, aead.NonceSize())
	rand.Read(nonce)
	return aead.Seal(nonce, nonce, secret, []byte(key))
}

func (s *sealer) open(key string, sealed []byte) (secret []byte, current bool, err error) {
	for i, k := range s.keys {
		n := k.aead.NonceSize()
		if len(sealed) < n {
			break
		}
		if secret, err := k.aead.Open(nil, sealed[:n], sealed[n:], []byte(key)); err == nil {
			return secret, i == 0, nil
		}
	}
	return nil, false, errors.New("a stored secret does not open under the secret key")
}

// PutSecret stores a secret of the resource under a name, sealed.
func (tx *Tx) PutSecret(owner ID, name string, secret []byte) {
	key := tx.keys().secret(secretKID(owner, name))
	tx.put(key, tx.dir.store.sealer.seal(key, secret))
}

// CreateSecret stores a secret as PutSecret does and makes the change rest on its absence, so that of two nodes that make one
// up only one prevails.
func (tx *Tx) CreateSecret(owner ID, name string, secret []byte) {
	tx.require(absent(tx.keys().secret(secretKID(owner, name))))
	tx.PutSecret(owner, name, secret)
}

// Secret returns a secret of the resource; nil without an error where there is none.
func (s *Snapshot) Secret(owner ID, name string) ([]byte, error) {
	kid := secretKID(owner, name)
	sealed, ok := s.scope.secrets.Get(kid)
	if !ok {
		return nil, nil
	}
	secret, _, err := s.store.sealer.open(s.store.keys.scope(s.key).secret(kid), sealed)
	return secret, err
}

// secretKID names a secret; a zero owner is the scope itself.
func secretKID(owner ID, name string) string { return owner.String() + "/" + name }

func (s *Snapshot) secretsOf(owner ID) []string {
	var kids []string
	prefix := secretKID(owner, "")
	s.scope.secrets.Ascend(prefix, func(kid string, _ []byte) bool {
		if !strings.HasPrefix(kid, prefix) {
			return false
		}
		kids = append(kids, kid)
		return true
	})
	return kids
}

// reseal seals what previous keys sealed under the current one, then records the current one's fingerprint. It may be
// interrupted and run on several nodes.
func (s *Store) reseal(ctx context.Context) error {
	if len(s.sealer.keys) == 1 {
		return nil
	}
	f, err := s.replica.snapshot()
	if err != nil {
		return err
	}
	var failed error
	n := 0
	f.scopes.Scan(func(fs frozenScope) bool {
		k := s.keys.scope(fs.scope)
		fs.state.secrets.Scan(func(kid string, sealed []byte) bool {
			key := k.secret(kid)
			secret, current, err := s.sealer.open(key, sealed)
			if err == nil && !current {
				_, err = s.client.Txn(ctx).If(clientv3.Compare(clientv3.Value(key), "=", string(sealed))).
					Then(clientv3.OpPut(key, string(s.sealer.seal(key, secret)))).Commit()
				n++
			}
			failed = err
			return err == nil
		})
		return failed == nil
	})
	if failed != nil {
		return fmt.Errorf("sealing the stored secrets under the new key: %w", failed)
	}
	value, err := json.Marshal(format{formatVersion, s.sealer.fingerprint()})
	if err != nil {
		return err
	}
	if _, err := s.client.Put(ctx, s.keys.format(), string(value)); err != nil {
		return unavailable(err)
	}
	s.log.Info("sealed the stored secrets under the new key; the previous one may be dropped once every node has it", "secrets", n)
	return nil
}
