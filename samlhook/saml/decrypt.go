package saml

import (
	"bytes"
	"crypto"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rsa"
	_ "crypto/sha1" // the digest and the mask of OAEP unless others are named
	_ "crypto/sha256"
	_ "crypto/sha512"
	"errors"
	"slices"
	"strings"

	"github.com/beevik/etree"
)

// This is XML Encryption 1.1, as much of it as SAML needs. Anybody has our public key, so all of this runs on messages
// that anybody made: whatever fails once a key of ours has been used, fails with one and the same answer.

// errUndecryptable is the answer to every failure of a decryption.
var errUndecryptable = Refuse(ReasonDecryption)

const (
	// maxEncryptedKeys bounds the keys of one assertion that are tried, each with each of ours: RSA costs a
	// millisecond.
	maxEncryptedKeys = 2
	// maxCipherValues bounds the cipher values of one assertion: its own, and one for each recipient.
	maxCipherValues = 8
	// maxEncryptedFrame bounds an EncryptedAssertion without its cipher values, in bytes.
	maxEncryptedFrame = 64 << 10
)

// dataCipher is an algorithm that encrypts the assertion itself.
type dataCipher struct {
	keyBytes int
	cbc      bool // does not find what was changed
	open     func(block cipher.Block, sealed []byte) ([]byte, error)
}

var dataCiphers = map[string]dataCipher{
	nsEnc + "aes128-cbc":   {16, true, openCBC},
	nsEnc + "aes192-cbc":   {24, true, openCBC},
	nsEnc + "aes256-cbc":   {32, true, openCBC},
	nsEnc11 + "aes128-gcm": {16, false, openGCM},
	nsEnc11 + "aes192-gcm": {24, false, openGCM},
	nsEnc11 + "aes256-gcm": {32, false, openGCM},
}

// oaepDigests and oaepMasks are the hashes of RSA-OAEP (XML Encryption 1.1 §5.5.2).
var (
	oaepDigests = map[string]crypto.Hash{
		"": crypto.SHA1, digestSHA1: crypto.SHA1,
		nsEnc + "sha256": crypto.SHA256, "http://www.w3.org/2001/04/xmldsig-more#sha384": crypto.SHA384,
		nsEnc + "sha512": crypto.SHA512,
	}
	oaepMasks = map[string]crypto.Hash{
		"": crypto.SHA1, nsEnc11 + "mgf1sha1": crypto.SHA1, nsEnc11 + "mgf1sha224": crypto.SHA224,
		nsEnc11 + "mgf1sha256": crypto.SHA256, nsEnc11 + "mgf1sha384": crypto.SHA384,
		nsEnc11 + "mgf1sha512": crypto.SHA512,
	}
)

// decrypt returns the message with the assertion in place of the EncryptedAssertion. What stands there then came from
// anybody, unless the Response was signed: it has to be scanned, and its signature verified.
func (c *Connection) decrypt(o *outline, signed bool) ([]byte, *Refusal) {
	el, refusal := encryptedAssertion(o)
	if refusal != nil {
		return nil, refusal
	}
	data, keys, refusal := c.encryptedParts(el)
	if refusal != nil {
		return nil, refusal
	}

	// Each key with each of ours; the data is decoded only once a key fits.
	algorithm := dataCiphers[methodOf(data)]
	var sealed []byte
	for _, key := range keys {
		for _, own := range c.DecryptionKeys {
			secret, err := key.unwrap(own)
			if err != nil || len(secret) != algorithm.keyBytes {
				continue
			}
			if algorithm.cbc && !signed && c.TryCBC != nil && !c.TryCBC(secret) {
				return nil, Refuse(ReasonDecryptionHeld)
			}
			if sealed == nil {
				if sealed, err = cipherValue(data); err != nil {
					return nil, errUndecryptable
				}
			}
			block, err := aes.NewCipher(secret)
			if err != nil {
				return nil, errUndecryptable
			}
			if plain, err := algorithm.open(block, slices.Clone(sealed)); err == nil {
				at := o.encrypted
				return slices.Concat(o.message[:at.from], bytes.TrimSpace(plain), o.message[at.to:]), nil
			}
		}
	}
	return nil, errUndecryptable
}

// encryptedAssertion parses the EncryptedAssertion. Its cipher values, which may be megabytes, do not pass through the
// parser.
func encryptedAssertion(o *outline) (*etree.Element, *Refusal) {
	misshapen := Refuse(ReasonEncryptionShape)
	frame := slices.Clone(o.message[o.response.from:o.response.to])
	at := o.encrypted.from
	for _, value := range o.ciphers {
		frame = append(frame, o.message[at:value.from]...)
		at = value.to
	}
	frame = append(frame, o.message[at:o.encrypted.to]...)
	if len(frame) > maxEncryptedFrame {
		return nil, misshapen
	}
	root, err := parseOpen(frame, 1)
	if err != nil {
		return nil, misshapen
	}
	el := root.ChildElements()[0]

	// Back into their places, in the order of the document.
	values := cipherValues(el)
	if len(values) != len(o.ciphers) {
		return nil, misshapen
	}
	for i, value := range values {
		value.SetText(string(o.message[o.ciphers[i].from:o.ciphers[i].to]))
	}
	return el, nil
}

// cipherValues are the CipherValues inside an element, in the order of the document.
func cipherValues(el *etree.Element) (found []*etree.Element) {
	for _, child := range el.ChildElements() {
		if child.Tag == "CipherValue" {
			found = append(found, child)
		}
		found = append(found, cipherValues(child)...)
	}
	return found
}

