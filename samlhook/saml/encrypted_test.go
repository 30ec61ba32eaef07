package saml

import (
	"bytes"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"os"
	"strings"
	"testing"
	"time"

	"rollcall/samlhook/saml/samltest"
)

type encryption = samltest.Encryption

var encrypt = samltest.Encrypt

// encryptedConnection asks for encryption and has two keys.
func encryptedConnection() *Connection {
	c := testConnection()
	c.WantEncrypted = true
	c.DecryptionKeys = []*rsa.PrivateKey{keys().SP.Key.(*rsa.PrivateKey), keys().Second.Key.(*rsa.PrivateKey)}
	return c
}

func heldCBC(c *Connection) { c.TryCBC = func([]byte) bool { return false } }

// encryptedCase is an encrypted message, and what becomes of it.
type encryptedCase struct {
	name       string
	encryption encryption
	message    func(t testing.TB, e encryption) string // default: the assertion signed, then encrypted
	connection func(*Connection)
	want       Reason // empty: accepted
	notPeer    bool   // the peer does not know the algorithm
}

// innerSigned is signed inside.
func innerSigned(t testing.TB, e encryption) string { return encrypt(t, signed(t, nil), e) }

// outerSigned is signed outside only.
func outerSigned(t testing.TB, e encryption) string {
	return sign(t, encrypt(t, newParts().Response(), e), "Response", signing{})
}

