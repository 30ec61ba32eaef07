package samltest

import (
	"crypto"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"strings"
	"testing"
)

// Algorithms of XML Encryption that tests name.
const (
	AES128CBC = nsEnc + "aes128-cbc"
	AES128GCM = nsEnc11 + "aes128-gcm"
	AES256GCM = nsEnc11 + "aes256-gcm"
	OAEPMGF1P = nsEnc + "rsa-oaep-mgf1p"
	OAEP      = nsEnc11 + "rsa-oaep"

	nsEnc   = "http://www.w3.org/2001/04/xmlenc#"
	nsEnc11 = "http://www.w3.org/2009/xmlenc11#"
)

// Encryption says how to encrypt; the zero value is what a good identity provider does.
type Encryption struct {
	To           Party  // default: SP
	Data         string // algorithm of the assertion; default: AES128GCM
	Key          string // algorithm of its key; default: OAEPMGF1P
	Digest, Mask string // of OAEP; default: SHA-1, unnamed
	Label        string // OAEPparams
	Beside       bool   // the EncryptedKey stands beside the EncryptedData
	Recipient    string
	Twice        bool // the key is encrypted for somebody else first

	Plain   func(string) string // changes the assertion before it is encrypted
	Cipher  func([]byte) []byte // changes the encrypted assertion
	Wrapped func([]byte) []byte // changes the encrypted key
	Edit    func(string) string // changes the EncryptedAssertion
}

// Encrypt puts an EncryptedAssertion in the place of the assertion of a message.
func Encrypt(t testing.TB, message string, e Encryption) string {
	t.Helper()
	setDefault := func(field *string, value string) {
		if *field == "" {
			*field = value
		}
	}
	setDefault(&e.Data, AES128GCM)
	setDefault(&e.Key, OAEPMGF1P)
	if e.To.Key == nil {
		e.To = Keys().SP
	}
	from := strings.Index(message, "<saml:Assertion")
	if from < 0 {
		from = strings.Index(message, "<Assertion")
	}
	tail := message[from:]
	end := "</saml:Assertion>"
	if !strings.Contains(tail, end) {
		end = "</Assertion>"
	}
	to := from + strings.LastIndex(tail, end) + len(end)
	plain := message[from:to]
	if e.Plain != nil {
		plain = e.Plain(plain)
	}

	// The data, then its key.
	secret := make([]byte, map[string]int{"128": 16, "192": 24, "256": 32}[digits(e.Data)])
	rand.Read(secret)
	sealed := change(seal(t, e.Data, secret, []byte(plain)), e.Cipher)
	keys := ""
	if e.Twice {
		keys = e.encryptedKey(t, Keys().Attacker, make([]byte, len(secret)), "https://other.example.com")
	}
	keys += e.encryptedKey(t, e.To, secret, e.Recipient)
	info := `<ds:KeyInfo xmlns:ds="http://www.w3.org/2000/09/xmldsig#">` + keys + `</ds:KeyInfo>`
	beside := ""
	if e.Beside {
		info, beside = "", keys
	}
	out := `<saml:EncryptedAssertion><xenc:EncryptedData xmlns:xenc="` + nsEnc + `" Type="` + nsEnc + `Element">` +
		`<xenc:EncryptionMethod Algorithm="` + e.Data + `"/>` + info + cipherData(sealed) + `</xenc:EncryptedData>` +
		beside + `</saml:EncryptedAssertion>`
	if e.Edit != nil {
		out = e.Edit(out)
	}
	return message[:from] + out + message[to:]
}

func digits(algorithm string) string {
	for _, n := range []string{"128", "192", "256"} {
		if strings.Contains(algorithm, "aes"+n) {
			return n
		}
	}
	return "128"
}

func change(b []byte, f func([]byte) []byte) []byte {
	if f == nil {
		return b
	}
	return f(b)
}

func cipherData(sealed []byte) string {
	return `<xenc:CipherData><xenc:CipherValue>` + base64.StdEncoding.EncodeToString(sealed) +
		`</xenc:CipherValue></xenc:CipherData>`
}

func seal(t testing.TB, algorithm string, secret, plain []byte) []byte {
	t.Helper()
	block, err := aes.NewCipher(secret)
	if err != nil {
		t.Fatal(err)
	}
	if strings.HasSuffix(algorithm, "-gcm") {
		aead, err := cipher.NewGCM(block)
		if err != nil {
			t.Fatal(err)
		}
		nonce := make([]byte, aead.NonceSize())
		rand.Read(nonce)
		return aead.Seal(nonce, nonce, plain, nil)
	}
	padding := aes.BlockSize - len(plain)%aes.BlockSize
	for i := range padding { // only the last byte says how many there are
		plain = append(plain, byte(i*37))
	}
	plain[len(plain)-1] = byte(padding)
	out := make([]byte, aes.BlockSize+len(plain))
	rand.Read(out[:aes.BlockSize])
	cipher.NewCBCEncrypter(block, out[:aes.BlockSize]).CryptBlocks(out[aes.BlockSize:], plain)
	return out
}

// encryptedKey encrypts a key for a party.
func (e Encryption) encryptedKey(t testing.TB, to Party, secret []byte, recipient string) string {
	t.Helper()
	hashes := map[string]crypto.Hash{"": crypto.SHA1, DigestSHA1: crypto.SHA1, nsEnc + "sha256": crypto.SHA256,
		"http://www.w3.org/2001/04/xmldsig-more#sha384": crypto.SHA384, nsEnc + "sha512": crypto.SHA512,
		nsEnc11 + "mgf1sha1": crypto.SHA1, nsEnc11 + "mgf1sha224": crypto.SHA224, nsEnc11 + "mgf1sha256": crypto.SHA256,
		nsEnc11 + "mgf1sha384": crypto.SHA384, nsEnc11 + "mgf1sha512": crypto.SHA512}
	digest, mask := hashes[e.Digest], hashes[e.Mask]
	if digest == 0 || mask == 0 { // an unknown one, which is refused before it matters
		digest, mask = crypto.SHA1, crypto.SHA1
	}
	public := to.Key.Public().(*rsa.PublicKey)
	wrapped, err := rsa.EncryptOAEPWithOptions(rand.Reader, public, secret,
		&rsa.OAEPOptions{Hash: digest, MGFHash: mask, Label: []byte(e.Label)})
	if err != nil {
		t.Fatal(err)
	}
	method := `<xenc:EncryptionMethod Algorithm="` + e.Key + `">`
	if e.Digest != "" {
		method += `<ds:DigestMethod xmlns:ds="http://www.w3.org/2000/09/xmldsig#" Algorithm="` + e.Digest + `"/>`
	}
	if e.Mask != "" {
		method += `<xenc11:MGF xmlns:xenc11="` + nsEnc11 + `" Algorithm="` + e.Mask + `"/>`
	}
	if e.Label != "" {
		method += `<xenc:OAEPparams>` + base64.StdEncoding.EncodeToString([]byte(e.Label)) + `</xenc:OAEPparams>`
	}
	open := `<xenc:EncryptedKey xmlns:xenc="` + nsEnc + `">`
	if recipient != "" {
		open = `<xenc:EncryptedKey xmlns:xenc="` + nsEnc + `" Recipient="` + recipient + `">`
	}
	return open + method + `</xenc:EncryptionMethod>` + cipherData(change(wrapped, e.Wrapped)) + `</xenc:EncryptedKey>`
}