// encryptedParts finds the data and the keys that may be for us, inside of its KeyInfo or beside it, and refuses
// algorithms that nobody should use before any key is.
func (c *Connection) encryptedParts(el *etree.Element) (data *etree.Element, keys []wrappedKey, refusal *Refusal) {
	found := children(el, nsEnc, "EncryptedData")
	if len(found) != 1 {
		return nil, nil, Refuse(ReasonEncryptionShape)
	}
	data = found[0]
	if _, ok := dataCiphers[methodOf(data)]; !ok {
		return nil, nil, badEncryption(methodOf(data))
	}
	candidates := children(el, nsEnc, "EncryptedKey")
	for _, info := range children(data, nsDsig, "KeyInfo") {
		candidates = append(candidates, children(info, nsEnc, "EncryptedKey")...)
	}
	for _, candidate := range candidates {
		if to := attr(candidate, "Recipient"); to != "" && to != c.EntityID {
			continue
		}
		key, refusal := readWrappedKey(candidate)
		if refusal != nil {
			return nil, nil, refusal
		}
		keys = append(keys, key)
	}
	if len(keys) == 0 || len(keys) > maxEncryptedKeys {
		return nil, nil, Refuse(ReasonEncryptionShape, Say("encryption_shape.keys", "most", maxEncryptedKeys))
	}
	return data, keys, nil
}

func badEncryption(algorithm string) *Refusal {
	return Refuse(ReasonEncryptionAlgorithm, Say("encryption_algorithm", "algorithm", Clip(algorithm)))
}

// methodOf is the algorithm of EncryptedData or EncryptedKey.
func methodOf(el *etree.Element) string {
	for _, method := range children(el, nsEnc, "EncryptionMethod") {
		return attr(method, "Algorithm")
	}
	return ""
}

// wrappedKey is an EncryptedKey: the key of the data, encrypted for us.
type wrappedKey struct {
	sealed  []byte
	options rsa.OAEPOptions
}

// readWrappedKey reads an EncryptedKey with the digest and the mask that it names.
func readWrappedKey(el *etree.Element) (k wrappedKey, refusal *Refusal) {
	algorithm, digest, mask := methodOf(el), "", ""
	var label []byte
	var err error
	for _, method := range children(el, nsEnc, "EncryptionMethod") {
		for _, e := range children(method, nsDsig, "DigestMethod") {
			digest = attr(e, "Algorithm")
		}
		for _, e := range children(method, nsEnc11, "MGF") {
			mask = attr(e, "Algorithm")
		}
		for _, e := range children(method, nsEnc, "OAEPparams") {
			label, err = decodeBase64(text(e))
		}
	}

	// The older identifier has a fixed mask.
	var ok [2]bool
	k.options.Hash, ok[0] = oaepDigests[digest]
	k.options.MGFHash, ok[1] = oaepMasks[mask]
	k.options.Label = label
	switch {
	case algorithm == nsEnc+"rsa-oaep-mgf1p":
		k.options.MGFHash = crypto.SHA1
	case algorithm != nsEnc11+"rsa-oaep" || !ok[1]:
		return k, badEncryption(algorithm + " " + mask)
	}
	if !ok[0] {
		return k, badEncryption(algorithm + " " + digest)
	}
	if err == nil {
		k.sealed, err = cipherValue(el)
	}
	if err != nil {
		return k, Refuse(ReasonEncryptionShape, Say("encryption_shape.base64"))
	}
	return k, nil
}

func (k wrappedKey) unwrap(own *rsa.PrivateKey) ([]byte, error) {
	return own.Decrypt(nil, k.sealed, &k.options)
}

// cipherValue is the decoded CipherValue of EncryptedData or EncryptedKey. Java writes the ends of its lines as
// references.
func cipherValue(el *etree.Element) ([]byte, error) {
	data := children(el, nsEnc, "CipherData")
	if len(data) == 0 {
		return nil, errNoCipherValue
	}
	values := children(data[0], nsEnc, "CipherValue")
	if len(values) == 0 {
		return nil, errNoCipherValue
	}
	s := text(values[0])
	for _, reference := range []string{"&#13;", "&#xD;", "&#xd;", "&#10;", "&#xA;", "&#xa;"} {
		s = strings.ReplaceAll(s, reference, "")
	}
	return decodeBase64(s)
}

var errNoCipherValue = errors.New("no CipherValue")

var errCipher = errors.New("the ciphertext is not one")

// openCBC decrypts in place: an initialization vector, whole blocks, and in the last byte how many of them are padding
// (XML Encryption 1.1 §5.2.2).
func openCBC(block cipher.Block, sealed []byte) ([]byte, error) {
	const size = aes.BlockSize
	if len(sealed) < 2*size || len(sealed)%size != 0 {
		return nil, errCipher
	}
	plain := sealed[size:]
	cipher.NewCBCDecrypter(block, sealed[:size]).CryptBlocks(plain, plain)
	padding := int(plain[len(plain)-1])
	if padding == 0 || padding > size {
		return nil, errCipher
	}
	return plain[:len(plain)-padding], nil
}

// openGCM decrypts: a nonce of 12 bytes, the text, a tag of 16 (§5.2.4).
func openGCM(block cipher.Block, sealed []byte) ([]byte, error) {
	aead, err := cipher.NewGCM(block)
	if err != nil {
		return nil, err
	}
	if len(sealed) < aead.NonceSize()+aead.Overhead() {
		return nil, errCipher
	}
	nonce, text := sealed[:aead.NonceSize()], sealed[aead.NonceSize():]
	return aead.Open(text[:0], nonce, text, nil)
}