func encryptedCases() []encryptedCase {
	const sha256, sha512 = nsEnc + "sha256", nsEnc + "sha512"
	var cases []encryptedCase
	for _, data := range []string{nsEnc + "aes128-cbc", nsEnc + "aes192-cbc", nsEnc + "aes256-cbc",
		nsEnc11 + "aes128-gcm", nsEnc11 + "aes192-gcm", nsEnc11 + "aes256-gcm"} {
		cases = append(cases, encryptedCase{name: data[strings.Index(data, "#")+1:], encryption: encryption{Data: data}})
	}
	edit := func(old, with string) func(string) string {
		return func(s string) string { return strings.ReplaceAll(s, old, with) }
	}
	plain := func(f func(string) string) encryption { return encryption{Plain: f} }
	cbc := func(f func([]byte) []byte) encryption { return encryption{Data: samltest.AES128CBC, Cipher: f} }
	return append(cases, []encryptedCase{
		// Accepted: the key as XML Encryption 1.1 allows it.
		{name: "OAEP mgf1p with SHA-1 named", encryption: encryption{Digest: digestSHA1}},
		{name: "OAEP mgf1p with SHA-256", encryption: encryption{Digest: sha256}, notPeer: true},
		{name: "OAEP 1.1 by its defaults", encryption: encryption{Key: samltest.OAEP}, notPeer: true},
		{name: "OAEP 1.1 with SHA-256 twice", notPeer: true,
			encryption: encryption{Key: samltest.OAEP, Digest: sha256, Mask: nsEnc11 + "mgf1sha256"}},
		{name: "OAEP 1.1 with SHA-512 and a mask of SHA-1", notPeer: true,
			encryption: encryption{Key: samltest.OAEP, Digest: sha512, Mask: nsEnc11 + "mgf1sha1"}},
		{name: "OAEP 1.1 with SHA-384 and a mask of SHA-224", notPeer: true, encryption: encryption{Key: samltest.OAEP,
			Digest: "http://www.w3.org/2001/04/xmldsig-more#sha384", Mask: nsEnc11 + "mgf1sha224"}},
		{name: "OAEP with a label", encryption: encryption{Label: "label"}, notPeer: true},
		{name: "the key beside the data", encryption: encryption{Beside: true}, notPeer: true},
		{name: "for our second key", encryption: encryption{To: keys().Second}, notPeer: true},
		{name: "for us by name", encryption: encryption{Recipient: samltest.EntityID}},
		{name: "for two recipients", encryption: encryption{Twice: true, Recipient: samltest.EntityID}, notPeer: true},
		{name: "base64 with references to line ends", notPeer: true,
			encryption: encryption{Edit: edit("</xenc:CipherValue>", "&#13;\r\n</xenc:CipherValue>")}},
		{name: "Response signed", message: outerSigned},
		{name: "both signed", message: func(t testing.TB, e encryption) string {
			return sign(t, innerSigned(t, e), "Response", signing{})
		}},
		{name: "white space around the assertion", encryption: plain(func(s string) string { return "\n " + s + "\n" })},
		{name: "CBC while its key is held, Response signed", message: outerSigned,
			encryption: encryption{Data: samltest.AES128CBC}, connection: heldCBC},
		{name: "GCM while keys of CBC are held", connection: heldCBC},

		// Refused before any key of ours is used: the connection has none here.
		{name: "3DES", encryption: encryption{Edit: edit(samltest.AES128GCM, nsEnc+"tripledes-cbc")},
			connection: noKeys, want: ReasonEncryptionAlgorithm},
		{name: "RSA 1.5", encryption: encryption{Key: nsEnc + "rsa-1_5"}, connection: noKeys,
			want: ReasonEncryptionAlgorithm},
		{name: "an unknown digest", encryption: encryption{Digest: "http://www.w3.org/2001/04/xmldsig-more#md5"},
			connection: noKeys, want: ReasonEncryptionAlgorithm},
		{name: "an unknown mask", encryption: encryption{Key: samltest.OAEP, Mask: nsEnc11 + "mgf1md5"},
			connection: noKeys, want: ReasonEncryptionAlgorithm},
		{name: "no EncryptedKey", encryption: encryption{Edit: func(s string) string {
			return cut(s, "<ds:KeyInfo", "</ds:KeyInfo>")
		}}, connection: noKeys, want: ReasonEncryptionShape},
		{name: "for somebody else", encryption: encryption{Recipient: "https://other.example.com"}, connection: noKeys,
			want: ReasonEncryptionShape},
		{name: "three keys", encryption: encryption{Edit: func(s string) string {
			key := s[strings.Index(s, "<xenc:EncryptedKey"):strings.Index(s, "</ds:KeyInfo>")]
			return strings.Replace(s, key, key+key+key, 1)
		}}, connection: noKeys, want: ReasonEncryptionShape},
		{name: "two EncryptedData", encryption: encryption{Edit: func(s string) string {
			data := s[strings.Index(s, "<xenc:EncryptedData"):strings.Index(s, "</saml:EncryptedAssertion>")]
			return strings.Replace(s, data, data+data, 1)
		}}, connection: noKeys, want: ReasonEncryptionShape},
		{name: "an empty EncryptedAssertion", connection: noKeys, want: ReasonEncryptionShape,
			encryption: encryption{Edit: func(string) string { return "<saml:EncryptedAssertion/>" }}},
		{name: "a CipherValue in another", encryption: encryption{Edit: edit("</xenc:CipherValue>",
			"<xenc:CipherValue>AA</xenc:CipherValue></xenc:CipherValue>")}, connection: noKeys, want: ReasonEncryptionShape},
		{name: "nine CipherValues", encryption: encryption{Edit: edit("</saml:EncryptedAssertion>",
			strings.Repeat("<x:CipherValue xmlns:x='urn:x'/>", 9)+"</saml:EncryptedAssertion>")}, connection: noKeys,
			want: ReasonEncryptionShape},
		{name: "a key that is not base64", connection: noKeys, want: ReasonEncryptionShape,
			encryption: encryption{Edit: func(s string) string {
				return strings.Replace(s, "<xenc:CipherValue>", "<xenc:CipherValue>%", 1)
			}}},
		{name: "a megabyte around it", connection: noKeys, want: ReasonEncryptionShape,
			encryption: encryption{Edit: edit("<xenc:EncryptedData ",
				`<xenc:EncryptedData MimeType="`+strings.Repeat("x", 1<<20)+`" `)}},
		{name: "two EncryptedAssertions", connection: noKeys, want: ReasonSeveral,
			encryption: encryption{Edit: func(s string) string { return s + s }}},
		{name: "the Response changed after it was signed", connection: noKeys, want: ReasonContentChanged,
			message: func(t testing.TB, e encryption) string {
				return replace(t, outerSigned(t, e), "status:Success", "status:success")
			}},
		{name: "the Response signed by somebody else", connection: noKeys, want: ReasonSignatureInvalid,
			message: func(t testing.TB, e encryption) string {
				return sign(t, encrypt(t, newParts().Response(), e), "Response", signing{By: keys().Attacker})
			}},
		{name: "CBC while its key is held", encryption: encryption{Data: samltest.AES128CBC}, connection: heldCBC,
			want: ReasonDecryptionHeld},
		{name: "not asked for", connection: func(c *Connection) { c.WantEncrypted = false }, want: ReasonEncrypted},

		// Refused with the one answer of every decryption that fails.
		{name: "for another key", encryption: encryption{To: keys().IdP}, want: ReasonDecryption},
		{name: "no key of ours", connection: noKeys, want: ReasonDecryption},
		{name: "the key changed", want: ReasonDecryption, encryption: encryption{Wrapped: flip}},
		{name: "the key too short", want: ReasonDecryption,
			encryption: encryption{Wrapped: func(b []byte) []byte { return b[:100] }}},
		{name: "an empty key", want: ReasonDecryption, encryption: encryption{Wrapped: func([]byte) []byte { return nil }}},
		{name: "a key of another length", want: ReasonDecryption,
			encryption: encryption{Edit: edit(samltest.AES128GCM, samltest.AES256GCM)}},
		{name: "GCM changed", want: ReasonDecryption, encryption: encryption{Cipher: flip}},
		{name: "GCM without a nonce", want: ReasonDecryption,
			encryption: encryption{Cipher: func([]byte) []byte { return []byte("abc") }}},
		{name: "GCM of nothing", want: ReasonDecryption, encryption: encryption{Cipher: func([]byte) []byte { return nil }}},
		{name: "CBC changed at the end", want: ReasonDecryption, encryption: cbc(flip)},
		{name: "CBC with half a block", want: ReasonDecryption, encryption: cbc(func(b []byte) []byte {
			return b[:len(b)-8]
		})},
		{name: "CBC of one block", want: ReasonDecryption, encryption: cbc(func(b []byte) []byte { return b[:16] })},
		{name: "CBC changed at the beginning", want: ReasonDecryption, encryption: cbc(func(b []byte) []byte {
			b[0] ^= 1 // of "<"
			return b
		})},
		{name: "data that is not base64", want: ReasonDecryption, encryption: encryption{Beside: true,
			Edit: func(s string) string { return strings.Replace(s, "<xenc:CipherValue>", "<xenc:CipherValue>%", 1) }}},
		{name: "not XML inside", want: ReasonDecryption, encryption: plain(func(string) string { return "hello" })},
		{name: "nothing inside", want: ReasonDecryption, encryption: plain(func(string) string { return "" })},
		{name: "two assertions inside", want: ReasonDecryption, encryption: plain(func(s string) string {
			return s + strings.ReplaceAll(s, "_assert1", "_assert2")
		})},
		{name: "an element beside the assertion", want: ReasonDecryption, encryption: plain(func(s string) string {
			return s + "<samlp:Extensions/>"
		})},
		{name: "text beside the assertion", want: ReasonDecryption,
			encryption: plain(func(s string) string { return s + "x" })},
		{name: "an end tag too many inside", want: ReasonDecryption, encryption: plain(func(s string) string {
			return s + "</samlp:Response>"
		})},
		{name: "encrypted twice", want: ReasonDecryption, encryption: plain(func(s string) string {
			return innermost(s)
		})},
		{name: "another element inside", want: ReasonDecryption,
			encryption: plain(func(string) string { return "<samlp:Status/>" })},
		{name: "the ID of the Response inside", want: ReasonDecryption, encryption: plain(edit("_assert1", "_resp1"))},
		{name: "a comment inside", want: ReasonDecryption, encryption: plain(edit("alice@", "<!---->alice@"))},
		{name: "a document type inside", want: ReasonDecryption,
			encryption: plain(func(s string) string { return "<!DOCTYPE x>" + s })},

		// Refused for what is inside.
		{name: "signed nowhere", want: ReasonUnsigned, message: func(t testing.TB, e encryption) string {
			return encrypt(t, newParts().Response(), e)
		}},
		{name: "signed by somebody else", want: ReasonSignatureInvalid, message: func(t testing.TB, e encryption) string {
			return encrypt(t, sign(t, newParts().Response(), "Assertion", signing{By: keys().Attacker}), e)
		}},
		{name: "signed by somebody else in a signed Response", want: ReasonSignatureInvalid,
			message: func(t testing.TB, e encryption) string {
				m := sign(t, newParts().Response(), "Assertion", signing{By: keys().Attacker})
				return sign(t, encrypt(t, m, e), "Response", signing{})
			}},
		{name: "changed after it was signed", want: ReasonContentChanged,
			encryption: plain(edit("alice@example.com", "admin@example.com"))},
		{name: "expired inside", want: ReasonExpired, message: func(t testing.TB, e encryption) string {
			return encrypt(t, signed(t, func(p *parts) {
				p.Conditions = replace(t, p.Conditions, at(10*time.Minute), at(-2*time.Minute))
			}), e)
		}},
		{name: "not encrypted", want: ReasonNotEncrypted,
			message: func(t testing.TB, _ encryption) string { return signed(t, nil) }},
	}...)
}

