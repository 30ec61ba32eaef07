package directory

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
)

// sealer seals secrets with AES-256-GCM; a sealed secret opens only under the key of etcd that it was sealed for.
type sealer struct{ keys []sealingKey } // the first seals, all open

type sealingKey struct {
	secret      []byte
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
		s.keys = append(s.keys, sealingKey{k, aead, fingerprint(k, secretKeyText)})
	}
	return s, nil
}

func (s *sealer) fingerprint() string { return s.keys[0].fingerprint }

// fingerprints are what may be shown of secrets, by their hashes: under every key, so that nodes can compare theirs
// while the key is being replaced.
func (s *sealer) fingerprints(hashes []string) []string {
	var all []string
	for _, k := range s.keys {
		for _, h := range hashes {
			all = append(all, fingerprint(k.secret, "rollcall operator token"+h))
		}
	}
	return all
}

// secretKeyText is what a secret key's fingerprint is made of.
const secretKeyText = "rollcall secret key"

// fingerprint tells two texts apart and nothing about them.
func fingerprint(key []byte, text string) string {
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(text))
	return hex.EncodeToString(mac.Sum(nil)[:8])
}

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
