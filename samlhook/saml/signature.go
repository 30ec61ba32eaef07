package saml

import (
	"bytes"
	"crypto/sha256"
	"crypto/x509"
	"encoding/asn1"
	"encoding/hex"
	"math/big"
	"slices"
	"strings"
	"time"

	"github.com/beevik/etree"
)

// maxSignatureBytes bounds a Signature element, which is judged before anything is known of its maker. With a chain of
// certificates it has about 8 KB.
const maxSignatureBytes = 64 << 10

// signer is who made a signature, and how.
type signer struct {
	certificate *x509.Certificate
	algorithm   string // identifier of the SignatureMethod
	sha1        bool   // in the signature or the digest
	id          string // of what it signs
}

// authenticate judges a Signature element apart from what it signs: its shape, its algorithms, that its one Reference
// points at its own parent, and that a certificate of the connection made it. It reads no more of the message than the
// start tags above the Signature, so that a large message with a signature that is not genuine costs no more than a
// small one. The digest is for verify.
func (c *Connection) authenticate(o *outline, s signatureSpan, now time.Time) (signer, *Refusal) {
	if s.to-s.from > maxSignatureBytes {
		return signer{}, Refuse(ReasonSignatureShape, Say("signature_shape.large", "limit", maxSignatureBytes))
	}
	skeleton := slices.Clone(o.message[o.response.from:o.response.to])
	ends := 1
	if s.parent == "Assertion" {
		skeleton, ends = append(skeleton, o.message[o.assertion.from:o.assertion.to]...), 2
	}
	skeleton = append(skeleton, o.message[s.from:s.to]...)
	root, err := parseOpen(skeleton, ends)
	if err != nil {
		return signer{}, Refuse(ReasonMalformed, Say("malformed_xml.signature"))
	}
	parent := root
	if ends == 2 {
		parent = root.ChildElements()[0]
	}
	return c.signerOf(parent.ChildElements()[0], attr(parent, "ID"), now)
}

// parseOpen parses XML whose outermost elements have no end tags.
func parseOpen(xml []byte, open int) (*etree.Element, error) {
	doc := etree.NewDocument()
	names := make([]string, 0, open)
	rest := xml
	for range open {
		tag := rest[1:]
		names = append(names, string(tag[:bytes.IndexAny(tag, " \t\r\n>/")]))
		if i := bytes.IndexByte(tag, '<'); i >= 0 {
			rest = tag[i:]
		}
	}
	for _, name := range slices.Backward(names) {
		xml = append(xml, "</"+name+">"...)
	}
	if err := doc.ReadFromBytes(xml); err != nil {
		return nil, err
	}
	if doc.Root() == nil {
		return nil, etree.ErrXML
	}
	return doc.Root(), nil
}

// signerOf is authenticate for a Signature element that stands under its ancestors' start tags; id is the ID of its
// parent.
func (c *Connection) signerOf(sig *etree.Element, id string, now time.Time) (signer, *Refusal) {
	parts := dsigChildren(sig)
	if len(parts) < 2 || len(parts) > 3 || parts[0].Tag != "SignedInfo" || parts[1].Tag != "SignatureValue" ||
		(len(parts) == 3 && parts[2].Tag != "KeyInfo") {
		return signer{}, Refuse(ReasonSignatureShape)
	}
	made, refusal := c.judgeSignedInfo(parts[0], id)
	if refusal != nil {
		return signer{}, refusal
	}
	value, refusal := signatureValue(parts[1], made.algorithm)
	if refusal != nil {
		return signer{}, refusal
	}
	canonical, err := canonicalSignedInfo(sig, parts[0])
	if err != nil {
		return signer{}, Refuse(ReasonSignatureShape, Say("signature_shape.canonical"))
	}

	// KeyInfo is not trusted: every certificate of the connection is tried.
	weak := false
	for _, cert := range c.Certificates {
		if cert.CheckSignature(signatureMethods[made.algorithm], canonical, value) != nil {
			continue
		}
		if UsableKey(cert) != nil {
			weak = true
			continue
		}
		made.certificate, made.id = cert, id
		return made, c.checkValidity(cert, now)
	}
	if weak {
		return signer{}, Refuse(ReasonWeakAlgorithm, Say("weak_algorithm.key", "bits", minRSABits))
	}
	return signer{}, c.notOurs(parts)
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
func (c *Connection) notOurs(parts []*etree.Element) *Refusal {
	if len(parts) < 3 {
		return Refuse(ReasonSignatureInvalid)
	}
	for _, el := range parts[2].FindElements(".//X509Certificate") {
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
func signatureValue(el *etree.Element, algorithm string) ([]byte, *Refusal) {
	empty := Refuse(ReasonSignatureEmpty)
	value, err := decodeBase64(text(el))
	if err != nil || len(value) == 0 || len(el.ChildElements()) > 0 {
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