func noKeys(c *Connection) { c.DecryptionKeys = nil }

// flip changes the last byte.
func flip(b []byte) []byte {
	b[len(b)-1] ^= 0x55
	return b
}

// cut takes out what begins with from and ends with to.
func cut(s, from, to string) string {
	i := strings.Index(s, from)
	return s[:i] + s[i+strings.Index(s[i:], to)+len(to):]
}

// innermost is an EncryptedAssertion of nothing, where an assertion was.
func innermost(string) string { return "<saml:EncryptedAssertion></saml:EncryptedAssertion>" }

func (c encryptedCase) build(t testing.TB) string {
	if c.message == nil {
		return innerSigned(t, c.encryption)
	}
	return c.message(t, c.encryption)
}

func TestEncrypted(t *testing.T) {
	for _, c := range encryptedCases() {
		t.Run(c.name, func(t *testing.T) {
			connection := encryptedConnection()
			if c.connection != nil {
				c.connection(connection)
			}
			r, refusal := connection.Verify([]byte(c.build(t)), testNow)
			if c.want != "" {
				wantReason(t, refusal, c.want)
				if c.want == ReasonDecryption && (refusal != errUndecryptable || len(r.Checks) > 0 || r.Assertion != nil) {
					t.Errorf("this failure differs from others: %v, %+v", refusal, r)
				}
				return
			}
			if refusal != nil {
				t.Fatal(refusal)
			}
			if !r.Verified || !r.Encrypted || r.Assertion.NameID != "alice@example.com" || len(r.Assertion.Attributes) == 0 {
				t.Errorf("read %+v", r.Assertion)
			}
		})
	}
}

