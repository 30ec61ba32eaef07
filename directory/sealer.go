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
