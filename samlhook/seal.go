package samlhook

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
)

// seal encrypts what travels through a browser for one purpose, under a key of its own. bound is what it belongs to.
func (k requestKey) seal(purpose string, body, bound []byte) []byte {
	aead := k.aead(purpose)
	nonce := make([]byte, aead.NonceSize())
	rand.Read(nonce) // never fails since Go 1.24
	return aead.Seal(nonce, nonce, body, bound)
}

// open decrypts what seal made; false for anything else.
func (k requestKey) open(purpose string, sealed, bound []byte) ([]byte, bool) {
	aead := k.aead(purpose)
	if len(sealed) < aead.NonceSize() {
		return nil, false
	}
	body, err := aead.Open(nil, sealed[:aead.NonceSize()], sealed[aead.NonceSize():], bound)
	return body, err == nil
}

func (k requestKey) aead(purpose string) cipher.AEAD {
	block, err := aes.NewCipher(k.mac(purpose, nil))
	if err != nil {
		panic("samlhook: a MAC is as long as an AES key: " + err.Error())
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		panic("samlhook: AES has the block size of GCM: " + err.Error())
	}
	return aead
}
