package saml

import (
	"bytes"
	"cmp"
	"crypto"
	"crypto/sha256"
	"crypto/x509"
	"encoding/asn1"
	"encoding/hex"
	"math/big"
	"slices"
	"strings"
	"time"
)

// maxSignatureBytes bounds a Signature element, which is judged before anything is known of its maker. With a chain of
// certificates it has about 8 KB.
const maxSignatureBytes = 32 << 10

// signer is who made a signature, and how.
type signer struct {
	certificate *x509.Certificate
	algorithm   string // identifier of the SignatureMethod
	sha1        bool   // in the signature or the digest
	id          string // of what it signs

	// What the signature covers must have this digest in the canonical form in which these prefixes are inclusive.
	hash     crypto.Hash
	digest   []byte
	prefixes []string
}

// authenticate judges a Signature element apart from what it signs: its shape, its algorithms, that its one Reference
// points at its own parent, and that a certificate of the connection made it. It reads no more of the message than the
// Signature and its parent's start tag, so that a large message with a signature that is not genuine costs no more than
// a small one. The digest is for verify.
func (c *Connection) authenticate(o *outline, s signatureSpan, now time.Time) (signer, *Refusal) {
	if s.to-s.from > maxSignatureBytes {
		return signer{}, Refuse(ReasonSignatureShape, Say("signature_shape.large", "limit", maxSignatureBytes))
	}
	sig, refusal := o.element(s.from, s.scope, span{})
	if refusal != nil {
		return signer{}, refusal
	}
	parts := dsigChildren(sig)
	if len(parts) < 2 || len(parts) > 3 || parts[0].local != "SignedInfo" || parts[1].local != "SignatureValue" ||
		(len(parts) == 3 && parts[2].local != "KeyInfo") {
		return signer{}, Refuse(ReasonSignatureShape)
	}

	// SignedInfo is judged as it was signed.
	canonical, refusal := o.signedInfo(s, parts[0])
	if refusal != nil {
		return signer{}, refusal
	}
	info, refusal := parse(canonical)
	if refusal != nil {
		return signer{}, refusal
	}
	made, refusal := c.judgeSignedInfo(info, o.parentID(s))
	if refusal != nil {
		return signer{}, refusal
	}
	value, refusal := signatureValue(parts[1], made.algorithm)
	if refusal != nil {
		return signer{}, refusal
	}
	return c.whoSigned(made, canonical, value, parts[2:], now)
}

// parentID is the ID of the element that holds a Signature; empty if it has none.
func (o *outline) parentID(s signatureSpan) string {
	t := tokens{in: o.message, pos: o.response.from}
	if s.parent == "Assertion" {
		t.pos = o.assertion.from
	}
	if _, err := t.next(); err != nil {
		return ""
	}
	for _, a := range t.attrs {
		if a.name.whole == "ID" {
			return a.value // the scan allows no references in it
		}
	}
	return ""
}

// whoSigned tries every certificate of the connection: KeyInfo is not trusted.
func (c *Connection) whoSigned(made signer, canonical, value []byte, keyInfo []*element, now time.Time) (signer,
	*Refusal) {
	weak := false
	var expired *Refusal // another certificate may have the same key
	for _, cert := range c.Certificates {
		if cert.CheckSignature(signatureMethods[made.algorithm], canonical, value) != nil {
			continue
		}
		if UsableKey(cert) != nil {
			weak = true
			continue
		}
		made.certificate = cert
		refusal := c.checkValidity(cert, now)
		if refusal == nil {
			return made, nil
		}
		expired = cmp.Or(expired, refusal)
	}
	if expired != nil {
		return made, expired
	}
	if weak {
		return signer{}, Refuse(ReasonWeakAlgorithm, Say("weak_algorithm.key", "bits", minRSABits))
	}
	return signer{}, c.notOurs(keyInfo)
}

// checkValidity checks that a certificate that signed is valid now.
func (c *Connection) checkValidity(cert *x509.Certificate, now time.Time) *Refusal {
	if !now.Before(cert.NotBefore.Add(-c.skew())) && !now.After(cert.NotAfter.Add(c.skew())) {
		return nil
	}
	return Refuse(ReasonCertificateExpired, Say("certificate_expired", "fingerprint", Fingerprint(cert),
		"from", stamp(cert.NotBefore), "to", stamp(cert.NotAfter)))
}

// notOurs is the refusal of a signature that no certificate verifies. It looks into KeyInfo, which is never trusted,
// only to give the better hint.
func (c *Connection) notOurs(keyInfo []*element) *Refusal {
	if len(keyInfo) == 0 {
		return Refuse(ReasonSignatureInvalid)
	}
	for _, el := range descendants(keyInfo[0], "X509Certificate") {
		der, err := decodeBase64(text(el))
		if err != nil {
			continue
		}
		if slices.ContainsFunc(c.Certificates,
			func(known *x509.Certificate) bool { return bytes.Equal(known.Raw, der) }) {
			return Refuse(ReasonSignatureInvalid, Say("signature_invalid.named"))
		}
		sum := sha256.Sum256(der)
		return Refuse(ReasonUnknownCertificate, Say("unknown_certificate", "fingerprint", hex.EncodeToString(sum[:])))
	}
	return Refuse(ReasonSignatureInvalid)
}

// signatureValue decodes a SignatureValue into what crypto/x509 verifies. XML Signature writes ECDSA's two numbers side
// by side (RFC 4050 §3.3); crypto/x509 wants them in ASN.1.
func signatureValue(el *element, algorithm string) ([]byte, *Refusal) {
	empty := Refuse(ReasonSignatureEmpty)
	value, err := decodeBase64(text(el))
	if err != nil || len(value) == 0 || len(el.children) > 0 {
		return nil, empty
	}
	if !strings.Contains(algorithm, "#ecdsa-") || len(value)%2 != 0 || len(value) > 132 {
		return value, nil
	}
	r, s := new(big.Int).SetBytes(value[:len(value)/2]), new(big.Int).SetBytes(value[len(value)/2:])
	if value, err = asn1.Marshal(struct{ R, S *big.Int }{r, s}); err != nil {
		return nil, empty
	}
	return value, nil
}
