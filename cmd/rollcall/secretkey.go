package main

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
)

const secretKeySize = 32 // bytes

// parseSecretKey reads a key in hexadecimal or base64. Its errors never contain the key.
func parseSecretKey(text string) ([]byte, error) {
	text = strings.TrimSpace(text)
	key, err := hex.DecodeString(text)
	if err != nil {
		standard := strings.NewReplacer("-", "+", "_", "/").Replace(strings.TrimRight(text, "="))
		if key, err = base64.RawStdEncoding.DecodeString(standard); err != nil {
			return nil, errors.New("the key is neither hexadecimal nor base64")
		}
	}
	if len(key) != secretKeySize {
		return nil, fmt.Errorf("the key has %d bytes; it must have %d", len(key), secretKeySize)
	}
	return key, nil
}

// secretKeys returns the key that encrypts and the earlier ones, which may still decrypt.
func (n *Node) secretKeys(d *dataDir) (key []byte, previous [][]byte, err error) {
	for _, text := range n.PreviousSecretKey {
		k, err := parseSecretKey(text)
		if err != nil {
			return nil, nil, fmt.Errorf("--previous-secret-key: %w", err)
		}
		previous = append(previous, k)
	}
	if n.SecretKey == "" {
		key, err = d.secretKey()
		return key, previous, err
	}
	if key, err = parseSecretKey(n.SecretKey); err != nil {
		return nil, nil, fmt.Errorf("--secret-key: %w", err)
	}
	return key, previous, nil
}

// secretKey returns the key that is kept in the data folder. It is generated at the first start; later, a missing key
// is an error, because a new one could not decrypt what is stored.
func (d *dataDir) secretKey() ([]byte, error) {
	path := d.file("secret.key")
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		if d.used() {
			return nil, fmt.Errorf("%s is missing, and stored secrets cannot be decrypted without it: "+
				"restore it from your backup, or give the key with --secret-key", path)
		}
		key := make([]byte, secretKeySize)
		rand.Read(key)
		return key, writeSecret(path, hex.EncodeToString(key))
	}
	if err != nil {
		return nil, err
	}
	key, err := parseSecretKey(string(text))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return key, nil
}