// TestPeerDecrypts: our fixtures are not encrypted only by our own rules.
func TestPeerDecrypts(t *testing.T) {
	key := writeFile(t, "key.pem", pemOf(t, keys().SP.Key))
	for _, c := range encryptedCases() {
		if c.want != "" || c.notPeer {
			continue
		}
		t.Run(c.name, func(t *testing.T) {
			message := writeFile(t, "message.xml", []byte(c.build(t)))
			out, err := xmlsec(t, "--decrypt", "--privkey-pem", key, message)
			if err != nil || !strings.Contains(out, "alice@example.com") {
				t.Errorf("xmlsec1 cannot decrypt it: %v\n%s", err, out)
			}
		})
	}
}

// TestDecryptWhatPeerEncrypted encrypts with xmlsec1.
func TestDecryptWhatPeerEncrypted(t *testing.T) {
	cert := writeFile(t, "cert.pem", keys().SP.PEM())
	for _, c := range []struct{ data, session string }{
		{"http://www.w3.org/2001/04/xmlenc#aes128-cbc", "aes-128"},
		{"http://www.w3.org/2001/04/xmlenc#aes192-cbc", "aes-192"},
		{"http://www.w3.org/2001/04/xmlenc#aes256-cbc", "aes-256"},
		{"http://www.w3.org/2009/xmlenc11#aes128-gcm", "aes-128"},
		{"http://www.w3.org/2009/xmlenc11#aes192-gcm", "aes-192"},
		{"http://www.w3.org/2009/xmlenc11#aes256-gcm", "aes-256"},
	} {
		t.Run(c.data, func(t *testing.T) {
			template := writeFile(t, "template.xml", []byte(`<xenc:EncryptedData xmlns:xenc="`+nsEnc+`" Type="`+nsEnc+
				`Element"><xenc:EncryptionMethod Algorithm="`+c.data+`"/><ds:KeyInfo xmlns:ds="`+nsDsig+
				`"><xenc:EncryptedKey><xenc:EncryptionMethod Algorithm="`+samltest.OAEPMGF1P+`"/><ds:KeyInfo><ds:X509Data/>`+
				`</ds:KeyInfo><xenc:CipherData><xenc:CipherValue/></xenc:CipherData></xenc:EncryptedKey></ds:KeyInfo>`+
				`<xenc:CipherData><xenc:CipherValue/></xenc:CipherData></xenc:EncryptedData>`))
			// It encrypts an element in its place, where the EncryptedAssertion is around it already.
			m := signed(t, nil)
			m = replace(t, m, "<saml:Assertion ", "<saml:EncryptedAssertion><saml:Assertion ")
			m = replace(t, m, "</saml:Assertion>", "</saml:Assertion></saml:EncryptedAssertion>")
			output := writeFile(t, "encrypted.xml", nil)
			if out, err := xmlsec(t, "--encrypt", "--output", output, "--pubkey-cert-pem", cert, "--session-key", c.session,
				"--xml-data", writeFile(t, "message.xml", []byte(m)), "--node-xpath",
				"//*[local-name()='Assertion']", template); err != nil {
				t.Fatalf("xmlsec1 --encrypt: %v\n%s", err, out)
			}
			encrypted, err := os.ReadFile(output)
			if err != nil {
				t.Fatal(err)
			}
			if bytes.Contains(encrypted, []byte("alice@")) || !bytes.Contains(encrypted, []byte("EncryptedKey")) {
				t.Fatalf("not encrypted: %s", encrypted)
			}
			r, refusal := encryptedConnection().Verify(encrypted, testNow)
			if refusal != nil || r.Assertion.NameID != "alice@example.com" {
				t.Errorf("refused what xmlsec1 encrypted: %v\n%s", refusal, encrypted)
			}
		})
	}
}

// pemOf is a private key in PEM.
func pemOf(t *testing.T, key any) []byte {
	t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})
}

// TestEncryptedSPMetadata: both keys are published, and for encryption only where it is asked for.
func TestEncryptedSPMetadata(t *testing.T) {
	c := requestConnection()
	c.NextCertificate = keys().Second.Cert
	for _, wanted := range []bool{false, true} {
		c.WantEncrypted = wanted
		out, err := c.SPMetadata()
		if err != nil {
			t.Fatal(err)
		}
		counts := map[string]int{`use="signing"`: 2, `use="encryption"`: 0, samltest.AES256GCM: 0}
		if wanted {
			counts[`use="encryption"`], counts[samltest.AES256GCM] = 2, 2
		}
		for text, want := range counts {
			if n := strings.Count(string(out), text); n != want {
				t.Errorf("wantEncrypted %t: %d times %s, want %d\n%s", wanted, n, text, want, out)
			}
		}
	}
}

// FuzzDecrypt: never a panic, and nobody who was not signed for, whatever is encrypted for us.
func FuzzDecrypt(f *testing.F) {
	for _, c := range encryptedCases() {
		if m := c.build(f); len(m) < 20_000 {
			f.Add([]byte(m), false)
		}
	}
	f.Add([]byte("<saml:Assertion/>"), true)
	f.Add([]byte(newParts().Assertion()), true)
	connection := encryptedConnection()
	f.Fuzz(func(t *testing.T, data []byte, inside bool) {
		message := data
		if inside { // whatever the fuzzer makes, encrypted well
			message = []byte(encrypt(t, newParts().Response(), encryption{Plain: func(string) string { return string(data) }}))
		}
		r, refusal := connection.Verify(message, testNow)
		if refusal == nil && r.Assertion.NameID != "alice@example.com" {
			t.Fatalf("accepted %q, whom nobody signed", r.Assertion.NameID)
		}
		if r.Assertion != nil && !r.Verified {
			t.Fatal("an assertion without a signature")
		}
	})
}
